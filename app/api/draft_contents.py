"""What is in a draft: its routes, trips, services and stops as they would be, and what is amiss with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.api.dependencies import Caller
from app.api.draft_shapes import PlannedRouteShape, PlannedServiceShape, PlannedTripShape, WarningShape
from app.api.drafts import READING, DraftId, HeldResources, Looking
from app.api.network_shapes import StopShape
from app.api.paging import Cursor, Limit, Page, after, page
from app.api.parties import own_operators
from app.aside import aside
from app.planning.breaks import check_breaks
from app.planning.drafts import look
from app.planning.edits import service_document, trip_document
from app.planning.plan import Plan
from app.problems import documented
from app.resources import Resources
from app.store.drafts import UnknownDraft

router = APIRouter(prefix="/v1/network/drafts/{draft}", tags=["Drafts"])

RouteId = Annotated[
    str | None, Query(description="Of this route only.", max_length=200, pattern=r"^[^\x00]*$", examples=["DR-1"])
]
Own = Annotated[bool, Query(description="Only what the caller may activate changes of.")]


def drives(plan: Plan, caller: Caller, operator: str) -> bool:
    """Say whether a caller may activate changes of what an operator (by id) drives."""
    own = own_operators(caller)
    return own is None or operator in own or plan.operators[operator].name in own


async def plan_of(held: Resources, draft: int) -> Plan:
    """Return a draft as it stands. Raises UnknownDraft."""
    return await held.workshop.plan(await look(held.database, draft))


async def listed(
    rows: Callable[[], Sequence[dict[str, Any]]], key: str, cursor: str | None, limit: int
) -> dict[str, Any]:
    """Return a page of rows that are ordered by their key, a text."""
    last = after(cursor, str)
    found = await aside(rows)
    rest = [row for row in found if last is None or row[key] > last][: limit + 1]
    return page(rest, [row[key] for row in rest], limit)


@router.get(
    "/routes",
    summary="List the routes of a draft",
    response_model=Page[PlannedRouteShape],
    responses=documented(UnknownDraft),
)
async def read_routes(
    held: HeldResources, caller: Looking, draft: DraftId, own: Own = False, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer its routes as they would be, by id."""
    plan = await plan_of(held, draft)

    def rows() -> list[dict[str, Any]]:
        trips: dict[str, int] = {}
        for _, route, _ in plan.heads():
            trips[route] = trips.get(route, 0) + 1
        return [
            {
                "id": route.id,
                "operator_id": route.operator,
                "operator": plan.operators[route.operator].name,
                "short_name": route.short_name,
                "long_name": route.long_name,
                "route_type": route.route_type,
                "trips": trips.get(route.id, 0),
                "yours": yours,
            }
            for _, route in sorted(plan.routes.items())
            if (yours := drives(plan, caller, route.operator)) or not own
        ]

    return await listed(rows, "id", cursor, limit)


@router.get(
    "/trips",
    summary="List the trips of a draft",
    response_model=Page[PlannedTripShape],
    dependencies=READING,
    responses=documented(UnknownDraft),
)
async def read_trips(
    held: HeldResources, draft: DraftId, route_id: RouteId = None, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer its trips as they would be, each with every call, by id."""
    plan = await plan_of(held, draft)
    last = after(cursor, str)

    def rows() -> list[dict[str, Any]]:
        ids = sorted(id for id, route, _ in plan.heads() if route_id in (None, route) and (last is None or id > last))
        return [trip_document(plan.trip(id)) for id in ids[: limit + 1]]

    return await listed(rows, "id", cursor, limit)


@router.get(
    "/services",
    summary="List the service days of a draft",
    response_model=Page[PlannedServiceShape],
    responses=documented(UnknownDraft),
)
async def read_services(
    held: HeldResources, caller: Looking, draft: DraftId, own: Own = False, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer its services as they would be, by id, with whose trips run on their days."""
    plan = await plan_of(held, draft)

    def rows() -> list[dict[str, Any]]:
        used: dict[str, list[str]] = {}
        for _, route, of in plan.heads():
            used.setdefault(of, []).append(plan.routes[route].operator)
        found = []
        for id, service in sorted(plan.services.items()):
            operators = used.get(id, [])
            drivers = sorted(set(operators))
            mine = [drives(plan, caller, operator) for operator in drivers]
            if own and drivers and not any(mine):
                continue
            found.append(
                {
                    **service_document(service),
                    "trips": len(operators),
                    "operators": [plan.operators[operator].name for operator in drivers],
                    "yours": all(mine),
                }
            )
        return found

    return await listed(rows, "id", cursor, limit)


@router.get(
    "/stops",
    summary="List the stops of a draft",
    response_model=Page[StopShape],
    dependencies=READING,
    responses=documented(UnknownDraft),
)
async def read_stops(
    held: HeldResources,
    draft: DraftId,
    hubs: Annotated[bool, Query(description="Only those where items may change trips.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Answer its stops as they would be, by id."""
    plan = await plan_of(held, draft)

    def rows() -> list[dict[str, Any]]:
        stops = (stop for _, stop in sorted(plan.stops.items()))
        return [asdict(stop) for stop in stops if stop.handling_seconds is not None or not hubs]

    return await listed(rows, "id", cursor, limit)


@router.get(
    "/warnings",
    summary="List the trips of a draft with too short a break",
    response_model=Page[WarningShape],
    dependencies=READING,
    responses=documented(UnknownDraft),
)
async def read_warnings(
    held: HeldResources, draft: DraftId, route_id: RouteId = None, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer the trips that would ask too much of one driver (Arbeidstijdenwet, article 5:4), by id.

    A break is where the van stands between arrival and departure. Nothing is refused for it: another driver may take
    over, which no timetable says.
    """
    plan = await plan_of(held, draft)

    def rows() -> list[dict[str, Any]]:
        ids = sorted(id for id, route, _ in plan.heads() if route_id in (None, route))
        return [asdict(short) for id in ids if (short := check_breaks(plan.trip(id)))]

    return await listed(rows, "trip", cursor, limit)
