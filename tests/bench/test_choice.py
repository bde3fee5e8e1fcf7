"""A few weeks of the simulation: nothing is lent twice, all ways live through the same, and nobody beats sight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bench.choice.chance import Demand, is_missed, unit
from bench.choice.figures import measure, net_gini
from bench.choice.lumps import listen
from bench.choice.measure import interval
from bench.choice.run import BACK, Run, Wish
from bench.choice.ways import Clairvoyant, FixedList, Nearest
from bench.choice.year import ASSIGNED, BALANCED, FAIR, FASTEST, KEENER, MIXED, TWO, TWO_KEENER, Extent, live, prepare
from routing.response import ANSWERS, BINS

EXTENT = Extent(thin=10, warm_up=7, counted=14)
SEED = 3


LEFT_OUT = {KEENER, TWO_KEENER, *list(FAIR)[:-1]}
"""Others are like them but for a number."""


def prepared(seed: int = SEED) -> dict[str, Run]:
    """The ways that are worth living through here."""
    return {name: run for name, run in prepare(seed, EXTENT).items() if name not in LEFT_OUT}


@cache
def lived(seed: int = SEED) -> Mapping[str, Run]:
    """Some hundred loan requests under every way; the same for all tests."""
    runs = prepared(seed)
    placed.clear()
    live(runs, EXTENT, lambda _: None)
    return runs


placed: dict[tuple[int, int], set[int]] = {}
"""What a place answered to a loan request, under any way."""


@pytest.fixture(autouse=True, scope="module")
def watched() -> None:
    """Look over the shoulder of whoever places: a copy is there, and what it will answer is noted."""
    inner = Run.place

    def place(self: Run, wish: Wish, row: int, now: int) -> None:
        assert self.free[row] > 0, "a copy was lent twice"
        inner(self, wish, row, now)
        placed.setdefault((wish.number, int(self.ground.row_place[row])), set()).add(wish.open[-1].answer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "place", place)
        lived()


def supplies(run: Run) -> list[int]:
    """The places that handed an item over, one for each."""
    answers = run.answers()
    found: list[int] = answers.place[(answers.echo == 0) & (answers.answer < BINS)].tolist()
    return found


def test_copies_are_lent_once_and_come_back() -> None:
    for name, run in lived().items():
        away = run.ground.row_copies - run.free
        assert (away >= 0).all(), name
        assert (run.free >= 0).all(), name
        asked = sum(len(wish.open) for wish in run.open.values())
        lost = len(supplies(run)) - sum(one.collected >= 0 for one in run.outcomes)
        waiting = sum(1 for event in run.events if isinstance(event[3], int) and event[2] == BACK)
        assert int(away.sum()) == asked + lost + waiting, name


def test_all_ways_live_through_the_same() -> None:
    assert all(len(answers) == 1 for answers in placed.values())
    assert len(placed) > len(lived()[FASTEST].demand.moment)
    demands = {id(run.demand) for run in lived().values()}
    assert len(demands) == 1


def test_every_loan_request_comes_to_something() -> None:
    for name, run in lived().items():
        filled = sum(one.collected >= 0 for one in run.outcomes)
        supplied = len(supplies(run))
        declined = sum(one.declined + one.silent for one in run.outcomes)
        assert 0.9 * len(run.outcomes) < filled <= len(run.outcomes), name
        assert filled <= supplied, name
        assert declined <= int((run.answers().echo == 0).sum()) - supplied, name
        assert run.lent.sum() == run.borrowed.sum(), name
        for one, asked in zip(run.outcomes, run.demand.moment.tolist(), strict=True):
            assert one.collected < 0 or one.collected > asked


def test_the_same_seed_gives_the_same_year() -> None:
    names = frozenset({FixedList.name, BALANCED, ASSIGNED})
    again = prepare(SEED, EXTENT, names=names)
    live(again, EXTENT, lambda _: None)
    for name, run in again.items():
        assert run.outcomes == lived()[name].outcomes


def test_nobody_is_faster_than_who_sees_all() -> None:
    """Where no loan request takes a copy from another: every title is wanted once."""
    runs = prepared()
    whole = next(iter(runs.values())).demand
    _, once = np.unique(whole.title, return_index=True)
    once = np.sort(once)
    single = Demand(whole.pickup[once], whole.title[once], whole.moment[once])
    for run in runs.values():
        run.wanted(single)
    live(runs, EXTENT, lambda _: None)
    best = runs[Clairvoyant.name].outcomes
    for name, run in runs.items():
        for mine, its in zip(best, run.outcomes, strict=True):
            assert its.collected < 0 or mine.collected <= its.collected, name
    assert sum(one.collected >= 0 for one in best) > 0.95 * len(once)


def test_who_is_nearest_travels_least_and_leenpad_is_sooner_than_the_list() -> None:
    found = {name: measure(run, EXTENT.warm_up).numbers for name, run in lived().items()}
    assert found[Nearest.name]["kilometres"] == min(one["kilometres"] for one in found.values())
    assert found[FASTEST]["mean"] < found[FixedList.name]["mean"]
    assert found[Clairvoyant.name]["declined"] == 0


def test_of_two_that_are_asked_at_once_one_is_let_go_and_its_copy_is_free_again() -> None:
    run = lived()[TWO]
    filled = [one for one in run.outcomes if one.collected >= 0]
    assert 0.5 < sum(one.let_go for one in filled) / len(filled) <= 1
    assert all(len(wish.open) <= 2 for wish in run.open.values())
    mean = {name: measure(lived()[name], EXTENT.warm_up).numbers["mean"] for name in (TWO, FASTEST)}
    assert mean[TWO] < mean[FASTEST]


def test_a_weight_for_balances_makes_them_more_even() -> None:
    numbers = {name: measure(run, EXTENT.warm_up).numbers for name, run in lived().items()}
    fair = next(name for name in FAIR if name not in LEFT_OUT)
    assert numbers[fair]["one_sided"] < numbers[BALANCED]["one_sided"]


def test_promises_are_about_what_came() -> None:
    promises = measure(lived()[FASTEST], EXTENT.warm_up).promises
    assert promises is not None
    assert (promises.p50 <= promises.p90).all()
    assert 0.75 < (promises.took <= promises.p90).mean() <= 1


def test_promises_that_name_a_van_say_themselves_that_they_are_kept_more_often() -> None:
    said = listen(SEED, MIXED)
    assert said.promises > 100
    assert 0.5 <= said.by_p50 < said.by_p90 <= 1
    assert said.by_p90 >= 0.9


def test_a_hash_is_even_and_knows_what_it_is_for() -> None:
    drawn = np.array([unit(1, about, which, 1) for about in range(100) for which in range(100)])
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 0.02
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.05
    assert unit(1, 2, 3, 1) != unit(1, 2, 3, 2)
    assert unit(1, 2, 3, 1) != unit(2, 2, 3, 1)
    often = sum(is_missed(1, np.array([0.2]), 0, day) for day in range(5000))
    assert 0.17 < often / 5000 < 0.23


def test_nature_answers_by_its_table() -> None:
    nature = lived()[FASTEST].nature
    place = 0
    answers = np.array([nature.answer(number, place, 0)[0] for number in range(4000)])
    seen = np.bincount(answers, minlength=ANSWERS) / len(answers)
    assert np.abs(seen - nature.table(0)[place]).max() < 0.03
    assert np.allclose(nature.table(0).sum(axis=1), 1)


def test_a_net_balance_is_even_or_one_sided() -> None:
    one, other = np.array([0, 1], dtype=np.int32), np.array([1, 0], dtype=np.int32)
    assert net_gini(one, other, 2) == 0
    # Organisation 0 supplies all four: net balances 4 and −4, a mean difference of 4 over all pairs, 2 items each.
    assert net_gini(np.zeros(4, np.int32), np.ones(4, np.int32), 2) == pytest.approx(4 / (2 * 2))
    assert net_gini(one, one, 2) == 0


def test_an_interval_is_students() -> None:
    found = interval([1.0, 2.0, 3.0])
    assert found.mean == 2
    assert found.half == pytest.approx(4.3027 / 3**0.5, rel=1e-4)


def test_the_extent_states_its_scale() -> None:
    assert Extent().scale == 400
    assert replace(EXTENT, thin=1).scale == 40
