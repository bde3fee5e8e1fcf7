"""The sweep: how soon an item reaches one pickup stop from every departure of a window, by changes of trip.

It walks time backwards in layers. Layer *k* holds, for every slot, the earliest arrival with at most *k*
changes ("handlings") when boarding there or at any later departure of the same stop. Two facts carry it:

- A dated trip is walked from its last ride to its first. Aboard a ride, the best is the best of: leaving here
  if this is the pickup stop; changing here, worth whatever layer *k - 1* says of the first slot that can still
  be caught; staying on.
- Changing looks into the finished layer below and never into its own. So handling times of zero and rides of
  no length, where everything happens in one second, need no order among what is simultaneous.

One sweep answers every objective: the fastest is the last layer, and what fewer handlings cost in time is what
the layers below say. Stops, slots and times are those of `network.Window`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from routing.columns import first_from
from routing.network import Bools, Ints, Longs, Network, Window

NEVER = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """All ways to one pickup stop, kept small.

    Per slot the earliest arrival (`NEVER`: none) and the fewest handlings it takes. Where fewer handlings than
    that arrive too, only later, there are *slower* rows: slot, handlings, arrival, ordered by slot and handlings.
    """

    pickup: int
    arrival: Ints  # (slots,)
    handlings: npt.NDArray[np.uint16]  # (slots,)
    slower_slot: Ints
    slower_handlings: npt.NDArray[np.uint16]
    slower_arrival: Ints

    @property
    def size_bytes(self) -> int:
        """What the columns weigh."""
        columns = (getattr(self, name) for name in self.__slots__)
        return sum(column.nbytes for column in columns if isinstance(column, np.ndarray))


def sweep_to(network: Network, window: Window, pickup: int) -> Sweep:
    """The sweep to stop position `pickup` in a window, kept or made."""
    key = ("sweep", window.start, window.length, pickup)
    sweep = network.cache.find(key)
    if not isinstance(sweep, Sweep):
        sweep = make_sweep(window, pickup)
        network.cache.keep(key, sweep, size_bytes=sweep.size_bytes)
    return sweep


def make_sweep(window: Window, pickup: int) -> Sweep:
    """The sweep to stop position `pickup` in a window, made anew."""
    columns = _sweep(
        pickup,
        window.ride_to,
        window.ride_arrival,
        window.ride_leaves,
        window.ride_ends_trip,
        window.ride_next,
        window.slot_ride,
        window.segment_start,
    )
    return Sweep(pickup, *columns)


@njit(cache=True, nogil=True)
def _sweep(
    pickup: int,
    ride_to: Ints,
    ride_arrival: Ints,
    ride_leaves: Bools,
    ride_ends_trip: Bools,
    ride_next: Ints,
    slot_ride: Ints,
    segment_start: Ints,
) -> tuple[Ints, npt.NDArray[np.uint16], Ints, npt.NDArray[np.uint16], Ints]:
    rides, slots = len(ride_to), len(slot_ride)
    aboard = np.empty(rides, np.int32)
    layers = np.empty((8, slots), np.int32)
    count = 0
    while True:
        best = np.int32(NEVER)
        for p in range(rides - 1, -1, -1):
            if ride_ends_trip[p]:
                best = np.int32(NEVER)
            if ride_to[p] == pickup and ride_leaves[p] and ride_arrival[p] < best:
                best = ride_arrival[p]
            if count > 0 and ride_next[p] >= 0:
                changed = layers[count - 1, ride_next[p]]
                if changed < best:
                    best = changed
            aboard[p] = best
        if count == len(layers):
            grown = np.empty((2 * count, slots), np.int32)
            grown[:count] = layers
            layers = grown
        news = False
        for s in range(len(segment_start) - 1):
            best = np.int32(NEVER)
            for i in range(segment_start[s + 1] - 1, segment_start[s] - 1, -1):
                best = min(best, aboard[slot_ride[i]])
                layers[count, i] = best
                if best < NEVER and (count == 0 or best < layers[count - 1, i]):
                    news = True
        if not news:
            break
        count += 1
    return _compact(layers, count, slots)


@njit(cache=True, nogil=True)
def _compact(
    layers: Ints, count: int, slots: int
) -> tuple[Ints, npt.NDArray[np.uint16], Ints, npt.NDArray[np.uint16], Ints]:
    arrival = np.full(slots, NEVER, np.int32)
    handlings = np.zeros(slots, np.uint16)
    slower = 0
    for k in range(count):
        for i in range(slots):
            if layers[k, i] < arrival[i]:
                if arrival[i] < NEVER:
                    slower += 1
                arrival[i] = layers[k, i]
                handlings[i] = k
    slower_slot = np.empty(slower, np.int32)
    slower_handlings = np.empty(slower, np.uint16)
    slower_arrival = np.empty(slower, np.int32)
    n = 0
    for i in range(slots):
        if handlings[i] == 0 or layers[handlings[i] - 1, i] == NEVER:
            continue
        before = np.int32(NEVER)
        for k in range(handlings[i]):
            if layers[k, i] < before:
                before = layers[k, i]
                slower_slot[n] = i
                slower_handlings[n] = k
                slower_arrival[n] = before
                n += 1
    return arrival, handlings, slower_slot, slower_handlings, slower_arrival


# --- asking it ------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def first_slots(stops: Ints, ready: Ints | Longs, slot_departure: Ints, segment_start: Ints) -> Ints:
    """Per candidate the first slot at `stops` that departs at or after `ready`; -1 where none does.

    A stop of -1 is not in this network.
    """
    found = np.empty(len(stops), np.int32)
    for c in range(len(stops)):
        found[c] = -1
        if stops[c] < 0:
            continue
        end = segment_start[stops[c] + 1]
        first = first_from(slot_departure, segment_start[stops[c]], end, ready[c])
        if first < end:
            found[c] = first
    return found


@njit(cache=True, nogil=True)
def fastest(
    stops: Ints,
    ready: Ints | Longs,
    slot_departure: Ints,
    segment_start: Ints,
    arrival: Ints,
    handlings: npt.NDArray[np.uint16],
) -> Ints:
    """Per candidate the earliest arrival (row 0, `NEVER` where there is none) and its fewest handlings (row 1)."""
    found = np.empty((2, len(stops)), np.int32)
    slots = first_slots(stops, ready, slot_departure, segment_start)
    for c in range(len(stops)):
        i = slots[c]
        found[0, c] = NEVER if i < 0 else arrival[i]
        found[1, c] = 0 if i < 0 else handlings[i]
    return found


@njit(cache=True, nogil=True)
def lightest(
    stops: Ints,
    ready: Ints | Longs,
    deadline: int,
    per_second: float,
    per_handling: float,
    slot_departure: Ints,
    segment_start: Ints,
    arrival: Ints,
    handlings: npt.NDArray[np.uint16],
    slower_slot: Ints,
    slower_handlings: npt.NDArray[np.uint16],
    slower_arrival: Ints,
) -> Ints:
    """As `fastest`, but of what arrives by `deadline` the lightest: seconds and handlings, each times its weight.

    Equal weights go by arrival, then handlings. No seconds' weight and some for handlings is "fewest handlings".
    """
    found = np.empty((2, len(stops)), np.int32)
    slots = first_slots(stops, ready, slot_departure, segment_start)
    for c in range(len(stops)):
        found[0, c] = NEVER
        found[1, c] = 0
        i = slots[c]
        if i < 0 or arrival[i] > deadline:
            continue
        # From the fastest down to fewer handlings, each arriving later: only a lighter one takes over.
        found[0, c] = arrival[i]
        found[1, c] = handlings[i]
        lowest = arrival[i] * per_second + handlings[i] * per_handling
        n = np.searchsorted(slower_slot, i, side="right") - 1
        while n >= 0 and slower_slot[n] == i and slower_arrival[n] <= deadline:
            weight = slower_arrival[n] * per_second + slower_handlings[n] * per_handling
            if weight < lowest:
                lowest = weight
                found[0, c] = slower_arrival[n]
                found[1, c] = slower_handlings[n]
            n -= 1
    return found


# --- the way itself -------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _value(
    i: int,
    k: int,
    arrival: Ints,
    handlings: npt.NDArray[np.uint16],
    slower_slot: Ints,
    slower_handlings: npt.NDArray[np.uint16],
    slower_arrival: Ints,
) -> int:
    """Layer `k` at slot `i`: the earliest arrival with at most `k` handlings."""
    if k >= handlings[i]:
        return int(arrival[i])
    best = NEVER
    n = np.searchsorted(slower_slot, i)
    while n < len(slower_slot) and slower_slot[n] == i and slower_handlings[n] <= k:
        best = slower_arrival[n]
        n += 1
    return best


@njit(cache=True, nogil=True)
def itineraries(
    stops: Ints,
    ready: Ints | Longs,
    goals: Ints,
    changes: Ints,
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
) -> npt.NDArray[np.int64]:
    """The legs of items from `stops` to the pickup stop: one item after the other, `changes + 1` legs each.

    A leg is one number, its first ride times the number of rides plus its last ride. `goals` (arrivals) and
    `changes` (handlings) must be what a look-up answered. Among all itineraries of an item that agree with
    those it is the one with the latest first departure, then the trip, service day and call that stand last in
    the network; with that leg given, the place to change that allows the latest next departure, the first such
    place along the trip; and so on. The last leg ends at the first call at the pickup stop that arrives at the
    goal.
    """
    legs = np.empty(changes.sum() + len(stops), np.int64)
    rides = len(ride_to)
    first = first_slots(stops, ready, slot_departure, segment_start)
    row = 0
    for c in range(len(stops)):
        slot, goal = first[c], goals[c]
        for left in range(changes[c], -1, -1):
            slot = _last_slot(
                slot, left, goal, segment_start, arrival, handlings, slower_slot, slower_handlings, slower_arrival
            )
            boarded = slot_ride[slot]
            end = leaves_after(
                boarded, left, goal, pickup, ride_to, ride_arrival, ride_leaves, ride_ends_trip, ride_next,
                slot_departure, segment_start, arrival, handlings, slower_slot, slower_handlings, slower_arrival,
            )  # fmt: skip
            if left > 0:
                slot = ride_next[end]
            legs[row] = np.int64(boarded) * rides + end
            row += 1
    return legs


@njit(cache=True, nogil=True)
def leaves_after(
    p: int,
    left: int,
    goal: int,
    pickup: int,
    ride_to: Ints,
    ride_arrival: Ints,
    ride_leaves: Bools,
    ride_ends_trip: Bools,
    ride_next: Ints,
    slot_departure: Ints,
    segment_start: Ints,
    arrival: Ints,
    handlings: npt.NDArray[np.uint16],
    slower_slot: Ints,
    slower_handlings: npt.NDArray[np.uint16],
    slower_arrival: Ints,
) -> int:
    """The ride after which an item that boards ride `p`, with `left` changes to come, leaves that trip.

    With none to come it is the first that brings it to the pickup stop at `goal`; else the first after which the next
    departure may be the latest.
    """
    latest, end = -1, p
    while True:
        if left == 0:
            if ride_to[p] == pickup and ride_leaves[p] and ride_arrival[p] == goal:
                return p
        elif ride_next[p] >= 0:
            after = ride_next[p]
            if _value(after, left - 1, arrival, handlings, slower_slot, slower_handlings, slower_arrival) == goal:
                last = _last_slot(
                    after, left - 1, goal, segment_start,
                    arrival, handlings, slower_slot, slower_handlings, slower_arrival,
                )  # fmt: skip
                if slot_departure[last] > latest:
                    latest = slot_departure[last]
                    end = p
        if ride_ends_trip[p]:
            return end
        p += 1


@njit(cache=True, nogil=True)
def _last_slot(
    slot: int,
    k: int,
    goal: int,
    segment_start: Ints,
    arrival: Ints,
    handlings: npt.NDArray[np.uint16],
    slower_slot: Ints,
    slower_handlings: npt.NDArray[np.uint16],
    slower_arrival: Ints,
) -> int:
    """The last slot at or after `slot`, in its segment, from which layer `k` still arrives at `goal`."""
    segment = np.searchsorted(segment_start, slot, side="right")
    low, high = slot, segment_start[segment]
    while low + 1 < high:
        middle = (low + high) // 2
        if _value(middle, k, arrival, handlings, slower_slot, slower_handlings, slower_arrival) <= goal:
            low = middle
        else:
            high = middle
    return low
