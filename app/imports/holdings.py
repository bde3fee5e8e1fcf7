"""Imports holdings: staged in one pass over the file, then merged at once; all of it in one transaction."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path
from typing import IO, Literal

from app.database import Database
from app.imports.report import ImportReport, RowsRejected
from app.imports.staging import Progress, stage, too_slow, within
from app.store.holdings_merge import Merged, copy_staged, merge_staged, prepare_staging

Form = Literal["csv", "ndjson"]


async def import_holdings(
    database: Database,
    source: Path | IO[bytes],
    *,
    form: Form = "csv",
    strict: bool = False,
    replace: bool = False,
    progress: Progress | None = None,
    max_seconds: float | None = None,
) -> ImportReport:
    """Upsert holdings by location and title; good rows land, bad ones are named in the report.

    `strict`: a bad row means that nothing lands. `replace`: a location that good rows name keeps no holding that
    the file does not name. `progress` is told how many bytes have been read.
    Raises UnreadableFile, RowsRejected (strict) or ImportTooSlow; nothing is changed then.
    """
    try:
        async with within(max_seconds), database.transaction() as connection:
            locations = await prepare_staging(connection)
            read = await stage(
                source,
                {"kind": "holdings", "form": form, "locations": locations},
                into=lambda chunks: copy_staged(connection, chunks),
                progress=progress,
            )
            if strict and read.rejected:
                raise RowsRejected(read)
            return _report(read, await merge_staged(connection, replace=replace))
    except TimeoutError:
        raise too_slow(max_seconds) from None


def _report(read: ImportReport, merged: Merged) -> ImportReport:
    notes = read.notes
    if merged.merged_titles:
        notes += (f"{merged.merged_titles} titles known by an ISBN alone were merged into the title of a PPN",)
    return changed(
        read,
        created=merged.created,
        updated=merged.updated,
        unchanged=merged.staged - merged.created - merged.updated,
        removed=merged.removed,
        superseded=merged.superseded,
        notes=notes,
    )
