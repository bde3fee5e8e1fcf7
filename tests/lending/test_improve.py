"""Before the vans leave it is chosen again for what nobody has pulled yet, and only what gains is moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time
from typing import Any

import pytest

from adapters.contract import Unavailable
from app.lending.work import work_off
from app.planning.improve import IMPROVE, Improving, find_moves, improve, make, movable, next_of
from tests.lending.test_learn import placed
from tests.lending.test_promise import learn
from tests.support.filled import run_sql
from tests.support.house import House
from tests.support.scripted import Scripted

ONE_COPY = (
    "update holding set copies = 1, available = 1 where location = 'branch';"
    " update holding set copies = 3, available = 3 where location = 'far'"
)


@pytest.fixture(autouse=True)
async def one_copy(filled: str) -> AsyncIterator[None]:
    """One copy at the branch, whose van leaves first; the others are far away."""
    await run_sql(filled, f"delete from loan_request; {ONE_COPY}")
    yield
    await run_sql(filled, "update holding set copies = 3, available = 3 where location = 'branch'; delete from task")


async def supplier(house: House, loan: str) -> str | None:
    found: str | None = (await house.look(loan))["supplying_location"]
    return found


async def both(house: House) -> tuple[str, str]:
    """Two loan requests: the first has the copy that both want, and is cancelled."""
    first, second = await house.asked(), await house.asked()
    assert [await supplier(house, first), await supplier(house, second)] == ["branch", "far"]
    await house.acted(first, "Cancel")
    return first, second


async def test_who_was_left_the_second_best_gets_the_best_once_it_is_free(house: House) -> None:
    _, second = await both(house)
    (move,) = await find_moves(house.ground, items_per_crate=20)
    assert (str(move.loan), move.from_location, move.to_location) == (second, "far", "branch")
    assert move.gain_cents > 100
    assert await improve(house.ground, items_per_crate=20) == 1
    await house.work()
    assert await supplier(house, second) == "branch"
    said = [event for event in await house.events(second) if event["event"] == "Override"]
    assert said[0]["note"].startswith("Serves better than far, which has not pulled it yet: by ")
    assert said[0]["by"] == "leenpad"
    assert await improve(house.ground, items_per_crate=20) == 0, "nothing is left to gain"


async def test_a_copy_that_another_has_is_not_taken_from_it(house: House) -> None:
    first, second = await house.asked(), await house.asked()
    assert await improve(house.ground, items_per_crate=20) == 0
    assert [await supplier(house, first), await supplier(house, second)] == ["branch", "far"]


@pytest.mark.parametrize("answer", ["WillSupply", "ExpectToSupply"])
async def test_whoever_has_answered_keeps_it(house: House, answer: str) -> None:
    _, second = await both(house)
    await house.acted(second, answer)
    assert await improve(house.ground, items_per_crate=20) == 0
    assert await supplier(house, second) == "far"


async def test_what_is_kept_of_a_move_says_whom_it_lies_with(house: House) -> None:
    _, second = await both(house)
    before = (await house.client.get(f"/v1/loan-requests/{second}/decision")).json()
    assert await improve(house.ground, items_per_crate=20) == 1
    await house.work()
    decision = (await house.client.get(f"/v1/loan-requests/{second}/decision")).json()
    assert [entry["supplying_location"] for entry in before["rota"]] == ["far"]
    assert [(entry["rank"], entry["supplying_location"]) for entry in decision["rota"]] == [(1, "branch"), (2, "far")]
    first = decision["rota"][0]
    assert first["precedence"] == -1
    assert first["reasons"][0] == "Chosen before all others."
    expected, arrives = (await house.look(second))["expected_at"], first["arrives_at"]
    assert datetime.fromisoformat(expected) == datetime.fromisoformat(arrives)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"requesting": {"central_collections": "first"}, "supplying": {"central_holders": ["far"]}}, "precedence"),
        ({"agency": "NL-2", "supplying": {"most_a_day": 1}}, "it was asked once today"),
        ({"requesting": {"cents_per_net_loan": 1.0}}, "balances are nothing an assignment weighs"),
    ],
)
async def test_nothing_is_moved_against_a_policy(house: House, filled: str, said: dict[str, Any], why: str) -> None:
    await both(house)
    try:
        assert (await house.client.post("/v1/policies", json=said)).status_code == 201
        house.ground.snapshot.burdens.forget()
        assert await find_moves(house.ground, items_per_crate=20) == [], why
    finally:
        await run_sql(filled, "delete from policy; update epoch set number = number + 1")
    (move,) = await find_moves(house.ground, items_per_crate=20)
    assert move.to_location == "branch", "without it, this one is"


async def test_a_rota_in_expected_order_is_not_turned_round_by_planned_vans(house: House, filled: str) -> None:
    await placed(filled, "far 20 09:00 20 10:30 Returned", times=5)
    await both(house)
    try:
        await learn(house)
        said = {"requesting": {"rota_order": "expected"}}
        assert (await house.client.post("/v1/policies", json=said)).status_code == 201
        assert await find_moves(house.ground, items_per_crate=20) == []
    finally:
        await run_sql(filled, "delete from policy; delete from response_model; update epoch set number = number + 1")


async def test_an_answer_that_comes_meanwhile_stands(house: House) -> None:
    _, second = await both(house)
    (move,) = await find_moves(house.ground, items_per_crate=20)
    await house.acted(second, "WillSupply")
    assert not await make(house.ground, move)
    assert await supplier(house, second) == "far"


async def test_nobody_is_let_go_for_one_whose_system_is_silent(house: House, systems: dict[str, Scripted]) -> None:
    systems["branch"].fresh_seconds = 0
    _, second = await both(house)
    (move,) = await find_moves(house.ground, items_per_crate=20)
    systems["branch"].fault = Unavailable("down")
    assert not await make(house.ground, move)
    await house.work()
    assert await supplier(house, second) == "far"
    assert "Override" not in str(await house.history(second))
    systems["branch"].fault = None
    assert await make(house.ground, move)


async def test_no_more_are_weighed_than_its_limit_and_those_that_may_not_move_do_not_count(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, second = await both(house)
    later = [await house.asked(pickup_location="branch") for _ in range(3)]
    state = await house.ground.snapshot.follow()
    monkeypatch.setattr("app.planning.improve.PAGE", 2)
    monkeypatch.setattr("app.planning.improve._may_move", lambda loan, _state, _at: str(loan.id) not in later[1:])
    async with house.ground.database.connection() as connection:
        for most, found in ((1, later[:1]), (2, [later[0], second]), (10, [later[0], second])):
            loans = await movable(connection, state, house.clock.now(), most=most)
            assert [str(loan.id) for loan in loans] == found


async def test_whom_the_requester_excludes_is_not_chosen(house: House) -> None:
    first, second = await house.asked(), await house.asked(exclude=["branch"])
    await house.acted(first, "Cancel")
    assert await improve(house.ground, items_per_crate=20) == 0
    assert await supplier(house, second) == "far"


async def test_of_two_that_would_gain_by_one_copy_one_gets_it(house: House) -> None:
    first, second, third = [await house.asked() for _ in range(3)]
    await house.acted(first, "Cancel")
    assert await improve(house.ground, items_per_crate=20) == 1
    await house.work()
    assert sorted([str(await supplier(house, second)), str(await supplier(house, third))]) == ["branch", "far"]


async def test_two_workers_at_once_move_it_once(house: House) -> None:
    _, second = await both(house)
    made = await asyncio.gather(*(improve(house.ground, items_per_crate=20) for _ in range(2)))
    assert sorted(made) in ([0, 1], [1, 1])
    await house.work()
    assert await supplier(house, second) == "branch"
    assert (await house.history(second)).count("Override: RequestReceived") == 1


async def test_the_task_is_done_at_its_hours_and_goes_away_with_them(house: House, filled: str) -> None:
    house.clock.set(datetime(2026, 11, 23, 6, tzinfo=UTC))
    _, second = await both(house)
    improving = Improving((time(6, 30), time(7, 30)), 20)
    ground = house.ground
    async with ground.database.transaction() as connection:
        await improving.ensure(connection, ground)
    kinds = {IMPROVE: improving.carry_out}
    assert await work_off(ground, kinds=kinds) == 0
    await house.later(minutes=30)
    assert await work_off(ground, kinds=kinds) == 1
    await house.work()
    assert await supplier(house, second) == "branch"
    async with ground.database.transaction() as connection:
        due = await connection.fetchval("select due_at from task where kind = 'improve'")
        assert due == datetime(2026, 11, 24, 5, 30, tzinfo=UTC)
        await Improving().ensure(connection, ground)
        assert await connection.fetchval("select count(*) from task where kind = 'improve'") == 0


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-11-23T05:00", "2026-11-23T05:30"),
        ("2026-11-23T05:30", "2026-11-23T10:00"),
        ("2026-11-23T10:00", "2026-11-24T05:30"),
    ],
)
def test_the_next_of_some_hours_of_the_wall_clock(now: str, then: str) -> None:
    at, expected = (datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in (now, then))
    assert next_of((time(6, 30), time(11)), at) == expected
