"""What a replay reads: the loan requests of a period, and who holds what, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import numpy as np
import numpy.typing as npt
import orjson

ROWS_AT_ONCE = 20_000


class Submitted(NamedTuple):
    """A loan request as it was submitted; `titles` are all that its ISBN or PPN names."""

    pickup_location: str
    titles: tuple[int, ...]
    submitted_at: datetime
    need_before: datetime | None
    max_cost_cents: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Who may lend what, ordered by title and location: `place` is a position in the places that were asked about.

    `material` is a position in `materials`, and `added` a day (date.toordinal; 0: unknown).
    """

    title: npt.NDArray[np.int64]
    place: npt.NDArray[np.int32]
    copies: npt.NDArray[np.int32]
    material: npt.NDArray[np.int32]
    added: npt.NDArray[np.int32]
    materials: tuple[str, ...] = ()


async def count_submitted(connection: asyncpg.Connection, since: datetime, until: datetime) -> int:
    """Return how many loan requests were submitted in a period."""
    return int(
        await connection.fetchval(
            "select count(*) from loan_request where submitted_at >= $1 and submitted_at < $2", since, until
        )
    )


async def list_submitted(connection: asyncpg.Connection, since: datetime, until: datetime) -> list[Submitted]:
    """Return the loan requests that were submitted in a period, in order. The connection is in a transaction."""
    found: list[Submitted] = []
    async for row in connection.cursor(_SUBMITTED, since, until, prefetch=ROWS_AT_ONCE):
        question: dict[str, Any] = orjson.loads(row["question"])
        needed = question.get("need_before")
        found.append(
            Submitted(
                row["pickup_location"],
                tuple(row["titles"]),
                row["submitted_at"],
                None if needed is None else datetime.fromisoformat(needed),
                question.get("max_cost_cents"),
            )
        )
    return found


async def read_held(
    connection: asyncpg.Connection, places: Sequence[str], *, special: Sequence[str], titles: Sequence[int] | None
) -> Held:
    """Read which of `places` have copies of which titles (None: of all) that may be lent.

    What is out today counts too: it was not, or will not be, when the loan request came. `special` are materials that
    do not come by van. The connection is in a transaction.
    """
    blocks = [np.empty((0, 5), np.int64)]
    rows: list[tuple[int, ...]] = []
    materials: dict[str, int] = {}
    async for row in connection.cursor(
        _HELD, list(places), list(special), None if titles is None else list(titles), prefetch=ROWS_AT_ONCE
    ):
        title_id, at, count, material, added_on = row
        rows.append((title_id, at, count, materials.setdefault(material, len(materials)), added_on))
        if len(rows) == ROWS_AT_ONCE:
            blocks.append(np.array(rows, dtype=np.int64))
            rows = []
    if rows:
        blocks.append(np.array(rows, dtype=np.int64))
    title, *columns = np.concatenate(blocks).T
    place, copies, material, added = (column.astype(np.int32) for column in columns)
    return Held(title.copy(), place, copies, material, added, tuple(materials))


async def list_places(connection: asyncpg.Connection) -> dict[str, tuple[str, float | None, float | None]]:
    """Return the name and the place on earth of every location."""
    return {row["id"]: tuple(row)[1:] for row in await connection.fetch("select id, name, lat, lon from location")}


_SUBMITTED = """
select pickup_location, submitted_at, question,
       case when isbn is not null
            then array(select title_id from title_isbn t where t.isbn = l.isbn order by title_id)
            else array(select title_id from title_ppn t where t.ppn = l.ppn order by title_id) end as titles
  from loan_request l
 where submitted_at >= $1 and submitted_at < $2
 order by submitted_at, id
"""

_HELD = """
select title_id, (place.number - 1)::int, least(copies, 1000000), material,
       coalesce(added_on - '0001-01-01'::date + 1, 0)
  from holding join unnest($1::text[]) with ordinality as place (id, number) on place.id = holding.location
 where copies > 0 and loanable and material <> all ($2::text[])
   and ($3::bigint[] is null or title_id = any ($3))
 order by title_id, place.number
"""
