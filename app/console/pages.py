"""Puts the console together: its routers, and what becomes of whatever its pages raise."""

from __future__ import annotations

from fastapi import FastAPI
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
        app.include_router(router)
    app.add_exception_handler(NotSignedIn, _to_sign_in)
    app.add_exception_handler(Forged, _forged)
    app.add_exception_handler(Refused, _refused)


async def _to_sign_in(request: Request, _: Exception) -> Response:
    found = await meet(request)
    after = request.url.path if request.method == "GET" else "/console"
    return go(found, f"/console/sign-in?after={after}")


async def _forged(request: Request, _: Exception) -> Response:
    found = await meet(request)
    return render(found, "problem.html", status=403, title=found.say("problem.forged"), said=[])


async def _refused(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    found = await meet(request)
    template = "said.html" if found.by_htmx else "problem.html"
    status = 200 if found.by_htmx else refused.status  # htmx shows no answer but one that went well
    return render(found, template, status=status, title=title_of(found, refused), said=told(found, refused))
