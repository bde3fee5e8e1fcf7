"""Service days, GTFS time and opening hours: wall time goes in, seconds since 1970 (UTC) come out."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from opening_hours import OpeningHours, ParserError, State  # type: ignore[attr-defined]  # its stubs lack ParserError

from routing.model import Period, Service

DAY_SECONDS = 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

# Opening hours are worked out in pieces of four weeks, and no further than about a year ahead.
_PIECE_SECONDS = 28 * DAY_SECONDS
_PIECES_AHEAD = 14
_LAST_DAY_AHEAD = 550
_WALL = ZoneInfo("UTC")


# --- moments --------------------------------------------------------------------------------------


def to_seconds(moment: datetime) -> int:
    """The whole second that an aware moment lies in, counted from 1970 (UTC)."""
    return int(moment.replace(microsecond=0).timestamp())


@lru_cache(maxsize=2**16)
def to_moment(seconds: int, zone: ZoneInfo) -> datetime:
    """The aware moment in `zone`, `seconds` after 1970 (UTC)."""
    return datetime.fromtimestamp(seconds, zone)


def service_day_anchor(day: date, zone: ZoneInfo) -> int:
    """Where the GTFS times of a service day count from: its local noon less twelve hours, in seconds since 1970.

    That is midnight, except on the days when the clock changes (GTFS reference, "Time").
    """
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    return int(noon.timestamp()) - 12 * 3600


def day_of_seconds(seconds: int) -> int:
    """The ordinal (as `date.toordinal`) of the UTC day that a second lies in."""
    return seconds // DAY_SECONDS + _EPOCH_ORDINAL


# --- service days ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class ServiceDays:
    """The services' days as columns; days are ordinals. `first` and `last` enclose them all (first > last: none)."""

    weekdays: npt.NDArray[np.bool_]  # (services, 7), Monday first
    start: npt.NDArray[np.int64]  # (services,)
    end: npt.NDArray[np.int64]  # (services,)
    added: npt.NDArray[np.int64]  # (n, 2): service, day
    removed: npt.NDArray[np.int64]  # (n, 2): service, day
    first: int
    last: int

    def active(self, first: int, count: int) -> npt.NDArray[np.bool_]:
        """Which services drive on `count` days from ordinal `first`: bool (services, count)."""
        days = np.arange(first, first + count, dtype=np.int64)
        inside = (days >= self.start[:, None]) & (days <= self.end[:, None])
        # Day 1 of the ordinals, 1 January of year 1, is a Monday.
        driven: npt.NDArray[np.bool_] = self.weekdays[:, (days + 6) % 7] & inside
        for exceptions, drives in ((self.added, True), (self.removed, False)):
            here = exceptions[(exceptions[:, 1] >= first) & (exceptions[:, 1] < first + count)]
            driven[here[:, 0], here[:, 1] - first] = drives
        return driven

    def driven_between(self, first: int, last: int) -> npt.NDArray[np.bool_]:
        """Which services drive on any day from ordinal `first` to `last`, both included: bool (services,).

        Counts days instead of laying them out: calendars may reach from year 1 to 9999.
        """
        start, end = np.maximum(self.start, first), np.minimum(self.end, last)
        days = np.zeros(len(self.start), dtype=np.int64)
        for weekday in range(7):
            # Day n of the ordinals has weekday (n + 6) % 7: such days up to `end`, less those before `start`.
            fitting = (end - weekday - 1) // 7 - (start - weekday - 2) // 7
            days += np.where((end >= start) & self.weekdays[:, weekday], fitting, 0)
        for service, day in self.removed:
            if start[service] <= day <= end[service] and self.weekdays[service, (day + 6) % 7]:
                days[service] -= 1
        added = self.added[(self.added[:, 1] >= first) & (self.added[:, 1] <= last)]
        days[added[:, 0]] += 1
        return days > 0


def service_days(services: Sequence[Service]) -> ServiceDays:
    """The columns of `services`, in their order."""
    added = [(i, day.toordinal()) for i, service in enumerate(services) for day in service.added]
    removed = [(i, day.toordinal()) for i, service in enumerate(services) for day in service.removed]
    spans = [(s.start.toordinal(), s.end.toordinal()) for s in services if s.start <= s.end and any(s.weekdays)]
    spans += [(day, day) for _, day in added]
    return ServiceDays(
        weekdays=np.array([s.weekdays for s in services], dtype=np.bool_).reshape(-1, 7),
        start=np.array([s.start.toordinal() for s in services], dtype=np.int64),
        end=np.array([s.end.toordinal() for s in services], dtype=np.int64),
        added=np.array(added, dtype=np.int64).reshape(-1, 2),
        removed=np.array(removed, dtype=np.int64).reshape(-1, 2),
        first=min((first for first, _ in spans), default=1),
        last=max((last for _, last in spans), default=0),
    )


