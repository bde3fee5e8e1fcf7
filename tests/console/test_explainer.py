"""The decision explainer and the loan requests: who would supply, why not another, and where an item is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from app.settings import Settings
from tests.console.conftest import NARROW, WIDE, watched
from tests.support.filled import EVERYWHERE, run_sql
from tests.support.house import House, open_house
from tests.support.serving import listening_for

pytestmark = pytest.mark.once


@pytest.fixture
async def house(filled: str) -> AsyncIterator[House]:
    """The small network, under a clock that stands still."""
    await run_sql(filled, "delete from task; delete from loan_request")
    async with open_house(Settings(database_url=filled)) as opened:
        yield opened


async def offered(page: Page, where: str, count: int) -> None:
    """Wait for what is offered while somebody types: whoever leaves before breaks it off, and the browser says so."""
    await expect(page.locator(f"{where} option")).to_have_count(count)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_title_is_searched_decided_and_asked_about(house: House, size: tuple[int, int]) -> None:
    async with listening_for(house.app, lifespan="off") as url, watched(url, size) as seen:
        page = seen.page
        await seen.open("/console/decisions")
        await seen.is_sound()
        await page.get_by_label("Afhaalvestiging").fill("desk")
        await offered(page, "#places", 1)
        await page.get_by_label("Moment").fill("2026-11-23T07:00")
        await page.get_by_label("Titel", exact=True).press_sequentially("every")
        await page.get_by_role("button", name="Everywhere").click()
        await page.get_by_role("heading", name="Everywhere, af te halen in Desk").wait_for()
        assert "title=" in page.url
        first = page.locator(".rota tbody tr").first
        assert "Branch" in await first.inner_text()
        await first.get_by_text("Dienstregeling").click()
        assert "v1-out" in await first.inner_text()
        refused = await page.get_by_role("region", name="Afgewezen").inner_text()
        for reason in ("niet op de plank", "niet uitleenbaar", "geen rit die het brengt"):
            assert reason in refused
        await seen.is_sound()

        await page.get_by_label("Vestiging", exact=True).fill("far")
        await offered(page, "#why-places", 1)
        await page.get_by_role("button", name="Vergelijk").click()
        said = page.locator("#why-not")
        await said.get_by_text("Die staat op nummer 2 van 2.").wait_for()
        assert "Wat de doorslag gaf: Aankomst." in await said.inner_text()
        assert "10,75" in await said.inner_text()
        await seen.is_sound()
        await page.get_by_label("Vestiging", exact=True).fill("nowhere")
        await offered(page, "#why-places", 0)
        await page.get_by_role("button", name="Vergelijk").click()
        await said.get_by_role("alert").wait_for()

        await first.get_by_role("link", name="Op de kaart").click()
        await page.wait_for_selector("#map[data-ready]")
        await page.get_by_role("heading", name="De reisweg van nummer 1 van het besluit").wait_for()
        await seen.is_sound()


async def test_the_form_works_without_scripts_and_says_what_is_wrong(house: House) -> None:
    found = await house.client.get("/console/decisions", params={"q": "every", "pickup_location": "desk"})
    assert 'name="title" value="ppn:398765432"' in found.text
    asked = {"title": f"isbn:{EVERYWHERE}", "pickup_location": "nowhere"}
    wrong = await house.client.get("/console/decisions", params=asked)
    assert wrong.status_code == 422
    assert "nowhere" in wrong.text
    wrong = await house.client.get("/console/decisions", params={**asked, "pickup_location": "desk", "at": "soon"})
    assert "RFC 3339" in wrong.text
    asked["pickup_location"] = "desk"
    whole = await house.client.get("/console/decisions/comparison", params={**asked, "location": "desk"})
    assert "<h1>" in whole.text
    assert "Afgewezen: niet op de plank." in whole.text
    none = await house.client.get("/console/decisions/locations", params={"pickup_location": "hub"})
    assert none.text.count("<option") == 2


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_loan_request_is_found_in_the_list_and_explained(house: House, size: tuple[int, int]) -> None:
    loan = await house.asked(requesting_agency_request_id="2026-8")
    await house.acted(loan, "Loaned")
    await house.asked(requesting_agency_request_id="2026-9")
    async with listening_for(house.app, lifespan="off") as url, watched(url, size) as seen:
        page = seen.page
        await seen.open("/console/loans")
        assert await page.locator("tbody tr").count() == 2
        await seen.is_sound()
        await page.get_by_label("Status").select_option("Loaned")
        await page.get_by_role("button", name="Toon").click()
        await page.wait_for_url("**status=Loaned**")
        assert await page.locator("tbody tr").count() == 1
        await page.get_by_role("link", name="2026-8").click()
        await page.get_by_role("heading", name="Leenverzoek 2026-8").wait_for()
        said = await page.locator("main").inner_text()
        for told in ("bij Branch", "v1-out", "Loaned", "Geschiedenis"):
            assert told in said, told
        assert "reader-x" not in await page.content()
        await page.get_by_label("Vestiging", exact=True).fill("island")
        await offered(page, "#why-places", 1)
        await page.get_by_role("button", name="Vergelijk").click()
        await page.get_by_text("No van calls at island.").last.wait_for()
        await seen.is_sound()
        await page.get_by_role("link", name="Op de kaart").click()
        await page.wait_for_selector("#map[data-ready]")
        await seen.is_sound()


async def test_what_a_figure_of_the_boards_leads_to_is_those_rows_alone(house: House) -> None:
    loan = await house.asked()
    client = house.client
    shown = await client.get("/console/loans", params={"outcome": "cancelled", "since": "2026-11-01"})
    assert loan not in shown.text
    assert "outcome=cancelled" in shown.text
    await house.acted(loan, "Cancel")
    await house.later(minutes=5)
    assert loan in (await client.get("/console/loans", params={"outcome": "cancelled"})).text
    assert loan not in (await client.get("/console/loans", params={"outcome": "filled"})).text


async def test_a_list_goes_on_where_a_page_ends(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.console.loans.ROWS", 2)
    for number in range(3):
        await house.ask(requesting_agency_request_id=f"n-{number}")
    first = await house.client.get("/console/loans", params={"requesting_agency": "NL-1"})
    assert first.text.count('<th scope="row">') == 2
    link = first.text.partition('href="/console/loans?')[2].partition('"')[0].replace("&amp;", "&")
    rest = await house.client.get(f"/console/loans?{link}")
    assert rest.text.count('<th scope="row">') == 1
    assert (await house.client.get("/console/loans/not-a-number")).status_code == 422
