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
from routing.spread import MOST_ARRIVALS, Spread, _add, spread_over
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


def spread_of(network: Network, transport: Transport, missed: list[float]) -> Spread:
    assert transport.sweep is not None
    window = transport.window
    return spread_over(
        network, window, transport.sweep, np.array(missed, dtype=np.float64), window.ride_arrival.astype(np.int64)
    )


def told(network: Network, transport: Transport, spread: Spread, stop: str, ready: int) -> dict[int, float]:
    """Return how likely every arrival of an item is that is ready at a stop, as `Followed` does."""
    window = transport.window
    at = np.array([network.stop_positions[stop]], dtype=np.int32)
    after = np.array([ready - window.start], dtype=np.int64)
    (slot,) = first_slots(at, after, window.slot_departure, window.segment_start)
    if slot < 0:
        return {-1: 1.0}
    chance = spread.chance[slot]
    never = len(spread.moment) - 1
    return {
        -1 if moment == never else int(spread.moment[moment]) + window.start: likely
        for moment, likely in zip(spread.arrival[chance].tolist(), spread.likely[chance].tolist(), strict=True)
        if moment >= 0 and likely
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
    spread, followed = spread_of(network, transport, missed), Followed(whole(transport), missed)
    for stop in network.stop_positions:
        if stop == world.pickup:
            continue
        for hours in (0, 5, 30):
            expected = followed.arrive(stop, requested + hours * 3600)
            found = told(network, transport, spread, stop, requested + hours * 3600)
            assert sum(found.values()) == pytest.approx(1)
            if len(expected) <= MOST_ARRIVALS:
                assert found == pytest.approx(expected)


def test_a_van_that_is_missed_costs_the_time_to_the_next() -> None:
    network = compile_network(drawn(ONE_WAY))
    transport = transport_to(network, "B", requested=to_seconds(MONDAY), horizon_days=28)
    spread = spread_of(network, transport, [0.1, 0.2])
    found = told(network, transport, spread, "A", to_seconds(MONDAY))
    noon = to_seconds(MONDAY) + 11 * 3600
    assert found[noon] == pytest.approx(0.9 * 0.8)
    assert found[noon + 86_400] == pytest.approx(0.9 * 0.2 * 0.8 + 0.1 * 0.9 * 0.8)


def test_the_mean_is_of_the_moments_and_the_least_of_what_still_comes() -> None:
    network = compile_network(drawn(ONE_WAY))
    transport = transport_to(network, "B", requested=to_seconds(MONDAY), horizon_days=28)
    spread = spread_of(network, transport, [0.1, 0.2])
    moments = np.where(spread.arrival >= 0, spread.moment[spread.arrival], 0)
    assert spread.mean == pytest.approx((moments * spread.likely).sum(axis=1))
    assert (spread.least <= spread.mean).all()
    assert spread.size_bytes > 0


def test_what_is_made_one_hardly_moves_the_mean() -> None:
    network = compile_network(drawn(ONE_WAY))
    transport = transport_to(network, "B", requested=to_seconds(MONDAY), horizon_days=28)
    missed = [0.01, 0.02]
    expected = Followed(whole(transport), missed).arrive("A", to_seconds(MONDAY))
    found = told(network, transport, spread_of(network, transport, missed), "A", to_seconds(MONDAY))
    assert len(expected) > MOST_ARRIVALS
    means = [
        sum(
            likely * (moment if moment >= 0 else transport.window.start + transport.window.length)
            for moment, likely in one.items()
        )
        for one in (found, expected)
    ]
    assert abs(means[0] - means[1]) < 60


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0.001, 1)), max_size=40))
def test_of_too_many_arrivals_the_nearest_are_made_one(shares: list[tuple[int, float]]) -> None:
    found, likely = np.full((1, MOST_ARRIVALS), -1, dtype=np.int32), np.zeros((1, MOST_ARRIVALS))
    exact: defaultdict[int, float] = defaultdict(float)
    for arrival, share in shares:
        _add(found, likely, 0, arrival, share, np.arange(31, dtype=np.int64))
        exact[arrival] += share
    kept = [arrival for arrival in found[0].tolist() if arrival >= 0]
    assert kept == sorted(set(kept))
    assert (found[0, len(kept) :] == -1).all()
    assert set(kept) <= set(exact)
    assert len(kept) == min(len(exact), MOST_ARRIVALS)
    assert likely.sum() == pytest.approx(sum(exact.values()))
    if len(exact) <= MOST_ARRIVALS:
        assert dict(zip(kept, likely[0], strict=False)) == pytest.approx(exact)


def test_a_window_without_departures() -> None:
    timetable: Timetable = drawn("V/out 2026-11-24 A 09:00 B 10:00")
    network = compile_network(timetable)
    window = window_for(network, to_seconds(datetime(2027, 6, 1, tzinfo=UTC)), 7)
    transport = transport_to(network, "B", requested=window.start, horizon_days=7)
    assert len(spread_of(network, transport, [0.1]).chance) == 0
