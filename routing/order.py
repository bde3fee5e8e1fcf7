"""The rota in the order that serves best: whom to ask first, when anyone may say no and that takes time.

What a supplier costs when it is asked at a moment is `scale` times the seconds from the request until the reader can
collect, on average, and what is `fixed` of it. A rota costs what its suppliers do, each as likely as that it comes to
it and it supplies. Without a timetable the best order is that of an index (cost of asking over chance to supply);
vans and opening hours make the cost of asking depend on the moment. So orders are searched, depth first and those of
the least index first, and left as soon as they cannot become better than the best: later is never sooner, so nobody
costs less later on than now, and of costs that stay as they are the best order is that of the costs themselves.

Up to MOST_SEARCHED suppliers all orders are searched that way. Of more, those with the least index are, and the
others follow by index.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from routing.hours import days_later, moment_of, opened_before
from routing.network import Bools, Floats, Ints
from routing.promise import (
    HARDLY,
    MIDDLES,
    MOST_MOMENTS,
    TICK,
    Cases,
    Suppliers,
    Ways,
    fill_in,
    pass_on,
    room_for_cases,
    room_for_ticks,
)
from routing.response import BINS

MOST_SEARCHED = 7
MOST_LOOKED_AT = 24
NO_SECONDS = 86_400.0
"""What a no costs about, where it is not looked at closely."""
SEARCHED_OF_MANY = 5
TRIES_OF_MANY = 50
ALL = 2**62


class Aim(NamedTuple):
    """What is to become least: `scale` per second until it can be collected, and `fixed` of each supplier.

    Suppliers of a lower `circle` come before those of a higher one, whatever that costs. `plain` is what each costs
    if it supplies as soon as it may, in the same unit: of many, those for which it is high are not looked at closely.
    """

    scale: float
    fixed: Floats
    circle: Ints
    plain: Floats


def order(ways: Ways, suppliers: Suppliers, aim: Aim, *, asked: int, ticks: int) -> Ints:
    """Return the suppliers (positions) in the order that costs least when the first is asked at `asked`."""
    count = len(suppliers.stop)
    near, far = _near(suppliers, aim)
    if count < 2:
        return near
    searched, tries = (count, ALL) if count <= MOST_SEARCHED else (SEARCHED_OF_MANY, TRIES_OF_MANY)
    return np.concatenate((_order_of(ways, suppliers, aim, near, asked, ticks, searched, tries), far))


@njit(cache=True, nogil=True)
def _order_of(
    ways: Ways, suppliers: Suppliers, aim: Aim, near: Ints, asked: int, ticks: int, searched: int, tries: int
) -> Ints:
    """By index, and so many at its head by a search: one kernel, as it costs much to hand over all columns."""
    rota = by_index(ways, suppliers, aim, near, asked)
    rota[:searched] = search(ways, suppliers, aim, rota[:searched].copy(), asked, ticks, tries)
    return rota


def _near(suppliers: Suppliers, aim: Aim) -> tuple[Ints, Ints]:
    """The suppliers that are worth a closer look, and the others in order."""
    count = len(suppliers.stop)
    if count <= MOST_LOOKED_AT:
        return np.arange(count, dtype=np.int32), np.empty(0, np.int32)
    chance = np.maximum(suppliers.supplied[:, BINS], HARDLY)
    guess = np.lexsort((aim.plain + aim.scale * NO_SECONDS * (1 - chance) / chance, aim.circle)).astype(np.int32)
    return guess[:MOST_LOOKED_AT], guess[MOST_LOOKED_AT:]


@njit(cache=True, nogil=True)
def _cost_now(
    ways: Ways,
    suppliers: Suppliers,
    aim: Aim,
    one: int,
    since: int,
    asked: int,
    cases: Cases,
) -> tuple[float, float]:
    """What asking one at a moment costs by what it supplies, and the least that doing so then or later may cost.

    Seconds count from `since`. Both are sums over what may happen, so parts of a rota's cost.
    """
    found = fill_in(ways, suppliers, one, asked, cases)
    chance, moment, likely, _ = cases
    cost, least, supplied = 0.0, 0.0, 0.0
    for k in range(found):
        supplied += likely[k]
        if chance[k] >= 0:
            cost += likely[k] * (ways.spread.mean[chance[k]] - since)
            least += likely[k] * (ways.spread.least[chance[k]] - since)
        else:
            cost += likely[k] * (moment[k] - since)
            least += likely[k] * (moment[k] - since)
    fixed = supplied * aim.fixed[one]
    return aim.scale * cost + fixed, aim.scale * least + fixed


@njit(cache=True, nogil=True)
def by_index(ways: Ways, suppliers: Suppliers, aim: Aim, some: Ints, asked: int) -> Ints:
    """Some suppliers by circle, and there by what asking them costs over their chance to supply; who cannot, last."""
    count = len(some)
    cases = room_for_cases(ways)
    index = np.empty(count)
    for at in range(count):
        one = some[at]
        supplies = suppliers.supplied[one, BINS]
        if supplies < HARDLY:
            index[at] = np.inf
            continue
        cost, _ = _cost_now(ways, suppliers, aim, one, asked, asked, cases)
        kind = suppliers.kind[one]
        since = opened_before(ways.hours, kind, asked)
        lost = 0.0
        for n in range(BINS):
            if suppliers.declined[one, n] > 0:
                lost += suppliers.declined[one, n] * (moment_of(ways.hours, kind, since + MIDDLES[n]) - asked)
        lost += suppliers.silent[one] * (days_later(ways.hours, kind, asked, suppliers.lapse_days[one]) - asked)
        index[at] = (cost + aim.scale * lost) / supplies
    by_cost = some[np.argsort(index, kind="mergesort")]
    return by_cost[np.argsort(aim.circle[by_cost], kind="mergesort")]


@njit(cache=True, nogil=True)
def cost_of(ways: Ways, suppliers: Suppliers, aim: Aim, rota: Ints, asked: int, ticks: int) -> float:
    """What a rota costs on average."""
    cases = room_for_cases(ways)
    at_tick = room_for_ticks(ticks)
    moments, shares = np.empty((2, MOST_MOMENTS), np.int64), np.empty((2, MOST_MOMENTS))
    moments[0, 0], shares[0, 0], count = asked, 1.0, 1
    whole = 0.0
    for place in range(len(rota)):
        now, then = place % 2, (place + 1) % 2
        for n in range(count):
            cost, _ = _cost_now(ways, suppliers, aim, rota[place], asked, moments[now, n], cases)
            whole += shares[now, n] * cost
        count = pass_on(
            ways, suppliers, rota[place], moments[now], shares[now], count, moments[then], shares[then], at_tick
        )
    return whole


@njit(cache=True, nogil=True)
def least_cost(ways: Ways, suppliers: Suppliers, aim: Aim, asked: int) -> float:
    """What no rota of all suppliers costs less than: as if no "no" took time, and all were asked by what they cost.

    It holds for as many suppliers as there are, where orders can no longer be gone through.
    """
    count = len(suppliers.stop)
    cases = room_for_cases(ways)
    least_in = np.empty(count)
    for one in range(count):
        _, least_in[one] = _cost_now(ways, suppliers, aim, one, asked, asked, cases)
    supplied = suppliers.supplied[:, BINS].copy()
    return float(_least_from(aim.circle, supplied, np.zeros(count, np.bool_), least_in, np.empty(count)))


@njit(cache=True, nogil=True)
def search(ways: Ways, suppliers: Suppliers, aim: Aim, head: Ints, asked: int, ticks: int, tries: int) -> Ints:
    """Search the orders of `head`, whose own is tried first; return the best after trying so many beginnings."""
    size, better = len(head), 1 - 1e-12
    cases = room_for_cases(ways)
    at_tick = room_for_ticks(ticks)
    # What each costs when it is asked in a tick, and at least from then on, once it was reckoned. The first is asked
    # at the very moment.
    first_tick = asked // TICK
    known = np.zeros((size, ticks - first_tick + 1), np.bool_)
    cost_in, least_in = np.empty(known.shape), np.empty(known.shape)
    moments = np.empty((size + 1, MOST_MOMENTS), np.int64)
    shares = np.empty((size + 1, MOST_MOMENTS))
    count = np.zeros(size + 1, np.int64)
    spent = np.zeros(size + 1)
    chosen, next_child = np.empty(size, np.int32), np.zeros(size + 1, np.int64)
    used = np.zeros(size, np.bool_)
    circle, supplied = aim.circle[head], suppliers.supplied[:, BINS][head]
    best, best_cost = head.copy(), np.inf
    least = np.empty(size)
    moments[0, 0], shares[0, 0], count[0] = asked, 1.0, 1
    level = 0
    while level >= 0 and tries > 0:
        if level == size:
            if spent[level] < best_cost * (1 - 1e-12):
                best_cost = spent[level]
                for at in range(size):
                    best[at] = head[chosen[at]]
            level -= 1
            used[chosen[level]] = False
            continue
        child = _next_child(next_child[level], used, circle)
        if child < 0:
            next_child[level] = 0
            level -= 1
            if level >= 0:
                used[chosen[level]] = False
            continue
        next_child[level] = child + 1
        tries -= 1
        cost = spent[level]
        for n in range(count[level]):
            at = 0 if level == 0 else moments[level, n] // TICK - first_tick
            if not known[child, at]:
                known[child, at] = True
                cost_in[child, at], least_in[child, at] = _cost_now(
                    ways, suppliers, aim, head[child], asked, moments[level, n], cases
                )
            cost += shares[level, n] * cost_in[child, at]
        if cost >= best_cost * better:
            continue
        below = level + 1
        count[below] = pass_on(
            ways,
            suppliers,
            head[child],
            moments[level],
            shares[level],
            count[level],
            moments[below],
            shares[below],
            at_tick,
        )
        used[child] = True
        # First as if all came at the first moment, which is quick; then moment by moment, where it may save much.
        bound, left = cost, shares[below, : count[below]].sum()
        for closely in range(2 if size - below > 3 else 1):
            if closely == 1:
                if bound >= best_cost * better:
                    break
                bound = cost
            for n in range(count[below] if closely == 1 else min(count[below], 1)):
                at = moments[below, n] // TICK - first_tick
                for other in range(size):
                    if not used[other] and not known[other, at]:
                        known[other, at] = True
                        cost_in[other, at], least_in[other, at] = _cost_now(
                            ways, suppliers, aim, head[other], asked, moments[below, n], cases
                        )
                share = shares[below, n] if closely == 1 else left
                bound += share * _least_from(circle, supplied, used, least_in[:, at], least)
        if bound >= best_cost * better:
            used[child] = False
            continue
        chosen[level] = child
        spent[below] = cost
        next_child[below] = 0
        level = below
    return best


@njit(cache=True, nogil=True)
def _next_child(start: int, used: Bools, circle: Ints) -> int:
    """The first from `start` on that is free and of the lowest circle that has anyone free; -1: none."""
    lowest = np.iinfo(np.int32).max
    for at in range(len(used)):
        if not used[at]:
            lowest = min(lowest, circle[at])
    for at in range(start, len(used)):
        if not used[at] and circle[at] == lowest:
            return at
    return -1


@njit(cache=True, nogil=True)
def _least_from(circle: Ints, supplied: Floats, used: Bools, least_in: Floats, least: Floats) -> float:
    """What asking the free ones costs at least, from a moment on at which each costs `least_in` at least.

    Costs are those of a supply, times its chance. Who comes first by circle, then by cost of a supply, is asked
    first, and nobody loses time. `least` is room for a number each.
    """
    left, whole = 1.0, 0.0
    for at in range(len(used)):
        least[at] = least_in[at] / supplied[at] if not used[at] and supplied[at] > 0 else np.inf
    while True:
        one = -1
        for at in range(len(used)):
            if least[at] < np.inf and (
                one < 0 or circle[at] < circle[one] or (circle[at] == circle[one] and least[at] < least[one])
            ):
                one = at
        if one < 0:
            return whole
        whole += left * least_in[one]
        left *= 1 - supplied[one]
        least[one] = np.inf
