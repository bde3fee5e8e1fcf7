"""A made-up country of realistic size: hubs, van routes around them, and night line-hauls through a centre."""

from __future__ import annotations

import random
from datetime import date

import numpy as np

from routing.model import Route, Service, Stop, StopTimes, Timetable, Trip

WEEKDAYS = [(0, 2), (1, 3), (0, 1, 2, 3, 4), (0, 2, 4), (1, 3, 4)]


def country(*, seed: int = 7, hubs: int = 12, van_routes: int = 182, branches: int = 1300) -> Timetable:
    """About 1,300 stops and 200 routes, driving all of 2026; the first hub is the national centre."""
    draw = random.Random(seed)
    stops = [Stop(f"HUB{i}", handling_seconds=draw.choice([900, 1800, 3600])) for i in range(hubs)]
    stops += [Stop(f"BRANCH{i}") for i in range(branches)]
    routes: list[Route] = []
    trips: list[Trip] = []
    services = [_service(str(i), days) for i, days in enumerate(WEEKDAYS)]
    rows: list[tuple[int, int, int, int]] = []

    def drive(operator: str, service: int, calls: list[tuple[int, int, int]]) -> None:
        routes.append(Route(f"R{len(routes)}", operator))
        trips.append(Trip(f"T{len(trips)}", len(routes) - 1, service))
        rows.extend((len(trips) - 1, stop, arrival, departure) for stop, arrival, departure in calls)

    for van in range(van_routes):
        hub = 1 + van % (hubs - 1)
        clock = draw.randrange(6 * 3600, 10 * 3600, 60)
        calls = [(hub, clock, clock)]
        for branch in range(hubs + van, hubs + branches, van_routes):
            arrival = clock + draw.randrange(600, 2400)
            clock = arrival + 120
            calls.append((branch, arrival, clock))
        calls.append((hub, clock + 1800, clock + 1800))
        drive(f"POI {hub}", draw.randrange(len(WEEKDAYS)), calls)
    for hub in range(1, hubs):
        drive("Night", 2, [(hub, 68_400, 68_400), (0, 68_400 + 5400, 68_400 + 5400)])
        drive("Night", 2, [(0, 82_800, 82_800), (hub, 90_000, 90_000)])
        for other in (1 + hub % (hubs - 1), 1 + (hub + 4) % (hubs - 1)):
            drive("Day", 2, [(hub, 64_800, 64_800), (other, 70_200, 70_200)])
    columns = np.array(rows, dtype=np.int32).T
    everywhere = np.ones(len(rows), dtype=np.bool_)
    return Timetable(
        version="country",
        timezone="Europe/Amsterdam",
        stops=tuple(stops),
        routes=tuple(routes),
        services=tuple(services),
        trips=tuple(trips),
        stop_times=StopTimes(columns[0], columns[1], columns[2], columns[3], everywhere, everywhere),
    )


def _service(name: str, days: tuple[int, ...]) -> Service:
    on = [day in days for day in range(7)]
    return Service(name, (on[0], on[1], on[2], on[3], on[4], on[5], on[6]), date(2026, 1, 1), date(2026, 12, 31))
