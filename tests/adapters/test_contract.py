"""The contract that every adapter keeps, each tried against its own emulator over a real socket, and the fake.

What a system does not offer is skipped by its own word. All emulators have the works of the demonstration: the first
of them stands on the shelf of every branch, so the same order can be placed with each.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import ASGIApp

from adapters import SYSTEMS
from adapters.contract import (
    Answer,
    AuthExpired,
    Deleted,
    Duplicate,
    ItemStatus,
    LibrarySystem,
    Malformed,
    NotFound,
    NotOffered,
    Order,
    OutcomeUnknown,
    Parcel,
    Record,
    Refused,
    SystemFault,
    Title,
    Unavailable,
    Verb,
)
from adapters.emulators.demo_stock import demo_isbn, demo_ppn, locations_of
from adapters.emulators.faults import Faults, FaultyHttp, Wrong
from adapters.emulators.kinds import EMULATORS
from adapters.emulators.serve import Emulator, Sip2Listener, serving
from adapters.emulators.stock import Stock
from adapters.fake import Desk, FakeSystem
from adapters.installation import Installation, Limits, faults_of
from tests.support.fake_desk import create_app as desk_app

LOCATIONS = tuple(locations_of("wise"))
HERE, _, _, THERE, _ = LOCATIONS
ORDER = Order(
    loan_request="0193b0e0-0000-7000-8000-000000000001",
    reference="r-1",
    isbn=demo_isbn(0),
    ppn=None,
    supplying_location=HERE,
    pickup_location=THERE,
)
KEY = "0193b0e0-0000-7000-8000-000000000001-1"
NOBODYS = "9789028273511"  # an ISBN that none of them has
QUICK = Limits(deadline_seconds=1.0, calls_per_second=1000, answer_bytes=4 * 2**20)
PATIENT = replace(QUICK, deadline_seconds=10.0)  # for what answers, on a machine that has other things to do
QUESTIONS = 6  # a call of several questions has a deadline for each at most; hanging would be for good


@dataclass(slots=True)
class Place:
    """A system, and the emulator that it speaks to. The fake has none, but a desk, which may be behind HTTP."""

    kind: str
    system: LibrarySystem
    emulator: Emulator | None
    desk: Desk | None

    def skip_without(self, *verbs: Verb) -> None:
        lacking = sorted(set(verbs) - self.system.capabilities().verbs)
        if lacking:
            pytest.skip(f"{self.kind} does not offer {', '.join(lacking)}")

    def live(self) -> int:
        """How many orders bind a copy there."""
        if self.desk is not None:
            return sum(map(len, self.desk.live().values()))
        assert self.emulator is not None
        return len(self.emulator.stock.live())


class ServedDesk:
    """The desk of the fake behind HTTP, where all can go wrong that can with an emulator."""

    kind = "fake"
    sip2: Sip2Listener | None = None

    def __init__(self, desk: Desk) -> None:
        self.stock = Stock()
        self.faults = Faults()
        self.app: ASGIApp | None = FaultyHttp(desk_app(desk), self.faults, self._verb_of)

    def installation(self, addresses: Mapping[str, str]) -> Installation:
        return Installation(system="fake-1", addresses={"desk": addresses["http"]})

    @staticmethod
    def _verb_of(request: Request) -> Verb | None:
        orders = request.url.path.startswith("/orders/")
        return {
            ("PUT", True): Verb.PLACE,
            ("GET", True): Verb.FIND,
            ("GET", False): Verb.STATUS,
            ("DELETE", False): Verb.CANCEL,
        }.get((request.method, orders))


SERVED = "fake behind HTTP"
KINDS = (*sorted(SYSTEMS), SERVED)
THAT_GO_WRONG = (*sorted(EMULATORS), SERVED)


@asynccontextmanager
async def opened(kind: str, limits: Limits = PATIENT) -> AsyncIterator[Place]:
    """Open a system of a kind on a fresh emulator."""
    desk = Desk() if kind in ("fake", SERVED) else None
    if kind == "fake":
        yield Place(kind, FakeSystem(desk=desk), None, desk)
        return
    emulator: Emulator = EMULATORS[kind]() if desk is None else ServedDesk(desk)
    async with serving(emulator) as installation:
        # The same for all kinds, as the orders are.
        ours = {} if desk else dict(zip(locations_of(kind), LOCATIONS, strict=True))
        branches = {name: ours[location] for name, location in installation.branches.items()}
        installation = replace(installation, limits=limits, branches=branches)
        made = SYSTEMS[emulator.kind]
        assert faults_of(made, installation) == []
        system = made.open(installation)
        try:
            yield Place(kind, system, emulator, desk)
        finally:
            await system.close()


@pytest.fixture(params=KINDS)
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with opened(request.param) as found:
        yield found


async def placed(place: Place, order: Order = ORDER, *, key: str = KEY) -> str:
    quote = await place.system.prepare(order)
    assert quote.possible, quote
    return await place.system.place(quote, key=key)


def test_every_kind_that_has_an_adapter_has_an_emulator() -> None:
    assert set(EMULATORS) == set(SYSTEMS) - {"fake"}


# --- what it can ---------------------------------------------------------------------------------


async def test_what_it_does_not_offer_raises_so(place: Place) -> None:
    parcel = Parcel(order=ORDER, item="1")
    calls: dict[Verb, Callable[[], Awaitable[Any]]] = {
        Verb.RESOLVE: lambda: place.system.resolve(Title(isbn=ORDER.isbn)),
        Verb.AVAILABILITY: lambda: place.system.availability(["1"]),
        Verb.FIND: lambda: place.system.find(ORDER, key=KEY),
        Verb.STATUS: lambda: place.system.status("1"),
        Verb.CANCEL: lambda: place.system.cancel("1"),
        Verb.CHECK_OUT: lambda: place.system.check_out(parcel),
        Verb.CHECK_IN: lambda: place.system.check_in(parcel),
        Verb.ACCEPT_ITEM: lambda: place.system.accept_item(parcel),
        Verb.HARVEST: lambda: anext(place.system.harvest()),
    }
    for verb in calls.keys() - place.system.capabilities().verbs:
        with pytest.raises(NotOffered):
            await calls[verb]()


# --- titles and shelves --------------------------------------------------------------------------


async def test_a_title_is_found_by_exactly_its_numbers(place: Place) -> None:
    place.skip_without(Verb.RESOLVE)
    schemes = place.system.capabilities().schemes
    by_isbn = await place.system.resolve(Title(isbn=demo_isbn(7)))
    assert len(by_isbn) == 1
    if "ppn" in schemes:
        assert await place.system.resolve(Title(ppn=demo_ppn(7))) == by_isbn
    assert await place.system.resolve(Title(isbn=NOBODYS)) == []


async def test_how_copies_stand_is_said_by_our_locations(place: Place) -> None:
    place.skip_without(Verb.RESOLVE, Verb.AVAILABILITY)
    (reference,) = await place.system.resolve(Title(isbn=ORDER.isbn))
    snapshots = await place.system.availability([reference])
    on_shelf = {snapshot.location for snapshot in snapshots if snapshot.status is ItemStatus.AVAILABLE}
    assert on_shelf == set(LOCATIONS)
    assert {snapshot.reference for snapshot in snapshots} == {reference}
    assert all(snapshot.observed_at.tzinfo is not None for snapshot in snapshots)


async def test_what_is_not_known_has_no_copies(place: Place) -> None:
    place.skip_without(Verb.AVAILABILITY)
    try:
        assert await place.system.availability(["999999999"]) == []
    except NotFound:
        pytest.fail("a reference that is not known is no fault")


async def test_several_titles_are_asked_about_at_once(place: Place) -> None:
    place.skip_without(Verb.RESOLVE, Verb.AVAILABILITY)
    batch = min(3, place.system.capabilities().batch)
    references = [(await place.system.resolve(Title(isbn=demo_isbn(number))))[0] for number in range(batch)]
    snapshots = await place.system.availability(references)
    assert {snapshot.reference for snapshot in snapshots} == set(references)


# --- placing -------------------------------------------------------------------------------------


async def test_an_order_is_placed_and_followed_and_taken_back(place: Place) -> None:
    place.skip_without(Verb.PLACE, Verb.STATUS, Verb.CANCEL)
    receipt = await placed(place)
    assert place.live() == 1
    standing = await place.system.status(receipt)
    assert standing.answer in (Answer.OPEN, Answer.EXPECTED, Answer.PROMISED)
    assert await place.system.cancel(receipt)
    assert place.live() == 0
    with suppress(NotFound):  # some show nothing any more of what was taken back
        assert (await place.system.status(receipt)).answer in (Answer.CANCELLED, Answer.DECLINED)


async def test_an_order_is_found_again_and_none_where_there_is_none(place: Place) -> None:
    place.skip_without(Verb.PLACE, Verb.FIND)
    assert await place.system.find(ORDER, key=KEY) is None
    receipt = await placed(place)
    assert await place.system.find(ORDER, key=KEY) == receipt


async def test_what_is_somebody_else_s_is_not_found(place: Place) -> None:
    place.skip_without(Verb.PLACE, Verb.FIND)
    receipt = await placed(place)
    other = replace(ORDER, loan_request="0193b0e0-0000-7000-8000-000000000002", reference="r-2")
    key = other.loan_request + "-1"
    assert await place.system.find(other, key=key, taken=[receipt]) is None


async def test_the_same_order_twice_binds_one_copy(place: Place) -> None:
    place.skip_without(Verb.PLACE)
    receipt = await placed(place)
    try:
        again: str | None = await placed(place)
    except Duplicate as duplicate:
        again = duplicate.receipt
    except (Refused, AssertionError):
        again = None
    assert again in (None, receipt)
    assert place.live() == 1


async def test_a_title_that_is_not_there_is_not_placed(place: Place) -> None:
    place.skip_without(Verb.PLACE, Verb.PREPARE)
    try:
        quote = await place.system.prepare(replace(ORDER, isbn=NOBODYS))
    except NotFound:
        quote = None
    assert quote is None or not quote.possible
    assert place.live() == 0


async def test_a_receipt_that_is_nobody_s_is_not_found(place: Place) -> None:
    place.skip_without(Verb.STATUS)
    with pytest.raises(NotFound):
        await place.system.status("999999999")


async def test_an_item_goes_out_and_comes_home(place: Place) -> None:
    place.skip_without(Verb.PLACE, Verb.STATUS, Verb.CHECK_OUT, Verb.CHECK_IN)
    receipt = await placed(place)
    item = (await place.system.status(receipt)).item
    assert item is not None
    parcel = Parcel(order=ORDER, item=item)
    for _ in range(2):  # booking it twice is booking it once
        await place.system.check_out(parcel)
    assert (await place.system.status(receipt)).answer is Answer.SHIPPED
    assert not await place.system.cancel(receipt), "it is on its way"
    await place.system.check_in(parcel)
    assert (await place.system.status(receipt)).answer is Answer.RETURNED
    assert place.live() == 0


# --- harvesting ----------------------------------------------------------------------------------


async def test_everything_is_harvested_once_and_its_holdings_are_ours(place: Place) -> None:
    place.skip_without(Verb.HARVEST)
    assert place.emulator is not None
    found: dict[str, Record] = {}
    async for page in place.system.harvest():
        assert page.rejects == ()
        for change in page.changes:
            assert isinstance(change, Record)
            found[change.number] = change
    isbns = {isbn for record in found.values() for isbn in record.isbns}
    assert isbns == {isbn for work in place.emulator.stock.works.values() for isbn in work.isbns}
    first = [record for record in found.values() if ORDER.isbn in record.isbns]  # one for each branch, in some
    assert {held.location for record in first for held in record.holdings} == set(LOCATIONS)
    assert all(record.title for record in first)


async def test_a_harvest_goes_on_from_its_cursor(place: Place) -> None:
    place.skip_without(Verb.HARVEST)
    whole = [change.number async for page in place.system.harvest() for change in page.changes]
    pages = place.system.harvest()
    first = await anext(aiter(pages))
    await pages.aclose()  # type: ignore[attr-defined]
    if first.cursor is None:
        pytest.skip(f"{place.kind} answers everything at once")
    rest = [change.number async for page in place.system.harvest(cursor=first.cursor) for change in page.changes]
    assert [change.number for change in first.changes] + rest == whole


async def test_what_is_gone_is_harvested_as_gone_or_not_at_all(place: Place) -> None:
    place.skip_without(Verb.HARVEST)
    assert place.emulator is not None
    number = next(iter(place.emulator.stock.works))
    isbn = place.emulator.stock.works[number].isbns[0]
    place.emulator.stock.remove(number)
    changes = [change async for page in place.system.harvest() for change in page.changes]
    assert all(isinstance(change, Deleted) or isbn not in change.isbns for change in changes)


# --- what goes wrong -----------------------------------------------------------------------------

READS = (Verb.RESOLVE, Verb.AVAILABILITY, Verb.PREPARE, Verb.FIND, Verb.STATUS)
WRITES = (Verb.PLACE, Verb.CANCEL, Verb.CHECK_OUT, Verb.CHECK_IN)


async def call_of(place: Place, verb: Verb) -> Callable[[], Awaitable[Any]]:
    """What calls a verb, after everything that must come before it."""
    system = place.system
    if verb is Verb.RESOLVE:
        return lambda: system.resolve(Title(isbn=demo_isbn(3)))
    if verb is Verb.AVAILABILITY:
        references = await system.resolve(Title(isbn=demo_isbn(0)))
        return lambda: system.availability(references)
    if verb is Verb.PREPARE:
        return lambda: system.prepare(ORDER)
    if verb is Verb.PLACE:
        quote = await system.prepare(ORDER)
        return lambda: system.place(quote, key=KEY)
    if verb is Verb.HARVEST:
        return lambda: anext(aiter(system.harvest()))
    receipt = await placed(place)
    if verb is Verb.FIND:
        return lambda: system.find(ORDER, key=KEY)
    if verb is Verb.STATUS:
        return lambda: system.status(receipt)
    if verb is Verb.CANCEL:
        return lambda: system.cancel(receipt)
    item = (await system.status(receipt)).item or receipt
    parcel = Parcel(order=ORDER, item=item)
    if verb is Verb.CHECK_OUT:
        return lambda: system.check_out(parcel)
    await system.check_out(parcel)
    return lambda: system.check_in(parcel)


def allowed(wrong: Wrong, verb: Verb) -> tuple[type[SystemFault], ...]:
    """What may be raised: whoever reads may try again, and a write that may have been done says that it may."""
    writes = verb in WRITES
    if wrong is Wrong.REFUSED:
        return (Refused, NotFound)
    if wrong is Wrong.EXPIRED:
        return (AuthExpired, Unavailable)
    if wrong is Wrong.TOO_MANY:
        return (Unavailable, OutcomeUnknown) if writes else (Unavailable,)
    if writes:
        return (OutcomeUnknown,)
    return (Malformed, Unavailable) if wrong is Wrong.MALFORMED else (Unavailable,)


async def fault_of(call: Callable[[], Awaitable[Any]]) -> SystemFault | None:
    try:
        await call()
    except SystemFault as fault:
        return fault
    return None


def sockets() -> int:
    found = 0
    for name in Path("/proc/self/fd").iterdir():
        try:
            found += os.readlink(name).startswith("socket:")
        except OSError:
            continue
    return found


VERBS = (*READS, *WRITES, Verb.HARVEST)
Cells = dict[Wrong, str | BaseException | None]
ROWS: dict[tuple[str, Verb], tuple[Cells, list[str]]] = {}


async def row_of(kind: str, verb: Verb) -> tuple[Cells, list[str]]:
    """Let all go wrong that can, side by side, each on an emulator of its own; and say what was left open after that.

    Once for all that ask: most of the time is spent on waiting for what does not answer.
    """
    if (kind, verb) not in ROWS:
        gc.collect()
        tasks, held = len(asyncio.all_tasks()), sockets()
        cells = await asyncio.gather(*(goes_wrong(kind, verb, wrong) for wrong in Wrong), return_exceptions=True)
        for _ in range(50):
            gc.collect()
            if len(asyncio.all_tasks()) <= tasks and sockets() <= held:
                break
            await asyncio.sleep(0.02)
        left = [f"{len(asyncio.all_tasks()) - tasks} tasks", f"{sockets() - held} sockets"]
        ROWS[kind, verb] = (
            dict(zip(Wrong, cells, strict=True)),
            [what for what in left if int(what.split()[0]) > 0],
        )
    return ROWS[kind, verb]


@pytest.mark.parametrize("wrong", list(Wrong))
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", THAT_GO_WRONG)
async def test_whatever_goes_wrong_is_the_right_fault_and_over_in_time(kind: str, verb: Verb, wrong: Wrong) -> None:
    cells, _ = await row_of(kind, verb)
    found = cells[wrong]
    if isinstance(found, BaseException):
        raise found
    if found:
        pytest.skip(found)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", THAT_GO_WRONG)
async def test_whatever_goes_wrong_leaves_no_task_and_no_socket_open(kind: str, verb: Verb) -> None:
    _, left = await row_of(kind, verb)
    assert left == []


async def goes_wrong(kind: str, verb: Verb, wrong: Wrong) -> str | None:
    """Let one thing go wrong; return why it could not, if it could not."""
    limits = QUICK if wrong in (Wrong.HUNG, Wrong.UNHEARD) else PATIENT
    async with opened(kind, limits) as place:
        if verb not in place.system.capabilities().verbs:
            return f"{kind} does not offer {verb}"
        assert place.emulator is not None
        call = await call_of(place, verb)
        times = 1 if wrong is Wrong.SLOW else 100
        place.emulator.faults.plan(wrong, verb, times=times, seconds=0.2)
        started = monotonic()
        fault = await fault_of(call)
        assert monotonic() - started < QUESTIONS * limits.deadline_seconds, wrong
        untouched = all(planned.times == times for planned in place.emulator.faults.planned)
        place.emulator.faults.clear()
        if fault is not None:
            assert isinstance(fault, allowed(wrong, verb)), (wrong, fault)
        elif untouched:
            return f"{kind} asks nothing of its own for {verb}"
        elif wrong is Wrong.REFUSED:
            return f"{kind} has no way to refuse {verb}, or a no is an answer"
        else:
            assert wrong is Wrong.SLOW, wrong
        if verb is Verb.PLACE:
            await once_at_most(place)
    return None


async def once_at_most(place: Place) -> None:
    """Whoever does not know looks before repeating, as the worker does, and then there is one order and no second."""
    receipt = await place.system.find(ORDER, key=KEY)
    if receipt is None:
        receipt = await placed(place)
    assert place.live() == 1
    assert await place.system.find(ORDER, key=KEY) == receipt
