"""Asks a second supplier beside the one that leads, where the policy of whoever asks wants two asked at once."""

from __future__ import annotations

from datetime import datetime

from adapters.contract import Refused
from app.database import Connection
from app.lending.ask import Answer, ask, still_its_own
from app.lending.beside import close, decline_beside, have_its_turn_again, have_withdrawn, take_the_lead
from app.lending.choose import UnknownTitle
from app.lending.ground import Ground, LookAgain
from app.lending.kinds import FOLLOW, LAPSE, PLACE, PLACE_BESIDE
from app.lending.lapse import held, lapses_at, parted
from app.lending.lifecycle import Event, Supplying
from app.lending.next_up import Choice, first_with_copy, may_be_beside, write_down
from app.lending.record import US, record_beside
from app.lending.renew import LONG_ROTA, Renewed, renew
from app.lending.snapshot import State
from app.store.events import Told
from app.store.loans import Loan, lock_loan, read_loan
from app.store.placements import (
    ASKING,
    NO_LONGER_WANTED,
    OUT_OF_REACH,
    Placement,
    find_beside,
    get_placement,
    lock_titles,
    note_placed,
)
from app.store.tasks import Task, finish, hold, schedule
from routing import Register, UnknownLocation


def wants_two(state: State, loan: Loan, *, at: datetime) -> bool:
    """Say whether the policy of whoever asks wants two suppliers asked at once."""
    return state.policy_for(loan.pickup_location, at).at_once > 1


async def stand_beside(ground: Ground, task: Task, loan: Loan, lead: Placement) -> None:
    """Have somebody asked beside whoever leads; finishes the task of a loan request that is `asked`."""
    at = ground.clock.now()
    renewed, choice = await _look(ground, loan, lead, at=at)
    if renewed is None or choice is None:
        async with ground.database.transaction() as connection:
            await finish(connection, task)
        return
    async with ground.database.transaction() as connection:
        fresh = await lock_loan(connection, loan.id)
        await hold(connection, task)
        if (fresh.events, fresh.asked) != (loan.events, loan.asked):
            raise LookAgain  # somebody changed it meanwhile: start over from what it is now
        await lock_titles(connection, renewed.titles)
        entry, changed = await first_with_copy(connection, renewed, at=at, choice=choice)
        if entry is not None:
            fresh, beside = await write_down(ground, connection, fresh, renewed, entry, changed, at=at, beside=True)
            if beside.system is None:
                await _placed(connection, renewed.register, fresh, beside, receipt=None, at=at)
            else:
                await schedule(connection, PLACE_BESIDE, beside.key, at)
        await finish(connection, task)


async def _look(ground: Ground, loan: Loan, lead: Placement, *, at: datetime) -> tuple[Renewed | None, Choice | None]:
    """Return a renewed decision, and who of it may be asked beside whoever leads; None: nobody is to be.

    Whom staff chose is asked alone, and so is whoever could not let go.
    """
    state = await ground.snapshot.follow()
    if lead.alone or not wants_two(state, loan, at=at):
        return None, None
    async with ground.database.connection() as connection:
        if await find_beside(connection, loan.id) is not None:
            return None, None
    try:
        renewed = await renew(ground, loan, at=at, limit=LONG_ROTA)
    except (UnknownTitle, UnknownLocation):  # it lies with whoever leads, and nobody else is known by now
        return None, None
    async with ground.database.connection() as connection:
        return renewed, await may_be_beside(ground, connection, lead, renewed)


async def place_beside(ground: Ground, task: Task) -> None:
    """Carry the task `place_beside` of a placement out: until its system has it, or has not.

    One that is no longer wanted is looked for, and taken back. Raises a SystemFault where it has to be tried or
    looked into again.
    """
    loan_id, number = parted(task.subject)
    async with ground.database.connection() as connection:
        loan = await read_loan(connection, loan_id)
        placement = await get_placement(connection, loan_id, number)
    answer = Answer(refused=Refused(NO_LONGER_WANTED, "It was no longer wanted before its system was asked."))
    if placement.state == ASKING and not (placement.untouched and placement.let_go):
        answer = await ask(
            ground, task, loan, placement, asked_before=not placement.untouched, wanted=not placement.let_go
        )
    register = (await ground.snapshot.follow()).register
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        loan, placement = await held(connection, task)
        if placement.state == ASKING:
            answer = await still_its_own(connection, placement, answer)
            await _note(connection, register, loan, placement, answer, at=at)
        await finish(connection, task)


async def _note(
    connection: Connection, register: Register, loan: Loan, placement: Placement, answer: Answer, *, at: datetime
) -> None:
    """Write down what a system said; whoever has gone on without it has it taken back."""
    refused = answer.refused
    if refused is not None and placement.let_go:
        await close(connection, placement, end=Event.PLACEMENT_REFUSED, reason=refused.reason, at=at)
        if refused.reason in (NO_LONGER_WANTED, OUT_OF_REACH):  # else it has said no
            await have_its_turn_again(connection, loan, placement, at=at)
    elif refused is not None:
        told = Told(at=at, by=placement.system or US, reason=refused.reason, note=str(refused))
        await decline_beside(connection, loan, placement, Event.PLACEMENT_REFUSED, told)
    else:
        await _placed(connection, register, loan, placement, receipt=answer.receipt, at=at)


async def _placed(
    connection: Connection, register: Register, loan: Loan, beside: Placement, *, receipt: str | None, at: datetime
) -> None:
    """Note that a supplier has it: beside whoever leads, or in the lead where nobody does by now."""
    lapse = await lapses_at(connection, register, loan, beside, at=at, now=at)
    await note_placed(connection, beside, receipt=receipt, at=at, lapses_at=lapse)
    if beside.let_go:
        await close(connection, beside, end=Event.LET_GO, reason=None, at=at)
        await have_withdrawn(connection, beside, at=at)
        return
    data = {"lapses_at": lapse.isoformat(), "receipt": receipt}
    if loan.supplying == Supplying.NOBODY:
        await take_the_lead(connection, loan, beside, at=at, data=data)
        await schedule(connection, PLACE, str(loan.id), at)
    else:
        told = Told(at=at, by=beside.system or US, data=data)
        await record_beside(connection, loan, beside, Event.PLACED_BESIDE, told)
    await schedule(connection, LAPSE, beside.key, lapse)
    if beside.system is not None:
        await schedule(connection, FOLLOW, beside.key, at)
