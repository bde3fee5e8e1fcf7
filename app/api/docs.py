"""Where to find out more: the first page, the OpenAPI document and its page, and what each problem means."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Annotated

import orjson
from fastapi import APIRouter
from fastapi import Path as PathParameter
from starlette.requests import Request
from starlette.responses import Response

from app.api.pages import page, prose, root_of, wants_html
from app.problems import PROBLEMS, NotFound, ProblemType, documented

router = APIRouter(tags=["Start here"])

_STATIC = Path(__file__).parent / "static"
_SWAGGER_UI = Path(__file__).parents[2] / "node_modules" / "swagger-ui-dist"

# Only what the pages ask for is served, each under its address.
_ASSETS: dict[str, tuple[Path, str]] = {
    "leenpad.css": (_STATIC / "leenpad.css", "text/css; charset=utf-8"),
    "docs.js": (_STATIC / "docs.js", "text/javascript; charset=utf-8"),
    "swagger-ui/swagger-ui.css": (_SWAGGER_UI / "swagger-ui.css", "text/css; charset=utf-8"),
    "swagger-ui/swagger-ui-bundle.js": (_SWAGGER_UI / "swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
}

_PLACES = {
    "docs": ("/docs", "Every operation, with examples to try out."),
    "openapi": ("/openapi.json", "The same as one OpenAPI document, for programs."),
    "problems": ("/problems", "What each kind of problem means, and what to do about it."),
    "health": ("/healthz", "Whether the process lives."),
    "ready": ("/readyz", "Whether it can decide."),
    "metrics": ("/metrics", "What it counts, for Prometheus."),
}


@router.get("/", include_in_schema=False)
async def read_index(request: Request) -> Response:
    """Say where to go."""
    if not wants_html(request):
        return _json({"name": "Leenpad", **{name: address for name, (address, _) in _PLACES.items()}})
    rows = "".join(
        f'<dt><a href="{root_of(request)}{address}">{address}</a></dt><dd>{prose(text)}</dd>'
        for address, text in _PLACES.values()
    )
    return page(
        request,
        title="Leenpad",
        body="<main><h1>Leenpad</h1><p>A reader asked for this title at this counter: which library should lend its "
        f"copy, and by which vans does it travel?</p><dl>{rows}</dl></main>",
    )


@router.get("/docs", include_in_schema=False)
async def read_docs(request: Request) -> Response:
    """Show the OpenAPI document with Swagger UI, from our own files alone."""
    root = root_of(request)
    if _asset("swagger-ui/swagger-ui-bundle.js") is None:
        return page(
            request,
            title="Leenpad API",
            body="<main><h1>Leenpad API</h1><p>Swagger UI is not installed here: <code>npm ci</code> in the "
            "project's folder installs it. The document itself is at "
            f'<a href="{root}/openapi.json">/openapi.json</a>.</p></main>',
        )
    return page(
        request,
        title="Leenpad API",
        head=f'<link rel="stylesheet" href="{root}/assets/swagger-ui/swagger-ui.css">\n'
        f'<script src="{root}/assets/swagger-ui/swagger-ui-bundle.js" defer></script>\n'
        f'<script src="{root}/assets/docs.js" defer></script>\n',
        body=f'<div id="swagger-ui" data-openapi="{root}/openapi.json"></div>',
    )


@router.get("/openapi.json", include_in_schema=False)
async def read_openapi(request: Request) -> Response:
    """Answer the OpenAPI document."""
    return _json(request.app.openapi())


@router.get("/assets/{name:path}", include_in_schema=False)
async def read_asset(name: str, request: Request) -> Response:
    """Answer one of the files that the pages ask for. Browsers keep it, and ask each time whether it changed."""
    found = _asset(name)
    if found is None:
        raise NotFound(f"No asset is called {name}.")
    body, etag = found
    headers = {"ETag": etag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers={**headers, "Content-Type": _ASSETS[name][1]})


@cache
def _read(path: Path) -> tuple[bytes, str]:
    body = path.read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _asset(name: str) -> tuple[bytes, str] | None:
    known = _ASSETS.get(name)
    return _read(known[0]) if known and known[0].is_file() else None


# --- problem types --------------------------------------------------------------------------------


def _shown(row: ProblemType) -> dict[str, str | int]:
    return {
        "type": f"/problems/{row.slug}",
        "title": row.title,
        "status": row.status,
        "explanation": row.explanation,
    }


_BY_SLUG = {row.slug: row for row in PROBLEMS.values()}
_EXAMPLE = _shown(PROBLEMS[NotFound])
_ROW_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "explanation"],
    "properties": {
        "type": {"type": "string", "description": "What the `type` of such a problem says."},
        "title": {"type": "string", "description": "The kind of problem in a few words."},
        "status": {"type": "integer", "description": "The HTTP status it comes with."},
        "explanation": {"type": "string", "description": "What it means, and what to do about it."},
    },
}


@router.get(
    "/problems",
    summary="List the kinds of problems",
    response_class=Response,
    responses={
        200: {
            "description": "Every kind of problem that an operation can answer with; a page for browsers.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["items"],
                        "properties": {"items": {"type": "array", "items": _ROW_SCHEMA}},
                    },
                    "example": {"items": [_EXAMPLE]},
                },
                "text/html": {"schema": {"type": "string"}},
            },
        }
    },
)
async def list_problems(request: Request) -> Response:
    """Every failure leaves as `application/problem+json` (RFC 9457), and its `type` is one of these."""
    rows = sorted(_BY_SLUG.values(), key=lambda row: (row.status, row.slug))
    if not wants_html(request):
        return _json({"items": [_shown(row) for row in rows]}, {"Vary": "Accept"})
    entries = "".join(
        f'<dt><span class="status">{row.status}</span> <a href="{root_of(request)}/problems/{row.slug}">'
        f"{row.slug}</a></dt><dd>{prose(row.title)}</dd>"
        for row in rows
    )
    return page(request, title="Problems", body=f"<main><h1>Kinds of problems</h1><dl>{entries}</dl></main>")


@router.get(
    "/problems/{slug}",
    summary="Explain one kind of problem",
    response_class=Response,
    responses={
        200: {
            "description": "What this kind of problem means, and what to do about it; a page for browsers.",
            "content": {
                "application/json": {"schema": _ROW_SCHEMA, "example": _EXAMPLE},
                "text/html": {"schema": {"type": "string"}},
            },
        },
        **documented(NotFound),
    },
)
async def read_problem(
    request: Request,
    slug: Annotated[str, PathParameter(description="The last part of a problem's `type`.", examples=["not-found"])],
) -> Response:
    """The `type` of a problem document is the address of this page."""
    row = _BY_SLUG.get(slug)
    if row is None:
        raise NotFound(f"No kind of problem is called {slug}.")
    if not wants_html(request):
        return _json(_shown(row), {"Vary": "Accept"})
    return page(
        request,
        title=row.title,
        body=f'<main><p class="status">{row.status} · <code>/problems/{row.slug}</code></p>'
        f"<h1>{prose(row.title)}</h1><p>{prose(row.explanation)}</p>"
        f'<p><a href="{root_of(request)}/problems">All kinds of problems</a></p></main>',
    )


def _json(document: object, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), media_type="application/json", headers=headers)
