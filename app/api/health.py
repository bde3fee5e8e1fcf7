"""Whether the service lives and can decide, and what it counts."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from app.api.dependencies import resources
from app.resources import Resources

router = APIRouter(tags=["Health"])

PATIENCE_SECONDS = 2.0


@router.get("/healthz", summary="Is the process alive?")
async def read_health() -> Response:
    """Answer 200 as long as the process serves requests; asks nothing of the database."""
    return JSONResponse({"status": "alive"})


@router.get("/readyz", summary="Can it decide?")
async def read_readiness(held: Resources = Depends(resources)) -> Response:  # noqa: B008
    """Answer 200 once a decision can be made: the database answers and a network is active. 503 until then."""
    waiting = await _what_is_missing(held)
    if waiting:
        return JSONResponse({"status": "not ready", "waiting_for": waiting}, status_code=503)
    return JSONResponse({"status": "ready"})


async def _what_is_missing(held: Resources) -> list[str]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), held.database.connection() as connection:
            await connection.fetchval("select 1")
    except Exception:
        return ["database"]
    return [] if held.snapshot.ready else ["network"]


@router.get("/metrics", summary="What the service counts", response_class=Response)
async def read_metrics() -> Response:
    """Answer in the text format of Prometheus."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
