"""The engine answers as the oracle does, in more than a thousand random worlds."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, seed, settings

from routing import Decision, Objective, Question, Weights, compile_network, decide
from routing.model import Leg, Location
from tests.support.oracle import EPOCH, SECOND, Brute, ready_after, seconds
from tests.support.worlds import World, worlds

CHUNKS = 4
WORLDS_A_CHUNK = 260


@dataclass
class Covered:
    """How many worlds put something to the test; compared with floors, it counts at least so many of them."""

    worlds: int = 0
    rides: int = 0  # some item travels
    two_handlings: int = 0  # the fastest way of some item takes two handlings or more
    three_handlings: int = 0
    circles: int = 0  # without the rule that a change is to another trip, something would arrive sooner

    def add(self, oracle: Oracle) -> None:
        fastest = oracle.rota(Objective.FASTEST)
        handlings = max((entry.handlings for entry in fastest), default=0)
        self.worlds += 1
        self.rides += any(entry.legs for entry in fastest)
        self.two_handlings += handlings >= 2
        self.three_handlings += handlings >= 3
        self.circles += oracle.sooner_by_own_trip()

    def __ge__(self, floors: Covered) -> bool:
        return all(count >= floor for count, floor in zip(astuple(self), astuple(floors), strict=True))


# Of each chunk, so four times as much in all.
FLOORS = Covered(worlds=WORLDS_A_CHUNK, rides=200, two_handlings=60, three_handlings=10, circles=8)


@dataclass(frozen=True)
class Expected:
    """What the oracle says of one holder."""

    location: str
    ready: int
    arrival: int
    handlings: int
    cost: int
    legs: tuple[tuple[str, str, str, str, str, int, int], ...]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_objective_as_the_oracle(chunk: int) -> None:
    covered = Covered()

    @seed(chunk)
    @settings(max_examples=WORLDS_A_CHUNK, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(world=worlds())
    def check(world: World) -> None:
        network = compile_network(world.timetable)
        oracle = Oracle(world)
        covered.add(oracle)
        for objective in Objective:
            asked = Question(
                pickup_location=world.pickup, requested_at=world.requested_at, objective=objective, limit=1000
            )
            answered = decide(asked, world.holdings, network, world.register, world.policy)
            assert seen(answered) == oracle.rota(objective)
            assert {r.supplying_location: r.reason.value for r in answered.refusals} == oracle.refusals()
            for moment in oracle.telling_moments():
                answered = decide(
                    replace(asked, need_before=moment), world.holdings, network, world.register, world.policy
                )
                assert seen(answered) == oracle.rota(objective, need_before=moment)
                assert {r.supplying_location: r.reason.value for r in answered.refusals} == oracle.refusals(
                    need_before=moment
                )

    check()
    assert covered >= FLOORS


def seen(decision: Decision) -> list[Expected]:
    return [
        Expected(
            entry.supplying_location,
            seconds(entry.ready_at),
            seconds(entry.arrives_at),
            entry.handlings,
            entry.cost_cents,
            tuple(_leg(leg) for leg in entry.legs),
        )
        for entry in decision.rota
    ]


def _leg(leg: Leg) -> tuple[str, str, str, str, str, int, int]:
    return (
        leg.route_id,
        leg.trip_id,
        leg.service_date.isoformat(),
        leg.from_location,
        leg.to_location,
        seconds(leg.departs_at),
        seconds(leg.arrives_at),
    )


class Oracle:
    """The whole answer for a world, from the brute force and plain rules."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.requested = seconds(world.requested_at)
        self.end = self.requested + world.policy.horizon_days * 24 * 3600
        self.brute = Brute(world.timetable, to=world.pickup, since=self.requested, until=self.end)
        self.locations = {
            holding.location: world.register.locations.get(holding.location, Location(holding.location))
            for holding in world.holdings
        }
        self.ready = {name: self._ready(location) for name, location in self.locations.items()}
        self.choices = {name: self._choices(name) for name in self.locations}

    def _ready(self, location: Location) -> int:
        return seconds(
            ready_after(
                self.world.requested_at, location.handling_minutes, location.opening_hours, "Europe/Amsterdam"
            )
        )

    def _choices(self, name: str) -> dict[int, int]:
        """{handlings: earliest arrival}, within the horizon."""
        if name == self.world.pickup:
            return {0: self.ready[name]} if self.ready[name] <= self.end else {}
        return self.brute.by_handlings(name, self.ready[name])

    def sooner_by_own_trip(self) -> bool:
        """Whether some item would be there sooner if it could leave a trip and board the same one again."""
        wrong = Brute(self.world.timetable, to=self.world.pickup, since=self.requested, until=self.end, own_trip=True)
        return any(
            min(wrong.by_handlings(name, self.ready[name]).values(), default=None)
            != min(choices.values(), default=None)
            for name, choices in self.choices.items()
            if name != self.world.pickup
        )

    def telling_moments(self) -> list[datetime]:
        """Moments to need the item before: just in time for one way, and just too late for it."""
        arrivals = sorted({arrival for choices in self.choices.values() for arrival in choices.values()})
        return [
            EPOCH + SECOND * moment for arrival in arrivals[:1] + arrivals[-1:] for moment in (arrival, arrival - 1)
        ]

    def refusals(self, need_before: datetime | None = None) -> dict[str, str]:
        refused = {}
        for name, choices in self.choices.items():
            if not choices:
                refused[name] = "unreachable"
            elif need_before is not None and min(choices.values()) > seconds(need_before):
                refused[name] = "too_late"
        return refused

    def rota(self, objective: Objective, need_before: datetime | None = None) -> list[Expected]:
        weights = self.world.policy.weights
        limit = self.end if need_before is None else min(self.end, seconds(need_before))
        entries = []
        for name, choices in self.choices.items():
            in_time = [(arrival, handlings) for handlings, arrival in choices.items() if arrival <= limit]
            if in_time:
                arrival, handlings = min(in_time, key=lambda way: self._preference(objective, way, weights))
                entries.append(
                    Expected(
                        name,
                        self.ready[name],
                        arrival,
                        handlings,
                        self._cost(name),
                        () if name == self.world.pickup else self._legs(name, arrival, handlings),
                    )
                )
        return sorted(entries, key=lambda entry: self._place(objective, entry, weights))

    def _preference(self, objective: Objective, way: tuple[int, int], weights: Weights) -> tuple[object, ...]:
        arrival, handlings = way
        if objective is Objective.FEWEST_HANDLINGS:
            return handlings, arrival
        if objective is Objective.BALANCED:
            return self._weight(arrival, handlings, 0, weights), arrival, handlings
        return arrival, handlings

    def _place(self, objective: Objective, entry: Expected, weights: Weights) -> tuple[object, ...]:
        first: tuple[object, ...] = {
            Objective.FASTEST: (),
            Objective.CHEAPEST: (entry.cost,),
            Objective.FEWEST_HANDLINGS: (entry.handlings,),
            Objective.BALANCED: (self._weight(entry.arrival, entry.handlings, entry.cost, weights),),
        }[objective]
        return *first, entry.arrival, entry.handlings, entry.cost, entry.location

    def _weight(self, arrival: int, handlings: int, cost: int, weights: Weights) -> Fraction:
        hours = Fraction(arrival - self.requested, 3600)
        return hours * Fraction(weights.cents_per_hour) + handlings * Fraction(weights.cents_per_handling) + cost

    def _cost(self, name: str) -> int:
        here = self.locations[name].agency
        there = self.world.register.locations[self.world.pickup].agency
        if name == self.world.pickup or here is None or there is None or here == there:
            return 0
        area = {"A": ("P", "X"), "B": ("P", "X"), "C": ("Q", "X"), "D": ("R", "Y"), "E": (None, None)}
        (province, poi), (other_province, other_poi) = area[here], area[there]
        if province is not None and province == other_province:
            return 0
        return 1075 if poi and other_poi and poi != other_poi else 675

    def _legs(self, name: str, arrival: int, handlings: int) -> tuple[tuple[str, str, str, str, str, int, int], ...]:
        legs = []
        timetable = self.world.timetable
        for r, boarded, left in self.brute.rides(name, self.ready[name], arrival=arrival, handlings=handlings):
            run = self.brute.runs[r]
            trip = timetable.trips[run.trip]
            start, end = run.calls[boarded], run.calls[left]
            legs.append(
                (
                    timetable.routes[trip.route].id,
                    trip.id,
                    run.day.isoformat(),
                    start.stop,
                    end.stop,
                    start.departure,
                    end.arrival,
                )
            )
        return tuple(legs)


def test_the_moments_of_the_oracle_are_not_the_engines() -> None:
    """The oracle's clock arithmetic stands on its own feet: a known second of a known day."""
    assert EPOCH + timedelta(seconds=1_774_746_000) == datetime.fromisoformat("2026-03-29T03:00:00+02:00")
