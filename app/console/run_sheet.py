"""Run sheets: what a driver loads and unloads, on screen, on paper and as labels."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from app.console.day import sheet_path
from app.console.frame import HEADERS, go, render
from app.console.visitor import Visitor, visitor

router = APIRouter(prefix="/console/run-sheet", include_in_schema=False)

Looking = Annotated[Visitor, Depends(visitor)]
Trip = Annotated[str, Query(max_length=200)]
Day = Annotated[date, Query(alias="date")]
PDF = "application/pdf"
MOST_LABELS = 200


@router.get("")
async def show(looking: Looking, trip: Trip, day: Day) -> Response:
    """Show what is loaded and unloaded at each call."""
    sheet = await looking.api.get(sheet_path(trip, day.isoformat()))
    count = len(_loaded(sheet))
    parts = [(first, min(first + MOST_LABELS - 1, count)) for first in range(1, count + 1, MOST_LABELS)]
    return render(looking, "run_sheet.html", sheet=sheet, parts=parts)


@router.get("/pdf")
async def read_pdf(looking: Looking, trip: Trip, day: Day) -> Response:
    """Answer the same as PDF."""
    path, params = sheet_path(trip, day.isoformat()), {"language": looking.language}
    answer = await looking.api.send("GET", path, params=params, headers={"accept": PDF})
    return _pdf(answer.content, f"run-sheet-{day}")


@router.get("/labels")
async def read_labels(
    looking: Looking, trip: Trip, day: Day, first: Annotated[int, Query(ge=1, le=1_000_000)] = 1
) -> Response:
    """Answer labels of what rides the trip, on sheets of A4: two hundred of them from the `first` on."""
    sheet = await looking.api.get(sheet_path(trip, day.isoformat()))
    loans = _loaded(sheet)[first - 1 : first - 1 + MOST_LABELS]
    if not loans:
        return go(looking, f"/console/run-sheet?{urlencode({'trip': trip, 'date': day.isoformat()})}")
    params = {"loan_request": loans, "format": "a4", "language": looking.language}
    answer = await looking.api.send("GET", "/v1/labels", params=params)
    return _pdf(answer.content, f"labels-{day}-{first}")


def _loaded(sheet: dict[str, Any]) -> list[str]:
    """The loan requests that are loaded, in the order of the sheet."""
    return [item["loan_request"] for stop in sheet["stops"] for batch in stop["load"] for item in batch["carries"]]


def _pdf(data: bytes, name: str) -> Response:
    headers = {**HEADERS, "Content-Disposition": f'inline; filename="{name}.pdf"'}
    return Response(data, media_type=PDF, headers=headers)
