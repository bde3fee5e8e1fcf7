"""A SIP2 desk: the port at which an emulated library answers terminals, in the dialect of its maker.

It reads and writes its messages by itself: of the client's code it shares not a line, so that neither can hide the
other's mistakes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from adapters.contract import ItemStatus, Verb
from adapters.emulators.faults import HUNG_SECONDS, Fault, Faults, Wrong
from adapters.emulators.stock import Copy, NoSuchThing, NotPossible, Stock

LARGEST_BYTES = 4096
READ_BYTES = 1024

_CIRCULATION = {
    ItemStatus.AVAILABLE: "03",
    ItemStatus.ON_LOAN: "04",
    ItemStatus.HELD: "08",
    ItemStatus.IN_TRANSIT: "10",
    ItemStatus.ON_ORDER: "02",
    ItemStatus.IN_PROCESS: "06",
    ItemStatus.RECALLED: "07",
    ItemStatus.MISSING: "13",
    ItemStatus.REFERENCE: "03",  # the protocol has no word for it
    ItemStatus.REQUESTABLE: "03",
    ItemStatus.UNKNOWN: "01",
}
_HEADS = {"93": 2, "99": 8, "17": 18, "15": 19, "11": 38, "09": 37, "23": 21, "63": 31, "97": 0}
_BEFORE_DOING = (Wrong.HUNG, Wrong.BROKEN, Wrong.TOO_MANY, Wrong.MALFORMED, Wrong.EXPIRED)
# What a message may serve: 17 answers three verbs of ours, and 63 two.
_VERBS: Mapping[str, tuple[Verb, ...]] = {
    "17": (Verb.AVAILABILITY, Verb.PREPARE, Verb.STATUS),
    "63": (Verb.FIND, Verb.STATUS),
    "15": (Verb.PLACE,),
    "11": (Verb.CHECK_OUT,),
    "09": (Verb.CHECK_IN,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sip2Dialect:
    """How this desk differs from the standard, and from the others.

    `padding`: 98 has blanks instead of flags and numbers, and more of them than it should. `names`: a branch's name
    (by what the stock calls it) in place of its code, and words for media. `short_checksums`: no leading zeros, small
    letters. `piecemeal`: one byte at a time. `joined`: each answer comes twice in one write. `checksums` False:
    none, and none asked for. `line_end` ends messages. `page_items`: so many of a patron's items in one answer.
    """

    padding: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    media_words: bool = False
    short_checksums: bool = False
    piecemeal: bool = False
    joined: bool = False
    checksums: bool = True
    encoding: str = "utf-8"
    line_end: bytes = b"\r"
    page_items: int = 0  # 0: all at once
    days: str = "%Y%m%d    235900"


@dataclass(slots=True)
class _Request:
    code: str
    head: str
    fields: dict[str, str]
    sequence: str


@dataclass(slots=True)
class _Talk:
    """One connection: whether its terminal is logged in, and the last exchange, for when it is asked for again."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    logged_in: bool = False
    asked: bytes = b""
    answered: bytes = b""


