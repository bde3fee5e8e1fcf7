"""A service day as the vans drive it: which trips there are, when each is where, and what is not as planned."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from routing.calendar import service_day_anchor, to_moment
from routing.network import Network, drive_of, is_changed, is_stopped, planned_drive, trip_positions, visits_of


@dataclass(frozen=True, slots=True)
class Call:
    """A trip at a stop, as it runs now and as planned; it arrives not at its first call and departs not at its last.

    `number` is which of its calls at this stop it is; `skipped`: it passes by, though the timetable has it call.
    """

    stop: str
    number: int
    arrives_at: datetime | None
    departs_at: datetime | None
    planned_arrives_at: datetime | None
    planned_departs_at: datetime | None
    takes_on: bool
    puts_down: bool
    skipped: bool


@dataclass(frozen=True, slots=True)
class DatedTrip:
    """A trip on a service day. `stopped`: it does not run after all; `changed`: it runs otherwise than planned."""

    trip_id: str
    service_date: date
    route_id: str
    operator: str
    stopped: bool
    changed: bool
    calls: tuple[Call, ...]


def trips_on(network: Network, service_date: date, *, operators: Collection[str] | None = None) -> list[DatedTrip]:
    """The trips that the timetable has run on a day, by departure and id; of these operators (None: of all)."""
    driven = network.days.active(service_date.toordinal(), 1)[network.trip_service, 0]
    timetable = network.timetable
    found = [
        _dated(network, trip, service_date)
        for trip in driven.nonzero()[0].tolist()
        if network.rides.count_of_trip[trip]
        and (operators is None or timetable.routes[timetable.trips[trip].route].operator in operators)
    ]
    return sorted(found, key=lambda trip: (trip.calls[0].planned_departs_at, trip.trip_id))


def find_dated_trip(network: Network, trip_id: str, service_date: date) -> DatedTrip | None:
    """A trip on a day; None where the timetable has none of that id that runs then."""
    trip = trip_positions(network).get(trip_id)
    if trip is None or not network.rides.count_of_trip[trip]:
        return None
    if not network.days.active(service_date.toordinal(), 1)[network.trip_service[trip], 0]:
        return None
    return _dated(network, trip, service_date)


def _dated(network: Network, trip: int, service_date: date) -> DatedTrip:
    day = service_date.toordinal()
    timetable = network.timetable
    route = timetable.routes[timetable.trips[trip].route]
    return DatedTrip(
        trip_id=timetable.trips[trip].id,
        service_date=service_date,
        route_id=route.id,
        operator=route.operator,
        stopped=is_stopped(network, trip, day),
        changed=is_changed(network, trip, day),
        calls=_calls(network, trip, service_date),
    )


def _calls(network: Network, trip: int, service_date: date) -> tuple[Call, ...]:
    now, planned = drive_of(network, trip, service_date.toordinal()), planned_drive(network.rides, trip)
    anchor = service_day_anchor(service_date, network.zone)
    visits = visits_of(network.timetable, network.rides, trip)
    departs, planned_departs = (
        [*(to_moment(anchor + at, network.zone) for at in drive.departure.tolist()), None] for drive in (now, planned)
    )
    arrives, planned_arrives = (
        [None, *(to_moment(anchor + at, network.zone) for at in drive.arrival.tolist())] for drive in (now, planned)
    )
    takes_on, puts_down = [*now.boards.tolist(), False], [False, *now.leaves.tolist()]
    stopping = [
        before or after
        for before, after in zip([False, *planned.leaves.tolist()], [*planned.boards.tolist(), False], strict=True)
    ]
    return tuple(
        Call(
            stop=visit.stop,
            number=visit.number,
            arrives_at=arrives[at],
            departs_at=departs[at],
            planned_arrives_at=planned_arrives[at],
            planned_departs_at=planned_departs[at],
            takes_on=takes_on[at],
            puts_down=puts_down[at],
            skipped=stopping[at] and not takes_on[at] and not puts_down[at],
        )
        for at, visit in enumerate(visits)
    )
