"""Puts the console together: its routers, and what becomes of whatever its pages raise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.console import (
    assets,
    boards,
    changes,
    day,
    decisions,
    drafts,
    home,
    load,
    loans,
    map,
    routes,
    run_sheet,
    scan,
    sign_in,
    suspensions,
    timetable,
    what_if,
)
from app.console.api import Refused
from app.console.frame import go, render
from app.console.refusals import title_of, told
from app.console.visitor import Forged, NotSignedIn, meet

Answering = Callable[[Request, Any], Response | Awaitable[Response]]
ROUTERS = (
    home.router,
    map.router,
    loans.router,
    decisions.router,
    load.router,
    boards.router,
    what_if.router,
    day.router,
    run_sheet.router,
    scan.router,
    timetable.router,
    drafts.router,
    routes.router,
    suspensions.router,
    changes.router,
    sign_in.router,
    assets.router,
)


def add_console(app: FastAPI) -> None:
    """Serve the console beside the API."""
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    app.add_exception_handler(NotSignedIn, _to_sign_in)
    app.add_exception_handler(Forged, _forged)
    app.add_exception_handler(Refused, _refused)
    for kind in (RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _as_page(app.exception_handlers[kind]))


async def _to_sign_in(request: Request, _: Exception) -> Response:
    found = await meet(request)
    return go(found, f"/console/sign-in?after={quote(found.address if request.method == 'GET' else '/console')}")


async def _forged(request: Request, _: Exception) -> Response:
    found = await meet(request)
    return render(found, "problem.html", status=403, title=found.say("problem.forged"), said=[])


def _as_page(answer: Answering) -> Answering:
    """Show people under /console as a page what `answer` tells programs as a problem document."""

    async def handler(request: Request, error: Exception) -> Response:
        answered = answer(request, error)
        answered = answered if isinstance(answered, Response) else await answered
        asked_by_people = "text/html" in request.headers.get("accept", "") or "hx-request" in request.headers
        if not (request.url.path.startswith("/console/") and asked_by_people):
            return answered
        try:
            return await _refused(request, Refused(answered.status_code, orjson.loads(answered.body)))
        except Refused:  # not even who looks can be found out
            return answered

    return handler


async def _refused(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    found = await meet(request)
    template = "said.html" if found.by_htmx else "problem.html"
    status = 200 if found.by_htmx else refused.status  # htmx shows no answer but one that went well
    return render(found, template, status=status, title=title_of(found, refused), said=told(found, refused))
