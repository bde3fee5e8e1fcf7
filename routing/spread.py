"""When an item really arrives: a van does not always take what it was to take, and then the next one does.

An item rides its earliest itinerary, as `sweep.itineraries` has it. Before each leg it is left behind with the
probability that its trip is missed, and then rides the earliest itinerary from a later departure of the same stop. So
where an item stands decides everything that can still happen to it. One walk over the departures of a window, each
after those that it can lead to, gives for each of them how likely every arrival at the pickup stop is.

What differs only by how long it waits for the same departure is one: a *chance* is the last departure at which an
itinerary can begin, and the slots before it lead to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from routing.columns import first_beyond
from routing.network import Bools, Floats, Ints, Longs, Network, Window
from routing.sweep import NEVER, Sweep, leaves_after

MOST_ARRIVALS = 6
"""How many different arrivals are kept of a chance. Of more, the two are made one between which that moves the least:
with one trip in two hundred missed, that is seconds of the mean."""


UNHEARD_OF = 1e-9
"""What is less likely is not counted."""


class Spread(NamedTuple):
    """How likely every arrival is from every slot of a window, kept small.

    Arrivals are the moments at which something can be collected at the pickup stop: `moment` has them in order
    (seconds from the start of the window), and at its end one more, the end of the window, for what never arrives.
    A chance has up to MOST_ARRIVALS arrivals (positions in `moment`, in order, -1: no more) with their likelihood;
    `mean` is its mean moment, `least` the least mean of it and of all later chances at its stop.
    """

    moment: Longs
    chance: Ints  # (slots,): the chance that a slot leads to
    slot: Ints  # (chances,): the slot that it is; those of one chance follow each other, and this is the last
    arrival: Ints  # (chances, MOST_ARRIVALS)
    likely: Floats  # (chances, MOST_ARRIVALS)
    mean: Floats  # (chances,)
    least: Floats  # (chances,)

    @property
    def size_bytes(self) -> int:
        """What the columns weigh."""
        return sum(column.nbytes for column in self)


def spread_over(network: Network, window: Window, sweep: Sweep, missed: Floats, collected: Longs) -> Spread:
    """Work out how arrivals at the sweep's pickup stop are spread.

    `missed` is the probability that an item is left behind by each trip (trips,). `collected` says for each ride that
    can end at the pickup stop when what it brings can be collected (seconds from the start of the window; rides,).
    """
    there = (window.ride_to == sweep.pickup) & window.ride_leaves
    moment = np.append(np.unique(collected[there]), max(window.length, int(collected[there].max(initial=0)) + 1))
    position = np.searchsorted(moment, collected).astype(np.int32)
    last = _last_of_each(sweep.arrival, sweep.handlings, window.segment_start)
    first = np.flatnonzero(last == np.arange(len(last)))
    chance = (np.searchsorted(first, last) if len(first) else last).astype(np.int32)
    arrival = np.full((len(first), MOST_ARRIVALS), -1, dtype=np.int32)
    likely = np.zeros((len(first), MOST_ARRIVALS))
    slot = first.astype(np.int32)
    _walk(
        slot,
        chance,
        missed[window.ride_trip],
        position,
        moment,
        sweep.pickup,
        window.ride_from,
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
        arrival,
        likely,
    )
    mean = (moment[arrival] * likely).sum(axis=1)
    segment = np.searchsorted(window.segment_start, first, side="right")
    return Spread(moment, chance, slot, arrival, likely, mean, _least(mean, segment))


@njit(cache=True, nogil=True)
def _least(mean: Floats, segment: npt.NDArray[np.intp]) -> Floats:
    """The least mean of each chance and the later ones of its stop, which is its segment."""
    least = mean.copy()
    for at in range(len(mean) - 2, -1, -1):
        if segment[at] == segment[at + 1] and least[at + 1] < least[at]:
            least[at] = least[at + 1]
    return least


@njit(cache=True, nogil=True)
def _last_of_each(arrival: Ints, handlings: npt.NDArray[np.uint16], segment_start: Ints) -> Ints:
    """For each slot the last one of its stop that still arrives as early with as few handlings."""
    found = np.empty(len(arrival), np.int32)
    for s in range(len(segment_start) - 1):
        for i in range(segment_start[s + 1] - 1, segment_start[s] - 1, -1):
            found[i] = i
            if i + 1 < segment_start[s + 1] and arrival[i] == arrival[i + 1] and handlings[i] == handlings[i + 1]:
                found[i] = found[i + 1]
    return found


@njit(cache=True, nogil=True)
def _walk(
    slots: Ints,
    chance: Ints,
    missed: Floats,
    position: Ints,
    moment: Longs,
    pickup: int,
    ride_from: Ints,
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
    found: Ints,
    likely: Floats,
) -> None:
    """Fill in every chance after those that it leads to."""
    done = np.zeros(len(slots), np.uint8)  # 1: under way, 2: known
    brings, then = np.empty(len(slots), np.int32), np.empty(len(slots), np.int32)
    stack = np.empty(len(slots) + 1, np.int32)
    for start in range(len(slots) - 1, -1, -1):
        if done[start] == 2:
            continue
        stack[0] = start
        height = 1
        while height > 0:
            at = stack[height - 1]
            slot = slots[at]
            if arrival[slot] == NEVER:
                found[at, 0], likely[at, 0] = len(moment) - 1, 1.0
                done[at] = 2
                height -= 1
                continue
            if done[at] == 0:
                end = leaves_after(
                    slot_ride[slot], handlings[slot], arrival[slot], pickup,
                    ride_to, ride_arrival, ride_leaves, ride_ends_trip, ride_next, slot_departure, segment_start,
                    arrival, handlings, slower_slot, slower_handlings, slower_arrival,
                )  # fmt: skip
                brings[at] = end if handlings[slot] == 0 else -1
                then[at] = -1 if handlings[slot] == 0 else chance[ride_next[end]]
                done[at] = 1
            later = departs_later(slot, ride_from[slot_ride[slot]], slot_departure, segment_start)
            later = chance[later] if later >= 0 else -1
            # One that is under way leads here in no time at all: a circle, which only a strange feed has.
            needed = -1
            if then[at] >= 0 and done[then[at]] == 0:
                needed = then[at]
            elif later >= 0 and done[later] == 0:
                needed = later
            if needed >= 0:
                stack[height] = needed
                height += 1
                continue
            left = missed[slot_ride[slot]]
            if brings[at] >= 0:
                _add(found, likely, at, position[brings[at]], 1.0 - left, moment)
            else:
                _mix(found, likely, at, then[at], 1.0 - left, moment)
            if left > 0.0:
                _mix(found, likely, at, later, left, moment)
            done[at] = 2
            height -= 1


@njit(cache=True, nogil=True)
def departs_later(slot: int, stop: int, slot_departure: Ints, segment_start: Ints) -> int:
    """The first slot of a stop that departs later than a slot; -1 where none does."""
    end = segment_start[stop + 1]
    later = first_beyond(slot_departure, segment_start[stop], end, slot_departure[slot])
    return later if later < end else -1


@njit(cache=True, nogil=True)
def _mix(found: Ints, likely: Floats, at: int, other: int, share: float, moment: Longs) -> None:
    """Add another chance's arrivals, each times `share`; -1, or one that leads here itself, never arrives."""
    if other < 0 or found[other, 0] < 0:
        _add(found, likely, at, len(moment) - 1, share, moment)
        return
    for n in range(found.shape[1]):
        if found[other, n] >= 0:
            _add(found, likely, at, found[other, n], likely[other, n] * share, moment)


