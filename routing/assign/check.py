"""Checks an assignment by the raw problem, one loan request after the other. Shares nothing with what made it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from routing.assign.problem import Assignment, Problem


def faults(problem: Problem, assignment: Assignment) -> list[str]:
    """Every way in which an assignment is not one: empty where it is sound."""
    return list(_faults(problem, assignment))


def _faults(problem: Problem, assignment: Assignment) -> Iterator[str]:
    starts, choice = problem.option_start.tolist(), assignment.choice.tolist()
    if len(choice) != len(starts) - 1:
        yield f"{len(choice)} choices for {len(starts) - 1} loan requests"
        return
    used: Counter[int] = Counter()
    total = 0
    for request, option in enumerate(choice):
        if option == -1:
            total += int(problem.penalty[request])
        elif starts[request] <= option < starts[request + 1]:
            total += int(problem.weight[option])
            used.update(problem.use[problem.use_start[option] : problem.use_start[option + 1]].tolist())
        else:
            yield f"loan request {request} takes option {option}, which is not one of its own"
    for resource, count in sorted(used.items()):
        if count > problem.capacity[resource]:
            yield f"resource {resource} is used {count} times and there are {int(problem.capacity[resource])}"
    if total != assignment.weight:
        yield f"it weighs {total}, not {assignment.weight}"
    if assignment.bound > total:
        yield f"it weighs {total}, and nothing is said to weigh less than {assignment.bound}"
