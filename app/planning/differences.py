"""What differs between two networks: routes, trips, services and stops, in numbers and one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from app.planning.edits import clock, service_document
from app.planning.plan import Plan, PlannedCall, PlannedRoute, PlannedTrip
from app.store.timetable import Content, ServiceRow, StopRow, counts

KINDS = ("route", "trip", "service", "stop")
ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One thing that is said otherwise; None: it is not said at all."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One route, trip, service or stop that is not the same. `operators`: the names of those whose vans it moves."""

    kind: str
    id: str
    change: str
    route: str | None
    operators: tuple[str, ...]
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences, by kind and id; how many there are of each kind; who drives otherwise, by name."""

    differences: tuple[Difference, ...]
    numbers: Mapping[str, Mapping[str, int]]
    operators: tuple[str, ...]


def compare(before: Content, after: Content) -> Comparison:
    """Return what differs."""
    both = _Both(Plan(before), Plan(after), _changed_trips(before, after))
    differences = tuple(
        found for kind in (both.routes(), both.trips(), both.services(), both.stops()) for found in kind
    )
    tally = Counter((one.kind, one.change) for one in differences)
    had, has = counts(before), counts(after)
    numbers = {
        kind: {
            "before": had[f"{kind}s"],
            "after": has[f"{kind}s"],
            **{change: tally[kind, change] for change in (ADDED, REMOVED, CHANGED)},
        }
        for kind in KINDS
    }
    calls = Counter(
        ADDED if field.before is None else REMOVED if field.after is None else CHANGED
        for one in differences
        if one.kind == "trip"
        for field in one.fields
        if field.field.startswith("stop_times/")
    )
    numbers["call"] = {
        "before": had["stop_times"],
        "after": has["stop_times"],
        **{change: calls[change] for change in (ADDED, REMOVED, CHANGED)},
    }
    touched = sorted({name for one in differences for name in one.operators})
    return Comparison(differences, numbers, tuple(touched))


def _changed_trips(before: Content, after: Content) -> set[str]:
    """Return the ids of the trips that are in both and whose calls are not the same."""
    stop_at = {stop.id: at for at, stop in enumerate(before.stops)}
    same = np.array([stop_at.get(stop.id, -1 - at) for at, stop in enumerate(after.stops)], dtype=np.int32)
    tables = []
    for content, stops in ((before, None), (after, same)):
        calls = content.calls
        stop = calls.stop if stops is None else stops[calls.stop] if len(calls.stop) else calls.stop
        columns = (calls.sequence, stop, calls.arrival, calls.departure, calls.pickup_type, calls.drop_off_type)
        table = np.stack([column.astype(np.int32) for column in columns], axis=1)
        starts = np.searchsorted(calls.trip, np.arange(len(content.trips) + 1)).tolist()
        tables.append({t.id: table[starts[at] : starts[at + 1]] for at, t in enumerate(content.trips)})
    old, new = tables
    return {id for id in old.keys() & new.keys() if not np.array_equal(old[id], new[id])}


@dataclass(slots=True)
class _Both:
    before: Plan
    after: Plan
    recalled: set[str]

    def routes(self) -> Iterator[Difference]:
        old, new = self.before.routes, self.after.routes
        for id, change in _changes(old, new):
            yield Difference(
                "route",
                id,
                change,
                id,
                _names(self, [route.operator for route in (old.get(id), new.get(id)) if route]),
                _fields(_route_words(self.before, old.get(id)), _route_words(self.after, new.get(id))),
            )

    def trips(self) -> Iterator[Difference]:
        old, new = (
            {id: (route, service) for id, route, service in plan.heads()} for plan in (self.before, self.after)
        )
        for id in sorted(old.keys() | new.keys()):
            was = self.before.trip(id) if id in old else None
            if id in old and id in new and id not in self.recalled and _same_head(self, id):
                continue
            now = self.after.trip(id) if id in new else None
            found = _fields(_trip_words(was), _trip_words(now))
            if not found and was and now:
                found = (FieldChange("stop_sequence", _sequence(was), _sequence(now)),)
            routes = [plan.routes[trip.route] for plan, trip in ((self.before, was), (self.after, now)) if trip]
            change = ADDED if was is None else REMOVED if now is None else CHANGED
            yield Difference(
                "trip", id, change, routes[-1].id, _names(self, [route.operator for route in routes]), found
            )

    def services(self) -> Iterator[Difference]:
        old, new = self.before.services, self.after.services
        for id, change in _changes(old, new):
            drivers = [
                plan.routes[route].operator
                for plan in (self.before, self.after)
                for _, route, service in plan.heads()
                if service == id
            ]
            words = (_service_words(old.get(id)), _service_words(new.get(id)))
            yield Difference("service", id, change, None, _names(self, drivers), _fields(*words))

    def stops(self) -> Iterator[Difference]:
        old, new = self.before.stops, self.after.stops
        callers = [_callers(plan.base) for plan in (self.before, self.after)] if old != new else []
        for id, change in _changes(old, new):
            was, now = old.get(id), new.get(id)
            # Where a stop is and what it is called is the business of whoever calls there.
            drivers = callers[0].get(id, set()) | callers[1].get(id, set())
            yield Difference(
                "stop", id, change, None, _names(self, drivers), _fields(_stop_words(was), _stop_words(now))
            )


def _callers(content: Content) -> dict[str, set[str]]:
    """Return the ids of the operators that call at each stop."""
    driven_by = np.array([content.routes[trip.route].operator for trip in content.trips], dtype=np.int64)
    many = max(1, len(content.operators))
    found: dict[str, set[str]] = {}
    for pair in np.unique(content.calls.stop * np.int64(many) + driven_by[content.calls.trip]).tolist():
        stop, operator = divmod(pair, many)
        found.setdefault(content.stops[stop].id, set()).add(content.operators[operator].id)
    return found


def _changes(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for id in sorted(old.keys() | new.keys()):
        if id not in old or id not in new or old[id] != new[id]:
            yield id, ADDED if id not in old else REMOVED if id not in new else CHANGED


def _names(both: _Both, operators: Iterable[str]) -> tuple[str, ...]:
    known = {**both.before.operators, **both.after.operators}
    return tuple(sorted({known[operator].name for operator in operators}))


def _same_head(both: _Both, id: str) -> bool:
    one, other = both.before.head(id), both.after.head(id)
    return one == other


def _fields(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[FieldChange, ...]:
    names = dict.fromkeys([*before, *after])
    return tuple(
        FieldChange(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    )


# --- what there is to say of each -----------------------------------------------------------------


def _route_words(plan: Plan, route: PlannedRoute | None) -> dict[str, str]:
    if route is None:
        return {}
    said = {field.name: str(getattr(route, field.name)) for field in fields(route) if field.name != "id"}
    return {**said, "operator": plan.operators[route.operator].name}


def _trip_words(trip: PlannedTrip | None) -> dict[str, str]:
    if trip is None:
        return {}
    said = {"route_id": trip.route, "service_id": trip.service, "headsign": trip.headsign}
    said |= {"short_name": trip.short_name}
    if trip.crate_capacity is not None:
        said["crate_capacity"] = str(trip.crate_capacity)
    seen: Counter[str] = Counter()
    for call in trip.calls:
        seen[call.stop] += 1
        again = f"#{seen[call.stop]}" if seen[call.stop] > 1 else ""
        said[f"stop_times/{call.stop}{again}"] = _call_words(call)
    return said


def _sequence(trip: PlannedTrip) -> str:
    return " ".join(str(call.sequence) for call in trip.calls)


def _call_words(call: PlannedCall) -> str:
    times = clock(call.arrival)
    if call.departure != call.arrival:
        times += f" – {clock(call.departure)}"
    notes = [
        f"{word} {type_}"
        for word, type_ in (("pickup_type", call.pickup_type), ("drop_off_type", call.drop_off_type))
        if type_
    ]
    return ", ".join([times, *notes])


def _service_words(service: ServiceRow | None) -> dict[str, str]:
    if service is None:
        return {}
    said: dict[str, Any] = service_document(service)
    names = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
    words = {"weekdays": " ".join(name for name, runs in zip(names, said["weekdays"], strict=True) if runs)}
    words |= {name: said[name] for name in ("start_date", "end_date") if said[name] is not None}
    for name in ("added", "removed"):
        words |= {f"{name}/{day}": day for day in said[name]}
    return words


def _stop_words(stop: StopRow | None) -> dict[str, str]:
    if stop is None:
        return {}
    said = {"name": stop.name, "lat": stop.lat, "lon": stop.lon, "handling_seconds": stop.handling_seconds}
    return {name: str(value) for name, value in said.items() if value is not None}
