"""Trips that do not run after all: a planner's word, and from the next decision on nobody rides them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from app.api.bodies import read_json
from app.api.dependencies import Caller, database, requires, resources
from app.api.loan_shapes import Text, Word
from app.api.paging import Cursor, Limit, Page, after_run, page, run_keys
from app.api.parties import check_planner, signed
from app.api.schemas import Day
from app.api.trip_change_shapes import CancellationShape, IfSaid, seen_in
from app.database import Database
from app.lending.said import SaidOtherwise
from app.lending.snapshot import NotReady
from app.lending.stop import cancel, find_trip, restore
from app.problems import Fault, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.stoppages import UnknownCancellation, get_cancellation, list_cancellations
from routing import LegRefused

router = APIRouter(prefix="/v1/trips/cancellations", tags=["Network"])

HeldDatabase = Annotated[Database, Depends(database)]
Planning = Annotated[Caller, Depends(requires("planner", "admin"))]

CANCELLED: dict[str, Any] = {
    "trip_id": "DR-1-0800",
    "service_date": "2026-11-24",
    "route_id": "DR-1",
    "operator": "Biblionet Drenthe",
    "by": "NL-0800070000",
    "note": "The van broke down",
    "created_at": "2026-11-24T07:15:00+01:00",
    "source": "planner",
}


class CancelShape(BaseModel):
    """A trip that does not run on a service day."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {name: CANCELLED[name] for name in ("trip_id", "service_date", "note")}},
    )

    trip_id: Word
    service_date: Day
    note: Text | None = None


@router.post(
    "",
    status_code=201,
    summary="Cancel a trip",
    response_model=CancellationShape,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/CancelShape"},
                    "example": {name: CANCELLED[name] for name in ("trip_id", "service_date", "note")},
                }
            },
        }
    },
    responses={
        200: {
            "model": CancellationShape,
            "description": "It was cancelled already; nothing changed.",
            "content": {"application/json": {"example": CANCELLED}},
        },
        201: {"content": {"application/json": {"example": CANCELLED}}},
        **documented(SaidOtherwise, TooLarge, UnsupportedMediaType, InvalidInput, NotReady),
    },
)
async def cancel_trip(
    request: Request, response: Response, caller: Planning, if_match: IfSaid = "*"
) -> dict[str, Any]:
    """Say that a trip of the active network does not run on a service day.

    The very next decision is without it, and items that were going to ride it are planned again from where they are.
    A planner may cancel the trips of its own POI. With `If-Match` (the `revision` of
    `GET /v1/trips/{trip_id}/{service_date}/said`) it does so only where that is what you looked at.
    """
    asked = await read_json(request, CancelShape)
    ground = (await resources(request)).ground
    try:
        trip = find_trip(await ground.snapshot.follow(), asked.trip_id, asked.service_date)
    except LegRefused as refused:
        raise InvalidInput(Fault(f"/{refused.field}", str(refused))) from None
    check_planner(caller, trip.operator)
    row, new = await cancel(ground, trip, by=signed(caller, None), note=asked.note, seen=seen_in(if_match))
    response.status_code = 201 if new else 200
    return row


@router.get(
    "",
    summary="List cancelled trips",
    response_model=Page[CancellationShape],
    dependencies=[Depends(requires())],
    responses={200: {"content": {"application/json": {"example": {"items": [CANCELLED], "next_cursor": None}}}}},
)
async def read_cancellations(
    held: HeldDatabase,
    since: Annotated[Day | None, Query(description="Only those from this service day on.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Answer the trips that were cancelled, by service day and trip."""
    async with held.connection() as connection:
        rows = await list_cancellations(connection, since=since, after=after_run(cursor), limit=limit + 1)
    return page(rows, run_keys(rows), limit)


@router.delete(
    "/{trip_id:path}/{service_date}",
    status_code=204,
    summary="Take a cancellation back",
    responses={
        204: {"description": "The trip runs."},
        **documented(SaidOtherwise, UnknownCancellation, InvalidInput),
    },
)
async def restore_trip(
    request: Request,
    held: HeldDatabase,
    caller: Planning,
    trip_id: Annotated[
        str, Path(description="The trip's id.", max_length=200, pattern=r"^[^\x00]*$", examples=["DR-1-0800"])
    ],
    service_date: Annotated[Day, Path(description="The service day that it was cancelled on.")],
    if_match: IfSaid = "*",
) -> Response:
    """Say that a cancelled trip runs after all: decisions ride it again, and items that are there sooner by it.

    Where a feed cancelled it, a planner's word comes in its place that it runs as planned, whatever the feed says
    next; it is among `GET /v1/trips/changes`, and taken back there.
    """
    async with held.connection() as connection:
        row = await get_cancellation(connection, trip_id, service_date)
        check_planner(caller, row["operator"])
    ground = (await resources(request)).ground
    await restore(ground, trip_id, service_date, by=signed(caller, None), seen=seen_in(if_match))
    return Response(status_code=204)
