"""A Concerto-style system, spoken to over real sockets: SRU and SIP2, with everything that goes wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from adapters import SYSTEMS
from adapters.concerto import KIND, ConcertoSystem
from adapters.contract import (
    Answer,
    AuthExpired,
    CursorLost,
    Deleted,
    Duplicate,
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
from adapters.emulators.concerto import ConcertoEmulator, Shelving
from adapters.emulators.demo_stock import demo_isbn, demo_ppn, locations_of
from adapters.emulators.faults import Wrong
from adapters.emulators.serve import serving
from adapters.emulators.sip2 import Sip2Dialect
from adapters.emulators.sru import SruManners
from adapters.emulators.stock import Copy, Stock, Work
from adapters.installation import Installation, Limits, faults_of
from adapters.protocols.sru import Version

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ISBN, OTHER_ISBN = "9789021412344", "9780804429573"
CENTRUM, NOORD, ELDERS = "NL-0800071000", "NL-0800071001", "NL-0800072000"
BRANCHES = {"Centrum": CENTRUM, "Noord": NOORD}


class Watch:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def stock() -> Stock:
    """Two volumes that share an ISBN, one of them with copies everywhere, and another book."""
    found = Stock(clock=Watch())
    copies = [
        Copy(barcode="1001", branch="Centrum", status=ItemStatus.ON_LOAN, due=date(2026, 3, 12)),
        Copy(barcode="1002", branch="Centrum"),
        Copy(barcode="1003", branch="Centrum", loanable=False),
        Copy(barcode="1004", branch="Noord", status=ItemStatus.IN_TRANSIT),
        Copy(barcode="1005", branch="Nieuw"),
    ]
    found.add(
        Work(number="b1", title="De reis", author="Vries, J. de", isbns=(ISBN,), ppn="12345678X", copies=copies)
    )
    second = [Copy(barcode="2001", branch="Noord", loanable=False)]
    found.add(Work(number="b2", title="De reis", isbns=(ISBN,), volume="Dl. 2", copies=second))
    third = [Copy(barcode="3001", branch="Noord")]
    found.add(Work(number='b"3', title="Plattegrond & <gids>", isbns=(OTHER_ISBN,), material="map", copies=third))
    return found


@asynccontextmanager
async def connected(
    emulator: ConcertoEmulator, *, seconds: float = 2.0, **options: str
) -> AsyncIterator[ConcertoSystem]:
    """An adapter to an emulator that is served."""
    async with serving(emulator) as installation:
        assert faults_of(KIND, installation) == []
        system = ConcertoSystem.open(with_options(installation, seconds, **options))
        try:
            yield system
        finally:
            await system.close()


def with_options(installation: Installation, seconds: float, **options: str) -> Installation:
    limits = Limits(deadline_seconds=seconds, answer_bytes=200_000)
    return replace(installation, options={**installation.options, **options}, limits=limits)


def emulator(**given: object) -> ConcertoEmulator:
    return ConcertoEmulator(stock(), branches=BRANCHES, **given)  # type: ignore[arg-type]


def order(*, at: str = CENTRUM, isbn: str | None = ISBN, ppn: str | None = None) -> Order:
    return Order(
        loan_request="r1", reference="ref-1", isbn=isbn, ppn=ppn, supplying_location=at, pickup_location=ELDERS
    )


async def pages_of(system: ConcertoSystem, **given: object) -> list[Page]:
    return [page async for page in system.harvest(**given)]  # type: ignore[arg-type]


def test_whatever_an_installation_can_be_given_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "adapters" / "concerto.md").read_text()

    names = [*KIND.addresses, *KIND.secrets, *KIND.options]
    assert [name for name in names if f"`{name}`" not in page] == []


# --- titles and where they stand -----------------------------------------------------------------


async def test_it_is_a_kind_of_system_and_says_what_it_can() -> None:
    assert SYSTEMS["concerto"] is KIND
    async with connected(emulator()) as system:
        can = system.capabilities()

    assert can.verbs == frozenset(Verb) - {Verb.ACCEPT_ITEM}
    assert can.schemes == {Scheme.ISBN, Scheme.PPN, Scheme.LOCAL}
    assert not can.idempotent


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("schema", ["marcxml", "opac"])
async def test_titles_and_copies_are_found_in_every_version_and_schema(version: Version, schema: str) -> None:
    async with connected(emulator(), sru_version=version.value, record_schema=schema) as system:
        assert await system.resolve(Title(isbn=ISBN)) == ["b1", "b2"]
        assert await system.resolve(Title(ppn="12345678x")) == ["b1"]
        assert await system.resolve(Title(local='b"3')) == ['b"3']
        assert await system.resolve(Title(isbn="9789000000005")) == []

        found = await system.availability(["b1", 'b"3', "gone", " "])

    said = [(s.reference, s.branch, s.location, s.item, s.count, s.due, s.lendable) for s in found]
    yes = True if schema == "marcxml" else None
    assert said == [
        ("b1", "Centrum", CENTRUM, "1001", 1, date(2026, 3, 12), yes),
        ("b1", "Centrum", CENTRUM, "1002", 1, None, yes),
        ("b1", "Centrum", CENTRUM, "1003", 1, None, False),
        ("b1", "Noord", NOORD, "1004", 1, None, yes),
        ("b1", "Nieuw", None, "1005", 1, None, yes),
        ('b"3', "Noord", NOORD, "3001", 1, None, yes),
    ]
    statuses = [s.status for s in found]
    fourth = ItemStatus.IN_TRANSIT if schema == "marcxml" else ItemStatus.UNKNOWN
    third = ItemStatus.AVAILABLE if schema == "marcxml" else ItemStatus.REFERENCE
    assert statuses == [
        ItemStatus.ON_LOAN,
        ItemStatus.AVAILABLE,
        third,
        fourth,
        ItemStatus.AVAILABLE,
        ItemStatus.AVAILABLE,
    ]
    assert all(s.observed_at == NOW for s in found)


async def test_a_library_that_only_counts_can_be_read_and_nothing_placed_there() -> None:
    async with connected(emulator(shelving=Shelving.PER_BRANCH)) as system:
        found = await system.availability(["b1", "b2"])
        verbs = system.capabilities().verbs
        with pytest.raises(NotOffered):
            await system.prepare(order())

    assert [(s.branch, s.status, s.count, s.item, s.lendable) for s in found] == [
        ("Centrum", ItemStatus.AVAILABLE, 2, None, True),
        ("Centrum", ItemStatus.ON_LOAN, 1, None, True),
        ("Noord", ItemStatus.ON_LOAN, 1, None, True),
        ("Nieuw", ItemStatus.AVAILABLE, 1, None, True),
        ("Noord", ItemStatus.AVAILABLE, 1, None, False),
    ]
    assert verbs == {Verb.RESOLVE, Verb.AVAILABILITY, Verb.HARVEST}


async def test_more_references_than_a_batch_are_asked_in_several_questions() -> None:
    served = emulator()
    async with connected(served, batch="1") as system:
        found = await system.availability(["b1", "b2", "b2", 'b"3'])

    assert {s.reference for s in found} == {"b1", "b2", 'b"3'}
    assert served.faults.seen["availability"] == 3


async def test_pages_are_followed_until_all_references_are_found() -> None:
    async with connected(emulator(manners=SruManners(most=1))) as system:
        assert {s.reference for s in await system.availability(["b1", "b2", 'b"3'])} == {"b1", "b2", 'b"3'}


async def test_what_there_is_no_index_for_is_not_offered() -> None:
    async with connected(emulator(), isbn_index="", ppn="") as system:
        assert system.capabilities().schemes == {Scheme.LOCAL}
        with pytest.raises(NotOffered):
            await system.resolve(Title(isbn=ISBN, ppn="12345678X"))
    async with connected(emulator(), isbn_index="dc.isbn") as system:
        with pytest.raises(NotOffered, match="diagnostic 16"):
            await system.resolve(Title(isbn=ISBN))


async def test_without_a_stock_it_has_that_of_the_demonstration() -> None:
    async with connected(ConcertoEmulator()) as system:
        references = await system.resolve(Title(isbn=demo_isbn(0), ppn=demo_ppn(0)))
        found = await system.availability(references)

    assert [snapshot.location for snapshot in found] == list(locations_of("concerto"))


async def test_records_packed_as_strings_are_read_too() -> None:
    async with connected(emulator(manners=SruManners(packs_strings=True))) as system:
        assert await system.resolve(Title(isbn=OTHER_ISBN)) == ['b"3']


# --- placing -------------------------------------------------------------------------------------


async def test_an_order_goes_out_and_comes_home() -> None:
    served = emulator()
    async with connected(served) as system:
        quote = await system.prepare(order())
        assert quote.possible
        assert quote.token == "1002"  # the only one that is there and leaves the house
        receipt = await system.place(quote, key="k1")
        assert served.stock.copies["1002"].status is ItemStatus.HELD
        assert (await system.status(receipt)).answer is Answer.PROMISED

        again = await system.prepare(order())
        assert not again.possible
        with pytest.raises(Duplicate) as standing:
            await system.place(quote, key="k1")
        assert standing.value.receipt == receipt

        parcel = Parcel(order=quote.order, item="1002")
        await system.check_out(parcel)
        assert (await system.status(receipt)).answer is Answer.SHIPPED
        assert not await system.cancel(receipt)
        await system.check_in(parcel)
        assert (await system.status(receipt)).answer is Answer.RETURNED


async def test_an_order_can_be_taken_back() -> None:
    served = emulator()
    async with connected(served) as system:
        receipt = await system.place(await system.prepare(order(isbn=None, ppn="12345678X")), key="k1")
        assert await system.cancel(receipt)

    assert served.stock.live() == []


async def test_where_no_copy_can_be_lent_nothing_is_possible() -> None:
    served = emulator()
    async with connected(served) as system:
        in_transit = await system.prepare(order(at=NOORD, ppn="12345678x"))
        served.stock.copies["1004"].loanable = False
        for_the_house = await system.prepare(order(at=NOORD, ppn="12345678X"))
        with pytest.raises(NotFound):
            await system.prepare(order(at=ELDERS))
        with pytest.raises(NotFound):
            await system.prepare(order(isbn="9789000000005"))

    assert (in_transit.possible, in_transit.reason) == (False, "InUse")
    assert (for_the_house.possible, for_the_house.lendable, for_the_house.reason) == (False, False, "NonCirculating")


async def test_where_volumes_share_an_isbn_none_of_them_is_guessed_at() -> None:
    async with connected(emulator()) as system:
        quote = await system.prepare(order(at=NOORD))
        by_both = await system.resolve(Title(isbn=ISBN, ppn="12345678X"))

    assert (quote.possible, quote.reason, quote.detail) == (False, "Other", "Several volumes share this ISBN.")
    assert by_both == ["b1"]


async def test_an_order_of_which_no_answer_came_is_found_and_not_placed_twice() -> None:
    served = emulator()
    async with connected(served, seconds=0.5) as system:
        quote = await system.prepare(order())
        served.faults.plan(Wrong.UNHEARD, Verb.PLACE)
        with pytest.raises(OutcomeUnknown):
            await system.place(quote, key="k1")
        served.faults.clear()
        assert await system.find(order(), key="k1") == "1002"
        assert await system.find(order(), key="k1", taken=["1002"]) is None
        assert await system.find(order(at=NOORD), key="k1") is None

    assert len(served.stock.live()) == 1


async def test_without_an_address_for_sip2_nothing_can_be_placed() -> None:
    async with serving(emulator()) as installation:
        bare = replace(installation, addresses={"sru": installation.addresses["sru"]}, secrets={})
        assert faults_of(KIND, bare) == []
        system = KIND.open(bare)
        try:
            assert Verb.PLACE not in system.capabilities().verbs
            for call in (
                system.place(Quote(order=order(), possible=True), key="k"),
                system.find(order(), key="k"),
                system.status("1"),
                system.cancel("1"),
                system.check_out(Parcel(order=order(), item="1")),
                system.check_in(Parcel(order=order(), item="1")),
            ):
                with pytest.raises(NotOffered):
                    await call
        finally:
            await system.close()


async def test_no_reader_or_secret_shows_in_what_is_said() -> None:
    async with connected(emulator()) as system:
        with pytest.raises(NotOffered) as fault:
            await system.accept_item(Parcel(order=order(), item="1", patron_reference="lener-77"))
    assert "lener-77" not in str(fault.value)


# --- harvesting ----------------------------------------------------------------------------------


def many(count: int) -> ConcertoEmulator:
    found = Stock(clock=Watch())
    for number in range(count):
        copies = [Copy(barcode=f"{number}", branch="Centrum")]
        found.add(Work(number=f"{number:03}", title=f"Titel {number}", copies=copies))
    return ConcertoEmulator(found, branches=BRANCHES)


@pytest.mark.parametrize("manners", [SruManners(), SruManners(most=7), SruManners(most=1, names_next=True)])
async def test_a_sweep_brings_every_record_once(manners: SruManners) -> None:
    served = many(60)
    served.server.manners = manners
    async with connected(served, page_size="25") as system:
        pages = await pages_of(system)

    numbers = [change.number for page in pages for change in page.changes]
    assert numbers == [f"{number:03}" for number in range(60)]
    assert {page.whole_size for page in pages} == {60}
    assert len({page.as_of for page in pages}) == 1
    assert pages[-1].cursor is None
    assert pages[0].as_of is not None


async def test_a_server_that_does_not_count_is_swept_while_its_pages_are_full() -> None:
    served = many(60)
    served.server.manners = SruManners(counts=False)
    async with connected(served, page_size="25") as system:
        pages = await pages_of(system)

    assert sum(len(page.changes) for page in pages) == 60
    assert {page.whole_size for page in pages} == {None}


async def test_a_record_comes_with_all_that_is_known_of_it() -> None:
    async with connected(emulator()) as system:
        (page,) = await pages_of(system)

    first, second, third = page.changes
    assert isinstance(first, Record)
    assert (first.number, first.isbns, first.ppn, first.title) == ("b1", (ISBN,), "12345678X", "De reis")
    assert (first.author, first.material, first.volume) == ("Vries, J. de", "book", None)
    assert [(h.branch, h.location, h.copies, h.available, h.loanable) for h in first.holdings] == [
        ("Centrum", CENTRUM, 3, 2, True),
        ("Noord", NOORD, 1, 0, True),
        ("Nieuw", None, 1, 1, True),
    ]
    assert isinstance(second, Record)
    assert second.volume == "Dl. 2"
    assert [h.loanable for h in second.holdings] == [False]
    assert isinstance(third, Record)
    assert (third.material, third.title) == ("map", "Plattegrond & <gids>")


async def test_only_what_changed_is_asked_for_where_there_is_an_index_for_it() -> None:
    served = emulator(manners=SruManners(tells_deleted=True))
    watch = served.stock.clock
    assert isinstance(watch, Watch)
    watch.now = NOW + timedelta(days=9)
    served.stock.add(Work(number="b9", title="Nieuw"))
    served.stock.remove("b2")
    async with connected(served) as system:
        changed = await pages_of(system, since=NOW + timedelta(days=5))
    async with connected(served, modified_index="") as system:
        everything = await pages_of(system, since=NOW + timedelta(days=5))

    assert [(type(change), change.number) for page in changed for change in page.changes] == [
        (Deleted, "b2"),
        (Record, "b9"),
    ]
    assert [change.number for page in everything for change in page.changes] == ["b1", 'b"3', "b9"]


async def test_a_sweep_goes_on_from_its_cursor_and_notes_what_was_put_in_or_taken_out() -> None:
    served = many(60)
    async with connected(served, page_size="20") as system:
        first = await anext(aiter(system.harvest()))
        for number in ("003", "004", "005"):
            served.stock.works[number].deleted = True
        rest = await pages_of(system, cursor=first.cursor)

        numbers = [change.number for page in (first, *rest) for change in page.changes]
        assert numbers == [f"{number:03}" for number in range(60)]
        assert {page.as_of for page in rest} == {first.as_of}

        for work in list(served.stock.works.values())[:20]:
            work.deleted = True
        with pytest.raises(CursorLost):
            await pages_of(system, cursor=first.cursor)


@pytest.mark.parametrize("cursor", ["x", "0|||", "1|gisteren||", "1|2026-03-02||", "1||) or x|", "99999|||050"])
async def test_a_cursor_of_something_else_is_lost(cursor: str) -> None:
    async with connected(emulator()) as system:
        with pytest.raises(CursorLost):
            await pages_of(system, cursor=cursor)


async def test_an_empty_library_is_one_empty_page() -> None:
    async with connected(ConcertoEmulator(Stock(clock=Watch()))) as system:
        (page,) = await pages_of(system)

    assert (page.changes, page.cursor, page.whole_size) == ((), None, 0)


# --- what goes wrong -----------------------------------------------------------------------------

READS = (Verb.RESOLVE, Verb.AVAILABILITY, Verb.HARVEST)
WRONG: dict[Wrong, type[SystemFault] | None] = {
    Wrong.REFUSED: Refused,
    Wrong.SLOW: None,
    Wrong.HUNG: Unavailable,
    Wrong.CUT: Unavailable,
    Wrong.MALFORMED: Malformed,
    Wrong.EXPIRED: AuthExpired,
    Wrong.TOO_MANY: RateLimited,
    Wrong.BROKEN: Unavailable,
    Wrong.UNHEARD: Unavailable,
}


async def ask(system: ConcertoSystem, verb: Verb) -> object:
    match verb:
        case Verb.RESOLVE:
            return await system.resolve(Title(isbn=ISBN))
        case Verb.AVAILABILITY:
            return await system.availability(["b1"])
        case _:
            return await pages_of(system)


@pytest.mark.parametrize("verb", READS)
@pytest.mark.parametrize("wrong", list(Wrong))
async def test_whatever_goes_wrong_with_a_question_is_the_right_fault_and_over_in_time(
    verb: Verb, wrong: Wrong
) -> None:
    served = emulator()
    async with connected(served, seconds=0.6) as system:
        served.faults.plan(wrong, verb, seconds=0.1)
        began = time.monotonic()
        expected = WRONG[wrong]
        if expected is None:
            assert await ask(system, verb)
        else:
            with pytest.raises(expected):
                await ask(system, verb)
        assert time.monotonic() - began < 2.0
        served.faults.clear()
        assert await ask(system, verb)  # it is well again


@pytest.mark.parametrize("wrong", list(Wrong))
async def test_whatever_goes_wrong_with_an_order_it_is_placed_once_at_most(wrong: Wrong) -> None:
    served = emulator()
    async with connected(served, seconds=0.6) as system:
        quote = await system.prepare(order())
        served.faults.plan(wrong, Verb.PLACE, seconds=0.1)
        began = time.monotonic()
        receipt = None
        try:
            receipt = await system.place(quote, key="k1")
        except OutcomeUnknown:
            served.faults.clear()
            receipt = await system.find(quote.order, key="k1")
        except SystemFault:
            served.faults.clear()
            assert served.stock.live() == []
        assert time.monotonic() - began < 2.5
        if receipt is None:
            receipt = await system.place(await system.prepare(order()), key="k1")

    assert receipt == "1002"
    assert [hold.barcode for hold in served.stock.live()] == ["1002"]


async def test_one_deadline_is_over_all_questions_of_a_verb() -> None:
    served = emulator()
    async with connected(served, seconds=0.5, batch="1") as system:
        served.faults.plan(Wrong.SLOW, times=10, seconds=0.3)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await system.availability(["b1", "b2", 'b"3'])
        assert time.monotonic() - began < 2.0


async def test_a_question_that_is_given_up_leaves_nothing_behind() -> None:
    served = emulator()
    async with connected(served, seconds=5) as system:
        served.faults.plan(Wrong.HUNG, Verb.RESOLVE)
        asking = asyncio.create_task(system.resolve(Title(isbn=ISBN)))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await system.resolve(Title(isbn=OTHER_ISBN)) == ['b"3']
    await asyncio.sleep(0.05)
    assert served.desk.connected == 0


async def test_an_answer_that_is_too_large_is_refused() -> None:
    served = emulator()
    served.stock.works["b1"].title = "x" * 300_000
    async with connected(served) as system:
        with pytest.raises(Malformed):
            await system.resolve(Title(isbn=ISBN))


@pytest.mark.parametrize(
    "dialect",
    [Sip2Dialect(), Sip2Dialect(padding=True, short_checksums=True, piecemeal=True), Sip2Dialect(joined=True)],
)
async def test_every_desk_is_spoken_to(dialect: Sip2Dialect) -> None:
    async with connected(emulator(sip2_dialect=dialect)) as system:
        assert await system.place(await system.prepare(order()), key="k1") == "1002"
