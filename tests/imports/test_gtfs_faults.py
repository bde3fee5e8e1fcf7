"""Whatever is wrong with a feed is named by file, line and field, and nothing of the feed is taken."""

from __future__ import annotations

import io
import zipfile

import pytest

from app.imports.archive import ArchiveRefused, Limits, open_archive
from app.imports.gtfs import FeedFaulty, read_feed
from tests.support.feeds import SMALL, edited, read, small, zipped

STOP_TIMES = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type"


def faults(files: dict[str, str]) -> list[str]:
    with pytest.raises(FeedFaulty) as caught:
        read(files)
    return [fault.detail for fault in caught.value.faults]


# What is drawn: a file of the small feed, what stands in it, what it is replaced by, and every fault to be named.
ONE_SLIP = [
    # files and columns
    ("stops", "stop_id,", "stop,", "stops.txt line 1, stop_id: the column is missing."),
    ("stops", "stop_lat", "stop_id", "stops.txt line 1, stop_id: the column is there twice."),
    ("stops", "NL-1,Assen,52.99,6.56", "NL-1,Assen,52.99,6.56,x",
     "stops.txt line 2: the row has 5 values, the header 4."),
    ("stops", "Emmen", '"Em"men', "stops.txt line 4: not readable as CSV: ',' expected after '\"'.\n"
     "stop_times.txt line 4, stop_id: NL-2 is not in stops.txt."),
    ("stops", "Assen", "As\0sen", "stops.txt line 2: the line holds a NUL byte."),
    ("stops", "Assen", "A" * 4001, "stops.txt line 2, stop_name: is longer than 4,000 characters."),
    (
        "stops",
        "Emmen",
        "E" * 70000,
        "stops.txt line 4: the line is longer than 65,536 bytes; the rest of the file was not read.\n"
        "stop_times.txt line 4, stop_id: NL-2 is not in stops.txt.",
    ),
    # agency
    ("agency", "Biblionet Drenthe", " ", "agency.txt line 2, agency_name: is empty."),
    (
        "agency",
        "https://example.org,Europe/Amsterdam",
        ",Europe/Atlantis",
        "agency.txt line 2, agency_timezone: 'Europe/Atlantis' is not an IANA timezone.",
    ),
    (
        "agency",
        "carrier,,Europe/Amsterdam",
        "carrier,,Europe/London",
        "agency.txt line 3, agency_timezone: Europe/London is not Europe/Amsterdam, as in the rows before.",
    ),
    ("agency", "carrier,,Europe/Amsterdam", "carrier,,", "agency.txt line 3, agency_timezone: is empty."),
    ("agency", "carrier,,Europe/Amsterdam", "carrier,,../../etc/passwd",
     "agency.txt line 3, agency_timezone: '../../etc/passwd' is not an IANA timezone."),
    (
        "agency",
        "NIGHT,",
        "DR,",
        "agency.txt line 3, agency_id: DR is there twice.\n"
        "routes.txt line 3, agency_id: NIGHT is not in agency.txt.",
    ),
    (
        "agency",
        "NIGHT,",
        ",",
        "agency.txt line 1, agency_id: is empty in a row, which only a sole agency's may be.\n"
        "routes.txt line 3, agency_id: NIGHT is not in agency.txt.",
    ),
    # stops
    ("stops", "NL-2,", "NL-1,", "stops.txt line 4, stop_id: NL-1 is there twice.\n"
     "stop_times.txt line 4, stop_id: NL-2 is not in stops.txt."),
    ("stops", "NL-2,", ",", "stops.txt line 4, stop_id: is empty.\n"
     "stop_times.txt line 4, stop_id: NL-2 is not in stops.txt."),
    ("stops", "52.99", "91", "stops.txt line 2, stop_lat: '91' is not a number of degrees between -90 and 90."),
    ("stops", "6.56", "nan", "stops.txt line 2, stop_lon: 'nan' is not a number of degrees between -180 and 180."),
    ("stops", "6.56", "1_0", "stops.txt line 2, stop_lon: '1_0' is not a number of degrees between -180 and 180."),
    ("stops", "6.56", "", "stops.txt line 2, stop_lon: is empty while the other coordinate is given."),
    # routes
    ("routes", "R2,", "R1,", "routes.txt line 3, route_id: R1 is there twice.\n"
     "trips.txt line 3, route_id: R2 is not in routes.txt."),
    ("routes", "R2,NIGHT", "R2,DAY", "routes.txt line 3, agency_id: DAY is not in agency.txt."),
    ("routes", "R2,NIGHT", "R2,", "routes.txt line 3, agency_id: is empty, and the feed has more than one agency."),
    ("routes", "N,,3", "N,,bus", "routes.txt line 3, route_type: 'bus' is not a non-negative integer."),
    # days
    ("calendar", "20260101", "20260230", "calendar.txt line 2, start_date: '20260230' is not a date (YYYYMMDD)."),
    ("calendar", "20260101", "2026-1-1", "calendar.txt line 2, start_date: '2026-1-1' is not a date (YYYYMMDD)."),
    ("calendar", "20261231", "20251231", "calendar.txt line 2, end_date: 20251231 is before start_date 20260101."),
    ("calendar", "WEEK,1", "WEEK,2", "calendar.txt line 2, monday: '2' is not one of 0, 1."),
    ("calendar", "WEEK,1", "WEEK,", "calendar.txt line 2, monday: is empty."),
    ("calendar_dates", "20261128,1", "20261128,3",
     "calendar_dates.txt line 3, exception_type: '3' is not one of 1, 2."),
    ("calendar_dates", "20261128", "", "calendar_dates.txt line 3, date: is empty."),
    (
        "calendar_dates",
        "SAT,20261128,1",
        "SAT,20261128,1\nSAT,20261128,1",
        "calendar_dates.txt line 4, date: 20261128 is there twice for service SAT.",
    ),
    # trips
    ("trips", "T2", "T1", "trips.txt line 3, trip_id: T1 is there twice.\n"
     "stop_times.txt line 5, trip_id: T2 is not in trips.txt.\n"
     "stop_times.txt line 6, trip_id: T2 is not in trips.txt."),
    ("trips", "R2,SAT", "R3,SAT", "trips.txt line 3, route_id: R3 is not in routes.txt."),
    ("trips", "R2,SAT", "R2,SUN",
     "trips.txt line 3, service_id: SUN is in neither calendar.txt nor calendar_dates.txt."),
    ("trips", "40", "4.5", "trips.txt line 2, crate_capacity: '4.5' is not a non-negative integer."),
    ("trips", "40", "-1", "trips.txt line 2, crate_capacity: '-1' is not a non-negative integer."),
    ("trips", "40", "2147483648", "trips.txt line 2, crate_capacity: '2147483648' is not a non-negative integer."),
    ("trips", "T1", "T" * 201, "trips.txt line 2, trip_id: is longer than 200 characters.\n" + "\n".join(
        f"stop_times.txt line {line}, trip_id: T1 is not in trips.txt." for line in (2, 3, 4))),
    # calls
    ("stop_times", "T2,23:50:00,23:50:00,NL-HUB", "T2,23:50:00,23:50:00,NL-9",
     "stop_times.txt line 5, stop_id: NL-9 is not in stops.txt."),
    ("stop_times", "T2,23:50:00", "T3,23:50:00", "stop_times.txt line 5, trip_id: T3 is not in trips.txt."),
    ("stop_times", "8:00:00,8:00:00", "8:00,8:00:60",
     "stop_times.txt line 2, arrival_time: '8:00' is not a time (HH:MM:SS, below 1000 hours).\n"
     "stop_times.txt line 2, departure_time: '8:00:60' is not a time (HH:MM:SS, below 1000 hours)."),
    ("stop_times", "25:10:00,25:10:00", "1000:00:00,",
     "stop_times.txt line 6, arrival_time: '1000:00:00' is not a time (HH:MM:SS, below 1000 hours)."),
    ("stop_times", "NL-1,1,0,1", "NL-1,-1,0,1",
     "stop_times.txt line 2, stop_sequence: '-1' is not a non-negative integer."),
    ("stop_times", "NL-1,1,0,1", "NL-1,,0,1", "stop_times.txt line 2, stop_sequence: is empty."),
    ("stop_times", "NL-1,1,0,1", "NL-1,1,4,x",
     "stop_times.txt line 2, pickup_type: '4' is not one of 0, 1, 2, 3.\n"
     "stop_times.txt line 2, drop_off_type: 'x' is not one of 0, 1, 2, 3."),
    ("stop_times", "NL-HUB,2,,", "NL-HUB,3,,",
     "stop_times.txt line 4, stop_sequence: the trip has this already at line 3."),
    ("stop_times", "09:00:30,09:30:00", "09:30:00,09:00:30",
     "stop_times.txt line 3, departure_time: is before the arrival_time of the same row."),
    ("stop_times", "10:00:00,10:00:00", "09:29:59,10:00:00",
     "stop_times.txt line 4, arrival_time: is before the departure at line 3."),
    ("stop_times", "8:00:00,8:00:00", ",",
     "stop_times.txt line 2, arrival_time: is empty at the first or last call of the trip."),
    ("stop_times", "25:10:00,25:10:00", ",",
     "stop_times.txt line 6, arrival_time: is empty at the first or last call of the trip."),
    # transfers
    ("transfers", "2,1800", "2,-5", "transfers.txt line 2, min_transfer_time: '-5' is not a non-negative integer."),
    ("transfers", "2,1800", "2,3600000", "transfers.txt line 2, min_transfer_time: 3600000 seconds is too long."),
    ("transfers", "2,1800", "9,1800", "transfers.txt line 2, transfer_type: '9' is not one of 0, 1, 2, 3, 4, 5."),
    ("transfers", "NL-HUB,NL-HUB", "NL-9,NL-9", "transfers.txt line 2, from_stop_id: NL-9 is not in stops.txt."),
    ("transfers", "2,1800", "2,1800\nNL-HUB,NL-HUB,2,900",
     "transfers.txt line 3, min_transfer_time: NL-HUB has another handling time in a row before."),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "expected"), ONE_SLIP)
