"""A day at once: sound, never worse than its bound says, and as good as trying everything where that can be done."""

from __future__ import annotations

from itertools import product
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from routing import Objective, Policy, Weights
from routing.assign import Assignment, Problem, faults, gap, greedy, solve
from routing.assign.weigh import weighing, weight_of_none

EXAMPLES = settings(max_examples=150, deadline=None, database=None)
# (weight, resources) of each option of each loan request
Rows = list[list[tuple[int, list[int]]]]


def problem_of(rows: Rows, capacity: list[int], penalty: list[int]) -> Problem:
    options = [option for row in rows for option in row]
    return Problem(
        option_start=np.cumsum([0, *map(len, rows)], dtype=np.int64),
        weight=np.array([weight for weight, _ in options], dtype=np.int64),
        use_start=np.cumsum([0, *(len(use) for _, use in options)], dtype=np.int64),
        use=np.array([each for _, use in options for each in use], dtype=np.int32),
        capacity=np.array(capacity, dtype=np.int64),
        penalty=np.array(penalty, dtype=np.int64),
    )


@st.composite
def problems(draw: st.DrawFn, *, requests: int, options: int, resources: int, heaviest: int = 30) -> Problem:
    count = draw(st.integers(1, requests))
    scarce = draw(st.integers(1, resources))
    uses = st.lists(st.integers(0, scarce - 1), unique=True, max_size=3)
    rows: Rows = [draw(st.lists(st.tuples(st.integers(0, heaviest), uses), max_size=options)) for _ in range(count)]
    capacity = draw(st.lists(st.integers(0, 3), min_size=scarce, max_size=scarce))
    penalty = draw(st.lists(st.integers(0, 2 * heaviest), min_size=count, max_size=count))
    return problem_of(rows, capacity, penalty)


def by_trying_everything(problem: Problem) -> int:
    choices = [
        [-1, *range(low, end)] for low, end in zip(problem.option_start, problem.option_start[1:], strict=False)
    ]
    weights: list[int] = [
        weight
        for choice in product(*choices)
        if not faults(problem, Assignment(np.array(choice), weight := weighed(problem, choice), 0, finished=True))
    ]
    return min(weights)


def weighed(problem: Problem, choice: tuple[int, ...]) -> int:
    return sum(
        int(problem.penalty[request]) if option < 0 else int(problem.weight[option])
        for request, option in enumerate(choice)
    )


def by_highs(problem: Problem) -> int:
    """The least weight by a program of SciPy's own making: one row for each loan request and resource."""
    columns = len(problem.weight)
    of = np.repeat(np.arange(problem.requests), np.diff(problem.option_start))
    if not columns:
        return int(problem.penalty.sum())
    user = np.repeat(np.arange(columns), np.diff(problem.use_start))
    rows = np.concatenate([of, problem.use + problem.requests])
    shape = (problem.requests + len(problem.capacity), columns)
    limits = csr_array((np.ones(len(rows)), (rows, np.concatenate([np.arange(columns), user]))), shape=shape)
    found = milp(
        (problem.weight - problem.penalty[of]).astype(float),
        integrality=np.ones(columns),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(limits, -np.inf, np.concatenate([np.ones(problem.requests), problem.capacity])),
        options={"mip_rel_gap": 0},
    )
    assert found.success
    return int(problem.penalty.sum()) + int(np.rint(found.fun))


@seed(51)
@EXAMPLES
@given(problems(requests=5, options=3, resources=4))
def test_it_is_as_good_as_trying_everything(problem: Problem) -> None:
    best = by_trying_everything(problem)
    found = solve(problem)
    assert faults(problem, found) == []
    assert found.bound <= best == found.weight
    assert found.finished


@seed(52)
@EXAMPLES
@given(problems(requests=40, options=6, resources=12, heaviest=10**11))
def test_it_is_within_a_part_of_what_highs_finds(problem: Problem) -> None:
    best = by_highs(problem)
    found = solve(problem)
    assert faults(problem, found) == []
    assert found.bound <= best * (1 + 1e-6)
    assert best * (1 - 1e-6) <= found.weight <= best * 1.001
    assert found.weight <= greedy(problem).weight


@seed(55)
@EXAMPLES
@given(problems(requests=40, options=6, resources=12, heaviest=10**11))
def test_taking_what_the_linear_program_takes_whole_costs_little(problem: Problem) -> None:
    """Of a few that is a part; of ten thousand, a hundred-millionth (docs/decisions/0051)."""
    with patch("routing.assign.core.MANY", 0):
        found = solve(problem)
    best = by_highs(problem)
    assert faults(problem, found) == []
    assert best * (1 - 1e-6) <= found.weight <= best * 1.05
    assert found.weight <= greedy(problem).weight


