"""Loan requests: a list with the API's filters, and one with its decision, its history and where its item is."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from app.console.decisions import show_comparison
from app.console.frame import render
from app.console.places import names
from app.console.visitor import Visitor, visitor

router = APIRouter(prefix="/console/loans", include_in_schema=False)

Looking = Annotated[Visitor, Depends(visitor)]
Text = Annotated[str, Query(max_length=200)]
ROWS = 50
STATUSES = (
    "RequestReceived",
    "ExpectToSupply",
    "WillSupply",
    "Loaned",
    "Overdue",
    "Recalled",
    "Unfilled",
    "LoanCompleted",
    "CompletedWithoutReturn",
    "Cancelled",
)


@router.get("")
async def show_list(
    looking: Looking,
    requesting_agency: Text = "",
    supplying_agency: Text = "",
    location: Text = "",
    route: Text = "",
    status: Text = "",
    requesting_agency_request_id: Text = "",
    state: Text = "",
    outcome: Text = "",
    delivered: Text = "",
    late: Text = "",
    declined: Text = "",
    moment: Text = "",
    since: Text = "",
    until: Text = "",
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """Show a page of the list, the newest first. What the boards narrow it by comes along and is shown above it."""
    given = {
        "requesting_agency": requesting_agency.strip(),
        "supplying_agency": supplying_agency.strip(),
        "location": location.strip(),
        "route": route.strip(),
        "status": status,
        "requesting_agency_request_id": requesting_agency_request_id.strip(),
        "state": state,
    }
    narrowed = {
        "outcome": outcome,
        "delivered": delivered,
        "late": late,
        "declined": declined,
        "moment": moment,
        "since": since,
        "until": until,
    }
    narrowed = {name: value for name, value in narrowed.items() if value}
    filters = {**{name: value for name, value in given.items() if value}, **narrowed}
    found = await looking.api.get("/v1/loan-requests", **filters, cursor=cursor or None, limit=ROWS)
    following = found["next_cursor"]
    return render(
        looking,
        "loans.html",
        loans=found["items"],
        given=given,
        narrowed=narrowed,
        statuses=STATUSES,
        following=urlencode({**filters, "cursor": following}) if following else None,
        place=await names(looking),
    )


@router.get("/{loan}")
async def show(looking: Looking, loan: str) -> Response:
    """Show one: where it stands, where its item is, why its supplier was chosen, and everything that happened."""
    path = _path(loan)
    whole = await looking.api.get(path)
    return render(
        looking,
        "loan.html",
        loan=whole,
        way=await looking.api.get(f"{path}/way"),
        decision=await looking.api.get(f"{path}/decision"),
        events=await looking.api.items(f"{path}/events"),
        title=await _title(looking, whole),
        place=await names(looking),
        map_of=None,
        why_address=f"/console/loans/{whole['id']}/comparison",
        why_fields=[],
    )


@router.get("/{loan}/comparison")
async def compare(looking: Looking, loan: str, location: Text) -> Response:
    """Show a location beside the first of its decision."""
    found = await looking.api.get(f"{_path(loan)}/comparison", location=location.strip())
    return await show_comparison(looking, found, f"/console/loans/{quote(loan, safe='')}")


async def _title(looking: Visitor, loan: dict[str, Any]) -> dict[str, Any] | None:
    """The first title of this number; None where the catalogue no longer has it."""
    number = {"isbn": loan["isbn"], "ppn": loan["ppn"]}
    if not any(number.values()):
        return None
    found = await looking.api.get("/v1/titles", q=loan["isbn"] or loan["ppn"], limit=1)
    return found["items"][0] if found["items"] else None


def _path(loan: str) -> str:
    return f"/v1/loan-requests/{quote(loan, safe='')}"
