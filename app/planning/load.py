"""What the vans are going to carry on every ride and day: what is under way, and the forecast.

What is under way rides the legs that are planned for it. What is forecast is planned as a decision would plan it: by
the earliest way from where and when it is handed over. Both are added up over the rides of a trip that a leg covers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from app.planning.forecast import Floats, Ints
from app.planning.outlook import Outlook, days_from
from routing import Network, Objective, Register, Weights
from routing.calendar import service_day_anchor, to_seconds
from routing.network import Longs, Window, trip_positions
from routing.transport import arrivals, leg_numbers, transport_to

HORIZON_DAYS = 35
MOST_FOUND = 200_000
_NAMED = ("trip_id", "service_date", "from_location", "to_location", "departs_at", "arrives_at")


class Stretch(NamedTuple):
    """The rides of one dated trip that a leg covers: positions in `network.rides`, `last` included."""

    trip: int
    day: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """Stretches as columns of equal length, in the words of `Stretch`."""

    trip: Ints
    day: Ints
    first: Ints
    last: Ints

    def __len__(self) -> int:
        return len(self.trip)


@dataclass(frozen=True, slots=True, eq=False)
class Dealt:
    """How the forecast rides: each row is a leg, a pair of the outlook, and how many items are expected of it."""

    stretches: Stretches
    leg: Ints
    pair: Ints
    items: Floats
    unplaced: float  # items that no van takes there in time


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Items by ride and day, from `first` on: (rides, days). `boarding` counts each leg once, where it begins."""

    first: date
    days: int
    riding: Floats
    boarding: Floats

    def add(self, legs: Stretches, items: Floats) -> None:
        """Add what rides some stretches; what is on no day of the grid is left out."""
        day = legs.day - self.first.toordinal()
        here = np.flatnonzero((day >= 0) & (day < self.days))
        first, last, day, items = legs.first[here], legs.last[here], day[here], items[here]
        np.add.at(self.boarding, (first, day), items)
        # An item counts from the ride on at which it boards, and no more after the one at which it leaves.
        change = np.zeros((len(self.riding) + 1, self.days))
        np.add.at(change, (first, day), items)
        np.add.at(change, (last + 1, day), -items)
        self.riding[:] += np.cumsum(change, axis=0)[:-1]


def empty_grid(network: Network, first: date, days: int) -> Grid:
    """Return a grid on which nothing rides."""
    shape = (len(network.rides.trip), days)
    return Grid(first, days, np.zeros(shape), np.zeros(shape))


@dataclass(slots=True)
class Finder:
    """Finds the rides that planned legs cover in a network. What it found is kept: many items share a leg."""

    network: Network
    _anchors: dict[date, int] = field(default_factory=dict)
    _found: dict[tuple[str, ...], Stretch | None] = field(default_factory=dict)

    def stretch_of(self, leg: Mapping[str, Any]) -> Stretch | None:
        """Return where a leg rides in this network; None where the network has no such ride."""
        key = tuple(leg[name] for name in _NAMED)
        if key not in self._found:
            if len(self._found) >= MOST_FOUND:
                self._found.clear()
            self._found[key] = self._find(*key)
        return self._found[key]

    def anchor(self, day: date) -> int:
        """Return where the times of a service day count from."""
        if day not in self._anchors:
            self._anchors[day] = service_day_anchor(day, self.network.zone)
        return self._anchors[day]

    def _find(
        self, trip_id: str, service_date: str, boards: str, leaves: str, departs_at: str, arrives_at: str
    ) -> Stretch | None:
        network = self.network
        trip = trip_positions(network).get(trip_id)
        stops = (network.stop_positions.get(boards), network.stop_positions.get(leaves))
        if trip is None or None in stops:
            return None
        day = date.fromisoformat(service_date)
        departs, arrives = (
            to_seconds(datetime.fromisoformat(at)) - self.anchor(day) for at in (departs_at, arrives_at)
        )
        start = int(network.rides.first_of_trip[trip])
        here = slice(start, start + int(network.rides.count_of_trip[trip]))
        from_stop, to_stop = network.rides.from_stop[here], network.rides.to_stop[here]
        for departure, arrival in self._times(trip, day.toordinal(), here):
            first = np.flatnonzero((from_stop == stops[0]) & (departure == departs))
            last = np.flatnonzero((to_stop == stops[1]) & (arrival == arrives))
            if len(first) and len(last) and last[-1] >= first[0]:
                return Stretch(trip, day.toordinal(), start + int(first[0]), start + int(last[-1]))
        return None

    def _times(self, trip: int, day: int, here: slice) -> Iterator[tuple[Ints, Ints]]:
        """Yield when a trip departs and arrives: as it runs on the day, and as planned, as a leg may be of before."""
        changed = self.network.stopped.changed.get((trip, day))
        if changed is not None:
            yield changed.departure, changed.arrival
        yield self.network.rides.departure[here], self.network.rides.arrival[here]


