"""POST /v1/decisions: a title and a counter in, the suppliers in order and their vans out."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.bodies import read_json
from app.api.decision_shapes import ANSWER, QUESTIONS, DecisionShape, QuestionShape
from app.api.dependencies import SCHEME, Caller, lately_admitted, resources, still_admitted
from app.lending.choose import TitleKey, UnknownTitle, choose, look_up
from app.lending.documents import written
from app.lending.snapshot import NotReady
from app.problems import InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.settings import Settings
from routing import Question, UnknownLocation


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
    since = monotonic()
    # Called here rather than as a dependency: resolving one would take a tenth of the whole time.
    caller = await lately_admitted(request)
    asked = await read_json(request, QuestionShape)
    held = await resources(request)
    title = TitleKey(isbn=asked.title.isbn, ppn=asked.title.ppn)
    holders = await look_up(held.database, title)
    await still_admitted(request, holders.standing.keys)
    decision = await choose(
        held.snapshot,
        title=title,
        holders=holders,
        question=question(asked),
        availability=held.ground.availability,
        deadline_seconds=live_deadline_seconds(asked, caller, held.settings),
        since=since,
    )
    return Response(written(decision), media_type="application/json")


def live_deadline_seconds(asked: QuestionShape, caller: Caller, settings: Settings) -> float:
    """Return how long library systems are waited for: as the question says, or the key, or the setting."""
    for milliseconds in (asked.live_deadline_ms, caller.live_deadline_ms):
        if milliseconds is not None:
            return milliseconds / 1000
    return settings.live_deadline_ms / 1000


def question(asked: QuestionShape, *, now: datetime | None = None) -> Question:
    """Return what the engine is asked, as a caller put it; `now` (or the world's), where no moment is named."""
    return Question(
        pickup_location=asked.pickup_location,
        requested_at=asked.requested_at or now or datetime.now(UTC),
        objective=asked.objective,
        need_before=asked.need_before,
        max_cost_cents=asked.max_cost_cents,
        limit=asked.limit,
        excluded=frozenset(asked.exclude),
        service_level=asked.service_level,
    )
