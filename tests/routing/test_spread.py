"""How arrivals spread when vans leave items behind, compared with plainly following what can happen."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from routing.calendar import to_seconds
from routing.model import Objective, Timetable, Weights
from routing.network import Network, compile_network, window_for
from routing.spread import MOST_WAITING, Departures, Spread, arrive, chance_of, departures_of, spread_over
from routing.sweep import first_slots
from routing.transport import Transport, arrivals, legs, transport_to
from tests.support.worlds import World, drawn, worlds

ONE_WAY = """
hub H 10m
V/out   Mo-Fr  A 09:00  H 10:00
V/in    Mo-Fr  H 11:00  B 12:00
"""
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


class Followed:
    """What can happen to an item, found by planning again and again."""

    def __init__(self, transport: Transport, missed: list[float]) -> None:
        self.transport = transport
        self.missed = {trip.id: missed[at] for at, trip in enumerate(transport.network.timetable.trips)}
        self.kept: dict[tuple[str, int], dict[int, float]] = {}

    def arrive(self, stop: str, ready: int) -> dict[int, float]:
        """Return how likely every arrival is, as seconds; -1: never."""
        if (stop, ready) not in self.kept:
            self.kept[stop, ready] = self._arrive(stop, ready)
        return self.kept[stop, ready]

    def _arrive(self, stop: str, ready: int) -> dict[int, float]:
        found = arrivals(self.transport, [stop], [ready], objective=Objective.FASTEST, weights=Weights())
        if found.chosen[0] is None:
            return {-1: 1.0}
        (way,) = legs(self.transport, [stop], [ready], [found.chosen[0]], found.handlings)
        left = self.missed[way[0].trip_id]
        if len(way) == 1:
            rides = {to_seconds(way[0].arrives_at): 1.0}
        else:
            hub = way[0].to_location
            handling = self.transport.network.handling[self.transport.network.stop_positions[hub]]
            rides = self.arrive(hub, to_seconds(way[0].arrives_at) + int(handling))
        waits = self.arrive(stop, to_seconds(way[0].departs_at) + 1)
        spread: defaultdict[int, float] = defaultdict(float)
        for one, share in ((rides, 1 - left), (waits, left)):
            for moment, likely in one.items():
                spread[moment] += likely * share
        return {moment: likely for moment, likely in spread.items() if likely}


def spread_of(transport: Transport, missed: list[float]) -> tuple[Departures, Spread]:
    assert transport.sweep is not None
    window = transport.window
    departures = departures_of(window, np.array(missed, dtype=np.float64))
    return departures, spread_over(window, transport.sweep, departures, window.ride_arrival.astype(np.int64))


def told(
    network: Network, transport: Transport, known: tuple[Departures, Spread], stop: str, ready: int
) -> dict[int, float]:
    """Return how likely every arrival of an item is that is ready at a stop, as `Followed` does."""
    window, (departures, spread) = transport.window, known
    at = np.array([network.stop_positions[stop]], dtype=np.int32)
    after = np.array([ready - window.start], dtype=np.int64)
    (slot,) = first_slots(at, after, window.slot_departure, window.segment_start)
    if slot < 0:
        return {-1: 1.0}
    found = np.zeros(len(spread.moment))
    room = np.empty(MOST_WAITING, np.int32), np.empty(MOST_WAITING)
    arrive(departures, spread, chance_of(spread.slot, slot), 1.0, found, *room)
    never = len(spread.moment) - 1
    return {
        -1 if at == never else int(spread.moment[at]) + window.start: float(found[at]) for at in np.flatnonzero(found)
    }


def whole(transport: Transport) -> Transport:
    """The same, with everything that arrives in the window in time."""
    return replace(transport, horizon_end=transport.window.start + transport.window.length)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(), shares=st.lists(st.sampled_from((0.0, 0.125, 0.5)), min_size=3, max_size=3))
def test_arrivals_spread_as_if_every_case_were_followed(world: World, shares: list[float]) -> None:
    network = compile_network(world.timetable)
    assume(not network.rides.circles)  # an item that is planned again may board its own trip there
    requested = to_seconds(world.requested_at)
    transport = transport_to(network, world.pickup, requested=requested, horizon_days=world.policy.horizon_days)
    assume(transport.sweep is not None)
    missed = [shares[at % 3] for at in range(len(world.timetable.trips))]
    known, followed = spread_of(transport, missed), Followed(whole(transport), missed)
    for stop in network.stop_positions:
        if stop == world.pickup:
            continue
        for hours in (0, 5, 30):
            expected = followed.arrive(stop, requested + hours * 3600)
            found = told(network, transport, known, stop, requested + hours * 3600)
            assert sum(found.values()) == pytest.approx(1)
            for moment in expected.keys() | found.keys():  # what is very unlikely is not followed
                assert found.get(moment, 0.0) == pytest.approx(expected.get(moment, 0.0), abs=1e-3)


def test_a_van_that_is_missed_costs_the_time_to_the_next() -> None:
    network = compile_network(drawn(ONE_WAY))
    transport = transport_to(network, "B", requested=to_seconds(MONDAY), horizon_days=28)
    found = told(network, transport, spread_of(transport, [0.1, 0.2]), "A", to_seconds(MONDAY))
    noon = to_seconds(MONDAY) + 11 * 3600
    assert found[noon] == pytest.approx(0.9 * 0.8)
    assert found[noon + 86_400] == pytest.approx(0.9 * 0.2 * 0.8 + 0.1 * 0.9 * 0.8)


def test_the_mean_is_of_the_moments_and_the_least_of_what_still_comes() -> None:
    network = compile_network(drawn(ONE_WAY))
    transport = transport_to(network, "B", requested=to_seconds(MONDAY), horizon_days=28)
    known = spread_of(transport, [0.1, 0.2])
    _, spread = known
    for slot, mean in zip(spread.slot.tolist(), spread.mean.tolist(), strict=True):
        stop = network.timetable.stops[transport.window.ride_from[transport.window.slot_ride[slot]]].id
        departure = transport.window.start + int(transport.window.slot_departure[slot])
        found = told(network, transport, known, stop, departure)
        end = transport.window.start + int(spread.moment[-1])
        expected = sum(likely * (end if moment < 0 else moment) for moment, likely in found.items())
        assert mean + transport.window.start == pytest.approx(expected, abs=60)
    assert (spread.least <= spread.mean).all()
    assert spread.size_bytes > 0


def test_what_is_hardly_likely_hardly_moves_anything() -> None:
    network = compile_network(drawn(ONE_WAY))
    transport = transport_to(network, "B", requested=to_seconds(MONDAY), horizon_days=28)
    missed = [0.01, 0.02]
    expected = Followed(whole(transport), missed).arrive("A", to_seconds(MONDAY))
    found = told(network, transport, spread_of(transport, missed), "A", to_seconds(MONDAY))
    for moment, likely in expected.items():
        assert found.get(moment, 0.0) == pytest.approx(likely, abs=2e-5)


def test_a_window_without_departures() -> None:
    timetable: Timetable = drawn("V/out 2026-11-24 A 09:00 B 10:00")
    network = compile_network(timetable)
    window = window_for(network, to_seconds(datetime(2027, 6, 1, tzinfo=UTC)), 7)
    transport = transport_to(network, "B", requested=window.start, horizon_days=7)
    assert len(spread_of(transport, [0.1])[1].slot) == 0
