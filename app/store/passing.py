"""What passes by a location or rides on a route: loan requests under way, counted, and what a location holds."""

from __future__ import annotations

from datetime import date
from typing import Any

import asyncpg

Row = dict[str, Any]


async def count_at(connection: asyncpg.Connection, location: str) -> list[Row]:
    """Count open loan requests that go to or come from a location, or whose item is there for its reader."""
    rows = await connection.fetch(_AT, location)
    return [dict(row) for row in rows]


async def count_on(connection: asyncpg.Connection, route: str, *, since: date, until: date) -> list[Row]:
    """Count the items that ride on trips of a route, by trip, service date, where they get on and where off."""
    rows = await connection.fetch(_ON, route, since.isoformat(), until.isoformat())
    return [{**row, "service_date": date.fromisoformat(row["service_date"])} for row in rows]


async def count_shelf(connection: asyncpg.Connection, location: str) -> Row:
    """Count what a location holds: titles, copies, and copies on the shelf as far as they are known."""
    row = await connection.fetchrow(_SHELF, location)
    return dict(row)


# `to`: it is going to travel or travels to this location; `from`: from it; `here`: it waits or is with the reader.
_AT = """
select case when item in ('at_pickup') then 'here'
            when (item = 'on_the_way_back') = (supplying_location = $1) then 'to' else 'from' end as direction,
       item, item = 'on_the_way_back' as back, count(*) as loan_requests
  from loan_request
 where outcome is null and supplying_location is not null and item not in ('home', 'lost', 'forwarded')
   and ((pickup_location = $1) <> (supplying_location = $1))
   and (item <> 'at_pickup' or pickup_location = $1)
 group by 1, 2, 3 order by 1, 2
"""

_SHELF = """
select count(*) as titles, coalesce(sum(copies), 0) as copies, coalesce(sum(available), 0) as available_known,
       count(*) filter (where loanable) as loanable_titles
  from holding where location = $1
"""

_ON = """
select leg ->> 'trip_id' as trip_id, leg ->> 'service_date' as service_date, leg ->> 'from_location' as from_location,
       leg ->> 'to_location' as to_location, min(leg ->> 'departs_at')::timestamptz as departs_at,
       count(*) as items, count(*) filter (where item = 'on_the_way_back') as back
  from loan_request cross join lateral json_array_elements(itinerary) leg
 where outcome is null and itinerary is not null and item in ('on_trip', 'at_hub', 'on_the_way_back')
   and leg ->> 'route_id' = $1 and leg ->> 'service_date' >= $2 and leg ->> 'service_date' < $3
 group by 1, 2, 3, 4 order by 5, 1, 3, 4
"""
