"""The guard: limits are kept, a silent system is left alone, and a no is no failure."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from adapters.breaker import Breaker, BreakerState
from adapters.contract import (
    AuthExpired,
    Lacking,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Page,
    RateLimited,
    Refused,
    Standing,
    SystemFault,
    Unavailable,
)
from adapters.guard import Guarded
from adapters.installation import Limits
from tests.support.scripted import Scripted

EASY = Limits(calls_per_second=1000, calls_at_once=4, deadline_seconds=1.0)


class Counting(Scripted):
    """Notes how many calls are in it at once."""

    inside = 0
    most = 0

    async def status(self, receipt: str) -> Standing:
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(0.01)
        self.inside -= 1
        if self.fault is not None:
            raise self.fault
        return Standing("open")  # type: ignore[arg-type]


async def test_no_more_calls_are_in_a_system_at_once_than_it_is_good_for() -> None:
    system = Counting()
    guarded = Guarded(system, EASY)
    await asyncio.gather(*(guarded.status("1") for _ in range(20)))
    assert system.most == 4


async def test_no_more_calls_a_second_are_made_than_it_is_good_for() -> None:
    guarded = Guarded(Counting(), Limits(calls_per_second=20, calls_at_once=100, deadline_seconds=5.0))
    started = monotonic()
    await asyncio.gather(*(guarded.status("1") for _ in range(30)))
    assert monotonic() - started >= 0.4, "twenty at once, the other ten at twenty a second"


async def test_who_waits_too_long_for_a_turn_is_told_that_nothing_was_done() -> None:
    guarded = Guarded(Scripted(seconds=5.0), Limits(calls_at_once=1, deadline_seconds=0.05))
    slow = asyncio.create_task(guarded.availability(["record"]))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="wait"):
        await guarded.availability(["record"])
    slow.cancel()


async def test_a_call_that_was_given_up_gives_its_turn_back() -> None:
    system = Scripted(seconds=5.0)
    guarded = Guarded(system, Limits(calls_at_once=1, deadline_seconds=0.5))
    slow = asyncio.create_task(guarded.availability(["record"]))
    await asyncio.sleep(0.01)
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)
    system.seconds = 0.0
    assert await guarded.availability(["record"]) == []
    assert guarded.breaker.failures == 0, "that a caller gave up says nothing of the system"


async def test_a_call_that_was_given_up_while_it_waited_gives_its_turn_back() -> None:
    guarded = Guarded(Scripted(), Limits(calls_at_once=2, calls_per_second=0.2, deadline_seconds=5.0))
    await guarded.availability(["record"])  # and the next one waits for five seconds
    for _ in range(3):
        waiting = asyncio.create_task(guarded.availability(["record"]))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    patient = Guarded(Scripted(), Limits(calls_at_once=2, calls_per_second=100.0))
    patient._at_once = guarded._at_once
    assert await asyncio.wait_for(patient.availability(["record"]), 2) == []


@pytest.mark.parametrize(
    "fault", [Unavailable("x"), OutcomeUnknown("x"), AuthExpired("x"), Malformed("x")], ids=lambda f: type(f).__name__
)
async def test_what_tells_that_it_is_not_well_opens_the_breaker(fault: SystemFault) -> None:
    system = Counting(fault=fault)
    guarded = Guarded(system, EASY, breaker=Breaker(threshold=2, seconds=60.0))
    for _ in range(2):
        with pytest.raises(type(fault)):
            await guarded.status("1")
    with pytest.raises(AuthExpired if isinstance(fault, AuthExpired) else Unavailable, match="left alone"):
        await guarded.status("1")
    assert guarded.breaker.state is BreakerState.OPEN


@pytest.mark.parametrize(
    "fault", [Refused("InUse"), NotFound("x"), RateLimited(1.0)], ids=lambda fault: type(fault).__name__
)
async def test_a_no_is_an_answer(fault: SystemFault) -> None:
    guarded = Guarded(Counting(fault=fault), EASY, breaker=Breaker(threshold=1))
    for _ in range(3):
        with pytest.raises(type(fault)):
            await guarded.status("1")
    assert guarded.breaker.state is BreakerState.CLOSED


class Paging(Lacking):
    async def harvest(self, *, since=None, cursor=None):  # type: ignore[no-untyped-def]
        for number in "ab":
            yield Page(changes=(), cursor=number)
        raise Unavailable("gone")


async def test_a_harvest_goes_through_page_by_page_until_it_breaks() -> None:
    guarded = Guarded(Paging(), EASY)  # type: ignore[arg-type]
    pages = guarded.harvest()
    assert [(await anext(pages)).cursor for _ in range(2)] == ["a", "b"]
    with pytest.raises(Unavailable, match="gone"):
        await anext(pages)
    assert guarded.breaker.failures == 1
