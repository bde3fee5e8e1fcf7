"""The live day in a browser: a trip is cancelled, another late, a run sheet is printed, and a label scanned."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from io import BytesIO
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from google.transit import gtfs_realtime_pb2 as pb
from playwright.async_api import Route
from pypdf import PdfReader

from app.planning.barcodes import code_of
from app.settings import Settings
from tests.console.conftest import NARROW, WIDE, Watched, watched
from tests.lending.conftest import NO_LOAN_REQUEST
from tests.support.filled import run_sql
from tests.support.house import House, open_house
from tests.support.serving import listening_for

pytestmark = pytest.mark.once


@pytest.fixture
async def house(filled: str) -> AsyncIterator[House]:
    await run_sql(filled, f"{NO_LOAN_REQUEST}; update epoch set number = number + 1")
    async with open_house(Settings(database_url=filled)) as opened:
        yield opened


async def shipped(house: House) -> str:
    loan = await house.asked()
    await house.acted(loan, "Loaned")
    return loan


async def say_of(seen: Watched, trip: str, *, late: int | None = None) -> None:
    """Choose a trip of the day, say of it that it is late (None: that it does not run), and look at the preview."""
    await seen.open("/console/day")
    await seen.page.get_by_role("link", name=trip).click()
    if late is None:
        await seen.page.get_by_label("Hij rijdt niet").check()
    else:
        await seen.page.get_by_label("Minuten later").fill(str(late))
    await seen.page.get_by_label("Reden").fill("pech")
    await seen.page.get_by_role("button", name="Laat zien wat dit verandert").click()
    await seen.page.get_by_text("Van de 1 exemplaren op deze rit worden er 1 opnieuw gepland.").wait_for()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_cancelled_trip_has_its_load_planned_again(house: House, size: tuple[int, int]) -> None:
    loan = await shipped(house)
    async with listening_for(house.app, lifespan="off") as url, watched(url, size) as seen:
        await say_of(seen, "v1-in")
        await seen.is_sound()
        assert "di 24 nov 11:00" in await seen.page.locator("#preview").inner_text()
        await seen.page.get_by_role("button", name="Zo doorvoeren").click()
        await seen.page.get_by_role("button", name="Toch volgens plan laten rijden").wait_for()
        await seen.is_sound()
        await house.work()
        await seen.open("/console/day")
        row = seen.page.get_by_role("row").filter(has=seen.page.get_by_role("link", name="v1-in"))
        assert "Uitgevallen" in await row.inner_text()
        replanned = seen.page.get_by_role("region", name="Opnieuw gepland")
        assert loan[-12:] in await replanned.inner_text()
        assert "Wat het zou nemen, rijdt niet meer." in await replanned.inner_text()
        await seen.is_sound()
        await seen.page.get_by_role("link", name="v1-in").click()
        await seen.page.get_by_role("button", name="Toch volgens plan laten rijden").click()
        await seen.page.get_by_text("Volgens plan").wait_for()
        await house.work()
        await say_of(seen, "v1-in", late=15)
        await seen.page.get_by_role("button", name="Zo doorvoeren").click()
        await seen.page.get_by_text("gepland 10:30").wait_for()
        assert seen.page.url.endswith("/console/day/trip?trip=v1-in&date=2026-11-23")


async def test_a_late_trip_is_shortened_too_and_nobodys_word_is_overwritten_unseen(house: House) -> None:
    await shipped(house)
    body = {"trip_id": "v1-in", "service_date": "2026-11-23"}
    await house.client.post("/v1/trips/changes", json={**body, "delay_seconds": 930})
    said = f"/v1/trips/v1-in/{body['service_date']}/said"
    async with listening_for(house.app, lifespan="off") as url, watched(url) as seen:
        await seen.open("/console/day/trip?trip=v1-in&date=2026-11-23")
        assert await seen.page.get_by_label("Minuten later").input_value() == "16"
        await seen.page.get_by_role("checkbox", name="Desk").check()
        await seen.page.get_by_role("button", name="Laat zien wat dit verandert").click()
        await seen.page.get_by_role("button", name="Zo doorvoeren").click()
        await seen.page.get_by_text("Ingekort").wait_for()
        both = (await house.client.get(said)).json()["change"]
        assert [each["departure_delay_seconds"] for each in both["delays"]] == [930]
        assert both["skipped"] == [{"location": "desk", "visit": 1}]
        assert await seen.page.get_by_role("checkbox", name="Desk").is_checked()
        await seen.is_sound()

        await seen.page.get_by_label("Minuten later").fill("30")
        await seen.page.get_by_role("button", name="Laat zien wat dit verandert").click()
        await seen.page.get_by_role("button", name="Zo doorvoeren").wait_for()
        await house.client.post("/v1/trips/changes", json={**body, "delay_seconds": 300, "note": "brug open"})
        await seen.page.get_by_role("button", name="Zo doorvoeren").click()
        await seen.page.get_by_text("Over deze rit is intussen iets anders gezegd.").wait_for()
        assert "brug open" in await seen.page.locator("main").inner_text()
        assert await seen.page.get_by_label("Minuten later").input_value() == "5"
        assert (await house.client.get(said)).json()["change"]["note"] == "brug open"
        await seen.page.get_by_role("button", name="Toch volgens plan laten rijden").click()
        await seen.page.get_by_text("Volgens plan").wait_for()


async def test_an_open_day_goes_on_past_midnight_while_somebody_sees_it(house: House) -> None:
    house.clock.set(house.clock.now().replace(hour=23, minute=50))
    async with listening_for(house.app, lifespan="off") as url, watched(url) as seen:
        asked: list[str] = []
        seen.page.on("request", lambda request: asked.append(request.url.removeprefix(url)))
        await seen.page.clock.install()
        await seen.open("/console/day?date=2026-11-23&operator=L+vans")
        assert await seen.page.get_by_label("Vervoerder").locator("option").count() == 4
        house.clock.set(house.clock.now() + timedelta(minutes=40))
        asked.clear()
        await seen.page.clock.fast_forward(15_000)
        await seen.page.get_by_text("Ritten op di 24 nov").wait_for()
        assert asked == ["/console/day/trips?operator=L+vans"]
        (night, tonight) = (await seen.page.locator("#trips tbody").first.inner_text()).split("line")[1:]
        assert "onderweg" in night
        assert "nog niet vertrokken" in tonight
        asked.clear()
        await see(seen, "hidden")
        await seen.page.clock.fast_forward(60_000)
        assert asked == []
        async with seen.page.expect_response("**/console/day/trips**"):
            await see(seen, "visible")
        await seen.is_sound()
        await seen.open("/console/day?date=2026-11-23")
        assert (
            await seen.page.locator("#trips").get_attribute("hx-get")
            == "/console/day/trips?date=2026-11-23&operator="
        )


async def test_a_form_that_shows_nothing_of_what_is_said_changes_nothing(house: House) -> None:
    body = {"trip_id": "v1-in", "service_date": "2026-11-23"}
    await house.client.post("/v1/trips/changes", json={**body, "delay_seconds": 900})
    page = await house.client.get("/console/day/trip?trip=v1-in&date=2026-11-23")
    (csrf,) = set(re.findall(r'data-csrf="([0-9a-f]{64})"', page.text))
    form = {"csrf": csrf, "trip": "v1-in", "date": "2026-11-23", "what": "short", "skip": "1 desk"}
    assert (await house.client.post("/console/day/say", data=form)).status_code == 412
    (said,) = (await house.client.get("/v1/trips/changes")).json()["items"]
    assert (said["delays"][0]["arrival_delay_seconds"], said["skipped"]) == (900, [])


async def see(seen: Watched, how: str) -> None:
    """Have the page be hidden or visible, as a browser tells it."""
    await seen.page.evaluate(
        """how => {
          Object.defineProperty(document, "visibilityState", { configurable: true, get: () => how });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        how,
    )


