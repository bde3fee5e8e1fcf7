"""Measures what library systems cost: asking them in a decision, and harvesting each by its own protocol."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from random import Random

import asyncpg
import orjson

from adapters import SYSTEMS
from adapters.emulators.kinds import EMULATORS
from adapters.installation import Installation, Limits
from app.database import open_database
from bench.harvest import HarvestFigures
from bench.harvest import measure as measure_harvest
from bench.load import Load, post, run
from bench.over_http import _draw as draw
from bench.over_http import _question as question
from bench.over_http import _serving as serving

ANSWER_MS = 50
SLOW_MS = 3000
FEW, MANY = 10, 200
DEAD = SLOW = 20
REQUESTS = 1000
CONNECTIONS = 16
WORKS = 5000
PATIENT = {"calls_per_second": 1000, "calls_at_once": 100}

TITLE = "\n## Library systems\n"
_PART = (
    TITLE
    + """
`POST /v1/decisions` with live availability, titles and pickup locations as above, {connections} keep-alive
connections and {requests:,} requests where the row says nothing else (of 50 requests the p99 is the slowest),
one process, nothing kept from one request to the next. The systems answer from a process of their own on the same
machine, which had a load average of {load:.0f} on {cores} cores at the end.

| systems | decisions/s | p50 ms | p99 ms |
|---|---:|---:|---:|
{live}

The deadline is 800 ms. Those that are dead do not take connections, or take them and never answer; those that are
slow answer after {slow} s. A title of these is asked about in every system.

Harvests end to end: an emulated system in a process of its own, its adapter, the task, PostgreSQL (durable). Emulator
and harvest share the cores.

