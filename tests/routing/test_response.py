"""What is known of how suppliers answer: who goes by what, and what a context changes."""

from __future__ import annotations

import numpy as np
import pytest

from routing.response import (
    ANSWERS,
    BINS,
    DECLINED,
    EDGE_HOURS,
    SILENT,
    SUPPLIED,
    Context,
    ResponseModel,
    hour_band,
    prior,
    unlearned,
)

MONDAY_TEN = Context("book", 0, 10)


def model(**changes: object) -> ResponseModel:
    table = np.full((4, ANSWERS), 1 / ANSWERS)
    parts: dict[str, object] = {"version": "1", "locations": {"a": 3}, "systems": {("DR", "wise"): 2}}
    return ResponseModel(table=table, provinces={"DR": 1}, **{**parts, **changes})  # type: ignore[arg-type]


def test_the_prior_is_what_was_seen_in_a_us_consortium() -> None:
    found = prior()
    assert found.sum() == pytest.approx(1)
    assert found[SUPPLIED].sum() == pytest.approx(0.76)
    within = dict(zip(EDGE_HOURS[1:], np.cumsum(found[SUPPLIED]) / 0.76, strict=True))
    # 12, 24 and 48 hours of the clock.
    assert [within[4.0], within[8.0], within[16.0]] == pytest.approx([0.56, 0.90, 0.97])
    assert (found > 0)[[*range(BINS - 1), SILENT]].all()
    assert found[DECLINED].sum() + found[SILENT] == pytest.approx(0.24)


@pytest.mark.parametrize(
    ("location", "system", "province", "row"),
    [("a", None, None, 3), ("b", "wise", "DR", 2), ("b", "vubis", "DR", 1), ("b", "wise", "GR", 0)],
)
def test_a_location_goes_by_what_says_most_about_it(location: str, system: str, province: str, row: int) -> None:
    assert model().row_of(location, system, province) == row


def test_what_a_context_changes_multiplies_and_sums_to_one() -> None:
    slow = np.ones(ANSWERS)
    slow[0] = 0.5
    weekdays = np.ones((7, ANSWERS))
    weekdays[5, SILENT] = 3
    known = model(materials={"score": slow}, weekdays=weekdays)
    (plain,) = known.answers(np.array([0]), MONDAY_TEN)
    (changed,) = known.answers(np.array([0]), Context("score", 5, 10))
    assert plain == pytest.approx(np.full(ANSWERS, 1 / ANSWERS))
    assert changed.sum() == pytest.approx(1)
    assert changed[[0, 1, SILENT]] / changed[1] == pytest.approx([0.5, 1, 3])


def test_every_hour_has_its_band() -> None:
    assert [hour_band(hour) for hour in (0, 8, 9, 12, 16, 17, 23)] == [0, 0, 1, 2, 4, 5, 5]


def test_before_anything_is_learned_everyone_goes_by_the_prior() -> None:
    known = unlearned()
    assert known.row_of("anywhere", "wise", "DR") == 0
    assert known.answers(np.array([0, 0]), MONDAY_TEN) == pytest.approx(np.vstack([prior(), prior()]))
