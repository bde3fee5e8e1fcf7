"""The one look-up of a decision: who holds a title, and what stands at that moment."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import asyncpg

from app.database import Database
from app.store.standing import STANDING_SQL, Standing
from routing.model import Holding


class Holders(NamedTuple):
    """The holdings of a title in the order of locations; volumes may share one. `known`: the title exists."""

    standing: Standing
    known: bool
    holdings: list[Holding]


# One row whatever is found: aggregates without GROUP BY. An ISBN may name several titles, a PPN names one.
_SQL = """
with wanted as (select title_id from {index} where {column} = $1)
select {standing},
       (select count(*) from wanted) as titles,
       array_agg(held.location) as location,
       array_agg(held.copies) as copies,
       array_agg(held.available) as available,
       array_agg(held.loanable) as loanable,
       array_agg(held.material) as material,
       case when count(held.added_on) > 0 then array_agg(held.added_on) end as added_on
  from (select holding.location, copies, available, loanable, material, added_on
          from wanted join holding on holding.title_id = wanted.title_id
         order by holding.location, holding.title_id) held
"""
_BY_ISBN = _SQL.format(standing=STANDING_SQL, index="title_isbn", column="isbn")
_BY_PPN = _SQL.format(standing=STANDING_SQL, index="title_ppn", column="ppn")


async def find_holders(
    database: Database, *, isbn: str | None = None, ppn: str | None = None, seconds: float
) -> Holders:
    """Return who holds the title of this ISBN (13 digits), or else of this PPN.

    Raises DatabaseUnavailable, also where no answer comes within `seconds`.
    """
    sql, key = (_BY_PPN, ppn) if isbn is None else (_BY_ISBN, isbn)
    row = await database.fetch_row(sql, key, seconds=seconds)
    assert row is not None, "an aggregate has one row"
    version, register, keys, day, responses, titles, location, copies, available, loanable, material, added_on = row
    columns = (location, copies, available, loanable, material)
    # Most titles have no such days, and a null costs less than a row of them.
    holdings = [] if location is None else list(map(Holding, *columns, *([] if added_on is None else [added_on])))
    return Holders(Standing(version, register, keys, day, responses), bool(titles), holdings)


Title = tuple[str | None, str | None]


async def list_held(connection: asyncpg.Connection, titles: Collection[Title]) -> dict[Title, list[Holding]]:
    """Return who holds each of several titles, given by ISBN or else by PPN, as `find_holders` does of one."""
    found: dict[Title, list[Holding]] = {}
    for row in await connection.fetch(_HELD, [isbn for isbn, _ in titles], [ppn for _, ppn in titles]):
        isbn, ppn, *holding = row
        found.setdefault((isbn, ppn), []).append(Holding(*holding))
    return found


_HELD = """
with asked as (select isbn, ppn from unnest($1::text[], $2::text[]) as t (isbn, ppn)),
wanted as (
  select a.isbn, a.ppn, i.title_id from asked a join title_isbn i on i.isbn = a.isbn
  union
  select a.isbn, a.ppn, p.title_id from asked a join title_ppn p on p.ppn = a.ppn where a.isbn is null)
select w.isbn, w.ppn, h.location, h.copies, h.available, h.loanable, h.material, h.added_on
  from wanted w join holding h using (title_id) order by w.isbn, w.ppn, h.location, h.title_id
"""
