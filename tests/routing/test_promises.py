"""What a decision promises, and in which order it asks, once it is known how suppliers answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from routing import (
    Agency,
    Decision,
    Holding,
    LapseRule,
    Location,
    Objective,
    Policy,
    Question,
    Register,
    compile_network,
    decide,
)
from routing.model import Promise, RotaOrder
from routing.response import ANSWERS, BINS, SILENT, ResponseModel, unlearned
from tests.support.worlds import AMSTERDAM, drawn

VANS = """
hub H 10m
near/out  Mo-Fr  near 12:00  H 13:00
far/out   Mo-Fr  far 12:00   H 13:00
in/tour   Mo-Fr  H 16:00     desk 17:00
"""
Row = npt.NDArray[np.float64]
MONDAY = datetime(2026, 11, 23, 9, tzinfo=AMSTERDAM)


def answers(*, supplied: float = 0.0, declined: float = 0.0, slow: bool = False) -> Row:
    """Everything within an hour; or a no between 40 and 64 hours. What is left is silence."""
    found = np.zeros(ANSWERS)
    found[0] = supplied
    found[BINS + (8 if slow else 0)] = declined
    found[SILENT] = 1 - supplied - declined
    return found


def model(rows: Mapping[str, Row], **changes: Any) -> ResponseModel:
    """Everyone supplies within an hour, but those in `rows`."""
    table = np.vstack([answers(supplied=1.0), *rows.values()])
    known = ResponseModel("7", table, {id_: at for at, id_ in enumerate(rows, 1)}, {}, {}, missed_otherwise=0.0)
    return replace(known, **changes)


def asked(
    responses: ResponseModel | None,
    *,
    order: RotaOrder = RotaOrder.ARRIVAL,
    holders: tuple[str, ...] = ("near", "far"),
    lapse_rules: tuple[LapseRule, ...] = (),
    **question: Any,
) -> Decision:
    agencies = dict.fromkeys(("near", "desk", "shop"), "N") | {"far": "F"}
    register = Register(
        {isil: Agency(isil, province="P") for isil in ("N", "F")},
        {id_: Location(id_, agency=isil, opening_hours="Mo-Su 08:00-18:00") for id_, isil in agencies.items()},
    )
    asks = {"pickup_location": "desk", "requested_at": MONDAY, **question}
    return decide(
        Question(**asks),
        [Holding(id_, copies=1) for id_ in holders],
        compile_network(drawn(VANS)),
        register,
        Policy(rota_order=order, lapse_rules=lapse_rules),
        responses,
    )


def rota(decision: Decision) -> list[str]:
    return [entry.supplying_location for entry in decision.rota]


def promised(decision: Decision) -> list[Promise | None]:
    return [entry.promise for entry in decision.rota]


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=AMSTERDAM)


def test_nothing_is_promised_without_a_model() -> None:
    decision = asked(None)
    assert promised(decision) == [None, None]
    assert decision.response_model is None


def test_who_always_supplies_is_promised_by_the_next_van() -> None:
    decision = asked(model({}))
    assert promised(decision) == [Promise(at(23, 17), at(23, 17), 1.0, 1.0, 1.0)] * 2
    assert decision.response_model == "7"


def test_a_no_costs_the_time_until_the_next_is_asked() -> None:
    """The first supplies in half of the cases; its no comes too late for the second one's van of Monday."""
    late = answers(supplied=0.5)
    late[BINS + 3] = 0.5  # after six hours: 15:00
    late[SILENT] = 0
    first, second = promised(asked(model({"far": late})))
    assert first is not None
    assert first[:2] == (at(23, 17), at(24, 17))
    assert first[2:] == pytest.approx((1.0, 0.5, 1.0))
    assert second == Promise(at(23, 17), at(23, 17), 1.0, 1.0, 1.0)  # nobody is asked after it


def test_silence_lasts_until_it_lapses() -> None:
    """Eight open days from Monday morning; the other is asked on Tuesday of the week after."""
    assert promised(asked(model({"far": answers()})))[0] == Promise(
        datetime(2026, 12, 1, 17, tzinfo=AMSTERDAM), datetime(2026, 12, 1, 17, tzinfo=AMSTERDAM), 1.0, 1.0, 1.0
    )


