"""A route of a draft: its trips as grids, edited with the keyboard, and saved where nobody else changed the draft."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app.console.api import Refused
from app.console.frame import go, render
from app.console.grid import (
    Column,
    Document,
    Grid,
    NoTime,
    calls_in,
    grids_of,
    meet_theirs,
    number_or_text,
    said_of,
    shifted,
    trip_from,
    with_row,
)
from app.console.refusals import fault_told, told
from app.console.visitor import Visitor, visitor

router = APIRouter(prefix="/console/timetable/drafts/{draft}/route", include_in_schema=False)

Looking = Annotated[Visitor, Depends(visitor)]
RouteId = Annotated[str, Query(max_length=200)]
LATE, WRONG = 412, 422
MANY = 1000  # grids of a route, more than any has


@router.get("")
async def show(looking: Looking, draft: int, route: RouteId) -> Response:
    """Show the trips of a route."""
    found = await _found(looking, draft, route)
    return _page(looking, found, grids_of(found["trips"]))


@router.post("")
async def save(looking: Looking, request: Request, draft: int, route: RouteId) -> Response:
    """Save the grids: what was typed becomes changes of the draft, all together; or add a row to one of them."""
    form = await request.form()
    found = await _found(looking, draft, route)
    trips = {trip["id"]: trip for trip in found["trips"]}
    grids = [_typed(form, trips, number) for number in range(_number(form, "grids"))]
    shown = str(form.get("revision", ""))
    if "add" in form:
        added = _add_row(form, grids)
        return _page(looking, found, grids, revision=shown, added=added)
    try:
        changes = [change for grid in grids for change in _changes(grid)]
    except NoTime as fault:
        said = [looking.say("draft.no_time", text=str(fault)[:40])]
        return _page(looking, found, grids, said=said, revision=shown)
    if not changes:
        return go(looking, _address(draft, route))
    try:
        await send(looking, draft, changes, form)
    except Refused as refused:
        if refused.status not in (LATE, WRONG):
            raise
        found = await _found(looking, draft, route)
        return _again(looking, found, grids, refused, changes, shown)
    return go(looking, _address(draft, route))


@router.post("/copy")
async def copy(looking: Looking, request: Request, draft: int, route: RouteId) -> Response:
    """Add a trip that is another one at another time."""
    form = await request.form()
    found = await _found(looking, draft, route)
    trips = {trip["id"]: trip for trip in found["trips"]}
    try:
        made = shifted(trips[str(form.get("of", ""))], str(form.get("id", "")).strip(), str(form.get("first", "")))
    except (NoTime, KeyError) as fault:
        said = [looking.say("draft.no_time", text=str(fault)[:40])]
        return _page(looking, found, grids_of(found["trips"]), said=said)
    if made["id"] in trips:
        said = [looking.say("draft.there_already", id=made["id"])]
        return _page(looking, found, grids_of(found["trips"]), said=said)
    return await _sent(looking, found, [{"op": "put_trip", **made}], form)


@router.post("/trip")
async def add(looking: Looking, request: Request, draft: int, route: RouteId) -> Response:
    """Add a trip that is typed as lines, each a stop and a time."""
    form = await request.form()
    found = await _found(looking, draft, route)
    id, service = (str(form.get(name, "")).strip() for name in ("id", "service"))
    if any(trip["id"] == id for trip in found["trips"]):
        return _page(looking, found, grids_of(found["trips"]), said=[looking.say("draft.there_already", id=id)])
    try:
        calls = calls_in(str(form.get("calls", "")))
    except NoTime as fault:
        said = [looking.say("draft.no_time", text=str(fault)[:40])]
        return _page(looking, found, grids_of(found["trips"]), said=said)
    trip = {"op": "put_trip", "id": id, "route_id": route, "service_id": service, "stop_times": calls}
    return await _sent(looking, found, [trip], form)


async def send(looking: Visitor, draft: int, changes: list[Document], form: FormData) -> None:
    """Send changes, made on the revision that the form's page showed. Raises Refused."""
    await looking.api.send(
        "POST",
        f"/v1/network/drafts/{draft}/changes",
        json={"changes": changes},
        headers={"if-match": str(form.get("revision", "")) or "*"},
    )


async def _sent(looking: Visitor, found: Document, changes: list[Document], form: FormData) -> Response:
    draft, route = found["draft"]["id"], found["route"]["id"]
    try:
        await send(looking, draft, changes, form)
    except Refused as refused:
        if refused.status not in (LATE, WRONG):
            raise
        found = await _found(looking, draft, route)
        others = refused.problem.get("changes") if refused.status == LATE else None
        said = [] if others is not None else told(looking, refused)
        return _page(looking, found, grids_of(found["trips"]), said=said, others=others)
    return go(looking, _address(draft, route))


