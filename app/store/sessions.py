"""Sessions: people signed in. One is kept as a key that does not last, so that it is looked up as keys are."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from app.store.epochs import bump
from app.store.keys import KEYS, digest_of


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was just begun: the only time that `token` can be seen."""

    token: str
    name: str
    agency: str | None
    scopes: list[str]
    poi: str | None
    expires_at: datetime


async def begin_session(
    connection: asyncpg.Connection,
    *,
    name: str,
    agency: str | None,
    scopes: Collection[str],
    poi: str | None,
    lasting: timedelta,
    parent: int | None = None,
) -> NewSession:
    """Begin a session; those that are over are forgotten. With the key `parent` it ends, and not after it.

    Nobody has to hear of it: a new key takes nothing away from what processes remember.
    """
    token = "lps_" + secrets.token_urlsafe(32)
    await connection.execute("delete from api_key where session and expires_at < now() - interval '1 day'")
    expires_at = await connection.fetchval(
        """
        insert into api_key (digest, agency, scopes, poi, name, parent, session, expires_at)
        values ($1, $2, $3, $4, $5, $6, true,
                least(now() + $7, (select expires_at from api_key where id = $6)))
        returning expires_at
        """,
        *(digest_of(token.encode()), agency, sorted(scopes), poi, name, parent, lasting),
    )
    return NewSession(token, name, agency, sorted(scopes), poi, expires_at)


async def end_session(connection: asyncpg.Connection, digest: str) -> bool:
    """End a session, in every process; say whether there was one."""
    ended = await connection.execute("delete from api_key where session and digest = $1", digest)
    if ended != "DELETE 1":
        return False
    await bump(connection, KEYS)
    return True
