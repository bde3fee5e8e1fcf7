"""The story of a draft: a planner changes a trip, meets somebody else's change, compares, activates and undoes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from app.settings import Settings
from tests.console.conftest import NARROW, WIDE, Watched, watched
from tests.support.filled import client_of, run_sql, running
from tests.support.serving import listening_for

pytestmark = pytest.mark.once

FRESH = """
delete from network_schedule; delete from network_draft; delete from suspension; delete from task;
update network_activation set undone_at = now() where undone_at is null;
insert into network_activation (version) select number from network_version where id = 'first';
"""
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])


@pytest.fixture
async def open_to_all(filled: str) -> AsyncIterator[FastAPI]:
    await run_sql(filled, FRESH)
    async with running(Settings(database_url=filled)) as app:
        yield app


@pytest.fixture
async def other(open_to_all: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Another planner, with a tool of their own."""
    async with client_of(open_to_all) as client:
        yield client


async def press(seen: Watched, name: str) -> None:
    """Press a button, the last of that name, and wait for the page that follows."""
    async with seen.page.expect_navigation(wait_until="networkidle"):
        await seen.page.get_by_role("button", name=name, exact=True).last.click()


async def press_in(seen: Watched, inside: str) -> None:
    """Press the only button of a part of the page, and wait for the page that follows."""
    async with seen.page.expect_navigation(wait_until="networkidle"):
        await seen.page.locator(inside).get_by_role("button").click()


async def active(client: httpx.AsyncClient) -> str:
    found: str = (await client.get("/v1/network")).json()["id"]
    return found


@SIZES
async def test_a_draft_from_its_beginning_to_its_undoing(
    open_to_all: FastAPI, other: httpx.AsyncClient, size: tuple[int, int]
) -> None:
    async with listening_for(open_to_all, lifespan="off") as url, watched(url, size) as seen:
        page = seen.page
        page.on("dialog", lambda dialog: dialog.accept())
        await seen.open("/console/timetable")
        await seen.is_sound()
        await page.get_by_label("Naam").fill("Winter")
        await press(seen, "Begin een concept")
        await page.get_by_role("heading", name="Concept: Winter").wait_for()
        await seen.is_sound()
        address = page.url
        draft = f"/v1/network/drafts/{address.rsplit('/', 1)[-1]}"

        # With the keyboard from cell to cell.
        await page.get_by_role("link", name="V1", exact=True).click()
        await page.wait_for_load_state("networkidle")
        out = page.get_by_label("v1-out, branch", exact=True)
        await out.focus()
        await page.keyboard.press("ArrowDown")
        assert await page.evaluate("document.activeElement.getAttribute('aria-label')") == "v1-out, H"
        await seen.is_sound()
        await out.fill("half negen")
        await press(seen, "Bewaar in het concept")
        assert "Dit is geen tijd: half negen" in await page.get_by_role("alert").inner_text()
        seen.was_refused(422)
        await page.get_by_label("v1-out, branch", exact=True).fill("08:30")
        # Meanwhile the other one changes the same trip.
        trips = (await other.get(f"{draft}/trips", params={"route_id": "V1"})).json()["items"]
        theirs = next(trip for trip in trips if trip["id"] == "v1-out")
        theirs["stop_times"][1] |= {"arrival_time": "10:05:00", "departure_time": "10:05:00"}
        made = await other.post(
            f"{draft}/changes", json={"changes": [{"op": "put_trip", **theirs}]}, headers={"if-match": "0"}
        )
        assert made.status_code == 200, made.text
        await press(seen, "Bewaar in het concept")
        assert "Een ander was u voor" in await page.get_by_role("alert").inner_text()
        assert "nu: 10:05" in await page.locator(".theirs").inner_text()
        assert await page.get_by_label("v1-out, branch", exact=True).input_value() == "08:30", "nothing typed is lost"
        seen.was_refused(412)
        await seen.is_sound()
        assert await page.get_by_label("v1-out, H", exact=True).input_value() == "10:05", (
            "nor what they made of the rest"
        )
        await press(seen, "Bewaar toch wat ik typte")

        await seen.open(address.removeprefix(url) + "/compare")
        await seen.is_sound()
        said = await page.locator("main").inner_text()
        assert "Rit v1-out" in said
        assert "09:00:00 → 08:30:00" in said
        assert "Het raakt de ritten van V1 vans." in said
        await press(seen, "Activeer")
        version = await active(other)
        assert version.startswith("nv-")
        await seen.is_sound()
        await press(seen, "Maak de laatste activering ongedaan")
        assert await active(other) == "first"
        # Before the first there is none: nobody is left without a network by one click.
        assert await page.get_by_role("button", name="Maak de laatste activering ongedaan").count() == 0
        await press(seen, f"Maak actief: {version}")
        assert await active(other) == version
        await seen.is_sound()


