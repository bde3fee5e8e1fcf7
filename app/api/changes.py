"""GET /v1/changes: who changed what, the newest first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from app.api.change_shapes import CHANGES, ChangeShape
from app.api.decision_shapes import Moment
from app.api.dependencies import Caller, database, requires
from app.api.paging import Cursor, Limit, Page, after, page
from app.database import Database
from app.problems import InvalidInput, documented
from app.store.changes import list_changes

router = APIRouter(prefix="/v1/changes", tags=["Keys"])

# What planners see of each other: there is one network, and they plan it together.
PLANNING = [
    "/v1/network",
    "/v1/imports/network",
    "/v1/imports/trip-updates",
    "/v1/trips",
    "/v1/suspensions",
    "/v1/scenarios",
]


@router.get(
    "",
    summary="List changes",
    response_model=Page[ChangeShape],
    responses={200: {"content": {"application/json": {"example": CHANGES}}}, **documented(InvalidInput)},
)
async def read_changes(
    held: Annotated[Database, Depends(database)],
    caller: Annotated[Caller, Depends(requires("planner", "reader", "admin"))],
    since: Annotated[Moment | None, Query(description="Those from this moment on.")] = None,
    refused: Annotated[bool, Query(description="Those that were refused too.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Answer who changed what, the newest first: of the network for planners, of everything for readers and admins.

    Each says what was asked and what came of it. Loan requests are not in it, nor scans, as each has its own history;
    signing in and out is. What is older than LEENPAD_CHANGES_DAYS is forgotten.
    """
    async with held.connection() as connection:
        found = await list_changes(
            connection,
            before=after(cursor, int),
            under=["/"] if caller.sees_everything else PLANNING,
            since=since,
            refused=refused,
            limit=limit + 1,
        )
    return page(found, [row["id"] for row in found], limit)