async def _found(looking: Visitor, draft: int, route: str) -> Document:
    """Everything a page of a route shows; of a moment, for the revision is read first."""
    shown = await looking.api.get(f"/v1/network/drafts/{draft}")
    at = f"/v1/network/drafts/{draft}"
    routes = await looking.api.items(f"{at}/routes")
    found = next((row for row in routes if row["id"] == route), None)
    if found is None:  # or no longer
        raise Refused(404, {"type": "/problems/unknown-route", "detail": route})
    stops = await looking.api.items(f"{at}/stops")
    return {
        "draft": shown,
        "route": found,
        "trips": await looking.api.items(f"{at}/trips", route_id=route),
        "services": await looking.api.items(f"{at}/services"),
        "stops": {stop["id"]: stop["name"] for stop in stops},
        "warnings": await looking.api.items(f"{at}/warnings", route_id=route),
    }


def _number(form: FormData, name: str) -> int:
    """Return a small number that a form of ours says; 0 where it says none."""
    said = str(form.get(name, ""))
    return min(int(said), MANY) if said.isascii() and said.isdecimal() and len(said) < 9 else 0


def _add_row(form: FormData, grids: list[Grid]) -> int:
    """Add the row that a form asks for, and return the number of the grid that got it."""
    number = _number(form, "add")
    stop = str(form.get(f"extra-{number}", ""))
    if stop and number < len(grids):
        with_row(grids[number], stop, min(_number(form, f"after-{number}"), len(grids[number].rows)))
    return number


def _typed(form: FormData, trips: Mapping[str, Document], number: int) -> Grid:
    """Return a grid as it was typed."""
    rows = [str(stop) for stop in form.getlist(f"stop-{number}")]
    columns = []
    for column, id in enumerate(map(str, form.getlist(f"trip-{number}"))):
        at = f"{number}.{column}"
        cells = [str(form.get(f"cell-{at}-{row}", "")) for row in range(len(rows))]
        crates = str(form.get(f"crates-{at}", "")).strip()
        said = {"service_id": str(form.get(f"service-{at}", "")), "headsign": str(form.get(f"headsign-{at}", ""))}
        trip = trips.get(id) or {"id": id, "route_id": str(form.get("route", "")), "short_name": "", "stop_times": []}
        capacity = number_or_text(crates)
        was = [str(form.get(f"was-{at}-{row}", "")) for row in range(len(rows))]
        was_said = {name: str(form.get(f"{name}-{at}-was", "")) for name in ("service", "headsign", "crates")}
        columns.append(
            Column({**trip, **said, "crate_capacity": capacity}, cells, was, was_said, f"delete-{at}" in form)
        )
    return Grid(rows, columns)


def _changes(grid: Grid) -> list[Document]:
    """Return the changes that a typed grid asks for. Raises NoTime."""
    changes: list[Document] = []
    for column in grid.columns:
        trip = column.trip
        if column.is_removed:
            changes.append({"op": "delete_trip", "id": trip["id"]})
            continue
        if column.is_typed:
            changes.append({"op": "put_trip", **trip_from(trip, grid.rows, column.cells)})
    return changes


def _again(
    looking: Visitor,
    found: Document,
    grids: list[Grid],
    refused: Refused,
    changes: list[Document],
    revision: str,
) -> Response:
    """Show what was typed again, with what is wrong, or with what others changed meanwhile."""
    if refused.status == LATE:
        now = {trip["id"]: trip for trip in found["trips"]}
        for grid in grids:
            meet_theirs(grid, now)
        return _page(looking, found, grids, others=refused.problem.get("changes", []))
    said = []
    for fault in refused.faults:
        pointer = str(fault.get("pointer", ""))
        _, _, number, *_ = [*pointer.split("/"), "", ""]
        trip = changes[int(number)]["id"] if number.isdecimal() and int(number) < len(changes) else ""
        line = fault_told(looking, fault)
        said.append(Markup("{} · {}").format(trip, line) if trip else line)
    return _page(looking, found, grids, said=said, revision=revision)


def _page(
    looking: Visitor,
    found: Document,
    grids: list[Grid],
    *,
    said: list[str] | None = None,
    others: Any = None,
    revision: str | None = None,
    added: int | None = None,
) -> Response:
    status = 200 if said is None and others is None else LATE if others is not None else WRONG
    return render(
        looking,
        "timetable_route.html",
        status=200 if looking.by_htmx else status,
        grids=grids,
        added=added,
        said=said or [],
        others=others,
        said_of=said_of,
        revision=found["draft"]["revision"] if revision is None else revision,
        editable=found["draft"]["version"] is None and looking.may("planner"),
        **found,
    )


def _address(draft: int, route: str) -> str:
    return f"/console/timetable/drafts/{draft}/route?route={quote(route, safe='')}"
