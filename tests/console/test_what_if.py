"""A planner builds a scenario, follows it to its end, and takes the result along; another is cancelled."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.main import create_app
from app.settings import Settings
from tests.console.conftest import NARROW, WIDE, watched
from tests.support.serving import listening_for

pytestmark = pytest.mark.once


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
