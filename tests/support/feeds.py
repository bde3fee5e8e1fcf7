"""Small GTFS feeds, drawn as text."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from app.imports.archive import Limits, open_archive
from app.imports.gtfs import Feed, read_feed

# A van from Assen by the hub to Emmen on weekdays, and a night ride from the hub on one Saturday.
SMALL: Mapping[str, str] = {
    "agency.txt": """\
agency_id,agency_name,agency_url,agency_timezone
DR,Biblionet Drenthe,https://example.org,Europe/Amsterdam
NIGHT,Night carrier,,Europe/Amsterdam
""",
    "stops.txt": """\
stop_id,stop_name,stop_lat,stop_lon
NL-1,Assen,52.99,6.56
NL-HUB,Hub,,
NL-2,Emmen,52.78,6.89
""",
    "routes.txt": """\
route_id,agency_id,route_short_name,route_long_name,route_type
R1,DR,1,Drenthe,3
R2,NIGHT,N,,3
""",
    "calendar.txt": """\
service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date
WEEK,1,1,1,1,1,0,0,20260101,20261231
""",
    "calendar_dates.txt": """\
service_id,date,exception_type
WEEK,20261225,2
SAT,20261128,1
""",
    "trips.txt": """\
route_id,service_id,trip_id,trip_headsign,crate_capacity
R1,WEEK,T1,Emmen,40
R2,SAT,T2,,
""",
    "stop_times.txt": """\
trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type
T1,8:00:00,8:00:00,NL-1,1,0,1
T1,09:00:30,09:30:00,NL-HUB,2,,
T1,10:00:00,10:00:00,NL-2,3,1,0
T2,23:50:00,23:50:00,NL-HUB,1,0,0
T2,25:10:00,25:10:00,NL-1,2,0,0
""",
    "transfers.txt": """\
from_stop_id,to_stop_id,transfer_type,min_transfer_time
NL-HUB,NL-HUB,2,1800
""",
}


def small(**changes: str | None) -> dict[str, str]:
    """Return SMALL with files replaced by their name without .txt; None takes one out."""
    files = dict(SMALL)
    for name, text in changes.items():
        if text is None:
            del files[f"{name}.txt"]
        else:
            files[f"{name}.txt"] = text
    return files


def edited(file: str, old: str, new: str) -> dict[str, str]:
    """Return SMALL with `old` replaced by `new` wherever it stands in one file, where it must occur."""
    text = SMALL[f"{file}.txt"]
    assert old in text, f"{old!r} is not in {file}.txt"
    return small(**{file: text.replace(old, new)})


def zipped(files: Mapping[str, str | bytes]) -> io.BytesIO:
    """Return the files as a zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    file.seek(0)
    return file


def read(files: Mapping[str, str | bytes]) -> Feed:
    """Read the files as a feed."""
    with open_archive(zipped(files), Limits()) as archive:
        return read_feed(archive)


def drawn_calls(feed: Feed) -> str:
    """Draw all calls: a line each with trip, sequence, stop, arrival, departure, pickup_type and drop_off_type."""
    content = feed.content
    calls = content.calls
    columns = (calls.arrival, calls.departure, calls.pickup_type, calls.drop_off_type)
    return "\n".join(
        f"{content.trips[trip].id} {sequence} {content.stops[stop].id} "
        f"{_clock(arrival)} {_clock(departure)} {pickup} {drop_off}"
        for trip, sequence, stop, arrival, departure, pickup, drop_off in zip(
            calls.trip, calls.sequence, calls.stop, *columns, strict=True
        )
    )


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
