"""Titles and who holds them, to read."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from app.api.dependencies import database, requires
from app.api.holdings_shapes import HOLDING_EXAMPLE, CataloguedShape, GroupShape, HoldingShape
from app.api.paging import Cursor, Limit, Page, after, page
from app.database import Database
from app.imports.gtfs_fields import LONGEST_ID
from app.lending.choose import TitleKey, UnknownTitle
from app.problems import Fault, InvalidInput, documented
from app.store.agencies import UnknownPlace, get_location
from app.store.holdings import Row, browse_titles, count_holdings, list_holdings, list_shelf, list_titles
from app.store.isbn import InvalidIsbn, InvalidPpn, isbn13, normal_ppn
from app.store.title_search import search_titles

router = APIRouter(prefix="/v1", tags=["Holdings"], dependencies=[Depends(requires())])

HeldDatabase = Annotated[Database, Depends(database)]
Isbn = Annotated[
    str | None,
    Query(description="ISBN of 10 or 13 digits, with or without hyphens.", max_length=40, examples=["9789000000005"]),
]
Ppn = Annotated[str | None, Query(description="PPN in the joint catalogue.", max_length=40, examples=["398765432"])]


def title_key(isbn: str | None, ppn: str | None) -> TitleKey:
    """Read the title that is asked for: exactly one of both. Raises InvalidInput."""
    if (isbn is None) == (ppn is None):
        raise InvalidInput(Fault("", "Takes exactly one of isbn and ppn."))
    try:
        return TitleKey(isbn=None if isbn is None else isbn13(isbn), ppn=None if ppn is None else normal_ppn(ppn))
    except (InvalidIsbn, InvalidPpn) as error:
        raise InvalidInput(Fault("/isbn" if ppn is None else "/ppn", f"This is no {error.kind}: {error}.")) from None


@router.get(
    "/titles",
    summary="Find a title",
    response_model=Page[CataloguedShape],
    responses=documented(UnknownTitle, InvalidInput),
)
async def read_titles(
    held: HeldDatabase,
    q: Annotated[
        str | None,
        Query(
            description="Words of title and author, the last of which may be cut short; or an ISBN or a PPN.",
            max_length=200,
            examples=["ontdekking hem"],
        ),
    ] = None,
    isbn: Isbn = None,
    ppn: Ppn = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Search the joint catalogue of all systems, or answer the title of an ISBN or a PPN.

    With `q` the best come first: what has that number, what is called exactly that, what has all the words. Accents,
    capitals and signs do not matter; of words that more than 5,000 titles have, those that became known first are
    ranked. With none of the three: all titles, in the order in which they became known. Volumes of one work may share
    an ISBN: then each is a title.
    """
    if q is not None:
        return await _search(held, q, [isbn, ppn], limit=limit, cursor=cursor)
    place = after(cursor, int) or 0
    if isbn is None and ppn is None:
        async with held.connection() as connection:
            rows = await browse_titles(connection, after=place, limit=limit + 1)
        return page(rows, [row["id"] for row in rows], limit)
    title = title_key(isbn, ppn)
    async with held.one_moment() as connection:
        found = await list_titles(connection, isbn=title.isbn, ppn=title.ppn)
    if not found:
        raise _unknown(title)
    return {"items": found, "next_cursor": None}  # as many as an ISBN has volumes


async def _search(
    held: Database, asked: str, besides: list[str | None], *, limit: int, cursor: str | None
) -> dict[str, Any]:
    if any(value is not None for value in besides):
        raise InvalidInput(Fault("/q", "Takes no isbn or ppn besides."))
    if "\0" in asked:
        raise InvalidInput(Fault("/q", "Takes no NUL character."))
    place = after(cursor, str)
    isbn, ppn = numbers_in(asked)
    async with held.one_moment() as connection:
        rows = await search_titles(connection, asked, isbn=isbn, ppn=ppn, after=_score(place), limit=limit + 1)
    return page(rows, [f"{row['score']} {row['id']}" for row in rows], limit)


