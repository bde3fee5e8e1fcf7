"""What the vans are going to carry on every ride and day: what is under way, and the forecast.

What is under way rides the legs that are planned for it. What is forecast is planned as a decision would plan it: by
the earliest way from where and when it is handed over. Both are added up over the rides of a trip that a leg covers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from app.planning.forecast import Floats, Ints
from app.planning.outlook import Outlook, days_from
from routing import Leg, Network, Objective, Weights
from routing.calendar import service_day_anchor, to_seconds
from routing.network import trip_positions
from routing.transport import Transport, arrivals, leg_numbered, leg_numbers, transport_to

HORIZON_DAYS = 35


class Stretch(NamedTuple):
    """The rides of one dated trip that a leg covers: positions in `network.rides`, `last` included."""

    trip: int
    day: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class Dealt:
    """How the forecast rides: each row is a leg, a pair of the outlook, and how many items are expected of it."""

    stretches: list[Stretch]
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

    def add(self, stretch: Stretch, items: float) -> bool:
        """Add what rides a stretch; False, and nothing added, where it is on no day of the grid."""
        day = stretch.day - self.first.toordinal()
        if not 0 <= day < self.days:
            return False
        self.riding[stretch.first : stretch.last + 1, day] += items
        self.boarding[stretch.first, day] += items
        return True


def empty_grid(network: Network, first: date, days: int) -> Grid:
    """Return a grid on which nothing rides."""
    shape = (len(network.rides.trip), days)
    return Grid(first, days, np.zeros(shape), np.zeros(shape))


@dataclass(slots=True)
class Finder:
    """Finds the rides that legs cover; the anchors of service days are worked out once."""

    network: Network
    _anchors: dict[date, int] = field(default_factory=dict)

    def stretch_of(self, leg: Mapping[str, Any] | Leg) -> Stretch | None:
        """Return where a leg rides in this network; None where the network has no such ride."""
        if isinstance(leg, Leg):
            moments = (leg.departs_at, leg.arrives_at)
            return self._find(leg.trip_id, leg.service_date, leg.from_location, leg.to_location, moments)
        moments = (datetime.fromisoformat(leg["departs_at"]), datetime.fromisoformat(leg["arrives_at"]))
        day = date.fromisoformat(leg["service_date"])
        return self._find(leg["trip_id"], day, leg["from_location"], leg["to_location"], moments)

    def anchor(self, day: date) -> int:
        """Return where the times of a service day count from."""
        if day not in self._anchors:
            self._anchors[day] = service_day_anchor(day, self.network.zone)
        return self._anchors[day]

    def _find(
        self, trip_id: str, day: date, boards: str, leaves: str, moments: tuple[datetime, datetime]
    ) -> Stretch | None:
        network, rides = self.network, self.network.rides
        trip = trip_positions(network).get(trip_id)
        stops = (network.stop_positions.get(boards), network.stop_positions.get(leaves))
        if trip is None or None in stops:
            return None
        start, anchor = int(rides.first_of_trip[trip]), self.anchor(day)
        here = slice(start, start + int(rides.count_of_trip[trip]))
        departs, arrives = (to_seconds(moment) - anchor for moment in moments)
        first = np.flatnonzero((rides.from_stop[here] == stops[0]) & (rides.departure[here] == departs))
        last = np.flatnonzero((rides.to_stop[here] == stops[1]) & (rides.arrival[here] == arrives))
        if not len(first) or not len(last) or last[-1] < first[0]:
            return None
        return Stretch(trip, day.toordinal(), start + int(first[0]), start + int(last[-1]))


def deal(network: Network, outlook: Outlook, *, now: datetime, ahead: range) -> Dealt:
    """Plan the way of what is expected to be handed over on the days that lie `ahead` (0: today, from now on)."""
    local = now.astimezone(network.zone)
    expected = outlook.expect(local.date() + timedelta(days=ahead.start), len(ahead))
    if 0 in ahead:
        expected[:, 0] *= outlook.still_to_come(local.hour * 3600 + local.minute * 60 + local.second)
    finder = Finder(network)
    days = days_from(local.date() + timedelta(days=ahead.start), len(ahead))
    midnights = np.array([finder.anchor(day) for day in days], dtype=np.int64)
    numbers: dict[int, int] = {}
    stretches: list[Stretch] = []
    parts: list[tuple[Ints, Ints, Floats]] = []
    unplaced = 0.0
    for pairs in _by_destination(outlook):
        which, day = np.nonzero(expected[pairs] > 0)
        pair, items = pairs[which], expected[pairs[which], day]
        ready = midnights[day] + outlook.ready[outlook.origin[pair]].astype(np.int64)
        ways = ways_of(network, outlook, pair, np.maximum(ready, to_seconds(now)), now)
        unplaced += float(items.sum() - items[ways.there].sum())
        named = ways.numbers.tolist()
        for number in sorted(set(named) - numbers.keys()):
            stretch = finder.stretch_of(ways.leg(number))
            assert stretch is not None, "the engine's own leg"
            numbers[number] = len(stretches)
            stretches.append(stretch)
        leg = np.array([numbers[number] for number in named], dtype=np.int64)
        parts.append((leg, np.repeat(pair[ways.there], ways.legs), np.repeat(items[ways.there], ways.legs)))
    return Dealt(stretches, *_joined(parts), unplaced)


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
    return Dealt([*one.stretches, *other.stretches], *joined, one.unplaced + other.unplaced)


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """The earliest ways of some items: which of them have one (`there`), and the legs of those, one after the other.

    `numbers` name the legs, of which each item has `legs`.
    """

    transport: Transport | None
    there: Ints
    legs: Ints
    numbers: Ints

    def leg(self, number: int) -> Leg:
        """Return the leg of a number."""
        assert self.transport is not None
        return leg_numbered(self.transport, number)


def ways_of(network: Network, outlook: Outlook, pairs: Ints, ready: Ints, now: datetime) -> Ways:
    """Return the earliest ways of items of `pairs`, which share their destination; each is ready at a moment."""
    nothing = np.zeros(0, dtype=np.int64)
    if not len(pairs):
        return Ways(None, nothing, nothing, nothing)
    destination = outlook.places[outlook.destination[pairs[0]]]
    transport = transport_to(network, destination, requested=to_seconds(now), horizon_days=HORIZON_DAYS)
    if transport.sweep is None:
        return Ways(transport, nothing, nothing, nothing)
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
    return Ways(transport, np.array(there, dtype=np.int64), np.array(handlings, dtype=np.int64) + 1, numbers)


def lay_out(network: Network, dealt: Dealt, first: date, days: int) -> Grid:
    """Return the forecast as a grid."""
    grid = empty_grid(network, first, days)
    by_leg = np.bincount(dealt.leg, weights=dealt.items, minlength=len(dealt.stretches))
    for stretch, items in zip(dealt.stretches, by_leg.tolist(), strict=True):
        grid.add(stretch, items)
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
