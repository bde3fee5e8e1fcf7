"""Books items out and in where people report what the systems do not know yet: of both sides, where they can.

The supplier's system books the item out when it leaves and in when it is home; the requester's makes it known, kept
for the reader who asked, when it is there, and lets it go when it leaves again. What an item is called only the
supplier's system says, so where people answer for that nothing is booked anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from adapters.contract import Answer, LibrarySystem, NotFound, NotOffered, Parcel, Refused, Standing, Verb
from app.database import Connection
from app.lending.availability import system_of
from app.lending.ground import ForPeople, Ground
from app.lending.lapse import parted
from app.lending.lifecycle import Event
from app.lending.orders import order_of
from app.store.events import Told
from app.store.loans import Loan, read_loan, read_patron
from app.store.placements import Placement, get_placement
from app.store.tasks import Task, finish, schedule

BOOK = "book"


class Booking(StrEnum):
    """What is booked, and on whose side."""

    OUT = "out"  # the supplier's
    HOME = "home"
    THERE = "there"  # the requester's
    AWAY = "away"


BOOKED_AT: Mapping[Event, Booking] = {
    Event.LOANED: Booking.OUT,
    Event.LOAN_COMPLETED: Booking.HOME,
    Event.RECEIVED: Booking.THERE,
    Event.SHIPPED_RETURN: Booking.AWAY,
    Event.SHIPPED_FORWARD: Booking.AWAY,
}
VERBS: Mapping[Booking, Verb] = {
    Booking.OUT: Verb.CHECK_OUT,
    Booking.HOME: Verb.CHECK_IN,
    Booking.THERE: Verb.ACCEPT_ITEM,
    Booking.AWAY: Verb.CHECK_IN,
}
DONE: Mapping[Booking, Answer] = {Booking.OUT: Answer.SHIPPED, Booking.HOME: Answer.RETURNED}
"""What the supplier's system says where it was booked already."""


class NotBooked(ForPeople):
    """A system would not book an item."""


async def have_booked(connection: Connection, placement: Placement, event: Event, told: Told) -> None:
    """Have booked what an event means, unless it is the supplier's own system that says so."""
    booking = BOOKED_AT.get(event)
    if booking is not None and placement.system is not None and told.by != placement.system:
        await schedule(connection, BOOK, f"{placement.key}:{booking}", told.at)


async def book(ground: Ground, task: Task) -> None:
    """Carry the task `book` of a placement out. Raises NotBooked where a system refuses."""
    key, _, what = task.subject.rpartition(":")
    booking = Booking(what)
    loan_id, number = parted(key)
    register = (await ground.snapshot.follow()).register
    async with ground.database.connection() as connection:
        loan = await read_loan(connection, loan_id)
        placement = await get_placement(connection, loan_id, number)
        supplier = await ground.systems.find(connection, placement.system)
        requester = await ground.systems.find(connection, system_of(register, loan.pickup_location))
        patron = await read_patron(connection, loan_id) if booking is Booking.THERE else None
    system = supplier if booking in DONE else requester
    if booking not in DONE and not _takes_in(requester, supplier):
        system = None
    if supplier is not None and system is not None and VERBS[booking] in system.capabilities().verbs:
        await _book(supplier, system, booking, loan, placement, patron=patron)
    async with ground.database.transaction() as connection:
        await finish(connection, task)


def _takes_in(requester: LibrarySystem | None, supplier: LibrarySystem | None) -> bool:
    """Say whether the requester's system is another than the supplier's, and takes items in that come from there."""
    return requester is not None and requester is not supplier and Verb.ACCEPT_ITEM in requester.capabilities().verbs


async def _book(
    supplier: LibrarySystem,
    system: LibrarySystem,
    booking: Booking,
    loan: Loan,
    placement: Placement,
    *,
    patron: str | None,
) -> None:
    standing = await _standing(supplier, placement)
    if standing.item is None or standing.answer is DONE.get(booking):
        return
    parcel = Parcel(order=order_of(loan, placement), item=standing.item, patron_reference=patron)
    try:
        match booking:
            case Booking.OUT:
                await system.check_out(parcel)
            case Booking.THERE:
                await system.accept_item(parcel)
            case _:
                await system.check_in(parcel)
    except (Refused, NotFound) as fault:
        raise NotBooked(f"{booking}: {type(fault).__name__}: {fault}") from fault


async def _standing(supplier: LibrarySystem, placement: Placement) -> Standing:
    if placement.receipt is None:
        return Standing(Answer.OPEN)
    try:
        return await supplier.status(placement.receipt)
    except (NotFound, NotOffered):
        return Standing(Answer.OPEN)
