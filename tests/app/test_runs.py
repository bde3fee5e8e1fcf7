"""Run sheets, labels and scans over the API, against whole documents; what is printed is read back."""

from __future__ import annotations

import asyncio
import time
from datetime import date, datetime
from io import BytesIO
from typing import Any
from uuid import UUID

import httpx
import pytest
from pypdf import PdfReader

from app.planning.barcodes import code_of
from app.planning.loads import Loads
from app.settings import Settings
from tests.lending.conftest import database_url, filled, house, server_url, template
from tests.lending.test_transport import shipped
from tests.support.filled import EVERYWHERE
from tests.support.house import House, open_house

__all__ = ["database_url", "filled", "house", "server_url", "template"]

DAY = "2026-11-23"
PLACES = {name: {"id": name, "name": said} for name, said in {"H": "Hub", "desk": "Desk", "branch": "Branch"}.items()}


@pytest.fixture(autouse=True)
async def as_planned(house: House) -> None:
    """Have what the test before said be known as gone."""
    async with house.ground.database.transaction() as connection:
        await connection.execute("update epoch set number = number + 1 where of = 'register'")


async def get(house: House, path: str, **params: Any) -> Any:
    answer = await house.client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def text_of(answer: httpx.Response) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)


def carried(loan: str, number: str) -> dict[str, Any]:
    return {
        "loan_request": loan,
        "requesting_agency_request_id": number,
        "title": "Everywhere",
        "author": None,
        "isbn": EVERYWHERE,
        "ppn": None,
        "direction": "there",
        "from_location": "branch",
        "to_location": "desk",
    }


RUN = {
    "trip_id": "v1-in",
    "service_date": DAY,
    "route_id": "V1",
    "operator": "V1 vans",
    "headsign": "",
    "status": "as_planned",
    "phase": "to_come",
    "late_seconds": 0,
    "crate_capacity": None,
    "items": 2,
    "crates": 1,
}
LEAVES = {
    "location": PLACES["H"],
    "visit": 1,
    "arrives_at": None,
    "departs_at": f"{DAY}T10:30:00+01:00",
    "planned_arrives_at": None,
    "planned_departs_at": f"{DAY}T10:30:00+01:00",
    "skipped": False,
}
COMES = {
    "location": PLACES["desk"],
    "visit": 1,
    "arrives_at": f"{DAY}T11:00:00+01:00",
    "departs_at": None,
    "planned_arrives_at": f"{DAY}T11:00:00+01:00",
    "planned_departs_at": None,
    "skipped": False,
}


async def test_a_run_sheet_says_what_is_loaded_and_unloaded(house: House) -> None:
    loans = sorted([(await shipped(house, requesting_agency_request_id=number), number) for number in ("one", "two")])
    batch = {"items": 2, "crates": 1, "carries": [carried(*loan) for loan in loans]}
    assert await get(house, f"/v1/trips/v1-in/{DAY}/run-sheet") == {
        **RUN,
        "network_version": "first",
        "items_per_crate": 20,
        "truncated": False,
        "stops": [
            {
                **LEAVES,
                "unload": [],
                "load": [{"location": PLACES["desk"], **batch}],
                "items_on_board": 2,
                "crates_on_board": 1,
            },
            {
                **COMES,
                "unload": [{"location": PLACES["H"], **batch}],
                "load": [],
                "items_on_board": 0,
                "crates_on_board": 0,
            },
        ],
        "items_adrift": 0,
        "adrift": [],
    }


async def test_a_run_sheet_of_too_many_items_counts_them_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    loans = sorted([await shipped(house) for _ in range(2)])
    monkeypatch.setattr("app.planning.runs.MOST_ITEMS", 1)
    monkeypatch.setattr("app.api.runs.MOST_PRINTED", 0)
    sheet = await get(house, f"/v1/trips/v1-in/{DAY}/run-sheet")
    first, last = sheet["stops"]
    assert (sheet["truncated"], sheet["items"], sheet["crates"], first["items_on_board"]) == (True, 2, 1, 2)
    for (batch,) in (first["load"], last["unload"]):
        assert (batch["items"], [item["loan_request"] for item in batch["carries"]]) == (2, loans[:1])
    text = text_of(await house.client.get(f"/v1/trips/v1-in/{DAY}/run-sheet", headers={"accept": "application/pdf"}))
    assert "Laden voor Desk: 2 exemplaren, 1 kratten" in text
    assert "Te veel om elk te noemen" in text
    assert text.count("en nog 2, die hier niet staan") == 2
    assert loans[0][-12:] not in text
    monkeypatch.setattr("app.planning.runs.MOST_ITEMS", 2)
    assert not (await get(house, f"/v1/trips/v1-in/{DAY}/run-sheet"))["truncated"]
    await house.client.post("/v1/trips/cancellations", json={"trip_id": "v1-in", "service_date": DAY})
    monkeypatch.setattr("app.planning.runs.MOST_ITEMS", 1)
    adrift = await get(house, f"/v1/trips/v1-in/{DAY}/run-sheet")
    assert (adrift["items"], adrift["items_adrift"], len(adrift["adrift"])) == (0, 2, 1)


