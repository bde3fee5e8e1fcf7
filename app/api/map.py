"""The map: a network version as one document, and what is asked of a location or a route that somebody points at."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import database, requires, resources
from app.api.map_shapes import CallsShape, LoadShape, MapShape, OverviewShape
from app.api.network import VersionId
from app.api.network_shapes import RouteShape
from app.api.schemas import NO_NUL, Day
from app.database import Database
from app.imports.gtfs_fields import LONGEST_ID
from app.lending.snapshot import NotReady
from app.planning.calls import calls_at
from app.problems import Fault, InvalidInput, documented
from app.resources import Resources
from app.store.agencies import UnknownPlace, get_location
from app.store.network_versions import VersionUnknown, find_active, get_number
from app.store.passing import count_at, count_on, count_shelf
from app.store.timetable_pages import RouteUnknown, get_route

router = APIRouter(prefix="/v1", dependencies=[Depends(requires())])

HeldDatabase = Annotated[Database, Depends(database)]
HeldResources = Annotated[Resources, Depends(resources)]
MOST_DAYS = 31
LAST_DAY = date(2899, 12, 31)


def _id(what: str, example: str) -> Any:
    return Path(description=what, max_length=LONGEST_ID, pattern=NO_NUL, examples=[example])


LocationId = Annotated[str, _id("The location's id, an ISIL for most.", "NL-0800070001")]
RouteId = Annotated[str, _id("The route's id.", "DR-1")]
From = Annotated[Day | None, Query(alias="from", description="First day; left out: today.")]
Days = Annotated[int, Query(ge=1, le=MOST_DAYS, description="How many days, the first included.")]


@router.get(
    "/network/versions/{version}/map",
    summary="A version as a map",
    tags=["Network"],
    response_class=Response,
    responses={
        200: {"model": MapShape, "description": "The map; compressed for whoever accepts gzip."},
        304: {"description": "It is the one that `If-None-Match` names."},
        **documented(VersionUnknown),
    },
)
async def read_map(request: Request, held: HeldResources, version: VersionId) -> Response:
    """Answer every location, route and the ways it is driven, in one document.

    It is made once for a version and the register of the day, and has an ETag: send it back as `If-None-Match`.
    """
    kept = await held.maps.of(held.database, version)
    headers = {"ETag": kept.tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Authorization"}
    if kept.tag in [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(kept.body, media_type="application/json", headers=headers)
    return Response(kept.packed, media_type="application/json", headers={**headers, "Content-Encoding": "gzip"})


@router.get(
    "/network/versions/{version}/routes/{route:path}",
    summary="Look at a route",
    tags=["Network"],
    response_model=RouteShape,
    responses=documented(VersionUnknown, RouteUnknown),
)
async def read_route(held: HeldDatabase, version: VersionId, route: RouteId) -> dict[str, Any]:
    """Answer one route and who drives it; `GET /v1/network/versions/{version}/trips?route=` is its timetable."""
    async with held.one_moment() as connection:
        return await get_route(connection, await get_number(connection, version), route)


@router.get(
    "/network/routes/{route:path}/load",
    summary="What rides on a route",
    tags=["Network"],
    response_model=LoadShape,
    responses=documented(NotReady, RouteUnknown),
)
async def read_load(held: HeldResources, route: RouteId, first: From = None, days: Days = 7) -> dict[str, Any]:
    """Answer how many items ride on its trips on the days to come, of the loan requests whose item is under way now.

    An item counts on every ride that is planned for it, by where it gets on and where off. What has not been sent yet
    has no ride.
    """
    begin = await _first_day(held, first, days)
    async with held.database.one_moment() as connection:
        version = await find_active(connection)
        if version is None:
            raise NotReady("No network version is active: import one and activate it.")
        await get_route(connection, await get_number(connection, version), route)
        rides = await count_on(connection, route, since=begin, until=begin + timedelta(days=days))
    return {"route": route, "from": begin, "days": days, "rides": rides}


@router.get(
    "/locations/{id:path}/calls",
    summary="Which vans call at a location",
    tags=["Agencies"],
    response_model=CallsShape,
    responses=documented(UnknownPlace, NotReady),
)
async def read_calls(held: HeldResources, id: LocationId, first: From = None, days: Days = 7) -> dict[str, Any]:
    """Answer every call of the active network on the days to come, by time, also those that do not run after all."""
    async with held.database.one_moment() as connection:
        await get_location(connection, id)
    begin = await _first_day(held, first, days)
    state = await held.snapshot.follow()
    calls = calls_at(state.network, id, first=begin, days=days)
    return {
        "network_version": state.network.version,
        "location": id,
        "from": begin,
        "days": days,
        "calls": [call._asdict() for call in calls],
    }


@router.get(
    "/locations/{id:path}/overview",
    summary="What goes on at a location",
    tags=["Agencies"],
    response_model=OverviewShape,
    responses=documented(UnknownPlace),
)
async def read_overview(held: HeldDatabase, id: LocationId) -> dict[str, Any]:
    """Answer a location, what it holds, and how many loan requests are under way to and from it.

    `GET /v1/loan-requests?location=` lists those of these that a key may see.
    """
    async with held.one_moment() as connection:
        location = await get_location(connection, id)
        shelf = await count_shelf(connection, id)
        under_way = await count_at(connection, id)
    holdings = [{"system": location["system"], **shelf}] if shelf["titles"] else []
    return {"location": location, "holdings": holdings, "under_way": under_way}


async def _first_day(held: Resources, first: date | None, days: int) -> date:
    if first is None:
        state = await held.snapshot.follow()
        return held.clock.now().astimezone(state.network.zone).date()
    if first > LAST_DAY - timedelta(days=days):
        raise InvalidInput(Fault("/from", f"Takes a day before {LAST_DAY}."))
    return first
