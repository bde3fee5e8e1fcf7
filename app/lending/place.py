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
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from adapters.contract import (
    AuthExpired,
    Duplicate,
    LibrarySystem,
    NotFound,
    NotOffered,
    NotThere,
    Order,
    OutcomeUnknown,
    Refused,
    SystemFault,
    Unavailable,
    Verb,
)
from app.database import Connection
from app.lending.availability import system_of
from app.lending.documents import written
from app.lending.ground import Ground, LookAgain
from app.lending.lapse import FOLLOW, NOBODY, lapses_at, pass_on, take_back
from app.lending.lifecycle import Event, Requesting, Supplying
from app.lending.orders import order_of
from app.lending.quotas import asked_enough, keeps_to_so_many
from app.lending.record import US, record
from app.lending.renew import Copies, Renewed, renew, what_changed
from app.store.events import Told
from app.store.loans import Loan, add_decision, latest_decision, lock_loan, read_loan
from app.store.placements import (
    LIVE,
    NO_LONGER_WANTED,
    OUT_OF_REACH,
    Placement,
    close_placement,
    committed,
    find_open,
    is_another_s,
    list_placements,
    lock_titles,
    note_placed,
    note_untouched,
    open_placement,
    receipts_of_others,
)
from app.store.tasks import Task, finish, hold, postpone, schedule
from routing import Register, RotaEntry

PLACE, LAPSE = "place", "lapse"
AWAY = timedelta(hours=2)
"""How long a system may be away before whoever is next on the rota is asked instead."""
NOTHING_DONE = (Unavailable, AuthExpired, NotOffered)
"""What a system raises that was told to place an order, and did not."""


async def place(ground: Ground, task: Task) -> None:
    """Carry the task `place` of a loan request out: until a supplier has it, or the rota has come to its end."""
    loan_id = UUID(task.subject)
    while True:
        async with ground.database.connection() as connection:
            loan = await read_loan(connection, loan_id)
            placement = await find_open(connection, loan_id)
        if loan.supplying == Supplying.ASKING and placement is not None:
            asked_before = True
        elif loan.supplying == Supplying.NOBODY and loan.requesting == Requesting.WAITING:
            placement, asked_before = await _pick(ground, task, loan), False
        else:
            async with ground.database.transaction() as connection:
                await finish(connection, task)
            return
        if placement is None:
            return
        if await _ask(ground, task, loan, placement, asked_before=asked_before):
            return


async def _pick(ground: Ground, task: Task, loan: Loan) -> Placement | None:
    """Choose the next supplier and write it down. None: it lies on somebody's desk, or nobody is left; task finished.

    Whoever was chosen while another request took the last copy is left for the next choice.
    """
    at = ground.clock.now()
    renewed = await renew(ground, loan, at=at, first=loan.chosen)
    async with ground.database.transaction() as connection:
        fresh = await lock_loan(connection, loan.id)
        await hold(connection, task)
        if (fresh.events, fresh.chosen) != (loan.events, loan.chosen):
            raise LookAgain  # somebody changed it meanwhile: start over from what it is now
        await lock_titles(connection, renewed.titles)
        entry, changed = await _first_with_copy(connection, renewed, at=at, only=loan.chosen)
        if loan.chosen is None:
            changed += what_changed(await latest_decision(connection, loan.id), renewed.decision, loan.asked)
        if loan.chosen is None or entry is not None:
            await add_decision(connection, loan.id, written(renewed.decision))
        if entry is not None:
            return await _note(ground, connection, task, fresh, renewed, entry, changed, at=at)
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


