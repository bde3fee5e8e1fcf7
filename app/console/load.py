"""What the vans are going to carry: routes by day, a route's legs, and one trip with what is behind it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from app.console.frame import render
from app.console.visitor import Visitor, visitor

router = APIRouter(prefix="/console/load", include_in_schema=False)

Looking = Annotated[Visitor, Depends(visitor)]
Name = Annotated[str, Query(max_length=200)]
Start = Annotated[str, Query(max_length=10, alias="from")]


@router.get("")
async def show(looking: Looking, operator: Name = "", first: Start = "") -> Response:
    """Show routes by day, those that are expected to be overfull first."""
    load = await looking.api.get("/v1/load/routes", **{"from": first or None})
    rows = [row for row in load["items"] if operator in ("", row["operator"])]
    days = _days(load)
    return render(
        looking,
        "load.html",
        load=load,
        days=days,
        routes=_by_route(rows),
        totals=(totals := [_total(day, rows) for day in days]),
        drawn=json.dumps([[total[part] for total in totals] for part in ("at", "under_way", "expected")]),
        operators=sorted({row["operator"] for row in load["items"]}),
        operator=operator,
        full=sum(row["overfull_legs"] for row in rows),
    )


def _days(load: dict[str, Any]) -> list[str]:
    first, last = date.fromisoformat(load["since"]), date.fromisoformat(load["until"])
    return [(first + timedelta(days=ahead)).isoformat() for ahead in range((last - first).days)]


def _by_route(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each route with its days; the fullest first."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        route = found.setdefault(row["route_id"], {"id": row["route_id"], "operator": row["operator"], "days": {}})
        route["days"][row["service_date"]] = row
    return sorted(
        found.values(), key=lambda route: (-sum(d["overfull_legs"] for d in route["days"].values()), route["id"])
    )


def _total(day: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    here = [row for row in rows if row["service_date"] == day]
    items = {
        part: round(sum(row["items"][part] for row in here), 1) for part in ("under_way", "forecast", "expected")
    }
    noon = (date.fromisoformat(day) - date(1970, 1, 1)).days * 86_400 + 43_200
    return {"day": day, "at": noon, **items, "overfull": sum(row["overfull_legs"] for row in here)}


@router.get("/route")
async def show_route(looking: Looking, route: Name, day: Annotated[str, Query(max_length=10)]) -> Response:
    """Show the legs of a route on a day."""
    legs = await looking.api.items("/v1/load", **{"from": day, "days": 1, "route": route})
    return render(
        looking, "load_route.html", route=route, day=day, trips=_by_trip(legs), place=await _places(looking)
    )


def _by_trip(legs: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for leg in legs:
        found.setdefault(leg["trip_id"], []).append(leg)
    return list(found.items())


@router.get("/trip")
async def show_trip(looking: Looking, trip: Name, day: Annotated[str, Query(max_length=10)]) -> Response:
    """Show a trip leg by leg, with the loan requests on board and where the rest is expected from."""
    load = await looking.api.get(f"/v1/load/trips/{quote(trip, safe='')}/{quote(day, safe='')}")
    return render(looking, "load_trip.html", trip=trip, day=day, load=load, place=await _places(looking))


async def _places(looking: Visitor) -> dict[str, str]:
    """Return the names of all locations by id."""
    return {row["id"]: row["name"] for row in await looking.api.items("/v1/locations")}
