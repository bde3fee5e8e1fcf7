"""Titles that share an ISBN and stand apart: perhaps one and the same, for people to say; and what they said."""

from __future__ import annotations

from typing import Any

import asyncpg

from app.store.title_join import join_titles
from app.store.title_search import SHOWN

Row = dict[str, Any]
# Of an ISBN that more titles share nobody wants to look at every pair: it is a wrong one.
MOST_SHARED = 20


class UnknownDoubt(Exception):  # noqa: N818 - named as the problem it becomes
    """No two titles of these ids share an ISBN."""


async def list_doubts(connection: asyncpg.Connection, *, after: tuple[int, int] | None, limit: int) -> list[Row]:
    """Return pairs of titles about which nobody has said anything yet, by the ids of both.

    Volumes of one work that are known as such are no doubt: they are different.
    """
    rows = await connection.fetch(_DOUBTS, MOST_SHARED, *(after or (None, None)), limit)
    return await _described(connection, rows)


async def get_doubt(connection: asyncpg.Connection, one: int, other: int) -> Row:
    """Return one pair, whether or not somebody has decided about it. Raises UnknownDoubt."""
    rows = await connection.fetch(
        "select $1::bigint as one, $2::bigint as other, array_agg(a.isbn order by a.isbn) as isbns"
        " from title_isbn a join title_isbn b using (isbn) where a.title_id = $1 and b.title_id = $2"
        " having count(*) > 0",
        *(one, other),
    )
    if not rows or one >= other:
        raise UnknownDoubt(f"No titles {one} and {other} share an ISBN and stand apart.")
    (found,) = await _described(connection, rows)
    return found


async def tell_apart(connection: asyncpg.Connection, one: int, other: int, *, by: str) -> None:
    """Keep that two titles are different, whatever was said before. The titles are locked."""
    await connection.execute(_DECIDE, min(one, other), max(one, other), "different", "", "", by)


async def unite(connection: asyncpg.Connection, one: int, other: int, *, by: str) -> int:
    """Join two titles for good, and return the one that stays: one with a PPN, or else the older. They are locked."""
    row = await connection.fetchrow(
        "select t.id, o.id as gone, o.title, o.part from title t join title o on o.id = $1::bigint + $2 - t.id"
        " where t.id in ($1, $2)"
        " order by exists (select from title_ppn p where p.title_id = t.id) desc, t.id limit 1",
        *(one, other),
    )
    assert row is not None
    await join_titles(connection, [(row["gone"], row["id"])])
    await connection.execute(_DECIDE, row["id"], row["gone"], "same", row["title"], row["part"], by)
    kept: int = row["id"]
    return kept


_DECIDE = """
insert into title_decision (title_id, other_id, decision, other_title, other_part, by)
  values ($1, $2, $3, $4, $5, $6)
on conflict (title_id, other_id) do update
  set decision = excluded.decision, other_title = excluded.other_title, other_part = excluded.other_part,
      by = excluded.by, decided_at = now()
"""

_DOUBTS = """
with shared as materialized (
  select isbn from title_isbn group by isbn having count(*) between 2 and $1)
select a.title_id as one, b.title_id as other, array_agg(isbn order by isbn) as isbns
from shared join title_isbn a using (isbn) join title_isbn b using (isbn)
  join title t on t.id = a.title_id join title u on u.id = b.title_id
where a.title_id < b.title_id and (t.part = u.part or t.part = '' or u.part = '')
  and ($2::bigint is null or (a.title_id, b.title_id) > ($2, $3::bigint))
  and not exists (select from title_decision d where d.title_id = a.title_id and d.other_id = b.title_id)
group by a.title_id, b.title_id order by a.title_id, b.title_id limit $4
"""


async def _described(connection: asyncpg.Connection, rows: list[asyncpg.Record]) -> list[Row]:
    wanted = sorted({row[name] for row in rows for name in ("one", "other")})
    titles = await connection.fetch(f"select t.id, {SHOWN} from title t where t.id = any($1)", wanted)  # noqa: S608
    known = {row["id"]: dict(row) for row in titles}
    return [
        {
            "id": f"{row['one']}-{row['other']}",
            "isbns": row["isbns"],
            "why": _why(known[row["one"]], known[row["other"]]),
            "titles": [_without_id(known[row["one"]]), _without_id(known[row["other"]])],
        }
        for row in rows
    ]


def _why(one: Row, other: Row) -> str:
    if one["ppns"] and other["ppns"]:
        return "two_ppns"
    if one["volume"] != other["volume"]:
        return "volume_unknown"
    return "one_isbn"


def _without_id(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "id"}