def test_a_slip_is_named_where_it_stands(file: str, old: str, new: str, expected: str) -> None:
    assert "\n".join(faults(edited(file, old, new))) == expected


@pytest.mark.parametrize("file", ["agency", "stops", "routes", "trips", "stop_times"])
def test_a_required_file_that_is_not_there_is_named(file: str) -> None:
    assert faults(small(**{file: None})) == [f"{file}.txt: the file is missing."]


@pytest.mark.parametrize("name", ["Frequencies.txt", "CALENDAR_DATES.txt"])
def test_a_file_that_would_be_read_but_for_its_capitals_is_named(name: str) -> None:
    files = {**small(), name: "x\n"}
    files.pop(name.lower(), None)
    assert faults(files) == [f"{name}: the file must be called {name.lower()}."]


def test_one_of_the_calendars_is_required() -> None:
    assert faults(small(calendar=None, calendar_dates=None)) == [
        "calendar.txt: the file is missing, and so is calendar_dates.txt."
    ]


def test_missing_files_and_columns_are_named_together_before_any_row() -> None:
    files = small(agency=None, trips="route_id,service_id\nR1,NOWHERE\n")
    assert faults(files) == ["agency.txt: the file is missing.", "trips.txt line 1, trip_id: the column is missing."]


def test_an_empty_file_has_no_columns() -> None:
    assert faults(small(agency="")) == [
        "agency.txt line 1, agency_name: the column is missing.",
        "agency.txt line 1, agency_timezone: the column is missing.",
    ]


