"""A network version a page at a time, for whoever wants to look at it."""

from __future__ import annotations

from datetime import date
from typing import Any, TypedDict

import asyncpg

from app.store.timetable import NOT_HERE

Row = dict[str, Any]


class RouteUnknown(Exception):  # noqa: N818 - named as the problem it becomes
    """The network version has no route of that id."""


class _Call(TypedDict):
    stop_id: str
    stop_sequence: int
    arrival_time: str
    departure_time: str
    pickup: bool
    drop_off: bool


async def list_stops(connection: asyncpg.Connection, number: int, *, after: int | None, limit: int) -> list[Row]:
    """Return at most `limit` stops after position `after`, by id."""
    return await _rows(
        connection,
        "select position, id, name, lat, lon, handling_seconds from timetable_stop"
        " where version = $1 and position > $2 order by position limit $3",
        (number, after, limit),
    )


async def list_routes(connection: asyncpg.Connection, number: int, *, after: int | None, limit: int) -> list[Row]:
    """Return at most `limit` routes after position `after`, by id, with the name of their operator."""
    return await _rows(
        connection,
        "select r.position, r.id, o.id as operator_id, o.name as operator, r.short_name, r.long_name, r.route_type"
        " from timetable_route r join timetable_operator o on o.version = r.version and o.position = r.operator"
        " where r.version = $1 and r.position > $2 order by r.position limit $3",
        (number, after, limit),
    )


async def list_services(connection: asyncpg.Connection, number: int, *, after: int | None, limit: int) -> list[Row]:
    """Return at most `limit` services after position `after`, by id, with the days added and taken out."""
    rows = await _rows(
        connection,
        "select s.position, s.id, s.weekdays, s.start_date, s.end_date,"
        " array(select day from timetable_service_date d where d.version = s.version and d.service = s.position"
        "  and d.added order by day) as added,"
        " array(select day from timetable_service_date d where d.version = s.version and d.service = s.position"
        "  and not d.added order by day) as removed"
        " from timetable_service s where s.version = $1 and s.position > $2 order by s.position limit $3",
        (number, after, limit),
    )
    for row in rows:
        start: date = row["start_date"]
        if start > row["end_date"]:  # known from calendar_dates only
            row["start_date"] = row["end_date"] = None
    return rows


async def list_trips(
    connection: asyncpg.Connection, number: int, *, after: int | None, limit: int, route: str | None = None
) -> list[Row]:
    """Return at most `limit` trips after position `after`, by id, each with its calls; of one `route`, or all."""
    trips = await _rows(
        connection,
        "select t.position, t.id, r.id as route_id, s.id as service_id, t.headsign, t.short_name, t.crate_capacity"
        " from timetable_trip t"
        " join timetable_route r on r.version = t.version and r.position = t.route"
        " join timetable_service s on s.version = t.version and s.position = t.service"
        " where t.version = $1 and t.position > $2 and ($4::text is null or r.id = $4) order by t.position limit $3",
        (number, after, limit),
        route,
    )
    calls: dict[int, list[_Call]] = {trip["position"]: [] for trip in trips}
    if trips:
        found = await connection.fetch(
            "select c.trip, c.sequence, s.id, c.arrival, c.departure, c.pickup_type, c.drop_off_type"
            " from timetable_stop_time c join timetable_stop s on s.version = c.version and s.position = c.stop"
            " where c.version = $1 and c.trip = any($2::int[]) order by c.trip, c.sequence",
            number,
            list(calls),
        )
        for trip, sequence, stop, arrival, departure, pickup, drop_off in found:
            calls[trip].append(
                _Call(
                    stop_id=stop,
                    stop_sequence=sequence,
                    arrival_time=gtfs_time(arrival),
                    departure_time=gtfs_time(departure),
                    pickup=pickup != NOT_HERE,
                    drop_off=drop_off != NOT_HERE,
                )
            )
    return [{**trip, "stop_times": calls[trip["position"]]} for trip in trips]


def gtfs_time(seconds: int) -> str:
    """Write GTFS seconds as HH:MM:SS; hours may pass 24."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}"


async def _rows(
    connection: asyncpg.Connection, query: str, asked: tuple[int, int | None, int], *given: str | None
) -> list[Row]:
    number, after, limit = asked
    rows = await connection.fetch(query, number, -1 if after is None else after, limit, *given)
    return [dict(row) for row in rows]


async def get_route(connection: asyncpg.Connection, number: int, route: str) -> Row:
    """Return one route of a version with the name of its operator. Raises RouteUnknown."""
    rows = await connection.fetch(
        "select r.id, o.id as operator_id, o.name as operator, r.short_name, r.long_name, r.route_type"
        " from timetable_route r join timetable_operator o on o.version = r.version and o.position = r.operator"
        " where r.version = $1 and r.id = $2",
        *(number, route),
    )
    if not rows:
        raise RouteUnknown(f"This network version has no route {route}.")
    return dict(rows[0])
