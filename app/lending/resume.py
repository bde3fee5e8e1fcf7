"""Takes up again what was given up."""

from __future__ import annotations

from app.lending.ground import Ground
from app.store.tasks import resume, resume_kind


async def take_up(ground: Ground, letter: int) -> None:
    """Have a dead letter tried again, now. Raises UnknownTask."""
    async with ground.database.transaction() as connection:
        await resume(connection, letter, now=ground.clock.now())


async def take_up_all(ground: Ground, kind: str) -> int:
    """Have all dead letters of a kind tried again, now, and return how many that were."""
    async with ground.database.transaction() as connection:
        return await resume_kind(connection, kind, now=ground.clock.now())
