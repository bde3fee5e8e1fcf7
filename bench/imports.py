"""Imports a very long file of holdings with bad rows in it, and measures the time and the memory that it takes.

python -m bench.imports URL LINES     in a process of its own, so that its memory is the import's
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import asyncpg
import orjson

from app.database import open_database
from app.imports.holdings import import_holdings
from app.imports.report import ImportReport

LINES = 5_000_000
BAD_EVERY = 1000
HEADER = "location,isbn,ppn,title,author,material,copies,available,loanable\n"
# A row that cannot be, by how it is written: the field that is named, and why.
BAD = (
    (
        "nowhere,,{ppn},Titel,,book,1,1,true",
        "location",
        '"nowhere" is not a location that is known; import agencies first',
    ),
    (
        "{location},9789000000006,,Titel,,book,1,1,true",
        "isbn",
        '"9789000000006": the check digit of this ISBN is wrong',
    ),
    ("{location},,{ppn},Titel,,book,many,1,true", "copies", "is not a whole number from 0 to 1000000"),
    ("{location},,{ppn}", None, "the row has 3 fields, the header has 9"),
)


@dataclass(frozen=True, slots=True)
class ImportFigures:
    """What a run took: lines and bad ones among them, seconds, and the most memory of both processes in bytes."""

    lines: int
    rejected: int
    seconds: float
    peak_bytes: int
    reader_peak_bytes: int


def rows(locations: Sequence[str], lines: int) -> Iterator[str]:
    """The lines after the header: each title at many locations, and every thousandth row a bad one."""
    for number in range(lines):
        title, place = divmod(number, len(locations))
        names = {"location": locations[place], "ppn": f"9{title:08}"}
        bad = number // BAD_EVERY % len(BAD)
        form = BAD[bad][0] if number % BAD_EVERY == BAD_EVERY - 1 else "{location},,{ppn},Titel {ppn},,book,1,1,true"
        yield form.format(**names) + "\n"


def check(report: ImportReport, lines: int) -> None:
    """Raise AssertionError unless every good row landed and every bad one was counted, the first hundred by name."""
    bad = lines // BAD_EVERY
    counted = (report.read, report.rejected, report.created, report.updated, report.removed)
    assert counted == (lines, bad, lines - bad, 0, 0), counted
    named = [(reject.line, reject.field, reject.reason) for reject in report.rejects]
    expected = [((n + 1) * BAD_EVERY + 1, *BAD[n % len(BAD)][1:]) for n in range(min(bad, 100))]
    assert named == expected, [pair for pair in zip(named, expected, strict=False) if pair[0] != pair[1]][:4]


def measure(database_url: str, lines: int = LINES) -> ImportFigures:
    """Import so many lines into a migrated database with locations, in a process of its own."""
    command = [sys.executable, "-m", "bench.imports", database_url, str(lines)]
    return ImportFigures(**orjson.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


async def _measure(database_url: str, lines: int) -> ImportFigures:
    async with open_database(database_url) as database:
        async with database.connection() as connection:
            locations = [row[0] for row in await connection.fetch("select id from location order by id")]
            before = await _count(connection)
        with tempfile.TemporaryDirectory(prefix="leenpad-bench-") as folder:
            file = Path(folder) / "holdings.csv"
            with file.open("w", encoding="utf-8") as written:
                written.write(HEADER)
                written.writelines(rows(locations, lines))
            watch = asyncio.create_task(_watch_children())
            begun = time.perf_counter()
            report = await import_holdings(database, file)
            seconds = time.perf_counter() - begun
            watch.cancel()
        check(report, lines)
        async with database.connection() as connection:
            assert await _count(connection) == before + lines - report.rejected
    return ImportFigures(
        lines, report.rejected, seconds, peak_bytes=_peak_bytes("self"), reader_peak_bytes=max(_seen)
    )


_seen = [0]


async def _watch_children() -> None:
    """Note what our children have needed so far; afterwards nobody could say: getrusage counts what they began as."""
    while True:
        _look_at_children()
        await asyncio.sleep(0.1)


def _look_at_children() -> None:
    for children in Path("/proc/self/task").glob("*/children"):
        _seen.extend(_peak_bytes(child) for child in children.read_text().split())


def _peak_bytes(process: str) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:  # it has ended
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


async def _count(connection: asyncpg.Connection) -> int:
    found: int = await connection.fetchval("select count(*) from holding")
    return found


if __name__ == "__main__":
    figures = asyncio.run(_measure(sys.argv[1], int(sys.argv[2])))
    os.write(sys.stdout.fileno(), orjson.dumps(asdict(figures)))
