"""A few connections to one SIP2 server, lent out one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.contract import Unavailable
from adapters.protocols.sip2.connection import Connection, Terminal

IDLE_SECONDS = 20.0
"""Longer unused, a connection is not trusted: routers forget it in silence, and who writes into it waits in vain."""


class Pool:
    """At most `size` connections. One that failed, or whose user was cancelled, is never lent again."""

    def __init__(self, terminal: Terminal, *, size: int) -> None:
        self._terminal = terminal
        self._free = asyncio.Semaphore(size)
        self._idle: list[tuple[Connection, float]] = []
        self._lent: set[Connection] = set()
        self._closed = False

    @asynccontextmanager
    async def lend(self, *, fresh: bool = False) -> AsyncIterator[Connection]:
        """Lend a connection that waits, or a new one; `fresh`: in any case a new one, and those that wait are let go.

        Waits for its turn without end: the caller bounds it. Raises what opening raises.
        """
        async with self._free:
            if self._closed:
                raise Unavailable("closed")
            if fresh:
                self.drop_idle()
            connection = self._take() or await Connection.open(self._terminal)
            self._lent.add(connection)
            try:
                yield connection
            except BaseException:
                connection.abort()
                raise
            finally:
                self._lent.discard(connection)
            if self._closed or not connection.usable:
                connection.abort()
            else:
                self._idle.append((connection, asyncio.get_running_loop().time()))

    def _take(self) -> Connection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection, since = self._idle.pop()
            if connection.usable and now - since < IDLE_SECONDS:
                return connection
            connection.abort()
        return None

    def drop_idle(self) -> None:
        """Let go of the connections that wait: what broke or silenced one has most likely broken the others."""
        for connection, _ in self._idle:
            connection.abort()
        self._idle.clear()

    async def close(self) -> None:
        """Let go of all connections; whoever still waits for an answer gets none."""
        self._closed = True
        for connection in self._lent:
            connection.abort()
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.close() for connection, _ in idle))
