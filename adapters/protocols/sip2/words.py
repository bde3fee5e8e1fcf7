"""What SIP2 messages say, in our words: requests built and answers read. Pure.

Positions and codes are of 3M SIP2 2.00 (S). What an answer may leave out is read as not told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from adapters.contract import ItemStatus
from adapters.protocols.sip2.codec import Message

HERE = ZoneInfo("Europe/Amsterdam")
LONGEST_SAID = 200
DUTCH = "005"  # the language of screen messages, by the standard's table

CIRCULATION = {
    "01": ItemStatus.UNKNOWN,
    "02": ItemStatus.ON_ORDER,
    "03": ItemStatus.AVAILABLE,
    "04": ItemStatus.ON_LOAN,
    "05": ItemStatus.ON_LOAN,
    "06": ItemStatus.IN_PROCESS,
    "07": ItemStatus.RECALLED,
    "08": ItemStatus.HELD,
    "09": ItemStatus.IN_PROCESS,
    "10": ItemStatus.IN_TRANSIT,
    "11": ItemStatus.MISSING,
    "12": ItemStatus.MISSING,
    "13": ItemStatus.MISSING,
}
"""Circulation status (S) → ours. Any other code, or none, is unknown."""

_DAYS = (
    (re.compile(r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)(?!\d)"), "written together, as in SIP2's own dates"),
    (re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"), "ISO"),
    (re.compile(r"(?P<d>\d{1,2})[-/.](?P<m>\d{1,2})[-/.](?P<y>\d{4})(?!\d)"), "Dutch"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sip2Status:
    """What a system says of itself when it is asked (98)."""

    on_line: bool
    check_in: bool | None  # None: it does not tell
    check_out: bool | None
    library: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sip2Item:
    """One item (18). `location` and `permanent_location` are codes or names, as the system likes.

    `queue` is None where the system does not count who waits.
    """

    barcode: str
    status: ItemStatus
    circulation: str
    title: str
    location: str
    permanent_location: str
    due: date | None
    queue: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sip2Hold:
    """A hold as the system took it (16). `item` or `title` is empty where it does not say; so is `pickup`."""

    item: str
    title: str
    available: bool
    queue: int | None
    pickup: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sip2Loan:
    """An item that was lent (12)."""

    item: str
    title: str
    due: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sip2Return:
    """An item that was taken back (10)."""

    item: str
    title: str
    permanent_location: str
    alert: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sip2Patron:
    """Whether somebody may do something (24). No name is kept. `valid_pin` and `valid` are None where not told."""

    valid: bool | None
    valid_pin: bool | None
    may_borrow: bool
    may_hold: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PatronItems:
    """One list of a patron's items (64), and how many there are by the system's own count, where it counts."""

    known: bool
    listed: list[str]
    count: int | None
    held: int | None
    held_unavailable: int | None


# --- requests --------------------------------------------------------------------------------------


def stamp(moment: datetime) -> str:
    """Return SIP2's 18 characters for a moment: Dutch wall time, which four blanks for the zone mean."""
    return moment.astimezone(HERE).strftime("%Y%m%d    %H%M%S")


def login(*, user: str, password: str, location_code: str) -> Message:
    """93: a terminal's name and password, neither encrypted."""
    return Message("93", "00", _filled(("CN", user), ("CO", password)) + _told(("CP", location_code)))


def status_request() -> Message:
    """99: all is well here, lines of 80 characters, version 2.00."""
    return Message("99", "00802.00")


def item_request(*, at: datetime, institution: str, item: str, terminal_password: str) -> Message:
    """17: how an item stands."""
    return Message("17", stamp(at), _filled(("AO", institution), ("AB", item), ("AC", terminal_password)))


def hold_request(
    *,
    at: datetime,
    institution: str,
    patron: str,
    pin: str,
    item: str | None,
    title: str | None,
    pickup: str,
    terminal_password: str,
    cancels: bool,
) -> Message:
    """15: keep an item (hold type 3), or any copy of a title (2), for a patron; or let it go again."""
    fields = (
        _told(("BS", pickup))
        + _filled(("BY", "3" if item else "2"), ("AO", institution), ("AA", patron))
        + _told(("AD", pin), ("AB", item or ""), ("AJ", title or ""))
        + _filled(("AC", terminal_password))
    )
    return Message("15", ("-" if cancels else "+") + stamp(at), fields)


def check_out_request(
    *, at: datetime, institution: str, patron: str, pin: str, item: str, terminal_password: str
) -> Message:
    """11: lend an item; never renew one.

    The date on which it would be due had it been lent off line means nothing here, but must be one (S: pysip2, a
    strict server, hangs up on blanks).
    """
    fields = _filled(("AO", institution), ("AA", patron), ("AB", item), ("AC", terminal_password))
    return Message("11", "NN" + stamp(at) + stamp(at), fields + _told(("AD", pin)))


def check_in_request(
    *, at: datetime, institution: str, item: str, location_code: str, terminal_password: str
) -> Message:
    """09: take an item back, today."""
    return Message(
        "09",
        "N" + stamp(at) + stamp(at),
        _filled(("AP", location_code), ("AO", institution), ("AB", item), ("AC", terminal_password)),
    )


def patron_request(*, at: datetime, institution: str, patron: str, pin: str, terminal_password: str) -> Message:
    """23: may this patron do things."""
    return Message(
        "23",
        DUTCH + stamp(at),
        _filled(("AO", institution), ("AA", patron), ("AC", terminal_password), ("AD", pin)),
    )


