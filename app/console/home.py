"""The first page: what is active, and how things stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from app.console.api import Refused
from app.console.frame import render
from app.console.visitor import Visitor, visitor

router = APIRouter(prefix="/console", include_in_schema=False)

LATEST, LATELY = 20, timedelta(days=14)


@router.get("")
async def show(looking: Annotated[Visitor, Depends(visitor)]) -> Response:
    """Show the active network version and its size."""
    try:
        network = await looking.api.get("/v1/network")
    except Refused as refused:
        if refused.status not in (404, 503):
            raise
        network = None
    scheduled = await looking.api.get("/v1/network/activations", limit=LATEST)
    refused_lately = [
        one
        for one in scheduled["items"]
        if one["state"] == "refused" and datetime.fromisoformat(one["ended_at"]) > datetime.now(UTC) - LATELY
    ]
    return render(looking, "home.html", network=network, refused=refused_lately)
