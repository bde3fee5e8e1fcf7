"""The stream of events tells everything once and in order, also of transactions that end out of order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest

from app.store.events import follow_events, settle_restored
from app.store.keys import create_key
from tests.support.filled import run_sql
from tests.support.house import House
from tests.support.serving import listening_for

Frame = dict[str, str]


def frames_of(text: str) -> list[Frame]:
    """Read server-sent events; comments are left out."""
    blocks = [[line for line in block.split("\n") if line and line[0] != ":"] for block in text.split("\n\n")]
    return [dict(line.split(": ", 1) for line in block) for block in blocks if block]


async def stream(house: House, *, after: str | None = None, key: str | None = None) -> list[Frame]:
    """Everything that there is after an event."""
    headers = {} if after is None else {"Last-Event-ID": after}
    headers |= {} if key is None else {"Authorization": f"Bearer {key}"}
    answer = await house.client.get("/v1/events", params={"follow": "false"}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    return frames_of(answer.text)


def frame_of(event: dict[str, Any]) -> Frame:
    return {"id": str(event["id"]), "event": event["event"], "data": orjson.dumps(event).decode()}


LOAN = UUID(int=1)
ADD_LOAN = """
insert into loan_request (id, requesting_agency, requesting_agency_request_id, pickup_location, question, supplying,
                          requesting, item, status, submitted_at)
