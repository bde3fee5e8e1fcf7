"""The options of a day: those that a decision would plan, the van after, what they use, and why somebody waits."""

from __future__ import annotations

from dataclasses import replace as but
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from routing import (
    Holding,
    Location,
    Objective,
    Policy,
    Question,
    Register,
    UnknownLocation,
    compile_network,
    decide,
)
from routing.assign import Offers, ResourceKind, Wanted, differences, faults, lay_out, solve, told, way_taken
from routing.calendar import to_seconds
from routing.network import Longs, Network, window_for
from tests.routing.asking import moment
from tests.support.worlds import World, drawn, worlds
from tests.support.worlds import told as legs_told

MORNING = moment("2026-11-24T07:00")
VANS = drawn(
    """
    hub H 10m
    R1/a  Mo-Fr  A 08:00  B 08:20  H 08:40
    R1/b  Mo-Fr  A 12:00  B 12:20  H 12:40
    R2/c  Mo-Fr  H 09:00  C 09:30
    R2/d  Mo-Fr  H 13:00  C 13:30
    """
)
REGISTER = Register({}, {place: Location(place, agency=f"NL-{place}") for place in "ABC"})


def at_c(title: object, *holdings: Holding, **more: object) -> Wanted:
    question = Question(pickup_location="C", requested_at=MORNING)
    return Wanted(but(question, **more), title, holdings)  # type: ignore[arg-type]


def on(network: Network, trips: dict[str, int]) -> Longs:
    """Room for so many items on these trips."""
    window = window_for(network, to_seconds(MORNING), 35)
    ids = [trip.id for trip in network.timetable.trips]
    return np.array([trips.get(ids[trip], -1) for trip in window.ride_trip.tolist()], dtype=np.int64)


def said(offers: Offers, request: int) -> list[str]:
    start, end = offers.problem.option_start[request : request + 2].tolist()
    return [legs_told(way_taken(offers, request, option).legs) for option in range(start, end)]


def test_two_departures_of_each_holder() -> None:
    offers = lay_out([at_c("t", Holding("B", 1))], compile_network(VANS), REGISTER, Policy())
    assert said(offers, 0) == [
        "B Tu08:20 R1/a H Tu08:40 | H Tu09:00 R2/c C Tu09:30",
        "B Tu12:20 R1/b H Tu12:40 | H Tu13:00 R2/d C Tu13:30",
    ]
    # Minutes at ten cents an hour, in six-millionths of a cent; the handling and the supplier's 6.75 decide ties.
    assert offers.problem.weight.tolist() == [150 * 1_000_000 + 3_000 + 40_500, 390 * 1_000_000 + 3_000 + 40_500]


def test_what_stands_there_rides_nothing() -> None:
    offers = lay_out([at_c("t", Holding("C", 1))], compile_network(VANS), REGISTER, Policy())
    assert said(offers, 0) == [""]
    assert offers.problem.weight.tolist() == [0]


def test_who_is_last_takes_the_next_van_and_hears_why() -> None:
    network = compile_network(VANS)
    wanted = [at_c(name, Holding("A", 1)) for name in "xyz"]
    offers = lay_out(wanted, network, REGISTER, Policy(), room=on(network, {"a": 2}))
    found = solve(offers.problem)
    assert faults(offers.problem, found) == []
    late = [request for request in range(3) if found.choice[request] != offers.problem.option_start[request]]
    assert len(late) == 1
    (wished, (difference,)) = differences(offers, found)[late[0]]
    assert wished == offers.problem.option_start[late[0]]
    assert difference.kind is ResourceKind.RIDE
    assert told(difference, "xyz") == "Trip a is full from A (Tue 24 Nov 2026 08:00) to H: it has room for 2."


def test_a_copy_and_a_quota_are_taken_once() -> None:
    network = compile_network(VANS)
    wanted = [at_c("t", Holding("A", 3, available=1)), at_c("t", Holding("A", 3, available=1))]
    offers = lay_out(wanted, network, REGISTER, Policy())
    found = solve(offers.problem)
    assert sorted(found.choice.tolist())[0] == -1
    ((request, (_, (copy,))),) = differences(offers, found).items()
    assert told(copy, ["one", "two"]) == f"The copy at A goes to {['two', 'one'][request]}."

    wanted = [at_c("t", Holding("A", 1)), at_c("u", Holding("A", 1)), at_c("v", Holding("A", 1))]
    offers = lay_out(wanted, network, REGISTER, Policy(), quotas={"A": 2, "NL-A": 1, "B": 0})
    found = solve(offers.problem)
    assert (found.choice >= 0).sum() == 1
    for _, differing in differences(offers, found).values():
        assert [told(each, "tuv") for each in differing] == ["The quota of NL-A, 1 that day, is reached."]


def test_refusals_are_those_of_a_decision() -> None:
    network = compile_network(VANS)
    holdings = [Holding("A", 0), Holding("B", 1, loanable=False), Holding("X", 1), Holding("C", 1)]
    needed = MORNING - timedelta(hours=1)
    for question in (
        Question(pickup_location="C", requested_at=MORNING),
        Question(pickup_location="C", requested_at=MORNING, need_before=needed),
    ):
        offers = lay_out([Wanted(question, "t", holdings)], network, REGISTER, Policy())
        decision = decide(question, holdings, network, REGISTER, Policy())
        assert set(offers.refusals[0]) == set(decision.refusals)


def test_a_counter_that_nobody_knows() -> None:
    with pytest.raises(UnknownLocation):
        lay_out([at_c("t", Holding("A", 1), pickup_location="Z")], compile_network(VANS), REGISTER, Policy())


@pytest.mark.parametrize("objective", list(Objective))
def test_the_first_departure_is_what_a_decision_plans(objective: Objective) -> None:
    seen = 0

    @seed(51)
    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(world=worlds(), more=st.integers(0, 3))
    def check(world: World, more: int) -> None:
        nonlocal seen
        network = compile_network(world.timetable)
        questions = [
            Question(pickup_location=world.pickup, requested_at=world.requested_at, objective=objective, limit=100)
        ] * (1 + more)
        wanted = [Wanted(question, at, world.holdings) for at, question in enumerate(questions)]
        offers = lay_out(wanted, network, world.register, world.policy)
        decision = decide(questions[0], world.holdings, network, world.register, world.policy)
        for request in range(len(wanted)):
            start, end = offers.problem.option_start[request : request + 2].tolist()
            first: dict[str, object] = {}
            for option in range(start, end):
                way = way_taken(offers, request, option)
                first.setdefault(
                    way.supplying_location, (way.ready_at, way.arrives_at, way.cost_cents, way.handlings, way.legs)
                )
                assert not way.legs or way.legs[0].departs_at >= way.ready_at
            assert first == {
                entry.supplying_location: (
                    entry.ready_at,
                    entry.arrives_at,
                    entry.cost_cents,
                    entry.handlings,
                    entry.legs,
                )
                for entry in decision.rota
            }
            assert set(offers.refusals[request]) == set(decision.refusals)
            seen += end - start

    check()
    assert seen > 100
