"""What-if: scenarios taken on, followed, read and forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from app.api.bodies import read_json
from app.api.dependencies import Caller, database, requires, resources
from app.api.paging import LARGEST_INTEGER, Cursor, Limit, Page, after, page
from app.api.parties import signed
from app.api.scenario_shapes import (
    COLUMNS,
    IN_LIST,
    LEGS,
    LOCATIONS,
    MEASURE_COLUMNS,
    NAMES,
    NEW,
    OVERFULL,
    SCENARIO,
    LegRowShape,
    LocationRowShape,
    OverfullRowShape,
    ScenarioAnswerShape,
    ScenarioInListShape,
    csv_of,
    side_by_side,
)
from app.api.tabular import Format, as_csv, at_once, documented_table, wants_csv
from app.database import Database
from app.planning.alter import ChangeImpossible
from app.planning.measure import DETOUR
from app.planning.scenario import EXAMPLE, ScenarioShape
from app.planning.try_out import call_off, forget, take_on
from app.problems import Forbidden, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.demand import list_places
from app.store.network_versions import NoActiveVersion, VersionUnknown
from app.store.scenarios import (
    NoResult,
    TooManyScenarios,
    UnknownScenario,
    get_scenario,
    list_part,
    list_scenarios,
)

router = APIRouter(prefix="/v1/scenarios", tags=["What-if"])

HeldDatabase = Annotated[Database, Depends(database)]
Planning = Annotated[Caller, Depends(requires("planner", "admin"))]
LOOKING = [Depends(requires("planner", "reader", "admin"))]
Id = Annotated[int, Path(description="The scenario's id.", ge=1, le=LARGEST_INTEGER, examples=[IN_LIST["id"]])]
ROWS_AT_ONCE = 5000


@router.post(
    "",
    status_code=201,
    summary="Try a scenario",
    response_model=ScenarioAnswerShape,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/ScenarioShape"}, "example": EXAMPLE}
            },
        }
    },
    responses={
        201: {"content": {"application/json": {"example": NEW}}},
        **documented(
            TooLarge,
            UnsupportedMediaType,
            InvalidInput,
            ChangeImpossible,
            VersionUnknown,
            NoActiveVersion,
            TooManyScenarios,
        ),
    },
)
async def try_scenario(request: Request, caller: Planning) -> dict[str, Any]:
    """Take a network version, change it, and have a period of loan requests decided with the changes and without.

    It is carried out beside everything else; ask for the scenario to see how far it is. Nothing else is changed: no
    version is made, and nobody is asked for anything. Each loan request is decided by itself, by the objective of the
    policy; whatever is out at the moment counts as in, and cancellations and suspensions of routes are left aside.
    """
    asked = await read_json(request, ScenarioShape)
    held = await resources(request)
    row = await take_on(
        held.ground,
        asked,
        by=caller.name or signed(caller, None),
        agency=caller.agency,
        horizon_days=held.settings.horizon_days,
    )
    return _answer(row)


@router.get(
    "",
    summary="List scenarios",
    response_model=Page[ScenarioInListShape],
    dependencies=LOOKING,
    responses={200: {"content": {"application/json": {"example": {"items": [IN_LIST], "next_cursor": None}}}}},
)
async def read_scenarios(held: HeldDatabase, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Answer the scenarios that are kept, everyone's, the newest first."""
    async with held.connection() as connection:
        rows = await list_scenarios(connection, before=after(cursor, int), limit=limit + 1)
    return page(rows, [row["id"] for row in rows], limit)


_TABLE = documented_table(SCENARIO, csv_of(MEASURE_COLUMNS, side_by_side(SCENARIO["summary"])[0]))


@router.get(
    "/{scenario}",
    summary="Read a scenario",
    response_model=ScenarioAnswerShape,
    dependencies=LOOKING,
    responses={**_TABLE, **documented(UnknownScenario, NoResult)},
)
async def read_scenario(request: Request, held: HeldDatabase, scenario: Id, format: Format = None) -> Any:
    """Answer what a scenario is, how far it is, and once it is done what it came to.

    As CSV: every measure of both sides, a row each.
    """
    async with held.connection() as connection:
        row = await get_scenario(connection, scenario)
    if not wants_csv(request, format):
        return _answer(row)
    if row["summary"] is None:
        raise NoResult("The scenario has not come to its end, so there is nothing to show yet.")
    return as_csv(f"scenario-{scenario}", MEASURE_COLUMNS, at_once(side_by_side(row["summary"])))


@router.post(
    "/{scenario}/cancel",
    summary="Cancel a scenario",
    response_model=ScenarioAnswerShape,
    responses={
        200: {"content": {"application/json": {"example": {**NEW, "state": "cancelled"}}}},
        **documented(UnknownScenario),
    },
)
async def cancel_it(request: Request, held: HeldDatabase, caller: Planning, scenario: Id) -> dict[str, Any]:
    """Call a scenario off; one that has come to its end stays as it is.

    It takes a key of whoever made it, or an admin's.
    """
    await _check(held, caller, scenario)
    return _answer(await call_off((await resources(request)).ground, scenario))


