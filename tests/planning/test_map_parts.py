"""The parts of the map that need no database: kinds of routes, weekdays, and calls on the days when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.planning.calls import calls_at
from app.planning.maps import document
from app.store.map import Drawn
from app.store.network_versions import Version
from app.store.timetable import NO_END, NO_START, NO_WEEKDAYS, ServiceRow
from routing import compile_network
from tests.support.worlds import drawn

VERSION = Version(1, "v", "Europe/Amsterdam", None, None, {}, datetime(2026, 1, 1, tzinfo=UTC), active=True)
SATURDAYS = ServiceRow("sat", (False, False, False, False, False, True, False), date(2026, 1, 1), date(2026, 12, 31))
ONE_TUESDAY = ServiceRow("once", NO_WEEKDAYS, NO_START, NO_END, (date(2026, 11, 24),))


def place(id_: str, kind: str = "location") -> dict[str, Any]:
    names = ("agency", "province", "poi", "system", "lat", "lon")
    return {"id": id_, "name": id_, "kind": kind, "transfers": kind == "hub", **dict.fromkeys(names)}


def routes_of(
    route_type: int, patterns: list[tuple[int, list[int], dict[int, int]]], *services: ServiceRow
) -> list[dict[str, Any]]:
    """The routes of a document with one route: locations a, b and hubs H, I; stops in the order of the vans."""
    found = document(
        VERSION,
        Drawn(
            operators=[{"id": "o", "name": "O"}],
            provinces=[],
            pois=[],
            systems=[],
            locations=[place("H", "hub"), place("I", "hub"), place("a"), place("b")],
            stops=["a", "b", "H", "I"],
            routes=[{"id": "r", "operator": 0, "short_name": "", "long_name": "", "route_type": route_type}],
            services=list(services),
            patterns=patterns,
        ),
    )
    routes: list[dict[str, Any]] = found["routes"]
    return routes


@pytest.mark.parametrize(
    ("route_type", "stops", "kind"),
    [(3, [2, 3], "line_haul"), (3, [0, 2], "round"), (4, [2, 3], "ferry")],
)
def test_a_line_haul_calls_at_hubs_only_and_a_ferry_is_one(route_type: int, stops: list[int], kind: str) -> None:
    (route,) = routes_of(route_type, [(0, stops, {0: 1})], SATURDAYS)
    assert route["kind"] == kind
    (pattern,) = route["patterns"]
    assert pattern["stops"] == [{0: 2, 1: 3, 2: 0, 3: 1}[stop] for stop in stops], "positions among the locations"


def test_a_route_that_nothing_drives_is_no_line_haul() -> None:
    assert routes_of(3, [])[0]["kind"] == "round"


def test_single_days_count_by_their_weekday() -> None:
    (route,) = routes_of(3, [(0, [0, 1], {0: 2, 1: 1})], SATURDAYS, ONE_TUESDAY)
    (pattern,) = route["patterns"]
    assert (pattern["trips"], [day for day, runs in enumerate(pattern["weekdays"]) if runs]) == (3, [1, 5])


def test_a_call_has_the_time_of_the_clock_also_on_the_day_it_changes() -> None:
    network = compile_network(drawn("R/day  Sa,Su  A 08:00  B 09:00\nR/night  Sa  A 23:30  B 26:30"))
    told = [
        f"{call.trip_id} {call.service_date:%m-%d} {call.arrives_at:%m-%d %H:%M %z}"
        for call in calls_at(network, "B", first=date(2026, 10, 24), days=2)
    ]
    # Summer time ends in the night to Sunday at three, then two again: Saturday's 26:30 is the first half past two.
    assert told == ["day 10-24 10-24 09:00 +0200", "night 10-24 10-25 02:30 +0200", "day 10-25 10-25 09:00 +0100"]
