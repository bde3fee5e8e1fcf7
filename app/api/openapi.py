"""The OpenAPI document: FastAPI's, with our problems, our keys and an introduction for whoever connects a system."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.dependencies import SCHEME, Requirement
from app.api.schemas import Problem
from app.problems import Forbidden, InvalidInput, Unauthorized, documented

TAGS = [
    {"name": "Start here", "description": "Is it up, can it decide, and what do its problems mean?"},
    {"name": "Decide", "description": "A title and a counter in; the suppliers in order and their vans out."},
    {"name": "Agencies", "description": "The organisations, their locations and the systems they use."},
    {"name": "Holdings", "description": "Which location has copies of which title."},
    {
        "name": "Network",
        "description": "The vans: versions of the timetable, which one is active, and how sound it is.",
    },
    {"name": "Imports", "description": "Bulk data in: agencies, network and holdings, each a file as the body."},
]

DESCRIPTION = """
Leenpad answers one question for the Dutch public library network: *a reader asked for this title at this counter;
which library should lend its copy, and by which vans does it travel?*

**In three steps.** Import agencies, a network and holdings (*Imports*); wait until `/readyz` says 200; ask
`POST /v1/decisions`.

**Conventions.** Times are RFC 3339 with an offset and count to the second. Money is integer euro cents. Agencies and
locations are named by ISIL, titles by ISBN or PPN. Lists come in pages: follow `next_cursor` until it is null. Every
failure is an `application/problem+json` (RFC 9457) whose `type` leads to a page that explains it.

**Keys.** Send `Authorization: Bearer KEY`. A service without any key and without an admin key lets everyone in: that
is for trying it out on one's own machine.
"""

_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key that `./run key create` printed, or the admin key. A service that has neither is "
    "open to everyone.",
}
_METHODS = ("get", "put", "post", "delete", "patch")


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of `app`, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _describe(app)
    return app.openapi_schema


def _describe(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary="Decides which library lends its copy and by which vans it travels.",
        description=DESCRIPTION.strip(),
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "The service that you are reading this from."}],
        tags=TAGS,
        routes=app.routes,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = {SCHEME: _KEY}
    for path in document["paths"].values():
        for method in _METHODS:
            if method in path:
                _complete(path[method])
    return document


def _complete(operation: dict[str, Any]) -> None:
    """Say who may call this, and let every problem look like ours."""
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422", "")):
        responses.update(_by_status(InvalidInput))
    for named in operation.pop("security", ()):
        (name,) = named
        scopes = Requirement.scopes_in(name)
        operation["security"] = [{SCHEME: []}]
        responses.update(_by_status(Unauthorized, Forbidden) if scopes else _by_status(Unauthorized))
        who = (
            f"Takes a key with the scope {' or '.join(f'`{scope}`' for scope in scopes)}."
            if scopes
            else "Takes any key."
        )
        operation["description"] = f"{operation.get('description', '')}\n\n{who}".strip()
    operation["responses"] = dict(sorted(responses.items()))


def _by_status(*kinds: type[Exception]) -> dict[str, Any]:
    return {str(status): entry for status, entry in documented(*kinds).items()}
