"""When the reader can collect where two suppliers are asked at once: the first that hands an item over supplies.

The suppliers of a rota stand in two lanes, every other one in each. In a lane one is asked after the other, as
`promise` has it; the lanes know nothing of each other until one of them hands an item over. So what a lane hands over
at a moment comes of it as likely as the other has handed nothing over by then.

When one of two says no, whoever is next of all is asked; here it is whoever is next in its lane. So the third and the
fourth may be asked the other way round, which hardly matters: tests/routing/test_two.py draws what really happens.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from routing.hours import Hours, moment_of, opened_before
from routing.network import Floats, Ints, Longs
from routing.promise import (
    EDGES,
    HARDLY,
    HARDLY_COUNTS,
    MOST_MOMENTS,
    PIECES,
    TICK,
    Cases,
    Suppliers,
    Ticks,
    Ways,
    fill_in,
    in_time,
    note_promise,
    pass_on,
    room_for_cases,
    room_for_ticks,
)
from routing.response import BINS
from routing.spread import MOST_WAITING, arrive

POINTS = 3
"""What is handed over for one van is looked at in so many moments of each bin of open time that it comes from."""


@njit(cache=True, nogil=True)
def promised_by_two(
    ways: Ways, suppliers: Suppliers, rota: Ints, count: int, asked: int, ticks: int
) -> tuple[Longs, Floats, Floats]:
    """What a rota promises from each of its first entries on, as `promise.promised` does, with two asked at once."""
    moment, share, supplied = np.empty((count, 2), np.int64), np.empty((count, 2)), np.empty(count)
    cases, room, at_chance = room_for_cases(ways), room_for_ticks(ticks), np.zeros(len(ways.spread.slot))
    for place in range(count):
        moments, likely = when_either_collected(ways, suppliers, rota[place:], asked, cases, room, at_chance)
        supplied[place] = note_promise(moments, likely, moment[place], share[place])
    return moment, share, supplied


@njit(cache=True, nogil=True)
def when_either_collected(
    ways: Ways, suppliers: Suppliers, rota: Ints, asked: int, cases: Cases, ticks: Ticks, at_chance: Floats
) -> tuple[Longs, Floats]:
    """When it can be collected if two suppliers of a rota are asked at once, as `promise.when_collected` says it."""
    moments, shares = np.empty((len(rota) + 2, MOST_MOMENTS), np.int64), np.empty((len(rota) + 2, MOST_MOMENTS))
    count = np.zeros(len(rota), np.int64)  # 0: it hardly ever comes to it
    handed = np.zeros((2, len(ticks.share)))
    for lane in range(2):
        _follow(ways, suppliers, rota, lane, asked, moments, shares, count, handed[lane], ticks)
    here_moment, here_share, here = np.empty(64, np.int64), np.empty(64), 0
    for place in range(len(rota)):
        one, other = rota[place], handed[1 - place % 2]
        edges = suppliers.supplied[one]
        for n in range(count[place]):
            found = fill_in(ways, suppliers, one, moments[place, n], cases)
            since = moments[place, n]
            for k in range(found):
                chance, share, until = cases.chance[k], cases.likely[k] * shares[place, n], cases.handed[k]
                if chance >= 0:
                    alone = _alone(ways.hours, suppliers.kind[one], edges, moments[place, n], since, until, other)
                    at_chance[chance] += share * alone
                    since = until
                    continue
                if here == len(here_moment):
                    here_moment = np.append(here_moment, np.empty(here, np.int64))
                    here_share = np.append(here_share, np.empty(here))
                here_moment[here], here_share[here] = cases.moment[k], share * _nothing_by(other, until)
                here += 1
    by_arrival = np.zeros(len(ways.spread.moment))
    waiting, left = np.empty(MOST_WAITING, np.int32), np.empty(MOST_WAITING)
    for chance in range(len(at_chance)):
        if at_chance[chance] != 0.0:
            arrive(ways.departures, ways.spread, chance, at_chance[chance], by_arrival, waiting, left)
            at_chance[chance] = 0.0
    every, likely = in_time(ways.spread.moment, by_arrival, here_moment[:here], here_share[:here])
    # How likely anyone supplies is known: what was looked at in few moments only is not quite as much.
    anyone = 1.0 - (1.0 - handed[0, -1]) * (1.0 - handed[1, -1])
    return every, likely * (anyone / max(likely.sum(), HARDLY))


@njit(cache=True, nogil=True)
def _follow(
    ways: Ways,
    suppliers: Suppliers,
    rota: Ints,
    lane: int,
    asked: int,
    moments: Longs,
    shares: Floats,
    count: Longs,
    handed: Floats,
    ticks: Ticks,
) -> None:
    """Fill in when each of a lane is asked, at how many moments and how likely; and what is handed over by each tick.

    All is as if there were no other lane.
    """
    if lane >= len(rota):
        return
    moments[lane, 0], shares[lane, 0], count[lane] = asked, 1.0, 1
    for place in range(lane, len(rota), 2):
        one = rota[place]
        for n in range(count[place]):
            _hand_over(ways.hours, suppliers, one, moments[place, n], shares[place, n], handed)
        then = place + 2
        after = pass_on(
            *(ways, suppliers, one, moments[place], shares[place], count[place], moments[then], shares[then], ticks)
        )
        if then >= len(rota) or shares[then, :after].sum() < HARDLY_COUNTS:
            break
        count[then] = after
    for tick in range(1, len(handed)):
        handed[tick] += handed[tick - 1]


@njit(cache=True, nogil=True)
def _hand_over(hours: Hours, suppliers: Suppliers, one: int, asked: int, share: float, handed: Floats) -> None:
    """Add to each tick how likely one that is asked at a moment hands the item over in it."""
    kind, edges, end = suppliers.kind[one], suppliers.supplied[one], len(handed) - 1
    since = opened_before(hours, kind, asked)
    for at in range(BINS):
        likely = share * (edges[at + 1] - edges[at]) / PIECES
        if likely <= 0.0:
            continue
        for piece in range(PIECES):
            opened = EDGES[at] + (EDGES[at + 1] - EDGES[at]) * (piece + 0.5) / PIECES
            handed[min(moment_of(hours, kind, since + int(opened)) // TICK, end)] += likely


@njit(cache=True, nogil=True)
def _alone(hours: Hours, kind: int, edges: Floats, asked: int, since: int, until: int, other: Floats) -> float:
    """How likely the other lane has handed nothing over when one hands something over between two moments.

    It was `asked` at a moment, and is as likely to hand over within each edge of the bins as `edges` says.
    """
    from_then = opened_before(hours, kind, asked)
    begins, ends = opened_before(hours, kind, since) - from_then, opened_before(hours, kind, until) - from_then
    whole, likely = 0.0, 0.0
    for at in range(BINS):
        low, high = max(begins, EDGES[at]), min(ends, EDGES[at + 1])
        share = (edges[at + 1] - edges[at]) * (high - low) / (EDGES[at + 1] - EDGES[at])
        if high <= low or share <= 0.0:
            continue
        likely += share
        for point in range(POINTS):
            opened = low + (high - low) * (point + 0.5) / POINTS
            whole += share / POINTS * _nothing_by(other, moment_of(hours, kind, from_then + int(opened)))
    return whole / likely if likely > 0.0 else _nothing_by(other, until)


@njit(cache=True, nogil=True)
def _nothing_by(handed: Floats, moment: int) -> float:
    """How likely a lane has handed nothing over by a moment; of what it does in that very tick, half."""
    tick = min(moment // TICK, len(handed) - 1)
    before = handed[tick - 1] if tick > 0 else 0.0
    return float(1.0 - (before + handed[tick]) / 2)
