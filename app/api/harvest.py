"""Harvests: how those of all systems stand, and starting one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request

from adapters.contract import NotOffered
from app.api.bodies import read_json
from app.api.dependencies import Caller, database, requires, resources
from app.api.harvest_shapes import HARVEST, OFTEN, ONE_HARVEST, HarvestShape, OftenShape, OneHarvestShape, StartShape
from app.api.paging import Cursor, Limit, Page, after, page
from app.database import Database
from app.imports.gtfs_fields import LONGEST_ID
from app.lending.harvest import plan, start
from app.lending.vault import VaultClosed
from app.problems import Fault, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.agencies import UnknownSystem
from app.store.harvests import NothingToConfirm, Row, Schedule, get_harvest, list_harvests

router = APIRouter(prefix="/v1", tags=["Harvest"])

HeldDatabase = Annotated[Database, Depends(database)]
Admin = Annotated[Caller, Depends(requires("admin"))]
System = Annotated[
    str,
    Path(description="The system's id.", max_length=LONGEST_ID, pattern=r"^[^\x00]+$", examples=["wise-midden"]),
]
PLACE = "/systems/{id:path}/harvest"


def _body(shape: str, example: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


@router.get(
    "/harvests",
    summary="List harvests",
    response_model=Page[HarvestShape],
    dependencies=[Depends(requires())],
    responses={200: {"content": {"application/json": {"example": {"items": [HARVEST], "next_cursor": None}}}}},
)
async def read_harvests(
    request: Request, held: HeldDatabase, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer how the harvests of all systems stand that were ever to be harvested, by system."""
    at = (await resources(request)).clock.now()
    async with held.connection() as connection:
        rows = await list_harvests(connection, after=after(cursor, str), limit=limit + 1)
    return page([_lagging(row, at) for row in rows], [row["system"] for row in rows], limit)


@router.get(
    PLACE,
    summary="Look at a harvest",
    response_model=OneHarvestShape,
    dependencies=[Depends(requires())],
    responses=documented(UnknownSystem),
)
async def read_harvest(request: Request, held: HeldDatabase, id: System) -> dict[str, Any]:
    """Answer how far the harvest of a system is: schedule, progress, lag, faults, and what could not be taken in."""
    return await _read(request, held, id)


@router.put(
    PLACE,
    summary="Schedule a harvest",
    response_model=OneHarvestShape,
    openapi_extra=_body("OftenShape", OFTEN),
    responses=documented(UnknownSystem, TooLarge, UnsupportedMediaType, InvalidInput, VaultClosed),
)
async def schedule_harvest(request: Request, held: HeldDatabase, caller: Admin, id: System) -> dict[str, Any]:
    """Say how often a system is harvested; the first time is now. Without an interval only what is due is done.

    `{}` takes a schedule back; any other is only for systems that can be harvested.
    """
    asked = await read_json(request, OftenShape)
    often = Schedule(
        interval_seconds=asked.interval_seconds,
        whole_interval_seconds=asked.whole_interval_seconds,
        overlap_seconds=asked.overlap_seconds,
    )
    try:
        await plan((await resources(request)).ground, id, often)
    except NotOffered:
        raise _nothing_harvests(id) from None
    return await _read(request, held, id)


@router.post(
    PLACE,
    status_code=202,
    summary="Harvest a system",
    response_model=OneHarvestShape,
    openapi_extra=_body("StartShape", {"whole": True}),
    responses={
        202: {"content": {"application/json": {"example": ONE_HARVEST}}},
        **documented(UnknownSystem, NothingToConfirm, TooLarge, UnsupportedMediaType, InvalidInput, VaultClosed),
    },
)
async def start_harvest(request: Request, held: HeldDatabase, caller: Admin, id: System) -> dict[str, Any]:
    """Have a system harvested now, or go on with the run that is under way.

    A run of all there is (`whole`) takes away at its end what it did not come across, all at once; but more than half
    only once that is confirmed (`confirm_run`).
    """
    asked = await read_json(request, StartShape)
    try:
        await start((await resources(request)).ground, id, whole=asked.whole, confirm_run=asked.confirm_run)
    except NotOffered:
        raise _nothing_harvests(id) from None
    return await _read(request, held, id)


def _nothing_harvests(system: str) -> InvalidInput:
    return InvalidInput(
        Fault(
            "/id",
            f"{system} cannot be harvested: people answer for it, or it was not given the address of what tells its"
            " catalogue. GET /v1/system-kinds says what each kind takes.",
        )
    )


async def _read(request: Request, held: Database, system: str) -> dict[str, Any]:
    at = (await resources(request)).clock.now()
    async with held.one_moment() as connection:
        return _lagging(await get_harvest(connection, system), at)


def _lagging(row: Row, at: datetime) -> Row:
    until: datetime | None = row["until"]
    lag = None if until is None else max(0, round((at - until).total_seconds()))
    return {**row, "lag_seconds": lag, "under_way": bool(row["under_way"])}
