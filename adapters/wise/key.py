"""The two clocks of Wise: the key of the application, by the UTC day, and a patron's token, by the local day."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SKEW = timedelta(minutes=2)
"""How far the system's clock may be from ours (I: nothing is said of it)."""

_EPOCH = date(1970, 1, 1)


def wise_key(*, api_id: str, api_key: str, application: str, day: int) -> str:
    """Return the header WISE_KEY for a day, counted in UTC from 1970-01-01 (S: OCLC's pages, public clients)."""
    digest = hmac.new(api_key.encode(), f"{day}{application}".encode(), hashlib.sha256).hexdigest()
    return f"{api_id}:{digest}"


def key_days(now: datetime) -> tuple[int, ...]:
    """Return the day whose key is to be shown, and right at its edge the one the system may still or already have.

    The key rolls at 00:00 UTC by the system's own clock, which need not be ours.
    """
    at = now.astimezone(UTC)
    days = ((moment.date() - _EPOCH).days for moment in (at, at - SKEW, at + SKEW))
    return tuple(dict.fromkeys(days))


def token_day(now: datetime, zone: ZoneInfo) -> date:
    """Return the local day: a token given on it is valid until its 23:59:59 (S)."""
    return now.astimezone(zone).date()
