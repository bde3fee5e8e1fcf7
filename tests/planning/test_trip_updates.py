"""What feeds of GTFS-Realtime say, in the engine's words."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from google.transit import gtfs_realtime_pb2 as pb

from app.imports.report import UnreadableFile
from app.imports.trip_updates import Feed, Update, read_feed
from app.planning.changes import Stopping, Unfit, changed_by_feed, changed_by_hand
from routing import Change, DatedTrip, Delay, Visit, compile_network, find_dated_trip
from tests.support.worlds import drawn

DAY = date(2026, 11, 23)
FOUND = find_dated_trip(compile_network(drawn("R/r  Mo-Fr  H 08:00  A 08:20/08:25  B 08:40  H 09:00")), "r", DAY)
assert FOUND is not None
TRIP: DatedTrip = FOUND
SEQUENCES = [10, 20, 30, 40]
StopTime = pb.TripUpdate.StopTimeUpdate


def feed_of(*updates: Any, **trip: Any) -> bytes:
    message = pb.FeedMessage(header=pb.FeedHeader(gtfs_realtime_version="2.0", timestamp=1_795_000_000))
    update = pb.TripUpdate(trip=pb.TripDescriptor(**{"trip_id": "r", "start_date": "20261123", **trip}))
    update.stop_time_update.extend(updates)
    message.entity.append(pb.FeedEntity(id="1", trip_update=update))
    return bytes(message.SerializeToString())


def stop(*, arrival: Any = None, departure: Any = None, **named: Any) -> Any:
    found = StopTime(**named)
    for name, given in (("arrival", arrival), ("departure", departure)):
        if given is not None:
            getattr(found, name).CopyFrom(StopTime().arrival.__class__(**given))
    return found


def read_one(*updates: Any, **trip: Any) -> Update:
    feed = read_feed(feed_of(*updates, **trip))
    assert feed.faults == []
    return feed.updates[0]


def change(*updates: Any) -> Change:
    return changed_by_feed(TRIP, read_one(*updates), SEQUENCES)


def late(*delays: tuple[str, int, int, int], skipped: tuple[Visit, ...] = ()) -> Change:
    said = tuple(Delay(Visit(name, number), arrival, departure) for name, number, arrival, departure in delays)
    return Change("r", DAY, said, frozenset(skipped))


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ([], late()),
        ([stop(stop_sequence=20, arrival={"delay": 60})], late(("A", 1, 60, 60))),
        ([stop(stop_sequence=20, departure={"delay": 60})], late(("A", 1, 60, 60))),
        ([stop(stop_id="A", arrival={"delay": 60}, departure={"delay": 90})], late(("A", 1, 60, 90))),
        (
            [stop(stop_id="H", departure={"delay": 5}), stop(stop_id="H", arrival={"delay": 9})],
            late(("H", 1, 5, 5), ("H", 2, 9, 9)),
        ),
        ([stop(stop_sequence=40, stop_id="H", arrival={"delay": -30})], late(("H", 2, -30, -30))),
        ([stop(stop_id="A", schedule_relationship=StopTime.SKIPPED)], late(skipped=(Visit("A"),))),
        (
            [stop(stop_id="H", departure={"delay": 60}), stop(stop_id="B", schedule_relationship=StopTime.NO_DATA)],
            late(("H", 1, 60, 60), ("B", 1, 0, 0)),
        ),
        # What is said again says nothing more.
        (
            [stop(stop_id="H", departure={"delay": 60}), stop(stop_id="A", arrival={"delay": 60})],
            late(("H", 1, 60, 60)),
        ),
    ],
)
def test_calls_are_late_until_something_else_is_said(updates: list[Any], expected: Change) -> None:
    assert change(*updates) == expected


def test_a_time_outweighs_a_delay() -> None:
    planned = TRIP.calls[1].planned_departs_at
    assert planned is not None
    said = stop(stop_id="A", departure={"delay": 1, "time": int(planned.timestamp()) + 120})
    assert change(said) == late(("A", 1, 120, 120))


@pytest.mark.parametrize(
    ("updates", "detail"),
    [
        ([stop(stop_id="X", arrival={"delay": 60})], "the trip does not call at X, or not after the call before"),
        ([stop(stop_sequence=7)], "the trip does not call at stop_sequence 7, or not after the call before"),
        ([stop(stop_sequence=20, stop_id="B")], "does not call at stop_sequence 20 B"),
        ([stop(stop_id="B"), stop(stop_id="A")], "not after the call before"),
        ([stop(arrival={"delay": 60})], "the trip does not call at None"),
        ([stop(stop_id="A", arrival={"delay": 86401})], "a trip is 3600 seconds early to 86400 late, not 86401"),
        ([stop(stop_id="A", arrival={"time": 1})], "seconds early to"),
    ],
)
def test_what_does_not_fit_the_trip_is_refused(updates: list[Any], detail: str) -> None:
    with pytest.raises(Unfit, match=detail):
        change(*updates)


def test_a_feed_names_what_cannot_be_followed() -> None:
    known = pb.TripDescriptor
    assert read_one(schedule_relationship=known.CANCELED).cancelled
    assert read_one(start_date="20261124").service_date == date(2026, 11, 24)

    def fault(**trip: Any) -> tuple[str, str]:
        feed: Feed = read_feed(feed_of(**trip))
        return feed.faults[0].field, feed.faults[0].reason

    assert fault(schedule_relationship=known.ADDED)[1] == "ADDED names a trip that the timetable does not have"
    assert fault(start_date="2026-11-23") == ("start_date", "takes a day of the form YYYYMMDD")
    assert fault(trip_id="") == ("trip_id", "a trip is named by its trip_id")


@pytest.mark.parametrize("data", [b"", b"no feed at all", b"\x0a\x02\x08", b"\x12\x00"])
def test_what_is_no_feed_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableFile):
        read_feed(data)


def test_a_person_names_calls_by_their_location() -> None:
    said = changed_by_hand(TRIP, delay_seconds=600, since=Stopping("A"), skipped=[Stopping("H", 2), Stopping("B")])
    assert said == late(("A", 1, 600, 600), skipped=(Visit("H", 2), Visit("B")))
    both = changed_by_hand(TRIP, delay_seconds=0, since=None, skipped=[Stopping("H")])
    assert both.skipped == {Visit("H", 1), Visit("H", 2)}
    with pytest.raises(Unfit, match=r"r does not call at H a 3th time\."):
        changed_by_hand(TRIP, delay_seconds=0, since=None, skipped=[Stopping("H", 3)])
    with pytest.raises(Unfit, match="so it runs as planned"):
        changed_by_hand(TRIP, delay_seconds=0, since=Stopping("A"), skipped=[])
