"""What was changed, by whom: written before it is done, so that nothing is changed unseen, and then its outcome."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg


async def begin_change(
    connection: asyncpg.Connection,
    *,
    name: str | None,
    agency: str | None,
    key: int | None,
    method: str,
    path: str,
    what: str,
) -> int:
    """Write that somebody is about to change something and return the row's id. `what` is what the operation says."""
    return int(
        await connection.fetchval(
            "insert into change (name, agency, key, method, path, what) values ($1, $2, $3, $4, $5, $6) returning id",
            *(name, agency, key, method, path, what),
        )
    )


async def end_change(connection: asyncpg.Connection, id: int, status: int) -> None:
    """Write what became of it, as an HTTP status."""
    await connection.execute("update change set status = $2 where id = $1", id, status)


async def list_changes(
    connection: asyncpg.Connection,
    *,
    before: int | None,
    under: list[str],
    since: datetime | None,
    refused: bool,
    limit: int,
) -> list[dict[str, Any]]:
    """Return changes, the newest first: those whose path begins with one of `under`.

    `refused`: those that came to nothing too. One whose outcome is unknown is never left out.
    """
    rows = await connection.fetch(
        """
        select id, at, name, agency, method, path, what, status from change
         where ($1::bigint is null or id < $1)
           and exists (select from unnest($2::text[]) start where starts_with(path, start))
           and ($3::timestamptz is null or at >= $3)
           and ($4 or status is null or status < 400)
         order by id desc limit $5
        """,
        *(before, under, since, refused, limit),
    )
    return [dict(row) for row in rows]
