"""Random lives over the running API, beside the lifecycle's table: what it answers is what the table says."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.lending.act import SUPPLYING_SIDE, Action
from app.lending.lifecycle import START, Event, advance, outcome_of, status_of
from app.settings import Settings
from tests.lending.conftest import NO_LOAN_REQUEST
from tests.support.filled import fill, run_sql
from tests.support.house import House, open_house

pytestmark = pytest.mark.once

T = TypeVar("T")
PLACES = ("H", "N", "desk", "branch", "far")
ACTIONS = st.sampled_from(list(Action))


class Desk(RuleBasedStateMachine):
    """One house; in it one loan request after the other, to which anything may be said at any time."""

    house: House
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.loan = self.run(self.house.asked())

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(what)

    @rule(action=ACTIONS, place=st.sampled_from(PLACES))
    def somebody_says_something(self, action: Action, place: str) -> None:
        self.run(self._say(action, place))

    @rule(hours=st.sampled_from((1, 24, 24 * 9, 24 * 30)))
    def time_goes_by(self, hours: int) -> None:
        self.run(self.house.later(hours=hours))

    @rule()
    def the_next_one_asks(self) -> None:
        self.loan = self.run(self.house.asked())

    async def _say(self, action: Action, place: str) -> None:
        before = await self.house.look(self.loan)
        details: dict[str, Any] = {}
        if action is Action.SCAN:
            details = {"location": place}
        if action is Action.OVERRIDE and place in ("branch", "far"):
            details = {"supplying_location": place}
        answer = await self.house.act(self.loan, action, **details)
        if answer.status_code == 409:
            assert answer.json()["allowed"] == before["actions"]
            assert await self.house.look(self.loan) == before, "a refused action changed something"
            # What is under way is overridden by legs only, and nobody is chosen who is asked already.
            assert action.value not in before["actions"] or action in (Action.SCAN, Action.RENEW, Action.OVERRIDE)
        else:
            assert answer.status_code == 200, answer.text
            assert action.value in before["actions"]
        await self.house.work()

    @invariant()
    def the_history_leads_to_where_it_stands(self) -> None:
        self.run(self._replay())

    async def _replay(self) -> None:
        events = await self.house.events(self.loan)
        standing = await self.house.look(self.loan)
        assert [event["sequence"] for event in events] == list(range(1, standing["events"] + 1))
        state = START
        for event in events:
            state = advance(state, Event(event["event"]))
            assert event["status"] == status_of(state)
        shown = (standing["status"], standing["outcome"], standing["requesting"], standing["item"])
        assert shown == (status_of(state), outcome_of(state), state.requesting, state.item)
        leads, beside = opened(standing, beside=False), opened(standing, beside=True)
        assert len(leads) == (standing["outcome"] is None and standing["supplying_location"] is not None)
        assert len(beside) <= (standing["status"] == "RequestReceived" and bool(leads))


class TwoAtOnce(Desk):
    """Where two are asked at once, either may answer, and somebody who was let go too."""

    @rule(action=st.sampled_from(sorted(SUPPLYING_SIDE)), number=st.integers(1, 4))
    def a_supplier_says_something(self, action: Action, number: int) -> None:
        self.run(self._answer(action, number))

    async def _answer(self, action: Action, number: int) -> None:
        before = await self.house.look(self.loan)
        answer = await self.house.act(self.loan, action, placement=number)
        if number > len(before["placements"]):
            assert answer.status_code == 422
        elif answer.status_code == 409:
            assert await self.house.look(self.loan) == before, "a refused action changed something"
            said_yes = action in (Action.WILL_SUPPLY, Action.LOANED) and before["requesting"] in (
                "waiting",
                "on_hold",
            )
            assert not (said_yes and number in opened(before, beside=True)), "whoever is asked beside may say yes"
        else:
            assert answer.status_code == 200, answer.text
            assert number in [*opened(before, beside=False), *opened(before, beside=True)]
        await self.house.work()


def opened(standing: dict[str, Any], *, beside: bool) -> list[int]:
    """The numbers of the placements that are not closed: of those that lead, or are asked beside."""
    return [
        placement["number"]
        for placement in standing["placements"]
        if placement["state"] != "closed" and placement["beside"] == beside
    ]


@pytest.fixture(scope="module")
def three(database_url: str) -> str:
    """The desk's own copy is in: three can be asked."""
    asyncio.run(fill(database_url))
    asyncio.run(run_sql(database_url, "update holding set available = 1 where location = 'desk'"))
    return database_url


@pytest.mark.parametrize(("machine", "at_once"), [(Desk, 1), (TwoAtOnce, 2)])
def test_whatever_is_said_the_table_holds(three: str, machine: type[Desk], at_once: int) -> None:
    with asyncio.Runner() as runner:
        runner.run(run_sql(three, NO_LOAN_REQUEST))
        opening = open_house(Settings(database_url=three))
        Desk.house, Desk.loop = runner.run(opening.__aenter__()), runner.get_loop()
        try:
            policy = {"requesting": {"at_once": at_once}}
            assert runner.run(Desk.house.client.post("/v1/policies", json=policy)).status_code == 201
            steps = settings(max_examples=25, stateful_step_count=25, deadline=None)
            run_state_machine_as_test(machine, settings=steps)
        finally:
            runner.run(opening.__aexit__(None, None, None))
