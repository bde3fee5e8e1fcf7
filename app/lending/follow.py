"""Follows what lies with a library system: asks how an order stands, takes orders back, and notes what is overdue."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from adapters.contract import Answer, NotFound, Standing
from app.lending.ground import Ground
from app.lending.happen import Circumstances, happen
from app.lending.lapse import parted
from app.lending.lifecycle import Event, NotAllowed, Requesting, outcome_of
from app.lending.record import US, record, state_of
from app.lending.track import plan_there
from app.store.events import Told
from app.store.loans import lock_loan, read_loan
from app.store.placements import close_placement, find_open, get_placement
from app.store.tasks import Task, finish, hold, postpone, schedule

WITHDRAW = "withdraw"
SOONEST_LOOK = timedelta(minutes=15)
LATEST_LOOK = timedelta(hours=4)
LATEST_LOOK_OUT = timedelta(days=1)  # while the item is out: all that is left to hear is that it came back

# What a system's answer means for a loan request. OPEN and CANCELLED mean nothing new.
_EVENTS = {
    Answer.EXPECTED: Event.EXPECT_TO_SUPPLY,
    Answer.PROMISED: Event.WILL_SUPPLY,
    Answer.DECLINED: Event.UNFILLED,
    Answer.SHIPPED: Event.LOANED,
    Answer.RETURNED: Event.LOAN_COMPLETED,
}


async def follow(ground: Ground, task: Task) -> None:
    """Carry the task `follow` of a placement out: ask its system what is new, until it is closed."""
    loan_id, number = parted(task.subject)
    async with ground.database.connection() as connection:
        placement = await get_placement(connection, loan_id, number)
        system = await ground.systems.find(connection, placement.system)
        loan = await read_loan(connection, loan_id)
    standing = Standing(Answer.CANCELLED)
    if placement.state == "live" and system is not None and placement.receipt is not None:
        standing = await system.status(placement.receipt)
    state = await ground.snapshot.follow()
    at = ground.clock.now()
    event = _EVENTS.get(standing.answer)
    way = plan_there(state, loan, at=at) if event is Event.LOANED else None
    async with ground.database.transaction() as connection:
        await hold(connection, task)
        loan = await lock_loan(connection, loan_id)
        current = await find_open(connection, loan_id)
        if current is None or current.number != number or system is None:
            await finish(connection, task)
            return
        if event is not None:
            told = Told(at=at, by=placement.system or US, reason=standing.reason)
            with suppress(NotAllowed):  # known already, or the loan request has gone on
                await happen(connection, loan, event, told, Circumstances(way=way))
        await postpone(connection, task, at + _patience(at - placement.asked_at, out=loan.shipped_at is not None))


def _patience(waited: timedelta, *, out: bool) -> timedelta:
    """Return how long to wait for the next look: the longer nothing has changed, the less it matters when."""
    return min(LATEST_LOOK_OUT if out else LATEST_LOOK, max(SOONEST_LOOK, waited / 4))


async def withdraw(ground: Ground, task: Task) -> None:
    """Carry the task `withdraw` of a placement out: have its system forget it.

    For a loan request whose cancelling waits for the answer, that is what ends it; or, where the item is on its way,
    what lets it go on.
    """
    loan_id, number = parted(task.subject)
    async with ground.database.connection() as connection:
        placement = await get_placement(connection, loan_id, number)
        system = await ground.systems.find(connection, placement.system)
    taken_back = True
    if system is not None and placement.receipt is not None:
        try:
            taken_back = await system.cancel(placement.receipt)
        except NotFound:
            taken_back = True  # it never was there, or is gone
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        await finish(connection, task)
        loan = await lock_loan(connection, loan_id)
        if loan.requesting != Requesting.CANCELLING:
            return
        event = Event.WITHDRAWN if taken_back else Event.CANCEL_REFUSED
        try:
            loan = await record(connection, loan, event, Told(at=at, by=placement.system or US))
        except NotAllowed:
            return
        if outcome_of(state_of(loan)) is not None and placement.state != "closed":
            await close_placement(connection, placement, end=event, reason=None, at=at)


async def overdue(ground: Ground, task: Task) -> None:
    """Carry the task `overdue` of a loan request out: note that the reader should have brought it back."""
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        await finish(connection, task)
        loan = await lock_loan(connection, UUID(task.subject))
        if loan.due_at is None:
            return
        if loan.due_at > at:  # it was renewed
            await schedule(connection, "overdue", task.subject, loan.due_at)
            return
        try:
            await record(connection, loan, Event.OVERDUE, Told(at=at, by=US))
        except NotAllowed:
            return
