"""What is learned of how suppliers answer: from nothing, from little, from much, and as time passes."""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.learning import (
    LOCATION,
    STRENGTHS,
    USUAL_STRENGTH,
    Learned,
    Observations,
    Place,
    answers_of,
    learn,
    reliability,
)
from routing.response import ANSWERS, BINS, DECLINED, PRIOR_MISSED, SILENT, SUPPLIED, Context, Floats, prior
from tests.support.answering import draw_world, observed
from tests.support.learned_slowly import learn_slowly

A, B, C = Place("a", "wise", "DR"), Place("b", "wise", "DR"), Place("c", "vubis", "NB")
FAST, SLOW, NO = 0, 7, DECLINED.start + 2
NOTHING = observed([])


def learned(answers: list[tuple[Place, int, float]]) -> Learned:
    return learn(observed(answers), version="1")


def row_of(found: Learned, place: Place) -> Floats:
    row: Floats = found.model.table[found.model.row_of(*place)]
    return row


@st.composite
def histories(draw: st.DrawFn) -> Observations:
    places = (A, B, C, Place("d", None, None), Place("e", "wise", None))
    count = draw(st.integers(0, 60))
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return Observations(
        places=places,
        materials=("book", "score"),
        place=chance.integers(0, draw(st.integers(1, 5)), count),
        material=chance.integers(-1, 2, count),
        weekday=chance.integers(0, 7, count),
        hour=chance.integers(0, 24, count),
        answer=chance.integers(0, ANSWERS, count),
        age_days=chance.random(count) * 300,
    )


# --- which answer it is -----------------------------------------------------------------------------


def test_an_answer_lies_in_the_bin_of_its_open_hours_and_what_took_too_long_is_silence() -> None:
    kinds = np.array([0, 0, 0, 1, 1, 2, 0, 1])
    hours = np.array([0.0, 1.0, 119.9, 0.5, 2.5, 3.0, 120.0, 500.0])
    wanted = [0, 1, BINS - 1, DECLINED.start, DECLINED.start + 2, SILENT, SILENT, SILENT]
    assert answers_of(kinds, hours).tolist() == wanted


# --- from nothing, from little, from much -------------------------------------------------------------


def test_of_nothing_the_prior_is_learned() -> None:
    found = learn(NOTHING, version="7")
    assert found.model.version == "7"
    assert found.model.table == pytest.approx(prior()[None, :])
    assert found.model.row_of("a", "wise", "DR") == 0
    assert found.model.answers(np.array([0]), Context("book", 0, 10)) == pytest.approx(prior()[None, :])
    assert found.shares(0) == [(0, 0.0), (-1, 1.0)]


def test_of_very_many_answers_their_frequencies_are_learned() -> None:
    often = np.array([40, 0, 0, 5, *[0] * 6, 3, *[0] * 9, 2], dtype=float)
    one = [(A, answer, 0.0) for answer, count in enumerate(often) for _ in range(int(count))]
    assert row_of(learned(one * 2000), A) == pytest.approx(often / 50, abs=2e-3)


def test_a_location_with_few_answers_goes_by_what_it_belongs_to() -> None:
    found = learned([(A, FAST, 1.0)] * 400 + [(B, SLOW, 1.0)] + [(C, NO, 1.0)] * 400)
    assert row_of(found, B)[FAST] > 0.5, "as its system does"
    assert row_of(found, B)[SLOW] > row_of(found, A)[SLOW], "and by its own answer, a little"
    assert row_of(found, Place("new", "wise", "DR"))[FAST] > 0.8
    assert row_of(found, Place("new", "other", "NB"))[DECLINED].sum() > 0.8
    assert row_of(found, Place("new", "other", "GR"))[DECLINED].sum() == pytest.approx(0.49, abs=0.05)


def test_what_a_row_consists_of_adds_up_and_gives_the_row() -> None:
    found = learned([(A, FAST, 1.0)] * 30 + [(B, SILENT, 1.0)] * 3 + [(C, NO, 1.0)] * 4)
    shares = found.shares(found.model.row_of(*B))
    assert sum(share for _, share in shares) == pytest.approx(1)
    assert [row for row, _ in shares][-2:] == [0, -1]
    own = [found.weights[row] / found.weights[row].sum() for row, _ in shares[:-1]]
    p = prior()
    above = np.array([p[SUPPLIED].sum(), p[DECLINED].sum(), p[SILENT]])
    silent = sum(share * part[2] for (_, share), part in zip(shares, [*own, above], strict=True))
    assert row_of(found, B)[SILENT] == pytest.approx(silent)


