"""Trips that run late or past stops: a planner's word, what it would change, and what was planned again."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.bodies import read_json
from app.api.decision_shapes import Moment
from app.api.dependencies import Caller, database, requires, resources
from app.api.paging import Cursor, Limit, Page, after, after_run, page, run_keys
from app.api.parties import check_planner, own_operators, signed
from app.api.schemas import Day
from app.api.trip_change_shapes import (
    CHANGED,
    CHANGING,
    PREVIEWED,
    REPLANS,
    WORD,
    CallAskShape,
    ChangeTripShape,
    IfSaid,
    PreviewAskShape,
    PreviewShape,
    ReplanShape,
    TripChangeShape,
    WordShape,
    seen_in,
)
from app.aside import aside
from app.database import Database
from app.lending.change import as_planned, change
from app.lending.said import SaidOtherwise, change_document, read_word
from app.lending.snapshot import NotReady, State
from app.lending.stop import find_trip
from app.planning.changes import Stopping, Unfit, changed_by_hand
from app.planning.preview import as_if, preview
from app.planning.runs import UnknownTrip, find_run
from app.problems import Fault, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.riders import list_replanned, list_riding_loans
from app.store.trip_changes import Row, UnknownTripChange, get_change, list_changes
from routing import Change, LegRefused, find_dated_trip

router = APIRouter(prefix="/v1/trips", tags=["Network"])

HeldDatabase = Annotated[Database, Depends(database)]
Planning = Annotated[Caller, Depends(requires("planner", "admin"))]
Watching = Annotated[Caller, Depends(requires("planner", "reader", "admin"))]
MOST_PREVIEWED = 1000
LATELY = timedelta(hours=12)


def _body(shape: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}, "example": CHANGING}}
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/changes",
    status_code=201,
    summary="Say that a trip is late or skips stops",
    response_model=TripChangeShape,
    openapi_extra=_body("ChangeTripShape"),
    responses={
        200: {
            "model": TripChangeShape,
            "description": "Something was said of it before; this takes its place.",
            "content": {"application/json": {"example": CHANGED}},
        },
        201: {"content": {"application/json": {"example": CHANGED}}},
        **documented(SaidOtherwise, TooLarge, UnsupportedMediaType, InvalidInput, NotReady),
    },
)
async def change_trip(
    request: Request, response: Response, caller: Planning, if_match: IfSaid = "*"
) -> dict[str, Any]:
    """Say how a trip of the active network runs on a service day: late from a call on, past some calls, or both.

    The very next decision counts with it. Items on board or waiting are planned again from where they are: those that
    miss a connection, those that would be put down where it no longer stops (at its next call, or else its last), and
    those that are there at another time. A planner changes the trips of its own POI; what is said takes the place of
    whatever was said of that trip and day before, by a feed too, and that it was cancelled. With `If-Match` (the
    `revision` of `GET /v1/trips/{trip_id}/{service_date}/said`) it does so only where that is what you looked at.
    """
    asked = await read_json(request, ChangeTripShape)
    ground = (await resources(request)).ground
    state = await ground.snapshot.follow()
    said = _said(state, asked)
    trip = find_trip(state, asked.trip_id, asked.service_date)
    check_planner(caller, trip.operator)
    row, done = await change(ground, trip, said, by=signed(caller, None), note=asked.note, seen=seen_in(if_match))
    response.status_code = 201 if done == "created" else 200
    return change_document(row)


@router.post(
    "/changes/preview",
    summary="See what a cancelled, late or shortened trip would change",
    response_model=PreviewShape,
    openapi_extra=_body("PreviewAskShape"),
    responses={
        200: {"content": {"application/json": {"example": PREVIEWED}}},
        **documented(TooLarge, UnsupportedMediaType, InvalidInput, NotReady),
    },
)
async def preview_change(request: Request, held: HeldDatabase, caller: Planning) -> dict[str, Any]:
    """Answer which items that ride a trip would be planned again, and when each would be there; nothing is changed.

    Of more than a thousand items on it, the first thousand are looked at.
    """
    asked = await read_json(request, PreviewAskShape)
    ground = (await resources(request)).ground
    state = await ground.snapshot.follow()
    if asked.cancel and (asked.delay_seconds or asked.from_call or asked.skipped):
        raise InvalidInput(Fault("/cancel", "A trip that does not run is neither late nor shortened."))
    said = None if asked.cancel else _said(state, asked)
    check_planner(caller, _trip(state, asked).operator)
    async with held.connection() as connection:
        count, loans = await list_riding_loans(connection, asked.trip_id, asked.service_date, limit=MOST_PREVIEWED)
    would = await aside(as_if, state, asked.trip_id, asked.service_date, said)
    found = await aside(preview, would, loans, at=ground.clock.now())
    return {"trip_id": asked.trip_id, "service_date": asked.service_date, "items": count, "replanned": found}


@router.get(
    "/changes",
    summary="List trips that are late or skip stops",
    response_model=Page[TripChangeShape],
    dependencies=[Depends(requires())],
    responses={200: {"content": {"application/json": {"example": {"items": [CHANGED], "next_cursor": None}}}}},
)
async def read_changes(
    held: HeldDatabase,
    since: Annotated[Day | None, Query(description="Only those from this service day on.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Answer the trips that run otherwise than planned, by service day and trip."""
    async with held.connection() as connection:
        rows = await list_changes(connection, since=since, after=after_run(cursor), limit=limit + 1)
    return page([change_document(row) for row in rows], run_keys(rows), limit)


