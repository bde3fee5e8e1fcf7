"""Trips that run otherwise than planned on a day, by hand or by a feed: late, or past stops.

A planner's row that says neither is a word too: the trip runs as planned, whatever a feed says.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import asyncpg
import orjson

from routing.model import Change, Delay, Visit

Row = dict[str, Any]

PLANNER, FEED = "planner", "feed"
_CHANGE = "trip_id, service_date, route_id, operator, delays, skipped, source, by, note, changed_at"


class UnknownTripChange(Exception):  # noqa: N818 - named as the problem it becomes
    """No trip runs otherwise than planned on that day under that id."""


async def load_changes(connection: asyncpg.Connection) -> frozenset[Change]:
    """Return every change, as the engine wants it; of a trip that runs as planned it need not know."""
    rows = await connection.fetch(
        "select trip_id, service_date, delays, skipped from trip_change where delays <> '[]' or skipped <> '[]'"
    )
    return frozenset(change_of(_read(row)) for row in rows)


def change_of(row: Row) -> Change:
    """Return a change as the engine wants it."""
    return Change(
        trip=row["trip_id"],
        service_date=row["service_date"],
        delays=tuple(
            Delay(Visit(each["location"], each["visit"]), each["arrival"], each["departure"])
            for each in row["delays"]
        ),
        skipped=frozenset(Visit(each["location"], each["visit"]) for each in row["skipped"]),
    )


async def lock_said(connection: asyncpg.Connection) -> None:
    """Let nobody else say anything of any trip until the transaction ends: also not where nothing is said yet."""
    await connection.execute("select pg_advisory_xact_lock(hashtext('leenpad.trips.said'))")


async def put_change(
    connection: asyncpg.Connection,
    change: Change,
    *,
    route_id: str,
    operator: str,
    source: str,
    by: str,
    note: str | None,
    at: datetime,
) -> tuple[Row, str]:
    """Write down how a trip runs on a day, in the place of what was said before.

    Returns what is known then, and what it did: `created`, `updated`, or `unchanged` where it says nothing new.
    """
    found = await find_change(connection, change.trip, change.service_date)
    if found is not None and change_of(found) == change and (found["source"], found["note"]) == (source, note):
        return found, "unchanged"
    delays = [
        {
            "location": each.visit.stop,
            "visit": each.visit.number,
            "arrival": each.arrival,
            "departure": each.departure,
        }
        for each in change.delays
    ]
    skipped = [{"location": visit.stop, "visit": visit.number} for visit in sorted(change.skipped)]
    row = await connection.fetchrow(
        f"insert into trip_change ({_CHANGE}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"  # noqa: S608
        " on conflict (trip_id, service_date) do update set route_id = excluded.route_id,"
        " operator = excluded.operator, delays = excluded.delays, skipped = excluded.skipped,"
        " source = excluded.source, by = excluded.by, note = excluded.note, changed_at = excluded.changed_at"
        f" returning {_CHANGE}",
        *(change.trip, change.service_date, route_id, operator),
        *(orjson.dumps(delays).decode(), orjson.dumps(skipped).decode(), source, by, note, at),
    )
    return _read(row), "created" if found is None else "updated"


async def stand_as_planned(connection: asyncpg.Connection, row: Row, *, by: str, at: datetime) -> None:
    """Write down a planner's word that a trip runs as planned, in the place of the `row` in which a feed did not."""
    change = Change(row["trip_id"], row["service_date"])
    named = {"route_id": row["route_id"], "operator": row["operator"]}
    await put_change(connection, change, **named, source=PLANNER, by=by, note=None, at=at)


def says_as_planned(row: Row) -> bool:
    """Say whether a change is that a trip runs as planned."""
    return not row["delays"] and not row["skipped"]


async def find_change(connection: asyncpg.Connection, trip_id: str, service_date: date) -> Row | None:
    """Return how a trip runs otherwise on a day; None where nothing is said of it."""
    row = await connection.fetchrow(
        f"select {_CHANGE} from trip_change where trip_id = $1 and service_date = $2",  # noqa: S608
        *(trip_id, service_date),
    )
    return None if row is None else _read(row)


async def get_change(connection: asyncpg.Connection, trip_id: str, service_date: date) -> Row:
    """Return one change. Raises UnknownTripChange."""
    row = await find_change(connection, trip_id, service_date)
    if row is None:
        raise UnknownTripChange(f"The trip {trip_id} runs as planned on {service_date}, as far as is known.")
    return row


async def remove_change(connection: asyncpg.Connection, trip_id: str, service_date: date) -> None:
    """Forget a change."""
    await connection.execute(
        "delete from trip_change where trip_id = $1 and service_date = $2", *(trip_id, service_date)
    )


async def list_changes(
    connection: asyncpg.Connection,
    *,
    since: date | None,
    until: date | None = None,
    after: tuple[date, str] | None = None,
    limit: int | None,
) -> list[Row]:
    """Return changes by service day and trip, from a day on, up to a day (included)."""
    rows = await connection.fetch(
        f"select {_CHANGE} from trip_change"  # noqa: S608
        " where ($1::date is null or service_date >= $1) and ($2::date is null or service_date <= $2)"
        " and ($3::date is null or (service_date, trip_id) > ($3, $4))"
        " order by service_date, trip_id limit $5",
        *(since, until, *(after or (None, None)), limit),
    )
    return [_read(row) for row in rows]


async def list_fed(
    connection: asyncpg.Connection, operators: Iterable[str], *, since: date
) -> tuple[set[tuple[str, date]], set[tuple[str, date]]]:
    """Return what feeds say of the trips of these operators from a day on: those changed, and those cancelled."""
    changed, cancelled = [
        await connection.fetch(
            f"select trip_id, service_date from {table}"  # noqa: S608 - only our own text
            " where source = 'feed' and operator = any($1::text[]) and service_date >= $2",
            *(list(operators), since),
        )
        for table in ("trip_change", "trip_cancellation")
    ]
    return {(row[0], row[1]) for row in changed}, {(row[0], row[1]) for row in cancelled}


async def list_said(connection: asyncpg.Connection, *, since: date) -> set[tuple[str, date]]:
    """Return the trips of which feeds said something, from a day on."""
    rows = await connection.fetch(
        "select trip_id, service_date from trip_change where source = 'feed' and service_date >= $1"
        " union select trip_id, service_date from trip_cancellation where source = 'feed' and service_date >= $1",
        since,
    )
    return {(row[0], row[1]) for row in rows}


async def read_feeds(connection: asyncpg.Connection, by: str) -> dict[str, datetime]:
    """Return by operator of when the newest feed is that a sender sent of its trips."""
    rows = await connection.fetch("select operator, at from trip_feed where by = $1", by)
    return {row["operator"]: row["at"] for row in rows}


async def note_feed(connection: asyncpg.Connection, by: str, operators: Iterable[str], at: datetime) -> None:
    """Write down that a feed of that moment was followed for these operators, than which none of theirs is newer."""
    await connection.execute(
        "insert into trip_feed (by, operator, at) select $1, unnest($2::text[]), $3"
        " on conflict (by, operator) do update set at = excluded.at",
        *(by, sorted(operators), at),
    )


def _read(row: asyncpg.Record) -> Row:
    found = dict(row)
    for name in ("delays", "skipped"):
        found[name] = orjson.loads(found[name])
    return found
