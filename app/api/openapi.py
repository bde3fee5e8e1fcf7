"""The OpenAPI document: FastAPI's, with our problems, our keys and an introduction for whoever connects a system."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.assignment_shapes import AssignmentAskShape
from app.api.cancellations import CancelShape
from app.api.decision_shapes import QuestionShape
from app.api.dependencies import SCHEME, Requirement
from app.api.doubts import VerdictShape
from app.api.draft_shapes import (
    ActivateDraftShape,
    CalendarAskShape,
    DraftChangesShape,
    NewActivationShape,
    NewDraftShape,
    SayDayShape,
)
from app.api.explanation_shapes import CompareShape
from app.api.harvest_shapes import OftenShape, StartShape
from app.api.key_shapes import NewKeyShape
from app.api.lapse_rules import AgreedShape
from app.api.loan_shapes import ActionShape, LoanRequestShape
from app.api.policy_shapes import NewPolicyShape, TryPolicyShape
from app.api.scan_shapes import ScanAskShape
from app.api.schemas import Problem
from app.api.session_shapes import CodeShape, NewSessionShape, SignInShape
from app.api.suspensions import SuspendShape
from app.api.system_shapes import CheckAskShape, InstallationShape, ParticipationAskShape, SecretAskShape
from app.api.trip_change_shapes import ChangeTripShape, PreviewAskShape
from app.api.webhook_shapes import WebhookRequestShape
from app.database import DatabaseUnavailable
from app.planning.scenario import ScenarioShape
from app.problems import MEDIA_TYPE, Forbidden, InvalidInput, Unauthorized, documented

TAGS = [
    {"name": "Start here", "description": "Is it up, can it decide, and what do its problems mean?"},
    {"name": "Decide", "description": "A title and a counter in; the suppliers in order and their vans out."},
    {
        "name": "Loan requests",
        "description": "The decision carried out: submitted once, placed with one supplier after the other, followed "
        "there and back.",
    },
    {
        "name": "Being told",
        "description": "What happens to loan requests, as it happens: sent to a webhook, or followed as a stream.",
    },
    {
        "name": "Settlement and statistics",
        "description": "What delivered items were charged, and how well it goes: as JSON or CSV.",
    },
    {
        "name": "Policies",
        "description": "What the network, provinces and agencies have agreed: who comes first, and what is lent.",
    },
    {"name": "Agencies", "description": "The organisations and their locations."},
    {
        "name": "Systems",
        "description": "The library systems: how each is reached, who uses it, how it is doing, and their secrets.",
    },
    {"name": "Holdings", "description": "The joint catalogue: titles, and which location has copies of them."},
    {"name": "Harvest", "description": "How far the holdings of each system are known, as it says itself."},
    {
        "name": "Network",
        "description": "The vans: versions of the timetable, which one is active, and how sound it is.",
    },
    {
        "name": "What-if",
        "description": "Scenarios: a changed network tried on loan requests, beside the one it changes.",
    },
    {
        "name": "Load",
        "description": "What the vans are going to carry: under way and forecast, by leg, by route and day.",
    },
    {
        "name": "Drafts",
        "description": "The timetable as it could be: changed, compared, made a version, activated at a date.",
    },
    {
        "name": "Live day",
        "description": "The trips of a day with their load, what drivers load and unload, and hand scanners.",
    },
    {"name": "Imports", "description": "Bulk data in: agencies, network and holdings, each a file as the body."},
    {"name": "Keys", "description": "Who may call, what for and until when."},
]

DESCRIPTION = """
Leenpad answers one question for the Dutch public library network: *a reader asked for this title at this counter;
which library should lend its copy, and by which vans does it travel?*

**In three steps.** Import agencies, a network and holdings (*Imports*); wait until `/readyz` says 200; ask
`POST /v1/decisions`.

**Conventions.** Times are RFC 3339 with an offset and count to the second. Money is integer euro cents. Agencies and
locations are named by ISIL, titles by ISBN or PPN. Lists come in pages: follow `next_cursor` until it is null. Every
failure is an `application/problem+json` (RFC 9457) whose `type` leads to a page that explains it.

