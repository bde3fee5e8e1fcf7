"""Questions to try a network with: what was asked lately, and what there is to make questions up from."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson


@dataclass(frozen=True, slots=True)
class Asked:
    """A title wanted at a counter, by a loan request (None: made up); exactly one of `isbn` and `ppn` is set."""

    isbn: str | None
    ppn: str | None
    pickup_location: str
    loan: UUID | None = None


async def list_asked(connection: asyncpg.Connection, *, limit: int) -> list[Asked]:
    """Return what the newest loan requests asked: no reader, no agency."""
    rows = await connection.fetch(
        "select id, isbn, ppn, pickup_location from loan_request where isbn is not null or ppn is not null"
        " order by id desc limit $1",
        limit,
    )
    return [
        Asked(row["isbn"], None if row["isbn"] else row["ppn"], row["pickup_location"], row["id"]) for row in rows
    ]


async def list_titles(
    connection: asyncpg.Connection, *, seed: int, limit: int
) -> list[tuple[str | None, str | None]]:
    """Return the ISBN or PPN of titles drawn at random, the same for the same seed and catalogue."""
    last = await connection.fetchval("select max(id) from title")
    if last is None:
        return []
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    rows = await connection.fetch(
        "select isbn, ppn from unnest($1::bigint[]) drawn (id)"
        " cross join lateral (select id from title where title.id >= drawn.id order by title.id limit 1) title"
        " left join lateral (select isbn from title_isbn where title_id = title.id order by isbn limit 1) i on true"
        " left join lateral (select ppn from title_ppn where title_id = title.id order by ppn limit 1) p on true"
        " where isbn is not null or ppn is not null",
        [chance.randint(1, last) for _ in range(limit)],
    )
    return sorted(((row["isbn"], None if row["isbn"] else row["ppn"]) for row in rows), key=str)


async def list_pickups(connection: asyncpg.Connection) -> list[str]:
    """Return the locations with a counter, by id."""
    rows = await connection.fetch("select id from location where kind = 'location' order by id")
    return [row["id"] for row in rows]


@dataclass(frozen=True, slots=True)
class Decided:
    """A loan request as it was asked: `question` is what it was decided by, in the words of the API."""

    loan_request: UUID
    isbn: str | None
    ppn: str | None
    pickup_location: str
    question: dict[str, Any]


async def count_decided(connection: asyncpg.Connection, since: datetime, until: datetime) -> int:
    """Return how many loan requests were submitted in a period."""
    return int(await connection.fetchval(f"select count(*) from ({_DECIDED}) decided", since, until))  # noqa: S608


async def list_decided(
    connection: asyncpg.Connection, since: datetime, until: datetime, *, limit: int, seed: int
) -> list[Decided]:
    """Return loan requests of a period by id; where there are more than `limit`, as many drawn by the seed."""
    rows = await connection.fetch(
        f"select * from (select * from ({_DECIDED}) d order by md5($4::text || id::text) limit $3) drawn order by id",  # noqa: S608
        *(since, until, limit, str(seed)),
    )
    return [
        Decided(
            row["id"],
            row["isbn"],
            None if row["isbn"] else row["ppn"],
            row["pickup_location"],
            orjson.loads(row["question"]),
        )
        for row in rows
    ]


_DECIDED = """
select id, isbn, ppn, pickup_location, question from loan_request
 where submitted_at >= $1 and submitted_at < $2 and (isbn is not null or ppn is not null)
"""
