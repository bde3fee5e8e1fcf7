"""POST /v1/assignments: the loan requests of a day in, who supplies each and by which vans out, for all together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from app.api.assignment_shapes import ASSIGNMENT, BATCH, MAX_BATCH_BYTES, AssignmentAskShape, AssignmentShape
from app.api.bodies import read_json
from app.api.dependencies import Caller, requires, resources
from app.aside import aside
from app.lending.choose import TitleKey
from app.lending.snapshot import NotReady
from app.planning.assign import Asked, Assigned, Unassignable, assign
from app.planning.assigned import document
from app.problems import Fault, InvalidInput, TooLarge, UnsupportedMediaType, documented, pointer_to
from app.resources import Resources
from routing import Question

router = APIRouter(prefix="/v1", tags=["Decide"])

Held = Annotated[Resources, Depends(resources)]
Anyone = Annotated[Caller, Depends(requires())]
MOST_FAULTS = 100


@router.post(
    "/assignments",
    summary="Decide a whole day at once",
    response_class=Response,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/AssignmentAskShape"}, "examples": BATCH}
            },
        }
    },
    responses={
        200: {
            "model": AssignmentShape,
            "description": "What becomes of each loan request.",
            "content": {"application/json": {"example": ASSIGNMENT}},
        },
        **documented(TooLarge, UnsupportedMediaType, InvalidInput, NotReady),
    },
)
async def assign_batch(request: Request, held: Held, caller: Anyone) -> Response:
    """Choose for many loan requests together who supplies each and by which vans: a dry run that places nothing.

    No copy is given twice, no quota is passed, and no trip takes more than it has room for beside what is under way.
    Within that, all together weigh as little as could be found; the answer says how much less it could be at most,
    and of each loan request why it is not served by its own best. Library systems are not asked about their shelves.
    """
    batch = await read_json(request, AssignmentAskShape, most=MAX_BATCH_BYTES)
    try:
        found = await assign(
            held.database,
            held.snapshot,
            held.foresight,
            _asked(batch),
            quotas=batch.quotas,
            items_per_crate=held.settings.items_per_crate,
            turn=held.assigning,
        )
    except Unassignable as error:
        raise InvalidInput(*(Fault(pointer_to(*at), detail) for at, detail in error.faults[:MOST_FAULTS])) from None
    return Response(await aside(_written, found), media_type="application/json")


def _written(found: Assigned) -> bytes:
    return orjson.dumps(document(found))


def _asked(batch: AssignmentAskShape) -> list[Asked]:
    moment = (batch.requested_at or datetime.now(UTC)).replace(microsecond=0)
    return [
        Asked(
            one.id,
            TitleKey(isbn=one.title.isbn, ppn=one.title.ppn),
            Question(
                pickup_location=one.pickup_location,
                requested_at=moment,
                objective=one.objective,
                need_before=one.need_before,
                max_cost_cents=one.max_cost_cents,
                excluded=frozenset(one.exclude),
            ),
        )
        for one in batch.requests
    ]
