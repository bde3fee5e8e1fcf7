"""The changes of a draft: each says what a route, trip, service or stop shall be, or that it shall not be.

A change is a document, as the API takes it and the log keeps it. Values are held to what an import of GTFS holds them
to, by the same functions, so that whatever a draft becomes can be written out and read again as the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from app.imports.gtfs_fields import CONTROL, SECONDS_BOUND, degrees, gtfs_seconds, identifier, wording
from app.planning.plan import Plan, PlannedCall, PlannedRoute, PlannedTrip
from app.store.timetable import NO_END, NO_START, NO_WEEKDAYS, ServiceRow, StopRow

Document = Mapping[str, Any]
T = TypeVar("T")

MOST_CALLS = 500
MOST_DAYS = 2000


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing wrong with a change: a JSON pointer to it, and what is wrong."""

    pointer: str
    detail: str


class ChangeRefused(Exception):  # noqa: N818 - named as the problem it becomes
    """A change that cannot be: its faults by field."""

    def __init__(self, faults: Sequence[Wrong]) -> None:
        super().__init__(f"Nothing was changed: {faults[0].pointer.rsplit('/', 1)[-1]} {faults[0].detail}.")
        self.faults = tuple(Wrong(fault.pointer, f"{fault.detail}.") for fault in faults[:100])


def apply_all(plan: Plan, changes: Sequence[Document], *, at: str = "/changes") -> Plan:
    """Return the plan with all changes made, one after the other. Raises ChangeRefused; `plan` stays as it is."""
    changed = plan.copy()
    for number, change in enumerate(changes):
        apply(changed, change, at=f"{at}/{number}")
    return changed


def apply(plan: Plan, change: Document, *, at: str = "") -> None:
    """Make one change. Raises ChangeRefused, and then it is not made. `at` points at the change."""
    reading = _Reading(at)
    _EDITS[change["op"]](plan, change, reading)


class _Reading:
    """Reads the fields of a change and collects what is wrong with them."""

    def __init__(self, at: str) -> None:
        self.at = at
        self.faults: list[Wrong] = []

    def wrong(self, field: str, detail: str) -> None:
        self.faults.append(Wrong(f"{self.at}/{field}", detail))

    def read(self, field: str, parse: Callable[[Any], T], value: Any, otherwise: T) -> T:
        try:
            return parse(value)
        except ValueError as error:
            self.wrong(field, str(error))
            return otherwise

    def check(self) -> None:
        if self.faults:
            raise ChangeRefused(self.faults)

    def refuse(self, field: str, detail: str) -> None:
        self.wrong(field, detail)
        self.check()


def _id(text: str) -> str:
    return identifier(text.strip())


