"""Opening hours as columns of seconds, for kernels that ask them a thousand times a decision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from numba import njit

from routing.calendar import DAY_SECONDS, open_time
from routing.columns import first_beyond, first_from
from routing.model import Register
from routing.network import Bools, Longs

ALWAYS = -1
"""The kind of a place without opening hours."""
_BEFORE = 2 * DAY_SECONDS
CLOCK_CHANGES_BY = 4 * 3600
"""Where the clock changes it does so early: later on, the time of day is kept."""


class Hours(NamedTuple):
    """When places are open, by kind of opening hours. Moments are seconds from the start of a window.

    The intervals of kind *k* are `begin[k]` to `begin[k + 1]`; `opened` counts seconds from its first interval to
    the end of each. Day *d* lies between two of `midnight` (local), and `opens` says which kinds open on it.
    """

    begin: Longs
    starts: Longs
    ends: Longs
    opened: Longs
    midnight: Longs  # (days + 1,)
    opens: Bools  # (kinds, days)


@lru_cache(maxsize=4)  # registers are told apart by identity, as in `register.steady`
def kinds_of(register: Register) -> tuple[tuple[str, ...], Mapping[str, int]]:
    """All opening hours in a register, and which of them (a position, or ALWAYS) each location has."""
    texts = tuple(
        sorted({place.opening_hours for place in register.locations.values() if place.opening_hours.strip()})
    )
    position = {text: at for at, text in enumerate(texts)}
    return texts, {id_: position.get(place.opening_hours, ALWAYS) for id_, place in register.locations.items()}


@lru_cache(maxsize=16)
def hours_in(texts: tuple[str, ...], timezone: str, start: int, length: int) -> Hours:
    """Lay opening hours out over a window from `start` (seconds since 1970), and two days more at both ends."""
    since, until = start - _BEFORE, start + length + _BEFORE
    each = [open_time(text, timezone, since, until) for text in texts]
    nothing = np.empty(0, np.int64)
    midnight = _midnights(timezone, since, until) - start
    opens = np.zeros((len(texts), len(midnight) - 1), np.bool_)
    for kind, (starts, ends, _) in enumerate(each):
        for edge in (starts, ends - 1):
            day = np.searchsorted(midnight, edge - start, side="right") - 1
            opens[kind, day[(day >= 0) & (day < len(midnight) - 1)]] = True
    return Hours(
        begin=np.cumsum([0, *(len(starts) for starts, _, _ in each)]).astype(np.int64),
        starts=np.concatenate([nothing, *(starts for starts, _, _ in each)]) - start,
        ends=np.concatenate([nothing, *(ends for _, ends, _ in each)]) - start,
        opened=np.concatenate([nothing, *(opened for _, _, opened in each)]),
        midnight=midnight,
        opens=opens,
    )


def _midnights(timezone: str, since: int, until: int) -> npt.NDArray[np.int64]:
    zone = ZoneInfo(timezone)
    first = datetime.fromtimestamp(since, UTC).astimezone(zone).date()
    last = datetime.fromtimestamp(until, UTC).astimezone(zone).date()
    days = [first + timedelta(days=day) for day in range((last - first).days + 2)]
    return np.array([_midnight(day, zone) for day in days], dtype=np.int64)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


@njit(cache=True, nogil=True)
def opened_before(hours: Hours, kind: int, moment: int) -> int:
    """Seconds for which a kind was open before a moment; of one that is always open, the moment itself."""
    return opened_on(hours, kind, interval_at(hours, kind, moment), moment)[1]


@njit(cache=True, nogil=True)
def interval_at(hours: Hours, kind: int, moment: int) -> int:
    """The last interval of a kind that begins at or before a moment, or the one before its first."""
    if kind < 0:
        return -1
    first, end = hours.begin[kind], hours.begin[kind + 1]
    return int(first_beyond(hours.starts, first, end, moment) - 1)


@njit(cache=True, nogil=True)
def opened_on(hours: Hours, kind: int, interval: int, moment: int) -> tuple[int, int]:
    """As `interval_at` and `opened_before`, for a moment after that of `interval`; quick where that is near."""
    if kind < 0:
        return interval, moment
    while interval + 1 < hours.begin[kind + 1] and hours.starts[interval + 1] <= moment:
        interval += 1
    if interval < hours.begin[kind]:
        return interval, 0
    return interval, int(hours.opened[interval] - max(0, hours.ends[interval] - moment))


@njit(cache=True, nogil=True)
def moment_of(hours: Hours, kind: int, opened: int) -> int:
    """The first moment by which a kind was open for so many seconds; where the columns end before, their end."""
    if kind < 0:
        return opened
    first, end = hours.begin[kind], hours.begin[kind + 1]
    at = first_from(hours.opened, first, end, opened)
    return int(hours.midnight[-1] if at == end else hours.ends[at] - (hours.opened[at] - opened))


@njit(cache=True, nogil=True)
def open_at(hours: Hours, kind: int, moment: int) -> int:
    """The moment itself, if a kind is open then, or when it opens next; where the columns end before, their end."""
    if kind < 0:
        return moment
    first, end = hours.begin[kind], hours.begin[kind + 1]
    at = first_from(hours.ends, first, end, moment)
    return int(hours.midnight[-1] if at == end else max(hours.starts[at], moment))


@njit(cache=True, nogil=True)
def open_all(hours: Hours, kind: int, moments: Longs) -> Longs:
    """`open_at` of many moments."""
    found = np.empty(len(moments), np.int64)
    for at in range(len(moments)):
        found[at] = open_at(hours, kind, moments[at])
    return found


@njit(cache=True, nogil=True)
def days_later(hours: Hours, kind: int, moment: int, days: int) -> int:
    """As `calendar.open_days_later`: so many days on that the kind opens on, within its hours, or the end."""
    day = first_beyond(hours.midnight, 0, len(hours.midnight), moment) - 1
    since = moment - hours.midnight[day]
    if since > CLOCK_CHANGES_BY:
        since -= hours.midnight[day + 1] - hours.midnight[day] - DAY_SECONDS
    left = days
    while left > 0:
        day += 1
        if day >= len(hours.midnight) - 1:
            return int(hours.midnight[-1])
        if kind < 0 or hours.opens[kind, day]:
            left -= 1
    wanted = hours.midnight[day] + since
    if since > CLOCK_CHANGES_BY:
        wanted += hours.midnight[day + 1] - hours.midnight[day] - DAY_SECONDS
    if kind < 0:
        return int(wanted)
    latest = wanted
    first, end = hours.begin[kind], hours.begin[kind + 1]
    for at in range(first_beyond(hours.ends, first, end, hours.midnight[day]), end):
        if hours.starts[at] >= hours.midnight[day + 1]:
            break
        latest = min(hours.ends[at], hours.midnight[day + 1])
        if wanted <= latest:
            return int(max(hours.starts[at], wanted))
    return int(latest)
