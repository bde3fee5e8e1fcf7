"""Whether the service lives and can decide, and what it counts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.dependencies import resources
from app.database import DATABASE_ERRORS, DatabaseUnavailable
from app.lending.snapshot import NotReady
from app.planning.try_out import KINDS
from app.store.tasks import count_dead
from app.telemetry import METRICS_MEDIA_TYPE, render_metrics

router = APIRouter(tags=["Start here"])

PATIENCE_SECONDS = 2.0

_STATUS: dict[str, Any] = {"type": "string", "examples": ["ready"]}
_WAITING: dict[str, Any] = {
    "type": "array",
    "items": {"enum": ["engine", "database", "network"]},
    "description": "What is still missing: the engine is being compiled, the database does not answer, or no network "
    "version is active and loaded.",
}


def _described(description: str, example: dict[str, Any], **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "required": list(properties), "properties": properties}
    return {"description": description, "content": {"application/json": {"schema": schema, "example": example}}}


@router.get(
    "/healthz",
    summary="Is the process alive?",
    response_class=Response,
    responses={200: _described("It is.", {"status": "alive"}, status=_STATUS)},
)
async def read_health() -> Response:
    """Answers 200 as long as the process serves requests; asks nothing of the database."""
    return JSONResponse({"status": "alive"})


@router.get(
    "/readyz",
    summary="Can it decide?",
    response_class=Response,
    responses={
        200: _described("It can.", {"status": "ready"}, status=_STATUS),
        503: _described(
            "Not yet.",
            {"status": "not ready", "waiting_for": ["network"]},
            status=_STATUS,
            waiting_for=_WAITING,
        ),
    },
)
async def read_readiness(request: Request) -> Response:
    """Answers 200 once a decision can be made: the database answers, and the active network is loaded."""
    waiting = await _waiting_for(request)
    if waiting:
        return JSONResponse({"status": "not ready", "waiting_for": waiting}, status_code=503)
    return JSONResponse({"status": "ready"})


async def _waiting_for(request: Request) -> list[str]:
    snapshot = (await resources(request)).snapshot
    waiting = [] if snapshot.warm else ["engine"]
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await snapshot.follow()
    except (NotReady, TimeoutError):
        waiting.append("network")
    except DatabaseUnavailable:
        waiting.append("database")
    return waiting


@router.get(
    "/metrics",
    summary="What the service counts",
    response_class=Response,
    responses={
        200: {
            "description": "The text format of Prometheus.",
            "content": {
                "text/plain": {
                    "schema": {"type": "string"},
                    "example": "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.5\n",
                }
            },
        }
    },
)
async def read_metrics(request: Request) -> Response:
    """For Prometheus to scrape. Without a key, as scrapers have none; nothing in it is about a reader or a title."""
    return Response(render_metrics(await _dead_letters(request)), headers={"Content-Type": METRICS_MEDIA_TYPE})


async def _dead_letters(request: Request) -> dict[str, int] | None:
    """How many there are of each kind, of those that there can be; None where the database does not say in time."""
    held = await resources(request)
    with suppress(DatabaseUnavailable, *DATABASE_ERRORS):  # a timeout is one of them
        async with asyncio.timeout(PATIENCE_SECONDS), held.database.connection() as connection:
            return {**dict.fromkeys(sorted(KINDS), 0), **await count_dead(connection)}
    return None
