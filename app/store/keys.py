"""API keys: kept as digests, looked up on every call; made, rotated and taken away with a count that all hear of."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from app.store.epochs import bump

# The counter by which processes notice that keys were made.
KEYS = "keys"

SCOPES = ("requester", "supplier", "planner", "reader", "admin")


@dataclass(frozen=True, slots=True)
class Key:
    """Whose key it is, what it may do and until when (None: for good).

    `poi` is the POI or carrier that a planner plans for; `drives` holds every name that one goes by: its code, its
    name, and what the active network calls the operator of that id. A `session` is a person's, with their `name`, and
    has no agency where it was begun with the bootstrap key.
    """

    id: int
    agency: str | None
    scopes: frozenset[str]
    expires_at: datetime | None
    poi: str | None = None
    drives: frozenset[str] = frozenset()
    live_deadline_ms: int | None = None
    session: bool = False
    name: str | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: the only time that `key` itself can be seen."""

    id: int
    key: str
    agency: str
    scopes: list[str]
    poi: str | None
    created_at: datetime
    expires_at: datetime | None
    live_deadline_ms: int | None = None


class UnknownKey(Exception):  # noqa: N818 - named as the problem it becomes
    """There is no key of this id."""


class KeyEnded(Exception):  # noqa: N818
    """The key has expired, or was rotated and its overlap is over."""


def digest_of(key: bytes) -> str:
    """Return the SHA-256 of a key in hexadecimal: all that is kept of it."""
    return hashlib.sha256(key).hexdigest()


async def create_key(
    connection: asyncpg.Connection, *, agency: str, scopes: Sequence[str], expires_at: datetime | None = None
) -> str:
    """Keep a new key and return it: the only time that it can be seen. `scopes` are some of SCOPES."""
    return (await add_key(connection, agency=agency, scopes=scopes, expires_at=expires_at)).key


async def add_key(
    connection: asyncpg.Connection,
    *,
    agency: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
    poi: str | None = None,
    live_deadline_ms: int | None = None,
) -> NewKey:
    """Keep a new key and return it with what is kept of it. `poi` is whom a planner plans for.

    Its decisions wait for library systems for `live_deadline_ms`; None: as long as the setting says.
    """
    key = "lp_" + secrets.token_urlsafe(32)
    row = await connection.fetchrow(
        "insert into api_key (digest, agency, scopes, expires_at, poi, live_deadline_ms)"
        " values ($1, $2, $3, $4, $5, $6) returning id, created_at",
        *(digest_of(key.encode()), agency, list(scopes), expires_at, poi, live_deadline_ms),
    )
    await bump(connection, KEYS)
    return NewKey(row["id"], key, agency, list(scopes), poi, row["created_at"], expires_at, live_deadline_ms)


async def rotate_key(connection: asyncpg.Connection, id: int, *, overlap: timedelta) -> NewKey:
    """Make a key that may do what key `id` may, which works for `overlap` more. Raises UnknownKey or KeyEnded.

    One that was made to expire is followed by one that lasts as long as it was meant to.
    """
    old = await connection.fetchrow(
        """
        with old as (select id, agency, scopes, poi, live_deadline_ms, expires_at - created_at as lasting,
                            coalesce(expires_at <= now(), false) as ended from api_key where id = $1 and not session
                        for update)
        update api_key set expires_at = least(expires_at, now() + $2) from old where api_key.id = old.id
        returning old.agency, old.scopes, old.poi, old.live_deadline_ms, now() + old.lasting as expires_at,
                  old.ended
        """,
        *(id, overlap),
    )
    if old is None:
        raise UnknownKey(f"There is no key {id}.")
    if old["ended"]:
        raise KeyEnded(f"Key {id} works no more.")
    return await add_key(connection, **{name: value for name, value in old.items() if name != "ended"})


async def revoke_key(connection: asyncpg.Connection, id: int) -> None:
    """Take a key away: it stops working at once. Raises UnknownKey."""
    if await connection.execute("delete from api_key where id = $1 and not session", id) != "DELETE 1":
        raise UnknownKey(f"There is no key {id}.")
    await bump(connection, KEYS)


async def list_keys(connection: asyncpg.Connection, *, after: int | None = None, limit: int) -> list[dict[str, Any]]:
    """Return whose keys there are, by id; the keys themselves nobody knows."""
    rows = await connection.fetch(
        "select id, agency, scopes, poi, created_at, expires_at, live_deadline_ms from api_key"
        " where not session and ($1::bigint is null or id > $1) order by id limit $2",
        *(after, limit),
    )
    return [dict(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the keys showed: the one asked for, whether one was ever made, and how often they changed."""

    key: Key | None
    any_key: bool
    epoch: int


# A planner's key that names no POI plans for the POI whose code its agency is, if there is one.
_FIND = """
select id, agency, scopes, expires_at, plans_for, live_deadline_ms, session, name, epoch,
       case when plans_for is not null then array(
           select plans_for
           union select name from poi where code = plans_for
           union select name from timetable_operator
                  where id = plans_for
                    and version = (select version from network_activation where undone_at is null
                                    order by id desc limit 1)) end as drives
  from (select coalesce((select number from epoch where of = $2), 0) as epoch) standing
       left join api_key on digest = $1 and (expires_at is null or expires_at > now())
       left join lateral (select case when 'planner' = any(scopes)
                                      then coalesce(api_key.poi, (select code from poi where code = agency)) end
                                 as plans_for) planning on true
"""


async def find_key(connection: asyncpg.Connection, digest: str | None) -> Looked:
    """Look for the key with this digest (None: only whether there are keys); an expired one is not found."""
    row = await connection.fetchrow(_FIND, digest, KEYS)
    key = None
    if row["id"] is not None:
        key = Key(
            row["id"],
            row["agency"],
            frozenset(row["scopes"]),
            row["expires_at"],
            poi=row["plans_for"],
            drives=frozenset(row["drives"] or ()),
            live_deadline_ms=row["live_deadline_ms"],
            session=row["session"],
            name=row["name"],
        )
    # The count never goes back: taking the last key away does not open the service again.
    return Looked(key=key, any_key=row["epoch"] > 0, epoch=row["epoch"])


async def any_key(connection: asyncpg.Connection) -> bool:
    """Return whether a key was ever made: from then on every caller needs one."""
    return (await find_key(connection, None)).any_key
