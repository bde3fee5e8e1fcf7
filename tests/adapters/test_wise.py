"""The adapter to Wise against its emulator, over a real socket: every verb, both clocks, and what goes wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.contract import (
    Answer,
    AuthExpired,
    Barred,
    CursorLost,
    ItemStatus,
    Malformed,
    NotFound,
    NotOffered,
    Order,
    OutcomeUnknown,
    Quote,
    RateLimited,
    Record,
    Refused,
    Standing,
    SystemFault,
    Title,
    Unavailable,
    Verb,
)
from adapters.emulators.demo_stock import PATRON, PIN, demo_isbn, demo_ppn
from adapters.emulators.faults import Wrong
from adapters.emulators.serve import serving
from adapters.emulators.stock import Copy, Work
from adapters.emulators.wise import BRANCHES, WiseEmulator
from adapters.installation import Installation, Limits, faults_of
from adapters.wise import KIND, WiseSystem

CENTRUM, NOORD, DIJKDORP, HEIDESTAD, VENNEN = (branch.location for branch in BRANCHES.values())
EVERYWHERE = demo_isbn(0)  # on the shelf in every branch
QUICK = Limits(deadline_seconds=0.5)


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


@asynccontextmanager
async def wise(
    emulator: WiseEmulator | None = None, **changes: Any
) -> AsyncIterator[tuple[WiseSystem, WiseEmulator, Installation]]:
    emulator = emulator or WiseEmulator()
    async with serving(emulator) as installation:
        installation = replace(installation, **changes)
        assert faults_of(KIND, installation) == []
        system = WiseSystem(installation)
        try:
            yield system, emulator, installation
        finally:
            await system.close()


def order_of(isbn: str | None = EVERYWHERE, *, at: str = DIJKDORP, to: str = VENNEN, ppn: str | None = None) -> Order:
    return Order(
        loan_request="0199",
        reference="R-1",
        isbn=isbn,
        ppn=ppn,
        supplying_location=at,
        pickup_location=to,
    )


async def placed(system: WiseSystem, order: Order) -> str:
    return await system.place(await system.prepare(order), key="k")


# --- reading -------------------------------------------------------------------------------------


async def test_a_title_is_resolved_by_isbn_ppn_and_number_and_only_if_it_is_that_one() -> None:
    async with wise() as (system, emulator, _):
        numbers = list(emulator.stock.works)
        for place in range(4):  # of some the results tell the ISBN, of others only their own page
            assert await system.resolve(Title(isbn=demo_isbn(place))) == [numbers[place]]
            assert await system.resolve(Title(ppn=demo_ppn(place))) == [numbers[place]]
        assert await system.resolve(Title(local=numbers[7])) == [numbers[7]]
        assert await system.resolve(Title(isbn=demo_isbn(1), ppn=demo_ppn(2))) == numbers[1:3]
        assert await system.resolve(Title(isbn="9780306406157")) == []
        assert await system.resolve(Title(isbn=demo_isbn(1)[:12])) == []  # would be found, and is no ISBN
        assert await system.resolve(Title(ppn=demo_ppn(1)[:8])) == []
        assert await system.resolve(Title(local="nothing")) == []


async def test_all_titles_with_an_isbn_are_found_over_several_pages_of_results() -> None:
    async with wise() as (system, emulator, _):
        for volume in range(25):
            emulator.stock.add(Work(number=f"9{volume:05}", title=f"Deel {volume}", isbns=("9780306406157",)))
        assert len(await system.resolve(Title(isbn="9780306406157"))) == 25


async def test_how_copies_stand_is_told_per_item_with_location_and_date() -> None:
    async with wise() as (system, emulator, _):
        work = emulator.stock.works["218001"]
        emulator.stock.check_out(work.copies[0].barcode, patron=PATRON)
        emulator.stock.copies[work.copies[1].barcode].status = ItemStatus.REFERENCE
        snapshots = await system.availability(["218001", "nothing", "218001"])
        assert [(s.reference, s.branch, s.location, s.status, s.count, s.lendable) for s in snapshots] == [
            ("218001", "6491", CENTRUM, ItemStatus.ON_LOAN, 1, None),
            ("218001", "6492", NOORD, ItemStatus.REFERENCE, 1, False),
            ("218001", "6493", DIJKDORP, ItemStatus.AVAILABLE, 1, None),
            ("218001", "6494", HEIDESTAD, ItemStatus.AVAILABLE, 1, None),
            ("218001", "6495", VENNEN, ItemStatus.AVAILABLE, 1, None),
        ]
        assert snapshots[0].due == (datetime.now(UTC) + timedelta(days=21)).date()
        assert {s.item for s in snapshots} == {copy.barcode for copy in work.copies}


async def test_where_items_do_not_say_how_they_stand_they_are_asked_for_all_at_once() -> None:
    async with wise(WiseEmulator(tells_status=False)) as (system, emulator, _):
        emulator.stock.copies["3000000001"].status = ItemStatus.REFERENCE
        found = {snapshot.branch: snapshot for snapshot in await system.availability(["218001"])}
        assert found["6491"].status is ItemStatus.AVAILABLE
        assert (found["6492"].status, found["6492"].lendable) == (ItemStatus.REFERENCE, False)
        assert emulator.faults.seen[Verb.AVAILABILITY] == 3 + 1  # three groups of branches, and one more


async def test_an_installation_without_a_patron_reads_and_offers_no_holds() -> None:
    async with serving(WiseEmulator()) as given:
        secrets = {name: value for name, value in given.secrets.items() if name not in ("username", "password")}
        system = WiseSystem(replace(given, secrets=secrets, addresses={"wise": given.addresses["wise"]}))
        assert system.capabilities().verbs == {Verb.RESOLVE, Verb.AVAILABILITY}
        assert await system.availability(["218001"])
        with pytest.raises(NotOffered):
            await system.prepare(order_of())
        with pytest.raises(NotOffered):
            await anext(system.harvest())
        with pytest.raises(NotOffered):
            await system.status("1")
        await system.close()


# --- holds ---------------------------------------------------------------------------------------


async def test_an_order_is_prepared_placed_followed_and_ended() -> None:
    async with wise() as (system, emulator, _):
        quote = await system.prepare(order_of())
        assert (quote.possible, quote.lendable, quote.cost_cents, quote.queue) == (True, True, 75, None)
        assert set(quote.pickups) == {branch.location for branch in BRANCHES.values()}
        assert emulator.stock.live() == []
        receipt = await system.place(quote, key="k")
        (hold,) = emulator.stock.live()
        assert (hold.number, hold.work, hold.pickup) == (receipt, "218001", "6493")
        assert emulator.stock.copies[hold.barcode or ""].branch == "6493"
        assert await system.status(receipt) == Standing(Answer.OPEN)
        emulator.set_aside.add(receipt)
        assert await system.status(receipt) == Standing(Answer.PROMISED, None, hold.barcode)
        emulator.stock.check_out(hold.barcode or "", patron=PATRON)
        assert await system.status(receipt) == Standing(Answer.SHIPPED, None, hold.barcode)
        assert not await system.cancel(receipt)
        emulator.stock.check_in(hold.barcode or "")
        assert (await system.status(receipt)).answer is Answer.RETURNED


async def test_an_order_that_staff_declined_says_so_and_can_be_taken_back_at_no_cost() -> None:
    async with wise() as (system, emulator, _):
        receipt = await placed(system, order_of())
        emulator.stock.decline_hold(receipt)
        assert await system.status(receipt) == Standing(Answer.DECLINED, "Other", "3000000002")
        assert await system.cancel(receipt)


async def test_an_order_is_taken_back() -> None:
    async with wise() as (system, emulator, _):
        receipt = await placed(system, order_of())
        assert await system.cancel(receipt)
        assert emulator.stock.live() == []
        for ask in (system.status(receipt), system.cancel(receipt), system.status("nothing")):
            with pytest.raises(NotFound):
                await ask


async def test_what_is_not_at_the_location_is_not_found_and_what_is_lent_there_is_not_possible() -> None:
    async with wise() as (system, emulator, _):
        for order in (order_of("9780306406157"), order_of(at="NL-9"), order_of(demo_isbn(1), at=CENTRUM)):
            with pytest.raises(NotFound):
                await system.prepare(order)
        for status, reason in (
            (ItemStatus.ON_LOAN, "InUse"),
            (ItemStatus.HELD, "OnReserve"),
            (ItemStatus.REFERENCE, "UseOnly"),
            (ItemStatus.MISSING, "NotOnShelf"),
            (ItemStatus.IN_TRANSIT, "NotOnShelf"),
        ):
            emulator.stock.copies["3000000002"].status = status
            quote = await system.prepare(order_of())
            assert (quote.possible, quote.reason, quote.token) == (False, reason, None)
            with pytest.raises(Refused) as refused:
                await system.place(quote, key="k")
            assert refused.value.reason == reason
        assert emulator.stock.holds == {}


async def test_without_a_strategy_that_goes_beyond_the_library_nothing_is_said_of_lending() -> None:
    async with wise(WiseEmulator(strategy="BL")) as (system, _, __):
        assert (await system.prepare(order_of())).lendable is None


async def test_the_paths_can_be_spelled_as_the_documentation_does() -> None:
    async with wise(WiseEmulator(documented_paths=True)) as (system, emulator, _):
        await placed(system, order_of())
        assert len(emulator.stock.live()) == 1


async def test_the_copy_may_lie_ready_at_the_pickup_location_where_wise_serves_it() -> None:
    async with serving(emulator := WiseEmulator()) as given:
        system = WiseSystem(replace(given, options={**given.options, "hold_at": "pickup"}))
        first = await placed(system, order_of(to=VENNEN))
        second = await placed(system, order_of(to="NL-elsewhere"))
        assert [emulator.stock.hold(receipt).pickup for receipt in (first, second)] == ["6495", "6493"]
        assert await system.find(order_of(to=VENNEN), key="k") == first
        assert await system.find(order_of(to="NL-elsewhere"), key="k") == second
        await system.close()


async def test_stale_parameters_are_prepared_again_once() -> None:
    clock = Clock(datetime(2026, 3, 2, 12, tzinfo=UTC))
    async with wise(WiseEmulator(clock=clock)) as (system, emulator, _):
        quote = await system.prepare(order_of())
        clock.moment += timedelta(hours=1)
        receipt = await system.place(quote, key="k")
        assert emulator.stale_answers == 1
        assert [hold.number for hold in emulator.stock.live()] == [receipt]
        assert await system.cancel(receipt)
        again = await system.place(quote, key="k2")  # spent: those too are prepared again
        assert emulator.stale_answers == 2
        assert again != receipt


async def test_parameters_that_stay_stale_are_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.emulators.wise.STALE_AFTER", timedelta(seconds=-1))
    async with wise() as (system, emulator, _):
        with pytest.raises(Refused):
            await placed(system, order_of())
        assert (emulator.stale_answers, emulator.stock.holds) == (2, {})


async def test_a_hold_that_the_answer_does_not_name_is_looked_for_if_there_can_be_no_doubt() -> None:
    async with wise(WiseEmulator(names_holds=False)) as (system, emulator, _):
        emulator.stock.add(
            Work(
                number="300001",
                title="Twee",
                isbns=("9780306406157",),
                copies=[Copy(barcode=f"99{nth}", branch="6493") for nth in range(2)],
            )
        )
        order = order_of("9780306406157")
        first = await placed(system, order)
        assert emulator.stock.hold(first)
        with pytest.raises(OutcomeUnknown):
            await placed(system, order)
        second = await system.find(order, key="k2", taken=[first])
        assert {first, second} == {hold.number for hold in emulator.stock.live()}


async def test_a_quote_shows_nothing_of_its_token_and_a_refusal_nothing_of_the_patron() -> None:
    async with wise() as (system, emulator, _):
        quote = await system.prepare(order_of())
        assert quote.token
        assert quote.token not in repr(quote)
        emulator.faults.plan(Wrong.REFUSED, Verb.PREPARE)
        refused = await system.prepare(order_of())
        assert (refused.possible, refused.reason, refused.detail) == (False, "PolicyProblem", "PATRON_BLOCKED")


# --- two clocks ----------------------------------------------------------------------------------

WINTER_EVE = datetime(2026, 1, 14, 22, 59, 30, tzinfo=UTC)  # 23:59:30 in Amsterdam
SUMMER_EVE = datetime(2026, 7, 14, 21, 59, 30, tzinfo=UTC)  # likewise


@pytest.mark.parametrize("eve", [WINTER_EVE, SUMMER_EVE])
async def test_a_token_ends_with_the_local_day_and_the_key_does_not(eve: datetime) -> None:
    clock = Clock(eve)
    async with wise(WiseEmulator(clock=clock)) as (system, emulator, _):
        receipt = await placed(system, order_of())
        assert emulator.logins == 1
        clock.moment += timedelta(minutes=1)  # the next local day, the same UTC day
        assert (await system.status(receipt)).answer is Answer.OPEN
        assert emulator.logins == 2


@pytest.mark.parametrize("month", [1, 7])
async def test_the_key_rolls_with_the_utc_day_and_the_token_does_not(month: int) -> None:
    clock = Clock(datetime(2026, month, 14, 23, 59, 30, tzinfo=UTC))
    async with wise(WiseEmulator(clock=clock)) as (system, emulator, _):
        receipt = await placed(system, order_of())
        for _step in range(4):
            clock.moment += timedelta(minutes=1)
            assert (await system.status(receipt)).answer is Answer.OPEN
        assert emulator.logins == 1


@pytest.mark.parametrize("seconds", [-90, -30, 30, 90])
@pytest.mark.parametrize("midnight", [datetime(2026, 1, 15, tzinfo=UTC), WINTER_EVE + timedelta(seconds=30)])
async def test_at_midnight_our_clock_may_be_before_or_after_the_systems(midnight: datetime, seconds: int) -> None:
    theirs, ours = Clock(midnight - timedelta(minutes=3)), Clock(midnight - timedelta(minutes=3))
    async with wise(WiseEmulator(clock=theirs), clock=ours) as (system, emulator, _):
        receipt = await placed(system, order_of())
        for step in range(-4, 5):
            theirs.moment = midnight + timedelta(seconds=45 * step)
            ours.moment = theirs.moment + timedelta(seconds=seconds)
            assert await system.resolve(Title(isbn=EVERYWHERE)) == ["218001"]
            assert (await system.status(receipt)).answer is Answer.OPEN
        assert emulator.logins <= 6


async def test_many_who_find_the_token_expired_log_in_once() -> None:
    clock = Clock(WINTER_EVE)
    async with wise(WiseEmulator(clock=clock)) as (system, emulator, _):
        receipt = await placed(system, order_of())
        clock.moment += timedelta(minutes=1)
        await asyncio.gather(*(system.status(receipt) for _ in range(20)))
        assert emulator.logins == 2
        emulator._tokens.clear()  # and once where only the system knows that it ended
        await asyncio.gather(*(system.status(receipt) for _ in range(20)))
        assert emulator.logins == 3


async def test_whoever_waits_for_a_login_that_is_given_up_logs_in_itself() -> None:
    async with wise() as (system, emulator, _):
        emulator.faults.plan(Wrong.SLOW, None, seconds=5)
        first = asyncio.create_task(system.status("1"))
        while not emulator.faults.seen:  # noqa: ASYNC110 - the emulator offers no event
            await asyncio.sleep(0.01)
        second = asyncio.create_task(system.status("1"))
        await asyncio.sleep(0.05)
        first.cancel()
        with pytest.raises(NotFound):
            await asyncio.wait_for(second, 4)
        assert emulator.logins == 1


async def test_whoever_is_not_let_in_says_so_after_one_more_try() -> None:
    async with serving(emulator := WiseEmulator()) as given:
        for name in ("api_key", "application", "password"):
            system = WiseSystem(replace(given, secrets={**given.secrets, name: "wrong"}))
            emulator.faults.seen.clear()
            with pytest.raises(AuthExpired) as caught:
                await system.status("1")
            assert "wrong" not in str(caught.value)
            assert sum(emulator.faults.seen.values()) <= 2
            await system.close()


async def test_a_session_that_ended_is_renewed_by_itself_even_while_placing() -> None:
    async with wise() as (system, emulator, _):
        quote = await system.prepare(order_of())
        emulator.faults.plan(Wrong.EXPIRED, Verb.PLACE)
        receipt = await system.place(quote, key="k")
        assert [hold.number for hold in emulator.stock.live()] == [receipt]
        assert emulator.logins == 2


# --- what goes wrong -----------------------------------------------------------------------------

Ask = Callable[[WiseSystem, Quote, str], Awaitable[Any]]


async def _harvest(system: WiseSystem) -> list[Any]:
    return [page async for page in system.harvest()]


ASKS: dict[Verb, Ask] = {
    Verb.RESOLVE: lambda system, quote, receipt: system.resolve(Title(isbn=EVERYWHERE)),
    Verb.AVAILABILITY: lambda system, quote, receipt: system.availability(["218001"]),
    Verb.PREPARE: lambda system, quote, receipt: system.prepare(order_of()),
    Verb.PLACE: lambda system, quote, receipt: system.place(quote, key="k"),
    Verb.FIND: lambda system, quote, receipt: system.find(order_of(), key="k"),
    Verb.STATUS: lambda system, quote, receipt: system.status(receipt),
    Verb.CANCEL: lambda system, quote, receipt: system.cancel(receipt),
    Verb.HARVEST: lambda system, quote, receipt: _harvest(system),
}
WRITES = frozenset({Verb.PLACE, Verb.CANCEL})
MEANINGS: dict[Wrong, tuple[type[SystemFault], type[SystemFault]]] = {  # for those that read, and that write
    Wrong.REFUSED: (Barred, Refused),
    Wrong.HUNG: (Unavailable, OutcomeUnknown),
    Wrong.CUT: (Unavailable, OutcomeUnknown),
    Wrong.MALFORMED: (Malformed, OutcomeUnknown),
    Wrong.EXPIRED: (AuthExpired, AuthExpired),
    Wrong.TOO_MANY: (RateLimited, RateLimited),
    Wrong.BROKEN: (Unavailable, OutcomeUnknown),
    Wrong.UNHEARD: (Unavailable, OutcomeUnknown),
}


@pytest.mark.parametrize("wrong", MEANINGS)
@pytest.mark.parametrize("verb", ASKS)
async def test_every_fault_of_every_verb_has_its_meaning_in_bounded_time(verb: Verb, wrong: Wrong) -> None:
    async with wise() as (patient, emulator, installation):
        receipt = await placed(patient, order_of(at=HEIDESTAD))
        quote = await patient.prepare(order_of())
        system = WiseSystem(replace(installation, limits=Limits(deadline_seconds=1.5)))
        emulator.faults.plan(wrong, verb, times=100, seconds=7)
        started = time.monotonic()
        if (verb, wrong) == (Verb.PREPARE, Wrong.REFUSED):
            assert not (await system.prepare(order_of())).possible  # there, a no is an answer
        elif (verb, wrong) == (Verb.CANCEL, Wrong.REFUSED):
            assert await system.cancel(receipt) is False
        else:
            with pytest.raises(SystemFault) as caught:
                await ASKS[verb](system, quote, receipt)
            assert type(caught.value) is MEANINGS[wrong][verb in WRITES], repr(caught.value)
            assert PATRON not in str(caught.value)
        assert time.monotonic() - started < 5
        await system.close()
        emulator.faults.clear()
        holds = [hold.number for hold in emulator.stock.live() if hold.pickup == "6493"]
        was_done = verb is Verb.PLACE and wrong in (Wrong.CUT, Wrong.UNHEARD)
        assert len(holds) == was_done
        if verb is Verb.PLACE:
            assert await patient.find(order_of(), key="k", taken=[receipt]) == (holds[0] if holds else None)


@pytest.mark.parametrize("wrong", [Wrong.HUNG, Wrong.CUT, Wrong.UNHEARD, Wrong.BROKEN])
async def test_nothing_is_left_running_after_a_fault(wrong: Wrong) -> None:
    async with wise() as (_, emulator, installation):
        before = _tasks()
        for verb in (Verb.AVAILABILITY, Verb.RESOLVE, Verb.HARVEST):
            system = WiseSystem(replace(installation, limits=QUICK))
            emulator.faults.plan(wrong, verb, times=1)
            with pytest.raises(SystemFault):
                await ASKS[verb](system, Quote(order=order_of(), possible=True), "1")
            await system.close()
            emulator.faults.clear()
        for _ in range(300):
            if _tasks() <= before:
                break
            await asyncio.sleep(0.01)
        assert _tasks() <= before


def _tasks() -> int:
    """How many tasks there are, but for those in which the emulator hangs."""
    return sum("RequestResponseCycle" not in repr(task.get_coro()) for task in asyncio.all_tasks())


@pytest.mark.parametrize("verb", ASKS)
async def test_a_slow_answer_is_waited_for_within_the_deadline(verb: Verb) -> None:
    async with wise() as (system, emulator, _):
        receipt = await placed(system, order_of(at=HEIDESTAD))
        quote = await system.prepare(order_of())
        emulator.faults.plan(Wrong.SLOW, verb, seconds=0.1)
        await ASKS[verb](system, quote, receipt)


async def test_a_rate_limit_says_when() -> None:
    async with wise() as (system, emulator, _):
        emulator.faults.plan(Wrong.TOO_MANY, Verb.AVAILABILITY, times=9, seconds=17)
        with pytest.raises(RateLimited) as limited:
            await system.availability(["218001"])
        assert limited.value.retry_after_seconds == 17


async def test_what_was_placed_though_no_answer_came_is_found_and_is_one_hold() -> None:
    async with wise() as (system, emulator, _):
        other = await placed(system, order_of(at=HEIDESTAD))
        for wrong in (Wrong.UNHEARD, Wrong.CUT):
            quote = await system.prepare(order_of())
            emulator.faults.plan(wrong, Verb.PLACE)
            with pytest.raises(OutcomeUnknown):
                await system.place(quote, key="k")
            receipt = await system.find(order_of(), key="k", taken=[other])
            holds = [hold for hold in emulator.stock.live() if hold.number != other]
            assert [hold.number for hold in holds] == [receipt]
            assert receipt
            assert await system.find(order_of(), key="k", taken=[other, receipt]) is None
            assert await system.cancel(receipt)
        assert await system.find(order_of(), key="k") is None
        assert await system.find(order_of(at="NL-9"), key="k") is None


async def test_all_that_one_verb_asks_shares_its_deadline() -> None:
    async with wise(limits=QUICK) as (system, emulator, _):
        emulator.faults.plan(Wrong.SLOW, None, times=100, seconds=0.3)
        started = time.monotonic()
        with pytest.raises(Unavailable):
            await system.prepare(order_of())
        assert time.monotonic() - started < 2


# --- harvesting ----------------------------------------------------------------------------------


async def _everything(system: WiseSystem, **of: Any) -> tuple[dict[str, Record], list[str | None]]:
    records, cursors = {}, []
    async for page in system.harvest(**of):
        records.update({change.number: change for change in page.changes if isinstance(change, Record)})
        cursors.append(page.cursor)
        assert page.as_of is not None
    return records, cursors


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.wise.holdings.PAGE_ROWS", 50)


@pytest.mark.usefixtures("small_pages")
async def test_a_file_of_holdings_is_harvested_in_pages_from_any_of_which_one_can_go_on() -> None:
    async with wise() as (system, emulator, _):
        emulator.stock.add(
            Work(
                number="300001",
                title='Een "titel",\r\nmet een regel meer, 🚲',
                ppn="45000000X",
                copies=[Copy(barcode="991", branch="6491")],
            )
        )
        records, cursors = await _everything(system)
        expected = {(work.number, copy.branch) for work in emulator.stock.works.values() for copy in work.copies}
        assert len(records) == len(expected)
        assert records["45000000X@6491"].title == 'Een "titel",\r\nmet een regel meer, 🚲'
        (held,) = records[f"{demo_ppn(0)}@6492"].holdings
        assert (held.location, held.copies, held.available, held.loanable) == (NOORD, 1, 1, True)
        assert len(cursors) > 5
        assert cursors[-1] is None
        seen = 50
        for cursor in cursors[:-1]:
            rest, _ = await _everything(system, cursor=cursor)
            assert set(rest) == set(list(records)[seen:])
            seen += 50


@pytest.mark.usefixtures("small_pages")
async def test_a_file_that_was_written_anew_cannot_be_gone_on_with() -> None:
    async with wise() as (system, emulator, _):
        _, cursors = await _everything(system)
        emulator.stock.remove("218003")
        for cursor in (cursors[0], "nonsense", "[1]", '["", 0, 0, "today"]'):
            with pytest.raises(CursorLost):
                await _everything(system, cursor=cursor)


async def test_a_file_that_did_not_change_since_is_not_read() -> None:
    async with wise() as (system, _, __):
        assert (await _everything(system, since=datetime.now(UTC) + timedelta(seconds=2)))[0] == {}
        assert len((await _everything(system, since=datetime.now(UTC) - timedelta(days=1)))[0]) > 200


async def test_rows_that_cannot_be_read_are_told_and_the_rest_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "isbn,location,copies\r\n9789095000003,6491,1\r\n1,6491,1\r\n\r\n9789095000010,6492,2"
    monkeypatch.setattr("adapters.emulators.wise_holdings.holdings_file", lambda stock: rows.encode())
    async with wise() as (system, _, __):
        (page,) = await _harvest(system)
        assert [change.number for change in page.changes] == ["9789095000003@6491", "9789095000010@6492"]
        assert page.rejects == ("row 3: has no valid ISBN",)


@pytest.mark.parametrize(
    "content", [b"", b"a,b\r\n", b"\xff\xff\r\n", b'"', b'location,isbn,copies\r\n"' + b"x" * 200_000]
)
async def test_what_is_no_file_of_holdings_is_malformed(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.emulators.wise_holdings.holdings_file", lambda stock: content)
    async with wise() as (system, _, __):
        with pytest.raises(Malformed):
            await _harvest(system)


async def test_a_harvest_that_is_left_in_the_middle_closes_its_connection() -> None:
    async with wise() as (system, _, __):
        pages = system.harvest()
        await anext(pages)
        await pages.aclose()  # type: ignore[attr-defined]  # it is a generator
        assert await system.resolve(Title(isbn=EVERYWHERE))


def test_the_patron_of_the_demonstration_is_the_one_that_is_named() -> None:
    assert WiseEmulator().stock.patrons == {PATRON: PIN}
