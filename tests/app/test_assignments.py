"""POST /v1/assignments, as whoever plans a morning sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.api.assignment_shapes import AssignmentShape
from app.api.bodies import MAX_BODY_BYTES
from app.settings import Settings
from tests.support.filled import BY_PPN, EVERYWHERE, client_of, fill, run_sql, running

MONDAY = "2026-11-23T07:30:00+01:00"
ASKED = {"title": {"isbn": EVERYWHERE}, "pickup_location": "desk"}

Agreed = Callable[..., Awaitable[None]]

pytestmark = pytest.mark.usefixtures("filled")


@pytest.fixture(scope="module")
async def filled(database_url: str) -> str:
    await fill(database_url)
    return database_url


@pytest.fixture
async def client(filled: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running(Settings(database_url=filled, items_per_crate=1)) as app, client_of(app) as client:
        yield client


async def assigned(client: httpx.AsyncClient, *requests: dict[str, Any], **more: Any) -> dict[str, Any]:
    batch = [{"id": str(at), **ASKED, **one} for at, one in enumerate(requests)]
    answer = await client.post("/v1/assignments", json={"requests": batch, "requested_at": MONDAY} | more)
    assert answer.status_code == 200, answer.text
    AssignmentShape.model_validate_json(answer.content, strict=False)
    document: dict[str, Any] = answer.json()
    assert set(document) == set(AssignmentShape.model_fields)
    return document


async def test_alone_it_is_what_a_decision_puts_first(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/decisions", json={**ASKED, "requested_at": MONDAY})
    first = answer.json()["rota"][0]
    found = await assigned(client, {})
    (item,) = found["items"]
    supply = item["supply"]
    assert {name: supply[name] for name in supply if name != "weight"} == {
        name: first[name] for name in supply if name != "weight"
    }
    assert (item["own_best"], item["differs"], item["reasons"], item["refusals"]) == (None, [], [], [])
    assert (found["requests"], found["served"], found["finished"]) == (1, 1, True)
    assert found["lower_bound"] <= found["weight"] == supply["weight"]
    # Three and a half hours at ten cents, and a trace of the handling.
    assert supply["weight"] == pytest.approx(35, abs=0.01)


async def test_quotas_send_the_second_elsewhere(client: httpx.AsyncClient) -> None:
    found = await assigned(client, {}, {}, quotas={"branch": 1})
    by_place = {item["supply"]["supplying_location"]: item for item in found["items"]}
    assert set(by_place) == {"branch", "far"}
    other = by_place["far"]
    assert other["own_best"]["supplying_location"] == "branch"
    assert other["reasons"] == ["The quota of branch, 1 that day, is reached."]
    assert other["differs"] == [{"kind": "quota", "most": 1, "location": None, "by": [], "of": "branch", "leg": None}]


async def test_what_is_not_served_says_why(client: httpx.AsyncClient) -> None:
    found = await assigned(client, {}, quotas={"NL-2": 0, "NL-3": 0})
    (item,) = found["items"]
    assert item["supply"] is None
    assert found["served"] == 0
    assert item["own_best"]["supplying_location"] == "branch"
    assert item["reasons"] == ["The quota of NL-2, 0 that day, is reached."]
    found = await assigned(client, {"exclude": ["NL-2", "NL-3"]})
    (item,) = found["items"]
    assert item["reasons"] == ["Nobody can supply it: the refusals say why."]
    assert {"excluded"} <= {refusal["reason"] for refusal in item["refusals"]}


async def test_a_van_takes_no_more_than_its_crates(client: httpx.AsyncClient, filled: str) -> None:
    await run_sql(filled, "update timetable_trip set crate_capacity = 1 where id = 'v1-in'")
    found = await assigned(client, {}, {"title": {"isbn": EVERYWHERE}})
    reasons = [item["reasons"] for item in found["items"] if item["reasons"]]
    assert len(reasons) == 1
    assert any(reason.startswith("Trip v1-in is full from H (Mon 23 Nov 2026 10:30)") for reason in reasons[0])
    await run_sql(filled, "update timetable_trip set crate_capacity = null")


async def test_an_isbn_and_a_ppn_of_one_work_share_its_copies(client: httpx.AsyncClient) -> None:
    only_branch = {"exclude": ["NL-3"]}
    found = await assigned(client, only_branch, {"title": {"ppn": BY_PPN}, **only_branch}, only_branch)
    assert found["served"] == 2
    (left,) = (item for item in found["items"] if item["supply"] is None)
    others = [item["id"] for item in found["items"] if item is not left]
    assert left["reasons"] == [f"Each of 2 copies at branch goes to {', '.join(others)}."]
    assert left["differs"][0]["by"] == others


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"requests": []}, "/requests"),
        ({"requests": [{"id": "1", **ASKED}, {"id": "1", **ASKED}]}, ""),
        ({"requests": [{"id": "1", **ASKED, "pickup_location": "nowhere"}]}, "/requests/0/pickup_location"),
        (
            {"requests": [{"id": "1", **ASKED}, {"id": "2", **ASKED, "title": {"isbn": "9789000000104"}}]},
            "/requests/1/title",
        ),
        ({"requests": [{"id": "1", **ASKED}], "quotas": {"branch": -1}}, "/quotas/branch"),
        ({"requests": [{"id": "1", **ASKED}], "quotas": {"NL-TYPO/1": 3}}, "/quotas/NL-TYPO~11"),
        ({"requests": [{"id": "1", **ASKED, "limit": 3}]}, "/requests/0/limit"),
    ],
)
async def test_what_is_wrong_is_named(client: httpx.AsyncClient, change: dict[str, Any], pointer: str) -> None:
    answer = await client.post("/v1/assignments", json={"requested_at": MONDAY, **change})
    assert answer.status_code == 422, answer.text
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


@pytest.fixture
async def agreed(client: httpx.AsyncClient, filled: str) -> AsyncIterator[Agreed]:
    """Say what the desk's own agency agreed long ago; it is forgotten afterwards."""

    async def agree(**requesting: Any) -> None:
        answer = await client.post("/v1/policies", json={"agency": "NL-1", "requesting": requesting})
        assert answer.status_code == 201, answer.text
        # What is agreed today does not hold for the days of this timetable once they are past.
        await run_sql(filled, "update policy set valid_from = '2026-01-01'; update epoch set number = number + 1")

    yield agree
    await run_sql(filled, "delete from policy; update epoch set number = number + 1")