@router.delete(
    "/{scenario}",
    status_code=204,
    summary="Delete a scenario",
    responses={204: {"description": "It is gone."}, **documented(UnknownScenario)},
)
async def delete_it(request: Request, held: HeldDatabase, caller: Planning, scenario: Id) -> Response:
    """Forget a scenario and what it came to. It takes a key of whoever made it, or an admin's."""
    await _check(held, caller, scenario)
    await forget((await resources(request)).ground, scenario)
    return Response(status_code=204)


async def _check(held: Database, caller: Caller, scenario: int) -> None:
    async with held.connection() as connection:
        row = await get_scenario(connection, scenario)
    if "admin" not in caller.scopes and row["agency"] != caller.agency:
        raise Forbidden(f"This takes a planner's key of {row['agency'] or 'nobody'}, or one with the scope admin.")


# --- the tables -----------------------------------------------------------------------------------


@router.get(
    "/{scenario}/legs",
    summary="Read the legs of a scenario",
    response_model=Page[LegRowShape],
    dependencies=LOOKING,
    responses={
        **documented_table(LEGS, csv_of(COLUMNS["legs"], LEGS["items"][0])),
        **documented(UnknownScenario, NoResult),
    },
)
async def read_legs(
    request: Request,
    held: HeldDatabase,
    scenario: Id,
    format: Format = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Any:
    """Answer how many items ride from one stop to another, by route and service day, on both sides."""
    return await _table(request, held, scenario, "legs", format, limit, cursor)


@router.get(
    "/{scenario}/locations",
    summary="Read who loses and gains",
    response_model=Page[LocationRowShape],
    dependencies=LOOKING,
    responses={
        **documented_table(LOCATIONS, csv_of(COLUMNS["locations"], LOCATIONS["items"][0])),
        **documented(UnknownScenario, NoResult),
    },
)
async def read_locations(
    request: Request,
    held: HeldDatabase,
    scenario: Id,
    format: Format = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Any:
    """Answer what changes for each location, whoever loses most first."""
    return await _table(request, held, scenario, "locations", format, limit, cursor)


@router.get(
    "/{scenario}/overfull",
    summary="Read the overfull rides of a scenario",
    response_model=Page[OverfullRowShape],
    dependencies=LOOKING,
    responses={
        **documented_table(OVERFULL, csv_of(COLUMNS["overfull"], OVERFULL["items"][0])),
        **documented(UnknownScenario, NoResult),
    },
)
async def read_overfull(
    request: Request,
    held: HeldDatabase,
    scenario: Id,
    format: Format = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Any:
    """Answer the rides that carry more than their trip's crates take: of each side the 5,000 worst."""
    return await _table(request, held, scenario, "overfull", format, limit, cursor)


async def _table(
    request: Request, held: Database, scenario: int, part: str, format: Any, limit: int, cursor: str | None
) -> Any:
    start = after(cursor, int) or 0
    async with held.connection() as connection:
        await get_scenario(connection, scenario)
        rows = await list_part(connection, scenario, part, after=start, limit=limit + 1)
        named = {} if part == "locations" else await list_places(connection)
    if wants_csv(request, format):
        return as_csv(f"scenario-{scenario}-{part}", COLUMNS[part], _all(held, scenario, part, named))
    items = [_row(part, row, named) for row in rows]
    return page(items, [start + number + 1 for number in range(len(items))], limit)


async def _all(held: Database, scenario: int, part: str, named: Named) -> AsyncIterator[Iterable[dict[str, Any]]]:
    async with held.connection() as connection:
        rows = await list_part(connection, scenario, part, after=0, limit=None)
    for at in range(0, len(rows), ROWS_AT_ONCE):
        yield [_row(part, row, named) for row in rows[at : at + ROWS_AT_ONCE]]


Named = Mapping[str, Sequence[Any]]  # locations by id; the name comes first


def _row(part: str, values: Sequence[Any], named: Named) -> dict[str, Any]:
    """Return a row as it is answered; what was worked out before a column was thought of has null there."""
    row: dict[str, Any] = {**dict.fromkeys(COLUMNS[part]), **dict(zip(COLUMNS[part], values, strict=False))}
    if part != "locations":
        ends = ((field, row[at]) for field, at in zip(NAMES, ("from_location", "to_location"), strict=True))
        row |= {field: named[id][0] if id in named else None for field, id in ends}
    return row


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    summary = row["summary"]
    if summary is not None:
        named = {who: [_row("locations", each, {}) for each in summary[who]] for who in ("losers", "gainers")}
        summary = {**summary, **named, "detour_factor": DETOUR}
    return {**row, "summary": summary}
