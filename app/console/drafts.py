"""A draft: its routes, service days and hubs, who changed what in it, and what becomes of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from app.console.api import Refused
from app.console.frame import go, render
from app.console.grid import Document, minutes_of, seconds_in
from app.console.refusals import told
from app.console.routes import LATE, WRONG, send
from app.console.visitor import Visitor, visitor
from app.console.words import ZONE

router = APIRouter(prefix="/console/timetable/drafts/{draft}", include_in_schema=False)

Looking = Annotated[Visitor, Depends(visitor)]
WEEK = ("mo", "tu", "we", "th", "fr", "sa", "su")
SAMPLE = 50
NOT_ACTIVE = 409


@router.get("")
async def show(looking: Looking, draft: int, own: bool = True) -> Response:
    """Show a draft; `own`: only what the visitor may activate changes of."""
    return await _page(looking, draft, own=own)


async def _page(
    looking: Visitor,
    draft: int,
    *,
    own: bool = True,
    said: list[str] | None = None,
    others: list[Document] | None = None,
    hub: dict[str, str] | None = None,
) -> Response:
    at = f"/v1/network/drafts/{draft}"
    shown = await looking.api.get(at)
    log = await looking.api.items(f"{at}/changes")
    status = 200 if said is None and others is None else LATE if others is not None else WRONG
    routes = await looking.api.items(f"{at}/routes", own=str(own).lower())
    return render(
        looking,
        "timetable_draft.html",
        status=status,
        draft=shown,
        own=own,
        routes=routes,
        operators=sorted({(route["operator_id"], route["operator"]) for route in routes}),
        services=await looking.api.items(f"{at}/services", own=str(own).lower()),
        hubs=await looking.api.items(f"{at}/stops", hubs="true"),
        warnings=await looking.api.items(f"{at}/warnings"),
        log=log[::-1],
        week=WEEK,
        said=said or [],
        others=others,
        hub_typed=hub,
        minutes_of=minutes_of,
        editable=shown["version"] is None and looking.may("planner"),
    )


async def _changed(
    looking: Visitor, request: Request, draft: int, changes: list[Document], *, hub: dict[str, str] | None = None
) -> Response:
    """Send changes of this page, and show it again where they are refused; with what was typed of a hub."""
    try:
        await send(looking, draft, changes, await request.form())
    except Refused as refused:
        if refused.status not in (LATE, WRONG):
            raise
        others = refused.problem.get("changes") if refused.status == LATE else None
        said = None if others is not None else told(looking, refused)
        return await _page(looking, draft, said=said, others=others, hub=hub)
    return go(looking, f"/console/timetable/drafts/{draft}")


@router.post("/undo")
async def undo(looking: Looking, request: Request, draft: int) -> Response:
    """Take the newest change back."""
    return await _act(looking, request, draft, "undo")


@router.post("/rebase")
async def rebase(looking: Looking, request: Request, draft: int) -> Response:
    """Put the draft on the version that is active."""
    return await _act(looking, request, draft, "rebase")


async def _act(looking: Visitor, request: Request, draft: int, what: str) -> Response:
    form = await request.form()
    revision = {"if-match": str(form.get("revision", "")) or "*"}
    try:
        await looking.api.send("POST", f"/v1/network/drafts/{draft}/{what}", headers=revision)
    except Refused as refused:
        if refused.status not in (LATE, WRONG):
            raise
        others = refused.problem.get("changes") if refused.status == LATE else None
        return await _page(looking, draft, said=None if others is not None else told(looking, refused), others=others)
    return go(looking, f"/console/timetable/drafts/{draft}")


@router.post("/delete")
async def throw_away(looking: Looking, draft: int) -> Response:
    """Throw the draft away."""
    await looking.api.delete(f"/v1/network/drafts/{draft}")
    return go(looking, "/console/timetable")


@router.post("/service")
async def save_service(looking: Looking, request: Request, draft: int) -> Response:
    """Save service days."""
    form = await request.form()
    days = {name: str(form.get(name, "")).replace(",", " ").split() for name in ("added", "removed")}
    service = {
        "op": "put_service",
        "id": str(form.get("id", "")).strip(),
        "weekdays": [bool(form.get(day)) for day in WEEK],
        "start_date": str(form.get("start_date", "")) or None,
        "end_date": str(form.get("end_date", "")) or None,
        **days,
    }
    return await _changed(looking, request, draft, [service])


@router.post("/routes")
async def save_route(looking: Looking, request: Request, draft: int) -> Response:
    """Add a route, or take one away with its trips."""
    form = await request.form()
    id = str(form.get("id", "")).strip()
    if form.get("what") == "delete":
        return await _changed(looking, request, draft, [{"op": "delete_route", "id": id}])
    said = {name: str(form.get(name, "")) for name in ("operator_id", "short_name", "long_name")}
    return await _changed(looking, request, draft, [{"op": "put_route", "id": id, **said}])


@router.post("/day")
async def say_day(looking: Looking, request: Request, draft: int) -> Response:
    """Say whether an operator runs on a day, or (neither) take back what was said, and show the calendar again."""
    form = await request.form()
    operator, day, runs = (str(form.get(name, "")).strip() for name in ("operator", "day", "runs"))
    path = f"/v1/network/operators/{quote(operator, safe='')}/days/{quote(day, safe='')}"
    if runs in ("yes", "no"):
        await looking.api.put(path, {"runs": runs == "yes", "note": str(form.get("note", "")).strip() or None})
    else:
        await looking.api.delete(path)
    period = {"operator": operator, "since": str(form.get("since", "")), "until": str(form.get("until", ""))}
    return go(looking, f"/console/timetable/drafts/{draft}/calendar?{urlencode(period)}")


@router.post("/hub")
async def save_hub(looking: Looking, request: Request, draft: int) -> Response:
    """Save how long items take to change trips at a hub."""
    form = await request.form()
    id = str(form.get("id", ""))
    stops = await looking.api.items(f"/v1/network/drafts/{draft}/stops")
    there = next((stop for stop in stops if stop["id"] == id), {"id": id})
    typed = {"id": id, "minutes": str(form.get("minutes", ""))}
    change = {"op": "put_stop", **there, "handling_seconds": seconds_in(typed["minutes"])}
    return await _changed(looking, request, draft, [change], hub=typed)


@router.get("/compare")
async def compare(looking: Looking, draft: int) -> Response:
    """Show what the draft changes, and which decisions."""
    return await _comparison(looking, draft)


async def _comparison(
    looking: Visitor, draft: int, refused: Refused | None = None, *, said: list[str] | None = None
) -> Response:
    at = f"/v1/network/drafts/{draft}"
    shown = await looking.api.get(at)
    active = await looking.api.get("/v1/network")
    return render(
        looking,
        "timetable_compare.html",
        status=refused.status if refused else WRONG if said else 200,
        draft=shown,
        active=active["id"],
        compared=await looking.api.get(f"{at}/compare", sample=SAMPLE),
        sample=SAMPLE,
        others=None if refused is None or refused.status != LATE else refused.problem.get("changes", []),
        said=said or ([] if refused is None or refused.status == LATE else told(looking, refused)),
        moved=refused is not None and refused.problem.get("type") == "/problems/base-not-active",
        may=looking.may("planner"),
    )


@router.post("/activate")
async def activate(looking: Looking, request: Request, draft: int) -> Response:
    """Activate the draft: now, or at the moment that is typed."""
    form = await request.form()
    typed = str(form.get("at", "")).strip() if form.get("when") == "later" else ""
    if form.get("when") == "later" and not typed:
        return await _comparison(looking, draft, said=[looking.say("compare.no_moment")])
    try:
        at = None if not typed else datetime.fromisoformat(typed).replace(tzinfo=ZONE).isoformat()
    except ValueError:
        at = typed  # the API says what is wrong with it
    try:
        await looking.api.send(
            "POST",
            f"/v1/network/drafts/{draft}/activate",
            json={"at": at},
            headers={"if-match": str(form.get("revision", "")) or "*"},
        )
    except Refused as refused:
        if refused.status not in (403, NOT_ACTIVE, LATE, WRONG):
            raise
        return await _comparison(looking, draft, refused)
    return go(looking, "/console/timetable")


@router.get("/calendar")
async def calendar(
    looking: Looking,
    draft: int,
    operator: Annotated[str, Query(max_length=200)] = "",
    since: Annotated[str, Query(max_length=10)] = "",
    until: Annotated[str, Query(max_length=10)] = "",
    kind: Annotated[list[str] | None, Query()] = None,
    region: Annotated[str, Query(max_length=10)] = "",
    closed: Annotated[str, Query(max_length=2000)] = "",
    open: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """Show what taking holidays out would do; nothing is changed."""
    asked = _asked(
        operator=operator, since=since, until=until, kinds=kind or ["public"], region=region, closed=closed, open=open
    )
    return await _calendar(looking, draft, asked)


@router.post("/calendar")
async def take_out(looking: Looking, request: Request, draft: int) -> Response:
    """Take the holidays out, as they were shown."""
    form = await request.form()
    texts = {name: str(form.get(name, "")) for name in ("operator", "since", "until", "region", "closed", "open")}
    asked = _asked(**texts, kinds=[str(kind) for kind in form.getlist("kind")])
    try:
        await looking.api.send(
            "POST",
            f"/v1/network/drafts/{draft}/calendar",
            json={**asked, "apply": True},
            headers={"if-match": str(form.get("revision", "")) or "*"},
        )
    except Refused as refused:
        if refused.status not in (LATE, WRONG):
            raise
        return await _calendar(looking, draft, asked, refused)
    return go(looking, f"/console/timetable/drafts/{draft}")


def _asked(*, kinds: list[str], region: str, closed: str, open: str, **texts: str) -> Document:
    days = {"closed": closed.replace(",", " ").split(), "open": open.replace(",", " ").split()}
    return {**texts, "kinds": kinds, "region": region or None, **days}


async def _calendar(looking: Visitor, draft: int, asked: Document, refused: Refused | None = None) -> Response:
    at = f"/v1/network/drafts/{draft}"
    shown = await looking.api.get(at)
    routes = await looking.api.items(f"{at}/routes", own="true")
    preview = holidays = None
    said = [] if refused is None else told(looking, refused)
    if asked["since"] and asked["until"]:
        try:
            preview = await looking.api.post(f"{at}/calendar", asked)
            holidays = await looking.api.get("/v1/network/holidays", since=asked["since"], until=asked["until"])
        except Refused as wrong:
            if wrong.status != WRONG:
                raise
            said = said or told(looking, wrong)
    return render(
        looking,
        "timetable_calendar.html",
        status=200 if refused is None else refused.status,
        draft=shown,
        operators=sorted({(route["operator_id"], route["operator"]) for route in routes}),
        asked=asked,
        preview=preview,
        holidays=holidays,
        said=said,
        editable=shown["version"] is None and looking.may("planner"),
    )
