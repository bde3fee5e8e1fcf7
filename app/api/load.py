"""What the vans are going to carry in the coming weeks: under way and forecast, by leg, by route, and one trip."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Depends, Path, Query

from app.api.dependencies import Caller, requires, resources
from app.api.load_shapes import LEGS, ROUTES, TRIP, LoadedLegsShape, LoadedRoutesShape, LoadedTripShape
from app.api.paging import Cursor, Limit, after, page
from app.api.schemas import Day
from app.aside import aside
from app.lending.snapshot import NotReady
from app.planning.foresight import MOST_AHEAD, Load
from app.planning.load_rows import Key, behind, legs_of, routes_of, trips_of
from app.problems import Fault, InvalidInput, NotFound, documented
from app.resources import Resources
from app.store.register import TIMEZONE
from routing.network import trip_positions

router = APIRouter(prefix="/v1/load", tags=["Load"])

MOST_DAYS = 14
Planning = Annotated[Caller, Depends(requires("planner", "reader", "admin"))]
Held = Annotated[Resources, Depends(resources)]
From = Annotated[
    Day | None,
    Query(alias="from", description=f"The first day, from today to {MOST_AHEAD - 1} days ahead; left out: today."),
]
Days = Annotated[int, Query(ge=1, le=MOST_DAYS, description="How many days.")]
Operator = Annotated[str | None, Query(max_length=200, description="Only what this operator drives: its name.")]
Route = Annotated[str | None, Query(max_length=200, description="Only the trips of this route: its id.")]


@router.get(
    "",
    summary="Expect the load of every leg",
    response_model=LoadedLegsShape,
    responses={200: {"content": {"application/json": {"example": LEGS}}}, **documented(NotReady)},
)
async def read_legs(
    held: Held,
    caller: Planning,
    since: From = None,
    days: Days = MOST_DAYS,
    operator: Operator = None,
    route: Route = None,
    overfull: Annotated[bool, Query(description="Only legs that are expected to be overfull.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Answer every ride between two calls on every day, with the items and crates that it is going to carry.

    Under way is what is planned for loan requests and returns that were handed to the vans; the forecast is of what
    is still to be handed over, learned from a year of history (docs/load.md). Legs come by day, route and departure.
    """
    last = _last(cursor)
    load = await _look(held, since, days)
    found = await aside(
        _a_page,
        load,
        trips_of(load, operator=operator, route=route),
        last,
        overfull=overfull,
        most=limit + 1,
        items_per_crate=held.settings.items_per_crate,
    )
    places = [orjson.dumps(place).decode() for place, _ in found]
    return {**_head(held, load), **page([row for _, row in found], places, limit)}


@router.get(
    "/routes",
    summary="Expect the load of every route by day",
    response_model=LoadedRoutesShape,
    responses={200: {"content": {"application/json": {"example": ROUTES}}}, **documented(NotReady)},
)
async def read_routes(
    held: Held,
    caller: Planning,
    since: From = None,
    days: Days = MOST_DAYS,
    operator: Operator = None,
    route: Route = None,
) -> dict[str, Any]:
    """Answer for every route and day how many items board, and which leg is fullest."""
    load = await _look(held, since, days)
    keys = trips_of(load, operator=operator, route=route)
    found = await aside(routes_of, load, keys, items_per_crate=held.settings.items_per_crate)
    return {**_head(held, load), "items": found}


