"""The order of a rota against all orders, and what a rota costs against reckoning it plainly."""

from __future__ import annotations

from collections import defaultdict
from itertools import permutations

import numpy as np
import pytest
from numba import njit

from routing.calendar import open_days_later, ready_seconds, to_moment, to_seconds
from routing.network import Ints
from routing.order import Aim, _cost_now, by_index, cost_of, least_cost, order
from routing.promise import (
    HERE,
    MIDDLES,
    MOST_MOMENTS,
    PIECES,
    TICK,
    Suppliers,
    Ways,
    pass_on,
    quantile,
    room_for_cases,
    room_for_ticks,
    when_collected,
)
from routing.response import BINS, EDGE_HOURS
from routing.spread import arrive, chance_of
from tests.support.prospects import TEXTS, Prospects, draw, network, window
from tests.support.thorough import draws

CASES = draws(100, thorough=1000)


@njit(cache=True, nogil=True)
def cheapest(ways: Ways, suppliers: Suppliers, aim: Aim, asked: int, ticks: int) -> float:
    """What the best of all orders costs: every one is gone through, those that begin alike together."""
    size = len(suppliers.stop)
    cases = room_for_cases(ways)
    at_tick = room_for_ticks(ticks)
    moments, shares = np.empty((size + 1, ticks), np.int64), np.empty((size + 1, ticks))
    count, spent = np.zeros(size + 1, np.int64), np.zeros(size + 1)
    next_child, chosen = np.zeros(size + 1, np.int64), np.zeros(size, np.int64)
    used = np.zeros(size, np.bool_)
    moments[0, 0], shares[0, 0], count[0] = asked, 1.0, 1
    best, level = np.inf, 0
    while level >= 0:
        if level == size:
            best = min(best, spent[level])
        child = next_child[level] if level < size else size
        while child < size and (used[child] or (aim.circle[child] > aim.circle[~used]).any()):
            child += 1
        if child >= size:
            level -= 1
            if level >= 0:
                used[chosen[level]] = False
            continue
        next_child[level] = child + 1
        cost = spent[level]
        for n in range(count[level]):
            each, _ = _cost_now(ways, suppliers, aim, child, asked, moments[level, n], cases)
            cost += shares[level, n] * each
        below = level + 1
        count[below] = pass_on(
            ways,
            suppliers,
            child,
            moments[level],
            shares[level],
            count[level],
            moments[below],
            shares[below],
            at_tick,
        )
        used[child], chosen[level], spent[below], next_child[below] = True, child, cost, 0
        level = below
    return best


def whole_cost(drawn: Prospects, rota: Ints) -> float:
    cost: float = cost_of(drawn.ways, drawn.suppliers, drawn.aim, rota, drawn.asked, drawn.ticks)
    return cost


def check(drawn: Prospects) -> None:
    found = order(drawn.ways, drawn.suppliers, drawn.aim, asked=drawn.asked, ticks=drawn.ticks)
    assert sorted(found.tolist()) == list(range(len(drawn.suppliers.stop)))
    best = cheapest(drawn.ways, drawn.suppliers, drawn.aim, drawn.asked, drawn.ticks)
    assert whole_cost(drawn, found) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("chunk", range(5))
def test_the_order_is_the_best_of_all(chunk: int) -> None:
    for seed in range(chunk, CASES, 5):
        check(draw(seed))


@pytest.mark.parametrize("seed", [194, 650])
def test_the_order_is_the_best_where_an_answer_is_too_unlikely_for_a_number(seed: int) -> None:
    """In these draws a no comes last with a likelihood that, times that of being asked, is less than any number."""
    drawn = draw(seed)
    assert 0 < drawn.suppliers.declined[drawn.suppliers.declined > 0].min() < 1e-290
    check(drawn)


def test_whoever_does_not_supply_passes_all_of_it_on() -> None:
    drawn = draw(194)
    one, room = 5, room_for_ticks(drawn.ticks)
    asked, share = np.array([136_800, 772_200]), np.array([4.4e-4, 2.7e-5])
    then, then_share = np.empty(MOST_MOMENTS, np.int64), np.empty(MOST_MOMENTS)
    count = pass_on(drawn.ways, drawn.suppliers, one, asked, share, 2, then, then_share, room)
    passed = share.sum() * (1 - drawn.suppliers.supplied[one, BINS])
    assert then_share[:count].sum() == pytest.approx(passed)


def test_the_order_is_the_best_of_those_that_keep_to_circles() -> None:
    for seed in range(40):
        drawn = draw(seed, most=6, circles=3)
        rota = order(drawn.ways, drawn.suppliers, drawn.aim, asked=drawn.asked, ticks=drawn.ticks)
        assert sorted(drawn.aim.circle[rota]) == drawn.aim.circle[rota].tolist()
        check(drawn)


