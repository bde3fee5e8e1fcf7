"""Lets loan requests live: fake suppliers answer, decline or stay silent, while a clock jumps from event to event.

Everything goes the way it goes in service: submission, worker, adapters. Only the clock is ours, and the desks that
answer for the library systems. What answers by hand is answered by us.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID

import orjson

from adapters.contract import LibrarySystem
from adapters.fake import Desk, FakeSystem, Manners
from app.database import Connection
from app.demo.make import DemoFiles
from app.demo.stories import AMSTERDAM, Ask, Place, Work, read_places, read_works
from app.lending.act import REQUESTING_SIDE, Action, Report, act
from app.lending.choose import TitleKey, choose, look_up
from app.lending.clock import SetClock
from app.lending.documents import written
from app.lending.ground import Ground
from app.lending.lifecycle import Item, Requesting, Supplying, outcome_of
from app.lending.record import state_of
from app.lending.submit import Submission, submit
from app.lending.systems import Systems
from app.lending.work import HANDLERS, work_off
from app.resources import Resources
from app.store.events import list_events
from app.store.loans import DuplicateRequestId, Loan, LoanFilters, list_loans, read_loan
from app.store.placements import Placement, find_lead
from app.store.tasks import next_due
from routing import Question

ASKS = 16
BEFORE = timedelta(days=27)  # so long ago they began; the demonstration network drives at least since then
READING = timedelta(days=10)
STEP = timedelta(minutes=20)  # what falls into one is done together
END = datetime.max.replace(tzinfo=UTC)
MANNERS = Manners(seed=4, declines=0.25, lapses=0.12, refuses=0.05, looks_before_promise=3, looks_before_shipping=2)


@dataclass(frozen=True, slots=True)
class Life:
    """One loan request with its history, as the API shows it."""

    ask: Ask
    loan: Loan
    events: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """How the people around one loan request go about it.

    `declines`: so many that are asked by hand say no. `comes`: False where nobody says that the item arrived.
    """

    answering: timedelta = timedelta(hours=20)
    reading: timedelta = READING
    declines: int = 0
    comes: bool = True


@dataclass(slots=True)
class DeskSystems(Systems):
    """A fake desk behind every library system, whatever its kind."""

    desks: dict[str, FakeSystem] = field(default_factory=dict)

    async def find(self, connection: Connection, system: str | None) -> LibrarySystem | None:
        """Return the desk of a system; None where people answer."""
        if system is None or system == "manual":
            return None
        return self.desks.setdefault(system, FakeSystem(desk=Desk(MANNERS)))


def draw_asks(files: DemoFiles, *, today: date, seed: int = 7) -> tuple[Ask, ...]:
    """Draw questions of a day last month: titles that stand in a few places, at counters that do not have them."""
    chance = Random(seed)  # noqa: S311 - a seeded draw, so that everyone sees the same
    counters, works = askable(files)
    begun = datetime.combine(today - BEFORE, time(9), AMSTERDAM)
    return tuple(
        Ask(work, chance.choice(counters), begun + timedelta(minutes=chance.randrange(480)))
        for work in chance.sample(works, ASKS)
    )


def askable(files: DemoFiles) -> tuple[list[Place], list[Work]]:
    """Return the counters that vans call at, by id, and the works that stand ready in two places at least."""
    places = read_places(files)
    counters = sorted((place for place in places.values() if place.agency and place.served), key=lambda at: at.id)
    return counters, [work for work in read_works(files, places) if sum(held.ready for held in work.held) >= 2]


async def live(resources: Resources, asks: Iterable[Ask], *, today: date) -> tuple[Life, ...]:
    """Submit every question and carry it out to its end."""
    ordered = sorted(asks, key=lambda ask: ask.requested_at)
    clock = SetClock(ordered[0].requested_at)
    ground = replace(resources.ground, clock=clock, systems=DeskSystems(), availability=None)
    loans: dict[UUID, Ask] = {}
    for number, ask in enumerate(ordered, start=1):
        clock.set(ask.requested_at)
        loans[await _submitted(ground, ask, f"demo-{today:%Y%m%d}-{number}")] = ask
        await work_off(ground)
    await go_on(ground, clock, dict.fromkeys(loans, Pace()))
    return tuple([await _told(ground, loan, ask) for loan, ask in loans.items()])


async def _submitted(ground: Ground, ask: Ask, request_id: str) -> UUID:
    """Submit a question; one that was submitted before, by a demonstration of the same day, is told again."""
    try:
        return await submit_ask(ground, ask, request_id)
    except DuplicateRequestId:
        filters = LoanFilters(requesting_agency=ask.pickup.agency, request_id=request_id)
        async with ground.database.connection() as connection:
            (known,) = await list_loans(connection, filters, before=None, limit=1)
        return UUID(str(known["id"]))


async def submit_ask(ground: Ground, ask: Ask, request_id: str) -> UUID:
    """Submit a question as POST /v1/loan-requests does. Raises DuplicateRequestId."""
    title = TitleKey(isbn=ask.work.isbn or None, ppn=None if ask.work.isbn else ask.work.ppn)
    holders = await look_up(ground.database, title)
    asks = Question(pickup_location=ask.pickup.id, requested_at=ask.requested_at)
    decision = await choose(ground.snapshot, title=title, holders=holders, question=asks)
    submission = Submission(
        requesting_agency=ask.pickup.agency,
        requesting_agency_request_id=request_id,
        patron_reference=None,
        service_level="Core",
        isbn=title.isbn,
        ppn=title.ppn,
        pickup_location=ask.pickup.id,
        question=orjson.dumps({**ask.body, "limit": asks.limit}).decode(),
        body=orjson.dumps(ask.body),
    )
    accepted = await submit(
        ground.database, submission, decision, write=written, at=ask.requested_at, caller=ask.pickup.agency, key=None
    )
    return accepted.id


async def go_on(ground: Ground, clock: SetClock, paces: Mapping[UUID, Pace], *, until: datetime = END) -> None:
    """Jump from one moment at which something is due to the next, until all have ended or it is `until`.

    `paces` are how the people around each loan request go about it.
    """
    going = dict.fromkeys(paces, clock.now())
    while going:
        await work_off(ground)
        for loan in list(going):  # what the worker did may give anyone something to do
            planned = await _people(ground, loan, paces[loan])
            if planned is None:
                del going[loan]
            else:
                going[loan] = planned
        async with ground.database.connection() as connection:
            due = await next_due(connection, list(HANDLERS))
        next_moment = max(clock.now() + STEP, min((*going.values(), due or END)))
        if next_moment >= until:
            clock.set(until)
            return
        clock.set(next_moment)


async def _people(ground: Ground, loan_id: UUID, pace: Pace) -> datetime | None:
    """Do what people would do by now; return when they will do the next thing (None: it has ended)."""
    async with ground.database.connection() as connection:
        loan = await read_loan(connection, loan_id)
        placement = await find_lead(connection, loan_id) if loan.supplying == Supplying.ASKED else None
    if outcome_of(state_of(loan)) is not None:
        return None
    now = ground.clock.now()
    act_next = _next_act(loan, pace, asked=placement if placement and placement.system is None else None)
    if act_next is None:
        return now + timedelta(days=365)  # it waits for somebody else
    doing, when = act_next
    if when > now:
        return when
    party = loan.requesting_agency if doing in REQUESTING_SIDE else loan.supplying_agency
    reason = "NotOnShelf" if doing == Action.UNFILLED else None
    await act(ground, loan_id, Report(action=doing, at=now, by=party or "desk", reason=reason))
    return now


def _next_act(loan: Loan, pace: Pace, *, asked: Placement | None) -> tuple[Action, datetime] | None:
    """Return what people do next and when; `asked` is the placement that waits for people."""
    if asked is not None:
        says = Action.UNFILLED if asked.number <= pace.declines else Action.LOANED
        return says, asked.asked_at + pace.answering
    if loan.requesting == Requesting.WAITING and loan.item in (Item.ON_TRIP, Item.AT_HUB, Item.AT_PICKUP):
        comes = loan.expected_at or loan.submitted_at + pace.reading
        return (Action.RECEIVED, comes) if pace.comes else None
    if loan.requesting == Requesting.RECEIVED and loan.received_at is not None:
        return Action.SHIPPED_RETURN, loan.received_at + pace.reading
    if loan.requesting == Requesting.RETURNED:
        return Action.LOAN_COMPLETED, loan.expected_at or (loan.due_at or loan.submitted_at) + pace.reading
    return None


async def _told(ground: Ground, loan_id: UUID, ask: Ask) -> Life:
    async with ground.database.connection() as connection:
        loan = await read_loan(connection, loan_id)
        return Life(ask, loan, tuple(await list_events(connection, loan_id, limit=1000)))