class Sip2Desk:
    """Answers terminals over a stock. With a `user`, nobody is answered who has not logged in by 93.

    The protocol has no word for too many: then the desk hangs up, at once on whoever connects, or on whoever is
    connected instead of doing what was asked.
    """

    def __init__(
        self, stock: Stock, faults: Faults, *, user: str = "", password: str = "", dialect: Sip2Dialect | None = None
    ) -> None:
        self.stock = stock
        self.faults = faults
        self.dialect = dialect or Sip2Dialect()
        self.institution = "LEEN"
        self.connected = 0
        self.damage_next = 0  # so many of the next answers come with a character changed
        self.ask_again_next = 0  # so many of the next messages are said to be damaged (96)
        self._user = user
        self._password = password
        self._answers: Mapping[str, Callable[[_Request], str]] = {
            "17": self._item,
            "15": self._hold,
            "11": self._check_out,
            "09": self._check_in,
            "23": self._patron,
            "63": self._patron_items,
        }

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        self.connected += 1
        try:
            if not self._turned_away():
                await self._talk(reader, writer)
        finally:
            self.connected -= 1

    def _turned_away(self) -> bool:
        """Say whether there are too many terminals, for whatever verb that was planned: none is known yet."""
        for fault in self.faults.planned:
            if fault.wrong is Wrong.TOO_MANY and fault.times > 0:
                fault.times -= 1
                return True
        return False

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk, pending = _Talk(reader, writer), b""
        while data := await reader.read(READ_BYTES):
            pending += data
            while (end := pending.find(b"\r")) != -1:
                asked, pending = pending[:end].strip(b"\n"), pending[end + 1 :]
                if asked and not await self._one(asked, talk):
                    return
            if len(pending) > LARGEST_BYTES:
                return

    async def _one(self, asked: bytes, talk: _Talk) -> bool:
        """Answer one message. False: hang up."""
        if self.ask_again_next > 0 or not self._is_whole(asked):
            self.ask_again_next -= self.ask_again_next > 0
            await self._write(talk.writer, self._sealed("96", ""))
            return True
        request = self._parsed(asked)
        if request is None:
            return False
        if request.code == "97" or (request.sequence and asked == talk.asked):
            await self._write(talk.writer, talk.answered)
            return True
        fault = self._fault_of(request)
        if fault is not None and fault.wrong in _BEFORE_DOING:
            return await self._spoil(fault, request, talk)
        if fault is not None and fault.wrong is Wrong.SLOW:
            await asyncio.sleep(fault.seconds)
        said = self._say(request, talk, refuses=fault is not None and fault.wrong is Wrong.REFUSED)
        if fault is not None and fault.wrong is Wrong.UNHEARD:
            await _silence(talk.reader)
            return False
        talk.asked, talk.answered = asked, self._sealed(said, request.sequence)
        if fault is not None and fault.wrong is Wrong.CUT:
            await self._write(talk.writer, talk.answered[: len(talk.answered) // 2])
            return False
        await self._write(talk.writer, talk.answered)
        return request.code != "93" or talk.logged_in

    async def _spoil(self, fault: Fault, request: _Request, talk: _Talk) -> bool:
        """Go wrong before anything was done."""
        match fault.wrong:
            case Wrong.HUNG:
                await _silence(talk.reader)
            case Wrong.MALFORMED:
                await self._write(talk.writer, b"\x00<<{]not what you asked for\r")
                return True
            case Wrong.EXPIRED:
                talk.logged_in = False
                await self._write(talk.writer, self._sealed("940", request.sequence))
        return False

    def _fault_of(self, request: _Request) -> Fault | None:
        served = _VERBS.get(request.code, (None,))
        if request.code == "15" and request.head[:1] == "-":
            served = (Verb.CANCEL,)
        planned = {fault.verb for fault in self.faults.planned if fault.times > 0}
        return self.faults.take(next((verb for verb in served if verb in planned), served[0]))

    def _say(self, request: _Request, talk: _Talk, *, refuses: bool) -> str:
        if request.code == "93":
            right = request.fields.get("CN", "") == self._user and request.fields.get("CO", "") == self._password
            talk.logged_in = right and not refuses
            return "941" if talk.logged_in else "940"
        if self._user and not talk.logged_in:
            return "940"
        if request.code == "99":
            return self._status()
        return self._refusal(request) if refuses else self._answers[request.code](request)

    # --- what it says ------------------------------------------------------------------------------

    def _status(self) -> str:
        if self.dialect.padding:
            head = "YYY" + " " * 9 + self._now() + "2.00" + " " * 5
        else:
            head = "YYYNYN" + "030003" + self._now() + "2.00"
        return f"98{head}AO{self.institution}|AMDe Bibliotheek|BXYYYNYYYYNNYNNYNN|"

    def _item(self, request: _Request) -> str:
        barcode = request.fields.get("AB", "")
        try:
            copy, work = self.stock.copy(barcode), self.stock.work_of(barcode)
        except NoSuchThing:
            return f"18010001{self._now()}AB{barcode}|AJ|AFOnbekend exemplaar|"
        waiting = [hold for hold in self.stock.queue(work.number) if hold.barcode == barcode]
        due = f"AH{copy.due.strftime(self.dialect.days)}|" if copy.due else ""
        medium = "Boek" if self.dialect.media_words else "001"
        return (
            f"18{_CIRCULATION[copy.status]}0001{self._now()}CF{len(waiting)}|{due}AB{barcode}|AJ{_plain(work.title)}|"
            f"AQ{self._branch(copy)}|AP{self._branch(copy)}|CK{medium}|"
        )

    def _hold(self, request: _Request) -> str:
        fields, barcode = request.fields, request.fields.get("AB", "")
        ok, said, queue = "0", "", ""
        try:
            self._check_pin(fields)
            standing = [hold for hold in self.stock.holds_of(fields["AA"]) if hold.barcode == barcode]
            if request.head[:1] == "-":
                ok = "1" if standing and self.stock.cancel_hold(standing[0].number) else "0"
                said = "" if ok == "1" else "Er is geen reservering"
            elif standing:
                said = "Al gereserveerd voor deze lener"
            else:
                work = self.stock.work_of(barcode) if barcode else self.stock.work(fields.get("AJ", ""))
                self.stock.place_hold(
                    work.number, patron=fields["AA"], pickup=fields.get("BS", ""), barcode=barcode or None
                )
                ok, queue = "1", "BR1|"
        except (NoSuchThing, NotPossible) as error:
            said = f"Niet mogelijk: {error}"
        return (
            f"16{ok}{'Y' if ok == '1' else 'N'}{self._now()}{queue}BS{fields.get('BS', '')}|AO{self.institution}|"
            f"AA{fields.get('AA', '')}|AB{barcode}|AF{said}|"
        )

    def _check_out(self, request: _Request) -> str:
        fields, barcode = request.fields, request.fields.get("AB", "")
        tail = f"AO{self.institution}|AA{fields.get('AA', '')}|AB{barcode}|"
        try:
            self._check_pin(fields)
            copy = self.stock.check_out(barcode, patron=fields["AA"])
        except (NoSuchThing, NotPossible) as error:
            return f"120NUN{self._now()}{tail}AJ|AH|AF{error}|"
        due = copy.due.strftime(self.dialect.days) if copy.due else ""
        return f"121NUY{self._now()}{tail}AJ{_plain(self.stock.work_of(barcode).title)}|AH{due}|"

    def _check_in(self, request: _Request) -> str:
        barcode = request.fields.get("AB", "")
        try:
            copy = self.stock.check_in(barcode)
        except NoSuchThing:
            return f"100NUY{self._now()}AO{self.institution}|AB{barcode}|AQ|AFOnbekend exemplaar|"
        title = _plain(self.stock.work_of(barcode).title)
        return f"101YUN{self._now()}AO{self.institution}|AB{barcode}|AQ{self._branch(copy)}|AJ{title}|"

    def _patron(self, request: _Request) -> str:
        return f"24{' ' * 14}005{self._now()}{self._about(request)}"

    def _patron_items(self, request: _Request) -> str:
        patron, summary = request.fields.get("AA", ""), request.head[21:31]
        holds = [hold.barcode or hold.work for hold in self.stock.holds_of(patron)]
        loans = [copy.barcode for copy in self.stock.copies.values() if copy.patron == patron]
        asked, name = {0: (holds, "AS"), 2: (loans, "AU")}.get(summary.find("Y"), ([], ""))
        first, last = (int(request.fields.get(end) or default) for end, default in (("BP", 1), ("BQ", 9999)))
        shown = asked[first - 1 : last]
        if self.dialect.page_items:
            shown = shown[: self.dialect.page_items]
        items = "".join(f"{name}{barcode}|" for barcode in shown)
        counts = f"{len(holds):04}0000{len(loans):04}000000000000"
        return f"64{' ' * 14}005{self._now()}{counts}{self._about(request)}{items}"

    def _about(self, request: _Request) -> str:
        patron, known = request.fields.get("AA", ""), "N"
        try:
            self._check_pin(request.fields)
            known = "Y"
        except NoSuchThing:
            pass
        return f"AO{self.institution}|AA{patron}|AE{patron}|BL{known}|CQ{known}|"

    def _refusal(self, request: _Request) -> str:
        barcode, no = request.fields.get("AB", ""), "AFNiet toegestaan|"
        tail = f"AO{self.institution}|AA{request.fields.get('AA', '')}|AB{barcode}|"
        match request.code:
            case "17":
                return f"18010001{self._now()}AB{barcode}|AJNiet toegestaan|{no}"
            case "15":
                return f"160N{self._now()}{tail}{no}"
            case "11":
                return f"120NUN{self._now()}{tail}AJ|AH|{no}"
            case "09":
                return f"100NUY{self._now()}{tail}AQ|{no}"
            case "23":
                return f"24Y  Y{' ' * 10}005{self._now()}{tail}AE|BLN|{no}"
        return f"64Y  Y{' ' * 10}005{self._now()}{'0' * 24}{tail}AE|BLN|{no}"

    def _check_pin(self, fields: Mapping[str, str]) -> None:
        patron = fields.get("AA", "")
        if self.stock.patrons.get(patron) is None or self.stock.patrons[patron] != fields.get("AD", ""):
            raise NoSuchThing("lener of pincode")

    def _branch(self, copy: Copy) -> str:
        return _plain(self.dialect.names.get(copy.branch, copy.branch))

    def _now(self) -> str:
        return self.stock.clock().strftime("%Y%m%d    %H%M%S")

    # --- how it says it ------------------------------------------------------------------------------

    def _parsed(self, asked: bytes) -> _Request | None:
        text = asked.decode(self.dialect.encoding, "replace")
        code, sequence = text[:2], ""
        if code not in _HEADS:
            return None
        body = text[2 + _HEADS[code] :]
        at = body.rfind("AY")
        if at != -1 and body[at + 3 : at + 5] == "AZ":
            body, sequence = body[:at], body[at + 2]
        parts: Sequence[str] = body.split("|")
        return _Request(code, text[2 : 2 + _HEADS[code]], {part[:2]: part[2:] for part in parts if part}, sequence)

    def _is_whole(self, asked: bytes) -> bool:
        at = asked.rfind(b"AZ")
        if not self.dialect.checksums or at == -1 or len(asked) - at != 6:
            return True
        try:
            return (sum(asked[: at + 2]) + int(asked[at + 2 :], 16)) % 65536 == 0
        except ValueError:
            return False

    def _sealed(self, said: str, sequence: str) -> bytes:
        message = said.encode(self.dialect.encoding, "replace")
        if self.dialect.checksums:
            message += (f"AY{sequence}AZ" if sequence else "AZ").encode()
            number = (65536 - sum(message) % 65536) % 65536
            message += (f"{number:x}" if self.dialect.short_checksums else f"{number:04X}").encode()
        return message + self.dialect.line_end

    async def _write(self, writer: asyncio.StreamWriter, message: bytes) -> None:
        if self.damage_next > 0 and len(message) > 4:
            self.damage_next -= 1
            message = message[:2] + bytes([message[2] ^ 1]) + message[3:]
        if self.dialect.joined:
            message += message
        step = 1 if self.dialect.piecemeal else max(1, len(message))
        for at in range(0, len(message), step):
            writer.write(message[at : at + step])
            await writer.drain()
            if self.dialect.piecemeal:
                await asyncio.sleep(0)


async def _silence(reader: asyncio.StreamReader) -> None:
    """Say nothing any more, until the other side gives up."""
    with suppress(TimeoutError):
        await asyncio.wait_for(reader.read(), HUNG_SECONDS)


def _plain(text: str) -> str:
    """Text without what would end a field."""
    return text.replace("|", "/").replace("\r", " ").replace("\n", " ")
