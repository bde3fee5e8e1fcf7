"""Vubis as a whole: every verb against its emulator, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest

from adapters.contract import (
    Answer,
    AuthExpired,
    CursorLost,
    Deleted,
    Duplicate,
    Held,
    ItemStatus,
    Malformed,
    NotFound,
    NotOffered,
    Order,
    OutcomeUnknown,
    Page,
    Parcel,
    Quote,
    RateLimited,
    Record,
    Refused,
    Scheme,
    SystemFault,
    Title,
    Unavailable,
    Verb,
)
from adapters.emulators.faults import Wrong
from adapters.emulators.iguana import IguanaDialect
from adapters.emulators.serve import serving
from adapters.emulators.stock import Copy, Stock, Work
from adapters.emulators.vubis import HOST, VubisEmulator
from adapters.installation import Installation, Limits, faults_of
from adapters.vubis import KIND
from adapters.vubis.kind import open_vubis
from adapters.vubis.system import VubisSystem

CENTRE, EAST, PICKUP = "NL-0800101000", "NL-0800101001", "NL-0800070000"
BRANCHES = {"Centrum": CENTRE, "Wijk : Oost": EAST}
PUDDING, LAMPJE, SERIES, DELETED = "9789025883249", "9789045125503", "9789044845556", "9789026149214"
NOW = datetime(2025, 11, 3, 10, tzinfo=UTC)
LIMITS = Limits(deadline_seconds=2.0)


def stock() -> Stock:
    stock = Stock(clock=lambda: NOW)
    for work in (
        Work(
            number="101",
            title="Pudding Tarzan",
            author="Reuter, Ole Lund Kirkegaard & Bjarne",
            isbns=(PUDDING,),
            ppn="41234567X",
            shelfmark="A KIRK : BOVEN",
            copies=[
                Copy(barcode="3001", branch="Centrum"),
                Copy(barcode="3002", branch="Centrum"),
                Copy(barcode="3003", branch="Wijk : Oost", status=ItemStatus.ON_LOAN, due=NOW.date()),
                Copy(barcode="3004", branch="Depot"),
            ],
        ),
        Work(
            number="102",
            title="Lampje",
            isbns=(LAMPJE,),
            copies=[Copy(barcode="3005", branch="Centrum", loanable=False)],
        ),
        Work(
            number="103",
            title="De boeken, deel 1",
            isbns=(SERIES,),
            volume="1",
            copies=[Copy(barcode="3006", branch="Centrum")],
        ),
        Work(
            number="104",
            title="De boeken, deel 2",
            isbns=(SERIES,),
            volume="2",
            copies=[Copy(barcode="3007", branch="Wijk : Oost")],
        ),
    ):
        stock.add(work)
    return stock


@asynccontextmanager
async def opened(
    emulator: VubisEmulator | None = None,
    *,
    limits: Limits = LIMITS,
    without: frozenset[str] = frozenset(),
    options: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[VubisSystem, VubisEmulator]]:
    served = emulator or VubisEmulator(stock(), branches=BRANCHES)
    async with serving(served) as installation:
        assert faults_of(KIND, installation) == []
        installation = replace(
            installation,
            limits=limits,
            addresses={name: url for name, url in installation.addresses.items() if name not in without},
            secrets={name: secret for name, secret in installation.secrets.items() if name not in without},
            options={**installation.options, **(options or {})},
        )
        system = open_vubis(installation)
        try:
            yield system, served
        finally:
            await system.close()


def order(*, isbn: str | None = PUDDING, ppn: str | None = None, at: str = CENTRE, number: str = "1") -> Order:
    return Order(
        loan_request=f"L{number}",
        reference=f"R{number}",
        isbn=isbn,
        ppn=ppn,
        supplying_location=at,
        pickup_location=PICKUP,
    )


# --- finding -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (Title(isbn=PUDDING), ["1.101"]),
        (Title(isbn="978-90-258-8324-9"), ["1.101"]),
        (Title(isbn="9025883249"), ["1.101"]),
        (Title(isbn="9025883248"), []),
        (Title(ppn="41234567X"), ["1.101"]),
        (Title(ppn="41234567x"), ["1.101"]),
        (Title(ppn="000000000", isbn=PUDDING), ["1.101"]),
        (Title(isbn=SERIES), ["1.103", "1.104"]),
        (Title(isbn=DELETED), []),
        (Title(isbn="no isbn"), []),
        (Title(local="1.102"), ["1.102"]),
        (Title(local="1.999"), []),
        (Title(local="102; drop"), []),
        (Title(), []),
    ],
)
@pytest.mark.parametrize("brief_numbers", [True, False], ids=["numbers in brief", "numbers in full only"])
async def test_a_title_is_found_by_what_is_exactly_its_own(
    title: Title, expected: list[str], brief_numbers: bool
) -> None:
    emulator = VubisEmulator(stock(), branches=BRANCHES, dialect=IguanaDialect(brief_numbers=brief_numbers))
    async with opened(emulator) as (system, _):
        assert await system.resolve(title) == expected


async def test_a_guess_of_iguana_is_not_found() -> None:
    close = PUDDING[:-2] + "56"
    async with opened() as (system, served):
        found, fuzzy = served.iguana.found("Isbn", close)
        assert fuzzy
        assert found
        assert await system.resolve(Title(isbn=close)) == []


async def test_an_index_that_matches_loosely_is_looked_through() -> None:
    """Where the ISBN index answers with titles that do not show this ISBN, none of them is taken."""
    async with opened(options={"isbn_index": "Keywords"}) as (system, served):
        served.stock.add(Work(number="200", title=f"Bibliografie bij {PUDDING}", isbns=(LAMPJE,)))
        assert await system.resolve(Title(isbn=PUDDING)) == []


async def test_labels_that_are_not_known_find_nothing_rather_than_something() -> None:
    async with opened(options={"isbn_labels": "Other"}) as (system, _):
        assert await system.resolve(Title(isbn=PUDDING)) == []


async def test_availability_counts_copies_by_branch() -> None:
    async with opened() as (system, _):
        found = await system.availability(["1.101", "1.102", "1.999", "nonsense", "1.101"])
    lines = [
        f"{one.reference} {one.branch} {one.location or '-'} {one.status} {one.count or '-'} {one.lendable}"
        for one in found
    ]
    assert lines == [
        "1.101 Centrum NL-0800101000 available 2 None",
        "1.101 Wijk : Oost NL-0800101001 on_loan - None",
        "1.101 Depot - available 1 None",
        "1.102 Centrum NL-0800101000 reference 1 False",
    ]
    assert {one.observed_at for one in found} == {NOW}
    assert {one.item for one in found} == {None}


async def test_a_branch_is_told_from_the_shelfmark_alone() -> None:
    emulator = VubisEmulator(stock(), branches=BRANCHES, dialect=IguanaDialect(wordings=False))
    async with opened(emulator) as (system, _):
        found = await system.availability(["1.101"])
    assert [(one.branch, one.location) for one in found] == [
        ("Centrum", CENTRE),
        ("Wijk : Oost", EAST),
        ("Depot", None),
    ]


async def test_a_placed_hold_shows_in_the_count() -> None:
    async with opened() as (system, _):
        await system.place(await system.prepare(order()), key="k1")
        counts = [one.count for one in await system.availability(["1.101"]) if one.branch == "Centrum"]
    assert counts == [1]


# --- placing -------------------------------------------------------------------------------------


async def test_an_order_is_placed_followed_shipped_and_returned() -> None:
    async with opened() as (system, served):
        quote = await system.prepare(order())
        assert (quote.possible, quote.lendable, quote.token) == (True, True, "3001")
        receipt = await system.place(quote, key="k1")
        [hold] = served.stock.live()
        assert (hold.barcode, hold.pickup, receipt) == ("3001", PICKUP, "3001")
        assert (await system.status(receipt)).answer in (Answer.OPEN, Answer.PROMISED)
        parcel = Parcel(order=order(), item="3001")
        await system.check_out(parcel)
        await system.check_out(parcel)
        assert (await system.status(receipt)).answer is Answer.SHIPPED
        assert await system.cancel(receipt) is False
        await system.check_in(parcel)
        assert (await system.status(receipt)).answer is Answer.RETURNED
    assert served.stock.copy("3001").status is ItemStatus.AVAILABLE


async def test_the_copy_comes_from_the_branch_that_was_asked_and_from_no_other() -> None:
    async with opened() as (system, _):
        assert (await system.prepare(order(isbn=SERIES, at=EAST))).token == "3007"
        with pytest.raises(NotFound):
            await system.prepare(order(isbn=LAMPJE, at=EAST))
        with pytest.raises(NotFound):
            await system.prepare(order(isbn=DELETED))


async def test_what_stands_there_but_cannot_be_lent_is_no_quote() -> None:
    async with opened() as (system, _):
        reading_room = await system.prepare(order(isbn=LAMPJE))
        lent = await system.prepare(order(at=EAST))
    assert (reading_room.possible, reading_room.reason) == (False, "NonCirculating")
    assert (lent.possible, lent.reason) == (False, "InUse")


async def test_an_order_can_be_taken_back() -> None:
    async with opened() as (system, served):
        receipt = await system.place(await system.prepare(order()), key="k1")
        assert await system.cancel(receipt) is True
        assert served.stock.live() == []
        assert (await system.status(receipt)).answer is Answer.CANCELLED


async def test_two_orders_are_two_copies() -> None:
    async with opened() as (system, served):
        for number in ("1", "2"):
            await system.place(await system.prepare(order(number=number)), key=f"k{number}")
        assert {hold.barcode for hold in served.stock.live()} == {"3001", "3002"}
        third = await system.prepare(order(number="3"))
    assert third.possible is False


async def test_the_same_order_again_is_a_duplicate() -> None:
    async with opened() as (system, served):
        quote = await system.prepare(order())
        await system.place(quote, key="k1")
        with pytest.raises(Duplicate) as said:
            await system.place(quote, key="k1")
        assert said.value.receipt == "3001"
        assert len(served.stock.live()) == 1


@pytest.mark.parametrize("wrong", [Wrong.UNHEARD, Wrong.CUT])
async def test_placed_but_timed_out_is_looked_for_and_found_once(wrong: Wrong) -> None:
    async with opened(limits=Limits(deadline_seconds=1.0)) as (system, served):
        quote = await system.prepare(order())
        served.faults.plan(wrong, Verb.PLACE)
        started = perf_counter()
        with pytest.raises(OutcomeUnknown):
            await system.place(quote, key="k1")
        assert perf_counter() - started < 3
        found = await system.find(order(), key="k1")
        assert found == "3001"
        assert [hold.barcode for hold in served.stock.live()] == ["3001"]
        # That it is another order's now says that there is none for this one.
        assert await system.find(order(), key="k1", taken=["3001"]) is None


@pytest.mark.parametrize("wrong", Wrong)
async def test_whatever_befalls_a_placement_who_looks_before_repeating_has_one_hold(wrong: Wrong) -> None:
    async with opened(limits=Limits(deadline_seconds=1.0)) as (system, served):
        quote = await system.prepare(order())
        served.faults.plan(wrong, Verb.PLACE, seconds=0.1)
        try:
            receipt = await system.place(quote, key="k1")
        except OutcomeUnknown:
            found = await system.find(order(), key="k1")
            receipt = found or await system.place(quote, key="k1")
        except (Refused, Unavailable, AuthExpired):
            assert served.stock.live() == []
            receipt = await system.place(quote, key="k1")
    assert [hold.barcode for hold in served.stock.live()] == [receipt]


async def test_what_never_came_is_not_found_and_may_be_placed_again() -> None:
    async with opened(limits=Limits(deadline_seconds=1.0)) as (system, served):
        quote = await system.prepare(order())
        served.faults.plan(Wrong.HUNG, Verb.PLACE)
        with pytest.raises(OutcomeUnknown):
            await system.place(quote, key="k1")
        assert await system.find(order(), key="k1") is None
        assert await system.place(await system.prepare(order()), key="k1") == "3001"
        assert len(served.stock.live()) == 1


async def test_copies_are_known_from_oai_pmh_where_v_smart_has_no_api() -> None:
    options = {"oai_identifier": HOST + ":{database}/{record}"}
    async with opened(without=frozenset({"vsmart"}), options=options) as (system, served):
        assert {Verb.PREPARE, Verb.PLACE, Verb.FIND} <= system.capabilities().verbs
        quote = await system.prepare(order())
        assert await system.place(quote, key="k1") == "3001"
        assert await system.find(order(), key="k1") == "3001"
        assert len(served.stock.live()) == 1


# --- what an installation offers -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("without", "lacks"),
    [
        (frozenset[str](), {Verb.ACCEPT_ITEM}),
        (frozenset({"oai"}), {Verb.ACCEPT_ITEM, Verb.HARVEST}),
        (frozenset({"vsmart"}), {Verb.ACCEPT_ITEM, Verb.PREPARE, Verb.PLACE, Verb.FIND}),
        (
            frozenset({"sip2", "oai", "vsmart"}),
            set(Verb) - {Verb.RESOLVE, Verb.AVAILABILITY},
        ),
        (frozenset({"patron"}), set(Verb) - {Verb.RESOLVE, Verb.AVAILABILITY, Verb.HARVEST}),
    ],
)
async def test_it_offers_what_it_was_given_addresses_for(without: frozenset[str], lacks: set[Verb]) -> None:
    async with opened(without=without) as (system, _):
        assert system.capabilities().verbs == set(Verb) - lacks
        parcel = Parcel(order=order(), item="3001")
        verbs: dict[Verb, Callable[[], Awaitable[object]]] = {
            Verb.PLACE: lambda: system.place(Quote(order=order(), possible=True, token="3001"), key="k"),
            Verb.FIND: lambda: system.find(order(), key="k"),
            Verb.STATUS: lambda: system.status("3001"),
            Verb.CANCEL: lambda: system.cancel("3001"),
            Verb.CHECK_OUT: lambda: system.check_out(parcel),
            Verb.CHECK_IN: lambda: system.check_in(parcel),
            Verb.ACCEPT_ITEM: lambda: system.accept_item(parcel),
        }
        for verb in lacks & verbs.keys():
            with pytest.raises(NotOffered):
                await verbs[verb]()
        if Verb.HARVEST in lacks:
            with pytest.raises(NotOffered):
                await anext(system.harvest())


async def test_without_an_index_of_ppns_it_knows_none() -> None:
    async with opened(options={"ppn_index": ""}) as (system, _):
        assert system.capabilities().schemes == {Scheme.ISBN, Scheme.LOCAL}
        assert await system.resolve(Title(ppn="41234567X")) == []


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"page_size": "51"}, "/options/page_size"),
        ({"page_size": "0"}, "/options/page_size"),
        ({"database": "1&x=2"}, "/options/database"),
        ({"oai_identifier": "oai:{other}"}, "/options/oai_identifier"),
        ({"oai_identifier": "oai:{database}"}, "/options/oai_identifier"),
        ({"pickups": "NL-0800070000"}, "/options/pickups"),
        ({"marc_ppn": "900"}, "/options/marc_ppn"),
        ({"unheard of": ""}, "/options/unheard of"),
    ],
)
def test_what_an_installation_is_given_is_checked(options: dict[str, str], pointer: str) -> None:
    given = Installation(system="v", addresses={"iguana": "https://host/iguana/"}, options=options)
    assert [at for at, _ in faults_of(KIND, given)] == [pointer]


def test_what_an_installation_may_be_given_is_taken() -> None:
    options = {
        "database": "2_LIE",
        "oai_identifier": "oai:host.nl:{database}/{record}",
        "pickups": "NL-0800070000=LEE/001, NL-0800101000=LEE/002",
        "marc_ppn": "035(OCoLC)",
    }
    given = Installation(
        system="v", addresses={"iguana": "https://host/iguana/", "sip2": "sip2s://host:6443"}, options=options
    )
    assert faults_of(KIND, given) == []


# --- harvesting ----------------------------------------------------------------------------------


async def pages(system: VubisSystem, *, since: datetime | None = None, cursor: str | None = None) -> list[Page]:
    return [page async for page in system.harvest(since=since, cursor=cursor)]


@pytest.mark.parametrize("prefix", ["marcxchange", "marc21"])
async def test_records_are_harvested_with_their_holdings(prefix: str) -> None:
    async with opened(options={"oai_prefix": prefix}) as (system, _):
        [page] = await pages(system)
    first, second, third, fourth = page.changes
    assert first == Record(
        number="1.101",
        isbns=(PUDDING,),
        ppn="41234567X",
        title="Pudding Tarzan",
        author="Reuter, Ole Lund Kirkegaard & Bjarne",
        material="book",
        holdings=(
            Held(branch="LEE/001", location=CENTRE, copies=2, available=2),
            Held(branch="LEE/002", location=EAST, copies=1, available=0),
            Held(branch="Depot", location=None, copies=1, available=1),
        ),
    )
    assert isinstance(second, Record)
    assert second.holdings == (Held(branch="LEE/001", location=CENTRE, copies=1, available=0, loanable=False),)
    assert [change.volume for change in (third, fourth) if isinstance(change, Record)] == ["1", "2"]
    assert (page.as_of, page.cursor, page.rejects) == (NOW, None, ())


async def test_what_is_harvested_is_what_is_found() -> None:
    async with opened() as (system, _):
        [page] = await pages(system)
        numbers = [change.number for change in page.changes]
        assert [await system.resolve(Title(local=number)) for number in numbers] == [[number] for number in numbers]


async def test_a_harvest_goes_on_from_its_cursor() -> None:
    emulator = VubisEmulator(stock(), branches=BRANCHES, page_size=2)
    async with opened(emulator) as (system, _):
        first = await anext(system.harvest())
        assert first.cursor is not None
        assert first.whole_size == 4
        rest = await pages(system, cursor=first.cursor)
        whole = await pages(system)
        emulator.oai.expire_tokens()
        with pytest.raises(CursorLost):
            await pages(system, cursor=first.cursor)
    numbers = [change.number for page in (first, *rest) for change in page.changes]
    assert numbers == ["1.101", "1.102", "1.103", "1.104"]
    # The clock that counts is that of the beginning, which a harvest that was taken up again never saw.
    assert [page.as_of for page in whole] == [NOW, NOW]
    assert [page.as_of for page in rest] == [None]


async def test_what_was_deleted_is_harvested_as_such() -> None:
    moments = [NOW]
    kept = Stock(clock=lambda: moments[-1])
    kept.add(Work(number="1", title="Weg"))
    kept.add(Work(number="2", title="Blijft"))
    moments.append(NOW + timedelta(days=1))
    kept.remove("1")
    async with opened(VubisEmulator(kept, branches=BRANCHES)) as (system, _):
        [page] = await pages(system, since=NOW + timedelta(hours=1))
        assert page.changes == (Deleted("1.1"),)
        assert await pages(system, since=NOW + timedelta(days=2)) == [Page(changes=(), as_of=moments[-1])]


async def test_dublin_core_is_harvested_without_holdings() -> None:
    async with opened(options={"oai_prefix": "oai_dc"}) as (system, _):
        [page] = await pages(system)
    assert page.changes[0] == Record(
        number="1.101",
        isbns=(PUDDING,),
        title="Pudding Tarzan",
        author="Reuter, Ole Lund Kirkegaard & Bjarne",
        material="book",
    )


async def test_a_format_that_it_does_not_have_is_refused() -> None:
    async with opened(options={"oai_prefix": "mods"}) as (system, _):
        with pytest.raises(Refused):
            await pages(system)


# --- what goes wrong -----------------------------------------------------------------------------

READS: dict[Verb, Callable[[VubisSystem], Awaitable[object]]] = {
    Verb.RESOLVE: lambda system: system.resolve(Title(isbn=PUDDING)),
    Verb.AVAILABILITY: lambda system: system.availability(["1.101", "1.102"]),
    Verb.PREPARE: lambda system: system.prepare(order()),
    Verb.HARVEST: lambda system: pages(system),
}
WRONGS: dict[Wrong, type[SystemFault]] = {
    Wrong.REFUSED: Refused,
    Wrong.HUNG: Unavailable,
    Wrong.CUT: Unavailable,
    Wrong.UNHEARD: Unavailable,
    Wrong.MALFORMED: Malformed,
    Wrong.TOO_MANY: RateLimited,
    Wrong.BROKEN: Unavailable,
    Wrong.EXPIRED: AuthExpired,
}


@pytest.mark.parametrize("wrong", WRONGS)
@pytest.mark.parametrize("verb", READS)
async def test_a_read_that_goes_wrong_says_so_in_time_and_leaves_nothing_behind(verb: Verb, wrong: Wrong) -> None:
    before = asyncio.all_tasks()
    async with opened(limits=Limits(deadline_seconds=1.0)) as (system, served):
        served.faults.plan(wrong, verb, times=8)
        started = perf_counter()
        with pytest.raises(WRONGS[wrong]):
            await READS[verb](system)
        assert perf_counter() - started < 3
        served.faults.clear()
        await READS[verb](system)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_a_slow_answer_is_waited_for() -> None:
    async with opened() as (system, served):
        served.faults.plan(Wrong.SLOW, Verb.AVAILABILITY, seconds=0.2)
        assert await system.availability(["1.101"])


async def test_a_session_that_ends_between_verbs_is_renewed_unseen() -> None:
    async with opened() as (system, served):
        assert await system.resolve(Title(isbn=PUDDING)) == ["1.101"]
        served.iguana.expire_sessions()
        assert len(await system.availability(["1.101", "1.102"])) == 4
        assert served.iguana.entered == 2


async def test_a_question_that_is_given_up_is_given_up_everywhere() -> None:
    before = asyncio.all_tasks()
    async with opened() as (system, served):
        served.faults.plan(Wrong.HUNG, Verb.AVAILABILITY, times=2)
        question = asyncio.create_task(system.availability(["1.101", "1.102"]))
        await asyncio.sleep(0.2)
        question.cancel()
        with pytest.raises(asyncio.CancelledError):
            await question
        assert await system.resolve(Title(isbn=PUDDING)) == ["1.101"]
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
