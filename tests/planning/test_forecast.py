"""The forecast on histories that are drawn: what it learns, what it makes of little, and how well it does."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from app.planning.forecast import (
    ORDINARY,
    PUBLIC_HOLIDAY,
    SCHOOL_HOLIDAY,
    UNKNOWN,
    Floats,
    History,
    Scatter,
    bounds,
    chance_above,
    learn,
)
from app.planning.kinds import kinds_of, weekdays_of
from app.planning.outlook import Counts, look_ahead

MONDAY = date(2025, 11, 24)
YEAR = 364
WEEK = np.array([1.6, 1.3, 1.2, 1.1, 1.0, 0.7, 0.1])
NOTHING_SPECIAL = np.zeros(YEAR, dtype=np.int64)


def history(items: Any, *, group: list[int] | None = None, kind: Any = None) -> History:
    """The history of places from a Monday on."""
    found = np.atleast_2d(np.array(items, dtype=np.float64))
    days = found.shape[1]
    return History(
        items=found,
        group=np.array(group or [0] * len(found), dtype=np.int64),
        weekday=weekdays_of(MONDAY, days),
        kind=np.zeros(days, dtype=np.int64) if kind is None else kind,
    )


def expected(past: History, days: int = 7, kind: int = ORDINARY) -> Floats:
    return learn(past).expect(weekdays_of(MONDAY, days), np.full(days, kind, dtype=np.int64))


def weeks(level: float, profile: Any = WEEK, days: int = YEAR) -> Floats:
    """What a place would hand over if nothing were left to chance."""
    found: Floats = level * profile[weekdays_of(MONDAY, days)]
    return found


def test_a_history_that_repeats_itself_goes_on() -> None:
    assert expected(history([weeks(50)]))[0] == pytest.approx(50 * WEEK, rel=0.02)


def test_without_a_history_nothing_is_expected() -> None:
    for days in (0, 1, YEAR):
        assert expected(history(np.zeros((3, days)))).tolist() == [[0.0] * 7] * 3
    assert learn(history(np.zeros((3, 0)))).scatter == UNKNOWN


def test_a_place_that_handed_nothing_over_is_expected_to_go_on_so() -> None:
    assert expected(history([weeks(50), weeks(0)]))[1].tolist() == [0.0] * 7


def test_a_small_place_goes_by_its_group_and_a_large_one_by_itself() -> None:
    at_weekends = np.array([0, 0, 0, 0, 0, 3.5, 3.5])
    seldom = np.zeros(YEAR)
    seldom[[327, 355]] = 1  # two Saturdays
    _, small, large, other = learn(
        history([weeks(50), seldom, weeks(20, at_weekends), weeks(50, at_weekends)], group=[0, 0, 0, 1])
    ).profile
    assert small == pytest.approx((50 * WEEK + 20 * at_weekends) / 70, abs=0.15), "of two items nothing is believed"
    assert large[5] > 3, "of a thousand all is"
    assert other == pytest.approx(at_weekends, abs=0.15)


def test_two_items_in_a_busy_week_are_not_taken_for_a_trend() -> None:
    steady = np.zeros(YEAR)
    steady[2::14] = 1  # one in two weeks
    busy = steady.copy()
    busy[-5:] = 1
    before, after = (learn(history([weeks(50), items])).level[1] for items in (steady, busy))
    assert before == pytest.approx(1 / 14, rel=0.2)
    assert after < 2.5 * before, "by its own last days alone it would be five times as much"


def test_what_a_whole_group_shows_is_believed_sooner() -> None:
    up = np.where(np.arange(YEAR) >= YEAR - 21, 2.0, 1.0)
    small = np.zeros(YEAR)
    small[2::14] = 1
    alone, along = (
        learn(history([weeks(50) * trend, small], group=[0, 0])).level[1] for trend in (np.ones(YEAR), up)
    )
    assert along > 1.3 * alone


def test_holidays_bring_what_they_brought_before() -> None:
    kind = NOTHING_SPECIAL.copy()
    kind[100:114], kind[[200, 260, 280]] = SCHOOL_HOLIDAY, PUBLIC_HOLIDAY
    factor = np.array([1.0, 0.6, 0.0])
    past = history([weeks(50) * factor[kind]], kind=kind)
    assert learn(past).kind == pytest.approx([1.0, 0.65, 0.0], abs=0.05)
    assert expected(past, kind=PUBLIC_HOLIDAY)[0] == pytest.approx([0.0] * 7, abs=0.01)
    assert expected(past)[0] == pytest.approx(50 * WEEK, rel=0.02), "they change nothing of ordinary days"


def test_the_days_that_are_off() -> None:
    kinds = kinds_of(date(2026, 12, 21), 14)
    assert kinds.tolist() == [1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 1, 2, 1, 1]
    assert weekdays_of(date(2026, 12, 21), 8).tolist() == [0, 1, 2, 3, 4, 5, 6, 0]


def test_what_is_dealt_out_adds_up_to_the_forecast() -> None:
    places = ["a", "b", "c", "d"]
    draw = np.random.default_rng(5)
    by_day = [(place, date.fromordinal(MONDAY.toordinal() + day), int(draw.poisson(9)) + 1, 36_000.0)
              for place in places for day in range(YEAR)]  # fmt: skip
    by_pair = [(one, other, float(draw.uniform(1, 9)), 100) for one in places for other in places if one != other]
    until = date.fromordinal(MONDAY.toordinal() + YEAR)
    for most_pairs in (100, 6, 1):
        outlook = look_ahead(
            Counts(MONDAY, until, by_day, by_pair, {10: 1}, {"a": "x", "b": "x"}), most_pairs=most_pairs
        )
        dealt = np.zeros((4, 14))
        np.add.at(dealt, outlook.origin, outlook.expect(until, 14))
        kinds, weekdays = kinds_of(until, 14), weekdays_of(until, 14)
        assert dealt == pytest.approx(outlook.model.expect(weekdays, kinds))
        assert len(outlook.origin) <= max(most_pairs, 4)
    assert outlook.still_to_come(10 * 3600) == 1.0
    assert outlook.still_to_come(10.5 * 3600) == pytest.approx(0.5)
    assert outlook.still_to_come(11 * 3600) == 0.0


def test_chances_are_those_of_poisson_where_nothing_else_scatters() -> None:
    chances = chance_above(np.array([10.0, 0.5, 3.0, 0.0]), np.array([10.0, 0.0, -1.0, 0.0]), Scatter(1.0, 0.0))
    assert chances == pytest.approx([0.41696, 1 - np.exp(-0.5), 1.0, 0.0], abs=1e-4)


def test_counting_and_the_curve_agree_where_they_meet() -> None:
    spread = Scatter(1.5, 0.1)
    for mean in (70.0, 95.0, 120.0):
        counted, curve = chance_above(np.array([mean, mean]), np.array([100.0, 101.0]), spread)
        assert 0 < counted - curve < 0.04
        past = chance_above(np.array([mean]), np.array([99.0]), spread)[0]
        assert counted - curve == pytest.approx(past - counted, abs=0.004), "each step is as the one before"


def test_bounds_are_passed_as_seldom_as_they_say() -> None:
    draw = np.random.default_rng(7)
    mean = draw.uniform(0.2, 300, size=4000)
    spread = Scatter(1.4, 0.1)
    variance = 1.4 * mean + (0.1 * mean) ** 2
    p = mean / variance
    came = draw.negative_binomial(mean * p / (1 - p), p)
    assert (came > bounds(mean, spread, below=0.9)).mean() == pytest.approx(0.09, abs=0.02)


def drawn_year(seed: int) -> tuple[History, Floats, Any]:
    """A year and a fortnight of 120 places: weekdays, a season, holidays, busy days, and chance on top."""
    draw = np.random.default_rng(seed)
    days = YEAR + 14
    weekday, kind = weekdays_of(MONDAY, days), kinds_of(MONDAY, days)
    level = draw.lognormal(1.0, 1.0, 120)
    profile = np.array([draw.dirichlet(30 * WEEK) * 7 for _ in range(120)])
    season = 1 + 0.2 * np.sin(2 * np.pi * np.arange(days) / 365)
    busy = draw.gamma(100, 0.01, days)
    mean = level[:, None] * profile[:, weekday] * np.array([1.0, 0.75, 0.05])[kind] * season * busy
    items = draw.poisson(draw.gamma(mean / 0.4, 0.4)).astype(np.float64)
    past = History(items[:, :YEAR], np.arange(120) % 9, weekday[:YEAR], kind[:YEAR])
    return past, items[:, YEAR:], kind[YEAR:]


@pytest.mark.parametrize("seed", range(4))
def test_it_beats_the_same_weekday_last_week_by_far(seed: int) -> None:
    past, came, kind = drawn_year(seed)
    forecast = learn(past).expect(weekdays_of(MONDAY, 14), kind)
    last_week = np.tile(past.items[:, -7:], 2)
    error, naive = (float(np.abs(came - guess).mean()) for guess in (forecast, last_week))
    assert error < 0.85 * naive


def test_the_scatter_is_measured_and_not_supposed() -> None:
    past, _, _ = drawn_year(11)
    measured = learn(past).scatter
    assert 1.2 < measured.scatter < 2.2
    assert 0.03 < measured.swing < 0.3
