"""The adapter to Brocade against an emulated one: its chain of LOIs, its two ways of harvesting, and every fault."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from threading import Event
from time import monotonic
from typing import Any

import pytest

from adapters import SYSTEMS
from adapters.brocade import KIND, BrocadeSystem
from adapters.contract import (
    AuthExpired,
    CursorLost,
    Deleted,
    Held,
    ItemStatus,
    Malformed,
    NotFound,
    NotOffered,
    Order,
    OutcomeUnknown,
    Page,
    Parcel,
    RateLimited,
    Record,
    Refused,
    Scheme,
    SystemFault,
    Title,
    Unavailable,
    Verb,
)
from adapters.emulators.brocade import PATRON, PIN, BrocadeEmulator
from adapters.emulators.faults import Wrong
from adapters.emulators.serve import serving
from adapters.emulators.stock import Copy, Stock, Work
from adapters.installation import Installation, Limits, faults_of
from adapters.protocols.iso18626.messages import AgencyId, ElectronicAddress, Identifier, Version
from adapters.protocols.iso18626.writing import write
from tests.support.schemas import ISO18626, faults

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
BRANCHES = {"UA-CST": "NL-1", "UA-CDE": "NL-2", "UA-CST/KOST": "NL-3"}
ISBN = "9789029568449"
ORDER = Order(
    loan_request="lr", reference="r-1", isbn=ISBN, ppn=None, supplying_location="NL-1", pickup_location="NL-2"
)


@dataclass
class World:
    """Ten works in an emulated Brocade, whose clock stands still; the first has four copies and a bare holding."""

    now: datetime = NOW
    harvests_files: bool = False
    takes_requests: bool = False

    def __post_init__(self) -> None:
        self.stock = Stock(clock=lambda: self.now)
        self.stock.add(
            Work(
                number="c:lvd:1",
                title='De Ontdekking; "een" roman à clef',
                author="Mulisch, Harry",
                isbns=(ISBN,),
                ppn="12345678X",
                copies=[
                    Copy(barcode="0301", branch="UA-CST/MAG", status=ItemStatus.ON_LOAN, due=date(2026, 4, 1)),
                    Copy(barcode="0302", branch="UA-CST/MAG"),
                    Copy(barcode="0303", branch="UA-CST/KOST", loanable=False),
                    Copy(barcode="0304", branch="UA-CDE/OR"),
                ],
            )
        )
        for number in range(2, 11):
            copy = Copy(barcode=f"04{number:02}", branch="UA-CDE/OR")
            self.stock.add(Work(number=f"c:lvd:{number}", title=f"Deel {number}", ppn=f"{number:08}", copies=[copy]))
        self.emulator = BrocadeEmulator(
            self.stock,
            branches=BRANCHES,
            bare={"c:lvd:1": ("UA-MAR",)},
            page_size=4,
            harvests_files=self.harvests_files,
            takes_requests=self.takes_requests,
            limits=Limits(deadline_seconds=0.8, calls_per_second=1000),
        )
        self.faults = self.emulator.faults


@asynccontextmanager
async def opened(world: World, **changes: Any) -> AsyncIterator[BrocadeSystem]:
    async with serving(world.emulator) as installation:
        given = replace(installation, **changes) if changes else installation
        assert faults_of(KIND, given) == []
        system = KIND.open(given)
        assert isinstance(system, BrocadeSystem)
        yield system
        await system.close()


async def pages(system: BrocadeSystem, since: datetime | None = None, cursor: str | None = None) -> list[Page]:
    return [page async for page in system.harvest(since=since, cursor=cursor)]


def numbers(harvested: list[Page]) -> list[str]:
    return [
        ("-" if isinstance(change, Deleted) else "") + change.number.rsplit(":", 1)[1]
        for page in harvested
        for change in page.changes
    ]


# --- what it is ----------------------------------------------------------------------------------


async def test_it_says_what_it_can() -> None:
    async with opened(World()) as system:
        told = system.capabilities()

    assert SYSTEMS["brocade"] is KIND
    assert Verb.ACCEPT_ITEM not in told.verbs
    assert {Verb.PLACE, Verb.FIND, Verb.HARVEST} <= told.verbs
    assert (told.idempotent, told.schemes) == (False, frozenset({Scheme.LOCAL, Scheme.ISBN, Scheme.PPN}))


async def test_without_sip2_it_is_read_only() -> None:
    async with serving(World().emulator) as installation:
        addresses = {"oai": installation.addresses["oai"]}
        system = KIND.open(replace(installation, addresses=addresses))
        assert system.capabilities().verbs == {Verb.RESOLVE, Verb.AVAILABILITY, Verb.HARVEST}
        with pytest.raises(NotOffered):
            await system.prepare(ORDER)
        assert {snapshot.status for snapshot in await system.availability(["c:lvd:1"])} == {ItemStatus.UNKNOWN}
        await system.close()


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("options", "identifier", "no place for it"),
        ("options", "index_records", "-1"),
        ("options", "encoding", "utf-16"),
        ("options", "columns", "record"),
        ("options", "colour", "red"),
        ("addresses", "oai", "ftp://host/"),
        ("addresses", "sip2", "sip2://"),
    ],
)
def test_an_installation_that_cannot_be(part: str, name: str, value: str) -> None:
    installation = Installation(system="b", addresses={"oai": "http://host/oai"})
    changed: dict[str, Any] = {part: {**getattr(installation, part), name: value}}
    installation = replace(installation, **changed)

    assert [pointer for pointer, _ in faults_of(KIND, installation)] == [f"/{part}/{name}"]


# --- titles --------------------------------------------------------------------------------------


async def test_a_title_is_found_by_each_of_its_numbers() -> None:
    async with opened(World()) as system:
        assert await system.resolve(Title(local="c:lvd:1")) == ["c:lvd:1"]
        assert await system.resolve(Title(isbn=ISBN)) == ["c:lvd:1"]
        assert await system.resolve(Title(ppn="12345678X")) == ["c:lvd:1"]
        assert await system.resolve(Title(ppn="00000009")) == ["c:lvd:9"]  # on the last page
        for nothing in (Title(local="c:lvd:99"), Title(local="12"), Title(isbn="9789000000000"), Title()):
            assert await system.resolve(nothing) == []


async def test_a_title_that_came_or_went_is_known_soon() -> None:
    world = World()
    async with opened(world) as system:
        assert await system.resolve(Title(ppn="11111111")) == []
        world.stock.add(Work(number="c:lvd:11", title="Nieuw", ppn="11111111"))
        world.stock.remove("c:lvd:1")
        assert await system.resolve(Title(isbn=ISBN)) == []  # the record itself is looked at
        world.now += timedelta(minutes=20)
        assert await system.resolve(Title(ppn="11111111")) == ["c:lvd:11"]
        assert await system.resolve(Title(ppn="22222222")) == []
        asked = world.faults.seen[Verb.HARVEST]
        assert await system.resolve(Title(ppn="33333333")) == []
        assert world.faults.seen[Verb.HARVEST] == asked  # not again so soon


async def test_what_was_harvested_need_not_be_looked_for() -> None:
    world = World()
    async with opened(world) as system:
        await pages(system)
        asked = world.faults.seen[Verb.HARVEST]
        assert await system.resolve(Title(ppn="00000009")) == ["c:lvd:9"]

    assert world.faults.seen[Verb.HARVEST] == asked


async def test_nothing_is_said_to_be_missing_before_it_is_known() -> None:
    world = World()
    async with opened(world, options={"index_records": "3"}) as system:
        assert await system.resolve(Title(ppn="00000002")) == ["c:lvd:2"]
        with pytest.raises(Unavailable, match="no room"):
            await system.resolve(Title(ppn="00000009"))


async def test_an_index_that_takes_longer_than_a_call_is_built_over_several() -> None:
    world = World()
    world.faults.plan(Wrong.SLOW, Verb.HARVEST, times=20, seconds=0.5)
    async with opened(world) as system:
        with pytest.raises(Unavailable, match="in time"):
            await system.resolve(Title(ppn="00000009"))
        with pytest.raises(Unavailable, match="in time"):
            await system.resolve(Title(ppn="00000009"))
        assert await system.resolve(Title(ppn="00000009")) == ["c:lvd:9"]


async def test_an_index_whose_token_was_lost_is_begun_anew() -> None:
    world = World()
    async with opened(world) as system:
        assert await system.resolve(Title(isbn=ISBN)) == ["c:lvd:1"]
        world.emulator.oai.expire_tokens()
        with pytest.raises(Unavailable, match="anew"):
            await system.resolve(Title(ppn="00000009"))
        assert await system.resolve(Title(ppn="00000009")) == ["c:lvd:9"]


async def test_many_who_look_for_the_same_read_the_catalogue_once() -> None:
    world = World()
    async with opened(world) as system:
        found = await asyncio.gather(*(system.resolve(Title(ppn="00000009")) for _ in range(5)))

    assert found == [["c:lvd:9"]] * 5
    assert world.faults.seen[Verb.HARVEST] == 3


# --- availability --------------------------------------------------------------------------------


async def test_the_chain_leads_to_every_object() -> None:
    async with opened(World()) as system:
        found = await system.availability(["c:lvd:1", "c:lvd:2", "c:lvd:99", "nonsense"])

    assert {snapshot.observed_at for snapshot in found} == {NOW}
    assert [
        (one.reference, one.branch, one.location, one.item, one.status.value, one.count, one.lendable)
        for one in found
    ] == [
        ("c:lvd:1", "UA-CST", "NL-1", "0301", "on_loan", 1, None),
        ("c:lvd:1", "UA-CST", "NL-1", "0302", "available", 1, None),
        ("c:lvd:1", "UA-CST/KOST", "NL-3", "0303", "reference", 1, False),
        ("c:lvd:1", "UA-CDE", "NL-2", "0304", "available", 1, None),
        ("c:lvd:1", "UA-MAR", None, None, "unknown", None, None),
        ("c:lvd:2", "UA-CDE", "NL-2", "0402", "available", 1, None),
    ]
    assert found[0].due == date(2026, 4, 1)


async def test_an_object_that_sip2_does_not_know_is_unknown() -> None:
    world = World()
    async with opened(world) as system:
        del world.stock.copies["0402"]
        (snapshot,) = await system.availability(["c:lvd:2"])

    assert snapshot.status is ItemStatus.UNKNOWN


async def test_an_object_that_sip2_does_not_answer_for_spoils_no_other() -> None:
    world = World()
    async with opened(world) as system:
        await system.availability(["c:lvd:2"])
        world.faults.plan(Wrong.MALFORMED, Verb.STATUS)  # which 17 serves too, and OAI-PMH does not
        found = await system.availability(["c:lvd:1"])

    statuses = [one.status for one in found if one.item]
    assert len(statuses) == 4
    assert statuses.count(ItemStatus.UNKNOWN) == 1


# --- harvest -------------------------------------------------------------------------------------


async def test_a_harvest_by_oai() -> None:
    world = World()
    world.stock.remove("c:lvd:5")
    async with opened(world) as system:
        harvested = await pages(system)

    assert [len(page.changes) for page in harvested] == [4, 4, 2]
    assert sorted(numbers(harvested)) == sorted(["1", "2", "3", "4", "-5", "6", "7", "8", "9", "10"])
    assert {(page.as_of, page.whole_size, page.rejects) for page in harvested} == {(NOW, 10, ())}
    first = next(change for page in harvested for change in page.changes if change.number == "c:lvd:1")
    assert first == Record(
        number="c:lvd:1",
        isbns=(ISBN,),
        ppn="12345678X",
        title='De Ontdekking; "een" roman à clef',
        author="Mulisch, Harry",
        material="book",
        holdings=(
            Held(branch="UA-CST", location="NL-1", copies=2),
            Held(branch="UA-CST/KOST", location="NL-3", copies=1, loanable=False),
            Held(branch="UA-CDE", location="NL-2", copies=1),
            Held(branch="UA-MAR", location=None, copies=1),
        ),
    )


async def test_both_ways_of_harvesting_say_the_same() -> None:
    by_oai, by_file = World(), World(harvests_files=True)
    async with opened(by_oai) as system:
        listed = [change for page in await pages(system) for change in page.changes]
    async with opened(by_file) as system:
        written = [change for page in await pages(system) for change in page.changes]

    assert sorted(written, key=lambda one: one.number) == sorted(listed, key=lambda one: one.number)


async def test_a_harvest_of_what_changed() -> None:
    world = World()
    world.now += timedelta(days=2)
    world.stock.remove("c:lvd:3")
    world.stock.add(Work(number="c:lvd:20", title="Nieuw"))
    async with opened(world) as system:
        assert sorted(numbers(await pages(system, since=NOW + timedelta(days=1)))) == ["-3", "20"]
        assert numbers(await pages(system, since=NOW + timedelta(days=30))) == []


async def test_a_harvest_goes_on_from_its_cursor() -> None:
    world = World()
    async with opened(world) as system:
        first = await anext(system.harvest())
        world.now += timedelta(minutes=5)
        following = await pages(system, cursor=first.cursor)

    assert numbers([first, *following]) == [str(number) for number in (1, 10, 2, 3, 4, 5, 6, 7, 8, 9)]
    assert {page.as_of for page in following} == {NOW}  # when the list was made, not when its end was read


async def test_a_set_is_harvested_alone() -> None:
    async with opened(World(), options={"set": "cxlib:UA-CST"}) as system:
        assert numbers(await pages(system)) == ["1"]


@pytest.mark.parametrize(
    "cursor", ["", "{}", "[]", "null", '{"start": 5}', '{"token": "t", "pages": "x"}', "9" * 5000]
)
async def test_a_cursor_that_is_none_of_ours_is_lost(cursor: str) -> None:
    async with opened(World()) as system:
        with pytest.raises(CursorLost):
            await pages(system, cursor=cursor)


async def test_a_token_that_expired_loses_the_harvest() -> None:
    world = World()
    async with opened(world) as system:
        first = await anext(system.harvest())
        world.now += timedelta(hours=2)
        with pytest.raises(CursorLost):
            await pages(system, cursor=first.cursor)


# --- catalogue files -----------------------------------------------------------------------------


@pytest.mark.parametrize("files", [False, True])
async def test_a_harvest_needs_none_of_the_threads_that_others_may_fill(files: bool) -> None:
    freed = Event()
    async with opened(World(harvests_files=files)) as system:
        others = [asyncio.get_running_loop().run_in_executor(None, freed.wait, 30) for _ in range(64)]
        try:
            assert await asyncio.wait_for(pages(system), 5)
        finally:
            freed.set()
            await asyncio.gather(*others)


def small_pieces() -> dict[str, Any]:
    """Have files be read by at most 1000 bytes at once."""
    return {"limits": Limits(deadline_seconds=0.8, answer_bytes=1000)}


async def test_a_file_is_read_in_pieces() -> None:
    world = World(harvests_files=True)
    async with opened(world, **small_pieces()) as system:
        harvested = await pages(system)

    assert len(harvested) == 2
    assert numbers(harvested) == [str(number) for number in (1, 10, 2, 3, 4, 5, 6, 7, 8, 9)]
    assert all(page.rejects == () for page in harvested)


async def test_another_file_in_its_place_loses_the_harvest() -> None:
    world = World(harvests_files=True)
    async with opened(world, **small_pieces()) as system:
        first = await anext(system.harvest())
        world.stock.remove("c:lvd:2")
        with pytest.raises((CursorLost, Malformed)):  # its whole is answered, and may be too large to be read
            await pages(system, cursor=first.cursor)


async def test_deletions_in_a_file() -> None:
    world = World(harvests_files=True)
    world.stock.remove("c:lvd:2")
    async with opened(world) as system:
        assert "-2" in numbers(await pages(system))
        assert await system.resolve(Title(ppn="00000002")) == []
        assert await system.resolve(Title(ppn="00000003")) == ["c:lvd:3"]


# --- placing -------------------------------------------------------------------------------------


async def test_an_order_from_quote_to_return() -> None:
    world = World()
    async with opened(world) as system:
        quote = await system.prepare(ORDER)
        assert (quote.possible, quote.token) == (True, "0302")  # the other is on loan
        receipt = await system.place(quote, key="k-1")
        assert await system.find(ORDER, key="k-1") == receipt
        assert await system.find(ORDER, key="k-1", taken=[receipt]) is None
        parcel = Parcel(order=ORDER, item=receipt)
        await system.check_out(parcel)
        await system.check_out(parcel)
        assert world.stock.copies["0302"].patron == PATRON
        assert (await system.status(receipt)).answer.value == "shipped"
        assert await system.cancel(receipt) is False
        await system.check_in(parcel)
        assert world.stock.copies["0302"].patron is None
        assert (await system.status(receipt)).answer.value == "returned"


async def test_an_order_that_is_taken_back() -> None:
    world = World()
    async with opened(world) as system:
        receipt = await system.place(await system.prepare(ORDER), key="k-1")
        assert await system.cancel(receipt) is True

    assert world.stock.live() == []


async def test_what_cannot_be_asked_for() -> None:
    world = World()
    async with opened(world) as system:
        only_here = await system.prepare(replace(ORDER, supplying_location="NL-3"))
        assert (only_here.possible, only_here.lendable, only_here.reason) == (False, False, "NonCirculating")
        world.stock.copies["0302"].status = ItemStatus.ON_LOAN
        taken = await system.prepare(ORDER)
        assert (taken.possible, taken.reason) == (False, "InUse")
        for elsewhere in (replace(ORDER, supplying_location="NL-9"), replace(ORDER, isbn="9789000000000")):
            with pytest.raises(NotFound):
                await system.prepare(elsewhere)


async def test_a_title_with_several_records_is_asked_for_where_it_stands() -> None:
    world = World()
    copy = Copy(barcode="0501", branch="UA-CST/MAG")
    world.stock.add(Work(number="c:lvd:99", title="Andere druk", ppn="00000002", copies=[copy]))
    async with opened(world) as system:
        assert await system.resolve(Title(ppn="00000002")) == ["c:lvd:2"]  # as far as it was read
        quote = await system.prepare(replace(ORDER, isbn=None, ppn="00000002"))
        assert quote.token == "0501"
        assert await system.resolve(Title(ppn="00000002")) == ["c:lvd:2", "c:lvd:99"]


async def test_a_holding_without_objects_cannot_be_asked_for() -> None:
    world = World()
    async with opened(world, branches={**BRANCHES, "UA-MAR": "NL-4"}) as system:
        quote = await system.prepare(replace(ORDER, supplying_location="NL-4"))

    assert (quote.possible, quote.lendable, quote.reason) == (False, None, "Other")


# --- loan requests by ISO 18626 ------------------------------------------------------------------


async def test_a_loan_request_is_sent_under_its_key() -> None:
    world = World(takes_requests=True)
    async with opened(world) as system:
        assert system.capabilities().verbs & {Verb.PLACE, Verb.FIND, Verb.STATUS, Verb.CANCEL} == {Verb.PLACE}
        quote = await system.prepare(ORDER)
        assert (quote.possible, quote.token) == (True, "c:lvd:1")
        assert await system.place(quote, key="k-1") == "k-1"
        assert await system.place(quote, key="k-1") == "k-1"
        with pytest.raises(NotOffered):
            await system.status("k-1")

    (sent,) = world.emulator.requests.values()
    assert sent.header.requesting_agency == AgencyId("NL-0700000000")
    assert (sent.header.supplying_agency, sent.header.timestamp) == (AgencyId("NL-1"), NOW)
    assert (sent.bibliographic.supplier_record, sent.bibliographic.items) == ("c:lvd:1", (Identifier("ISBN", ISBN),))
    assert sent.deliver_to == (ElectronicAddress(type="ISIL", data="NL-2"),)
    assert sent.patron_id is None
    assert [faults(write(sent, Version(version)), name) for version, name in ISO18626.items()] == [[], []]


async def test_what_stays_in_the_house_is_not_requested() -> None:
    async with opened(World(takes_requests=True)) as system:
        quote = await system.prepare(replace(ORDER, supplying_location="NL-3"))
        assert (quote.possible, quote.reason) == (False, "NonCirculating")
        with pytest.raises(Refused):
            await system.place(quote, key="k-1")


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (Wrong.REFUSED, Refused),
        (Wrong.HUNG, OutcomeUnknown),
        (Wrong.CUT, OutcomeUnknown),
        (Wrong.MALFORMED, OutcomeUnknown),
        (Wrong.EXPIRED, AuthExpired),
        (Wrong.TOO_MANY, RateLimited),
        (Wrong.BROKEN, OutcomeUnknown),
        (Wrong.UNHEARD, OutcomeUnknown),
    ],
)
async def test_what_becomes_of_a_loan_request_when_something_goes_wrong(
    wrong: Wrong, fault: type[SystemFault]
) -> None:
    world = World(takes_requests=True)
    async with opened(world) as system:
        quote = await system.prepare(ORDER)
        world.faults.plan(wrong, Verb.PLACE)
        with pytest.raises(fault):
            await system.place(quote, key="k-1")


# --- faults --------------------------------------------------------------------------------------

Call = Callable[[BrocadeSystem], Awaitable[object]]


async def place(system: BrocadeSystem) -> object:
    return await system.place(await system.prepare(ORDER), key="k-1")


async def harvest(system: BrocadeSystem) -> object:
    return await pages(system)


VERBS: dict[Verb, Call] = {
    Verb.RESOLVE: lambda system: system.resolve(Title(local="c:lvd:1")),
    Verb.AVAILABILITY: lambda system: system.availability(["c:lvd:2"]),
    Verb.PREPARE: lambda system: system.prepare(ORDER),
    Verb.PLACE: place,
    Verb.FIND: lambda system: system.find(ORDER, key="k-1"),
    Verb.STATUS: lambda system: system.status("0302"),
    Verb.CANCEL: lambda system: system.cancel("0302"),
    Verb.CHECK_OUT: lambda system: system.check_out(Parcel(order=ORDER, item="0302")),
    Verb.CHECK_IN: lambda system: system.check_in(Parcel(order=ORDER, item="0302")),
    Verb.HARVEST: harvest,
}
BY_HTTP = (Verb.RESOLVE, Verb.AVAILABILITY, Verb.PREPARE, Verb.HARVEST)
WRITES = (Verb.PLACE, Verb.CANCEL, Verb.CHECK_OUT, Verb.CHECK_IN)
HTTP_FAULTS: dict[Wrong, type[SystemFault] | None] = {
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
UNSURE = (Wrong.HUNG, Wrong.CUT, Wrong.MALFORMED, Wrong.UNHEARD)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("wrong", Wrong)
async def test_every_fault_of_every_verb(wrong: Wrong, verb: Verb, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world = World()
    async with opened(world) as system:
        await pages(system)  # so that titles are known
        await system.status("0302")  # and a terminal is logged in
        before = asyncio.all_tasks()
        world.faults.plan(wrong, verb, times=50, seconds=0.1)
        started = monotonic()
        try:
            await VERBS[verb](system)
            outcome: type[SystemFault] | None = None
            said = ""
        except SystemFault as fault:
            outcome, said = type(fault), str(fault)
        took = monotonic() - started
        left = [task for task in asyncio.all_tasks() - before if "adapters/brocade" in repr(task)]
        world.faults.clear()
        found = await system.find(ORDER, key="k-1") if verb is Verb.PLACE else None
        again = await system.availability(["c:lvd:2"])

    assert took < 2
    assert left == []
    assert len(world.stock.live()) <= 1
    assert [snapshot.status for snapshot in again] == [ItemStatus.AVAILABLE]  # it goes on as if nothing had been
    if verb in BY_HTTP:
        assert outcome is HTTP_FAULTS[wrong]
    elif verb in WRITES and wrong in UNSURE:
        assert outcome in (OutcomeUnknown, Unavailable, Malformed)
        if verb is Verb.PLACE and world.stock.live():
            assert outcome is OutcomeUnknown
            assert found == "0302"  # and is found by who looks before repeating
    elif wrong is Wrong.SLOW:
        assert outcome is None
    assert not any(secret in said + caplog.text for secret in (f"{PATRON}|", PIN, "zo geheim"))


async def test_a_call_that_is_cancelled_leaves_nothing_behind() -> None:
    world = World()
    async with opened(world) as system:
        world.faults.plan(Wrong.HUNG, Verb.AVAILABILITY, times=10)
        before = asyncio.all_tasks()
        call = asyncio.create_task(system.availability([f"c:lvd:{number}" for number in range(1, 9)]))
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not [task for task in asyncio.all_tasks() - before if "adapters/brocade" in repr(task)]
        world.faults.clear()
        assert await system.resolve(Title(local="c:lvd:1")) == ["c:lvd:1"]
