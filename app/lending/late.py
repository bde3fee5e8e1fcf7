"""Says that an item is late: it should have been there, nobody has seen it come, and it may have been left behind."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from app.lending.ground import Ground, LookAgain
from app.lending.happen import LATE, Circumstances, happen
from app.lending.lifecycle import Event, Item
from app.lending.record import US
from app.lending.snapshot import State
from app.lending.track import LATE_AFTER, UNDER_WAY, moved, plan
from app.store.events import Told
from app.store.loans import Loan, lock_loan, read_loan
from app.store.tasks import Task, finish, hold, postpone
from app.store.under_way import count_since, still_stands
from routing import ready_at

__all__ = ["LATE", "late"]

LONGEST_REST = timedelta(days=7)


async def late(ground: Ground, task: Task) -> None:
    """Carry the task `late` of a loan request out: if its item has not come, say so, and plan from where it was seen.

    It is said again, each time after a longer while, until somebody sees the item or gives it up.
    """
    state = await ground.snapshot.follow()
    at = ground.clock.now()
    async with ground.database.connection() as connection:
        seen = await read_loan(connection, UUID(task.subject))
        times = await count_since(connection, seen.id, Event.LATE.value, since=seen.seen_at or seen.submitted_at)
    due = _due(state, seen, times)
    way = None if due is None or due > at else plan(state, *_rest(seen), at=at)
    async with ground.database.transaction() as connection:
        current = await still_stands(connection, state.standing)
        loan = await lock_loan(connection, seen.id)
        await hold(connection, task)
        if not current or loan.events != seen.events:
            raise LookAgain
        if way is None:
            await (finish(connection, task) if due is None else postpone(connection, task, due))
            return
        await finish(connection, task)
        location, to = _rest(loan)
        note = f"It should be at {to} by now. It was last seen at {location}, and may have been left there."
        told = Told(at=at, by=US, note=note, data=moved(loan, way) | {"last_seen_at": location})
        await happen(connection, loan, Event.LATE, told, Circumstances(way=way))


def _due(state: State, loan: Loan, times: int) -> datetime | None:
    """Return when an item counts as late; None where it is not under way, or expected at no time."""
    if loan.expected_at is None or loan.item not in UNDER_WAY or loan.supplying_location is None:
        return None
    known = state.register.locations.get(_rest(loan)[1])
    hours = "" if known is None else known.opening_hours
    minutes = int(LATE_AFTER.total_seconds() // 60)
    due = ready_at(loan.expected_at, minutes, opening_hours=hours, timezone=state.register.timezone)
    rest = min(LONGEST_REST, timedelta(days=2 ** min(times, 10) - 1))
    return (due or loan.expected_at + LATE_AFTER) + rest


def _rest(loan: Loan) -> tuple[str, str]:
    """Return where an item was last seen, and where it goes."""
    assert loan.supplying_location is not None
    start, to = loan.supplying_location, loan.pickup_location
    if loan.item == Item.ON_THE_WAY_BACK:
        start, to = to, start
    return loan.seen_at_location or start, to
