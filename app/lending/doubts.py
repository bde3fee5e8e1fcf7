"""What people say of titles that may be one and the same."""

from __future__ import annotations

from typing import Any, Literal

from app.lending.ground import Ground
from app.store.doubts import get_doubt, tell_apart, unite
from app.store.title_join import lock_titles

Decision = Literal["same", "different"]


async def decide_doubt(ground: Ground, one: int, other: int, decision: Decision, *, by: str) -> dict[str, Any]:
    """Keep what was said of two titles, for every harvest and import to come, and return the pair as it was.

    Raises UnknownDoubt, or TitlesBusy while a large import is going on.
    """
    async with ground.landing, ground.database.transaction() as connection:
        await lock_titles(connection, patience_seconds=10)
        doubt = await get_doubt(connection, one, other)
        if decision == "same":
            await unite(connection, one, other, by=by)
        else:
            await tell_apart(connection, one, other, by=by)
    return doubt
