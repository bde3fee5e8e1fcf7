"""Small worlds: timetables drawn as text, and random ones full of the cases that go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import strategies as st

from routing.model import (
    Agency,
    Holding,
    Leg,
    Location,
    Policy,
    Register,
    Route,
    Service,
    Stop,
    StopTimes,
    Timetable,
    Trip,
    Weights,
)

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
DAY_NAMES = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")

# (stop, arrival, departure, pickup, drop_off)
CallRow = tuple[int, int, int, bool, bool]


def timetable_of(
    *,
    stops: Sequence[Stop],
    services: Sequence[Service],
    trips: Sequence[tuple[str, str, int, Sequence[CallRow]]],
    timezone: str = "Europe/Amsterdam",
) -> Timetable:
    """A timetable from trips given as (trip id, route id, service position, calls)."""
    routes = sorted({route for _, route, _, _ in trips})
    rows = [(t, *call) for t, (_, _, _, calls) in enumerate(trips) for call in calls]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    return Timetable(
        version="drawn",
        timezone=timezone,
        stops=tuple(stops),
        routes=tuple(Route(route, f"{route} vans") for route in routes),
        services=tuple(services),
        trips=tuple(Trip(trip, routes.index(route), service) for trip, route, service, _ in trips),
        stop_times=StopTimes(
            trip=np.array(columns[0], dtype=np.int32),
            stop=np.array(columns[1], dtype=np.int32),
            arrival=np.array(columns[2], dtype=np.int32),
            departure=np.array(columns[3], dtype=np.int32),
            pickup=np.array(columns[4], dtype=np.bool_),
            drop_off=np.array(columns[5], dtype=np.bool_),
        ),
    )


# --- drawn as text --------------------------------------------------------------------------------


def drawn(text: str, *, timezone: str = "Europe/Amsterdam") -> Timetable:
    """Read a timetable that is drawn, one trip a line.

        hub H 10m                                   changes are possible at H and take ten minutes
        R1/a  Mo-Fr            A 08:00  H 08:30     route R1, trip a, on weekdays of 2026
        R2/b  2026-11-24       H 09:00/09:10 B 10:00^
        R3/c  Mo,We -2026-11-25 +2026-11-28  ...

    `^` behind a time: items may only get on there; `v`: only get off; `x`: neither.
    """
    stops: dict[str, Stop] = {}
    services: list[Service] = []
    lines: list[tuple[str, str, int, list[tuple[str, int, int, bool, bool]]]] = []
    for words in (line.split() for line in text.strip().splitlines() if line.strip()):
        if words[0] == "hub":
            stops[words[1]] = Stop(words[1], handling_seconds=_duration(words[2]))
            continue
        route, trip = words[0].split("/")
        days = [words[1]]
        rest = words[2:]
        while rest[0][0] in "+-":
            days.append(rest.pop(0))
        services.append(_service(f"{route}/{trip}", days))
        calls = [
            _call(stop, time)
            for word, after in zip(rest[::2], rest[1::2], strict=True)
            for stop, time in [(word, after)]
        ]
        lines.append((trip, route, len(services) - 1, calls))
    for _, _, _, calls in lines:
        for stop, *_ in calls:
            stops.setdefault(stop, Stop(stop))
    position = {stop: i for i, stop in enumerate(stops)}
    return timetable_of(
        stops=list(stops.values()),
        services=services,
        trips=[
            (trip, route, service, [(position[stop], *times) for stop, *times in calls])  # type: ignore[misc]
            for trip, route, service, calls in lines
        ],
        timezone=timezone,
    )


def _call(stop: str, text: str) -> tuple[str, int, int, bool, bool]:
    mark = text[-1] if text[-1] in "^vx" else ""
    arrival, _, departure = text.removesuffix(mark).partition("/")
    return stop, _clock(arrival), _clock(departure or arrival), mark not in ("v", "x"), mark not in ("^", "x")


def _clock(text: str) -> int:
    hours, minutes, *rest = (int(part) for part in text.split(":"))
    return hours * 3600 + minutes * 60 + (rest[0] if rest else 0)


def _duration(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def _service(name: str, words: list[str]) -> Service:
    added = {date.fromisoformat(word[1:]) for word in words if word[0] == "+"}
    removed = {date.fromisoformat(word[1:]) for word in words if word[0] == "-"}
    pattern: set[int] = set()
    if words[0][0].isdigit():
        added |= {date.fromisoformat(day) for day in words[0].split(",")}
    else:
        for part in ["Mo-Su"] if words[0] == "daily" else words[0].split(","):
            first, _, last = part.partition("-")
            pattern |= set(range(DAY_NAMES.index(first), DAY_NAMES.index(last or first) + 1))
    start, end = (date(2026, 1, 1), date(2026, 12, 31)) if pattern else (date(2026, 1, 2), date(2026, 1, 1))
    return service_of(name, pattern, start=start, end=end, added=added, removed=removed)


def service_of(
    name: str,
    pattern: set[int],
    *,
    start: date,
    end: date,
    added: set[date] | frozenset[date] = frozenset(),
    removed: set[date] | frozenset[date] = frozenset(),
) -> Service:
    """A service by the numbers of its weekdays, Monday 0."""
    mo, tu, we, th, fr, sa, su = (day in pattern for day in range(7))
    return Service(name, (mo, tu, we, th, fr, sa, su), start, end, frozenset(added), frozenset(removed))


def told(legs: Sequence[Leg]) -> str:
    """An itinerary as one line: "A Tu08:00 R1/a H Tu08:30 | H Tu08:40 R2/b B Tu09:10"."""
    return " | ".join(
        f"{leg.from_location} {_short(leg.departs_at)} {leg.route_id}/{leg.trip_id} "
        f"{leg.to_location} {_short(leg.arrives_at)}"
        for leg in legs
    )


def _short(moment: datetime) -> str:
    return DAY_NAMES[moment.weekday()] + f"{moment:%H:%M:%S}".removesuffix(":00")


# --- at random ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """A timetable, who is where, and a request."""

    timetable: Timetable
    register: Register
    policy: Policy
    holdings: tuple[Holding, ...]
    pickup: str
    requested_at: datetime


# Around clock changes, the turn of a year, a week of the grid that windows lie on, and an ordinary day.
FIRST_DAYS = (date(2026, 3, 28), date(2026, 10, 24), date(2025, 12, 30), date(2026, 11, 18), date(2026, 11, 25))
STARTS = (0, 3600, 7200, 9000, 10800, 28800, 36000, 72000, 82800, 86400, 90000, 93600, 172800)
GAPS = (600, 0, 3600, 0, 600, 3600, 7200)
DWELLS = (0, 0, 600)
HANDLINGS = (0, 0, 600, 3600)
HOURS = (
    "",
    "",
    "",
    "",
    "",
    "Mo-Su 08:00-18:00",
    "Mo-Fr 09:00-17:00; PH off",
    "22:00-04:00",
    "00:00-02:30,03:00-12:00",
)

AGENCIES = (
    Agency("A", province="P", poi="X"),
    Agency("B", province="P", poi="X"),
    Agency("C", province="Q", poi="X"),
    Agency("D", province="R", poi="Y"),
    Agency("E"),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Worlds of a few stops, hubs first, and some trips over a few days.

    Four of five are chains: an item has to change at one hub after another. The rest is wild, as no planner would
    have it.
    """
    first = draw(st.sampled_from(FIRST_DAYS))
    chained = draw(st.integers(0, 4)) < 4
    hubs = draw(st.sampled_from((3, 2, 3, 4) if chained else (2, 3, 1, 3, 2, 0)))
    count = hubs + (3 if chained else 0) + draw(st.integers(0, 2) if chained else st.integers(1, 4))
    stops = [Stop(f"S{i}", draw(st.sampled_from(HANDLINGS)) if i < hubs else None) for i in range(count)]
    services = draw(st.lists(_services(first), min_size=1, max_size=3))
    if chained:
        week = service_of("s", set(range(7)), start=first - timedelta(days=3), end=first + timedelta(days=6))
        services = [week, *services]
        rows = draw(_chains([stop.handling_seconds or 0 for stop in stops[:hubs]], count))
        # Nearly every trip of a chain drives every day.
        days = st.sampled_from((0, 0, 0, 0, 0, len(services) - 1))
    else:
        rows = draw(st.lists(_calls(hubs, count), min_size=4, max_size=9))
        days = st.integers(0, len(services) - 1)
    trips = [(f"t{i}", f"R{draw(st.integers(0, 2))}", draw(days), calls) for i, calls in enumerate(rows)]
    end = hubs if chained and draw(st.integers(0, 4)) < 4 else None
    known = [f"S{i}" for i in range(count) if i == end or draw(st.integers(0, 9)) < 9] + ["ELSEWHERE"]
    locations = {name: draw(_locations(name)) for name in known}
    unknown = [f"S{i}" for i in range(count) if f"S{i}" not in known] + ["NOWHERE"]
    # Nearly always at a second when something departs, or so long before as a handling takes, or just beside it.
    leaving = [call[2] for _, _, _, calls in (trips[:3] if chained else trips) for call in calls[:-1]]
    clock = draw(st.sampled_from(leaving)) + draw(st.sampled_from((0, 0, 0, -60, -3600, -36000, 1, -1)))
    noon = datetime(first.year, first.month, first.day, 12, tzinfo=AMSTERDAM).astimezone(UTC)
    return World(
        timetable=timetable_of(stops=stops, services=services, trips=trips),
        register=Register({agency.isil: agency for agency in AGENCIES}, locations),
        policy=Policy(
            horizon_days=draw(st.sampled_from((3, 4, 3, 4, 2, 3, 1) if chained else (3, 2, 4, 1))),
            weights=Weights(draw(st.sampled_from((0.0, 10.0, 25.0))), draw(st.sampled_from((0.0, 50.0, 400.0)))),
        ),
        holdings=tuple(Holding(name, 1) for name in (*unknown, *known)),
        pickup=draw(st.sampled_from((*known[:-1], *known))) if end is None else f"S{end}",
        requested_at=noon + timedelta(hours=-12, days=draw(st.integers(-1, 1)), seconds=clock),
    )


