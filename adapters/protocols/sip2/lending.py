"""The placing verbs as SIP2 knows them: a hold on one item, for a patron that stands for us in that system.

SIP2 keeps no keys and gives holds no numbers. A receipt is the barcode that is held, so `taken` must hold the
receipts of orders that still stand and of no others. Whose hold it is, is remembered while the process lives.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from adapters.contract import (
    Answer,
    Duplicate,
    ItemStatus,
    NotFound,
    Order,
    Parcel,
    Quote,
    Refused,
    Standing,
)
from adapters.protocols.sip2.client import Sip2, one_deadline
from adapters.protocols.sip2.words import Sip2Item, is_among

Value = TypeVar("Value")

MOST_REMEMBERED = 10_000
MOST_ASKED = 25  # items of one order that are asked after

_REASONS = {
    ItemStatus.ON_LOAN: "InUse",
    ItemStatus.HELD: "OnReserve",
    ItemStatus.IN_TRANSIT: "InUse",
    ItemStatus.ON_ORDER: "OnOrder",
    ItemStatus.IN_PROCESS: "NotOnShelf",
    ItemStatus.REFERENCE: "NonCirculating",
    ItemStatus.RECALLED: "InUse",
    ItemStatus.MISSING: "NotOnShelf",
    ItemStatus.UNKNOWN: "NotOnShelf",
}
_WHILE_HELD = {
    ItemStatus.HELD: Answer.PROMISED,
    ItemStatus.IN_TRANSIT: Answer.PROMISED,
    ItemStatus.ON_LOAN: Answer.EXPECTED,
    ItemStatus.RECALLED: Answer.EXPECTED,
}


class Sip2Lending:
    """A vendor that places by SIP2 hands its verbs on to this.

    `patron` and `pin` are ours there; `pickups` leads from the ISIL of a pickup location to its code there, which is
    the ISIL where it is not named.
    """

    def __init__(self, sip2: Sip2, *, patron: str, pin: str, pickups: Mapping[str, str]) -> None:
        self._sip2 = sip2
        self._patron = patron
        self._pin = pin
        self._pickups = pickups
        self._keys: OrderedDict[str, str] = OrderedDict()  # barcode → key of the order it was last placed under
        self._ended: OrderedDict[str, Answer] = OrderedDict()  # barcode → how its last order goes on or ended
        self._placing: set[str] = set()

    async def prepare(self, order: Order, items: Sequence[str], *, taken: Collection[str] = ()) -> Quote:
        """Ask after the items, best first, until one can be held. The token of the quote is its barcode.

        Those in `taken` bind copies of other orders: one may stand on the shelf already, its way home not yet looked
        at, and what is held then would be told to both.

        Raises NotFound where the system knows none of them.
        """
        known: list[Sip2Item] = []
        with one_deadline(self._sip2.deadline_seconds):
            free = [barcode for barcode in items if barcode not in taken]
            if items and not free:
                return Quote(
                    order=order, possible=False, reason="OnReserve", detail="Its copies are lent by other orders."
                )
            for barcode in free[:MOST_ASKED]:
                try:
                    item = await self._sip2.item(barcode)
                except NotFound:
                    continue
                if item.status is ItemStatus.AVAILABLE and not item.queue:
                    return self._possible(order, barcode, queue=item.queue)
                known.append(item)
        if not known:
            raise NotFound("prepare: no such item there")
        waited_for = any(item.status is ItemStatus.AVAILABLE for item in known)
        reason = "OnReserve" if waited_for else _REASONS[known[0].status]
        return Quote(order=order, possible=False, reason=reason)

    def _possible(self, order: Order, barcode: str, *, queue: int | None) -> Quote:
        pickup = self._pickup(order)
        return Quote(order=order, possible=True, lendable=True, pickups=(pickup,), queue=queue, token=barcode)

    async def place(self, quote: Quote, *, key: str) -> str:
        """Hold the item for our patron and return its barcode, the receipt.

        Looks first: a hold that stands already is Duplicate, with the receipt where it is known to be under this key,
        and Refused where it is known to be another order's. Raises OutcomeUnknown where no answer came.
        """
        barcode = quote.token
        if not barcode:
            raise Refused("Other", "It was not quoted.")
        if barcode in self._placing:
            raise Refused("OnReserve", "It is being held for another order.")
        self._placing.add(barcode)
        try:
            with one_deadline(self._sip2.deadline_seconds):
                if is_among(barcode, await self._sip2.holds(patron=self._patron, pin=self._pin)):
                    raise self._standing_already(barcode, key)
                _note(self._keys, barcode, key)
                self._ended.pop(barcode, None)
                pickup = self._pickup(quote.order)
                try:
                    await self._sip2.hold(patron=self._patron, pin=self._pin, item=barcode, pickup=pickup)
                except Duplicate:
                    # It was not held a moment ago, so somebody else of ours has it held since.
                    raise Refused("OnReserve", "It is held for another order.") from None
        finally:
            self._placing.discard(barcode)
        return barcode

    def _standing_already(self, barcode: str, key: str) -> Refused:
        owner = self._keys.get(barcode)
        if owner == key:
            return Duplicate(barcode)
        if owner is None:
            return Duplicate(None, "Our patron has it held already, for an order that is not known here.")
        return Refused("OnReserve", "It is held for another order.")

    async def find(self, order: Order, items: Sequence[str], *, taken: Collection[str] = ()) -> str | None:
        """Return the first of the items that our patron has held, and that is no other order's (`taken`).

        `items` are all loanable copies at the supplying location, those too that are not available any more.
        """
        held = await self._sip2.holds(patron=self._patron, pin=self._pin)
        free = (barcode for barcode in items if barcode not in taken)
        return next((barcode for barcode in free if is_among(barcode, held)), None)

    async def status(self, receipt: str) -> Standing:
        """Say how a hold stands, by the item, our patron's holds and our patron's loans.

        A hold that is neither there nor became a loan has ended: RETURNED where it was seen shipped, DECLINED where
        the item is missing, else CANCELLED. SIP2 tells no more.
        """
        with one_deadline(self._sip2.deadline_seconds):
            item = await self._sip2.item(receipt)
            if is_among(receipt, await self._sip2.holds(patron=self._patron, pin=self._pin)):
                if item.status is ItemStatus.MISSING:
                    return Standing(Answer.DECLINED, "NotOnShelf")
                answer = _WHILE_HELD.get(item.status, Answer.OPEN)
                return Standing(answer, item=receipt)
            if item.status is ItemStatus.ON_LOAN and await self._is_charged(receipt):
                _note(self._ended, receipt, Answer.SHIPPED)
                return Standing(Answer.SHIPPED, item=receipt)
        if self._ended.get(receipt) in (Answer.SHIPPED, Answer.RETURNED):
            return Standing(Answer.RETURNED, item=receipt)
        if self._ended.get(receipt) is not Answer.CANCELLED and item.status is ItemStatus.MISSING:
            return Standing(Answer.DECLINED, "NotOnShelf")
        return Standing(Answer.CANCELLED)

    async def cancel(self, receipt: str) -> bool:
        """Let a hold go; False where the item is lent to us by now. One that is gone already is taken back."""
        with one_deadline(self._sip2.deadline_seconds):
            done = await self._sip2.cancel_hold(patron=self._patron, pin=self._pin, item=receipt)
            if not done:
                held = await self._sip2.holds(patron=self._patron, pin=self._pin)
                if is_among(receipt, held) or await self._is_charged(receipt):
                    return False
        self._keys.pop(receipt, None)
        _note(self._ended, receipt, Answer.CANCELLED)
        return True

    async def check_out(self, parcel: Parcel) -> None:
        """Lend the item to our patron. A no is a yes where our patron has it already."""
        with one_deadline(self._sip2.deadline_seconds):
            try:
                await self._sip2.check_out(patron=self._patron, pin=self._pin, item=parcel.item)
            except Refused:
                if not await self._is_charged(parcel.item):
                    raise
        _note(self._ended, parcel.item, Answer.SHIPPED)

    async def check_in(self, parcel: Parcel) -> None:
        """Take the item back. A no is a yes where nobody has it on loan (I: some refuse what is in already)."""
        with one_deadline(self._sip2.deadline_seconds):
            try:
                await self._sip2.check_in(item=parcel.item)
            except Refused:
                if (await self._sip2.item(parcel.item)).status is ItemStatus.ON_LOAN:
                    raise
        if self._ended.get(parcel.item) is Answer.SHIPPED:
            _note(self._ended, parcel.item, Answer.RETURNED)

    async def _is_charged(self, barcode: str) -> bool:
        return is_among(barcode, await self._sip2.charged(patron=self._patron, pin=self._pin))

    def _pickup(self, order: Order) -> str:
        return self._pickups.get(order.pickup_location, order.pickup_location)


def _note(memory: OrderedDict[str, Value], barcode: str, value: Value) -> None:
    memory[barcode] = value
    memory.move_to_end(barcode)
    if len(memory) > MOST_REMEMBERED:
        memory.popitem(last=False)
