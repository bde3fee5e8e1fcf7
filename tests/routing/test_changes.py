"""Trips that run otherwise: as if the timetable had had them so on that day, and nothing else had changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from routing import (
    Change,
    ChosenLeg,
    Delay,
    Stoppages,
    StopTimes,
    Timetable,
    Trip,
    Visit,
    carried,
    compile_network,
    find_dated_trip,
    itinerary,
    trips_on,
    without,
)
from tests.support.worlds import World, drawn, worlds

MONDAY = datetime.fromisoformat("2026-11-23T08:00:00+01:00")
DAY = date(2026, 11, 23)
TRIPS = """
    hub H 10m
    R1/a  Mo-Fr  A 09:00  B 09:20/09:25  H 09:30
    R1/z  Mo-Fr  A 11:00  H 11:30
    R2/c  Mo-Fr  H 10:00  D 10:30
    R2/d  Mo-Fr  H 12:00  D 12:30
"""
NETWORK = compile_network(drawn(TRIPS))


def late(trip: str, seconds: int, since: str, *, skipping: tuple[str, ...] = ()) -> Change:
    delays = (Delay(Visit(since), seconds, seconds),) if seconds else ()
    return Change(trip, DAY, delays, frozenset(Visit(stop) for stop in skipping))


def way(change: Change | None, from_location: str = "A", to_location: str = "D") -> str:
    """Which trips an item ready at eight rides, and when it is there."""
    network = without(NETWORK, Stoppages(changes=frozenset() if change is None else frozenset({change})))
    found = itinerary(network, from_location, to_location, ready_at=MONDAY, horizon_days=7)
    assert found is not None
    return f"{' '.join(leg.trip_id for leg in found.legs)} {found.arrives_at:%a %H:%M}"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (None, "a c Mon 10:30"),
        (late("a", 1200, "A"), "a c Mon 10:30"),  # it catches the connection still, to the minute
        (late("a", 1201, "A"), "z d Mon 12:30"),  # the later departure of two that are there at once
        (late("a", 1800, "B"), "z d Mon 12:30"),
        (late("c", 600, "H"), "a c Mon 10:40"),
        (late("a", 0, "A", skipping=("A",)), "z d Mon 12:30"),
        (late("a", 0, "A", skipping=("H",)), "z d Mon 12:30"),
        (late("c", 0, "H", skipping=("D",)), "z d Mon 12:30"),
        (late("unknown", 60, "A"), "a c Mon 10:30"),
        (late("a", 7200, "nowhere"), "a c Mon 10:30"),
    ],
)
def test_what_is_late_misses_connections_and_what_is_skipped_is_not_served(
    change: Change | None, expected: str
) -> None:
    assert way(change) == expected


def test_it_is_only_so_on_that_day_and_gone_once_taken_back() -> None:
    changed = without(NETWORK, Stoppages(changes=frozenset({late("a", 3600, "A")})))
    tomorrow = itinerary(changed, "A", "D", ready_at=MONDAY + timedelta(days=1), horizon_days=7)
    assert tomorrow is not None
    assert [leg.trip_id for leg in tomorrow.legs] == ["a", "c"]
    assert way(None) == "a c Mon 10:30"


def test_a_van_that_makes_up_for_lost_time_never_drives_back_in_it() -> None:
    change = Change("a", DAY, (Delay(Visit("A"), 3600, 3600), Delay(Visit("H"), 0, 0)))
    trip = find_dated_trip(without(NETWORK, Stoppages(changes=frozenset({change}))), "a", DAY)
    assert trip is not None
    assert [f"{at:%H:%M:%S}" for call in trip.calls for at in (call.arrives_at, call.departs_at) if at] == [
        "10:00:00",
        "10:20:00",
        "10:25:00",
        "10:25:01",
    ]


def test_an_item_on_board_is_put_down_at_the_next_call_or_else_the_last_before() -> None:
    leg = ChosenLeg("a", DAY, "A", "B")
    planned = MONDAY.replace(hour=9)

    def put_down(*skipping: str, to: str = "B") -> str | None:
        change = late("a", 60, "A", skipping=skipping)
        network = without(NETWORK, Stoppages(changes=frozenset({change})))
        found = carried(network, leg._replace(to_location=to), planned_departure=planned)
        return None if found is None else f"{found.to_location} {found.arrives_at:%H:%M}"

    assert put_down() == "B 09:21"
    assert put_down("B") == "H 09:31"
    assert put_down("H", to="H") == "B 09:21"
    assert put_down("A") is None, "it never got on"
    stopped = without(NETWORK, Stoppages(trips=frozenset({("a", DAY)})))
    assert carried(stopped, leg, planned_departure=planned) is None


def test_a_day_lists_its_trips_as_they_run_and_as_planned() -> None:
    network = without(
        NETWORK,
        Stoppages(trips=frozenset({("z", DAY)}), changes=frozenset({late("a", 900, "B", skipping=("B",))})),
    )
    found = trips_on(network, DAY, operators={"R1 vans"})
    assert [(trip.trip_id, trip.stopped, trip.changed) for trip in found] == [("a", False, True), ("z", True, False)]
    assert [(call.stop, call.skipped, call.departs_at == call.planned_departs_at) for call in found[0].calls] == [
        ("A", False, True),
        ("B", True, False),
        ("H", False, True),
    ]
    assert trips_on(network, date(2026, 11, 22)) == []


@st.composite
def changed_worlds(draw: st.DrawFn) -> tuple[World, list[Change]]:
    """A world, and some of its trips that run otherwise around the day of the request."""
    world = draw(worlds())
    timetable = world.timetable
    day = world.requested_at.date()
    stops = [stop.id for stop in timetable.stops]
    visits = st.builds(Visit, st.sampled_from(stops), st.integers(1, 2))
    seconds = st.integers(-1800, 7200)
    found: dict[tuple[str, date], Change] = {}
    for _ in range(draw(st.integers(1, 8))):
        trip = draw(st.sampled_from([trip.id for trip in timetable.trips]))
        when = day + timedelta(days=draw(st.integers(-2, 4)))
        delays = draw(st.lists(st.builds(Delay, visits, seconds, seconds), max_size=3, unique_by=lambda d: d.visit))
        skipped = draw(st.frozensets(visits, max_size=2))
        found[trip, when] = Change(trip, when, tuple(delays), skipped)
    return world, list(found.values())


def rewritten(timetable: Timetable, changes: list[Change]) -> Timetable:
    """The timetable with every changed dated trip as a trip of its own, said in the plainest way."""
    services, trips = list(timetable.services), list(timetable.trips)
    times = timetable.stop_times
    rows = {at: [] for at in range(len(trips))}  # type: ignore[var-annotated]
    for trip, *call in zip(
        *(getattr(times, name).tolist() for name in ("trip", "stop", "arrival", "departure", "pickup", "drop_off")),
        strict=True,
    ):
        rows[trip].append(call)
    for change in changes:
        at = next(at for at, trip in enumerate(timetable.trips) if trip.id == change.trip)
        service = services[trips[at].service]
        runs = (
            change.service_date in service.added
            or (
                service.start <= change.service_date <= service.end
                and service.weekdays[change.service_date.weekday()]
            )
        ) and change.service_date not in service.removed
        if not runs:
            continue
        services.append(
            replace(
                service,
                added=service.added - {change.service_date},
                removed=service.removed | {change.service_date},
            )
        )
        trips[at] = replace(trips[at], service=len(services) - 1)
        services.append(
            replace(
                service,
                weekdays=(False,) * 7,
                start=date(2026, 1, 2),
                end=date(2026, 1, 1),
                added=frozenset({change.service_date}),
                removed=frozenset(),
            )
        )
        rows[len(trips)] = _as_changed(timetable, rows[at], change)
        trips.append(Trip(f"{change.trip}@{change.service_date}", trips[at].route, len(services) - 1))
    flat = [(at, *call) for at in range(len(trips)) for call in rows[at]]
    columns = list(zip(*flat, strict=True))
    trip_of, stop, arrival, departure = (np.array(column, dtype=np.int32) for column in columns[:4])
    pickup, drop_off = (np.array(column, dtype=np.bool_) for column in columns[4:])
    return replace(
        timetable,
        services=tuple(services),
        trips=tuple(trips),
        stop_times=StopTimes(trip_of, stop, arrival, departure, pickup, drop_off),
    )


def _as_changed(timetable: Timetable, calls: list[list[int]], change: Change) -> list[list[int]]:
    seen: dict[int, int] = {}
    said = {delay.visit: delay for delay in change.delays}
    current, last, planned_last = 0, None, 0
    found: list[list[int]] = []
    for number, (stop, arrival, departure, pickup, drop_off) in enumerate(calls):
        seen[stop] = seen.get(stop, 0) + 1
        visit = Visit(timetable.stops[stop].id, seen[stop])
        delay = said.get(visit)
        moments = [(arrival, current if delay is None else delay.arrival)]
        current = current if delay is None else delay.departure
        moments.append((departure, current))
        now: list[int | None] = []
        # The arrival at the first call and the departure from the last are nobody's.
        for at, (planned, lateness) in enumerate(moments):
            if (number == 0 and at == 0) or (number == len(calls) - 1 and at == 1):
                now.append(None)
                continue
            moment = planned + lateness
            if last is not None:
                moment = max(moment, last + (1 if planned > planned_last else 0))
            last, planned_last = moment, planned
            now.append(moment)
        kept = visit not in change.skipped
        times = [moment for moment in now if moment is not None]
        found.append([stop, times[0], times[-1], pickup and kept, drop_off and kept])
    return found


@seed(20261126)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(changed_worlds())
def test_the_same_as_a_timetable_that_has_it_so(given_world: tuple[World, list[Change]]) -> None:
    world, changes = given_world
    timetable = world.timetable
    told = without(compile_network(timetable), Stoppages(changes=frozenset(changes)))
    plain = compile_network(rewritten(timetable, changes))
    for from_location in [stop.id for stop in timetable.stops]:
        for to_location in [stop.id for stop in timetable.stops][:4]:
            ways = [
                itinerary(network, from_location, to_location, ready_at=world.requested_at, horizon_days=7)
                for network in (told, plain)
            ]
            shown = [None if found is None else (found.arrives_at, len(found.legs)) for found in ways]
            assert shown[0] == shown[1], (from_location, to_location, changes)
