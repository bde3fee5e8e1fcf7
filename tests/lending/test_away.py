"""Systems that are away for hours or days, and a network that is not there: nothing is stranded."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.contract import Answer, AuthExpired, OutcomeUnknown, RateLimited, SystemFault, Unavailable
from adapters.fake import Desk
from app.lending.work import HANDLERS
from tests.lending.test_windows import Wayward, desk, look_at, names, raising, submitted, system
from tests.support.filled import run_sql
from tests.support.house import House

__all__ = ["desk", "system"]

AWAY = [Unavailable("it cannot be reached"), RateLimited(7200.0), AuthExpired("its key has expired")]


def is_away(system: Wayward, monkeypatch: pytest.MonkeyPatch, error: SystemFault | None, *verbs: str) -> None:
    """Have a system answer nothing but an error from now on; None: it is back."""

    async def nothing(*_: object, **__: object) -> Any:
        raise error or AssertionError

    for verb in verbs or ("prepare", "place", "find", "status", "cancel"):
        if error is None:
            monkeypatch.delattr(system, verb)
        else:
            monkeypatch.setattr(system, verb, nothing, raising=False)


async def tasks(house: House, kind: str) -> list[tuple[Any, ...]]:
    """Who is dead, and how often it was tried."""
    async with house.ground.database.connection() as connection:
        rows = await connection.fetch("select dead_at is not null, attempts from task where kind = $1", kind)
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
async def test_what_lies_with_a_system_that_is_away_for_days_is_followed_on(
    house: House, desk: Desk, system: Wayward, monkeypatch: pytest.MonkeyPatch, error: SystemFault
) -> None:
    loan = await house.asked()
    is_away(system, monkeypatch, error)
    for _ in range(3 * 24):
        await house.later(hours=1)
    ((dead, attempts),) = await tasks(house, "follow")
    assert (dead, attempts >= 12) == (False, True)
    desk.placed[f"{loan}-1"].answer = Answer.SHIPPED
    is_away(system, monkeypatch, None)
    await house.later(hours=2)
    assert names(await house.history(loan))[3:] == ["Loaned"]


async def test_what_is_asked_back_of_a_system_that_is_away_for_days_is_asked_back(
    house: House, desk: Desk, system: Wayward, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = await house.asked()
    is_away(system, monkeypatch, AWAY[0])
    await house.acted(loan, "Cancel")
    for _ in range(3 * 24):
        await house.later(hours=1)
    is_away(system, monkeypatch, None)
    await house.later(hours=2)
    assert names(await house.history(loan))[3:] == ["CancelAsked", "Withdrawn"]
    assert desk.live() == {}


async def test_a_lapse_that_its_system_does_not_let_us_ask_about_waits_for_days(
    house: House, desk: Desk, system: Wayward, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = await house.asked()
    is_away(system, monkeypatch, AuthExpired("its key has expired"))
    await house.later(days=8, minutes=1)
    for _ in range(3 * 24):
        await house.later(hours=1)
    assert names(await house.history(loan))[3:] == []
    is_away(system, monkeypatch, None)
    await look_at(house, "infinity")
    await house.later(hours=2)
    assert names(await house.history(loan))[3:] == ["Lapsed", "Placing", "Placed"]
    assert desk.live() == {loan: ["F000002"]}


async def test_a_fault_of_ours_is_seen_within_hours(
    house: House, system: Wayward, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def status(_: str) -> Any:
        raise ZeroDivisionError

    await house.asked()
    monkeypatch.setattr(system, "status", status)
    for _ in range(12):
        await house.later(hours=1)
    assert await tasks(house, "follow") == [(True, 12)]


async def test_where_no_network_is_active_everything_waits_for_one(
    house: House, filled: str, desk: Desk, system: Wayward
) -> None:
    placed, new = await house.asked(), await submitted(house)
    await run_sql(filled, "update network_activation set undone_at = now()")
    for _ in range(48):
        await house.later(hours=1)
    async with house.ground.database.connection() as connection:
        dead = await connection.fetchval("select count(*) from task where dead_at is not null or attempts > 1")
    assert dead == 0
    await run_sql(filled, "update network_activation set undone_at = null")
    await house.later(minutes=5)
    assert names(await house.history(new)) == ["Submitted", "Placing", "Placed"]
    desk.placed[f"{placed}-1"].answer = Answer.EXPECTED
    await house.later(hours=4)
    assert names(await house.history(placed))[3:] == ["ExpectToSupply"]


async def hours(house: House, count: int) -> None:
    for _ in range(count):
        await house.later(hours=1)


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("verbs", [(), ("place",)], ids=["everything", "place"])
async def test_a_system_that_stays_away_is_passed_over(
    house: House, filled: str, system: Wayward, monkeypatch: pytest.MonkeyPatch, error: SystemFault, verbs: tuple[str]
) -> None:
    await run_sql(filled, "update location set system = null where id = 'far'; update epoch set number = number + 1")
    loan = await submitted(house)
    is_away(system, monkeypatch, error, *verbs)
    await house.work()
    await house.later(minutes=59)
    assert names(await house.history(loan)) == ["Submitted", "Placing"], "for a while it is waited for"
    await hours(house, 4)
    assert names(await house.history(loan))[2:] == ["PlacementRefused", "Placing", "Placed"]
    refused = (await house.events(loan))[2]
    assert (refused["reason"], refused["by"], refused["supplying_location"]) == ("SystemOutOfReach", "S", "branch")
    assert refused["note"] == f"S has been out of reach for 2 hours ({type(error).__name__}): it has no order."
    assert (await house.look(loan))["supplying_location"] == "far"


async def test_the_next_one_is_waited_for_as_long(
    house: House, system: Wayward, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = await submitted(house)
    is_away(system, monkeypatch, AWAY[0])
    await house.work()
    while "PlacementRefused" not in names(await house.history(loan)):
        await house.later(minutes=20)
    assert names(await house.history(loan)) == ["Submitted", "Placing", "PlacementRefused", "Placing"]
    assert await tasks(house, "place") == [(False, 1)]


async def test_one_that_comes_back_in_time_is_asked_once(
    house: House, desk: Desk, system: Wayward, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = await submitted(house)
    is_away(system, monkeypatch, AWAY[0])
    await house.work()
    await house.later(minutes=50)
    is_away(system, monkeypatch, None)
    await house.later(hours=3)
    assert names(await house.history(loan)) == ["Submitted", "Placing", "Placed"]
    assert desk.live() == {loan: ["F000001"]}


async def test_one_that_may_have_the_order_is_looked_into_however_long_it_is_away(
    house: House, desk: Desk, system: Wayward, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It placed the order and never said so: whoever went on to the next would have two."""
    loan = await submitted(house)
    is_away(system, monkeypatch, AWAY[0])
    await house.work()
    await house.later(minutes=50)
    is_away(system, monkeypatch, None)
    system.after.append(raising(OutcomeUnknown("no answer came")))
    await house.later(hours=1)
    is_away(system, monkeypatch, AWAY[0])
    await hours(house, 3 * 24)
    assert names(await house.history(loan)) == ["Submitted", "Placing", "OutcomeUnknown"]
    assert not (await tasks(house, "place"))[0][0]
    is_away(system, monkeypatch, None)
    await house.later(hours=2)
    assert names(await house.history(loan))[3:] == ["Placed"]
    assert desk.live() == {loan: ["F000001"]}


async def test_all_that_was_given_up_of_a_kind_is_counted_and_taken_up_at_once(
    house: House, filled: str, system: Wayward
) -> None:
    loans = [await house.asked() for _ in range(2)]
    await run_sql(filled, "update task set dead_at = now(), attempts = 12 where kind in ('follow', 'lapse')")
    assert await dead(house) == {**dict.fromkeys([*HANDLERS, "scenario"], 0), "follow": 2, "lapse": 2}
    answer = await house.client.post("/v1/dead-letters/resume", params={"kind": "follow"})
    assert (answer.status_code, answer.json()) == (200, {"resumed": 2})
    assert (await dead(house))["follow"] == 0
    assert (await dead(house))["lapse"] == 2
    assert await house.work() == len(loans)
    answer = await house.client.post("/v1/dead-letters/resume", params={"kind": "nothing"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/kind")


async def dead(house: House) -> dict[str, int]:
    """The gauge of /metrics."""
    text = (await house.client.get("/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith("leenpad_dead_letters{")]
    return {line.split('"')[1]: int(line.split()[-1]) for line in lines}