@pytest.mark.parametrize(
    ("rules", "level", "due"),
    [
        ([("", "", 2)], "Core", 25),
        ([("", "", 2), ("", "Rush", 1)], "Core", 25),
        ([("", "", 2), ("", "Rush", 1)], "Rush", 24),
        ([("", "", 2), ("F", "", 3), ("", "Rush", 1)], "Rush", 26),
        ([("", "", 2), ("F", "", 3), ("F", "Rush", 1)], "Rush", 24),
        ([("N", "", 1)], "Core", 25 + 6),
    ],
)
def test_silence_lapses_by_the_rule_of_the_agency_and_the_service_level(
    rules: list[tuple[str, str, int]], level: str, due: int
) -> None:
    """The other one is asked as many open days later, and its van comes at 17:00."""
    known = model({"far": answers()})
    decision = asked(known, lapse_rules=tuple(LapseRule(*rule) for rule in rules), service_level=level)
    promise, response = decision.rota[0].promise, decision.rota[0].response
    assert rota(decision) == ["far", "near"]
    assert promise is not None
    assert response is not None
    assert promise.p50 == datetime(2026, 11, 23, 17, tzinfo=AMSTERDAM) + timedelta(days=due - 23)
    said = {(agency, of): days for agency, of, days in rules}
    assert decision.policy.lapse_days == said.get(("", level), said.get(("", ""), 8))
    assert response.lapse_days == due - 23


def test_of_those_who_never_supply_nothing_is_promised() -> None:
    decision = asked(model({"near": answers(), "far": answers()}), holders=("near", "far", "desk"))
    assert rota(decision) == ["desk", "far", "near"]
    here, *others = promised(decision)
    # Within an hour, which is cut into four.
    assert here == Promise(
        MONDAY + timedelta(minutes=22, seconds=30), MONDAY + timedelta(minutes=52, seconds=30), 1.0, 0.5, 1.0
    )
    assert others == [None, None]


def test_a_van_that_may_be_missed_moves_the_later_quantile() -> None:
    (first, _) = promised(asked(model({}, missed={"in": 0.2})))
    assert first is not None
    assert first[:2] == (at(23, 17), at(24, 17))
    assert first[2:] == pytest.approx((1.0, 0.8, 0.96), abs=1e-3)


def test_who_hardly_ever_supplies_is_asked_later_where_the_rota_goes_by_what_it_comes_to() -> None:
    known = model({"far": answers(supplied=0.1, declined=0.9, slow=True)})
    plain, expected = asked(known), asked(known, order=RotaOrder.EXPECTED)
    assert rota(plain) == ["far", "near"]  # both arrive alike, so by id
    assert rota(expected) == ["near", "far"]
    assert [entry.rank for entry in expected.rota] == [1, 2]
    assert promised(expected)[0] == Promise(at(23, 17), at(23, 17), 1.0, 1.0, 1.0)


def test_who_could_not_be_asked_about_its_shelf_still_comes_last() -> None:
    known = model({"far": answers(supplied=0.1, declined=0.9, slow=True)})
    decision = asked(known, order=RotaOrder.EXPECTED, unanswered=frozenset({"near"}))
    assert rota(decision) == ["far", "near"]


@pytest.mark.parametrize("objective", list(Objective))
def test_every_objective_orders_and_promises(objective: Objective) -> None:
    decision = asked(unlearned(), order=RotaOrder.EXPECTED, holders=("near", "far", "desk"), objective=objective)
    assert sorted(rota(decision)) == ["desk", "far", "near"]
    assert all(entry.promise and entry.promise.p50 <= entry.promise.p90 for entry in decision.rota)


def test_the_own_shelf_needs_no_van() -> None:
    decision = asked(model({}), holders=("shop",), pickup_location="shop")
    (promise,) = promised(decision)
    assert promise is not None
    assert MONDAY < promise.p50 < promise.p90 <= MONDAY + timedelta(hours=1)


def test_materials_answer_differently() -> None:
    seldom = np.ones(ANSWERS)
    seldom[SILENT] = 9.0
    known = model({"near": answers(supplied=0.5), "far": answers(supplied=0.5)}, materials={"score": seldom})
    register = Register({}, {"near": Location("near"), "far": Location("far"), "desk": Location("desk")})
    decision = decide(
        Question(pickup_location="desk", requested_at=MONDAY),
        [Holding("near", copies=1, material="score"), Holding("far", copies=1)],
        compile_network(drawn(VANS)),
        register,
        Policy(),
        known,
    )
    chances = {entry.supplying_location: entry.promise.chance for entry in decision.rota if entry.promise}
    # near: one of ten; far: one of two, and where not, near.
    assert chances == pytest.approx({"far": 0.55, "near": 0.1}, abs=0.01)
