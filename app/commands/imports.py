"""`import`: take a file in, by the same code as the API but straight into the database, and print the report."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from app.commands.ground import Refusal, read_settings, told_in_a_line, with_database
from app.database import Database
from app.imports.agencies import import_agencies
from app.imports.archive import ArchiveRefused, Limits
from app.imports.gtfs import FeedFaulty
from app.imports.holdings import Form, import_holdings
from app.imports.network import import_network, limits_of
from app.imports.report import ImportReport, ImportTooSlow, RowsRejected, UnreadableFile
from app.imports.spool import UploadTooLarge
from app.imports.staging import Progress as Told

KINDS = ("agencies", "network", "holdings")
REFUSALS = (UnreadableFile, UploadTooLarge, ImportTooSlow, ArchiveRefused)
NDJSON = (".ndjson", ".jsonl")
LINE_SECONDS = 10.0


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--strict", is_flag=True, help="All or nothing: one bad row, and nothing lands. A network always is.")
@click.option("--replace", is_flag=True, help="Holdings: the file is the whole truth for the locations it names.")
@click.option("--activate", is_flag=True, help="Network: decide with it from now on.")
def command(kind: str, file: Path, strict: bool, replace: bool, activate: bool) -> None:
    """Import agencies (CSV), a network (GTFS zip) or holdings (CSV; NDJSON when the file's name ends in .ndjson)."""
    if replace and kind != "holdings":
        raise click.UsageError("--replace goes with holdings")
    if activate and kind != "network":
        raise click.UsageError("--activate goes with network")

    settings = read_settings(quiet=True)
    limits = limits_of(settings)

    async def work(database: Database) -> ImportReport:
        return await take_in(database, kind, file, strict=strict, replace=replace, activate=activate, limits=limits)

    try:
        with told_in_a_line(*REFUSALS):
            if file.stat().st_size > limits.packed_bytes:
                raise UploadTooLarge(limits.packed_bytes)
            report = with_database(settings, work)
    except (RowsRejected, FeedFaulty) as refused:
        show_report(refused.report)
        raise Refusal(str(refused)) from refused
    show_report(report)
    if report.rejected and report.rejected == report.read:
        raise Refusal("nothing could be imported")


async def take_in(
    database: Database,
    kind: str,
    file: Path,
    *,
    strict: bool = False,
    replace: bool = False,
    activate: bool = False,
    limits: Limits | None = None,
) -> ImportReport:
    """Import a file of one of KINDS, and tell on stderr how far it is.

    Raises UnreadableFile, RowsRejected, ArchiveRefused, FeedFaulty or ImportTooSlow, as the import does; nothing has
    changed then.
    """
    seconds = None if limits is None else limits.seconds
    with _telling(kind, file) as tell:
        if kind == "agencies":
            return await import_agencies(database, file, strict=strict, progress=tell, max_seconds=seconds)
        if kind == "holdings":
            form: Form = "ndjson" if file.suffix.lower() in NDJSON else "csv"
            return await import_holdings(
                database, file, form=form, strict=strict, replace=replace, progress=tell, max_seconds=seconds
            )
        with file.open("rb") as archive:
            return await import_network(database, archive, activating=activate, limits=limits, progress=tell)


@contextmanager
def _telling(kind: str, file: Path) -> Iterator[Told]:
    """Show how much of the file has been read, for as long as it takes: a bar, or lines where no terminal is."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True)
    doing, size = f"importing {kind}", file.stat().st_size
    if not console.is_terminal:
        yield _in_lines(doing, size)
        return
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(doing, total=size)
        yield lambda read: bar.update(task, completed=read)


def _in_lines(doing: str, size: int) -> Told:
    told = time.monotonic()

    def tell(read: int) -> None:
        nonlocal told
        if time.monotonic() >= told + LINE_SECONDS:
            told = time.monotonic()
            click.echo(f"{doing}: {read / 1e6:,.1f} of {size / 1e6:,.1f} MB read", err=True)

    return tell


def show_report(report: ImportReport) -> None:
    """Print what an import did: the counts, what was left aside, and the first rejects."""
    console = Console(highlight=False)
    counts = ["read", "created", "updated", "unchanged", "removed", "rejected"]
    if report.superseded:
        counts.append("superseded")
    console.print(", ".join(f"{name} {getattr(report, name):,}" for name in counts))
    if report.version is not None:
        console.print(f"version {report.version}, {'active' if report.activated else 'not active'}")
    for note in report.notes:
        console.print(f"note: {note}", markup=False)
    if not report.rejects:
        return
    table = Table("line", "field", "reason", title=f"{report.rejected:,} rejected", title_justify="left")
    with_file = any(reject.file for reject in report.rejects)
    for reject in report.rejects:
        where = f"{reject.file}:{reject.line}" if with_file else str(reject.line)
        table.add_row(*map(escape, (where, reject.field or "", reject.reason)))
    console.print(table)
    if report.rejected > len(report.rejects):
        console.print(f"and {report.rejected - len(report.rejects):,} more")
