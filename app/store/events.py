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


@dataclass(frozen=True, slots=True)
class Supplier:
    """Who is told what it was a party to: an agency, and the POI for whose locations without one it answers."""

    agency: str | None
    poi: str | None = None


# What happened while somebody was asked, or was the supplier.
_ITS_OWN = """(supplying_agency = $4 or (supplying_agency is null and $5::text is not null and supplying_location in (
    select location.id from location left join province on province.code = location.province
     where location.agency is null and coalesce(location.poi, province.poi) = $5)))"""


async def list_events(
    connection: asyncpg.Connection, loan: UUID, *, after: int = 0, limit: int, told: Supplier | None = None
) -> list[dict[str, Any]]:
    """Return the events of one loan request with a sequence above `after`, in order.

    `told` narrows them to those that happened while it was asked, or was the supplier.
    """
    query = f"select {_COLUMNS} from loan_event where loan_request = $1 and sequence > $2"  # noqa: S608
    values: list[Any] = [loan, after, limit]
    if told is not None:
        query += f" and {_ITS_OWN}"
        values += [told.agency, told.poi]
    rows = await connection.fetch(f"{query} order by sequence limit $3", *values)
    return [as_event(row) for row in rows]


async def was_heard(connection: asyncpg.Connection, loan: UUID, message: str) -> bool:
    """Return whether an event of a loan request came in this message."""
    found: bool = await connection.fetchval(
        "select exists (select from loan_event where loan_request = $1 and data ->> 'message' = $2)", loan, message
    )
    return found


# Where the event with id $1 stands; the start where there is none.
_FROM = "((select coalesce(max(transaction), '-9223372036854775808'::bigint) from loan_event where id = $1), $1)"
_NEXT = f"select {_COLUMNS}, transaction from loan_event where (transaction, id) > {_FROM} and {_SETTLED}"  # noqa: S608
_IN_ORDER = "order by transaction, id limit $2"
_EVERYONES = f"{_NEXT} {_IN_ORDER}"
# Each half stops at the limit in an index of its own, whatever others do in the meantime.
_AN_AGENCY_S = f"""
({_NEXT} and requesting_agency = $3 {_IN_ORDER}) union all
({_NEXT} and supplying_agency = $3 and requesting_agency <> $3 {_IN_ORDER})
{_IN_ORDER}
"""


async def last_known(connection: asyncpg.Connection, id: int) -> int:
    """Return the event that an id stands for to those who follow: itself, or else the last one before it; 0: none.

    Whoever names one that is gone, or that another database gave out, is so not told everything again. For one that
    is later than all, it is the last that is told by now.
    """
    found: int = await connection.fetchval(
        "select coalesce(case when $1 > (select max(id) from loan_event)"  # noqa: S608 - only our own text
        f" then (select id from loan_event where {_SETTLED} order by transaction desc, id desc limit 1)"
        " else (select max(id) from loan_event where id <= $1) end, 0)",
        id,
    )
    return found


async def follow_events(
    connection: asyncpg.Connection, *, after: int, agency: str | None, limit: int
) -> list[dict[str, Any]]:
    """Return the events that come after the one with id `after` (0, or one that is gone: from the first).

    `agency` narrows them to those of loan requests that it made, and those in which it is the supplier.
    """
    if agency is None:
        rows = await connection.fetch(_EVERYONES, after, limit)
    else:
        rows = await connection.fetch(_AN_AGENCY_S, after, limit, agency)
    return [as_event(row) for row in rows]


async def settle_restored(connection: asyncpg.Connection) -> None:
    """Put events of another server's transactions, as a restored backup has them, before all that come.

    Their order stays as it was, so that nobody who follows them misses any or has any twice.
    """
    await connection.execute(
        """
        with restored as (
            select max(id) as last, max(transaction) + 1 as shift from loan_event
             where transaction >= (pg_snapshot_xmax(pg_current_snapshot())::text)::bigint)
        update loan_event set transaction = transaction - shift from restored where id <= last
        """
    )


def as_event(row: asyncpg.Record) -> dict[str, Any]:
    """Return a row as the API shows it."""
    found = {name: value for name, value in row.items() if name != "transaction"}
    found["data"] = None if row["data"] is None else orjson.loads(row["data"])
    return found


def written(data: dict[str, Any] | Sequence[Any] | None) -> str | None:
    """Return what a JSON column takes."""
    return None if data is None else orjson.dumps(data).decode()