# --- as time passes -----------------------------------------------------------------------------------


def test_who_goes_silent_sinks_and_recovers_when_it_answers_again_or_time_passes() -> None:
    before = [(A, FAST, float(age)) for age in range(100, 300)] + [(B, FAST, float(age)) for age in range(300)]
    fallen = [(A, SILENT, float(age)) for age in range(28) for _ in range(2)]
    again = [(A, FAST, 0.5)] * 56
    good, bad = row_of(learned(before), A), row_of(learned(before + fallen), A)
    assert bad[SILENT] > 5 * good[SILENT]
    later = [(place, answer, age + 60) for place, answer, age in before + fallen]
    assert row_of(learned(later + again), A)[SILENT] < bad[SILENT] / 1.5, "it answers again"
    old = [(place, answer, age + 400 * (place is A)) for place, answer, age in before + fallen]
    assert row_of(learned(old), A)[SILENT] < bad[SILENT] / 2, "nobody asked it, and its system's others answer"


def test_an_answer_weighs_half_as_much_after_the_half_life() -> None:
    found = learn(observed([(A, FAST, 0.0), (A, NO, 60.0), (A, SILENT, 120.0)]), version="1")
    assert found.weights[found.model.row_of(*A)] == pytest.approx([1, 0.5, 0.25])
    found = learn(observed([(A, FAST, 30.0)]), version="1", half_life_days=30)
    assert found.weights[0] == pytest.approx([0.5, 0, 0])


# --- what holds of every history ----------------------------------------------------------------------


@given(histories())
@settings(max_examples=60, deadline=None)
def test_rows_sum_to_one_and_ratios_are_above_zero(seen: Observations) -> None:
    model = learn(seen, version="1").model
    assert model.table.sum(axis=1) == pytest.approx(1)
    assert (model.table >= 0).all()
    for ratios in (model.weekdays, model.hours, *model.materials.values()):
        assert (ratios > 0).all()


@given(histories(), st.randoms())
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_answers_changes_nothing(seen: Observations, chance: object) -> None:
    order = np.random.default_rng(1).permutation(len(seen.answer))
    columns = ("place", "material", "weekday", "hour", "answer", "age_days")
    other = replace(seen, **{name: getattr(seen, name)[order] for name in columns})
    one, two = learn(seen, version="1"), learn(other, version="1")
    assert one.model.locations == two.model.locations
    assert one.model.table == pytest.approx(two.model.table)
    assert one.model.weekdays == pytest.approx(two.model.weekdays)
    assert one.strengths.tolist() == two.strengths.tolist()


@given(histories())
@settings(max_examples=60, deadline=None)
def test_it_is_what_plain_python_works_out(seen: Observations) -> None:
    found, (rows, ratios) = learn(seen, version="1").model, learn_slowly(seen)
    assert found.table[0] == pytest.approx(rows[()])
    assert len(found.table) == len(rows)
    for place in seen.places:
        own = (place.province, place.system, place.id)
        for depth, at in enumerate(
            (None, found.provinces.get(own[0]), found.systems.get(own[:2]), found.locations.get(own[2]))
        ):
            if depth:
                assert (at is None) == (own[:depth] not in rows)
            if at is not None:
                assert found.table[at] == pytest.approx(rows[own[:depth]])
    for number, name in enumerate(seen.materials):
        assert found.materials[name] == pytest.approx(ratios.get(("material", number), [1.0] * ANSWERS))
    for kind, table in (("weekday", found.weekdays), ("band", found.hours)):
        for number, row in enumerate(table):
            assert row == pytest.approx(ratios.get((kind, number), [1.0] * ANSWERS))


