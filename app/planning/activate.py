"""Has a network version become the active one at a moment, or not after all."""

from __future__ import annotations

from datetime import datetime

from app.database import Connection, Database
from app.store.network_changes import check_changes
from app.store.network_versions import find_active, get_number, lock_network
from app.store.schedules import (
    ACTIVATE,
    Scheduled,
    UnknownActivation,
    add_scheduled,
    end_scheduled,
    find_in_the_way,
    get_scheduled,
)
from app.store.tasks import drop, schedule


class AnotherWaits(Exception):  # noqa: N818 - named as the problem it becomes
    """Another activation waits, and one of both would be refused when its moment comes."""

    def __init__(self, other: Scheduled) -> None:
        at = other.at.isoformat()
        super().__init__(
            f"{other.version} is to become active at {at} ({other.by}): beside it, one of both would be refused at "
            "its moment. Base the draft on that version, or have one of them cancelled."
        )
        self.members = {"activation": other.id, "version": other.version, "at": at}


async def activate_at(
    connection: Connection,
    version: str,
    at: datetime,
    *,
    own: frozenset[str] | None,
    expected: str | None,
    draft: int | None,
    by: str,
    agency: str | None,
    now: datetime,
) -> Scheduled:
    """Have a version become active at a moment, as part of a transaction.

    Raises VersionUnknown, NotYours where it may not even be now, or AnotherWaits.
    """
    await lock_network(connection)
    number = await get_number(connection, version)
    active = await find_active(connection)
    if own is not None and active is not None:
        await check_changes(connection, await get_number(connection, active), number, own=own)
    base = None if expected is None else await get_number(connection, expected)
    other = await find_in_the_way(connection, at, version=number, expected=base)
    if other is not None:
        raise AnotherWaits(other)
    id = await add_scheduled(
        connection,
        version=number,
        at=at,
        by=by,
        agency=agency,
        own=own,
        expected=base,
        draft=draft,
        now=now,
    )
    await schedule(connection, ACTIVATE, str(id), at)
    return await get_scheduled(connection, id)


async def cancel_scheduled(
    database: Database, id: int, *, agency: str | None, everyones: bool, now: datetime
) -> None:
    """Have an activation not happen. Raises UnknownActivation for one that has been or that another's key made."""
    async with database.transaction() as connection:
        # The worker takes its task first and the activation after that: so do we, or both would wait for each other.
        await drop(connection, ACTIVATE, str(id))
        scheduled = await get_scheduled(connection, id)
        if scheduled.state != "waiting":
            raise UnknownActivation(f"The activation {id} does not wait: it is {scheduled.state}.")
        if not everyones and scheduled.agency != agency:
            raise UnknownActivation(f"The activation {id} was put down by {scheduled.by}, whose key may cancel it.")
        await end_scheduled(connection, id, "cancelled", reason=None, now=now)
