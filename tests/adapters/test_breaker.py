"""The breaker: what opens it, what closes it, and who is let through in between."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from adapters.breaker import Breaker, BreakerState


@dataclass
class Timer:
    now: float = 0.0
    heard: list[str] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now


def breaker_of(timer: Timer) -> Breaker:
    return Breaker(
        threshold=3, seconds=30.0, timer=timer, changed=lambda state, why: timer.heard.append(f"{state}: {why}")
    )


def test_it_opens_after_failures_in_a_row_and_not_before() -> None:
    timer = Timer()
    breaker = breaker_of(timer)
    for _ in range(2):
        breaker.failed("silent")
    breaker.succeeded()
    for _ in range(2):
        breaker.failed("silent")
    assert breaker.admit()
    breaker.failed("silent")
    assert not breaker.admit()
    assert timer.heard == ["open: silent"]


def test_when_its_time_is_up_one_call_is_let_through_and_decides() -> None:
    timer = Timer()
    breaker = breaker_of(timer)
    for _ in range(3):
        breaker.failed("silent")
    timer.now = 29.9
    assert not breaker.admit()
    timer.now = 30.0
    assert [breaker.admit() for _ in range(3)] == [True, False, False]
    breaker.failed("still silent")
    assert not breaker.admit()
    timer.now = 60.0
    assert breaker.admit()
    breaker.succeeded()
    assert [breaker.admit() for _ in range(3)] == [True, True, True]
    assert timer.heard == [
        "open: silent",
        "half_open: tried again",
        "open: still silent",
        "half_open: tried again",
        "closed: answers",
    ]


def test_a_call_that_is_never_heard_of_again_does_not_keep_it_half_open_for_good() -> None:
    timer = Timer()
    breaker = breaker_of(timer)
    for _ in range(3):
        breaker.failed("silent")
    timer.now = 30.0
    assert breaker.admit()
    timer.now = 60.0
    assert breaker.admit()


@given(st.lists(st.sampled_from(["admit", "ok", "no", "wait"]), max_size=60))
def test_while_it_is_not_closed_at_most_one_call_goes_through_in_its_time(steps: list[str]) -> None:
    timer = Timer()
    breaker = breaker_of(timer)
    let_through: list[float] = []
    for step in steps:
        if step == "admit":
            closed = breaker.state is BreakerState.CLOSED
            if breaker.admit() and not closed:
                let_through.append(timer.now)
        elif step == "wait":
            timer.now += 7.0
        else:
            breaker.succeeded() if step == "ok" else breaker.failed("silent")
            if step == "ok":
                let_through.clear()
    assert all(later - earlier >= 30.0 for earlier, later in pairwise(let_through))
