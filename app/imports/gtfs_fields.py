"""Values of a feed, from text: each function raises ValueError with a reason for whoever made the feed."""

from __future__ import annotations

import math
import re
from datetime import date
from functools import lru_cache
from zoneinfo import available_timezones

LARGEST_INTEGER = 2**31 - 1
LONGEST_ID = 200
LONGEST_TEXT = 4000
HOURS_BOUND = 1000  # a trip that runs for more than forty days is a slip of the pen
SECONDS_BOUND = HOURS_BOUND * 3600

TIME = re.compile(r"([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])")
INTEGER = re.compile(r"[0-9]{1,10}")
DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def identifier(text: str) -> str:
    """Return an id as it stands."""
    if not text:
        raise ValueError("is empty")
    return optional_identifier(text)


def optional_identifier(text: str) -> str:
    """Return an id as it stands; it may be empty."""
    if len(text) > LONGEST_ID:
        raise ValueError(f"is longer than {LONGEST_ID} characters")
    if CONTROL.search(text):
        raise ValueError("holds a control character")
    return text


def wording(text: str) -> str:
    """Return text for people; it may be empty."""
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"is longer than {LONGEST_TEXT:,} characters")
    return text


@lru_cache(maxsize=100_000)
def whole_number(text: str) -> int:
    """Return a non-negative integer."""
    if not INTEGER.fullmatch(text) or (number := int(text)) > LARGEST_INTEGER:
        raise ValueError("is empty" if not text else f"{_shown(text)} is not a non-negative integer")
    return number


@lru_cache(maxsize=200_000)
def gtfs_seconds(text: str) -> int:
    """Return H:MM:SS, HH:MM:SS or HHH:MM:SS as seconds; hours may pass 24. Empty is -1: not stated."""
    if not text:
        return -1
    match = TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{_shown(text)} is not a time (HH:MM:SS, below {HOURS_BOUND} hours)")
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])


@lru_cache(maxsize=20_000)
def day(text: str) -> date:
    """Return YYYYMMDD as a date."""
    try:
        if len(text) == 8 and INTEGER.fullmatch(text):
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        pass
    raise ValueError("is empty" if not text else f"{_shown(text)} is not a date (YYYYMMDD)")


def choice(text: str, allowed: str, *, empty: str = "") -> int:
    """Return one of the digits in `allowed`; empty text counts as `empty` where that is given."""
    text = text or empty
    if len(text) != 1 or text not in allowed:
        raise ValueError("is empty" if not text else f"{_shown(text)} is not one of {', '.join(allowed)}")
    return int(text)


def degrees(text: str, bound: int) -> float | None:
    """Return a coordinate between -bound and bound; empty is None."""
    if not text:
        return None
    value = float(text) if DECIMAL.fullmatch(text) else math.nan
    if not -bound <= value <= bound:
        raise ValueError(f"{_shown(text)} is not a number of degrees between -{bound} and {bound}")
    return value + 0.0  # one zero, not two


def timezone(text: str) -> str:
    """Return an IANA timezone name."""
    if text not in _timezones():
        raise ValueError("is empty" if not text else f"{_shown(text)} is not an IANA timezone")
    return text


@lru_cache(maxsize=1)
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
