"""Picks, for many loan requests of one counter, who supplies each: the kernel of `routing.batch`.

What `decide` does in words happens here in numbers: when a copy is ready, when it is there, what it costs, and which
of all comes first. Times are seconds after a window's start; places are positions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from routing.network import Floats, Ints, Longs
from routing.sweep import fastest, lightest

ABSENT, LENDING, OWN_ONLY = 0, 1, 2
"""How a place stands: it supplies nothing, supplies to everyone, or to its own agency alone."""

FASTEST, CHEAPEST, FEWEST_HANDLINGS, BALANCED = 0, 1, 2, 3

_NEVER_READY = 2**62


@njit(cache=True, nogil=True)
def _ready(requested: int, handling: int, kind: int, begins: Longs, starts: Longs, ends: Longs, opened: Longs) -> int:
    """When a copy asked for at `requested` is ready, after so many seconds of handling in opening hours."""
    if handling <= 0:
        return requested
    if kind < 0:
        return requested + handling
    low, high = begins[kind], begins[kind + 1]
    i = low + np.searchsorted(starts[low:high], requested, side="right") - 1
    before = 0 if i < low else opened[i] - max(0, ends[i] - requested)
    j = low + np.searchsorted(opened[low:high], before + handling)
    return _NEVER_READY if j >= high else ends[j] - (opened[j] - before - handling)


@njit(cache=True, nogil=True)
def _key(
    order: int,
    ahead: int,
    waited: int,
    handlings: int,
    cents: int,
    place: int,
    hourly: float,
    handled: float,
    weighed: bool,
    burden: float,
) -> tuple[float, float, float, float, float, float, float]:
    """By what candidates are compared: as `ranking` does, behind whom the policy puts first (less of `ahead`).

    `weighed`: it matters what suppliers bear; `burden` is 0 where it does not.
    """
    far = float(ahead)
    if order == CHEAPEST:
        return far, 0.0, cents + burden, 0.0, float(waited), float(handlings), float(place)
    bears = waited * hourly + 3600 * burden if weighed else 0.0
    if order == FEWEST_HANDLINGS:
        return far, float(handlings), bears, float(waited), float(cents), float(place), 0.0
    weight = waited * hourly + 3600 * (handlings * handled + cents + burden) if order == BALANCED else bears
    return far, weight, 0.0, float(waited), float(handlings), float(cents), float(place)


@njit(cache=True, nogil=True)
def pick(
    requested: Longs,
    title: Ints,
    need_before: Longs,
    most_cents: Longs,
    shelf_start: Longs,
    shelf_place: Ints,
    pickup: int,
    pickup_agency: int,
    stop: Ints,
    handling: Longs,
    hours_of: Ints,
    hours_begin: Longs,
    hours_start: Longs,
    hours_end: Longs,
    hours_opened: Longs,
    standing: npt.NDArray[np.int8],
    agency: Ints,
    side: Ints,
    charges: Longs,
    ahead: Ints,
    screened: bool,
    from_others: Longs,
    from_own: Longs,
    weighed: bool,
    burden: Floats,
    order: int,
    cents_per_hour: float,
    cents_per_handling: float,
    horizon: int,
    served: bool,
    slot_departure: Ints,
    segment_start: Ints,
    arrival: Ints,
    handlings: npt.NDArray[np.uint16],
    slower_slot: Ints,
    slower_handlings: npt.NDArray[np.uint16],
    slower_arrival: Ints,
) -> Longs:
    """Return rows of place (-1: nobody can), ready, arrival, handlings and cents, a column for each loan request.

    `charges` are by side and `ahead` by place, as seen from the counter; `served` says whether any van calls at it.
    Where it is `screened`, what stands on the shelf may go to other agencies `from_others` on, and to other places of
    its own agency `from_own` on. Where `weighed`, what each place bears (`burden`, in cents) counts.
    """
    found = np.full((5, len(requested)), -1, np.int64)
    weighing = order in (FEWEST_HANDLINGS, BALANCED)
    per_second = cents_per_hour if order == BALANCED else 0.0
    per_handling = cents_per_handling * 3600 if order == BALANCED else 1.0
    for r in range(len(requested)):
        low, high = shelf_start[title[r]], shelf_start[title[r] + 1]
        places = np.empty(high - low, np.int32)
        stops = np.empty(high - low, np.int32)
        ready = np.empty(high - low, np.int64)
        count = 0
        for h in range(low, high):
            place = shelf_place[h]
            if standing[place] == ABSENT:
                continue
            if standing[place] == OWN_ONLY and (pickup_agency < 0 or agency[place] != pickup_agency):
                continue
            if screened and place != pickup:
                own = pickup_agency >= 0 and agency[place] == pickup_agency
                if requested[r] < (from_own[h] if own else from_others[h]):
                    continue
            at = _ready(
                requested[r], handling[place], hours_of[place], hours_begin, hours_start, hours_end, hours_opened
            )
            if at == _NEVER_READY:
                continue
            places[count] = place
            stops[count] = stop[place] if served else -1
            ready[count] = at
            count += 1
        end = requested[r] + horizon
        in_time = min(end, need_before[r])
        first = fastest(stops[:count], ready[:count], slot_departure, segment_start, arrival, handlings)
        best = first
        if weighing:
            best = lightest(
                stops[:count], ready[:count], in_time, per_second, per_handling, slot_departure, segment_start,
                arrival, handlings, slower_slot, slower_handlings, slower_arrival,
            )  # fmt: skip
        least = (np.inf, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        for c in range(count):
            place = places[c]
            there, changes, cents = int(best[0, c]), int(best[1, c]), int(charges[side[place]])
            if place == pickup:
                there, changes, cents = int(ready[c]), 0, 0
            if there > in_time or cents > most_cents[r]:
                continue
            key = _key(
                order, ahead[place], there - int(requested[r]), changes, cents, place,
                cents_per_hour, cents_per_handling, weighed, burden[place],
            )  # fmt: skip
            if key < least:
                least = key
                found[0, r], found[1, r], found[2, r] = place, ready[c], there
                found[3, r], found[4, r] = changes, cents
    return found
