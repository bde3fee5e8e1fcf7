"""What policy takes away with time: idempotency keys, old changes, and who was behind an ended loan request."""

from __future__ import annotations

from datetime import datetime

import asyncpg


async def forget_keys(connection: asyncpg.Connection, *, days: int) -> int:
    """Remove idempotency keys older than `days`, and return how many; by the world's clock, as callers repeat."""
    done = await connection.execute(
        "delete from idempotency_key where created_at < now() - make_interval(days => $1)", days
    )
    return int(done.rsplit(" ", 1)[-1])


async def forget_changes(connection: asyncpg.Connection, *, days: int, limit: int) -> int:
    """Remove at most `limit` changes older than `days`, oldest first, and return how many; by the world's time."""
    done = await connection.execute(
        """
        delete from change where id in (
            select id from change where at < now() - make_interval(days => $1) order by at limit $2)
        """,
        *(days, limit),
    )
    return int(done.rsplit(" ", 1)[-1])


# The agency's own number leads, in its system, to the reader: the loan request's id stands in for it. A word of the
# standard's is a reason; a sentence may say anything. Of who did it the agency or system stays, not the person. A
# receipt is the number under which a supplier's system knows the order.
_STRIP = """
with old as (
    select id, requesting_agency from loan_request where ended_at < $1 and stripped_at is null
     order by ended_at limit $3 for update skip locked),
stripped as (
    update loan_request
       set stripped_at = $2, requesting_agency_request_id = id::text, patron_reference = null, itinerary = null,
           itinerary_by = null, question = '{}'
     where id in (select id from old)),
events as (
    update loan_event
       set note = null,
           data = case when data ->> 'receipt' is null then data else (data::jsonb - 'receipt')::json end,
           reason = case when reason ~ '^[A-Za-z]+$' then reason end,
           by = case when by like '%: %' then split_part(by, ': ', 1)
                     when by in ('leenpad', 'admin') then by
                     when exists (select from agency where isil = by) or exists (select from system where id = by)
                     then by
                     when by in (select requesting_agency from old where old.id = loan_event.loan_request
                                 union select supplying_agency from placement
                                        where placement.loan_request = loan_event.loan_request)
                     then by
                     else 'staff' end
     where loan_request in (select id from old)),
placements as (
    update placement set receipt = null, reason = case when reason ~ '^[A-Za-z]+$' then reason end
     where loan_request in (select id from old))
select count(*) from old
"""


async def strip_loans(connection: asyncpg.Connection, *, ended_before: datetime, at: datetime, limit: int) -> int:
    """Take from at most `limit` loan requests what could point at a person, the longest ended first; return how many.

    The states, the times, who lent to whom and the ledger stay whole.
    """
    return int(await connection.fetchval(_STRIP, ended_before, at, limit))
