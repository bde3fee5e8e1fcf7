"""Keeps the forecast of this process: history is counted once a day, ways are planned anew when the vans change."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np

from app.aside import aside
from app.database import Database
from app.lending.snapshot import Snapshot, State
from app.planning.forecast import Floats
from app.planning.load import Dealt, Finder, Grid, Stretch, deal, empty_grid, lay_out, together
from app.planning.outlook import PAIR_HALF_LIFE, Counts, Outlook, look_ahead
from app.store.handed_over import areas_of, count_by_day, count_by_hour, count_by_pair, crate_capacities, list_ways
from app.store.network_versions import get_number
from app.store.register import TIMEZONE
from app.store.standing import Standing
from routing import Network
from routing.network import trip_positions

HISTORY_DAYS = 364
"""Whole weeks, so that every weekday counts as often."""
MOST_AHEAD = 28
"""How many days from today on are looked at."""


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
        self._later: tuple[Standing, Dealt] | None = None
        self._dealt: tuple[datetime, Dealt] | None = None
        self._capacity: tuple[str, Floats] | None = None

    async def look(self, database: Database, snapshot: Snapshot, *, now: datetime, first: date, days: int) -> Load:
        """Return the load of `days` days from the first on. Raises NotReady."""
        state = await snapshot.follow()
        today = now.astimezone(ZoneInfo(TIMEZONE)).date()
        async with self._turn:
            outlook = await self._learned(database, today)
            dealt = await self._planned(state, outlook, now)
            capacity = await self._stated(database, state.network)
        async with database.connection() as connection:
            planned = await list_ways(connection)
        grid = empty_grid(state.network, first, days)
        ways, elsewhere = await aside(_board, Finder(state.network), planned, grid)
        forecast = await aside(lay_out, state.network, dealt, first, days)
        return Load(state.network, outlook, dealt, forecast, grid, ways, elsewhere, capacity)

    async def _learned(self, database: Database, today: date) -> Outlook:
        if self._outlook is not None and self._outlook.until == today:
            return self._outlook
        since = today - timedelta(days=HISTORY_DAYS)
        span = {"since": _midnight(since), "until": _midnight(today)}
        async with database.one_moment() as connection:
            counts = Counts(
                since=since,
                until=today,
                by_day=[tuple(row) for row in await count_by_day(connection, **span)],
                by_pair=[
                    tuple(row) for row in await count_by_pair(connection, **span, half_life_days=PAIR_HALF_LIFE)
                ],
                by_hour=await count_by_hour(connection, **span),
                area=await areas_of(connection),
            )
        self._outlook, self._later = await aside(look_ahead, counts), None
        return self._outlook

    async def _planned(self, state: State, outlook: Outlook, now: datetime) -> Dealt:
        """Plan the days to come once, as long as the same runs; and what is left of today every hour."""
        if self._later is None or self._later[0] != state.standing:
            later = await aside(deal, state.network, outlook, now=now, ahead=range(1, MOST_AHEAD))
            self._later, self._dealt = (state.standing, later), None
        hour = now.replace(minute=0, second=0, microsecond=0)
        if self._dealt is None or self._dealt[0] != hour:
            today = await aside(deal, state.network, outlook, now=now, ahead=range(1))
            self._dealt = (hour, together(today, self._later[1]))
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


def _board(
    finder: Finder, planned: list[tuple[UUID, list[dict[str, object]]]], grid: Grid
) -> tuple[tuple[Way, ...], int]:
    """Put what is under way on the grid."""
    ways, elsewhere = [], 0
    last = grid.first + timedelta(days=grid.days)
    for loan, legs in planned:
        found = []
        for leg in legs:
            if not grid.first.isoformat() <= str(leg["service_date"]) < last.isoformat():
                continue
            stretch = finder.stretch_of(leg)
            if stretch is None:
                elsewhere += 1
            elif grid.add(stretch, 1.0):
                found.append(stretch)
        if found:
            ways.append(Way(loan, tuple(found)))
    return tuple(ways), elsewhere


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(TIMEZONE))
