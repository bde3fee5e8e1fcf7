"""What systems' records say, page by page: the titles around them, the records themselves, and what they hold.

Values go in as arrays and every statement is for a whole page. A page is some hundred records: temporary tables and
COPY, which pay for whole files, would cost more than the page itself (bench/harvest.py).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from app.store.sums import Key, resum, resum_swept

CROWDED = 50  # titles; an ISBN that so many share says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A record as it was last harvested, by how it names itself."""

    title_id: int
    isbns: tuple[str, ...]
    ppn: str | None
    part: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    """A record to be written; `title_id` is its title's."""

    number: str
    title_id: int
    isbns: tuple[str, ...]
    ppn: str | None
    part: str
    title: str
    author: str
    material: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """What a record holds at one branch; `location` is registered."""

    number: str
    branch: str
    title_id: int
    location: str
    material: str
    copies: int
    available: int | None
    loanable: bool


async def find_recorded(connection: asyncpg.Connection, system: str, numbers: Collection[str]) -> dict[str, Recorded]:
    """Return the records of these numbers that are known."""
    rows = await connection.fetch(
        "select number, title_id, isbns, ppn, part from catalogue_record where system = $1 and number = any($2)",
        *(system, list(numbers)),
    )
    return {
        number: Recorded(title_id=title_id, isbns=tuple(isbns), ppn=ppn, part=part)
        for number, title_id, isbns, ppn, part in rows
    }


async def list_registered(connection: asyncpg.Connection, locations: Collection[str]) -> set[str]:
    """Return those of these locations that are registered."""
    rows = await connection.fetch("select id from location where id = any($1)", list(locations))
    return {row["id"] for row in rows}


async def list_crowded(connection: asyncpg.Connection, isbns: Collection[str]) -> set[str]:
    """Return the ISBNs that so many titles share that they say nothing."""
    rows = await connection.fetch(
        "select isbn from title_isbn where isbn = any($1) group by isbn having count(*) >= $2", list(isbns), CROWDED
    )
    return {row["isbn"] for row in rows}


async def list_around(
    connection: asyncpg.Connection, *, isbns: Collection[str], ppns: Collection[str]
) -> list[dict[str, Any]]:
    """Return the titles that have one of these ISBNs or PPNs, with all their numbers, names and parts.

    With them come those that share an ISBN with such a title, where that has no PPN: it may not be free to join one.
    """
    rows = await connection.fetch(
        """
        with near as materialized (
          select title_id from title_isbn where isbn = any($1)
          union select title_id from title_ppn where ppn = any($2)),
        lone as materialized (
          select n.isbn from near join title_isbn n using (title_id)
          where not exists (select from title_ppn p where p.title_id = n.title_id)),
        wanted as materialized (
          select title_id from near
          union (select i.title_id from lone join title_isbn i using (isbn) limit $3))
        select t.id, t.author, t.part,
          array(select i.isbn from title_isbn i where i.title_id = t.id) as isbns,
          array(select p.ppn from title_ppn p where p.title_id = t.id) as ppns,
          array(select t.title where t.title <> ''
                union (select r.title from catalogue_record r where r.title_id = t.id and r.title <> '' limit 20)
                union select d.other_title from title_decision d
                       where d.title_id = t.id and d.decision = 'same' and d.other_title <> '') as names,
          array(select d.other_part from title_decision d
                 where d.title_id = t.id and d.decision = 'same') as parts
        from wanted join title t on t.id = wanted.title_id
        """,
        *(list(isbns), list(ppns), CROWDED * 100),
    )
    return [dict(row) for row in rows]


async def list_told_apart(connection: asyncpg.Connection, titles: Collection[int]) -> set[frozenset[int]]:
    """Return the pairs of these titles that people said are different."""
    rows = await connection.fetch(
        "select title_id, other_id from title_decision"
        " where decision = 'different' and title_id = any($1) and other_id = any($1)",
        list(titles),
    )
    return {frozenset((row["title_id"], row["other_id"])) for row in rows}


