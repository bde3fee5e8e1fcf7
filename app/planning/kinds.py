"""What kind of day each day is: ordinary, in the school holidays, or a public holiday."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from holidays import country_holidays

from app.planning.forecast import ORDINARY, PUBLIC_HOLIDAY, SCHOOL_HOLIDAY, Ints

REGIONS = ("Noord", "Midden", "Zuid")
MOST = 2
"""A day is in the school holidays where at least so many of the three regions are off."""


def kinds_of(first: date, days: int) -> Ints:
    """Return the kind of each of `days` days from the first on."""
    dates = [first + timedelta(days=ahead) for ahead in range(days)]
    public, school = _off(tuple(sorted({day.year for day in dates})))
    found = [PUBLIC_HOLIDAY if day in public else SCHOOL_HOLIDAY if day in school else ORDINARY for day in dates]
    return np.array(found, dtype=np.int64)


def weekdays_of(first: date, days: int) -> Ints:
    """Return the weekday of each of `days` days from the first on; Monday is 0."""
    return (first.weekday() + np.arange(days, dtype=np.int64)) % 7


@lru_cache(maxsize=16)
def _off(years: tuple[int, ...]) -> tuple[frozenset[date], frozenset[date]]:
    if not years:
        return frozenset(), frozenset()
    public = frozenset(country_holidays("NL", years=years))
    regions = Counter(
        day
        for region in REGIONS
        for day in country_holidays("NL", subdiv=region, years=years, categories=("school",))
    )
    return public, frozenset(day for day, count in regions.items() if count >= MOST)
