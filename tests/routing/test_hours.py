"""Opening hours as columns say what the calendar says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.calendar import open_days_later, open_time, ready_seconds, to_moment, to_seconds
from routing.hours import ALWAYS, Hours, days_later, hours_in, kinds_of, moment_of, open_at, opened_before
from routing.model import Location, Register

TEXTS = ("Mo-Fr 09:00-17:00; PH off", "Mo-Sa 10:00-12:00,13:00-18:00", "22:00-04:00")
ZONE = "Europe/Amsterdam"
# Over the clock change of October and over Christmas.
STARTS = (datetime(2026, 10, 22, tzinfo=UTC), datetime(2026, 12, 17, tzinfo=UTC))
LENGTH = 42 * 86_400


def laid_out(start: datetime) -> Hours:
    return hours_in(TEXTS, ZONE, to_seconds(start), LENGTH)


moments = st.integers(0, 14 * 24 * 12).map(lambda fives: fives * 300)
kinds = st.integers(-1, len(TEXTS) - 1)


@settings(max_examples=300, deadline=None)
@given(start=st.sampled_from(STARTS), kind=kinds, moment=moments, minutes=st.integers(1, 60 * 40))
def test_a_moment_after_so_much_open_time(start: datetime, kind: int, moment: int, minutes: int) -> None:
    hours = laid_out(start)
    since = to_seconds(start)
    found = moment_of(hours, kind, opened_before(hours, kind, moment) + minutes * 60)
    text = "" if kind == ALWAYS else TEXTS[kind]
    assert found + since == ready_seconds(moment + since, minutes * 60, opening_hours=text, timezone=ZONE)


@settings(max_examples=300, deadline=None)
@given(start=st.sampled_from(STARTS), kind=kinds, moment=moments, days=st.integers(1, 12))
def test_a_moment_some_open_days_later(start: datetime, kind: int, moment: int, days: int) -> None:
    text = "" if kind == ALWAYS else TEXTS[kind]
    at = start + timedelta(seconds=moment)
    expected = open_days_later(at, days, opening_hours=text, timezone=ZONE)
    assert expected is not None
    found = days_later(laid_out(start), kind, moment, days)
    if to_moment(to_seconds(at), ZoneInfo(ZONE)).hour >= 5:  # in the hours around the change it may be off
        assert found + to_seconds(start) == to_seconds(expected)


@settings(max_examples=200, deadline=None)
@given(start=st.sampled_from(STARTS), kind=kinds, moment=moments)
def test_when_it_opens_next(start: datetime, kind: int, moment: int) -> None:
    since = to_seconds(start)
    found = open_at(laid_out(start), kind, moment)
    if kind == ALWAYS:
        assert found == moment
        return
    starts, ends, _ = open_time(TEXTS[kind], ZONE, since, since + LENGTH)
    at = moment + since
    expected = next(max(at, int(one)) for one, end in zip(starts, ends, strict=True) if end >= at)
    assert found + since == expected


def test_beyond_what_is_laid_out_is_its_end() -> None:
    hours = laid_out(STARTS[0])
    end = int(hours.midnight[-1])
    assert end >= LENGTH
    assert days_later(hours, 0, LENGTH, 50) == end
    assert moment_of(hours, 0, 10**9) == end
    assert open_at(hours, 0, 10**9) == end


@pytest.mark.parametrize(("location", "kind"), [("a", 0), ("b", ALWAYS), ("c", 1), ("d", 0)])
def test_kinds_are_told_apart_by_their_text(location: str, kind: int) -> None:
    hours = {"a": "Mo 09:00-10:00", "b": " ", "c": "Tu 09:00-10:00", "d": "Mo 09:00-10:00"}
    register = Register({}, {id_: Location(id_, opening_hours=text) for id_, text in hours.items()})
    texts, of = kinds_of(register)
    assert texts == ("Mo 09:00-10:00", "Tu 09:00-10:00")
    assert of[location] == kind
