"""The content of a network version: written whole by COPY, and read back as columns.

Positions (of operators, stops, routes, services, trips) follow the order of ids, so that the same network has
the same positions however its feed was ordered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncpg
import numpy as np
import numpy.typing as npt

from app.aside import aside
from routing.model import Route, Service, Stop, StopTimes, Timetable, Trip

Weekdays = tuple[bool, bool, bool, bool, bool, bool, bool]

# A service known only from calendar_dates: it starts after it ends.
NO_WEEKDAYS: Weekdays = (False, False, False, False, False, False, False)
NO_START, NO_END = date(1970, 1, 2), date(1970, 1, 1)

COPY_ROWS = 50_000
TURN_ROWS = 1000
COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"
NOT_HERE = 1  # of pickup_type and drop_off_type
CALL_COLUMNS = {
    "version": "i4",
    "trip": "i4",
    "sequence": "i4",
    "stop": "i4",
    "arrival": "i4",
    "departure": "i4",
    "pickup_type": "i2",
    "drop_off_type": "i2",
}


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """Who drives: a POI or carrier. `id` is empty where the only one has none; `url` may be empty."""

    id: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class StopRow:
    """A location as the vans see it; items change trips here only when `handling_seconds` is not None."""

    id: str
    name: str
    lat: float | None
    lon: float | None
    handling_seconds: int | None


@dataclass(frozen=True, slots=True)
class RouteRow:
    """A pattern; `operator` is a position."""

    id: str
    operator: int
    short_name: str
    long_name: str
    route_type: int


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """Service days: a weekly pattern from `start` to `end` (included), and days added and taken out, sorted."""

    id: str
    weekdays: Weekdays
    start: date
    end: date
    added: tuple[date, ...] = ()
    removed: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class TripRow:
    """One run of a route on each of its service's days; `route` and `service` are positions."""

    id: str
    route: int
    service: int
    headsign: str
    short_name: str
    crate_capacity: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Calls:
    """All calls as columns of equal length, ordered by (trip, sequence); times in GTFS seconds.

    `trip` and `stop` are positions; the types are 0 to 3, of which 1 means not here.
    """

    trip: npt.NDArray[np.int32]
    sequence: npt.NDArray[np.int32]
    stop: npt.NDArray[np.int32]
    arrival: npt.NDArray[np.int32]
    departure: npt.NDArray[np.int32]
    pickup_type: npt.NDArray[np.int16]
    drop_off_type: npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """Everything that is kept of one network, each part in the order of its ids."""

    timezone: str
    operators: Sequence[OperatorRow]
    stops: Sequence[StopRow]
    routes: Sequence[RouteRow]
    services: Sequence[ServiceRow]
    trips: Sequence[TripRow]
    calls: Calls


def counts(content: Content) -> dict[str, int]:
    """Return how many there are of each thing."""
    return {
        "operators": len(content.operators),
        "stops": len(content.stops),
        "transfer_stops": sum(stop.handling_seconds is not None for stop in content.stops),
        "routes": len(content.routes),
        "services": len(content.services),
        "trips": len(content.trips),
        "stop_times": len(content.calls.trip),
    }


def first_and_last_day(services: Iterable[ServiceRow]) -> tuple[date | None, date | None]:
    """Return the first and last day on which a service may run; None where no day is named at all."""
    days = [day for service in services for day in service.added]
    for service in services:
        if any(service.weekdays):
            days += (service.start, service.end)
    return min(days, default=None), max(days, default=None)


async def write_content(connection: asyncpg.Connection, number: int, content: Content) -> None:
    """Write the content of version `number` (a network_version.number that has none yet)."""

    async def copy(table: str, records: Iterable[tuple[Any, ...]]) -> None:
        await connection.copy_records_to_table(table, records=_taking_turns(records))

    await copy("timetable_operator", ((number, at, o.id, o.name, o.url) for at, o in enumerate(content.operators)))
    await copy(
        "timetable_stop",
        ((number, at, s.id, s.name, s.lat, s.lon, s.handling_seconds) for at, s in enumerate(content.stops)),
    )
    await copy(
        "timetable_route",
        (
            (number, at, r.id, r.operator, r.short_name, r.long_name, r.route_type)
            for at, r in enumerate(content.routes)
        ),
    )
    await copy(
        "timetable_service",
        ((number, at, s.id, s.weekdays, s.start, s.end) for at, s in enumerate(content.services)),
    )
    await copy(
        "timetable_service_date",
        (
            (number, at, day, added)
            for at, s in enumerate(content.services)
            for added, days in ((True, s.added), (False, s.removed))
            for day in days
        ),
    )
    await copy(
        "timetable_trip",
        (
            (number, at, t.id, t.route, t.service, t.headsign, t.short_name, t.crate_capacity)
            for at, t in enumerate(content.trips)
        ),
    )
    await connection.copy_to_table(
        "timetable_stop_time",
        source=_call_pieces(number, content.calls),
        columns=list(CALL_COLUMNS),
        format="binary",
    )


