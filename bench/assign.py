"""Measures a whole day at once on the demonstration network, beside deciding one by one and beside the optimum."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter, process_time
from typing import Any, NamedTuple, TypeVar

import highspy
import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array

from routing import Holding, Policy, Question, Register, Timetable, compile_network
from routing.assign import Assignment, Offers, Problem, ResourceKind, Wanted, faults, greedy, lay_out, solve
from routing.assign.weigh import UNITS_PER_CENT
from routing.assign.why import own_best
from routing.network import Network, window_for

TITLE = "\n## A whole day at once\n"
SEED = 20261127
REQUESTS, TITLES, HOLDERS = 10_000, 20_000, 10
# Of what all would take who take their own best: so much is there, where more than a few would.
ROOM, QUOTA, A_FEW, LEAST_ROOM = 0.7, 0.7, 5, 20
OPTIMUM_SECONDS, OPTIMUM_NEAR = 600.0, 1e-4


@dataclass(frozen=True, slots=True)
class Kind:
    """Of one kind of resource: how many there are, how many own bests would overfill, how many are full at last."""

    count: int
    wanted: int
    full: int


class Spent(NamedTuple):
    """Seconds of the clock and of the processor."""

    clock: float
    processor: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured; weights in units, seconds as the names say."""

    options: int
    uses: int
    kinds: dict[ResourceKind, Kind]
    cold: Spent
    solved: Spent
    again: Spent
    answers: dict[str, tuple[int, int]]  # weight, and how many are served
    bound: int
    optimum_bound: float
    optimum_seconds: float
    optimal: bool
    same: bool
    load: float


def measure(timetable: Timetable, register: Register, day: datetime, say: Callable[[str], None]) -> Figures:
    """Draw a day, find its options, and assign it in three ways; raises AssertionError where one is not sound."""
    say("a day at once: drawing it")
    network, policy = compile_network(timetable), Policy()
    wanted = _draw(timetable, register, day)
    window_for(network, int(day.timestamp()), policy.horizon_days)
    free, cold = _timed(lambda: lay_out(wanted, network, register, policy))
    quotas, room = _scarcity(network, free, day, policy)
    offers = lay_out(wanted, network, register, policy, room=room, quotas=quotas)
    problem = offers.problem
    solve(_first(problem, 200))  # numba compiles on first use
    say("a day at once: assigning it")
    found, solved = _timed(lambda: solve(problem))
    other, again = _timed(lambda: solve(problem))
    one_by_one = greedy(problem)
    say(f"a day at once: {solved.clock:.2f} s; the optimum, by HiGHS")
    begun = perf_counter()
    best, optimum_bound, optimal = _optimum(problem, found)
    optimum_seconds = perf_counter() - begun
    for answer in (found, other, one_by_one, best):
        assert faults(problem, answer) == [], "an assignment is not sound"
    assert found.bound <= best.weight, "the bound lies above the optimum"
    return Figures(
        options=len(problem.weight),
        uses=len(problem.use),
        kinds=_kinds(offers, found),
        cold=cold,
        solved=solved,
        again=again,
        answers={
            name: (answer.weight, int((answer.choice >= 0).sum()))
            for name, answer in ((ONE_BY_ONE, one_by_one), (AT_ONCE, found), (OPTIMUM, best))
        },
        bound=found.bound,
        optimum_bound=optimum_bound,
        optimum_seconds=optimum_seconds,
        optimal=optimal,
        same=bool((found.choice == other.choice).all()),
        load=os.getloadavg()[0],
    )


ONE_BY_ONE, AT_ONCE, OPTIMUM = (
    "in order, each its best that is still free",
    "at once",
    "HiGHS on the whole program",
)


T = TypeVar("T")


def _timed(work: Callable[[], T]) -> tuple[T, Spent]:
    clock, processor = perf_counter(), process_time()
    found = work()
    return found, Spent(perf_counter() - clock, process_time() - processor)


