"""What suppliers bear, in memory: read again every few seconds while policies say that it counts, and not otherwise.

A decision reads nothing for it: the first one after COUNTS_SECONDS waits for the figures, once for all who come
meanwhile. Balances of a year change little in an hour and take a second to add up, so they are a quarter old.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from time import monotonic
from zoneinfo import ZoneInfo

from app.database import Database
from app.lending.clock import Clock
from app.store.burdens import Counts, read_counts, read_net_loans
from routing import Burdens, Register, agency_in_force

COUNTS_SECONDS = 5.0
"""How old the items to send, and how often who was asked today, may be."""
BALANCE_SECONDS = 900.0
"""How old balances may be before they are added up again; twice as old they are waited for."""
BALANCE_DAYS = 365
"""Over how many days items lent and borrowed are counted: all year the same, so that no January begins anew."""


@dataclass(frozen=True, slots=True)
class _Held:
    burdens: Burdens
    register: Register
    read_at: float


class LiveBurdens:
    """Follows the store. `clock` says which day it is."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.clock = clock
        self._database = database
        self._held: _Held | None = None
        self._net_loans: Mapping[str, int] = {}
        self._added_up_at = -float("inf")
        self._adding: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    async def now(self, register: Register) -> Burdens:
        """Return what everyone bears, as it was at most COUNTS_SECONDS ago. Raises DatabaseUnavailable."""
        held = self._fresh(register)
        if held is None:
            async with self._lock:
                held = self._fresh(register) or await self._read(register)
        return held

    def forget(self) -> None:
        """Read everything anew the next time."""
        self._held, self._added_up_at = None, -float("inf")

    async def stop(self) -> None:
        """Stop whatever is being added up."""
        if self._adding is not None:
            self._adding.cancel()
            await asyncio.gather(self._adding, return_exceptions=True)

    def _fresh(self, register: Register) -> Burdens | None:
        held = self._held
        if held is None or held.register is not register or monotonic() - held.read_at > COUNTS_SECONDS:
            return None
        return held.burdens if held.burdens.day == self._today(register) else None

    def _today(self, register: Register) -> date:
        return self.clock.now().astimezone(ZoneInfo(register.timezone)).date()

    async def _read(self, register: Register) -> Burdens:
        now, started = self.clock.now(), monotonic()
        await self._balances(now)
        day = now.astimezone(ZoneInfo(register.timezone)).date()
        since, until = day_bounds(day, register)
        async with self._database.connection() as connection:
            counts = await read_counts(connection, since=since, until=until)
        burdens = _burdens(self._net_loans, counts, register, day=day, now=now)
        self._held = _Held(burdens, register, started)
        return burdens

    async def _balances(self, now: datetime) -> None:
        age = monotonic() - self._added_up_at
        if age > 2 * BALANCE_SECONDS:
            await self._add_up(now)
        elif age > BALANCE_SECONDS and (self._adding is None or self._adding.done()):
            self._adding = asyncio.create_task(self._add_up(now))

    async def _add_up(self, now: datetime) -> None:
        started = monotonic()
        async with self._database.connection() as connection:
            self._net_loans = await read_net_loans(
                connection, since=now - timedelta(days=BALANCE_DAYS), until=now + timedelta(days=1)
            )
        self._added_up_at = started


def day_bounds(day: date, register: Register) -> tuple[datetime, datetime]:
    """Return the first moment of a day where the register is, and that of the next day."""
    zone = ZoneInfo(register.timezone)
    return datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone)


def _burdens(
    net_loans: Mapping[str, int], counts: Counts, register: Register, *, day: date, now: datetime
) -> Burdens:
    return Burdens(
        net_loans=succeeded(net_loans, register, now),
        open_items=counts.open_items,
        day=day,
        placed=succeeded(counts.asked, register, now),
        placed_here=counts.asked_here,
    )


def succeeded(figures: Mapping[str, int], register: Register, now: datetime) -> dict[str, int]:
    """Return figures by the agencies in force: those of one that has merged count for the one that took its place."""
    found: dict[str, int] = {}
    for isil, figure in figures.items():
        agency = agency_in_force(register, isil, now)
        name = isil if agency is None else agency.isil
        found[name] = found.get(name, 0) + figure
    return found
