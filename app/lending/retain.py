"""Takes away, day by day, what is not kept: old idempotency keys and changes, and who was behind ended loans."""

from __future__ import annotations

from datetime import timedelta

from app.database import Connection
from app.lending.ground import Ground
from app.store.retention import forget_changes, forget_keys, strip_loans
from app.store.tasks import Task, ensure, hold, postpone

RETENTION, DAILY = "retention", "daily"
KEY_DAYS = 7
AT_ONCE = 200  # loan requests a transaction
CHANGES_AT_ONCE = 10_000
MOST_TURNS = 50  # transactions a task; where more is left it comes again at once


async def retain(ground: Ground, task: Task) -> None:
    """Carry the task `retention` out, and have it done again tomorrow."""
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        await hold(connection, task)
        await forget_keys(connection, days=KEY_DAYS)
    for _ in range(MOST_TURNS):
        async with ground.database.transaction() as connection:
            await hold(connection, task)
            if await forget_changes(connection, days=ground.changes_days, limit=CHANGES_AT_ONCE) < CHANGES_AT_ONCE:
                break
    before = at - timedelta(days=ground.retention_days)
    for _ in range(MOST_TURNS):
        async with ground.database.transaction() as connection:
            await hold(connection, task)
            done = await strip_loans(connection, ended_before=before, at=at, limit=AT_ONCE)
            if done < AT_ONCE:
                await postpone(connection, task, at + timedelta(days=1))
                return
    async with ground.database.transaction() as connection:
        await postpone(connection, task, at)


async def ensure_retention(connection: Connection, ground: Ground) -> None:
    """See to it that the task exists, and is not given up."""
    await ensure(connection, RETENTION, DAILY, ground.clock.now())
