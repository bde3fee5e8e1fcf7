"""A feed that is written out and read again is the same network version, and the same bytes every time."""

from __future__ import annotations

import io
import random
import zipfile
from datetime import date
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from app.imports.archive import Limits, open_archive
from app.imports.export import write_feed
from app.imports.gtfs import Feed, read_feed
from app.imports.version import version_id
from tests.support.feeds import SMALL, read, small

DATA = Path(__file__).parent.parent / "data"


def exported(feed: Feed) -> bytes:
    file = io.BytesIO()
    write_feed(feed.content, file)
    return file.getvalue()


def files_of(archive: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name).decode() for name in opened.namelist()}


def test_the_small_feed_is_written_in_full_with_every_time_stated() -> None:
    written = files_of(exported(read(SMALL)))
    assert {name: text.replace("\r\n", "\n") for name, text in written.items()} == {
        "agency.txt": """\
agency_id,agency_name,agency_url,agency_timezone
DR,Biblionet Drenthe,https://example.org,Europe/Amsterdam
NIGHT,Night carrier,https://unknown.invalid/,Europe/Amsterdam
""",
        "stops.txt": """\
stop_id,stop_name,stop_lat,stop_lon
NL-1,Assen,52.99,6.56
NL-2,Emmen,52.78,6.89
NL-HUB,Hub,,
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
SAT,20261128,1
WEEK,20261225,2
""",
        "trips.txt": """\
route_id,service_id,trip_id,trip_headsign,trip_short_name,crate_capacity
R1,WEEK,T1,Emmen,,40
R2,SAT,T2,,,
""",
        "stop_times.txt": """\
trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type
T1,08:00:00,08:00:00,NL-1,1,0,1
T1,09:00:30,09:30:00,NL-HUB,2,0,0
T1,10:00:00,10:00:00,NL-2,3,1,0
T2,23:50:00,23:50:00,NL-HUB,1,0,0
T2,25:10:00,25:10:00,NL-1,2,0,0
""",
        "transfers.txt": """\
from_stop_id,to_stop_id,transfer_type,min_transfer_time
NL-HUB,NL-HUB,2,1800
""",
    }


def test_the_same_version_is_written_as_the_same_bytes() -> None:
    again = {name: "\n".join(_shuffled(text, seed=1)) for name, text in SMALL.items()}
    assert exported(read(SMALL)) == exported(read(again))


def test_names_with_commas_quotes_and_line_breaks_survive() -> None:
    awkward = '"De ""Kast"", hoek\r\nSingel\n2"'
    feed = read(small(stops=f"stop_id,stop_name\nNL-1,{awkward}\nNL-HUB,  ⛴ Vlieland\u00a0\nNL-2,'\n"))
    assert [stop.name for stop in feed.content.stops] == ['De "Kast", hoek\r\nSingel\n2', "'", "⛴ Vlieland"]
    assert version_id(_again(feed).content) == version_id(feed.content)


def test_a_feed_that_somebody_else_made_comes_back_as_the_same_version() -> None:
    with (DATA / "caltrain-2009.zip").open("rb") as file, open_archive(file, Limits()) as archive:
        feed = read_feed(archive)
    assert version_id(_again(feed).content) == version_id(feed.content)


def _again(feed: Feed) -> Feed:
    with open_archive(io.BytesIO(exported(feed)), Limits()) as archive:
        return read_feed(archive)


def _shuffled(text: str, *, seed: int) -> list[str]:
    header, *rows = text.rstrip("\n").split("\n")
    random.Random(seed).shuffle(rows)
    return [header, *rows]


# --- drawn feeds ------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
IDS = WORDS.map(str.strip).filter(bool)
DAYS = st.dates(min_value=date(1900, 1, 1))


def quoted(value: object) -> str:
    return '"' + str(value).replace('"', '""') + '"'


def table(header: str, rows: list[tuple[object, ...]]) -> str:
    return "\n".join([header, *(",".join(map(quoted, row)) for row in rows)])


