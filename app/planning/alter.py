"""Carries the changes of a scenario out: a network, a register and an agreement in; another of each out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from app.planning.scenario import (
    WEEKDAYS,
    Change,
    CloseHub,
    DropRoute,
    Frequency,
    HubHandling,
    LineHaul,
    MoveHub,
    ShelfHandling,
    Terms,
    Weekday,
)
from app.store.timetable import (
    Calls,
    Content,
    RouteRow,
    ServiceRow,
    StopRow,
    TripRow,
    Weekdays,
    first_and_last_day,
)
from routing import Agreement, Location, Policy, Register, unsaid

PREFIX = "what-if-"
VAN = 3  # GTFS route_type


class Place(NamedTuple):
    """Where a location is, as the register has it."""

    name: str
    lat: float | None
    lon: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Everything that decisions of a plan read."""

    content: Content
    register: Register
    policy: Policy
    own_province_first: bool = False
    agreement: Agreement = field(default_factory=Agreement)


class ChangeImpossible(Exception):  # noqa: N818 - says what it is
    """A change is about something that is not there: which change, which field of it, and why."""

    def __init__(self, number: int, field: str, detail: str) -> None:
        super().__init__(detail)
        self.number = number
        self.field = field
        self.pointer = f"/changes/{number}/{field}"


def altered(plan: Plan, changes: Sequence[Change], places: Mapping[str, Place]) -> Plan:
    """Carry changes out, one after the other. Raises ChangeImpossible."""
    draft = _Draft(plan, places)
    for number, change in enumerate(changes):
        try:
            draft.carry_out(change)
        except _Missing as missing:
            raise ChangeImpossible(number, missing.field, missing.detail) from None
    return draft.finished()


class _Missing(Exception):  # noqa: N818 - says what it is
    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.detail = detail


class _Call(NamedTuple):
    stop: str
    arrival: int
    departure: int
    pickup_type: int
    drop_off_type: int


@dataclass(slots=True)
class _Trip:
    row: TripRow
    route: str
    service: str
    calls: list[_Call]


