"""A sound feed is read as GTFS means it, whatever its form."""

from __future__ import annotations

import codecs
from datetime import date
from pathlib import Path

import pytest

from app.imports.archive import Limits, open_archive
from app.imports.gtfs import read_feed
from app.imports.version import version_id
from app.store.timetable import NO_END, NO_START, OperatorRow, RouteRow, ServiceRow, StopRow, TripRow, counts
from tests.support.feeds import SMALL, drawn_calls, edited, read, small

DATA = Path(__file__).parent.parent / "data"
STOP_TIMES = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type\n"
TRANSFERS = "from_stop_id,to_stop_id,transfer_type,min_transfer_time\n"
WEEK, NO_WEEK = (True,) * 5 + (False,) * 2, (False,) * 7


def test_a_small_feed_is_kept_in_the_order_of_its_ids() -> None:
    feed = read(SMALL)
    content = feed.content
    assert content.timezone == "Europe/Amsterdam"
    assert content.operators == [
        OperatorRow("DR", "Biblionet Drenthe", "https://example.org"),
        OperatorRow("NIGHT", "Night carrier", ""),
    ]
    assert content.stops == [
        StopRow("NL-1", "Assen", 52.99, 6.56, None),
        StopRow("NL-2", "Emmen", 52.78, 6.89, None),
        StopRow("NL-HUB", "Hub", None, None, 1800),
    ]
    assert content.routes == [RouteRow("R1", 0, "1", "Drenthe", 3), RouteRow("R2", 1, "N", "", 3)]
    assert content.services == [
        ServiceRow("SAT", NO_WEEK, NO_START, NO_END, added=(date(2026, 11, 28),)),
        ServiceRow("WEEK", WEEK, date(2026, 1, 1), date(2026, 12, 31), removed=(date(2026, 12, 25),)),
    ]
    assert content.trips == [TripRow("T1", 0, 1, "Emmen", "", 40), TripRow("T2", 1, 0, "", "", None)]
    assert drawn_calls(feed) == (
        "T1 1 NL-1 08:00:00 08:00:00 0 1\n"
        "T1 2 NL-HUB 09:00:30 09:30:00 0 0\n"
        "T1 3 NL-2 10:00:00 10:00:00 1 0\n"
        "T2 1 NL-HUB 23:50:00 23:50:00 0 0\n"
        "T2 2 NL-1 25:10:00 25:10:00 0 0"
    )
    assert (feed.rows, feed.notes) == (18, ())


def dressed(text: str) -> bytes:
    """Return a table as other programs write it: with a mark, CRLF, quotes, padding and blank lines."""
    lines = [", ".join(f'"{value}"' for value in line.split(",")) for line in text.splitlines()]
    return codecs.BOM_UTF8 + "\r\n".join(["", *lines, "   ", ",,", ""]).encode()


def padded(text: str) -> str:
    return "\n".join(" , ".join(line.split(",")) for line in text.splitlines())


def reordered(text: str) -> str:
    header, *rows = text.splitlines()
    return "\n".join(",".join(reversed(row.split(","))) for row in (header, *reversed(rows)))


def with_commas(text: str) -> str:
    return "\n".join(f"{line},," for line in text.splitlines())


def without_trailing(text: str) -> str:
    header, *rows = text.splitlines()
    return "\n".join((header, *(row.rstrip(",") for row in rows)))


def with_more_columns(text: str) -> str:
    header, *rows = text.splitlines()
    return "\n".join((f"new_column,{header}", *(f"x,{row}" for row in rows)))


@pytest.mark.parametrize("form", [dressed, padded, reordered, with_commas, without_trailing, with_more_columns])
def test_the_form_of_a_feed_makes_no_other_version(form: object) -> None:
    assert callable(form)
    feed = read({name: form(text) for name, text in SMALL.items()})
    assert version_id(feed.content) == version_id(read(SMALL).content)
    assert feed.rows == 18


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("agency", "Night carrier", "Day carrier"),
        ("agency", "https://example.org", "https://example.com"),
        ("agency", "Europe/Amsterdam", "Europe/Brussels"),
        ("stops", "Hub", "Big hub"),
        ("stops", "52.99", "52.98"),
        ("routes", "R1,DR", "R1,NIGHT"),
        ("routes", "N,,3", "N,,4"),
        ("calendar", "20261231", "20261230"),
        ("calendar_dates", "SAT,20261128,1", "SAT,20261128,2"),
        ("trips", "40", "41"),
        ("trips", "40", ""),
        ("stop_times", "25:10:00,25:10:00", "25:10:00,25:10:01"),
        ("stop_times", "NL-2,3,1,0", "NL-2,4,1,0"),
        ("stop_times", "NL-2,3,1,0", "NL-2,3,1,1"),
        ("transfers", "1800", "1801"),
        ("transfers", "2,1800", "0,1800"),
    ],
)
def test_any_change_of_what_is_kept_makes_another_version(file: str, old: str, new: str) -> None:
    assert version_id(read(edited(file, old, new)).content) != version_id(read(SMALL).content)


def test_a_version_id_is_short_and_stays_the_same_from_one_release_to_the_next() -> None:
    assert version_id(read(SMALL).content) == "nv-b2eeb8fb5b72f407"


