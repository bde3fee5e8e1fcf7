"""What the answer is, found the slow and plain way. Shares nothing with the engine but the nouns of its questions.

Two oracles: `Brute` tries every ride there is, for small worlds; `earliest_arrival` is a plain round-by-round
scan that also manages a real feed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from opening_hours import OpeningHours

from routing.model import Service, Timetable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def seconds(moment: datetime) -> int:
    return (moment - EPOCH) // SECOND


@dataclass(frozen=True)
class Call:
    stop: str
    arrival: int
    departure: int
    pickup: bool
    drop_off: bool


@dataclass(frozen=True)
class Run:
    """A trip on one of its days; moments are seconds since 1970."""

    trip: int
    day: date
    calls: tuple[Call, ...]


def drives(service: Service, day: date) -> bool:
    if day in service.removed:
        return False
    return day in service.added or (service.start <= day <= service.end and service.weekdays[day.weekday()])


def runs_between(timetable: Timetable, since: int, until: int) -> list[Run]:
    """Every run with a call between two moments."""
    zone = ZoneInfo(timetable.timezone)
    calls: dict[int, list[tuple[str, int, int, bool, bool]]] = {}
    times = timetable.stop_times
    for trip, stop, arrival, departure, pickup, drop_off in zip(
        times.trip.tolist(),
        times.stop.tolist(),
        times.arrival.tolist(),
        times.departure.tolist(),
        times.pickup.tolist(),
        times.drop_off.tolist(),
        strict=True,
    ):
        calls.setdefault(trip, []).append((timetable.stops[stop].id, arrival, departure, pickup, drop_off))
    longest = max((rows[-1][2] for rows in calls.values()), default=0)
    first = (EPOCH + timedelta(seconds=since - longest)).date() - 2 * DAY
    last = (EPOCH + timedelta(seconds=until)).date() + 2 * DAY
    runs = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone).astimezone(UTC)
        zero = seconds(noon - timedelta(hours=12))
        today = [drives(service, day) for service in timetable.services]
        for position, rows in calls.items():
            if not today[timetable.trips[position].service]:
                continue
            dated = tuple(Call(stop, zero + a, zero + d, p, off) for stop, a, d, p, off in rows)
            if dated[-1].arrival >= since and dated[0].departure <= until:
                runs.append(Run(position, day, dated))
    return runs


# --- small worlds: try everything -----------------------------------------------------------------

Event = tuple[int, int]  # a run and a call of it where an item boards
Ride = tuple[int, int, int]  # a run, the call where an item boards and the call where it leaves


class Brute:
    """Every way to one place, with no thought of which is better until all are known.

    With `own_trip` it gets the rule wrong that a change is to another trip: to see where that rule matters.
    """

    def __init__(self, timetable: Timetable, *, to: str, since: int, until: int, own_trip: bool = False) -> None:
        self.to = to
        self.until = until
        self.own_trip = own_trip
        self.runs = runs_between(timetable, since, until)
        self.handling = {stop.id: stop.handling_seconds for stop in timetable.stops}
        self._boardings: dict[str, list[tuple[int, Event]]] = {stop.id: [] for stop in timetable.stops}
        for r, run in enumerate(self.runs):
            for c, call in enumerate(run.calls[:-1]):
                if call.pickup:
                    self._boardings[call.stop].append((call.departure, (r, c)))
        for boardings in self._boardings.values():
            boardings.sort()
        self._rest: dict[tuple[Event, int, int], tuple[tuple[object, ...], tuple[Ride, ...]] | None] = {}

    def boardings(self, stop: str, ready: int) -> list[Event]:
        here = self._boardings.get(stop, [])
        return [event for _, event in here[bisect_left(here, (ready, (-1, -1))) :]]

    def changes(self, event: Event) -> Iterator[tuple[int, Event]]:
        """The calls where an item that boarded so may change, each with a boarding of another run."""
        r, boarded = event
        run = self.runs[r]
        for c in range(boarded + 1, len(run.calls)):
            call = run.calls[c]
            handling = self.handling[call.stop]
            if handling is None or not call.drop_off:
                continue
            for other in self.boardings(call.stop, call.arrival + handling):
                if other[0] != r or self.own_trip:
                    yield c, other

    def by_handlings(self, stop: str, ready: int) -> dict[int, int]:
        """The earliest arrival for each number of handlings that an item from `stop` may need."""
        found: dict[int, int] = {}
        layer = set(self.boardings(stop, ready))
        seen = set(layer)
        handlings = 0
        while layer:
            arrivals = [
                call.arrival
                for r, boarded in layer
                for call in self.runs[r].calls[boarded + 1 :]
                if call.stop == self.to and call.drop_off and call.arrival <= self.until
            ]
            if arrivals:
                found[handlings] = min(arrivals)
            layer = {other for event in layer for _, other in self.changes(event)} - seen
            seen |= layer
            handlings += 1
        return found

    def rides(self, stop: str, ready: int, *, arrival: int, handlings: int) -> tuple[Ride, ...]:
        """The rides by the rule that is written down for equals.

        The latest first departure; of those the last trip in the timetable, service date and call. Then, of the
        changes that still arrive then with so many handlings: the latest departure, the earliest call to leave at,
        and again trip, date and call. The last ride ends at the first call that arrives then.
        """
        ways = []
        for event in self.boardings(stop, ready):
            rest = self.rest(event, handlings, arrival)
            if rest is not None:
                ways.append(((self.order(event), *rest[0]), rest[1]))
        return max(ways)[1]

    def order(self, event: Event, left_at: int = 0) -> tuple[int, int, int, date, int]:
        run = self.runs[event[0]]
        return run.calls[event[1]].departure, -left_at, run.trip, run.day, event[1]

    def rest(self, event: Event, handlings: int, arrival: int) -> tuple[tuple[object, ...], tuple[Ride, ...]] | None:
        key = (event, handlings, arrival)
        if key not in self._rest:
            self._rest[key] = self._find_rest(event, handlings, arrival)
        return self._rest[key]

    def _find_rest(
        self, event: Event, handlings: int, arrival: int
    ) -> tuple[tuple[object, ...], tuple[Ride, ...]] | None:
        r, boarded = event
        if self.runs[r].calls[boarded].departure > arrival:
            return None
        if handlings == 0:
            for c, call in enumerate(self.runs[r].calls):
                if c > boarded and call.stop == self.to and call.drop_off and call.arrival == arrival:
                    return (), ((r, boarded, c),)
            return None
        ways = []
        for c, other in self.changes(event):
            rest = self.rest(other, handlings - 1, arrival)
            if rest is not None:
                ways.append(((self.order(other, c), *rest[0]), ((r, boarded, c), *rest[1])))
        return max(ways, key=lambda way: way[0]) if ways else None


# --- large worlds: round by round -----------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """The earliest arrival, its fewest handlings and, with those, the latest first departure."""

    arrives_at: datetime
    handlings: int
    departs_at: datetime


def earliest_arrival(
    timetable: Timetable, start: str, to: str, ready: datetime, horizon_end: datetime
) -> Found | None:
    """The fastest way from `start` to `to` for an item ready at `ready` that arrives by `horizon_end`, or None."""
    runs = _runs_lately(timetable, seconds(ready), seconds(horizon_end))
    handling = {stop.id: stop.handling_seconds for stop in timetable.stops}
    best = _rounds(runs, handling, start, to, seconds(ready), seconds(horizon_end))
    if best is None:
        return None
    departures = sorted(
        {
            call.departure
            for run in runs
            for call in run.calls[:-1]
            if call.stop == start and call.pickup and seconds(ready) <= call.departure <= best[0]
        }
    )
    # Whoever leaves later arrives no sooner, so the latest departure that still does as well can be halved out.
    low, high = 0, len(departures)
    while low + 1 < high:
        middle = (low + high) // 2
        if _rounds(runs, handling, start, to, departures[middle], best[0], most_handlings=best[1]) == best:
            low = middle
        else:
            high = middle
    zone = ZoneInfo(timetable.timezone)
    return Found(
        (EPOCH + best[0] * SECOND).astimezone(zone), best[1], (EPOCH + departures[low] * SECOND).astimezone(zone)
    )


_LATELY: list[tuple[Timetable, int, int, list[Run]]] = []


def _runs_lately(timetable: Timetable, since: int, until: int) -> list[Run]:
    """The runs between two moments; kept until others are asked for, as many stops are asked about at one moment."""
    for known, begin, end, runs in _LATELY:
        if known is timetable and (begin, end) == (since, until):
            return runs
    _LATELY[:] = [(timetable, since, until, runs_between(timetable, since, until))]
    return _LATELY[0][3]


def _rounds(
    runs: list[Run],
    handling: dict[str, int | None],
    start: str,
    to: str,
    ready: int,
    until: int,
    most_handlings: int | None = None,
) -> tuple[int, int] | None:
    """(arrival, handlings), by the earliest moment an item can leave each stop after ever more changes."""
    ready_at = {start: ready}
    best: tuple[int, int] | None = None
    handlings = 0
    while ready_at and (most_handlings is None or handlings <= most_handlings):
        arrived: dict[str, int] = {}
        for run in runs:
            aboard = False
            for call in run.calls:
                if aboard and call.drop_off and call.arrival < arrived.get(call.stop, until + 1):
                    arrived[call.stop] = call.arrival
                ready_here = ready_at.get(call.stop)
                if ready_here is not None and call.pickup and call.departure >= ready_here:
                    aboard = True
        if to in arrived and (best is None or arrived[to] < best[0]):
            best = (arrived[to], handlings)
        after = dict(ready_at) if handlings else {}
        for stop, arrival in arrived.items():
            pause = handling[stop]
            if pause is not None:
                after[stop] = min(arrival + pause, after.get(stop, arrival + pause))
        if after == ready_at:
            break
        ready_at = after
        handlings += 1
    return best


# --- opening hours, minute by minute --------------------------------------------------------------


@cache
def _hours(text: str) -> OpeningHours:
    return OpeningHours(text, country="NL", auto_country=False, auto_timezone=False)


def ready_after(requested_at: datetime, handling_minutes: int, opening_hours: str, timezone: str) -> datetime:
    """Walk on from `requested_at` until the place has been open for the handling time. May walk for ever.

    The library is asked for the time on the wall: asked about real time it is wrong in the hour that comes twice.
    """
    if not opening_hours:
        return requested_at + timedelta(minutes=handling_minutes)
    left = timedelta(minutes=handling_minutes)
    moment = requested_at.astimezone(UTC)
    minute = moment.replace(second=0) + timedelta(minutes=1) - moment
    hours, zone = _hours(opening_hours), ZoneInfo(timezone)
    while left > timedelta():
        if hours.is_open(moment.astimezone(zone).replace(tzinfo=None)):
            minute = min(minute, left)
            left -= minute
        moment += minute
        minute = timedelta(minutes=1)  # every minute but the first is a whole one
    return moment
