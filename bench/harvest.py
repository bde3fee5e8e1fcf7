"""Measures harvests end to end: a system that yields its pages in memory, through the task, into PostgreSQL.

python -m bench.harvest [RECORDS]     on an embedded database of its own, which is durable

What a protocol costs comes on top: hand `measure` a system that speaks one.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

from adapters.contract import Capabilities, Held, Lacking, LibrarySystem, Page, Record, Scheme, Verb
from app.database import Connection, Database, open_database
from app.embedded import running
from app.lending.clock import Clock
from app.lending.ground import Ground
from app.lending.harvest import HARVEST, harvest, start
from app.lending.snapshot import Snapshot
from app.lending.systems import Systems
from app.lending.work import work_off
from app.store.isbn import isbn13
from app.store.migrate import upgrade

RECORDS = 50_000
LOCATIONS = 60  # of a system
MOST_BRANCHES = 6  # of a record
PAGE_SIZE = 500
SHARED = 0.6  # of the records, in another system too


@dataclass(frozen=True, slots=True)
class HarvestFigures:
    """What one run took: records and holdings, and seconds; how it went is in `name`."""

    name: str
    records: int
    holdings: int
    seconds: float

    def __str__(self) -> str:
        per_second = (self.records + self.holdings) / self.seconds
        return (
            f"| {self.name} | {self.records:,} | {self.holdings:,} | {self.seconds:.1f} |"
            f" {self.records / self.seconds:,.0f} | {self.holdings / self.seconds:,.0f} | {per_second:,.0f} |"
        )


class Catalogue(Lacking):
    """A system whose whole catalogue is in memory, and changes by nothing."""

    def __init__(self, records: Sequence[Record], *, page_size: int = PAGE_SIZE) -> None:
        self.records = records
        self._page_size = page_size

    def capabilities(self) -> Capabilities:
        """It can be harvested."""
        return Capabilities(verbs=frozenset({Verb.HARVEST}), schemes=frozenset({Scheme.PPN}))

    async def harvest(self, *, since: datetime | None = None, cursor: str | None = None) -> AsyncIterator[Page]:
        """Yield everything."""
        for at in range(int(cursor or 0), max(1, len(self.records)), self._page_size):
            end = at + self._page_size
            more = str(end) if end < len(self.records) else None
            yield Page(changes=tuple(self.records[at:end]), cursor=more, whole_size=len(self.records))


class _Given(Systems):
    def __init__(self, given: LibrarySystem) -> None:
        super().__init__()
        self._given = given

    async def find(self, connection: Connection, system: str | None) -> LibrarySystem | None:
        return self._given


def drawn(system: int, records: int, *, seed: int = 4) -> list[Record]:
    """Draw a catalogue: titles that several systems have, with an ISBN and mostly a PPN, at a few branches each."""
    random = Random(seed + system)
    found = []
    for number in range(records):
        title = number if random.random() < SHARED else (system + 1) * 10_000_000 + number
        branches = random.sample(range(1, LOCATIONS + 1), random.randint(1, MOST_BRANCHES))
        found.append(
            Record(
                number=f"{system}-{number}",
                isbns=(_isbn(title),),
                ppn=None if random.random() < 0.2 else f"{title:09}",
                title=f"Het boek nummer {title} en wat daarop volgde",
                author=f"Schrijver {title % 5000}",
                material="book",
                holdings=tuple(
                    Held(branch=f"b{branch}", location=f"S{system}-{branch}", copies=1 + branch % 2, available=1)
                    for branch in branches
                ),
            )
        )
    return found


def _isbn(title: int) -> str:
    body = f"978{title:09}"
    return isbn13(body + str(-sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(body)) % 10))


async def measure(
    database: Database, name: str, system: str, given: LibrarySystem, *, whole: bool = False
) -> HarvestFigures:
    """Harvest a system that is known by this id, to the end, and return what that took."""
    ground = Ground(
        database=database,
        snapshot=Snapshot(database, horizon_days=35, sweep_cache_mib=16),
        systems=_Given(given),
        clock=Clock(),
    )
    await start(ground, system, whole=whole, confirm_run=None)
    begun = time.perf_counter()
    await work_off(ground, kinds={HARVEST: harvest})
    seconds = time.perf_counter() - begun
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "select state, records, holdings from harvest_run where system = $1 order by number desc limit 1", system
        )
    assert row["state"] == "done", row
    return HarvestFigures(name, row["records"], row["holdings"], seconds)


async def measure_all(url: str, records: int, say: Callable[[str], None]) -> list[HarvestFigures]:
    """Harvest three systems into a migrated, empty database, and go through one again."""
    found = []
    async with open_database(url) as database:
        async with database.transaction() as connection:
            await connection.execute("insert into system (id) select 'bench-' || n from generate_series(0, 2) n")
            await connection.execute(
                "insert into location (id, name) select 'S' || s || '-' || n, 'Branch'"
                " from generate_series(0, 2) s, generate_series(1, $1::int) n",
                LOCATIONS,
            )
        catalogues = [drawn(system, records) for system in range(3)]
        for system, name in enumerate(("the first system", "a second one", "a third one")):
            say(f"harvesting {name}")
            given = Catalogue(catalogues[system])
            found.append(await measure(database, name, f"bench-{system}", given))
        say("going through the first again")
        given = Catalogue(catalogues[0])
        found.append(await measure(database, "the first again, whole, unchanged", "bench-0", given, whole=True))
        given = Catalogue(catalogues[1], page_size=100)
        found.append(await measure(database, "the second again, pages of 100", "bench-1", given, whole=True))
    return found


def main() -> None:
    """Measure, and print a table."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    with tempfile.TemporaryDirectory(prefix="leenpad-bench-") as folder, running(Path(folder) / "data") as url:
        asyncio.run(upgrade(url))
        figures = asyncio.run(measure_all(url, records, lambda text: print(f"· {text}", file=sys.stderr, flush=True)))
    print("| run | records | holdings | seconds | records/s | holdings/s | rows/s |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    print("\n".join(map(str, figures)))
    print(f"\nMedian: {statistics.median(each.records / each.seconds for each in figures):,.0f} records/s")


if __name__ == "__main__":
    main()