async def _first_with_copy(
    connection: Connection, renewed: Renewed, *, at: datetime, only: str | None
) -> tuple[RotaEntry | None, list[str]]:
    """Return the first of the rota that has a copy; those asked often enough today last, and who that passes over.

    `only`: whom somebody chose, however often it was asked; None where that has no copy.
    """
    taken = await committed(connection, renewed.titles)
    able = []
    for entry in renewed.decision.rota:
        if only not in (None, entry.supplying_location):
            continue
        spoken_for = taken.get(entry.supplying_location)
        if spoken_for is None or renewed.copies.get(entry.supplying_location, Copies()).suffice(spoken_for):
            able.append(entry)
    if only is not None or not any(keeps_to_so_many(entry) for entry in able):
        return next(iter(able), None), []
    full = await asked_enough(connection, able, renewed.register, at=at)
    chosen = next((entry for entry in able if entry.supplying_location not in full), able[0])
    passed_over = able[: able.index(chosen)]
    return chosen, [f"{one.supplying_location} has been asked today as often as it takes." for one in passed_over]


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


async def _note(
    ground: Ground,
    connection: Connection,
    task: Task,
    loan: Loan,
    renewed: Renewed,
    entry: RotaEntry,
    changed: list[str],
    *,
    at: datetime,
) -> Placement | None:
    """Write down who is going to be asked; where people answer, they have been asked by that."""
    system_id = system_of(renewed.register, entry.supplying_location, agency=entry.supplying_agency)
    system = await _taking_orders(ground, connection, system_id)
    number = loan.placements + 1
    placement = await open_placement(
        connection,
        loan=loan.id,
        number=number,
        agency=entry.supplying_agency,
        location=entry.supplying_location,
        system=system_id if system is not None else None,
        titles=renewed.titles,
        at=at,
    )
    data = {
        "rank": entry.rank,
        "arrives_at": entry.arrives_at.isoformat(),
        "cost_cents": entry.cost_cents,
        "network_version": renewed.decision.network_version,
        "reasons": list(entry.reasons),
        "changed": changed,
    }
    loan = await record(
        connection,
        loan,
        Event.PLACING,
        Told(at=at, by=US, data=data),
        supplying_agency=entry.supplying_agency,
        supplying_location=entry.supplying_location,
        asked=[*loan.asked, entry.supplying_location],
        chosen=None,
        placements=number,
        expected_at=entry.arrives_at,
    )
    if system is not None:
        return placement
    await _placed(connection, renewed.register, loan, placement, receipt=None, at=at)
    await finish(connection, task)
    return None


async def _taking_orders(ground: Ground, connection: Connection, system_id: str | None) -> LibrarySystem | None:
    """Return what speaks to a system that takes orders; for one that is only read, people answer."""
    system = await ground.systems.find(connection, system_id)
    return system if system is not None and Verb.PLACE in system.capabilities().verbs else None


async def _ask(ground: Ground, task: Task, loan: Loan, placement: Placement, *, asked_before: bool) -> bool:
    """Ask the system and write down what it said. True: the task is done, or comes again; False: the next one's turn.

    Raises a SystemFault where it has to be tried or looked into again.
    """
    async with ground.database.connection() as connection:
        system = await _taking_orders(ground, connection, placement.system)
        taken = await receipts_of_others(connection, placement) if system is not None else []
    if system is None:  # it became one that people answer for, since
        receipt, refused = None, None
    else:
        receipt, refused = await _call(ground, task, loan, placement, system, asked_before=asked_before, taken=taken)
    register = (await ground.snapshot.follow()).register
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        loan = await lock_loan(connection, loan.id)
        await hold(connection, task)
        if loan.supplying != Supplying.ASKING:
            raise LookAgain
        if receipt is not None and await is_another_s(connection, placement, receipt):
            # Followed by it, both would be told what becomes of one copy.
            refused = Refused(
                "Other", f"{placement.system} calls it {receipt}, which is another loan request's order."
            )
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
        await _placed(connection, register, loan, placement, receipt=receipt, at=at)
        await finish(connection, task)
    return True


