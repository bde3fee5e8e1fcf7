"""A desk of the fake system behind HTTP, in a process of its own: `python -m tests.support.fake_desk PORT MANNERS`.

MANNERS are those of adapters.fake, as JSON. It answers what adapters.fake.system asks; and `GET /live` says for whom
copies are bound, for whoever checks afterwards.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from adapters.contract import NotFound, Order, OutcomeUnknown, Refused
from adapters.fake import Desk, Manners

# Of those who never hear that their order was placed, every so manyth waits; the others are hung up on.
HANGS = 5
HANG_SECONDS = 30.0  # past every caller's deadline


class HangUp(Response):
    """Promises a body, and hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head alone: the server then closes the connection."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})


def create_app(desk: Desk) -> Starlette:
    """Serve a desk."""
    unheard = 0

    async def order(request: Request) -> Response:
        nonlocal unheard
        key = request.path_params["key"]
        if request.method == "GET":
            receipt = desk.find(key)
            return _not_found() if receipt is None else JSONResponse({"receipt": receipt})
        try:
            return JSONResponse({"receipt": desk.place(Order(**await request.json()), key)})
        except Refused as refused:
            return JSONResponse({"refused": refused.reason})
        except OutcomeUnknown:
            unheard += 1
            if unheard % HANGS == 0:
                await asyncio.sleep(HANG_SECONDS)
            return HangUp()

    async def receipt(request: Request) -> Response:
        name = request.path_params["receipt"]
        with suppress(NotFound):
            if request.method == "DELETE":
                return JSONResponse({"cancelled": desk.cancel(name)})
            return JSONResponse(asdict(desk.status(name)))
        return _not_found()

    async def live(_: Request) -> Response:
        return JSONResponse(desk.live())

    return Starlette(
        routes=[
            Route("/orders/{key}", order, methods=["GET", "PUT"]),
            Route("/receipts/{receipt}", receipt, methods=["GET", "DELETE"]),
            Route("/live", live),
        ]
    )


def _not_found() -> Response:
    return JSONResponse({}, status_code=404)


def main(port: str, manners: str = "{}") -> None:
    """Serve until told to stop."""
    wanted: dict[str, Any] = json.loads(manners)
    desk = Desk(manners=Manners(**wanted))
    uvicorn.run(create_app(desk), port=int(port), log_level="critical", access_log=False, loop="uvloop")


if __name__ == "__main__":
    main(*sys.argv[1:])
