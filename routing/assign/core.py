"""The promising part of a problem, as a program that HiGHS solves.

HiGHS (https://highs.dev) does the combinatorial work. It is run on one thread and without a clock of its own but for
the limit that it is given, so that the same program has the same answer unless that limit is reached.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import highspy
import numpy as np

from routing.assign.problem import Problem
from routing.network import Ints, Longs

TYPICAL = 1000.0
"""HiGHS is told weights that lie about here: its tolerances are absolute."""
MANY, WHOLE = 6_000, 1 - 1e-6
"""Of so many options those that the linear program takes whole are taken, and only the rest is searched."""


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Which of the kept options are taken; None where no whole choice was found. `finished`: not cut short."""

    options: Longs | None
    finished: bool


def choose(problem: Problem, kept: Longs, chosen: Longs, *, seconds: float, near: float) -> Chosen:
    """Choose among `kept` (numbers of options, in order), beginning with those `chosen` of them.

    HiGHS stops after `seconds`, or once nothing among them can be better by a part `near` of the whole. Of MANY, what
    the linear program takes whole is taken, and `near` is of the rest: docs/decisions/0051 has what that cost.
    """
    if len(kept) < MANY:
        return _search(problem, kept, chosen, seconds=seconds, near=near)
    whole = _whole(problem, kept, seconds=seconds / 2, near=near)
    if whole is None:
        return Chosen(None, finished=False)
    of = np.repeat(np.arange(problem.requests), np.diff(problem.option_start))
    served = np.zeros(problem.requests, dtype=np.bool_)
    served[of[whole]] = True
    left = replace(problem, capacity=problem.capacity - _used(problem, whole))
    rest = kept[~served[of[kept]]]
    nobody = np.empty(0, dtype=np.int64)
    found = _search(left, rest, nobody, seconds=seconds / 2, near=near)
    others = nobody if found.options is None else found.options
    return Chosen(np.sort(np.concatenate([whole, others])), found.finished)


def _whole(problem: Problem, kept: Longs, *, seconds: float, near: float) -> Longs | None:
    """Solve the linear program, and return the options that it takes whole; None: it was cut off.

    By interior points, and from there to a vertex: on a day of ten thousand loan requests that takes a quarter of
    what the simplex method does, and all but some hundred loan requests are served whole.
    """
    solver = _solver(seconds, near)
    program = _program(problem, kept)
    program.integrality_ = []
    solver.passModel(program)
    solver.setOptionValue("solver", "ipm")
    solver.setOptionValue("run_crossover", "on")
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return kept[np.array(solver.getSolution().col_value) > WHOLE]


def _used(problem: Problem, options: Longs) -> Longs:
    """How much of each resource some options use together."""
    taken = np.zeros(len(problem.use_start) - 1, dtype=np.bool_)
    taken[options] = True
    uses = problem.use[np.repeat(taken, np.diff(problem.use_start))]
    return np.bincount(uses, minlength=len(problem.capacity)).astype(problem.capacity.dtype)


def _search(problem: Problem, kept: Longs, chosen: Longs, *, seconds: float, near: float) -> Chosen:
    """Choose among `kept` by branch and bound."""
    if not len(kept):
        return Chosen(kept, finished=True)
    solver = _solver(seconds, near)
    solver.passModel(_program(problem, kept))
    start = highspy.HighsSolution()
    start.col_value = np.isin(kept, chosen).astype(np.float64).tolist()
    solver.setSolution(start)
    solver.run()
    solution = solver.getSolution()
    finished = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    if not solution.value_valid:
        return Chosen(None, finished)
    return Chosen(kept[np.array(solution.col_value) > 0.5], finished)


class _Quiet(highspy.Highs):
    """HiGHS without the banner that it prints when it is made."""

    def enableCallbacks(self) -> Any:  # noqa: N802 - its own name
        """Be told to be quiet before what prints it."""
        self.setOptionValue("output_flag", False)
        return super().enableCallbacks()  # type: ignore[no-untyped-call]


def _solver(seconds: float, near: float) -> Any:
    solver = _Quiet()  # type: ignore[no-untyped-call]
    for name, value in (
        ("threads", 1),
        ("parallel", "off"),
        ("random_seed", 0),
        ("time_limit", seconds),
        ("mip_rel_gap", near),
        ("mip_abs_gap", 0.0),
    ):
        solver.setOptionValue(name, value)
    return solver


def _program(problem: Problem, kept: Longs) -> Any:
    """A column for each kept option, worth what it is lighter than serving nothing; a row for each limit.

    The row of a loan request, which takes one option at most, comes before those of the resources. What everybody
    weighs who is not served is its offset, so that a part of the whole is one of the real weight.
    """
    of = np.repeat(np.arange(problem.requests), np.diff(problem.option_start))[kept]
    unit = max(1.0, float(problem.weight.mean())) / TYPICAL
    start, row = _columns(problem, kept, of)
    rows = problem.requests + len(problem.capacity)
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(kept), rows
    program.offset_ = float(sum(problem.penalty.tolist())) / unit
    program.col_cost_ = (problem.weight[kept] - problem.penalty[of]) / unit
    program.col_lower_, program.col_upper_ = np.zeros(len(kept)), np.ones(len(kept))
    program.row_lower_ = np.full(rows, -highspy.kHighsInf)
    program.row_upper_ = np.concatenate([np.ones(problem.requests), problem.capacity.astype(np.float64)])
    program.integrality_ = [highspy.HighsVarType.kInteger] * len(kept)
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_ = start
    program.a_matrix_.index_ = row
    program.a_matrix_.value_ = np.ones(len(row))
    return program


def _columns(problem: Problem, kept: Longs, of: Longs) -> tuple[Ints, Ints]:
    """Where each column begins, and its rows: that of its loan request, then those of what it uses."""
    count = problem.use_start[kept + 1] - problem.use_start[kept]
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(count + 1)])
    row = np.empty(int(start[-1]), dtype=np.int32)
    others = np.ones(len(row), dtype=np.bool_)
    others[start[:-1]] = False
    row[start[:-1]] = of
    before = np.cumsum(count) - count
    used = np.repeat(problem.use_start[kept] - before, count) + np.arange(int(count.sum()))
    row[others] = problem.use[used] + problem.requests
    return start.astype(np.int32), row