async def _call(
    ground: Ground,
    task: Task,
    loan: Loan,
    placement: Placement,
    system: LibrarySystem,
    *,
    asked_before: bool,
    taken: Collection[str],
) -> tuple[str | None, Refused | None]:
    """Have an order placed: (its receipt, None), or (None, why not).

    A system that stays away is passed over after a while, if it surely has nothing of the order.
    """
    order = order_of(loan, placement)
    clean, asking = placement.untouched, False
    if asked_before and not clean and Verb.FIND not in system.capabilities().verbs:
        return placement.key, None  # it may have it: its library answers, or it lapses
    try:
        if asked_before and (receipt := await system.find(order, key=placement.key, taken=taken)) is not None:
            return receipt, None
        clean = True
        if asked_before and loan.requesting in (Requesting.CANCELLING, Requesting.OVERRIDING):
            return None, Refused(NO_LONGER_WANTED, "It was no longer wanted before it was placed.")
        quote = await system.prepare(order, taken=taken)
        if not quote.possible:
            return None, Refused(quote.reason or "Other", quote.detail)
        if placement.untouched:
            await _note_untouched(ground, task, placement, untouched=False)
        asking = True
        return await system.place(quote, key=placement.key), None
    except Duplicate as duplicate:
        return (duplicate.receipt, None) if duplicate.receipt not in (None, *taken) else (None, duplicate)
    except Refused as refused:
        # What was sent before may have come late, and be what stands in the way now.
        late = await _look_again(system, order, placement, taken) if asked_before else None
        return (late, None) if late is not None else (None, refused)
    except NotThere as fault:  # a wrong address says nothing of the shelf
        return None, await _passed_over(ground, task, placement, fault, surely_nothing=clean)
    except NotFound as absent:
        return None, Refused("NotOnShelf", str(absent))
    except OutcomeUnknown:
        await _note_unknown(ground, task, placement)
        raise
    except SystemFault as fault:
        surely_nothing = clean and not (asking and not isinstance(fault, NOTHING_DONE))
        return None, await _passed_over(ground, task, placement, fault, surely_nothing=surely_nothing)


async def _passed_over(
    ground: Ground, task: Task, placement: Placement, fault: SystemFault, *, surely_nothing: bool
) -> Refused:
    """Return the refusal of a system that stays away and surely has nothing of the order; else raise the fault."""
    if not surely_nothing:
        raise fault
    if ground.clock.now() - placement.asked_at < AWAY * ground.clock.speed:
        await _note_untouched(ground, task, placement, untouched=True)
        raise fault
    return Refused(OUT_OF_REACH, _away(placement, fault))


async def _look_again(
    system: LibrarySystem, order: Order, placement: Placement, taken: Collection[str]
) -> str | None:
    if Verb.FIND not in system.capabilities().verbs:
        return None
    return await system.find(order, key=placement.key, taken=taken)


def _away(placement: Placement, fault: SystemFault) -> str:
    hours = AWAY.total_seconds() / 3600
    return f"{placement.system} has been out of reach for {hours:g} hours ({type(fault).__name__}): it has no order."


async def _note_untouched(ground: Ground, task: Task, placement: Placement, *, untouched: bool) -> None:
    async with ground.database.transaction() as connection:
        await hold(connection, task)
        await note_untouched(connection, placement, untouched=untouched)


async def _note_unknown(ground: Ground, task: Task, placement: Placement) -> None:
    async with ground.database.transaction() as connection:
        loan = await lock_loan(connection, placement.loan_request)
        await hold(connection, task)
        told = Told(at=ground.clock.now(), by=placement.system or US, note="No answer came; it will be looked into.")
        await record(connection, loan, Event.OUTCOME_UNKNOWN, told)


async def _placed(
    connection: Connection,
    register: Register,
    loan: Loan,
    placement: Placement,
    *,
    receipt: str | None,
    at: datetime,
) -> None:
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
    if loan.requesting in (Requesting.CANCELLING, Requesting.OVERRIDING):  # asked for while the system was asked
        await take_back(connection, replace(placement, state=LIVE), at=at)