def test_a_file_without_rows_is_a_fault() -> None:
    assert faults(small(stop_times=STOP_TIMES + "\n")) == ["stop_times.txt line 1: the file has no rows."]


def test_a_station_is_no_place_for_a_call() -> None:
    files = small(stops="stop_id,location_type\nNL-1,\nNL-HUB,1\nNL-2,0\n")
    assert faults(files) == [
        "stop_times.txt line 3, stop_id: NL-HUB has location_type 1; trips call at stops (0) only.",
        "stop_times.txt line 5, stop_id: NL-HUB has location_type 1; trips call at stops (0) only.",
    ]


def test_an_id_twice_is_a_fault_whatever_the_location_type() -> None:
    files = small(stops="stop_id,location_type\nNL-1,\nNL-HUB,\nNL-2,0\nNL-2,1\nNL-3,5\n")
    assert faults(files) == [
        "stops.txt line 5, stop_id: NL-2 is there twice.",
        "stops.txt line 6, location_type: '5' is not one of 0, 1, 2, 3, 4.",
    ]


def test_a_decrease_across_blank_times_is_named_at_the_later_known_call() -> None:
    files = small(
        stop_times=f"{STOP_TIMES}\nT1,9:00:00,,NL-1,1,,\nT1,,,NL-HUB,2,,\nT1,8:59:59,,NL-2,3,,\n"
        "T2,1:00:00,,NL-HUB,1,,\nT2,2:00:00,,NL-1,2,,\n"
    )
    assert faults(files) == ["stop_times.txt line 4, arrival_time: is before the departure at line 2."]


def test_trips_by_frequency_are_refused_and_an_empty_file_of_them_is_not() -> None:
    header = "trip_id,start_time,end_time,headway_secs\n"
    assert faults({**small(), "frequencies.txt": header + "T1,8:00:00,9:00:00,600\nT2,8:00:00,9:00:00,600\n"}) == [
        "frequencies.txt line 2: trips repeated by frequency are not modelled; write each run as a trip of its own."
    ]
    assert read({**small(), "frequencies.txt": header}).rows == read(small()).rows


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("location_group_id", "AREA"),
        ("location_id", "AREA"),
        ("start_pickup_drop_off_window", "8:00:00"),
        ("end_pickup_drop_off_window", "9:00:00"),
    ],
)
def test_service_in_an_area_or_a_window_is_refused(column: str, value: str) -> None:
    lines = small()["stop_times.txt"].splitlines()
    lines = [f"{lines[0]},{column}", f"{lines[1]},{value}", *(f"{line}," for line in lines[2:])]
    assert faults(small(stop_times="\n".join(lines))) == [
        f"stop_times.txt line 2, {column}: service in an area or a window of time is not modelled; "
        "name a stop and a time."
    ]


