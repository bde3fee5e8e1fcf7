"""The first page: what is active, and how things stand."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from app.console.api import Refused
from app.console.frame import render
from app.console.visitor import Visitor, visitor

router = APIRouter(prefix="/console", include_in_schema=False)

LATEST, LATELY = 20, timedelta(days=14)
PLANNING = ("planner", "reader")


@router.get("")
async def show(looking: Annotated[Visitor, Depends(visitor)]) -> Response:
    """Show the active network version, and what of it wants somebody's eye."""
    try:
        network = await looking.api.get("/v1/network")
    except Refused as refused:
        if refused.status not in (404, 503):
            raise
        network = None
    scheduled = (await looking.api.get("/v1/network/activations", limit=LATEST))["items"]
    refused_lately = [
        one
        for one in scheduled
        if one["state"] == "refused" and datetime.fromisoformat(one["ended_at"]) > datetime.now(UTC) - LATELY
    ]
    return render(
        looking,
        "home.html",
        network=network,
        refused=refused_lately,
        waiting=[one for one in scheduled if one["state"] == "waiting"],
        today=await _today(looking) if network and looking.may(*PLANNING) else None,
        drafts=await _open_drafts(looking) if looking.may(*PLANNING) else [],
    )


async def _today(looking: Visitor) -> dict[str, Any] | None:
    """Return how many trips there are today, how many of them not as planned, and how many items they take."""
    try:
        trips = (await looking.api.get("/v1/trips/today"))["trips"]
    except Refused as refused:
        if refused.status != 503:
            raise
        return None
    said = Counter(trip["status"] for trip in trips)
    return {
        "trips": len(trips),
        "said": {status: count for status, count in said.items() if status != "planned"},
        "items": sum(trip["items"] for trip in trips),
    }


async def _open_drafts(looking: Visitor) -> list[dict[str, Any]]:
    drafts = (await looking.api.get("/v1/network/drafts", limit=LATEST))["items"]
    return [draft for draft in drafts if draft["version"] is None]
