"""What became of each loan request in words: the way it takes, and why that is not its own best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np

from routing.assign.options import Offers
from routing.assign.problem import Assignment, ResourceKind
from routing.calendar import to_moment
from routing.model import CostPart, Leg
from routing.network import Longs
from routing.screening import spoken
from routing.transport import leg_numbered


@dataclass(frozen=True, slots=True)
class WayTaken:
    """An option in the words of a rota entry, and what it weighs."""

    supplying_agency: str | None
    supplying_location: str
    ready_at: datetime
    arrives_at: datetime
    cost_cents: int
    cost_parts: tuple[CostPart, ...]
    handlings: int
    legs: tuple[Leg, ...]
    weight: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that keeps a loan request from its own best option; which fields are there, `kind` says.

    The copies at `location` are taken by other loan requests (`by`, positions), a quota is that of a location or an
    agency (`of`), and full is a trip on `leg`. `most` is how much there was.
    """

    kind: ResourceKind
    most: int
    location: str | None = None
    by: tuple[int, ...] = ()
    of: str | None = None
    leg: Leg | None = None


def way_taken(offers: Offers, request: int, option: int) -> WayTaken:
    """Say what an option of a loan request is."""
    transport, candidate, charge = offers.transport[request], offers.candidate[option], offers.charge[option]
    zone = transport.network.zone
    start, end = offers.leg_start[option], offers.leg_start[option + 1]
    return WayTaken(
        supplying_agency=candidate.supplying_agency,
        supplying_location=candidate.location.id,
        ready_at=to_moment(int(offers.ready[option]), zone),
        arrives_at=to_moment(int(offers.arrival[option]), zone),
        cost_cents=charge.cents,
        cost_parts=charge.parts,
        handlings=int(offers.handlings[option]),
        legs=tuple(leg_numbered(transport, leg) for leg in offers.leg[start:end].tolist()),
        weight=int(offers.problem.weight[option]),
    )


def own_best(offers: Offers) -> Longs:
    """The lightest option of each loan request by itself, the first of several; -1 where it has none."""
    starts, weight = offers.problem.option_start.tolist(), offers.problem.weight
    return np.array(
        [low + int(weight[low:end].argmin()) if end > low else -1 for low, end in pairwise(starts)],
        dtype=np.int64,
    )


def differences(offers: Offers, assignment: Assignment) -> dict[int, tuple[int, tuple[Difference, ...]]]:
    """For every loan request that does not get its own best: that option, and what of it was used up by others."""
    problem, best = offers.problem, own_best(offers)
    users: Mapping[int, list[int]] = _users(offers, assignment)
    found = {}
    for request, (option, wished) in enumerate(zip(assignment.choice.tolist(), best.tolist(), strict=True)):
        if wished < 0 or option == wished:
            continue
        if option >= 0 and problem.weight[option] <= problem.weight[wished]:
            continue  # as good as its best
        used = problem.use[problem.use_start[wished] : problem.use_start[wished + 1]].tolist()
        full = [each for each in used if len(users[each]) - (request in users[each]) >= problem.capacity[each]]
        found[request] = (wished, tuple(_difference_of(offers, request, full, users)))
    return found


def _users(offers: Offers, assignment: Assignment) -> Mapping[int, list[int]]:
    """The loan requests that use each resource."""
    problem = offers.problem
    users: dict[int, list[int]] = defaultdict(list)
    for request, option in enumerate(assignment.choice.tolist()):
        if option >= 0:
            for each in problem.use[problem.use_start[option] : problem.use_start[option + 1]].tolist():
                users[each].append(request)
    return users


def _difference_of(
    offers: Offers, request: int, full: Sequence[int], users: Mapping[int, Sequence[int]]
) -> Iterator[Difference]:
    for number in full:
        (kind, what), most = offers.resources[number], int(offers.problem.capacity[number])
        if kind is ResourceKind.COPY:
            assert isinstance(what, tuple)
            others = tuple(one for one in users[number] if one != request)
            yield Difference(kind, most, location=str(what[1]), by=others)
        elif kind is ResourceKind.QUOTA:
            yield Difference(kind, most, of=str(what))
    yield from _full_rides(offers, request, [number for number in full if _is_ride(offers, number)])


def _is_ride(offers: Offers, number: int) -> bool:
    return offers.resources[number].kind is ResourceKind.RIDE


def _full_rides(offers: Offers, request: int, full: Sequence[int]) -> Iterator[Difference]:
    """Full rides as legs: those that follow each other on one trip are one."""
    transport, problem = offers.transport[request], offers.problem
    ends_trip, rides = transport.window.ride_ends_trip, len(transport.window.ride_to)
    most = {int(offers.resources[number].what): int(problem.capacity[number]) for number in full}  # type: ignore[call-overload]
    ordered = sorted(most)
    begins = [at for at in ordered if at - 1 not in most or ends_trip[at - 1]]
    for first, after in pairwise([*begins, rides]):
        last = max(at for at in ordered if first <= at < after)
        leg = leg_numbered(transport, first * rides + last)
        yield Difference(ResourceKind.RIDE, min(most[at] for at in range(first, last + 1)), leg=leg)


def told(difference: Difference, names: Sequence[str]) -> str:
    """A difference as a sentence; `names` are what loan requests are called, by position."""
    if difference.kind is ResourceKind.COPY:
        by = ", ".join(names[one] for one in difference.by[:3]) + (" and others" if len(difference.by) > 3 else "")
        whose = f" to {by}" if by else ""
        copies = "The copy" if difference.most == 1 else f"Each of {difference.most} copies"
        return f"{copies} at {difference.location} goes{whose}."
    if difference.kind is ResourceKind.QUOTA:
        return f"The quota of {difference.of}, {difference.most} that day, is reached."
    leg = difference.leg
    assert leg is not None
    return (
        f"Trip {leg.trip_id} is full from {leg.from_location} ({spoken(leg.departs_at)}) to {leg.to_location}: "
        f"it has room for {difference.most}."
    )
