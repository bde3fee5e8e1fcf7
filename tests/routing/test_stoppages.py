"""What does not run is not ridden: cancelled trips and standstills, against the oracle without those trip-days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from routing import (
    ChosenLeg,
    ClosedStop,
    LegRefused,
    Objective,
    Question,
    Standstill,
    Stoppages,
    Timetable,
    compile_network,
    decide,
    itinerary,
    put_together,
    without,
)
from tests.routing.test_against_oracle import Oracle, seen
from tests.support.oracle import drives
from tests.support.worlds import World, drawn, told, worlds

MONDAY = datetime.fromisoformat("2026-11-23T08:00:00+01:00")
TRIPS = """
    hub H 10m
    R1/a  Mo-Fr  A 09:00  H 09:30  C 09:45
    R1/b  Mo-Fr  A 11:00  H 11:30
    R2/c  Mo-Fr  H 10:00  D 10:30
    R2/d  Mo-Fr  H 12:00  D 12:30
    R3/e  Mo-Fr  C 10:00  D 11:00
"""


@st.composite
def stopped_worlds(draw: st.DrawFn) -> tuple[World, Stoppages]:
    """A world, and some of its trips and routes that stand still around the day of the request."""
    world = draw(worlds())
    day = world.requested_at.date()
    near = st.integers(-2, 4).map(lambda days: day + timedelta(days=days))
    trips = st.tuples(st.sampled_from([trip.id for trip in world.timetable.trips] + ["unknown"]), near)
    routes = st.builds(
        Standstill,
        st.sampled_from([route.id for route in world.timetable.routes] + ["unknown", None]),
        st.none() | near,
        st.none() | near,
        st.sampled_from([None, None, "unknown", *(route.operator for route in world.timetable.routes)]),
    )
    found = Stoppages(
        frozenset(draw(st.sets(trips, min_size=1, max_size=12))), frozenset(draw(st.sets(routes, max_size=1)))
    )
    return world, found


def runs(timetable: Timetable, stoppages: Stoppages, trip: int, day: date) -> bool:
    """Whether a dated trip runs, said in the plainest way."""
    route = timetable.routes[timetable.trips[trip].route]
    if (timetable.trips[trip].id, day) in stoppages.trips:
        return False
    return not any(
        still.route in (None, route.id)
        and still.operator in (None, route.operator)
        and (still.since is None or still.since <= day)
        and (still.until is None or day < still.until)
        for still in stoppages.routes
    )


class StoppedOracle(Oracle):
    """The oracle on what is left: every stopped trip becomes one of a service without those days."""

    def __init__(self, world: World, stoppages: Stoppages) -> None:
        services, trips = [], []
        for position, trip in enumerate(world.timetable.trips):
            service = world.timetable.services[trip.service]
            around = [world.requested_at.date() + timedelta(days=days) for days in range(-20, 21)]
            out = {
                day for day in around if drives(service, day) and not runs(world.timetable, stoppages, position, day)
            }
            services.append(replace(service, added=service.added - out, removed=service.removed | out))
            trips.append(replace(trip, service=position))
        timetable = replace(world.timetable, services=tuple(services), trips=tuple(trips))
        super().__init__(replace(world, timetable=timetable))


@seed(7)
@settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(), data=st.data())
def test_vans_pass_by_a_closed_stop_as_if_nobody_got_on_or_off_there(world: World, data: st.DataObject) -> None:
    day = world.requested_at.date()
    stop = data.draw(st.sampled_from(range(len(world.timetable.stops))))
    name, times = world.timetable.stops[stop].id, world.timetable.stop_times
    here = times.stop == stop
    masked = replace(times, pickup=times.pickup & ~here, drop_off=times.drop_off & ~here)
    closed = {
        "always": (ClosedStop(name), masked),
        "over before anything drives": (ClosedStop(name, until=day - timedelta(days=60)), times),
        "long after": (ClosedStop(name, since=day + timedelta(days=200)), times),
    }
    asked = Question(pickup_location=world.pickup, requested_at=world.requested_at, limit=1000)
    for said, (still, left) in closed.items():
        network = compile_network(world.timetable, stoppages=Stoppages(stops=frozenset({still})))
        oracle = Oracle(replace(world, timetable=replace(world.timetable, stop_times=left)))
        answer = decide(asked, world.holdings, network, world.register, world.policy)
        assert seen(answer) == oracle.rota(answer.objective), said


@pytest.mark.parametrize("chunk", range(3))
def test_every_objective_as_the_oracle_without_those_days(chunk: int) -> None:
    told_apart = [0]

    @seed(chunk)
    @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(drawn_world=stopped_worlds())
    def check(drawn_world: tuple[World, Stoppages]) -> None:
        world, stoppages = drawn_world
        whole = compile_network(world.timetable)
        networks = (compile_network(world.timetable, stoppages=stoppages), without(whole, stoppages))
        oracle = StoppedOracle(world, stoppages)
        for objective in Objective:
            asked = Question(
                pickup_location=world.pickup, requested_at=world.requested_at, objective=objective, limit=1000
            )
            answers = [decide(asked, world.holdings, n, world.register, world.policy) for n in networks]
            for answer in answers:
                assert seen(answer) == oracle.rota(objective)
                assert {r.supplying_location: r.reason.value for r in answer.refusals} == oracle.refusals()
            told_apart[0] += seen(answers[0]) != seen(
                decide(asked, world.holdings, whole, world.register, world.policy)
            )

    check()
    assert told_apart[0] > 20, "hardly any stoppage changed an answer"


@pytest.mark.parametrize(
    ("stoppages", "expected"),
    [
        (Stoppages(), "A Mo09:00 R1/a H Mo09:30 | H Mo10:00 R2/c D Mo10:30"),
        (
            Stoppages(frozenset({("c", date(2026, 11, 23))})),
            "A Mo11:00 R1/b H Mo11:30 | H Mo12:00 R2/d D Mo12:30",
        ),
        (
            Stoppages(routes=frozenset({Standstill("R2", date(2026, 11, 22), date(2026, 11, 24))})),
            "A Tu09:00 R1/a H Tu09:30 | H Tu10:00 R2/c D Tu10:30",
        ),
        (
            Stoppages(routes=frozenset({Standstill(None, None, date(2026, 11, 25))})),
            "A We09:00 R1/a H We09:30 | H We10:00 R2/c D We10:30",
        ),
        (Stoppages(routes=frozenset({Standstill(None, date(2026, 11, 20))})), None),
    ],
)
def test_the_way_around(stoppages: Stoppages, expected: str | None) -> None:
    network = compile_network(drawn(TRIPS), stoppages=stoppages)
    found = itinerary(network, "A", "D", ready_at=MONDAY, horizon_days=14)
    assert (None if found is None else told(found.legs)) == expected


def leg(text: str) -> ChosenLeg:
    trip, day, start, end = text.split()
    return ChosenLeg(trip, date(2026, 11, int(day)), start, end)


def test_an_itinerary_put_together_by_hand() -> None:
    network = compile_network(drawn(TRIPS))
    chosen = [leg("b 23 A H"), leg("c 24 H D")]
    found = put_together(network, chosen, from_location="A", to_location="D", ready_at=MONDAY)
    assert told(found.legs) == "A Mo11:00 R1/b H Mo11:30 | H Tu10:00 R2/c D Tu10:30"
    assert found.arrives_at == datetime.fromisoformat("2026-11-24T10:30:00+01:00")


@pytest.mark.parametrize(
    ("chosen", "refused"),
    [
        ("x 23 A H", (0, "trip_id", "The active network has no trip x.")),
        ("a 22 A H", (0, "service_date", "a does not run on 2026-11-22.")),
        ("a 25 A H", (0, "service_date", "a was stopped on 2026-11-25.")),
        ("a 23 C H", (0, "from_location", "The item is at A then.")),
        ("c 23 A D", (0, "from_location", "c takes nothing on at A.")),
        ("b 23 A C", (0, "to_location", "b leaves nothing at C after A.")),
        ("a 20 A H", (0, "trip_id", "It has left when the item is ready, Mon 23 Nov 2026 08:00.")),
        ("a 23 A H", (0, "to_location", "The item must get to D.")),
        ("a 23 A H; a 23 H C", (1, "trip_id", "It is on this trip already: make one leg of both.")),
        ("a 23 A C; e 23 C D", (1, "from_location", "Nothing changes trips at C.")),
        ("b 23 A H; c 23 H D", (1, "trip_id", "It has left when the item is ready, Mon 23 Nov 2026 11:40.")),
    ],
)
def test_what_cannot_be_ridden_is_named(chosen: str, refused: tuple[int, str, str]) -> None:
    network = compile_network(drawn(TRIPS), stoppages=Stoppages(frozenset({("a", date(2026, 11, 25))})))
    legs = [leg(part) for part in chosen.split("; ")]
    with pytest.raises(LegRefused) as raised:
        put_together(network, legs, from_location="A", to_location="D", ready_at=MONDAY)
    assert (raised.value.leg, raised.value.field, str(raised.value)) == refused
