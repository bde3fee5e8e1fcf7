"""The map over HTTP: the document, what calls at a location, what goes on there, and what rides on a route."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from app.settings import Settings
from tests.support.filled import fill, run_sql
from tests.support.house import House, open_house

MAP = "/v1/network/versions/first/map"
WEEKDAYS = [True, True, True, True, True, False, False]


@pytest.fixture(scope="module")
async def filled(database_url: str) -> str:
    await fill(database_url)
    await run_sql(
        database_url,
        "update location set lat = 52.9925384, lon = 6.5642117 where id = 'desk';"
        " insert into location (id, name, valid_until) values ('gone', 'Gone', '2020-01-01')",
    )
    return database_url


@pytest.fixture
async def house(filled: str) -> AsyncIterator[House]:
    await run_sql(filled, "delete from task; delete from trip_cancellation; delete from loan_request")
    async with open_house(Settings(database_url=filled)) as opened:
        yield opened


async def got(house: House, path: str, **params: Any) -> Any:
    answer = await house.client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_version_is_one_document(house: House) -> None:
    found = await got(house, MAP)
    assert (found["version"], found["first_day"], found["last_day"]) == ("first", "2026-01-01", "2026-12-31")
    assert found["pois"] == [{"code": "NORD", "name": "Northern vans"}, {"code": "ZUID", "name": "Southern vans"}]
    assert found["provinces"][0] == {"code": "DR", "name": "Drenthe", "poi": "NORD"}
    assert [operator["name"] for operator in found["operators"]] == ["L vans", "V1 vans", "V2 vans"]
    places = {place["id"]: place for place in found["locations"]}
    assert list(places) == sorted(places)
    assert "gone" not in places, "it is over, and no van calls there"
    assert places["desk"] == {
        "id": "desk",
        "name": "Desk",
        "kind": "location",
        "agency": "NL-1",
        "province": "DR",
        "poi": "NORD",
        "system": None,
        "lat": 52.99254,
        "lon": 6.56421,
        "transfers": False,
        "served": True,
    }
    assert places["H"]["transfers"]
    assert not places["island"]["served"]
    names = [place["id"] for place in found["locations"]]
    assert [
        (
            route["id"],
            route["kind"],
            [(" ".join(names[stop] for stop in way["stops"]), way["trips"]) for way in route["patterns"]],
        )
        for route in found["routes"]
    ] == [
        ("L", "line_haul", [("N H", 1)]),
        ("V1", "round", [("branch H", 1), ("H desk", 1)]),
        ("V2", "round", [("far N", 1)]),
    ]
    assert found["routes"][0]["patterns"][0]["weekdays"] == WEEKDAYS
    assert found["routes"][2]["patterns"][0]["weekdays"] == [True, False, True, False, False, False, False]


async def test_the_map_is_sent_once_and_compressed_for_whoever_accepts_it(house: House) -> None:
    plain = await house.client.get(MAP, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    tag = plain.headers["etag"]
    async with house.client.stream("GET", MAP, headers={"accept-encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        body = b"".join([piece async for piece in packed.aiter_raw()])
    assert orjson.loads(gzip.decompress(body)) == plain.json()
    again = await house.client.get(MAP, headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_change_of_the_register_makes_another_map(house: House, filled: str) -> None:
    before = await house.client.get(MAP)
    await run_sql(
        filled, "update location set name = 'Front desk' where id = 'desk'; update epoch set number = number + 1"
    )
    after = await house.client.get(MAP, headers={"if-none-match": before.headers["etag"]})
    assert after.status_code == 200
    assert "Front desk" in after.text
    await run_sql(filled, "update location set name = 'Desk' where id = 'desk'; update epoch set number = number + 1")
    assert (await house.client.get(MAP)).headers["etag"] == before.headers["etag"]


async def test_what_is_not_there_is_said(house: House) -> None:
    for path, slug in {
        "/v1/network/versions/none/map": "unknown-network-version",
        "/v1/network/versions/first/routes/none": "unknown-route",
        "/v1/network/routes/none/load": "unknown-route",
        "/v1/locations/none/calls": "no-such-location",
        "/v1/locations/none/overview": "no-such-location",
    }.items():
        answer = await house.client.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["type"] == f"/problems/{slug}", path
    for params in ({"days": 0}, {"days": 32}, {"from": "2899-12-31"}, {"from": "tomorrow"}):
        assert (await house.client.get("/v1/locations/desk/calls", params=params)).status_code == 422, params


async def test_the_calls_at_a_location_by_the_clock_of_the_service(house: House) -> None:
    found = await got(house, "/v1/locations/H/calls", days=2)
    assert (found["network_version"], found["location"], found["from"]) == ("first", "H", "2026-11-23")
    told = [f"{call['trip_id']} {call['service_date'][5:]} {call['arrives_at'][5:16]}" for call in found["calls"]]
    assert told == [
        "v1-out 11-23 11-23T10:00",
        "v1-in 11-23 11-23T10:30",
        "line 11-23 11-24T01:10",  # past midnight: of the service day before
        "v1-out 11-24 11-24T10:00",
        "v1-in 11-24 11-24T10:30",
    ]
    assert found["calls"][0] == {
        "service_date": "2026-11-23",
        "route_id": "V1",
        "trip_id": "v1-out",
        "operator": "V1 vans",
        "from_location": "branch",
        "to_location": "H",
        "arrives_at": "2026-11-23T10:00:00+01:00",
        "departs_at": "2026-11-23T10:00:00+01:00",
        "pickup": True,
        "drop_off": True,
        "runs": True,
    }
    assert (await got(house, "/v1/locations/H/calls", **{"from": "2026-11-28", "days": 2}))["calls"][0][
        "trip_id"
    ] == "line"
    assert (await got(house, "/v1/locations/island/calls"))["calls"] == []


async def test_a_cancelled_trip_is_shown_as_one(house: House) -> None:
    asked = {"trip_id": "v1-out", "service_date": "2026-11-24"}
    assert (await house.client.post("/v1/trips/cancellations", json=asked)).status_code == 201
    found = await got(house, "/v1/locations/branch/calls", days=3)
    assert [call["runs"] for call in found["calls"]] == [True, False, True]


async def test_a_route_with_its_trips_and_what_rides_on_it(house: House) -> None:
    loan = await house.asked()
    assert (await got(house, "/v1/network/routes/V1/load"))["rides"] == []
    await house.acted(loan, "Loaned")
    route = await got(house, "/v1/network/versions/first/routes/V1")
    assert (route["operator"], route["route_type"]) == ("V1 vans", 3)
    trips = (await got(house, "/v1/network/versions/first/trips", route="V1"))["items"]
    assert [trip["id"] for trip in trips] == ["v1-out", "v1-in"]
    assert [call["stop_id"] for call in trips[0]["stop_times"]] == ["branch", "H"]
    found = await got(house, "/v1/network/routes/V1/load", days=1)
    assert found["rides"] == [
        {
            "trip_id": trip,
            "service_date": "2026-11-23",
            "from_location": start,
            "to_location": end,
            "departs_at": f"2026-11-23T{at}:00Z",
            "items": 1,
            "back": 0,
        }
        for trip, start, end, at in (("v1-out", "branch", "H", "08:00"), ("v1-in", "H", "desk", "09:30"))
    ]
    listed = (await got(house, "/v1/loan-requests", route="V1"))["items"]
    assert [row["id"] for row in listed] == [loan]
    assert (await got(house, "/v1/loan-requests", route="V2"))["items"] == []


async def test_what_goes_on_at_a_location(house: House) -> None:
    loan = await house.asked()
    found = await got(house, "/v1/locations/branch/overview")
    assert found["location"]["name"] == "Branch"
    assert found["holdings"] == [
        {"system": None, "titles": 3, "copies": 4, "available_known": 1, "loanable_titles": 3}
    ]
    assert found["under_way"] == [{"direction": "from", "item": "in_hand", "back": False, "loan_requests": 1}]
    await house.acted(loan, "Loaned")
    await house.acted(loan, "Received")
    desk = (await got(house, "/v1/locations/desk/overview"))["under_way"]
    assert desk == [{"direction": "here", "item": "at_pickup", "back": False, "loan_requests": 1}]
    await house.acted(loan, "ShippedReturn", forward=False)
    branch = (await got(house, "/v1/locations/branch/overview"))["under_way"]
    assert branch == [{"direction": "to", "item": "on_the_way_back", "back": True, "loan_requests": 1}]
    assert [row["id"] for row in (await got(house, "/v1/loan-requests", location="branch"))["items"]] == [loan]
    assert (await got(house, "/v1/loan-requests", location="far"))["items"] == []
    assert (await got(house, "/v1/locations/island/overview"))["under_way"] == []
