"""The map: provinces, locations, hubs and routes, what goes on at each, and the way of an item."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from app.console.asking import Asked, asked, body_of
from app.console.frame import render
from app.console.places import active_version, names
from app.console.visitor import Visitor, visitor

router = APIRouter(prefix="/console/map", include_in_schema=False)

Looking = Annotated[Visitor, Depends(visitor)]
Id = Annotated[str, Query(max_length=200)]
DAYS = 7
# The words that the script says.
SAID = (
    "location",
    "hub",
    "route",
    "line_haul",
    "ferry",
    "more",
    "now_here",
    "now_riding",
    "now_unknown",
    "not_drawn",
    "failed",
    "count",
    "routes_count",
)


@router.get("")
async def show(
    looking: Looking,
    question: Annotated[Asked, Depends(asked)],
    loan: Annotated[str | None, Query(max_length=40)] = None,
    decision: Annotated[str | None, Query(max_length=10)] = None,
    rank: Annotated[int, Query(ge=1, le=1000)] = 1,
) -> Response:
    """Show the map, with the way of a loan request's item or of a decision's entry where one is asked for."""
    version = await active_version(looking)
    if version is None:
        return render(looking, "map.html", version=None)
    way = None
    if loan is not None:
        way = await _way_of_loan(looking, loan)
    elif decision is not None:
        way = await _way_of_decision(looking, question, rank)
    return render(
        looking,
        "map.html",
        version=version,
        way=way,
        place=await names(looking) if way else {},
        said={word: looking.say(f"map.{word}", count="{count}") for word in SAID},
        weekdays=[looking.writing.day(f"2024-01-0{day}", "EEEE") for day in range(1, 8)],
    )


async def _way_of_loan(looking: Visitor, loan: str) -> dict[str, Any]:
    path = f"/v1/loan-requests/{quote(loan, safe='')}"
    way = await looking.api.get(f"{path}/way")
    found = await looking.api.get(path)
    return {
        "title": looking.say("map.of_loan", number=found["requesting_agency_request_id"]),
        "address": f"/console/loans/{found['id']}",
        "parts": [{"what": name, "legs": way[name]} for name in ("there", "back") if way[name]],
        "there_as": way["there_as"],
        "now": way["now"],
    }


async def _way_of_decision(looking: Visitor, question: Asked, rank: int) -> dict[str, Any]:
    found = await looking.api.post("/v1/decisions", {**body_of(question), "limit": max(rank, 10)})
    entry = next((each for each in found["rota"] if each["rank"] == rank), None)
    return {
        "title": looking.say("map.of_decision", rank=rank),
        "address": f"/console/decisions?{question.query}",
        "parts": [{"what": "there", "legs": entry["legs"]}] if entry else [],
        "there_as": "decided",
        "now": None,
    }


@router.get("/document")
async def read_document(request: Request, looking: Looking, version: Id) -> Response:
    """Hand the map of a version on, as the API sends it."""
    wanted = {name: request.headers[name] for name in ("accept-encoding", "if-none-match") if name in request.headers}
    found = await looking.api.pass_on(f"/v1/network/versions/{quote(version, safe='')}/map", wanted)
    return Response(
        found.body, status_code=found.status, headers={**found.headers, "x-content-type-options": "nosniff"}
    )


@router.get("/location")
async def show_location(looking: Looking, id: Id) -> Response:
    """Show who serves a location and when, what it holds, and what is under way to and from it."""
    path = f"/v1/locations/{quote(id, safe='')}"
    found = await looking.api.get(f"{path}/overview")
    calls = await looking.api.get(f"{path}/calls", days=DAYS)
    by_day: dict[str, list[dict[str, Any]]] = {}
    for call in calls["calls"]:
        by_day.setdefault(looking.writing.day(call["arrives_at"][:10], "EEEE d MMM"), []).append(call)
    return render(
        looking,
        "map_location.html",
        found=found,
        calls=by_day,
        days=DAYS,
        served_by=sorted({(call["operator"], call["route_id"]) for call in calls["calls"]}),
        place=await names(looking),
    )


@router.get("/route")
async def show_route(looking: Looking, version: Id, id: Id) -> Response:
    """Show a route's timetable, and what rides on it on the days to come."""
    path = f"/v1/network/versions/{quote(version, safe='')}"
    route = await looking.api.get(f"{path}/routes/{quote(id, safe='')}")
    trips = await looking.api.items(f"{path}/trips", route=id)
    services = {service["id"]: service for service in await looking.api.items(f"{path}/services")}
    load = await looking.api.get(f"/v1/network/routes/{quote(id, safe='')}/load", days=DAYS)
    return render(
        looking,
        "map_route.html",
        route=route,
        tables=_tables(trips, services, looking),
        load=load,
        days=DAYS,
        place=await names(looking),
    )


def _tables(
    trips: list[dict[str, Any]], services: dict[str, dict[str, Any]], looking: Visitor
) -> list[dict[str, Any]]:
    """A table for all trips that call at the same stops: a row for each stop, and a column for each trip."""
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for trip in trips:
        found.setdefault(tuple(call["stop_id"] for call in trip["stop_times"]), []).append(trip)
    return [
        {
            "stops": stops,
            "trips": [{**trip, "days": _days(services[trip["service_id"]], looking)} for trip in alike],
        }
        for stops, alike in found.items()
    ]


def _days(service: dict[str, Any], looking: Visitor) -> str:
    """The weekdays of a service, or how many single days it has."""
    named = [
        looking.writing.day(f"2024-01-0{day}", "EEEEEE") for day, runs in enumerate(service["weekdays"], 1) if runs
    ]
    return " ".join(named) or looking.say("map.single_days", count=len(service["added"]))
