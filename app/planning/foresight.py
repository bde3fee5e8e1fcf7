"""Keeps the forecast of this process: history is counted once a day, ways are planned anew when the vans change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import structlog

from app.aside import aside
from app.database import DATABASE_ERRORS, Database, DatabaseUnavailable
from app.lending.snapshot import Snapshot, State
from app.planning.forecast import Floats
from app.planning.load import Dealt, Finder, Grid, Stretch, columns_of, deal, empty_grid, lay_out, together
from app.planning.outlook import PAIR_HALF_LIFE, Counts, Outlook, look_ahead
from app.store.handed_over import areas_of, count_by_day, count_by_hour, count_by_pair, crate_capacities, list_ways
from app.store.network_versions import get_number
from app.store.register import TIMEZONE
from app.store.standing import Standing
from routing import Network
from routing.network import trip_positions

T = TypeVar("T")
log = structlog.get_logger()

HISTORY_DAYS = 364
"""Whole weeks, so that every weekday counts as often."""
MOST_AHEAD = 28
"""How many days from today on are looked at."""
MOST_BEHIND = 3
"""How many days old what was learned may be, while today's is being learned."""


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """A loan request whose item is under way, and what it rides."""

    loan: UUID
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """What the vans are going to carry on `under_way.days` days from `under_way.first` on.

    `capacity` is of each trip, in crates; NaN: not stated. `elsewhere`: legs planned on what the network no longer
    has.
    """

    network: Network
    outlook: Outlook
    dealt: Dealt
    forecast: Grid
    under_way: Grid
    ways: tuple[Way, ...]
    elsewhere: int
    capacity: Floats


class Foresight:
    """Reckons what the vans are going to carry; one at a time, and what is known of a day is kept."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._outlook: Outlook | None = None
        self._learning: asyncio.Task[None] | None = None
        self._later: tuple[Standing, date, Dealt] | None = None
        self._dealt: tuple[datetime, Dealt] | None = None
        self._capacity: tuple[str, Floats] | None = None
        self._finder: Finder | None = None

    async def close(self) -> None:
        """Give up what is being learned."""
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.gather(self._learning, return_exceptions=True)

    async def look(self, database: Database, snapshot: Snapshot, *, now: datetime, first: date, days: int) -> Load:
        """Return the load of `days` days from the first on. Raises NotReady."""
        state = await snapshot.follow()
        today = now.astimezone(ZoneInfo(TIMEZONE)).date()
        async with self._turn:
            outlook = await self._learned(database, today)
            dealt = await self._planned(state, outlook, now, today)
            capacity = await self._stated(database, state.network)
            finder = self._finder_of(state.network)
        async with database.connection() as connection:
            planned = await list_ways(connection)
        grid = empty_grid(state.network, first, days)
        ways, elsewhere = await aside(_board, finder, planned, grid)
        forecast = await aside(lay_out, state.network, dealt, first, days)
        return Load(state.network, outlook, dealt, forecast, grid, ways, elsewhere, capacity)

    async def under_way(self, database: Database, state: State, *, first: date, days: int) -> tuple[Grid, Floats]:
        """Return what rides by now on `days` days from the first on, and the crates each trip takes (NaN: any)."""
        async with self._turn:
            capacity = await self._stated(database, state.network)
            finder = self._finder_of(state.network)
        async with database.connection() as connection:
            planned = await list_ways(connection)
        grid = empty_grid(state.network, first, days)
        await aside(_board, finder, planned, grid)
        return grid, capacity

    def _finder_of(self, network: Network) -> Finder:
        if self._finder is None or self._finder.network is not network:
            self._finder = Finder(network)
        return self._finder

    async def _learned(self, database: Database, today: date) -> Outlook:
        """Return what was learned up to today; what was up to a few days ago while today's is being learned."""
        if self._outlook is None or not 0 <= (today - self._outlook.until).days <= MOST_BEHIND:
            self._outlook, self._later = await _learn(database, today), None
        elif self._outlook.until != today and self._learning is None:
            self._learning = asyncio.create_task(self._learn_anew(database, today))
        return self._outlook

    async def _learn_anew(self, database: Database, today: date) -> None:
        try:
            outlook = await _learn(database, today)
            async with self._turn:
                self._outlook, self._later = outlook, None
        except (DatabaseUnavailable, *DATABASE_ERRORS) as error:
            log.warning("the load cannot be learned", reason=type(error).__name__)
        finally:
            self._learning = None

    async def _planned(self, state: State, outlook: Outlook, now: datetime, today: date) -> Dealt:
        """Plan the days to come once a day, as long as the same runs; and what is left of today every hour."""
        if self._later is None or self._later[:2] != (state.standing, today):
            later = await aside(deal, state.network, state.register, outlook, now=now, ahead=range(1, MOST_AHEAD))
            self._later, self._dealt = (state.standing, today, later), None
        hour = now.replace(minute=0, second=0, microsecond=0)
        if self._dealt is None or self._dealt[0] != hour:
            left = await aside(deal, state.network, state.register, outlook, now=now, ahead=range(1))
            self._dealt = (hour, together(left, self._later[2]))
        return self._dealt[1]

    async def _stated(self, database: Database, network: Network) -> Floats:
        if self._capacity is None or self._capacity[0] != network.version:
            capacity = np.full(len(network.timetable.trips), np.nan)
            async with database.connection() as connection:
                stated = await crate_capacities(connection, await get_number(connection, network.version))
            for trip, crates in stated.items():
                capacity[trip_positions(network)[trip]] = crates
            self._capacity = (network.version, capacity)
        return self._capacity[1]


async def _learn(database: Database, today: date) -> Outlook:
    """Count the year before today, three counts at once, and learn from it."""
    since = today - timedelta(days=HISTORY_DAYS)
    span = {"since": _midnight(since), "until": _midnight(today)}

    async def ask(count: Callable[..., Awaitable[T]], **more: float) -> T:
        async with database.connection() as connection:
            return await count(connection, **span, **more)

    by_day, by_pair, by_hour = await asyncio.gather(
        ask(count_by_day), ask(count_by_pair, half_life_days=PAIR_HALF_LIFE), ask(count_by_hour)
    )
    async with database.connection() as connection:
        area = await areas_of(connection)
    counts = Counts(
        since=since,
        until=today,
        by_day=[tuple(row) for row in by_day],
        by_pair=[tuple(row) for row in by_pair],
        by_hour=by_hour,
        area=area,
    )
    return await aside(look_ahead, counts)


def _board(
    finder: Finder, planned: list[tuple[UUID, list[dict[str, object]]]], grid: Grid
) -> tuple[tuple[Way, ...], int]:
    """Put what is under way on the grid."""
    ways, elsewhere = [], 0
    first, end = grid.first.isoformat(), (grid.first + timedelta(days=grid.days)).isoformat()
    for loan, legs in planned:
        found = []
        for leg in legs:
            if first <= str(leg["service_date"]) < end:
                stretch = finder.stretch_of(leg)
                if stretch is None:
                    elsewhere += 1
                else:
                    found.append(stretch)
        if found:
            ways.append(Way(loan, tuple(found)))
    legs_of_all = columns_of([stretch for way in ways for stretch in way.stretches])
    grid.add(legs_of_all, np.ones(len(legs_of_all)))
    return tuple(ways), elsewhere


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(TIMEZONE))
