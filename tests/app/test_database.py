"""Connections are lent so that nobody waits for one that is idle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.database import Database, open_database
from app.settings import Settings


@pytest.fixture
async def narrow(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, pool_size=2) as database:
        yield database


async def test_what_short_look_ups_keep_for_themselves_is_lent_to_others(narrow: Database) -> None:
    assert await narrow.fetch_row("select 1", seconds=5)
    async with asyncio.timeout(5), narrow.connection() as one, narrow.connection() as other:
        assert [await one.fetchval("select 1"), await other.fetchval("select 2")] == [1, 2]


async def test_what_a_short_look_up_used_goes_to_whoever_waits(narrow: Database) -> None:
    async def wait() -> object:
        async with asyncio.timeout(5), narrow.connection() as connection:
            return await connection.fetchval("select 3")

    async with narrow.connection() as held:
        looking = asyncio.create_task(narrow.fetch_row("select pg_sleep(0.3)", seconds=5))
        await asyncio.sleep(0.1)
        assert await wait() == 3
        assert await held.fetchval("select 1") == 1
    await looking


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_many_of_both_kinds_get_their_turn(database_url: str, size: int) -> None:
    async with open_database(database_url, pool_size=size) as database:

        async def look() -> None:
            for _ in range(20):
                assert await database.fetch_row("select 1", seconds=5)

        async def read() -> None:
            for _ in range(20):
                async with asyncio.timeout(5), database.transaction() as connection:
                    assert await connection.fetchval("select 1") == 1

        await asyncio.gather(*(turn() for turn in (look, read) for _ in range(5)))
        assert len(database.spare) <= database.most_spare
        assert database.waiting == 0


def test_a_process_has_at_least_three_connections() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 3"):
        Settings(pool_size=2)