@router.get(
    "/trips/{trip_id:path}/{service_date}",
    summary="See what stands behind the load of a trip",
    response_model=LoadedTripShape,
    responses={
        200: {"content": {"application/json": {"example": TRIP}}},
        **documented(NotReady, NotFound, InvalidInput),
    },
)
async def read_trip(
    held: Held,
    caller: Planning,
    trip_id: Annotated[
        str, Path(description="The trip's id.", max_length=200, pattern=r"^[^\x00]*$", examples=["DR-1-0800"])
    ],
    service_date: Annotated[Day, Path(description="The service day.", examples=["2026-11-30"])],
) -> dict[str, Any]:
    """Answer a trip leg by leg: which loan requests are on board, and between which places the rest is expected.

    A planner is told of the loan requests in its own operator's vans.
    """
    load = await _look(held, service_date, 1, named="/service_date")
    trip = trip_positions(load.network).get(trip_id)
    keys = [] if trip is None else [key for key in trips_of(load, operator=None, route=None) if key[3] == trip]
    if trip is None or not keys:
        raise NotFound(f"No trip {trip_id} runs on {service_date}.")
    legs = [row for _, row in legs_of(load, keys, items_per_crate=held.settings.items_per_crate)]
    shown = caller.sees_everything or legs[0]["operator"] in caller.drives
    found = [
        {**leg, "loan_requests": loans if shown else None, "pairs": pairs, "pairs_in_all": count}
        for leg, (loans, pairs, count) in zip(legs, await aside(behind, load, trip, service_date), strict=True)
    ]
    return {**_head(held, load), "items": found}


async def _look(held: Resources, since: date | None, days: int, *, named: str = "/from") -> Load:
    now = held.clock.now()
    today = now.astimezone(ZoneInfo(TIMEZONE)).date()
    first = since or today
    if not 0 <= (first - today).days <= MOST_AHEAD - days:
        last = today + timedelta(days=MOST_AHEAD - days)
        raise InvalidInput(Fault(named, f"Takes a day from {today} to {last} here."))
    return await held.foresight.look(held.database, held.snapshot, now=now, first=first, days=days)


def _head(held: Resources, load: Load) -> dict[str, Any]:
    grid, outlook = load.forecast, load.outlook
    model = outlook.model
    return {
        "since": grid.first,
        "until": grid.first + timedelta(days=grid.days),
        "made_at": held.clock.now(),
        "network_version": load.network.version,
        "items_per_crate": held.settings.items_per_crate,
        "model": {
            "since": outlook.since,
            "until": outlook.until,
            "items": outlook.items,
            "school_holiday": round(float(model.kind[1]), 3),
            "public_holiday": round(float(model.kind[2]), 3),
            "scatter": round(model.scatter.scatter, 3),
            "swing": round(model.scatter.swing, 3),
        },
        "elsewhere": load.elsewhere,
        "unplaced": round(load.dealt.unplaced, 2),
    }


Place = tuple[str, str, int, str, int]
"""Where a leg stands in the list: day, route, first departure, trip and sequence."""


def _a_page(
    load: Load, keys: list[Key], last: Place | None, *, overfull: bool, most: int, items_per_crate: int
) -> list[tuple[Place, dict[str, Any]]]:
    """Return `most` legs, or what there is, after the last one of the page before."""
    found: list[tuple[Place, dict[str, Any]]] = []
    left = [key for key in keys if last is None or _place(load, key, 0)[:4] >= last[:4]]
    for at in range(0, len(left), most):
        for key, row in legs_of(load, left[at : at + most], items_per_crate=items_per_crate):
            place = _place(load, key, row["sequence"])
            if (row["overfull"] or not overfull) and (last is None or place > last):
                found.append((place, row))
        if len(found) >= most:
            break
    return found[:most]


def _place(load: Load, key: Key, sequence: int) -> Place:
    day = load.forecast.first + timedelta(days=key[0])
    return day.isoformat(), key[1], key[2], load.network.timetable.trips[key[3]].id, sequence


def _last(cursor: str | None) -> Place | None:
    found = after(cursor, str)
    if found is None:
        return None
    try:
        day, route, departure, trip, sequence = orjson.loads(found)
        return str(day), str(route), int(departure), str(trip), int(sequence)
    except (ValueError, TypeError):
        raise InvalidInput(Fault("/cursor", "This is not the next_cursor of any page.")) from None
