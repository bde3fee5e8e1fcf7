"""Keeps the log of changes: whoever is let through to change something is written down, and then what became of it.

What of each operation is kept, and which are left out, is in `kept`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog
from pydantic import BaseModel
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.kept import LEFT_OUT, NOTHING_MORE, OPERATIONS, SIGNING_IN, Keeps, kept_of
from app.database import Database, DatabaseUnavailable
from app.store.changes import begin_change, end_change, forget_change, write_asked

log = structlog.get_logger()

READING = frozenset({"GET", "HEAD", "OPTIONS"})
NOTED_SECONDS = 10.0
LARGEST_ANSWER = 1024 * 1024  # one that is larger is not looked through for what was made


@dataclass(slots=True)
class _Noted:
    database: Database | None = None
    change: int | None = None
    keeps: Keeps = NOTHING_MORE
    asked: dict[str, Any] = field(default_factory=dict)


_noted: ContextVar[_Noted | None] = ContextVar("noted", default=None)


async def note(
    request: Request, database: Database, *, name: str | None, agency: str | None, key: int | None
) -> None:
    """Write down that a caller is about to change something, once a request. Raises DatabaseUnavailable."""
    operation = _operation(request)
    if request.method not in READING and operation not in LEFT_OUT and operation not in SIGNING_IN:
        await _begin(request, database, operation, name=name, agency=agency, key=key)


async def note_sign_in(
    request: Request, database: Database, *, name: str, agency: str | None, key: int | None
) -> None:
    """Write down that a person signs in, who has shown by now who they are. Raises DatabaseUnavailable."""
    await _begin(request, database, _operation(request), name=name, agency=agency, key=key)


async def note_asked(asked: BaseModel) -> None:
    """Write down what of the body is kept, before it is acted on. Raises DatabaseUnavailable."""
    noted = _noted.get()
    if noted is None or noted.change is None or noted.database is None:
        return
    kept = {**noted.asked, **kept_of(noted.keeps, asked)}
    if kept != noted.asked:
        async with noted.database.connection() as connection:
            await write_asked(connection, noted.change, kept)


async def _begin(
    request: Request, database: Database, operation: str, *, name: str | None, agency: str | None, key: int | None
) -> None:
    noted = _noted.get()
    if noted is None or noted.change is not None:
        return
    noted.keeps = OPERATIONS.get(operation, NOTHING_MORE)
    query = request.query_params
    noted.asked = {word: query[word][:200].replace("\0", "\ufffd") for word in query if word in noted.keeps.query}
    path = request.url.path[:2000].replace("\0", "\ufffd")  # PostgreSQL keeps any text but that
    async with database.connection() as connection:
        noted.change = await begin_change(
            connection,
            name=name,
            agency=agency,
            key=key,
            method=request.method,
            path=path,
            what=getattr(request.scope.get("route"), "summary", None) or path,
            asked=noted.asked or None,
        )
    noted.database = database


def _operation(request: Request) -> str:
    """Name an operation as the OpenAPI document does."""
    route = request.scope.get("route")
    return f"{request.method} {getattr(route, 'path_format', request.url.path)}"


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
        held: list[Message] = []  # the start of an answer, until its body has come, which says what was made

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start" and noted.change is not None:
                held.append(message)
                return
            if held:
                start = held.pop()
                await _end(noted, start["status"], message)
                await send(start)
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        except BaseException:
            await _end(noted, 500)
            raise
        finally:
            _noted.reset(token)


async def _end(noted: _Noted, status: int, body: Message | None = None) -> None:
    if noted.change is None or noted.database is None:
        return
    change, noted.change = noted.change, None
    answer = _document(body) if body is not None and status < 400 else {}
    made = {name: answer[name] for name in noted.keeps.made if answer.get(name) is not None}
    # What was done is done, and its caller must hear of it: without its outcome the row says that nobody knows.
    with suppress(DatabaseUnavailable, TimeoutError):
        async with asyncio.timeout(NOTED_SECONDS), noted.database.connection() as connection:
            if answer and noted.keeps.no_change(answer):
                await forget_change(connection, change)
            else:
                await end_change(connection, change, status, made or None)
            return
    log.warning("the outcome of a change could not be written down", change=change, status=status)


def _document(message: Message) -> dict[str, Any]:
    """Return an answer that is one document and came in one piece; empty for any other."""
    body = message.get("body", b"")
    if message.get("more_body") or not body or len(body) > LARGEST_ANSWER:
        return {}
    with suppress(orjson.JSONDecodeError):
        found = orjson.loads(body)
        return found if isinstance(found, dict) else {}
    return {}
