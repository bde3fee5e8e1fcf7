"""Solves a problem in four steps: what can be scarce, what it is worth, whole choices, and what is still free.

Prices of what is scarce come from Lagrangian relaxation; they prove a bound over all options, and show which of them
are promising. HiGHS chooses among those. Where its limit of time cuts it off, what the prices led to stands: every
assignment on the way is sound.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from routing.assign.core import choose
from routing.assign.price import ascend, bound_at, costs_at, count_users, left_by, move, settle
from routing.assign.problem import Assignment, Problem
from routing.network import Bools, Floats, Longs

ROUNDS = 1000
PROMISING, LEAST_PROMISING = 1.7, 5_000
"""So many options for a loan request on average are left to HiGHS, or so many in all where that is more."""

FAR = 24.0
"""A price may have to rise to what not being served weighs, where nothing else is left: steps are no less than a part
of that."""

NEAR = 2e-4
"""HiGHS may stop when nothing among the promising options can be better by this part."""


def solve(problem: Problem, *, seconds: float = 10.0) -> Assignment:
    """Assign all loan requests at once, so that together they weigh little, and say how little they might.

    `seconds` is how long HiGHS may take at most; the rest takes some three seconds for ten thousand loan requests.
    """
    slim = _scarce(problem)
    price = _price(slim)
    bound = bound_at(slim, price)
    choice = _in_order(slim, np.arange(slim.requests), slim.weight.astype(np.float64))
    choice = _better(slim, choice, _priced(slim, price))
    finished = True
    if _weight(slim, choice) > bound:
        kept = _promising(slim, price, choice)
        found = choose(slim, kept, choice[choice >= 0], seconds=seconds, near=NEAR)
        if found.options is not None:
            choice = _better(slim, choice, _freed(slim, _choice_of(slim, found.options)))
        finished = found.finished
    return Assignment(choice, _weight(problem, choice), bound, finished)


def greedy(problem: Problem) -> Assignment:
    """Give each loan request in order its best option that is still free: what deciding one by one comes to."""
    left = problem.capacity.copy()
    choice = np.full(problem.requests, -1, dtype=np.int64)
    cost = problem.weight.astype(np.float64)
    order = np.arange(problem.requests)
    settle(order, choice, left, problem.option_start, cost, problem.use_start, problem.use, problem.penalty)
    return Assignment(choice, _weight(problem, choice), 0, finished=True)


def _scarce(problem: Problem) -> Problem:
    """The problem without the resources that need no watching, whatever is chosen."""
    of = np.repeat(np.arange(problem.requests), np.diff(problem.option_start))
    user = np.repeat(of, np.diff(problem.use_start))
    # A request uses a resource once, by whichever of its options.
    seen = np.zeros(len(problem.capacity), dtype=np.int64)
    count_users(problem.use, user, seen)
    watched = _only(problem, seen > problem.capacity)
    return _only(watched, _unruled(watched))


def _unruled(problem: Problem) -> Bools:
    """Which resources are not ruled by a neighbour: by one that all who use them use too, and that has no more room.

    So it is with the rides of a van that only collects: the last one says it all.
    """
    count = len(problem.capacity)
    users = np.bincount(problem.use, minlength=count)
    inner = np.ones(max(0, len(problem.use) - 1), dtype=np.bool_)
    ends = problem.use_start[1:-1]
    inner[ends[(ends > 0) & (ends < len(problem.use))] - 1] = False
    one, other = problem.use[:-1][inner].astype(np.int64), problem.use[1:][inner].astype(np.int64)
    pair, both = np.unique(one * max(1, count) + other, return_counts=True)
    one, other = np.divmod(pair, max(1, count))
    found = np.ones(count, dtype=np.bool_)
    found[one[(both == users[one]) & (problem.capacity[one] >= problem.capacity[other])]] = False
    # Of two that are alike in everything the second stays.
    alike = (users[one] == users[other]) & (problem.capacity[one] == problem.capacity[other])
    found[other[(both == users[other]) & (problem.capacity[other] >= problem.capacity[one]) & ~alike]] = False
    return found


def _only(problem: Problem, kept: Bools) -> Problem:
    """The problem with these resources alone."""
    used = kept[problem.use]
    counted = np.concatenate([np.zeros(1, np.int64), np.cumsum(used)])
    number = np.cumsum(kept) - 1
    return replace(
        problem,
        use_start=counted[problem.use_start],
        use=number[problem.use[used]].astype(np.int32),
        capacity=problem.capacity[kept],
    )


def _price(problem: Problem) -> Floats:
    found: Floats = ascend(
        problem.option_start,
        problem.weight.astype(np.float64),
        problem.use_start,
        problem.use,
        problem.capacity,
        problem.penalty.astype(np.float64),
        _strides(problem),
        ROUNDS,
    )
    return found


def _strides(problem: Problem) -> Floats:
    """How far the price of each resource steps first: as far as the dearest of who want it need, by its policy."""
    user = np.repeat(np.arange(problem.requests), np.diff(problem.option_start))
    user = np.repeat(user, np.diff(problem.use_start))
    dearest = np.zeros(len(problem.capacity))
    np.maximum.at(dearest, problem.use, problem.penalty[user].astype(np.float64))
    usual = float(problem.weight.astype(np.float64).mean()) if len(problem.weight) else 1.0
    return np.maximum(max(1.0, usual), dearest / FAR)


def _weight(problem: Problem, choice: Longs) -> int:
    served = choice >= 0
    weights: list[int] = [*problem.weight[choice[served]].tolist(), *problem.penalty[~served].tolist()]
    return sum(weights)


def _better(problem: Problem, one: Longs, other: Longs) -> Longs:
    return other if _weight(problem, other) < _weight(problem, one) else one


def _lowest(problem: Problem, cost: Floats) -> Floats:
    """The lowest cost of each loan request, that of serving nothing included."""
    lowest = problem.penalty.astype(np.float64)
    some = np.flatnonzero(np.diff(problem.option_start))
    if len(some):
        lowest[some] = np.minimum(lowest[some], np.minimum.reduceat(cost, problem.option_start[some]))
    return lowest


def _priced(problem: Problem, price: Floats) -> Longs:
    """Choose by prices: whoever has most to lose by its second best comes first."""
    cost = costs_at(problem.weight, problem.use_start, problem.use, price)
    of = np.repeat(np.arange(problem.requests), np.diff(problem.option_start))
    lowest = _lowest(problem, cost)
    others = np.where(cost > lowest[of], cost, np.inf)
    regret = np.minimum(_lowest(problem, others), problem.penalty) - lowest
    return _in_order(problem, np.argsort(-regret, kind="stable"), cost)


def _in_order(problem: Problem, order: Longs, cost: Floats) -> Longs:
    """Choose in an order by cost, then let everyone move to what is lighter and free."""
    left, choice = problem.capacity.copy(), np.full(problem.requests, -1, dtype=np.int64)
    settle(order, choice, left, problem.option_start, cost, problem.use_start, problem.use, problem.penalty)
    return _freed(problem, choice)


def _freed(problem: Problem, choice: Longs) -> Longs:
    """Let everyone move to what is lighter and free."""
    moved = choice.copy()
    left = left_by(moved, problem.use_start, problem.use, problem.capacity)
    move(moved, left, problem.option_start, problem.weight, problem.use_start, problem.use, problem.penalty)
    return moved


def _promising(problem: Problem, price: Floats, choice: Longs) -> Longs:
    """The options that cost least above the lowest of their loan request, and those chosen; in order."""
    of = np.repeat(np.arange(problem.requests), np.diff(problem.option_start))
    cost = costs_at(problem.weight, problem.use_start, problem.use, price)
    above = cost - _lowest(problem, cost)[of]
    most = max(LEAST_PROMISING, int(PROMISING * problem.requests))
    kept = np.argsort(above, kind="stable")[:most]
    return np.union1d(kept, choice[choice >= 0])


def _choice_of(problem: Problem, options: Longs) -> Longs:
    of = np.repeat(np.arange(problem.requests), np.diff(problem.option_start))
    choice = np.full(problem.requests, -1, dtype=np.int64)
    choice[of[options]] = options
    return choice
