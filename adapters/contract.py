"""What every library system can be asked, and what can go wrong: the one face that all adapters show.

Errors, each of which says what its caller may do next:

    SystemFault
    ├── Refused          the system said no, for a reason: ask somebody else
    │   └── Duplicate    it said no because the order stands already: that one is ours
    ├── NotFound         it knows nothing of what was named
    ├── NotOffered       it does not have this verb at all: its capabilities say so
    ├── Unavailable      nothing was done: try again later
    │   └── RateLimited  the same, and not before `retry_after_seconds`
    ├── AuthExpired      it does not let us in, after a fresh attempt too: somebody must look at the secrets
    ├── OutcomeUnknown   a write was sent and no answer came: look before repeating
    ├── CursorLost       a harvest cannot go on from where it was: begin it anew
    └── Malformed        the answer cannot be read
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NoReturn, Protocol


class SystemFault(Exception):  # noqa: N818 - the root; its children say what happened
    """A library system did not do what it was asked."""


class Refused(SystemFault):
    """The system said no. `reason` is an ISO 18626 ReasonUnfilled."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class Barred(Refused):
    """What was only asked was answered with a no by whatever stands before the system, such as a firewall."""


class Duplicate(Refused):
    """The same order stands already. `receipt` is what the system calls it, where it says so."""

    def __init__(self, receipt: str | None = None, detail: str = "") -> None:
        super().__init__("Other", detail or "The order stands already.")
        self.receipt = receipt


class NotFound(SystemFault):
    """The system knows nothing of this title, receipt or key."""


class NotThere(NotFound):
    """The server knows no such path: of what an adapter asks by a number, it says NotFound itself."""


class NotOffered(SystemFault):
    """The system has no such verb."""


class Unavailable(SystemFault):
    """The system cannot be reached or is too busy, and nothing was done."""


class RateLimited(Unavailable):
    """Too many calls; none before `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(f"not before {retry_after_seconds:.0f} s")
        self.retry_after_seconds = retry_after_seconds


class AuthExpired(SystemFault):
    """The system does not let us in. An adapter renews a session or token once by itself before it says so."""


class OutcomeUnknown(SystemFault):
    """A write was sent and its answer never came. It may have been done."""


class CursorLost(SystemFault):
    """The system no longer knows the cursor of a harvest."""


class Malformed(SystemFault):
    """The answer is not what the interface describes, or is larger than what is read."""


# --- what a system can ---------------------------------------------------------------------------


class Verb(StrEnum):
    """What a system may be able to do."""

    RESOLVE = "resolve"
    AVAILABILITY = "availability"
    PREPARE = "prepare"
    PLACE = "place"
    FIND = "find"
    STATUS = "status"
    CANCEL = "cancel"
    CHECK_OUT = "check_out"
    CHECK_IN = "check_in"
    ACCEPT_ITEM = "accept_item"
    HARVEST = "harvest"


class Scheme(StrEnum):
    """By what a system knows titles."""

    ISBN = "isbn"
    PPN = "ppn"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a system offers. `batch` is how many references one question about availability may carry.

    Its answer about availability may be kept for `fresh_seconds`. With `idempotent` the system itself takes the same
    key as the same order; without, an adapter has to look (`find`) before anything is repeated.
    """

    verbs: frozenset[Verb]
    schemes: frozenset[Scheme]
    batch: int = 1
    fresh_seconds: int = 60
    idempotent: bool = False


# --- titles and where they stand -----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """What is looked for: an ISBN of 13 digits, a PPN and/or the system's own number; at least one is set."""

    isbn: str | None = None
    ppn: str | None = None
    local: str | None = None


class ItemStatus(StrEnum):
    """How copies stand. The words of each system are mapped onto these in its `translate`."""

    AVAILABLE = "available"
    REQUESTABLE = "requestable"  # not on the shelf, but it can be asked for
    ON_LOAN = "on_loan"
    HELD = "held"
    IN_TRANSIT = "in_transit"
    ON_ORDER = "on_order"
    IN_PROCESS = "in_process"
    REFERENCE = "reference"
    RECALLED = "recalled"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Copies of a title at one branch that stand alike, as the system said at `observed_at` (aware).

    `branch` is what the system calls the place, and `location` ours; None where the branch map does not know it.
    `count` is how many copies; None where the system does not count. `lendable` is None where it does not say.
    """

    reference: str
    branch: str
    location: str | None
    status: ItemStatus
    observed_at: datetime
    count: int | None = None
    item: str | None = None  # barcode, where the system names items
    due: date | None = None
    queue: int | None = None  # how many wait for it
    lendable: bool | None = None


# --- placing -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a system is asked to place: a title, where it stands, and where it is to go. Nothing about the reader."""

    loan_request: str
    reference: str  # the requesting agency's own number
    isbn: str | None
    ppn: str | None
    supplying_location: str
    pickup_location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a system says to an order before it is placed. `token` is for `place` alone, and never logged.

    `reason` (ISO 18626 ReasonUnfilled) and `detail` say why it is not `possible`. `cost_cents` is what the system
    would charge for the hold; `queue` how many are before it.
    """

    order: Order
    possible: bool
    lendable: bool | None = None
    reason: str | None = None
    detail: str = ""
    cost_cents: int | None = None
    pickups: tuple[str, ...] = ()
    queue: int | None = None
    token: str | None = field(default=None, repr=False)


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
    """What `status` answers; `reason` (ISO 18626 ReasonUnfilled) with DECLINED, `item` once a copy was chosen."""

    answer: Answer
    reason: str | None = None
    item: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """An item that goes from one system to another. `patron_reference` is opaque, and only for `accept_item`."""

    order: Order
    item: str  # barcode
    title: str | None = None
    author: str | None = None
    due: date | None = None
    patron_reference: str | None = field(default=None, repr=False)


# --- harvesting ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Copies at one branch; `location` is None where the branch map does not know it, `available` where not told."""

    branch: str
    location: str | None
    copies: int = 1
    available: int | None = None
    loanable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A title with all its holdings in this system: what it had under this number before is replaced as a whole.

    `volume` tells the parts of a multi-volume work apart, which may share an ISBN.
    """

    number: str
    isbns: tuple[str, ...] = ()  # 13 digits each, checked
    ppn: str | None = None
    title: str = ""
    author: str = ""
    material: str = ""
    volume: str | None = None
    holdings: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    """A record that is no more."""

    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some changes. `cursor` leads on; None: this was the last. `as_of` is the system's clock when first asked.

    `rejects` says of records that could not be read why; `whole_size` is how many there are, where the system tells.
    """

    changes: tuple[Record | Deleted, ...]
    cursor: str | None = None
    as_of: datetime | None = None
    whole_size: int | None = None
    rejects: tuple[str, ...] = ()


