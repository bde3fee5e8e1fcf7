"""The decision explainer: a title and a counter in; who would supply, who would not, and why."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from app.console.api import Refused
from app.console.asking import OBJECTIVES, Asked, asked, body_of
from app.console.frame import render
from app.console.places import names, places
from app.console.refusals import told
from app.console.visitor import Visitor, visitor

router = APIRouter(prefix="/console/decisions", include_in_schema=False)

Looking = Annotated[Visitor, Depends(visitor)]
Question = Annotated[Asked, Depends(asked)]
TITLES = 20
PLACES = 50


@router.get("")
async def show(looking: Looking, question: Question) -> Response:
    """Show the form, the titles that fit what was searched, and the decision where the question is complete."""
    decision, wrong = None, []
    if question.complete:
        try:
            decision = await looking.api.post("/v1/decisions", {**body_of(question), "limit": 1000})
        except Refused as refused:
            if refused.status not in (404, 422, 503):
                raise
            wrong = told(looking, refused)
    titles = [] if question.title else await _titles(looking, question.q)
    return render(
        looking,
        "decisions.html",
        status=422 if wrong else 200,
        question=question,
        objectives=OBJECTIVES,
        titles=titles,
        title=await _title(looking, question.title),
        wrong=wrong,
        decision=decision,
        place=await names(looking) if decision else {},
        map_of=f"/console/map?decision=1&{question.query}",
        why_address="/console/decisions/comparison",
        why_fields=[(name, getattr(question, name)) for name in ("title", "pickup_location", "objective", "at")],
    )


@router.get("/titles")
async def find_titles(looking: Looking, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Show the titles that fit what is being typed."""
    return render(looking, "decisions_titles.html", titles=await _titles(looking, q.strip()), q=q.strip())


@router.get("/locations")
async def find_locations(
    looking: Looking,
    pickup_location: Annotated[str, Query(max_length=200)] = "",
    location: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Offer the locations whose name or id holds what is being typed in either field."""
    sought = (pickup_location or location).strip().casefold()
    found = [
        place
        for place in (await places(looking)).values()
        if sought in place["name"].casefold() or sought in place["id"].casefold()
    ]
    return render(looking, "decisions_locations.html", found=found[:PLACES])


@router.get("/comparison")
async def compare(looking: Looking, question: Question, location: Annotated[str, Query(max_length=200)]) -> Response:
    """Show a location beside the first of the decision."""
    found = await looking.api.post("/v1/decisions/comparison", {**body_of(question), "location": location.strip()})
    return await show_comparison(looking, found, f"/console/decisions?{question.query}")


async def show_comparison(looking: Visitor, found: dict[str, Any], address: str) -> Response:
    """Render a comparison: in the page that asks for it, or as one of its own."""
    template = "why.html" if looking.by_htmx else "why_page.html"
    return render(looking, template, found=found, place=await names(looking), address=address)


async def _titles(looking: Visitor, q: str) -> list[dict[str, Any]]:
    if not q:
        return []
    found = await looking.api.get("/v1/titles", q=q, limit=TITLES)
    return [{**title, "key": key} for title in found["items"] if (key := _key(title))]


def _key(title: dict[str, Any]) -> str | None:
    if title["ppns"]:
        return f"ppn:{title['ppns'][0]}"
    return f"isbn:{title['isbns'][0]}" if title["isbns"] else None


async def _title(looking: Visitor, key: str) -> dict[str, Any] | None:
    """What is known of the title asked for; None where it is unknown, which the decision says."""
    scheme, _, number = key.partition(":")
    if not number:
        return None
    try:
        found = await looking.api.get("/v1/titles", **{"ppn" if scheme == "ppn" else "isbn": number})
    except Refused as refused:
        if refused.status not in (404, 422):
            raise
        return None
    return found["items"][0] if found["items"] else None
