"""A planner's day in one go, from signing in to the log of what was done: what the console is for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from playwright.async_api import Page
from pypdf import PdfReader

from app.lending.work import work_off
from app.planning.try_out import Reach
from app.settings import Settings
from tests.console.conftest import NARROW, WIDE, Watched, watched
from tests.lending.conftest import NO_LOAN_REQUEST
from tests.support.filled import run_sql
from tests.support.house import House, open_house
from tests.support.serving import listening_for

pytestmark = pytest.mark.once

KEY = "bootstrap"


@pytest.fixture
async def house(filled: str) -> AsyncIterator[House]:
    """The small network, open to whoever holds the key, at eight on a Monday."""
    await run_sql(filled, f"{NO_LOAN_REQUEST}; update epoch set number = number + 1")
    async with open_house(Settings(database_url=filled, admin_key=KEY)) as opened:  # type: ignore[arg-type]
        opened.client.headers["authorization"] = f"Bearer {KEY}"
        yield opened


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_planner_s_day(house: House, filled: str, size: tuple[int, int]) -> None:
    loan = await house.asked()
    await house.acted(loan, "Loaned")
    async with listening_for(house.app, lifespan="off") as url, watched(url, size) as seen:
        seen.page.on("dialog", lambda dialog: dialog.accept())
        await signs_in(seen)
        await finds_a_location(seen)
        await drafts_compares_activates_and_undoes(seen, house)
        await cancels_a_trip(seen, house, loan)
        there = await prints_the_run_sheet(seen)
        await scans_a_label(seen, house, there)
        await runs_a_what_if(seen, house, Reach(filled, horizon_days=35))
        await is_remembered(seen)


async def signs_in(seen: Watched) -> None:
    await seen.open("/console")
    await seen.page.get_by_label("Uw naam").fill("A. Planner")
    await seen.page.get_by_label("Uw sleutel").fill(KEY)
    await press(seen.page, "Inloggen")
    await seen.page.get_by_role("heading", name="Overzicht").wait_for()
    await seen.is_sound()


async def finds_a_location(seen: Watched) -> None:
    await follow(seen.page, "Kaart")
    await seen.page.wait_for_selector("#map[data-ready]")
    await seen.page.get_by_label("Zoek een vestiging").fill("bran")
    await seen.page.keyboard.press("ArrowDown")
    await seen.page.keyboard.press("Enter")
    await seen.page.locator("#map-panel").get_by_role("heading", name="Branch").wait_for()
    assert "V1 vans" in await seen.page.locator("#map-panel").inner_text()
    await seen.is_sound()


async def drafts_compares_activates_and_undoes(seen: Watched, house: House) -> None:
    page = seen.page
    await follow(page, "Dienstregeling")
    await page.get_by_label("Naam").fill("Winter")
    await press(page, "Begin een concept")
    await page.get_by_role("link", name="V1", exact=True).click()
    await page.get_by_label("v1-in, H", exact=True).fill("10:45")
    await press(page, "Bewaar in het concept")
    await page.get_by_role("link", name="Winter").click()
    await page.get_by_role("link", name="Vergelijk en activeer").click()
    await page.get_by_text("Rit v1-in").wait_for()
    assert "10:30:00 → 10:45:00" in await page.locator("main").inner_text()
    await seen.is_sound()
    await press(page, "Activeer")
    assert await active(house) != "first"
    await press(page, "Maak de laatste activering ongedaan")
    assert await active(house) == "first"
    await seen.is_sound()


async def cancels_a_trip(seen: Watched, house: House, loan: str) -> None:
    page = seen.page
    assert (await house.look(loan))["expected_at"] == "2026-11-23T10:00:00Z"
    await follow(page, "Vandaag")
    await page.get_by_role("link", name="v1-in").click()
    await page.get_by_label("Hij rijdt niet").check()
    await page.get_by_role("button", name="Laat zien wat dit verandert").click()
    await page.get_by_text("Van de 1 exemplaren op deze rit worden er 1 opnieuw gepland.").wait_for()
    await page.get_by_role("button", name="Zo doorvoeren").click()
    await page.get_by_role("button", name="Toch volgens plan laten rijden").wait_for()
    await house.work()
    await follow(page, "Vandaag")
    assert loan[-12:] in await page.get_by_role("region", name="Opnieuw gepland").inner_text()
    assert (await house.look(loan))["expected_at"] == "2026-11-24T10:00:00Z"
    await seen.is_sound()


async def prints_the_run_sheet(seen: Watched) -> str:
    """Print tomorrow's trip, which takes the item now, and its labels; return the barcode of the way there."""
    page = seen.page
    await page.get_by_label("Dag", exact=True).fill("2026-11-24")
    await page.get_by_role("button", name="Tonen").click()
    await page.get_by_role("link", name="v1-in").click()
    await page.get_by_role("link", name="Rittenlijst").click()
    await page.get_by_text("Laden voor Desk: 1 exemplaren in 1 kratten").wait_for()
    await seen.is_sound()
    sheet = await printed(page, "Als PDF")
    assert "Rittenlijst v1-in" in sheet
    assert "Laden voor Desk: 1 exemplaren, 1 kratten" in sheet
    labels = await printed(page, "Etiketten (A4)")
    there, _back = (line.replace(" ", "") for line in labels.splitlines() if line.replace(" ", "").isdigit())
    return there


