"""A circuit breaker: after some failures in a row a system is left alone for a while, and then tried by one call.

closed ──failures in a row──► open ──`seconds` later──► half open: one call is let through
  ▲                             ▲                          │
  └──────── it succeeds ────────┼──────────────────────────┤
                                └──────── it fails ────────┘

Our own, as the kept libraries for asyncio count a caller who gave up as a failure of the system, or let everybody
through at once when it is half open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic


class BreakerState(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(slots=True, kw_only=True)
class Breaker:
    """Opens after `threshold` failures in a row, for `seconds`. `changed` hears of every change of state."""

    threshold: int = 5
    seconds: float = 30.0
    timer: Callable[[], float] = monotonic
    changed: Callable[[BreakerState, str], None] | None = None
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    _until: float = field(default=0.0, init=False)

    def admit(self) -> bool:
        """Say whether a call may go through now. Whoever is let through when it is half open is the only one."""
        if self.state is BreakerState.CLOSED:
            return True
        if self.timer() < self._until:
            return False
        # One goes through; should nothing be heard of it, the next one goes when its time is up.
        self._until = self.timer() + self.seconds
        self._move(BreakerState.HALF_OPEN, "tried again")
        return True

    def succeeded(self) -> None:
        """Note that a call was answered, be it with a no."""
        self.failures = 0
        self._move(BreakerState.CLOSED, "answers")

    def failed(self, why: str) -> None:
        """Note that a call was not answered, or not in time."""
        self.failures += 1
        if self.state is BreakerState.HALF_OPEN or self.failures >= self.threshold:
            self._until = self.timer() + self.seconds
            self._move(BreakerState.OPEN, why)

    def _move(self, state: BreakerState, why: str) -> None:
        if state is not self.state:
            self.state = state
            if self.changed is not None:
                self.changed(state, why)
