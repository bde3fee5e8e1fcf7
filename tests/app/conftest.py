"""A real PostgreSQL for the tests: a migrated template made once, and a fresh copy of it for every module."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from app.database import Database, open_database
from app.embedded import running
from app.embedded.places import DATABASE
from app.store.migrate import upgrade
from tests.support.made import copy_made


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
    with running(copy_made(tmp_path_factory, tmp_path_factory.mktemp("postgres") / "data"), durable=False) as url:
        yield named(url, "postgres")  # nobody is to be connected to the one that is copied


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a migrated database that nobody is connected to: databases are made from it in a blink."""
    if "LEENPAD_TEST_DATABASE_URL" not in os.environ:
        yield DATABASE  # the embedded server comes with one
        return
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
