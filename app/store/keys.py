"""API keys: kept as digests, looked up on every call."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from app.store.epochs import bump

# The counter by which processes notice that keys were made.
KEYS = "keys"

SCOPES = ("requester", "supplier", "planner", "reader", "admin")


@dataclass(frozen=True, slots=True)
class Key:
    """Whose key it is, what it may do and until when (null: for good)."""

    agency: str
    scopes: frozenset[str]
    expires_at: datetime | None


def digest_of(key: str) -> str:
    """Return the SHA-256 of a key in hexadecimal: all that is kept of it."""
    return hashlib.sha256(key.encode()).hexdigest()


async def create_key(
    connection: asyncpg.Connection, *, agency: str, scopes: Sequence[str], expires_at: datetime | None = None
) -> str:
    """Keep a new key and return it: the only time that it can be seen. `scopes` are some of SCOPES."""
    key = "lp_" + secrets.token_urlsafe(32)
    await connection.execute(
        "insert into api_key (digest, agency, scopes, expires_at) values ($1, $2, $3, $4)",
        digest_of(key),
        agency,
        list(scopes),
        expires_at,
    )
    await bump(connection, KEYS)
    return key


async def find_key(connection: asyncpg.Connection, digest: str) -> Key | None:
    """Return the key with this digest unless it has expired."""
    row = await connection.fetchrow(
        "select agency, scopes, expires_at from api_key"
        " where digest = $1 and (expires_at is null or expires_at > now())",
        digest,
    )
    return None if row is None else Key(row["agency"], frozenset(row["scopes"]), row["expires_at"])


async def any_key(connection: asyncpg.Connection) -> bool:
    """Return whether a key was ever made: from then on every caller needs one."""
    return bool(await connection.fetchval("select exists (select from api_key)"))
