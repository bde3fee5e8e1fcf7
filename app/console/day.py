"""The live day: today's trips with their load, and a word for those that do not run as planned."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from app.console.api import Refused
from app.console.frame import go, render
from app.console.visitor import Visitor, visitor

router = APIRouter(prefix="/console/day", include_in_schema=False)

Looking = Annotated[Visitor, Depends(visitor)]
Text = Annotated[str, Query(max_length=200)]
Day = Annotated[date | None, Query(alias="date")]
REPLANNED = 50
# What the API says for people, in the words of the page.
NOTES = {
    "What it was going to ride no longer runs.": "day.note_gone",
    "What it was going to ride no longer runs, and no van takes it on.": "day.note_stranded",
    "What it rides, or was going to ride, is late or passes a stop by.": "day.note_late",
    "It can be there earlier by what runs now.": "day.note_earlier",
    "It missed what it was going to ride.": "day.note_missed",
}


@router.get("")
async def show(looking: Looking, day: Day = None, operator: Text = "") -> Response:
    """Show the trips of a day; without one, of today."""
    return render(looking, "day.html", **await _day(looking, day, operator))


@router.get("/trips")
async def refresh(looking: Looking, day: Day = None, operator: Text = "") -> Response:
    """Show the same without what is around it, for the page to refresh itself."""
    return render(looking, "day_trips.html", **await _day(looking, day, operator))


@router.get("/trip")
async def show_trip(looking: Looking, trip: Text, day: Annotated[date, Query(alias="date")]) -> Response:
    """Show one trip, and what can be said of it."""
    sheet = await looking.api.get(sheet_path(trip, day.isoformat()))
    changes = [
        *await _said(looking, "/v1/trips/changes", trip, day),
        *await _said(looking, "/v1/trips/cancellations", trip, day),
    ]
    return render(looking, "day_trip.html", sheet=sheet, changes=changes, may_change=looking.may("planner"))


@router.post("/preview")
async def preview(request: Request, looking: Looking) -> Response:
    """Show what would be planned again, and a button that has it so."""
    form = {key: str(value) for key, value in (await request.form()).multi_items() if key != "skip"}
    said = await _what(request)
    found = await looking.api.post("/v1/trips/changes/preview", said)
    return render(looking, "day_preview.html", found=found, form=form, skip=await _skips(request), notes=NOTES)


@router.post("/say")
async def say(request: Request, looking: Looking) -> Response:
    """Have it so."""
    said = await _what(request)
    if said.pop("cancel", False):
        await looking.api.post("/v1/trips/cancellations", said)
    else:
        await looking.api.post("/v1/trips/changes", said)
    return go(looking, _trip_path(said["trip_id"], said["service_date"]))


@router.post("/restore")
async def restore(request: Request, looking: Looking) -> Response:
    """Take back whatever was said of a trip."""
    form = await request.form()
    trip, day = str(form.get("trip", "")), str(form.get("date", ""))
    kind = "cancellations" if form.get("kind") == "cancellation" else "changes"
    await looking.api.delete(f"/v1/trips/{kind}/{quote(trip)}/{quote(day, safe='')}")
    return go(looking, _trip_path(trip, day))


def sheet_path(trip: str, day: str) -> str:
    """Return where the API has a run sheet."""
    return f"/v1/trips/{quote(trip)}/{quote(day, safe='')}/run-sheet"


def _trip_path(trip: str, day: str) -> str:
    return f"/console/day/trip?{urlencode({'trip': trip, 'date': day})}"


async def _day(looking: Visitor, day: date | None, operator: str) -> dict[str, Any]:
    where = "/v1/trips/today" if day is None else f"/v1/trips/days/{day}"
    every = await looking.api.get(where)
    operators = sorted({trip["operator"] for trip in every["trips"]})
    trips = [trip for trip in every["trips"] if not operator or trip["operator"] == operator]
    replanned = (await looking.api.get("/v1/trips/replanned", limit=REPLANNED))["items"]
    return {
        "found": every,
        "trips": trips,
        "operators": operators,
        "operator": operator,
        "replanned": replanned,
        "notes": NOTES,
        "again": urlencode({"date": every["service_date"], "operator": operator}),
    }


async def _said(looking: Visitor, path: str, trip: str, day: date) -> list[dict[str, Any]]:
    """What is said of a trip on a day: of the lists, only as far as they lie on that day."""
    async for row in looking.api.each(path, since=day.isoformat()):
        if row["service_date"] > day.isoformat():
            break
        if row["trip_id"] == trip:
            return [{**row, "kind": path.rpartition("/")[2].removesuffix("s")}]
    return []


async def _skips(request: Request) -> list[str]:
    return [str(value) for value in (await request.form()).getlist("skip")]


async def _what(request: Request) -> dict[str, Any]:
    """What the form says, as the API takes it; a call is written `visit location`."""
    form = await request.form()
    said: dict[str, Any] = {"trip_id": str(form.get("trip", "")), "service_date": str(form.get("date", ""))}
    if form.get("note"):
        said["note"] = str(form["note"])
    what = form.get("what")
    if what == "cancel":
        return {**said, "cancel": True}
    if what == "short":
        return {**said, "skipped": [_call(each) for each in await _skips(request)]}
    minutes = str(form.get("minutes", "")).strip()
    try:
        seconds = 60 * int(minutes)
    except ValueError:
        raise Refused(422, {"errors": [{"pointer": "/minutes", "detail": "Takes a whole number."}]}) from None
    return {**said, "delay_seconds": seconds, "from_call": _call(str(form.get("since", "")))}


def _call(written: str) -> dict[str, Any]:
    visit, _, location = written.partition(" ")
    return {"location": location, "visit": int(visit) if visit.isascii() and visit.isdigit() else None}
