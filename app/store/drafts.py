"""Drafts of the network: a base version and an ordered log of changes, of which those that were undone are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import orjson


class UnknownDraft(Exception):  # noqa: N818 - named as the problem it becomes
    """There is no such draft."""


class DraftFrozen(Exception):  # noqa: N818 - named as the problem it becomes
    """The draft is a network version already, and versions never change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A draft as a list shows it. `revision` counts everything that was done to it; `base` and `version` are ids."""

    id: int
    name: str
    base: str
    base_number: int
    revision: int
    changes: int  # that stand
    by: str
    agency: str | None
    created_at: datetime
    changed_at: datetime
    version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """Operations that were made together. `undone_revision`: when they were taken back, if they were."""

    revision: int
    at: datetime
    by: str
    operations: Sequence[Mapping[str, Any]]
    undone_revision: int | None
    undone_by: str | None


_DRAFT = """
select d.id, d.name, b.id as base, d.base as base_number, d.revision, d.by, d.agency, d.created_at, d.changed_at,
       v.id as version,
       (select count(*) from network_draft_change c
         where c.draft = d.id and c.undone_revision is null)::int as changes
  from network_draft d join network_version b on b.number = d.base left join network_version v on v.number = d.version
"""


async def add_draft(
    connection: asyncpg.Connection, *, name: str, base: int, by: str, agency: str | None, now: datetime
) -> int:
    """Make a draft and return its id. `base` is the number of a version."""
    return int(
        await connection.fetchval(
            "insert into network_draft (name, base, by, agency, created_at, changed_at)"
            " values ($1, $2, $3, $4, $5, $5) returning id",
            *(name, base, by, agency, now),
        )
    )


async def get_draft(connection: asyncpg.Connection, draft: int) -> Draft:
    """Return a draft. Raises UnknownDraft."""
    row = await connection.fetchrow(f"{_DRAFT} where d.id = $1", draft)
    if row is None:
        raise UnknownDraft(f"There is no draft {draft}.")
    return Draft(**row)


async def lock_draft(connection: asyncpg.Connection, draft: int) -> Draft:
    """Return a draft, kept from all others until the transaction ends. Raises UnknownDraft."""
    await connection.fetchval("select id from network_draft where id = $1 for update", draft)
    return await get_draft(connection, draft)


async def list_drafts(connection: asyncpg.Connection, *, before: int | None, limit: int) -> list[Draft]:
    """Return drafts, the newest first."""
    rows = await connection.fetch(
        f"{_DRAFT} where $1::bigint is null or d.id < $1 order by d.id desc limit $2", before, limit
    )
    return [Draft(**row) for row in rows]


async def delete_draft(connection: asyncpg.Connection, draft: int) -> None:
    """Throw a draft away; a version that it became stays."""
    await connection.execute("delete from network_draft where id = $1", draft)


async def log_change(
    connection: asyncpg.Connection, draft: Draft, operations: Sequence[Mapping[str, Any]], *, by: str, now: datetime
) -> None:
    """Add operations to the log of a locked draft: its revision goes up by one."""
    await connection.execute(
        "insert into network_draft_change (draft, revision, at, by, operations) values ($1, $2, $3, $4, $5)",
        *(draft.id, draft.revision + 1, now, by, orjson.dumps(list(operations)).decode()),
    )
    await _moved_on(connection, draft, now)


async def undo_change(connection: asyncpg.Connection, draft: Draft, *, by: str, now: datetime) -> bool:
    """Take the newest change of a locked draft back; False where none stands."""
    done = await connection.execute(
        "update network_draft_change set undone_revision = $2, undone_by = $3 where draft = $1 and revision ="
        " (select max(revision) from network_draft_change where draft = $1 and undone_revision is null)",
        *(draft.id, draft.revision + 1, by),
    )
    if done == "UPDATE 0":
        return False
    await _moved_on(connection, draft, now)
    return True


async def move_draft(connection: asyncpg.Connection, draft: Draft, base: int, now: datetime) -> None:
    """Base a locked draft on another version."""
    await connection.execute("update network_draft set base = $2 where id = $1", draft.id, base)
    await _moved_on(connection, draft, now)


async def set_frozen(connection: asyncpg.Connection, draft: Draft, version: int) -> None:
    """Say which version a locked draft became."""
    await connection.execute("update network_draft set version = $2 where id = $1", draft.id, version)


async def _moved_on(connection: asyncpg.Connection, draft: Draft, now: datetime) -> None:
    await connection.execute(
        "update network_draft set revision = revision + 1, changed_at = $2 where id = $1", draft.id, now
    )


async def list_log(
    connection: asyncpg.Connection, draft: int, *, after: int, limit: int | None = None
) -> list[Logged]:
    """Return what was done to a draft after a revision, in order."""
    rows = await connection.fetch(
        "select revision, at, by, operations, undone_revision, undone_by from network_draft_change"
        " where draft = $1 and revision > $2 order by revision limit $3",
        *(draft, after, limit),
    )
    return [_logged(row) for row in rows]


async def list_since(connection: asyncpg.Connection, draft: int, revision: int) -> list[Logged]:
    """Return what was changed or taken back in a draft after a revision, in order."""
    rows = await connection.fetch(
        "select revision, at, by, operations, undone_revision, undone_by from network_draft_change"
        " where draft = $1 and (revision > $2 or undone_revision > $2) order by revision limit 100",
        *(draft, revision),
    )
    return [_logged(row) for row in rows]


def _logged(row: asyncpg.Record) -> Logged:
    return Logged(**{**row, "operations": orjson.loads(row["operations"])})
