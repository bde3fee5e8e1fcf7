"""What the map shows of a network version and the register, each part in one query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

from app.store.agencies import IN_FORCE, TODAY
from app.store.timetable import ServiceRow
from app.store.timetable_pages import list_services

Row = dict[str, Any]
EVERY_SERVICE = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Drawn:
    """The parts of a map. `stops` maps positions of stops to the ids of their locations, and so on down the fields.

    `patterns` are (position of the route, positions of stops in order, {position of a service: how many trips}).
    """

    operators: list[Row]
    provinces: list[Row]
    pois: list[Row]
    systems: list[str]
    locations: list[Row]
    stops: list[str]
    routes: list[Row]
    services: list[ServiceRow]
    patterns: list[tuple[int, list[int], dict[int, int]]]


async def read_drawn(connection: asyncpg.Connection, number: int) -> Drawn:
    """Read everything that the map of version `number` shows, from one moment."""

    async def rows(query: str, *given: Any) -> list[Row]:
        return [dict(row) for row in await connection.fetch(query, *given)]

    stops = await rows("select id from timetable_stop where version = $1 order by position", number)
    locations = await rows(_LOCATIONS, number)
    return Drawn(
        operators=await rows("select id, name from timetable_operator where version = $1 order by position", number),
        provinces=await rows("select code, name, poi from province order by code"),
        pois=await rows("select code, name from poi order by code"),
        systems=sorted({row["system"] for row in locations} - {None}),
        locations=locations,
        stops=[row["id"] for row in stops],
        routes=await rows(
            "select id, operator, short_name, long_name, route_type from timetable_route where version = $1"
            " order by position",
            number,
        ),
        services=await _services(connection, number),
        patterns=await _patterns(connection, number),
    )


async def _services(connection: asyncpg.Connection, number: int) -> list[ServiceRow]:
    found = await list_services(connection, number, after=None, limit=EVERY_SERVICE)
    return [
        ServiceRow(row["id"], tuple(row["weekdays"]), row["start_date"], row["end_date"], tuple(row["added"]))
        for row in found
    ]


async def _patterns(connection: asyncpg.Connection, number: int) -> list[tuple[int, list[int], dict[int, int]]]:
    found: dict[tuple[int, tuple[int, ...]], dict[int, int]] = {}
    for route, service, stops, trips in await connection.fetch(_PATTERNS, number):
        found.setdefault((route, tuple(stops)), {})[service] = trips
    return [(route, list(stops), services) for (route, stops), services in found.items()]


# A location that is over is shown only where a van still calls.
_LOCATIONS = f"""
select l.id, l.kind, l.name, l.agency, coalesce(l.province, a.province) as province,
  coalesce(l.poi, own.poi, a.poi, theirs.poi) as poi,
  coalesce(l.system, (select p.system from system_participation p where p.agency = l.agency and {IN_FORCE}
                       order by p.since desc nulls last, p.system limit 1)) as system,
  coalesce(stop.lat, l.lat) as lat, coalesce(stop.lon, l.lon) as lon, stop.handling_seconds is not null as transfers
from location l
  left join timetable_stop stop on stop.version = $1 and stop.id = l.id
  left join agency a on a.isil = l.agency
  left join province own on own.code = l.province left join province theirs on theirs.code = a.province
where stop.id is not null
   or ((l.valid_from is null or l.valid_from <= {TODAY}) and (l.valid_until is null or l.valid_until > {TODAY}))
order by l.id
"""  # noqa: S608 - no value from outside is in it

_PATTERNS = """
select t.route, t.service, calls.stops, count(*) as trips
  from timetable_trip t
  join (select trip, array_agg(stop order by sequence) as stops
          from timetable_stop_time where version = $1 group by trip) calls on calls.trip = t.position
 where t.version = $1
 group by t.route, t.service, calls.stops
 order by t.route, min(t.position)
"""
