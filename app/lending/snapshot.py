"""What a decision needs, in memory: the active network, the register and the policy, replaced together."""

from __future__ import annotations

from app.database import Database


class Snapshot:
    """Follows the store; `ready` once it can decide."""

    def __init__(self, database: Database, *, horizon_days: int) -> None:
        self._database = database
        self._horizon_days = horizon_days

    @property
    def ready(self) -> bool:
        """Whether a decision can be made."""
        return False

    async def start(self) -> None:
        """Begin to follow the store."""

    async def stop(self) -> None:
        """Let go."""
