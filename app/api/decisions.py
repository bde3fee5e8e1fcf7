"""POST /v1/decisions: a title and a counter in, the suppliers in order and their vans out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import orjson
from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.bodies import read_json
from app.api.decision_shapes import ANSWER, QUESTIONS, DecisionShape, QuestionShape
from app.api.dependencies import SCHEME, lately_admitted, resources, still_admitted
from app.lending.choose import TitleKey, UnknownTitle, choose, look_up
from app.lending.snapshot import NotReady
from app.problems import InvalidInput, TooLarge, UnsupportedMediaType, documented
from routing import Decision, Leg, Question, RotaEntry, UnknownLocation


class PlainRoute(APIRoute):
    """A route whose endpoint takes the request and returns the answer, with nothing opened or worked out between.

    What the endpoint raises goes to the middleware that answers with problems, as it does from any route.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; the document still describes the endpoint as declared."""
        if self.methods and scope["method"] not in self.methods:
            await super().handle(scope, receive, send)  # says which methods there are
            return
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


router = APIRouter(prefix="/v1", tags=["Decide"], route_class=PlainRoute)


@router.post(
    "/decisions",
    summary="Decide who supplies a title, and by which vans",
    response_class=Response,
    openapi_extra={
        "security": [{SCHEME: []}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/QuestionShape"}, "examples": QUESTIONS}
            },
        },
    },
    responses={
        200: {
            "model": DecisionShape,
            "description": "The rota and the refusals; nobody who can fill it is an answer too.",
            "content": {"application/json": {"example": ANSWER}},
        },
        **documented(UnknownTitle, UnknownLocation, TooLarge, UnsupportedMediaType, InvalidInput, NotReady),
    },
)
async def decide(request: Request) -> Response:
    """Choose who supplies, from all that hold the title: a dry run that changes nothing.

    Every holder appears either in `rota`, in the order in which they would be asked, or in `refusals` with a reason.
    The answer is wholly of one network version, the one that is active.
    """
    # Called here rather than as a dependency: resolving one would take a tenth of the whole time.
    await lately_admitted(request)
    asked = await read_json(request, QuestionShape)
    held = await resources(request)
    title = TitleKey(isbn=asked.title.isbn, ppn=asked.title.ppn)
    holders = await look_up(held.database, title)
    await still_admitted(request, holders.standing.keys)
    decision = await choose(held.snapshot, title=title, holders=holders, question=question(asked))
    return Response(written(decision), media_type="application/json")


def question(asked: QuestionShape) -> Question:
    """Return what the engine is asked, as a caller put it; now, where no moment is named."""
    return Question(
        pickup_location=asked.pickup_location,
        requested_at=asked.requested_at or datetime.now(UTC),
        objective=asked.objective,
        need_before=asked.need_before,
        max_cost_cents=asked.max_cost_cents,
        limit=asked.limit,
        excluded=frozenset(asked.exclude),
    )


def written(decision: Decision) -> bytes:
    """Write a decision as the contract says; orjson writes parts and refusals field by field."""
    document = {
        "network_version": decision.network_version,
        "requested_at": decision.requested_at,
        "objective": decision.objective,
        "rota": [_entry(entry) for entry in decision.rota],
        "refusals": decision.refusals,
    }
    return _dumps(document, decision.requested_at)


def _entry(entry: RotaEntry) -> dict[str, Any]:
    return {
        "rank": entry.rank,
        "supplying_agency": entry.supplying_agency,
        "supplying_location": entry.supplying_location,
        "ready_at": entry.ready_at,
        "arrives_at": entry.arrives_at,
        "promise": None,  # no response model stands behind it yet
        "cost_cents": entry.cost_cents,
        "cost_parts": entry.cost_parts,
        "handlings": entry.handlings,
        "legs": [_leg(leg) for leg in entry.legs],
        "reasons": entry.reasons,
    }


# The engine keeps the legs that it has rebuilt, as most requests share their last rides; so are their bytes kept.
_KEPT_LEGS = 32_768
_legs: dict[int, tuple[Leg, orjson.Fragment]] = {}


def _leg(leg: Leg) -> orjson.Fragment:
    kept = _legs.get(id(leg))
    if kept is not None and kept[0] is leg:
        return kept[1]
    if len(_legs) >= _KEPT_LEGS:
        _legs.clear()
    fragment = orjson.Fragment(_dumps(leg, leg.departs_at))
    _legs[id(leg)] = (leg, fragment)
    return fragment


def _dumps(document: object, moment: datetime) -> bytes:
    offset = moment.utcoffset()
    if offset is not None and offset.seconds % 60:
        # Local mean time, long ago: RFC 3339 has no seconds in an offset.
        return orjson.dumps(document, default=_in_utc, option=orjson.OPT_PASSTHROUGH_DATETIME)
    return orjson.dumps(document)


def _in_utc(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
