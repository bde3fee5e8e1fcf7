"""A planner builds a scenario, follows it to its end, and takes the result along; another is cancelled."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from playwright.async_api import Route

from app.console.what_if import MEASURES, _aloud, _rows, _written
from app.console.words import Writing, speak
from app.main import create_app
from app.settings import Settings
from tests.console.conftest import NARROW, WIDE, watched
from tests.support.serving import listening_for

pytestmark = pytest.mark.once

SCENARIO: dict[str, Any] = {
    "name": "Zonder V1",
    "changes": [{"kind": "drop_route", "route": "V1"}],
    "demand": {"kind": "generated", "since": "2026-11-23", "until": "2026-11-30", "requests": 300, "seed": 1},
}


@pytest.fixture
async def working_url(filled: str) -> AsyncIterator[str]:
    """A console in open mode, that carries out tasks too."""
    async with listening_for(create_app(Settings(database_url=filled), working=True)) as url:
        yield url


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_planner_runs_a_what_if_to_its_end(working_url: str, size: tuple[int, int]) -> None:
    async with watched(working_url, size) as seen:
        page = seen.page
        page.on("dialog", lambda dialog: dialog.accept())
        await seen.open("/console/what-if")
        await page.get_by_role("link", name="Nieuw scenario").click()
        await page.get_by_label("Naam", exact=True).fill("Zonder V1, met lijnrit")
        await page.get_by_label("Soort wijziging").select_option("drop_route")
        await page.get_by_role("button", name="Wijziging toevoegen").click()
        await page.get_by_label("Route", exact=True).fill("nergens")
        await page.get_by_label("Soort wijziging").select_option("line_haul")
        await page.get_by_role("button", name="Wijziging toevoegen").click()
        await page.get_by_label("Van hub").fill("H")
        await page.get_by_label("Naar hub").fill("N")
        await page.get_by_label("Vertrek").fill("12:00")
        await page.get_by_label("Minuten", exact=True).fill("90")
        await page.get_by_label("Soort wijziging").select_option("policy")
        await page.get_by_role("button", name="Wijziging toevoegen").click()
        await page.get_by_label("Eigen provincie eerst").wait_for()
        assert await page.get_by_label("Centen per overslag").count() == 1
        assert await page.get_by_label("Vervoerder").count() == 1
        await seen.is_sound()
        await page.get_by_role("button", name="Weghalen").last.click()
        await page.get_by_label("Eigen provincie eerst").wait_for(state="detached")
        await page.get_by_label("Vanaf").fill("2026-11-23")
        await page.get_by_label("Tot (niet").fill("2026-11-30")
        await page.get_by_label("Aantal, als").fill("300")
        await page.get_by_role("button", name="Doorrekenen").click()
        await page.get_by_text("No trip of a route nergens").wait_for()
        await page.get_by_label("Route", exact=True).fill("V1")
        await page.get_by_role("button", name="Doorrekenen").click()
        await page.get_by_role("heading", name="Nu en straks naast elkaar").wait_for(timeout=60_000)
        await page.locator("#turnaround canvas").wait_for()
        row = page.get_by_role("row", name="Niet geleverd")
        assert "slechter" in await row.inner_text()
        assert "procentpunt" in await page.get_by_role("row", name="Binnen 7 dagen").inner_text()
        cost = await page.get_by_role("row", name="Kosten volgens tarief").inner_text()
        assert "beter" not in cost, "fewer are delivered"
        assert "per exemplaar" in cost
        assert await page.get_by_text("niet meer bereikbaar").count() >= 2
        assert await page.get_by_role("rowheader", name="Desk desk").count() == 1
        assert await page.get_by_role("heading", name="Wie het meest verliest").count() == 1
        await page.get_by_text("Dezelfde verdeling als tabel").click()
        await seen.is_sound()
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name="Alle maten").click()
        file = await (await downloading.value).path()
        assert file.read_text().startswith("measure,base,changed,difference")
        address = page.url
        await seen.open("/console/what-if")
        listed = page.get_by_role("link", name="Zonder V1, met lijnrit").first
        assert address.endswith(str(await listed.get_attribute("href")))
        await seen.is_sound()
        await page.goto(address)
        await page.get_by_role("button", name="Verwijderen").click()
        await page.get_by_role("heading", name="Wat-als").wait_for()


async def test_one_that_waits_shows_how_far_it_is_and_can_be_cancelled(base_url: str) -> None:
    async with watched(base_url) as seen:
        page = seen.page
        await seen.open("/console/what-if/new")
        await page.get_by_label("Naam", exact=True).fill("Wacht")
        await page.get_by_label("Soort wijziging").select_option("hub_handling")
        await page.get_by_role("button", name="Wijziging toevoegen").click()
        await page.get_by_label("Minuten", exact=True).fill("5")
        await page.get_by_role("button", name="Doorrekenen").click()
        await page.get_by_role("progressbar", name="Hoe ver het scenario is").wait_for()
        await seen.is_sound()
        await page.get_by_role("button", name="Afbreken").click()
        await page.get_by_text("afgebroken voor het klaar was").wait_for()


LARGE = "[[12, 24, 36], [130000, 30000, 4], [5, 30000, 129999]]"
WRITTEN = """
window.written = [];
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, ...rest) {
  if (this.textAlign === "right") window.written.push([text, x - this.measureText(text).width]);
  return write.call(this, text, x, ...rest);
};
"""


async def test_the_axis_of_the_chart_has_room_for_large_numbers(working_url: str) -> None:
    async with watched(working_url) as seen:
        page = seen.page
        async with httpx.AsyncClient(base_url=working_url) as client:
            made = await client.post("/v1/scenarios", json=SCENARIO)
            address = f"/console/what-if/{made.json()['id']}"

            async def instead(route: Route) -> None:
                answer = await route.fetch()
                data = f'data-columns="{LARGE}"'
                await route.fulfill(response=answer, body=re.sub('data-columns="[^"]*"', data, await answer.text()))

            await seen.open(address)
            await page.get_by_role("heading", name="Nu en straks naast elkaar").wait_for(timeout=60_000)
            await page.add_init_script(WRITTEN)
            await page.route(f"**{address}", instead)
            await page.goto(f"{working_url}{address}")
            await page.locator("#turnaround canvas").wait_for()
            await page.wait_for_function("window.written.length > 0")
            written = await page.evaluate("window.written")
            assert max(len(text) for text, _ in written) >= len("100.000")
            assert min(left for _, left in written) >= 0


@pytest.mark.parametrize(("value", "how", "said"), [
    (-31725.4, "euros", "-€ 317,25"),
    (1.2, "euros", "+€ 0,01"),
    (0.4, "euros", "€ 0,00"),
    (-0.004, "ratio", "0"),
    (0.0123, "share", "+1,2 procentpunt"),
    (-0.0004, "share", "0 procentpunt"),
    (-601, "count", "-601"),
])  # fmt: skip
def test_a_difference_is_written_one_way(value: float, how: str, said: str) -> None:
    looking = SimpleNamespace(say=speak("nl"), writing=Writing("nl"))
    assert _written(value, how, looking, signed=True).replace("\xa0", " ") == said  # type: ignore[arg-type]


def test_it_is_said_aloud_how_far_it_is_only_every_tenth() -> None:
    said = [_aloud({"state": state, "done": done, "total": 200}, told) for state, done, told in (
        ("waiting", 0, -1), ("running", 9, -1), ("running", 19, 0), ("running", 21, 0), ("running", 38, 10),
        ("running", 90, 10),
    )]  # fmt: skip
    assert said == [(-1, False), (0, True), (0, False), (10, True), (10, False), (40, True)]


def test_no_verdict_where_nothing_differs_or_fewer_are_delivered() -> None:
    side = {
        **{name: 10 for name, _, _ in MEASURES},
        "within_days": {str(days): 0.5 for days in range(1, 8)},
        "crates": {},
    }
    less = {**side, "handlings": 4, "gini_supplied": 10.004, "handlings_per_item": 10.5}
    fewer = {**less, "delivered": 9}
    looking = SimpleNamespace(say=speak("nl"), writing=Writing("nl"))
    found = [
        {row["name"]: row for row in _rows({"base": side, "changed": each}, looking)}  # type: ignore[arg-type]
        for each in (less, fewer)
    ]
    assert [(rows["handlings"]["verdict"], rows["handlings"]["each"]) for rows in found] == [
        ("better", ""),
        ("", "+0,5"),
    ]
    assert [rows["handlings_per_item"]["verdict"] for rows in found] == ["worse", "worse"]
    assert found[0]["gini_supplied"]["verdict"] == ""
    assert found[1]["delivered"]["verdict"] == "worse"
