"""What differs between two networks, and whose vans that moves; and whose driver has too short a break."""

from __future__ import annotations

from typing import Any

import pytest

from app.planning.breaks import ShortBreak, check_breaks
from app.planning.differences import compare
from app.planning.edits import apply_all, clock
from app.planning.plan import Plan, PlannedCall, PlannedTrip
from tests.support.feeds import SMALL, read

BASE = read(SMALL).content
T1: dict[str, Any] = {
    "op": "put_trip",
    "id": "T1",
    "route_id": "R1",
    "service_id": "WEEK",
    "headsign": "Emmen",
    "crate_capacity": 40,
    "stop_times": [
        {"stop_id": "NL-1", "arrival_time": "08:00:00", "departure_time": "08:00:00", "drop_off_type": 1},
        {"stop_id": "NL-HUB", "arrival_time": "09:00:30", "departure_time": "09:30:00"},
        {"stop_id": "NL-2", "arrival_time": "10:00:00", "departure_time": "10:00:00", "pickup_type": 1},
    ],
}


def drawn(*changes: dict[str, Any]) -> tuple[list[str], tuple[str, ...]]:
    """The differences that changes make, a line each, and who drives otherwise."""
    found = compare(BASE, apply_all(Plan(BASE), changes).as_content())
    lines = [
        f"{one.kind} {one.id} {one.change} [{', '.join(one.operators)}] "
        + "; ".join(f"{field.field}: {field.before} → {field.after}" for field in one.fields)
        for one in found.differences
    ]
    return [line.strip() for line in lines], found.operators


def test_the_same_is_the_same() -> None:
    assert drawn(T1) == ([], ())


def test_a_trip_at_other_times_with_more_crates_and_a_stop_less() -> None:
    changed = {**T1, "crate_capacity": 50, "stop_times": [T1["stop_times"][0], {**T1["stop_times"][2]}]}
    changed["stop_times"][1]["arrival_time"] = "09:50:00"
    assert drawn(changed) == (
        [
            "trip T1 changed [Biblionet Drenthe] crate_capacity: 40 → 50; "
            "stop_times/NL-HUB: 09:00:30 – 09:30:00 → None; "
            "stop_times/NL-2: 10:00:00, pickup_type 1 → 09:50:00 – 10:00:00, pickup_type 1"
        ],
        ("Biblionet Drenthe",),
    )


def test_a_stop_is_everybodys_who_calls_there_its_name_and_its_place_too() -> None:
    hub = {"op": "put_stop", "id": "NL-HUB", "name": "Hub", "handling_seconds": 600}
    assert drawn(hub) == (
        ["stop NL-HUB changed [Biblionet Drenthe, Night carrier] handling_seconds: 1800 → 600"],
        ("Biblionet Drenthe", "Night carrier"),
    )
    assert drawn({**hub, "name": "Knooppunt", "handling_seconds": 1800}) == (
        ["stop NL-HUB changed [Biblionet Drenthe, Night carrier] name: Hub → Knooppunt"],
        ("Biblionet Drenthe", "Night carrier"),
    )


def test_service_days_move_the_vans_that_run_on_them() -> None:
    week = {
        "op": "put_service",
        "id": "WEEK",
        "weekdays": [True] * 4 + [False] * 3,
        "start_date": "2026-01-01",
        "end_date": "2026-12-31",
        "removed": ["2026-12-25", "2026-12-24"],
    }
    assert drawn(week) == (
        ["service WEEK changed [Biblionet Drenthe] weekdays: Mo Tu We Th Fr → Mo Tu We Th; "
         "removed/2026-12-24: None → 2026-12-24"],
        ("Biblionet Drenthe",),
    )  # fmt: skip


def test_a_route_goes_with_its_trips_and_numbers_say_how_many() -> None:
    gone = {"op": "delete_route", "id": "R2"}
    lines, who = drawn(gone)
    assert [line.split(" [")[0] for line in lines] == ["route R2 removed", "trip T2 removed"]
    assert who == ("Night carrier",)
    numbers = compare(BASE, apply_all(Plan(BASE), [gone]).as_content()).numbers
    assert numbers["trip"] == {"before": 2, "after": 1, "added": 0, "removed": 1, "changed": 0}
    assert numbers["call"] == {"before": 5, "after": 3, "added": 0, "removed": 2, "changed": 0}


def trip(*times: tuple[str, str]) -> PlannedTrip:
    """A trip of these arrivals and departures."""

    def seconds(text: str) -> int:
        hours, minutes = map(int, text.split(":"))
        return hours * 3600 + minutes * 60

    calls = tuple(PlannedCall(f"s{at}", at, seconds(a), seconds(d)) for at, (a, d) in enumerate(times))
    assert all(clock(call.arrival) for call in calls)
    return PlannedTrip("t", "r", "s", "", "", None, calls)


@pytest.mark.parametrize(
    ("times", "short"),
    [
        ([("08:00", "08:00"), ("13:30", "13:30")], None),
        ([("08:00", "08:00"), ("13:31", "13:31")], (331, 0, 30)),
        ([("08:00", "08:00"), ("10:00", "10:30"), ("14:00", "14:00")], None),
        ([("08:00", "08:00"), ("10:00", "10:15"), ("11:00", "11:15"), ("14:00", "14:00")], None),
        ([("08:00", "08:00"), ("10:00", "10:15"), ("11:00", "11:14"), ("14:00", "14:00")], (360, 15, 30)),
        ([("08:00", "08:00"), ("10:00", "10:30"), ("18:01", "18:01")], (601, 30, 45)),
        ([("08:00", "08:45"), ("14:30", "15:30")], (345, 0, 30)),
    ],
)
def test_a_long_trip_needs_breaks(times: list[tuple[str, str]], short: tuple[int, int, int] | None) -> None:
    assert check_breaks(trip(*times)) == (None if short is None else ShortBreak("t", "r", *short))
