"""A SIP2 server as one asks it: every call within a deadline, every failure a SystemFault.

What a failure means depends on whether the call writes (check-in, check-out, hold). A read that failed did nothing:
Unavailable, or Malformed for an answer that cannot be read. A write that was sent and got no answer that can be read
may have been done: OutcomeUnknown. One that was never sent was not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from urllib.parse import urlsplit

from adapters.contract import (
    AuthExpired,
    Duplicate,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Refused,
    SystemFault,
    Unavailable,
)
from adapters.installation import Limits, utc_now
from adapters.protocols.sip2 import words
from adapters.protocols.sip2.codec import LARGEST_BYTES, Message, NotSayable
from adapters.protocols.sip2.connection import Garbled, LoggedOut, Terminal
from adapters.protocols.sip2.pool import Pool
from adapters.protocols.sip2.words import Sip2Hold, Sip2Item, Sip2Loan, Sip2Patron, Sip2Return
from adapters.trust import trusted

log = logging.getLogger("adapters.sip2")

PORTS = {"sip2": 6001, "sip2s": 6443}  # 6001 is common (S: 3M's and Koha's examples); for TLS there is no custom
MOST_PAGES = 50
_ends_at: ContextVar[float | None] = ContextVar("sip2_ends_at", default=None)


@contextmanager
def one_deadline(seconds: float) -> Iterator[None]:
    """Have all calls made inside share one deadline."""
    before = _ends_at.get()
    ends_at = asyncio.get_running_loop().time() + seconds
    token = _ends_at.set(ends_at if before is None else min(ends_at, before))
    try:
        yield
    finally:
        _ends_at.reset(token)


class Sip2:
    """One pool of connections to one server.

    `address` is sip2://host:port, or sip2s://host:port for TLS. `user` and `password` are the terminal's; without a
    user nobody logs in. `location_code` is where the terminal stands. `line_end` is what the server waits for: CR by
    the standard, CR and LF with some. No call raises anything but a SystemFault.
    """

    def __init__(
        self,
        address: str,
        *,
        system: str,
        limits: Limits,
        user: str = "",
        password: str = "",
        institution: str = "",
        terminal_password: str = "",
        location_code: str = "",
        encoding: str = "utf-8",
        checksums: bool = True,
        connections: int = 2,
        line_end: str = "\r",
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError("an address of a SIP2 server is sip2://host:port or sip2s://host:port")
        if "AZ".encode(encoding) != b"AZ":
            raise ValueError("SIP2 needs an encoding in which ASCII is itself")
        self._system = system
        self._limits = limits
        self._institution = institution
        self._terminal_password = terminal_password
        self._location_code = location_code
        self._hidden = (password, terminal_password)
        terminal = Terminal(
            host=parts.hostname,
            port=parts.port or PORTS[parts.scheme],
            tls=trusted() if parts.scheme == "sip2s" else None,
            user=user,
            password=password,
            location_code=location_code,
            encoding=encoding,
            checksums=checksums,
            line_end=line_end,
            largest_bytes=min(LARGEST_BYTES, limits.answer_bytes),
        )
        self._pool = Pool(terminal, size=max(1, min(connections, limits.calls_at_once)))

    @property
    def deadline_seconds(self) -> float:
        """Within this a call ends."""
        return self._limits.deadline_seconds

    async def item(self, barcode: str) -> Sip2Item:
        """Ask how an item stands. Raises NotFound for a barcode that the system does not know."""
        asked = words.item_request(
            at=utc_now(),
            institution=self._institution,
            item=barcode,
            terminal_password=self._terminal_password,
        )
        item = words.item_of(await self._ask("item", asked, "18"), barcode)
        if item is None:
            raise NotFound("item: no such barcode")
        return item

    async def hold(
        self, *, patron: str, pin: str = "", item: str | None = None, title: str | None = None, pickup: str = ""
    ) -> Sip2Hold:
        """Keep an item, or any copy of a title, for a patron.

        Raises Refused, or Duplicate where the patron has it held already: SIP2 says no without saying why, so after a
        no the patron's holds are looked through.
        """
        asked = self._hold_request(patron, pin, item=item, title=title, pickup=pickup, cancels=False)
        with one_deadline(self.deadline_seconds):
            answer = await self._ask("hold", asked, "16", writes=True)
            if words.accepted(answer):
                return words.hold_of(answer)
            said = words.screen(answer, hidden=(*self._hidden, patron, pin))
            if await self._holds_already(patron, pin, item or title or ""):
                raise Duplicate(item or title, said)
        raise Refused("Other", said or "The system refused the hold.")

    async def cancel_hold(
        self, *, patron: str, pin: str = "", item: str | None = None, title: str | None = None
    ) -> bool:
        """Let a hold go; False where the system says no, which it also does where there is none."""
        asked = self._hold_request(patron, pin, item=item, title=title, pickup="", cancels=True)
        return words.accepted(await self._ask("cancel", asked, "16", writes=True))

    async def holds(self, *, patron: str, pin: str = "") -> list[str]:
        """Return the barcodes or title numbers of what is held for a patron, ready (AS) or waited for (CD).

        Raises Refused where patron or PIN are not valid, and Malformed where less is listed than is counted: what
        was left out might be what is looked for.
        """
        with one_deadline(self.deadline_seconds):
            ready, counts = await self._listed("holds", patron, pin, words.HELD)
            waiting: list[str] = []
            if counts.held_unavailable != 0:
                waiting, counts = await self._listed("holds", patron, pin, words.HELD_UNAVAILABLE)
        # Some count all holds as the first, others only those of the first list (I).
        both = len(ready) + len(waiting)
        if (counts.held or 0) > both or (counts.held_unavailable or 0) > both:
            raise Malformed("holds: fewer are listed than counted")
        return list(dict.fromkeys(ready + waiting))

    async def charged(self, *, patron: str, pin: str = "") -> list[str]:
        """Return the barcodes of what a patron has on loan. Raises like `holds`."""
        with one_deadline(self.deadline_seconds):
            listed, counts = await self._listed("charged", patron, pin, words.CHARGED)
        if (counts.count or 0) > len(listed):
            raise Malformed("charged: fewer are listed than counted")
        return list(dict.fromkeys(listed))

    async def check_out(self, *, patron: str, pin: str = "", item: str) -> Sip2Loan:
        """Lend an item to a patron. Raises Refused."""
        asked = words.check_out_request(
            at=utc_now(),
            institution=self._institution,
            patron=patron,
            pin=pin,
            item=item,
            terminal_password=self._terminal_password,
        )
        answer = await self._ask("check_out", asked, "12", writes=True)
        if not words.accepted(answer):
            said = words.screen(answer, hidden=(*self._hidden, patron, pin))
            raise Refused("Other", said or "The system refused to lend it.")
        return words.loan_of(answer, item)

    async def check_in(self, *, item: str) -> Sip2Return:
        """Take an item back. Raises Refused."""
        asked = words.check_in_request(
            at=utc_now(),
            institution=self._institution,
            item=item,
            location_code=self._location_code,
            terminal_password=self._terminal_password,
        )
        answer = await self._ask("check_in", asked, "10", writes=True)
        if not words.accepted(answer):
            raise Refused("Other", words.screen(answer, hidden=self._hidden) or "The system did not take it back.")
        return words.return_of(answer, item)

    async def patron(self, *, patron: str, pin: str = "") -> Sip2Patron:
        """Ask what a patron may do; one whom the system does not know is not valid."""
        asked = words.patron_request(
            at=utc_now(),
            institution=self._institution,
            patron=patron,
            pin=pin,
            terminal_password=self._terminal_password,
        )
        return words.patron_of(await self._ask("patron", asked, "24"))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._pool.close()

    def _hold_request(
        self, patron: str, pin: str, *, item: str | None, title: str | None, pickup: str, cancels: bool
    ) -> Message:
        return words.hold_request(
            at=utc_now(),
            institution=self._institution,
            patron=patron,
            pin=pin,
            item=item,
            title=title,
            pickup=pickup,
            terminal_password=self._terminal_password,
            cancels=cancels,
        )

    async def _holds_already(self, patron: str, pin: str, wanted: str) -> bool:
        try:
            return words.is_among(wanted, await self.holds(patron=patron, pin=pin))
        except SystemFault:
            return False  # the hold was refused, whatever the reason

    async def _listed(self, what: str, patron: str, pin: str, summary: int) -> tuple[list[str], words.PatronItems]:
        """Return one list of a patron's items, all pages of it, with the counts that came with the first."""
        listed: list[str] = []
        first: words.PatronItems | None = None
        for _ in range(MOST_PAGES):
            asked = words.patron_items_request(
                at=utc_now(),
                institution=self._institution,
                patron=patron,
                pin=pin,
                terminal_password=self._terminal_password,
                summary=summary,
                start=len(listed) + 1,
            )
            page = words.patron_items_of(await self._ask(what, asked, "64"), summary, with_pin=bool(pin))
            if not page.known:
                raise Refused("PolicyProblem", "The system does not know our patron there, or not with this PIN.")
            first = first or page
            if page.listed == listed[: len(page.listed)]:
                break  # nothing more, or it knows no pages and says the same again
            listed += page.listed
            if first.count is None or len(listed) >= first.count:
                break
        assert first is not None
        return listed, first

    async def _ask(self, what: str, message: Message, answer: str, *, writes: bool = False) -> Message:
        started = perf_counter()
        outcome = "fault"
        sent = False
        silent: type[SystemFault]
        try:
            async with asyncio.timeout_at(self._ends_at()):
                for fresh in (False, True):
                    try:
                        async with self._pool.lend(fresh=fresh) as connection:
                            sent = writes
                            reply = await connection.exchange(message, answer)
                            outcome = reply.code
                            return reply
                    except LoggedOut:
                        sent = False  # it said so instead of doing it
                raise AuthExpired(f"{what}: the system wants a new login, after one too")
        except NotSayable as error:
            raise NotFound(f"{what}: SIP2 cannot carry what was asked for") from error
        except Garbled as error:
            outcome = "garbled"
            raise (OutcomeUnknown if sent else Malformed)(f"{what}: {error}") from error
        except (OSError, EOFError) as error:
            outcome = type(error).__name__
            silent = OutcomeUnknown if sent else Unavailable
            self._pool.drop_idle()
            raise silent(f"{what}: {outcome}") from error
        finally:
            took = (perf_counter() - started) * 1000
            log.info("system=%s call=%s outcome=%s ms=%.0f", self._system, what, outcome, took)

    def _ends_at(self) -> float:
        ends_at = asyncio.get_running_loop().time() + self._limits.deadline_seconds
        shared = _ends_at.get()
        return ends_at if shared is None else min(ends_at, shared)
