"""When an unanswered placement passes on: after so many days on which the supplying location opens."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from app.database import Connection
from app.lending.ground import Ground
from app.lending.lifecycle import Event, NotAllowed
from app.lending.pauses import pauses_of
from app.lending.record import US, record
from app.store.events import Told
from app.store.loans import Loan, lock_loan
from app.store.placements import Placement, close_placement, find_open, lapse_days, move_lapse
from app.store.tasks import Task, finish, hold, postpone, schedule
from routing import Register, open_days_later


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

    When it lapses is counted again: a suspension may have come, or gone, since.
    """
    loan_id, number = parted(task.subject)
    register = (await ground.snapshot.follow()).register
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        await hold(connection, task)
        loan = await lock_loan(connection, loan_id)
        placement = await find_open(connection, loan_id)
        if placement is None or placement.number != number or placement.placed_at is None:
            await finish(connection, task)
            return
        due = await lapses_at(connection, register, loan, placement, at=placement.placed_at, now=at)
        if due != placement.lapses_at:
            await move_lapse(connection, placement, lapses_at=due)
        if due > at:
            await postpone(connection, task, due)
            return
        await finish(connection, task)
        told = Told(at=at, by=US, note="No answer came in time.")
        try:
            await record(connection, loan, Event.LAPSED, told, supplying_agency=None, supplying_location=None)
        except NotAllowed:  # it was answered
            return
        await close_placement(connection, placement, end=Event.LAPSED, reason=None, at=at)
        await let_go(connection, placement, at=at)
        await pass_on(connection, loan_id, at=at)


async def let_go(connection: Connection, placement: Placement, *, at: datetime) -> None:
    """Have a system told that a closed placement is no longer wanted; people read it in the event."""
    if placement.system is not None and placement.receipt is not None:
        await schedule(connection, "withdraw", placement.key, at)


async def pass_on(connection: Connection, loan: UUID, *, at: datetime) -> None:
    """Have the next on the rota asked."""
    await schedule(connection, "place", str(loan), at)


def parted(key: str) -> tuple[UUID, int]:
    """Return the loan request and the number of a placement's key."""
    loan, _, number = key.rpartition("-")
    return UUID(loan), int(number)
