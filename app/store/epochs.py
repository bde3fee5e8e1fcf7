"""Counters that tell a process that what it keeps in memory has changed."""

from __future__ import annotations

import asyncpg

REGISTER = "register"
RESPONSES = "responses"


async def bump(connection: asyncpg.Connection, of: str) -> None:
    """Count a change of `of`, in the transaction that makes the change."""
    await connection.execute(
        "insert into epoch (of, number) values ($1, 1) on conflict (of) do update set number = epoch.number + 1", of
    )


async def current(connection: asyncpg.Connection, of: str) -> int:
    """Return how often `of` has changed."""
    return int(await connection.fetchval("select number from epoch where of = $1", of) or 0)
