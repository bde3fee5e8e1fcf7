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
MEANWHILE = 412
UNSEEN = "0"  # the revision of nothing: a form that says none was made before pages showed what is said
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
    return await _trip_page(looking, trip, day.isoformat())


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
    kind = "cancellations" if said.pop("cancel", False) else "changes"
    return await _sent(
        looking, request, "POST", f"/v1/trips/{kind}", said["trip_id"], said["service_date"], said=said
    )


@router.post("/restore")
async def restore(request: Request, looking: Looking) -> Response:
    """Take back what was said of a trip."""
    form = await request.form()
    trip, day = str(form.get("trip", "")), str(form.get("date", ""))
    kind = "cancellations" if form.get("kind") == "cancellation" else "changes"
    path = f"/v1/trips/{kind}/{quote(trip)}/{quote(day, safe='')}"
    return await _sent(looking, request, "DELETE", path, trip, day)


def sheet_path(trip: str, day: str) -> str:
    """Return where the API has a run sheet."""
    return f"/v1/trips/{quote(trip)}/{quote(day, safe='')}/run-sheet"


def _trip_path(trip: str, day: str) -> str:
    return f"/console/day/trip?{urlencode({'trip': trip, 'date': day})}"


async def _day(looking: Visitor, day: date | None, operator: str) -> dict[str, Any]:
    only = operator or None
    found = None if day is None else await looking.api.get(f"/v1/trips/days/{day}", operator=only)
    if found is None or found["now"].startswith(found["service_date"]):  # today is followed, also past midnight
        day, found = None, await looking.api.get("/v1/trips/today", operator=only)
    replanned = (await looking.api.get("/v1/trips/replanned", limit=REPLANNED))["items"]
    return {
        "found": found,
        "trips": found["trips"],
        "operator": operator,
        "replanned": replanned,
        "notes": NOTES,
        "again": urlencode({"operator": operator} if day is None else {"date": day, "operator": operator}),
    }


async def _trip_page(looking: Visitor, trip: str, day: str, *, status: int = 200) -> Response:
    """A trip with what is said of it, and the form filled with that; 412: somebody else has spoken meanwhile."""
    word = await looking.api.get(f"/v1/trips/{quote(trip)}/{quote(day, safe='')}/said")
    return render(
        looking,
        "day_trip.html",
        status=status,
        sheet=await looking.api.get(sheet_path(trip, day)),
        word=word,
        now=_filled(word),
        meanwhile=status == MEANWHILE,
        may_change=looking.may("planner"),
    )


async def _sent(
    looking: Visitor, request: Request, method: str, path: str, trip: str, day: str, *, said: Any = None
) -> Response:
    """Say something of a trip, as far as nobody said anything since the form's page was shown."""
    revision = str((await request.form()).get("revision", "")) or UNSEEN
    try:
        await looking.api.send(method, path, json=said, headers={"if-match": revision})
    except Refused as refused:
        if refused.status != MEANWHILE:
            raise
        return await _trip_page(looking, trip, day, status=MEANWHILE)
    return go(looking, _trip_path(trip, day))


def _filled(word: dict[str, Any]) -> dict[str, Any]:
    """What is said of a trip, as the form says it: one lateness from one call on, and the calls that it skips."""
    change = word["change"] or {"delays": [], "skipped": []}
    late = change["delays"][0] if change["delays"] else None
    seconds = 0 if late is None else late["departure_delay_seconds"]
    return {
        "cancelled": word["cancellation"] is not None,
        "seconds": seconds,
        "minutes": round(seconds / 60),
        "since": "" if late is None else _written(late),
        "skip": [_written(each) for each in change["skipped"]],
        "more": len(change["delays"]) > 1,
    }


def _written(call: dict[str, Any]) -> str:
    return f"{call['visit']} {call['location']}"


async def _skips(request: Request) -> list[str]:
    return [str(value) for value in (await request.form()).getlist("skip")]


async def _what(request: Request) -> dict[str, Any]:
    """What the form says, as the API takes it; a call is written `visit location`."""
    form = await request.form()
    said: dict[str, Any] = {"trip_id": str(form.get("trip", "")), "service_date": str(form.get("date", ""))}
    if form.get("note"):
        said["note"] = str(form["note"])
    if form.get("what") == "cancel":
        return {**said, "cancel": True}
    seconds = _seconds(str(form.get("minutes", "")), str(form.get("was", "")))
    if seconds:
        said |= {"delay_seconds": seconds, "from_call": _call(str(form.get("since", "")))}
    return {**said, "skipped": [_call(each) for each in await _skips(request)]}


def _seconds(minutes: str, was: str) -> int:
    """The minutes in seconds; those that `was` there, to the second, where nobody changed the minutes."""
    try:
        seconds = 60 * int(minutes.strip() or 0)
        return int(was) if was and round(int(was) / 60) * 60 == seconds else seconds
    except ValueError:
        raise Refused(422, {"errors": [{"pointer": "/minutes", "detail": "Takes a whole number."}]}) from None


def _call(written: str) -> dict[str, Any]:
    visit, _, location = written.partition(" ")
    return {"location": location, "visit": int(visit) if visit.isascii() and visit.isdigit() else None}