def columns_of(legs: Sequence[Stretch]) -> Stretches:
    """Return stretches as columns."""
    trip, day, first, last = np.array(legs, dtype=np.int64).reshape(-1, 4).T
    return Stretches(trip, day, first, last)


def deal(network: Network, register: Register, outlook: Outlook, *, now: datetime, ahead: range) -> Dealt:
    """Plan the way of what is expected to be handed over on the days that lie `ahead` (0: today, from now on).

    Nothing is expected from or for a location on days on which it stands still by `register`.
    """
    local = now.astimezone(network.zone)
    expected = outlook.expect(local.date() + timedelta(days=ahead.start), len(ahead))
    closed = standing_still(register, outlook.places, local.date() + timedelta(days=ahead.start), len(ahead))
    expected[closed[outlook.origin] | closed[outlook.destination]] = 0
    if 0 in ahead:
        expected[:, 0] *= outlook.still_to_come(local.hour * 3600 + local.minute * 60 + local.second)
    days = days_from(local.date() + timedelta(days=ahead.start), len(ahead))
    midnights = np.array([service_day_anchor(day, network.zone) for day in days], dtype=np.int64)
    window: Window | None = None
    parts: list[tuple[Longs, Ints, Floats]] = []
    unplaced = 0.0
    for pairs in _by_destination(outlook):
        which, day = np.nonzero(expected[pairs] > 0)
        pair, items = pairs[which], expected[pairs[which], day]
        ready = midnights[day] + outlook.ready[outlook.origin[pair]].astype(np.int64)
        ways = ways_of(network, outlook, pair, np.maximum(ready, to_seconds(now)), now)
        unplaced += float(items.sum() - items[ways.there].sum())
        if ways.window is not None:
            window = ways.window
        parts.append((ways.numbers, np.repeat(pair[ways.there], ways.legs), np.repeat(items[ways.there], ways.legs)))
    numbers, pair, items = _joined(parts)
    named, leg = np.unique(numbers, return_inverse=True)
    return Dealt(stretches_of(window, named), leg.astype(np.int64), pair, items, unplaced)


def standing_still(register: Register, places: Sequence[str], first: date, days: int) -> npt.NDArray[np.bool_]:
    """Return whether each place is suspended on each day: (places, days)."""
    found = np.zeros((len(places), days), dtype=np.bool_)
    for at, name in enumerate(places):
        for pause in register.locations[name].suspensions if name in register.locations else ():
            since = (pause.since.date() - first).days if pause.since else 0
            until = (pause.until.date() - first).days if pause.until else days
            found[at, max(since, 0) : max(until, 0)] = True
    return found


def _by_destination(outlook: Outlook) -> list[Ints]:
    """Return the pairs of each destination."""
    order = np.argsort(outlook.destination, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(outlook.destination[order])) + 1) if len(order) else []


def _joined(parts: Sequence[tuple[Ints, Ints, Floats]]) -> tuple[Ints, Ints, Floats]:
    nothing = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))
    legs, pairs, items = zip(nothing, *parts, strict=True)
    return np.concatenate(legs), np.concatenate(pairs), np.concatenate(items)


