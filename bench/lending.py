"""Measures loan requests: submitted over HTTP beside a bare insert, and placed by a worker with the fake system."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from random import Random

import asyncpg
import orjson

from app.lending.kinds import PLACE
from app.lending.place import place
from app.lending.work import work
from app.resources import open_resources
from app.settings import Settings
from app.store.systems import System, put_system
from bench.load import Load, post, run
from bench.over_http import _serving as serving  # one way to start a server, for all who measure

ROUNDS = 5
REQUESTS = 1000  # a round; of both
PLACEMENTS = 1500
UNBOUND = {"calls_per_second": 1000, "calls_at_once": 100}  # what is measured is us, not our patience with a system

TITLE = "\n## Loan requests\n"
_PART = (
    TITLE
    + """
`POST /v1/loan-requests` (titles and pickup locations as above; one process, `serve --no-worker`) beside a bare
FastAPI endpoint that inserts one row and commits, on the same database, which is durable; eight keep-alive
connections, {rounds} rounds of {requests:,} in turns. A loan request is written with its decision, first event, due
task and Idempotency-Key in one transaction. The load average was {load:.0f} on {cores} cores at the end; above 2 or
3, other programs took their part, of both alike: the ratio counts, not the rates.

| | requests/s | p50 ms | p99 ms |
|---|---:|---:|---:|
{http}

Ratio, median over the rounds: **{ratio:.2f}** (aim: 0.3).

One worker process, eight tasks at once, places {placements:,} waiting loan requests. For each it decides again,
writes down whom it is going to ask, asks, and writes down that it was placed: two transactions, none open between.

| the fake system | placements/s |
|---|---:|
| in the worker's process | {inside:,.0f} |
| over HTTP | {over_http:,.0f} |
"""
)


@dataclass(frozen=True, slots=True)
class LendingFigures:
    """Requests a second of both, by round, and placements a second."""

    submitted: tuple[Load, ...]
    bare: tuple[Load, ...]
    placed_inside: float
    placed_over_http: float

    @property
    def ratio(self) -> float:
        """The median of loan requests a second over bare inserts a second, round by round."""
        pairs = zip(self.submitted, self.bare, strict=True)
        return statistics.median(a.requests_per_second / b.requests_per_second for a, b in pairs)


async def measure(database_url: str, week: datetime, say: Callable[[str], None]) -> LendingFigures:
    """Submit in turns with the yardstick; then have what was submitted placed. Fills the database it is given."""
    loans = await _draw(database_url, week)
    rows = [post("/rows", orjson.dumps({"name": str(at), "at": week.isoformat()})) for at in range(REQUESTS)]
    environment = {**os.environ, "LEENPAD_DATABASE_URL": database_url}
    environment.pop("LEENPAD_ADMIN_KEY", None)
    rounds = []
    with (
        serving("app.commands.serve:application", "/readyz", environment) as ours,
        serving("bench.yardstick:create_app", "/ready", environment) as theirs,
    ):
        say("lending: warming up")
        await run(ours, [next(loans) for _ in range(REQUESTS)])
        await run(theirs, rows)
        for number in range(ROUNDS):
            say(f"lending: round {number + 1} of {ROUNDS}")
            mine = await run(ours, [next(loans) for _ in range(REQUESTS)])
            rounds.append((mine, await run(theirs, rows)))
    say("lending: placing")
    inside = await _place(database_url, "fake:bench")
    with serving("bench.desk:create_app", "/live", environment) as port:
        over_http = await _place(database_url, f"http://127.0.0.1:{port}")
    return LendingFigures(tuple(a for a, _ in rounds), tuple(b for _, b in rounds), inside, over_http)


async def _draw(database_url: str, week: datetime) -> Iterator[bytes]:
    connection = await asyncpg.connect(database_url)
    try:
        titles = await connection.fetch(
            "select i.isbn from title_isbn i join holding h using (title_id)"
            " group by i.isbn having count(*) between 5 and 15 order by i.isbn limit 2000"
        )
        places = await connection.fetch(
            "select id, agency from location where kind = 'location' and agency is not null order by id"
        )
    finally:
        await connection.close()
    return _submissions([row["isbn"] for row in titles], [tuple(row) for row in places], week)


def _submissions(titles: Sequence[str], places: Sequence[tuple[str, str]], week: datetime) -> Iterator[bytes]:
    """Draw loan requests without end, each with an Idempotency-Key of its own."""
    chance = Random(7)
    for number in count():
        location, agency = chance.choice(places)
        body = {
            "title": {"isbn": chance.choice(titles)},
            "pickup_location": location,
            "requested_at": (week + timedelta(seconds=chance.randrange(7 * 86400))).isoformat(),
            "requesting_agency": agency,
            "requesting_agency_request_id": f"bench-{number}",
            "patron_reference": "somebody",
        }
        head, _, rest = post("/v1/loan-requests", orjson.dumps(body)).partition(b"\r\n")
        yield head + b"\r\nIdempotency-Key: bench-%d\r\n" % number + rest


async def _place(database_url: str, address: str) -> float:
    """Have a worker place PLACEMENTS of the loan requests that wait, and return how many that was a second."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await put_system(connection, System(id="bench", kind="fake", addresses={"desk": address}, limits=UNBOUND))
        await connection.execute("update location set system = 'bench'")
        await connection.execute("update epoch set number = number + 1 where of = 'register'")
        placed = "select count(*) from placement where state = 'live'"
        before = await connection.fetchval(placed)
        async with open_resources(Settings(database_url=database_url)) as resources:
            await resources.snapshot.started()
            working = asyncio.create_task(work(resources.ground, kinds={PLACE: place}))
            begun = time.perf_counter()
            try:
                while (done := await connection.fetchval(placed) - before) < PLACEMENTS:  # noqa: ASYNC110 - counted from outside
                    await asyncio.sleep(0.1)
                seconds = time.perf_counter() - begun
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
    finally:
        await connection.close()
    return float(done / seconds)


def part(figures: LendingFigures) -> str:
    """Return the part of the page."""
    rows = (("loan requests", figures.submitted), ("bare INSERT", figures.bare))
    return _PART.format(
        rounds=ROUNDS,
        requests=REQUESTS,
        placements=PLACEMENTS,
        http="\n".join(_row(name, loads) for name, loads in rows),
        ratio=figures.ratio,
        load=os.getloadavg()[0],
        cores=os.cpu_count(),
        inside=figures.placed_inside,
        over_http=figures.placed_over_http,
    )


def _row(name: str, loads: Sequence[Load]) -> str:
    rate, p50, p99 = (
        statistics.median(values)
        for values in zip(*((load.requests_per_second, load.p50_ms, load.p99_ms) for load in loads), strict=True)
    )
    return f"| {name} | {rate:,.0f} | {p50:.2f} | {p99:.2f} |"