def numbers_in(asked: str) -> tuple[str | None, str | None]:
    """Return the ISBN and the PPN that what is asked for may be."""
    asked = re.sub(r"^\s*(isbn|ppn)(-1[03])?\s*:?\s*", "", asked, flags=re.IGNORECASE)
    isbn = ppn = None
    with suppress(InvalidIsbn):
        isbn = isbn13(asked.strip())
    with suppress(InvalidPpn):
        ppn = normal_ppn(asked)
    return isbn, ppn


def _score(key: str | None) -> tuple[int, int] | None:
    """Read where a page of what was found ended. Raises InvalidInput."""
    if key is None:
        return None
    if re.fullmatch("[0-9]{1,7} [0-9]{1,18}", key) is None:
        raise InvalidInput(Fault("/cursor", "This is not the next_cursor of any page."))
    score, _, title_id = key.partition(" ")
    return int(score), int(title_id)


@router.get(
    "/holdings",
    summary="Who holds a title",
    response_model=Page[HoldingShape | GroupShape],
    responses={
        200: {"content": {"application/json": {"example": {"items": [HOLDING_EXAMPLE], "next_cursor": None}}}},
        **documented(UnknownTitle, UnknownPlace, InvalidInput),
    },
)
async def read_holdings(
    held: HeldDatabase,
    isbn: Isbn = None,
    ppn: Ppn = None,
    location: Annotated[
        str | None,
        Query(description="What this location holds, instead of who holds a title.", max_length=LONGEST_ID),
    ] = None,
    group_by: Annotated[
        Literal["system", "agency", "province"] | None,
        Query(description="Count by system, agency or province; left out: every location by itself."),
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Answer the holdings of a title by location, or counted by system, agency or province; or a location's shelf.

    Takes one of `isbn`, `ppn` and `location`. An ISBN that several titles share finds the holdings of all of them.
    """
    if location is not None:
        return await _shelf(held, location, [isbn, ppn, group_by], limit=limit, cursor=cursor)
    title = title_key(isbn, ppn)
    place = after(cursor, str)
    async with held.one_moment() as connection:
        if not await list_titles(connection, isbn=title.isbn, ppn=title.ppn):
            raise _unknown(title)
        if group_by is not None:
            groups = await count_holdings(connection, isbn=title.isbn, ppn=title.ppn, by=group_by)
            return _grouped(groups, place, limit)
        rows = await list_holdings(connection, isbn=title.isbn, ppn=title.ppn, after=_place(place), limit=limit + 1)
    return page(rows, [f"{row['title_id']} {row['location']}" for row in rows], limit)


async def _shelf(
    held: Database, location: str, besides: list[str | None], *, limit: int, cursor: str | None
) -> dict[str, Any]:
    if any(value is not None for value in besides):
        raise InvalidInput(Fault("/location", "Takes no isbn, ppn or group_by besides."))
    if "\0" in location:
        raise InvalidInput(Fault("/location", "Takes no NUL character."))
    place = after(cursor, int) or 0
    async with held.one_moment() as connection:
        await get_location(connection, location)
        rows = await list_shelf(connection, location, after=place, limit=limit + 1)
    return page(rows, [row["title_id"] for row in rows], limit)


def _place(key: str | None) -> tuple[str, int] | None:
    """Read where a page of holdings ended. Raises InvalidInput."""
    if key is None:
        return None
    title_id, _, location = key.partition(" ")
    if not (title_id.isascii() and title_id.isdecimal() and len(title_id) < 19):
        raise InvalidInput(Fault("/cursor", "This is not the next_cursor of any page."))
    return location, int(title_id)


def _grouped(groups: list[Row], place: str | None, limit: int) -> dict[str, Any]:
    # There are as many as there are systems, agencies or provinces at most: cut into pages here, and put in order
    # here, for the database's idea of order may be another.
    groups = sorted(groups, key=lambda row: _group_key(row["group"]))
    keys = [_group_key(row["group"]) for row in groups]
    rest = [at for at, key in enumerate(keys) if place is None or key > place]
    return page([groups[at] for at in rest[: limit + 1]], [keys[at] for at in rest[: limit + 1]], limit)


def _group_key(group: str | None) -> str:
    return "1" if group is None else "0" + group  # those of no group come last


def _unknown(title: TitleKey) -> UnknownTitle:
    return UnknownTitle(f"No holding of {title} is known.")
