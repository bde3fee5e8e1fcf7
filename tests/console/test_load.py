"""The load and the boards, as a planner reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.console.conftest import NARROW, WIDE, watched
from tests.support.filled import fill, run_sql
from tests.support.history import hand_over
from tests.support.house import open_house
from tests.support.serving import listening_for

pytestmark = pytest.mark.once

SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


@pytest.fixture(scope="module")
async def busy(database_url: str) -> str:
    """A year of eight items a weekday, and a van that takes one crate."""
    await fill(database_url)
    await hand_over(database_url)
    await run_sql(
        database_url,
        "update timetable_trip set crate_capacity = 1 where id = 'v1-out';"
        "insert into system (id, kind, addresses) values ('wise-noord', 'wise', '{\"patron\": \"https://x.example\"}');"
        "insert into breaker (system, process, state, why, since, seen_at)"
        " values ('wise-noord', 'one', 'open', 'It does not answer.', now(), now())",
    )
    return database_url


@pytest.fixture
async def console(busy: str) -> AsyncIterator[tuple[str, str]]:
    """A console on Monday at eight with three items under way, two of them from the branch: its address, and one."""
    await run_sql(busy, "delete from task; delete from loan_request where outcome is null")
    async with open_house(Settings(database_url=busy, items_per_crate=9)) as house:
        loans = [await house.asked() for _ in range(3)]
        for loan in loans:
            await house.acted(loan, "WillSupply")
            await house.acted(loan, "Loaned")
        async with listening_for(house.app, lifespan="off") as url:
            yield url, loans[0]


@SIZES
async def test_an_overfull_leg_is_found_and_traced_to_its_loan_requests(
    console: tuple[str, str], size: tuple[int, int]
) -> None:
    url, loan = console
    async with watched(url, size) as seen:
        await seen.open("/console")
        await seen.page.get_by_role("link", name="Belading").click()
        await seen.page.get_by_text("1 te volle trajecten").wait_for()
        await seen.page.locator("#chart canvas").wait_for()
        days = seen.page.get_by_role("region", name="Exemplaren die instappen, per dag").get_by_role("row")
        assert await days.nth(1).inner_text() == "ma 23 nov 2026\t6\t16\t22\t▲ 1"
        await seen.is_sound()
        row = seen.page.get_by_role("row").filter(has=seen.page.get_by_role("rowheader", name="V1"))
        assert "▲ te vol" in await row.inner_text()
        await row.get_by_role("link").first.click()
        await seen.page.get_by_role("heading", name="Route V1 op ma 23 nov 2026").wait_for()
        leg = seen.page.get_by_role("row", name="Branch → Hub")
        assert "1,1 / 1" in await leg.inner_text()
        assert "te vol" in await leg.inner_text()
        await seen.is_sound()
        await seen.page.get_by_role("link", name="v1-out").click()
        await seen.page.get_by_role("heading", name="Rit v1-out op ma 23 nov 2026").wait_for()
        assert await seen.page.get_by_role("link", name=loan).get_attribute("href") == f"/console/loans/{loan}"
        await seen.page.get_by_role("cell", name="Desk").first.wait_for()
        await seen.is_sound()


async def test_another_operator_s_routes_only(console: tuple[str, str]) -> None:
    async with watched(console[0]) as seen:
        await seen.open("/console/load")
        await seen.page.get_by_label("Vervoerder").select_option("V2 vans")
        await seen.page.get_by_role("button", name="Toon").click()
        await seen.page.get_by_text("Geen traject is naar verwachting te vol.").wait_for()
        assert await seen.page.get_by_role("rowheader", name="V1").count() == 0
        assert await seen.page.get_by_role("rowheader", name="V2").count() == 1


@SIZES
async def test_the_figures_of_a_period_lead_to_their_rows(console: tuple[str, str], size: tuple[int, int]) -> None:
    async with watched(console[0], size) as seen:
        await seen.open("/console/boards")
        await seen.page.get_by_label("Van", exact=True).fill("2026-09-01")
        await seen.page.get_by_label("Tot (niet meegeteld)").fill("2026-10-01")
        await seen.page.get_by_label("Uitgesplitst naar").select_option("agency")
        await seen.page.get_by_role("button", name="Toon").click()
        await seen.page.get_by_role("heading", name="Vervullingsgraad: 100%").wait_for()
        link = seen.page.locator("dd a").nth(1)
        assert await link.inner_text() == "176"  # 22 weekdays of eight
        assert await link.get_attribute("href") == "/console/loans?since=2026-09-01&until=2026-10-01&delivered=true"
        whole = seen.page.get_by_role("row", name="Van aanvraag tot ontvangst").first
        assert "25 u" in await whole.inner_text()
        lender = seen.page.get_by_role("row").filter(has=seen.page.get_by_role("rowheader", name="NL-2"))
        assert "+176" in await lender.inner_text()
        assert "antwoordt niet" in await seen.page.get_by_role("row", name="wise-noord").inner_text()
        await seen.is_sound()
        await seen.page.get_by_role("link", name="wise-noord").click()
        await seen.page.get_by_text("It does not answer.").wait_for()
        await seen.is_sound()


async def test_what_is_late_is_on_the_boards(busy: str, console: tuple[str, str]) -> None:
    await run_sql(busy, "update loan_request set expected_at = now() - interval '9 days' where outcome is null")
    async with watched(console[0], language="en-GB") as seen:
        await seen.open("/console/boards")
        await seen.page.get_by_role("heading", name="Late: 3").wait_for()
        await seen.page.get_by_role("link", name=console[1]).wait_for()
        await seen.is_sound()
