"""Suspensions: an agency, a location, a route, a POI or everything stands still for a while."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from app.api.bodies import read_json
from app.api.dependencies import Caller, database, requires, resources
from app.api.loan_shapes import Text, Word
from app.api.paging import LARGEST_INTEGER, Cursor, Limit, Page, after, page
from app.api.parties import check_planner, signed
from app.api.schemas import Day
from app.database import Database
from app.lending.snapshot import NotReady, State
from app.lending.stop import Suspension, lift, operator_of, suspend
from app.problems import Fault, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.register import TIMEZONE
from app.store.stoppages import Row, UnknownSuspension, get_suspension, is_operator, list_suspensions

router = APIRouter(prefix="/v1/suspensions", tags=["Network"])

HeldDatabase = Annotated[Database, Depends(database)]
Planning = Annotated[Caller, Depends(requires("planner", "admin"))]

FIRST_YEAR, LAST_YEAR = 2000, 2100
SUBJECTS = ("agency", "location", "route", "poi")
STILL: dict[str, Any] = {
    "id": 12,
    "agency": None,
    "location": None,
    "route": "DR-1",
    "poi": None,
    "everything": False,
    "since": "2026-12-24",
    "until": "2027-01-04",
    "by": "NL-0800070000",
    "note": "No driver over the holidays",
}
ASKED = {name: STILL[name] for name in ("route", "since", "until", "note")}


class SuspendShape(BaseModel):
    """What stands still, and when: exactly one of `agency`, `location`, `route`, `poi` and `everything`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": ASKED})

    agency: Word | None = Field(default=None, description="It supplies nothing.")
    location: Word | None = Field(default=None, description="It supplies nothing, and vans pass it by.")
    route: Word | None = Field(default=None, description="No trip of it runs.")
    poi: Word | None = Field(
        default=None,
        description="No trip of it runs: the code of a POI, or the id of an operator of the active network.",
    )
    everything: bool = Field(default=False, description="No trip runs at all.")
    since: Day | None = Field(default=None, description="The first day; left out: it always did.")
    until: Day | None = Field(default=None, description="The first day it is no longer so; left out: not known yet.")
    note: Text | None = None


class StandingStillShape(BaseModel):
    """A suspension as it is known."""

    id: int
    agency: str | None
    location: str | None
    route: str | None
    poi: str | None
    everything: bool
    since: date | None
    until: date | None
    by: str | None = Field(description="Who said so; null: an import of agencies.")
    note: str | None


@router.post(
    "",
    status_code=201,
    summary="Suspend something",
    response_model=StandingStillShape,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/SuspendShape"}, "example": ASKED}
            },
        }
    },
    responses={
        201: {"content": {"application/json": {"example": STILL}}},
        **documented(TooLarge, UnsupportedMediaType, InvalidInput, NotReady),
    },
)
async def suspend_something(request: Request, held: HeldDatabase, caller: Planning) -> dict[str, Any]:
    """Have an agency, a location, a route, a POI or everything stand still from one day to another.

    Decisions go without it from the next one on, and items under way are planned again around it. While the network
    or a supplier stands still, or the POI that fetches there, its placements do not lapse, and readers are not late:
    both are moved along. At a location that stands still nothing gets on or off a van: what was on its way there
    comes after it. A planner may suspend its own POI and its routes; anything else takes an admin.
    """
    asked = await read_json(request, SuspendShape)
    ground = (await resources(request)).ground
    state = await ground.snapshot.follow()
    _check(asked, state, ground.clock.now().astimezone(ZoneInfo(TIMEZONE)).date())
    if asked.poi is not None:
        async with held.connection() as connection:
            if not await is_operator(connection, asked.poi):
                raise InvalidInput(Fault("/poi", f"No POI, and no operator of the active network, is {asked.poi}."))
    check_planner(caller, asked.poi if asked.route is None else operator_of(state, asked.route))
    suspension = Suspension(
        agency=asked.agency,
        location=asked.location,
        route=asked.route,
        poi=asked.poi,
        since=asked.since,
        until=asked.until,
    )
    return await suspend(ground, suspension, by=signed(caller, None), note=asked.note)


def _check(asked: SuspendShape, state: State, today: date) -> None:
    named = [name for name in SUBJECTS if getattr(asked, name) is not None]
    if len(named) + asked.everything != 1:
        raise InvalidInput(Fault("", "Takes exactly one of agency, location, route, poi and everything."))
    if asked.agency is not None and asked.agency not in state.register.agencies:
        raise InvalidInput(Fault("/agency", f"No agency {asked.agency} is registered."))
    if asked.location is not None and asked.location not in state.register.locations:
        raise InvalidInput(Fault("/location", f"No location {asked.location} is registered."))
    if asked.route is not None and operator_of(state, asked.route) is None:
        raise InvalidInput(Fault("/route", f"The active network has no route {asked.route}."))
    if asked.since is not None and asked.until is not None and asked.until <= asked.since:
        raise InvalidInput(Fault("/until", "It must end after it begins."))
    for name, day in (("since", asked.since), ("until", asked.until)):
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise InvalidInput(Fault(f"/{name}", f"Takes a day of the years {FIRST_YEAR} to {LAST_YEAR}."))
    if asked.until is not None and asked.until <= today:
        raise InvalidInput(Fault("/until", "It would be over already."))


def _named(row: Row) -> str:
    subject = next((f"The {name} {row[name]}" for name in SUBJECTS if row[name] is not None), None)
    return subject or "The whole network"


@router.get(
    "",
    summary="List suspensions",
    response_model=Page[StandingStillShape],
    dependencies=[Depends(requires())],
    responses={200: {"content": {"application/json": {"example": {"items": [STILL], "next_cursor": None}}}}},
)
async def read_suspensions(held: HeldDatabase, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Answer what stands still, stood still or will, in the order in which it was said."""
    async with held.connection() as connection:
        rows = await list_suspensions(connection, after=after(cursor, int), limit=limit + 1)
    return page(rows, [row["id"] for row in rows], limit)


@router.delete(
    "/{suspension}",
    status_code=204,
    summary="Lift a suspension",
    responses={204: {"description": "It is lifted."}, **documented(UnknownSuspension, InvalidInput, NotReady)},
)
async def lift_it(
    request: Request,
    held: HeldDatabase,
    caller: Planning,
    suspension: Annotated[
        int, Path(description="The suspension's id.", ge=1, le=LARGEST_INTEGER, examples=[STILL["id"]])
    ],
) -> Response:
    """End a suspension today; one that has not begun is forgotten. What has been stays known, as lapses count it."""
    ground = (await resources(request)).ground
    state = await ground.snapshot.follow()
    async with held.connection() as connection:
        row = await get_suspension(connection, suspension)
        check_planner(caller, row["poi"] if row["route"] is None else operator_of(state, row["route"]))
    await lift(ground, suspension)
    return Response(status_code=204)
