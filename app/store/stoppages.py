"""What does not run after all: cancelled trips, and suspensions of an agency, location, route, POI or everything.

Processes keep both in memory with the register, so whoever changes one counts a change of the register too.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import asyncpg

from app.store.trip_changes import PLANNER, load_changes
from routing.model import ClosedStop, Standstill, Stoppages

Row = dict[str, Any]

_CANCELLATION = "trip_id, service_date, route_id, operator, by, note, created_at, source"
_SUSPENSION = "id, agency, location, route, poi, everything, since, until, by, note"


class UnknownCancellation(Exception):  # noqa: N818 - named as the problem it becomes
    """No trip is cancelled on that day under that id."""


class UnknownSuspension(Exception):  # noqa: N818 - named as the problem it becomes
    """There is no suspension of that id."""


async def load_stoppages(connection: asyncpg.Connection) -> Stoppages:
    """Return everything that does not run, as the engine wants it."""
    trips = await connection.fetch("select trip_id, service_date from trip_cancellation")
    routes = await connection.fetch(
        "select route, since, until from suspension where route is not null or everything"
    )
    # A POI drives under every name that it ever went by: which network version is active does not matter.
    operators = await connection.fetch(
        "select since, until, name from suspension cross join lateral (select suspension.poi as name"
        " union select poi.name from poi where code = suspension.poi"
        " union select operator.name from timetable_operator operator where operator.id = suspension.poi) called"
        " where suspension.poi is not null"
    )
    stops = await connection.fetch("select location, since, until from suspension where location is not null")
    return Stoppages(
        changes=await load_changes(connection),
        trips=frozenset((row["trip_id"], row["service_date"]) for row in trips),
        routes=frozenset(Standstill(*row) for row in routes)
        | {Standstill(None, row["since"], row["until"], row["name"]) for row in operators},
        stops=frozenset(ClosedStop(*row) for row in stops),
    )


# --- cancelled trips ------------------------------------------------------------------------------


async def add_cancellation(
    connection: asyncpg.Connection,
    *,
    trip_id: str,
    service_date: date,
    route_id: str,
    operator: str,
    by: str,
    note: str | None,
    source: str = PLANNER,
) -> bool:
    """Write down that a trip does not run on a day; False, and nothing written, where that was known already.

    What a feed said becomes a planner's word when one says the same: then no feed takes it back.
    """
    done: str = await connection.execute(
        "insert into trip_cancellation (trip_id, service_date, route_id, operator, by, note, source)"
        " values ($1, $2, $3, $4, $5, $6, $7) on conflict (trip_id, service_date) do update"
        " set by = excluded.by, note = excluded.note, source = excluded.source"
        " where trip_cancellation.source = 'feed' and excluded.source = 'planner'",
        *(trip_id, service_date, route_id, operator, by, note, source),
    )
    return done == "INSERT 0 1"


async def get_cancellation(connection: asyncpg.Connection, trip_id: str, service_date: date) -> Row:
    """Return one cancellation. Raises UnknownCancellation."""
    row = await find_cancellation(connection, trip_id, service_date)
    if row is None:
        raise UnknownCancellation(f"The trip {trip_id} is not cancelled on {service_date}.")
    return row


async def find_cancellation(connection: asyncpg.Connection, trip_id: str, service_date: date) -> Row | None:
    """Return one cancellation; None where the trip is not cancelled."""
    row = await connection.fetchrow(
        f"select {_CANCELLATION} from trip_cancellation where trip_id = $1 and service_date = $2",  # noqa: S608
        *(trip_id, service_date),
    )
    return None if row is None else dict(row)


async def remove_cancellation(connection: asyncpg.Connection, trip_id: str, service_date: date) -> None:
    """Forget a cancellation that is known to exist."""
    await connection.execute(
        "delete from trip_cancellation where trip_id = $1 and service_date = $2", *(trip_id, service_date)
    )


async def list_cancellations(
    connection: asyncpg.Connection, *, since: date | None, after: tuple[date, str] | None, limit: int
) -> list[Row]:
    """Return cancellations by service day and trip, from a day on."""
    rows = await connection.fetch(
        f"select {_CANCELLATION} from trip_cancellation"  # noqa: S608
        " where ($1::date is null or service_date >= $1)"
        " and ($2::date is null or (service_date, trip_id) > ($2, $3))"
        " order by service_date, trip_id limit $4",
        *(since, *(after or (None, None)), limit),
    )
    return [dict(row) for row in rows]


# --- suspensions ----------------------------------------------------------------------------------


async def add_suspension(
    connection: asyncpg.Connection,
    *,
    agency: str | None,
    location: str | None,
    route: str | None,
    poi: str | None,
    since: date | None,
    until: date | None,
    by: str,
    note: str | None,
) -> Row:
    """Write a suspension down; of everything where it names no subject."""
    everything = agency is None and location is None and route is None and poi is None
    row = await connection.fetchrow(
        "insert into suspension (agency, location, route, poi, everything, since, until, by, note)"  # noqa: S608
        f" values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning {_SUSPENSION}",
        *(agency, location, route, poi, everything, since, until, by, note),
    )
    return dict(row)


async def is_operator(connection: asyncpg.Connection, poi: str) -> bool:
    """Return whether a POI goes by this code, or an operator of the active network by this id."""
    found: bool = await connection.fetchval(
        "select exists (select from poi where code = $1) or exists (select from timetable_operator where id = $1"
        " and version = (select version from network_activation where undone_at is null order by id desc limit 1))",
        poi,
    )
    return found


async def get_suspension(connection: asyncpg.Connection, number: int) -> Row:
    """Return one suspension. Raises UnknownSuspension."""
    row = await connection.fetchrow(f"select {_SUSPENSION} from suspension where id = $1", number)  # noqa: S608
    if row is None:
        raise UnknownSuspension(f"There is no suspension {number}.")
    return dict(row)


async def lift_suspension(connection: asyncpg.Connection, number: int, *, today: date) -> None:
    """End a suspension today; one that has not begun was never meant. What has been stays known: lapses count it."""
    if await connection.fetchval("select since >= $2 from suspension where id = $1", number, today):
        await connection.execute("delete from suspension where id = $1", number)
    else:
        await connection.execute("update suspension set until = least(until, $2) where id = $1", number, today)


async def list_suspensions(connection: asyncpg.Connection, *, after: int | None, limit: int) -> list[Row]:
    """Return suspensions by id, those that imports brought included."""
    rows = await connection.fetch(
        f"select {_SUSPENSION} from suspension where $1::bigint is null or id > $1 order by id limit $2",  # noqa: S608
        *(after, limit),
    )
    return [dict(row) for row in rows]


# --- whom it touches ------------------------------------------------------------------------------


async def count_again(
    connection: asyncpg.Connection, *, agency: str | None, location: str | None, poi: str | None, due: Any
) -> None:
    """Have lapses and due dates counted again at `due`: of an agency, a location, a POI, or (None) of all."""
    supplier = """($1::text is null or supplying_agency = $1) and ($2::text is null or supplying_location = $2)
        and ($4::text is null or supplying_location in (
             select location.id from location left join province on province.code = location.province
              where coalesce(location.poi, province.poi) = $4)
          or supplying_agency in (
             select isil from agency left join province on province.code = agency.province
              where coalesce(agency.poi, province.poi) = $4))"""
    await connection.execute(
        f"""
        update task set due_at = least(due_at, $3)
         where kind = 'lapse' and dead_at is null and leased_until is null
           and subject in (select loan_request || '-' || number from placement where state = 'live' and {supplier})
        """,  # noqa: S608 - only our own text
        *(agency, location, due, poi),
    )
    await connection.execute(
        f"""
        update task set due_at = least(due_at, $3)
         where kind = 'overdue' and dead_at is null and leased_until is null
           and subject in (select id::text from loan_request
                            where outcome is null and due_at is not null and {supplier})
        """,  # noqa: S608
        *(agency, location, due, poi),
    )
