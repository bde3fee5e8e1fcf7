"""What every command stands on: settings, a database to work on, and failures told in one line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click
from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from app.database import DATABASE_ERRORS, Database, DatabaseUnavailable, open_database
from app.embedded import EmbeddedUnavailable, running
from app.lending.vault import own_key
from app.settings import Settings
from app.store.events import settle_restored
from app.store.migrate import upgrade
from app.telemetry import configure_logging

T = TypeVar("T")


class Refusal(click.ClickException):
    """An expected failure, told on stderr in one line; the command ends with code 1."""

    def show(self, file: Any = None) -> None:
        """Print the message without click's capital letters."""
        click.echo(f"leenpad: {self.format_message()}", err=True, file=file)


def read_settings(*, quiet: bool = False) -> Settings:
    """Read the surroundings and set up logging: `quiet` for what a person watches, where no level was asked for.

    Raises Refusal that names each setting at fault.
    """
    try:
        settings = Settings()
        configure_logging("warning" if quiet and "log_level" not in settings.model_fields_set else settings.log_level)
    except ValidationError as error:
        raise Refusal("; ".join(_sentence(fault) for fault in error.errors())) from None
    except ValueError as error:
        raise Refusal(f"LEENPAD_LOG_LEVEL: {error}") from None
    return settings


def _sentence(fault: ErrorDetails) -> str:
    name = "_".join(map(str, fault["loc"])).upper()
    return f"LEENPAD_{name}: {fault['msg'].removeprefix('Value error, ')}"


@contextmanager
def served_database(settings: Settings) -> Iterator[Settings]:
    """Yield the settings with the address of a migrated database: the one they name, or else the embedded one.

    Raises Refusal when it cannot be had.
    """
    if settings.database_url is not None:
        migrate(settings.database_url)
        yield settings
        return
    with ExitStack() as stack:
        with told_in_a_line(EmbeddedUnavailable):
            url = stack.enter_context(running(settings.data_dir))
        migrate(url)
        key = settings.secrets_key or SecretStr(own_key(settings.data_dir))
        yield settings.model_copy(update={"database_url": url, "secrets_key": key})


@contextmanager
def told_in_a_line(*expected: type[Exception]) -> Iterator[None]:
    """Turn the named exceptions into a Refusal with their own words."""
    try:
        yield
    except expected as error:
        raise Refusal(str(error)) from error


def migrate(url: str) -> None:
    """Bring the database to the newest version of its tables. Raises Refusal when it cannot be reached."""
    with reaching(url):
        asyncio.run(_prepare(url))


async def _prepare(url: str) -> None:
    await upgrade(url)
    async with open_database(url, pool_size=1) as database, database.transaction() as connection:
        await settle_restored(connection)


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn what a database raises into a Refusal that names the server, never the password."""
    try:
        yield
    except (*DATABASE_ERRORS, DatabaseUnavailable) as error:
        if isinstance(error, OSError) and error.filename is not None:  # a file of ours, no connection
            raise Refusal(f"{error.filename}: {error.strerror}") from error
        raise Refusal(f"{_named(url)} cannot be used: {str(error) or type(error).__name__}") from error


def place_of(settings: Settings) -> str:
    """Name where commands look: a data folder or a server, never a password."""
    return str(settings.data_dir) if settings.database_url is None else _named(settings.database_url)


def _named(url: str) -> str:
    where = urlsplit(url)
    return f"the database {where.path.lstrip('/') or '(unnamed)'} at {where.hostname or 'a local socket'}"


def with_database(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on a pool of connections to the settings' database, migrated first, and return its result."""
    with served_database(settings) as served:
        return on_served(served, work)


def on_served(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on a pool of connections to a database that is there and migrated, and return its result."""
    assert settings.database_url is not None
    with reaching(settings.database_url):
        return asyncio.run(_on_pool(settings, work))


async def _on_pool(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    async with _pool(settings) as database:
        return await work(database)


@asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator[Database]:
    assert settings.database_url is not None
    async with open_database(
        settings.database_url,
        pool_size=min(4, settings.pool_size),
        statement_cache_size=settings.statement_cache_size,
    ) as database:
        yield database