async def test_run_sheets_are_printed_one_at_a_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await shipped(house)
    busy, most = [], []

    def slow(*_: Any, **__: Any) -> bytes:
        busy.append(1)
        most.append(len(busy))
        time.sleep(0.1)
        busy.pop()
        return b"%PDF"

    monkeypatch.setattr("app.api.runs.print_run_sheet", slow)
    path, headers = f"/v1/trips/v1-in/{DAY}/run-sheet", {"accept": "application/pdf"}
    await asyncio.gather(*(house.client.get(path, headers=headers) for _ in range(3)))
    assert most == [1, 1, 1]


async def test_a_day_lists_its_trips_with_what_they_carry(house: House) -> None:
    for _ in range(2):
        await shipped(house)
    today = await get(house, "/v1/trips/today")
    assert today == await get(house, f"/v1/trips/days/{DAY}")
    assert [trip["trip_id"] for trip in today["trips"]] == ["v1-out", "v1-in", "v2-out", "line"]
    assert today["trips"][1] == {**RUN, "calls": [LEAVES, COMES]}
    assert {name: today[name] for name in today if name != "trips"} == {
        "service_date": DAY,
        "now": f"{DAY}T08:00:00+01:00",
        "network_version": "first",
        "items_per_crate": 20,
        "operators": ["L vans", "V1 vans", "V2 vans"],
    }
    await house.client.post("/v1/trips/cancellations", json={"trip_id": "v2-out", "service_date": DAY})
    await house.client.post("/v1/trips/changes", json={"trip_id": "v1-in", "service_date": DAY, "delay_seconds": 600})
    await house.later(hours=2, minutes=15)
    found = (await get(house, "/v1/trips/today"))["trips"]
    assert [(trip["trip_id"], trip["status"], trip["phase"], trip["late_seconds"]) for trip in found] == [
        ("v1-out", "as_planned", "ended", 0),
        ("v1-in", "late", "to_come", 600),
        ("v2-out", "cancelled", "to_come", 0),
        ("line", "as_planned", "to_come", 0),
    ]
    only = (await get(house, "/v1/trips/today", operator="L vans"))["trips"]
    assert [trip["trip_id"] for trip in only] == ["line"]
    assert (await get(house, "/v1/trips/days/2026-11-22"))["trips"] == []


async def test_after_midnight_the_night_vans_are_still_among_todays_trips(house: House) -> None:
    house.clock.set(datetime.fromisoformat("2026-11-24T00:30:00+01:00"))

    async def seen(**params: Any) -> list[tuple[str, str, str]]:
        trips = (await get(house, "/v1/trips/today", **params))["trips"]
        return [(trip["trip_id"], trip["service_date"], trip["phase"]) for trip in trips]

    tonight = ("line", "2026-11-24", "to_come")
    assert (await seen(operator="L vans")) == [("line", DAY, "driving"), tonight]
    assert (await seen())[0] == ("line", DAY, "driving")
    house.clock.set(datetime.fromisoformat("2026-11-24T01:30:00+01:00"))
    assert await seen(operator="L vans") == [tonight]
    late = {"trip_id": "line", "service_date": DAY, "delay_seconds": 3600}
    await house.client.post("/v1/trips/changes", json=late)
    assert await seen(operator="L vans") == [("line", DAY, "driving"), tonight]


async def test_what_rides_is_read_once_in_some_seconds_for_all_who_ask(house: House) -> None:
    loads = Loads(kept_seconds=60)
    day = date.fromisoformat(DAY)
    first, second = await asyncio.gather(*(loads.of(house.ground.database, day) for _ in range(2)))
    assert first is second
    await shipped(house)
    assert await loads.of(house.ground.database, day) == []
    assert len(await loads.of(house.ground.database, date.fromisoformat("2026-11-24"))) == 0
    loads = Loads(kept_seconds=0)
    rows = sorted(await loads.of(house.ground.database, day), key=lambda row: str(row["trip_id"]))
    assert [(row["trip_id"], row["from_location"], row["to_location"], row["items"]) for row in rows] == [
        ("v1-in", "H", "desk", 1),
        ("v1-out", "branch", "H", 1),
    ]


