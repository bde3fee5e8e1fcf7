"""How well it goes: fill rate, turnaround, declines and balance, for those who may see them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from app.api.dependencies import Caller, requires, resources
from app.api.spans import Since, Until, days_of, midnight
from app.api.statistics_shapes import COLUMNS, REASONS, STATISTICS, STATISTICS_CSV, StatisticsShape, flat, row_of
from app.api.tabular import Format, as_csv, at_once, documented_table, wants_csv
from app.database import Connection
from app.problems import Fault, Forbidden, InvalidInput
from app.store.statistics import (
    By,
    Scope,
    Shares,
    list_isils,
    read_balance,
    read_declines,
    read_requesting,
    read_supplying,
)

router = APIRouter(prefix="/v1", tags=["Settlement and statistics"])

Reader = Annotated[Caller, Depends(requires())]


@router.get(
    "/statistics",
    summary="Read how well it goes",
    response_model=StatisticsShape,
    responses=documented_table(STATISTICS, STATISTICS_CSV),
)
async def read_statistics(
    request: Request,
    caller: Reader,
    since: Since = None,
    until: Until = None,
    by: Annotated[By, Query(description="What the figures are told apart by.")] = "whole",
    agency: Annotated[str | None, Query(max_length=200, description="Only this agency's.")] = None,
    province: Annotated[str | None, Query(max_length=200, description="Only of this province's agencies.")] = None,
    poi: Annotated[str | None, Query(max_length=200, description="Only of agencies in this POI's area.")] = None,
    format: Format = None,
) -> Any:
    """Answer counts, fill rate, turnaround by leg of the way, declines and the balance of lent and borrowed items.

    `requesting` is of the loan requests that were submitted in the period, `supplying` of the questions that
    suppliers were asked in it, `balance` of the items that were sent in it. A key sees its agency's figures; a
    planner's its POI's; a reader's everyone's.
    """
    held = await resources(request)
    first, last = days_of(since, until, now=held.clock.now())
    _check(agency=agency, province=province, poi=poi)
    wanted = Shares(agency=agency, province=province, poi=poi)
    async with held.database.one_moment() as connection:
        agencies = await _agencies(connection, caller, wanted)
        scope = Scope(since=midnight(first), until=midnight(last), agencies=agencies)
        found = await _rows(connection, scope, by)
    if wants_csv(request, format):
        return as_csv("statistics", COLUMNS, at_once([flat(row) for row in found]))
    return {"since": first, "until": last, "by": by, "items": found}


async def _rows(connection: Connection, scope: Scope, by: By) -> list[dict[str, Any]]:
    parts = (
        await read_requesting(connection, scope, by),
        await read_supplying(connection, scope, by),
        await read_declines(connection, scope, by, reasons=REASONS),
        await read_balance(connection, scope, by),
    )
    groups = {group for part in parts for group in part}
    return [row_of(group, *(part.get(group, {}) for part in parts)) for group in _in_order(groups)]


def _in_order(groups: Iterable[str | None]) -> list[str | None]:
    """By name; what has none comes last."""
    return sorted(groups, key=lambda group: (group is None, group or ""))


async def _agencies(connection: Connection, caller: Caller, wanted: Shares) -> list[str] | None:
    """Return whose figures to answer (None: everyone's). Raises Forbidden where another's are asked for by name."""
    if caller.sees_everything and wanted == Shares():
        return None
    shown = await list_isils(connection, wanted)
    if wanted == Shares(agency=wanted.agency) and wanted.agency is not None:
        shown = [wanted.agency]  # it need not be registered
    if caller.sees_everything:
        return shown
    own = {caller.agency} | await _planned(connection, caller)
    if wanted.agency is not None and wanted.agency not in own:
        raise Forbidden(f"This key is {caller.agency}'s: it may not see what is {wanted.agency}'s.")
    if wanted == Shares():
        return sorted(isil for isil in own if isil is not None)
    return [isil for isil in shown if isil in own]


async def _planned(connection: Connection, caller: Caller) -> set[str | None]:
    """Return the agencies in the area of the POI that a planner's key is of; a carrier has no area."""
    return set() if caller.poi is None else set(await list_isils(connection, Shares(poi=caller.poi)))


def _check(**names: str | None) -> None:
    for name, value in names.items():
        if value is not None and "\0" in value:
            raise InvalidInput(Fault(f"/{name}", "No name has a NUL in it."))
