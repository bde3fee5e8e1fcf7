"""Places a loan request with the next on the rota, and goes on to the one after when that one does not take it.

Goes on also where a system stays away and surely has nothing of the order; one that may have it is looked into for as
long as it takes.

Each step is a transaction of its own, and none is open while a system is called. A worker that dies between two steps
leaves the state `asking`; whoever takes the task over looks first whether the order was placed.

Whoever locks both locks the loan request first and its task second, here and in all other tasks: what people report
locks the loan request and then schedules tasks, and two that lock in opposite orders wait for each other.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from app.database import Connection
from app.lending.ask import AWAY, ask, still_its_own
from app.lending.beside import let_beside_go
from app.lending.documents import written
from app.lending.ground import Ground, LookAgain
from app.lending.kinds import FOLLOW, LAPSE, PLACE, PLACE_BESIDE
from app.lending.lapse import NOBODY, lapses_at, pass_on, take_back
from app.lending.lifecycle import Event, Requesting, Supplying
from app.lending.next_up import Choice, first_with_copy, write_down
from app.lending.place_beside import stand_beside, wants_two
from app.lending.record import US, record
from app.lending.renew import Renewed, renew, what_changed
from app.store.events import Told
from app.store.loans import Loan, add_decision, latest_decision, lock_loan, read_loan
from app.store.placements import (
    LIVE,
    Placement,
    close_placement,
    find_both,
    list_coming_back,
    list_placements,
    lock_titles,
    note_placed,
)
from app.store.tasks import Task, finish, hold, is_dead, postpone, schedule
from routing import Register

COMES_BACK = timedelta(minutes=15)
"""How long until another look where nobody is left but who was let go, and has not given its order back yet.

