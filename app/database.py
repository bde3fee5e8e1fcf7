"""The way to PostgreSQL: one pool per process, and `transaction()` as the only place where work is committed."""

from __future__ import annotations

import asyncio
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


# Two transactions came in each other's way, and the server has rolled one of them back: the other goes on.
_CONTENDED = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)

# What is nobody's fault and over after a while: worth another try however often it comes.
PASSING_ERRORS = (
    ConnectionError,
    FileNotFoundError,  # the socket of a server that is down
    *_LOST,
    *_CONTENDED,
    asyncpg.InterfaceError,
    asyncpg.TooManyConnectionsError,
)


class DatabaseUnavailable(Exception):  # noqa: N818 - named as the problem it becomes
    """PostgreSQL cannot be reached, went away, or has no connection free for us."""


class Contended(DatabaseUnavailable):
    """Another transaction was in the way, and nothing of this one was kept: the same again may well do."""


@dataclass(slots=True, eq=False)
class Database:
    """A pool of asyncpg connections. Store functions take a connection and never commit.

    Sessions carry no state from one use to the next: no SET (but SET LOCAL), temporary tables only ON COMMIT DROP,
    advisory locks only for a transaction. That is why nothing needs to be reset in between, which would cost every
    look-up a second round trip.
    """

    pool: asyncpg.Pool
    spare: list[asyncpg.Connection]  # lent by the pool to `fetch_row`, and idle
    most_spare: int
    waiting: int = 0  # for the pool: as long as someone is, nothing is kept from it

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection for reading; each statement is its own transaction.

        Raises DatabaseUnavailable, and Contended where something was written and others were in the way.
        """
        connection = await self._acquire()
        try:
            yield connection
        except _CONTENDED as error:
            raise Contended("Others were busy with the same.") from error
        except (*_LOST, ConnectionError, asyncpg.InterfaceError) as error:
            # Ending a transaction on a connection that broke is an InterfaceError, like a fault of ours would be.
            if isinstance(error, _LOST) or not is_open(connection):
                raise DatabaseUnavailable("The database went away.") from error
            raise
        finally:
            await self.pool.release(connection)

    async def fetch_row(self, sql: str, *values: object, seconds: float) -> asyncpg.Record | None:
        """Return the one row of a short statement, or None; to take and give back a connection costs next to nothing.

        asyncpg's pool makes a task to take a connection back. A few connections are kept from it that were last used
        without any trouble; those in trouble go back to the pool, which knows what to do with them. Raises
        DatabaseUnavailable also where no answer comes within `seconds`.
        """
        connection = await self._acquire()
        try:
            row = await connection.fetchrow(sql, *values, timeout=seconds)
        except BaseException as error:
            was_open = is_open(connection)
            if isinstance(error, TimeoutError):
                connection.terminate()  # the pool would wait for it as long as TCP does
            await self.pool.release(connection)
            if isinstance(error, TimeoutError):
                raise DatabaseUnavailable("The database does not answer in time.") from error
            if isinstance(error, _LOST) or (
                not was_open and isinstance(error, (ConnectionError, asyncpg.InterfaceError))
            ):
                raise DatabaseUnavailable("The database went away.") from error
            raise
        if len(self.spare) < self.most_spare and not self.waiting:
            self.spare.append(connection)
        else:
            await self.pool.release(connection)
        return row

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection inside one transaction: committed at the end, rolled back on any exception.

        Raises DatabaseUnavailable or Contended.
        """
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

    async def _acquire(self) -> asyncpg.Connection:
        while self.spare:
            connection = self.spare.pop()
            if is_open(connection):
                return connection
            await self.pool.release(connection)
        self.waiting += 1
        try:
            async with asyncio.timeout(CONNECT_SECONDS):  # asyncpg's own timeout costs a task each time
                return await self.pool.acquire()
        except DATABASE_ERRORS as error:
            raise DatabaseUnavailable("The database cannot be reached.") from error
        finally:
            self.waiting -= 1


def is_open(connection: asyncpg.Connection) -> bool:
    """Say whether a connection that the pool has lent can still be used."""
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # it closed, and went back to the pool by itself
        return False


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
    database = Database(pool, spare=[], most_spare=pool_size // 2)
    try:
        yield database
    finally:
        for connection in database.spare:
            await pool.release(connection)
        await pool.close()
