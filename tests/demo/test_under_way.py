"""Loan requests that the demonstration leaves under way: drawn the same for everyone, over all provinces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.demo.make import DemoFiles
from app.demo.under_way import ASKS, LONGEST_AGO, draw_recent, pace_of

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


def test_they_are_asked_on_the_last_days_in_every_province(files: DemoFiles) -> None:
    asks = draw_recent(files, now=NOW)
    assert asks == draw_recent(files, now=NOW)
    assert len(asks) == ASKS
    assert len({ask.pickup.province for ask in asks}) == 12
    moments = [ask.requested_at for ask in asks]
    assert moments == sorted(moments)
    assert NOW - timedelta(days=LONGEST_AGO + 1) < moments[0]
    assert moments[-1] < NOW
    assert sum(NOW - moment < timedelta(days=5) for moment in moments) >= ASKS // 2


def test_people_differ_and_some_say_no_or_nothing() -> None:
    paces = [pace_of(f"demo-now-20261124-{number}") for number in range(ASKS)]
    assert paces[3] == pace_of("demo-now-20261124-3")
    assert len({pace.answering for pace in paces}) > 3
    assert {pace.declines for pace in paces} == {0, 1}
    assert {pace.comes for pace in paces} == {True, False}
