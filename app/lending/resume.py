"""Takes up again what was given up."""

from __future__ import annotations

from app.lending.ground import Ground
from app.store.tasks import resume


async def take_up(ground: Ground, letter: int) -> None:
    """Have a dead letter tried again, now. Raises UnknownTask."""
    async with ground.database.transaction() as connection:
        await resume(connection, letter, now=ground.clock.now())