async def test_a_button_that_is_pressed_twice_undoes_once(open_to_all: FastAPI, other: httpx.AsyncClient) -> None:
    await other.post("/v1/network/versions/second/activate")
    async with listening_for(open_to_all, lifespan="off") as url, watched(url) as seen, watched(url) as again:
        for one in (seen, again):
            one.page.on("dialog", lambda dialog: dialog.accept())
            await one.open("/console/timetable")
        await press(seen, "Maak de laatste activering ongedaan")
        await press(again, "Maak de laatste activering ongedaan")
        said = await again.page.get_by_role("alert").inner_text()
        assert "Er is niets ongedaan gemaakt." in said
        assert "Intussen is first actief" in said
        again.was_refused(412)
        await again.is_sound()
    assert await active(other) == "first"


@SIZES
async def test_holidays_are_taken_out_and_a_draft_becomes_active_later(
    open_to_all: FastAPI, other: httpx.AsyncClient, size: tuple[int, int]
) -> None:
    made = (await other.post("/v1/network/drafts", json={"name": "Kerst"})).json()
    async with listening_for(open_to_all, lifespan="off") as url, watched(url, size) as seen:
        page = seen.page
        await seen.open(f"/console/timetable/drafts/{made['id']}/calendar")
        await page.get_by_label("Vervoerder").select_option("L vans")
        await page.get_by_label("Van", exact=True).fill("2026-12-20")
        await page.get_by_label("Tot en met").fill("2026-12-31")
        await press(seen, "Laat zien wat het doet")
        assert "Eerste kerstdag" in await page.locator("main").inner_text()
        await page.get_by_text("Zeg wat uw POI op een dag doet").click()
        await page.get_by_label("Dag", exact=True).fill("2026-12-24")
        await page.get_by_label("Waarom").fill("Kerstavond")
        await press(seen, "Bewaar voor mijn POI")
        assert "Kerstavond" in await page.locator("main").inner_text()
        await seen.is_sound()
        await press(seen, "Haal ze eruit")
        await page.get_by_text("rijdagen", exact=False).first.wait_for()
        await seen.is_sound()
        await page.get_by_role("link", name="Vergelijk en activeer").click()
        await page.get_by_label("Later").check()
        await press(seen, "Activeer")
        assert "Zeg wanneer het later is" in await page.get_by_role("alert").inner_text()
        seen.was_refused(422)
        await page.get_by_label("Later").check()
        await page.get_by_label("Op", exact=True).fill("2020-01-05T04:00")
        await press(seen, "Activeer")
        assert "It has passed" in await page.get_by_role("alert").inner_text()
        seen.was_refused(422)
        assert await active(other) == "first"
        await page.get_by_label("Later").check()
        await page.get_by_label("Op", exact=True).fill("2099-01-05T04:00")
        await press(seen, "Activeer")
        assert "wacht" in await page.locator("main").inner_text()
        (listed,) = (await other.get("/v1/network/activations")).json()["items"]
        assert (listed["state"], listed["at"]) == ("waiting", "2099-01-05T03:00:00Z"), "by the clock of the network"
        await press(seen, "Zeg af")
        assert "afgezegd" in await page.locator("main").inner_text()
        await seen.is_sound()


