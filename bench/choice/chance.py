"""What happens, whoever chooses: demand, how suppliers answer and which vans are missed, as functions of the seed.

Common random numbers: what a supplier answers to a loan request, and whether a dated trip is missed, is a hash of the
seed and of what it is about. So it is the same under every way to choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import holidays
import numpy as np
from numba import njit

from bench.choice.ground import FIRST, SPAN_DAYS, Ground
from routing.calendar import DAY_SECONDS
from routing.network import Floats, Ints, Longs, Network
from routing.response import ANSWERS, BINS, DECLINED, EDGE_HOURS, SUPPLIED, prior

ANSWER, WITHIN, READING, TRIP, LOT, OBJECTIVE = range(1, 7)
"""What a hash is drawn for."""

A_YEAR = 1_600_000
"""Loan requests in a year (2017)."""
WARM_UP_DAYS, COUNTED_DAYS = 42, 364
ZIPF = 0.7
WEEKDAYS = (1.2, 1.15, 1.15, 1.1, 1.05, 0.85, 0.5)
SEASON = (1.15, 1.1, 1.1, 1.0, 0.95, 0.9, 0.85, 0.85, 1.0, 1.1, 1.1, 0.9)  # January first
HOLIDAY = 0.4
HOURS = (0.2, 0.5, 1.0, 1.2, 1.1, 1.0, 1.1, 1.2, 1.2, 1.0, 0.8, 1.0, 1.0, 0.7, 0.4)  # from 8 to 23
LARGE = 0.9  # power of the inhabitants by which a place asks

SILENT_PART, SLOW_PART, CHANGING_PART = 0.04, 0.1, 0.2
"""Of the locations: those that leave much unanswered, those that take long, those that change within the year."""
MEAN_MISSED = 0.01


@njit(cache=True)
def unit(seed: int, about: int, which: int, purpose: int) -> float:
    """A number from 0 up to 1 that depends on these four and nothing else (splitmix64)."""
    x = _stirred(np.uint64(seed), np.uint64(about))
    x = _stirred(x, np.uint64(which))
    x = _stirred(x, np.uint64(purpose))
    return float(x >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True)
def _stirred(x: np.uint64, part: np.uint64) -> np.uint64:
    x = (x ^ part) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """Loan requests in the order in which they are made: place and title by position, seconds from the origin."""

    pickup: Ints
    title: Ints
    moment: Longs


@dataclass(frozen=True, slots=True, eq=False)
class Nature:
    """How suppliers answer and vans are missed, which no way to choose is told.

    A place answers by `answers[0, place]` (ANSWERS chances) until day `changes[place]`, and then by `answers[1]`.
    `missed` is by route, how likely one of its dated trips is missed; `missed_of_trip` the same by trip.
    """

    seed: int
    answers: Floats  # (2, places, ANSWERS)
    reached: Floats  # the same, added up
    changes: Ints
    missed: Floats  # (routes,)
    missed_of_trip: Floats  # (trips,)

    def table(self, day: int) -> Floats:
        """Return the chances of everyone's answers on a day: (places, ANSWERS)."""
        found: Floats = np.where((self.changes > day)[:, None], self.answers[0], self.answers[1])
        return found

    def answer(self, request: int, place: int, day: int) -> tuple[int, float]:
        """What a place answers to a loan request made on a day: one of ANSWERS, and after how many open seconds."""
        reached = self.reached[int(day >= self.changes[place]), place]
        answer = min(
            int(np.searchsorted(reached, unit(self.seed, request, place, ANSWER), side="right")), ANSWERS - 1
        )
        if answer >= 2 * BINS:
            return answer, 0.0
        low, high = EDGE_HOURS[answer % BINS], EDGE_HOURS[answer % BINS + 1]
        return answer, 3600 * (low + (high - low) * unit(self.seed, request, place, WITHIN))


def draw_demand(ground: Ground, seed: int, requests: int, *, days: int = WARM_UP_DAYS + COUNTED_DAYS) -> Demand:
    """Draw loan requests, by inhabitants of a place, popularity of a title, season, weekday and hour.

    Nobody asks for a title that their own counter has on its shelves.
    """
    chance = np.random.default_rng([seed, 1])
    asks = np.where(ground.stop >= 0, ground.size**LARGE, 0.0)
    likely = np.arange(1, ground.titles + 1.0) ** -ZIPF * (np.diff(ground.title_start) > 1)
    pickup = chance.choice(len(asks), requests, p=asks / asks.sum()).astype(np.int32)
    title = np.empty(requests, dtype=np.int32)
    has = {(int(place), int(of)) for place, of in zip(ground.row_place, ground.row_title, strict=True)}
    left = np.arange(requests)
    while len(left):
        title[left] = chance.choice(ground.titles, len(left), p=likely / likely.sum())
        again = [at for at in left.tolist() if (int(pickup[at]), int(title[at])) in has]
        left = np.array(again, dtype=np.int64)
    moment = _moments(chance, requests, days)
    return Demand(pickup, title, moment)


