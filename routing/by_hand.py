"""Itineraries that a person puts together: whether a leg runs, and whether one can follow the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from routing.calendar import service_day_anchor, to_moment, to_seconds
from routing.model import Leg, Route
from routing.network import Drive, Network, drive_of, is_changed, is_stopped, trip_positions
from routing.screening import spoken
from routing.transport import Itinerary


class ChosenLeg(NamedTuple):
    """A ride that somebody names: boarding a dated trip at one stop and leaving it at a later one."""

    trip_id: str
    service_date: date
    from_location: str
    to_location: str


class LegRefused(Exception):  # noqa: N818 - says what happened
    """A leg cannot be ridden: which one (counted from 0), which of its fields is at fault, and why."""

    def __init__(self, leg: int, field: str, detail: str) -> None:
        super().__init__(detail)
        self.leg = leg
        self.field = field


def put_together(
    network: Network, chosen: Sequence[ChosenLeg], *, from_location: str, to_location: str, ready_at: datetime
) -> Itinerary:
    """Make an itinerary of legs that somebody chose for an item ready at `ready_at`.

    Every trip must run on its day and call at both stops in that order; the item must be there in time; and trips are
    changed only where that is possible, with the handling it takes. Raises LegRefused for the first leg at fault, and
    ValueError where there is no leg at all.
    """
    if not chosen:
        raise ValueError("no legs")
    here, ready = from_location, ready_at
    found: list[Leg] = []
    for number, leg in enumerate(chosen):
        if leg.from_location != here:
            raise LegRefused(number, "from_location", f"The item is at {here} then.")
        if number:
            ready = _after_a_change(network, chosen, number, ready)
        found.append(_ride(network, leg, number, ready))
        here, ready = leg.to_location, found[-1].arrives_at
    if here != to_location:
        raise LegRefused(len(chosen) - 1, "to_location", f"The item must get to {to_location}.")
    return Itinerary(tuple(found), ready)


def find_leg(network: Network, chosen: ChosenLeg, *, not_before: datetime) -> Leg | None:
    """The ride that is named, at its first departure at or after a moment; None where nothing runs so."""
    try:
        return _ride(network, chosen, 0, not_before)
    except LegRefused:
        return None


def was_stopped(network: Network, trip_id: str, service_date: date) -> bool:
    """Whether somebody stopped a dated trip that the timetable knows."""
    trip = trip_positions(network).get(trip_id)
    return trip is not None and is_stopped(network, trip, service_date.toordinal())


def was_changed(network: Network, trip_id: str, service_date: date) -> bool:
    """Whether a dated trip that the timetable knows runs otherwise than planned."""
    trip = trip_positions(network).get(trip_id)
    return trip is not None and is_changed(network, trip, service_date.toordinal())


def _after_a_change(network: Network, chosen: Sequence[ChosenLeg], number: int, arrived: datetime) -> datetime:
    leg, before = chosen[number], chosen[number - 1]
    if (leg.trip_id, leg.service_date) == (before.trip_id, before.service_date):
        raise LegRefused(number, "trip_id", "It is on this trip already: make one leg of both.")
    stop = network.stop_positions[leg.from_location]
    handling = int(network.handling[stop])
    if handling < 0:
        raise LegRefused(number, "from_location", f"Nothing changes trips at {leg.from_location}.")
    return to_moment(to_seconds(arrived) + handling, network.zone)


def find_route(network: Network, trip_id: str, service_date: date) -> Route:
    """The route of a trip that the timetable has run on a day. Raises LegRefused, as for a leg of it."""
    return _route_of(network, _trip(network, trip_id, service_date, 0))


def _trip(network: Network, trip_id: str, service_date: date, number: int) -> int:
    trip = trip_positions(network).get(trip_id)
    if trip is None:
        raise LegRefused(number, "trip_id", f"The active network has no trip {trip_id}.")
    if not network.days.active(service_date.toordinal(), 1)[network.trip_service[trip], 0]:
        raise LegRefused(number, "service_date", f"{trip_id} does not run on {service_date}.")
    return trip


def _route_of(network: Network, trip: int) -> Route:
    return network.timetable.routes[network.timetable.trips[trip].route]


def _ride(network: Network, chosen: ChosenLeg, number: int, ready: datetime) -> Leg:
    trip = _trip(network, chosen.trip_id, chosen.service_date, number)
    if is_stopped(network, trip, chosen.service_date.toordinal()):
        raise LegRefused(number, "service_date", f"{chosen.trip_id} was stopped on {chosen.service_date}.")
    drive, start, end = _ridden(network, trip, chosen)
    rides = range(len(drive.departure))
    boardings = [ride for ride in rides if start[ride] and drive.boards[ride]]
    if not boardings:
        raise LegRefused(number, "from_location", f"{chosen.trip_id} takes nothing on at {chosen.from_location}.")
    anchor = service_day_anchor(chosen.service_date, network.zone)
    caught = [ride for ride in boardings if anchor + int(drive.departure[ride]) >= to_seconds(ready)]
    if not caught:
        raise LegRefused(number, "trip_id", f"It has left when the item is ready, {spoken(ready)}.")
    left = next((ride for ride in rides if ride >= caught[0] and end[ride] and drive.leaves[ride]), None)
    if left is None:
        detail = f"{chosen.trip_id} leaves nothing at {chosen.to_location} after {chosen.from_location}."
        raise LegRefused(number, "to_location", detail)
    return _leg(network, trip, chosen, drive, (caught[0], left))


def carried(network: Network, chosen: ChosenLeg, *, planned_departure: datetime) -> Leg | None:
    """The ride of an item that was planned to board then, as the trip runs now; None where it gets on or off nowhere.

    Where the trip no longer calls where the item was to get off, it gets off at the next call after that at which it
    can, or else at the last one before: then `to_location` differs.
    """
    trip = trip_positions(network).get(chosen.trip_id)
    if trip is None or was_stopped(network, chosen.trip_id, chosen.service_date):
        return None
    drive, start, end = _ridden(network, trip, chosen)
    rides = range(len(drive.departure))
    boardings = [ride for ride in rides if start[ride] and drive.boards[ride]]
    if not boardings:
        return None
    anchor = service_day_anchor(chosen.service_date, network.zone)
    meant = to_seconds(planned_departure) - anchor
    boarded = min(boardings, key=lambda ride: abs(int(drive.departure[ride]) - meant))
    where = next((ride for ride in rides if ride >= boarded and end[ride]), None)
    off = [ride for ride in rides if ride >= boarded and drive.leaves[ride]]
    if where is None or not off:
        return None
    left = next((ride for ride in off if ride >= where), off[-1])
    return _leg(network, trip, chosen, drive, (boarded, left))


def _ridden(network: Network, trip: int, chosen: ChosenLeg) -> tuple[Drive, list[bool], list[bool]]:
    """A dated trip's rides, and which of them start and which end at the ends of a leg."""
    rides = network.rides
    first = int(rides.first_of_trip[trip])
    own = slice(first, first + int(rides.count_of_trip[trip]))
    start, end = (network.stop_positions.get(name, -1) for name in (chosen.from_location, chosen.to_location))
    drive = drive_of(network, trip, chosen.service_date.toordinal())
    return drive, (rides.from_stop[own] == start).tolist(), (rides.to_stop[own] == end).tolist()


def _leg(network: Network, trip: int, chosen: ChosenLeg, drive: Drive, ridden: tuple[int, int]) -> Leg:
    boarded, left = ridden
    anchor = service_day_anchor(chosen.service_date, network.zone)
    route = _route_of(network, trip)
    off = int(network.rides.to_stop[int(network.rides.first_of_trip[trip]) + left])
    return Leg(
        route_id=route.id,
        trip_id=chosen.trip_id,
        service_date=chosen.service_date,
        operator=route.operator,
        from_location=chosen.from_location,
        to_location=network.timetable.stops[off].id,
        departs_at=to_moment(anchor + int(drive.departure[boarded]), network.zone),
        arrives_at=to_moment(anchor + int(drive.arrival[left]), network.zone),
    )