def service_dates(service: Service) -> Iterator[date]:
    """The days a service drives, in order."""
    columns = service_days([service])
    if columns.first > columns.last:
        return
    driven = columns.active(columns.first, columns.last - columns.first + 1)[0]
    for offset in np.flatnonzero(driven).tolist():
        yield date.fromordinal(columns.first + offset)


# --- opening hours --------------------------------------------------------------------------------


def check_opening_hours(text: str) -> None:
    """Accept opening hours in the OpenStreetMap syntax, or nothing at all (always open).

    Raises ValueError, with a message for whoever wrote them.
    """
    if text.strip():
        _parsed(text)


def ready_at(requested_at: datetime, handling_minutes: int, *, opening_hours: str, timezone: str) -> datetime | None:
    """When the item is ready: the first moment with `handling_minutes` of open time since `requested_at`.

    No handling is ready at once, open or not. None: the place is not open long enough within a year.
    The answer bears `timezone`. Raises ValueError for opening hours that cannot be read.
    """
    seconds = ready_seconds(
        to_seconds(requested_at), handling_minutes * 60, opening_hours=opening_hours, timezone=timezone
    )
    return None if seconds is None else to_moment(seconds, ZoneInfo(timezone))


def open_days_later(
    moment: datetime, days: int, *, opening_hours: str, timezone: str, pauses: Sequence[Period] = ()
) -> datetime | None:
    """The same time of day, `days` days on that the place opens on; within its hours there, or the nearest of them.

    Days on which the place stays shut do not count, nor do those whose noon lies in one of `pauses`. Where the time
    of day lies outside the hours of that last day, it becomes the next opening of the day, or else the day's last
    closing. Always open is plain days of wall time. None: the place does not open on so many days within a year and a
    half. The answer bears `timezone`. Raises ValueError for opening hours that cannot be read.
    """
    local = moment.astimezone(ZoneInfo(timezone))
    always = not opening_hours.strip()
    if always and not pauses:
        return local + timedelta(days=days)
    for later in range(1, _LAST_DAY_AHEAD):
        at = local + timedelta(days=later)
        if _paused(at.replace(hour=12, minute=0, second=0, microsecond=0), pauses):
            continue
        if always:
            days -= 1
            if days == 0:
                return at
            continue
        hours = _hours_of_day(at, opening_hours, timezone)
        days -= bool(hours)
        if days == 0:
            second = to_seconds(at)
            within = next((max(start, second) for start, end in hours if second <= end), hours[-1][1])
            return to_moment(within, ZoneInfo(timezone))
    return None


def _paused(noon: datetime, pauses: Sequence[Period]) -> bool:
    return any(
        (pause.since is None or pause.since <= noon) and (pause.until is None or noon < pause.until)
        for pause in pauses
    )


