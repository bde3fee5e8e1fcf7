"""Titles and who holds them, for people: in pages, or counted by system, agency or province."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import asyncpg

from app.store.agencies import IN_FORCE
from app.store.title_search import SHOWN

Row = dict[str, Any]
GROUPS = ("system", "agency", "province")


async def list_titles(connection: asyncpg.Connection, *, isbn: str | None, ppn: str | None) -> list[Row]:
    """Return the titles of an ISBN (13 digits; volumes may share one) or of a PPN."""
    rows = await connection.fetch(
        f"with {_WANTED} select {SHOWN}"  # noqa: S608 - only our own text
        " from wanted join title t on t.id = wanted.title_id order by t.id",
        *(isbn, ppn),
    )
    return [dict(row) for row in rows]


async def browse_titles(connection: asyncpg.Connection, *, after: int, limit: int) -> list[Row]:
    """Return all titles, by the order in which they became known; `id` is the place in the list."""
    rows = await connection.fetch(
        f"select t.id, {SHOWN}"  # noqa: S608
        " from title t where t.id > $1 order by t.id limit $2",
        *(after, limit),
    )
    return [dict(row) for row in rows]


async def list_shelf(connection: asyncpg.Connection, location: str, *, after: int, limit: int) -> list[Row]:
    """Return what a location holds, as `list_holdings` does; `title_id` is the place in the list."""
    rows = await connection.fetch(
        f"with wanted as (select title_id from holding where location = $1 and title_id > $2"  # noqa: S608
        f" order by title_id limit $3), {_HELD}"
        f" select held.*, t.title, t.author, {_NAMES} from held join title t on t.id = held.title_id"
        " where held.location = $1 order by held.title_id",
        *(location, after, limit),
    )
    return [dict(row) for row in rows]


async def list_holdings(
    connection: asyncpg.Connection, *, isbn: str | None, ppn: str | None, after: tuple[str, int] | None, limit: int
) -> list[Row]:
    """Return the holdings of a title by location; `title_id` and `location` together are the place in the list."""
    rows = await connection.fetch(
        f"with {_WANTED}, {_HELD} select held.*, t.title, t.author, {_NAMES}"  # noqa: S608
        " from held join title t on t.id = held.title_id"
        " where $3::text is null or (held.location, held.title_id) > ($3, $4::bigint)"
        " order by held.location, held.title_id limit $5",
        *(isbn, ppn, *(after or (None, None)), limit),
    )
    return [dict(row) for row in rows]


async def count_holdings(connection: asyncpg.Connection, *, isbn: str | None, ppn: str | None, by: str) -> list[Row]:
    """Count the holdings of a title by one of GROUPS, by code; the group None is of locations that have none."""
    assert by in GROUPS
    rows = await connection.fetch(
        f"with {_WANTED}, {_HELD} select {by} as group, count(distinct location) as locations,"  # noqa: S608
        " sum(copies)::bigint as copies, coalesce(sum(available), 0)::bigint as available_known,"
        " count(distinct location) filter (where available is null) as unknown_locations,"
        " count(distinct location) filter (where loanable) as loanable_locations,"
        " coalesce(sum(copies) filter (where loanable), 0)::bigint as loanable_copies"
        f" from held group by {by}",
        *(isbn, ppn),
    )
    return [dict(row) for row in rows]


async def count_by_system(connection: asyncpg.Connection) -> list[Row]:
    """Return every system that knows copies, with its `kind` and how many `holdings` its locations have, by id."""
    rows = await connection.fetch(_BY_SYSTEM)
    return [dict(row) for row in rows]


async def list_stock(connection: asyncpg.Connection, locations: Collection[str]) -> list[Row]:
    """Return all that these locations hold, title by title, with what the titles are called and known by."""
    rows = await connection.fetch(
        f"select h.title_id, h.location, h.copies, h.available, h.loanable, h.material,"  # noqa: S608
        f" t.title, t.author, t.part as volume, {_NAMES}"
        " from holding h join title t on t.id = h.title_id where h.location = any($1::text[])"
        " order by h.title_id, h.location",
        list(locations),
    )
    return [dict(row) for row in rows]


_BY_SYSTEM = f"""
with place as (
  select l.id, coalesce(l.system, (select p.system from system_participation p where p.agency = l.agency
    and {IN_FORCE} order by p.since desc nulls last, p.system limit 1)) as system from location l)
select s.id, s.kind, count(*) as holdings
  from place join system s on s.id = place.system join holding h on h.location = place.id
 group by s.id, s.kind order by s.id
"""  # noqa: S608

_WANTED = """
wanted as (select title_id from title_isbn where isbn = $1 union select title_id from title_ppn where ppn = $2)
"""

_NAMES = """
array(select i.isbn from title_isbn i where i.title_id = t.id order by i.isbn) as isbns,
array(select p.ppn from title_ppn p where p.title_id = t.id order by p.ppn) as ppns
"""

# A location has its agency's province and system where it states none of its own.
_HELD = f"""
held as (
  select h.title_id, h.location, l.agency, coalesce(l.province, a.province) as province,
    coalesce(l.system, (select p.system from system_participation p where p.agency = l.agency and {IN_FORCE}
                         order by p.since desc nulls last, p.system limit 1)) as system,
    h.material, h.copies, h.available, h.loanable
  from wanted join holding h using (title_id) join location l on l.id = h.location
    left join agency a on a.isil = l.agency)
"""  # noqa: S608
