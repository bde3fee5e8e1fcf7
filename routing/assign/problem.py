"""The problem as data: each loan request takes one of its options or none, and resources are enough for so many.

A copy group (the copies of a title at a location), the quota of a location or an agency and the room on a ride are
all the same here: a *resource* that each option uses once or not at all.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from routing.network import Ints, Longs


class ResourceKind(StrEnum):
    """What there may be too little of."""

    COPY = "copy"
    QUOTA = "quota"
    RIDE = "ride"


class Resource(NamedTuple):
    """A thing of which there is so much: `what` is (title, location), an ISIL, or a ride of the window."""

    kind: ResourceKind
    what: Hashable


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Loan requests with their options one after the other, and what the options use, in columns.

    Request *q* has the options from `option_start[q]` up to `option_start[q + 1]`, option *o* uses the resources
    `use[use_start[o] : use_start[o + 1]]`, none of them twice. A weight is a whole number, and least is best. What is
    served by nothing weighs its `penalty`.
    """

    option_start: Longs  # (requests + 1,)
    weight: Longs  # (options,)
    use_start: Longs  # (options + 1,)
    use: Ints
    capacity: Longs  # (resources,)
    penalty: Longs  # (requests,)

    @property
    def requests(self) -> int:
        """How many loan requests there are."""
        return len(self.penalty)


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """What each loan request takes: the number of an option, or -1. No assignment at all weighs less than `bound`.

    `finished`: nothing was cut short, so that the same problem has the same answer.
    """

    choice: Longs  # (requests,)
    weight: int
    bound: int
    finished: bool


def gap(assignment: Assignment) -> float:
    """By what part of the least possible the weight may lie above it, at most; 0 is proven best."""
    above = assignment.weight - assignment.bound
    return above / assignment.bound if assignment.bound > 0 else float(above > 0)
