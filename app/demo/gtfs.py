"""Writes the demonstration's timetable as a GTFS feed, public holidays out."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import holidays

from app.demo.network import Call, Plan, Service
from app.demo.organisations import World

PUBLISHER = "Leenpad, demonstratie: geen register"
URL = "https://example.org/leenpad-demonstratie"
TIMEZONE = "Europe/Amsterdam"
STAMP = (2020, 1, 1, 0, 0, 0)  # the same bytes whenever they are written


def validity(today: date) -> tuple[date, date]:
    """Return first and last day: from the first of last month, for some thirteen months ahead.

    Whole months, so that the feed stays the same, and need not be imported again, all month long.
    """
    first = _month(today, -1)
    return first, _month(today, 14) - timedelta(days=1)


def _month(day: date, ahead: int) -> date:
    months = day.year * 12 + day.month - 1 + ahead
    return date(months // 12, months % 12 + 1, 1)


def days_off(service: Service, first: date, last: date) -> list[date]:
    """List the days on which a service would run but for a public holiday.

    A night run also stays in when the day it ends on is a holiday.
    """
    closed = holidays.country_holidays("NL", years=range(first.year, last.year + 2))
    every = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [
        day
        for day in every
        if day.weekday() in service.days and (day in closed or (service.night and day + timedelta(days=1) in closed))
    ]


def write_network(world: World, plan: Plan, path: Path, *, today: date) -> None:
    """Write network.zip."""
    first, last = validity(today)
    with zipfile.ZipFile(path, "w") as archive:
        for name, header, rows in _files(world, plan, first, last):
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(header.split(","))
            writer.writerows(rows)
            member = zipfile.ZipInfo(name, STAMP)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, text.getvalue())


Rows = Iterable[tuple[object, ...]]


def _files(world: World, plan: Plan, first: date, last: date) -> Iterable[tuple[str, str, Rows]]:
    services = sorted({trip.service for trip in plan.trips}, key=lambda service: service.id)
    span = (f"{first:%Y%m%d}", f"{last:%Y%m%d}")
    yield (
        "feed_info.txt",
        "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version",
        [(PUBLISHER, URL, "nl", *span, f"demo-{first:%Y-%m}")],
    )
    yield (
        "agency.txt",
        "agency_id,agency_name,agency_url,agency_timezone,agency_lang",
        ((operator.id, operator.name, URL, TIMEZONE, "nl") for operator in plan.operators),
    )
    yield "stops.txt", "stop_id,stop_name,stop_lat,stop_lon", _stops(world)
    yield (
        "routes.txt",
        "route_id,agency_id,route_short_name,route_long_name,route_type",
        ((route.id, route.operator, "", route.name, route.kind) for route in plan.routes),
    )
    yield (
        "calendar.txt",
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date",
        ((service.id, *(int(day in service.days) for day in range(7)), *span) for service in services),
    )
    yield (
        "calendar_dates.txt",
        "service_id,date,exception_type",
        ((service.id, f"{day:%Y%m%d}", 2) for service in services for day in days_off(service, first, last)),
    )
    yield (
        "trips.txt",
        "route_id,service_id,trip_id,trip_headsign,crate_capacity",
        ((trip.route, trip.service.id, trip.id, trip.headsign, trip.crates) for trip in plan.trips),
    )
    yield (
        "stop_times.txt",
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type",
        (_stop_time(trip.id, number, call) for trip in plan.trips for number, call in enumerate(trip.calls, start=1)),
    )
    yield (
        "transfers.txt",
        "from_stop_id,to_stop_id,transfer_type,min_transfer_time",
        ((hub.id, hub.id, 2, 60 * hub.handling_minutes) for hub in world.hubs),
    )


def _stops(world: World) -> Rows:
    for hub in world.hubs:
        yield hub.id, hub.name, hub.lat, hub.lon
    for location in world.locations:
        yield location.id, location.name, location.lat, location.lon


def _stop_time(trip: str, number: int, call: Call) -> tuple[object, ...]:
    return (
        trip,
        _clock(call.arrival),
        _clock(call.departure),
        call.stop,
        number,
        int(not call.pickup),
        int(not call.drop_off),
    )


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}:00"
