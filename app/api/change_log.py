"""Keeps the log of changes: whoever is let through to change something is written down, and then what became of it.

Loan requests have a history of their own, and a decision changes nothing; both are left out, and so is signing in.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.database import Database, DatabaseUnavailable
from app.store.changes import begin_change, end_change

log = structlog.get_logger()

READING = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_HISTORY = ("/v1/loan-requests", "/v1/decisions", "/v1/sessions", "/iso18626")
NOTED_SECONDS = 10.0


@dataclass(slots=True)
class _Noted:
    database: Database | None = None
    change: int | None = None


_noted: ContextVar[_Noted | None] = ContextVar("noted", default=None)


async def note(
    request: Request, database: Database, *, name: str | None, agency: str | None, key: int | None
) -> None:
    """Write down that a caller is about to change something, once a request. Raises DatabaseUnavailable."""
    noted = _noted.get()
    path = request.url.path[:2000].replace("\0", "\ufffd")  # PostgreSQL keeps any text but that
    if noted is None or noted.change is not None or request.method in READING or path.startswith(OWN_HISTORY):
        return
    route = request.scope.get("route")
    async with database.connection() as connection:
        noted.change = await begin_change(
            connection,
            name=name,
            agency=agency,
            key=key,
            method=request.method,
            path=path,
            what=getattr(route, "summary", None) or path,
        )
    noted.database = database


class NoteChanges:
    """ASGI middleware that writes down what became of a change."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on; before its answer goes out, its status is written (cut off by an exception: 500)."""
        if scope["type"] != "http" or scope["method"] in READING:
            await self.app(scope, receive, send)
            return
        noted = _Noted()
        token = _noted.set(noted)

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                await _end(noted, message["status"])
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        except BaseException:
            await _end(noted, 500)
            raise
        finally:
            _noted.reset(token)


async def _end(noted: _Noted, status: int) -> None:
    if noted.change is None or noted.database is None:
        return
    change, noted.change = noted.change, None
    # What was done is done, and its caller must hear of it: without its outcome the row says that nobody knows.
    with suppress(DatabaseUnavailable, TimeoutError):
        async with asyncio.timeout(NOTED_SECONDS), noted.database.connection() as connection:
            await end_change(connection, change, status)
            return
    log.warning("the outcome of a change could not be written down", change=change, status=status)
