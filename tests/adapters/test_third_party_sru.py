"""SRU against servers of others: Zebra over MARC records of ours, and yaz-ztest for its OPAC records."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.concerto import ConcertoSystem
from adapters.contract import ItemStatus, NotOffered, Record, Refused, Title
from adapters.installation import Installation, Limits
from adapters.protocols import cql
from adapters.protocols.marc import read_marc
from adapters.protocols.opac import read_opac
from adapters.protocols.sru import OPAC, Found, Sru, Version
from tests.adapters.zebra import marcxml, zebra, ztest

ISBN = "9789021412344"
TOTAL = 37


def _record(number: int) -> str:
    author = 'Smit "de Oude" \\ * O\'Neill, Piet' if number == 5 else "Vries, Jan de" if number % 2 else "Bakker, A."
    status = "Uitgeleend tot 12-03-2026" if number % 3 else "Aanwezig"
    return marcxml(
        f"n{number:03}",
        {
            "020": [("a", ISBN if number < 2 else f"978000000{number:04}"), ("z", "9780804429573")],
            "100": [("a", author)],
            "245": [("a", f"Titel nummer {number} café"), ("n", f"Dl. {number}")],
            "852": [("b", "Centrum"), ("p", f"10{number:02}"), ("z", status)],
        },
    )


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with zebra(tmp_path_factory.mktemp("zebra"), [_record(number) for number in range(TOTAL)]) as address:
        yield address


@pytest.fixture(params=list(Version))
async def sru(request: pytest.FixtureRequest, database: str) -> AsyncIterator[Sru]:
    opened = Sru(database, system="zebra", limits=Limits(), version=request.param)
    yield opened
    await opened.close()


def numbers(page: Found) -> list[str]:
    return [read_marc(record.data).number for record in page.records if record.data is not None]


async def test_zebra_finds_by_isbn(sru: Sru) -> None:
    page = await sru.search(cql.clause("bath.isbn", "=", ISBN))

    assert numbers(page) == ["n000", "n001"]
    assert (page.total, page.following) == (2, None)
    assert (await sru.search(cql.clause("bath.isbn", "=", "9780804429573"))).records == ()


async def test_zebra_finds_by_author_whatever_stands_in_the_name(sru: Sru) -> None:
    assert len((await sru.search(cql.clause("dc.creator", "=", "vries"))).records) == 17
    page = await sru.search(cql.clause("dc.creator", "=", 'Smit "de Oude" \\ * O\'Neill'))
    assert numbers(page) == ["n005"]
    assert (await sru.search(cql.clause("dc.creator", "=", "vri*"))).records == ()  # no mask, but a sign
    assert (await sru.search(cql.clause("dc.creator", "=", '" or cql.allRecords = "1'))).records == ()


async def test_zebra_is_gone_through_page_by_page(sru: Sru) -> None:
    seen, start = list[str](), 1
    while True:
        page = await sru.search("cql.allRecords = 1", start=start, most=10)
        seen += numbers(page)
        if page.following is None:
            break
        start = page.following

    assert seen == [f"n{number:03}" for number in range(TOTAL)]
    assert (await sru.search("cql.allRecords = 1", start=TOTAL + 1)).records == ()


async def test_zebra_says_in_200_what_is_wrong(sru: Sru) -> None:
    with pytest.raises(Refused, match="diagnostic 10"):
        await sru.search("dc.title = (")
    with pytest.raises(NotOffered, match="diagnostic 16"):
        await sru.search("dc.nothing = 1")
    with pytest.raises(NotOffered, match="diagnostic 15"):
        await sru.search("nothing.title = 1")


async def test_zebra_explains_itself(sru: Sru) -> None:
    explained = await sru.explain()

    assert explained.schemas == {"marcxml": "info:srw/schema/1/marcxml-v1.1"}
    assert explained.indexes == {"bath.isbn"}
    assert explained.most == 100


async def test_a_system_behind_zebra_is_read_and_swept(database: str) -> None:
    system = ConcertoSystem.open(
        Installation(
            system="zebra",
            addresses={"sru": database},
            branches={"Centrum": "NL-0800071000"},
            options={"page_size": "9"},
        )
    )
    try:
        references = await system.resolve(Title(isbn=ISBN))
        snapshots = await system.availability([*references, "n002", "nothing"])
        pages = [page async for page in system.harvest()]
    finally:
        await system.close()

    assert references == ["n000", "n001"]
    assert [(snapshot.reference, snapshot.item, snapshot.status) for snapshot in snapshots] == [
        ("n000", "1000", ItemStatus.AVAILABLE),
        ("n001", "1001", ItemStatus.ON_LOAN),
        ("n002", "1002", ItemStatus.ON_LOAN),
    ]
    changes = [change for page in pages for change in page.changes]
    assert [change.number for change in changes] == [f"n{number:03}" for number in range(TOTAL)]
    assert all(isinstance(change, Record) and change.holdings and change.volume for change in changes)


async def test_opac_records_of_yaz_are_read(tmp_path: Path) -> None:
    with ztest(tmp_path) as address:
        sru = Sru(address, system="ztest", limits=Limits())
        try:
            page = await sru.search("computer", schema=OPAC, most=2)
        finally:
            await sru.close()

    assert len(page.records) == 2
    assert page.records[0].data is not None
    marc, holdings = read_opac(page.records[0].data)
    assert read_marc(marc).number == "11224466"
    assert holdings[0].circulations[0].available_now is True
    assert holdings[0].circulations[0].item == "1226176"
