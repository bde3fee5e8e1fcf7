"""Titles that may be one and the same: to look through, and to decide."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from app.api.bodies import read_json
from app.api.dependencies import Caller, database, requires, resources
from app.api.holdings_shapes import TITLE_EXAMPLE, CataloguedShape
from app.api.paging import Cursor, Limit, Page, after, page
from app.database import Database
from app.lending.doubts import decide_doubt
from app.problems import Fault, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.doubts import UnknownDoubt, list_doubts
from app.store.title_join import TitlesBusy

router = APIRouter(prefix="/v1/titles/doubtful", tags=["Holdings"])

DOUBT: dict[str, Any] = {
    "id": "4711-90210",
    "isbns": ["9789000000005"],
    "why": "two_ppns",
    "titles": [TITLE_EXAMPLE, {**TITLE_EXAMPLE, "ppns": ["412345678"], "locations": 3, "systems": 1}],
}


class DoubtShape(BaseModel):
    """Two titles that share an ISBN and stand apart."""

    model_config = ConfigDict(json_schema_extra={"example": DOUBT})

    id: str
    isbns: list[str] = Field(description="Those that both have.")
    why: Literal["two_ppns", "volume_unknown", "one_isbn"] = Field(
        description="`two_ppns`: each has one of its own. `volume_unknown`: of one alone it is known which volume it "
        "is. `one_isbn`: their names differ, or the ISBN leads to several titles."
    )
    titles: list[CataloguedShape] = Field(min_length=2, max_length=2)


class VerdictShape(BaseModel):
    """What the two titles are."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"decision": "same"}})

    decision: Literal["same", "different"] = Field(
        description="`same`: they become one, for good. `different`: they stay apart, and are not listed again."
    )


@router.get(
    "",
    summary="List doubtful merges",
    response_model=Page[DoubtShape],
    dependencies=[Depends(requires())],
    responses={200: {"content": {"application/json": {"example": {"items": [DOUBT], "next_cursor": None}}}}},
)
async def read_doubts(
    held: Annotated[Database, Depends(database)], limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer pairs of titles that share an ISBN and about which nobody has decided yet.

    Volumes that are known as such are different and not listed, nor are the titles of an ISBN that more than twenty
    share. A question by that ISBN finds the holders of them all, whatever is decided.
    """
    async with held.connection() as connection:
        rows = await list_doubts(connection, after=_pair(after(cursor, str), "/cursor"), limit=limit + 1)
    return page(rows, [row["id"] for row in rows], limit)


@router.post(
    "/{id}",
    summary="Decide about a doubtful merge",
    response_model=DoubtShape,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/VerdictShape"},
                    "example": {"decision": "same"},
                }
            },
        }
    },
    responses=documented(UnknownDoubt, TooLarge, UnsupportedMediaType, InvalidInput, TitlesBusy),
)
async def decide(
    request: Request,
    caller: Annotated[Caller, Depends(requires("admin"))],
    id: Annotated[
        str,
        Path(description="The pair's id.", pattern=r"^[1-9][0-9]{0,17}-[1-9][0-9]{0,17}$", examples=[DOUBT["id"]]),
    ],
) -> dict[str, Any]:
    """Say whether two titles are the same, and answer the pair as it was. Later harvests and imports keep to it."""
    pair = _pair(id, "/id")
    assert pair is not None
    asked = await read_json(request, VerdictShape)
    ground = (await resources(request)).ground
    return await decide_doubt(ground, *pair, asked.decision, by=caller.agency or "admin")


def _pair(text: str | None, pointer: str) -> tuple[int, int] | None:
    if text is None:
        return None
    one, _, other = text.partition("-")
    if not (one.isdecimal() and other.isdecimal() and one.isascii() and other.isascii()) or len(text) > 37:
        raise InvalidInput(Fault(pointer, "Does not name two titles."))
    return int(one), int(other)