def least(drawn: Prospects) -> float:
    found: float = least_cost(drawn.ways, drawn.suppliers, drawn.aim, drawn.asked)
    return found


def test_no_order_costs_less_than_the_bound() -> None:
    for seed in range(40):
        drawn = draw(seed, circles=1 + seed % 2)
        best = cheapest(drawn.ways, drawn.suppliers, drawn.aim, drawn.asked, drawn.ticks)
        assert least(drawn) <= best * (1 + 1e-9)


def test_of_many_the_order_costs_little_more_than_the_bound() -> None:
    above = []
    for seed in range(60):
        drawn = draw(seed, most=55)
        if len(drawn.suppliers.stop) >= 8:
            rota = order(drawn.ways, drawn.suppliers, drawn.aim, asked=drawn.asked, ticks=drawn.ticks)
            above.append(whole_cost(drawn, rota) / least(drawn) - 1)
    assert min(above) >= -1e-9
    assert np.median(above) < 0.1, "a bound that is far away says nothing"


def test_of_many_the_order_costs_no_more_than_that_of_the_index() -> None:
    for seed in range(10):
        drawn = draw(seed, most=24)
        found = order(drawn.ways, drawn.suppliers, drawn.aim, asked=drawn.asked, ticks=drawn.ticks)
        assert sorted(found.tolist()) == list(range(len(drawn.suppliers.stop)))
        everyone = np.arange(len(drawn.suppliers.stop), dtype=np.int32)
        plain = by_index(drawn.ways, drawn.suppliers, drawn.aim, everyone, drawn.asked)
        assert whole_cost(drawn, found) <= whole_cost(drawn, plain) * (1 + 1e-9)


# --- reckoned plainly -----------------------------------------------------------------------------


