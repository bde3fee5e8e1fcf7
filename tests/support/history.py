"""A history of items that were handed to the vans, straight into the tables: so many a weekday, at one hour."""

from __future__ import annotations

from tests.support.filled import run_sql

_LENT = """
insert into loan_request (id, requesting_agency, requesting_agency_request_id, pickup_location, question, supplying,
requesting, item, status, outcome, supplying_agency, supplying_location, submitted_at, shipped_at, received_at,
returned_at, ended_at) select gen_random_uuid(), '{requester}', 'past-{origin}-' || day::date || '-' || number,
'{destination}', '{{}}', 'completed', 'closed', 'home', 'LoanCompleted', 'filled', '{supplier}', '{origin}', shipped -
interval '1 hour', shipped, shipped + interval '1 day', {returned}, shipped + interval '30 days' from
generate_series(timestamp '{since}', timestamp '{until}' - interval '1 day', '1 day') day, lateral (select (day + time
'{time}') at time zone 'Europe/Amsterdam' as shipped) at, generate_series(1, {items}) number where extract(isodow from
day) < 6
"""


async def hand_over(
    database_url: str,
    *,
    origin: str = "branch",
    destination: str = "desk",
    items: int = 8,
    since: str = "2025-11-24",
    until: str = "2026-11-23",
    time: str = "08:00",
    returned: bool = False,
) -> None:
    """Have `items` handed over at `origin` on every weekday from `since` on; `returned`: three weeks later back."""
    await run_sql(
        database_url,
        _LENT.format(
            requester="NL-1",
            supplier="NL-2",
            origin=origin,
            destination=destination,
            items=items,
            since=since,
            until=until,
            time=time,
            returned="shipped + interval '21 days'" if returned else "null",
        ),
    )
