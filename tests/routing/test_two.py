"""What is promised where two are asked at once, beside what comes of it when it is drawn as it really happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from routing.columns import first_from
from routing.hours import days_later, moment_of, open_at, opened_before
from routing.network import Floats, Longs
from routing.promise import EDGES, HERE, MIDDLES, TICK, Suppliers, promised, room_for_cases, room_for_ticks
from routing.response import BINS
from routing.spread import chance_of
from routing.two import promised_by_two, when_either_collected
from tests.support.prospects import Prospects, draw

DRAWS = 4000
ABOUT = 0.035
"""Four times what so many draws are off by chance."""
NEVER = 2**40

Happens = Callable[[Prospects, np.random.Generator], int]


def happen(drawn: Prospects, chance: np.random.Generator) -> int:
    """Draw one loan request: two are asked, whoever says no makes room for the next, the first that supplies does."""
    rota = list(range(len(drawn.suppliers.stop)))
    answers = []  # (when it comes, which, supplies)
    for one in [rota.pop(0) for _ in range(min(2, len(rota)))]:
        answers.append(answer(drawn, chance, one, drawn.asked))
    while answers:
        answers.sort()
        at, one, supplies = answers.pop(0)
        if supplies:
            return collected(drawn, chance, one, at)
        if rota:
            answers.append(answer(drawn, chance, rota.pop(0), -(-at // TICK) * TICK))
    return NEVER


def answer(drawn: Prospects, chance: np.random.Generator, one: int, asked: int) -> tuple[int, int, bool]:
    """When a supplier that is asked at a moment answers, and whether it supplies."""
    hours, suppliers = drawn.ways.hours, drawn.suppliers
    kind = suppliers.kind[one]
    chances = np.concatenate(
        (np.diff(suppliers.supplied[one]), suppliers.declined[one], suppliers.silent[one : one + 1])
    )
    what = int(chance.choice(len(chances), p=chances / chances.sum()))
    since = opened_before(hours, kind, asked)
    if what < BINS:
        opened = EDGES[what] + (EDGES[what + 1] - EDGES[what]) * chance.random()
        return moment_of(hours, kind, since + int(opened)), one, True
    if what < 2 * BINS:
        return moment_of(hours, kind, since + int(MIDDLES[what - BINS])), one, False
    return days_later(hours, kind, asked, suppliers.lapse_days[one]), one, False


def collected(drawn: Prospects, chance: np.random.Generator, one: int, ready: int) -> int:
    """When it can be collected: by the first van that takes it, and the first after that."""
    ways, stop = drawn.ways, drawn.suppliers.stop[one]
    if stop == HERE:
        return int(open_at(ways.hours, ways.pickup_kind, ready))
    departures, spread = ways.departures, ways.spread
    begin, end = departures.start[stop], departures.start[stop + 1]
    slot = first_from(departures.moment, begin, end, ready)
    if slot == end:
        return NEVER
    at = chance_of(spread.slot, slot)
    while at >= 0:
        here = spread.slot[at]
        if chance.random() < departures.left[here]:
            if departures.later[here] < 0:
                return NEVER
            at = chance_of(spread.slot, departures.later[here])
        else:
            at = spread.rides[at]
    return int(spread.moment[-1 - at])


def in_lanes(drawn: Prospects, chance: np.random.Generator) -> int:
    """Draw one loan request as it is reckoned: every other supplier in a lane, one after the other."""
    handed = []
    for lane in (0, 1):
        at = drawn.asked
        for one in range(lane, len(drawn.suppliers.stop), 2):
            at, _, supplies = answer(drawn, chance, one, at)
            if supplies:
                handed.append((at, one))
                break
            at = -(-at // TICK) * TICK
    if not handed:
        return NEVER
    at, one = min(handed)
    return collected(drawn, chance, one, at)


def off_by(drawn: Prospects, happens: Happens, seed: int) -> Floats:
    """How far what has come by p50 and p90 is from what the promise says of them."""
    rota = np.arange(len(drawn.suppliers.stop), dtype=np.int32)
    moments, shares, supplied = promised_by_two(drawn.ways, drawn.suppliers, rota, 1, drawn.asked, drawn.ticks)
    chance = np.random.default_rng(seed)
    happened = np.array([happens(drawn, chance) for _ in range(DRAWS)])
    assert (happened < NEVER).mean() <= supplied[0] + ABOUT
    by_then = (happened[:, None] <= moments[0]).sum(axis=0) / max(1, (happened < NEVER).sum())
    found: Floats = np.abs(by_then - shares[0])
    return found


def on_vans(count: int, *, most: int) -> Iterator[tuple[int, Prospects]]:
    """Draw rotas of which nobody stands at the counter itself: there a promise names the middle of a time."""
    drawn = ((seed, draw(seed, most=most)) for seed in range(1000))
    vans = ((seed, one) for seed, one in drawn if not (one.suppliers.stop == HERE).any())
    return islice(vans, count)


def test_what_is_promised_is_what_happens_in_two_lanes() -> None:
    for seed, drawn in on_vans(10, most=7):
        assert (off_by(drawn, in_lanes, seed) < ABOUT).all(), seed


def test_whoever_is_third_is_asked_at_the_first_no_and_the_promise_is_nearly_as_good() -> None:
    """Also of suppliers that are as unlike as these are drawn."""
    off = np.array([off_by(drawn, happen, seed) for seed, drawn in on_vans(12, most=7)])
    assert (off.mean(axis=0) < (0.04, 0.03)).all(), off.mean(axis=0)


@pytest.mark.parametrize("seed", range(100))
def test_it_is_as_likely_that_anyone_supplies_as_one_after_the_other(seed: int) -> None:
    drawn = draw(seed, most=7)
    count = len(drawn.suppliers.stop)
    rota = np.arange(count, dtype=np.int32)
    two = promised_by_two(drawn.ways, drawn.suppliers, rota, count, drawn.asked, drawn.ticks)
    one = promised(drawn.ways, drawn.suppliers, rota, count, drawn.asked, drawn.ticks)
    assert two[2] == pytest.approx(one[2], abs=0.003)
    assert (two[0][-1] == one[0][-1]).all(), "of the last there is no other beside it"
    assert (two[1][one[0][:, 0] >= 0] <= 1 + 1e-9).all()


def test_of_two_that_are_alike_what_one_misses_by_a_moment_is_squared() -> None:
    """Nobody else is there to be asked, and no van leaves anything behind: who hands over first arrives first."""
    sure = [drawn for _, drawn in on_vans(60, most=1) if not drawn.ways.departures.left.any()]
    assert len(sure) > 10
    for drawn in sure:
        twice = Suppliers._make(np.repeat(column, 2, axis=0) for column in drawn.suppliers)
        alone, both = when_collected_of(drawn), when_collected_of(replace(drawn, suppliers=twice))
        moments = np.unique(np.concatenate((alone[0], both[0])))
        one, two = (by_then(*found, moments) for found in (alone, both))
        assert two == pytest.approx(1 - (1 - one) ** 2, abs=0.01)


def when_collected_of(drawn: Prospects) -> tuple[Longs, Floats]:
    found: tuple[Longs, Floats] = when_either_collected(
        drawn.ways,
        drawn.suppliers,
        np.arange(len(drawn.suppliers.stop), dtype=np.int32),
        drawn.asked,
        room_for_cases(drawn.ways),
        room_for_ticks(drawn.ticks),
        np.zeros(len(drawn.ways.spread.slot)),
    )
    return found


def by_then(moments: Longs, likely: Floats, at: Longs) -> Floats:
    """How likely it has come by each of some moments."""
    so_far: Floats = np.concatenate(([0.0], np.cumsum(likely)))[np.searchsorted(moments, at, side="right")]
    return so_far


def test_of_many_that_hardly_supply_all_count() -> None:
    drawn = draw(5, most=1)
    one = drawn.suppliers
    edges = one.supplied / max(one.supplied[0, -1], 1e-9) * 0.02
    many = Suppliers._make(
        np.repeat(column, 60, axis=0)
        for column in one._replace(supplied=edges, declined=one.declined * 0 + 0.098, silent=one.silent * 0)
    )
    rota = np.arange(60, dtype=np.int32)
    two = promised_by_two(drawn.ways, many, rota, 1, drawn.asked, drawn.ticks)
    alone = promised(drawn.ways, many, rota, 1, drawn.asked, drawn.ticks)
    assert two[2][0] == pytest.approx(alone[2][0])
    assert two[2][0] > 0.6, "24 of them are not enough for that"