class Plain:
    """What happens to a rota, reckoned with the calendar, moment by moment and case by case."""

    def __init__(self, drawn: Prospects) -> None:
        self.drawn, self.start = drawn, window().start

    def collected(self, rota: Ints) -> dict[int, float]:
        """Return when it can be collected and how likely (seconds from the start of the window)."""
        found: defaultdict[int, float] = defaultdict(float)
        asks = {self.drawn.asked: 1.0}
        for one in rota.tolist():
            then: defaultdict[int, float] = defaultdict(float)
            for moment, share in asks.items():
                for at, likely in self.supplied(one, moment).items():
                    found[at] += share * likely
                for at, likely in self.declined(one, moment).items():
                    then[-(-at // TICK) * TICK] += share * likely
            asks = then
        return found

    def opened(self, one: int, moment: int, hours: float) -> int:
        """The moment after so much open time."""
        text = self.text(one)
        found = ready_seconds(
            moment + self.start, round(hours * 3600), opening_hours=text, timezone="Europe/Amsterdam"
        )
        assert found is not None
        return found - self.start

    def text(self, one: int) -> str:
        kind = int(self.drawn.suppliers.kind[one])
        return "" if kind < 0 else TEXTS[kind]

    def supplied(self, one: int, moment: int) -> dict[int, float]:
        suppliers, found = self.drawn.suppliers, defaultdict[int, float](float)
        shares = np.diff(suppliers.supplied[one])
        fine = 60
        for at, share in enumerate(shares):
            low, high = EDGE_HOURS[at], EDGE_HOURS[at + 1]
            parts = PIECES if suppliers.stop[one] == HERE else fine
            for part in range(parts):
                ready = self.opened(one, moment, low + (high - low) * (part + 0.5) / parts)
                for arrives, likely in self.travels(one, ready).items():
                    found[arrives] += share * likely / parts
        return found

    def travels(self, one: int, ready: int) -> dict[int, float]:
        ways, stop = self.drawn.ways, int(self.drawn.suppliers.stop[one])
        if stop == HERE:
            if ways.pickup_kind < 0:
                return {ready: 1.0}
            hours = ways.hours
            kind = slice(hours.begin[ways.pickup_kind], hours.begin[ways.pickup_kind + 1])
            at = int(np.searchsorted(hours.ends[kind], ready))
            if at == len(hours.ends[kind]):
                return {int(hours.midnight[-1]): 1.0}
            return {int(max(hours.starts[kind][at], ready)): 1.0}
        first, end = ways.departures.start[stop], ways.departures.start[stop + 1]
        slot = first + int(np.searchsorted(ways.departures.moment[first:end], ready))
        if slot == end:
            return {int(ways.spread.moment[-1]): 1.0}
        found = np.zeros(len(ways.spread.moment))
        arrive(
            ways.departures,
            ways.spread,
            chance_of(ways.spread.slot, slot),
            1.0,
            found,
            np.empty(64, np.int32),
            np.empty(64),
        )
        return {int(ways.spread.moment[at]): float(found[at]) for at in np.flatnonzero(found)}

    def declined(self, one: int, moment: int) -> dict[int, float]:
        suppliers, found = self.drawn.suppliers, defaultdict[int, float](float)
        for at, share in enumerate(suppliers.declined[one].tolist()):
            found[self.opened(one, moment, MIDDLES[at] / 3600)] += share
        zone = network().zone
        lapses = open_days_later(
            to_moment(moment + self.start, zone), 8, opening_hours=self.text(one), timezone="Europe/Amsterdam"
        )
        assert lapses is not None
        found[to_seconds(lapses) - self.start] += float(suppliers.silent[one])
        return found


@pytest.mark.parametrize("seed", range(12))
def test_a_rota_costs_and_promises_what_happens_to_it(seed: int) -> None:
    drawn = draw(seed, most=3)
    rota = np.arange(len(drawn.suppliers.stop), dtype=np.int32)
    end = int(drawn.ways.spread.moment[-1])
    expected = Plain(drawn).collected(rota)
    cases, at_chance = room_for_cases(drawn.ways), np.zeros(len(drawn.ways.spread.slot))
    moments, shares = when_collected(
        drawn.ways, drawn.suppliers, rota, drawn.asked, cases, room_for_ticks(drawn.ticks), at_chance
    )
    assert not at_chance.any()
    supplied = 1 - (1 - drawn.suppliers.supplied[:, BINS]).prod()
    assert shares.sum() == pytest.approx(supplied, abs=1e-5)
    for day in range(2, 30):  # the plain one cuts bins into pieces, so a piece of a bin may take another van
        by_then = sum(likely for moment, likely in expected.items() if moment <= day * 86_400)
        assert shares[moments <= day * 86_400].sum() == pytest.approx(by_then, abs=0.02)
    mean = sum((moment - drawn.asked) * likely for moment, likely in expected.items())
    seconds = Aim(1.0, np.zeros(len(rota)), np.zeros(len(rota), dtype=np.int32), np.zeros(len(rota)))
    cost = cost_of(drawn.ways, drawn.suppliers, seconds, rota, drawn.asked, drawn.ticks)
    assert cost == pytest.approx(mean, rel=0.01)
    assert (np.diff(moments) >= 0).all()
    assert moments[-1] <= end + 10**7


def test_quantiles_are_of_what_happens_at_all() -> None:
    moments, likely = np.array([10, 20, 30], dtype=np.int64), np.array([0.2, 0.2, 0.1])
    # By 10 two of five have happened, by 20 four.
    found = [quantile(moments, likely, share, 0.0) for share in (0.1, 0.59, 0.61, 0.89, 1.0)]
    assert found == [(10, 0.4), (10, 0.4), (20, 0.8), (20, 0.8), (30, 1.0)]
    assert quantile(moments, likely, 0.6, 0.0) == (20, 0.8), "of two as near, the one by which more has happened"
    assert quantile(moments, np.zeros(3), 0.5, 0.0) == (-1, 0.0)


def test_no_moment_is_promised_by_which_too_little_has_happened() -> None:
    moments, likely = np.array([10, 20, 30], dtype=np.int64), np.array([0.45, 0.39, 0.16])
    assert quantile(moments, likely, 0.5, 0.0) == (10, 0.45)
    moment, share = quantile(moments, likely, 0.5, 0.5)
    assert (moment, round(share, 9)) == (20, 0.84)
    moment, share = quantile(moments, likely, 0.9, 0.85)
    assert (moment, round(share, 9)) == (30, 1.0)


def test_what_happens_at_one_moment_counts_together() -> None:
    moments = np.array([10, 10, 10, 20, 20, 30], dtype=np.int64)
    likely = np.array([0.3, 0.0, 0.3, 0.0, 0.3, 0.1])
    found = [quantile(moments, likely, share, 0.0)[0] for share in (0.3, 0.5, 0.74, 0.76, 0.9, 0.96)]
    assert found == [10, 10, 10, 20, 20, 30]


def test_orders_are_told_apart_by_their_cost() -> None:
    """Not every order costs the same: otherwise the tests above prove nothing."""
    drawn = draw(3, most=4)
    costs = {
        round(
            cost_of(drawn.ways, drawn.suppliers, drawn.aim, np.array(rota, dtype=np.int32), drawn.asked, drawn.ticks)
        )
        for rota in permutations(range(len(drawn.suppliers.stop)))
    }
    assert len(costs) > 1
