"""SRU as servers answer it: versions, packings, diagnostics, pages that do not say where they end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.contract import (
    AuthExpired,
    CursorLost,
    Malformed,
    NotFound,
    NotOffered,
    Refused,
    SystemFault,
    Unavailable,
)
from adapters.emulators.concerto import ConcertoEmulator
from adapters.emulators.serve import serving
from adapters.emulators.stock import Stock, Work
from adapters.installation import Limits
from adapters.protocols.marc import read_marc
from adapters.protocols.opac import Circulation, Holding, read_opac
from adapters.protocols.sru import Explained, Found, Sru, Version, fault_of, read_explanation, read_page
from adapters.xml import parse_xml
from tests.adapters.served import served

V1 = "http://www.loc.gov/zing/srw/"
V2 = "http://docs.oasis-open.org/ns/search-ws/sruResponse"
RECORD = '<record xmlns="http://www.loc.gov/MARC21/slim"><leader/><controlfield tag="001">{}</controlfield></record>'


def answer(inner: str, *, namespace: str = V1, name: str = "searchRetrieveResponse") -> bytes:
    return f'<?xml version="1.0"?><zs:{name} xmlns:zs="{namespace}">{inner}</zs:{name}>'.encode()


def records(*datas: str) -> str:
    inner = "".join(f"<zs:record><zs:recordData>{data}</zs:recordData></zs:record>" for data in datas)
    return f"<zs:records>{inner}</zs:records>"


def diagnostic(uri: str, *, inside: str = "zs:diagnostics") -> str:
    said = f'<d:diagnostic xmlns:d="urn:d"><d:uri>{uri}</d:uri><d:details>secret words</d:details></d:diagnostic>'
    return f"<{inside}>{said}</{inside}>"


def found(document: bytes, *, start: int = 1, most: int = 10) -> Found:
    return read_page(parse_xml(document), start=start, most=most, what="search")


def numbers(page: Found) -> list[str]:
    return [read_marc(record.data).number for record in page.records if record.data is not None]


# --- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("namespace", [V1, V2, "urn:invented"])
def test_a_page_is_read_in_every_namespace(namespace: str) -> None:
    inner = "<zs:version>1.1</zs:version><zs:numberOfRecords>2</zs:numberOfRecords>"
    page = found(answer(inner + records(RECORD.format("1"), RECORD.format("2")), namespace=namespace))

    assert numbers(page) == ["1", "2"]
    assert (page.total, page.following, page.warnings) == (2, None, ())
    assert [record.position for record in page.records] == [1, 2]


@pytest.mark.parametrize(
    "data",
    [
        "\n  " + RECORD.format("1") + "\n",
        "<!-- here it is -->" + RECORD.format("1"),
        "<![CDATA[" + RECORD.format("1") + "]]>",
        "<![CDATA[ <?xml version='1.0' encoding='ISO-8859-1'?>\n" + RECORD.format("1") + "]]>",
    ],
)
def test_a_record_is_read_however_it_is_packed(data: str) -> None:
    assert numbers(found(answer(records(data)))) == ["1"]


@pytest.mark.parametrize(
    ("total", "following", "got", "expected"),
    [
        # what the server says: how many, where the next begins; how many records came of 10 → where we go on
        ("25", "", 10, 11),
        ("25", "11", 10, 11),
        ("25", "12", 10, 12),  # it passes one over that it cannot show
        ("25", "1", 10, 11),  # never back
        ("10", "11", 10, None),  # past the end
        ("10", "", 10, None),
        ("25", "", 4, 5),  # it sends fewer than asked for
        ("", "", 10, 11),
        ("", "", 4, None),
        ("", "5", 4, 5),
        ("", "0", 4, None),
        ("many", "x", 4, None),
        ("25", "", 12, 13),  # and more than asked for
    ],
)
def test_where_the_next_page_begins(total: str, following: str, got: int, expected: int | None) -> None:
    inner = f"<zs:numberOfRecords>{total}</zs:numberOfRecords>" + records(*[RECORD.format("1")] * got)
    page = found(answer(f"{inner}<zs:nextRecordPosition>{following}</zs:nextRecordPosition>"))

    assert page.following == expected
    assert page.total == (int(total) if total.isdigit() else None)


@given(st.integers(1, 50), st.integers(1, 9), st.integers(1, 12), st.booleans())
def test_any_result_set_is_gone_through_once(total: int, most: int, cap: int, counts: bool) -> None:
    seen, start, pages = list[str](), 1, 0
    cap = cap if counts else max(cap, most)
    while True:
        size = min(most, cap)
        page_numbers = [str(number) for number in range(start, min(start + size, total + 1))]
        inner = f"<zs:numberOfRecords>{total}</zs:numberOfRecords>" if counts else ""
        page = found(answer(inner + records(*map(RECORD.format, page_numbers))), start=start, most=most)
        seen += numbers(page)
        pages += 1
        assert pages <= total + 1
        if page.following is None:
            break
        start = page.following
    assert seen == [str(number) for number in range(1, total + 1)]


def test_a_server_that_counts_records_and_sends_none_is_malformed() -> None:
    with pytest.raises(Malformed, match="sends none"):
        found(answer("<zs:numberOfRecords>3</zs:numberOfRecords>"))
    assert found(answer("<zs:numberOfRecords>3</zs:numberOfRecords>"), start=4).records == ()
    assert found(answer("<zs:numberOfRecords>3</zs:numberOfRecords>"), most=0).total == 3


@pytest.mark.parametrize(
    "document",
    [b"<html/>", b"<explain/>", answer(records("plain words")), answer(records("<![CDATA[<record]]>"))],
)
def test_what_is_no_answer_is_malformed(document: bytes) -> None:
    with pytest.raises(Malformed):
        found(document)


def test_a_server_that_explains_itself_instead_cannot_search() -> None:
    with pytest.raises(NotOffered):
        found(answer("", name="explainResponse"))


def test_an_entity_bomb_is_refused() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + answer(records("&b;")).decode().split("?>")[1]
    with pytest.raises(Malformed):
        found(bomb.encode())
    inner = "<![CDATA[<!DOCTYPE a [<!ENTITY a 'x'>]><record>&a;</record>]]>"
    with pytest.raises(Malformed):
        found(answer(records(inner)))


# --- diagnostics ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (1, Unavailable),
        (2, Unavailable),
        (3, AuthExpired),
        (4, NotOffered),
        (5, NotOffered),
        (10, Refused),
        (15, NotOffered),
        (16, NotOffered),
        (19, NotOffered),
        (27, Refused),
        (47, Refused),
        (51, CursorLost),
        (60, Refused),
        (66, NotOffered),
        (235, NotFound),
        (9999, Refused),
    ],
)
def test_a_diagnostic_is_the_fault_it_means_and_repeats_no_words(code: int, fault: type[SystemFault]) -> None:
    for uri in (f"info:srw/diagnostic/1/{code}", str(code)):
        with pytest.raises(fault) as raised:
            found(answer("<zs:numberOfRecords>0</zs:numberOfRecords>" + diagnostic(uri)))
        assert type(raised.value) is fault
        assert str(raised.value) == f"search: diagnostic {code}"
    assert isinstance(fault_of(code, "x"), fault)


def test_a_diagnostic_of_another_list_is_a_general_error() -> None:
    with pytest.raises(Unavailable, match="diagnostic 1"):
        found(answer(diagnostic("info:srw/diagnostic/12/7")))


def test_a_diagnostic_beside_records_is_a_warning() -> None:
    page = found(answer(records(RECORD.format("1")) + diagnostic("info:srw/diagnostic/1/59")))

    assert (numbers(page), page.warnings) == (["1"], (59,))


def test_a_diagnostic_in_the_place_of_a_record_is_of_that_record() -> None:
    data = '<diagnostic xmlns="urn:d"><uri>info:srw/diagnostic/1/64</uri></diagnostic>'
    page = found(answer("<zs:numberOfRecords>2</zs:numberOfRecords>" + records(data, RECORD.format("2"))), start=7)

    assert [(record.position, record.diagnostic, record.data is None) for record in page.records] == [
        (7, 64, True),
        (8, 0, False),
    ]


def test_past_the_end_is_an_empty_page_and_a_server_that_goes_no_further_says_no() -> None:
    out_of_range = diagnostic("info:srw/diagnostic/1/61")

    assert found(answer("<zs:numberOfRecords>3</zs:numberOfRecords>" + out_of_range), start=4).following is None
    assert found(answer(out_of_range)).records == ()
    with pytest.raises(Refused):
        found(answer("<zs:numberOfRecords>90000</zs:numberOfRecords>" + out_of_range), start=10_001)


# --- what a server says of itself ----------------------------------------------------------------


def test_an_explanation_is_read() -> None:
    explain = """<zs:record><zs:recordData><explain xmlns="http://explain.z3950.org/dtd/2.0/">
      <indexInfo><set name="bath" identifier="x"/><index><map><name set="bath">isbn</name></map></index></indexInfo>
      <schemaInfo><schema name="marcxml" identifier="info:srw/schema/1/marcxml-v1.1"/></schemaInfo>
      <configInfo><setting type="maximumRecords"> 50 </setting></configInfo>
    </explain></zs:recordData></zs:record>"""

    assert read_explanation(parse_xml(answer(explain, name="explainResponse"))) == Explained(
        schemas={"marcxml": "info:srw/schema/1/marcxml-v1.1"}, indexes=frozenset({"bath.isbn"}), most=50
    )


def test_a_server_that_says_nothing_of_itself_does_not_offer_it() -> None:
    nothing = "<zs:record><zs:recordData/></zs:record>"
    for inner in (nothing, ""):
        with pytest.raises(NotOffered):
            read_explanation(parse_xml(answer(inner, name="explainResponse")))
    with pytest.raises(AuthExpired):
        read_explanation(parse_xml(answer(diagnostic("info:srw/diagnostic/1/3"), name="explainResponse")))
    with pytest.raises(Malformed):
        read_explanation(parse_xml(b"<html/>"))


# --- what is asked -------------------------------------------------------------------------------


@asynccontextmanager
async def listening(reply: Callable[[Request], Awaitable[Response]], path: str = "/db") -> AsyncIterator[str]:
    async with served(Starlette(routes=[Route(path, reply, methods=["GET"])])) as address:
        yield address + path


@pytest.mark.parametrize(
    ("version", "asked"),
    [
        (
            Version.V1_1,
            "operation=searchRetrieve&version=1.1&recordPacking=xml&query=a+%3D+%22b%22"
            "&startRecord=3&maximumRecords=7&recordSchema=marcxml",
        ),
        (
            Version.V2_0,
            "queryType=cql&recordXMLEscaping=xml&query=a+%3D+%22b%22&startRecord=3&maximumRecords=7"
            "&recordSchema=marcxml",
        ),
    ],
)
async def test_a_question_always_says_where_to_begin_and_how_many(version: Version, asked: str) -> None:
    seen = list[tuple[str, str]]()

    async def reply(request: Request) -> Response:
        seen.append((request.url.query, request.headers.get("authorization", "")))
        return Response(answer("<zs:numberOfRecords>0</zs:numberOfRecords>"))

    async with listening(reply) as address:
        sru = Sru(address, system="s", limits=Limits(), version=version, user="u", password="p")
        plain = Sru(address + "?db=main", system="s", limits=Limits(), version=version)
        try:
            await sru.search('a = "b"', start=3, most=7)
            page = await plain.search("a")
            with pytest.raises(Malformed):
                await plain.explain()
        finally:
            await sru.close()
            await plain.close()

    assert page.total == 0
    assert seen[0] == (asked, "Basic dTpw")
    assert seen[1][0].startswith("db=main&")
    assert seen[1][1] == ""
    assert seen[2][0] == ("db=main" if version is Version.V2_0 else f"db=main&operation=explain&version={version}")


async def test_the_clock_of_the_server_is_passed_on() -> None:
    async def reply(request: Request) -> Response:
        return Response(answer("<zs:numberOfRecords>0</zs:numberOfRecords>"))

    async with listening(reply) as address:
        sru = Sru(address, system="s", limits=Limits())
        try:
            page = await sru.search("a")
        finally:
            await sru.close()

    assert page.answered_at is not None
    assert abs((page.answered_at - datetime.now(UTC)).total_seconds()) < 60


# --- OPAC records --------------------------------------------------------------------------------

OPAC_RECORD = f"""<opacRecord><bibliographicRecord>{RECORD.format("7")}</bibliographicRecord><holdings>
  <holding><nucCode>NL-1</nucCode><localLocation> Centrum
    hal </localLocation><callNumber>ROM</callNumber><copyNumber>2</copyNumber>
    <circulations>
      <circulation><availableNow value="1"/><itemId>1001</itemId><onHold value="0"/></circulation>
      <circulation><availableNow>false</availableNow><availabilityDate>20260312</availabilityDate></circulation>
      <circulation><restrictions>Ter inzage</restrictions></circulation>
    </circulations></holding>
  <holding><shelvingLocation>Magazijn</shelvingLocation></holding>
