"""What was handed to the vans: how many items, where, when, and where they went. No title, no reader."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from app.store.register import TIMEZONE

# There, when the item was shipped; back, when it was returned. What supplies itself rides no van.
_HANDED_OVER = """
    select supplying_location as origin, pickup_location as destination, shipped_at as at from loan_request
     where shipped_at >= $1 and shipped_at < $2 and supplying_location <> pickup_location
     union all
    select pickup_location, supplying_location, returned_at from loan_request
     where returned_at >= $1 and returned_at < $2 and supplying_location <> pickup_location"""


async def count_by_day(
    connection: asyncpg.Connection, *, since: datetime, until: datetime
) -> Sequence[asyncpg.Record]:
    """Return (origin, day, items, seconds after midnight on average) of what was handed over from `since` on."""
    found: Sequence[asyncpg.Record] = await connection.fetch(
        f"select origin, (at at time zone '{TIMEZONE}')::date as day, count(*) as items,"  # noqa: S608 - our own text
        f" avg(extract(epoch from (at at time zone '{TIMEZONE}')::time))::float8 as seconds"
        f" from ({_HANDED_OVER}) handed_over group by 1, 2",
        *(since, until),
    )
    return found


async def count_by_pair(
    connection: asyncpg.Connection, *, since: datetime, until: datetime, half_life_days: float
) -> Sequence[asyncpg.Record]:
    """Return (origin, destination, weight, items); an item weighs half for every `half_life_days` of its age."""
    found: Sequence[asyncpg.Record] = await connection.fetch(
        "select origin, destination,"  # noqa: S608 - only our own text
        " sum(power(0.5, extract(epoch from $2 - at)::float8 / 86400 / $3))::float8 as weight, count(*) as items"
        f" from ({_HANDED_OVER}) handed_over group by 1, 2 order by 1, 2",
        *(since, until, half_life_days),
    )
    return found


async def count_by_hour(connection: asyncpg.Connection, *, since: datetime, until: datetime) -> dict[int, int]:
    """Return how many items were handed over in each hour of the day."""
    rows = await connection.fetch(
        f"select extract(hour from at at time zone '{TIMEZONE}')::int as hour, count(*) as items"  # noqa: S608
        f" from ({_HANDED_OVER}) handed_over group by 1",
        *(since, until),
    )
    return {row["hour"]: row["items"] for row in rows}


async def areas_of(connection: asyncpg.Connection) -> dict[str, str]:
    """Return the POI in whose area each location is, where that is known."""
    rows = await connection.fetch(
        "select l.id, coalesce(l.poi, lp.poi, a.poi, ap.poi) as poi from location l"
        " left join province lp on lp.code = l.province left join agency a on a.isil = l.agency"
        " left join province ap on ap.code = a.province"
    )
    return {row["id"]: row["poi"] for row in rows if row["poi"] is not None}


async def crate_capacities(connection: asyncpg.Connection, number: int) -> dict[str, int]:
    """Return how many crates each trip of a network version takes, where that is stated."""
    rows = await connection.fetch(
        "select id, crate_capacity from timetable_trip where version = $1 and crate_capacity is not null", number
    )
    return {row["id"]: row["crate_capacity"] for row in rows}


async def list_ways(connection: asyncpg.Connection) -> list[tuple[UUID, list[dict[str, Any]]]]:
    """Return the loan requests whose item is on its way there or back, with the legs planned for it, by id."""
    rows = await connection.fetch(
        "select id, itinerary from loan_request where outcome is null and itinerary is not null"
        " and item in ('on_trip', 'at_hub', 'on_the_way_back') order by id"
    )
    return [(row["id"], orjson.loads(row["itinerary"])) for row in rows]
