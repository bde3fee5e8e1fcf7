"""Reads GTFS-Realtime: what a feed of TripUpdates says of dated trips, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from google.protobuf.message import DecodeError
from google.transit import gtfs_realtime_pb2 as pb

from app.imports.report import UnreadableFile

MOST_ENTITIES = 20_000
MOST_CALLS = 1_000  # of one trip
LAST_SECOND = 2**33  # in the year 2242


@dataclass(frozen=True, slots=True)
class Event:
    """When a trip arrives or departs: so many seconds late, or at a moment (seconds since 1970)."""

    delay: int | None
    time: int | None


@dataclass(frozen=True, slots=True)
class Call:
    """What is said of one call: named by its stop_sequence, its stop or both."""

    sequence: int | None
    stop: str | None
    skipped: bool = False
    no_data: bool = False
    arrival: Event | None = None
    departure: Event | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """What is said of a trip; `number` is which entity said so, `service_date` None where the feed leaves it out."""

    number: int
    trip_id: str
    service_date: date | None
    cancelled: bool
    delay: int | None
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """An entity that says nothing that can be followed."""

    number: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed as it was read. `whole`: what it does not name runs as planned. `entities`: how many trips it names."""

    at: datetime | None
    whole: bool
    entities: int
    updates: list[Update]
    faults: list[Fault]
    notes: list[str]


def read_feed(data: bytes) -> Feed:
    """Read a FeedMessage. Raises UnreadableFile where the whole of it is none, or holds too much."""
    message = pb.FeedMessage()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise UnreadableFile("This is no FeedMessage of GTFS-Realtime.") from None
    if not message.HasField("header") or not message.IsInitialized():
        raise UnreadableFile("This is no FeedMessage of GTFS-Realtime: it has no header, or parts are missing.")
    if len(message.entity) > MOST_ENTITIES:
        raise UnreadableFile(f"A feed takes at most {MOST_ENTITIES} entities.")
    updates: list[Update] = []
    faults: list[Fault] = []
    other = 0
    for number, entity in enumerate(message.entity, 1):
        if not entity.HasField("trip_update"):
            other += 1
            continue
        found = _read(number, entity)
        if isinstance(found, Update):
            updates.append(found)
        else:
            faults.append(found)
    header = message.header
    return Feed(
        at=_moment(header.timestamp) if header.HasField("timestamp") else None,
        whole=header.incrementality == pb.FeedHeader.FULL_DATASET,
        entities=len(updates) + len(faults),
        updates=updates,
        faults=faults,
        notes=[f"{other} entities are no trip updates, and were left aside."] if other else [],
    )


def _read(number: int, entity: pb.FeedEntity) -> Update | Fault:
    said = entity.trip_update
    trip = said.trip
    known = pb.TripDescriptor
    if entity.is_deleted:
        return Fault(number, "is_deleted", "a feed of differences is not followed: send the whole of it")
    if not trip.HasField("trip_id") or not trip.trip_id or "\0" in trip.trip_id:
        return Fault(number, "trip_id", "a trip is named by its trip_id")
    relation = trip.schedule_relationship
    if relation not in (known.SCHEDULED, known.CANCELED, known.DELETED):
        name = known.ScheduleRelationship.Name(relation)
        return Fault(number, "schedule_relationship", f"{name} names a trip that the timetable does not have")
    if len(said.stop_time_update) > MOST_CALLS:
        return Fault(number, "stop_time_update", f"a trip takes at most {MOST_CALLS} of them")
    day = None
    if trip.HasField("start_date"):
        try:
            day = datetime.strptime(trip.start_date, "%Y%m%d").replace(tzinfo=UTC).date()
        except ValueError:
            return Fault(number, "start_date", "takes a day of the form YYYYMMDD")
    return Update(
        number=number,
        trip_id=trip.trip_id,
        service_date=day,
        cancelled=relation != known.SCHEDULED,
        delay=said.delay if said.HasField("delay") else None,
        calls=tuple(_call(each) for each in said.stop_time_update),
    )


def _call(said: pb.TripUpdate.StopTimeUpdate) -> Call:
    known = pb.TripUpdate.StopTimeUpdate
    return Call(
        sequence=said.stop_sequence if said.HasField("stop_sequence") else None,
        stop=said.stop_id if said.HasField("stop_id") else None,
        skipped=said.schedule_relationship == known.SKIPPED,
        no_data=said.schedule_relationship == known.NO_DATA,
        arrival=_event(said.arrival) if said.HasField("arrival") else None,
        departure=_event(said.departure) if said.HasField("departure") else None,
    )


def _event(said: pb.TripUpdate.StopTimeEvent) -> Event:
    return Event(
        delay=said.delay if said.HasField("delay") else None,
        time=said.time if said.HasField("time") else None,
    )


def _moment(seconds: int) -> datetime | None:
    """The moment; what lies beyond every calendar, as milliseconds do, is as far ahead as a feed can be."""
    return datetime.fromtimestamp(min(seconds, LAST_SECOND), UTC) if seconds > 0 else None
