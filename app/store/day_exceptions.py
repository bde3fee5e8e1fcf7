"""What an operator makes of a single day: it runs on a holiday after all, or stands still on a day that is none."""

from __future__ import annotations

from datetime import date
from typing import Any

import asyncpg


async def put_exception(
    connection: asyncpg.Connection, *, operator: str, day: date, runs: bool, note: str | None, by: str
) -> None:
    """Say it, in place of what was said before."""
    await connection.execute(
        "insert into day_exception (operator, day, runs, note, by) values ($1, $2, $3, $4, $5)"
        " on conflict (operator, day) do update set runs = excluded.runs, note = excluded.note, by = excluded.by",
        *(operator, day, runs, note, by),
    )


async def delete_exception(connection: asyncpg.Connection, operator: str, day: date) -> bool:
    """Take it back; False where nothing was said."""
    done = await connection.execute("delete from day_exception where operator = $1 and day = $2", operator, day)
    return bool(done != "DELETE 0")


async def list_exceptions(
    connection: asyncpg.Connection, *, since: date, until: date, operators: list[str] | None = None
) -> list[dict[str, Any]]:
    """Return what was said of the days from one to another (included), by day; `operators`: of these only."""
    rows = await connection.fetch(
        "select operator, day, runs, note, by from day_exception where day between $1 and $2"
        " and ($3::text[] is null or operator = any($3)) order by day, operator",
        *(since, until, operators),
    )
    return [dict(row) for row in rows]
