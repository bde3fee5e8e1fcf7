"""What the vans are going to carry on every ride and day: what is under way, and the forecast.

What is under way rides the legs that are planned for it. What is forecast is planned as a decision would plan it: by
the earliest way from where and when it is handed over. Both are added up over the rides of a trip that a leg covers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from app.planning.forecast import Floats, Ints
from app.planning.outlook import Outlook, days_from
from routing import Leg, Network, Objective, Weights
from routing.calendar import service_day_anchor, to_seconds
from routing.network import trip_positions
from routing.transport import arrivals, legs, transport_to

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


def deal(network: Network, outlook: Outlook, *, now: datetime, days: int) -> Dealt:
    """Plan the way of what is expected to be handed over today, from now on, and on the days after: `days` in all."""
    local = now.astimezone(network.zone)
    today = local.date()
    expected = outlook.expect(today, days)
    if days:
        expected[:, 0] *= outlook.still_to_come(local.hour * 3600 + local.minute * 60 + local.second)
    finder = Finder(network)
    midnights = np.array([finder.anchor(day) for day in days_from(today, days)], dtype=np.int64)
    numbers: dict[int, int] = {}
    held: list[Leg] = []  # as long as they are held, no other leg has the id of one of them
    rows: list[tuple[int, int, float]] = []
    unplaced = 0.0
    order = np.argsort(outlook.destination, kind="stable")
    starts = np.flatnonzero(np.diff(outlook.destination[order], prepend=-1))
    for pairs in np.split(order, starts[1:]) if len(order) else ():
        pair, ahead = np.nonzero(expected[pairs] > 0)
        ready = np.maximum(
            midnights[ahead] + outlook.ready[outlook.origin[pairs[pair]]].astype(np.int64), to_seconds(now)
        )
        ways = ways_of(network, outlook, pairs[pair], ready, now)
        for way, number, items in zip(ways, pairs[pair].tolist(), expected[pairs[pair], ahead].tolist(), strict=True):
            if way is None:
                unplaced += items
                continue
            for leg in way:
                if id(leg) not in numbers:
                    numbers[id(leg)] = len(held)
                    held.append(leg)
                rows.append((numbers[id(leg)], number, items))
    return _as_dealt(finder, held, rows, unplaced)


def ways_of(
    network: Network, outlook: Outlook, pairs: Ints, ready: Ints, now: datetime
) -> Iterable[tuple[Leg, ...] | None]:
    """Return the earliest way of each candidate to the destination that all of `pairs` share; None: there is none."""
    if not len(pairs):
        return []
    destination = outlook.places[outlook.destination[pairs[0]]]
    transport = transport_to(network, destination, requested=to_seconds(now), horizon_days=HORIZON_DAYS)
    origins = [outlook.places[at] for at in outlook.origin[pairs].tolist()]
    moments = ready.tolist()
    found = arrivals(transport, origins, moments, objective=Objective.FASTEST, weights=Weights())
    there = [at for at, arrival in enumerate(found.chosen) if arrival is not None]
    ridden = legs(
        transport,
        [origins[at] for at in there],
        [moments[at] for at in there],
        [arrival for arrival in found.chosen if arrival is not None],
        [found.handlings[at] for at in there],
    )
    ways: list[tuple[Leg, ...] | None] = [None] * len(origins)
    for at, way in zip(there, ridden, strict=True):
        ways[at] = way
    return ways


def _as_dealt(finder: Finder, held: Sequence[Leg], rows: list[tuple[int, int, float]], unplaced: float) -> Dealt:
    stretches = []
    for leg in held:
        stretch = finder.stretch_of(leg)
        assert stretch is not None, "the engine's own leg"
        stretches.append(stretch)
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return Dealt(
        stretches=stretches,
        leg=np.array(columns[0], dtype=np.int64),
        pair=np.array(columns[1], dtype=np.int64),
        items=np.array(columns[2], dtype=np.float64),
        unplaced=unplaced,
    )


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
