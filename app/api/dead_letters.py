"""Dead letters: what was given up after many attempts, and how it is taken up again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request

from app.api.dependencies import Caller, database, requires, resources
from app.api.paging import Cursor, Limit, Page, after, page
from app.api.webhook_shapes import DEAD_LETTER, DeadLetterShape, ResumedShape
from app.database import Database
from app.lending.resume import take_up, take_up_all
from app.planning.try_out import KINDS
from app.problems import Fault, InvalidInput, documented
from app.store.tasks import UnknownTask, list_dead

router = APIRouter(prefix="/v1", tags=["Being told"])

LARGEST_ID = 2**63 - 1
Admin = Annotated[Caller, Depends(requires("admin"))]


@router.get(
    "/dead-letters",
    summary="List dead letters",
    response_model=Page[DeadLetterShape],
    responses={200: {"content": {"application/json": {"example": {"items": [DEAD_LETTER], "next_cursor": None}}}}},
)
async def read_dead_letters(
    held: Annotated[Database, Depends(database)], caller: Admin, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer everything that was given up, with what went wrong. Nothing more happens to it until it is resumed."""
    async with held.connection() as connection:
        found = await list_dead(connection, after=after(cursor, int), limit=limit + 1)
    return page(found, [row["id"] for row in found], limit)


@router.post(
    "/dead-letters/{letter}/resume",
    status_code=204,
    summary="Resume a dead letter",
    responses={204: {"description": "It is tried again, now."}, **documented(UnknownTask)},
)
async def resume_dead_letter(
    request: Request,
    caller: Admin,
    letter: Annotated[int, Path(ge=1, le=LARGEST_ID, description="The dead letter's id.", examples=[90211])],
) -> None:
    """Have it tried again, as often as something new: for when what stood in its way is gone."""
    await take_up((await resources(request)).ground, letter)


@router.post(
    "/dead-letters/resume",
    summary="Resume all dead letters of a kind",
    response_model=ResumedShape,
    responses={200: {"content": {"application/json": {"example": {"resumed": 214}}}}},
)
async def resume_dead_letters(
    request: Request,
    caller: Admin,
    kind: Annotated[
        str, Query(max_length=40, description="Which: `place`, `follow`, `deliver` …", examples=["place"])
    ],
) -> dict[str, int]:
    """Have all of them tried again, as often as something new: for when a system that stood in the way is back."""
    if kind not in KINDS:
        raise InvalidInput(Fault("/kind", f"Takes one of {', '.join(sorted(KINDS))}."))
    return {"resumed": await take_up_all((await resources(request)).ground, kind)}
