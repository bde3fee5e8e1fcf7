"""Follows what lies with a library system: asks how an order stands, takes orders back, and notes what is overdue."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from adapters.contract import Answer, NotFound, Standing
from app.database import Connection
from app.lending.ground import Ground, LookAgain
from app.lending.happen import LOAN_DAYS, RENEWAL_DAYS, Circumstances, happen
from app.lending.lapse import parted
from app.lending.lifecycle import Event, NotAllowed, Requesting, outcome_of
from app.lending.pauses import days_later, pauses_of
from app.lending.record import US, record, state_of
from app.lending.track import plan_there
from app.store.events import Told
from app.store.loans import Loan, lock_loan, read_loan
from app.store.placements import close_placement, find_open, get_placement
from app.store.tasks import Task, finish, hold, postpone
from app.store.under_way import still_stands
from routing import Register

WITHDRAW = "withdraw"
LOOK_EVERY = timedelta(minutes=15)

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
        if way is not None and not await still_stands(connection, state.standing):
            raise LookAgain  # what it was planned on no longer runs
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
        await postpone(connection, task, at + LOOK_EVERY)


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
    """Carry the task `overdue` of a loan request out: note that the reader should have brought it back.

    Until when is counted again: it may have been renewed, and what stands still makes nobody late.
    """
    register = (await ground.snapshot.follow()).register
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        await hold(connection, task)
        loan = await lock_loan(connection, UUID(task.subject))
        with suppress(NotAllowed):
            loan = await _move_due_date(connection, register, loan, at=at)
            if loan.due_at is not None and loan.due_at > at:
                await postpone(connection, task, loan.due_at)
                return
            if loan.due_at is not None:
                await record(connection, loan, Event.OVERDUE, Told(at=at, by=US))
        await finish(connection, task)


async def _move_due_date(connection: Connection, register: Register, loan: Loan, *, at: datetime) -> Loan:
    """Raises NotAllowed where the reader no longer has it."""
    if loan.due_at is None or loan.due_since is None:
        return loan
    pauses = pauses_of(register, agency=loan.supplying_agency, location=loan.supplying_location, now=at)
    days = RENEWAL_DAYS if loan.renewals else LOAN_DAYS
    due_at = days_later(loan.due_since, days, pauses=pauses, timezone=register.timezone)
    if due_at == loan.due_at:
        return loan
    note = "The network, or whoever supplied it, stands still for a while."
    data = {"due_before": loan.due_at.isoformat(), "due_at": due_at.isoformat()}
    told = Told(at=at, by=US, note=note, data=data)
    return await happen(connection, loan, Event.DUE_DATE_MOVED, told, Circumstances(due_at=due_at))
