"""A real PostgreSQL for the tests: a migrated template made once, and a fresh copy of it for every module."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from app.database import Database, open_database
from app.store.migrate import upgrade


def named(url: str, database: str) -> str:
    """Return `url` with its database replaced."""
    return urlunsplit(urlsplit(url)._replace(path="/" + database))


def administer(url: str, *statements: str) -> None:
    """Run statements that cannot stand in a transaction, such as CREATE DATABASE."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server of LEENPAD_TEST_DATABASE_URL (its user may make databases), or else an embedded one."""
    if url := os.environ.get("LEENPAD_TEST_DATABASE_URL"):
        yield url
        return
    from app.embedded import running  # noqa: PLC0415 - the embedded server is not wanted where there is a real one

    with running(Path(tmp_path_factory.mktemp("postgres")), durable=False) as url:
        yield url


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a migrated database that nobody is connected to: databases are made from it in a blink."""
    name = f"leenpad_template_{secrets.token_hex(6)}"
    administer(server_url, f"create database {name} template template0")
    asyncio.run(upgrade(named(server_url, name)))
    yield name
    administer(server_url, f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def database_url(server_url: str, template: str) -> Iterator[str]:
    """A fresh, migrated database for this module."""
    name = f"leenpad_test_{secrets.token_hex(6)}"
    administer(server_url, f"create database {name} template {template}")
    yield named(server_url, name)
    administer(server_url, f"drop database {name} with (force)")


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """A database without any table."""
    name = f"leenpad_test_{secrets.token_hex(6)}"
    administer(server_url, f"create database {name} template template0")
    yield named(server_url, name)
    administer(server_url, f"drop database {name} with (force)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on the module's database, closed after the test."""
    async with open_database(database_url, pool_size=4) as opened:
        yield opened