**Keys.** Send `Authorization: Bearer KEY`. A service without any key and without an admin key answers callers on
its own machine only, and lets them do everything: that is for trying it out.
"""

_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key that `./run key create` printed, or the admin key. A service that has neither is "
    "open to callers on its own machine, and to nobody else.",
}
# What operations refer to by name without FastAPI's knowing.
SHAPES = (
    Problem,
    QuestionShape,
    CompareShape,
    AssignmentAskShape,
    LoanRequestShape,
    ActionShape,
    CancelShape,
    ChangeTripShape,
    PreviewAskShape,
    ScanAskShape,
    SuspendShape,
    NewKeyShape,
    NewSessionShape,
    SignInShape,
    CodeShape,
    WebhookRequestShape,
    InstallationShape,
    ParticipationAskShape,
    CheckAskShape,
    SecretAskShape,
    OftenShape,
    StartShape,
    VerdictShape,
    AgreedShape,
    NewPolicyShape,
    TryPolicyShape,
    ScenarioShape,
    NewDraftShape,
    DraftChangesShape,
    ActivateDraftShape,
    NewActivationShape,
    CalendarAskShape,
    SayDayShape,
)
Schema = dict[str, Any]
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
    for shape in SHAPES:
        described = shape.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(described.pop("$defs", {}))
        schemas[shape.__name__] = described
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = {SCHEME: _KEY}
    for path in document["paths"].values():
        for method in _METHODS:
            if method in path:
                _complete(path[method], components["schemas"])
    return document


def _complete(operation: Schema, schemas: Schema) -> None:
    """Say who may call this, let every problem look like ours, and show an answer."""
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422", "")):
        del responses["422"]
        if any(_may_be_wrong(parameter["schema"]) for parameter in operation.get("parameters", ())):
            _add(responses, InvalidInput)
    for named in operation.pop("security", ()):
        (name,) = named
        scopes = Requirement.scopes_in(name)
        operation["security"] = [{SCHEME: []}]
        # To know a key is to ask the database.
        _add(responses, Unauthorized, *([Forbidden] if scopes else []), DatabaseUnavailable)
        who = f"a key with the scope {' or '.join(f'`{scope}`' for scope in scopes)}" if scopes else "any key"
        operation["description"] = f"{operation.get('description', '')}\n\nTakes {who}.".strip()
    operation["responses"] = dict(sorted(responses.items()))
    for status, response in responses.items():
        if response["description"] == "Successful Response":
            response["description"] = "The answer."
        for media in response.get("content", {}).values() if status.startswith("2") else ():
            example = media.get("example", example_of(media.get("schema", {}), schemas))
            if example is not None and "examples" not in media:
                media["example"] = with_nulls(example, media.get("schema", {}), schemas)


def _may_be_wrong(schema: Schema) -> bool:
    return schema.get("type") != "string" or bool(
        schema.keys() & {"maxLength", "minLength", "pattern", "format", "enum"}
    )


def _add(responses: dict[str, Any], *kinds: type[Exception]) -> None:
    """Add problems to what an operation answers; a status may have several."""
    for status, entry in documented(*kinds).items():
        there = responses.get(str(status))
        if there is None:
            responses[str(status)] = entry
        elif MEDIA_TYPE in there.get("content", {}):
            there["description"] += f" · {entry['description']}"
            there["content"][MEDIA_TYPE]["examples"] |= entry["content"][MEDIA_TYPE]["examples"]


def example_of(schema: Schema, schemas: Schema) -> Any:
    """Return an example of a schema: its own, or one put together from those of its parts; None without one."""
    schema = _resolved(schema, schemas)
    if "examples" in schema or "example" in schema:
        return schema["examples"][0] if "examples" in schema else schema["example"]
    if schema.get("type") == "array":
        item = example_of(schema["items"], schemas)
        return None if item is None else [item]
    parts = {name: example_of(part, schemas) for name, part in schema.get("properties", {}).items()}
    missing = [name for name, part in parts.items() if part is None and not _may_be_null(schema["properties"][name])]
    return parts if parts and not missing else None


def with_nulls(example: Any, schema: Schema, schemas: Schema) -> Any:
    """Put back the nulls that FastAPI leaves out of examples, wherever the schema asks for the property."""
    schema = _resolved(schema, schemas)
    if isinstance(example, list):
        return [with_nulls(item, schema.get("items", {}), schemas) for item in example]
    if not isinstance(example, dict):
        return example
    parts, required = schema.get("properties", {}), schema.get("required", ())
    # In the order of the schema, which is the order of real answers.
    shown = [name for name in parts if name in example or (name in required and _may_be_null(parts[name]))]
    names = dict.fromkeys([*shown, *example])
    return {name: with_nulls(example.get(name), parts.get(name, {}), schemas) for name in names}


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    """Follow a reference; of several shapes, take the first that is more than a bare type."""
    if "anyOf" in schema:
        schema = next((choice for choice in schema["anyOf"] if "$ref" in choice), schema)
    return schemas[schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema


def _may_be_null(schema: Schema) -> bool:
    return {"type": "null"} in schema.get("anyOf", ())
