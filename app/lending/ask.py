"""Has a library system asked for a placement: it takes the order, or says why not, or nobody knows yet.

No transaction is open while a system is called. Whoever comes after a worker that died looks first whether the order
was placed.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple

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
from app.lending.ground import Ground, LookAgain
from app.lending.lifecycle import Event, NotAllowed
from app.lending.orders import order_of
from app.lending.record import US, record, record_beside
from app.store.events import Told
from app.store.loans import Loan, lock_loan
from app.store.placements import (
    NO_LONGER_WANTED,
    OUT_OF_REACH,
    Placement,
    get_placement,
    is_another_s,
    note_untouched,
    receipts_of_others,
)
from app.store.tasks import Task, hold

AWAY = timedelta(hours=2)
"""How long a system may be away before whoever is next on the rota is asked instead."""
NOTHING_DONE = (Unavailable, AuthExpired, NotOffered)
"""What a system raises that was told to place an order, and did not."""


class Answer(NamedTuple):
    """What came of asking: why it was `refused` (None: it has it), and what the system calls the order."""

    receipt: str | None = None
    refused: Refused | None = None


async def taking_orders(ground: Ground, connection: Connection, system_id: str | None) -> LibrarySystem | None:
    """Return what speaks to a system that takes orders; for one that is only read, people answer."""
    system = await ground.systems.find(connection, system_id)
    return system if system is not None and Verb.PLACE in system.capabilities().verbs else None


async def ask(
    ground: Ground, task: Task, loan: Loan, placement: Placement, *, asked_before: bool, wanted: bool
) -> Answer:
    """Have an order placed, or found that was placed before; one that is not `wanted` any more is only looked for.

    A system that stays away is passed over after a while, if it surely has nothing of the order. Raises a SystemFault
    where it has to be tried or looked into again.
    """
    async with ground.database.connection() as connection:
        system = await taking_orders(ground, connection, placement.system)
        taken = await receipts_of_others(connection, placement) if system is not None else []
    if system is None:  # it became one that people answer for, since
        return Answer()
    return await _call(ground, task, loan, placement, system, asked_before=asked_before, wanted=wanted, taken=taken)


async def still_its_own(connection: Connection, placement: Placement, answer: Answer) -> Answer:
    """Return an answer as it is, or refused where its receipt has become another order's."""
    if answer.receipt is None or not await is_another_s(connection, placement, answer.receipt):
        return answer
    # Followed by it, both would be told what becomes of one copy.
    why = f"{placement.system} calls it {answer.receipt}, which is another loan request's order."
    return Answer(refused=Refused("Other", why))


async def _call(
    ground: Ground,
    task: Task,
    loan: Loan,
    placement: Placement,
    system: LibrarySystem,
    *,
    asked_before: bool,
    wanted: bool,
    taken: Collection[str],
) -> Answer:
    order = order_of(loan, placement)
    clean, asking = placement.untouched, False
    if asked_before and not clean and Verb.FIND not in system.capabilities().verbs:
        return Answer(placement.key)  # it may have it: its library answers, or it lapses
    try:
        if asked_before and (receipt := await system.find(order, key=placement.key, taken=taken)) is not None:
            return Answer(receipt)
        clean = True
        if not wanted:
            return Answer(refused=Refused(NO_LONGER_WANTED, "It was no longer wanted before it was placed."))
        quote = await system.prepare(order, taken=taken)
        if not quote.possible:
            return Answer(refused=Refused(quote.reason or "Other", quote.detail))
        if placement.untouched:
            await _note_untouched(ground, task, placement, untouched=False)
        asking = True
        return Answer(await system.place(quote, key=placement.key))
    except Duplicate as duplicate:
        ours = duplicate.receipt not in (None, *taken)
        return Answer(duplicate.receipt) if ours else Answer(refused=duplicate)
    except Refused as refused:
        # What was sent before may have come late, and be what stands in the way now.
        late = await _look_again(system, order, placement, taken) if asked_before else None
        return Answer(refused=refused) if late is None else Answer(late)
    except NotThere as fault:  # a wrong address says nothing of the shelf
        return Answer(refused=await _passed_over(ground, task, placement, fault, surely_nothing=clean))
    except NotFound as absent:
        return Answer(refused=Refused("NotOnShelf", str(absent)))
    except OutcomeUnknown:
        await _note_unknown(ground, task, placement)
        raise
    except SystemFault as fault:
        surely_nothing = clean and not (asking and not isinstance(fault, NOTHING_DONE))
        return Answer(refused=await _passed_over(ground, task, placement, fault, surely_nothing=surely_nothing))


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
        await lock_loan(connection, placement.loan_request)
        await hold(connection, task)
        if (await get_placement(connection, placement.loan_request, placement.number)).let_go != placement.let_go:
            raise LookAgain  # it was let go meanwhile: nothing is sent to its system any more
        await note_untouched(connection, placement, untouched=untouched)


async def _note_unknown(ground: Ground, task: Task, placement: Placement) -> None:
    async with ground.database.transaction() as connection:
        loan = await lock_loan(connection, placement.loan_request)
        await hold(connection, task)
        told = Told(at=ground.clock.now(), by=placement.system or US, note="No answer came; it will be looked into.")
        if placement.beside:
            with suppress(NotAllowed):  # it has ended without it
                await record_beside(connection, loan, placement, Event.UNKNOWN_BESIDE, told)
        else:
            await record(connection, loan, Event.OUTCOME_UNKNOWN, told)
