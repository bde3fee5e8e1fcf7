"""How an item really travels: the engine's itinerary, and from where a missed van leaves it the next one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from bench.choice.chance import Nature, is_missed
from bench.choice.ground import FIRST, HORIZON_DAYS, Ground
from routing.columns import first_beyond
from routing.hours import Hours, open_at
from routing.network import Bools, Floats, Ints, Longs, Network, Window, window_for
from routing.sweep import NEVER, Sweep, first_slots, leaves_after, sweep_to

MOST_LEGS = 16


class Columns(NamedTuple):
    """What of a window the kernel reads."""

    ride_trip: Ints
    ride_day: Ints
    ride_planned: Ints
    ride_from: Ints
    ride_to: Ints
    ride_arrival: Ints
    ride_leaves: Bools
    ride_ends_trip: Bools
    ride_next: Ints
    slot_ride: Ints
    slot_departure: Ints
    segment_start: Ints


class Journey(NamedTuple):
    """When an item was there (seconds from the origin; -1: never), its handlings, and the rides of its legs."""

    arrival: int
    handlings: int
    first: Longs  # (legs,): the first ride of each, in the window
    last: Longs


@njit(cache=True)
def _rides(
    columns: Columns,
    pickup: int,
    arrival: Ints,
    handlings: npt.NDArray[np.uint16],
    slower_slot: Ints,
    slower_handlings: npt.NDArray[np.uint16],
    slower_arrival: Ints,
    slot: int,
    seed: int,
    missed: Floats,
    first: Longs,
    last: Longs,
) -> tuple[int, int]:
    """Ride from a slot to the pickup stop; return the arrival (NEVER: none) and how many legs were ridden."""
    count = 0
    while slot >= 0 and arrival[slot] < NEVER:
        # It waits for the last departure that arrives as early, as an itinerary does.
        p = columns.slot_ride[slot]
        segment = columns.ride_from[p]
        end = columns.segment_start[segment + 1]
        while slot + 1 < end and arrival[slot + 1] == arrival[slot] and handlings[slot + 1] == handlings[slot]:
            slot += 1
        p = columns.slot_ride[slot]
        if is_missed(seed, missed, columns.ride_trip[p], columns.ride_day[p]):
            begin = columns.segment_start[segment]
            slot = first_beyond(columns.slot_departure, begin, end, columns.slot_departure[slot])
            if slot == end:
                break
            continue
        left = handlings[slot]
        end = leaves_after(
            p, left, arrival[slot], pickup, columns.ride_to, columns.ride_arrival, columns.ride_leaves,
            columns.ride_ends_trip, columns.ride_next, columns.slot_departure, columns.segment_start,
            arrival, handlings, slower_slot, slower_handlings, slower_arrival,
        )  # fmt: skip
        if count < len(first):
            first[count], last[count] = p, end
            count += 1
        if left == 0:
            return int(columns.ride_arrival[end]), count
        slot = columns.ride_next[end]
    return NEVER, count


class Vans:
    """The vans of one seed: rides items in the window of the moment at which they are handed over."""

    def __init__(self, ground: Ground, nature: Nature, network: Network) -> None:
        self._ground, self._nature, self.network = ground, nature, network
        self.first_day = FIRST.toordinal()
        self._columns: tuple[int, Columns] | None = None

    def window(self, moment: int) -> Window:
        """The window that holds a moment (seconds from the origin)."""
        return window_for(self.network, self._ground.origin + moment, HORIZON_DAYS)

    def sweep(self, moment: int, to: int) -> Sweep:
        """All ways to a place in the window of a moment."""
        return sweep_to(self.network, self.window(moment), int(self._ground.stop[to]))

    def ride(self, place: int, to: int, moment: int, *, window_of: int | None = None) -> Journey:
        """Hand an item over at a place and let it ride; in the window of another moment, where that is given."""
        asked = moment if window_of is None else window_of
        window, sweep = self.window(asked), self.sweep(asked, to)
        if self._columns is None or self._columns[0] != window.start:
            self._columns = window.start, Columns(*(getattr(window, name) for name in Columns._fields))
        ready = np.array([moment + self._ground.origin - window.start], dtype=np.int64)
        slot = first_slots(self._ground.stop[place : place + 1], ready, window.slot_departure, window.segment_start)
        first, last = np.empty(MOST_LEGS, np.int64), np.empty(MOST_LEGS, np.int64)
        arrival, legs = _rides(
            self._columns[1], sweep.pickup, sweep.arrival, sweep.handlings, sweep.slower_slot, sweep.slower_handlings,
            sweep.slower_arrival, int(slot[0]), self._nature.seed, self._nature.missed_of_trip, first, last,
        )  # fmt: skip
        came = -1 if arrival == NEVER else arrival + window.start - self._ground.origin
        return Journey(came, max(0, legs - 1), first[:legs], last[:legs])


def collected(hours: Hours, kind: int, arrival: int) -> int:
    """When a reader can collect what arrives at a moment."""
    return int(open_at(hours, kind, arrival))