async def test_what_a_feed_says_is_overruled_and_followed_again(house: House) -> None:
    update = pb.TripUpdate(trip=pb.TripDescriptor(trip_id="v1-in", start_date="20261123"), delay=1800)
    header = pb.FeedHeader(gtfs_realtime_version="2.0")
    feed = pb.FeedMessage(header=header, entity=[pb.FeedEntity(id="1", trip_update=update)]).SerializeToString()

    async def send() -> None:
        kind = {"content-type": "application/x-protobuf"}
        sent = await house.client.post("/v1/imports/trip-updates", content=feed, headers=kind)
        assert sent.status_code == 200

    await send()
    async with listening_for(house.app, lifespan="off") as url, watched(url) as seen:
        await seen.open("/console/day/trip?trip=v1-in&date=2026-11-23")
        assert await seen.page.get_by_label("Minuten later").input_value() == "30"
        await seen.page.get_by_role("button", name="Toch volgens plan laten rijden").click()
        await seen.page.get_by_text("Rijdt volgens plan, zegt admin, wat de ritmeldingen ook zeggen").wait_for()
        await send()
        await seen.open("/console/day/trip?trip=v1-in&date=2026-11-23")
        await seen.is_sound()
        await seen.page.get_by_role("button", name="De ritmeldingen weer volgen").click()
        await seen.page.get_by_role("button", name="De ritmeldingen weer volgen").wait_for(state="detached")
        await send()
        await seen.open("/console/day/trip?trip=v1-in&date=2026-11-23")
        await seen.page.get_by_text("Rijdt anders, zegt ritmeldingen").wait_for()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_run_sheet_is_printed_and_a_label_scanned(house: House, size: tuple[int, int]) -> None:
    loan = await shipped(house)
    async with listening_for(house.app, lifespan="off") as url, watched(url, size) as seen:
        await seen.open("/console/run-sheet?trip=v1-in&date=2026-11-23")
        await seen.page.get_by_text("Laden voor Desk: 1 exemplaren in 1 kratten").wait_for()
        await seen.page.emulate_media(media="print")
        await seen.is_sound()
        assert not await seen.page.get_by_role("button", name="Afdrukken").is_visible()
        await seen.page.emulate_media(media="screen")
        printed = await house.client.get("/console/run-sheet/pdf?trip=v1-in&date=2026-11-23")
        text = PdfReader(BytesIO(printed.content)).pages[0].extract_text()
        assert "Rittenlijst v1-in" in text
        assert "Laden voor Desk: 1 exemplaren, 1 kratten" in text
        labels = await house.client.get("/console/run-sheet/labels?trip=v1-in&date=2026-11-23")
        codes = [line for line in _lines(labels.content) if line.replace(" ", "").isdigit()]
        there, back = (code.replace(" ", "") for code in codes)

        await seen.open("/console/scan")
        await seen.is_sound()
        await seen.page.get_by_label("Locatie").fill("H")
        await seen.page.get_by_role("button", name="Kiezen").click()
        await seen.page.get_by_role("heading", name="Scanner van Hub").wait_for()
        house.clock.set(house.clock.now().replace(hour=10, minute=5))
        for code, said in (
            ("9789000000005", "Onbekende code"),
            (there, "In de krat voor Desk"),
            (there, "Dit is hier al gescand."),
            (back, "De verkeerde strook zit boven: draai hem om."),
        ):
            await seen.page.keyboard.type(code)  # into whatever has the focus, as a scanner does
            await seen.page.keyboard.press("Enter")
            await seen.page.get_by_text(said).wait_for()
            await seen.is_sound()
        assert (await house.look(loan))["seen_at_location"] == "H"
        assert (await house.history(loan)).count("ScannedOnTheWay: Loaned") == 1
        await seen.open("/console/scan")
        await seen.page.get_by_role("heading", name="Scanner van Hub").wait_for()  # it is remembered


