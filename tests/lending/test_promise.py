"""Once it was learned how suppliers answer, decisions promise, and what is kept says what they were made with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from app.lending.learn import LEARN, ensure_learning, learn_responses
from app.lending.work import work_off
from routing import Location, Register
from routing.hours import kinds_of
from routing.network import Network
from routing.promise import TICK, Suppliers, promised
from routing.prospect import ways_of
from routing.response import ANSWERS, BINS, ResponseModel
from routing.transport import transport_to
from routing.two import promised_by_two
from tests.lending.test_learn import moment, placed
from tests.support.filled import EVERYWHERE, run_sql
from tests.support.house import House

ASKED: dict[str, Any] = {
    "title": {"isbn": EVERYWHERE},
    "pickup_location": "desk",
    "requested_at": "2026-11-23T08:00:00+01:00",
}
EXPECTED = {"requesting": {"rota_order": "expected"}}


@pytest.fixture(autouse=True)
async def nothing_learned(filled: str) -> AsyncIterator[None]:
    yield
    await run_sql(filled, "delete from response_model; truncate policy; update epoch set number = number + 1")


async def learn(house: House) -> None:
    ground = replace(house.ground, responses_least=1)
    async with ground.database.transaction() as connection:
        await ensure_learning(connection, ground)
        await connection.execute("update task set due_at = $1 where kind = 'learn'", ground.clock.now())
    assert await work_off(ground, kinds={LEARN: learn_responses}) == 1


async def decide(house: House, **changes: Any) -> dict[str, Any]:
    asked = {
        "title": {"isbn": EVERYWHERE},
        "pickup_location": "desk",
        "requested_at": "2026-11-23T08:00:00+01:00",
    }
    answer = await house.client.post("/v1/decisions", json=asked | changes)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_before_anything_was_learned_nothing_is_promised(house: House) -> None:
    decision = await decide(house)
    assert decision["rota"]
    assert [decision["promise"], *(entry["promise"] for entry in decision["rota"])] == [None] * 3
    assert {entry["response"] for entry in decision["rota"]} == {None}
    assert decision["response_model"] is None


async def test_a_promise_is_made_of_what_was_learned_and_kept_with_it(house: House, filled: str) -> None:
    house.clock.set(moment("22", "18:00"))
    await placed(filled, "far 20 09:00 20 10:30 Returned", times=40)
    await learn(house)
    house.clock.set(moment("23", "08:00"))
    decision = await decide(house)
    first = decision["rota"][0]
    assert decision["promise"] == first["promise"]
    assert first["arrives_at"] <= first["promise"]["p50"] <= first["promise"]["p90"]
    assert 0.9 < first["promise"]["chance"] <= 1
    response = {entry["supplying_location"]: entry["response"] for entry in decision["rota"]}
    for each in response.values():
        assert (len(each["supplied"]), len(each["declined"])) == (BINS, BINS)
        assert sum(each["supplied"]) + sum(each["declined"]) + each["silent"] == pytest.approx(1, abs=1e-5)
    # Forty times within two open hours; of the other nothing is known but what its province and the network tell.
    assert response["far"]["supplied"][1] > 0.8
    assert sum(response["far"]["supplied"]) > sum(response["branch"]["supplied"])
    assert [len(entry["response"]["missed"]) for entry in decision["rota"]] == [
        len(entry["legs"]) for entry in decision["rota"]
    ]
    loan = await house.asked()
    kept = (await house.client.get(f"/v1/loan-requests/{loan}/decision")).json()
    for name in ("promise", "rota", "policy", "response_model"):
        assert kept[name] == decision[name]
    assert (await house.look(loan))["rota"][0]["promise"] == first["promise"]


@pytest.mark.parametrize("at_once", [1, 2])
async def test_what_is_kept_suffices_to_reckon_the_promise_again(house: House, filled: str, at_once: int) -> None:
    """With the timetable of the version that it names, and nothing else."""
    said = {"requesting": {"at_once": at_once}}
    house.clock.set(moment("22", "18:00"))
    await placed(filled, "far 20 09:00 20 10:30 Returned", times=40)
    await placed(filled, "branch 19 09:00 20 17:00 Unfilled", times=20)
    await learn(house)
    await run_sql(filled, "insert into lapse_rule (agency, service_level, open_days) values ('NL-2', '', 3)")
    await run_sql(filled, "update location set opening_hours = 'Mo-Fr 10:00-16:00' where id = 'desk'")
    await run_sql(filled, "update epoch set number = number + 1")
    house.clock.set(moment("23", "08:00"))
    assert (await house.client.post("/v1/policies", json=said)).status_code == 201
    loan = await house.asked()
    network = (await house.ground.snapshot.follow()).network
    await run_sql(
        filled,
        "delete from lapse_rule where agency = 'NL-2'; update location set opening_hours = '' where id = 'desk';"
        " delete from response_model; update epoch set number = number + 1",
    )
    kept = (await house.client.get(f"/v1/loan-requests/{loan}/decision")).json()
    assert {entry["supplying_location"]: entry["response"]["lapse_days"] for entry in kept["rota"]} == {
        "branch": 3,
        "far": 8,
    }
    assert (kept["opening_hours"], kept["policy"]["at_once"]) == ("Mo-Fr 10:00-16:00", at_once)
    for entry, (p50, p90, by) in zip(kept["rota"], again(kept, network), strict=True):
        promise = entry["promise"]
        assert [datetime.fromisoformat(promise[name]).timestamp() for name in ("p50", "p90")] == [p50, p90]
        assert [promise["by_p50"], promise["by_p90"]] == pytest.approx(by, abs=1e-4)


def again(kept: dict[str, Any], network: Network) -> Iterator[tuple[float, float, list[float]]]:
    """Reckon p50, p90 and what has come by then, of each entry, from a decision for desk as it is kept."""
    entries = kept["rota"]
    hours = {entry["supplying_location"]: entry["response"]["opening_hours"] for entry in entries}
    every = {**hours, "desk": kept["opening_hours"]}
    register = Register({}, {name: Location(name, opening_hours=said) for name, said in every.items()})
    response = [entry["response"] for entry in entries]
    missed = {
        leg["route_id"]: share
        for entry in entries
        for leg, share in zip(entry["legs"], entry["response"]["missed"], strict=True)
    }
    model = ResponseModel("kept", np.zeros((1, ANSWERS)), {}, {}, {}, missed=missed)
    requested = int(datetime.fromisoformat(kept["requested_at"]).timestamp())
    transport = transport_to(network, "desk", requested=requested, horizon_days=kept["policy"]["horizon_days"])
    kinds, window = kinds_of(register)[1], transport.window
    suppliers = Suppliers(
        stop=np.array([network.stop_positions[name] for name in hours], dtype=np.int32),
        kind=np.array([kinds[name] for name in hours], dtype=np.int32),
        supplied=np.array([[0.0, *np.cumsum(each["supplied"])] for each in response]),
        declined=np.array([each["declined"] for each in response]),
        silent=np.array([each["silent"] for each in response]),
        lapse_days=np.array([each["lapse_days"] for each in response], dtype=np.int32),
    )
    reckon = promised_by_two if kept["policy"]["at_once"] == 2 else promised
    moments, by, _ = reckon(
        ways_of(transport, register, model),
        suppliers,
        np.arange(len(entries), dtype=np.int32),
        len(entries),
        requested - window.start,
        window.length // TICK + 1,
    )
    for (p50, p90), shares in zip((moments + window.start).tolist(), by.tolist(), strict=True):
        yield float(p50), float(p90), shares


async def test_who_says_no_is_asked_later_where_the_policy_wants_the_expected_order(
    house: House, filled: str
) -> None:
    house.clock.set(moment("22", "18:00"))
    await placed(filled, "branch 17 09:00 20 17:00 Unfilled", times=60)
    await placed(filled, "far 20 09:00 20 10:30 Returned", times=60)
    await learn(house)
    house.clock.set(moment("23", "08:00"))
    plain = await decide(house)
    assert [entry["supplying_location"] for entry in plain["rota"]] == ["branch", "far"]
    await house.asked()
    await house.later(minutes=1)
    tried = (await house.client.post("/v1/policies/preview", json=EXPECTED)).json()
    assert [one["after"]["supplying_location"] for one in tried["examples"]] == ["far"], "a dry run goes by it too"
    assert (await house.client.post("/v1/policies", json=EXPECTED)).status_code == 201
    expected = await decide(house)
    assert [entry["supplying_location"] for entry in expected["rota"]] == ["far", "branch"]
    assert expected["policy"]["rota_order"] == "expected"
    assert expected["promise"]["p90"] < plain["promise"]["p90"]
    assert await decided_by(house, "branch") == "expected"
    circles = {"requesting": {"rota_order": "expected", "circles": ["province"]}}
    assert (await house.client.post("/v1/policies", json=circles)).status_code == 201
    near = await decide(house)
    assert [(entry["supplying_location"], entry["precedence"]) for entry in near["rota"]] == [
        ("branch", 0),
        ("far", 2),
    ]
    assert await decided_by(house, "far") == "precedence"


async def decided_by(house: House, location: str) -> str | None:
    """What a location falls behind by."""
    answer = await house.client.post("/v1/decisions/comparison", json={**ASKED, "location": location})
    assert answer.status_code == 200, answer.text
    found: str | None = answer.json()["decided_by"]
    return found
