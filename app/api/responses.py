"""How suppliers answer, as it was learned: of an agency's locations, with what explains it, and by version."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from app.api.dependencies import Caller, database, requires
from app.api.paging import Cursor, Limit, Page, after, page
from app.api.response_shapes import ResponseModelShape, ResponseShape, response_of
from app.api.schemas import NO_NUL
from app.database import Database
from app.imports.gtfs_fields import LONGEST_ID
from app.problems import documented
from app.store.agencies import Filters, UnknownAgency, get_agency, list_locations
from app.store.responses import find_newest, list_versions

router = APIRouter(prefix="/v1", tags=["Agencies"])

Reader = Annotated[Caller, Depends(requires())]
HeldDatabase = Annotated[Database, Depends(database)]
MOST_LOCATIONS = 10_000


@router.get(
    "/agencies/{isil:path}/response",
    summary="Read how an agency answers",
    response_model=ResponseShape,
    responses=documented(UnknownAgency),
)
async def read_response(
    held: HeldDatabase,
    _caller: Reader,
    isil: Annotated[
        str,
        Path(description="The agency's ISIL.", max_length=LONGEST_ID, pattern=NO_NUL, examples=["NL-0800070000"]),
    ],
) -> dict[str, Any]:
    """Answer what is expected of each of an agency's locations, and which answers that comes from.

    Any key sees any agency's: decisions go by it, and say so. Before anything was learned `version` is null.
    """
    async with held.one_moment() as connection:
        await get_agency(connection, isil)
        locations = await list_locations(connection, Filters(agency=isil), after=None, limit=MOST_LOCATIONS)
        version = await find_newest(connection)
    return response_of(isil, version, locations)


@router.get(
    "/response-models",
    summary="List what was learned of how suppliers answer",
    response_model=Page[ResponseModelShape],
)
async def read_response_models(
    held: HeldDatabase, _caller: Reader, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer the versions that are kept, the newest first."""
    async with held.one_moment() as connection:
        found = await list_versions(connection, after=after(cursor, int), limit=limit + 1)
    shown = [{**row, "version": str(row["number"])} for row in found]
    return page(shown, [row["number"] for row in found], limit)