def together(one: Dealt, other: Dealt) -> Dealt:
    """Return both as one."""
    moved = (other.leg + len(one.stretches), other.pair, other.items)
    joined = _joined([(one.leg, one.pair, one.items), moved])
    return Dealt(_both(one.stretches, other.stretches), *joined, one.unplaced + other.unplaced)


def _both(one: Stretches, other: Stretches) -> Stretches:
    return Stretches(
        np.concatenate([one.trip, other.trip]),
        np.concatenate([one.day, other.day]),
        np.concatenate([one.first, other.first]),
        np.concatenate([one.last, other.last]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """The earliest ways of some items: which of them have one (`there`), and the legs of those, one after the other.

    `numbers` name the legs in `window`, of which each item has `legs`. Where there is no way at all, no window.
    """

    window: Window | None
    there: Ints
    legs: Ints
    numbers: Longs


def ways_of(network: Network, outlook: Outlook, pairs: Ints, ready: Ints, now: datetime) -> Ways:
    """Return the earliest ways of items of `pairs`, which share their destination; each is ready at a moment."""
    nothing = np.zeros(0, dtype=np.int64)
    if not len(pairs):
        return Ways(None, nothing, nothing, nothing)
    destination = outlook.places[outlook.destination[pairs[0]]]
    transport = transport_to(network, destination, requested=to_seconds(now), horizon_days=HORIZON_DAYS)
    if transport.sweep is None:
        return Ways(None, nothing, nothing, nothing)
    origins, moments = [outlook.places[at] for at in outlook.origin[pairs].tolist()], ready.tolist()
    found = arrivals(transport, origins, moments, objective=Objective.FASTEST, weights=Weights())
    there = [at for at, arrival in enumerate(found.chosen) if arrival is not None]
    handlings = [found.handlings[at] for at in there]
    numbers = leg_numbers(
        transport,
        [origins[at] for at in there],
        [moments[at] for at in there],
        [arrival for arrival in found.chosen if arrival is not None],
        handlings,
    )
    return Ways(transport.window, np.array(there, dtype=np.int64), np.array(handlings, dtype=np.int64) + 1, numbers)


def stretches_of(window: Window | None, numbers: Longs) -> Stretches:
    """Return where the legs ride that `leg_numbers` named in a window."""
    if window is None:
        nothing = np.zeros(0, dtype=np.int64)
        return Stretches(nothing, nothing, nothing, nothing)
    first, last = np.divmod(numbers, len(window.ride_to))
    return Stretches(
        trip=window.ride_trip[first].astype(np.int64),
        day=window.ride_day[first].astype(np.int64),
        first=window.ride_planned[first].astype(np.int64),
        last=window.ride_planned[last].astype(np.int64),
    )


def lay_out(network: Network, dealt: Dealt, first: date, days: int) -> Grid:
    """Return the forecast as a grid."""
    grid = empty_grid(network, first, days)
    items = np.bincount(dealt.leg, weights=dealt.items, minlength=len(dealt.stretches))
    grid.add(dealt.stretches, items.astype(np.float64))
    np.maximum(grid.riding, 0.0, out=grid.riding)  # what was added and taken off again leaves a trace below zero
    return grid


def runs_on(network: Network, first: date, days: int) -> npt.NDArray[np.bool_]:
    """Return which trips run on which days, without those that were stopped: (trips, days)."""
    start, stopped = first.toordinal(), network.stopped
    driven: npt.NDArray[np.bool_] = network.days.active(start, days)[network.trip_service]
    inside = (stopped.day >= start) & (stopped.day < start + days)
    driven[stopped.trip[inside], stopped.day[inside] - start] = False
    for trips, since, last in stopped.standstills:
        from_, to = max(since - start, 0), min(last - start + 1, days)
        if from_ < to:
            driven[trips, from_:to] = False
    return driven
