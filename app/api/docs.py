"""Where to find out more: the first page, the OpenAPI document and the pages that explain problems."""

from __future__ import annotations

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

router = APIRouter(include_in_schema=False)


@router.get("/")
async def read_index() -> Response:
    """Say where to go."""
    return Response(orjson.dumps({"docs": "/docs", "openapi": "/openapi.json"}), media_type="application/json")


@router.get("/openapi.json")
async def read_openapi(request: Request) -> Response:
    """Answer the OpenAPI document."""
    return Response(orjson.dumps(request.app.openapi()), media_type="application/json")
