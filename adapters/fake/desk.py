"""The fake system itself: a desk in memory that takes orders and answers them, each as its seed says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from adapters.contract import Answer, NotFound, Order, OutcomeUnknown, Refused, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How often it misbehaves, each a share of the orders from 0 to 1; what happens to which follows from `seed`.

    `declines` says no after a while, `lapses` never answers, `refuses` says no at once, and `times_out` places the
    order but never says so.
    """

    seed: int = 1
    declines: float = 0.0
    lapses: float = 0.0
    refuses: float = 0.0
    times_out: float = 0.0
    looks_before_promise: int = 1  # how often `status` answers `open` first
    looks_before_shipping: int = 1


@dataclass(slots=True)
class _Placed:
    order: Order
    receipt: str
    answer: Answer = Answer.OPEN
    reason: str | None = None
    looks: int = 0


@dataclass(slots=True)
class Desk:
    """Orders by key. The same key is the same order, however often it comes."""

    manners: Manners = field(default_factory=Manners)
    copies: dict[tuple[str, str], int] = field(default_factory=dict)  # (location, title): where fewer than endless
    placed: dict[str, _Placed] = field(default_factory=dict)
    by_receipt: dict[str, _Placed] = field(default_factory=dict)

    def place(self, order: Order, key: str) -> str:
        """Take an order. Raises Refused, or OutcomeUnknown after having taken it."""
        if (known := self.placed.get(key)) is not None:
            return known.receipt
        if self._chance(order, "refuse") < self.manners.refuses:
            raise Refused("PolicyProblem", "We do not lend this to other libraries.")
        if not self._has_copy(order):
            raise Refused("InUse", "Every copy is spoken for.")
        placed = _Placed(order, receipt=f"F{len(self.placed) + 1:06}")
        self.placed[key] = self.by_receipt[placed.receipt] = placed
        if self._chance(order, "time out") < self.manners.times_out:
            raise OutcomeUnknown("no answer came")
        return placed.receipt

    def find(self, key: str) -> str | None:
        """Return the receipt of an order."""
        placed = self.placed.get(key)
        return None if placed is None else placed.receipt

    def status(self, receipt: str) -> Standing:
        """Answer how an order stands; each look may move it on. Raises NotFound."""
        placed = self._get(receipt)
        placed.looks += 1
        self._move_on(placed)
        return Standing(placed.answer, placed.reason)

    def cancel(self, receipt: str) -> bool:
        """Take an order back, unless it was shipped. Raises NotFound."""
        placed = self._get(receipt)
        if placed.answer in (Answer.SHIPPED, Answer.RETURNED):
            return False
        placed.answer = Answer.CANCELLED
        return True

    def take_back(self, receipt: str) -> None:
        """Note that the item came home. Raises NotFound."""
        self._get(receipt).answer = Answer.RETURNED

    def live(self) -> dict[str, list[str]]:
        """Return by loan request the receipts of orders that still bind a copy."""
        found: dict[str, list[str]] = {}
        for placed in self.placed.values():
            if placed.answer not in (Answer.DECLINED, Answer.CANCELLED, Answer.RETURNED):
                found.setdefault(placed.order.loan_request, []).append(placed.receipt)
        return found

    def _move_on(self, placed: _Placed) -> None:
        manners = self.manners
        if placed.answer is Answer.OPEN and placed.looks > manners.looks_before_promise:
            fate = self._chance(placed.order, "answer")
            if fate < manners.lapses:
                return
            if fate < manners.lapses + manners.declines:
                placed.answer, placed.reason = Answer.DECLINED, "NotOnShelf"
            else:
                placed.answer, placed.looks = Answer.PROMISED, 0
        elif placed.answer is Answer.PROMISED and placed.looks > manners.looks_before_shipping:
            placed.answer = Answer.SHIPPED

    def _get(self, receipt: str) -> _Placed:
        placed = self.by_receipt.get(receipt)
        if placed is None:
            raise NotFound(f"There is no order {receipt}.")
        return placed

    def _has_copy(self, order: Order) -> bool:
        title = (order.supplying_location, order.isbn or order.ppn or "")
        if title not in self.copies:
            return True
        bound = sum(
            placed.answer not in (Answer.DECLINED, Answer.CANCELLED, Answer.RETURNED)
            for placed in self.placed.values()
            if (placed.order.supplying_location, placed.order.isbn or placed.order.ppn or "") == title
        )
        return bound < self.copies[title]

    def _chance(self, order: Order, what: str) -> float:
        """A number from 0 to 1 that the seed, the order and the occasion decide: the same in every run."""
        subject = f"{self.manners.seed}/{order.reference}@{order.supplying_location}/{what}"
        digest = hashlib.sha256(subject.encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64