class LibrarySystem(Protocol):
    """One installation. Every call ends within the adapter's own deadline, or raises a SystemFault."""

    def capabilities(self) -> Capabilities:
        """Return what this system offers; the verbs that it lacks raise NotOffered."""

    async def resolve(self, title: Title) -> list[str]:
        """Return the system's own numbers of what is exactly this title; an empty list where it has none."""

    async def availability(self, references: Collection[str]) -> list[Snapshot]:
        """Return how the copies of up to `batch` references stand; one that is not known has no snapshots."""

    async def prepare(self, order: Order, *, taken: Collection[str] = ()) -> Quote:
        """Ask whether an order could be placed; changes nothing. Raises NotFound where it has no such title there.

        Where a system's receipts are its copies, none of those in `taken` is quoted: they are of other orders.
        """

    async def place(self, quote: Quote, *, key: str) -> str:
        """Place what was quoted and return its receipt. Raises Refused, or Duplicate for one that stands already.

        With an idempotent system the same `key` again is the same order, and its receipt.
        """

    async def find(self, order: Order, *, key: str, taken: Collection[str] = ()) -> str | None:
        """Return the receipt of the order placed under `key`; None: there is none, and none will come by itself.

        Where a system keeps no keys it is found by what was ordered, and is none of the receipts in `taken`: those
        are of other orders.
        """

    async def status(self, receipt: str) -> Standing:
        """Return how an order stands."""

    async def cancel(self, receipt: str) -> bool:
        """Take an order back; False where it cannot be any more, as the item is on its way."""

    async def check_out(self, parcel: Parcel) -> None:
        """Supplier's side: book the item out to the library it goes to. Booking it twice is booking it once."""

    async def check_in(self, parcel: Parcel) -> None:
        """Book an item in: the supplier's side when it is home, the requester's when it leaves again."""

    async def accept_item(self, parcel: Parcel) -> str | None:
        """Requester's side: make an item that came from elsewhere known, kept for the reader who asked for it."""

    def harvest(self, *, since: datetime | None = None, cursor: str | None = None) -> AsyncIterator[Page]:
        """Go through what changed `since` (all there is, where None), from `cursor` on. Raises CursorLost."""

    async def close(self) -> None:
        """Let go of connections."""


class Lacking:
    """A system without any verb: adapters begin from it, and what they do not define is not offered."""

    async def resolve(self, title: Title) -> list[str]:
        """Not offered."""
        _not_offered(Verb.RESOLVE)

    async def availability(self, references: Collection[str]) -> list[Snapshot]:
        """Not offered."""
        _not_offered(Verb.AVAILABILITY)

    async def prepare(self, order: Order, *, taken: Collection[str] = ()) -> Quote:
        """Possible for all it can say; whether it really is comes out when it is placed."""
        return Quote(order=order, possible=True)

    async def place(self, quote: Quote, *, key: str) -> str:
        """Not offered."""
        _not_offered(Verb.PLACE)

    async def find(self, order: Order, *, key: str, taken: Collection[str] = ()) -> str | None:
        """Not offered."""
        _not_offered(Verb.FIND)

    async def status(self, receipt: str) -> Standing:
        """Not offered."""
        _not_offered(Verb.STATUS)

    async def cancel(self, receipt: str) -> bool:
        """Not offered."""
        _not_offered(Verb.CANCEL)

    async def check_out(self, parcel: Parcel) -> None:
        """Not offered."""
        _not_offered(Verb.CHECK_OUT)

    async def check_in(self, parcel: Parcel) -> None:
        """Not offered."""
        _not_offered(Verb.CHECK_IN)

    async def accept_item(self, parcel: Parcel) -> str | None:
        """Not offered."""
        _not_offered(Verb.ACCEPT_ITEM)

    async def harvest(self, *, since: datetime | None = None, cursor: str | None = None) -> AsyncIterator[Page]:
        """Not offered."""
        _not_offered(Verb.HARVEST)
        yield

    async def close(self) -> None:
        """Nothing is open."""


def _not_offered(verb: Verb) -> NoReturn:
    raise NotOffered(f"This system does not offer {verb}.")
