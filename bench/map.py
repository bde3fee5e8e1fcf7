"""Measures how soon the map is ready in a headless Chromium, on the demonstration network, as a planner opens it."""

from __future__ import annotations

import asyncio
import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg
from playwright.async_api import Browser

from bench.over_http import _serving as serving
from tests.support.browser import find_chromium, open_browser

ROUNDS = 7
AIM_MS = 2000
SIZE = {"width": 1280, "height": 800}
READY = "() => document.querySelector('#map')?.dataset.ready"

TITLE = "\n## The console\n"
_PART = (
    TITLE
    + """
The map at `/console/map` in a headless Chromium on the same machine: {locations:,} locations, {routes} routes
(those of the demonstration, of which the busiest are split in two, so that there are as many). Counted from the start
of the navigation until everything is drawn and can be clicked; a new browser profile each time, so that nothing is
kept; {rounds} rounds, one process serving. The load average was {load:.1f} on {cores} cores at the end; above 2,
other programs took their part.

| the map | median ms | slowest ms | aim ms |
|---|---:|---:|---:|
| first time in this process | {first:,.0f} | {first:,.0f} | |
| ready | {median:,.0f} | {slowest:,.0f} | {aim:,} |
| opened again in the same browser | {again:,.0f} | {again_slowest:,.0f} | |

The document that it draws is {plain:.0f} KiB, of which {packed:.0f} KiB travel. The aim is {met}.
"""
)


ROUTES = 220
# Every second trip of the routes with the most goes to a new one; `0` is how many there are to be.
_SPLIT = """
with wanted as (
  select version, route, row_number() over (order by count(*) desc, route) as rank,
         (select count(*) from timetable_route had where had.version = trip.version) as had
    from timetable_trip trip where version = (select max(number) from network_version)
   group by version, route having count(*) > 1),
 made as (
  insert into timetable_route (version, position, id, operator, short_name, long_name, route_type)
  select old.version, had + rank - 1, old.id || '-b', operator, short_name, long_name || ' b', route_type
    from wanted join timetable_route old on old.version = wanted.version and old.position = wanted.route
   where rank <= $1 - had returning version, position, id),
 moved as (
  update timetable_trip trip set route = made.position
    from made join timetable_route old on old.version = made.version and old.id || '-b' = made.id
   where trip.version = made.version and trip.route = old.position and trip.position % 2 = 1 returning 1)
update network_version set counts = jsonb_set(counts::jsonb, '{routes}', to_jsonb(had + (select count(*) from made)))
  from (select distinct version, had from wanted) split where number = split.version
"""


@dataclass(frozen=True, slots=True)
class MapFigures:
    """Milliseconds until the map was ready: the very first time, in new profiles, and opened again; and its size."""

    locations: int
    routes: int
    first: float
    fresh: tuple[float, ...]
    again: tuple[float, ...]
    plain_bytes: int
    packed_bytes: int


async def measure(database_url: str, say: Callable[[str], None]) -> MapFigures | None:
    """Serve the console in open mode and open the map; None where no Chromium runs."""
    chromium = find_chromium()
    if chromium is None:
        say("console: no Chromium runs here")
        return None
    environment = {**os.environ, "LEENPAD_DATABASE_URL": database_url}
    environment.pop("LEENPAD_ADMIN_KEY", None)
    await _split(database_url)
    locations, routes = await _size(database_url)
    with serving("app.commands.serve:application", "/readyz", environment) as port:
        address = f"http://127.0.0.1:{port}/console/map"
        async with open_browser(chromium) as browser:
            say("console: opening the map")
            first, *_ = await _open(browser, address)
            rounds = [await _open(browser, address, twice=True) for _ in range(ROUNDS)]
            plain, packed = await _weigh(browser, address)
    return MapFigures(
        locations, routes, first, tuple(r[0] for r in rounds), tuple(r[1] for r in rounds), plain, packed
    )


async def _open(browser: Browser, address: str, *, twice: bool = False) -> list[float]:
    """Return how many milliseconds after its start each visit of a new profile found the map ready."""
    context = await browser.new_context(viewport=SIZE)  # type: ignore[arg-type] # its own type is not exported
    page = await context.new_page()
    found = []
    for _ in range(2 if twice else 1):
        await page.goto("about:blank")
        await page.goto(address, wait_until="commit")
        ready = await page.wait_for_function(READY)
        found.append(float(await ready.json_value()))  # of performance.now(): since the navigation began
    await context.close()
    return found


async def _weigh(browser: Browser, address: str) -> tuple[int, int]:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(address)
    await page.wait_for_function(READY)
    sizes = await page.evaluate(
        "() => performance.getEntriesByType('resource').filter(one => one.name.includes('/map/document'))"
        ".map(one => [one.decodedBodySize, one.encodedBodySize])"
    )
    await context.close()
    return max(plain for plain, _ in sizes), max(packed for _, packed in sizes)


async def _split(database_url: str) -> None:
    """Have as many routes as the Dutch network, where the demonstration has fewer; no trip is changed otherwise."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(_SPLIT, ROUTES)
    finally:
        await connection.close()


async def _size(database_url: str) -> tuple[int, int]:
    connection = await asyncpg.connect(database_url)
    try:
        locations = await connection.fetchval("select count(*) from location")
        routes = await connection.fetchval(
            "select (counts ->> 'routes')::int from network_version order by number desc limit 1"
        )
        return locations, routes
    finally:
        await connection.close()


def part(figures: MapFigures) -> str:
    """Return the part of the page."""
    median = statistics.median(figures.fresh)
    return _PART.format(
        locations=figures.locations,
        routes=figures.routes,
        rounds=ROUNDS,
        load=os.getloadavg()[0],
        cores=os.cpu_count(),
        first=figures.first,
        median=median,
        slowest=max(figures.fresh),
        again=statistics.median(figures.again),
        again_slowest=max(figures.again),
        aim=AIM_MS,
        plain=figures.plain_bytes / 1024,
        packed=figures.packed_bytes / 1024,
        met="met" if max(figures.fresh) < AIM_MS else "**not** met",
    )


def measure_now(database_url: str, say: Callable[[str], None]) -> MapFigures | None:
    """Run `measure` to its end."""
    return asyncio.run(measure(database_url, say))
