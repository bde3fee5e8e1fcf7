"""What is due: tasks that workers claim side by side, each under a lease that ends by itself when its worker dies.

`due_at` goes by the service's clock, which a demonstration may let run faster; leases go by the database's, so that
machines need not agree. A lease's end is also its token: whoever comes back after it has ended finishes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from app.store.events import CHANNEL

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""Due whatever the service's clock says."""


class LeaseLost(Exception):  # noqa: N818 - says what happened
    """Somebody else has the task by now: what was done under it must not be kept."""


class UnknownTask(Exception):  # noqa: N818 - named as the problem it becomes
    """There is no such dead letter."""


@dataclass(slots=True)
class Task:
    """One thing to do. `attempts` counts this one; `leased_until` is the token by which it is finished.

    Nothing of it changes but the token, when the lease is renewed.
    """

    id: int
    kind: str
    subject: str
    attempts: int
    leased_until: datetime


async def schedule(connection: asyncpg.Connection, kind: str, subject: str, due_at: datetime) -> None:
    """Have something done at `due_at`, or earlier where it is due earlier. One under way is done once more."""
    await connection.execute(
        """
        insert into task (kind, subject, due_at) values ($1, $2, $3)
        on conflict (kind, subject) do update
           set due_at = case when task.leased_until is null then least(task.due_at, excluded.due_at)
                             else excluded.due_at end,
               again = task.leased_until is not null,
               attempts = case when task.dead_at is null then task.attempts else 0 end,
               dead_at = null
        """,
        *(kind, subject, due_at),
    )
    await connection.execute("select pg_notify($1, '')", CHANNEL)


async def ensure(connection: asyncpg.Connection, kind: str, subject: str, due_at: datetime) -> None:
    """Have something that is done again and again exist, due at `due_at` if it did not; a dead one is tried anew."""
    await connection.execute(
        "insert into task (kind, subject, due_at) values ($1, $2, $3)"
        " on conflict (kind, subject) do update set dead_at = null, attempts = 0, due_at = excluded.due_at"
        " where task.dead_at is not null",
        *(kind, subject, due_at),
    )


async def drop(connection: asyncpg.Connection, kind: str, subject: str) -> None:
    """Have something not done after all."""
    await connection.execute("delete from task where kind = $1 and subject = $2", kind, subject)


async def is_dead(connection: asyncpg.Connection, kind: str, subject: str) -> bool:
    """Return whether something was given up."""
    found: bool = await connection.fetchval(
        "select exists (select from task where kind = $1 and subject = $2 and dead_at is not null)", kind, subject
    )
    return found


async def claim(
    connection: asyncpg.Connection, *, now: datetime, lease: timedelta, limit: int, kinds: Sequence[str]
) -> list[Task]:
    """Take at most `limit` tasks that are due and that nobody has, the longest due first."""
    rows = await connection.fetch(
        """
        update task set leased_until = clock_timestamp() + $2, attempts = attempts + 1
         where id in (select id from task
                       where dead_at is null and due_at <= $1 and kind = any($4)
                         and (leased_until is null or leased_until < clock_timestamp())
                       order by due_at limit $3 for update skip locked)
        returning id, kind, subject, attempts, leased_until
        """,
        *(now, lease, limit, list(kinds)),
    )
    return [Task(*row) for row in rows]


async def finish(connection: asyncpg.Connection, task: Task) -> None:
    """Strike a task off, in the transaction that did it; one wanted again stays. Raises LeaseLost."""
    found = await connection.fetchval(
        "select again from task where id = $1 and leased_until = $2 for update", *_token(task)
    )
    if found is None:
        raise LeaseLost(f"task {task.id} ({task.kind})")
    if found:
        await connection.execute(
            "update task set leased_until = null, again = false, attempts = 0, error = null where id = $1", task.id
        )
    else:
        await connection.execute("delete from task where id = $1", task.id)


