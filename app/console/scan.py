"""The scan page, for a hand scanner that types what it reads: where an envelope goes, big and clear."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from app.console.api import Refused
from app.console.frame import go, render
from app.console.refusals import title_of, told
from app.console.visitor import Visitor, forget, remember, visitor

router = APIRouter(prefix="/console/scan", include_in_schema=False)

Looking = Annotated[Visitor, Depends(visitor)]
SCANNER = "leenpad_scanner"
YEAR_SECONDS = 366 * 24 * 3600


@router.get("")
async def show(request: Request, looking: Looking) -> Response:
    """Show the input; where this browser's scanner is not known yet, ask for that first."""
    location = unquote(request.cookies.get(SCANNER, ""))
    try:
        place = await looking.api.get(f"/v1/locations/{quote(location, safe='')}") if location else None
    except Refused as refused:
        if refused.status != 404:
            raise
        place = None
    if place is None:
        return render(looking, "scan_where.html", places=await looking.api.items("/v1/locations"), unknown=location)
    return render(looking, "scan.html", place=place)


@router.post("/where")
async def choose(request: Request, looking: Looking) -> Response:
    """Remember where this browser's scanner is, or (of nothing) forget it."""
    location = str((await request.form()).get("location", "")).strip()
    answer = go(looking, "/console/scan")
    if not location:
        return forget(answer, looking, SCANNER)
    return remember(answer, looking, SCANNER, quote(location, safe=""), seconds=YEAR_SECONDS)


@router.post("/read")
async def read(request: Request, looking: Looking) -> Response:
    """Write a scan down and show what to do."""
    form = await request.form()
    code, location = str(form.get("code", "")).strip(), str(form.get("location", ""))
    try:
        seen = await looking.api.post("/v1/scans", {"code": code, "location": location})
    except Refused as refused:
        if refused.problem.get("type") != "/problems/unknown-code":
            # With its status, unlike on other pages: the script keeps what was not written down.
            title, said = title_of(looking, refused), told(looking, refused)
            return render(looking, "said.html", status=refused.status, title=title, said=said)
        seen = None
    return render(looking, "scan_result.html", seen=seen, code=code)