@seed(53)
@EXAMPLES
@given(problems(requests=30, options=5, resources=6))
def test_the_same_problem_has_the_same_answer(problem: Problem) -> None:
    one, other = solve(problem), solve(problem)
    assert (one.choice == other.choice).all()
    assert (one.weight, one.bound) == (other.weight, other.bound)


@seed(54)
@EXAMPLES
@given(problems(requests=30, options=5, resources=6))
def test_whoever_could_do_better_alone_is_kept_from_it(problem: Problem) -> None:
    found = solve(problem)
    left = problem.capacity.copy()
    for option in found.choice[found.choice >= 0]:
        left[problem.use[problem.use_start[option] : problem.use_start[option + 1]]] -= 1
    for request, chosen in enumerate(found.choice.tolist()):
        free = left.copy()
        if chosen >= 0:
            free[problem.use[problem.use_start[chosen] : problem.use_start[chosen + 1]]] += 1
        now = problem.penalty[request] if chosen < 0 else problem.weight[chosen]
        for option in range(problem.option_start[request], problem.option_start[request + 1]):
            if problem.weight[option] < now:
                assert (free[problem.use[problem.use_start[option] : problem.use_start[option + 1]]] <= 0).any()


def test_no_loan_requests_at_all() -> None:
    found = solve(problem_of([], [], []))
    assert (found.weight, found.bound, gap(found), found.finished) == (0, 0, 0.0, True)


def test_two_want_the_one_copy() -> None:
    # The first would lose one by the other copy, the second nine: in order, the first would take it.
    problem = problem_of([[(1, [0]), (2, [1])], [(1, [0]), (10, [2])]], [1, 1, 1], [100, 100])
    found = solve(problem)
    assert found.choice.tolist() == [1, 2]
    assert (found.weight, found.bound) == (3, 3)
    assert greedy(problem).weight == 11


def test_it_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    solve(problem_of([[(1, [0]), (9, [1])], [(1, [0]), (9, [1])], [(1, [0]), (9, [1])]], [1, 1], [20, 20, 20]))
    assert capfd.readouterr() == ("", "")


def test_what_is_dearer_than_nothing_is_not_served() -> None:
    assert solve(problem_of([[(7, [])], [(3, [])]], [], [5, 5])).choice.tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("choice", "weight", "bound", "said"),
    [
        ([0, 2], 2, 2, "resource 0 is used 2 times and there are 1"),
        ([2, 2], 2, 2, "loan request 0 takes option 2, which is not one of its own"),
        ([0, 3], 12, 3, "it weighs 11, not 12"),
        ([0, 3], 11, 12, "it weighs 11, and nothing is said to weigh less than 12"),
        ([0], 1, 1, "1 choices for 2 loan requests"),
    ],
)
def test_the_checker_finds(choice: list[int], weight: int, bound: int, said: str) -> None:
    problem = problem_of([[(1, [0]), (2, [1])], [(1, [0]), (10, [2])]], [1, 1, 1], [100, 100])
    assert said in faults(problem, Assignment(np.array(choice), weight, bound, finished=True))


@pytest.mark.parametrize("hourly", [0.4, 10.0, 40.0, 1e6])
@pytest.mark.parametrize("horizon_days", [1, 35, 366])
def test_the_bound_reaches_what_not_being_served_weighs(hourly: float, horizon_days: int) -> None:
    """Two want one copy: its price is all that separates the second from not being served."""
    policy = Policy(horizon_days=horizon_days, weights=Weights(cents_per_hour=hourly))
    whole = weighing(Objective.BALANCED, policy)
    weights = [whole.of(days * 43_200, 2, 1075) for days in (1, 2)]
    none = weight_of_none(policy)
    problem = problem_of([[(weight, [0])] for weight in weights], [1], [none, none])
    found = solve(problem)
    assert faults(problem, found) == []
    assert found.weight == weights[0] + none
    assert gap(found) < 1e-6


def test_the_bound_reaches_what_a_few_dear_ones_weigh_among_many() -> None:
    """Each pair wants a copy of its own; one pair is of a policy that weighs far more than all others'."""
    policies = [*[Policy()] * 100, Policy(horizon_days=366, weights=Weights(cents_per_hour=1e6))]
    whole = [weighing(Objective.BALANCED, policy) for policy in policies]
    drawn = [[(one.of(days * 43_200, 2, 1075), [at])] for at, one in enumerate(whole) for days in (1, 2)]
    none = [weight_of_none(policy) for policy in policies for _ in (1, 2)]
    found = solve(problem_of(drawn, [1] * len(policies), none))
    assert found.weight == sum(first[0][0] for first in drawn[::2]) + sum(none[1::2])
    assert gap(found) < 1e-6
