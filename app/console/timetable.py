"""The timetable: which version is active, what is to become active, and the drafts that planners work on."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from app.console.api import Refused
from app.console.frame import go, render
from app.console.refusals import told
from app.console.visitor import Visitor, visitor

router = APIRouter(prefix="/console/timetable", include_in_schema=False)

Looking = Annotated[Visitor, Depends(visitor)]
LATEST = 20
LATE, FORBIDDEN = 412, 403


@router.get("")
async def show(looking: Looking) -> Response:
    """Show versions, activations and drafts."""
    return await _page(looking)


async def _page(looking: Visitor, *, said: list[str] | None = None, status: int = LATE) -> Response:
    try:
        active = await looking.api.get("/v1/network")
    except Refused as refused:
        if refused.status != 404:
            raise
        active = None
    versions = await looking.api.get("/v1/network/versions", limit=LATEST)
    scheduled = await looking.api.get("/v1/network/activations", limit=LATEST)
    drafts = await looking.api.get("/v1/network/drafts", limit=100)
    return render(
        looking,
        "timetable.html",
        active=active,
        versions=versions["items"],
        scheduled=scheduled["items"],
        drafts=drafts["items"],
        said=said or [],
        status=200 if said is None else status,
    )


@router.post("/drafts")
async def begin(looking: Looking, request: Request) -> Response:
    """Begin a draft and go there."""
    form = await request.form()
    made = await looking.api.post(
        "/v1/network/drafts", {"name": str(form.get("name", "")).strip(), "base": str(form.get("base", "")) or None}
    )
    return go(looking, f"/console/timetable/drafts/{made['id']}")


@router.post("/undo")
async def undo(looking: Looking, request: Request) -> Response:
    """Undo the activation that the page showed as the newest."""
    form = await request.form()
    shown = {"if-match": str(form.get("active", ""))}
    try:
        await looking.api.send("POST", "/v1/network/undo", headers=shown)
    except Refused as refused:
        if refused.status != LATE:
            raise
        now = refused.problem.get("active")
        said = (
            looking.say("timetable.undone_already") if now is None else looking.say("timetable.moved_on", active=now)
        )
        return await _page(looking, said=[said])
    return go(looking, "/console/timetable")


@router.post("/activate")
async def activate(looking: Looking, request: Request) -> Response:
    """Make a version the active one."""
    form = await request.form()
    version = quote(str(form.get("version", "")), safe="")
    try:
        await looking.api.send("POST", f"/v1/network/versions/{version}/activate")
    except Refused as refused:
        if refused.status != FORBIDDEN:
            raise
        return await _page(looking, said=told(looking, refused), status=FORBIDDEN)
    return go(looking, "/console/timetable")


@router.post("/activations/{activation}/cancel")
async def cancel(looking: Looking, activation: int) -> Response:
    """Have an activation not happen."""
    await looking.api.delete(f"/v1/network/activations/{activation}")
    return go(looking, "/console/timetable")
