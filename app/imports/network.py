"""Takes a GTFS feed in: read it whole, then write it as a new network version in one transaction."""

from __future__ import annotations

import asyncio
from typing import IO, cast

from app.aside import aside
from app.database import Database
from app.imports.archive import MIB, Limits, open_archive
from app.imports.gtfs import Feed, read_feed
from app.imports.report import ImportReport, ImportTooSlow
from app.imports.staging import Progress
from app.imports.version import version_id
from app.settings import Settings
from app.store.epochs import REGISTER, bump
from app.store.network_versions import activate, create_unknown_locations, create_version


async def import_network(
    database: Database,
    file: IO[bytes],
    *,
    activating: bool = False,
    own: frozenset[str] | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import the zip in `file` (seekable) and say what became of it; `activating` makes its version the active one.

    `read` counts the rows that are kept; they are all `created`, or all `unchanged` when the same network, in
    whatever order, is there already. `own` are the operators whose routes and trips activating it may change (None:
    all); `progress` is told how many bytes have been read. Raises ArchiveRefused, FeedFaulty, NotYours or
    ImportTooSlow; then nothing has changed.
    """
    limits = limits or Limits()
    try:
        async with asyncio.timeout(limits.seconds):
            feed, version = await aside(_read, file, limits, progress)
            created, activated = await _write(database, feed, version, activating=activating, own=own)
    except TimeoutError:
        raise ImportTooSlow(f"The import took longer than {limits.seconds:g} seconds; nothing was changed.") from None
    return ImportReport(
        read=feed.rows,
        created=feed.rows if created else 0,
        unchanged=0 if created else feed.rows,
        notes=feed.notes,
        version=version,
        activated=activated,
    )


def limits_of(settings: Settings) -> Limits:
    """Return how much one archive may ask of us."""
    return Limits(packed_bytes=settings.import_max_mib * MIB, seconds=settings.import_max_seconds)


class _Counted:
    """A file that tells how far it has been read; the table of contents at the end of a zip comes on top."""

    def __init__(self, file: IO[bytes], progress: Progress) -> None:
        self._file = file
        self._progress = progress
        self._count = 0
        self.seek = file.seek
        self.tell = file.tell

    def read(self, count: int = -1, /) -> bytes:
        piece = self._file.read(count)
        self._count += len(piece)
        self._progress(self._count)
        return piece


def _read(file: IO[bytes], limits: Limits, progress: Progress | None) -> tuple[Feed, str]:
    source = file if progress is None else cast(IO[bytes], _Counted(file, progress))
    with open_archive(source, limits) as archive:
        feed = read_feed(archive)
    return feed, version_id(feed.content)


async def _write(
    database: Database, feed: Feed, version: str, *, activating: bool, own: frozenset[str] | None
) -> tuple[bool, bool]:
    async with database.transaction() as connection:
        created = await create_version(connection, version, feed.content)
        if created and await create_unknown_locations(connection, feed.content.stops):
            await bump(connection, REGISTER)
        if activating:
            await activate(connection, version, own=own)
    return created, activating