def test_blank_times_are_interpolated_evenly_between_the_known_ones_around_them() -> None:
    feed = read(
        small(
            stop_times=STOP_TIMES
            # Sequences need not be even, rows not in order. 8:00:10 to 9:00:00 over four rides: 897.5 seconds each.
            + "T1,,,NL-2,30,,\n"
            + "T1,8:00:00,8:00:10,NL-1,0,,\n"
            + "T1,,,NL-HUB,7,,\n"
            + "T1,9:00:00,9:05:00,NL-1,40,,\n"
            + "T1,,,NL-1,8,,\n"
            + "T1,,,NL-HUB,41,,\n"
            + "T1,,9:05:01,NL-2,100,,\n"
            + "T2,25:00:00,,NL-HUB,1,3,2\n"
            + "T2,,25:00:00,NL-1,2,,\n"
        )
    )
    assert drawn_calls(feed) == (
        "T1 0 NL-1 08:00:00 08:00:10 0 0\n"
        "T1 7 NL-HUB 08:15:07 08:15:07 0 0\n"
        "T1 8 NL-1 08:30:05 08:30:05 0 0\n"
        "T1 30 NL-2 08:45:02 08:45:02 0 0\n"
        "T1 40 NL-1 09:00:00 09:05:00 0 0\n"
        "T1 41 NL-HUB 09:05:00 09:05:00 0 0\n"
        "T1 100 NL-2 09:05:01 09:05:01 0 0\n"
        "T2 1 NL-HUB 25:00:00 25:00:00 3 2\n"
        "T2 2 NL-1 25:00:00 25:00:00 0 0"
    )


def test_what_is_left_aside_is_said() -> None:
    files = {
        **small(
            agency="agency_name,agency_timezone\nDrenthe,Europe/Amsterdam\n",
            routes="route_id\nR1\nR2\n",
            stops="stop_id,location_type,stop_timezone\nNL-1,0,Europe/London\nNL-HUB,,\nNL-2,0,\nST,1,\nE,2,\n",
            trips="route_id,service_id,trip_id,block_id\nR1,WEEK,T1,B\nR2,SAT,T2,\nR2,SAT,T3,\nR2,SAT,T4,\n",
            stop_times=(
                "trip_id,arrival_time,departure_time,stop_id,stop_sequence,continuous_pickup,continuous_drop_off\n"
                "T1,1:00:00,,NL-1,1,0,1\nT1,2:00:00,,NL-2,2,,1\nT2,1:00:00,,NL-1,1,1,1\nT2,2:00:00,,NL-2,2,,\n"
                "T4,2:00:00,,NL-2,2,,\n"
            ),
            transfers=TRANSFERS
            + "NL-1,NL-2,2,60\nST,ST,2,60\nNL-2,NL-2,0,\nNL-2,NL-2,3,\n,,4,\nNL-HUB,NL-HUB,2,\nNL-HUB,NL-HUB,2,0\n",
        ),
        "shapes.txt": "anything",
        "locations.geojson": "{}",
    }
    feed = read(files)
    assert feed.notes == (
        "locations.geojson: left aside; nothing in it moves an item",
        "shapes.txt: left aside; nothing in it moves an item",
        "stops.txt: stations, entrances and other places where no trip calls: 2 rows left aside",
        "stops.txt: stop_timezone left aside; all times are in the agency's timezone",
        "trips.txt: block_id left aside; an item stays on one trip, not on one vehicle",
        "transfers.txt: rows that are not of transfer_type 2 from a stop to itself: 5 rows left aside",
        "transfers.txt: repeated rows: 1 row left aside",
        "transfers.txt: min_transfer_time is empty in 1 rows and counts as 0",
        "stop_times.txt: continuous_pickup and continuous_drop_off left aside in 1 rows; vans stop at stops",
        "trips.txt: 2 trips with fewer than two calls, which move nothing",
    )
    assert feed.content.operators == [OperatorRow("", "Drenthe", "")]
    assert feed.content.routes == [RouteRow("R1", 0, "R1", "", 3), RouteRow("R2", 0, "R2", "", 3)]
    assert feed.content.stops == [
        StopRow("NL-1", "NL-1", None, None, None),
        StopRow("NL-2", "NL-2", None, None, None),
        StopRow("NL-HUB", "NL-HUB", None, None, 0),
    ]
    # agency 1, stops 3, routes 2, calendar 1, calendar_dates 2, trips 4, stop_times 5, transfers 1
    assert feed.rows == 19


def test_a_calendar_alone_is_enough_and_so_are_dates_alone() -> None:
    trips = "route_id,service_id,trip_id\nR1,{0},T1\nR1,{0},T2\n"
    week = read(small(calendar_dates=None, trips=trips.format("WEEK"))).content.services
    assert week == [ServiceRow("WEEK", WEEK, date(2026, 1, 1), date(2026, 12, 31))]
    days = read(small(calendar=None, trips=trips.format("SAT"))).content.services
    assert days == [
        ServiceRow("SAT", NO_WEEK, NO_START, NO_END, added=(date(2026, 11, 28),)),
        ServiceRow("WEEK", NO_WEEK, NO_START, NO_END, removed=(date(2026, 12, 25),)),
    ]


def test_a_feed_that_somebody_else_made_is_read() -> None:
    with (DATA / "caltrain-2009.zip").open("rb") as file, open_archive(file, Limits()) as archive:
        feed = read_feed(archive)
    assert counts(feed.content) == {
        "operators": 1,
        "stops": 31,
        "transfer_stops": 0,
        "routes": 3,
        "services": 6,
        "trips": 252,
        "stop_times": 4560,
    }
    assert feed.rows == 4859
    assert feed.notes == (
        "fare_attributes.txt: left aside; nothing in it moves an item",
        "fare_rules.txt: left aside; nothing in it moves an item",
        "shapes.txt: left aside; nothing in it moves an item",
    )
    lines = [line for line in drawn_calls(feed).splitlines() if line.startswith("10120090831 ")]
    assert lines[0] == "10120090831 1 San Jose Caltrain 04:30:00 04:30:00 0 0"
    assert lines[-1] == "10120090831 22 San Francisco Caltrain 06:01:00 06:01:00 0 0"
    assert len(lines) == 22
