"""Random lives over the running API, beside the lifecycle's table: what it answers is what the table says."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.lending.act import Action
from app.lending.lifecycle import START, Event, advance, outcome_of, status_of
from app.settings import Settings
from tests.support.filled import fill
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
            assert action.value not in before["actions"] or action in (Action.SCAN, Action.RENEW)
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
        open_placements = [placement for placement in standing["placements"] if placement["state"] != "closed"]
        assert len(open_placements) <= (standing["outcome"] is None)
        assert bool(open_placements) == (standing["outcome"] is None and standing["supplying_location"] is not None)


def test_whatever_is_said_the_table_holds(database_url: str) -> None:
    with asyncio.Runner() as runner:
        runner.run(fill(database_url))
        opening = open_house(Settings(database_url=database_url))
        Desk.house, Desk.loop = runner.run(opening.__aenter__()), runner.get_loop()
        try:
            run_state_machine_as_test(Desk, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))
        finally:
            runner.run(opening.__aexit__(None, None, None))