async def hold(connection: asyncpg.Connection, task: Task) -> None:
    """Make sure, in a transaction that goes on with a task, that it is still ours. Raises LeaseLost."""
    if not await connection.fetchval(
        "select true from task where id = $1 and leased_until = $2 for update", *_token(task)
    ):
        raise LeaseLost(f"task {task.id} ({task.kind})")


async def extend(connection: asyncpg.Connection, task: Task, lease: timedelta) -> None:
    """Have a task for another lease from now on, under a new token. Raises LeaseLost."""
    until = await connection.fetchval(
        "update task set leased_until = clock_timestamp() + $3"
        " where id = $1 and leased_until = $2 returning leased_until",
        *(*_token(task), lease),
    )
    if until is None:
        raise LeaseLost(f"task {task.id} ({task.kind})")
    task.leased_until = until


async def postpone(connection: asyncpg.Connection, task: Task, due_at: datetime) -> None:
    """Have a task done again later on, as part of how it goes: its attempts start anew. Raises LeaseLost."""
    await hold(connection, task)
    await connection.execute(
        "update task set leased_until = null, again = false, attempts = 0, error = null,"
        " due_at = case when again then due_at else $2 end where id = $1",
        *(task.id, due_at),
    )


async def put_back(connection: asyncpg.Connection, task: Task, due_at: datetime) -> None:
    """Have a task done again at `due_at` as if it had not been tried."""
    await connection.execute(
        "update task set leased_until = null, attempts = attempts - 1, due_at = $3"
        " where id = $1 and leased_until = $2",
        *(*_token(task), due_at),
    )


async def fail(connection: asyncpg.Connection, task: Task, *, error: str, retry_at: datetime | None) -> None:
    """Put down what went wrong; try again at `retry_at`, or (None) leave it as a dead letter."""
    await connection.execute(
        "update task set leased_until = null, error = $3, due_at = coalesce($4, due_at),"
        " dead_at = case when $4::timestamptz is null then now() end where id = $1 and leased_until = $2",
        *(*_token(task), error[:2000], retry_at),
    )


def _token(task: Task) -> tuple[int, datetime]:
    return task.id, task.leased_until


async def next_due(connection: asyncpg.Connection, kinds: Sequence[str]) -> datetime | None:
    """Return when the next task is due that nobody has."""
    due: datetime | None = await connection.fetchval(
        "select min(due_at) from task where dead_at is null and leased_until is null and kind = any($1)", list(kinds)
    )
    return due


# --- dead letters ---------------------------------------------------------------------------------


async def list_dead(connection: asyncpg.Connection, *, after: int | None, limit: int) -> list[dict[str, Any]]:
    """Return what was given up, by id."""
    rows = await connection.fetch(
        "select id, kind, subject, attempts, error, created_at, dead_at from task"
        " where dead_at is not null and ($1::bigint is null or id > $1) order by id limit $2",
        *(after, limit),
    )
    return [dict(row) for row in rows]


async def resume(connection: asyncpg.Connection, task: int, *, now: datetime) -> None:
    """Have a dead letter tried again, now. Raises UnknownTask."""
    done = await connection.execute(
        "update task set dead_at = null, attempts = 0, due_at = $2, leased_until = null"
        " where id = $1 and dead_at is not null",
        *(task, now),
    )
    if done != "UPDATE 1":
        raise UnknownTask(f"There is no dead letter {task}.")
    await connection.execute("select pg_notify($1, '')", CHANNEL)


async def resume_kind(connection: asyncpg.Connection, kind: str, *, now: datetime) -> int:
    """Have all dead letters of a kind tried again, now, and return how many that were."""
    done = await connection.execute(
        "update task set dead_at = null, attempts = 0, due_at = $2, leased_until = null"
        " where kind = $1 and dead_at is not null",
        *(kind, now),
    )
    await connection.execute("select pg_notify($1, '')", CHANNEL)
    return int(done.rsplit(" ", 1)[-1])


async def count_dead(connection: asyncpg.Connection) -> dict[str, int]:
    """Return by kind how much was given up."""
    rows = await connection.fetch("select kind, count(*) from task where dead_at is not null group by kind")
    return {row["kind"]: row["count"] for row in rows}