async def test_labels_of_a_full_trip_are_printed_in_parts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    loans = sorted([await shipped(house) for _ in range(2)])
    monkeypatch.setattr("app.console.run_sheet.MOST_LABELS", 1)
    page, query = "/console/run-sheet", "trip=v1-in&date=2026-11-23"
    shown = (await house.client.get(f"{page}?{query}")).text
    assert "Etiketten (A4) 1–1</a>" in shown
    assert "Etiketten (A4) 2–2</a>" in shown
    assert "Hier staat wat als verzonden is gemeld." in shown
    assert "de lijsten niet" not in shown
    for first, printed in ((1, loans[:1]), (2, loans[1:])):
        answer = await house.client.get(f"{page}/labels?{query}&first={first}")
        text = "".join(_lines(answer.content)).replace(" ", "")
        assert [code_of(UUID(loan), "there") in text for loan in loans] == [loan in printed for loan in loans]
    monkeypatch.setattr("app.planning.runs.MOST_ITEMS", 1)
    shown = (await house.client.get(f"{page}?{query}")).text
    assert "de aantallen zijn volledig, de lijsten niet" in shown
    assert "… en nog 1 die hier niet staan" in shown
    await house.client.post("/v1/trips/cancellations", json={"trip_id": "v1-in", "service_date": "2026-11-23"})
    shown = (await house.client.get(f"{page}?{query}")).text
    assert "Etiketten" not in shown  # there is nothing to load
    assert (await house.client.get(f"{page}/labels?{query}")).headers["location"] == f"{page}?{query}"


@asynccontextmanager
async def scanner(house: House, size: tuple[int, int] = WIDE) -> AsyncIterator[Watched]:
    """The scan page of the hub."""
    async with listening_for(house.app, lifespan="off") as url, watched(url, size) as seen:
        await seen.open("/console/scan")
        await seen.page.get_by_label("Locatie").fill("H")
        await seen.page.get_by_role("button", name="Kiezen").click()
        await seen.page.locator("#scan button:enabled").wait_for()
        yield seen


async def scan(seen: Watched, code: str) -> None:
    await seen.page.keyboard.type(code)
    await seen.page.keyboard.press("Enter")


