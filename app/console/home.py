"""The first page: what is active, and how things stand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from app.console.api import Refused
from app.console.frame import render
from app.console.visitor import Visitor, visitor

router = APIRouter(prefix="/console", include_in_schema=False)


@router.get("")
async def show(looking: Annotated[Visitor, Depends(visitor)]) -> Response:
    """Show the active network version and its size."""
    try:
        network = await looking.api.get("/v1/network")
    except Refused as refused:
        if refused.status not in (404, 503):
            raise
        network = None
    return render(looking, "home.html", network=network)