async def make_titles(connection: asyncpg.Connection, titles: Sequence[tuple[str, str, str]]) -> list[int]:
    """Make titles, each of a name, an author and a part; return their ids in that order."""
    if not titles:
        return []
    ids = await connection.fetch(
        "select nextval(pg_get_serial_sequence('title', 'id')) as id from generate_series(1, $1)", len(titles)
    )
    found = [row["id"] for row in ids]
    await connection.execute(
        "insert into title (id, title, author, part)"
        " select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[])",
        *(found, *zip(*titles, strict=True)),
    )
    return found


async def link_titles(
    connection: asyncpg.Connection,
    *,
    isbns: Sequence[tuple[str, int]],
    ppns: Sequence[tuple[str, int]],
    parts: Sequence[tuple[str, int]],
) -> None:
    """Give titles their ISBNs, PPNs and parts."""
    for sql, links in ((_LINK_ISBNS, isbns), (_LINK_PPNS, ppns), (_SET_PARTS, parts)):
        if links:
            await connection.execute(sql, *zip(*links, strict=True))


_LINK_ISBNS = (
    "insert into title_isbn (isbn, title_id) select * from unnest($1::text[], $2::bigint[]) on conflict do nothing"
)
_LINK_PPNS = (
    "insert into title_ppn (ppn, title_id) select * from unnest($1::text[], $2::bigint[]) on conflict do nothing"
)
_SET_PARTS = (
    "update title t set part = n.part from unnest($1::text[], $2::bigint[]) as n (part, id)"
    " where t.id = n.id and t.part = ''"
)


async def put_records(
    connection: asyncpg.Connection,
    system: str,
    *,
    run: int,
    records: Sequence[RecordRow],
    held: Sequence[HeldRow],
    deleted: Collection[str],
    exactly: bool,
) -> None:
    """Write a page: records and what they hold, and those that are no more. The titles are locked.

    `exactly`: what a record held before and holds no more goes at once. Otherwise it stays until `sweep`, as it does
    while all there is is gone through.
    """
    homes = {record.number: record.title_id for record in records}
    numbers = [*homes, *deleted]
    before = await connection.fetch(
        _PUT_HELD, *(system, numbers, numbers if exactly else list(deleted), run, *_held_columns(held))
    )
    await connection.execute(_NAME, *(system, *_columns_of(records, "number", "title_id", "title", "author")))
    if deleted:
        await connection.execute(
            "delete from catalogue_record where system = $1 and number = any($2)", system, list(deleted)
        )
    if records:
        await connection.execute(_PUT_RECORDS, *(system, run, *_record_columns(records)))
    touched: set[Key] = {(row["title_id"], row["location"]) for row in before if row["location"] is not None}
    # A record that moved to another title took along what it held before.
    touched |= {
        (homes[row["number"]], row["location"]) for row in before if row["number"] in homes and row["location"]
    }
    touched |= {(homes[row.number], row.location) for row in held}
    moved = sorted({row["number"] for row in before if homes.get(row["number"], row["title_id"]) != row["title_id"]})
    if moved:
        await connection.execute(_MOVE, system, moved, [homes[number] for number in moved])
    await resum(connection, sorted(touched))
    left = {row["title_id"] for row in before if homes.get(row["number"]) != row["title_id"]}
    await _forget_nameless(connection, left)


def _columns_of(rows: Sequence[object], *names: str) -> list[list[Any]]:
    return [[getattr(row, name) for row in rows] for name in names]


def _held_columns(held: Sequence[HeldRow]) -> list[list[Any]]:
    names = ("number", "branch", "title_id", "location", "material", "copies", "available", "loanable")
    return _columns_of(held, *names)


def _record_columns(records: Sequence[RecordRow]) -> list[list[Any]]:
    isbns = [" ".join(record.isbns) for record in records]  # an array of arrays would have to be a rectangle
    return [isbns, *_columns_of(records, "number", "title_id", "ppn", "part", "title", "author", "material")]


