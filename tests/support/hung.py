"""Tells what a request that takes far too long waits for: what tasks, threads and the database are doing."""

from __future__ import annotations

import asyncio
import io
import sys
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from starlette.types import ASGIApp, Receive, Scope, Send

ACTIVITY = "select pid, state, wait_event_type, wait_event, now() - xact_start as since, left(query, 200) as query"
STATED = f"{ACTIVITY} from pg_stat_activity where backend_type = 'client backend' and datname = current_database()"


class Watch:
    """An application that knows which requests are under way, and since when."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.under_way: dict[int, tuple[float, str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = id(scope)
        if scope["type"] == "http":
            self.under_way[key] = (time.monotonic(), f"{scope['method']} {scope['path']}")
        try:
            await self.app(scope, receive, send)
        finally:
            self.under_way.pop(key, None)

    @asynccontextmanager
    async def telling(self, database_url: str, *, after_seconds: float) -> AsyncIterator[list[str]]:
        """Lend a list that fills with a description, once for every request that takes longer."""
        told: list[str] = []
        task = asyncio.create_task(self._look(database_url, told, after_seconds))
        try:
            yield told
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _look(self, database_url: str, told: list[str], after_seconds: float) -> None:
        seen: set[float] = set()
        while True:
            await asyncio.sleep(1)
            for since, what in list(self.under_way.values()):
                if time.monotonic() - since > after_seconds and since not in seen:
                    seen.add(since)
                    told.append(f"{what} takes more than {after_seconds:.0f} s\n{await _describe(database_url)}")


async def _describe(database_url: str) -> str:
    out = io.StringIO()
    for task in asyncio.all_tasks():
        task.print_stack(file=out, limit=8)
    for frame in sys._current_frames().values():
        out.write("thread:\n" + "".join(traceback.format_stack(frame, limit=6)))
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        for row in await connection.fetch(STATED):
            out.write(f"{dict(row)}\n")
    finally:
        await connection.close()
    return out.getvalue()