values ($1, $2, $1::uuid::text, 'desk', '{}', 'none', 'waiting', 'home', 'RequestReceived', now())
"""


@asynccontextmanager
async def connected(house: House) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(house.app.state.resources.settings.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def add_loan(house: House, loan: UUID = LOAN, agency: str = "NL-1") -> None:
    async with house.ground.database.transaction() as connection:
        await connection.execute(ADD_LOAN, loan, agency)


async def tell(connection: asyncpg.Connection, sequence: int, loan: UUID = LOAN) -> str:
    """Write an event and notify, as the store does; return its id."""
    found = await connection.fetchval(
        "insert into loan_event (loan_request, sequence, requesting_agency, event, at, by, status)"
        " values ($1, $2, 'NL-1', 'Placing', now(), 'leenpad', 'RequestReceived') returning id",
        *(loan, sequence),
    )
    await connection.execute("select pg_notify('leenpad', '')")
    return str(found)


async def test_whole_lives_as_the_api_shows_them(house: House) -> None:
    loans = [await house.asked(), await house.asked()]
    await house.acted(loans[0], "WillSupply")
    await house.acted(loans[1], "Unfilled", reason="NotOnShelf", note="two\nlines")
    await house.acted(loans[0], "Cancel")
    events = sorted([event for loan in loans for event in await house.events(loan)], key=lambda event: event["id"])
    expected = [frame_of(event) for event in events]
    assert await stream(house) == expected
    for at, frame in enumerate(expected):
        assert await stream(house, after=frame["id"]) == expected[at + 1 :]
    assert "reader-x" not in str(expected)


async def test_what_ends_later_is_told_although_its_number_is_lower(house: House) -> None:
    await add_loan(house)
    async with connected(house) as early, connected(house) as late:
        slow, quick = early.transaction(), late.transaction()
        await slow.start()
        first = await tell(early, 1)
        await quick.start()
        second = await tell(late, 2)
        await quick.commit()
        assert int(first) < int(second)
        before = [frame["id"] for frame in await stream(house)]
        await slow.commit()
        after = [frame["id"] for frame in await stream(house, after=before[-1] if before else None)]
    assert before + after == [first, second]


async def test_what_began_later_with_a_lower_number_is_told(house: House) -> None:
    """The transaction that began first draws the higher number, and ends first."""
    await add_loan(house)
    async with connected(house) as early, connected(house) as late:
        older, younger = early.transaction(), late.transaction()
        await older.start()
        await early.fetchval("select pg_current_xact_id()::text")
        await younger.start()
        lower = await tell(late, 1)
        higher = await tell(early, 2)
        await older.commit()
        before = [frame["id"] for frame in await stream(house)]
        assert before == [higher]
        await younger.commit()
        after = [frame["id"] for frame in await stream(house, after=higher)]
    assert (int(lower) < int(higher), after) == (True, [lower])


async def test_a_stream_that_breaks_again_and_again_misses_nothing_and_repeats_nothing(house: House) -> None:
    writers, each, draw = 6, 25, Random(3)
    loans = [UUID(int=number) for number in range(1, writers + 1)]
    for loan in loans:
        await add_loan(house, loan)

    async def write(loan: UUID) -> None:
        async with connected(house) as connection:
            for sequence in range(1, each + 1):
                async with connection.transaction():
                    await connection.fetchval("select pg_current_xact_id()::text")
                    await asyncio.sleep(draw.random() / 100)
                    await tell(connection, sequence, loan)
                    await asyncio.sleep(draw.random() / 100)

    async def read(url: str) -> list[Frame]:
        found: list[Frame] = []
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            while len(found) < writers * each:
                count = min(draw.randint(1, 40), writers * each - len(found))
                found += await some(client, after=found[-1]["id"] if found else "0", count=count)
        return found

    async def some(client: httpx.AsyncClient, *, after: str, count: int) -> list[Frame]:
        found: list[Frame] = []
        text = ""
        async with client.stream("GET", "/v1/events", headers={"Last-Event-ID": after}) as answer:
            async for chunk in answer.aiter_text():
                *whole, text = (text + chunk).split("\n\n")
                found += [frame for block in whole for frame in frames_of(block)]
                if len(found) >= count:
                    break
        return found

    async with listening_for(house.app, lifespan="off") as url, asyncio.timeout(60):
        writing = asyncio.gather(*(write(loan) for loan in loans))
        found = await read(url)
        await writing
    told = [orjson.loads(frame["data"]) for frame in found]
    assert await stream(house) == found
    assert len({event["id"] for event in told}) == len(told) == writers * each
    for loan in loans:
        assert [event["sequence"] for event in told if event["loan_request"] == str(loan)] == [*range(1, each + 1)]


async def test_a_stream_hears_of_what_comes_and_holds_no_connection(house: House) -> None:
    """More streams than there are connections, and each is told at once."""
    await add_loan(house)
    count = house.ground.database.pool.get_max_size() + 4

    async def first(client: httpx.AsyncClient, ready: asyncio.Semaphore) -> str:
        async with client.stream("GET", "/v1/events") as answer:
            ready.release()
            async for text in answer.aiter_text():
                if frames := frames_of(text):
                    return frames[0]["id"]
        return ""

    async with listening_for(house.app, lifespan="off") as url, asyncio.timeout(30):
        limits = httpx.Limits(max_connections=count)
        async with httpx.AsyncClient(base_url=url, limits=limits, trust_env=False) as client:
            ready = asyncio.Semaphore(0)
            waiting = [asyncio.create_task(first(client, ready)) for _ in range(count)]
            for _ in range(count):
                await ready.acquire()
            async with house.ground.database.transaction() as connection:
                told = await tell(connection, 1)
            assert await asyncio.gather(*waiting) == [told] * count


async def test_an_agency_is_told_of_what_it_made_and_what_it_supplies(house: House) -> None:
    loan = await house.asked()
    await house.acted(loan, "Unfilled")
    await house.acted(loan, "WillSupply")
    async with house.ground.database.transaction() as connection:
        keys = {
            agency: await create_key(connection, agency=agency, scopes=[scope])
            for agency, scope in (
                ("NL-1", "requester"),
                ("NL-2", "supplier"),
                ("NL-3", "supplier"),
                ("NL-9", "reader"),
            )
        }
        keys["NL-8"] = await create_key(connection, agency="NL-8", scopes=["requester"])
    try:
        told = {
            agency: [orjson.loads(frame["data"])["sequence"] for frame in await stream(house, key=key)]
            for agency, key in keys.items()
        }
        nobody = await house.client.get("/v1/events", params={"follow": "false"})
    finally:
        await run_sql(
            house.app.state.resources.settings.database_url,
            "delete from api_key; delete from epoch where of = 'keys'",
        )
    everything = [1, 2, 3, 4, 5, 6, 7]
    assert told == {"NL-1": everything, "NL-2": [2, 3, 4], "NL-3": [5, 6, 7], "NL-9": everything, "NL-8": []}
    assert nobody.status_code == 401


@pytest.mark.parametrize("wrong", ["x", "-1", "9223372036854775808", "²"])
async def test_what_is_no_id_is_refused(house: House, wrong: str) -> None:
    answer = await house.client.get("/v1/events", headers=[(b"Last-Event-ID", wrong.encode())])
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/Last-Event-ID", "detail": "This is not the id of any event."}]


async def test_a_restored_backup_keeps_its_order_and_its_place(house: House) -> None:
    """Events of a server whose transactions were counted further come before all that are new."""
    await add_loan(house)
    async with house.ground.database.transaction() as connection:
        old = [await tell(connection, sequence) for sequence in (1, 2, 3)]
        far = "((select max(transaction) from loan_event) + 1000000000000)"
        await connection.execute(f"update loan_event set transaction = {far} - sequence where sequence > 1")
    in_order = [old[0], old[2], old[1]]
    assert [frame["id"] for frame in await stream(house)] == [old[0]]
    for _ in range(2):
        async with house.ground.database.transaction() as connection:
            await settle_restored(connection)
    async with house.ground.database.transaction() as connection:
        new = await tell(connection, 4)
    assert [frame["id"] for frame in await stream(house)] == [*in_order, new]
    assert [frame["id"] for frame in await stream(house, after=old[2])] == [old[1], new]


MANY = """
insert into loan_request (id, requesting_agency, requesting_agency_request_id, pickup_location, question, supplying,
                          requesting, item, status, submitted_at)
