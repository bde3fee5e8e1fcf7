"""Writes a network version as a GTFS feed: the same bytes every time, and the same version when it is imported."""

from __future__ import annotations

import csv
import io
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import IO

from app.aside import aside
from app.database import Database
from app.imports.gtfs_tables import MINIMUM_TIME, NO_URL, WEEKDAYS
from app.store.network_versions import NoActiveVersion, find_active, get_number
from app.store.timetable import Content, read_content

OLDEST_MOMENT = (1980, 1, 1, 0, 0, 0)  # the first that a zip can name: a clock would change the bytes
READABLE_FILE = 0o100644 << 16
UNIX = 3

Row = Iterable[object]


async def export_network(database: Database, version: str | None, path: Path) -> str:
    """Write a version (None: the active one) as a zip at `path`, whole or not at all, and return its id.

    Raises VersionUnknown, NoActiveVersion or OSError.
    """
    version, content = await read_version(database, version)
    await aside(_write_beside, content, path)
    return version


async def read_version(database: Database, version: str | None) -> tuple[str, Content]:
    """Return the id and the content of a version (None: the active one). Raises VersionUnknown, NoActiveVersion."""
    async with database.connection() as connection:
        version = version or await find_active(connection)
        if version is None:
            raise NoActiveVersion
        return version, await read_content(connection, await get_number(connection, version))


def write_feed(content: Content, file: IO[bytes]) -> None:
    """Write `content` into `file` as a zip."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, header, rows in _tables(content):
            entry = zipfile.ZipInfo(name, OLDEST_MOMENT)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, UNIX, READABLE_FILE
            with (
                archive.open(entry, "w", force_zip64=True) as stream,
                io.TextIOWrapper(stream, encoding="utf-8", newline="") as text,
            ):
                writer = csv.writer(text)
                writer.writerow(header.split(","))
                writer.writerows(rows)


def _write_beside(content: Content, path: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            write_feed(content, file)
            file.close()
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _tables(content: Content) -> Iterator[tuple[str, str, Iterable[Row]]]:
    """Yield name, header and rows of every file of the feed."""
    yield "agency.txt", "agency_id,agency_name,agency_url,agency_timezone", _agencies(content)
    yield "stops.txt", "stop_id,stop_name,stop_lat,stop_lon", ((s.id, s.name, s.lat, s.lon) for s in content.stops)
    yield "routes.txt", "route_id,agency_id,route_short_name,route_long_name,route_type", _routes(content)
    yield "calendar.txt", f"service_id,{','.join(WEEKDAYS)},start_date,end_date", _weeks(content)
    yield "calendar_dates.txt", "service_id,date,exception_type", _exceptions(content)
    trip_header = "route_id,service_id,trip_id,trip_headsign,trip_short_name,crate_capacity"
    yield "trips.txt", trip_header, _trips(content)
    call_header = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type"
    yield "stop_times.txt", call_header, _calls(content)
    yield "transfers.txt", "from_stop_id,to_stop_id,transfer_type,min_transfer_time", _transfers(content)


def _agencies(content: Content) -> Iterator[Row]:
    for operator in content.operators:
        yield operator.id, operator.name, operator.url or NO_URL, content.timezone


def _routes(content: Content) -> Iterator[Row]:
    for route in content.routes:
        operator = content.operators[route.operator].id
        yield route.id, operator, route.short_name, route.long_name, route.route_type


def _weeks(content: Content) -> Iterator[Row]:
    for service in content.services:
        if service.start <= service.end:
            yield service.id, *map(int, service.weekdays), _day(service.start), _day(service.end)


def _exceptions(content: Content) -> Iterator[Row]:
    for service in content.services:
        days = [(day, 1) for day in service.added] + [(day, 2) for day in service.removed]
        for day, exception_type in sorted(days):
            yield service.id, _day(day), exception_type


def _trips(content: Content) -> Iterator[Row]:
    for trip in content.trips:
        route, service = content.routes[trip.route].id, content.services[trip.service].id
        yield route, service, trip.id, trip.headsign, trip.short_name, trip.crate_capacity


def _calls(content: Content) -> Iterator[Row]:
    calls = content.calls
    trips, stops = [trip.id for trip in content.trips], [stop.id for stop in content.stops]
    columns = (calls.trip, calls.arrival, calls.departure, calls.stop, calls.sequence)
    for trip, arrival, departure, stop, sequence, pickup, drop_off in zip(
        *columns, calls.pickup_type, calls.drop_off_type, strict=True
    ):
        yield trips[trip], _time(int(arrival)), _time(int(departure)), stops[stop], sequence, pickup, drop_off


def _transfers(content: Content) -> Iterator[Row]:
    for stop in content.stops:
        if stop.handling_seconds is not None:
            yield stop.id, stop.id, MINIMUM_TIME, stop.handling_seconds


def _day(day: date) -> str:
    return f"{day.year:04}{day.month:02}{day.day:02}"


def _time(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}"