async def test_whoever_waits_at_a_high_price_is_served_all_the_same(
    client: httpx.AsyncClient, agreed: Agreed
) -> None:
    """Not to be served weighs by the same policy as to wait."""
    await agreed(cents_per_hour=1000.0)
    found = await assigned(client, {})
    assert found["served"] == 1


async def test_nothing_arrives_beyond_the_counter_s_own_horizon(client: httpx.AsyncClient, agreed: Agreed) -> None:
    late = {"requested_at": "2026-11-27T20:00:00+01:00"}  # a Friday evening, and vans drive on Monday
    assert (await assigned(client, {}, **late))["served"] == 1
    await agreed(horizon_days=1)
    found = await assigned(client, {}, **late)
    assert found["served"] == 0
    assert "unreachable" in {refusal["reason"] for refusal in found["items"][0]["refusals"]}
    decision = (await client.post("/v1/decisions", json={**ASKED, **late})).json()
    assert decision["rota"] == []


async def test_a_large_batch_is_taken(client: httpx.AsyncClient) -> None:
    batch = [{"id": f"{at:0>100}", **ASKED} for at in range(2_000)]
    assert len(str(batch)) > MAX_BODY_BYTES
    answer = await client.post("/v1/assignments", json={"requests": batch, "requested_at": MONDAY})
    assert answer.status_code == 200
    assert answer.json()["requests"] == 2_000