def _words(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError("holds a control character")
    return wording(text.strip())


# --- routes ---------------------------------------------------------------------------------------


def _put_route(plan: Plan, change: Document, reading: _Reading) -> None:
    id = reading.read("id", _id, change["id"], "")
    operator = change["operator_id"]
    if operator not in plan.operators:
        reading.wrong("operator_id", f"{operator} is no operator of this network")
    short_name = reading.read("short_name", _words, change.get("short_name", ""), "")
    long_name = reading.read("long_name", _words, change.get("long_name", ""), "")
    reading.check()
    # A route without a name goes by its id, as where one is imported.
    short_name = short_name if short_name or long_name else id
    plan.routes[id] = PlannedRoute(id, operator, short_name, long_name, change.get("route_type", 3))


def _delete_route(plan: Plan, change: Document, reading: _Reading) -> None:
    id = change["id"]
    if id not in plan.routes:
        reading.refuse("id", f"{id} is no route of this network")
    for trip in [trip for trip, route, _ in plan.heads() if route == id]:
        plan.take_trip(trip)
    del plan.routes[id]


# --- trips ----------------------------------------------------------------------------------------


def _put_trip(plan: Plan, change: Document, reading: _Reading) -> None:
    id = reading.read("id", _id, change["id"], "")
    if change["route_id"] not in plan.routes:
        reading.wrong("route_id", f"{change['route_id']} is no route of this network")
    if change["service_id"] not in plan.services:
        reading.wrong("service_id", f"{change['service_id']} is no service of this network")
    headsign = reading.read("headsign", _words, change.get("headsign", ""), "")
    short_name = reading.read("short_name", _words, change.get("short_name", ""), "")
    calls = _calls(plan, change["stop_times"], reading)
    reading.check()
    plan.put_trip(
        PlannedTrip(
            id, change["route_id"], change["service_id"], headsign, short_name, change.get("crate_capacity"), calls
        )
    )


def _calls(plan: Plan, documents: Sequence[Document], reading: _Reading) -> tuple[PlannedCall, ...]:
    if not 2 <= len(documents) <= MOST_CALLS:
        reading.wrong("stop_times", f"must be 2 to {MOST_CALLS} calls")
        return ()
    calls: list[PlannedCall] = []
    before: PlannedCall | None = None
    for number, document in enumerate(documents):
        call = _call(plan, document, reading, number=number, before=before)
        calls.append(call)
        before = call
    return tuple(calls)


def _call(
    plan: Plan, document: Document, reading: _Reading, *, number: int, before: PlannedCall | None
) -> PlannedCall:
    at = f"stop_times/{number}"
    stop = document["stop_id"]
    if stop not in plan.stops:
        reading.wrong(f"{at}/stop_id", f"{stop} is no stop of this network")
    given = document.get("stop_sequence")
    sequence = (0 if before is None else before.sequence) + 1 if given is None else given
    if before is not None and sequence <= before.sequence:
        reading.wrong(f"{at}/stop_sequence", "is not after that of the call before")
    arrival = reading.read(f"{at}/arrival_time", _seconds, document["arrival_time"], -1)
    departure = reading.read(f"{at}/departure_time", _seconds, document["departure_time"], -1)
    if 0 <= departure < arrival:
        reading.wrong(f"{at}/departure_time", "is before the arrival at the same stop")
    if before is not None and 0 <= arrival < before.departure:
        reading.wrong(f"{at}/arrival_time", "is before the departure from the stop before")
    rest = document.get("break_minutes")
    if rest is not None and 0 <= arrival <= departure < arrival + 60 * rest:
        reading.wrong(
            f"{at}/break_minutes", f"takes {rest} minutes, and the van stands {(departure - arrival) // 60}"
        )
    return PlannedCall(
        stop, sequence, arrival, departure, document.get("pickup_type", 0), document.get("drop_off_type", 0)
    )


def _seconds(text: str) -> int:
    seconds = gtfs_seconds(text.strip())
    if seconds < 0:
        raise ValueError("is empty")
    return seconds


def _delete_trip(plan: Plan, change: Document, reading: _Reading) -> None:
    if not plan.has_trip(change["id"]):
        reading.refuse("id", f"{change['id']} is no trip of this network")
    plan.take_trip(change["id"])


# --- services -------------------------------------------------------------------------------------


def _put_service(plan: Plan, change: Document, reading: _Reading) -> None:
    id = reading.read("id", _id, change["id"], "")
    start, end = _day(change.get("start_date")), _day(change.get("end_date"))
    weekdays = tuple(map(bool, change["weekdays"]))
    added, removed = (tuple(sorted({_sure_day(day) for day in change.get(n, ())})) for n in ("added", "removed"))
    if (start is None) != (end is None):
        reading.wrong("end_date" if end is None else "start_date", "is empty while the other day is given")
    elif start is not None and end is not None and end < start:
        reading.wrong("end_date", f"{end} is before start_date {start}")
    elif start is None and any(weekdays):
        reading.wrong("start_date", "is empty, and so the weekdays never begin")
    if both := sorted(set(added) & set(removed)):
        reading.wrong("removed", f"{both[0]} is added too")
    if start is None and not added and not removed:
        reading.wrong("added", "names no day, and there is no weekly pattern either")
    reading.check()
    monday, tuesday, wednesday, thursday, friday, saturday, sunday = weekdays
    plan.services[id] = ServiceRow(
        id,
        NO_WEEKDAYS if start is None else (monday, tuesday, wednesday, thursday, friday, saturday, sunday),
        start or NO_START,
        end or NO_END,
        added,
        removed,
    )


def _day(value: str | date | None) -> date | None:
    return None if value is None else _sure_day(value)


def _sure_day(value: str | date) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _delete_service(plan: Plan, change: Document, reading: _Reading) -> None:
    id = change["id"]
    if id not in plan.services:
        reading.refuse("id", f"{id} is no service of this network")
    if users := sorted(trip for trip, _, service in plan.heads() if service == id):
        reading.refuse("id", f"{len(users)} trips run on its days, {users[0]} among them")
    del plan.services[id]


# --- stops ----------------------------------------------------------------------------------------


def _put_stop(plan: Plan, change: Document, reading: _Reading) -> None:
    id = reading.read("id", _id, change["id"], "")
    name = reading.read("name", _words, change.get("name", ""), "")
    lat = reading.read("lat", lambda value: _degrees(value, 90), change.get("lat"), None)
    lon = reading.read("lon", lambda value: _degrees(value, 180), change.get("lon"), None)
    if (change.get("lat") is None) != (change.get("lon") is None):
        reading.wrong("lat" if change.get("lat") is None else "lon", "is empty while the other coordinate is given")
    handling = change.get("handling_seconds")
    if handling is not None and handling >= SECONDS_BOUND:
        reading.wrong("handling_seconds", f"{handling} seconds is too long")
    reading.check()
    plan.stops[id] = StopRow(id, name or id, lat, lon, handling)


def _degrees(value: float | None, bound: int) -> float | None:
    return None if value is None else degrees(repr(value), bound)


def _delete_stop(plan: Plan, change: Document, reading: _Reading) -> None:
    id = change["id"]
    if id not in plan.stops:
        reading.refuse("id", f"{id} is no stop of this network")
    if callers := sorted(plan.callers_at(id)):
        reading.refuse("id", f"{len(callers)} trips call there, {callers[0]} among them")
    del plan.stops[id]


_EDITS: Mapping[str, Callable[[Plan, Document, _Reading], None]] = {
    "put_route": _put_route,
    "delete_route": _delete_route,
    "put_trip": _put_trip,
    "delete_trip": _delete_trip,
    "put_service": _put_service,
    "delete_service": _delete_service,
    "put_stop": _put_stop,
    "delete_stop": _delete_stop,
}


# --- as documents ---------------------------------------------------------------------------------


def service_document(service: ServiceRow) -> dict[str, Any]:
    """Return a service as the API shows it, and as a change takes it."""
    weekly = service.start <= service.end
    return {
        "id": service.id,
        "weekdays": list(service.weekdays),
        "start_date": service.start.isoformat() if weekly else None,
        "end_date": service.end.isoformat() if weekly else None,
        "added": [day.isoformat() for day in service.added],
        "removed": [day.isoformat() for day in service.removed],
    }


def trip_document(trip: PlannedTrip) -> dict[str, Any]:
    """Return a trip as the API shows it, and as a change takes it."""
    return {
        "id": trip.id,
        "route_id": trip.route,
        "service_id": trip.service,
        "headsign": trip.headsign,
        "short_name": trip.short_name,
        "crate_capacity": trip.crate_capacity,
        "stop_times": [
            {
                "stop_id": call.stop,
                "stop_sequence": call.sequence,
                "arrival_time": clock(call.arrival),
                "departure_time": clock(call.departure),
                "pickup_type": call.pickup_type,
                "drop_off_type": call.drop_off_type,
            }
            for call in trip.calls
        ],
    }


def clock(seconds: int) -> str:
    """Return GTFS seconds as HH:MM:SS; hours may pass 24."""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
