"""When an unanswered placement passes on: after so many days on which the supplying location opens.

What lies with a system is taken back before the request passes on: an answer that nobody has fetched yet counts, and
what is on its way already cannot lapse. Otherwise two copies could be on their way to one reader.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from adapters.contract import LibrarySystem, NotFound, NotOffered, OutcomeUnknown, Unavailable
from app.database import Connection
from app.lending.beside import close, decline_beside, have_withdrawn, take_the_lead
from app.lending.ground import Ground
from app.lending.kinds import FOLLOW, PLACE, WITHDRAW
from app.lending.lifecycle import Event, NotAllowed, Requesting, Supplying
from app.lending.pauses import pauses_of
from app.lending.record import US, record
from app.store.events import Told
from app.store.lapse_rules import lapse_days
from app.store.loans import Loan, lock_loan, read_loan
from app.store.placements import LIVE, Placement, find_beside, get_placement, move_lapse
from app.store.tasks import Task, finish, hold, postpone, schedule
from routing import Register, open_days_later

UNANSWERED = (Supplying.ASKED, Supplying.EXPECTING)
# How often a system that does not answer is asked to give an order back before the request passes on without.
PATIENCE = 3
NOBODY = {"supplying_agency": None, "supplying_location": None, "expected_at": None}
"""What a loan request says of whoever has it, once nobody has."""


async def lapses_at(
    connection: Connection, register: Register, loan: Loan, placement: Placement, *, at: datetime, now: datetime
) -> datetime:
    """Return when a placement made at `at` lapses: by its agency's rule for the service level, in open days.

    Days on which the location, its agency or the whole network stands still do not count.
    """
    agency, name = placement.supplying_agency, placement.supplying_location
    days = await lapse_days(connection, agency=agency, service_level=loan.service_level)
    location = register.locations.get(name)
    hours = location.opening_hours if location is not None else ""
    pauses = pauses_of(register, agency=agency, location=name, now=now)
    found = open_days_later(at, days, opening_hours=hours, timezone=register.timezone, pauses=pauses)
    return found or at + timedelta(days=days)  # it never opens: nobody should wait for that


async def lapse(ground: Ground, task: Task) -> None:
    """Carry the task `lapse` of a placement out: if it is still unanswered, the request passes on.

    Raises a SystemFault where its system cannot say yet whether it gives the order back.
    """
    loan_id, number = parted(task.subject)
    if await _moves(ground, task):
        return
    async with ground.database.connection() as connection:
        loan = await read_loan(connection, loan_id)
        placement = await get_placement(connection, loan_id, number)
        system = await ground.systems.find(connection, placement.system)
    given_back = True
    unanswered = placement.state == LIVE and (placement.beside or loan.supplying in UNANSWERED)
    if unanswered and system is not None:
        given_back = await _given_back(system, placement, task)
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        loan = await lock_loan(connection, loan_id)
        await finish(connection, task)
        placement = await get_placement(connection, loan_id, number)
        if placement.state != LIVE:
            return
        if not given_back:  # it is on its way, and nobody has told us yet
            await schedule(connection, FOLLOW, placement.key, at)
            return
        told = Told(at=at, by=US, note="No answer came in time.")
        try:
            await _lapse(connection, loan, placement, told)
        except NotAllowed:  # it was answered
            return
        await have_withdrawn(connection, placement, at=at)


async def _lapse(connection: Connection, loan: Loan, placement: Placement, told: Told) -> None:
    """Raises NotAllowed where it was answered, and then nothing has changed."""
    if placement.beside:
        await decline_beside(connection, loan, placement, Event.LAPSED, told)
        return
    loan = await record(connection, loan, Event.LAPSED, told, **NOBODY)
    await close(connection, placement, end=Event.LAPSED, reason=None, at=told.at)
    await pass_on(connection, loan, at=told.at)


async def _moves(ground: Ground, task: Task) -> bool:
    """Count again when a placement lapses: a suspension may have come, or gone. True: not now, and the task waits."""
    register = (await ground.snapshot.follow()).register
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        loan, placement = await held(connection, task)
        if placement.state != LIVE or placement.placed_at is None:
            return False
        due = await lapses_at(connection, register, loan, placement, at=placement.placed_at, now=at)
        if due != placement.lapses_at:
            await move_lapse(connection, placement, lapses_at=due)
        if due > at:
            await postpone(connection, task, due)
        return due > at


async def _given_back(system: LibrarySystem, placement: Placement, task: Task) -> bool:
    """Ask for an order back; a system that stays silent is not waited for without end."""
    try:
        return placement.receipt is None or await system.cancel(placement.receipt)
    except (NotFound, NotOffered):
        return True
    except (Unavailable, OutcomeUnknown):
        if task.attempts <= PATIENCE:
            raise
        return True  # the task `withdraw` goes on asking


async def take_back(connection: Connection, placement: Placement, *, at: datetime) -> None:
    """Have a system asked whether it can still let go; one that is only being asked is, as soon as it has it."""
    if placement.state == LIVE:
        await schedule(connection, WITHDRAW, placement.key, at)


async def pass_on(connection: Connection, loan: Loan, *, at: datetime) -> Loan:
    """Have the next on the rota asked: whoever was asked beside is. Return the loan request as it then is.

    Where its cancelling waited for an answer, this is one.
    """
    if loan.requesting == Requesting.CANCELLING:
        return await record(connection, loan, Event.WITHDRAWN, Told(at=at, by=US))
    beside = await find_beside(connection, loan.id) if loan.supplying == Supplying.NOBODY else None
    if beside is not None and beside.state == LIVE:
        loan = await take_the_lead(connection, loan, beside, at=at)
    await schedule(connection, PLACE, str(loan.id), at)
    return loan


async def held(connection: Connection, task: Task) -> tuple[Loan, Placement]:
    """Lock the loan request of a placement's task, make sure that the task is still ours, and return both.

    Raises LeaseLost.
    """
    loan_id, number = parted(task.subject)
    loan = await lock_loan(connection, loan_id)
    await hold(connection, task)
    return loan, await get_placement(connection, loan_id, number)


def parted(key: str) -> tuple[UUID, int]:
    """Return the loan request and the number of a placement's key."""
    loan, _, number = key.rpartition("-")
    return UUID(loan), int(number)
