"""The history of loan requests: written with the change itself, read in an order that loses nothing.

A row's `id` is drawn before its transaction ends, so a reader that remembers the highest id could pass over a
row that becomes visible later with a lower one. Readers therefore go by (transaction, id), and only up to the oldest
transaction that is still running. A cursor names an id; where its row stands in that order is looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

CHANNEL = "leenpad"
"""What is notified when an event or a task has come."""

_COLUMNS = (
    "id, loan_request, sequence, event, at, recorded_at, by, status, supplying_agency, supplying_location,"
    " reason, note, data"
)
# What may still change its mind: rows of transactions from here on are not read yet.
_SETTLED = "transaction < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an event says besides its name: who, when, and why. `data` is of the event's own."""

    at: datetime
    by: str
    reason: str | None = None
    note: str | None = None
    data: dict[str, Any] | None = None


async def list_events(
    connection: asyncpg.Connection, loan: UUID, *, after: int = 0, limit: int
) -> list[dict[str, Any]]:
    """Return the events of one loan request with a sequence above `after`, in order."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from loan_event where loan_request = $1 and sequence > $2 order by sequence limit $3",  # noqa: S608
        *(loan, after, limit),
    )
    return [as_event(row) for row in rows]


async def follow_events(
    connection: asyncpg.Connection, *, after: int, agency: str | None, limit: int
) -> list[dict[str, Any]]:
    """Return the events that come after the one with id `after` (0: from the first), whoever's they are.

    `agency` narrows them to loan requests in which it takes part: as requester, or as a supplier that was asked.
    """
    rows = await connection.fetch(
        f"""
        with position as (select coalesce((select transaction from loan_event where id = $1), 0) as transaction)
        select {_COLUMNS} from loan_event event
         where (transaction, id) > ((select transaction from position), $1) and {_SETTLED}
           and ($2::text is null
                or exists (select from loan_request where loan_request.id = event.loan_request
                                                      and requesting_agency = $2)
                or exists (select from placement where placement.loan_request = event.loan_request
                                                   and placement.supplying_agency = $2))
         order by transaction, id limit $3
        """,  # noqa: S608 - only our own text
        *(after, agency, limit),
    )
    return [as_event(row) for row in rows]


async def settle_restored(connection: asyncpg.Connection) -> None:
    """Give events of another server's transactions, as a restored backup has them, the place of the oldest."""
    await connection.execute(
        "update loan_event set transaction = 0"
        " where transaction >= (pg_snapshot_xmax(pg_current_snapshot())::text)::bigint"
    )


def as_event(row: asyncpg.Record) -> dict[str, Any]:
    """Return a row as the API shows it."""
    found = dict(row)
    found["data"] = None if row["data"] is None else orjson.loads(row["data"])
    return found


def written(data: dict[str, Any] | Sequence[Any] | None) -> str | None:
    """Return what a JSON column takes."""
    return None if data is None else orjson.dumps(data).decode()
