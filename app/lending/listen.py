"""Waits for notifications of the database: that a task is due, or that something has happened."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from weakref import WeakSet

from app.database import CONNECT_SECONDS, DATABASE_ERRORS, Connection, Database, DatabaseUnavailable, is_open
from app.store.events import CHANNEL


class Waker:
    """Holds one connection that listens, from the first wait on, for any number of those who wait.

    Where it breaks, waiting simply takes its full time until it is back.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ears: WeakSet[Ear] = WeakSet()
        self._connection: Connection | None = None
        self._joining = asyncio.Lock()

    async def __aenter__(self) -> Waker:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._leave()

    def ear(self) -> Ear:
        """Return an ear of one's own."""
        ear = Ear(self)
        self._ears.add(ear)
        return ear

    async def listen(self) -> None:
        """See to it that the connection listens."""
        async with self._joining:
            if self._connection is not None and is_open(self._connection):
                return
            await self._leave()
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
        for ear in self._ears:
            ear.heard.set()


class Ear:
    """One who waits, and hears of whatever was notified since it last waited."""

    def __init__(self, waker: Waker) -> None:
        self._waker = waker
        self.heard = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Return when something was notified since the last call, or after `seconds`."""
        await self._waker.listen()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.heard.wait()
        self.heard.clear()
