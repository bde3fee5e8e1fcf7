"""Idempotency keys of actions: what was done under one is not done again. Those of submissions are beside them."""

from __future__ import annotations

from uuid import UUID

import asyncpg


async def find_use(connection: asyncpg.Connection, *, caller: str, key: str) -> tuple[UUID, bytes] | None:
    """Return what a caller has used a key for: the loan request, and the digest of what was sent."""
    row = await connection.fetchrow(
        "select loan_request, digest from idempotency_key where caller = $1 and key = $2", caller, key
    )
    return None if row is None else (row["loan_request"], row["digest"])


async def keep_use(connection: asyncpg.Connection, *, caller: str, key: str, loan: UUID, digest: bytes) -> bool:
    """Keep what a key was used for; False where it was used before. Waits for whoever is just using it."""
    done = await connection.execute(
        "insert into idempotency_key (caller, key, digest, loan_request) values ($1, $2, $3, $4)"
        " on conflict (caller, key) do nothing",
        *(caller, key, digest, loan),
    )
    return str(done) == "INSERT 0 1"
