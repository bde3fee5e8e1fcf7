"""A library system in memory: a catalogue that changes as a test says, told in pages, with faults on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from adapters.contract import Capabilities, Deleted, Held, Lacking, LibrarySystem, Page, Record, Scheme, Verb
from app.database import Connection, Database
from app.lending.clock import SetClock
from app.lending.ground import Ground
from app.lending.harvest import HARVEST, harvest, start
from app.lending.snapshot import Snapshot
from app.lending.systems import Systems
from app.lending.work import work_off
from tests.support.tables import add_locations, empty

START = datetime.fromisoformat("2026-11-23T08:00:00+01:00")
ISBNS = ("9780306406157", "9783161484100", "9789000000005")


def held(*branches: str, **details: object) -> tuple[Held, ...]:
    """Copies at branches, each of which is the location of its name; `?x` is a branch that no map knows."""
    return tuple(
        Held(branch=branch, location=None if branch.startswith("?") else branch, **details)  # type: ignore[arg-type]
        for branch in branches
    )


def record(number: str, *branches: str, isbn: str = "", ppn: str | None = None, **details: object) -> Record:
    """A record with a copy at each branch; without a number of any kind it has a PPN of its own."""
    isbns = tuple(isbn.split())
    ppn = ppn if isbn or ppn else f"P{number}".replace("-", "")
    return Record(number=number, isbns=isbns, ppn=ppn or None, holdings=held(*branches), **details)  # type: ignore[arg-type]


@dataclass(slots=True)
class Scripted(Lacking):
    """Tells its changes in pages of `page_size`; `before_page` may wait or fail, and is told how many came before."""

    clock: Callable[[], datetime]
    page_size: int = 3
    whole_size: bool = True
    changes: dict[str, tuple[datetime, Record | Deleted]] = field(default_factory=dict)
    asked: list[tuple[datetime | None, str | None]] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)  # each is raised once, at the page that is asked for next
    before_page: Callable[[int], object] | None = None
    offers: frozenset[Verb] = frozenset({Verb.HARVEST})

    def capabilities(self) -> Capabilities:
        """It can be harvested."""
        return Capabilities(verbs=self.offers, schemes=frozenset({Scheme.ISBN, Scheme.PPN}))

    def put(self, *records: Record) -> None:
        """Have records, or have them otherwise."""
        for each in records:
            self.changes[each.number] = (self.clock(), each)

    def delete(self, *numbers: str) -> None:
        """Have records no more, and say so."""
        for number in numbers:
            self.changes[number] = (self.clock(), Deleted(number))

    def lose(self, *numbers: str) -> None:
        """Have records no more, and say nothing of it."""
        for number in numbers:
            del self.changes[number]

    async def harvest(self, *, since: datetime | None = None, cursor: str | None = None) -> AsyncIterator[Page]:
        """Tell what changed since."""
        self.asked.append((since, cursor))
        found = [
            change
            for _, (at, change) in sorted(self.changes.items())
            if (since is None and not isinstance(change, Deleted)) or (since is not None and at >= since)
        ]
        at = int(cursor or 0)
        while True:
            await asyncio.sleep(0)
            if self.before_page is not None:
                waits = self.before_page(at // self.page_size)
                if asyncio.iscoroutine(waits):
                    await waits
            if self.faults:
                raise self.faults.pop(0)
            end = at + self.page_size
            yield Page(
                changes=tuple(found[at:end]),
                cursor=str(end) if end < len(found) else None,
                as_of=self.clock(),
                whole_size=len(found) if self.whole_size else None,
            )
            if end >= len(found):
                return
            at = end


class Given(Systems):
    """Leads to what a test made."""

    def __init__(self, systems: dict[str, LibrarySystem]) -> None:
        super().__init__()
        self.given = systems

    async def find(self, connection: Connection, system: str | None) -> LibrarySystem | None:
        """Return it by its id."""
        return self.given.get(system or "")


@dataclass(slots=True)
class Stage:
    """A ground whose systems are scripted, under the test's clock."""

    ground: Ground
    clock: SetClock
    systems: dict[str, Scripted]

    def __getitem__(self, name: str) -> Scripted:
        return self.systems[name]

    async def add(self, name: str, **details: object) -> Scripted:
        """Have another system."""
        self.systems[name] = Scripted(clock=self.clock.now, **details)  # type: ignore[arg-type]
        async with self.ground.database.transaction() as connection:
            await connection.execute("insert into system (id, kind) values ($1, 'fake')", name)
        return self.systems[name]

    async def work(self) -> int:
        """Carry out what is due."""
        return await work_off(self.ground, kinds={HARVEST: harvest})

    async def harvest(self, name: str, *, whole: bool = False, confirm_run: int | None = None) -> None:
        """Harvest a system now, to the end."""
        await start(self.ground, name, whole=whole, confirm_run=confirm_run)
        await self.work()

    def later(self, **duration: float) -> None:
        """Let time go by."""
        self.clock.set(self.clock.now() + timedelta(**duration))

    async def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Look into the database."""
        async with self.ground.database.connection() as connection:
            return [tuple(row) for row in await connection.fetch(sql, *values)]

    async def run(self, name: str) -> dict[str, object]:
        """Return the last run of a system."""
        async with self.ground.database.connection() as connection:
            row = await connection.fetchrow(
                "select r.*, h.error, h.errors as in_a_row, h.until from harvest_run r join harvest h using (system)"
                " where system = $1 order by number desc limit 1",
                name,
            )
        return dict(row)

    async def shelves(self) -> list[str]:
        """Every holding as `location: copies title`, by the title's name or else its first number."""
        rows = await self.rows("""
            select h.location || ': ' || h.copies || coalesce('/' || h.available, '') || ' ' || coalesce(
                nullif(t.title, ''), (select min(ppn) from title_ppn p where p.title_id = t.id),
                (select min(isbn) from title_isbn i where i.title_id = t.id), '-')
                || case when h.loanable then '' else ' kept' end
            from holding h join title t on t.id = h.title_id order by 1""")
        return [str(row[0]) for row in rows]


HARVESTED = ("task", "title_decision", "catalogue_record", "catalogue_holding")


@asynccontextmanager
async def staged(database: Database, *locations: str, lease_seconds: float = 60) -> AsyncIterator[Stage]:
    """Set an empty stage with these locations and the system `one`."""
    await empty(database)
    async with database.transaction() as connection:
        await connection.execute("; ".join(f"delete from {table}" for table in HARVESTED))
    await add_locations(database, *locations)
    clock, systems = SetClock(START), dict[str, Scripted]()
    ground = Ground(
        database=database,
        snapshot=Snapshot(database, horizon_days=35, sweep_cache_mib=16),
        systems=Given(systems),  # type: ignore[arg-type]
        clock=clock,
        lease=timedelta(seconds=lease_seconds),
    )
    stage = Stage(replace(ground), clock, systems)
    await stage.add("one")
    yield stage
