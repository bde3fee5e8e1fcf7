"""A network by its ids, with changes laid over it: what a draft is worked on as, and made a content of again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from app.store.timetable import Calls, Content, OperatorRow, RouteRow, ServiceRow, StopRow, TripRow

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class PlannedRoute:
    """A pattern and the id of who drives it."""

    id: str
    operator: str
    short_name: str
    long_name: str
    route_type: int


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A trip calls at a stop; times in GTFS seconds, types as in GTFS (1: not here)."""

    stop: str
    sequence: int
    arrival: int
    departure: int
    pickup_type: int = 0
    drop_off_type: int = 0


@dataclass(frozen=True, slots=True)
class PlannedTrip:
    """One run of a route on each of its service's days, with its calls in order."""

    id: str
    route: str
    service: str
    headsign: str
    short_name: str
    crate_capacity: int | None
    calls: tuple[PlannedCall, ...]


class Plan:
    """A network that can be changed: `base` is never written to, and a copy shares it.

    `stops`, `routes` and `services` are by id, and whole; trips are decoded from the base when they are asked for.
    """

    def __init__(self, base: Content) -> None:
        self.base = base
        self.operators: Mapping[str, OperatorRow] = {operator.id: operator for operator in base.operators}
        self.stops: dict[str, StopRow] = {stop.id: stop for stop in base.stops}
        self.services: dict[str, ServiceRow] = {service.id: service for service in base.services}
        self.routes: dict[str, PlannedRoute] = {
            r.id: PlannedRoute(r.id, base.operators[r.operator].id, r.short_name, r.long_name, r.route_type)
            for r in base.routes
        }
        self._at = {trip.id: at for at, trip in enumerate(base.trips)}
        self._starts = np.searchsorted(base.calls.trip, np.arange(len(base.trips) + 1))
        self._laid: dict[str, PlannedTrip | None] = {}

    def copy(self) -> Plan:
        """Return one that can be changed apart from this."""
        other = object.__new__(Plan)
        other.__dict__.update(self.__dict__)
        other.stops, other.routes, other.services = dict(self.stops), dict(self.routes), dict(self.services)
        other._laid = dict(self._laid)
        return other

    # --- trips ------------------------------------------------------------------------------------

    def has_trip(self, id: str) -> bool:
        """Say whether there is such a trip."""
        return self._laid[id] is not None if id in self._laid else id in self._at

    def trip(self, id: str) -> PlannedTrip:
        """Return a trip. Raises KeyError."""
        if id in self._laid:
            laid = self._laid[id]
            if laid is None:
                raise KeyError(id)
            return laid
        return self._decoded(self._at[id])

    def head(self, id: str) -> tuple[str, str, str, str, int | None]:
        """Return what is said of a trip besides its calls. Raises KeyError."""
        laid = self.trip(id) if id in self._laid else None
        if laid is not None:
            return laid.route, laid.service, laid.headsign, laid.short_name, laid.crate_capacity
        row = self.base.trips[self._at[id]]
        route, service = self.base.routes[row.route].id, self.base.services[row.service].id
        return route, service, row.headsign, row.short_name, row.crate_capacity

    def put_trip(self, trip: PlannedTrip) -> None:
        """Have a trip be as it says."""
        self._laid[trip.id] = trip

    def take_trip(self, id: str) -> None:
        """Have a trip not be."""
        self._laid[id] = None

    def heads(self) -> Iterator[tuple[str, str, str]]:
        """Go through all trips: id, route and service of each, without their calls."""
        routes, services = self.base.routes, self.base.services
        for trip in self.base.trips:
            if trip.id not in self._laid:
                yield trip.id, routes[trip.route].id, services[trip.service].id
        for laid in self._laid.values():
            if laid is not None:
                yield laid.id, laid.route, laid.service

    def trips_of(self, route: str) -> list[PlannedTrip]:
        """Return the trips of a route, by their first departure and id."""
        found = [self.trip(id) for id, of, _ in self.heads() if of == route]
        return sorted(found, key=lambda trip: (trip.calls[0].departure if trip.calls else 0, trip.id))

    def callers_at(self, stop: str) -> set[str]:
        """Return the ids of the trips that call at a stop."""
        found = {laid.id for laid in self._laid.values() if laid and any(call.stop == stop for call in laid.calls)}
        for at in (at for at, row in enumerate(self.base.stops) if row.id == stop):
            calling = np.unique(self.base.calls.trip[self.base.calls.stop == at]).tolist()
            found |= {id for id in (self.base.trips[trip].id for trip in calling) if id not in self._laid}
        return found

    def _decoded(self, at: int) -> PlannedTrip:
        base, row = self.base, self.base.trips[at]
        calls, piece = base.calls, slice(int(self._starts[at]), int(self._starts[at + 1]))
        columns = (calls.stop, calls.sequence, calls.arrival, calls.departure, calls.pickup_type, calls.drop_off_type)
        decoded = tuple(
            PlannedCall(base.stops[stop].id, *times)
            for stop, *times in zip(*(column[piece].tolist() for column in columns), strict=True)
        )
        route, service = base.routes[row.route].id, base.services[row.service].id
        return PlannedTrip(row.id, route, service, row.headsign, row.short_name, row.crate_capacity, decoded)

    # --- as a content again -----------------------------------------------------------------------

    def as_content(self) -> Content:
        """Return it as what the store keeps, each part in the order of its ids."""
        operators = sorted(self.operators.values(), key=lambda row: row.id)
        stops, services = _by_id(self.stops.values()), _by_id(self.services.values())
        routes = _by_id(self.routes.values())
        operator_at, stop_at = _positions(operators), _positions(stops)
        route_at, service_at = _positions(routes), _positions(services)
        rows: dict[str, TripRow] = {}
        for trip in self.base.trips:
            if trip.id not in self._laid:
                route, service = self.base.routes[trip.route].id, self.base.services[trip.service].id
                rows[trip.id] = replace(trip, route=route_at[route], service=service_at[service])
        for laid in filter(None, self._laid.values()):
            rows[laid.id] = TripRow(
                laid.id,
                route_at[laid.route],
                service_at[laid.service],
                laid.headsign,
                laid.short_name,
                laid.crate_capacity,
            )
        trips = _by_id(rows.values())
        return Content(
            timezone=self.base.timezone,
            operators=operators,
            stops=stops,
            routes=[RouteRow(r.id, operator_at[r.operator], r.short_name, r.long_name, r.route_type) for r in routes],
            services=services,
            trips=trips,
            calls=self._calls(_positions(trips), stop_at),
        )

    def _calls(self, trip_at: Mapping[str, int], stop_at: Mapping[str, int]) -> Calls:
        base = self.base.calls
        trips = np.array(
            [-1 if trip.id in self._laid else trip_at[trip.id] for trip in self.base.trips], dtype=np.int32
        )
        stops = np.array([stop_at.get(stop.id, -1) for stop in self.base.stops], dtype=np.int32)
        kept = trips[base.trip] >= 0 if len(base.trip) else np.zeros(0, bool)
        new = [
            (trip_at[t.id], c.sequence, stop_at[c.stop], c.arrival, c.departure, c.pickup_type, c.drop_off_type)
            for t in filter(None, self._laid.values())
            for c in t.calls
        ]
        laid = np.array(new, dtype=np.int32).reshape(-1, 7)
        columns = (base.sequence, base.arrival, base.departure, base.pickup_type, base.drop_off_type)
        sequence, arrival, departure, pickup, drop_off = (column[kept] for column in columns)
        trip, stop = trips[base.trip[kept]], stops[base.stop[kept]]
        old = (trip, sequence, stop, arrival, departure, pickup, drop_off)
        joined = [np.concatenate((part, laid[:, at])) for at, part in enumerate(old)]
        order = np.lexsort((joined[1], joined[0]))
        kinds = (np.int32,) * 5 + (np.int16,) * 2
        return Calls(*(part[order].astype(kind) for part, kind in zip(joined, kinds, strict=True)))


def _by_id(rows: Iterable) -> list:  # type: ignore[type-arg] # rows of one kind or another, all with an id
    return sorted(rows, key=lambda row: row.id)


def _positions(rows: Iterable) -> dict[str, int]:  # type: ignore[type-arg]
    return {row.id: at for at, row in enumerate(rows)}
