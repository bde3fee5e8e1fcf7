"""Suspensions: what stands still, and when; made and ended."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from app.console.api import Refused
from app.console.frame import go, render
from app.console.refusals import told
from app.console.visitor import Visitor, visitor
from app.console.words import ZONE

router = APIRouter(prefix="/console/suspensions", include_in_schema=False)

Looking = Annotated[Visitor, Depends(visitor)]
SUBJECTS = ("route", "poi", "location", "agency", "everything")
OWN = ("route", "poi")
"""What a planner may have stand still, of its own POI; the rest takes an admin."""


@router.get("")
async def show(looking: Looking) -> Response:
    """Show what stands still, stood still or will; the newest first."""
    return await _page(looking)


async def _page(looking: Visitor, *, said: list[str] | None = None, typed: dict[str, str] | None = None) -> Response:
    return render(
        looking,
        "suspensions.html",
        status=422 if said else 200,
        suspensions=(await looking.api.items("/v1/suspensions"))[::-1],
        subjects=SUBJECTS if looking.may("admin") else OWN,
        today=datetime.now(ZONE).date().isoformat(),
        said=said or [],
        typed=typed or {},
        may=looking.may("planner"),
    )


@router.post("")
async def suspend(looking: Looking, request: Request) -> Response:
    """Have something stand still."""
    form = await request.form()
    typed = {name: str(form.get(name, "")).strip() for name in ("subject", "id", "since", "until", "note")}
    subject = typed["subject"]
    what: dict[str, object] = {"everything": True} if subject == "everything" else {subject: typed["id"]}
    if subject not in SUBJECTS:
        what = {}
    said = {name: typed[name] or None for name in ("since", "until", "note")}
    try:
        await looking.api.post("/v1/suspensions", {**what, **said})
    except Refused as refused:
        if refused.status not in (403, 422):
            raise
        return await _page(looking, said=told(looking, refused), typed=typed)
    return go(looking, "/console/suspensions")


@router.post("/{suspension}/end")
async def end(looking: Looking, suspension: int) -> Response:
    """End one today; one that has not begun is forgotten."""
    await looking.api.delete(f"/v1/suspensions/{suspension}")
    return go(looking, "/console/suspensions")