@st.composite
def _chains(draw: st.DrawFn, handlings: Sequence[int], count: int) -> list[list[CallRow]]:
    """Trips along a line: the stops behind the counter's, hub after hub, and the counter's own stop (the first
    that is no hub). Each waits for the one before it, or just misses it; some ride through a hub; now and then a
    van is at a hub twice in one second.
    """
    hubs, last = len(handlings), len(handlings)
    line = [draw(st.integers(hubs + 1, count - 1)), *range(hubs), last]
    clock = draw(st.sampled_from(STARTS[:9]))
    trips: list[list[CallRow]] = []
    meetings: list[tuple[int, int]] = []
    place = 0
    while place < hubs + 1:
        through = place < hubs and draw(st.integers(0, 4)) == 0
        ends = place + 2 if through else place + 1
        for _ in range(draw(st.sampled_from((1, 1, 2)))):
            moment = max(0, clock + draw(st.sampled_from((0, 0, 0, 0, -1, 1, -600, 600))))
            calls: list[CallRow] = [(line[place], moment, moment, True, True)]
            for at in range(place + 1, ends + 1):
                moment += draw(st.sampled_from(GAPS))
                calls.append((line[at], moment, moment, True, draw(st.integers(0, 19)) < 19))
            trips.append(calls)
        place = ends
        clock = trips[-1][-1][1]
        if place <= hubs:
            meetings.append((line[place], clock))
            clock += handlings[line[place]]
    for hub, moment in meetings:
        if draw(st.integers(0, 1)):
            trips.append(draw(_circle(hub, moment, from_stops=[line[0], max(0, hub - 1)], to_stops=[hub + 1, last])))
    trips += draw(st.lists(_calls(hubs, count), max_size=2))
    return trips


