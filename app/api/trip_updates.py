"""Takes GTFS-Realtime in: what a feed says of today's trips is known at once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request

from app.api.bodies import read_protobuf
from app.api.dependencies import Caller, requires, resources
from app.api.holdings_shapes import ReportShape
from app.api.parties import own_operators, signed
from app.aside import aside
from app.imports.report import UnreadableFile
from app.imports.trip_updates import read_feed
from app.lending.snapshot import NotReady
from app.planning.follow_updates import follow_updates
from app.problems import BadRequest, TooLarge, UnsupportedMediaType, documented
from app.resources import Resources
from app.telemetry import count_import

router = APIRouter(prefix="/v1/imports", tags=["Imports"])

HeldResources = Annotated[Resources, Depends(resources)]
Planner = Annotated[Caller, Depends(requires("planner", "admin"))]


@router.post(
    "/trip-updates",
    summary="Import trip updates",
    response_model=ReportShape,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/x-protobuf": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
    responses=documented(BadRequest, TooLarge, UnsupportedMediaType, UnreadableFile, NotReady),
)
async def post_trip_updates(request: Request, held: HeldResources, caller: Planner) -> dict[str, Any]:
    """Take in a FeedMessage of GTFS-Realtime, at most 8 MiB: late and cancelled trips, and skipped stops.

    Of a trip that it names, it says everything; of a planner's own trips that it does not name (`FULL_DATASET`), it
    says that they run as planned, and what an earlier feed said of them is taken back, unless they have ended. What a
    planner has said of a trip stands. The same feed again changes nothing. Items that ride what changed are planned
    again, as with `POST /v1/trips/changes`.

    By the `timestamp` of its header a feed is followed in its order: of operators of whose trips the same sender sent
    a newer one it changes nothing, and one that is more than five minutes ahead of our clock is not followed at all;
    `notes` says so. A trip without `start_date` is the run that is under way, or else nearest.

    `line` of a reject counts the feed's entities from 1 (0 is its header): trips that the active network does not
    have on that day, trips of others than the key plans for, trips that the timetable does not have (`ADDED` …),
    calls that the trip does not make, and delays of more than a day.
    """
    feed = await aside(read_feed, await read_protobuf(request))
    async with held.importing:
        report = await follow_updates(held.ground, feed, own=own_operators(caller), by=signed(caller, None))
    count_import("trip-updates", **report.outcomes())
    return report.document()