| run | records | holdings | seconds | records/s | holdings/s | rows/s |
|---|---:|---:|---:|---:|---:|---:|
{harvests}
"""
)


@dataclass(frozen=True, slots=True)
class SystemFigures:
    """Decisions by what the systems are like, and harvests by system."""

    live: tuple[tuple[str, Load], ...]
    harvests: tuple[HarvestFigures, ...]


async def measure(database_url: str, week: datetime, say: Callable[[str], None]) -> SystemFigures:
    """Ask few systems that answer, and many of which some do not; then harvest. Changes the database it is given."""
    environment = {**os.environ, "LEENPAD_DATABASE_URL": database_url}
    environment.pop("LEENPAD_ADMIN_KEY", None)
    chance = Random(11)
    titles, pickups, _ = await draw(database_url, chance)
    asked = [post("/v1/decisions", question(chance, titles, pickups, week)) for _ in range(REQUESTS)]
    with _shelves() as port, _black_hole() as hole, serving("bench.shelf:create_app", "/readyz", environment) as ours:
        say("systems: deciding without asking any")
        none = await _decide(ours, asked)
        await _reach(database_url, [f"http://127.0.0.1:{port}/in/{ANSWER_MS}/"] * FEW, titles=None)
        say(f"systems: deciding with {FEW} that answer in {ANSWER_MS} ms")
        few = await _decide(ours, asked)
        dead = [f"http://127.0.0.1:{hole}/", "http://127.0.0.1:9/"] * (DEAD // 2)
        slow = [f"http://127.0.0.1:{port}/in/{SLOW_MS}/"] * SLOW
        well = [f"http://127.0.0.1:{port}/in/{ANSWER_MS}/"] * (MANY - DEAD - SLOW)
        held = titles[:20]
        await _reach(database_url, [*dead, *slow, *well], titles=held)
        everywhere = [post("/v1/decisions", question(chance, held, pickups, week)) for _ in range(REQUESTS // 5)]
        say(f"systems: deciding with {MANY}, of which {DEAD} are dead and {SLOW} slow")
        one = await _decide(ours, everywhere[::4], connections=1)
        many = await _decide(ours, everywhere, connections=4)
    live = (
        ("none asked", none),
        (f"{FEW} that answer in {ANSWER_MS} ms", few),
        (f"{MANY}, {DEAD} of them dead and {SLOW} slow; 1 connection, {len(everywhere[::4])} requests", one),
        (f"the same; 4 connections, {len(everywhere)} requests", many),
    )
    return SystemFigures(live, tuple([await _harvest(database_url, kind, say) for kind in EMULATORS]))


async def _decide(port: int, requests: Sequence[bytes], *, connections: int = CONNECTIONS) -> Load:
    return await run(port, requests, connections=connections)


async def _reach(database_url: str, addresses: Sequence[str], *, titles: Sequence[str] | None) -> None:
    """Make a system of each address, and share the locations out among them; `titles` then stand in every system."""
    connection = await asyncpg.connect(database_url)
    try:
        places = [
            row["id"]
            for row in await connection.fetch("select id from location where kind = 'location' order by md5(id)")
        ]
        async with connection.transaction():
            for number, address in enumerate(addresses):
                mine = places[number :: len(addresses)]
                await connection.execute(
                    "insert into system (id, kind, addresses, branches, limits) values ($1, 'shelf', $2, $3, $4)"
                    " on conflict (id) do update set addresses = excluded.addresses, branches = excluded.branches,"
                    " version = system.version + 1",
                    f"shelf-{number}",
                    orjson.dumps({"at": address}).decode(),
                    orjson.dumps({place: place for place in mine}).decode(),
                    orjson.dumps(PATIENT).decode(),
                )
                await connection.execute(
                    "update location set system = $1 where id = any($2::text[])", f"shelf-{number}", mine
                )
            if titles is not None:
                await connection.execute(
                    "insert into holding (location, title_id, copies, available, material, loanable)"
                    " select location, title_id, 1, 1, 'book', true"
                    " from unnest($1::text[]) location, title_isbn where isbn = any($2::text[])"
                    " on conflict do nothing",
                    *(places[: len(addresses)], list(titles)),
                )
            await connection.execute("update epoch set number = number + 1 where of = 'register'")
    finally:
        await connection.close()


async def _harvest(database_url: str, kind: str, say: Callable[[str], None]) -> HarvestFigures:
    say(f"systems: harvesting an emulated {kind}")
    with _process("bench.emulated", kind, str(WORKS)) as line:
        reached = orjson.loads(line)
        installation = Installation(
            **reached, limits=Limits(deadline_seconds=20.0, answer_bytes=64 * 2**20, calls_per_second=1000)
        )
        system = SYSTEMS[kind].open(installation)
        name = f"harvested-{kind}"
        try:
            async with open_database(database_url) as database:
                async with database.transaction() as connection:
                    await connection.execute("insert into system (id, kind) values ($1, $2)", name, kind)
                    await connection.execute(
                        "insert into location (id, name) select id, id from unnest($1::text[]) id"
                        " on conflict do nothing",
                        list(reached["branches"].values()),
                    )
                return await measure_harvest(database, kind, name, system, whole=True)
        finally:
            await system.close()


@contextmanager
def _process(*module: str) -> Iterator[str]:
    """Run a module until the block ends, and yield the first line that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", *module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline()
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _shelves() -> Iterator[int]:
    with _process("bench.shelf") as line:
        yield int(line)


@contextmanager
def _black_hole() -> Iterator[int]:
    """Yield the port of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as server:
        yield server.getsockname()[1]


def part(figures: SystemFigures) -> str:
    """Return the part of the page."""
    return _PART.format(
        connections=CONNECTIONS,
        requests=REQUESTS,
        load=os.getloadavg()[0],
        cores=os.cpu_count(),
        slow=SLOW_MS // 1000,
        live="\n".join(
            f"| {name} | {load.requests_per_second:,.0f} | {load.p50_ms:.0f} | {load.p99_ms:.0f} |"
            for name, load in figures.live
        ),
        harvests="\n".join(map(str, figures.harvests)),
    )