async def _taking_turns(records: Iterable[tuple[Any, ...]]) -> AsyncIterator[tuple[Any, ...]]:
    """Let others on the event loop have their turn while a long table is written."""
    for at, record in enumerate(records):
        if at % TURN_ROWS == TURN_ROWS - 1:
            await asyncio.sleep(0)
        yield record


async def read_content(connection: asyncpg.Connection, number: int) -> Content:
    """Read the content of version `number` back; empty where there is no such version."""
    timezone = await connection.fetchval("select timezone from network_version where number = $1", number)

    async def rows(columns: str, table: str, order: str = "position") -> list[asyncpg.Record]:
        # Every name here is one of ours; only the version comes from outside.
        query = f"select {columns} from {table} where version = $1 order by {order}"  # noqa: S608
        found: list[asyncpg.Record] = await connection.fetch(query, number)
        return found

    operators = await rows("id, name, url", "timetable_operator")
    stops = await rows("id, name, lat, lon, handling_seconds", "timetable_stop")
    routes = await rows("id, operator, short_name, long_name, route_type", "timetable_route")
    services = await rows("id, weekdays, start_date, end_date", "timetable_service")
    days = await rows("service, added, day", "timetable_service_date", "service, day")
    trips = await rows("id, route, service, headsign, short_name, crate_capacity", "timetable_trip")
    calls = await _read_calls(connection, number)

    def build() -> Content:
        return Content(
            timezone=timezone or "UTC",
            operators=[OperatorRow(*row) for row in operators],
            stops=[StopRow(*row) for row in stops],
            routes=[RouteRow(*row) for row in routes],
            services=_with_days(services, days),
            trips=[TripRow(*row) for row in trips],
            calls=calls,
        )

    return await aside(build)


def as_timetable(content: Content, version: str) -> Timetable:
    """Return what the engine needs of a content, as the version of that id."""
    operators = [operator.name for operator in content.operators]
    calls = content.calls
    return Timetable(
        version=version,
        timezone=content.timezone,
        stops=tuple(Stop(stop.id, stop.handling_seconds) for stop in content.stops),
        routes=tuple(Route(route.id, operators[route.operator]) for route in content.routes),
        services=tuple(
            Service(s.id, s.weekdays, s.start, s.end, frozenset(s.added), frozenset(s.removed))
            for s in content.services
        ),
        trips=tuple(Trip(trip.id, trip.route, trip.service) for trip in content.trips),
        stop_times=StopTimes(
            trip=calls.trip,
            stop=calls.stop,
            arrival=calls.arrival,
            departure=calls.departure,
            pickup=calls.pickup_type != NOT_HERE,
            drop_off=calls.drop_off_type != NOT_HERE,
        ),
    )


def _with_days(services: Sequence[asyncpg.Record], days: Sequence[asyncpg.Record]) -> list[ServiceRow]:
    exceptions: dict[tuple[int, bool], list[date]] = {}
    for service, added, day in days:
        exceptions.setdefault((service, added), []).append(day)
    return [
        ServiceRow(
            id=id_,
            weekdays=tuple(weekdays),
            start=start,
            end=end,
            added=tuple(exceptions.get((at, True), ())),
            removed=tuple(exceptions.get((at, False), ())),
        )
        for at, (id_, weekdays, start, end) in enumerate(services)
    ]


# --- calls, by the binary COPY format: every row is of one size, so a block of rows is one numpy array ------------


def _record(columns: Mapping[str, str]) -> np.dtype[np.void]:
    """Return the layout of one COPY row: the number of values, then a length and a value for each (big-endian)."""
    fields = [("values", ">i2")]
    for column, kind in columns.items():
        fields += [(f"{column}_bytes", ">i4"), (column, f">{kind}")]
    return np.dtype(fields)


async def _call_pieces(number: int, calls: Calls) -> AsyncIterator[bytes]:
    layout = _record(CALL_COLUMNS)
    yield COPY_HEADER
    for start in range(0, len(calls.trip), COPY_ROWS):
        piece = slice(start, start + COPY_ROWS)
        block = np.empty(len(calls.trip[piece]), layout)
        block["values"] = len(CALL_COLUMNS)
        for column, kind in CALL_COLUMNS.items():
            block[f"{column}_bytes"] = np.dtype(kind).itemsize
            block[column] = number if column == "version" else getattr(calls, column)[piece]
        yield block.tobytes()
    yield COPY_TRAILER


async def _read_calls(connection: asyncpg.Connection, number: int) -> Calls:
    columns = {column: kind for column, kind in CALL_COLUMNS.items() if column != "version"}
    data = bytearray()

    async def keep(piece: bytes) -> None:
        data.extend(piece)

    await connection.copy_from_query(
        f"select {', '.join(columns)} from timetable_stop_time where version = $1 order by trip, sequence",  # noqa: S608
        number,
        output=keep,
        format="binary",
    )
    layout = _record(columns)
    count = (len(data) - len(COPY_HEADER) - len(COPY_TRAILER)) // layout.itemsize
    block = np.frombuffer(data, layout, count=count, offset=len(COPY_HEADER))
    return Calls(**{column: block[column].astype(kind) for column, kind in columns.items()})
