"""What the vans are going to carry, on the small network with a year of history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.settings import Settings
from app.store.keys import add_key
from tests.support.filled import fill, run_sql
from tests.support.history import hand_over
from tests.support.house import House, open_house

CAPACITY = "update timetable_trip set crate_capacity = 1 where id = 'v1-out'"


@pytest.fixture(scope="module")
async def filled(database_url: str) -> str:
    """Eight items every weekday from the branch to the desk, for a year; the first van takes one crate."""
    await fill(database_url)
    await hand_over(database_url)
    await run_sql(database_url, CAPACITY)
    return database_url


@pytest.fixture
async def house(filled: str) -> AsyncIterator[House]:
    await run_sql(filled, "delete from task; delete from loan_request where outcome is null")
    async with open_house(Settings(database_url=filled, items_per_crate=9)) as opened:
        yield opened


async def get(house: House, path: str, **params: Any) -> Any:
    answer = await house.client.get(f"/v1/load{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def under_way(house: House, count: int) -> list[str]:
    """Have loan requests shipped now."""
    found = [await house.asked() for _ in range(count)]
    for loan in found:
        await house.acted(loan, "WillSupply")
        await house.acted(loan, "Loaned")
    return found


async def test_a_leg_carries_what_is_under_way_and_what_is_forecast(house: House) -> None:
    await under_way(house, 2)
    found = await get(house, "", days=1, route="V1")
    (model,) = [found.pop("model")]
    out, into = found.pop("items")
    assert found == {
        "since": "2026-11-23",
        "until": "2026-11-24",
        "made_at": "2026-11-23T08:00:00+01:00",
        "network_version": "first",
        "items_per_crate": 9,
        "elsewhere": 0,
        "unplaced": 0.0,
        "next_cursor": None,
    }
    assert (model["since"], model["until"], model["items"]) == ("2025-11-24", "2026-11-23", 8 * 5 * 52)
    assert out == {
        "service_date": "2026-11-23",
        "route_id": "V1",
        "trip_id": "v1-out",
        "operator": "V1 vans",
        "sequence": 1,
        "from_location": "branch",
        "to_location": "H",
        "departs_at": "2026-11-23T09:00:00+01:00",
        "arrives_at": "2026-11-23T10:00:00+01:00",
        "items": {"under_way": 2, "forecast": 8.0, "expected": 10.0, "low": 7, "high": 14},
        "crates": {"expected": 1.11, "high": 1.56, "capacity": 1},
        "overfull": True,
        "chance_overfull": out["chance_overfull"],
    }
    # More than seven of eight, which chance alone scatters.
    assert out["chance_overfull"] == pytest.approx(0.547, abs=0.01)
    assert (into["trip_id"], into["items"]) == ("v1-in", out["items"])
    assert (into["crates"]["capacity"], into["overfull"], into["chance_overfull"]) == (None, False, None)


async def test_routes_by_day_add_up_to_what_is_handed_over(house: House) -> None:
    found = await get(house, "/routes")
    by_route = {row["route_id"]: 0.0 for row in found["items"]}
    for row in found["items"]:
        by_route[row["route_id"]] += row["items"]["forecast"]
    # Ten weekdays, on each of which an item rides two trips of the route.
    assert by_route == {"L": 0.0, "V1": pytest.approx(10 * 8 * 2, rel=0.02), "V2": 0.0}
    first = found["items"][1]
    assert (first["service_date"], first["route_id"], first["trips"]) == ("2026-11-23", "V1", 2)
    assert first["fullest"]["trip_id"] == "v1-out"
    assert first["overfull_legs"] == 0


@pytest.mark.parametrize("location", ["branch", "desk"])
async def test_nothing_is_expected_from_or_for_a_location_that_stands_still(house: House, location: str) -> None:
    closed = {"location": location, "since": "2026-11-24", "until": "2026-11-26"}
    made = await house.client.post("/v1/suspensions", json=closed)
    assert made.status_code == 201, made.text
    try:
        rows = (await get(house, "/routes", route="V1", days=5))["items"]
        by_day = {row["service_date"][8:]: row["items"]["forecast"] for row in rows}
        # On each of the other days eight items ride two trips, and none come after those that were closed.
        assert by_day == pytest.approx({"23": 16, "24": 0, "25": 0, "26": 16, "27": 16}, rel=0.02)
    finally:
        await house.client.delete(f"/v1/suspensions/{made.json()['id']}")


async def test_pages_of_legs_are_the_whole_list(house: House) -> None:
    whole = (await get(house, "", limit=1000))["items"]
    pages: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = await get(house, "", limit=7, **cursor)
        pages += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert pages == whole
    assert len(whole) == 10 * 3 + 4
    assert whole == sorted(whole, key=lambda row: (row["service_date"], row["route_id"], row["departs_at"]))
    assert (await get(house, "", operator="V2 vans", days=1))["items"][0]["trip_id"] == "v2-out"


async def test_only_overfull_legs(house: House) -> None:
    assert (await get(house, "", overfull="true"))["items"] == []
    await under_way(house, 2)
    (full,) = (await get(house, "", overfull="true"))["items"]
    assert (full["trip_id"], full["service_date"]) == ("v1-out", "2026-11-23")


async def test_behind_a_trip_are_its_loan_requests_and_pairs(house: House) -> None:
    loans = await under_way(house, 2)
    (leg,) = (await get(house, "/trips/v1-out/2026-11-23"))["items"]
    assert sorted(leg["loan_requests"]) == sorted(loans)
    (pair,) = leg["pairs"]
    weekdays = pair.pop("weekdays")
    assert pair == {
        "from_location": "branch",
        "to_location": "desk",
        "items": 8.0,
        "seen": 2080,
        "share": 1.0,
        "level": pytest.approx(8 * 5 / 7, abs=0.01),
    }
    assert weekdays == pytest.approx([1.4] * 5 + [0.0] * 2, abs=0.01)
    assert leg["pairs_in_all"] == 1


async def test_what_was_handed_over_today_is_not_forecast_again(house: House) -> None:
    before = (await get(house, "/routes", days=1))["items"][1]["items"]["forecast"]
    await house.later(hours=1)  # nine o'clock: all that comes on a day has come
    after = (await get(house, "/routes", days=1))["items"][1]["items"]["forecast"]
    assert (before, after) == (pytest.approx(16, rel=0.02), 0.0)


async def test_a_cancelled_trip_carries_nothing_and_what_it_carried_rides_the_next(house: House) -> None:
    cancelled = {"trip_id": "v1-out", "service_date": "2026-11-24"}
    assert (await house.client.post("/v1/trips/cancellations", json=cancelled)).status_code == 201
    found = (await get(house, "", days=3, route="V1"))["items"]
    out = {row["service_date"]: row["items"]["forecast"] for row in found if row["trip_id"] == "v1-out"}
    assert out == {"2026-11-23": pytest.approx(8, rel=0.02), "2026-11-25": pytest.approx(16, rel=0.02)}
    assert (await house.client.get("/v1/load/trips/v1-out/2026-11-24")).status_code == 404
    await house.client.delete("/v1/trips/cancellations/v1-out/2026-11-24")


async def test_a_late_trip_carries_what_it_was_going_to_carry(house: House) -> None:
    await under_way(house, 2)
    late = {"trip_id": "v1-in", "service_date": "2026-11-23", "delay_seconds": 900}
    assert (await house.client.post("/v1/trips/changes", json=late)).status_code in (200, 201)
    before = await get(house, "", days=1, route="V1")  # planned on the trip as it was to run
    await house.work()
    after = await get(house, "", days=1, route="V1")
    for found in (before, after):
        assert [(row["trip_id"], row["items"]["expected"]) for row in found["items"]] == [
            ("v1-out", 10.0),
            ("v1-in", 10.0),
        ]
        assert found["elsewhere"] == 0
    await house.client.delete("/v1/trips/changes/v1-in/2026-11-23")


async def test_nobody_waits_for_what_is_learned_of_a_new_day(house: House) -> None:
    await get(house, "/routes", days=1)
    await house.later(days=1)
    shown = await get(house, "/routes", days=2)
    first = shown["model"]["until"]
    by_day = [row["items"]["forecast"] for row in shown["items"] if row["route_id"] == "V1"]
    assert by_day == [pytest.approx(16, rel=0.02)] * 2, "what yesterday expected of today counts once"
    learned = first
    for _ in range(200):
        if learned != first:
            break
        await asyncio.sleep(0.05)
        learned = (await get(house, "/routes", days=1))["model"]["until"]
    assert (first, learned) == ("2026-11-23", "2026-11-24")


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"from": "2026-11-22"}, "/from"),
        ({"from": "2026-12-08", "days": 14}, "/from"),
        ({"from": "soon"}, "/from"),
        ({"days": 15}, "/days"),
        ({"cursor": "W10"}, "/cursor"),
    ],
)
async def test_days_that_are_not_looked_at_are_refused(house: House, params: dict[str, Any], pointer: str) -> None:
    answer = await house.client.get("/v1/load", params=params)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def test_without_history_only_what_is_under_way_is_expected(filled: str) -> None:
    await run_sql(filled, "delete from task; delete from loan_request")
    async with open_house(Settings(database_url=filled)) as house:
        await under_way(house, 1)
        found = await get(house, "", route="V1", days=1)
        assert found["model"]["items"] == 0
        assert [row["items"]["expected"] for row in found["items"]] == [1.0, 1.0]


# Last: whoever makes a key ends the open mode that the others rely on.
async def test_a_planner_sees_loan_requests_in_its_own_vans_only(filled: str, house: House) -> None:
    await under_way(house, 1)
    settings = Settings(database_url=filled, admin_key="x")  # type: ignore[arg-type]
    async with house.ground.database.transaction() as connection:
        keys = {
            poi: (await add_key(connection, agency=f"POI-{poi}", scopes=["planner"], poi=f"{poi} vans")).key
            for poi in ("V1", "V2")
        }
    async with open_house(settings) as locked:
        shown = {}
        for poi, key in keys.items():
            answer = await locked.client.get(
                "/v1/load/trips/v1-out/2026-11-23", headers={"authorization": f"Bearer {key}"}
            )
            (leg,) = answer.json()["items"]
            shown[poi] = (leg["loan_requests"] is not None, leg["items"]["under_way"])
    assert shown == {"V1": (True, 1), "V2": (False, 1)}
