"""Which days a report is of: the last month unless the caller says, and never more than a year."""

from __future__ import annotations

import calendar
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Query

from app.api.schemas import Day
from app.problems import Fault, InvalidInput
from app.store.register import TIMEZONE

MOST_DAYS = 366

Since = Annotated[Day | None, Query(description="First day; left out: a month before `until`.")]
Until = Annotated[
    Day | None,
    Query(description=f"The day after the last one, at most {MOST_DAYS} days on; left out: tomorrow, so with today."),
]


def days_of(since: date | None, until: date | None, *, now: datetime) -> tuple[date, date]:
    """Return the days that are asked for, the first included and the last not. Raises InvalidInput.

    Days begin at midnight in the Netherlands.
    """
    try:
        if until is None:
            until = now.astimezone(ZoneInfo(TIMEZONE)).date() + timedelta(days=1)
        if since is None:
            since = _month_before(until)
    except (ValueError, OverflowError):
        raise InvalidInput(Fault("/until", "There are no such days.")) from None
    if not since < until:
        raise InvalidInput(Fault("/until", f"Takes a day after {since}, on which it begins."))
    if (until - since).days > MOST_DAYS:
        raise InvalidInput(Fault("/since", f"Takes at most {MOST_DAYS} days, up to {until}."))
    return since, until


def moments_of(since: date | None, until: date | None, *, now: datetime) -> tuple[datetime, datetime]:
    """Return the same as moments: the first included, the last not. Raises InvalidInput."""
    first, last = days_of(since, until, now=now)
    return midnight(first), midnight(last)


def midnight(day: date) -> datetime:
    """Return when a day begins in the Netherlands."""
    return datetime.combine(day, time.min, ZoneInfo(TIMEZONE))


def _month_before(day: date) -> date:
    year, month = (day.year, day.month - 1) if day.month > 1 else (day.year - 1, 12)
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
