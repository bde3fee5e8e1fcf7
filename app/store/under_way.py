"""Loan requests whose item is under way, and the tasks that plan their way again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from app.store.events import CHANNEL
from app.store.tasks import AT_ONCE, schedule

REPLAN = "replan"
STOPPED = "stopped"
"""Subject of the task `replan` when something no longer runs: whoever rides it is planned again."""
CHANGED = "changed"
"""Subject of the task `replan` when something runs again, or differently: everyone under way is looked at."""


async def plan_again(connection: asyncpg.Connection, cause: str) -> None:
    """Have loan requests under way planned again, in the transaction that is the cause: a subject above."""
    await schedule(connection, REPLAN, cause, AT_ONCE)


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
