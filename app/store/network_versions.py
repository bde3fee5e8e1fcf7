"""Network versions: which there are, which is active, and the log by which an activation can be undone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg
import orjson

from app.store.network_changes import check_changes
from app.store.timetable import Content, StopRow, counts, first_and_last_day, write_content
from app.store.under_way import CHANGED, plan_again

# Imports, activations and undoings of networks wait for each other; any number that nobody else uses will do.
NETWORK_LOCK = 0x6C65656E_6E657477


class VersionUnknown(Exception):  # noqa: N818 - named as the problem it becomes
    """There is no network version of that id."""


class NoActiveVersion(Exception):  # noqa: N818 - named as the problem it becomes
    """No network version is active."""

    def __init__(self) -> None:
        super().__init__("No network version is active: import one with ?activate=true, or activate one.")


class NothingToUndo(Exception):  # noqa: N818 - named as the problem it becomes
    """No activation stands, so none can be undone."""


class ActiveChanged(Exception):  # noqa: N818 - named as the problem it becomes
    """Another version is active than the one that was looked at."""

    def __init__(self, active: str | None) -> None:
        super().__init__(f"{active or 'No version'} is active now: nothing was undone. Look again at what is to go.")
        self.members = {"active": active}


@dataclass(frozen=True, slots=True)
class Version:
    """A network version as a list shows it. `counts` says how many there are of each thing."""

    number: int
    id: str
    timezone: str
    first_day: date | None
    last_day: date | None
    counts: dict[str, int]
    imported_at: datetime
    active: bool


async def lock_network(connection: asyncpg.Connection) -> None:
    """Wait until no other transaction changes networks; holds until this one ends."""
    await connection.execute("select pg_advisory_xact_lock($1)", NETWORK_LOCK)


async def create_version(connection: asyncpg.Connection, version_id: str, content: Content) -> bool:
    """Write a network version under the network lock; False, and nothing written, when it is there already."""
    await lock_network(connection)
    if await connection.fetchval("select exists (select from network_version where id = $1)", version_id):
        return False
    first_day, last_day = first_and_last_day(content.services)
    number = await connection.fetchval(
        "insert into network_version (id, timezone, first_day, last_day, counts) values ($1, $2, $3, $4, $5)"
        " returning number",
        version_id,
        content.timezone,
        first_day,
        last_day,
        orjson.dumps(counts(content)).decode(),
    )
    await write_content(connection, number, content)
    return True


async def create_unknown_locations(connection: asyncpg.Connection, stops: Iterable[StopRow]) -> int:
    """Make a location of every stop that is none yet, agency unknown, and return how many were made."""
    listed = tuple(stops)
    made = await connection.execute(
        "insert into location (id, name, lat, lon)"
        " select * from unnest($1::text[], $2::text[], $3::float8[], $4::float8[]) as stop (id, name, lat, lon)"
        " order by id"  # as the import of agencies does: two writers then never wait for each other in a ring
        " on conflict do nothing",
        [stop.id for stop in listed],
        [stop.name for stop in listed],
        [stop.lat for stop in listed],
        [stop.lon for stop in listed],
    )
    return int(made.rsplit(" ", 1)[-1])


async def find_active(connection: asyncpg.Connection) -> str | None:
    """Return the id of the active version."""
    version: str | None = await connection.fetchval(
        "select v.id from network_activation a join network_version v on v.number = a.version"
        " where a.undone_at is null order by a.id desc limit 1"
    )
    return version


async def get_number(connection: asyncpg.Connection, version_id: str) -> int:
    """Return the number by which the tables know a version. Raises VersionUnknown."""
    number: int | None = None
    if "\0" not in version_id:  # which no text in PostgreSQL can hold
        number = await connection.fetchval("select number from network_version where id = $1", version_id)
    if number is None:
        raise VersionUnknown(f"There is no network version {version_id}.")
    return number


async def activate(connection: asyncpg.Connection, version_id: str, *, own: frozenset[str] | None = None) -> bool:
    """Make a version the active one; False, and nothing written, when it is already.

    `own` are the operators whose routes and trips it may change (None: all). Raises VersionUnknown or NotYours.
    """
    await lock_network(connection)
    number = await get_number(connection, version_id)
    active = await find_active(connection)
    if active == version_id:
        return False
    if own is not None and active is not None:
        await check_changes(connection, await get_number(connection, active), number, own=own)
    await connection.execute("insert into network_activation (version) values ($1)", number)
    await plan_again(connection, CHANGED)
    return True


async def undo(
    connection: asyncpg.Connection, *, own: frozenset[str] | None = None, expected: str | None = None
) -> tuple[str, str | None]:
    """Undo the newest activation that stands; return the version that was active and the one that now is.

    `own` are the operators whose routes and trips that may change (None: all), `expected` the version that has to be
    active (None: whichever). Raises ActiveChanged, NothingToUndo or NotYours.
    """
    await lock_network(connection)
    undone = await find_active(connection)
    if expected is not None and undone != expected:
        raise ActiveChanged(undone)
    if undone is None:
        raise NothingToUndo("No activation of a network version stands, so there is nothing to undo.")
    await connection.execute(
        "update network_activation set undone_at = clock_timestamp()"
        " where id = (select max(id) from network_activation where undone_at is null)"
    )
    active = await find_active(connection)
    if own is not None:
        after = None if active is None else await get_number(connection, active)
        await check_changes(connection, await get_number(connection, undone), after, own=own)
    await plan_again(connection, CHANGED)
    return undone, active


async def find_previous(connection: asyncpg.Connection) -> str | None:
    """Return the version that undoing the newest activation would make active again; None where none would be."""
    previous: str | None = await connection.fetchval(
        "select version.id from network_activation activation join network_version version"
        " on version.number = activation.version where undone_at is null order by activation.id desc offset 1 limit 1"
    )
    return previous


async def get_version(connection: asyncpg.Connection, version_id: str) -> Version:
    """Return one version. Raises VersionUnknown."""
    number = await get_number(connection, version_id)
    return (await list_versions(connection, before=number + 1, limit=1))[0]


async def list_versions(connection: asyncpg.Connection, *, before: int | None, limit: int) -> Sequence[Version]:
    """Return at most `limit` versions with a number below `before`, newest first."""
    active = await find_active(connection)
    rows = await connection.fetch(
        "select number, id, timezone, first_day, last_day, counts, imported_at from network_version"
        " where $1::int is null or number < $1 order by number desc limit $2",
        before,
        limit,
    )
    return [
        Version(
            number=row["number"],
            id=row["id"],
            timezone=row["timezone"],
            first_day=row["first_day"],
            last_day=row["last_day"],
            counts=orjson.loads(row["counts"]),
            imported_at=row["imported_at"],
            active=row["id"] == active,
        )
        for row in rows
    ]
