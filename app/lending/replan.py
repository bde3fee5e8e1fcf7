"""Plans items under way again when what they ride no longer runs, or when something better runs since."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from app.lending.ground import Ground, LookAgain
from app.lending.happen import Circumstances, happen
from app.lending.lifecycle import Event, NotAllowed
from app.lending.record import US
from app.lending.snapshot import NotReady, State
from app.lending.track import (
    STRANDED,
    UNDER_WAY,
    Rest,
    Way,
    as_it_is,
    as_it_runs,
    goes_on,
    moved,
    plan,
    rest_of,
    still_by_hand,
)
from app.store.events import Told
from app.store.loans import Loan, lock_loan, read_loan
from app.store.tasks import Task, finish, hold, postpone
from app.store.under_way import CHANGED, STOPPED, list_under_way, plan_each_again, still_stands

BATCH = 500
WITHOUT_NETWORK = timedelta(minutes=15)


async def replan(ground: Ground, task: Task) -> None:
    """Carry the task `replan` out: for one loan request, or (by its cause) find those that it is about."""
    try:
        state = await ground.snapshot.follow()
    except NotReady:  # nothing can be planned: there will be a network again
        async with ground.database.transaction() as connection:
            await postpone(connection, task, ground.clock.now() + WITHOUT_NETWORK)
        return
    if task.subject in (STOPPED, CHANGED):
        await _find(ground, state, task)
    else:
        await _replan(ground, state, task, UUID(task.subject))


async def _find(ground: Ground, state: State, task: Task) -> None:
    """Give every loan request concerned a task of its own: planning takes longer than finding."""
    last: UUID | None = None
    while True:
        async with ground.database.transaction() as connection:
            await hold(connection, task)
            found = await list_under_way(connection, after=last, limit=BATCH)
            concerned = [
                loan
                for loan, itinerary in found
                if task.subject == CHANGED or not all(goes_on(state, leg) for leg in itinerary)
            ]
            await plan_each_again(connection, concerned)
            if len(found) < BATCH:
                await finish(connection, task)
                return
        last = found[-1][0]


async def _replan(ground: Ground, state: State, task: Task, loan_id: UUID) -> None:
    at = ground.clock.now()
    async with ground.database.connection() as connection:
        seen = await read_loan(connection, loan_id)
    way = better_way(state, seen, at=at)
    async with ground.database.transaction() as connection:
        current = await still_stands(connection, state.standing)
        loan = await lock_loan(connection, loan_id)
        await hold(connection, task)
        if not current or loan.events != seen.events:
            raise LookAgain
        if way is not None:
            try:
                loan = await happen(
                    connection, loan, Event.REPLANNED, _told(state, seen, way, at), Circumstances(way=way)
                )
            except NotAllowed:  # it is there, or no longer under way
                await finish(connection, task)
                return
        if loan.item in UNDER_WAY and loan.itinerary == [] and loan.expected_at is None:
            await postpone(connection, task, at + STRANDED)
        else:
            await finish(connection, task)


def better_way(state: State, loan: Loan, *, at: datetime) -> Way | None:
    """Return another way for an item under way; None where it goes on as planned, or nothing better is known.

    What staff chose stays, as long as it runs.
    """
    rest = rest_of(state, loan, at=at)
    if rest is None:
        return None
    same = as_it_is(rest, by=loan.itinerary_by) if rest.shifted and rest.runs else None
    if loan.itinerary_by is not None:
        if rest.runs:
            return same
        if (kept := still_by_hand(state, rest, by=loan.itinerary_by)) is not None:
            return kept
    way = plan(state, rest.location, rest.to, at=rest.ready_at)
    if rest.runs and not _earlier(way, loan.expected_at if same is None else same.arrives_at):
        return same
    if way.arrives_at is None and loan.expected_at is None:
        return None  # said already
    return _with_past(rest, way)


def _earlier(way: Way, expected_at: datetime | None) -> bool:
    return way.arrives_at is not None and (expected_at is None or way.arrives_at < expected_at)


def _with_past(rest: Rest, way: Way) -> Way:
    """The legs that were ridden since it was last seen stay: they say where it is."""
    return way if way.arrives_at is None else replace(way, legs=[*rest.ridden, *way.legs])


def why_replanned(state: State, loan: Loan, way: Way) -> str:
    """Say for people why an item goes another way, or is there at another time."""
    if way.arrives_at is None:
        return "What it was going to ride no longer runs, and no van takes it on."
    if loan.expected_at is not None and way.arrives_at < loan.expected_at:
        return "It can be there earlier by what runs now."
    now = [(leg, as_it_runs(state, leg)) for leg in loan.itinerary or ()]
    if all(running is not None for _, running in now) and any(running != leg for leg, running in now):
        return "What it rides, or was going to ride, is late or passes a stop by."
    return "What it was going to ride no longer runs."


def _told(state: State, loan: Loan, way: Way, at: datetime) -> Told:
    return Told(at=at, by=US, note=why_replanned(state, loan, way), data=moved(loan, way))
