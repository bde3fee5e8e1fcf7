"""A feed that somebody else made, all the way: files in over HTTP, decisions out, each arrival as the oracle says."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.settings import Settings
from routing.model import Stop, Timetable
from tests.support.filled import client_of, running
from tests.support.oracle import earliest_arrival
from tests.support.worlds import CallRow, service_of, timetable_of

pytestmark = pytest.mark.once

CALTRAIN = Path(__file__).parent.parent / "data" / "caltrain-2009.zip"
ISBN = "9780306406157"
ZONE = ZoneInfo("America/Los_Angeles")
HANDLING_MINUTES = 25
HORIZON_DAYS = 4  # the oracle goes through every train of every day
# The feed names no place to change, and then nothing would ever change trains.
HUBS = {"Millbrae Caltrain": 300, "Palo Alto Caltrain": 0, "Mountain View Caltrain": 900}
# A weekday, a Sunday, the night before the clock goes back, the calendar's seam, a public holiday.
MOMENTS = (
    datetime(2009, 7, 15, 8, 3, 20, tzinfo=ZONE),
    datetime(2009, 7, 19, 23, 50, tzinfo=ZONE),
    datetime(2009, 10, 31, 22, 0, tzinfo=ZONE),
    datetime(2009, 8, 30, 21, 30, tzinfo=ZONE),
    datetime(2009, 9, 6, 18, 0, tzinfo=ZONE),
)
PICKUPS = ("Palo Alto Caltrain", "Gilroy Caltrain", "San Francisco Caltrain", "Burlingame Caltrain")


def rows_of(name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(CALTRAIN) as feed, feed.open(name) as file:
        return list(csv.DictReader(io.TextIOWrapper(file, "utf-8-sig")))


def with_hubs() -> bytes:
    """The feed with one more file, that says where changing is possible."""
    body = io.BytesIO(CALTRAIN.read_bytes())
    lines = [f"{stop},{stop},2,{seconds}" for stop, seconds in HUBS.items()]
    with zipfile.ZipFile(body, "a") as feed:
        feed.writestr("transfers.txt", "\n".join(["from_stop_id,to_stop_id,transfer_type,min_transfer_time", *lines]))
    return body.getvalue()


def read_plainly() -> Timetable:
    """The feed for the oracle, by Python's csv and none of our import."""
    stops = [row["stop_id"] for row in rows_of("stops.txt")]
    changed: dict[tuple[str, str], set[date]] = defaultdict(set)
    for row in rows_of("calendar_dates.txt"):
        changed[row["service_id"], row["exception_type"]].add(day_of(row["date"]))
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    services = [
        service_of(
            row["service_id"],
            {at for at, day in enumerate(days) if row[day] == "1"},
            start=day_of(row["start_date"]),
            end=day_of(row["end_date"]),
            added=changed[row["service_id"], "1"],
            removed=changed[row["service_id"], "2"],
        )
        for row in rows_of("calendar.txt")
    ]
    calls: dict[str, list[tuple[int, CallRow]]] = defaultdict(list)
    for row in rows_of("stop_times.txt"):
        times = seconds_of(row["arrival_time"]), seconds_of(row["departure_time"])
        calls[row["trip_id"]].append((int(row["stop_sequence"]), (stops.index(row["stop_id"]), *times, True, True)))
    positions = {service.id: at for at, service in enumerate(services)}
    trips = [
        (row["trip_id"], row["route_id"], positions[row["service_id"]], [c for _, c in sorted(calls[row["trip_id"]])])
        for row in rows_of("trips.txt")
    ]
    return timetable_of(
        stops=[Stop(stop, HUBS.get(stop)) for stop in stops], services=services, trips=trips, timezone=ZONE.key
    )


def day_of(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def seconds_of(text: str) -> int:
    hours, minutes, seconds = map(int, text.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def in_utc(moment: datetime) -> datetime:
    """The hour that the clock runs through twice compares as unequal in any other zone."""
    return moment.astimezone(UTC)


@pytest.mark.parametrize("pickup", PICKUPS)
async def test_every_arrival_is_what_the_oracle_finds(database_url: str, pickup: str) -> None:
    timetable = read_plainly()
    stops = [stop.id for stop in timetable.stops]
    agencies = "isil,name,kind,handling_minutes\n" + "".join(
        f"{stop},{stop},location,{HANDLING_MINUTES}\n" for stop in stops
    )
    holdings = "location,isbn,copies\n" + "".join(f"{stop},{ISBN},1\n" for stop in stops)
    async with (
        running(Settings(database_url=database_url, horizon_days=HORIZON_DAYS)) as app,
        client_of(app) as client,
    ):
        for path, body, kind in (
            ("network?activate=true", with_hubs(), "application/zip"),
            ("agencies", agencies.encode(), "text/csv"),
            ("holdings", holdings.encode(), "text/csv"),
        ):
            answer = await client.post(f"/v1/imports/{path}", content=body, headers={"content-type": kind})
            assert (answer.status_code, answer.json()["rejects"]) == (200, []), answer.text
        for moment in MOMENTS:
            asked = {
                "title": {"isbn": ISBN},
                "pickup_location": pickup,
                "requested_at": moment.isoformat(),
                "limit": 99,
            }
            answer = await client.post("/v1/decisions", json=asked)
            document = answer.json()
            ready = moment.astimezone(UTC) + timedelta(minutes=HANDLING_MINUTES)
            expected: dict[str, tuple[datetime, int, datetime | None]] = {pickup: (ready, 0, None)}
            for stop in set(stops) - {pickup}:
                found = earliest_arrival(
                    timetable, stop, pickup, ready, moment.astimezone(UTC) + timedelta(days=HORIZON_DAYS)
                )
                if found is not None:
                    expected[stop] = (in_utc(found.arrives_at), found.handlings, in_utc(found.departs_at))
            said = {
                entry["supplying_location"]: (
                    in_utc(datetime.fromisoformat(entry["arrives_at"])),
                    entry["handlings"],
                    in_utc(datetime.fromisoformat(entry["legs"][0]["departs_at"])) if entry["legs"] else None,
                )
                for entry in document["rota"]
            }
            assert said == expected, moment
            assert len(expected) > len(stops) // 2
            assert {refusal["reason"] for refusal in document["refusals"]} <= {"unreachable"}
