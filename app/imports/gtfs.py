"""A GTFS feed, read whole or not at all: the story in order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.imports.archive import Archive, Pointed
from app.imports.gtfs_rows import Fault, Faults
from app.imports.gtfs_tables import (
    REQUIRED_COLUMNS,
    Reading,
    read_operators,
    read_routes,
    read_services,
    read_stops,
    read_transfers,
    read_trips,
    refuse_frequencies,
)
from app.imports.gtfs_times import read_calls
from app.imports.report import ImportReport, Reject
from app.store.timetable import Content

REQUIRED_FILES = ("agency.txt", "stops.txt", "routes.txt", "trips.txt", "stop_times.txt")
CALENDARS = ("calendar.txt", "calendar_dates.txt")


@dataclass(frozen=True, slots=True)
class Feed:
    """A sound feed: its content, how many rows were kept, and what was left aside in sentences."""

    content: Content
    rows: int
    notes: tuple[str, ...]


class FeedFaulty(Exception):  # noqa: N818 - named as the problem it becomes
    """The feed is at fault and nothing was imported: the report names the first hundred faults."""

    def __init__(self, found: Faults, *, rows: int) -> None:
        first = found.named[0]
        number = "1 place" if found.places == 1 else f"{found.places:,} places"
        super().__init__(f"Nothing was imported: the feed is at fault in {number}. The first: {first}.")
        self.report = ImportReport(
            read=rows,
            rejected=found.places,
            rejects=tuple(Reject(fault.line, fault.field, fault.reason, fault.file) for fault in found.named),
        )
        self.faults = tuple(Pointed(_pointer(fault), f"{fault}.") for fault in found.named)
        self.members = self.report.document()


def _pointer(fault: Fault) -> str:
    places = (fault.file, fault.line, fault.field)
    return "".join(f"/{str(place).replace('~', '~0').replace('/', '~1')}" for place in places if place is not None)


def read_feed(archive: Archive) -> Feed:
    """Return what the feed says. Raises FeedFaulty, or ArchiveRefused while reading."""
    reading = Reading(archive)
    _check_files(reading)
    timezone, operators = read_operators(reading)
    stops, others = read_stops(reading)
    stop_at = {stop.id: position for position, stop in enumerate(stops)}
    routes = read_routes(reading, operators)
    services = read_services(reading)
    trips = read_trips(reading, routes, services)
    handling = read_transfers(reading, stop_at, others)
    refuse_frequencies(reading)
    calls = read_calls(reading, trips, stop_at, others)
    if reading.faults or calls is None:
        raise FeedFaulty(reading.faults, rows=reading.kept)
    content = Content(
        timezone=timezone,
        operators=operators,
        stops=[replace(stop, handling_seconds=handling[stop.id]) if stop.id in handling else stop for stop in stops],
        routes=routes,
        services=services,
        trips=trips,
        calls=calls,
    )
    return Feed(content, reading.kept, tuple(reading.notes))


def _check_files(reading: Reading) -> None:
    """Look at what is there and at every header, before any row is read; note what is left aside."""
    for name in REQUIRED_FILES:
        if not reading.has(name):
            reading.faults.add(name, None, None, "the file is missing")
    if not any(map(reading.has, CALENDARS)):
        reading.faults.add("calendar.txt", None, None, "the file is missing, and so is calendar_dates.txt")
    for name in REQUIRED_COLUMNS:
        if reading.has(name):
            with reading.rows(name):
                pass
    if reading.faults:
        raise FeedFaulty(reading.faults, rows=0)
    aside = [name for name in reading.archive.names if name not in REQUIRED_COLUMNS]
    for name in aside:
        # Read as it stands it would be left aside in silence, and its holidays with it.
        if name.lower() in REQUIRED_COLUMNS:
            reading.faults.add(name, None, None, f"the file must be called {name.lower()}")
    if reading.faults:
        raise FeedFaulty(reading.faults, rows=0)
    reading.notes += [f"{name}: left aside; nothing in it moves an item" for name in aside]
