"""Faults on demand: what an emulator does wrong the next so many times it is asked something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.contract import Verb

HUNG_SECONDS = 120.0  # past every caller's deadline


class Wrong(StrEnum):
    """What can go wrong. `unheard` does what it was asked, and then never answers."""

    REFUSED = "refused"
    SLOW = "slow"
    HUNG = "hung"
    CUT = "cut"
    MALFORMED = "malformed"
    EXPIRED = "expired"
    TOO_MANY = "too_many"
    BROKEN = "broken"
    UNHEARD = "unheard"


@dataclass(slots=True, kw_only=True)
class Fault:
    """Something that goes wrong `times` times with one verb, or with any where it is None."""

    wrong: Wrong
    verb: Verb | None = None
    times: int = 1
    seconds: float = 0.3  # how slow, or what Retry-After says


class Faults:
    """The faults that an emulator still has to make, and how many calls of each verb it saw."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []
        self.seen: dict[str, int] = {}

    def plan(self, wrong: Wrong, verb: Verb | None = None, *, times: int = 1, seconds: float = 0.3) -> None:
        """Have something go wrong."""
        self.planned.append(Fault(wrong=wrong, verb=verb, times=times, seconds=seconds))

    def clear(self) -> None:
        """Have nothing go wrong any more."""
        self.planned.clear()

    def take(self, verb: Verb | None) -> Fault | None:
        """Count a call of `verb` (None: one that serves none, such as a login) and return what goes wrong with it."""
        self.seen[verb or "-"] = self.seen.get(verb or "-", 0) + 1
        for fault in self.planned:
            if fault.times > 0 and fault.verb in (None, verb):
                fault.times -= 1
                return fault
        return None


class FaultyHttp:
    """Stands before an application and makes the faults that HTTP can make.

    `verb_of` says which verb a request serves. A refusal differs by system: the application finds it at
    `request.scope["refuse"]` (True) and refuses in its own words.
    """

    def __init__(self, app: ASGIApp, faults: Faults, verb_of: Callable[[Request], Verb | None]) -> None:
        self._app = app
        self._faults = faults
        self._verb_of = verb_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or go wrong."""
        if scope["type"] != "http" or scope["path"].startswith("/_emulator"):
            await self._app(scope, receive, send)
            return
        fault = self._faults.take(self._verb_of(Request(scope)))
        match fault and fault.wrong:
            case Wrong.HUNG:
                await asyncio.sleep(HUNG_SECONDS)
            case Wrong.MALFORMED:
                await Response(b"\x00<<{]not what you asked for", media_type="text/plain")(scope, receive, send)
            case Wrong.EXPIRED:
                await Response(status_code=401)(scope, receive, send)
            case Wrong.TOO_MANY:
                wait = str(round(fault.seconds)) if fault else "0"
                await Response(status_code=429, headers={"Retry-After": wait})(scope, receive, send)
            case Wrong.BROKEN:
                await Response("Internal error", status_code=500)(scope, receive, send)
            case Wrong.CUT | Wrong.UNHEARD:
                await self._app(
                    scope, receive, _Cut(send, unheard=fault is not None and fault.wrong is Wrong.UNHEARD)
                )
            case Wrong.REFUSED:
                scope["refuse"] = True
                await self._app(scope, receive, send)
            case _:
                if fault is not None:  # slow
                    await asyncio.sleep(fault.seconds)
                await self._app(scope, receive, send)


class _Cut:
    """Lets half of an answer through, or only its head; the server then closes the connection."""

    def __init__(self, send: Send, *, unheard: bool) -> None:
        self._send = send
        self._unheard = unheard
        self._done = False

    async def __call__(self, message: Message) -> None:
        if self._done:
            return
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message["headers"] if name.lower() != b"content-length"]
            await self._send({**message, "headers": [*kept, (b"content-length", b"1000000")]})
            self._done = self._unheard
        elif message["type"] == "http.response.body":
            body = message.get("body", b"")
            await self._send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            self._done = True
