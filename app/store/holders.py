"""The one look-up of a decision: who holds a title, and what stands at that moment."""

from __future__ import annotations

from typing import NamedTuple

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
       array_agg(held.material) as material
  from (select holding.location, copies, available, loanable, material
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
    version, register, keys, day, responses, titles, location, copies, available, loanable, material = row
    holdings = [] if location is None else list(map(Holding, location, copies, available, loanable, material))
    return Holders(Standing(version, register, keys, day, responses), bool(titles), holdings)