async def test_a_run_sheet_is_printed(house: House) -> None:
    loan = await shipped(house, requesting_agency_request_id="2026-000417")
    path = f"/v1/trips/v1-in/{DAY}/run-sheet"
    text = text_of(await house.client.get(path, headers={"accept": "application/pdf"}))
    for said in (
        "Rittenlijst v1-in",
        "maandag 23 november 2026",
        "1. 10:30 Hub (H)",
        "Laden voor Desk: 1 exemplaren, 1 kratten",
        "2. 11:00 Desk (desk)",
        "Lossen van Hub: 1 exemplaren, 1 kratten",
        "Everywhere",
        "2026-000417",
        loan[-12:],
    ):
        assert said in text
    assert "reader-x" not in text
    english = await house.client.get(path, params={"language": "en"}, headers={"accept": "application/pdf"})
    assert "Load for Desk: 1 items, 1 crates" in text_of(english)
    both = await house.client.get(path, headers={"accept": "application/json, application/pdf"})
    assert both.headers["content-type"] == "application/json"


async def test_there_is_no_run_sheet_of_a_trip_that_does_not_run(house: House) -> None:
    for path in ("nowhere/2026-11-23", "v1-in/2026-11-22"):
        answer = await house.client.get(f"/v1/trips/{path}/run-sheet")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown-trip")


async def test_labels_name_both_ends_and_no_reader(house: House) -> None:
    loans = [await shipped(house) for _ in range(2)]
    one = text_of(await house.client.get(f"/v1/loan-requests/{loans[0]}/label"))
    assert "Desk" in one
    assert "Branch" in one
    assert "reader-x" not in one
    digits = one.replace(" ", "")
    assert code_of(UUID(loans[0]), "there") in digits
    assert code_of(UUID(loans[0]), "back") in digits
    both = await house.client.get("/v1/labels", params={"loan_request": loans, "first": 8})
    assert len(PdfReader(BytesIO(both.content)).pages) == 2
    assert all(code_of(UUID(loan), "there") in text_of(both).replace(" ", "") for loan in loans)
    nobody = await house.client.get("/v1/labels", params={"loan_request": str(UUID(int=5))})
    assert nobody.json()["type"] == "/problems/unknown-loan-request"


async def test_what_nobody_supplies_has_no_label(house: House) -> None:
    loan = (await house.ask()).json()["id"]
    answer = await house.client.get(f"/v1/loan-requests/{loan}/label")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/nothing-to-label")


async def scan(house: House, code: str, location: str, *, status: int = 200, **headers: str) -> dict[str, Any]:
    answer = await house.client.post("/v1/scans", json={"code": code, "location": location}, headers=headers)
    assert answer.status_code == status, answer.text
    await house.work()
    found: dict[str, Any] = answer.json()
    return found


def short(seen: dict[str, Any]) -> str:
    ride = "" if seen["next"] is None else f" {seen['next']['trip_id']} {seen['next']['service_date'][5:]}"
    return f"{seen['verdict']}{ride} {'+'.join(seen['wrong'])}".strip() + (" recorded" if seen["recorded"] else "")


async def test_a_scan_says_which_crate_and_is_written_down_once(house: House) -> None:
    loan = await shipped(house, requesting_agency_request_id="one")
    code = code_of(UUID(loan), "there")
    await house.later(hours=2, minutes=5)
    looked = await get(house, f"/v1/scans/{code}", location="H")
    assert short(looked) == "load v1-in 11-23"
    seen = await scan(house, code, "H")
    assert seen == {**looked, "recorded": True}
    assert seen == {
        "code": code,
        "direction": "there",
        "recorded": True,
        "verdict": "load",
        "wrong": [],
        "loan_request": loan,
        "requesting_agency_request_id": "one",
        "title": "Everywhere",
        "status": "Loaned",
        "location": PLACES["H"],
        "destination": PLACES["desk"],
        "expected_at": "2026-11-23T10:00:00Z",
        "next": {
            "route_id": "V1",
            "trip_id": "v1-in",
            "service_date": DAY,
            "operator": "V1 vans",
            "from_location": PLACES["H"],
            "to_location": PLACES["desk"],
            "departs_at": f"{DAY}T10:30:00+01:00",
            "arrives_at": f"{DAY}T11:00:00+01:00",
        },
    }
    assert short(await scan(house, code, "H")) == "load v1-in 11-23 already_scanned"
    assert short(await scan(house, code_of(UUID(loan), "back"), "H")) == "load v1-in 11-23 wrong_slip+already_scanned"
    await house.later(minutes=56)
    assert short(await scan(house, loan, "desk")) == "arrived recorded"
    assert short(await scan(house, loan, "desk")) == "arrived already_scanned"
    assert short(await scan(house, loan, "H")) == "put_aside wrong_place"
    assert (await house.history(loan)).count("ScannedOnTheWay: Loaned") == 1


