"""The application behind a real server on a free port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

from app.main import create_app
from app.settings import Settings


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[str]:
    """Serve for as long as the block runs; yield the address."""
    async with listening_for(create_app(settings)) as url:
        yield url


@asynccontextmanager
async def listening_for(app: ASGIApp, *, lifespan: Literal["on", "off"] = "on") -> AsyncIterator[str]:
    """Serve an application (`lifespan` off: one that was started already) and yield the address."""
    # The server makes the socket: of one that is handed to it, asyncio may not see that it is TCP and leave Nagle's
    # algorithm on, which costs 40 ms an answer.
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan=lifespan))
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            assert not serving.done(), serving.exception()
            await asyncio.sleep(0.01)
        host, port = server.servers[0].sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await serving