def _draw(timetable: Timetable, register: Register, day: datetime) -> list[Wanted]:
    """Loan requests of one morning: some counters ask more than others, some titles are asked for more."""
    draw = np.random.default_rng(SEED)
    served = [
        name
        for at in np.unique(timetable.stop_times.stop).tolist()
        if (name := timetable.stops[at].id) in register.locations and timetable.stops[at].handling_seconds is None
    ]
    size = draw.lognormal(0.0, 0.8, len(served))
    size /= size.sum()
    popular = draw.pareto(3.0, TITLES) + 1
    title = draw.choice(TITLES, REQUESTS, p=popular / popular.sum())
    counter = draw.choice(len(served), REQUESTS, p=size)
    holders = {
        at: [
            Holding(served[place], copies=1, available=1)
            for place in draw.choice(len(served), HOLDERS, replace=False, p=size).tolist()
        ]
        for at in np.unique(title).tolist()
    }
    return [
        Wanted(Question(pickup_location=served[place], requested_at=day), at, holders[at])
        for place, at in zip(counter.tolist(), title.tolist(), strict=True)
    ]


def _scarcity(
    network: Network, free: Offers, day: datetime, policy: Policy
) -> tuple[dict[str, int], npt.NDArray[np.int64]]:
    """Quotas and room that do not suffice for everybody's own best."""
    best = own_best(free)
    best = best[best >= 0]
    places: dict[str, int] = {}
    for option in best.tolist():
        name = free.candidate[option].location.id
        places[name] = places.get(name, 0) + 1
    quotas = {name: max(A_FEW, int(QUOTA * count)) for name, count in places.items()}
    window = window_for(network, int(day.timestamp()), policy.horizon_days)
    riding = np.zeros(len(window.ride_to) + 1, dtype=np.int64)
    for option in best.tolist():
        for leg in free.leg[free.leg_start[option] : free.leg_start[option + 1]].tolist():
            first, last = divmod(leg, len(window.ride_to))
            riding[first] += 1
            riding[last + 1] -= 1
    riding = np.cumsum(riding)[:-1]
    # All vans of a route are alike: they have room for a part of what its fullest ride would need on its fullest day.
    route = np.array([trip.route for trip in network.timetable.trips])[window.ride_trip]
    fullest = np.zeros(len(network.timetable.routes), dtype=np.int64)
    np.maximum.at(fullest, route, riding)
    return quotas, np.maximum(LEAST_ROOM, (ROOM * fullest).astype(np.int64))[route]


def _first(problem: Problem, requests: int) -> Problem:
    """The first loan requests alone."""
    options = int(problem.option_start[requests])
    return replace(
        problem,
        option_start=problem.option_start[: requests + 1],
        weight=problem.weight[:options],
        use_start=problem.use_start[: options + 1],
        use=problem.use[: problem.use_start[options]],
        penalty=problem.penalty[:requests],
    )


def _optimum(problem: Problem, start: Assignment) -> tuple[Assignment, float, bool]:
    """The whole program, by HiGHS: the best that it finds from `start` on, its bound, and whether it is proven."""
    columns, requests, unit = len(problem.weight), problem.requests, float(UNITS_PER_CENT)
    of = np.repeat(np.arange(requests), np.diff(problem.option_start))
    user = np.repeat(np.arange(columns), np.diff(problem.use_start))
    rows = np.concatenate([of, problem.use + requests])
    entries = (np.ones(len(rows)), (rows, np.concatenate([np.arange(columns), user])))
    matrix = csc_array(entries, shape=(requests + len(problem.capacity), columns))
    program = highspy.HighsLp()
    program.num_row_, program.num_col_ = matrix.shape
    program.offset_ = float(sum(problem.penalty.tolist())) / unit
    program.col_cost_ = (problem.weight - problem.penalty[of]) / unit
    program.col_lower_, program.col_upper_ = np.zeros(columns), np.ones(columns)
    program.row_lower_ = np.full(matrix.shape[0], -highspy.kHighsInf)
    program.row_upper_ = np.concatenate([np.ones(requests), problem.capacity.astype(np.float64)])
    program.integrality_ = [highspy.HighsVarType.kInteger] * columns
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_ = matrix.indptr.astype(np.int32)
    program.a_matrix_.index_ = matrix.indices.astype(np.int32)
    program.a_matrix_.value_ = matrix.data
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("time_limit", OPTIMUM_SECONDS)
    solver.setOptionValue("mip_rel_gap", OPTIMUM_NEAR)
    solver.setOptionValue("mip_lp_solver", "ipm")  # of the linear program alone: 103 s
    solver.passModel(program)
    known = highspy.HighsSolution()
    known.col_value = np.isin(np.arange(columns), start.choice).astype(np.float64).tolist()
    solver.setSolution(known)
    solver.run()
    choice = np.full(requests, -1, dtype=np.int64)
    taken = np.flatnonzero(np.array(solver.getSolution().col_value) > 0.5)
    choice[of[taken]] = taken
    weight = sum(problem.weight[taken].tolist()) + sum(problem.penalty[choice < 0].tolist())
    proven = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return Assignment(choice, weight, 0, finished=proven), solver.getInfo().mip_dual_bound * unit, proven


