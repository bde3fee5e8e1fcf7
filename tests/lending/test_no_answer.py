"""What ends a placement, or makes one, without its supplier having said anything: nothing is learned of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.contract import Unavailable
from adapters.fake import Desk
from app.store.responses import stream_answers
from routing.learning import KINDS
from tests.lending.test_away import hours, is_away
from tests.lending.test_windows import Killed, Wayward, acting, desk, die_and_take_over, names, submitted, system
from tests.support.filled import run_sql
from tests.support.house import House

__all__ = ["desk", "system"]

NOVEMBER, JANUARY = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


PERIOD = {"since": "2026-11-01", "until": "2027-01-01"}


async def answers(house: House) -> dict[str, list[str]]:
    async with house.ground.database.one_moment() as connection:
        return {
            row["location"]: [KINDS[kind] for kind in row["kind"]]
            async for row in stream_answers(connection, since=NOVEMBER, until=JANUARY)
        }


async def counted(house: House) -> dict[str, tuple[int, int, int]]:
    """How many each agency was asked, declined, and was asked in vain."""
    answer = await house.client.get("/v1/statistics", params={"by": "agency", **PERIOD})
    assert answer.status_code == 200, answer.text
    rows = {row["group"]: row["supplying"] for row in answer.json()["items"]}
    return {
        name: (row["asked"], row["declined"], row["withdrawn"]) for name, row in rows.items() if row and row["asked"]
    }


async def test_a_system_out_of_reach_says_nothing_of_its_library(
    house: House, filled: str, system: Wayward, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run_sql(filled, "update location set system = null where id = 'far'; update epoch set number = number + 1")
    loan = await submitted(house)
    is_away(system, monkeypatch, Unavailable("it cannot be reached"))
    await house.work()
    await hours(house, 4)
    (refused,) = [event for event in await house.events(loan) if event["event"] == "PlacementRefused"]
    assert (refused["supplying_location"], refused["reason"]) == ("branch", "SystemOutOfReach")
    await house.acted(loan, "Unfilled")
    assert await answers(house) == {"far": ["declined"]}
    assert await counted(house) == {"NL-2": (1, 0, 1), "NL-3": (1, 1, 0)}


async def test_what_a_reader_cancels_before_it_was_placed_nobody_declined(
    house: House, filled: str, desk: Desk, system: Wayward
) -> None:
    loan = [await submitted(house)]

    async def cancelled_as_the_worker_dies() -> None:
        await acting(house, loan, "Cancel")()
        raise Killed

    system.before.append(cancelled_as_the_worker_dies)
    await die_and_take_over(house, filled)
    history = await house.history(loan[0])
    assert names(history) == ["Submitted", "Placing", "CancelAsked", "PlacementRefused", "Withdrawn"]
    refused = (await house.events(loan[0]))[3]
    assert (refused["reason"], refused["note"]) == (
        "NoLongerWanted",
        "It was no longer wanted before it was placed.",
    )
    assert await answers(house) == {}
    assert desk.placed == {}


async def test_what_its_system_refuses_is_declined(house: House, desk: Desk, system: Wayward) -> None:
    desk.copies[("branch", "9780306406157")] = 0
    loan = await submitted(house)
    await house.work()
    assert "PlacementRefused" in names(await house.history(loan))
    assert (await answers(house))["branch"] == ["declined"]