That is waited for as long as for a system that is away.
"""


async def place(ground: Ground, task: Task) -> None:
    """Carry the task `place` of a loan request out: until a supplier has it, or the rota has come to its end."""
    loan_id = UUID(task.subject)
    while True:
        async with ground.database.connection() as connection:
            loan = await read_loan(connection, loan_id)
            placement, beside = await find_both(connection, loan_id)
            given_up = beside is not None and await is_dead(connection, PLACE_BESIDE, beside.key)
        waiting = loan.requesting == Requesting.WAITING
        if loan.supplying == Supplying.ASKING and placement is not None:
            asked_before = True
        elif loan.supplying == Supplying.NOBODY and waiting and given_up:
            await _go_on_without(ground, task, loan)
            continue
        elif loan.supplying == Supplying.NOBODY and waiting and beside is None:
            placement, asked_before = await _pick(ground, task, loan), False
        elif loan.supplying == Supplying.ASKED and waiting and placement is not None:
            await stand_beside(ground, task, loan, placement)
            return
        else:  # nothing is to be done, or whoever is asked beside has it as soon as its system does
            async with ground.database.transaction() as connection:
                await finish(connection, task)
            return
        if placement is None:
            return
        if await _ask(ground, task, loan, placement, asked_before=asked_before):
            return


async def _go_on_without(ground: Ground, task: Task, loan: Loan) -> None:
    """Let go of whoever is asked beside, of whom nothing could be found out and nobody asks any more."""
    async with ground.database.transaction() as connection:
        fresh = await lock_loan(connection, loan.id)
        await hold(connection, task)
        if fresh.events != loan.events:
            raise LookAgain
        await let_beside_go(connection, fresh, at=ground.clock.now())


async def _pick(ground: Ground, task: Task, loan: Loan) -> Placement | None:
    """Choose the next supplier and write it down. None: it lies on somebody's desk, or nobody is left; task finished.

    Whoever was chosen while another request took the last copy is left for the next choice.
    """
    at = ground.clock.now()
    renewed = await renew(ground, loan, at=at, first=loan.chosen)
    async with ground.database.transaction() as connection:
        fresh = await lock_loan(connection, loan.id)
        await hold(connection, task)
        if (fresh.events, fresh.chosen, fresh.asked) != (loan.events, loan.chosen, loan.asked):
            raise LookAgain  # somebody changed it meanwhile: start over from what it is now
        await lock_titles(connection, renewed.titles)
        coming_back = await list_coming_back(connection, loan.id)
        choice = Choice(only=loan.chosen, coming_back=coming_back)
        entry, changed = await first_with_copy(connection, renewed, at=at, choice=choice)
        if entry is None and any(at - one.since < AWAY * ground.clock.speed for one in coming_back):
            await postpone(connection, task, at + COMES_BACK * ground.clock.speed)
            return None
        if loan.chosen is None:
            changed += what_changed(await latest_decision(connection, loan.id), renewed.decision, loan.asked)
        if loan.chosen is None or entry is not None:
            await add_decision(connection, loan.id, written(renewed.decision))
        if entry is not None:
            fresh, placement = await write_down(ground, connection, fresh, renewed, entry, changed, at=at)
            if placement.system is not None:
                return placement
            two = renewed.decision.policy.at_once > 1
            await _placed(connection, renewed.register, fresh, placement, receipt=None, two=two, at=at)
            await finish(connection, task)
            return None
        if loan.chosen is None:
            await _end(connection, fresh, renewed, changed, at=at)
            await finish(connection, task)
            return None
        await _refuse_choice(connection, fresh, renewed, loan.chosen, at=at)
    raise LookAgain  # back to the rota


async def _refuse_choice(connection: Connection, loan: Loan, renewed: Renewed, chosen: str, *, at: datetime) -> None:
    """Record why whom staff chose cannot be asked."""
    refusal = next((found for found in renewed.decision.refusals if found.supplying_location == chosen), None)
    if refusal is not None:
        why = {"reason": str(refusal.reason), "detail": refusal.detail}
    elif any(entry.supplying_location == chosen for entry in renewed.decision.rota):
        why = {"reason": "unavailable", "detail": "Every copy there is spoken for."}
    else:
        why = {"reason": "no_holding", "detail": "No copy of it is known there."}
    told = Told(at=at, by=US, note=f"{chosen} cannot be asked: {why['detail']}", data={"location": chosen, **why})
    await record(connection, loan, Event.CHOICE_REFUSED, told, chosen=None)


async def _end(connection: Connection, loan: Loan, renewed: Renewed, changed: list[str], *, at: datetime) -> None:
    """Record that nobody is left: what those who were asked said, and why the others cannot be asked."""
    answers = [
        {
            "supplying_location": asked["supplying_location"],
            "end": asked["end"],
            "reason": asked["reason"] if _WORD.fullmatch(asked["reason"] or "") else None,
        }
        for asked in await list_placements(connection, loan.id)
    ]
    gathered = [
        {"supplying_location": refusal.supplying_location, "reason": refusal.reason, "detail": refusal.detail}
        for refusal in renewed.decision.refusals
        if refusal.supplying_location not in loan.asked
    ]
    data = {"asked": list(loan.asked), "answers": answers, "refusals": gathered, "changed": changed}
    told = Told(at=at, by=US, note="Nobody is left who could supply it.", data=data)
    await record(connection, loan, Event.END_OF_ROTA, told, **NOBODY)


# A word is a reason of the standard's; a sentence may say anything, and stands where retention finds it.
_WORD = re.compile("[A-Za-z]+")


async def _ask(ground: Ground, task: Task, loan: Loan, placement: Placement, *, asked_before: bool) -> bool:
    """Ask the system and write down what it said. True: the task is done, or comes again; False: the next one's turn.

    Raises a SystemFault where it has to be tried or looked into again.
    """
    wanted = loan.requesting not in (Requesting.CANCELLING, Requesting.OVERRIDING)
    answer = await ask(ground, task, loan, placement, asked_before=asked_before, wanted=wanted)
    state = await ground.snapshot.follow()
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        loan = await lock_loan(connection, loan.id)
        await hold(connection, task)
        if loan.supplying != Supplying.ASKING:
            raise LookAgain
        receipt, refused = await still_its_own(connection, placement, answer)
        if refused is not None:
            await close_placement(connection, placement, end=Event.PLACEMENT_REFUSED, reason=refused.reason, at=at)
            told = Told(at=at, by=placement.system or US, reason=refused.reason, note=str(refused))
            loan = await record(connection, loan, Event.PLACEMENT_REFUSED, told, **NOBODY)
            if loan.requesting == Requesting.CANCELLING:
                await pass_on(connection, loan, at=at)
            if task.attempts > 1:  # the next one's patience is whole
                await postpone(connection, task, at)
                return True
            return False
        two = wants_two(state, loan, at=at)
        await _placed(connection, state.register, loan, placement, receipt=receipt, two=two, at=at)
        await finish(connection, task)
    return True


async def _placed(
    connection: Connection,
    register: Register,
    loan: Loan,
    placement: Placement,
    *,
    receipt: str | None,
    two: bool,
    at: datetime,
) -> None:
    """Note that the supplier has it; with `two` asked at once, another is asked beside it."""
    lapse = await lapses_at(connection, register, loan, placement, at=at, now=at)
    await note_placed(connection, placement, receipt=receipt, at=at, lapses_at=lapse)
    loan = await record(
        connection,
        loan,
        Event.PLACED,
        Told(at=at, by=placement.system or US, data={"lapses_at": lapse.isoformat(), "receipt": receipt}),
    )
    await schedule(connection, LAPSE, placement.key, lapse)
    if placement.system is not None:
        await schedule(connection, FOLLOW, placement.key, at)
    if two:
        await schedule(connection, PLACE, str(loan.id), at)
    if loan.requesting in (Requesting.CANCELLING, Requesting.OVERRIDING):  # asked for while the system was asked
        await take_back(connection, replace(placement, state=LIVE), at=at)
