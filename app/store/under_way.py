"""Loan requests whose item is under way, and the tasks that plan their way again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from app.store.events import CHANNEL
from app.store.standing import Standing, read_standing
from app.store.tasks import AT_ONCE, schedule

REPLAN = "replan"
STOPPED = "stopped"
"""Subject of the task `replan` when something no longer runs: whoever rides it is planned again."""
CHANGED = "changed"
"""Subject of the task `replan` when something runs again, or differently: everyone under way is looked at."""


# Whoever writes an itinerary shares it; whoever changes what runs has it alone until its transaction ends.
_LOCK = 0x6C65656E_74726970


async def plan_again(connection: asyncpg.Connection, cause: str) -> None:
    """Have loan requests under way planned again, as the last step of the transaction that is the cause.

    `cause` is a subject above. Waits for those who are writing an itinerary, so that what finds them sees it.
    """
    await schedule(connection, REPLAN, cause, AT_ONCE)
    await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)


async def still_stands(connection: asyncpg.Connection, standing: Standing) -> bool:
    """Return whether an itinerary that was planned on `standing` may be written, in this transaction.

    Must be its first step: then nobody who holds a row waits here for whoever waits for that row.
    """
    await connection.execute("select pg_advisory_xact_lock_shared($1)", _LOCK)
    now = await read_standing(connection)
    return (now.version, now.register) == (standing.version, standing.register)


async def list_under_way(
    connection: asyncpg.Connection, *, after: UUID | None, limit: int
) -> list[tuple[UUID, list[dict[str, Any]]]]:
    """Return loan requests whose item is under way with their itineraries, by id."""
    rows = await connection.fetch(
        "select id, itinerary from loan_request where outcome is null and itinerary is not null"
        " and ($1::uuid is null or id > $1) order by id limit $2",
        *(after, limit),
    )
    return [(row["id"], orjson.loads(row["itinerary"])) for row in rows]


async def plan_each_again(connection: asyncpg.Connection, loans: Sequence[UUID]) -> None:
    """Have each of these planned again now, as a task of its own."""
    await connection.execute(
        "insert into task (kind, subject, due_at) select $1, unnest($2::uuid[])::text, $3"
        " on conflict (kind, subject) do update set due_at = excluded.due_at,"
        " again = task.leased_until is not null, dead_at = null",
        *(REPLAN, list(loans), AT_ONCE),
    )
    await connection.execute("select pg_notify($1, '')", CHANNEL)


async def count_since(connection: asyncpg.Connection, loan: UUID, event: str, *, since: datetime) -> int:
    """Return how often something has happened to a loan request from a moment on."""
    found: int = await connection.fetchval(
        "select count(*) from loan_event where loan_request = $1 and event = $2 and at >= $3", loan, event, since
    )
    return found