@st.composite
def _circle(
    draw: st.DrawFn, hub: int, moment: int, *, from_stops: Sequence[int], to_stops: Sequence[int]
) -> list[CallRow]:
    """A van that calls at a hub, brings something on, fetches something and is back at the hub in the same second.

    What it fetches last must not leave it there and board it again at the call that it has passed.
    """
    moment = max(0, moment + draw(st.sampled_from((0, 0, -600))))
    stops = [hub, draw(st.sampled_from(to_stops)), draw(st.sampled_from(from_stops)), hub]
    if draw(st.booleans()):
        stops.append(draw(st.sampled_from((*to_stops, *from_stops))))
    return [(stop, moment, moment, True, True) for stop in stops]


@st.composite
def _services(draw: st.DrawFn, first: date) -> Service:
    near = st.integers(-1, 4).map(lambda days: first + timedelta(days=days))
    start = first + timedelta(days=draw(st.integers(-3, 2)))
    return service_of(
        "s",
        draw(st.sets(st.integers(0, 6))) if draw(st.integers(0, 3)) == 0 else set(range(7)),
        start=start,
        end=start + timedelta(days=draw(st.sampled_from((6, 6, 6, 4, 2, -1)))),
        added=draw(st.sets(near, max_size=2)),
        removed=draw(st.sets(near, max_size=1)),
    )


@st.composite
def _calls(draw: st.DrawFn, hubs: int, count: int) -> list[CallRow]:
    clock = draw(st.sampled_from(STARTS))
    calls: list[CallRow] = []
    for i in range(draw(st.sampled_from((3, 4, 5, 2)))):
        arrival = clock + (draw(st.sampled_from(GAPS)) if i else 0)
        clock = arrival + draw(st.sampled_from(DWELLS))
        # Every other call is at a hub, so that trips meet there and visit it twice.
        last = hubs - 1 if hubs and draw(st.booleans()) else count - 1
        calls.append(
            (draw(st.integers(0, last)), arrival, clock, draw(st.integers(0, 9)) > 0, draw(st.integers(0, 9)) > 0)
        )
    return calls


@st.composite
def _locations(draw: st.DrawFn, name: str) -> Location:
    return Location(
        name,
        agency=draw(st.sampled_from(("A", "B", "C", "D", "E", None))),
        handling_minutes=draw(st.sampled_from((0, 0, 0, 1, 60, 600))),
        opening_hours=draw(st.sampled_from(HOURS)),
    )