def _hours_of_day(moment: datetime, opening_hours: str, timezone: str) -> list[tuple[int, int]]:
    """The intervals (seconds since 1970) in which a place is open on the wall day of a moment."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    since, until = to_seconds(midnight), to_seconds(midnight + timedelta(days=1))
    found = []
    for number in range(since // _PIECE_SECONDS, until // _PIECE_SECONDS + 1):
        piece = _open_piece(opening_hours, timezone, number)
        clipped = ((max(start, since), min(end, until)) for start, end in zip(piece.starts, piece.ends, strict=True))
        found += [(start, end) for start, end in clipped if start < end]
    return found


def ready_seconds(requested: int, handling: int, *, opening_hours: str, timezone: str) -> int | None:
    """As `ready_at`, with moments in seconds since 1970 and the handling in seconds."""
    if handling <= 0:
        return requested
    if not opening_hours.strip():
        return requested + handling
    number = requested // _PIECE_SECONDS
    piece = _open_piece(opening_hours, timezone, number)
    wanted = piece.open_before(requested) + handling
    for _ in range(_PIECES_AHEAD):
        if wanted <= piece.open_seconds:
            return piece.moment_of(wanted)
        wanted -= piece.open_seconds
        number += 1
        piece = _open_piece(opening_hours, timezone, number)
    return None


def open_time(
    opening_hours: str, timezone: str, since: int, until: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """When a place is open, at least from `since` to `until` (seconds since 1970): starts, ends, and seconds opened.

    The last are those up to the end of each interval, counted from the first. Raises ValueError for opening hours
    that cannot be read.
    """
    pieces = [
        _open_piece(opening_hours, timezone, number)
        for number in range(since // _PIECE_SECONDS, until // _PIECE_SECONDS + 1)
    ]
    starts = np.array([start for piece in pieces for start in piece.starts], dtype=np.int64)
    ends = np.array([end for piece in pieces for end in piece.ends], dtype=np.int64)
    return starts, ends, np.cumsum(ends - starts)


def open_between(
    opening_hours: str,
    timezone: str,
    since: npt.NDArray[np.int64],
    until: npt.NDArray[np.int64],
    *,
    pauses: Sequence[tuple[int, int]] = (),
) -> npt.NDArray[np.int64]:
    """How many seconds a place is open between each `since` and its `until` (seconds since 1970), less its `pauses`.

    Always open is every second. An end before its start is none. The pauses may overlap. Raises ValueError for
    opening hours that cannot be read.
    """
    if not len(since):
        return np.zeros(0, dtype=np.int64)
    opened = _opened_by(
        opening_hours, timezone, int(min(since.min(), until.min())), int(max(since.max(), until.max()))
    )
    found: npt.NDArray[np.int64] = opened(until) - opened(since)
    for start, end in _merged(pauses):
        found -= opened(np.clip(end, since, until)) - opened(np.clip(start, since, until))
    return np.maximum(found, 0)


def _opened_by(
    opening_hours: str, timezone: str, first: int, last: int
) -> Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]]:
    """What gives the seconds that a place was open by each of some moments from `first` to `last`."""
    if not opening_hours.strip():
        return lambda moments: moments - first
    starts, ends, opened = open_time(opening_hours, timezone, first, last)
    if not len(starts):
        return np.zeros_like

    def opened_by(moments: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        i = np.searchsorted(starts, moments, side="right") - 1
        return np.where(i < 0, 0, opened[i] - np.maximum(0, ends[i] - moments))

    return opened_by


def _merged(pauses: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pauses in order; those that touch are one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(pauses):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


@dataclass(frozen=True, slots=True)
class _OpenPiece:
    """When a place is open in one piece of time: the intervals, and the open seconds up to the end of each."""

    starts: list[int]
    ends: list[int]
    opened: list[int]

    @property
    def open_seconds(self) -> int:
        return self.opened[-1] if self.opened else 0

    def open_before(self, moment: int) -> int:
        """Seconds open in this piece before `moment`."""
        i = bisect_right(self.starts, moment) - 1
        return 0 if i < 0 else self.opened[i] - max(0, self.ends[i] - moment)

    def moment_of(self, opened: int) -> int:
        """The first moment by which the place was open for `opened` seconds (at least one) of this piece."""
        i = bisect_left(self.opened, opened)
        return self.ends[i] - (self.opened[i] - opened)


@lru_cache(maxsize=4096)
def _open_piece(text: str, timezone: str, number: int) -> _OpenPiece:
    """The open intervals of the `number`th four weeks since 1970."""
    hours = _parsed(text)
    open_between: list[tuple[int, int]] = []
    for since, until, offset in _offset_spans(timezone, number):
        wall_since = datetime.fromtimestamp(since + offset, _WALL)
        wall_until = datetime.fromtimestamp(until + offset, _WALL)
        open_between += [
            (int(start.timestamp()) - offset, int(end.timestamp()) - offset)
            for start, end, state, _ in hours.intervals(wall_since, wall_until)
            if state == State.OPEN and start < end
        ]
    return _OpenPiece(
        starts=[start for start, _ in open_between],
        ends=[end for _, end in open_between],
        opened=list(accumulate(end - start for start, end in open_between)),
    )


@lru_cache(maxsize=1024)
def _parsed(text: str) -> OpeningHours:
    """The hours read as wall time, which the library takes for UTC and so leaves where it is.

    Left to itself it would open a place once where the clock goes back and its hours fall in the hour
    that comes twice; we lay wall time over real time ourselves (see `_offset_spans`).
    """
    try:
        return OpeningHours(text, timezone=_WALL, country="NL", auto_country=False, auto_timezone=False)
    except ParserError as error:
        found = re.search(r"--> 1:(\d+)", str(error))
        where = f" from character {found[1]} on" if found else ""
        raise ValueError(f"opening hours {text!r} do not follow the OpenStreetMap syntax{where}") from error


@lru_cache(maxsize=1024)
def _offset_spans(timezone: str, number: int) -> tuple[tuple[int, int, int], ...]:
    """The `number`th four weeks since 1970 cut where the clock changes: (since, until, seconds ahead of UTC)."""
    zone = ZoneInfo(timezone)
    since, end = number * _PIECE_SECONDS, (number + 1) * _PIECE_SECONDS
    spans = []
    offset = _offset(since, zone)
    for day in range(since, end, DAY_SECONDS):
        after = _offset(day + DAY_SECONDS, zone)
        if after == offset:
            continue
        change = bisect_left(range(day, day + DAY_SECONDS), True, key=lambda t: _offset(t, zone) == after)
        spans.append((since, day + change, offset))
        since, offset = day + change, after
    if since < end:
        spans.append((since, end, offset))
    return tuple(spans)


def _offset(seconds: int, zone: ZoneInfo) -> int:
    ahead = datetime.fromtimestamp(seconds, zone).utcoffset()
    return int((ahead or timedelta()).total_seconds())
