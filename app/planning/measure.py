"""What a replay comes to: how soon, by how many hands, in which vans, at what cost, and who gains. Pure.

All shares are of the loan requests that were decided. Nothing is rounded before it is written down, and every order
is settled, so that the same replay is always the same document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from app.planning.alter import Place, Plan
from routing import Asked, Network, Replay

Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

EARTH_KM = 6371.0088
DETOUR = 1.3
"""Roads are so much longer than great circles; a plain factor, the same for both networks."""

WITHIN_DAYS = (1, 2, 3, 4, 5, 6, 7)
BIN_HOURS, BINS = 12, 28  # of the distribution: two weeks, and beyond
HOUR = 3600


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A plan and what was decided on it. `since` and `until` (not included) are the days of the demand."""

    plan: Plan
    network: Network
    replay: Replay
    asked: Asked
    copies: Longs  # by place: what it may lend
    since: date
    until: date
    items_per_crate: int

    @property
    def delivered(self) -> Bools:
        """Which loan requests somebody can fill."""
        found: Bools = self.replay.place >= 0
        return found

    @property
    def waited(self) -> Longs:
        """Seconds from asking to arrival, of those that are delivered."""
        waited: Longs = (self.replay.arrival - self.asked.requested)[self.delivered]
        return waited


def measures(run: Run, places: Mapping[str, Place]) -> dict[str, Any]:
    """Return the measures of one side."""
    waited, delivered = np.sort(run.waited), int(run.delivered.sum())
    asked = len(run.asked.requested)
    out_of_reach = int(unreached(run, int(run.asked.pickup.max(initial=-1)) + 1).sum())
    changes = run.replay.handlings[run.delivered]
    kilometres, unknown = driven_kilometres(run, places)
    by_van = len(np.unique(run.replay.leg_request))
    cents = int(run.replay.cents[run.delivered].sum())
    return {
        "loan_requests": asked,
        "delivered": delivered,
        "not_delivered": asked - delivered,
        "unreachable_locations": out_of_reach,
        "within_days": {
            str(days): _share(int(np.searchsorted(waited, days * 24 * HOUR, side="right")), asked)
            for days in WITHIN_DAYS
        },
        "median_hours": _hours(_nearest(waited, 0.5)),
        "p90_hours": _hours(_nearest(waited, 0.9)),
        "handlings": int(changes.sum()),
        "handlings_per_item": _ratio(int(changes.sum()), delivered),
        "by_handlings": np.bincount(np.minimum(changes, 5), minlength=6).tolist(),
        "legs": len(run.replay.leg_request),
        "by_van": by_van,
        "cost_cents": cents,
        "cost_cents_per_item": _ratio(cents, delivered),
        "trips": driven_trips(run),
        "kilometres": round(kilometres, 1),
        "kilometres_per_item": _ratio(kilometres, by_van),
        "rides_of_unknown_length": unknown,
        "crates": crates(run),
        "gini_supplied": gini(supplied(run)[run.copies > 0].astype(np.float64)),
        "gini_supplied_per_copy": gini((supplied(run) / np.maximum(run.copies, 1))[run.copies > 0]),
        "turnaround_bins": np.bincount(np.minimum(waited // (BIN_HOURS * HOUR), BINS), minlength=BINS + 1).tolist(),
    }


def _nearest(ordered: Longs, share: float) -> int | None:
    """The smallest value that `share` of all do not exceed."""
    return int(ordered[max(0, ceil(share * len(ordered)) - 1)]) if len(ordered) else None


def _hours(seconds: int | None) -> float | None:
    return None if seconds is None else round(seconds / HOUR, 2)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _ratio(part: float, whole: int) -> float | None:
    return round(part / whole, 2) if whole else None


def gini(values: Floats) -> float | None:
    """How unequal values are: 0, all alike; towards 1, one has everything. None: there is nothing to share."""
    total = float(values.sum())
    if not total:
        return None
    ordered = np.sort(values)
    ranks = np.arange(1, len(ordered) + 1)
    return round(float((2 * ranks - len(ordered) - 1) @ ordered) / (len(ordered) * total), 4)


def supplied(run: Run) -> Longs:
    """How many items each place supplies."""
    return np.bincount(run.replay.place[run.delivered], minlength=len(run.copies)).astype(np.int64)


# --- what is driven -------------------------------------------------------------------------------


def _days_of_trips(run: Run) -> Longs:
    """On how many days of the demand each trip is driven."""
    first = run.since.toordinal()
    driven = run.network.days.active(first, run.until.toordinal() - first).sum(axis=1)
    often: Longs = driven[run.network.trip_service].astype(np.int64)
    return often


def driven_trips(run: Run) -> int:
    """How many trips are driven in the days of the demand."""
    return int(_days_of_trips(run).sum())


def driven_kilometres(run: Run, places: Mapping[str, Place]) -> tuple[float, int]:
    """The kilometres of the trips that are driven in the days of the demand, and the rides whose length is unknown.

    Great circles between successive calls, times DETOUR. A stop is where its location is, or else where the feed
    says.
    """
    spots = [_spot(stop.id, stop.lat, stop.lon, places) for stop in run.plan.content.stops]
    lat, lon = np.radians(np.array(spots, dtype=np.float64).reshape(-1, 2)).T
    rides = run.network.rides
    start, end = rides.from_stop, rides.to_stop
    half = np.sin((lat[end] - lat[start]) / 2) ** 2
    half += np.cos(lat[start]) * np.cos(lat[end]) * np.sin((lon[end] - lon[start]) / 2) ** 2
    length = 2 * EARTH_KM * np.arcsin(np.sqrt(half)) * DETOUR
    often = _days_of_trips(run)[rides.trip]
    known = np.isfinite(length)
    return float((length[known] * often[known]).sum()), int(often[~known].sum())


def _spot(stop: str, lat: float | None, lon: float | None, places: Mapping[str, Place]) -> tuple[float, float]:
    place = places.get(stop)
    if place is not None and place.lat is not None and place.lon is not None:
        return place.lat, place.lon
    return (np.nan, np.nan) if lat is None or lon is None else (lat, lon)


# --- what is in the vans --------------------------------------------------------------------------


def aboard(run: Run) -> Longs:
    """How many items are aboard on each ride of the window."""
    change = np.zeros(len(run.replay.window.ride_to) + 1, dtype=np.int64)
    np.add.at(change, run.replay.leg_first, 1)
    np.add.at(change, run.replay.leg_last + 1, -1)
    return np.cumsum(change)[:-1]


def _capacity(run: Run) -> Longs:
    """How many items each ride of the window takes; -1: nobody said."""
    of_trip = np.array(
        [
            -1 if trip.crate_capacity is None else trip.crate_capacity * run.items_per_crate
            for trip in run.plan.content.trips
        ],
        dtype=np.int64,
    )
    return of_trip[run.replay.window.ride_trip]


def crates(run: Run) -> dict[str, Any]:
    """How much there is beyond what the vans take, ride by ride: stop to stop, on one day."""
    items, room = aboard(run), _capacity(run)
    over = np.where((room >= 0) & (items > room), items - room, 0)
    unknown = (room < 0) & (items > 0)
    return {
        "rides_with_items": int((items > 0).sum()),
        "overfull_rides": int((over > 0).sum()),
        "items_beyond": int(over.sum()),
        "crates_beyond": int((-(-over // run.items_per_crate)).sum()),
        "fullest_items": int(items.max(initial=0)),
        "rides_without_capacity": int(unknown.sum()),
    }


def overfull(run: Run, side: str, most: int) -> list[list[Any]]:
    """The rides that are too full, the worst first: side, route, trip, day, from, to, items, room."""
    items, room, window = aboard(run), _capacity(run), run.replay.window
    full = np.flatnonzero((room >= 0) & (items > room))
    worst = full[np.argsort(-(items - room)[full], kind="stable")][:most]
    table = run.network.timetable
    return [
        [
            side,
            table.routes[table.trips[window.ride_trip[ride]].route].id,
            table.trips[window.ride_trip[ride]].id,
            date.fromordinal(int(window.ride_day[ride])).isoformat(),
            table.stops[window.ride_from[ride]].id,
            table.stops[window.ride_to[ride]].id,
            int(items[ride]),
            int(room[ride]),
        ]
        for ride in worst.tolist()
    ]


Leg = tuple[str, str, str, int]


def legs(run: Run) -> dict[Leg, int]:
    """How many items ride each leg: route, where they get on and off, and the service day (an ordinal)."""
    window, table = run.replay.window, run.network.timetable
    route = np.array([trip.route for trip in table.trips], dtype=np.int64)
    columns = np.stack(
        [
            route[window.ride_trip[run.replay.leg_first]],
            window.ride_from[run.replay.leg_first],
            window.ride_to[run.replay.leg_last],
            window.ride_day[run.replay.leg_first],
        ]
    )
    keys, counts = np.unique(columns, axis=1, return_counts=True)
    return {
        (table.routes[r].id, table.stops[a].id, table.stops[b].id, day): count
        for (r, a, b, day), count in zip(keys.T.tolist(), counts.tolist(), strict=True)
    }


def legs_beside(base: Run, changed: Run) -> list[list[Any]]:
    """Both sides' legs as rows: route, from, to, day, items before, items after; in order."""
    before, after = legs(base), legs(changed)
    return [
        [route, start, end, date.fromordinal(day).isoformat(), before.get(leg, 0), after.get(leg, 0)]
        for leg in sorted(before.keys() | after.keys())
        for route, start, end, day in [leg]
    ]


# --- who gains ------------------------------------------------------------------------------------


def locations_beside(base: Run, changed: Run, ids: Sequence[str], places: Mapping[str, Place]) -> list[list[Any]]:
    """What changes for each location, whoever loses most first. Columns: see LOCATION_COLUMNS.

    An item that does not come counts as if it took the whole horizon, so that losing it is never a gain. A location
    where nothing comes has no turnaround at all.
    """
    pickup = base.asked.pickup
    asked = np.bincount(pickup, minlength=len(ids))
    sides = [_of_locations(run, len(ids)) for run in (base, changed)]
    cut_off = [unreached(run, len(ids)) for run in (base, changed)]
    difference = sides[1][0] - sides[0][0]
    order = sorted(range(len(ids)), key=lambda at: (-difference[at], ids[at]))
    rows = []
    for at in order:
        if not (asked[at] or sides[0][2][at] or sides[1][2][at]):
            continue
        hours = [
            round(float(side[0][at]) / HOUR / int(asked[at]), 2) if asked[at] and not cut[at] else None
            for side, cut in zip(sides, cut_off, strict=True)
        ]
        gained = None if hours[0] is None or hours[1] is None else round(hours[1] - hours[0], 2)
        received, lent = ([int(side[column][at]) for side in sides] for column in (1, 2))
        name = places[ids[at]].name if ids[at] in places else ids[at]
        reach = _REACH[bool(cut_off[0][at]), bool(cut_off[1][at])] if asked[at] else None
        rows.append([ids[at], name, int(asked[at]), *received, *hours, gained, *lent, lent[1] - lent[0], reach])
    return rows


def losing(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """The rows of locations that wait longer or are reached no more, whoever loses most first."""
    return [row for row in rows if row[_AT_REACH] == "no_longer" or (row[_AT_HOURS] or 0) > 0]


def gaining(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """The rows of locations that wait less or are newly reached, whoever gains most first."""
    return [row for row in reversed(rows) if row[_AT_REACH] == "newly" or (row[_AT_HOURS] or 0) < 0]


def unreached(run: Run, count: int) -> Bools:
    """Of each location: no van brings anything that was asked there, and something asked there does not come."""
    pickup = run.asked.pickup
    by_van = run.delivered & (run.replay.place != pickup)
    brought = np.bincount(pickup[by_van], minlength=count)
    missing = np.bincount(pickup[~run.delivered], minlength=count)
    found: Bools = (brought == 0) & (missing > 0)
    return found


def _of_locations(run: Run, count: int) -> tuple[Longs, Longs, Longs]:
    """Of each location: seconds that were waited in all, items received, items supplied."""
    horizon = run.plan.policy.horizon_days * 24 * HOUR
    waited = np.where(run.delivered, run.replay.arrival - run.asked.requested, horizon)
    pickup = run.asked.pickup
    return (
        np.bincount(pickup, weights=waited, minlength=count).astype(np.int64),
        np.bincount(pickup[run.delivered], minlength=count).astype(np.int64),
        supplied(run),
    )


LOCATION_COLUMNS = (
    "location",
    "name",
    "asked",
    "received_base",
    "received_changed",
    "hours_base",
    "hours_changed",
    "hours_difference",
    "supplied_base",
    "supplied_changed",
    "supplied_difference",
    "reach",
)
_AT_HOURS, _AT_REACH = LOCATION_COLUMNS.index("hours_difference"), LOCATION_COLUMNS.index("reach")
_REACH = {
    (False, False): "as_before",
    (False, True): "no_longer",
    (True, False): "newly",
    (True, True): "never",
}
LEG_COLUMNS = ("route", "from_location", "to_location", "day", "items_base", "items_changed")
OVERFULL_COLUMNS = ("side", "route", "trip", "day", "from_location", "to_location", "items", "room")
