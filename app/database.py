"""The way to PostgreSQL: one pool per process, and `transaction()` as the only place where work is committed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

# For those above who pass a connection on without ever speaking SQL.
Connection: TypeAlias = asyncpg.Connection

CONNECT_SECONDS = 10.0

# What opening a database or speaking to it can raise: for those who tell people about it.
DATABASE_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

# The server went away, or is on its way down or up, while a statement ran.
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
)


class DatabaseUnavailable(Exception):  # noqa: N818 - named as the problem it becomes
    """PostgreSQL cannot be reached, went away, or has no connection free for us."""


@dataclass(frozen=True, slots=True)
class Database:
    """A pool of asyncpg connections. Store functions take a connection and never commit.

    Sessions carry no state from one use to the next: no SET (but SET LOCAL), temporary tables only ON COMMIT DROP,
    advisory locks only for a transaction. That is why nothing needs to be reset in between, which would cost every
    look-up a second round trip.
    """

    pool: asyncpg.Pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection for reading; each statement is its own transaction. Raises DatabaseUnavailable."""
        try:
            connection = await self.pool.acquire(timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseUnavailable("The database cannot be reached.") from error
        try:
            yield connection
        except _LOST as error:
            raise DatabaseUnavailable("The database went away.") from error
        finally:
            await self.pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection inside one transaction: committed at the end, rolled back on any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def one_moment(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection for several reads that all see the database as it is at the first of them."""
        async with (
            self.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection


async def _keep_session(_: asyncpg.Connection) -> None:
    """Leave a connection as it is; asyncpg has rolled back by itself what was left open."""


@asynccontextmanager
async def open_database(url: str, *, pool_size: int = 8, statement_cache_size: int = 100) -> AsyncIterator[Database]:
    """Open the pool at `url` (postgresql://…) for as long as the block runs.

    Raises OSError or asyncpg.PostgresError when the server cannot be reached.
    """
    pool = await asyncpg.create_pool(
        url,
        min_size=min(2, pool_size),
        max_size=pool_size,
        statement_cache_size=statement_cache_size,
        timeout=CONNECT_SECONDS,
        reset=_keep_session,
        server_settings={"application_name": "leenpad", "timezone": "UTC", "jit": "off"},
    )
    try:
        yield Database(pool)
    finally:
        await pool.close()