async def test_what_is_typed_in_several_tables_is_saved_together_and_not_lost_by_adding_a_stop(
    open_to_all: FastAPI, other: httpx.AsyncClient
) -> None:
    made = (await other.post("/v1/network/drafts", json={"name": "Samen"})).json()
    draft = f"/v1/network/drafts/{made['id']}"
    async with listening_for(open_to_all, lifespan="off") as url, watched(url) as seen:
        page = seen.page
        await seen.open(f"/console/timetable/drafts/{made['id']}/route?route=V1")
        await page.get_by_label("v1-out, branch", exact=True).fill("08:15")
        await page.get_by_label("v1-in, H", exact=True).fill("10:40")
        await page.get_by_label("Schrap v1-in").check()
        await page.get_by_text("Voeg een halte toe").first.click()
        await page.locator("details[open]").get_by_label("Halte").select_option("far")
        await press(seen, "Voeg een rij toe")
        assert await page.get_by_label("v1-out, branch", exact=True).input_value() == "08:15"
        assert await page.get_by_label("Schrap v1-in").is_checked()
        await page.get_by_label("Schrap v1-in").uncheck()
        row = page.get_by_role("row", name="far")
        await row.get_by_role("textbox").fill("11:30")
        # Whoever leaves with something typed is asked whether they mean it.
        async with page.expect_event("dialog") as asking:
            await page.close(run_before_unload=True)
        dialog = await asking.value
        assert dialog.type == "beforeunload"
        await dialog.dismiss()
        await press(seen, "Bewaar in het concept")
        trips = (await other.get(f"{draft}/trips", params={"route_id": "V1"})).json()["items"]
    calls = {trip["id"]: [call["departure_time"][:5] for call in trip["stop_times"]] for trip in trips}
    assert calls == {"v1-out": ["08:15", "10:00"], "v1-in": ["10:40", "11:00", "11:30"]}


async def test_what_is_no_number_is_refused_and_stays_on_the_page(
    open_to_all: FastAPI, other: httpx.AsyncClient
) -> None:
    made = (await other.post("/v1/network/drafts", json={"name": "Getallen"})).json()
    draft = f"/v1/network/drafts/{made['id']}"
    trips = (await other.get(f"{draft}/trips", params={"route_id": "V1"})).json()["items"]
    full = {"op": "put_trip", **next(trip for trip in trips if trip["id"] == "v1-out"), "crate_capacity": 12}
    hub = {"op": "put_stop", "id": "H", "name": "H", "handling_seconds": 690}
    sent = await other.post(f"{draft}/changes", json={"changes": [full, hub]}, headers={"if-match": "*"})
    assert sent.status_code == 200, sent.text

    async def kept() -> tuple[int | None, int | None]:
        trips = (await other.get(f"{draft}/trips", params={"route_id": "V1"})).json()["items"]
        stops = (await other.get(f"{draft}/stops")).json()["items"]
        crates = next(trip["crate_capacity"] for trip in trips if trip["id"] == "v1-out")
        return crates, next(stop["handling_seconds"] for stop in stops if stop["id"] == "H")

    async with listening_for(open_to_all, lifespan="off") as url, watched(url) as seen:
        page = seen.page
        await seen.open(f"/console/timetable/drafts/{made['id']}/route?route=V1")
        crates = page.get_by_label("Kratten v1-out")
        await crates.fill("14 st")
        await press(seen, "Bewaar in het concept")
        said = await page.get_by_role("alert").inner_text()
        assert "v1-out · Kratten: Dit is geen getal." in said
        assert await crates.input_value() == "14 st"
        seen.was_refused(422)
        await crates.fill("14")
        await press(seen, "Bewaar in het concept")
        assert await kept() == (14, 690)

        await seen.open(f"/console/timetable/drafts/{made['id']}")
        await page.get_by_text("11:30 minuten").click()
        minutes = page.locator("details[open]").get_by_label("Overslagtijd")
        assert await minutes.input_value() == "11:30"
        await press_in(seen, "details[open]")
        assert await kept() == (14, 690), "nothing is rounded"
        await page.get_by_text("11:30 minuten").click()
        await minutes.evaluate("input => { input.removeAttribute('pattern'); input.value = '-5'; }")
        await press_in(seen, "details[open]")
        assert "Overslagtijd: Dit is geen getal." in await page.get_by_role("alert").inner_text()
        assert await minutes.input_value() == "-5"
        seen.was_refused(422)
        assert await kept() == (14, 690)