async def test_a_scan_that_is_too_late_or_elsewhere_finds_another_way(house: House) -> None:
    loan = await shipped(house)
    await house.later(hours=3)
    assert short(await get(house, f"/v1/scans/{loan}", location="H")) == "replan missed"
    assert short(await scan(house, loan, "H")) == "load v1-in 11-24 missed recorded"
    assert short(await scan(house, loan, "far")) == "load v2-out 11-23 wrong_place recorded"
    assert short(await scan(house, loan, "island")) == "stranded wrong_place recorded"


async def test_a_van_that_should_have_left_still_takes_what_is_scanned(house: House) -> None:
    loan = await shipped(house)
    await house.later(hours=2, minutes=31)
    seen = await scan(house, loan, "H")
    assert short(seen) == "load v1-in 11-23 should_have_left recorded"
    assert seen["expected_at"] == "2026-11-23T10:00:00Z"
    assert (await house.history(loan))[-1] == "ScannedOnTheWay: Loaned"
    await house.later(minutes=13)
    assert short(await scan(house, loan, "H")) == "load v1-in 11-23 already_scanned+should_have_left"


async def test_what_a_van_left_behind_is_planned_again_by_another_scan(house: House) -> None:
    loan = await shipped(house)
    await house.later(hours=2, minutes=40)
    await scan(house, loan, "H")
    await house.later(minutes=5)
    assert short(await scan(house, loan, "H")) == "load v1-in 11-24 already_scanned+missed recorded"
    assert short(await scan(house, loan, "H")) == "load v1-in 11-24 already_scanned"


async def test_how_long_a_van_is_waited_for_is_a_setting(filled: str) -> None:
    async with open_house(Settings(database_url=filled, scan_grace_minutes=0)) as house:
        loan = await shipped(house)
        await house.later(hours=2, minutes=30)
        assert short(await get(house, f"/v1/scans/{loan}", location="H")) == "load v1-in 11-23"
        await house.later(minutes=1)
        assert short(await scan(house, loan, "H")) == "load v1-in 11-24 missed recorded"


async def test_what_is_not_under_way_is_put_aside(house: House) -> None:
    loan = await house.asked()
    assert short(await scan(house, loan, "H")) == "put_aside not_sent"
    await house.acted(loan, "Loaned")
    await house.acted(loan, "Received")
    assert short(await scan(house, loan, "H")) == "put_aside with_reader"
    await house.acted(loan, "ShippedReturn", forward=False)
    assert short(await get(house, f"/v1/scans/{code_of(UUID(loan), 'there')}")) == "stranded wrong_slip"
    await house.acted(loan, "LoanCompleted")
    assert short(await scan(house, loan, "H")) == "put_aside ended"
    other = await house.asked()
    await house.acted(other, "Cancel")
    assert short(await scan(house, other, "H")) == "put_aside cancelled"


@pytest.mark.parametrize("code", ["9789000000005", str(UUID(int=7)), "1" * 40])
async def test_an_unknown_code_is_said_to_be_one(house: House, code: str) -> None:
    assert (await scan(house, code, "H", status=404))["type"] == "/problems/unknown-code"
    assert (await scan(house, code_of(UUID(int=1), "there"), "X", status=404))["type"] == "/problems/unknown-location"


async def test_whoever_holds_another_pois_envelope_is_told_where_it_must_go(house: House) -> None:
    loan = await shipped(house)
    made = await house.client.post("/v1/keys", json={"agency": "ZUID", "scopes": ["planner"], "poi": "V2 vans"})
    assert made.status_code == 201, made.text
    seen = await scan(house, loan, "far", authorization=f"Bearer {made.json()['key']}")
    assert (seen["verdict"], seen["wrong"], seen["recorded"]) == ("replan", ["wrong_place", "not_yours"], False)
    assert (seen["destination"], seen["title"], seen["requesting_agency_request_id"]) == (PLACES["desk"], None, None)
    async with house.ground.database.transaction() as connection:
        await connection.execute("delete from api_key")
