"""The day as it is driven: its trips with their load, and the run sheet of each, on screen or paper."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Caller, requires, resources
from app.api.parties import check_planner
from app.api.run_shapes import RUN_SHEET, SERVICE_DAY, RunSheetShape, ServiceDayShape
from app.api.schemas import Day
from app.aside import aside
from app.lending.snapshot import NotReady
from app.planning.runs import MOST_PRINTED, UnknownTrip, find_run, read_day, read_run_sheet, trips_today
from app.planning.sheet_pdf import print_run_sheet
from app.problems import documented
from app.resources import Resources
from routing import trips_on

router = APIRouter(prefix="/v1/trips", tags=["Live day"])

HeldResources = Annotated[Resources, Depends(resources)]
Watching = Annotated[Caller, Depends(requires("planner", "reader", "admin"))]
Language = Annotated[Literal["nl", "en"], Query(description="Of what is printed.")]
Operator = Annotated[
    str | None, Query(max_length=200, description="Only this operator's, by name.", pattern=r"^[^\x00]*$")
]
PDF = "application/pdf"


@router.get(
    "/days/{service_date}",
    summary="See the trips of a day",
    response_model=ServiceDayShape,
    responses={200: {"content": {"application/json": {"example": SERVICE_DAY}}}, **documented(NotReady)},
)
async def read_service_day(
    held: HeldResources,
    caller: Watching,
    service_date: Annotated[Day, Path(description="The service day.")],
    operator: Operator = None,
) -> dict[str, Any]:
    """Answer the trips of a day by departure: how each runs now, and how many items and crates are planned on it.

    A planner sees those of its own POI. Items count from when they are sent, on every trip of their way, and as they
    were a few seconds ago at most.
    """
    return await _day(held, caller, service_date, operator)


@router.get(
    "/today",
    summary="See the trips of today",
    response_model=ServiceDayShape,
    responses={200: {"content": {"application/json": {"example": SERVICE_DAY}}}, **documented(NotReady)},
)
async def read_today(held: HeldResources, caller: Watching, operator: Operator = None) -> dict[str, Any]:
    """Answer the same of the day that it is by the service's clock, in the network's timezone.

    Before its trips come those of yesterday that have not ended, each with its own `service_date`.
    """
    return await _day(held, caller, None, operator)


async def _day(held: Resources, caller: Caller, service_date: date | None, operator: str | None) -> dict[str, Any]:
    state = await held.snapshot.follow()
    now = held.clock.now()
    seen = None if caller.sees_everything else caller.drives
    asked = seen
    if operator is not None:
        asked = frozenset({operator}) if seen is None else seen & {operator}
    if service_date is None:
        trips = trips_today(state, operators=asked, now=now)
    else:
        trips = trips_on(state.network, service_date, operators=asked)
    loads = {day: await held.loads.of(held.database, day) for day in sorted({trip.service_date for trip in trips})}
    async with held.database.one_moment() as connection:
        return await read_day(
            connection,
            state,
            service_date or now.astimezone(state.network.zone).date(),
            trips,
            loads,
            operators=seen,
            items_per_crate=held.settings.items_per_crate,
            now=now,
        )


@router.get(
    "/{trip_id:path}/{service_date}/run-sheet",
    summary="Read or print a run sheet",
    response_model=RunSheetShape,
    responses={
        200: {
            "description": "What is loaded and unloaded at each call; as PDF with `Accept: application/pdf`.",
            "content": {
                "application/json": {"example": RUN_SHEET},
                PDF: {"schema": {"type": "string", "format": "binary"}},
            },
        },
        **documented(UnknownTrip, NotReady),
    },
)
async def read_sheet(
    request: Request,
    held: HeldResources,
    caller: Watching,
    trip_id: Annotated[
        str, Path(description="The trip's id.", max_length=200, pattern=r"^[^\x00]*$", examples=["DR-1-0800"])
    ],
    service_date: Annotated[Day, Path(description="The service day.")],
    language: Language = "nl",
) -> Any:
    """Answer what a driver loads and unloads at each call of a trip: items by crate, each with where it is going.

    A crate holds what gets off at one call; `LEENPAD_ITEMS_PER_CRATE` says how much. A planner sees the trips of its
    own POI. Of more than 20,000 items (on paper 1,000) not each is listed, and `truncated` is true; all are counted.
    No patron is named, nor any reference to one.
    """
    state = await held.snapshot.follow()
    trip = find_run(state, trip_id, service_date)
    if not caller.sees_everything:
        check_planner(caller, trip.operator)
    now, on_paper = held.clock.now(), wants_pdf(request)
    async with held.database.one_moment() as connection:
        sheet = await read_run_sheet(
            connection,
            state,
            trip,
            items_per_crate=held.settings.items_per_crate,
            now=now,
            most=MOST_PRINTED if on_paper else None,
        )
    if not on_paper:
        return sheet
    async with held.printing:
        data = await aside(print_run_sheet, sheet, language=language, at=now.astimezone(state.network.zone))
    return pdf(data, f"run-sheet-{service_date}")


def wants_pdf(request: Request) -> bool:
    """Say whether the caller asks for a PDF rather than JSON: it names it, and before anything else."""
    accepted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    return PDF in accepted and "application/json" not in accepted[: accepted.index(PDF)]


def pdf(data: bytes, name: str) -> Response:
    """Answer a PDF, shown in the browser, under a name for who keeps it."""
    return Response(
        data, media_type=PDF, headers={"Content-Disposition": f'inline; filename="{name}.pdf"', "Vary": "Accept"}
    )
