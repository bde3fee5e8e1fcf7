"""What rides which trip on a day, read from the itineraries of what is under way; and what was planned again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from app.store.loans import Loan, read_loans

Row = dict[str, Any]

_LEGS = """loan_request l cross join lateral json_array_elements(l.itinerary) leg
 where l.outcome is null and l.itinerary is not null"""
# An ISBN may name several titles; the one known first stands for them.
_TITLE = """left join title t on t.id = coalesce(
    (select p.title_id from title_ppn p where p.ppn = l.ppn limit 1),
    (select min(i.title_id) from title_isbn i where i.isbn = l.isbn))"""


async def list_riders(connection: asyncpg.Connection, trip_id: str, service_date: date, *, limit: int) -> list[Row]:
    """Return what rides a trip on a day, by loan request: its leg, what it is, and from where to where."""
    rows = await connection.fetch(
        f"""
        select l.id, l.requesting_agency_request_id, l.isbn, l.ppn, l.item, l.supplying_location, l.pickup_location,
               l.expected_at, l.leg, nullif(t.title, '') as title, nullif(t.author, '') as author
          from (select l.*, leg.value as leg from {_LEGS}
                   and leg.value ->> 'trip_id' = $1 and leg.value ->> 'service_date' = $2
                 order by l.id limit $3) l
          {_TITLE}
         order by l.id
        """,  # noqa: S608 - only our own text
        *(trip_id, service_date.isoformat(), limit),
    )
    return [{**row, "leg": orjson.loads(row["leg"])} for row in rows]


async def count_riders(connection: asyncpg.Connection, trip_id: str, service_date: date) -> list[Row]:
    """Return how many items board where and leave where, of a trip on a day."""
    rows = await connection.fetch(
        f"""
        select leg.value ->> 'from_location' as from_location, leg.value ->> 'to_location' as to_location,
               leg.value ->> 'departs_at' as departs_at, count(*)::int as items
          from {_LEGS} and leg.value ->> 'trip_id' = $1 and leg.value ->> 'service_date' = $2
         group by 1, 2, 3
        """,  # noqa: S608
        *(trip_id, service_date.isoformat()),
    )
    return [dict(row) for row in rows]


async def list_riding_loans(
    connection: asyncpg.Connection, trip_id: str, service_date: date, *, limit: int
) -> tuple[int, list[Loan]]:
    """Return how many loan requests ride a trip on a day, and the first `limit` of them whole, by id."""
    rows = await connection.fetch(
        f"select distinct l.id from {_LEGS} and leg.value ->> 'trip_id' = $1"  # noqa: S608
        " and leg.value ->> 'service_date' = $2 order by l.id",
        *(trip_id, service_date.isoformat()),
    )
    return len(rows), await read_loans(connection, [row["id"] for row in rows[:limit]])


async def list_loads(connection: asyncpg.Connection, service_date: date) -> list[Row]:
    """Return how many items board where and leave where, of every trip on a day."""
    rows = await connection.fetch(
        """
        select leg.trip_id, leg.from_location, leg.to_location, leg.departs_at, count(*)::int as items
          from loan_request l cross join lateral json_to_recordset(l.itinerary) as leg
               (trip_id text, service_date text, from_location text, to_location text, departs_at text)
         where l.outcome is null and l.itinerary is not null and leg.service_date = $1
         group by 1, 2, 3, 4
        """,
        service_date.isoformat(),
    )
    return [dict(row) for row in rows]


async def describe(connection: asyncpg.Connection, loan: UUID) -> Row:
    """Return what a loan request that is known to exist is about, for whoever has the item in their hands."""
    row = await connection.fetchrow(
        "select nullif(t.title, '') as title, nullif(t.author, '') as author"  # noqa: S608 - a constant of ours
        f" from loan_request l {_TITLE} where l.id = $1",
        loan,
    )
    return {"title": None, "author": None} if row is None else dict(row)


async def name_locations(connection: asyncpg.Connection, ids: Collection[str]) -> dict[str, str]:
    """Return the names of locations by id, of those that are known."""
    rows = await connection.fetch("select id, name from location where id = any($1::text[])", list(ids))
    return {row["id"]: row["name"] for row in rows}


async def read_vehicles(connection: asyncpg.Connection, version: str) -> dict[str, tuple[str, int | None]]:
    """Return of the trips of a version by id what is written on the vehicle, and how many crates it takes."""
    rows = await connection.fetch(
        "select t.id, t.headsign, t.crate_capacity from timetable_trip t"
        " join network_version v on v.number = t.version where v.id = $1",
        version,
    )
    return {row["id"]: (row["headsign"], row["crate_capacity"]) for row in rows}


async def read_vehicle(connection: asyncpg.Connection, version: str, trip_id: str) -> tuple[str, int | None]:
    """Return the same of one trip."""
    row = await connection.fetchrow(
        "select t.headsign, t.crate_capacity from timetable_trip t"
        " join network_version v on v.number = t.version where v.id = $1 and t.id = $2",
        *(version, trip_id),
    )
    return ("", None) if row is None else (row["headsign"], row["crate_capacity"])


async def read_sequences(
    connection: asyncpg.Connection, version: str, trips: Collection[str]
) -> dict[str, list[int]]:
    """Return the stop_sequence of each call of these trips of a version, in order."""
    rows = await connection.fetch(
        "select t.id, array_agg(c.sequence order by c.sequence) as sequences"
        "  from network_version v join timetable_trip t on t.version = v.number and t.id = any($2::text[])"
        "  join timetable_stop_time c on c.version = t.version and c.trip = t.position"
        " where v.id = $1 group by t.id",
        *(version, list(trips)),
    )
    return {row["id"]: row["sequences"] for row in rows}


async def list_replanned(
    connection: asyncpg.Connection,
    *,
    since: datetime,
    operators: Collection[str] | None,
    before: int | None,
    limit: int,
) -> list[Row]:
    """Return the events by which items were planned again from a moment on, the newest first.

    `operators`: only of items that one of them drives now (None: of all).
    """
    rows = await connection.fetch(
        """
        select e.id, e.loan_request, e.at, e.note, e.data, l.item, l.supplying_location, l.pickup_location,
               l.expected_at, l.itinerary
          from loan_event e join loan_request l on l.id = e.loan_request
         where e.event = 'Replanned' and e.at >= $1 and ($3::bigint is null or e.id < $3)
           and ($2::text[] is null or exists (
               select from json_array_elements(l.itinerary) leg where leg.value ->> 'operator' = any($2)))
         order by e.id desc limit $4
        """,
        *(since, None if operators is None else list(operators), before, limit),
    )
    return [
        {
            **row,
            "data": None if row["data"] is None else orjson.loads(row["data"]),
            "itinerary": None if row["itinerary"] is None else orjson.loads(row["itinerary"]),
        }
        for row in rows
    ]
