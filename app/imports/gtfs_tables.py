"""The small files of a feed: who drives, where, by which pattern, on which days, and where items may change trips.

Every reader returns its rows in the order of their ids. An id whose row is at fault still counts as known, so that
one slip is not named again wherever the id is used.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from app.imports.archive import Archive
from app.imports.gtfs_fields import (
    SECONDS_BOUND,
    choice,
    day,
    degrees,
    identifier,
    optional_identifier,
    timezone,
    whole_number,
    wording,
)
from app.imports.gtfs_rows import Faults, Rows
from app.store.timetable import (
    NO_END,
    NO_START,
    NO_WEEKDAYS,
    OperatorRow,
    RouteRow,
    ServiceRow,
    StopRow,
    TripRow,
    Weekdays,
)

# GTFS wants an address for every agency; where none was given, an export writes this one and an import drops it.
NO_URL = "https://unknown.invalid/"
BUS = 3
MINIMUM_TIME = "2"  # the one transfer_type that lets items change trips
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
REQUIRED_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "agency.txt": ("agency_name", "agency_timezone"),
    "stops.txt": ("stop_id",),
    "routes.txt": ("route_id",),
    "calendar.txt": ("service_id", *WEEKDAYS, "start_date", "end_date"),
    "calendar_dates.txt": ("service_id", "date", "exception_type"),
    "trips.txt": ("trip_id", "route_id", "service_id"),
    "stop_times.txt": ("trip_id", "stop_id", "stop_sequence"),
    "transfers.txt": ("from_stop_id", "to_stop_id"),
    "frequencies.txt": (),
}
MOST_ROWS: Mapping[str, int] = {
    "agency.txt": 10_000,
    "stops.txt": 500_000,
    "routes.txt": 200_000,
    "calendar.txt": 200_000,
    "calendar_dates.txt": 2_000_000,
    "trips.txt": 1_000_000,
    "stop_times.txt": 20_000_000,
    "transfers.txt": 1_000_000,
    "frequencies.txt": 1_000_000,
}

T = TypeVar("T")


@dataclass(slots=True)
class Reading:
    """A feed being read: what is wrong with it so far, what was left aside, and how many rows were kept."""

    archive: Archive
    faults: Faults = field(default_factory=Faults)
    notes: list[str] = field(default_factory=list)
    kept: int = 0

    def has(self, name: str) -> bool:
        """Return whether the feed has this file."""
        return name in self.archive.names

    @contextmanager
    def rows(self, name: str, *columns: str) -> Iterator[Rows]:
        """Lend the rows of a file, and count them as kept when the block ends."""
        with self.archive.open(name) as file:
            rows = Rows(
                file, name, columns, required=REQUIRED_COLUMNS[name], faults=self.faults, most=MOST_ROWS[name]
            )
            yield rows
            self.kept += rows.count

    def set_aside(self, count: int, what: str) -> None:
        """Say that `count` rows were read and are not kept."""
        if count:
            self.kept -= count
            self.notes.append(f"{what}: {count:,} {'row' if count == 1 else 'rows'} left aside")


def parsed(rows: Rows, line: int, column: str, parse: Callable[[str], T], text: str, *, otherwise: T) -> T:
    """Return the parsed value, or name the fault and return `otherwise`."""
    try:
        return parse(text)
    except ValueError as error:
        rows.fault(line, column, str(error))
        return otherwise


def is_new(rows: Rows, line: int, column: str, text: str, seen: Mapping[str, object]) -> bool:
    """Return whether `text` is an id that has not been seen; otherwise name the fault."""
    if parsed(rows, line, column, identifier, text, otherwise=""):
        if text not in seen:
            return True
        rows.fault(line, column, f"{text} is there twice")
    return False


def read_operators(reading: Reading) -> tuple[str, list[OperatorRow]]:
    """Return the timezone of all times, and who drives."""
    operators: dict[str, OperatorRow] = {}
    first_timezone = ""
    with reading.rows("agency.txt", "agency_id", "agency_name", "agency_url", "agency_timezone") as rows:
        for line, (id_, name, url, zone, _) in rows:
            if not name:
                rows.fault(line, "agency_name", "is empty")
            if zone := parsed(rows, line, "agency_timezone", timezone, zone, otherwise=""):
                first_timezone = first_timezone or zone
                if zone != first_timezone:
                    rows.fault(line, "agency_timezone", f"{zone} is not {first_timezone}, as in the rows before")
            if id_ in operators:
                rows.fault(line, "agency_id", f"{id_} is there twice" if id_ else "is empty twice")
            operators[parsed(rows, line, "agency_id", optional_identifier, id_, otherwise=id_)] = OperatorRow(
                id_,
                parsed(rows, line, "agency_name", wording, name, otherwise=""),
                "" if url == NO_URL else parsed(rows, line, "agency_url", wording, url, otherwise=""),
            )
        if len(operators) > 1 and "" in operators:
            rows.fault(1, "agency_id", "is empty in a row, which only a sole agency's may be")
        _some(rows)
    return first_timezone, [operators[id_] for id_ in sorted(operators)]


def read_stops(reading: Reading) -> tuple[list[StopRow], dict[str, int]]:
    """Return the stops, and the location_type of every row that is none (stations, entrances …)."""
    stops: dict[str, StopRow] = {}
    others: dict[str, int] = {}
    places = ChainMap[str, object](stops, others)  # type: ignore[arg-type]  # only looked into
    zoned = 0
    columns = ("stop_id", "stop_name", "stop_lat", "stop_lon", "location_type", "stop_timezone")
    with reading.rows("stops.txt", *columns) as rows:
        for line, (id_, name, lat, lon, type_, zone, _) in rows:
            if not is_new(rows, line, "stop_id", id_, places):
                continue
            location_type = parsed(rows, line, "location_type", _location_type, type_, otherwise=0)
            if location_type:
                others[id_] = location_type
                continue
            stops[id_] = _stop(rows, line, (id_, name, lat, lon))
            zoned += bool(zone)
        reading.set_aside(len(others), "stops.txt: stations, entrances and other places where no trip calls")
        if zoned:
            reading.notes.append("stops.txt: stop_timezone left aside; all times are in the agency's timezone")
        _some(rows)
    return [stops[id_] for id_ in sorted(stops)], others


def _location_type(text: str) -> int:
    return choice(text, "01234", empty="0")


def _stop(rows: Rows, line: int, values: tuple[str, str, str, str]) -> StopRow:
    id_, name, lat_text, lon_text = values
    lat = parsed(rows, line, "stop_lat", lambda text: degrees(text, 90), lat_text, otherwise=None)
    lon = parsed(rows, line, "stop_lon", lambda text: degrees(text, 180), lon_text, otherwise=None)
    if bool(lat_text) != bool(lon_text):
        rows.fault(line, "stop_lon" if lat_text else "stop_lat", "is empty while the other coordinate is given")
    # A stop without a name goes by its id.
    name = parsed(rows, line, "stop_name", wording, name, otherwise="") or id_
    return StopRow(id_, name, lat, lon, None)


def read_routes(reading: Reading, operators: list[OperatorRow]) -> list[RouteRow]:
    """Return the routes."""
    operator_at = {operator.id: position for position, operator in enumerate(operators)}
    routes: dict[str, RouteRow] = {}
    columns = ("route_id", "agency_id", "route_short_name", "route_long_name", "route_type")
    with reading.rows("routes.txt", *columns) as rows:
        for line, (id_, agency, short_name, long_name, type_, _) in rows:
            if not is_new(rows, line, "route_id", id_, routes):
                continue
            if not agency and len(operators) != 1:
                rows.fault(line, "agency_id", "is empty, and the feed has more than one agency")
            elif agency and agency not in operator_at:
                rows.fault(line, "agency_id", f"{agency} is not in agency.txt")
            short_name = parsed(rows, line, "route_short_name", wording, short_name, otherwise="")
            long_name = parsed(rows, line, "route_long_name", wording, long_name, otherwise="")
            route_type = parsed(rows, line, "route_type", whole_number, type_ or str(BUS), otherwise=BUS)
            # A route without a name goes by its id.
            routes[id_] = RouteRow(
                id_,
                operator_at.get(agency, 0),
                short_name if short_name or long_name else id_,
                long_name,
                route_type,
            )
        _some(rows)
    return [routes[id_] for id_ in sorted(routes)]


def read_services(reading: Reading) -> list[ServiceRow]:
    """Return the services of calendar.txt and calendar_dates.txt together."""
    weekly: dict[str, tuple[Weekdays, date, date]] = {}
    exceptions: dict[str, dict[date, bool]] = {}
    if reading.has("calendar.txt"):
        with reading.rows("calendar.txt", "service_id", "start_date", "end_date", *WEEKDAYS) as rows:
            for line, (id_, start, end, *weekdays) in rows:
                if is_new(rows, line, "service_id", id_, weekly):
                    weekly[id_] = _week(rows, line, start, end, weekdays)
    if reading.has("calendar_dates.txt"):
        with reading.rows("calendar_dates.txt", "service_id", "date", "exception_type") as rows:
            for line, (id_, text, type_, _) in rows:
                _read_exception(rows, line, (id_, text, type_), exceptions)
    return [_service(id_, weekly.get(id_), exceptions.get(id_, {})) for id_ in sorted(weekly.keys() | exceptions)]


def _week(rows: Rows, line: int, start: str, end: str, weekdays: list[str]) -> tuple[Weekdays, date, date]:
    runs = [
        parsed(rows, line, name, lambda text: bool(choice(text, "01")), text, otherwise=False)
        for name, text in zip(WEEKDAYS, weekdays, strict=False)
    ]
    first = parsed(rows, line, "start_date", day, start, otherwise=None)
    last = parsed(rows, line, "end_date", day, end, otherwise=None)
    if first and last and first > last:
        rows.fault(line, "end_date", f"{end} is before start_date {start}")
    monday, tuesday, wednesday, thursday, friday, saturday, sunday = runs
    return (monday, tuesday, wednesday, thursday, friday, saturday, sunday), first or NO_START, last or NO_END


def _read_exception(
    rows: Rows, line: int, values: tuple[str, str, str], exceptions: dict[str, dict[date, bool]]
) -> None:
    id_, text, type_ = values
    service = parsed(rows, line, "service_id", identifier, id_, otherwise="")
    days = exceptions.setdefault(service, {}) if service else {}
    added = parsed(rows, line, "exception_type", lambda text: choice(text, "12") == 1, type_, otherwise=True)
    when = parsed(rows, line, "date", day, text, otherwise=None)
    if when is None:
        return
    if when in days:
        rows.fault(line, "date", f"{text} is there twice for service {id_}")
    days[when] = added


def _service(id_: str, weekly: tuple[Weekdays, date, date] | None, days: Mapping[date, bool]) -> ServiceRow:
    weekdays, start, end = weekly or (NO_WEEKDAYS, NO_START, NO_END)
    return ServiceRow(
        id_,
        weekdays,
        start,
        end,
        added=tuple(sorted(when for when, added in days.items() if added)),
        removed=tuple(sorted(when for when, added in days.items() if not added)),
    )


def read_trips(reading: Reading, routes: list[RouteRow], services: list[ServiceRow]) -> list[TripRow]:
    """Return the trips."""
    route_at = {route.id: position for position, route in enumerate(routes)}
    service_at = {service.id: position for position, service in enumerate(services)}
    trips: dict[str, TripRow] = {}
    blocks = 0
    columns = ("trip_id", "route_id", "service_id", "trip_headsign", "trip_short_name", "crate_capacity", "block_id")
    with reading.rows("trips.txt", *columns) as rows:
        for line, (id_, route, service, headsign, short_name, crates, block, _) in rows:
            if not is_new(rows, line, "trip_id", id_, trips):
                continue
            if route not in route_at:
                rows.fault(line, "route_id", f"{route} is not in routes.txt" if route else "is empty")
            if service not in service_at:
                reason = f"{service} is in neither calendar.txt nor calendar_dates.txt"
                rows.fault(line, "service_id", reason if service else "is empty")
            trips[id_] = TripRow(
                id_,
                route_at.get(route, 0),
                service_at.get(service, 0),
                parsed(rows, line, "trip_headsign", wording, headsign, otherwise=""),
                parsed(rows, line, "trip_short_name", wording, short_name, otherwise=""),
                parsed(rows, line, "crate_capacity", whole_number, crates, otherwise=0) if crates else None,
            )
            blocks += bool(block)
        if blocks:
            reading.notes.append("trips.txt: block_id left aside; an item stays on one trip, not on one vehicle")
        _some(rows)
    return [trips[id_] for id_ in sorted(trips)]


def read_transfers(reading: Reading, stops: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    """Return the handling time in seconds of every stop where items may change trips."""
    handling: dict[str, int] = {}
    if not reading.has("transfers.txt"):
        return handling
    elsewhere = repeated = untimed = 0
    qualifiers = ("from_trip_id", "to_trip_id", "from_route_id", "to_route_id")
    columns = ("from_stop_id", "to_stop_id", "transfer_type", "min_transfer_time", *qualifiers)
    with reading.rows("transfers.txt", *columns) as rows:
        for line, (stop, to_stop, type_, seconds, *narrowed, _) in rows:
            parsed(rows, line, "transfer_type", lambda text: choice(text, "012345", empty="0"), type_, otherwise=0)
            if type_ != MINIMUM_TIME or stop != to_stop or stop in others:
                elsewhere += 1
                continue
            if stop not in stops:
                rows.fault(line, "from_stop_id", f"{stop} is not in stops.txt" if stop else "is empty")
                continue
            for column, value in zip(qualifiers, narrowed, strict=True):
                if value:
                    rows.fault(line, column, "a handling time for some trips or routes only is not modelled")
            time = parsed(rows, line, "min_transfer_time", _handling, seconds, otherwise=0)
            untimed += not seconds
            repeated += stop in handling
            if handling.setdefault(stop, time) != time:
                rows.fault(line, "min_transfer_time", f"{stop} has another handling time in a row before")
        reading.set_aside(elsewhere, "transfers.txt: rows that are not of transfer_type 2 from a stop to itself")
        reading.set_aside(repeated, "transfers.txt: repeated rows")
        if untimed:
            reading.notes.append(f"transfers.txt: min_transfer_time is empty in {untimed:,} rows and counts as 0")
    return handling


def _handling(text: str) -> int:
    seconds = whole_number(text) if text else 0
    if seconds >= SECONDS_BOUND:
        raise ValueError(f"{text} seconds is too long")
    return seconds


def refuse_frequencies(reading: Reading) -> None:
    """Name the first row of frequencies.txt as a fault: it would change answers, and is not modelled."""
    if not reading.has("frequencies.txt"):
        return
    with reading.rows("frequencies.txt", "trip_id") as rows:
        for line, _ in rows:
            rows.fault(
                line, None, "trips repeated by frequency are not modelled; write each run as a trip of its own"
            )
            return


def _some(rows: Rows) -> None:
    if rows.count == 0:
        rows.fault(1, None, "the file has no rows")
