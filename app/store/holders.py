"""The one look-up of a decision: who holds a title, and what stands at that moment."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from app.database import Database
from app.store.standing import STANDING_SQL, Standing
from routing.model import Holding


class Holders(NamedTuple):
    """The holdings of a title, one per location and in the order of locations. `known`: the title exists."""

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
    version, register, keys, titles, location, copies, available, loanable, material = row
    holdings = [] if location is None else list(map(Holding, location, copies, available, loanable, material))
    if titles > 1:
        holdings = _one_per_location(holdings)
    return Holders(Standing(version, register, keys), bool(titles), holdings)


def _one_per_location(holdings: Iterable[Holding]) -> list[Holding]:
    return [_together(list(here)) for _, here in groupby(holdings, key=attrgetter("location"))]


def _together(here: list[Holding]) -> Holding:
    """Add up what one location has under one ISBN; what may be lent counts before what may not."""
    if len(here) == 1:
        return here[0]
    counted = [holding for holding in here if holding.loanable] or here
    known = [holding.available for holding in counted if holding.available is not None]
    return Holding(
        location=counted[0].location,
        copies=sum(holding.copies for holding in counted),
        # A copy on the shelf is one whatever else is unknown; only then does the unknown speak.
        available=sum(known) if any(known) or len(known) == len(counted) else None,
        loanable=counted[0].loanable,
        material=counted[0].material,
    )