@njit(cache=True, nogil=True)
def _add(found: Ints, likely: Floats, at: int, arrival: int, share: float, moment: Longs) -> None:
    """Add one arrival in its place. Where that makes one too many, two become one: see MOST_ARRIVALS."""
    if share < UNHEARD_OF:
        return
    most = found.shape[1]
    n = 0
    while n < most and 0 <= found[at, n] < arrival:
        n += 1
    if n < most and found[at, n] == arrival:
        likely[at, n] += share
        return
    over, lost = found[at, most - 1], likely[at, most - 1]
    for k in range(most - 1, n, -1):
        found[at, k], likely[at, k] = found[at, k - 1], likely[at, k - 1]
    if n < most:
        found[at, n], likely[at, n] = arrival, share
    else:
        over, lost = arrival, share
    if over >= 0:
        _join(found, likely, at, over, lost, moment)


@njit(cache=True, nogil=True)
def _join(found: Ints, likely: Floats, at: int, over: int, lost: float, moment: Longs) -> None:
    """Make room for one more at the end: of two neighbours the less likely moves to where the other is.

    They are those between which that moves the least, likelihood times time.
    """
    most = found.shape[1]
    cheapest, pair = np.inf, 0
    for k in range(most):
        later, its = (found[at, k + 1], likely[at, k + 1]) if k + 1 < most else (over, lost)
        price = min(likely[at, k], its) * (moment[later] - moment[found[at, k]])
        if price < cheapest:
            cheapest, pair = price, k
    later, its = (found[at, pair + 1], likely[at, pair + 1]) if pair + 1 < most else (over, lost)
    if its > likely[at, pair]:
        found[at, pair] = later
    likely[at, pair] += its
    if pair + 1 < most:
        for k in range(pair + 1, most - 1):
            found[at, k], likely[at, k] = found[at, k + 1], likely[at, k + 1]
        found[at, most - 1], likely[at, most - 1] = over, lost
