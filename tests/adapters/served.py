"""Serves an application of a test on a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from adapters.emulators.faults import Faults
from adapters.emulators.serve import Sip2Listener, serving
from adapters.emulators.stock import Stock
from adapters.installation import Installation


class _Served:
    """What `serving` asks for, around an application."""

    kind = "test"

    def __init__(self, app: ASGIApp) -> None:
        self.app: ASGIApp | None = app
        self.sip2: Sip2Listener | None = None
        self.stock = Stock()
        self.faults = Faults()

    def installation(self, addresses: Mapping[str, str]) -> Installation:
        return Installation(system="test", addresses=addresses)


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """Serve until the block ends, and yield the address."""
    async with serving(_Served(app)) as installation:
        yield installation.addresses["http"]
