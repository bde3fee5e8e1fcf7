"""Copies that stay elsewhere than their holder says, and who asked for a title before.

What files and records say of holdings is left as it is, so that an import of either side stays true: `as_they_stand`
lays these rows over it when it is read. A copy that stays elsewhere is one less at home, where no more can be on the
shelf than are left; one that is called home is lent nowhere until it is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from app.store.events import Told
from routing.model import Holding

Row = dict[str, Any]


class UnknownFloatedItem(Exception):  # noqa: N818 - named as the problem it becomes
    """No copy of this number stays elsewhere."""


class Elsewhere(NamedTuple):
    """A copy that belongs to `home`; it is lent at `location` (None: nowhere, as it was called home)."""

    home: str
    location: str | None
    material: str
    added_on: date | None = None


ELSEWHERE_SQL = """
(select json_agg(json_build_array(f.home, case when f.called_at is null then f.location end, f.material,
                                 f.added_on) order by f.id)
   from wanted join floated_item f on f.title_id = wanted.title_id where f.ended_at is null)
"""
"""Of the titles in `wanted`; null, as nearly always: none."""


def elsewhere_of(document: str | None) -> list[Elsewhere]:
    """Return what ELSEWHERE_SQL answered."""
    rows = [] if document is None else orjson.loads(document)
    return [
        Elsewhere(home, location, material, None if day is None else date.fromisoformat(day))
        for home, location, material, day in rows
    ]


def as_they_stand(holdings: Sequence[Holding], elsewhere: Sequence[Elsewhere]) -> list[Holding]:
    """Return the holdings of titles with the copies that stay elsewhere, in the order of locations."""
    away = Counter(copy.home for copy in elsewhere)
    found = []
    for holding in holdings:
        gone = min(away[holding.location], holding.copies) if holding.loanable else 0
        away[holding.location] -= gone
        found.append(_less(holding, gone) if gone else holding)
    found += [
        Holding(copy.location, 1, 1, True, copy.material, copy.added_on, copy.home)
        for copy in elsewhere
        if copy.location is not None
    ]
    return sorted(found, key=lambda holding: holding.location)


def _less(holding: Holding, gone: int) -> Holding:
    copies = holding.copies - gone
    # Whether it was counted out already nobody knows: there are no more on the shelf than there are.
    return holding._replace(
        copies=copies, available=None if holding.available is None else min(holding.available, copies)
    )


# --- leaving it, calling it home --------------------------------------------------------------------


async def leave(
    connection: asyncpg.Connection,
    *,
    loan: UUID,
    title: int,
    home: str,
    agency: str | None,
    location: str,
    material: str,
    at: datetime,
) -> None:
    """Note that the copy of a loan request stays where it was brought back; once for each loan request."""
    await connection.execute(
        "insert into floated_item (title_id, home, agency, location, material, loan_request, since, added_on)"
        " values ($1, $2, $3, $4, $5, $6, $7, (select added_on from holding where title_id = $1 and location = $2))",
        *(title, home, agency, location, material, loan, at),
    )


async def lock_floating(connection: asyncpg.Connection, home: str, agency: str | None) -> None:
    """Make whoever leaves another copy of this agency wait for the end of this transaction: they are counted."""
    await connection.execute(
        "select pg_advisory_xact_lock(hashtextextended('floating ' || coalesce($1, $2), 0))", agency, home
    )


async def count_away(connection: asyncpg.Connection, home: str, agency: str | None) -> int:
    """Return how many copies of an agency stay elsewhere; of a location, where no agency stands behind it."""
    found: int = await connection.fetchval(
        "select count(*) from floated_item where ended_at is null and"
        " case when $2::text is null then home = $1 else agency = $2 end",
        *(home, agency),
    )
    return found


async def list_at(connection: asyncpg.Connection, titles: Sequence[int], location: str) -> list[Row]:
    """Return the copies of titles that stay at a location, those that were called home too."""
    rows = await connection.fetch(
        f"select {_ROW} from floated_item f where title_id = any($1::bigint[]) and location = $2"  # noqa: S608
        " and ended_at is null order by id",
        *(list(titles), location),
    )
    return [dict(row) for row in rows]


async def list_floated(
    connection: asyncpg.Connection, *, home: str | None, location: str | None, after: int, limit: int
) -> list[Row]:
    """Return the copies that stay elsewhere now, by their number."""
    rows = await connection.fetch(
        f"select {_ROW} from floated_item f where ended_at is null and id > $1"  # noqa: S608
        " and ($2::text is null or home = $2) and ($3::text is null or location = $3) order by id limit $4",
        *(after, home, location, limit),
    )
    return [dict(row) for row in rows]


async def get_floated(connection: asyncpg.Connection, id_: int) -> Row:
    """Return a copy that stays, or stayed, elsewhere. Raises UnknownFloatedItem."""
    row = await connection.fetchrow(f"select {_ROW} from floated_item f where id = $1", id_)  # noqa: S608
    if row is None:
        raise UnknownFloatedItem(f"No copy number {id_} stays elsewhere.")
    return dict(row)


async def note_called(connection: asyncpg.Connection, id_: int, told: Told) -> None:
    """Note that a copy was called home: it is lent there no longer. Called again, the first one stands."""
    await connection.execute(
        "update floated_item set called_at = $2, called_by = $3"
        " where id = $1 and called_at is null and ended_at is null",
        *(id_, told.at, told.by),
    )


async def note_home(connection: asyncpg.Connection, id_: int, told: Told) -> None:
    """Note that a copy is home. Said again, the first one stands."""
    await connection.execute(
        "update floated_item set ended_at = $2, ended_by = $3 where id = $1 and ended_at is null",
        *(id_, told.at, told.by),
    )


_ROW = (
    "id, (select t.title from title t where t.id = f.title_id) as title,"
    " array(select i.isbn from title_isbn i where i.title_id = f.title_id order by i.isbn) as isbns,"
    " array(select p.ppn from title_ppn p where p.title_id = f.title_id order by p.ppn) as ppns,"
    " home, agency, location, material, since, called_at, ended_at"
)


# --- who asked before -----------------------------------------------------------------------------


async def list_wanted(
    connection: asyncpg.Connection, title: int, *, since: datetime, limit: int
) -> list[tuple[str, datetime]]:
    """Return where a title was to be collected, and when it was asked for by any of its numbers; newest first."""
    rows = await connection.fetch(_WANTED, title, since, limit)
    return [(row["pickup_location"], row["submitted_at"]) for row in rows]


async def count_wanted(connection: asyncpg.Connection, *, limit: int) -> dict[str, int]:
    """Return at how many of the last `limit` loan requests, for whatever title, each location is where to collect."""
    rows = await connection.fetch(_ANYTHING, limit)
    return {row["pickup_location"]: row["count"] for row in rows}


_WANTED = """
select pickup_location, submitted_at from (
    select l.id, l.pickup_location, l.submitted_at
      from title_isbn t join loan_request l on l.isbn = t.isbn and l.submitted_at >= $2 where t.title_id = $1
    union
    select l.id, l.pickup_location, l.submitted_at
      from title_ppn t join loan_request l on l.ppn = t.ppn and l.submitted_at >= $2 where t.title_id = $1) asked
 order by submitted_at desc, id desc limit $3
"""

_ANYTHING = """
select pickup_location, count(*) as count from (
    select pickup_location from loan_request order by submitted_at desc limit $1) latest
 group by pickup_location
"""


async def read_material(connection: asyncpg.Connection, title: int, location: str) -> str | None:
    """Return of what material a location's copies of a title are; None: it holds none, as far as is known."""
    found: str | None = await connection.fetchval(
        "select material from holding where title_id = $1 and location = $2", title, location
    )
    return found
