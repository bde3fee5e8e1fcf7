"""The service's clock: the world's, or a faster one for demonstrations and tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells the time. `since` is a moment of the world's clock; from then on this one runs `speed` times as fast.

    Every process that is given the same two tells the same time, also after a restart.
    """

    since: datetime | None = None
    speed: float = 1.0

    def now(self) -> datetime:
        """Return the time as this clock has it (UTC)."""
        now = datetime.now(UTC)
        if self.since is None or self.speed == 1.0:
            return now
        return self.since + (now - self.since) * self.speed

    def real_seconds(self, duration: timedelta) -> float:
        """Return how many seconds of the world's clock `duration` takes."""
        return duration.total_seconds() / self.speed


class SetClock(Clock):
    """A clock that stands still until it is set: for what is told rather than waited for."""

    _moments: list[datetime]

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        object.__setattr__(self, "_moments", [moment])

    def now(self) -> datetime:
        """Return what it was set to last."""
        return self._moments[0]

    def set(self, moment: datetime) -> None:
        """Set it."""
        self._moments[0] = moment