async def test_scans_that_come_faster_than_answers_are_each_sent(house: House) -> None:
    loan = await shipped(house)
    house.clock.set(house.clock.now().replace(hour=10, minute=5))
    async with scanner(house) as seen:
        sent: list[str] = []

        async def slow(route: Route) -> None:
            sent.append(parse_qs(route.request.post_data or "")["code"][0])
            await asyncio.sleep(0.5)
            await route.continue_()

        await seen.page.route("**/console/scan/read", slow)
        for code in ("AAAA", "BBBB", loan, loan):
            await scan(seen, code)
        assert await seen.page.locator("#code").input_value() == ""
        result = seen.page.locator("#result")
        await result.get_by_text("Dit is hier al gescand.").wait_for()
        assert loan in await result.inner_text()
        assert sent == ["AAAA", "BBBB", loan, loan]
        earlier = await seen.page.locator("#earlier li").all_inner_texts()
        assert [line.split(" ", 1)[1] for line in earlier] == [
            f"{loan} In de krat voor Desk",
            "BBBB Onbekende code",
            "AAAA Onbekende code",
        ]
        await seen.is_sound()


@pytest.mark.parametrize("fault", ["the network breaks", "the server fails"])
async def test_a_scan_that_is_not_sent_is_said_and_kept(house: House, fault: str) -> None:
    loan = await shipped(house)
    house.clock.set(house.clock.now().replace(hour=10, minute=5))
    async with scanner(house, NARROW) as seen:
        result, failed = seen.page.locator("#result"), seen.page.locator("#failed")
        await scan(seen, loan)
        await result.get_by_text("In de krat voor Desk").wait_for()

        async def fails(route: Route) -> None:
            await (route.abort() if fault == "the network breaks" else route.fulfill(status=503, body="away"))

        await seen.page.route("**/console/scan/read", fails)
        await scan(seen, loan)
        await result.get_by_text("Niet verstuurd: scan opnieuw").wait_for()
        assert loan in await result.inner_text()
        assert "In de krat" not in await result.inner_text()
        await failed.get_by_text(loan).wait_for()
        await seen.page.reload()
        await failed.get_by_text(loan).wait_for()  # nobody loses it
        seen.said.clear()  # of the browser, about what failed
        await seen.is_sound()
        await seen.page.unroute("**/console/scan/read")
        await failed.get_by_role("button", name="Opnieuw versturen").click()
        await result.get_by_text("Dit is hier al gescand.").wait_for()
        await failed.wait_for(state="hidden")


async def test_what_the_service_refuses_is_not_held_to_be_scanned(house: House) -> None:
    async with scanner(house) as seen:
        await seen.page.locator("#scan [name=location]").evaluate("field => { field.value = 'nowhere' }")
        await scan(seen, "1" * 36)
        await seen.page.locator("#result").get_by_text("Onbekende code").wait_for()
        loan = await shipped(house)
        await scan(seen, loan)
        await seen.page.locator("#result").get_by_text("Niet verstuurd: scan opnieuw").wait_for()
        assert "nowhere" in await seen.page.locator("#result").inner_text()


async def test_a_scanner_presses_no_button(house: House) -> None:
    async with scanner(house) as seen:
        for button in ("Verstuur", "English"):
            await seen.page.get_by_role("button", name=button).focus()
            await scan(seen, "AAAA")
            await seen.page.locator("#result").get_by_text("Onbekende code").wait_for()
        await seen.page.get_by_role("link", name="Kaart").focus()
        await scan(seen, "BBBB")
        await seen.page.locator("#result").get_by_text("BBBB").wait_for()
        other = seen.page.locator("#forget summary")
        await other.focus()
        await scan(seen, "CCCC")
        await seen.page.locator("#result").get_by_text("CCCC").wait_for()
        await other.click()
        await seen.page.get_by_text("Deze browser vergeet dan").wait_for()
        await seen.is_sound()
        await seen.page.get_by_role("button", name="Locatie vergeten").click()
        await seen.page.get_by_role("heading", name="Waar staat deze scanner?").wait_for()


@pytest.mark.parametrize("fault", ["the network breaks", "the server fails"])
async def test_a_page_says_what_it_could_not_fetch(house: House, fault: str) -> None:
    async with listening_for(house.app, lifespan="off") as url, watched(url) as seen:

        async def fails(route: Route) -> None:
            await (route.abort() if fault == "the network breaks" else route.fulfill(status=503, body="away"))

        await seen.page.route("**/console/day/preview", fails)
        await seen.open("/console/day/trip?trip=v1-in&date=2026-11-23")
        await seen.page.get_by_role("button", name="Laat zien wat dit verandert").click()
        told = seen.page.get_by_role("alert").filter(has_text="de server antwoordt niet")
        await told.wait_for()
        seen.said.clear()  # of the browser, about what failed
        await seen.is_sound()
        await seen.page.unroute("**/console/day/preview")
        await seen.page.get_by_role("button", name="Laat zien wat dit verandert").click()
        await told.wait_for(state="hidden")


def _lines(data: bytes) -> list[str]:
    return [line for page in PdfReader(BytesIO(data)).pages for line in page.extract_text().splitlines()]