class _Draft:
    """A plan under change; everything goes by id, so that positions are given out once, at the end."""

    def __init__(self, plan: Plan, places: Mapping[str, Place]) -> None:
        content = plan.content
        self.plan, self.places, self.content = plan, places, content
        self.register, self.policy, self.own_first = plan.register, plan.policy, plan.own_province_first
        self.agreement = plan.agreement
        self.stops = {stop.id: stop for stop in content.stops}
        self.routes = {route.id: route for route in content.routes}
        self.services = {service.id: service for service in content.services}
        self.first, self.last = first_and_last_day(content.services)
        self.trips = self._trips()
        self.touched = False

    def _trips(self) -> list[_Trip]:
        content, calls = self.content, self.content.calls
        trips = [
            _Trip(row, content.routes[row.route].id, content.services[row.service].id, []) for row in content.trips
        ]
        columns = (calls.trip, calls.stop, calls.arrival, calls.departure, calls.pickup_type, calls.drop_off_type)
        for trip, stop, *rest in zip(*(column.tolist() for column in columns), strict=True):
            trips[trip].calls.append(_Call(content.stops[stop].id, *rest))
        return trips

    def carry_out(self, change: Change) -> None:
        """Carry out one change. Raises _Missing."""
        _CARRY_OUT[type(change)](self, change)

    # --- the changes ------------------------------------------------------------------------------

    def drop_route(self, change: DropRoute) -> None:
        self._route(change.route)
        self.touched = True
        self.trips = [trip for trip in self.trips if trip.route != change.route]

    def frequency(self, change: Frequency) -> None:
        self._route(change.route)
        self.touched = True
        driven = [trip for trip in self.trips if trip.route == change.route]
        if change.weekdays is not None:
            patterned = {service: self._on_days(service, change.weekdays) for service in {t.service for t in driven}}
            for trip in driven:
                trip.service = patterned[trip.service]
        known = {trip.row.id for trip in self.trips}
        for minutes in change.again_after_minutes:
            for trip in driven:
                calls = [
                    call._replace(arrival=call.arrival + minutes * 60, departure=call.departure + minutes * 60)
                    for call in trip.calls
                ]
                row = replace(trip.row, id=_new(f"{trip.row.id}+{minutes}", known))
                self.trips.append(_Trip(row, trip.route, trip.service, calls))

    def close_hub(self, change: CloseHub) -> None:
        hub = self._hub(change.location, "location")
        self.touched = True
        self.stops[hub.id] = replace(hub, handling_seconds=None)
        for trip in self.trips:
            trip.calls = [call for call in trip.calls if call.stop != hub.id]
        self.trips = [trip for trip in self.trips if len(trip.calls) > 1]

    def move_hub(self, change: MoveHub) -> None:
        hub = self._hub(change.location, "location")
        there = self._stop(change.to, "to")
        if there.id == hub.id:
            raise _Missing("to", f"{hub.id} is where the hub is already.")
        self.touched = True
        self.stops[there.id] = replace(there, handling_seconds=hub.handling_seconds)
        self.stops[hub.id] = replace(hub, handling_seconds=None)
        for trip in self.trips:
            trip.calls = [call._replace(stop=there.id) if call.stop == hub.id else call for call in trip.calls]

    def line_haul(self, change: LineHaul) -> None:
        ends = self._hub(change.from_location, "from_location"), self._hub(change.to_location, "to_location")
        if ends[0].id == ends[1].id:
            raise _Missing("to_location", "A line-haul leads to another hub.")
        if self.first is None or self.last is None:
            raise _Missing("weekdays", "The network version has no day on which anything is driven.")
        operator = self._operator(change.operator)
        self.touched = True
        hours, minutes = map(int, change.departs.split(":"))
        departs = hours * 3600 + minutes * 60
        service = _new(f"{PREFIX}days", self.services)
        self.services[service] = ServiceRow(service, _pattern(change.weekdays), self.first, self.last)
        route = _new(f"{PREFIX}{ends[0].id}-{ends[1].id}", self.routes)
        self.routes[route] = RouteRow(route, operator, route, "", VAN)
        known = {trip.row.id for trip in self.trips}
        for start, end in (ends, ends[::-1])[: 1 + change.both_ways]:
            calls = [
                _Call(stop.id, at, at, 0, 0) for stop, at in ((start, departs), (end, departs + change.minutes * 60))
            ]
            name = _new(f"{route}-{start.id}", known)
            self.trips.append(_Trip(TripRow(name, 0, 0, end.name, "", change.crate_capacity), route, service, calls))

    def hub_handling(self, change: HubHandling) -> None:
        hubs = (
            [stop for stop in self.stops.values() if stop.handling_seconds is not None]
            if change.location is None
            else [self._hub(change.location, "location")]
        )
        self.touched = True
        self.stops |= {hub.id: replace(hub, handling_seconds=change.minutes * 60) for hub in hubs}

    def shelf_handling(self, change: ShelfHandling) -> None:
        locations = self.register.locations
        if change.location is not None and change.location not in locations:
            raise _Missing("location", f"No location {change.location} is registered.")
        wanted = locations if change.location is None else (change.location,)
        slower: dict[str, Location] = {
            name: replace(locations[name], handling_minutes=change.minutes) for name in wanted
        }
        self.register = replace(self.register, locations={**locations, **slower})

    def terms(self, change: Terms) -> None:
        policy = self.policy
        tariff = {name: getattr(change, name) for name in ("supplier_cents", "transport_cents")}
        weights = {name: getattr(change, name) for name in ("cents_per_hour", "cents_per_handling")}
        self.policy = replace(
            policy,
            objective=policy.objective if change.objective is None else change.objective,
            tariff=replace(policy.tariff, **_given(tariff)),
            weights=replace(policy.weights, **_given(weights)),
        )
        # What is tried holds for everyone, whatever provinces and agencies say.
        said = {"objective": change.objective, **weights}
        self.agreement = unsaid(self.agreement, [name for name, value in said.items() if value is not None])
        if change.own_province_first is not None:
            self.own_first = change.own_province_first

    # --- what they are about ----------------------------------------------------------------------

    def _route(self, route: str) -> RouteRow:
        if route not in self.routes or all(trip.route != route for trip in self.trips):
            raise _Missing("route", f"No trip of a route {route} is in this network.")
        return self.routes[route]

    def _stop(self, location: str, field: str) -> StopRow:
        if location in self.stops:
            return self.stops[location]
        if location not in self.register.locations:
            raise _Missing(field, f"No location {location} is registered.")
        place = self.places.get(location, Place(location, None, None))
        return StopRow(location, place.name, place.lat, place.lon, None)

    def _hub(self, location: str, field: str) -> StopRow:
        stop = self.stops.get(location)
        if stop is None or stop.handling_seconds is None:
            raise _Missing(field, f"{location} is no hub in this network.")
        return stop

    def _operator(self, named: str | None) -> int:
        if named is None:
            return self.content.routes[0].operator if self.content.routes else 0
        for position, operator in enumerate(self.content.operators):
            if named in (operator.id, operator.name):
                return position
        raise _Missing("operator", f"No operator {named} is in this network.")

    def _on_days(self, service: str, weekdays: Sequence[Weekday]) -> str:
        """Make a service on other weekdays; what was taken out of the old one (holidays) stays out."""
        old = self.services[service]
        start, end = old.start, old.end
        if not any(old.weekdays) and old.added:
            start, end = min(old.added), max(old.added)
        name = _new(f"{service}~{''.join(weekdays)}", self.services)
        self.services[name] = ServiceRow(name, _pattern(weekdays), start, end, (), old.removed)
        return name

    # --- the end ----------------------------------------------------------------------------------

    def finished(self) -> Plan:
        """Return the plan as it has become."""
        content = self._content() if self.touched else self.content
        return Plan(content, self.register, self.policy, self.own_first, self.agreement)

    def _content(self) -> Content:
        stops = [self.stops[name] for name in sorted(self.stops)]
        routes = [self.routes[name] for name in sorted(self.routes)]
        services = [self.services[name] for name in sorted(self.services)]
        at_stop = {row.id: at for at, row in enumerate(stops)}
        at_route = {row.id: at for at, row in enumerate(routes)}
        at_service = {row.id: at for at, row in enumerate(services)}
        trips = sorted(self.trips, key=lambda trip: trip.row.id)
        rows = [
            (at, number, at_stop[call.stop], *call[1:])
            for at, trip in enumerate(trips)
            for number, call in enumerate(trip.calls)
        ]
        columns = list(zip(*rows, strict=True)) if rows else [()] * 7
        return replace(
            self.content,
            stops=stops,
            routes=routes,
            services=services,
            trips=[replace(t.row, route=at_route[t.route], service=at_service[t.service]) for t in trips],
            calls=Calls(
                trip=np.array(columns[0], dtype=np.int32),
                sequence=np.array(columns[1], dtype=np.int32),
                stop=np.array(columns[2], dtype=np.int32),
                arrival=np.array(columns[3], dtype=np.int32),
                departure=np.array(columns[4], dtype=np.int32),
                pickup_type=np.array(columns[5], dtype=np.int16),
                drop_off_type=np.array(columns[6], dtype=np.int16),
            ),
        )


_CARRY_OUT: Mapping[type, Callable[[_Draft, Any], None]] = {
    DropRoute: _Draft.drop_route,
    Frequency: _Draft.frequency,
    CloseHub: _Draft.close_hub,
    MoveHub: _Draft.move_hub,
    LineHaul: _Draft.line_haul,
    HubHandling: _Draft.hub_handling,
    ShelfHandling: _Draft.shelf_handling,
    Terms: _Draft.terms,
}


def _given(values: Mapping[str, float | None]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _pattern(weekdays: Sequence[Weekday]) -> Weekdays:
    mo, tu, we, th, fr, sa, su = (day in weekdays for day in WEEKDAYS)
    return mo, tu, we, th, fr, sa, su


def _new(name: str, known: Any) -> str:
    """Return a name that nothing has; a set of names learns it."""
    while name in known:
        name += "'"
    if isinstance(known, set):
        known.add(name)
    return name
