"""Service days, GTFS time where the clock changes, and opening hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import check_opening_hours, ready_at, service_dates
from routing.calendar import open_between, open_time, service_day_anchor, service_days, to_moment
from tests.routing.asking import moment
from tests.support.oracle import drives, ready_after, seconds
from tests.support.worlds import AMSTERDAM, service_of

WEEK = {0, 1, 2, 3, 4, 5, 6}


# --- service days ---------------------------------------------------------------------------------


def test_days_of_a_weekly_pattern_with_days_added_and_taken_out() -> None:
    service = service_of(
        "s",
        {0, 2},
        start=date(2026, 11, 23),
        end=date(2026, 12, 2),
        added={date(2026, 12, 5), date(2026, 11, 21)},
        removed={date(2026, 11, 30), date(2026, 11, 29)},
    )
    assert [day.isoformat() for day in service_dates(service)] == [
        "2026-11-21",
        "2026-11-23",
        "2026-11-25",
        "2026-12-02",
        "2026-12-05",
    ]


@pytest.mark.parametrize(
    ("pattern", "start", "end"),
    [
        (WEEK, date(2026, 11, 24), date(2026, 11, 23)),
        (set(), date(2026, 11, 23), date(2026, 11, 29)),
    ],
)
def test_a_service_without_days(pattern: set[int], start: date, end: date) -> None:
    assert list(service_dates(service_of("s", pattern, start=start, end=end))) == []


@given(
    st.sets(st.integers(0, 6)),
    st.integers(-9, 9),
    st.integers(-3, 20),
    st.sets(st.integers(-12, 25), max_size=4),
    st.sets(st.integers(-12, 25), max_size=9),
    st.integers(-12, 25),
    st.integers(-2, 9),
)
def test_driving_at_all_in_a_span_is_driving_on_one_of_its_days(
    pattern: set[int], start: int, length: int, added: set[int], removed: set[int], first: int, count: int
) -> None:
    monday = date(2026, 11, 23)

    def day(offset: int) -> date:
        return monday + timedelta(days=offset)

    service = service_of(
        "s",
        pattern,
        start=day(start),
        end=day(start + length),
        added={day(n) for n in added},
        removed={day(n) for n in removed - added},
    )
    days = service_days([service])
    span = day(first).toordinal(), day(first + count).toordinal()
    expected = any(drives(service, day(n)) for n in range(first, first + count + 1))
    assert days.driven_between(*span).tolist() == [expected]


def test_days_over_leap_years_and_a_decade() -> None:
    service = service_of("s", WEEK, start=date(2009, 3, 2), end=date(2019, 3, 2), removed={date(2012, 2, 29)})
    days = list(service_dates(service))
    assert len(days) == 3652
    assert all(drives(service, day) for day in days)


# --- GTFS time ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "gtfs", "wall"),
    [
        ("2026-11-24", 0, "2026-11-24T00:00:00+01:00"),
        ("2026-11-24", 90_600, "2026-11-25T01:10:00+01:00"),
        # The clock goes forward at 02:00: the day begins an hour before midnight.
        ("2026-03-29", 0, "2026-03-28T23:00:00+01:00"),
        ("2026-03-29", 7_200, "2026-03-29T01:00:00+01:00"),
        ("2026-03-29", 10_800, "2026-03-29T03:00:00+02:00"),
        ("2026-03-29", 43_200, "2026-03-29T12:00:00+02:00"),
        ("2026-03-28", 97_200, "2026-03-29T04:00:00+02:00"),
        # The clock goes back at 03:00: the day begins an hour after midnight.
        ("2026-10-25", 0, "2026-10-25T01:00:00+02:00"),
        ("2026-10-25", 7_200, "2026-10-25T02:00:00+01:00"),
        ("2026-10-25", 43_200, "2026-10-25T12:00:00+01:00"),
        ("2026-10-24", 97_200, "2026-10-25T02:00:00+01:00"),
    ],
)
def test_gtfs_times_count_from_noon_less_twelve_hours(day: str, gtfs: int, wall: str) -> None:
    at = to_moment(service_day_anchor(date.fromisoformat(day), AMSTERDAM) + gtfs, AMSTERDAM)
    assert at.isoformat() == wall


# --- opening hours --------------------------------------------------------------------------------

SHOP = "Mo-Fr 09:00-17:00; Sa 10:00-16:00; PH off"


@pytest.mark.parametrize(
    ("requested", "minutes", "hours", "ready"),
    [
        # Always open is plain addition.
        ("2026-11-24 10:00:07", 90, "", "2026-11-24T11:30:07+01:00"),
        ("2026-11-24 10:00:07", 90, "24/7", "2026-11-24T11:30:07+01:00"),
        ("2026-10-25T02:30:00+02:00", 60, "", "2026-10-25T02:30:00+01:00"),
        # No handling is ready at once, open or not.
        ("2026-11-22 03:00", 0, SHOP, "2026-11-22T03:00:00+01:00"),
        # Inside one opening; finishing at closing time; a second more.
        ("2026-11-24 10:00", 60, SHOP, "2026-11-24T11:00:00+01:00"),
        ("2026-11-24 16:00", 60, SHOP, "2026-11-24T17:00:00+01:00"),
        ("2026-11-24 16:00:01", 60, SHOP, "2026-11-25T09:00:01+01:00"),
        # Before opening, at opening, at closing.
        ("2026-11-24 07:00", 30, SHOP, "2026-11-24T09:30:00+01:00"),
        ("2026-11-24 09:00", 30, SHOP, "2026-11-24T09:30:00+01:00"),
        ("2026-11-24 17:00", 30, SHOP, "2026-11-25T09:30:00+01:00"),
        # Over the weekend; over Christmas, a Friday in 2026, whose second day is a Saturday.
        ("2026-11-28 15:30", 60, SHOP, "2026-11-30T09:30:00+01:00"),
        ("2026-12-24 16:30", 60, SHOP, "2026-12-28T09:30:00+01:00"),
        # Several days of opening.
        ("2026-11-23 09:00", 20 * 60, SHOP, "2026-11-25T13:00:00+01:00"),
        # Through the pieces in which hours are worked out: 60 weeks of one hour.
        ("2026-01-05 00:00", 50 * 60, "Mo 09:00-10:00", "2026-12-14T10:00:00+01:00"),
        # The clock goes forward: from 22:00 to 06:00 are seven hours.
        ("2026-03-28 22:00", 7 * 60, "22:00-06:00", "2026-03-29T06:00:00+02:00"),
        ("2026-03-29 00:00", 60, "Su 02:15-02:45; Mo 09:00-17:00", "2026-03-30T10:00:00+02:00"),
        # The clock goes back: nine hours, and the hour from two to three comes twice.
        ("2026-10-24 22:00", 9 * 60, "22:00-06:00", "2026-10-25T06:00:00+01:00"),
        ("2026-10-25 00:00", 60, "Su 02:15-02:45", "2026-10-25T02:45:00+01:00"),
        # Unknown is not open.
        ("2026-11-24 08:00", 60, "09:00-10:00 unknown, 12:00-14:00", "2026-11-24T13:00:00+01:00"),
        # Never open, and not within a year.
        ("2026-11-24 10:00", 1, "off", None),
        ("2026-11-24 10:00", 1, "2028 Mar 10 10:00-11:00", None),
    ],
)
def test_ready_when_open_long_enough(requested: str, minutes: int, hours: str, ready: str | None) -> None:
    answer = ready_at(moment(requested), minutes, opening_hours=hours, timezone="Europe/Amsterdam")
    assert (None if answer is None else answer.isoformat()) == ready


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(
    start=st.sampled_from(("2026-03-28", "2026-10-24", "2026-12-23", "2026-11-20")),
    offset=st.integers(0, 3 * 86_400),
    minutes=st.integers(0, 1500),
    hours=st.sampled_from((SHOP, "22:00-04:00", "00:00-02:30,03:00-12:00", "Sa-Su 02:15-02:45,04:00-20:00", "24/7")),
    timezone=st.sampled_from(("Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe")),
)
def test_ready_as_a_walk_minute_by_minute(start: str, offset: int, minutes: int, hours: str, timezone: str) -> None:
    requested = datetime.fromisoformat(f"{start}T00:00:00+00:00") + timedelta(seconds=offset)
    expected = ready_after(requested, minutes, hours, timezone)
    answer = ready_at(requested, minutes, opening_hours=hours, timezone=timezone)
    # Python calls moments in different zones unequal in the hour that comes twice; seconds are not so coy.
    assert answer is not None
    assert seconds(answer) == seconds(expected)


def test_the_answer_bears_the_timezone_it_was_asked_in() -> None:
    answer = ready_at(datetime(2026, 11, 24, 9, tzinfo=UTC), 5, opening_hours="", timezone="Europe/Amsterdam")
    assert answer is not None
    assert answer.tzinfo == ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize("text", ["", "  ", "24/7", SHOP, "Mo-Fr 09:00-12:30,13:00-17:00", "Tu[1] 10:00-12:00"])
def test_opening_hours_that_can_be_read(text: str) -> None:
    check_opening_hours(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Mo-Fr 9-17", "opening hours 'Mo-Fr 9-17' do not follow the OpenStreetMap syntax from character 7 on"),
        ("maandag", "opening hours 'maandag' do not follow the OpenStreetMap syntax from character 1 on"),
    ],
)
def test_opening_hours_that_cannot(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="opening hours") as raised:
        check_opening_hours(text)
    assert str(raised.value) == message


# --- open time between moments ----------------------------------------------------------------------

FIRST_SECOND = seconds(moment("2026-11-23T00:00:00+01:00"))


def open_by_the_minute(hours: str, since: int, until: int, pauses: list[tuple[int, int]]) -> int:
    """Seconds open between two full minutes, by looking at each minute."""
    starts, ends, _ = open_time(hours, "Europe/Amsterdam", since, until)
    return 60 * sum(
        any(start <= minute < end for start, end in zip(starts, ends, strict=True))
        and not any(start <= minute < end for start, end in pauses)
        for minute in range(since, until, 60)
    )


@given(
    since=st.integers(0, 10 * 1440),
    length=st.integers(0, 6 * 1440),
    pauses=st.lists(st.tuples(st.integers(0, 16), st.integers(0, 5)), max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_open_time_between_two_moments_is_counted_less_the_pauses(
    since: int, length: int, pauses: list[tuple[int, int]]
) -> None:
    first = FIRST_SECOND + 60 * since
    last = first + 60 * length
    still = [(FIRST_SECOND + day * 86_400, FIRST_SECOND + (day + days) * 86_400) for day, days in pauses]
    for hours in ("Mo-Fr 09:00-17:00", "Mo,We 12:30-18:00; Sa 10:00-12:00"):
        (found,) = open_between(hours, "Europe/Amsterdam", np.array([first]), np.array([last]), pauses=still)
        assert found == open_by_the_minute(hours, first, last, still)


def test_open_time_of_a_place_that_is_always_open_and_of_one_that_never_is() -> None:
    since, until = np.array([FIRST_SECOND, FIRST_SECOND + 50]), np.array([FIRST_SECOND + 100, FIRST_SECOND])
    assert open_between("", "Europe/Amsterdam", since, until).tolist() == [100, 0], "an end before its start is none"
    pause = [
        (FIRST_SECOND + 10, FIRST_SECOND + 40),
        (FIRST_SECOND + 30, FIRST_SECOND + 50),
        (FIRST_SECOND + 90, FIRST_SECOND + 900),
    ]
    assert open_between("", "Europe/Amsterdam", since, until, pauses=pause).tolist() == [50, 0]
    assert open_between("off", "Europe/Amsterdam", since, until).tolist() == [0, 0]
    assert open_between("", "Europe/Amsterdam", since[:0], until[:0]).tolist() == []
