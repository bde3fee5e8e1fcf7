"""Imports agencies, locations and hubs: staged, checked against each other, and merged in one transaction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import IO

from adapters import SYSTEM_KINDS
from app.database import Database
from app.imports.report import MAX_REJECTS, ImportReport, Reject, RowsRejected
from app.imports.staging import Progress, stage, too_slow, within
from app.store.agencies_merge import copy_staged, merge_staged, prepare_staging, refuse_staged


async def import_agencies(
    database: Database,
    source: Path | IO[bytes],
    *,
    strict: bool = False,
    progress: Progress | None = None,
    max_seconds: float | None = None,
) -> ImportReport:
    """Upsert agencies, locations and hubs by ISIL; good rows land, bad ones are named in the report.

    `strict`: a bad row means that nothing lands. `progress` is told how many bytes have been read.
    Raises UnreadableFile, RowsRejected (strict) or ImportTooSlow; nothing is changed then.
    """
    try:
        async with within(max_seconds), database.transaction() as connection:
            await prepare_staging(connection)
            read = await stage(
                source,
                {"kind": "agencies", "form": "csv", "system_kinds": sorted(SYSTEM_KINDS)},
                into=lambda chunks: copy_staged(connection, chunks),
                progress=progress,
            )
            number, refused = await refuse_staged(connection, most=MAX_REJECTS)
            read = read.with_rejects(number, [Reject(row.line, row.field, row.reason) for row in refused])
            if strict and read.rejected:
                raise RowsRejected(read)
            merged = await merge_staged(connection)
    except TimeoutError:
        raise too_slow(max_seconds) from None
    return replace(
        read,
        created=merged.created,
        updated=merged.updated,
        unchanged=merged.landed - merged.created - merged.updated,
        superseded=merged.superseded,
    )
