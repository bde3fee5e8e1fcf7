"""The load as people read it: by leg, by route and day, and one trip with what stands behind its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from app.planning.forecast import Floats, Ints, bounds, chance_above
from app.planning.foresight import Load
from app.planning.load import Finder, runs_on
from routing.calendar import to_moment

LOW, HIGH = 0.1, 0.9
MOST_LOANS = 1000
MOST_PAIRS = 20
Row = dict[str, Any]
Key = tuple[int, str, int, int]
"""Day (counted from the first), route, first departure (GTFS seconds) and trip: the order of trips."""


@dataclass(frozen=True, slots=True)
class Reckoned:
    """Of some rides and days: items, crates and chances, as columns."""

    under_way: Floats
    forecast: Floats
    low: Floats
    high: Floats
    crates: Floats
    high_crates: Floats
    capacity: Floats
    overfull: Any
    chance: Floats


def trips_of(load: Load, *, operator: str | None, route: str | None) -> list[Key]:
    """Return the dated trips that run, by day, route and departure; narrowed to an operator's or a route's."""
    network, grid = load.network, load.forecast
    timetable, rides = network.timetable, network.rides
    running = runs_on(network, grid.first, grid.days) & (rides.count_of_trip > 0)[:, None]
    found = []
    for trip, day in np.argwhere(running).tolist():
        of = timetable.routes[timetable.trips[trip].route]
        if operator in (None, of.operator) and route in (None, of.id):
            found.append((day, of.id, int(rides.departure[rides.first_of_trip[trip]]), trip))
    return sorted(found)


def reckon(load: Load, ride: Ints, day: Ints, *, items_per_crate: int) -> Reckoned:
    """Reckon what some rides carry on some days; bounds and chances take their time."""
    under_way, forecast = load.under_way.riding[ride, day], load.forecast.riding[ride, day]
    capacity = load.capacity[load.network.rides.trip[ride]]
    scatter = load.outlook.model.scatter
    room = np.where(np.isnan(capacity), np.inf, capacity * items_per_crate - under_way)
    high = under_way + bounds(forecast, scatter, below=HIGH)
    crates = (under_way + forecast) / items_per_crate
    return Reckoned(
        under_way=under_way,
        forecast=forecast,
        low=under_way + bounds(forecast, scatter, below=LOW),
        high=high,
        crates=crates,
        high_crates=high / items_per_crate,
        capacity=capacity,
        overfull=crates > capacity,  # no number is more than NaN
        chance=np.where(np.isnan(capacity), np.nan, chance_above(forecast, room, scatter)),
    )


def legs_of(load: Load, keys: Sequence[Key], *, items_per_crate: int) -> Iterator[tuple[Key, Row]]:
    """Yield the legs of dated trips, from call to call, each with the key of its trip."""
    network, rides = load.network, load.network.rides
    timetable, finder = network.timetable, Finder(network)
    spans = [(key, int(rides.first_of_trip[key[3]]), int(rides.count_of_trip[key[3]])) for key in keys]
    ride = np.array([at for _, start, count in spans for at in range(start, start + count)], dtype=np.int64)
    day = np.array([key[0] for key, _, count in spans for _ in range(count)], dtype=np.int64)
    found = reckon(load, ride, day, items_per_crate=items_per_crate)
    at = 0
    for key, start, count in spans:
        ahead, route, _, trip = key
        service_date = load.forecast.first + timedelta(days=ahead)
        anchor = finder.anchor(service_date)
        for leg in range(start, start + count):
            row = {
                "service_date": service_date,
                "route_id": route,
                "trip_id": timetable.trips[trip].id,
                "operator": timetable.routes[timetable.trips[trip].route].operator,
                "sequence": leg - start + 1,
                "from_location": timetable.stops[rides.from_stop[leg]].id,
                "to_location": timetable.stops[rides.to_stop[leg]].id,
                "departs_at": to_moment(anchor + int(rides.departure[leg]), network.zone),
                "arrives_at": to_moment(anchor + int(rides.arrival[leg]), network.zone),
                **_numbers(found, at),
            }
            yield key, row
            at += 1


def _numbers(found: Reckoned, at: int) -> Row:
    stated = not np.isnan(found.capacity[at])
    return {
        "items": {
            "under_way": int(found.under_way[at]),
            "forecast": round(float(found.forecast[at]), 2),
            "expected": round(float(found.under_way[at] + found.forecast[at]), 2),
            "low": int(found.low[at]),
            "high": int(found.high[at]),
        },
        "crates": {
            "expected": round(float(found.crates[at]), 2),
            "high": round(float(found.high_crates[at]), 2),
            "capacity": int(found.capacity[at]) if stated else None,
        },
        "overfull": bool(found.overfull[at]),
        "chance_overfull": round(float(found.chance[at]), 4) if stated else None,
    }


def routes_of(load: Load, keys: Sequence[Key], *, items_per_crate: int) -> list[Row]:
    """Return what each route carries on each day: its items, and its fullest leg."""
    grouped: dict[tuple[int, str], list[Key]] = {}
    for key in keys:
        grouped.setdefault(key[:2], []).append(key)
    rides = load.network.rides
    spans = {key: _rides_of(load, [key]) for key in keys}
    ride = np.concatenate([spans[key] for key in keys]) if keys else np.zeros(0, dtype=np.int64)
    day = np.repeat([key[0] for key in keys], [len(spans[key]) for key in keys]).astype(np.int64)
    crates = (load.under_way.riding[ride, day] + load.forecast.riding[ride, day]) / items_per_crate
    capacity = load.capacity[rides.trip[ride]]
    boarding = [grid.boarding[ride, day] for grid in (load.under_way, load.forecast)]
    parts, at = [], 0
    for trips in grouped.values():
        parts.append(slice(at, at + sum(len(spans[key]) for key in trips)))
        at = parts[-1].stop
    fullest = np.array([here.start + _fullest(crates[here], capacity[here]) for here in parts], dtype=np.int64)
    found = reckon(load, ride[fullest], day[fullest], items_per_crate=items_per_crate)
    rows = []
    for number, ((ahead, route), trips) in enumerate(grouped.items()):
        here, leg = parts[number], int(ride[fullest[number]])
        trip = load.network.timetable.trips[rides.trip[leg]]
        under_way, forecast = (float(items[here].sum()) for items in boarding)
        rows.append(
            {
                "service_date": load.forecast.first + timedelta(days=ahead),
                "route_id": route,
                "operator": load.network.timetable.routes[trip.route].operator,
                "trips": len(trips),
                "items": {
                    "under_way": int(under_way),
                    "forecast": round(forecast, 2),
                    "expected": round(under_way + forecast, 2),
                },
                "fullest": {"trip_id": trip.id, "sequence": _sequence(load, leg), **_numbers(found, number)},
                "overfull_legs": int((crates[here] > capacity[here]).sum()),
            }
        )
    return rows


def _rides_of(load: Load, keys: Sequence[Key]) -> Ints:
    rides = load.network.rides
    spans = [(int(rides.first_of_trip[key[3]]), int(rides.count_of_trip[key[3]])) for key in keys]
    return np.concatenate([np.arange(start, start + count, dtype=np.int64) for start, count in spans])


def _fullest(crates: Floats, capacity: Floats) -> int:
    """Return which leg is fullest: by its part of the capacity, or by crates where none is stated."""
    filled = np.where(np.isnan(capacity), -1.0, crates / np.maximum(capacity, 1e-9))
    return int(np.argmax(filled if (filled >= 0).any() else crates))


def _sequence(load: Load, ride: int) -> int:
    return ride - int(load.network.rides.first_of_trip[load.network.rides.trip[ride]]) + 1


def behind(load: Load, trip: int, service_date: date) -> list[tuple[list[str], list[Row], int]]:
    """Return for each leg of a dated trip what its numbers are of.

    That is the loan requests under way (the first MOST_LOANS), the pairs of places from which most is expected (the
    first MOST_PAIRS), and how many pairs there are.
    """
    rides, day = load.network.rides, service_date.toordinal()
    start, count = int(rides.first_of_trip[trip]), int(rides.count_of_trip[trip])
    riding = [(way.loan, one) for way in load.ways for one in way.stretches if one.trip == trip and one.day == day]
    dealt, legs = load.dealt, load.dealt.stretches
    rows = np.flatnonzero(((legs.trip == trip) & (legs.day == day))[dealt.leg])
    found = []
    for ride in range(start, start + count):
        loans = [str(loan) for loan, one in riding if one.first <= ride <= one.last][:MOST_LOANS]
        leg = dealt.leg[rows]
        chosen = rows[(legs.first[leg] <= ride) & (ride <= legs.last[leg])]
        by_pair = np.bincount(dealt.pair[chosen], weights=dealt.items[chosen]) if len(chosen) else np.zeros(0)
        largest = np.argsort(-by_pair, kind="stable")[:MOST_PAIRS]
        pairs = [_pair(load, int(pair), float(by_pair[pair])) for pair in largest if by_pair[pair] > 0]
        found.append((loans, pairs, int((by_pair > 0).sum())))
    return found


def _pair(load: Load, pair: int, items: float) -> Row:
    outlook = load.outlook
    origin, destination = int(outlook.origin[pair]), int(outlook.destination[pair])
    return {
        "from_location": outlook.places[origin],
        "to_location": outlook.places[destination],
        "items": round(items, 3),
        "seen": int(outlook.seen[pair]),
        "share": round(float(outlook.share[pair]), 4),
        "level": round(float(outlook.model.level[origin]), 3),
        "weekdays": [round(float(part), 3) for part in outlook.model.profile[origin]],
    }
