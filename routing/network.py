"""One version of the network, ready to be searched: rides by trip, and the dated rides of one window of time.

A *ride* is what lies between two successive calls of a trip. Calendars may span a decade, so rides are dated
only for a window: a week of requests and the horizon after it. Windows lie on a fixed grid of weeks, so that
the requests of one week share everything that is worked out for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from routing.cache import Cache
from routing.calendar import DAY_SECONDS, ServiceDays, day_of_seconds, service_day_anchor, service_days
from routing.model import Change, ClosedStop, Leg, Standstill, Stop, Stoppages, StopTimes, Timetable, Visit

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

GRID_SECONDS = 7 * DAY_SECONDS
# Stops and times in one number, so that one binary search finds a time at a stop.
_STOP = np.int64(1) << 40

# What a trip weighs in a mapping by id, roughly.
_TRIP_BYTES = 100

RUNNING = Stoppages()


@dataclass(frozen=True, slots=True, eq=False)
class Rides:
    """The rides of all trips as columns, ordered by trip and call; times are GTFS seconds."""

    trip: Ints
    from_stop: Ints
    to_stop: Ints
    departure: Longs
    arrival: Longs
    boards: Bools  # an item may get on where the ride starts
    leaves: Bools  # an item may get off where it ends
    first_of_trip: Longs  # (trips,): where a trip's rides begin
    count_of_trip: Longs  # (trips,)
    circles: Mapping[int, tuple[int, ...]]  # see _circles


@dataclass(frozen=True, slots=True, eq=False)
class Drive:
    """The rides of one trip, as columns of its own; times are GTFS seconds."""

    departure: Longs
    arrival: Longs
    boards: Bools
    leaves: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Stopped:
    """What does not run, as positions and ordinals of service days; `said` is the same in words."""

    said: Stoppages
    trip: Longs  # (n,): trips that do not run on …
    day: Longs  # (n,)
    standstills: tuple[tuple[Bools, int, int], ...]  # which trips (trips,), from which day to which, both included
    closed: tuple[tuple[int, int, int], ...]  # which stop, from which day to which, both included
    changed: Mapping[tuple[int, int], Drive]  # how a trip runs on a day instead
    latest: int  # GTFS seconds: the last of those arrivals


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A compiled timetable. Immutable, but for what `cache` keeps of windows and sweeps."""

    timetable: Timetable
    zone: ZoneInfo
    stop_positions: Mapping[str, int]
    handling: Longs  # (stops,): seconds a change of trip takes; -1 where none is possible
    trip_service: Longs  # (trips,)
    rides: Rides
    days: ServiceDays
    cache: Cache
    stopped: Stopped

    @property
    def version(self) -> str:
        """The network version this was compiled from."""
        return self.timetable.version


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The dated rides between `start` and `start + length`; all times are seconds after `start` (UTC).

    Rides are ordered by dated trip and call. A *slot* is a departure that may be boarded. Slots are ordered
    by segment, departure, trip, service day and call; segment *s* holds the slots of stop *s*, and a few
    segments at the end stand for one ride each (see `_private_segments`).
    """

    start: int
    length: int
    ride_trip: Ints
    ride_day: Ints  # ordinal of the service day
    ride_planned: Ints  # position in `Network.rides`
    ride_to: Ints  # stop where the ride ends
    ride_from: Ints
    ride_departure: Ints
    ride_arrival: Ints
    ride_leaves: Bools
    ride_ends_trip: Bools
    ride_next: Ints  # first slot after a change of trip at the end of the ride; -1: no change possible
    slot_ride: Ints
    slot_departure: Ints
    segment_start: Ints  # (segments + 1,)
    legs: dict[int, Leg] = field(default_factory=dict)  # kept by transport; numbered by sweep.itineraries

    @property
    def size_bytes(self) -> int:
        """What the columns weigh."""
        columns = (getattr(self, name) for name in self.__slots__)
        return sum(column.nbytes for column in columns if isinstance(column, np.ndarray))


def compile_network(
    timetable: Timetable, *, stoppages: Stoppages = RUNNING, cache_bytes: int = 768 * 2**20
) -> Network:
    """Make a timetable searchable; windows and sweeps worked out later are kept within `cache_bytes`.

    `stoppages` name trips that do not run after all; what of them the timetable does not know changes nothing.
    """
    handling = np.array(
        [-1 if stop.handling_seconds is None else stop.handling_seconds for stop in timetable.stops],
        dtype=np.int64,
    )
    rides = _rides(timetable.stop_times, trips=len(timetable.trips), stops=timetable.stops)
    return Network(
        timetable=timetable,
        zone=ZoneInfo(timetable.timezone),
        stop_positions={stop.id: position for position, stop in enumerate(timetable.stops)},
        handling=handling,
        trip_service=np.array([trip.service for trip in timetable.trips], dtype=np.int64),
        rides=rides,
        days=service_days(timetable.services),
        cache=Cache(cache_bytes),
        stopped=_stopped(timetable, rides, stoppages),
    )


def without(network: Network, stoppages: Stoppages) -> Network:
    """The same timetable with other trips that do not run so: shares what was compiled, not what was worked out."""
    stopped = _stopped(network.timetable, network.rides, stoppages)
    return replace(network, cache=Cache(network.cache.limit_bytes), stopped=stopped)


def is_stopped(network: Network, trip: int, day: int) -> bool:
    """Whether a trip (by position) was stopped on a service day (ordinal) that its calendar may have it run on."""
    stopped = network.stopped
    return bool(((stopped.trip == trip) & (stopped.day == day)).any()) or any(
        first <= day <= last and trips[trip] for trips, first, last in stopped.standstills
    )


def is_changed(network: Network, trip: int, day: int) -> bool:
    """Whether a trip (by position) runs otherwise than planned on a service day (ordinal)."""
    return (trip, day) in network.stopped.changed or bool(_closed_on(network, trip, day))


def is_closed(network: Network, stop: int, day: int) -> bool:
    """Whether vans pass by a stop (by position) on a service day (ordinal)."""
    return any(stop == closed and first <= day <= last for closed, first, last in network.stopped.closed)


def drive_of(network: Network, trip: int, day: int) -> Drive:
    """How a trip (by position) runs on a service day (ordinal), as far as is known."""
    drive = network.stopped.changed.get((trip, day)) or planned_drive(network.rides, trip)
    closed = _closed_on(network, trip, day)
    if not closed:
        return drive
    start, end = _stops_of(network.rides, trip)
    return replace(drive, boards=drive.boards & ~np.isin(start, closed), leaves=drive.leaves & ~np.isin(end, closed))


def _closed_on(network: Network, trip: int, day: int) -> list[int]:
    """Which stops (positions) that a trip calls at it passes by on a service day (ordinal)."""
    closed = [stop for stop, first, last in network.stopped.closed if first <= day <= last]
    if not closed:
        return []
    start, end = _stops_of(network.rides, trip)
    return [stop for stop in closed if (start == stop).any() or (end == stop).any()]


def _stops_of(rides: Rides, trip: int) -> tuple[Ints, Ints]:
    """Where each ride of a trip starts and ends."""
    first = int(rides.first_of_trip[trip])
    own = slice(first, first + int(rides.count_of_trip[trip]))
    return rides.from_stop[own], rides.to_stop[own]


def planned_drive(rides: Rides, trip: int) -> Drive:
    """How a trip (by position) runs by the timetable."""
    first = int(rides.first_of_trip[trip])
    own = slice(first, first + int(rides.count_of_trip[trip]))
    return Drive(rides.departure[own], rides.arrival[own], rides.boards[own], rides.leaves[own])


def visits_of(timetable: Timetable, rides: Rides, trip: int) -> list[Visit]:
    """The calls of a trip (by position) in order; none where it has but one, and moves nothing."""
    first, count = int(rides.first_of_trip[trip]), int(rides.count_of_trip[trip])
    if count == 0:
        return []
    stops = [*rides.from_stop[first : first + count].tolist(), int(rides.to_stop[first + count - 1])]
    seen: dict[int, int] = {}
    found = []
    for stop in stops:
        seen[stop] = seen.get(stop, 0) + 1
        found.append(Visit(timetable.stops[stop].id, seen[stop]))
    return found


def trip_positions(network: Network) -> Mapping[str, int]:
    """Where each trip stands in the timetable, by id; kept with the sweeps."""
    positions: Mapping[str, int] | None = network.cache.find("trips")
    if positions is None:
        positions = {trip.id: position for position, trip in enumerate(network.timetable.trips)}
        network.cache.keep("trips", positions, size_bytes=_TRIP_BYTES * len(positions))
    return positions


def window_for(network: Network, requested: int, horizon_days: int) -> Window:
    """The window for a request at `requested` (seconds since 1970), kept or made."""
    start = requested // GRID_SECONDS * GRID_SECONDS
    key = ("window", start, horizon_days)
    window = network.cache.find(key)
    if not isinstance(window, Window):
        window = _expand(network, start=start, length=GRID_SECONDS + horizon_days * DAY_SECONDS)
        network.cache.keep(key, window, size_bytes=window.size_bytes)
    return window


def window_between(network: Network, first: int, last: int, horizon_days: int) -> Window:
    """One window for all requests from `first` to `last` (seconds since 1970), made anew and not kept."""
    return _expand(network, start=first, length=last - first + horizon_days * DAY_SECONDS)


# --- rides ----------------------------------------------------------------------------------------


def _rides(calls: StopTimes, *, trips: int, stops: tuple[Stop, ...]) -> Rides:
    start = np.flatnonzero(calls.trip[:-1] == calls.trip[1:])
    end = start + 1
    trip = calls.trip[start].astype(np.int32)
    count = np.bincount(trip, minlength=trips).astype(np.int64)
    return Rides(
        trip=trip,
        from_stop=calls.stop[start].astype(np.int32),
        to_stop=calls.stop[end].astype(np.int32),
        departure=calls.departure[start].astype(np.int64),
        arrival=calls.arrival[end].astype(np.int64),
        boards=calls.pickup[start].astype(np.bool_),
        leaves=calls.drop_off[end].astype(np.bool_),
        first_of_trip=np.cumsum(count) - count,
        count_of_trip=count,
        circles=_circles(calls, start, stops),
    )


def _circles(calls: StopTimes, start: npt.NDArray[np.intp], stops: tuple[Stop, ...]) -> dict[int, tuple[int, ...]]:
    """Rides that end where, in the same second, their own trip departed earlier: {ride: those departures}.

    An item may change to *another* trip only. Elsewhere nothing needs to enforce that, as staying on is never
    worse than leaving a trip and boarding it again later on. But a van that calls at a hub without handling
    time twice in one second would carry an item back to a call it has passed. Hardly a feed has such trips.
    """
    order = np.lexsort((np.arange(len(calls.trip)), calls.stop, calls.trip))
    earlier, later = order[:-1], order[1:]
    same = (calls.trip[earlier] == calls.trip[later]) & (calls.stop[earlier] == calls.stop[later])
    at_once = same & (calls.departure[earlier] == calls.arrival[later])
    ride_of_call = np.full(len(calls.trip) + 1, -1)
    ride_of_call[start] = np.arange(len(start))
    circles = {}
    for call in later[at_once].tolist():
        hub = calls.stop[call]
        if stops[hub].handling_seconds != 0:
            continue
        passed, between, before = [], False, call - 1
        while ride_of_call[before] >= 0 and calls.departure[before] == calls.arrival[call]:
            if calls.stop[before] != hub:
                between = True
            elif between:
                passed.append(int(ride_of_call[before]))
            before -= 1
        if passed:
            circles[int(ride_of_call[call - 1])] = tuple(passed)
    return circles


# --- windows --------------------------------------------------------------------------------------


def _expand(network: Network, *, start: int, length: int) -> Window:
    rides = network.rides
    trip_of, day_of, anchor_of = _dated_trips(network, start=start, length=length)
    count = rides.count_of_trip[trip_of]
    dated = np.repeat(np.arange(len(trip_of)), count)
    ride = np.arange(len(dated)) + np.repeat(rides.first_of_trip[trip_of] - (np.cumsum(count) - count), count)
    departure = rides.departure[ride] + anchor_of[dated]
    arrival = rides.arrival[ride] + anchor_of[dated]
    boards, leaves = rides.boards[ride], rides.leaves[ride]
    for (trip, day), drive in network.stopped.changed.items():
        for at in np.flatnonzero((trip_of == trip) & (day_of == day)).tolist():
            own = slice(int(count[:at].sum()), int(count[: at + 1].sum()))
            departure[own], arrival[own] = drive.departure + anchor_of[at], drive.arrival + anchor_of[at]
            boards[own], leaves[own] = drive.boards, drive.leaves
    _pass_by(network.stopped, rides, (ride, day_of[dated]), boards, leaves)
    # Times never decrease along a trip: what is cut off is its beginning or its end, never its middle.
    kept = (departure >= 0) & (arrival <= length)
    dated, ride, departure, arrival = dated[kept], ride[kept], departure[kept], arrival[kept]
    from_stop, to_stop, leaves = rides.from_stop[ride], rides.to_stop[ride], leaves[kept]

    boarding = np.flatnonzero(boards[kept])
    # Stable: among equals at one stop, the order of rides (trip, service day, call) stays.
    slots = boarding[np.argsort(from_stop[boarding] * _STOP + departure[boarding], kind="stable")]
    slot_keys = from_stop[slots] * _STOP + departure[slots]
    segment_start = np.searchsorted(slot_keys, np.arange(len(network.handling) + 1) * _STOP)

    changes = leaves & (network.handling[to_stop] >= 0)
    following = np.searchsorted(slot_keys, to_stop * _STOP + arrival + network.handling[to_stop])
    changes &= following < segment_start[to_stop + 1]
    next_slot = np.where(changes, following, -1)
    if rides.circles:
        slots, segment_start = _private_segments(
            rides, ride=ride, dated=dated, next_slot=next_slot, slots=slots, segment_start=segment_start
        )
    return Window(
        start=start,
        length=length,
        ride_trip=_column(trip_of[dated]),
        ride_day=_column(day_of[dated]),
        ride_planned=_column(ride),
        ride_to=_column(to_stop),
        ride_from=_column(from_stop),
        ride_departure=_column(departure),
        ride_arrival=_column(arrival),
        ride_leaves=leaves,
        ride_ends_trip=np.append(dated[1:] != dated[:-1], True)[: len(dated)],
        ride_next=_column(next_slot),
        slot_ride=_column(slots),
        slot_departure=_column(departure[slots]),
        segment_start=_column(segment_start),
    )


def _dated_trips(network: Network, *, start: int, length: int) -> tuple[Longs, Longs, Longs]:
    """The trips on their service days that may drive in the window: trip, day (ordinal) and its anchor.

    Ordered by trip, then day. Anchors are seconds after `start`. Service days begin so far before the window
    that every trip past midnight which still drives inside it is there.
    """
    longest = max(int(network.rides.arrival.max(initial=0)), network.stopped.latest)
    first = max(day_of_seconds(start - longest) - 1, network.days.first)
    last = min(day_of_seconds(start + length) + 1, network.days.last)
    days = range(first, max(first, last + 1))
    anchor = np.array(
        [service_day_anchor(date.fromordinal(day), network.zone) - start for day in days], dtype=np.int64
    )
    driven = network.days.active(first, len(days))[network.trip_service]
    _stop(driven, network.stopped, first)
    trip, day = np.nonzero(driven)
    return trip, day + first, anchor[day]


def _stopped(timetable: Timetable, rides: Rides, said: Stoppages) -> Stopped:
    """What of the stoppages this timetable knows."""
    ids = {trip for trip, _ in said.trips} | {change.trip for change in said.changes}
    position = {trip.id: at for at, trip in enumerate(timetable.trips) if trip.id in ids} if ids else {}
    single = sorted((position[trip], day.toordinal()) for trip, day in said.trips if trip in position)
    route_of = np.array([trip.route for trip in timetable.trips], dtype=np.int64)
    routes = {route.id: at for at, route in enumerate(timetable.routes)} if said.routes else {}
    stops = {stop.id: at for at, stop in enumerate(timetable.stops)} if said.stops else {}
    changed = {
        (position[change.trip], change.service_date.toordinal()): _changed(
            change,
            planned_drive(rides, position[change.trip]),
            visits_of(timetable, rides, position[change.trip]),
        )
        for change in said.changes
        if change.trip in position and rides.count_of_trip[position[change.trip]]
    }
    return Stopped(
        said=said,
        trip=np.array([trip for trip, _ in single], dtype=np.int64),
        day=np.array([day for _, day in single], dtype=np.int64),
        standstills=tuple(
            (_trips_of(still, timetable, route_of), *_days_of(still))
            for still in said.routes
            if still.route is None or still.route in routes
        ),
        closed=tuple((stops[still.stop], *_days_of(still)) for still in said.stops if still.stop in stops),
        changed=changed,
        latest=max((int(drive.arrival[-1]) for drive in changed.values()), default=0),
    )


def _trips_of(still: Standstill, timetable: Timetable, route_of: Longs) -> Bools:
    """Which trips a standstill is of."""
    of = [still.route in (None, route.id) and still.operator in (None, route.operator) for route in timetable.routes]
    found: Bools = np.array(of, dtype=np.bool_)[route_of]
    return found


def _days_of(still: Standstill | ClosedStop) -> tuple[int, int]:
    """The first and the last day of a standstill, as ordinals."""
    return (still.since or date.min).toordinal(), (still.until or date.max).toordinal() - (still.until is not None)


def _changed(change: Change, planned: Drive, visits: list[Visit]) -> Drive:
    """How a trip runs with a change; what the change says of calls that it does not make says nothing.

    A van that makes up for lost time is nowhere before it has left the call before: times that differ by the
    timetable stay at least a second apart, and never decrease.
    """
    delays = {delay.visit: delay for delay in change.delays}
    late_arrival, late_departure, late = [], [], 0
    for visit in visits:
        delay = delays.get(visit)
        late_arrival.append(late if delay is None else delay.arrival)
        late = late if delay is None else delay.departure
        late_departure.append(late)
    times = np.empty(2 * len(planned.departure), dtype=np.int64)
    times[0::2], times[1::2] = planned.departure, planned.arrival
    least = np.cumsum(np.minimum(np.diff(times, prepend=times[0]), 1))
    times[0::2] += np.array(late_departure[:-1], dtype=np.int64)
    times[1::2] += np.array(late_arrival[1:], dtype=np.int64)
    times = np.maximum.accumulate(times - least) + least
    called = np.array([visit not in change.skipped for visit in visits], dtype=np.bool_)
    return Drive(times[0::2], times[1::2], planned.boards & called[:-1], planned.leaves & called[1:])


def _stop(driven: Bools, stopped: Stopped, first: int) -> None:
    """Take out of `driven` (trips, days from ordinal `first`) what does not run after all."""
    count = driven.shape[1]
    inside = (stopped.day >= first) & (stopped.day < first + count)
    driven[stopped.trip[inside], stopped.day[inside] - first] = False
    for trips, since, last in stopped.standstills:
        driven[trips, max(0, since - first) : max(0, last + 1 - first)] = False


def _pass_by(stopped: Stopped, rides: Rides, dated: tuple[Longs, Longs], boards: Bools, leaves: Bools) -> None:
    """Let nothing get on (`boards`) or off (`leaves`) at stops that are closed, of dated rides: which, and when."""
    if not stopped.closed:
        return
    ride, day = dated
    closed = [stop for stop, _, _ in stopped.closed]
    near = np.flatnonzero(np.isin(rides.from_stop[ride], closed) | np.isin(rides.to_stop[ride], closed))
    start, end, day = rides.from_stop[ride[near]], rides.to_stop[ride[near]], day[near]
    for stop, first, last in stopped.closed:
        inside = (day >= first) & (day <= last)
        boards[near[inside & (start == stop)]] = False
        leaves[near[inside & (end == stop)]] = False


def _private_segments(
    rides: Rides, *, ride: Longs, dated: Longs, next_slot: Longs, slots: Longs, segment_start: Longs
) -> tuple[Longs, Longs]:
    """Give every ride of `Rides.circles` its own list of what may be boarded after it: the stop's, less its own trip.

    Returns the longer slots and segments; `next_slot` is changed in place.
    """
    parts, bounds, end = [slots], [segment_start], len(slots)
    for p in np.flatnonzero(np.isin(ride, list(rides.circles)) & (next_slot >= 0)).tolist():
        stop_end = segment_start[rides.to_stop[ride[p]] + 1]
        after = slots[next_slot[p] : stop_end]
        passed = (dated[after] == dated[p]) & np.isin(ride[after], rides.circles[int(ride[p])])
        if not passed.any():
            continue
        after = after[~passed]
        next_slot[p] = end if len(after) else -1
        end += len(after)
        parts.append(after)
        bounds.append(np.array([end]))
    return np.concatenate(parts), np.concatenate(bounds)


def _column(values: npt.NDArray[np.signedinteger[Any]]) -> Ints:
    column: Ints = values.astype(np.int32)
    return column
