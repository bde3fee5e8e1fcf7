"""Which vans call at a location on the days to come: of the active timetable, with what does not run after all."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

import numpy as np

from routing import Network
from routing.calendar import DAY_SECONDS, service_day_anchor, to_moment
from routing.network import is_closed, is_stopped


class Call(NamedTuple):
    """A van at a location. `from_location` and `to_location` are the ends of its trip.

    `runs`: nobody stopped it, and it does not pass the location by.
    """

    service_date: date
    route_id: str
    trip_id: str
    operator: str
    from_location: str
    to_location: str
    arrives_at: datetime
    departs_at: datetime
    pickup: bool
    drop_off: bool
    runs: bool


def calls_at(network: Network, location: str, *, first: date, days: int) -> list[Call]:
    """Return the calls whose van arrives on one of `days` days from `first`, in order of time."""
    stop = network.stop_positions.get(location)
    if stop is None:
        return []
    times = network.timetable.stop_times
    here = np.flatnonzero(times.stop == stop)
    if not len(here):
        return []
    # A trip past midnight belongs to a service day before the one on which it calls.
    before = int(times.arrival[here].max()) // DAY_SECONDS + 1
    begin = max(1, first.toordinal() - before)
    active = network.days.active(begin, first.toordinal() + days - begin)
    found = []
    for at in here.tolist():
        trip = int(times.trip[at])
        for offset in np.flatnonzero(active[network.trip_service[trip]]).tolist():
            call = _call(network, at, trip, begin + offset)
            if first.toordinal() <= call.arrives_at.date().toordinal() < first.toordinal() + days:
                found.append(call)
    return sorted(found, key=lambda call: (call.arrives_at, call.trip_id))


def _call(network: Network, at: int, trip: int, day: int) -> Call:
    timetable = network.timetable
    times, ride = timetable.stop_times, timetable.trips[trip]
    anchor = service_day_anchor(date.fromordinal(day), network.zone)
    start, end = np.searchsorted(times.trip, [trip, trip + 1])
    route = timetable.routes[ride.route]
    return Call(
        service_date=date.fromordinal(day),
        route_id=route.id,
        trip_id=ride.id,
        operator=route.operator,
        from_location=timetable.stops[times.stop[start]].id,
        to_location=timetable.stops[times.stop[end - 1]].id,
        arrives_at=to_moment(anchor + int(times.arrival[at]), network.zone),
        departs_at=to_moment(anchor + int(times.departure[at]), network.zone),
        pickup=bool(times.pickup[at]),
        drop_off=bool(times.drop_off[at]),
        runs=not is_stopped(network, trip, day) and not is_closed(network, int(times.stop[at]), day),
    )
