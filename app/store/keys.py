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


def digest_of(key: bytes) -> str:
    """Return the SHA-256 of a key in hexadecimal: all that is kept of it."""
    return hashlib.sha256(key).hexdigest()


async def create_key(
    connection: asyncpg.Connection, *, agency: str, scopes: Sequence[str], expires_at: datetime | None = None
) -> str:
    """Keep a new key and return it: the only time that it can be seen. `scopes` are some of SCOPES."""
    key = "lp_" + secrets.token_urlsafe(32)
    await connection.execute(
        "insert into api_key (digest, agency, scopes, expires_at) values ($1, $2, $3, $4)",
        digest_of(key.encode()),
        agency,
        list(scopes),
        expires_at,
    )
    await bump(connection, KEYS)
    return key


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the keys showed: the one asked for, whether one was ever made, and how often they changed."""

    key: Key | None
    any_key: bool
    epoch: int


async def find_key(connection: asyncpg.Connection, digest: str | None) -> Looked:
    """Look for the key with this digest (None: only whether there are keys); an expired one is not found."""
    row = await connection.fetchrow(
        """
        select agency, scopes, expires_at, epoch
          from (select coalesce((select number from epoch where of = $2), 0) as epoch) standing
               left join api_key on digest = $1 and (expires_at is null or expires_at > now())
        """,
        digest,
        KEYS,
    )
    agency, scopes, expires_at, epoch = row
    key = None if agency is None else Key(agency, frozenset(scopes), expires_at)
    # The count never goes back: taking the last key away does not open the service again.
    return Looked(key=key, any_key=epoch > 0, epoch=epoch)


async def any_key(connection: asyncpg.Connection) -> bool:
    """Return whether a key was ever made: from then on every caller needs one."""
    return (await find_key(connection, None)).any_key
