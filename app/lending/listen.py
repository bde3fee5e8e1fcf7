"""Waits for notifications of the database: that a task is due, or that something has happened."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType

from app.database import CONNECT_SECONDS, DATABASE_ERRORS, Connection, Database, DatabaseUnavailable, is_open
from app.store.events import CHANNEL


class Waker:
    """Holds one connection that listens. Where it breaks, waiting simply takes its full time until it is back."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._heard = asyncio.Event()
        self._connection: Connection | None = None

    async def __aenter__(self) -> Waker:
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._leave()

    async def wait(self, seconds: float) -> None:
        """Return when something was notified since the last call, or after `seconds`."""
        if self._connection is None or not is_open(self._connection):
            await self._leave()
            await self._listen()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._heard.wait()
        self._heard.clear()

    async def _listen(self) -> None:
        with suppress(DatabaseUnavailable, *DATABASE_ERRORS):
            async with asyncio.timeout(CONNECT_SECONDS):
                self._connection = await self._database.pool.acquire()
            await self._connection.add_listener(CHANNEL, self._on_notice)

    async def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DatabaseUnavailable, *DATABASE_ERRORS):
                await connection.remove_listener(CHANNEL, self._on_notice)
            with suppress(DatabaseUnavailable, *DATABASE_ERRORS):
                await self._database.pool.release(connection)

    def _on_notice(self, *_: object) -> None:
        self._heard.set()
