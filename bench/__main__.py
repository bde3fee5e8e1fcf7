"""`./run bench [PART…]`: measure on the demonstration, and write docs/benchmarks.md.

One part alone leaves what the page says of the others. `./run bench choice` stands apart: it takes long, needs no
database, writes docs/choice.md, and is measured only where it is named.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
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
from bench.assign import TITLE as ASSIGN_TITLE
from bench.assign import measure as measure_assign
from bench.assign import part as assign_part
from bench.choice.measure import SEEDS
from bench.choice.measure import measure as measure_choice
from bench.choice.page import write as write_choice
from bench.choice.year import Extent
from bench.drawn import draw
from bench.engine import measure
from bench.forecast import TITLE as FORECAST_TITLE
from bench.forecast import measure as measure_forecast
from bench.forecast import part as forecast_part
from bench.lending import TITLE as LENDING_TITLE
from bench.lending import measure as measure_lending
from bench.lending import part
from bench.loading import new_version_seconds
from bench.map import TITLE as CONSOLE_TITLE
from bench.map import measure_now as measure_map
from bench.map import part as console_part
from bench.over_http import measure_now
from bench.report import page
from bench.systems import TITLE as SYSTEMS_TITLE
from bench.systems import measure as measure_systems
from bench.systems import part as systems_part
from bench.whatif import TITLE as WHATIF_TITLE
from bench.whatif import measure as measure_whatif
from bench.whatif import part as whatif_part
from routing.model import Register, Timetable
from routing.network import GRID_SECONDS

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
DAY = date(2026, 11, 23)  # the demonstration is made for one day, so that every run measures the same network
REQUESTS = 2000
# In the order of the page. The first is what stands above all titles.
TITLES = {
    "decisions": "",
    "lending": LENDING_TITLE,
    "systems": SYSTEMS_TITLE,
    "console": CONSOLE_TITLE,
    "forecast": FORECAST_TITLE,
    "whatif": WHATIF_TITLE,
    "assign": ASSIGN_TITLE,
}
CHOICE = "choice"


def main() -> None:
    """Fill an embedded database with the demonstration, measure, and write the page."""
    wanted = sys.argv[1:] or list(TITLES)
    if not set(wanted) <= {*TITLES, CHOICE}:
        sys.exit(f"Measure what? One of {', '.join(TITLES)}; all of them, where none is named. Or {CHOICE}.")
    if CHOICE in wanted:
        print(write_choice(measure_choice(Extent(), SEEDS, _say), keep=True))
    if wanted != [CHOICE]:
        _measure(wanted)


def _measure(wanted: Sequence[str]) -> None:
    """Measure parts of docs/benchmarks.md."""
    parts = _parts_of(PAGE.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="leenpad-bench-") as folder, running(Path(folder) / "data") as url:
        _say("making and importing the demonstration")
        asyncio.run(upgrade(url))
        timetable, register = asyncio.run(_fill(url, Path(folder)))
        week = _week()
        if "console" in wanted and (drawn_map := measure_map(url, _say)) is not None:
            parts["console"] = console_part(drawn_map)
        if "forecast" in wanted:
            parts["forecast"] = forecast_part(measure_forecast(timetable, DAY, _say))
        if "whatif" in wanted:
            parts["whatif"] = whatif_part(measure_whatif(url, _say))
        if "assign" in wanted:
            morning = datetime(DAY.year, DAY.month, DAY.day, 8, tzinfo=UTC)
            parts["assign"] = assign_part(measure_assign(timetable, register, morning, _say))
        if "decisions" in wanted:
            drawn = draw(timetable, register, week=week, count=REQUESTS, size=100, seed=20261123)
            engine = measure(timetable, drawn, _say)
            _say("loading a new version")
            loaded = new_version_seconds(url, week)
            over_http = measure_now(url, week, _say)
        if "lending" in wanted:
            parts["lending"] = part(asyncio.run(measure_lending(url, week, _say)))
        if "systems" in wanted:
            parts["systems"] = systems_part(asyncio.run(measure_systems(url, week, _say)))
        if "decisions" in wanted:  # last: it leaves the database full of titles that nobody drew
            _say("importing five million lines")
            imported = imports.measure(url)
            parts["decisions"] = page(engine, loaded, over_http, imported, today=datetime.now(UTC).date())
    text = "".join(parts[name] for name in TITLES)
    PAGE.write_text(text, encoding="utf-8")
    print(text)


def _parts_of(text: str) -> dict[str, str]:
    """Return what the page says of each part; nothing of what was never measured."""
    begins = {name: text.find(title) for name, title in TITLES.items()}
    found = sorted((at, name) for name, at in begins.items() if at >= 0)
    ends = [at for at, _ in found[1:]] + [len(text)]
    parts = dict.fromkeys(TITLES, "")
    for (at, name), end in zip(found, ends, strict=True):
        parts[name] = text[at:end]
    return parts


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