def _moments(chance: np.random.Generator, requests: int, days: int) -> Longs:
    off = holidays.country_holidays("NL", years=range(FIRST.year, FIRST.year + 3))
    dates = [FIRST + timedelta(days=at) for at in range(days)]
    busy = np.array([WEEKDAYS[day.weekday()] * SEASON[day.month - 1] * _usual(day, off) for day in dates])
    day = chance.choice(days, requests, p=busy / busy.sum())
    hours = np.array(HOURS)
    hour = 8 + chance.choice(len(hours), requests, p=hours / hours.sum())
    # Hours of the clock in winter; in summer all is an hour later, which changes nothing that is compared.
    found: Longs = np.sort(day * DAY_SECONDS + (hour - 1) * 3600 + chance.integers(0, 3600, requests))
    return found.astype(np.int64)


def _usual(day: date, off: holidays.HolidayBase) -> float:
    return HOLIDAY if day in off else 1.0


def draw_nature(ground: Ground, seed: int) -> Nature:
    """Draw how everyone answers: systems around the prior, locations around their system, some quite otherwise."""
    chance = np.random.default_rng([seed, 2])
    systems = {isil: one.system for isil, one in ground.register.agencies.items()}
    agencies = list(systems)
    of_place = [systems[agencies[at]] for at in ground.agency.tolist()]
    around = {name: _around(chance, prior(), (60, 20, 20)) for name in sorted({one or "" for one in of_place})}
    answers = np.empty((2, len(of_place), ANSWERS))
    for place, system in enumerate(of_place):
        for epoch in range(2):
            answers[epoch, place] = _location(chance, around[system or ""])
    changing = chance.random(len(of_place)) < CHANGING_PART
    changes = np.where(changing, chance.integers(30, SPAN_DAYS - 100, len(of_place)), SPAN_DAYS).astype(np.int32)
    routes = ground.timetable.routes
    missed = np.minimum(0.08, MEAN_MISSED * chance.lognormal(-0.32, 0.8, len(routes)))
    of_trip = missed[[trip.route for trip in ground.timetable.trips]]
    return Nature(seed, answers, np.cumsum(answers, axis=2), changes, missed, of_trip)


def _location(chance: np.random.Generator, around: Floats) -> Floats:
    row = _around(chance, around, (14, 40, 40))
    kind = chance.random()
    if kind < SILENT_PART:
        silent = chance.uniform(0.25, 0.7)
        row[: 2 * BINS] *= (1 - silent) / row[: 2 * BINS].sum()
        row[2 * BINS] = silent
    elif kind < SILENT_PART + SLOW_PART:
        for part in (SUPPLIED, DECLINED):
            slow = np.concatenate([[0.0, 0.0], row[part][:-2]])
            slow[-1] += row[part][-2:].sum()
            row[part] = slow
    found: Floats = row / row.sum()
    return found


def _around(chance: np.random.Generator, row: Floats, strengths: tuple[float, float, float]) -> Floats:
    """Draw a row around another: which answer, and when it comes, each as near as its strength says."""
    which = np.array([row[SUPPLIED].sum(), row[DECLINED].sum(), row[2 * BINS]])
    parts = (which, row[SUPPLIED] / which[0], row[DECLINED] / which[1])
    drawn = [chance.dirichlet(np.maximum(part * s, 1e-3)) for part, s in zip(parts, strengths, strict=True)]
    return np.concatenate([drawn[0][0] * drawn[1], drawn[0][1] * drawn[2], drawn[0][2:]])


def runs_of(network: Network, nature: Nature) -> tuple[Longs, Longs]:
    """How many dated trips of each route there were by the end of each day, and how many missed: (days, routes)."""
    days = network.days.active(FIRST.toordinal(), SPAN_DAYS)[network.trip_service]
    missed = _missed(nature.seed, nature.missed_of_trip, FIRST.toordinal(), SPAN_DAYS) & days
    route = np.array([trip.route for trip in network.timetable.trips])
    found = []
    for which in (days, missed):
        by_route = np.zeros((len(network.timetable.routes), SPAN_DAYS), dtype=np.int64)
        np.add.at(by_route, route, which)
        found.append(np.cumsum(by_route, axis=1).T)
    return found[0], found[1]


@njit(cache=True)
def is_missed(seed: int, missed: Floats, trip: int, day: int) -> bool:
    """Whether a trip (by position) leaves everything behind on a service day (ordinal)."""
    return bool(unit(seed, trip, day, TRIP) < missed[trip])


@njit(cache=True)
def _missed(seed: int, missed: Floats, first: int, days: int):  # type: ignore[no-untyped-def]
    found = np.empty((len(missed), days), np.bool_)
    for trip in range(len(missed)):
        for day in range(days):
            found[trip, day] = is_missed(seed, missed, trip, first + day)
    return found
