"""The register, to read: agencies, locations, provinces and POIs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query

from app.api.dependencies import database, requires
from app.api.paging import Cursor, Limit, Page, after, page
from app.api.register_shapes import (
    AgencyShape,
    LocationShape,
    PoiShape,
    ProvinceShape,
    TariffShape,
)
from app.api.schemas import NO_NUL
from app.database import Database
from app.imports.gtfs_fields import LONGEST_ID
from app.problems import documented
from app.store.agencies import (
    Filters,
    Row,
    UnknownAgency,
    UnknownPlace,
    get_agency,
    get_location,
    list_agencies,
    list_locations,
    list_pois,
    list_provinces,
)
from app.store.standing import list_tariffs

router = APIRouter(prefix="/v1", tags=["Agencies"], dependencies=[Depends(requires())])

HeldDatabase = Annotated[Database, Depends(database)]


def _only(what: str, example: str) -> Any:
    return Query(description=f"Only those {what}.", max_length=LONGEST_ID, pattern=NO_NUL, examples=[example])


InProvince = Annotated[str | None, _only("in this province", "Overijssel")]
OfPoi = Annotated[str | None, _only("served by this POI", "Rijnbrink")]
OnSystem = Annotated[str | None, _only("that use this system today", "wise-midden")]
OfAgency = Annotated[str | None, _only("of the agency with this ISIL", "NL-0800070000")]


def _named(what: str, example: str) -> Any:
    return Path(description=what, max_length=LONGEST_ID, pattern=NO_NUL, examples=[example])


@router.get("/agencies", summary="List agencies", response_model=Page[AgencyShape])
async def read_agencies(
    held: HeldDatabase,
    province: InProvince = None,
    poi: OfPoi = None,
    system: OnSystem = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Answer the organisations, by ISIL."""
    filters = Filters(province=province, poi=poi, system=system)
    async with held.one_moment() as connection:
        found = await list_agencies(connection, filters, after=after(cursor, str), limit=limit + 1)
    return _paged(found, "isil", limit)


@router.get(
    "/agencies/{isil:path}",
    summary="Look at an agency",
    response_model=AgencyShape,
    responses=documented(UnknownAgency),
)
async def read_agency(
    held: HeldDatabase, isil: Annotated[str, _named("The agency's ISIL.", "NL-0800070000")]
) -> dict[str, Any]:
    """Answer one organisation: where it is, which systems it uses since when, and who took its place."""
    async with held.one_moment() as connection:
        return await get_agency(connection, isil)


@router.get("/locations", summary="List locations", response_model=Page[LocationShape])
async def read_locations(
    held: HeldDatabase,
    agency: OfAgency = None,
    province: InProvince = None,
    poi: OfPoi = None,
    system: OnSystem = None,
    kind: Annotated[Literal["location", "hub"] | None, Query(description="Only those of this kind.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Answer branches, hubs and other service points, by id."""
    filters = Filters(agency=agency, province=province, poi=poi, system=system, kind=kind)
    async with held.one_moment() as connection:
        found = await list_locations(connection, filters, after=after(cursor, str), limit=limit + 1)
    return _paged(found, "id", limit)


@router.get(
    "/locations/{id:path}",
    summary="Look at a location",
    response_model=LocationShape,
    responses=documented(UnknownPlace),
)
async def read_location(
    held: HeldDatabase, id: Annotated[str, _named("The location's id, an ISIL for most.", "NL-0800070001")]
) -> dict[str, Any]:
    """Answer one branch, hub or other service point."""
    async with held.one_moment() as connection:
        return await get_location(connection, id)


@router.get("/provinces", summary="List provinces", response_model=Page[ProvinceShape])
async def read_provinces(held: HeldDatabase, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Answer the provinces, the POI of each and its roles in the joint collection plan."""
    async with held.one_moment() as connection:
        found = await list_provinces(connection, after=after(cursor, str), limit=limit + 1)
    return _paged(found, "code", limit)


@router.get("/pois", summary="List POIs", response_model=Page[PoiShape])
async def read_pois(held: HeldDatabase, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Answer the provincial organisations that run vans, and the provinces of each."""
    async with held.one_moment() as connection:
        found = await list_pois(connection, after=after(cursor, str), limit=limit + 1)
    return _paged(found, "code", limit)


@router.get("/tariffs", summary="List tariffs", response_model=Page[TariffShape])
async def read_tariffs(held: HeldDatabase) -> dict[str, Any]:
    """Answer what has been charged, is charged and is going to be charged, the newest first."""
    async with held.connection() as connection:
        tariffs = await list_tariffs(connection)
    return {
        "items": [
            {"valid_from": day, "supplier_cents": tariff.supplier_cents, "transport_cents": tariff.transport_cents}
            for day, tariff in tariffs
        ],
        "next_cursor": None,
    }


def _paged(found: list[Row], key: str, limit: int) -> dict[str, Any]:
    return page(found, [row[key] for row in found], limit)
