"""Activations that are to come: which version, when, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

ACTIVATE = "activate"
"""The kind of the task that carries one out; its subject is the id."""


class UnknownActivation(Exception):  # noqa: N818 - named as the problem it becomes
    """No activation of that id waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """An activation at a moment. `own`: whose routes it may change (None: all); `expected`: what must be active then.

    `state` is waiting, done, cancelled or refused (and `reason` says why).
    """

    id: int
    version: str
    at: datetime
    by: str
    agency: str | None
    own: frozenset[str] | None
    expected: str | None
    draft: int | None
    state: str
    reason: str | None
    created_at: datetime
    ended_at: datetime | None


_SCHEDULED = """
select s.id, v.id as version, s.at, s.by, s.agency, s.own, e.id as expected, s.draft, s.state, s.reason, s.created_at,
       s.ended_at, s.version as version_number, s.expected as expected_number
  from network_schedule s join network_version v on v.number = s.version
       left join network_version e on e.number = s.expected
"""


async def add_scheduled(
    connection: asyncpg.Connection,
    *,
    version: int,
    at: datetime,
    by: str,
    agency: str | None,
    own: frozenset[str] | None,
    expected: int | None,
    draft: int | None,
    now: datetime,
) -> int:
    """Write an activation down and return its id. `version` and `expected` are numbers of versions."""
    return int(
        await connection.fetchval(
            "insert into network_schedule (version, at, by, agency, own, expected, draft, state, created_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8) returning id",
            *(version, at, by, agency, None if own is None else sorted(own), expected, draft, now),
        )
    )


async def get_scheduled(connection: asyncpg.Connection, id: int) -> Scheduled:
    """Return an activation, kept from all others until the transaction ends. Raises UnknownActivation."""
    row = await connection.fetchrow(f"{_SCHEDULED} where s.id = $1 for update of s", id)
    if row is None:
        raise UnknownActivation(f"There is no activation {id}.")
    return _read(row)


async def find_in_the_way(
    connection: asyncpg.Connection, at: datetime, *, version: int, expected: int | None
) -> Scheduled | None:
    """Return a waiting activation that cannot be carried out beside one of `version` at a moment; None: none.

    It is the last one before, where another version has to be active then, or the next one after, which waits for
    another version itself. Versions are numbers; `expected` None: whichever is active.
    """
    before = await connection.fetchrow(
        f"{_SCHEDULED} where s.state = 'waiting' and s.at <= $1 order by s.at desc, s.id desc limit 1", at
    )
    if before is not None and expected is not None and before["version_number"] not in (expected, version):
        return _read(before)
    after = await connection.fetchrow(
        f"{_SCHEDULED} where s.state = 'waiting' and s.at > $1 order by s.at, s.id limit 1", at
    )
    if after is not None and after["expected_number"] not in (None, version) and after["version_number"] != version:
        return _read(after)
    return None


async def list_scheduled(connection: asyncpg.Connection, *, before: int | None, limit: int) -> Sequence[Scheduled]:
    """Return activations, the newest first."""
    rows = await connection.fetch(
        f"{_SCHEDULED} where $1::bigint is null or s.id < $1 order by s.id desc limit $2", before, limit
    )
    return [_read(row) for row in rows]


async def end_scheduled(
    connection: asyncpg.Connection, id: int, state: str, *, reason: str | None, now: datetime
) -> None:
    """Write what became of one."""
    await connection.execute(
        "update network_schedule set state = $2, reason = $3, ended_at = $4 where id = $1", id, state, reason, now
    )


def _read(row: asyncpg.Record) -> Scheduled:
    said = {name: value for name, value in row.items() if not name.endswith("_number")}
    return Scheduled(**{**said, "own": None if row["own"] is None else frozenset(row["own"])})
