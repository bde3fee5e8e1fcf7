"""Names that hold HTML are shown as they are written: whoever imports a register or a network draws no page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from app.console.assets import STATIC
from app.settings import Settings
from tests.console.conftest import Watched, watched
from tests.console.test_map import PLACED, ready
from tests.support.filled import run_sql
from tests.support.house import House, open_house
from tests.support.serving import listening_for

pytestmark = pytest.mark.once

HOSTILE = "<b id=pwned>P</b>"
NAMED = f"""
update location set name = '{HOSTILE}' || id;
update title set title = '{HOSTILE}';
update poi set name = '{HOSTILE}' || code;
update agency set name = '{HOSTILE}' || isil;
update timetable_route set short_name = '{HOSTILE}', long_name = '{HOSTILE}';
update timetable_trip set headsign = '{HOSTILE}', short_name = '{HOSTILE}';
update timetable_operator set name = '{HOSTILE}';
update epoch set number = number + 1
"""
# How a script makes elements of text. What it hands to htmx is a page of ours.
MAKES_ELEMENTS = re.compile(
    r"\.(?:inner|outer)HTML\b|insertAdjacentHTML|createContextualFragment|document\.write|setHTML"
    r"|bind(?:Tooltip|Popup)\((?!(?:\(layer\) => )?element\()|\bset(?:Content|Tooltip|Popup)"
)


@pytest.fixture
async def house(filled: str) -> AsyncIterator[House]:
    await run_sql(filled, f"{PLACED}; {NAMED}")
    async with open_house(Settings(database_url=filled)) as opened:
        yield opened


async def test_no_name_becomes_an_element_of_a_page(house: House) -> None:
    client = house.client
    loan = await house.asked(requesting_agency_request_id=HOSTILE)
    await house.acted(loan, "Loaned", note=HOSTILE)
    draft = (await client.post("/v1/network/drafts", json={"name": HOSTILE})).json()["id"]
    told = {"trip_id": "v1-in", "service_date": "2026-11-23", "delay_seconds": 600, "note": HOSTILE}
    assert (await client.post("/v1/trips/changes", json=told)).status_code < 300
    assert (await client.post("/v1/suspensions", json={"route": "V2", "note": HOSTILE})).status_code == 201
    async with listening_for(house.app, lifespan="off") as url, watched(url) as seen:
        for path in (
            "map?location=N",
            "map?route=V1",
            f"map?loan={loan}",
            "loans",
            f"loans/{loan}",
            "decisions?q=9780306406157&pickup_location=desk",
            "timetable",
            f"timetable/drafts/{draft}",
            f"timetable/drafts/{draft}/route?route=V1",
            f"timetable/drafts/{draft}/calendar",
            "suspensions",
            "day",
            "day/trip?trip=v1-in&date=2026-11-23",
            "run-sheet?trip=v1-in&date=2026-11-23",
            "load",
            "changes",
        ):
            await seen.open(f"/console/{path}")
            if path.startswith("map"):
                await ready(seen)
            said = await seen.page.locator("body").inner_text() + await seen.page.content()  # also what fields hold
            assert HOSTILE in said, path
            assert await seen.page.locator("#pwned").count() == 0, path
            assert seen.said == [], path


async def test_the_map_says_names_as_they_are_written(house: House) -> None:
    async with listening_for(house.app, lifespan="off") as url, watched(url) as seen:
        await seen.open("/console/map")
        await ready(seen)
        # On the National hub, and on the line from there to the Hub.
        for where, said in (((52.09, 5.12), f"{HOSTILE}N · N"), ((52.405, 5.8), f"{HOSTILE} {HOSTILE}")):
            await seen.page.mouse.move(*await spot(seen, *where))
            tooltip = seen.page.locator(".leaflet-tooltip")
            await tooltip.wait_for()
            assert said in await tooltip.inner_text()
            assert await seen.page.locator("#pwned").count() == 0
            await seen.page.mouse.move(1, 1)
            await tooltip.wait_for(state="detached")


async def spot(seen: Watched, latitude: float, longitude: float) -> list[float]:
    """Where on the page a place on earth lies: the box of the outline is known, and it is drawn by Mercator."""
    found: list[float] = await seen.page.evaluate(
        """([latitude, longitude]) => {
          const box = document.querySelector('.map-provinces').getBoundingClientRect();
          const y = (lat) => Math.log(Math.tan(Math.PI / 4 + lat * Math.PI / 360));
          const across = (longitude - 3.359351) / (7.228513 - 3.359351);
          const down = (y(53.558092) - y(latitude)) / (y(53.558092) - y(50.749911));
          return [box.x + across * box.width, box.y + down * box.height];
        }""",
        [latitude, longitude],
    )
    return found


def test_no_script_makes_elements_of_text() -> None:
    made = [
        f"{file.name}: {line.strip()}"
        for file in sorted(STATIC.glob("*.js"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if MAKES_ELEMENTS.search(line)
    ]
    assert made == []
