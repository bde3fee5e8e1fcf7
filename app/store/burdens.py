"""What suppliers bear: who lent more than was borrowed, what is still to be sent, and how often who was asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from app.store.statistics import Scope, read_balance


async def read_net_loans(connection: asyncpg.Connection, *, since: datetime, until: datetime) -> dict[str, int]:
    """Return by agency how many items it sent in a period, less those that were sent to it: as statistics have it."""
    found = await read_balance(connection, Scope(since=since, until=until, agencies=None), "agency")
    return {agency: row["lent"] - row["borrowed"] for agency, row in found.items() if agency is not None}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items locations have to send, and how often agencies and locations were asked in a period."""

    open_items: dict[str, int]
    asked: dict[str, int]
    asked_here: dict[str, int]


# What was sent or has ended is no longer to be sent; whatever became of it, it was asked for: but for what came from
# another reader, for which nobody was.
_COUNTS = """
select supplying_location, supplying_agency, sum(open)::int as open, sum(asked)::int as asked
  from (select supplying_location, supplying_agency, 1 as open, 0 as asked
          from placement where state <> 'closed' and shipped_at is null
         union all
        select supplying_location, supplying_agency, 0, 1
          from placement where asked_at >= $1 and asked_at < $2 and not forwarded) counted
 group by 1, 2
"""


async def read_counts(connection: asyncpg.Connection, *, since: datetime, until: datetime) -> Counts:
    """Return what is to be sent now, and who was asked in a period, by names that have any."""
    found = Counts({}, {}, {})
    for location, agency, items, asked in await connection.fetch(_COUNTS, since, until):
        _add(found.open_items, location, items)
        _add(found.asked_here, location, asked)
        if agency is not None:
            _add(found.asked, agency, asked)
    return found


def _add(to: dict[str, int], name: str, count: int) -> None:
    if count:
        to[name] = to.get(name, 0) + count


# --- whom another may not be asked in between -----------------------------------------------------


async def lock_days(connection: asyncpg.Connection) -> None:
    """Make whoever asks a supplier that keeps to so many a day wait for the end of this transaction.

    One lock for all of them, and always the last that is taken: two never wait for each other in a ring.
    """
    await connection.execute("select pg_advisory_xact_lock(hashtextextended('asked in a day', 0))")


async def count_asked(connection: asyncpg.Connection, *, since: datetime) -> tuple[dict[str, int], dict[str, int]]:
    """Return how often agencies, and locations, were asked from a moment on, whatever became of it.

    What is sent on from reader to reader asks nobody.
    """
    rows = await connection.fetch(
        "select supplying_agency, supplying_location, count(*)::int as asked from placement"
        " where asked_at >= $1 and not forwarded group by 1, 2",
        since,
    )
    by_agency: dict[str, int] = {}
    by_location: dict[str, int] = {}
    for agency, location, asked in rows:
        _add(by_location, location, asked)
        if agency is not None:
            _add(by_agency, agency, asked)
    return by_agency, by_location
