"""What was changed, by whom: written before it is done, so that nothing is changed unseen, and then its outcome."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg
import orjson


async def begin_change(
    connection: asyncpg.Connection,
    *,
    name: str | None,
    agency: str | None,
    key: int | None,
    method: str,
    path: str,
    what: str,
    asked: dict[str, Any] | None = None,
) -> int:
    """Write that somebody is about to change something and return the row's id. `what` is what the operation says."""
    return int(
        await connection.fetchval(
            """
            insert into change (name, agency, key, method, path, what, asked) values ($1, $2, $3, $4, $5, $6, $7)
            returning id
            """,
            *(name, agency, key, method, path, what, _packed(asked)),
        )
    )


async def write_asked(connection: asyncpg.Connection, id: int, asked: dict[str, Any]) -> None:
    """Write what it is asked to do."""
    await connection.execute("update change set asked = $2 where id = $1", id, _packed(asked))


async def end_change(
    connection: asyncpg.Connection, id: int, status: int, made: dict[str, Any] | None = None
) -> None:
    """Write what became of it, as an HTTP status, and what it made."""
    await connection.execute("update change set status = $2, made = $3 where id = $1", id, status, _packed(made))


async def forget_change(connection: asyncpg.Connection, id: int) -> None:
    """Take back that something was going to be changed: nothing was."""
    await connection.execute("delete from change where id = $1", id)


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
        select id, at, name, agency, method, path, what, asked, made, status from change
         where ($1::bigint is null or id < $1)
           and exists (select from unnest($2::text[]) start where starts_with(path, start))
           and ($3::timestamptz is null or at >= $3)
           and ($4 or status is null or status < 400)
         order by id desc limit $5
        """,
        *(before, under, since, refused, limit),
    )
    return [{**row, "asked": _unpacked(row["asked"]), "made": _unpacked(row["made"])} for row in rows]


def _packed(document: dict[str, Any] | None) -> str | None:
    return None if document is None else orjson.dumps(document).decode()


def _unpacked(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