def _kinds(offers: Offers, found: Assignment) -> dict[ResourceKind, Kind]:
    problem = offers.problem

    def used(options: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        taken = options[options >= 0]
        parts = [problem.use[problem.use_start[at] : problem.use_start[at + 1]] for at in taken.tolist()]
        return np.bincount(np.concatenate(parts), minlength=len(problem.capacity)).astype(np.int64)

    wanted, full = used(own_best(offers)) > problem.capacity, used(found.choice) >= problem.capacity
    kinds = np.array([resource.kind for resource in offers.resources])
    return {
        kind: Kind(int((kinds == kind).sum()), int(wanted[kinds == kind].sum()), int(full[kinds == kind].sum()))
        for kind in ResourceKind
    }


def part(figures: Figures) -> str:
    """Write what the page says of it."""
    best, _ = figures.answers[OPTIMUM]
    # HiGHS may run out of time with no bound worth the name: then our own, which is valid too, is the better one.
    least = best if figures.optimal else max(figures.optimum_bound, float(figures.bound))
    found, _ = figures.answers[AT_ONCE]
    rows = "\n".join(
        f"| {name} | {weight / UNITS_PER_CENT / 100:,.2f} | {weight / least - 1:.3%} | {REQUESTS - served:,} |"
        for name, (weight, served) in figures.answers.items()
    )
    kinds = "\n".join(
        f"| {kind.value} | {of.count:,} | {of.wanted:,} | {of.full:,} |" for kind, of in figures.kinds.items()
    )
    return f"""{TITLE}
Written by `./run bench assign`. {REQUESTS:,} loan requests of one morning on the demonstration network, **drawn**
(seed {SEED}), each for a title with {HOLDERS} holders of one copy, with two departures for each:
{figures.options:,} options. Quotas of locations are {QUOTA:.0%} of what everybody's own best would take of them (at
least {A_FEW}); the vans of a route have room for {ROOM:.0%} of what its fullest ride would carry (at least
{LEAST_ROOM} items). Every answer was checked against all constraints by code that shares nothing with what found it
(`routing/assign/check.py`). At the end the load average was {figures.load:.0f} on {os.cpu_count()} cores: the seconds
of the processor say more than those of the clock.

| | weight, euro | above {"the optimum" if figures.optimal else "the best lower bound"} | not served |
|---|---:|---:|---:|
{rows}

| | |
|---|---:|
| seconds to assign (aim: 5) | {figures.solved.clock:.2f} |
| of the processor | {figures.solved.processor:.2f} |
| the same once more, with the same answer ({"yes" if figures.same else "no"}): of the processor | \
{figures.again.processor:.2f} |
| seconds to find the options before that, no sweep of the morning being kept yet | {figures.cold.clock:.2f} |
| of the processor | {figures.cold.processor:.2f} |
| above the optimum, or at most so much where that is not proven (aim: 0.5%) | {found / least - 1:.3%} |
| above its own lower bound: the gap that it prints | {found / figures.bound - 1:.3%} |
| seconds that HiGHS was given for the whole program, beginning with our answer | {figures.optimum_seconds:.0f} |
| it proved the optimum, to a ten-thousandth | {"yes" if figures.optimal else "no"} |

| what there is too little of | there are | own bests would need more of | full at last |
|---|---:|---:|---:|
{kinds}
"""
