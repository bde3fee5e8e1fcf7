"""The map in a browser: found, filtered, looked at and shared; and the way of an item on it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.console.conftest import NARROW, WIDE, Watched, watched
from tests.support.filled import run_sql
from tests.support.house import House, open_house
from tests.support.serving import listening_for

pytestmark = pytest.mark.once

PLACED = """
update location set lat = place.lat, lon = place.lon
  from (values ('desk', 52.99, 6.56), ('branch', 52.78, 6.89), ('far', 51.59, 4.78), ('H', 52.72, 6.48),
               ('N', 52.09, 5.12)) place (id, lat, lon)
 where location.id = place.id;
update epoch set number = number + 1 where of = 'register';
delete from task; delete from loan_request;
"""


@pytest.fixture
async def house(filled: str) -> AsyncIterator[House]:
    """The small network with its locations on the map, under a clock that stands still."""
    await run_sql(filled, PLACED)
    async with open_house(Settings(database_url=filled)) as opened:
        yield opened


async def ready(seen: Watched) -> None:
    await seen.page.wait_for_selector("#map[data-ready]")


async def listed(seen: Watched) -> list[str]:
    rows = seen.page.locator("#map-locations button")
    return [str(place) for place in await rows.evaluate_all("all => all.map(one => one.dataset.location)")]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_planner_finds_a_location_and_a_route_by_the_keyboard(house: House, size: tuple[int, int]) -> None:
    loan = await house.asked()
    await house.acted(loan, "Loaned")
    async with listening_for(house.app, lifespan="off") as url, watched(url, size) as seen:
        page, panel = seen.page, seen.page.locator("#map-panel")
        await seen.open("/console/map")
        await ready(seen)
        assert len(await listed(seen)) == 7
        assert await page.get_by_text("@svg-maps/netherlands, CC BY 4.0").is_visible()
        assert await page.locator(".map-provinces path").count() == 12
        await seen.is_sound()

        await page.get_by_label("Zoek een vestiging").fill("BRAN")
        assert await listed(seen) == ["branch"]
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await panel.get_by_role("heading", name="Branch").wait_for()
        assert await page.evaluate("document.activeElement.textContent") == "Branch"
        said = await panel.inner_text()
        for told in ("V1 vans", "v1-out", "09:00", "onderweg", "hiervandaan"):
            assert told in said, told
        await seen.is_sound()

        await panel.get_by_role("button", name="Route V1").first.click()
        await panel.get_by_role("heading", name="Route V1").wait_for()
        said = await panel.inner_text()
        assert "09:00" in said
        assert "ma di wo do vr" in said
        assert "Totaal" in said
        assert "route=V1" in page.url
        await seen.is_sound()


async def test_filters_stand_in_the_address_and_a_shared_address_shows_the_same(house: House) -> None:
    async with listening_for(house.app, lifespan="off") as url, watched(url) as seen:
        await seen.open("/console/map")
        await ready(seen)
        await seen.page.get_by_label("Provincie").select_option("NB")
        assert await listed(seen) == ["far", "island"]
        await seen.page.get_by_label("Weekdag").select_option("2")
        assert await listed(seen) == ["far"]
        address = seen.page.url.removeprefix(url)
        assert address == "/console/map?province=NB&weekday=2"
        await seen.open(f"{address}&location=far")
        await ready(seen)
        assert await listed(seen) == ["far"]
        await seen.page.get_by_role("heading", name="Far away").wait_for()
        await seen.page.get_by_label("Weekdag").select_option("6")
        assert await listed(seen) == []
        await seen.page.get_by_label("Weekdag").select_option("")
        await seen.page.get_by_label("Provincie").select_option("")
        await seen.page.get_by_label("Vervoerder").select_option(label="L vans")
        assert await listed(seen) == ["H", "N"]
        await seen.is_sound()


async def test_whoever_clicks_on_the_map_gets_what_is_there(house: House) -> None:
    async with listening_for(house.app, lifespan="off") as url, watched(url) as seen:
        await seen.open("/console/map")
        await ready(seen)
        # The box of the map is that of the outline; where the National hub lies in it, by Mercator.
        box = await seen.page.locator("#map").bounding_box()
        assert box is not None
        spot = await seen.page.evaluate(
            """() => {
              const box = document.querySelector('.map-provinces').getBoundingClientRect();
              const y = lat => Math.log(Math.tan(Math.PI / 4 + lat * Math.PI / 360));
              const across = (5.12 - 3.359351) / (7.228513 - 3.359351);
              const down = (y(53.558092) - y(52.09)) / (y(53.558092) - y(50.749911));
              return [box.x + across * box.width, box.y + down * box.height];
            }"""
        )
        await seen.page.mouse.click(*spot)
        await seen.page.get_by_role("heading", name="National hub").wait_for()
        assert "location=N" in seen.page.url


async def test_the_way_of_a_loan_request_is_drawn_with_where_it_is_now(house: House) -> None:
    loan = await house.asked(requesting_agency_request_id="2026-7")
    await house.acted(loan, "Loaned")
    await house.later(hours=1.5)
    async with listening_for(house.app, lifespan="off") as url, watched(url, NARROW) as seen:
        await seen.open(f"/console/map?loan={loan}")
        await ready(seen)
        panel = seen.page.locator("#map-panel")
        await panel.get_by_role("heading", name="De reisweg van leenverzoek 2026-7").wait_for()
        assert "op rit v1-out, van Branch naar Hub" in await panel.inner_text()
        assert await seen.page.get_by_text("Nu onderweg").is_visible()
        await seen.is_sound()
        way = json.loads(await seen.page.locator("#map").get_attribute("data-way") or "")
        assert [leg["trip_id"] for leg in way["parts"][0]["legs"]] == ["v1-out", "v1-in"]


async def test_without_a_network_there_is_nothing_to_draw(filled: str) -> None:
    await run_sql(filled, "update network_activation set undone_at = now()")
    try:
        async with open_house(Settings(database_url=filled)) as house:
            answer = await house.client.get("/console/map")
    finally:
        await run_sql(filled, "update network_activation set undone_at = null")
    assert answer.status_code == 200
    assert "Er is nog geen netwerk actief" in answer.text
