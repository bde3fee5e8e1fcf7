"""A route's trips as grids: what a cell says, and what becomes of it when somebody else typed too."""

from __future__ import annotations

from typing import Any

import pytest

from app.console.grid import (
    NoTime,
    cell_of,
    grids_of,
    meet_theirs,
    minutes_of,
    number_or_text,
    seconds_in,
    shifted,
    times_in,
    trip_from,
    with_row,
)


def trip(id: str, **calls: str) -> dict[str, Any]:
    """A trip of stops and cells."""
    times = {stop: times_in(cell) for stop, cell in calls.items()}
    return {
        "id": id,
        "route_id": "R",
        "service_id": "WEEK",
        "headsign": "",
        "short_name": "",
        "crate_capacity": None,
        "stop_times": [
            {
                "stop_id": stop,
                "stop_sequence": at,
                "arrival_time": time[0],
                "departure_time": time[1],
                "pickup_type": 0,
                "drop_off_type": 1,
            }
            for at, (stop, time) in enumerate(times.items())
            if time
        ],
    }


@pytest.mark.parametrize(
    ("typed", "times"),
    [
        ("8:40", ("08:40:00", "08:40:00")),
        (" 08:40/09:10 ", ("08:40:00", "09:10:00")),
        ("25:10:30", ("25:10:30", "25:10:30")),
        ("  ", None),
    ],
)
def test_what_is_typed(typed: str, times: tuple[str, str] | None) -> None:
    assert times_in(typed) == times


@pytest.mark.parametrize("typed", ["8", "08:60", "late", "08:40/", "08:40-09:10"])
def test_what_is_no_time(typed: str) -> None:
    with pytest.raises(NoTime):
        times_in(typed)


def test_trips_with_the_same_stops_stand_side_by_side_by_departure() -> None:
    late, early = trip("late", a="09:00", b="10:00"), trip("early", a="07:00", b="08:00")
    grids = grids_of([late, trip("back", b="08:00", a="09:00"), early])
    assert [(grid.rows, [column.trip["id"] for column in grid.columns]) for grid in grids] == [
        (["a", "b"], ["early", "late"]),
        (["b", "a"], ["back"]),
    ]


def test_a_column_becomes_a_trip_again() -> None:
    before = trip("t", a="08:00", b="08:40/09:10")
    (grid,) = grids_of([before])
    (column,) = grid.columns
    assert column.cells == ["08:00", "08:40/09:10"]
    assert trip_from(before, grid.rows, column.cells) == before
    assert not column.is_typed
    with_row(grid, "c", 1)
    after = trip_from(before, grid.rows, ["08:00", "08:20", ""])
    assert [(call["stop_id"], cell_of(call)) for call in after["stop_times"]] == [("a", "08:00"), ("c", "08:20")]
    assert after["stop_times"][0]["drop_off_type"] == 1, "kept"
    assert "stop_sequence" not in after["stop_times"][0], "numbered anew"


def test_a_copy_moves_all_times_along() -> None:
    moved = shifted(trip("t", a="08:00", b="23:40/23:59"), "u", "9:15")
    assert (moved["id"], [cell_of(call) for call in moved["stop_times"]]) == ("u", ["09:15", "24:55/25:14"])
    with pytest.raises(NoTime):
        shifted(trip("t", a="08:00", b="08:10/08:20"), "u", "soon")


def test_what_was_typed_is_laid_over_what_others_made() -> None:
    (grid,) = grids_of([trip("mine", a="08:00", b="09:00"), trip("theirs", a="10:00", b="11:00")])
    grid.columns[0].cells[0] = "07:50"
    now = {"mine": trip("mine", a="08:00", b="09:05"), "theirs": trip("theirs", a="10:30", b="11:30")}
    meet_theirs(grid, now)
    mine, theirs = grid.columns
    assert (mine.cells, mine.was, mine.theirs) == (["07:50", "09:05"], ["08:00", "09:05"], {1: "09:05"})
    assert mine.is_typed
    assert (theirs.cells, theirs.is_typed) == (["10:30", "11:30"], False)
    assert mine.trip["crate_capacity"] is None
    grid.columns[0].trip = {**mine.trip, "headsign": "Typed"}
    meet_theirs(grid, {"mine": now["mine"] | {"crate_capacity": 4, "headsign": "Theirs"}, "theirs": now["theirs"]})
    mine, theirs = grid.columns
    assert (mine.trip["crate_capacity"], mine.trip["headsign"]) == (4, "Typed"), "what was not typed is theirs"
    assert mine.theirs_said == {"crates": "4", "headsign": "Theirs"}
    theirs.is_removed = True
    meet_theirs(grid, now)
    assert grid.columns[1].is_removed
    meet_theirs(grid, {"mine": now["mine"]})
    assert [column.trip["id"] for column in grid.columns] == ["mine"], "theirs is gone by now"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("", None), (" 12 ", 12), ("0", 0), ("14 st", "14 st"), ("12,5", "12,5"), ("-5", "-5"), ("1e3", "1e3")],
)
def test_what_is_no_number_is_left_as_it_was_typed(typed: str, meant: int | str | None) -> None:
    assert number_or_text(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", None),
        ("11", 660),
        ("11:30", 690),
        ("0:05", 5),
        ("11:5", "11:5"),
        ("11:60", "11:60"),
        (":", ":"),
        ("-5", "-5"),
    ],
)
def test_minutes_may_have_seconds(typed: str, meant: int | str | None) -> None:
    assert seconds_in(typed) == meant
    if isinstance(meant, int):
        assert minutes_of(meant) == typed