# Both changes see the table as it was, and touch different rows: those that are named and those that are not.
_PUT_HELD = """
with staged as materialized (
  select * from unnest(
      $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::int[], $11::int[], $12::bool[])
    as s (number, branch, title_id, location, material, copies, available, loanable)),
before as (
  select r.number, r.title_id, h.location
  from catalogue_record r left join catalogue_holding h on h.system = r.system and h.number = r.number
  where r.system = $1 and r.number = any($2)),
gone as (
  delete from catalogue_holding h where h.system = $1 and h.number = any($3)
    and (h.number, h.branch) not in (select number, branch from staged)),
put as (
  insert into catalogue_holding
      (system, run, number, branch, title_id, location, material, copies, available, loanable)
    select $1, $4, s.* from staged s
  on conflict (system, number, branch) do update
    set title_id = excluded.title_id, location = excluded.location, material = excluded.material,
        copies = excluded.copies, available = excluded.available, loanable = excluded.loanable, run = excluded.run)
select number, title_id, location from before
"""

_MOVE = """
update catalogue_holding h set title_id = n.title_id
from unnest($2::text[], $3::bigint[]) as n (number, title_id)
where h.system = $1 and h.number = n.number and h.title_id <> n.title_id
"""

# A title bears the name that the first record about it gave it, and follows that record when it is corrected.
_NAME = """
with named as (
  select distinct on (n.title_id) n.title_id, n.title, n.author, r.title as title_before, r.author as author_before
  from unnest($2::text[], $3::bigint[], $4::text[], $5::text[]) as n (number, title_id, title, author)
    left join catalogue_record r on r.system = $1 and r.number = n.number and r.title_id = n.title_id
  order by n.title_id, r.number is null, n.number)
update title t
   set title = case when n.title <> '' and t.title in ('', n.title_before) then n.title else t.title end,
       author = case when n.author <> '' and t.author in ('', n.author_before) then n.author else t.author end
  from named n where t.id = n.title_id
   and ((n.title <> '' and t.title in ('', n.title_before) and t.title <> n.title)
     or (n.author <> '' and t.author in ('', n.author_before) and t.author <> n.author))
"""

_PUT_RECORDS = """
insert into catalogue_record (system, run, isbns, number, title_id, ppn, part, title, author, material)
  select $1, $2, coalesce(string_to_array(nullif(isbns, ''), ' '), '{}'), number, title_id, ppn, part, title, author,
    material
  from unnest($3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
    as s (isbns, number, title_id, ppn, part, title, author, material)
on conflict (system, number) do update
  set run = excluded.run, isbns = excluded.isbns, title_id = excluded.title_id, ppn = excluded.ppn,
      part = excluded.part, title = excluded.title, author = excluded.author, material = excluded.material
"""


async def _forget_nameless(connection: asyncpg.Connection, titles: Collection[int]) -> None:
    """Take away those of these titles that no number leads to and that nobody holds."""
    if titles:
        await connection.execute(_FORGET.format(which="t.id = any($1)"), list(titles))


_FORGET = """
delete from title t where {which}
  and not exists (select from title_isbn i where i.title_id = t.id)
  and not exists (select from title_ppn p where p.title_id = t.id)
  and not exists (select from catalogue_record r where r.title_id = t.id)
  and not exists (select from holding h where h.title_id = t.id)
"""


async def count_held(connection: asyncpg.Connection, system: str, *, unseen_by: int | None = None) -> int:
    """Count what a system's records hold, or what of it no run from `unseen_by` on came across."""
    return int(
        await connection.fetchval(
            "select count(*) from catalogue_holding where system = $1 and ($2::bigint is null or run < $2)",
            *(system, unseen_by),
        )
    )


async def count_records(connection: asyncpg.Connection, system: str) -> int:
    """Count a system's records."""
    return int(await connection.fetchval("select count(*) from catalogue_record where system = $1", system))


async def sweep(connection: asyncpg.Connection, system: str, *, unseen_by: int) -> int:
    """Take away all that no run from `unseen_by` on came across, and return how many holdings. Titles are locked."""
    await connection.execute(_SWEPT, system, unseen_by)
    done: str = await connection.execute(
        "delete from catalogue_holding where system = $1 and run < $2", system, unseen_by
    )
    await connection.execute("delete from catalogue_record where system = $1 and run < $2", system, unseen_by)
    await connection.execute("analyze swept")
    await resum_swept(connection)
    await connection.execute(_FORGET.format(which="t.id in (select title_id from swept)"))
    return int(done.rpartition(" ")[2])


_SWEPT = """
create temp table swept on commit drop as
  select row_number() over () as no, title_id, location
  from (select distinct title_id, location from catalogue_holding where system = $1 and run < $2) h
"""