select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'NL-' || n % 100, n, 'desk', '{}', 'none',
       'waiting', 'home', 'RequestReceived', now() from generate_series(1, 4000) n;
insert into loan_event
    (transaction, loan_request, sequence, requesting_agency, supplying_agency, event, at, by, status)
select 4 + e, loan.id, e, requesting_agency, 'NL-' || (e * 7) % 100, 'Placing', now(), 'x', 'RequestReceived'
  from loan_request loan, generate_series(1, 10) e;
analyze loan_event;
"""


@pytest.mark.parametrize("agency", [None, "NL-7"])
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
async def test_the_stream_reads_no_more_than_it_tells(house: House, agency: str | None, place: float) -> None:
    async with house.ground.database.connection() as connection, connection.transaction():
        await connection.execute("truncate loan_request cascade")  # nor what the tests before have left behind
        await connection.execute(MANY)
        after = int(place * await connection.fetchval("select max(id) from loan_event"))
        asked: list[tuple[str, tuple[object, ...]]] = []

        class Explaining:
            """Explains what it is asked."""

            async def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
                asked.append((sql, values))
                return []

        await follow_events(Explaining(), after=after, agency=agency, limit=50)
        ((sql, values),) = asked
        lines = [row[0] for row in await connection.fetch(f"explain (analyze, buffers) {sql}", *values)]
    plan = "\n".join(lines)
    assert "Seq Scan" not in plan, plan
    (buffers,) = [line for line in lines if "Buffers: shared" in line][:1]
    assert int(buffers.partition("hit=")[2].split()[0]) < 400, plan


async def test_an_id_that_is_not_there_stands_for_the_last_before_it(house: House) -> None:
    await add_loan(house)
    async with house.ground.database.transaction() as connection:
        first, second, third = [await tell(connection, sequence) for sequence in (1, 2, 3)]
    async with house.ground.database.transaction() as connection:
        await connection.execute("delete from loan_event where id = $1", int(second))
    assert [frame["id"] for frame in await stream(house, after=second)] == [third]
    assert [frame["id"] for frame in await stream(house, after=str(int(first) - 1))] == [first, third]
    later = str(int(third) + 1_000_000)
    assert await stream(house, after=later) == []
    assert await stream(house, after=str(2**63 - 1)) == []


async def test_whoever_comes_with_a_later_id_than_there_is_is_told_what_comes(house: House) -> None:
    """That is what is told from then on, be it of a transaction that began before."""
    await add_loan(house)
    heard: list[str] = []

    async def listen(url: str, begun: asyncio.Event) -> None:
        async with (
            httpx.AsyncClient(base_url=url, trust_env=False) as client,
            client.stream("GET", "/v1/events", headers={"Last-Event-ID": "9000000000000"}) as answer,
        ):
            begun.set()
            async for text in answer.aiter_text():
                heard.extend(frame["id"] for frame in frames_of(text))
                if len(heard) >= 2:
                    return

    async with connected(house) as slow, connected(house) as quick:
        await tell(quick, 1)
        before = slow.transaction()
        await before.start()
        coming = [await tell(slow, 2), await tell(quick, 3)]
        async with listening_for(house.app, lifespan="off") as url, asyncio.timeout(20):
            begun = asyncio.Event()
            listening = asyncio.create_task(listen(url, begun))
            await begun.wait()
            await before.commit()
            await listening
    assert heard == coming