@pytest.mark.parametrize("column", ["from_trip_id", "to_trip_id", "from_route_id", "to_route_id"])
def test_a_handling_time_for_some_trips_only_is_refused(column: str) -> None:
    files = small(transfers=f"from_stop_id,to_stop_id,transfer_type,min_transfer_time,{column}\nNL-1,NL-1,2,60,T1\n")
    assert faults(files) == [
        f"transfers.txt line 2, {column}: a handling time for some trips or routes only is not modelled."
    ]


def test_bytes_that_are_not_utf8_are_named() -> None:
    archive = zipped({**small(), "stops.txt": b"stop_id,stop_name\nNL-1,Assen\nNL-HUB,H\xfcb\nNL-2,Emmen\n"})
    with pytest.raises(FeedFaulty) as caught, open_archive(archive, Limits()) as opened:
        read_feed(opened)
    assert [fault.detail for fault in caught.value.faults] == ["stops.txt line 3: not UTF-8 at byte 9 of the line."]


@pytest.mark.parametrize("lines", [3, 5000])
def test_a_quote_that_is_never_closed_does_not_swallow_the_file(lines: int) -> None:
    files = small(stops="stop_id,stop_name\nNL-1,Assen\nNL-HUB,Hub\nNL-2,Emmen\n" + 'NL-9,"' + "x\n" * lines)
    expected = {
        3: "stops.txt line 5: not readable as CSV: unexpected end of data.",
        5000: "stops.txt line 105: a quote opened 100 lines before is not closed; the rest of the file was not read.",
    }
    assert faults(files) == [expected[lines]]


def test_a_line_number_counts_blank_lines_and_lines_inside_quotes() -> None:
    files = small(stops='stop_id,stop_name\n\nNL-1,"Assen\nCentrum"\n\n  \nNL-HUB,Hub\nNL-2,Emmen\nNL-2,\n')
    assert faults(files) == ["stops.txt line 9, stop_id: NL-2 is there twice."]


def test_the_first_hundred_faults_are_named_and_all_are_counted() -> None:
    rows = "".join(f"T1,9:00:00,9:00:00,NOWHERE,{sequence},0,0\n" for sequence in range(250))
    with pytest.raises(FeedFaulty) as caught:
        read(small(stop_times=f"{STOP_TIMES}\n{rows}"))
    report = caught.value.report.document()
    assert report["rejected"] == 250
    assert report["created"] == report["updated"] == report["unchanged"] == report["removed"] == 0
    assert report["rejects"] == [
        {"file": "stop_times.txt", "line": line, "field": "stop_id", "reason": "NOWHERE is not in stops.txt"}
        for line in range(2, 102)
    ]
    assert [fault.pointer for fault in caught.value.faults[:2]] == [
        "/stop_times.txt/2/stop_id",
        "/stop_times.txt/3/stop_id",
    ]
    assert str(caught.value) == (
        "Nothing was imported: the feed is at fault in 250 places. "
        "The first: stop_times.txt line 2, stop_id: NOWHERE is not in stops.txt."
    )


def test_a_row_with_two_faults_counts_once() -> None:
    with pytest.raises(FeedFaulty) as caught:
        read(edited("stop_times", "NL-1,1,0,1", "NL-1,1,4,x"))
    assert caught.value.report.rejected == 1


def test_a_file_of_blank_lines_is_given_up() -> None:
    files = small(calendar=SMALL["calendar.txt"] + "\n" * 10_000_000)
    assert faults(files) == [
        "calendar.txt line 10003: more than 10,000 blank lines; the rest of the file was not read."
    ]
    files = small(calendar="\n" * 10_000_000 + SMALL["calendar.txt"])
    assert faults(files)[0] == (
        "calendar.txt line 10001: more than 10,000 blank lines; the rest of the file was not read."
    )


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.imports.gtfs_tables.MOST_ROWS", dict.fromkeys(small(), 2))
    assert faults(small())[0] == "stops.txt line 4: more than 2 rows."


def test_a_file_that_breaks_off_inside_the_archive_is_damage_not_a_fault_of_the_feed() -> None:
    whole = zipped(small()).getvalue()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        at = archive.getinfo("stop_times.txt").header_offset + 30 + len("stop_times.txt")
    broken = whole[: at + 10] + bytes([whole[at + 10] ^ 0xFF]) + whole[at + 11 :]
    with (
        pytest.raises(ArchiveRefused, match=r"^Nothing was imported: stop_times\.txt is damaged"),
        open_archive(io.BytesIO(broken), Limits()) as opened,
    ):
        read_feed(opened)
