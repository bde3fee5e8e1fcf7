"""The way to PostgreSQL: one pool per process, and `transaction()` as the only place where work is committed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

CONNECT_SECONDS = 10.0

# What opening a database or speaking to it can raise: for those who tell people about it.
DATABASE_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


@dataclass(frozen=True, slots=True)
class Database:
    """A pool of asyncpg connections. Store functions take a connection and never commit."""

    pool: asyncpg.Pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection for reading; each statement is its own transaction."""
        async with self.pool.acquire(timeout=CONNECT_SECONDS) as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection inside one transaction: committed at the end, rolled back on any exception."""
        async with self.pool.acquire(timeout=CONNECT_SECONDS) as connection, connection.transaction():
            yield connection


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
        server_settings={"application_name": "leenpad", "timezone": "UTC", "jit": "off"},
    )
    try:
        yield Database(pool)
    finally:
        await pool.close()
