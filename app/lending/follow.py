"""Follows what lies with a library system: asks how an order stands, takes orders back, and notes what is overdue."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from adapters.contract import Answer, LibrarySystem, NotFound, NotOffered, Standing, Verb
from app.database import Connection
from app.lending.beside import as_leading, have_its_turn_again
from app.lending.ground import ForPeople, Ground, LookAgain
from app.lending.happen import LOAN_DAYS, RENEWAL_DAYS, Circumstances, happen, happen_beside
from app.lending.kinds import FOLLOW
from app.lending.lapse import held, parted
from app.lending.lifecycle import Event, NotAllowed, Requesting, allowed_in
from app.lending.orders import order_of
from app.lending.pauses import days_later, pauses_of
from app.lending.record import US, record, state_of
from app.lending.snapshot import State
from app.lending.track import plan_there
from app.store.events import Told
from app.store.loans import Loan, lock_loan, read_loan
from app.store.placements import CLOSED, Placement, get_placement, receipts_of_others
from app.store.tasks import Task, finish, hold, postpone, schedule
from app.store.under_way import still_stands

SOONEST_LOOK = timedelta(minutes=15)
LATEST_LOOK = timedelta(hours=4)
LATEST_LOOK_OUT = timedelta(days=1)  # while the item is out: all that is left to hear is that it came back

# What a system's answer means for a loan request; OPEN is nothing new. An order that is gone from its system without
# our knowing cannot be waited for: the supplier will not supply.
_EVENTS = {
    Answer.EXPECTED: Event.EXPECT_TO_SUPPLY,
    Answer.PROMISED: Event.WILL_SUPPLY,
    Answer.DECLINED: Event.UNFILLED,
    Answer.CANCELLED: Event.UNFILLED,
    Answer.SHIPPED: Event.LOANED,
    Answer.RETURNED: Event.LOAN_COMPLETED,
}


async def follow(ground: Ground, task: Task) -> None:
    """Carry the task `follow` of a placement out: ask its system what is new, until it is closed.

    Raises OutOfStep where it says what cannot be yet.
    """
    loan_id, number = parted(task.subject)
    async with ground.database.connection() as connection:
        placement = await get_placement(connection, loan_id, number)
        system = await ground.systems.find(connection, placement.system)
        loan = await read_loan(connection, loan_id)
    standing = Standing(Answer.OPEN)
    if placement.state == "live" and system is not None and placement.receipt is not None:
        heard = await _standing(system, loan, placement.receipt)
        if heard is None:  # whoever has it tells us by messages, or people do
            async with ground.database.transaction() as connection:
                await finish(connection, task)
            return
        standing = heard
    state = await ground.snapshot.follow()
    at = ground.clock.now()
    event = _EVENTS.get(standing.answer)
    as_seen = as_leading(loan, placement) if placement.beside else loan
    way = plan_there(state, as_seen, at=at) if event is Event.LOANED else None
    async with ground.database.transaction() as connection:
        if way is not None and not await still_stands(connection, state.standing):
            raise LookAgain  # what it was planned on no longer runs
        loan, current = await held(connection, task)
        if current.state == CLOSED or system is None:
            await finish(connection, task)
            return
        if current.beside != placement.beside:
            raise LookAgain  # it leads by now
        skipped = False
        if event is not None:
            told = Told(at=at, by=placement.system or US, reason=standing.reason)
            skipped = await _note(connection, loan, current, event, told, Circumstances(way=way))
        if not skipped:
            patience = _patience(at - placement.asked_at, out=loan.shipped_at is not None)
            await postpone(connection, task, at + patience)
    if skipped:
        raise OutOfStep(f"{placement.system} says that it is home again, and nobody that it was ever received.")


async def _note(
    connection: Connection, loan: Loan, placement: Placement, event: Event, told: Told, circumstances: Circumstances
) -> bool:
    """Record what a system says. True: it says what cannot be yet."""
    if placement.beside:
        # That it is home again, of one that we did not hear was sent, is no yes by now.
        heard = Event.UNFILLED if event is Event.LOAN_COMPLETED else event
        with suppress(NotAllowed):
            await happen_beside(connection, loan, placement, heard, told, circumstances)
        return False
    loan, skipped = await _catch_up(connection, loan, event, told)
    with suppress(NotAllowed):  # known already, or the loan request has gone on
        await happen(connection, loan, event, told, circumstances)
    return skipped


async def _standing(system: LibrarySystem, loan: Loan, receipt: str) -> Standing | None:
    """Return how an order stands; None where its system does not say such things.

    Some systems forget an order when its item is home, or cannot tell that from one that was let go.
    """
    if Verb.STATUS not in system.capabilities().verbs:
        return None
    try:
        standing = await system.status(receipt)
    except NotFound:
        standing = Standing(Answer.CANCELLED)
    if standing.answer is Answer.CANCELLED and loan.shipped_at is not None:
        return Standing(Answer.RETURNED if loan.requesting == Requesting.RETURNED else Answer.OPEN)
    return standing


class OutOfStep(Exception):  # noqa: N818 - says what happened
    """A system says what cannot be yet: somebody has not reported what came before."""


async def _catch_up(connection: Connection, loan: Loan, event: Event, told: Told) -> tuple[Loan, bool]:
    """Record that an item was sent, of which only its being home again is heard; and say whether more is missing."""
    if event is not Event.LOAN_COMPLETED:
        return loan, False
    if Event.LOANED in allowed_in(state_of(loan)):
        note = "Nobody heard that it was sent: its system says that it is home again."
        loan = await happen(connection, loan, Event.LOANED, replace(told, note=note))
    return loan, event not in allowed_in(state_of(loan))


def _patience(waited: timedelta, *, out: bool) -> timedelta:
    """Return how long to wait for the next look: the longer nothing has changed, the less it matters when."""
    return min(LATEST_LOOK_OUT if out else LATEST_LOOK, max(SOONEST_LOOK, waited / 4))


class NotToBeTold(ForPeople):
    """A system takes no word that an order is no longer wanted: people must tell its library."""


class OnItsWay(ForPeople):
    """A supplier that was let go has shipped all the same."""


async def withdraw(ground: Ground, task: Task) -> None:
    """Carry the task `withdraw` of a placement out: have its system forget it.

    For a loan request whose cancelling waits for the answer, that is what ends it; for one that staff want to have
    asked of somebody else, that is when it passes on. Where the item is on its way already, either stays where it is.
    Raises OnItsWay where it has gone on to somebody else.
    """
    loan_id, number = parted(task.subject)
    async with ground.database.connection() as connection:
        placement = await get_placement(connection, loan_id, number)
        system = await ground.systems.find(connection, placement.system)
        loan = await read_loan(connection, loan_id)
        taken = await receipts_of_others(connection, placement)
    taken_back = system is None or await _taken_back(system, loan, placement, taken)
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        loan = await lock_loan(connection, loan_id)
        await finish(connection, task)
        current = await get_placement(connection, loan_id, number)
        if current.state == CLOSED:
            if not taken_back and current.shipped_at is None:
                raise OnItsWay(f"{placement.supplying_location} has shipped what it was told not to.")
            if taken_back and current.end == Event.LET_GO:
                await have_its_turn_again(connection, loan, current, at=at)
            return
        answers = _WHAT_IT_ANSWERS.get(Requesting(loan.requesting))
        if answers is None:
            return
        data = {"location": loan.chosen} if loan.chosen is not None else None
        told = Told(at=at, by=placement.system or US, data=data)
        with suppress(NotAllowed):
            await happen(connection, loan, answers[not taken_back], told, Circumstances(chosen=loan.chosen))
        if not taken_back:
            await schedule(connection, FOLLOW, placement.key, at)  # it says what has happened instead


# What it means for whoever waits that a system has let go, and that it has not.
_WHAT_IT_ANSWERS = {
    Requesting.CANCELLING: (Event.WITHDRAWN, Event.CANCEL_REFUSED),
    Requesting.OVERRIDING: (Event.OVERRIDE, Event.OVERRIDE_REFUSED),
}


async def answered(ground: Ground, loan_id: UUID, *, taken_back: bool, told: Told) -> None:
    """Note what a supplier answers, by itself, to a cancelling that waits for it. Raises NotAllowed."""
    async with ground.database.transaction() as connection:
        loan = await lock_loan(connection, loan_id)
        await happen(connection, loan, Event.WITHDRAWN if taken_back else Event.CANCEL_REFUSED, told)


async def _taken_back(system: LibrarySystem, loan: Loan, placement: Placement, taken: Collection[str]) -> bool:
    """Have an order taken back, one whose receipt never came too; what is not there need not be."""
    try:
        receipt = placement.receipt or await system.find(order_of(loan, placement), key=placement.key, taken=taken)
        return receipt is None or await system.cancel(receipt)
    except NotFound:
        return True
    except NotOffered:
        raise NotToBeTold(f"{placement.system} cannot be told that the order is no longer wanted.") from None


async def overdue(ground: Ground, task: Task) -> None:
    """Carry the task `overdue` of a loan request out: note that the reader should have brought it back.

    Until when is counted again: it may have been renewed, and what stands still makes nobody late.
    """
    state = await ground.snapshot.follow()
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        loan = await lock_loan(connection, UUID(task.subject))
        await hold(connection, task)
        with suppress(NotAllowed):
            loan = await _move_due_date(connection, state, loan, at=at)
            if loan.due_at is not None and loan.due_at > at:
                await postpone(connection, task, loan.due_at)
                return
            if loan.due_at is not None:
                await record(connection, loan, Event.OVERDUE, Told(at=at, by=US))
        await finish(connection, task)


async def _move_due_date(connection: Connection, state: State, loan: Loan, *, at: datetime) -> Loan:
    """Raises NotAllowed where the reader no longer has it."""
    if loan.due_at is None or loan.due_since is None:
        return loan
    register = state.register
    pauses = pauses_of(register, agency=loan.supplying_agency, location=loan.supplying_location, now=at)
    # The policy that held when it began: what is agreed later moves no date that a reader was told.
    said = state.lending_for(loan.supplying_location, loan.due_since).loan_days
    days = said or (RENEWAL_DAYS if loan.renewals else LOAN_DAYS)
    due_at = days_later(loan.due_since, days, pauses=pauses, timezone=register.timezone)
    if due_at == loan.due_at:
        return loan
    note = "The network, or whoever supplied it, stands still for a while."
    data = {"due_before": loan.due_at.isoformat(), "due_at": due_at.isoformat()}
    told = Told(at=at, by=US, note=note, data=data)
    return await happen(connection, loan, Event.DUE_DATE_MOVED, told, Circumstances(due_at=due_at))
