"""OAI-PMH: what a client asks and makes of answers, against a server that answers as told, and the emulated one."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.contract import (
    AuthExpired,
    CursorLost,
    Malformed,
    NotFound,
    RateLimited,
    Refused,
    SystemFault,
    Unavailable,
    Verb,
)
from adapters.emulators.faults import Faults, FaultyHttp, Wrong
from adapters.emulators.oai import OAI_DC_FORMAT, OaiServer, oai_verb
from adapters.emulators.serve import Sip2Listener, serving
from adapters.emulators.stock import Stock, Work
from adapters.installation import Installation, Limits
from adapters.protocols import oai_pmh
from adapters.protocols.oai_pmh import OaiPage, OaiPmh, moment_of

NOW = datetime(2026, 3, 10, 8, 30, tzinfo=UTC)
HEAD = '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-03-10T08:30:00Z</responseDate>'
ONE = "<record><header><identifier>a</identifier></header><metadata><x/></metadata></record>"


def answer(inside: str) -> bytes:
    return f"{HEAD}<request/>{inside}</OAI-PMH>".encode()


def error(code: str) -> bytes:
    return answer(f'<error code="{code}">secret</error>')


def listed(records: str = ONE, token: str = "") -> bytes:
    return answer(f"<ListRecords>{records}{token}</ListRecords>")


class Served:
    """Just enough of an emulator to be served."""

    kind = "oai"
    sip2: Sip2Listener | None = None

    def __init__(self, app: ASGIApp) -> None:
        self.stock = Stock()
        self.faults = Faults()
        self.app: ASGIApp | None = app

    def installation(self, addresses: Mapping[str, str]) -> Installation:
        return Installation(system="oai", addresses=addresses)


@asynccontextmanager
async def talking_to(app: ASGIApp, path: str = "/oai", **limits: float) -> AsyncIterator[OaiPmh]:
    async with serving(Served(app)) as installation:
        bounds = Limits(deadline_seconds=limits.get("deadline_seconds", 5.0), answer_bytes=100_000)
        client = OaiPmh.at(installation.addresses["http"] + path, system="oai", limits=bounds)
        yield client
        await client.close()


@asynccontextmanager
async def told(*answers: bytes, status: int = 200, path: str = "/oai") -> AsyncIterator[tuple[OaiPmh, list[str]]]:
    """A client of a server that gives these answers in turn, and the queries that it was asked."""
    asked: list[str] = []
    left = list(answers)

    async def reply(request: Request) -> Response:
        asked.append(request.url.query)
        return Response(left.pop(0), status_code=status, media_type="text/xml")

    async with talking_to(Starlette(routes=[Route("/oai", reply)]), path) as client:
        yield client, asked


def identify(granularity: str, deletes: str = "persistent", version: str = "2.0") -> bytes:
    return answer(
        f"<Identify><repositoryName>N</repositoryName><protocolVersion>{version}</protocolVersion>"
        f"<earliestDatestamp>2001-02-03</earliestDatestamp><deletedRecord>{deletes}</deletedRecord>"
        f"<granularity>{granularity}</granularity></Identify>"
    )


# --- what is asked -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("granularity", "sent"),
    [
        ("YYYY-MM-DDThh:mm:ssZ", "2026-03-09T23:10:05Z"),
        ("YYYY-MM-DD", "2026-03-09"),
        ("", "2026-03-09"),  # every server takes a day
    ],
)
async def test_a_moment_is_asked_in_utc_and_in_the_granularity_of_the_server(granularity: str, sent: str) -> None:
    in_amsterdam = datetime(2026, 3, 10, 0, 10, 5, 900_000, tzinfo=timezone(timedelta(hours=1)))

    async with told(identify(granularity), listed(), listed()) as (client, asked):
        await client.records(prefix="p", since=in_amsterdam, set_="a:b")
        await client.records(prefix="p", until=in_amsterdam)

    assert asked == [
        "verb=Identify",
        f"verb=ListRecords&metadataPrefix=p&from={sent}&set=a:b".replace(":", "%3A"),
        f"verb=ListRecords&metadataPrefix=p&until={sent}".replace(":", "%3A"),
    ]


async def test_a_token_is_asked_with_nothing_else_and_whole() -> None:
    async with told(listed()) as (client, asked):
        await client.records(prefix="p", since=NOW, set_="s", token="a b+c&d=é|/")

    assert asked == ["verb=ListRecords&resumptionToken=a+b%2Bc%26d%3D%C3%A9%7C%2F"]


async def test_a_query_in_the_address_is_kept() -> None:
    async with told(listed(), path="/oai?site=north") as (client, asked):
        await client.records(prefix="p")

    assert asked == ["site=north&verb=ListRecords&metadataPrefix=p"]


# --- what comes back -----------------------------------------------------------------------------


async def test_a_page_says_how_it_goes_on() -> None:
    token = (
        '<resumptionToken completeListSize="12" expirationDate="2026-03-10T09:00:00Z" cursor="0">'
        "\n t1 </resumptionToken>"
    )
    records = (
        "<record><header status='deleted'><identifier> b </identifier><datestamp>2026-03-01</datestamp>"
        "<setSpec>x</setSpec><setSpec>y:z</setSpec></header></record>" + ONE
    )

    async with told(listed(records, token)) as (client, _):
        page = await client.records(prefix="p")

    deleted, kept = page.records
    assert (page.token, page.whole_size, page.as_of) == ("t1", 12, NOW)
    assert page.token_expires_at == datetime(2026, 3, 10, 9, tzinfo=UTC)
    assert (deleted.identifier, deleted.deleted, deleted.metadata, deleted.sets) == ("b", True, None, ("x", "y:z"))
    assert deleted.changed_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert kept.metadata is not None
    assert kept.metadata.tag.endswith("x")
    assert "t1" not in repr(page)


@pytest.mark.parametrize("token", ["", "<resumptionToken/>", "<resumptionToken> \n</resumptionToken>"])
async def test_the_last_page_leads_nowhere(token: str) -> None:
    async with told(listed(ONE, token)) as (client, _):
        assert (await client.records(prefix="p")).token is None


async def test_records_that_cannot_be_read_are_told_and_the_others_kept() -> None:
    records = (
        "<record/><record><header/><metadata><x/></metadata></record>"
        "<record><header><identifier>c</identifier></header></record>" + ONE
    )

    async with told(listed(records)) as (client, _):
        page = await client.records(prefix="p")

    assert [record.identifier for record in page.records] == ["a"]
    assert page.rejects == (
        "record 1 of the page has no identifier that can be read",
        "record 2 of the page has no identifier that can be read",
        "record 3 of the page has no metadata, and is not deleted",
    )


async def test_control_characters_that_xml_does_not_have_are_left_out() -> None:
    records = "<record><header><identifier>a\x0b&#x1F;b&#2;</identifier></header><metadata><x/></metadata></record>"

    async with told(listed(records)) as (client, _):
        page = await client.records(prefix="p")

    assert [record.identifier for record in page.records] == ["ab"]


async def test_no_records_at_all_are_an_empty_page() -> None:
    async with told(error("noRecordsMatch")) as (client, _):
        page = await client.records(prefix="p")

    assert page == OaiPage(as_of=NOW)


@pytest.mark.parametrize(
    ("code", "token", "fault"),
    [
        ("badResumptionToken", "t", CursorLost),
        ("badResumptionToken", None, CursorLost),
        ("noRecordsMatch", "t", CursorLost),  # half a list is not taken for the whole
        ("badArgument", "t", CursorLost),  # nothing but the token was asked with
        ("badArgument", None, Refused),
        ("badVerb", None, Refused),
        ("cannotDisseminateFormat", None, Refused),
        ("noSetHierarchy", None, Refused),
        ("outToLunch", None, Malformed),
        ("", None, Malformed),
    ],
)
async def test_errors_that_come_with_status_200(code: str, token: str | None, fault: type[SystemFault]) -> None:
    async with told(error(code)) as (client, _):
        with pytest.raises(fault) as raised:
            await client.records(prefix="p", token=token)

    assert "secret" not in str(raised.value)


async def test_a_record_that_is_not_there() -> None:
    async with told(error("idDoesNotExist"), answer("<GetRecord/>"), answer(f"<GetRecord>{ONE}</GetRecord>")) as (
        client,
        asked,
    ):
        with pytest.raises(NotFound):
            await client.record("c:lvd:1", "p")
        with pytest.raises(Malformed):
            await client.record("c:lvd:1", "p")
        assert (await client.record("c:lvd:1", "p")).identifier == "a"

    assert asked[0] == "verb=GetRecord&identifier=c%3Alvd%3A1&metadataPrefix=p"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Login</body></html>",
        b"<OAI-PMH><ListRecords/></OAI-PMH>",  # in no namespace
        answer(""),
        listed(ONE, "<resumptionToken>t</resumptionToken>"),  # leads to itself
        listed(ONE, f"<resumptionToken>{'t' * 5000}</resumptionToken>"),
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + listed("&a;"),
        listed("<record>" + "x" * 200_000 + "</record>"),
    ],
)
async def test_what_is_no_list_of_records_is_malformed(body: bytes) -> None:
    async with told(body) as (client, _):
        with pytest.raises(Malformed):
            await client.records(prefix="p", token="t")


@pytest.mark.parametrize("body", [identify("YYYY-MM-DD", version="1.1"), answer("<Identify/>"), listed()])
async def test_what_is_no_oai_pmh_2_is_not_spoken_to(body: bytes) -> None:
    async with told(body) as (client, _):
        with pytest.raises(Malformed):
            await client.identify()


async def test_who_it_is_is_asked_once() -> None:
    async with told(identify("YYYY-MM-DD", deletes="no")) as (client, asked):
        identity = await client.identify()
        assert await client.identify() is identity

    assert (identity.deletes, identity.earliest) == ("no", datetime(2001, 2, 3, tzinfo=UTC))
    assert len(asked) == 1


async def test_nothing_at_the_address_is_no_empty_list() -> None:
    async with told(b"", status=404) as (client, _):
        with pytest.raises(Malformed):
            await client.records(prefix="p")


async def test_a_server_that_is_too_busy_says_when_to_come_back() -> None:
    async def busy(_: Request) -> Response:
        return Response(status_code=503, headers={"Retry-After": "120"})

    async with talking_to(Starlette(routes=[Route("/oai", busy)])) as client:
        with pytest.raises(RateLimited) as raised:
            await client.records(prefix="p")

    assert raised.value.retry_after_seconds == 120


# --- against the emulated server -----------------------------------------------------------------


class World:
    """Seven works, a day apart, of which the third is deleted; pages of three."""

    def __init__(self, *, by_the_second: bool = True) -> None:
        self.now = NOW
        self.stock = Stock(clock=lambda: self.now)
        self.faults = Faults()
        for number in range(1, 8):
            self.now = NOW + timedelta(days=number)
            self.stock.add(Work(number=str(number), title=f"Deel {number}"))
            if number == 3:
                self.stock.remove("3")
        self.server = OaiServer(
            self.stock,
            {"oai_dc": OAI_DC_FORMAT},
            name="World",
            identifier=lambda number: f"oai:world:{number}",
            number=lambda identifier: identifier.removeprefix("oai:world:"),
            sets=lambda work: ["even" if int(work.number) % 2 == 0 else "odd"],
            by_the_second=by_the_second,
            page_size=3,
        )
        routes = [Route("/oai", self.server.answer, methods=["GET", "POST"])]
        self.app = FaultyHttp(Starlette(routes=routes), self.faults, oai_verb)


async def walk(client: OaiPmh, *, since: datetime | None = None, set_: str | None = None) -> list[list[str]]:
    pages = [await client.records(prefix="oai_dc", since=since, set_=set_)]
    while pages[-1].token is not None:
        pages.append(await client.records(prefix="oai_dc", token=pages[-1].token))
    return [[("-" if one.deleted else "") + one.identifier[-1] for one in page.records] for page in pages]


async def test_a_whole_harvest() -> None:
    async with talking_to(World().app) as client:
        assert await walk(client) == [["1", "2", "-3"], ["4", "5", "6"], ["7"]]
        assert await walk(client, set_="even") == [["2", "4", "6"]]


@pytest.mark.parametrize("by_the_second", [True, False])
async def test_an_incremental_harvest(by_the_second: bool) -> None:
    async with talking_to(World(by_the_second=by_the_second).app) as client:
        assert await walk(client, since=NOW + timedelta(days=6)) == [["6", "7"]]
        # Where a day is all that the server knows, more comes than was asked for, and never less.
        later = NOW + timedelta(days=6, hours=1)
        assert await walk(client, since=later) == ([["7"]] if by_the_second else [["6", "7"]])
        assert await walk(client, since=NOW + timedelta(days=60)) == [[]]


async def test_a_token_that_expired_is_lost() -> None:
    world = World()
    async with talking_to(world.app) as client:
        page = await client.records(prefix="oai_dc")
        world.now += timedelta(hours=2)
        with pytest.raises(CursorLost):
            await client.records(prefix="oai_dc", token=page.token)


async def test_a_list_stays_what_it_was_while_it_is_read() -> None:
    world = World()
    async with talking_to(world.app) as client:
        page = await client.records(prefix="oai_dc")
        world.stock.add(Work(number="8", title="Erbij"))
        following = await client.records(prefix="oai_dc", token=page.token)

    assert following.whole_size == 7


async def test_two_clients_with_tokens_do_not_meet() -> None:
    async with talking_to(World().app) as client:
        first, second = await asyncio.gather(walk(client), walk(client, set_="odd"))

    assert first == [["1", "2", "-3"], ["4", "5", "6"], ["7"]]
    assert second == [["1", "-3", "5"], ["7"]]


FAULTS: dict[Wrong, type[SystemFault] | None] = {
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


@pytest.mark.parametrize("verb", [Verb.HARVEST, Verb.AVAILABILITY])
@pytest.mark.parametrize("wrong", Wrong)
async def test_every_fault_ends_in_time_and_leaves_nothing_open(wrong: Wrong, verb: Verb) -> None:
    world = World()
    world.faults.plan(wrong, verb, times=1, seconds=0.1)
    async with talking_to(world.app, deadline_seconds=0.5) as client:
        before = asyncio.all_tasks()
        started = monotonic()
        try:
            if verb is Verb.HARVEST:
                await client.records(prefix="oai_dc")
            else:
                await client.record("oai:world:1", "oai_dc")
            outcome = None
        except SystemFault as fault:
            outcome = type(fault)
        took = monotonic() - started
        assert not [task for task in asyncio.all_tasks() - before if "oai_pmh" in repr(task)]
        assert await walk(client) == [["1", "2", "-3"], ["4", "5", "6"], ["7"]]  # it goes on as if nothing had been

    # Refused by the list is cannotDisseminateFormat; by one record too.
    assert outcome is FAULTS[wrong]
    assert took < 2


# --- anything whatever ---------------------------------------------------------------------------


@given(st.binary(max_size=400))
def test_no_bytes_crash_the_reading(document: bytes) -> None:
    with pytest.raises(Malformed):
        oai_pmh._page(oai_pmh._parsed(document), None, None)


TAGS = st.sampled_from(["record", "header", "identifier", "metadata", "resumptionToken", "datestamp", "ListRecords"])
TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=10)


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> str:
    tag = draw(TAGS)
    text = draw(TEXT).replace("&", "&amp;").replace("<", "&lt;")
    size = draw(
        st.sampled_from(["", ' completeListSize="x"', ' completeListSize="99999999999999"', ' status="deleted"'])
    )
    inside = "".join(draw(st.lists(trees(depth - 1), max_size=3))) if depth else ""
    return f"<{tag}{size}>{text}{inside}</{tag}>"


@given(st.lists(trees(), max_size=4))
@settings(deadline=None, max_examples=40)
def test_no_nesting_crashes_the_reading(nested: list[str]) -> None:
    page = oai_pmh._page(oai_pmh._parsed(listed("".join(nested))), None, None)

    assert all(record.identifier for record in page.records)
    assert page.whole_size is None or page.whole_size >= 0


@given(st.text(max_size=40))
def test_a_moment_is_aware_or_none(text: str) -> None:
    moment = moment_of(text)

    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-10T08:30:00Z", NOW),
        (" 2026-03-10T09:30:00.000+01:00\n", NOW),
        ("2026-03-10", datetime(2026, 3, 10, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),  # before there are moments
        ("gisteren", None),
        (None, None),
    ],
)
def test_moments_as_servers_write_them(text: str | None, moment: datetime | None) -> None:
    assert moment_of(text) == moment