def test_it_is_what_plain_python_works_out_of_many_places() -> None:
    seen = draw_world(5, locations=40).draw(3000, 6)
    found, (rows, ratios) = learn(seen, version="1"), learn_slowly(seen)
    for place in seen.places:
        own = (place.province, place.system, place.id)
        if own in rows:
            assert row_of(found, place) == pytest.approx(rows[own])
    assert found.model.materials["score"] == pytest.approx(ratios["material", 1])
    assert found.strengths[LOCATION, 0] in STRENGTHS


# --- a world whose truth is known ---------------------------------------------------------------------


def error_of(found: Learned, places: tuple[Place, ...], truth: Floats, busy: Floats) -> float:
    """How far what was learned lies from the truth: the mean Kullback-Leibler divergence, weighed by use."""
    rows = np.maximum(found.model.table[[found.model.row_of(*place) for place in places]], 1e-9)
    return float(busy @ (truth * np.log(np.maximum(truth, 1e-12) / rows)).sum(axis=1))


def test_the_error_falls_as_answers_come_in() -> None:
    world = draw_world(11)
    plain = replace(world, materials=np.ones_like(world.materials))
    errors = [
        error_of(learn(plain.draw(count, 12, days=30), version="1"), world.places, world.truth, world.busy)
        for count in (0, 300, 3000, 30_000, 300_000)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[2] < errors[0] / 3
    assert errors[4] < 0.01


def test_with_few_answers_leaning_on_others_beats_going_alone() -> None:
    world = draw_world(13)
    seen = world.draw(1500, 14, days=30)
    alone = np.full((len(world.places), ANSWERS), 0.02) * prior() + 1e-6
    np.add.at(alone, (seen.place, seen.answer), 1.0)
    alone /= alone.sum(axis=1, keepdims=True)
    kl = float(world.busy @ (world.truth * np.log(np.maximum(world.truth, 1e-12) / alone)).sum(axis=1))
    assert error_of(learn(seen, version="1"), world.places, world.truth, world.busy) < kl / 2


def test_what_a_material_changes_is_found() -> None:
    found = learn(draw_world(15).draw(200_000, 16, days=30), version="1").model
    score = found.materials["score"] / found.materials["book"]
    assert score[DECLINED.start : DECLINED.start + 3] == pytest.approx([1.8] * 3, rel=0.25)
    assert 1.7 < found.materials["cd"][SILENT] / found.materials["book"][SILENT] < 3.3, "3, less what holds it at one"
    assert found.weekdays[:, 0] == pytest.approx(np.ones(7), abs=0.1), "which changes nothing here"


def test_where_locations_differ_little_their_system_counts_for_more() -> None:
    def strength(spread: float) -> float:
        chance = np.random.default_rng(17)
        answers = []
        for number in range(60):
            silent = chance.beta(0.3 * spread, 0.7 * spread)
            place = Place(f"x{number}", "wise", "DR")
            answers += [(place, SILENT if chance.random() < silent else FAST, 1.0) for _ in range(40)]
        return float(learned(answers).strengths[LOCATION, 0])

    assert strength(3) in (2.0, 5.0)
    assert strength(200) >= 50.0


def test_too_few_rows_say_nothing_of_how_they_differ() -> None:
    found = learned([(A, FAST, 0.0)] * 100 + [(B, SILENT, 0.0)] * 100)
    assert (found.strengths == USUAL_STRENGTH).all()


# --- vans ---------------------------------------------------------------------------------------------


def test_a_route_with_few_trips_goes_by_the_network_and_one_with_many_by_itself() -> None:
    found = reliability({"often": (100_000, 3000), "seldom": (10, 5), "never": (0, 4)})
    otherwise = (3005 + 500 * PRIOR_MISSED) / (100_010 + 500)
    assert found.otherwise == pytest.approx(otherwise)
    assert found.missed["often"] == pytest.approx(0.03, abs=1e-3)
    assert found.missed["seldom"] == pytest.approx((5 + 500 * otherwise) / 510)
    assert found.missed["never"] == pytest.approx(otherwise), "what is no trip of the timetable was not missed"
    assert reliability({}) == ({}, PRIOR_MISSED)


def test_what_is_learned_of_vans_stands_in_the_model() -> None:
    model = learn(NOTHING, version="1", runs={"V1": (500, 20)}).model
    assert model.missed["V1"] == pytest.approx((20 + 500 * model.missed_otherwise) / 1000)
    assert log(model.missed_otherwise) < 0