async def scans_a_label(seen: Watched, house: House, code: str) -> None:
    page = seen.page
    house.clock.set(house.clock.now().replace(hour=10, minute=5))
    await follow(page, "Scannen")
    await page.get_by_label("Locatie").fill("H")
    await page.get_by_role("button", name="Kiezen").click()
    await page.get_by_role("heading", name="Scanner van Hub").wait_for()
    await page.keyboard.type(code)  # into whatever has the focus, as a scanner does
    await page.keyboard.press("Enter")
    await page.get_by_text("In de krat voor Desk").wait_for()
    await seen.is_sound()


async def runs_a_what_if(seen: Watched, house: House, reach: Reach) -> None:
    page = seen.page
    await follow(page, "Wat-als")
    await page.get_by_role("link", name="Nieuw scenario").click()
    await page.get_by_label("Naam", exact=True).fill("Zonder V2")
    await page.get_by_label("Soort wijziging").select_option("drop_route")
    await page.get_by_role("button", name="Wijziging toevoegen").click()
    await page.get_by_label("Route", exact=True).fill("V2")
    await page.get_by_label("Vanaf").fill("2026-11-23")
    await page.get_by_label("Tot (niet").fill("2026-11-30")
    await page.get_by_label("Aantal, als").fill("200")
    await page.get_by_role("button", name="Doorrekenen").click()
    await page.get_by_role("progressbar", name="Hoe ver het scenario is").wait_for()
    assert await work_off(house.ground, kinds={}, more=reach.more) == 1
    await page.get_by_role("heading", name="Nu en straks naast elkaar").wait_for()
    await page.locator("#turnaround canvas").wait_for()
    await seen.is_sound()


async def is_remembered(seen: Watched) -> None:
    """The log of changes names the planner for what was done."""
    await follow(seen.page, "Wijzigingen")
    assert await seen.page.get_by_text("A. Planner").count() > 5
    await seen.is_sound()


async def follow(page: Page, entry: str) -> None:
    """Go to a page by the menu."""
    await page.get_by_role("navigation").get_by_role("link", name=entry, exact=True).click()
    await page.wait_for_load_state("networkidle")


async def press(page: Page, name: str) -> None:
    """Press a button, the last of that name, and wait for the page that follows."""
    async with page.expect_navigation(wait_until="networkidle"):
        await page.get_by_role("button", name=name, exact=True).last.click()


async def printed(page: Page, link: str) -> str:
    """Take a PDF along by its link, and return its text."""
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name=link, exact=True).click()
    path = await (await downloading.value).path()
    reader = PdfReader(BytesIO(path.read_bytes()))
    return "\n".join(part.extract_text() for part in reader.pages)


async def active(house: House) -> str:
    found: str = (await house.client.get("/v1/network")).json()["id"]
    return found
