"""What pages are made of besides HTML: our own scripts and styles, and those that npm installed, all served by us."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

router = APIRouter(prefix="/console/assets", include_in_schema=False)

STATIC = Path(__file__).parent / "static"
INSTALLED = Path(__file__).parents[2] / "node_modules"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
# Of what npm installed, only what pages ask for.
THEIRS = {
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "leaflet.js": "leaflet/dist/leaflet.js",
    "leaflet.css": "leaflet/dist/leaflet.css",
    "uplot.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "netherlands.svg": "@svg-maps/netherlands/netherlands.svg",
}


@cache
def addresses() -> dict[str, Path]:
    """Return the files by the name that they are asked for."""
    ours = {file.name: file for file in STATIC.iterdir() if file.suffix in KINDS}
    return {**{name: INSTALLED / path for name, path in THEIRS.items()}, **ours}


@cache
def _content(path: Path) -> tuple[bytes, str]:
    data = path.read_bytes()
    return data, f'"{hashlib.sha256(data).hexdigest()[:32]}"'


@router.get("/{name}")
async def read(name: str, request: Request) -> Response:
    """Answer a file; what did not change is not sent again."""
    path = addresses().get(name)
    if path is None or not path.is_file():
        return Response(status_code=404)
    data, tag = _content(path)
    headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=KINDS[path.suffix], headers=headers)
