"""The lifecycle's table: what cannot be changes nothing, an end is an end, and everything can come to one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.lending.draw import page
from app.lending.lifecycle import (
    EVENTS,
    OUTCOMES,
    START,
    STATUSES,
    Event,
    Item,
    NotAllowed,
    Requesting,
    State,
    Supplying,
    advance,
    allowed_in,
    outcome_of,
    status_of,
)

PAGE = Path(__file__).parents[2] / "docs" / "lifecycle.md"
# ISO 18626-2021, type_status, but for copies, which do not travel here.
ISO_STATUSES = {
    "RequestReceived", "ExpectToSupply", "WillSupply", "Loaned", "Overdue", "Recalled", "RetryPossible", "Unfilled",
    "HoldReturn", "ReleaseHoldReturn", "LoanCompleted", "CompletedWithoutReturn", "Cancelled",
}  # fmt: skip


def reachable() -> set[State]:
    """Every state that some sequence of events leads to."""
    found, waiting = {START}, [START]
    while waiting:
        state = waiting.pop()
        for event in allowed_in(state):
            after = advance(state, event)
            if after not in found:
                found.add(after)
                waiting.append(after)
    return found


REACHABLE = sorted(reachable())


def test_every_event_is_a_row_and_can_happen_somewhere() -> None:
    assert set(EVENTS) == set(Event)
    assert {event for state in REACHABLE for event in allowed_in(state)} == set(Event)


def test_every_state_of_each_part_can_be_reached() -> None:
    assert {state.supplying for state in REACHABLE} == set(Supplying)
    assert {state.requesting for state in REACHABLE} == set(Requesting)
    assert {state.item for state in REACHABLE} == set(Item)


def test_statuses_are_the_standards() -> None:
    assert set(STATUSES) == set(Supplying)
    assert set(STATUSES.values()) <= ISO_STATUSES


@pytest.mark.parametrize("state", REACHABLE, ids=lambda state: "-".join(state))
def test_an_illegal_event_changes_nothing_and_is_told_what_is_allowed(state: State) -> None:
    for event in set(Event) - set(allowed_in(state)):
        with pytest.raises(NotAllowed) as raised:
            advance(state, event)
        assert raised.value.allowed == allowed_in(state)
        assert (raised.value.state, status_of(state)) == (state, STATUSES[state.supplying])


def test_an_end_is_an_end_and_both_sides_know_it() -> None:
    for state in REACHABLE:
        assert (
            (outcome_of(state) is not None) == (state.requesting is Requesting.CLOSED) == (not allowed_in(state))
        ), state


def test_from_everywhere_it_can_come_to_an_end() -> None:
    ends = {state for state in REACHABLE if outcome_of(state) is not None}
    grown = True
    while grown:
        more = {state for state in REACHABLE if any(advance(state, event) in ends for event in allowed_in(state))}
        grown, ends = not more <= ends, ends | more
    assert ends == set(REACHABLE)


def test_an_item_leaves_its_shelf_only_when_it_is_lent() -> None:
    lent = {
        Supplying.SHIPPED,
        Supplying.OVERDUE,
        Supplying.RECALLED,
        Supplying.COMPLETED,
        Supplying.LOST,
        Supplying.LOST_ON_THE_WAY,
    }
    for state in REACHABLE:
        assert (state.supplying in lent) == (state.item is not Item.IN_HAND), state


@given(st.lists(st.sampled_from(list(Event)), max_size=60))
@settings(max_examples=500, deadline=None)
def test_whatever_is_thrown_at_it_it_stays_in_the_table(events: list[Event]) -> None:
    state = START
    for event in events:
        if event in allowed_in(state):
            state = advance(state, event)
        else:
            with pytest.raises(NotAllowed):
                advance(state, event)
    assert state in set(REACHABLE)


class Lives(RuleBasedStateMachine):
    """Random lives beside a plain model of what people would say: who has it, and whether the reader had it."""

    def __init__(self) -> None:
        super().__init__()
        self.state = START
        self.had_it = False
        self.asked = 0

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        if outcome_of(self.state) is not None:
            self.state, self.had_it, self.asked = START, False, 0  # the next loan request
        event = data.draw(st.sampled_from(allowed_in(self.state)))
        self.state = advance(self.state, event)
        self.asked += event in (Event.PLACING, Event.TOOK_OVER)
        self.had_it |= event is Event.RECEIVED

    @invariant()
    def outcome_tells_whether_the_reader_had_it(self) -> None:
        outcome = OUTCOMES.get(self.state.supplying)
        if outcome is not None:
            assert (outcome == "filled") == self.had_it

    @invariant()
    def nobody_supplies_unasked(self) -> None:
        if self.state.supplying in (Supplying.ASKED, Supplying.EXPECTING, Supplying.PROMISED):
            assert self.asked


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


def test_the_page_is_drawn_from_the_table() -> None:
    assert PAGE.read_text() == page(), "run: python -m app.lending.draw > docs/lifecycle.md"
