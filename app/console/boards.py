"""How well it goes: turnaround, fill rate, declines, balance, what is late, what was given up, and every system."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from app.console.api import Refused
from app.console.frame import render
from app.console.visitor import Visitor, visitor

router = APIRouter(prefix="/console/boards", include_in_schema=False)

Looking = Annotated[Visitor, Depends(visitor)]
Word = Annotated[str, Query(max_length=200)]
PARTS = (
    ("supplying", "answer"),
    ("supplying", "pull"),
    ("requesting", "transport"),
    ("requesting", "shelf"),
    ("requesting", "whole"),
)
"""The parts of the turnaround, in the order in which they happen, and the whole from asked to delivered."""
GROUPS = ("poi", "province", "agency", "month")
MOST_ROWS = 100


@router.get("")
async def show(looking: Looking, since: Word = "", until: Word = "", by: Word = "poi") -> Response:
    """Show the figures of a period."""
    by = by if by in GROUPS else "poi"
    period = {"since": since or None, "until": until or None}
    whole, groups, late, dead, systems = await asyncio.gather(
        looking.api.get("/v1/statistics", **period),
        looking.api.get("/v1/statistics", **period, by=by),
        looking.api.get("/v1/loan-requests", late="true", limit=MOST_ROWS),
        _dead(looking),
        _systems(looking),
    )
    figures = whole["items"][0] if whole["items"] else None
    return render(
        looking,
        "boards.html",
        period=whole,
        figures=figures,
        groups=groups["items"],
        by=by,
        kinds=GROUPS,
        parts=PARTS,
        declines=[] if figures is None else sorted(figures["supplying"]["declines"].items(), key=lambda one: -one[1]),
        late=late["items"],
        more_late=late["next_cursor"] is not None,
        dead=dead,
        dead_kinds=None if dead is None else sorted(Counter(letter["kind"] for letter in dead).items()),
        systems=systems,
        rows=_rows(looking, whole),
    )


def _rows(looking: Visitor, period: dict[str, Any]) -> Any:
    """Return what makes the address of the loan requests behind a figure."""

    def rows(**filters: Any) -> str:
        given = {"since": period["since"], "until": period["until"], **filters}
        return f"{looking.root}/console/loans?{urlencode(given)}"

    return rows


async def _dead(looking: Visitor) -> list[dict[str, Any]] | None:
    """Return what was given up; None: not for this visitor's eyes."""
    try:
        return list((await looking.api.get("/v1/dead-letters", limit=MOST_ROWS))["items"])
    except Refused as refused:
        if refused.status != 403:
            raise
        return None


async def _systems(looking: Visitor) -> list[dict[str, Any]]:
    """Return the systems with how far their holdings are known; what is not well first."""
    harvests = {row["system"]: row for row in await looking.api.items("/v1/harvests")}
    found = [{**system, "harvest": harvests.get(system["id"])} for system in await looking.api.items("/v1/systems")]
    return sorted(found, key=lambda system: (system["breaker"] == "closed", not _fails(system), system["id"]))


def _fails(system: dict[str, Any]) -> bool:
    return bool(system["harvest"] and system["harvest"]["errors"])


@router.get("/system")
async def show_system(looking: Looking, id: Word) -> Response:
    """Show what stands behind the state of a system: who uses it, which processes found it away, and its harvest."""
    system = await looking.api.get(f"/v1/systems/{quote(id)}")
    harvests = {row["system"]: row for row in await looking.api.items("/v1/harvests")}
    return render(looking, "boards_system.html", system=system, harvest=harvests.get(id))
