"""Serves an emulator: over HTTP, and where it speaks SIP2 over a port of that too."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp

from adapters.emulators.faults import Faults
from adapters.emulators.stock import Stock
from adapters.installation import Installation

HOST = "127.0.0.1"


class Sip2Listener(Protocol):
    """What answers SIP2 connections."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""


class Emulator(Protocol):
    """One emulated system. `app` is None where it has no HTTP interface, `sip2` where it speaks no SIP2."""

    kind: str
    stock: Stock
    faults: Faults
    app: ASGIApp | None
    sip2: Sip2Listener | None

    def installation(self, addresses: Mapping[str, str]) -> Installation:
        """Return what an adapter needs to reach it. `addresses` has `http` and/or `sip2`: where it is served."""


@asynccontextmanager
async def serving(emulator: Emulator, *, port: int = 0, sip2_port: int = 0) -> AsyncIterator[Installation]:
    """Serve until the block ends, and yield what an adapter needs to reach it. Port 0: a free one."""
    addresses: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        if emulator.app is not None:
            addresses["http"] = await stack.enter_async_context(_http(emulator.app, port))
        if emulator.sip2 is not None:
            addresses["sip2"] = await stack.enter_async_context(_sip2(emulator.sip2, sip2_port))
        yield emulator.installation(addresses)


@asynccontextmanager
async def _http(app: ASGIApp, port: int) -> AsyncIterator[str]:
    with socket.create_server((HOST, port)) as listening:
        config = uvicorn.Config(
            app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=0
        )
        server = uvicorn.Server(config)
        server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]  # the process has its own
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn offers no event to wait for
            await asyncio.sleep(0.005)
        try:
            yield f"http://{HOST}:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def _sip2(listener: Sip2Listener, port: int) -> AsyncIterator[str]:
    answering: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        answering.add(task)
        try:
            await listener.answer(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            answering.discard(task)
            writer.close()

    server = await asyncio.start_server(answer, HOST, port)
    try:
        yield f"sip2://{HOST}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(answering):
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)
