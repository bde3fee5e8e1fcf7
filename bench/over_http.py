"""Measures POST /v1/decisions over HTTP beside a bare FastAPI endpoint on the same database, turn and turn about."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from urllib.request import urlopen

import asyncpg
import orjson

from bench.load import Load, get, post, run

ROUNDS = 5
REQUESTS = 4000
TITLES = 2000


@dataclass(frozen=True, slots=True)
class HttpFigures:
    """Requests a second of both, by round, and how many holders a title had."""

    decisions: tuple[Load, ...]
    bare: tuple[Load, ...]
    holders_mean: float

    @property
    def ratios(self) -> tuple[float, ...]:
        """Decisions a second over bare requests a second, round by round."""
        pairs = zip(self.decisions, self.bare, strict=True)
        return tuple(a.requests_per_second / b.requests_per_second for a, b in pairs)

    @property
    def ratio(self) -> float:
        """The median of all rounds' ratios."""
        return statistics.median(self.ratios)


async def measure(database_url: str, week: datetime, say: Callable[[str], None]) -> HttpFigures:
    """Serve both applications, one process each, and send both the same number of requests in turns."""
    chance = Random(5)
    titles, pickups, holders = await _draw(database_url, chance)
    decisions = [post("/v1/decisions", _question(chance, titles, pickups, week)) for _ in range(REQUESTS)]
    bare = [get(f"/titles/{chance.choice(titles)}") for _ in range(REQUESTS)]
    environment = {**os.environ, "LEENPAD_DATABASE_URL": database_url}
    environment.pop("LEENPAD_ADMIN_KEY", None)
    with (
        _serving("app.commands.serve:application", "/readyz", environment) as ours,
        _serving("bench.bare:create_app", "/titles/0", environment) as theirs,
    ):
        say("http: warming up")
        await run(ours, decisions)
        await run(theirs, bare)
        rounds = []
        for number in range(ROUNDS):
            say(f"http: round {number + 1} of {ROUNDS}")
            rounds.append((await run(ours, decisions), await run(theirs, bare)))
    return HttpFigures(tuple(a for a, _ in rounds), tuple(b for _, b in rounds), holders)


async def _draw(database_url: str, chance: Random) -> tuple[list[str], list[str], float]:
    """Titles with 5 to 15 holders, as many of each number, so ten on average; and the pickup locations."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "select i.isbn, count(*) as holders from title_isbn i join holding h using (title_id)"
            " group by i.isbn having count(*) between 5 and 15 order by i.isbn"
        )
        places = await connection.fetch("select id from location where kind = 'location' order by id")
    finally:
        await connection.close()
    by_holders: dict[int, list[str]] = {}
    for row in rows:
        by_holders.setdefault(row["holders"], []).append(row["isbn"])
    numbers = [chance.choice(sorted(by_holders)) for _ in range(TITLES)]
    titles = [chance.choice(by_holders[number]) for number in numbers]
    return titles, [row["id"] for row in places], statistics.fmean(numbers)


def _question(chance: Random, titles: Sequence[str], pickups: Sequence[str], week: datetime) -> bytes:
    asked = week + timedelta(seconds=chance.randrange(7 * 86400))
    return orjson.dumps(
        {
            "title": {"isbn": chance.choice(titles)},
            "pickup_location": chance.choice(pickups),
            "requested_at": asked.isoformat(),
            "objective": "fastest",
            "limit": 10,
        }
    )


@contextmanager
def _serving(factory: str, ready: str, environment: dict[str, str]) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "uvicorn", factory, "--factory", "--port", str(port)]
    command += ["--log-level", "warning", "--no-access-log"]
    process = subprocess.Popen(command, env=environment)
    try:
        _wait(f"http://127.0.0.1:{port}{ready}", process)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            with urlopen(address, timeout=2):
                return
        except OSError:
            if time.monotonic() > end or process.poll() is not None:
                raise RuntimeError(f"{address} does not answer") from None
            time.sleep(0.1)


def measure_now(database_url: str, week: datetime, say: Callable[[str], None]) -> HttpFigures:
    """Run `measure` to its end."""
    return asyncio.run(measure(database_url, week, say))
