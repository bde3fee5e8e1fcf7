"""`./run bench [decisions|lending|systems|forecast]`: measure on the demonstration, and write docs/benchmarks.md.

One part alone leaves what the page says of the others.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

from app.database import Database, open_database
from app.demo.make import make_demo
from app.embedded import running
from app.imports.agencies import import_agencies
from app.imports.holdings import import_holdings
from app.imports.network import import_network
from app.store.migrate import upgrade
from app.store.network_versions import find_active, get_number
from app.store.register import load_register
from app.store.timetable import as_timetable, read_content
from bench import imports
from bench.drawn import draw
from bench.engine import measure
from bench.forecast import TITLE as FORECAST_TITLE
from bench.forecast import measure as measure_forecast
from bench.forecast import part as forecast_part
from bench.lending import TITLE as LENDING_TITLE
from bench.lending import measure as measure_lending
from bench.lending import part
from bench.loading import new_version_seconds
from bench.over_http import measure_now
from bench.report import page
from bench.systems import TITLE as SYSTEMS_TITLE
from bench.systems import measure as measure_systems
from bench.systems import part as systems_part
from routing.model import Register, Timetable
from routing.network import GRID_SECONDS

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
DAY = date(2026, 11, 23)  # the demonstration is made for one day, so that every run measures the same network
REQUESTS = 2000
PARTS = ("decisions", "lending", "systems", "forecast")


def main() -> None:
    """Fill an embedded database with the demonstration, measure, and write the page."""
    wanted = sys.argv[1:] or list(PARTS)
    if not set(wanted) <= set(PARTS):
        sys.exit(f"Measure what? One of {', '.join(PARTS)}; all of them, where none is named.")
    decisions, lending, systems, forecast = _parts_of(PAGE.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="leenpad-bench-") as folder, running(Path(folder) / "data") as url:
        _say("making and importing the demonstration")
        asyncio.run(upgrade(url))
        timetable, register = asyncio.run(_fill(url, Path(folder)))
        week = _week()
        if "decisions" in wanted:
            drawn = draw(timetable, register, week=week, count=REQUESTS, size=100, seed=20261123)
            engine = measure(timetable, drawn, _say)
            _say("loading a new version")
            loaded = new_version_seconds(url, week)
            over_http = measure_now(url, week, _say)
        if "lending" in wanted:
            lending = part(asyncio.run(measure_lending(url, week, _say)))
        if "systems" in wanted:
            systems = systems_part(asyncio.run(measure_systems(url, week, _say)))
        if "forecast" in wanted:
            forecast = forecast_part(measure_forecast(timetable, DAY, _say))
        if "decisions" in wanted:  # last: it leaves the database full of titles that nobody drew
            _say("importing five million lines")
            imported = imports.measure(url)
            decisions = page(engine, loaded, over_http, imported, today=datetime.now(UTC).date())
    text = decisions + lending + systems + forecast
    PAGE.write_text(text, encoding="utf-8")
    print(text)


def _parts_of(text: str) -> tuple[str, str, str, str]:
    """Return what the page says of each part (nothing of what was never measured)."""
    text, forecast_title, forecast = text.partition(FORECAST_TITLE)
    text, systems_title, systems = text.partition(SYSTEMS_TITLE)
    decisions, title, lending = text.partition(LENDING_TITLE)
    return decisions, title + lending, systems_title + systems, forecast_title + forecast


def _week() -> datetime:
    """Return the start of the engine's window that holds DAY, so that all requests fall into one window."""
    noon = int(datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC).timestamp())
    return datetime.fromtimestamp(noon // GRID_SECONDS * GRID_SECONDS, UTC)


async def _fill(url: str, folder: Path) -> tuple[Timetable, Register]:
    files = make_demo(folder, today=DAY)
    async with open_database(url) as database:
        await import_agencies(database, files.agencies)
        with files.network.open("rb") as network:
            await import_network(database, network, activating=True)
        await import_holdings(database, files.holdings)
        return await _read(database)


async def _read(database: Database) -> tuple[Timetable, Register]:
    async with database.connection() as connection:
        await connection.execute("analyze")
        version = await find_active(connection)
        assert version is not None
        content = await read_content(connection, await get_number(connection, version))
        return as_timetable(content, version), await load_register(connection)


def _say(text: str) -> None:
    print(f"· {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
