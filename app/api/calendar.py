"""Holidays, what operators make of single days, and taking days without vans out of a draft."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.bodies import read_json
from app.api.dependencies import Caller, requires
from app.api.draft_shapes import (
    CalendarAskShape,
    CalendarShape,
    DayExceptionShape,
    HolidaysShape,
    SayDayShape,
)
from app.api.drafts import DraftId, HeldResources, IfMatch, by, revision_of, takes_json
from app.api.parties import check_planner
from app.api.schemas import Day
from app.planning.calendars import MOST_DAYS, SCHOOL, ExceptionOnDay, days_off, list_holidays, take_out
from app.planning.drafts import DraftChanged, DraftTooLong, change, look
from app.planning.edits import Document
from app.planning.plan import Plan
from app.problems import Fault, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.day_exceptions import delete_exception, list_exceptions, put_exception
from app.store.drafts import DraftFrozen, UnknownDraft

router = APIRouter(prefix="/v1/network", tags=["Drafts"])

Planner = Annotated[Caller, Depends(requires("planner", "admin"))]
Operator = Annotated[
    str,
    Path(description="Its agency_id in the network.", max_length=200, pattern=r"^[^\x00]*$", examples=["DR"]),
]
ADVENT = {"operator": "DR", "since": "2026-12-01", "until": "2027-01-10"}
MOST_REMOVALS = 1000
YEARS = (2000, 2100)


def _check(since: date, until: date) -> None:
    if until < since:
        raise InvalidInput(Fault("/until", "This day is before `since`."))
    if (until - since).days > MOST_DAYS:
        raise InvalidInput(Fault("/until", f"This is more than {MOST_DAYS} days after `since`."))
    if not YEARS[0] <= since.year <= until.year <= YEARS[1]:
        raise InvalidInput(Fault("/since", f"Holidays are known from {YEARS[0]} to {YEARS[1]}."))


@router.get(
    "/holidays",
    summary="List holidays",
    response_model=HolidaysShape,
    dependencies=[Depends(requires())],
    responses=documented(InvalidInput),
)
async def read_holidays(
    held: HeldResources,
    since: Annotated[Day, Query(description="The first day.", examples=["2026-12-01"])],
    until: Annotated[Day, Query(description="The last day, included.", examples=["2027-01-10"])],
) -> dict[str, Any]:
    """Answer public holidays, school holidays by region, and what operators make of single days.

    School holidays are those of the Regeling vaststelling schoolvakanties, for the years that it covers.
    """
    _check(since, until)
    async with held.database.connection() as connection:
        exceptions = await list_exceptions(connection, since=since, until=until)
    return {"holidays": [asdict(one) for one in list_holidays(since, until)], "exceptions": exceptions}


@router.put(
    "/operators/{operator}/days/{day}",
    summary="Say whether an operator runs on a day",
    response_model=DayExceptionShape,
    openapi_extra=takes_json("SayDayShape", {"runs": False, "note": "Christmas Eve"}),
    responses=documented(TooLarge, UnsupportedMediaType, InvalidInput),
)
async def say_day(
    request: Request,
    held: HeldResources,
    caller: Planner,
    operator: Operator,
    day: Annotated[Day, Path(description="The day.", examples=["2026-12-24"])],
) -> dict[str, Any]:
    """Have an operator run on a holiday, or stand still on a day that is none: for when days are taken out of drafts.

    It changes no timetable by itself. A planner says so of its own POI.
    """
    asked = await read_json(request, SayDayShape)
    check_planner(caller, operator)
    who = by(caller)
    async with held.database.transaction() as connection:
        await put_exception(connection, operator=operator, day=day, runs=asked.runs, note=asked.note, by=who)
    return {"operator": operator, "day": day, "runs": asked.runs, "note": asked.note, "by": who}


@router.delete(
    "/operators/{operator}/days/{day}",
    status_code=204,
    summary="Take back what was said of a day",
    responses={204: {"description": "Nothing is said of it."}},
)
async def forget_day(
    held: HeldResources,
    caller: Planner,
    operator: Operator,
    day: Annotated[Day, Path(description="The day.", examples=["2026-12-24"])],
) -> Response:
    """Have a day be like any other again; nothing happens where nothing was said."""
    check_planner(caller, operator)
    async with held.database.transaction() as connection:
        await delete_exception(connection, operator, day)
    return Response(status_code=204)


@router.post(
    "/drafts/{draft}/calendar",
    summary="Take holidays out of a draft",
    response_model=CalendarShape,
    openapi_extra=takes_json("CalendarAskShape", ADVENT),
    responses=documented(
        TooLarge, UnsupportedMediaType, InvalidInput, UnknownDraft, DraftFrozen, DraftTooLong, DraftChanged
    ),
)
async def take_days_out(
    request: Request, held: HeldResources, caller: Planner, draft: DraftId, if_match: IfMatch = "*"
) -> dict[str, Any]:
    """Take the holidays of a period out of the services of an operator, or (by default) only say what that would do.

    What was said of single days (`/v1/network/operators/{operator}/days/{day}`) counts, and after it `closed` and
    `open`. A service that others use too is left to them, and the operator's trips get a copy of it.
    """
    asked = await read_json(request, CalendarAskShape)
    _check(asked.since, asked.until)
    if SCHOOL in asked.kinds and asked.region is None:
        raise InvalidInput(Fault("/region", "School holidays differ by region: name one."))
    found = await look(held.database, draft)
    plan = await held.workshop.plan(found)
    if asked.operator not in plan.operators:
        raise InvalidInput(Fault("/operator", f"No operator {asked.operator} is in the draft."))
    off = await _off(held, asked)
    operators = frozenset({asked.operator})
    removals, _, shared = take_out(plan, off, operators=operators)
    if asked.apply:

        def changes(plan: Plan) -> list[Document]:
            return take_out(plan, off, operators=operators)[1]

        found = await change(
            held.workshop,
            held.database,
            draft,
            revision_of(if_match),
            changes,
            by=by(caller),
            now=held.clock.now(),
        )
    return {
        "applied": asked.apply,
        "revision": found.revision,
        "days": len(off),
        "removals": [asdict(one) for one in removals[:MOST_REMOVALS]],
        "trips": sum(one.trips for one in removals),
        "shared": shared,
    }


async def _off(held: Any, asked: CalendarAskShape) -> dict[date, str]:
    async with held.database.connection() as connection:
        said = await list_exceptions(connection, since=asked.since, until=asked.until, operators=[asked.operator])
    exceptions = [ExceptionOnDay(row["operator"], row["day"], row["runs"], row["note"]) for row in said]
    exceptions += [ExceptionOnDay(asked.operator, day, True) for day in asked.open]
    return days_off(
        list_holidays(asked.since, asked.until),
        exceptions,
        kinds=frozenset(asked.kinds),
        region=asked.region,
        more=[day for day in asked.closed if asked.since <= day <= asked.until],
    )
