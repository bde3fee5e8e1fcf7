"""The look-ups of decisions: who holds a title, and what stands at that moment; who holds each of many."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import asyncpg

from app.database import Database
from app.store.floated import ELSEWHERE_SQL, Elsewhere, as_they_stand, elsewhere_of
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
       case when count(held.added_on) > 0 then array_agg(held.added_on) end as added_on,
       {elsewhere} as elsewhere
  from (select holding.location, copies, available, loanable, material, added_on
          from wanted join holding on holding.title_id = wanted.title_id
         order by holding.location, holding.title_id) held
"""
_BY_ISBN = _SQL.format(standing=STANDING_SQL, elsewhere=ELSEWHERE_SQL, index="title_isbn", column="isbn")
_BY_PPN = _SQL.format(standing=STANDING_SQL, elsewhere=ELSEWHERE_SQL, index="title_ppn", column="ppn")


async def find_holders(
    database: Database, *, isbn: str | None = None, ppn: str | None = None, seconds: float
) -> Holders:
    """Return who holds the title of this ISBN (13 digits), or else of this PPN.

    Raises DatabaseUnavailable, also where no answer comes within `seconds`.
    """
    sql, key = (_BY_PPN, ppn) if isbn is None else (_BY_ISBN, isbn)
    row = await database.fetch_row(sql, key, seconds=seconds)
    assert row is not None, "an aggregate has one row"
    (
        version,
        register,
        keys,
        day,
        responses,
        titles,
        location,
        copies,
        available,
        loanable,
        material,
        added_on,
        left,
    ) = row
    columns = (location, copies, available, loanable, material)
    # Most titles have no such days, and a null costs less than a row of them.
    holdings = [] if location is None else list(map(Holding, *columns, *([] if added_on is None else [added_on])))
    if left is not None:
        holdings = as_they_stand(holdings, elsewhere_of(left))
    return Holders(Standing(version, register, keys, day, responses), bool(titles), holdings)


Key = tuple[str, str]
"""What a title is asked for by: ("isbn" or "ppn", its value)."""


def key_of(isbn: str | None, ppn: str | None) -> Key:
    """Return what a title with these numbers is looked up by: its ISBN, or else its PPN."""
    return ("isbn", isbn) if isbn is not None else ("ppn", ppn or "")


class Shelved(NamedTuple):
    """Who holds what one ISBN or PPN names; `titles` are all that it names, in order."""

    titles: tuple[int, ...]
    holdings: list[Holding]


# Each key once. A title that nobody holds any more still has its row.
_MANY = """
with wanted as (
  select 'isbn' as by, key.value, named.title_id
    from unnest($1::text[]) as key (value) join title_isbn named on named.isbn = key.value
   union all
  select 'ppn', key.value, named.title_id
    from unnest($2::text[]) as key (value) join title_ppn named on named.ppn = key.value)
select by, value, wanted.title_id, location, copies, available, loanable, material, added_on
  from wanted left join holding on holding.title_id = wanted.title_id
 order by by, value, location, wanted.title_id
"""


# The copies that stay elsewhere, of the titles of all keys together: few, if any.
_ELSEWHERE = """
select named.by, named.value, f.home, case when f.called_at is null then f.location end as location, f.material,
       f.added_on
  from floated_item f join lateral (
    select 'isbn' as by, isbn as value from title_isbn where title_id = f.title_id and isbn = any($1::text[])
     union all
    select 'ppn', ppn from title_ppn where title_id = f.title_id and ppn = any($2::text[])) named on true
 where f.ended_at is null order by f.id
"""


async def find_many_holders(connection: asyncpg.Connection, keys: Collection[Key]) -> dict[Key, Shelved]:
    """Return who holds each title, by its key; what names no title is left out."""
    titles: dict[Key, set[int]] = {}
    holdings: dict[Key, list[Holding]] = {}
    elsewhere: dict[Key, list[Elsewhere]] = {}
    wanted = [sorted({value for by, value in keys if by == one}) for one in ("isbn", "ppn")]
    for by, value, title, location, *held in await connection.fetch(_MANY, *wanted):
        key = by, value
        titles.setdefault(key, set()).add(title)
        found = holdings.setdefault(key, [])
        if location is not None:
            found.append(Holding(location, *held))
    for by, value, *copy in await connection.fetch(_ELSEWHERE, *wanted):
        elsewhere.setdefault((by, value), []).append(Elsewhere(*copy))
    for key, copies in elsewhere.items():
        holdings[key] = as_they_stand(holdings[key], copies)
    return {key: Shelved(tuple(sorted(named)), holdings[key]) for key, named in titles.items()}
