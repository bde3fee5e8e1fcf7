"""What every library system can be asked, and what can go wrong: the one face that all adapters show.

Errors, each of which says what its caller may do next:

    SystemFault
    ├── Refused          the system said no, for a reason: ask somebody else
    ├── NotFound         it knows nothing of what was named
    ├── Unavailable      nothing was done: try again later
    │   └── RateLimited  the same, and not before `retry_after_seconds`
    ├── OutcomeUnknown   a write was sent and no answer came: look before repeating
    └── Malformed        the answer cannot be read
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class SystemFault(Exception):  # noqa: N818 - the root; its children say what happened
    """A library system did not do what it was asked."""


class Refused(SystemFault):
    """The system said no. `reason` is an ISO 18626 ReasonUnfilled."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class NotFound(SystemFault):
    """The system knows nothing of this title, receipt or key."""


class Unavailable(SystemFault):
    """The system cannot be reached or is too busy, and nothing was done."""


class RateLimited(Unavailable):
    """Too many calls; none before `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(f"not before {retry_after_seconds:.0f} s")
        self.retry_after_seconds = retry_after_seconds


class OutcomeUnknown(SystemFault):
    """A write was sent and its answer never came. It may have been done."""


class Malformed(SystemFault):
    """The answer is not what the interface describes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a system is asked to place: a title, where it stands, and where it is to go. Nothing about the reader."""

    loan_request: str
    reference: str  # the requesting agency's own number
    isbn: str | None
    ppn: str | None
    supplying_location: str
    pickup_location: str


class Answer(StrEnum):
    """How a placement stands with the system that has it."""

    OPEN = "open"
    EXPECTED = "expected"
    PROMISED = "promised"
    DECLINED = "declined"
    SHIPPED = "shipped"
    RETURNED = "returned"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Standing:
    """What `status` answers; `reason` (ISO 18626 ReasonUnfilled) with DECLINED."""

    answer: Answer
    reason: str | None = None


class LibrarySystem(Protocol):
    """One installation. Every call ends within the adapter's own deadline, or raises a SystemFault."""

    async def place(self, order: Order, *, key: str) -> str:
        """Place an order and return its receipt; the same `key` again is the same order, and its receipt."""

    async def find(self, key: str) -> str | None:
        """Return the receipt of the order placed under `key`; None: there is none, and none will come by itself."""

    async def status(self, receipt: str) -> Standing:
        """Return how an order stands."""

    async def cancel(self, receipt: str) -> bool:
        """Take an order back; False where it cannot be any more, as the item is on its way."""
