"""Keeps a task for as long as something takes that is longer than a lease."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from app.lending.ground import Ground
from app.store.tasks import Task, extend

T = TypeVar("T")
LOOK_SECONDS = 5.0


async def leased(ground: Ground, task: Task, working: Coroutine[Any, Any, T]) -> T:
    """Return what comes of something that takes a while, and keep the task meanwhile. Raises LeaseLost."""
    under_way = asyncio.create_task(working)
    try:
        while not under_way.done():
            await asyncio.wait([under_way], timeout=min(LOOK_SECONDS, ground.lease.total_seconds() / 4))
            async with ground.database.transaction() as connection:
                await extend(connection, task, ground.lease)
        return await under_way
    finally:
        under_way.cancel()
        await asyncio.gather(under_way, return_exceptions=True)