@router.get(
    "/{trip_id:path}/{service_date}/said",
    summary="Read what is said of a trip",
    response_model=WordShape,
    dependencies=[Depends(requires())],
    responses={
        200: {"content": {"application/json": {"example": WORD}}},
        **documented(UnknownTrip, InvalidInput, NotReady),
    },
)
async def read_said(
    request: Request,
    response: Response,
    held: HeldDatabase,
    trip_id: Annotated[
        str, Path(description="The trip's id.", max_length=200, pattern=r"^[^\x00]*$", examples=["DR-1-0800"])
    ],
    service_date: Annotated[Day, Path(description="The service day.")],
) -> dict[str, Any]:
    """Answer how a trip runs otherwise on a day, and whether it was cancelled; null: nobody said so.

    `revision`, also the `ETag`, changes with what people say and with cancellations, not with how late a feed says it
    is. Send it as `If-Match` with what you say of the trip, so that nobody's word is overwritten unseen.
    """
    state = await (await resources(request)).ground.snapshot.follow()
    async with held.one_moment() as connection:
        word = await read_word(connection, trip_id, service_date)
    if word.change is None and word.cancellation is None:
        find_run(state, trip_id, service_date)
    response.headers["ETag"] = f'"{word.revision}"'
    return word.document()


@router.delete(
    "/changes/{trip_id:path}/{service_date}",
    status_code=204,
    summary="Say that a trip runs as planned after all",
    responses={
        204: {"description": "It runs as planned."},
        **documented(SaidOtherwise, UnknownTripChange, InvalidInput),
    },
)
async def restore_times(
    request: Request,
    held: HeldDatabase,
    caller: Planning,
    trip_id: Annotated[
        str, Path(description="The trip's id.", max_length=200, pattern=r"^[^\x00]*$", examples=["DR-1-0800"])
    ],
    service_date: Annotated[Day, Path(description="The service day.")],
    if_match: IfSaid = "*",
) -> Response:
    """Take back what was said of a trip, by hand or by a feed: items that are there sooner ride it again.

    In the place of what a feed said comes a planner's word without delays and skipped calls: it runs as planned,
    whatever the feed says next. Take that back too, and the feed is followed again.
    """
    async with held.connection() as connection:
        row = await get_change(connection, trip_id, service_date)
        check_planner(caller, row["operator"])
    ground = (await resources(request)).ground
    await as_planned(ground, trip_id, service_date, by=signed(caller, None), seen=seen_in(if_match))
    return Response(status_code=204)


@router.get(
    "/replanned",
    summary="See what was planned again",
    response_model=Page[ReplanShape],
    responses={200: {"content": {"application/json": {"example": REPLANS}}}},
)
async def read_replanned(
    request: Request,
    held: HeldDatabase,
    caller: Watching,
    since: Annotated[
        Moment | None, Query(description="From this moment on; left out: of the last twelve hours.")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Answer the items that were planned again, the newest first: by what no longer ran, was late, or was missed.

    A planner sees those that its own POI drives now, on their way.
    """
    since = since or (await resources(request)).clock.now() - LATELY
    operators = None if caller.sees_everything else own_operators(caller)
    async with held.connection() as connection:
        rows = await list_replanned(
            connection, since=since, operators=operators, before=_before(cursor), limit=limit + 1
        )
    return page([_replanned(row) for row in rows], [str(row["id"]) for row in rows], limit)


def _replanned(row: Row) -> dict[str, Any]:
    back = row["item"] == "on_the_way_back"
    ends = (row["supplying_location"], row["pickup_location"])
    data = row["data"] or {}
    return {
        "id": row["id"],
        "at": row["at"],
        "loan_request": row["loan_request"],
        "from_location": ends[1] if back else ends[0],
        "to_location": ends[0] if back else ends[1],
        "expected_before": data.get("expected_before"),
        "expected_at": data.get("expected_at"),
        "note": row["note"],
    }


def _trip(state: State, asked: ChangeTripShape) -> Any:
    try:
        return find_trip(state, asked.trip_id, asked.service_date)
    except LegRefused as refused:
        raise InvalidInput(Fault(f"/{refused.field}", str(refused))) from None


def _said(state: State, asked: ChangeTripShape) -> Change:
    _trip(state, asked)
    trip = find_dated_trip(state.network, asked.trip_id, asked.service_date)
    if trip is None:
        raise InvalidInput(Fault("/trip_id", f"{asked.trip_id} has but one call, and moves nothing."))
    try:
        return changed_by_hand(
            trip,
            delay_seconds=asked.delay_seconds,
            since=None if asked.from_call is None else _stopping(asked.from_call),
            skipped=[_stopping(each) for each in asked.skipped],
        )
    except Unfit as unfit:
        raise InvalidInput(Fault(f"/{unfit.field}", unfit.detail)) from None


def _stopping(asked: CallAskShape) -> Stopping:
    return Stopping(asked.location, asked.visit)


def _before(cursor: str | None) -> int | None:
    found = after(cursor, str)
    if found is None:
        return None
    if not (found.isascii() and found.isdigit() and len(found) < 19):
        raise InvalidInput(Fault("/cursor", "This is not the next_cursor of any page."))
    return int(found)
