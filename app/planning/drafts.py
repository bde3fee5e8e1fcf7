"""Drafts: made, changed by one planner at a time, compared, and made a network version of."""

from __future__ import annotations

import asyncio
import tempfile
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from app.aside import aside
from app.database import Connection, Database
from app.imports.archive import Limits, open_archive
from app.imports.export import write_feed
from app.imports.gtfs import read_feed
from app.imports.version import version_id
from app.planning.edits import Document, apply_all
from app.planning.plan import Plan
from app.store.drafts import (
    Draft,
    DraftFrozen,
    Logged,
    add_draft,
    get_draft,
    list_log,
    list_since,
    lock_draft,
    log_change,
    move_draft,
    set_frozen,
    undo_change,
)
from app.store.epochs import REGISTER, bump
from app.store.network_versions import (
    NoActiveVersion,
    NothingToUndo,
    create_unknown_locations,
    create_version,
    find_active,
    get_number,
    lock_network,
)
from app.store.timetable import Content, read_content

Key = TypeVar("Key")

Next = Callable[[Connection, Draft], Awaitable[None]]

MOST_STANDING = 2000
RECENT_BASES, RECENT_PLANS = 2, 4


class DraftChanged(Exception):  # noqa: N818 - named as the problem it becomes
    """Somebody else changed the draft since the caller looked at it; what they did is in `members`."""

    def __init__(self, draft: Draft, since: Sequence[Logged]) -> None:
        others = sorted({change.undone_by or change.by for change in since})
        super().__init__(
            f"The draft was changed meanwhile{' by ' + ', '.join(others) if others else ''}: nothing was changed. "
            "Look at it again, and repeat your change where it still fits."
        )
        self.members = {"revision": draft.revision, "changes": [log_document(change) for change in since]}


class DraftTooLong(Exception):  # noqa: N818 - named as the problem it becomes
    """The draft has as many changes as one takes."""


