"""Suppliers around a counter, drawn at random, with what the kernels of promise and order are told of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import numpy as np

from routing.hours import Hours, hours_in
from routing.network import Network, Window, compile_network, window_for
from routing.order import Aim
from routing.promise import HERE, TICK, Suppliers, Ways
from routing.response import ANSWERS, BINS, prior
from routing.spread import departures_of, spread_over
from routing.sweep import sweep_to
from tests.support.country import country

WEEK = int(datetime(2026, 11, 19, tzinfo=UTC).timestamp())  # a Thursday: where windows begin
HORIZON_DAYS = 35
TEXTS = ("Mo-Fr 09:00-17:00; PH off", "Mo-Sa 10:00-18:00", "Tu,Th 13:00-17:00", "Mo-Su 08:00-22:00")


@dataclass(frozen=True)
class Prospects:
    """A counter's ways, suppliers and an aim; `asked` in seconds from the start of the window."""

    ways: Ways
    suppliers: Suppliers
    aim: Aim
    asked: int
    ticks: int


@cache
def network() -> Network:
    """A small country: 4 hubs and 60 branches."""
    return compile_network(country(hubs=4, van_routes=12, branches=60))


def window() -> Window:
    return window_for(network(), WEEK, HORIZON_DAYS)


def hours() -> Hours:
    return hours_in(TEXTS, "Europe/Amsterdam", window().start, window().length)


@cache
def ways_to(pickup: int, kind: int, missed: float) -> Ways:
    """Every way to a stop, when one van in so many is missed and the counter has a kind of opening hours."""
    here, at = network(), window()
    departures = departures_of(at, np.full(len(here.timetable.trips), missed))
    spread = spread_over(at, sweep_to(here, at, pickup), departures, at.ride_arrival.astype(np.int64))
    return Ways(departures, spread, hours(), kind)


def draw(seed: int, *, most: int = 7, circles: int = 1) -> Prospects:
    """Draw a counter and between one and `most` suppliers: some that hardly supply, some that are always open."""
    chance = np.random.default_rng(seed)
    count = int(chance.integers(1, most + 1))
    pickup, *holders = chance.choice(np.arange(4, 64), count + 1, replace=False).tolist()
    if chance.random() < 0.15:
        holders[0] = HERE
    answers = np.array([chance.dirichlet(prior() * chance.choice((2.0, 8.0, 40.0)) + 1e-3) for _ in holders])
    if chance.random() < 0.2:  # one always supplies, one never
        answers[0] = np.eye(ANSWERS)[3]
        answers[-1] = np.eye(ANSWERS)[2 * BINS]
    cents = chance.choice((0.0, 675.0, 1075.0), count)
    scale, per_cent = [(1.0, 0.0), (1.0, 1e7), (10 / 3600, 1.0)][int(chance.integers(3))]
    return Prospects(
        ways=ways_to(pickup, int(chance.integers(-1, len(TEXTS))), float(chance.choice((0.0, 0.01, 0.1)))),
        suppliers=Suppliers(
            stop=np.array(holders, dtype=np.int32),
            kind=chance.integers(-1, len(TEXTS), count).astype(np.int32),
            supplied=np.concatenate((np.zeros((count, 1)), answers[:, :BINS].cumsum(axis=1)), axis=1),
            declined=np.ascontiguousarray(answers[:, BINS : 2 * BINS]),
            silent=answers[:, 2 * BINS].copy(),
            lapse_days=np.full(count, 8, dtype=np.int32),
        ),
        aim=Aim(
            scale,
            cents * per_cent,
            chance.integers(0, circles, count).astype(np.int32),
            cents * per_cent + 1e5 * scale,
        ),
        asked=int(chance.integers(0, 7 * 86_400)),
        ticks=window().length // TICK + 1,
    )