</holdings></opacRecord>"""


def test_holdings_of_an_opac_record_are_read() -> None:
    marc, holdings = read_opac(parse_xml(OPAC_RECORD.encode()))

    assert read_marc(marc).number == "7"
    assert holdings == (
        Holding(
            nuc_code="NL-1",
            local_location="Centrum hal",
            call_number="ROM",
            copy_number="2",
            circulations=(
                Circulation(available_now=True, item="1001", on_hold=False),
                Circulation(available_now=False, available_on="20260312"),
                Circulation(restrictions="Ter inzage"),
            ),
        ),
        Holding(shelving_location="Magazijn"),
    )


@pytest.mark.parametrize(
    "document",
    [
        b"<record/>",
        b"<opacRecord/>",
        b"<opacRecord><bibliographicRecord/></opacRecord>",
        OPAC_RECORD.replace("<holdings>", "<holdings>" + "<holding/>" * 2000).encode(),
    ],
)
def test_what_is_no_opac_record_is_malformed(document: bytes) -> None:
    with pytest.raises(Malformed):
        read_opac(parse_xml(document))


# --- the server that stands in for others --------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("operation=searchRetrieve&version=1.2", 7),
        ("operation=searchRetrieve&version=1.3&query=a", 5),
        ("operation=scan&version=1.1", 4),
        ("query=(", 10),
        ("query=dc.nothing=1", 16),
        ("query=bath.isbn<1", 19),
        ("query=dc.title=a*", 28),
        ("query=rec.lastModificationDate>=soon", 36),
        ("query=a&startRecord=0", 6),
        ("query=a&maximumRecords=-1", 6),
        ("query=a&recordSchema=mods", 66),
        ("query=reis&startRecord=9", 61),
    ],
)
async def test_the_stand_in_says_in_200_what_is_wrong(query: str, code: int) -> None:
    reply = await asked_of_the_stand_in(query)

    assert reply.status_code == 200
    assert f"info:srw/diagnostic/1/{code}<" in reply.text


async def test_the_stand_in_sends_no_records_unless_it_is_told_how_many() -> None:
    silent = await asked_of_the_stand_in("version=1.1&operation=searchRetrieve&query=reis")
    told = await asked_of_the_stand_in("version=1.1&operation=searchRetrieve&query=reis&maximumRecords=5")

    assert "<zs:numberOfRecords>1</zs:numberOfRecords>" in silent.text
    assert "<zs:record>" not in silent.text
    assert numbers(read_page(parse_xml(told.content), start=1, most=5, what="search")) == ["b1"]


async def test_the_stand_in_explains_itself() -> None:
    explained = read_explanation(parse_xml((await asked_of_the_stand_in("")).content))

    assert set(explained.schemas) == {"marcxml", "opac"}
    assert "bath.isbn" in explained.indexes
    assert explained.most == 50


async def asked_of_the_stand_in(query: str) -> httpx.Response:
    stock = Stock()
    stock.add(Work(number="b1", title="De reis"))
    async with serving(ConcertoEmulator(stock)) as installation, httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"{installation.addresses['sru']}?{query}")


# --- anything at all -----------------------------------------------------------------------------

PIECES = [
    "<zs:numberOfRecords>", "</zs:numberOfRecords>", "<zs:records>", "</zs:records>", "<zs:record>", "</zs:record>",
    "<zs:recordData>", "</zs:recordData>", "<zs:diagnostics>", "</zs:diagnostics>", "<diagnostic>", "</diagnostic>",
    "<uri>", "</uri>", "info:srw/diagnostic/1/61", "7", "-1", "&lt;record/&gt;", "&lt;", "<zs:nextRecordPosition>",
    "</zs:nextRecordPosition>", "<![CDATA[<a>]]>", "é", "<opacRecord/>", "99999999999999999999",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14), st.integers(1, 9), st.integers(0, 9))
def test_any_answer_is_a_page_or_a_fault(pieces: list[str], start: int, most: int) -> None:
    document = answer("".join(pieces))
    try:
        page = found(document, start=start, most=most)
    except SystemFault:
        return
    assert page.following is None or page.following > start


@given(st.binary(max_size=200))
def test_any_bytes_are_a_page_or_malformed(document: bytes) -> None:
    with pytest.raises(Malformed):
        found(document)
