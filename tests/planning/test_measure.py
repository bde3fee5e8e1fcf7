"""What a replay comes to, against worlds small enough to count by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.planning.demand import Demand
from app.planning.measure import (
    DETOUR,
    aboard,
    gaining,
    gini,
    legs,
    legs_beside,
    locations_beside,
    losing,
    measures,
    overfull,
)
from tests.planning.drawn import MONDAY, PLACES, changed, demand_of, plan_of, run_of

TUESDAY = MONDAY.toordinal() + 1

# The first rides north–HN–desk within a day; the second takes the line-haul, and so does the third, which is asked
# for on Friday after the vans have left; the fourth stands at the desk; nobody brings the fifth anywhere.
WEEK = [
    ("Mo 08:00", "desk", "north"),
    ("Mo 08:30", "desk", "south"),
    ("Fr 22:00", "desk", "south"),
    ("Tu 12:00", "desk", "desk"),
    ("Mo 08:00", "elsewhere", "north"),
]
HOURS = [8.0, 31.5, 90.0, 0.0]


def week() -> Demand:
    return demand_of(WEEK)


def test_how_soon() -> None:
    run = run_of(plan_of(), week())
    assert [round(waited / 3600, 2) for waited in run.waited.tolist()] == HOURS
    found = measures(run, PLACES)
    assert (found["loan_requests"], found["delivered"], found["not_delivered"]) == (5, 4, 1)
    assert found["within_days"] == {"1": 0.4, "2": 0.6, "3": 0.6, "4": 0.8, "5": 0.8, "6": 0.8, "7": 0.8}
    assert (found["median_hours"], found["p90_hours"]) == (8.0, 90.0)
    bins = found["turnaround_bins"]
    assert {at: count for at, count in enumerate(bins) if count} == {0: 2, 2: 1, 7: 1}


def test_by_how_many_hands_and_at_what_cost() -> None:
    found = measures(run_of(plan_of(), week()), PLACES)
    assert (found["handlings"], found["by_handlings"]) == (1 + 2 + 2, [1, 1, 2, 0, 0, 0])
    assert (found["legs"], found["by_van"]) == (2 + 3 + 3, 3)
    assert found["cost_cents"] == 2 * (675 + 400), "within the province nothing is charged"


def test_legs_add_up_to_those_of_the_decisions() -> None:
    run = run_of(plan_of(), week())
    found = legs(run)
    assert sum(found.values()) == len(run.replay.leg_request) == int((run.replay.handlings[[0, 1, 2]] + 1).sum())
    assert found["N", "HN", "desk", TUESDAY] == 1
    assert found["N", "HN", "desk", TUESDAY - 1] == 1


def test_items_aboard_are_counted_on_every_ride_between_getting_on_and_off() -> None:
    plan = plan_of("R/a Mo-Fr north 10:00 HN 11:00 desk 12:00 south 13:00\nR/b Mo-Fr desk 14:00 north 15:00")
    rows = [("Mo 09:00", "desk", "north"), ("Mo 09:00", "south", "north"), ("Mo 09:00", "south", "HN")]
    run = run_of(plan, demand_of(rows))
    window = run.replay.window
    monday = (window.ride_day == MONDAY.toordinal()) & (window.ride_trip == 0)
    assert aboard(run)[monday].tolist() == [2, 3, 2]


def test_what_does_not_fit_is_counted_ride_by_ride() -> None:
    plan = plan_of("R/a Mo-Fr north 10:00 HN 11:00 desk 12:00")
    small = replace(
        plan, content=replace(plan.content, trips=[replace(t, crate_capacity=1) for t in plan.content.trips])
    )
    rows = [("Mo 09:00", "desk", "north")] * 5 + [("Mo 09:00", "desk", "HN")]
    run = run_of(small, demand_of(rows), items_per_crate=2)
    assert measures(run, PLACES)["crates"] == {
        "rides_with_items": 2,
        "overfull_rides": 2,
        "items_beyond": 3 + 4,
        "crates_beyond": 2 + 2,
        "fullest_items": 6,
        "rides_without_capacity": 0,
    }
    assert overfull(run, "base", 1) == [["base", "R", "a", "2026-11-23", "HN", "desk", 6, 2]]
    nobody_said = measures(run_of(plan, demand_of(rows)), PLACES)["crates"]
    assert (nobody_said["overfull_rides"], nobody_said["rides_without_capacity"]) == (0, 2)


def test_kilometres_are_those_of_all_that_is_driven_in_the_period() -> None:
    run = run_of(plan_of("R/a Mo-We HN 10:00 HZ 11:00\nS/b Mo nowhere 10:00 HN 11:00"), demand_of(WEEK[:1]))
    found = measures(run, PLACES)
    # 1.5 degrees of latitude and 1.55 of longitude between the hubs; a great circle by hand: 197.4 km.
    assert found["kilometres"] == pytest.approx(3 * DETOUR * 197.4, rel=0.01)
    assert (found["trips"], found["rides_of_unknown_length"]) == (4, 1)


def test_gini() -> None:
    assert gini(np.array([2.0, 2.0, 2.0])) == 0
    assert gini(np.array([0.0, 0.0, 0.0, 8.0])) == 0.75
    assert gini(np.array([1.0, 3.0])) == 0.25
    assert gini(np.array([])) is None
    assert gini(np.array([0.0])) is None


def test_both_sides_beside_each_other() -> None:
    demand = week()
    base = run_of(plan_of(), demand)
    after = run_of(changed(plan_of(), {"kind": "drop_route", "route": "L"}), demand)
    rows = legs_beside(base, after)
    assert sum(row[4] for row in rows) == len(base.replay.leg_request)
    assert sum(row[5] for row in rows) == len(after.replay.leg_request)
    assert ["L", "HZ", "HN", "2026-11-23", 1, 0] in rows
    found = locations_beside(base, after, demand.shelf.places, PLACES)
    horizon = 35 * 24
    hours = (sum(HOURS) / 4, (8.0 + 0.0 + 2 * horizon) / 4)
    assert found[0] == [
        *("desk", "Desk", 4, 4, 2),
        *(round(hours[0], 2), round(hours[1], 2), round(hours[1] - hours[0], 2)),
        *(1, 1, 0, "as_before"),
    ]
    assert [row for row in found if row[0] == "south"] == [
        ["south", "South", 0, 0, 0, None, None, None, 2, 0, -2, None]
    ]


def test_a_location_that_no_van_reaches_any_more_has_no_turnaround_and_is_counted() -> None:
    demand = week()
    base = run_of(plan_of(), demand)
    after = run_of(changed(plan_of(), {"kind": "drop_route", "route": "N"}), demand)
    found = locations_beside(base, after, demand.shelf.places, PLACES)
    (desk,) = [row for row in found if row[0] == "desk"]
    # What stands at the desk is still had there: one of four.
    assert desk[2:8] == [4, 4, 1, round(sum(HOURS) / 4, 2), None, None]
    assert desk[-1] == "no_longer"
    assert [row[-1] for row in found if row[0] == "elsewhere"] == ["never"]
    assert (losing(found), gaining(found)) == ([desk], [])
    backwards = locations_beside(after, base, demand.shelf.places, PLACES)
    assert [(row[0], row[-1]) for row in gaining(backwards)] == [("desk", "newly")]
    assert losing(backwards) == []
    counted = [measures(run, PLACES)["unreachable_locations"] for run in (base, after)]
    assert counted == [1, 2]


def test_nothing_asked_measures_as_nothing() -> None:
    found = measures(run_of(plan_of(), demand_of([])), PLACES)
    assert (found["median_hours"], found["kilometres_per_item"], found["gini_supplied"]) == (None, None, None)
    assert found["within_days"]["7"] is None