class Workshop:
    """What a process keeps of the drafts that are being worked on: the versions they are based on, and themselves."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bases: OrderedDict[str, Plan] = OrderedDict()
        self._plans: OrderedDict[tuple[int, int], Plan] = OrderedDict()
        self._lock = asyncio.Lock()

    async def plan(self, draft: Draft) -> Plan:
        """Return a draft as it stands at the revision that is given."""
        async with self._lock:
            return await self._plan(draft)

    async def base(self, version: str) -> Plan:
        """Return a version. Raises VersionUnknown."""
        async with self._lock:
            return await self._base(version)

    async def _plan(self, draft: Draft) -> Plan:
        key = (draft.id, draft.revision)
        if key not in self._plans:
            async with self._database.connection() as connection:
                log = await list_log(connection, draft.id, after=0)
            base = await self._base(draft.base)
            standing = [
                change
                for entry in log
                if entry.revision <= draft.revision
                and (entry.undone_revision is None or entry.undone_revision > draft.revision)
                for change in entry.operations
            ]
            _keep(self._plans, key, await aside(apply_all, base, standing), RECENT_PLANS)
        return self._plans[key]

    async def _base(self, version: str) -> Plan:
        if version not in self._bases:
            async with self._database.connection() as connection:
                content = await read_content(connection, await get_number(connection, version))
            _keep(self._bases, version, await aside(Plan, content), RECENT_BASES)
        return self._bases[version]


def _keep(kept: OrderedDict[Key, Plan], key: Key, plan: Plan, most: int) -> None:
    kept[key] = plan
    while len(kept) > most:
        kept.popitem(last=False)


def log_document(change: Logged) -> dict[str, Any]:
    """Return what was done, as the API shows it in few words: what kind of change of which thing."""
    return {
        "revision": change.revision,
        "at": change.at.isoformat(),
        "by": change.by,
        "undone_by": change.undone_by,
        "operations": [{"op": operation["op"], "id": operation["id"]} for operation in change.operations[:100]],
    }


async def begin(
    database: Database, *, name: str, base: str | None, by: str, agency: str | None, now: datetime
) -> Draft:
    """Make a draft of a version (None: the active one). Raises VersionUnknown or NoActiveVersion."""
    async with database.transaction() as connection:
        base = base or await find_active(connection)
        if base is None:
            raise NoActiveVersion
        number = await get_number(connection, base)
        return await get_draft(
            connection, await add_draft(connection, name=name, base=number, by=by, agency=agency, now=now)
        )


async def change(
    workshop: Workshop,
    database: Database,
    draft: int,
    revision: int | None,
    changes: Sequence[Document] | Callable[[Plan], Sequence[Document]],
    *,
    by: str,
    now: datetime,
) -> Draft:
    """Make changes in a draft, all or none, and return it. `revision` is what the caller looked at (None: whatever).

    Changes may be worked out from how the draft stands. Raises UnknownDraft, DraftFrozen, DraftChanged, DraftTooLong
    or ChangeRefused.
    """
    while True:
        # Read before the transaction: whoever holds a connection must not wait for another one.
        seen = await look(database, draft)
        plan = await workshop.plan(seen)
        async with database.transaction() as connection:
            locked = await _open(connection, draft, revision)
            if locked.changes >= MOST_STANDING:
                raise DraftTooLong(
                    f"A draft takes {MOST_STANDING} changes: make a version of it and go on from there."
                )
            if locked.revision != seen.revision:
                continue
            listed = changes(plan) if callable(changes) else changes
            if listed:
                await aside(apply_all, plan, listed)
                await log_change(connection, locked, listed, by=by, now=now)
            return await get_draft(connection, draft)


async def look(database: Database, draft: int) -> Draft:
    """Return a draft. Raises UnknownDraft."""
    async with database.connection() as connection:
        return await get_draft(connection, draft)


async def take_back(database: Database, draft: int, revision: int | None, *, by: str, now: datetime) -> Draft:
    """Undo the newest change that stands. Raises UnknownDraft, DraftFrozen, DraftChanged or NothingToUndo."""
    async with database.transaction() as connection:
        locked = await _open(connection, draft, revision)
        if not await undo_change(connection, locked, by=by, now=now):
            raise NothingToUndo("No change of this draft stands, so there is nothing to undo.")
        return await get_draft(connection, draft)


async def rebase(workshop: Workshop, database: Database, draft: int, revision: int | None, *, now: datetime) -> Draft:
    """Put a draft's changes on the version that is active now.

    Raises ChangeRefused for a change that no longer fits there: then the draft stays on the version it was begun on.
    """
    while True:
        async with database.connection() as connection:
            active = await find_active(connection)
            log = await list_log(connection, draft, after=0)
        if active is None:
            raise NoActiveVersion
        standing = [one for entry in log if entry.undone_revision is None for one in entry.operations]
        base = await workshop.base(active)
        async with database.transaction() as connection:
            locked = await _open(connection, draft, revision)
            if await find_active(connection) != active or locked.changes != sum(not e.undone_revision for e in log):
                continue
            if active != locked.base:
                await aside(apply_all, base, standing)
                await move_draft(connection, locked, await get_number(connection, active), now)
            return await get_draft(connection, draft)


async def freeze(
    workshop: Workshop, database: Database, draft: int, revision: int | None, *, then: Next | None = None
) -> Draft:
    """Make a network version of a draft, and in the same transaction whatever comes next: all of it or nothing.

    One that is a version already stays what it is. Raises FeedFaulty, UnknownDraft, DraftChanged, or what `then`
    raises.
    """
    found = await look(database, draft)
    made = None
    if found.version is None:
        made = (found.revision, *await aside(_checked, await workshop.plan(found)))
    async with database.transaction() as connection:
        if made is not None:
            found = await _freeze(connection, draft, found.revision if revision is None else revision, made)
        if then is not None:
            await then(connection, found)
        return found


async def _freeze(connection: Connection, draft: int, revision: int, made: tuple[int, Content, str]) -> Draft:
    seen, content, version = made
    # Whoever changes networks waits for others here, before it holds the draft.
    await lock_network(connection)
    locked = await _open(connection, draft, revision)
    if locked.revision != seen:
        raise DraftChanged(locked, await list_since(connection, draft, seen))
    if await create_version(connection, version, content) and await create_unknown_locations(
        connection, content.stops
    ):
        await bump(connection, REGISTER)
    await set_frozen(connection, locked, await get_number(connection, version))
    return await get_draft(connection, draft)


def _checked(plan: Plan) -> tuple[Content, str]:
    """Return the content and its id, having written it out as GTFS and read it as an import would."""
    with tempfile.TemporaryFile(prefix="leenpad-") as file:
        write_feed(plan.as_content(), file)
        file.seek(0)
        with open_archive(file, Limits(packed_bytes=2**31)) as archive:
            content = read_feed(archive).content
    return content, version_id(content)


async def _open(connection: Connection, draft: int, revision: int | None) -> Draft:
    locked = await lock_draft(connection, draft)
    if locked.version is not None:
        raise DraftFrozen(f"The draft became the network version {locked.version}, which never changes.")
    if revision is not None and revision != locked.revision:
        raise DraftChanged(locked, await list_since(connection, draft, revision))
    return locked
