"""Many at the same instant, in real processes: one key is one loan request, and one copy is one reader's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import httpx
import pytest

from tests.crash.crew import Crew, answers, at_work, free_port
from tests.crash.world import World, build

pytestmark = pytest.mark.once

TWICE = 12  # titles of which two libraries have one copy each, and for which two ask


@pytest.fixture(scope="module")
async def world(database_url: str) -> World:
    return await build(database_url, Random(1), desk=None)


def crew_of(url: str, folder: Path, commands: dict[str, list[str]]) -> Crew:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEENPAD_")}
    return Crew(commands, kept | {"LEENPAD_DATABASE_URL": url, "LEENPAD_LOG_LEVEL": "warning"}, folder)


@asynccontextmanager
async def serving(url: str, folder: Path) -> AsyncIterator[str]:
    """A server process that carries nothing out; yields its address."""
    port = free_port()
    server = crew_of(url, folder, {"api": ["app", "serve", "--no-worker", "--port", str(port)]})
    async with at_work(server):
        await answers(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"


def asking(world: World, agency: str, isbn: str, number: int) -> dict[str, Any]:
    return {
        "title": {"isbn": isbn},
        "pickup_location": world.agencies[agency],
        "requesting_agency": agency,
        "requesting_agency_request_id": f"{agency}/{number}",
    }


async def test_twenty_connections_with_one_key_make_one_loan_request(
    database_url: str, world: World, tmp_path: Path
) -> None:
    body = asking(world, "NL-1", world.wanted_by("L1")[0], 0)
    async with serving(database_url, tmp_path) as address:
        for turn in range(5):
            body["requesting_agency_request_id"] = f"once-{turn}"
            answered = await asyncio.gather(*(once(address, body, f"key-{turn}") for _ in range(20)))
            assert {answer.status_code for answer in answered} == {201}
            assert len({answer.content for answer in answered}) == 1
            assert len({answer.headers["location"] for answer in answered}) == 1
    connection = await asyncpg.connect(database_url)
    made = await connection.fetch("select requesting_agency_request_id as made from loan_request order by made")
    await connection.close()
    assert [row["made"] for row in made] == [f"once-{turn}" for turn in range(5)]


async def once(address: str, body: dict[str, Any], key: str) -> httpx.Response:
    """Submit over a connection of its own."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        return await client.post(f"{address}/v1/loan-requests", json=body, headers={"Idempotency-Key": key})


async def test_two_ask_for_one_copy_and_the_other_goes_on_at_once(
    database_url: str, world: World, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("truncate loan_request, task cascade")
        await connection.execute("delete from holding where location not in ('L1', 'L2')")
        await connection.execute("update holding set copies = 1")
        held = (
            "select isbn from title_isbn join holding using (title_id) group by isbn having count(*) = 2 order by 1"
        )
        isbns = [row["isbn"] for row in await connection.fetch(held)][:TWICE]
        async with serving(database_url, tmp_path) as address:
            workers = {name: ["app", "work", "--at-once", "1"] for name in ("one", "other")}
            async with at_work(crew_of(database_url, tmp_path, workers)):
                await _both_listen(connection)
                for number, isbn in enumerate(isbns):
                    bodies = [asking(world, agency, isbn, number) for agency in ("NL-3", "NL-5")]
                    answered = await asyncio.gather(*(once(address, body, str(number)) for body in bodies))
                    assert [answer.status_code for answer in answered] == [201, 201]
                await _placed(connection, 2 * len(isbns))
        rows = await connection.fetch(
            "select isbn, array_agg(supplying_location order by supplying_location), array_agg(events)"
            " from loan_request group by isbn order by isbn"
        )
    finally:
        await connection.close()
    assert len(isbns) >= 3
    # Three events each: submitted, placing, placed. Nobody was asked in vain first, and nobody waited.
    assert [tuple(row) for row in rows] == [(isbn, ["L1", "L2"], [3, 3]) for isbn in isbns]


async def _both_listen(connection: asyncpg.Connection) -> None:
    listening = "select count(*) from pg_stat_activity where query ilike 'listen%' and datname = current_database()"
    async with asyncio.timeout(120):
        while await connection.fetchval(listening) < 2:  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.1)


async def _placed(connection: asyncpg.Connection, count: int) -> None:
    placed = "select count(*) from placement where state = 'live'"
    async with asyncio.timeout(120):
        while await connection.fetchval(placed) < count:  # noqa: ASYNC110 - another process's work
            await asyncio.sleep(0.1)