@st.composite
def feeds(draw: st.DrawFn) -> dict[str, str]:
    """Draw a sound feed in any order of rows."""

    def some(least: int, most: int) -> list[str]:
        return draw(st.lists(IDS, min_size=least, max_size=most, unique=True))

    def one(of: list[str]) -> str:
        return draw(st.sampled_from(of))

    agencies, stops, routes = some(1, 3), some(2, 5), some(1, 3)
    weekly, dated, trips = some(0, 2), some(1, 2), some(1, 5)
    maybe = st.sampled_from(["", "0", "1", "2", "3"])
    degrees = st.one_of(st.none(), st.tuples(st.floats(-90, 90), st.floats(-180, 180)))
    places = {stop: draw(degrees) or ("", "") for stop in stops}
    weeks = []
    for service in weekly:
        start, end = sorted((draw(DAYS), draw(DAYS)))
        pattern = draw(st.tuples(*[st.sampled_from("01")] * 7))
        weeks.append((service, *pattern, f"{start:%Y%m%d}".zfill(8), f"{end:%Y%m%d}".zfill(8)))
    exceptions = [
        (service, f"{day:%Y%m%d}", draw(st.sampled_from("12")))
        for service in dict.fromkeys((*dated, *weekly))
        for day in draw(st.sets(DAYS, min_size=service in dated, max_size=3))
    ]
    services = list(dict.fromkeys((*weekly, *dated)))
    calls: list[tuple[object, ...]] = []
    for trip in trips:
        moment = draw(st.integers(0, 30 * 3600))
        sequences = sorted(draw(st.sets(st.integers(0, 2**31 - 1), max_size=6)))
        for at, sequence in enumerate(sequences):
            arrival = moment = moment + draw(st.integers(0, 4000))
            departure = moment = moment + draw(st.integers(0, 4000))
            blank = 0 < at < len(sequences) - 1 and draw(st.booleans())
            times = ("", "") if blank else (clock(arrival), clock(departure))
            calls.append((trip, *times, one(stops), sequence, draw(maybe), draw(maybe)))
    if not calls:
        calls.append((trips[0], "5:00:00", "", stops[0], 0, "", ""))
    crates = st.one_of(st.just(""), st.integers(0, 2**31 - 1))
    return {
        "agency.txt": table(
            "agency_id,agency_name,agency_url,agency_timezone",
            [(agency, draw(IDS), draw(WORDS), "Europe/Amsterdam") for agency in agencies],
        ),
        "stops.txt": table(
            "stop_id,stop_name,stop_lat,stop_lon", [(stop, draw(WORDS), *places[stop]) for stop in stops]
        ),
        "routes.txt": table(
            "route_id,agency_id,route_short_name,route_long_name,route_type",
            [(route, one(agencies), draw(WORDS), draw(WORDS), draw(st.integers(0, 1702))) for route in routes],
        ),
        "calendar.txt": table(
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date", weeks
        ),
        "calendar_dates.txt": table("service_id,date,exception_type", list(exceptions)),
        "trips.txt": table(
            "trip_id,route_id,service_id,trip_headsign,crate_capacity",
            [(trip, one(routes), one(services), draw(WORDS), draw(crates)) for trip in trips],
        ),
        "stop_times.txt": table(
            "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type", calls
        ),
        "transfers.txt": table(
            "from_stop_id,to_stop_id,transfer_type,min_transfer_time",
            [(stop, stop, 2, draw(st.one_of(st.just(""), st.integers(0, 9999)))) for stop in stops[:2]],
        ),
    }


def clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


@settings(max_examples=100, deadline=None)
@given(files=feeds(), seed=st.integers(0, 1000))
def test_any_feed_comes_back_as_the_same_version_and_order_makes_no_difference(
    files: dict[str, str], seed: int
) -> None:
    feed = read(files)
    assert version_id(_again(feed).content) == version_id(feed.content)
    shuffled = {name: "\n".join(_shuffled(text, seed=seed)) for name, text in files.items()}
    assert version_id(read(shuffled).content) == version_id(feed.content)
    assert exported(read(shuffled)) == exported(feed)
