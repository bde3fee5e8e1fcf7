"""When an item really arrives: a van does not always take what it was to take, and then the next one does.

An item rides its earliest itinerary, as `sweep.itineraries` has it. Before each leg it is left behind with the
probability that its trip is missed, and then rides the earliest itinerary from a later departure of the same stop. So
where an item stands decides everything that can still happen to it, and only two things can happen next: it rides a
leg, or it waits.

What differs only by how long it waits for the same departure is one: a *chance* is the last departure at which an
itinerary can begin, and the slots before it lead to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from routing.columns import first_beyond
from routing.network import Bools, Floats, Ints, Longs, Window
from routing.sweep import NEVER, Sweep, leaves_after

LITTLE = 1e-5
"""What is less likely to be left behind, of all that is counted together, is taken to ride."""
MOST_WAITING = 64

Singles = npt.NDArray[np.float32]


class Departures(NamedTuple):
    """The slots of a window, whatever the pickup stop: those of stop *s* are `start[s]` to `start[s + 1]`.

    What was left behind at a slot (as likely as `left`) can board at the slot `later` (-1: none leaves later).
    """

    moment: Ints
    start: Ints
    later: Ints
    left: Singles


class Spread(NamedTuple):
    """What can happen to an item at each chance of a window, on its way to one pickup stop, kept small.

    Arrivals are the moments at which something can be collected at the pickup stop: `moment` has them in order
    (seconds from the start of the window), and at its end one more, the end of the window, for what never arrives.
    A chance is a slot, and those of one stop follow each other. What rides from it is at the chance `rides` then, or
    has arrived: -1 less the position in `moment`. `mean` is the mean moment of a chance, `least` the least mean of it
    and of all later chances at its stop.
    """

    moment: Longs
    slot: Ints
    rides: Ints
    mean: Singles
    least: Singles

    @property
    def size_bytes(self) -> int:
        """What the columns weigh."""
        return sum(column.nbytes for column in self)


def departures_of(window: Window, missed: Floats) -> Departures:
    """Say what follows when an item is left behind, as likely as its trip is `missed` (trips,)."""
    later = _later(window.ride_from, window.slot_ride, window.slot_departure, window.segment_start)
    left = missed[window.ride_trip[window.slot_ride]].astype(np.float32)
    return Departures(window.slot_departure, window.segment_start, later, left)


def spread_over(window: Window, sweep: Sweep, departures: Departures, collected: Longs) -> Spread:
    """Work out how arrivals at the sweep's pickup stop are spread.

    `collected` says for each ride that can end at the pickup stop when what it brings can be collected (seconds from
    the start of the window; rides,).
    """
    there = (window.ride_to == sweep.pickup) & window.ride_leaves
    moment = np.append(np.unique(collected[there]), max(window.length, int(collected[there].max(initial=0)) + 1))
    slot = _last_of_each(sweep.arrival, sweep.handlings, window.segment_start)
    rides = _ridden(
        slot,
        np.searchsorted(moment, collected).astype(np.int32),
        len(moment) - 1,
        sweep.pickup,
        window.ride_to,
        window.ride_arrival,
        window.ride_leaves,
        window.ride_ends_trip,
        window.ride_next,
        window.slot_ride,
        window.slot_departure,
        window.segment_start,
        sweep.arrival,
        sweep.handlings,
        sweep.slower_slot,
        sweep.slower_handlings,
        sweep.slower_arrival,
    )
    mean = _means(slot, rides, departures.later, departures.left, moment.astype(np.float64))
    least = _least(mean, np.searchsorted(window.segment_start, slot, side="right"))
    return Spread(moment, slot, rides, mean.astype(np.float32), least.astype(np.float32))


@njit(cache=True, nogil=True)
def _last_of_each(arrival: Ints, handlings: npt.NDArray[np.uint16], segment_start: Ints) -> Ints:
    """Of all slots that arrive as early with as few handlings, one after the other, the last."""
    found = np.empty(len(arrival), np.int32)
    count = 0
    for s in range(len(segment_start) - 1):
        for i in range(segment_start[s], segment_start[s + 1]):
            last = i + 1 == segment_start[s + 1]
            if last or arrival[i] != arrival[i + 1] or handlings[i] != handlings[i + 1]:
                found[count] = i
                count += 1
    return found[:count].copy()


@njit(cache=True, nogil=True)
def _later(ride_from: Ints, slot_ride: Ints, slot_departure: Ints, segment_start: Ints) -> Ints:
    """For each slot the first one of its stop that departs later; -1: none does."""
    found = np.empty(len(slot_ride), np.int32)
    for slot in range(len(slot_ride)):
        stop = ride_from[slot_ride[slot]]  # a slot may stand in a segment of its own too
        end = segment_start[stop + 1]
        later = first_beyond(slot_departure, segment_start[stop], end, slot_departure[slot])
        found[slot] = later if later < end else -1
    return found


@njit(cache=True, nogil=True)
def _ridden(
    slots: Ints,
    position: Ints,
    never: int,
    pickup: int,
    ride_to: Ints,
    ride_arrival: Ints,
    ride_leaves: Bools,
    ride_ends_trip: Bools,
    ride_next: Ints,
    slot_ride: Ints,
    slot_departure: Ints,
    segment_start: Ints,
    arrival: Ints,
    handlings: npt.NDArray[np.uint16],
    slower_slot: Ints,
    slower_handlings: npt.NDArray[np.uint16],
    slower_arrival: Ints,
) -> Ints:
    """Where each chance leads."""
    found = np.full(len(slots), -1 - never, np.int32)
    for at in range(len(slots)):
        slot = slots[at]
        if arrival[slot] == NEVER:
            continue
        end = leaves_after(
            slot_ride[slot], handlings[slot], arrival[slot], pickup,
            ride_to, ride_arrival, ride_leaves, ride_ends_trip, ride_next, slot_departure, segment_start,
            arrival, handlings, slower_slot, slower_handlings, slower_arrival,
        )  # fmt: skip
        found[at] = -1 - position[end] if handlings[slot] == 0 else chance_of(slots, ride_next[end])
    return found


@njit(cache=True, nogil=True)
def chance_of(slots: Ints, slot: int) -> int:
    """The chance that a slot leads to, by the slots of all chances."""
    return first_beyond(slots, 0, len(slots), slot - 1)


@njit(cache=True, nogil=True)
def _means(slots: Ints, rides: Ints, later: Ints, left: Singles, moment: Floats) -> Floats:
    """The mean moment of each chance, reckoned after those that it leads to."""
    never = moment[-1]
    mean = np.full(len(rides), np.nan)
    under_way = np.zeros(len(rides), np.bool_)
    stack = np.empty(len(rides) + 1, np.int32)
    for start in range(len(rides) - 1, -1, -1):
        stack[0], height = start, 1
        while height > 0:
            at = stack[height - 1]
            if not np.isnan(mean[at]):
                height -= 1
                continue
            under_way[at] = True
            waits = -1 if later[slots[at]] < 0 else chance_of(slots, later[slots[at]])
            # One that is under way leads here in no time at all: a circle, which only a strange feed has.
            needed = rides[at]
            if needed < 0 or not np.isnan(mean[needed]) or under_way[needed]:
                needed = waits
            if needed >= 0 and np.isnan(mean[needed]) and not under_way[needed]:
                stack[height] = needed
                height += 1
                continue
            there = moment[-1 - rides[at]] if rides[at] < 0 else mean[rides[at]]
            behind = never if waits < 0 else mean[waits]
            share = left[slots[at]]
            mean[at] = (1 - share) * (never if np.isnan(there) else there)
            mean[at] += share * (never if np.isnan(behind) else behind)
    return mean


@njit(cache=True, nogil=True)
def _least(mean: Floats, segment: npt.NDArray[np.intp]) -> Floats:
    """The least mean of each chance and the later ones of its stop, which is its segment."""
    least = mean.copy()
    for at in range(len(mean) - 2, -1, -1):
        if segment[at] == segment[at + 1] and least[at + 1] < least[at]:
            least[at] = least[at + 1]
    return least


@njit(cache=True, nogil=True)
def arrive(
    departures: Departures,
    spread: Spread,
    chance: int,
    share: float,
    by_arrival: Floats,
    waiting: Ints,
    shares: Floats,
) -> None:
    """Add what becomes of a share of all cases at a chance: how likely it arrives at each of the spread's moments.

    `waiting` and `shares` are room for MOST_WAITING numbers each.
    """
    waiting[0], shares[0], height = chance, share, 1
    while height > 0:
        height -= 1
        at, rest = waiting[height], shares[height]
        while at >= 0:
            slot = spread.slot[at]
            behind = rest * departures.left[slot]
            if behind >= LITTLE and height < MOST_WAITING:
                rest -= behind
                later = departures.later[slot]
                if later < 0:
                    by_arrival[-1] += behind
                else:
                    waiting[height], shares[height] = chance_of(spread.slot, later), behind
                    height += 1
            at = spread.rides[at]
        by_arrival[-1 - at] += rest