async def test_a_new_route_gets_a_first_trip_and_goes_again(open_to_all: FastAPI, other: httpx.AsyncClient) -> None:
    made = (await other.post("/v1/network/drafts", json={"name": "Nieuw"})).json()
    async with listening_for(open_to_all, lifespan="off") as url, watched(url, NARROW) as seen:
        page = seen.page
        await seen.open(f"/console/timetable/drafts/{made['id']}")
        await page.get_by_text("Nieuwe route").click()
        await page.locator("details[open]").get_by_label("Kenmerk").fill("V3")
        await page.locator("details[open]").get_by_label("Vervoerder").select_option("V1 vans")
        async with page.expect_navigation(wait_until="networkidle"):
            await page.locator("details[open]").get_by_role("button").click()
        await page.get_by_role("link", name="V3", exact=True).click()
        await page.get_by_label("Kenmerk", exact=True).fill("v3-1")
        await page.get_by_label("Een regel per halte").fill("branch 12:00\nH 12:30/12:45\ndesk 13:00")
        await press(seen, "Voeg toe")
        assert await page.get_by_label("v3-1, H", exact=True).input_value() == "12:30/12:45"
        await seen.is_sound()
        await seen.open(f"/console/timetable/drafts/{made['id']}")
        await page.get_by_text("Schrap een route").first.click()
        await page.locator("details[open]").get_by_label("Route").select_option("V3")
        async with page.expect_navigation(wait_until="networkidle"):
            await page.locator("details[open]").get_by_role("button").click()
        compared = (await other.get(f"/v1/network/drafts/{made['id']}/compare")).json()
        assert compared["differences"] == []


@SIZES
async def test_something_stands_still_and_runs_again(
    open_to_all: FastAPI, other: httpx.AsyncClient, size: tuple[int, int]
) -> None:
    async with listening_for(open_to_all, lifespan="off") as url, watched(url, size) as seen:
        page = seen.page
        await seen.open("/console/suspensions")
        await page.get_by_label("Kenmerk").fill("nowhere")
        await press(seen, "Schort op")
        assert "The active network has no route nowhere." in await page.get_by_role("alert").inner_text()
        seen.was_refused(422)
        await page.get_by_label("Kenmerk").fill("V2")
        await page.get_by_label("Eerste dag").fill("2099-12-24")
        await press(seen, "Schort op")
        await seen.is_sound()
        (listed,) = (await other.get("/v1/suspensions")).json()["items"]
        assert (listed["route"], listed["since"]) == ("V2", "2099-12-24")
        await page.get_by_role("button", name="Beëindig").click()
        await page.get_by_text("Niets staat stil.").wait_for()
        assert (await other.get("/v1/suspensions")).json()["items"] == []
        await page.locator("select[name=subject]").select_option("poi")
        await page.get_by_label("Kenmerk").fill("NORD")
        await press(seen, "Schort op")
        assert "Alle ritten van POI of vervoerder NORD" in await page.locator("main").inner_text()
        await seen.is_sound()
        await page.get_by_role("button", name="Beëindig").click()
        await page.get_by_role("cell", name="voorbij").wait_for()
