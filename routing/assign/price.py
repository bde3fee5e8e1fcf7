"""Prices of what is scarce, and assignments made by them: the kernels.

With a price for each use of a resource, resources no longer couple the loan requests: each takes what is cheapest
with its prices. What all that comes to, less what all there is would cost, lies below every assignment (Lagrangian
relaxation); prices are moved so that it rises, each by steps of its own (AdaGrad: Duchi, Hazan and Singer 2011), for
a copy that a hundred ask for and a van with room for a hundred are scarce in very different degrees. As the relaxed
problem has whole solutions by itself, the best such bound is that of the linear program (Geoffrion 1974).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from routing.assign.problem import Problem
from routing.network import Floats, Ints, Longs

SCALE = 1024
"""A bound is counted exactly, in whole numbers of so many to a unit of weight."""

MOMENTUM = 0.5
"""How much of the last direction stays in a step."""


@njit(cache=True, nogil=True)
def ascend(
    option_start: Longs,
    weight: Floats,
    use_start: Longs,
    use: Ints,
    capacity: Longs,
    penalty: Floats,
    stride: Floats,
    rounds: int,
) -> Floats:
    """Return the prices with the best bound that so many rounds find.

    The first step moves a price by about the `stride` of its resource, and later ones by less: by how far the uses of
    that resource were off in all rounds so far, and by the square of how many rounds are left.
    """
    resources = len(capacity)
    price, best_price, course = np.zeros(resources), np.zeros(resources), np.zeros(resources)
    squares, excess = np.zeros(resources), np.zeros(resources)
    best = -np.inf
    for round_ in range(rounds):
        bound = 0.0
        for r in range(resources):
            excess[r] = -float(capacity[r])
            bound -= price[r] * capacity[r]
        for q in range(len(penalty)):
            lowest, taken = penalty[q], -1
            for o in range(option_start[q], option_start[q + 1]):
                cost = weight[o]
                if cost >= lowest:
                    continue  # no price is negative
                for u in range(use_start[o], use_start[o + 1]):
                    cost += price[use[u]]
                if cost < lowest:
                    lowest, taken = cost, o
            bound += lowest
            if taken >= 0:
                for u in range(use_start[taken], use_start[taken + 1]):
                    excess[use[u]] += 1.0
        if bound > best:
            best = bound
            best_price[:] = price
        step = (1.0 - round_ / rounds) ** 2
        for r in range(resources):
            if excess[r] == 0.0 or (price[r] <= 0.0 and excess[r] < 0.0):
                continue
            squares[r] += excess[r] * excess[r]
            course[r] = MOMENTUM * course[r] + (1.0 - MOMENTUM) * excess[r]
            price[r] = max(0.0, price[r] + stride[r] * step * course[r] / np.sqrt(squares[r]))
    return best_price


@njit(cache=True, nogil=True)
def _lowest(
    option_start: Longs, weight: Longs, use_start: Longs, use: Ints, penalty: Longs, price: Longs, scale: int
) -> Longs:
    found = np.empty(len(penalty), np.int64)
    for q in range(len(penalty)):
        lowest = penalty[q] * scale
        for o in range(option_start[q], option_start[q + 1]):
            cost = weight[o] * scale
            for u in range(use_start[o], use_start[o + 1]):
                cost += price[use[u]]
            lowest = min(lowest, cost)
        found[q] = lowest
    return found


def bound_at(problem: Problem, price: Floats) -> int:
    """What nothing can weigh less than, by these prices. Exact, and valid whatever the prices are."""
    whole = np.rint(np.maximum(price, 0.0) * SCALE).astype(np.int64)
    lowest = _lowest(
        problem.option_start, problem.weight, problem.use_start, problem.use, problem.penalty, whole, SCALE
    )
    # Python's whole numbers do not overflow.
    total: int = sum(lowest.tolist())
    total -= sum(a * b for a, b in zip(whole.tolist(), problem.capacity.tolist(), strict=True))
    return -(-total // SCALE)


@njit(cache=True, nogil=True)
def costs_at(weight: Longs, use_start: Longs, use: Ints, price: Floats) -> Floats:
    """What each option costs with the prices of what it uses."""
    found = np.empty(len(weight))
    for o in range(len(weight)):
        cost = float(weight[o])
        for u in range(use_start[o], use_start[o + 1]):
            cost += price[use[u]]
        found[o] = cost
    return found


@njit(cache=True, nogil=True)
def settle(
    order: Longs,
    choice: Longs,
    left: Longs,
    option_start: Longs,
    cost: Floats,
    use_start: Longs,
    use: Ints,
    penalty: Longs,
) -> None:
    """Give each in `order` the cheapest of its options of which everything is `left`, or none where that is cheaper.

    Changes `choice` and `left`; those in the order have nothing yet.
    """
    for q in order:
        lowest, taken = float(penalty[q]), -1
        for o in range(option_start[q], option_start[q + 1]):
            if cost[o] < lowest:
                free = True
                for u in range(use_start[o], use_start[o + 1]):
                    if left[use[u]] <= 0:
                        free = False
                        break
                if free:
                    lowest, taken = cost[o], o
        choice[q] = taken
        if taken >= 0:
            for u in range(use_start[taken], use_start[taken + 1]):
                left[use[u]] -= 1


@njit(cache=True, nogil=True)
def move(
    choice: Longs, left: Longs, option_start: Longs, weight: Longs, use_start: Longs, use: Ints, penalty: Longs
) -> None:
    """Let each take a lighter option of its own as long as one is free. Changes `choice` and `left`."""
    moved = True
    while moved:
        moved = False
        for q in range(len(penalty)):
            now = choice[q]
            if now >= 0:
                for u in range(use_start[now], use_start[now + 1]):
                    left[use[u]] += 1
            lightest, taken = (penalty[q], -1) if now < 0 or penalty[q] < weight[now] else (weight[now], now)
            for o in range(option_start[q], option_start[q + 1]):
                if weight[o] < lightest:
                    free = True
                    for u in range(use_start[o], use_start[o + 1]):
                        if left[use[u]] <= 0:
                            free = False
                            break
                    if free:
                        lightest, taken = weight[o], o
            if taken >= 0:
                for u in range(use_start[taken], use_start[taken + 1]):
                    left[use[u]] -= 1
            if taken != now:
                choice[q] = taken
                moved = True


@njit(cache=True, nogil=True)
def left_by(choice: Longs, use_start: Longs, use: Ints, capacity: Longs) -> Longs:
    """What choices leave of each resource."""
    left = capacity.copy()
    for o in choice:
        if o >= 0:
            for u in range(use_start[o], use_start[o + 1]):
                left[use[u]] -= 1
    return left


@njit(cache=True, nogil=True)
def count_users(use: Ints, user: Longs, seen: Longs) -> None:
    """Count in `seen` how many loan requests use each resource; `user` says whose each use is, in their order."""
    last = np.full(len(seen), -1, np.int64)
    for at in range(len(use)):
        if last[use[at]] != user[at]:
            last[use[at]] = user[at]
            seen[use[at]] += 1
