"""Why a decision is as it is, over HTTP: any location beside the first, a loan request's decision, and its way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.settings import Settings
from tests.support.filled import EVERYWHERE, NOWHERE, VOLUMES, fill, run_sql
from tests.support.house import House, open_house

QUESTION = {
    "title": {"isbn": EVERYWHERE},
    "pickup_location": "desk",
    "requested_at": "2026-11-23T07:00:00+01:00",
    "objective": "fastest",
}


@pytest.fixture(scope="module")
async def filled(database_url: str) -> str:
    await fill(database_url)
    return database_url


@pytest.fixture
async def house(filled: str) -> AsyncIterator[House]:
    await run_sql(filled, "delete from task; delete from loan_request")
    async with open_house(Settings(database_url=filled)) as opened:
        yield opened


async def compared(house: House, location: str, **changes: Any) -> dict[str, Any]:
    answer = await house.client.post("/v1/decisions/comparison", json={**QUESTION, "location": location, **changes})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def criteria(found: dict[str, Any]) -> list[str]:
    return [
        f"{each['criterion']} {each['first']:g} {each['location']:g} {each['difference']:+g}"
        for each in found["criteria"]
    ]


async def test_one_lower_on_the_rota_is_compared_by_what_it_comes_to(house: House) -> None:
    decision = (await house.client.post("/v1/decisions", json=QUESTION)).json()
    first, second = decision["rota"][:2]
    found = await compared(house, second["supplying_location"])
    assert (found["standing"], found["rank"], found["entries"]) == ("lower", 2, len(decision["rota"]))
    assert found["first"] == first
    assert found["would"] == {
        name: second[name]
        for name in ("ready_at", "arrives_at", "cost_cents", "cost_parts", "handlings", "legs", "reasons")
    }
    assert found["criteria"][0]["criterion"] == found["decided_by"] == "arrival"
    assert found["criteria"][0]["difference"] > 0
    assert found["refusal"] is None


async def test_the_first_is_as_the_first(house: House) -> None:
    found = await compared(house, "branch")
    assert (found["standing"], found["decided_by"]) == ("first", None)
    assert criteria(found) == ["arrival 14400 14400 +0", "handlings 1 1 +0", "cost 0 0 +0"]


async def test_one_that_is_refused_is_told_what_it_would_have_taken(house: House) -> None:
    found = await compared(house, "desk")
    assert found["standing"] == "refused"
    assert found["refusal"]["reason"] == "unavailable"
    assert found["would"]["legs"] == []
    assert criteria(found) == ["arrival 14400 0 -14400", "handlings 1 0 -1", "cost 0 0 +0"]
    assert found["decided_by"] is None


async def test_one_that_no_van_serves_is_told_so(house: House) -> None:
    found = await compared(house, "island")
    assert (found["standing"], found["would"], found["criteria"]) == ("refused", None, [])
    assert found["no_way"] == "No van calls at island."


async def test_one_that_holds_nothing_is_told_what_it_would_have_taken(house: House) -> None:
    found = await compared(house, "far", title={"isbn": VOLUMES})
    assert (found["standing"], found["refusal"], found["no_way"]) == ("no_holder", None, None)
    assert [leg["trip_id"] for leg in found["would"]["legs"]] == ["v2-out", "line", "v1-in"]
    assert found["would"]["cost_cents"] == 1075


@pytest.mark.parametrize(
    ("objective", "order"),
    [
        ("fastest", ["arrival", "handlings", "cost"]),
        ("cheapest", ["cost", "arrival", "handlings"]),
        ("fewest_handlings", ["handlings", "arrival", "cost"]),
        ("balanced", ["balance", "arrival", "handlings", "cost"]),
    ],
)
async def test_criteria_come_in_the_order_of_the_objective(house: House, objective: str, order: list[str]) -> None:
    found = await compared(house, "far", objective=objective)
    assert [each["criterion"] for each in found["criteria"]] == order
    assert found["standing"] == "lower"
    assert found["decided_by"] == order[0]


async def test_what_hinders_a_location_does_not_hide_what_it_would_take(house: House, filled: str) -> None:
    found = await compared(house, "far", exclude=["NL-3"], max_cost_cents=0)
    assert (found["standing"], found["refusal"]["reason"]) == ("refused", "excluded")
    assert found["would"]["cost_cents"] == 1075
    suspended = {"agency": "NL-3", "since": "2026-01-01"}
    made = await house.client.post("/v1/suspensions", json=suspended)
    assert made.status_code == 201, made.text
    try:
        found = await compared(house, "far")
        assert found["refusal"]["reason"] == "suspended"
        assert found["would"] is not None
    finally:
        await run_sql(filled, "delete from suspension; update epoch set number = number + 1")


async def test_what_cannot_be_compared_is_said(house: House) -> None:
    for changes, status in (
        ({"location": "nowhere"}, 404),
        ({"title": {"isbn": NOWHERE}}, 404),
        ({"location": ""}, 422),
        ({"elsewhere": 1}, 422),
    ):
        body = {**QUESTION, "location": "far", **changes}
        assert (await house.client.post("/v1/decisions/comparison", json=body)).status_code == status, changes


async def test_a_loan_requests_own_decision_and_a_location_beside_it(house: House) -> None:
    loan = await house.asked()
    whole = await house.look(loan)
    decision = (await house.client.get(f"/v1/loan-requests/{loan}/decision")).json()
    assert (decision["number"], decision["isbn"], decision["pickup_location"]) == (2, EVERYWHERE, "desk")
    assert decision["objective"] == "fastest"
    assert (decision["rota"], decision["refusals"]) == (whole["rota"], whole["refusals"])
    found = (await house.client.get(f"/v1/loan-requests/{loan}/comparison", params={"location": "far"})).json()
    assert (found["standing"], found["rank"], found["decided_by"]) == ("lower", 2, "arrival")
    assert found["requested_at"] == decision["requested_at"]
    one = await house.asked(limit=1)
    found = (await house.client.get(f"/v1/loan-requests/{one}/comparison", params={"location": "far"})).json()
    assert found["standing"] == "not_listed"
    assert found["would"]["cost_cents"] == 1075
    answer = await house.client.get(f"/v1/loan-requests/{loan}/comparison", params={"location": "nowhere"})
    assert answer.status_code == 404


async def where(house: House, loan: str) -> str:
    way = (await house.client.get(f"/v1/loan-requests/{loan}/way")).json()
    now = way["now"]
    place = now["leg"]["trip_id"] if now["leg"] else now["location"]
    legs = [" ".join(leg["trip_id"] for leg in way[part]) for part in ("there", "back")]
    return f"{way['there_as']} {legs[0]} / {legs[1]}: {now['how']} {now['state']} {place}"


async def test_where_the_item_is_from_the_shelf_and_home_again(house: House) -> None:
    loan = await house.asked()
    assert await where(house, loan) == "decided v1-out v1-in / : said at branch"
    await house.acted(loan, "Loaned")
    assert await where(house, loan) == "planned v1-out v1-in / : seen at branch"
    await house.later(hours=1.5)
    assert await where(house, loan) == "planned v1-out v1-in / : planned riding v1-out"
    await house.later(minutes=45)
    assert await where(house, loan) == "planned v1-out v1-in / : planned at H"
    await house.acted(loan, "Scan", location="H")
    assert await where(house, loan) == "planned v1-out v1-in / : seen at H"
    await house.later(hours=3)
    await house.acted(loan, "Received")
    assert await where(house, loan) == "decided v1-out v1-in / : said at desk"
    await house.acted(loan, "ShippedReturn", forward=False)
    way = (await house.client.get(f"/v1/loan-requests/{loan}/way")).json()
    assert way["now"]["location"] == "desk"
    await house.acted(loan, "LoanCompleted")
    assert await where(house, loan) == "decided v1-out v1-in / : said at branch"