HELD, CHARGED, HELD_UNAVAILABLE = 0, 2, 5
"""Positions in the summary of 63: whose list is asked for. The fields that carry it: AS, AU, CD."""
_LISTS = {HELD: "AS", CHARGED: "AU", HELD_UNAVAILABLE: "CD"}


def patron_items_request(
    *, at: datetime, institution: str, patron: str, pin: str, terminal_password: str, summary: int, start: int
) -> Message:
    """63: one list of a patron's items, from number `start` on (the first is 1)."""
    asked = "".join("Y" if position == summary else " " for position in range(10))
    fields = _filled(("AO", institution), ("AA", patron), ("AC", terminal_password)) + _told(("AD", pin))
    if start > 1:
        fields += _filled(("BP", str(start)), ("BQ", "9999"))
    return Message("63", DUTCH + stamp(at) + asked, fields)


def _filled(*fields: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Fields that must be there, empty or not."""
    return fields


def _told(*fields: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Fields that are there only where they say something."""
    return tuple(field for field in fields if field[1])


# --- answers ---------------------------------------------------------------------------------------


def accepted(answer: Message) -> bool:
    """Say whether 94, 16, 12 or 10 begins with a yes: `1`, and as some servers have it `Y`."""
    return answer.flag(0) in ("1", "Y")


def status_of(answer: Message) -> Sip2Status:
    """Read 98. Blanks in place of flags mean that it does not tell; only a plain no is off line."""
    version = re.search(r"\d\.\d\d", answer.fixed[6:])
    return Sip2Status(
        on_line=answer.flag(0) not in ("N", "n"),
        check_in=_yes(answer.flag(1)),
        check_out=_yes(answer.flag(2)),
        library=answer.first("AM") or answer.first("AO"),
        version=version[0] if version else "",
    )


def item_of(answer: Message, barcode: str) -> Sip2Item | None:
    """Read 18; None where there is no such item: status 01 and no title (I: no server says so more plainly)."""
    circulation = answer.fixed[:2].strip().zfill(2)
    title = answer.first("AJ")
    if circulation in ("00", "01") and not title:
        return None
    return Sip2Item(
        barcode=answer.first("AB") or barcode,
        status=CIRCULATION.get(circulation, ItemStatus.UNKNOWN),
        circulation=circulation,
        title=title,
        location=answer.first("AP"),
        permanent_location=answer.first("AQ"),
        due=day_of(answer.first("AH")),
        queue=number_of(answer.first("CF")),
    )


def hold_of(answer: Message) -> Sip2Hold:
    """Read 16."""
    return Sip2Hold(
        item=answer.first("AB"),
        title=answer.first("AJ"),
        available=answer.flag(1) == "Y",
        queue=number_of(answer.first("BR")),
        pickup=answer.first("BS"),
    )


def loan_of(answer: Message, item: str) -> Sip2Loan:
    """Read 12."""
    return Sip2Loan(item=answer.first("AB") or item, title=answer.first("AJ"), due=day_of(answer.first("AH")))


def return_of(answer: Message, item: str) -> Sip2Return:
    """Read 10."""
    return Sip2Return(
        item=answer.first("AB") or item,
        title=answer.first("AJ"),
        permanent_location=answer.first("AQ"),
        alert=answer.flag(3) == "Y",
    )


def patron_of(answer: Message) -> Sip2Patron:
    """Read 24: `Y` in the patron status denies (0: lending, 3: holds; 4 and up: lost card, fines and the like)."""
    return Sip2Patron(
        valid=_yes(answer.first("BL")[:1]),
        valid_pin=_yes(answer.first("CQ")[:1]),
        may_borrow=answer.flag(0) != "Y",
        may_hold=answer.flag(3) != "Y",
    )


def patron_items_of(answer: Message, summary: int, *, with_pin: bool) -> PatronItems:
    """Read 64. A patron who is not known, or whose PIN is wrong, is told by a plain no (BL, CQ).

    Servers also say no to a PIN that was not given (S: php-sip2 issue 6); that means nothing.
    """
    counts = [number_of(answer.fixed[at : at + 4].strip()) for at in range(35, 59, 4)]
    return PatronItems(
        known=_yes(answer.first("BL")[:1]) is not False
        and (not with_pin or _yes(answer.first("CQ")[:1]) is not False),
        listed=answer.all(_LISTS[summary]),
        count=counts[summary],
        held=counts[HELD],
        held_unavailable=counts[HELD_UNAVAILABLE],
    )


def screen(answer: Message, *, hidden: Iterable[str]) -> str:
    """Return what the system would show on its screen, bounded, without what must not be repeated."""
    said = " ".join(answer.all("AF"))
    for secret in sorted(filter(None, hidden), key=len, reverse=True):
        said = said.replace(secret, "…")
    return "".join(character if character.isprintable() else " " for character in said)[:LONGEST_SAID]


def day_of(said: str) -> date | None:
    """Return the day that is meant: SIP2's own form, ISO, or Dutch (day first); None where it cannot be read."""
    for form, _ in _DAYS:
        if found := form.match(said.strip()):
            try:
                return date(int(found["y"]), int(found["m"]), int(found["d"]))
            except ValueError:
                continue
    return None


def number_of(said: str) -> int | None:
    """Return a count; None where it is none."""
    said = said.strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else None


def _yes(flag: str) -> bool | None:
    return {"Y": True, "1": True, "N": False, "0": False}.get(flag.strip().upper())


def is_among(wanted: str, listed: Iterable[str]) -> bool:
    """Say whether a barcode or title number is on a list whose entries are it, or begin with it and a blank (I)."""
    return any(wanted in (entry, *entry.split(maxsplit=1)[:1]) for entry in listed)
