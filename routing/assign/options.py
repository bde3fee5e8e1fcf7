"""The options of each loan request, from the engine: who may supply, and by its planned van or the one after.

A candidate that screening lets through gives up to two options: the itinerary that a decision would plan, and the one
that it would plan for an item that has just missed its first van.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from routing.assign.problem import Problem, Resource, ResourceKind
from routing.assign.weigh import weighing, weight_of_none
from routing.calendar import DAY_SECONDS, ready_seconds, to_moment, to_seconds
from routing.costs import NO_TARIFF, Charge, charge_between
from routing.decide import UnknownLocation, check_moments, dearest, no_way
from routing.model import Holding, Objective, Policy, Question, Refusal, Register
from routing.network import Ints, Longs, Network
from routing.register import Side, standing_of
from routing.screening import Candidate, Situation, day_of, never_ready, screen, too_dear, too_late, unreachable
from routing.transport import Arrivals, Transport, arrivals, leg_numbers, transport_to

Quotas = Mapping[str, int]
"""How many items a location or an agency, by its ISIL, supplies at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """One loan request of the batch. Who want the same `title` share its copies.

    `policy` is what holds for its counter (None: the batch's); whom that puts first does not count here. `penalty` is
    what it weighs when it is not served (None: as `weigh.weight_of_none` says).
    """

    question: Question
    title: Hashable
    holdings: Sequence[Holding]
    penalty: int | None = None
    policy: Policy | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Offers:
    """A problem, and what its numbers stand for; columns by option. Moments are seconds since 1970.

    `refusals` and `transport` are by loan request. The legs of an option are numbers in the window of its transport.
    """

    problem: Problem
    resources: tuple[Resource, ...]
    transport: tuple[Transport, ...]
    refusals: tuple[tuple[Refusal, ...], ...]
    candidate: tuple[Candidate, ...]
    charge: tuple[Charge, ...]
    ready: Longs
    arrival: Longs
    handlings: Longs
    leg_start: Longs
    leg: Longs


@dataclass(slots=True)
class _Rows:
    """Options as they are found, in no order: of each its loan request and what `Offers` says of it."""

    request: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)  # of the candidate among those of all loan requests
    ready: list[int] = field(default_factory=list)
    arrival: list[int] = field(default_factory=list)
    handlings: list[int] = field(default_factory=list)
    legs: list[Longs] = field(default_factory=list)
    leg_count: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A candidate of a loan request (by position), and when its copy is ready (seconds since 1970)."""

    request: int
    place: int
    candidate: Candidate
    ready: int


def lay_out(
    wanted: Sequence[Wanted],
    network: Network,
    register: Register,
    policy: Policy,
    *,
    room: Longs | None = None,
    quotas: Quotas | None = None,
) -> Offers:
    """Find the options of all that is wanted at one moment.

    `room` is how many items each ride of the window may still take (`network.window_for` with `horizon_of` them;
    negative: any number). Raises UnknownLocation or UnknownMoment, as `decide` does.
    """
    assert len({one.question.requested_at for one in wanted}) <= 1, "a batch is of one moment"
    refusals: list[list[Refusal]] = [[] for _ in wanted]
    asked, side = _screened(wanted, register, policy, refusals)
    groups: dict[tuple[str, Objective, datetime | None, Policy], list[_Asked]] = defaultdict(list)
    for one in asked:
        question, own = wanted[one.request].question, wanted[one.request].policy or policy
        groups[question.pickup_location, question.objective or own.objective, question.need_before, own].append(one)
    transports = _transports(wanted, network, policy)
    rows, charges = _Rows(), _Charges(policy)
    for (pickup, objective, _, own), group in groups.items():
        whole = transports[pickup]
        transport = replace(whole, horizon_end=whole.requested + own.horizon_days * DAY_SECONDS)
        _add(rows, group, wanted, transport, (objective, own), charges, side, refusals)
    return _gathered(rows, asked, wanted, policy, transports, charges, side, refusals, room=room, quotas=quotas or {})


def horizon_of(wanted: Sequence[Wanted], policy: Policy) -> int:
    """Return how many days the window of a batch reaches: those of the policy that looks furthest ahead."""
    return max((one.policy or policy).horizon_days for one in wanted) if wanted else policy.horizon_days


def _transports(wanted: Sequence[Wanted], network: Network, policy: Policy) -> dict[str, Transport]:
    horizon_days = horizon_of(wanted, policy)
    return {
        pickup: transport_to(
            network,
            pickup,
            requested=to_seconds(wanted[0].question.requested_at),
            horizon_days=horizon_days,
        )
        for pickup in dict.fromkeys(one.question.pickup_location for one in wanted)
    }


def _screened(
    wanted: Sequence[Wanted], register: Register, policy: Policy, refusals: Sequence[list[Refusal]]
) -> tuple[list[_Asked], list[Side]]:
    """Who may be asked for each loan request and when they are ready, and the side that each is wanted on."""
    asked: list[_Asked] = []
    sides: list[Side] = []
    ready: dict[tuple[str, int], int | None] = {}
    for request, one in enumerate(wanted):
        question = one.question
        if question.pickup_location not in register.locations:
            raise UnknownLocation(f"no location {question.pickup_location!r} is registered")
        check_moments(question)
        pickup = standing_of(register, question.pickup_location, question.requested_at)
        sides.append(pickup.side)
        own = one.policy or policy
        day = day_of(question.requested_at, register)
        candidates, refused = screen(one.holdings, register, Situation(question, own, pickup.agency, day))
        refusals[request].extend(refused)
        for candidate in candidates:
            key = hours, minutes = candidate.location.opening_hours, candidate.location.handling_minutes
            if key not in ready:
                ready[key] = ready_seconds(
                    to_seconds(question.requested_at),
                    minutes * 60,
                    opening_hours=hours,
                    timezone=register.timezone,
                )
            moment = ready[key]
            if moment is None:
                refusals[request].append(never_ready(candidate))
            else:
                asked.append(_Asked(request, len(asked), candidate, moment))
    return asked, sides


class _Charges:
    """What crossing from one side to another is charged, worked out once for each pair."""

    def __init__(self, policy: Policy) -> None:
        self._tariff = policy.tariff
        self._found: dict[tuple[Side, Side], Charge] = {}

    def of(self, candidate: Candidate, pickup_location: str, side: Side) -> Charge:
        """Return the charge for an item of a candidate."""
        pair = candidate.side, side
        if pair not in self._found:
            self._found[pair] = charge_between(*pair, self._tariff)
        charge = self._found[pair]
        return NO_TARIFF if charge.cents and candidate.location.id == pickup_location else charge


def _add(
    rows: _Rows,
    group: Sequence[_Asked],
    wanted: Sequence[Wanted],
    transport: Transport,
    weighed: tuple[Objective, Policy],
    charges: _Charges,
    side: Sequence[Side],
    refusals: Sequence[list[Refusal]],
) -> None:
    """Add the options of those that share a pickup location, an objective and a moment before which it is needed."""
    needed = wanted[group[0].request].question.need_before
    found = _arrivals(group, [one.ready for one in group], transport, weighed, needed)
    good: list[int] = []
    for at, one in enumerate(group):
        most, said_by = dearest(wanted[one.request].question, weighed[1])
        cents = charges.of(one.candidate, transport.pickup_location, side[one.request]).cents
        earliest = found.earliest[at]
        if earliest is None:
            refused = unreachable(one.candidate, no_way(one.candidate, one.ready, transport, weighed[1]))
        elif found.chosen[at] is None:
            assert needed is not None
            zone = transport.network.zone
            refused = too_late(one.candidate, to_moment(earliest, zone), needed.astimezone(zone))
        elif most is not None and cents > most:
            refused = too_dear(one.candidate, cents, most, said_by=said_by)
        else:
            good.append(at)
            continue
        refusals[one.request].append(refused)
    first = [group[at] for at in good]
    departs = _take(rows, first, [one.ready for one in first], _some(found, good), transport)
    riding = [at for at, moment in enumerate(departs) if moment is not None]
    later = [first[at] for at in riding]
    missed = [moment + 1 for moment in departs if moment is not None]
    found = _arrivals(later, missed, transport, weighed, needed)
    good = [at for at, arrival in enumerate(found.chosen) if arrival is not None]
    _take(rows, [later[at] for at in good], [missed[at] for at in good], _some(found, good), transport)


def _arrivals(
    group: Sequence[_Asked],
    ready: Sequence[int],
    transport: Transport,
    weighed: tuple[Objective, Policy],
    needed: datetime | None,
) -> Arrivals:
    return arrivals(
        transport,
        [one.candidate.location.id for one in group],
        ready,
        objective=weighed[0],
        weights=weighed[1].weights,
        need_before=None if needed is None else to_seconds(needed),
    )


def _some(found: Arrivals, good: Iterable[int]) -> tuple[list[int], list[int]]:
    """Arrivals and handlings of those that arrive."""
    pairs = [(arrival, found.handlings[at]) for at in good if (arrival := found.chosen[at]) is not None]
    return [arrival for arrival, _ in pairs], [handlings for _, handlings in pairs]


def _take(
    rows: _Rows,
    group: Sequence[_Asked],
    ready: Sequence[int],
    found: tuple[list[int], list[int]],
    transport: Transport,
) -> list[int | None]:
    """Add an option of each; return when its first van leaves (None: it stands there already)."""
    arrival, handlings = found
    riding = [at for at, one in enumerate(group) if one.candidate.location.id != transport.pickup_location]
    departs: list[int | None] = [None] * len(group)
    counts = [0] * len(group)
    if riding:
        window = transport.window
        numbers = leg_numbers(
            transport,
            [group[at].candidate.location.id for at in riding],
            [ready[at] for at in riding],
            [arrival[at] for at in riding],
            [handlings[at] for at in riding],
        )
        begins = 0
        boards = window.ride_departure[numbers // len(window.ride_to)] + window.start
        for at in riding:
            departs[at], counts[at] = int(boards[begins]), handlings[at] + 1
            begins += counts[at]
        rows.legs.append(numbers)
    rows.request.extend(one.request for one in group)
    rows.place.extend(one.place for one in group)
    rows.ready.extend(one.ready for one in group)
    rows.arrival.extend(arrival)
    rows.handlings.extend(handlings)
    rows.leg_count.extend(counts)
    return departs


# --- put in order ---------------------------------------------------------------------------------


def _gathered(
    rows: _Rows,
    asked: Sequence[_Asked],
    wanted: Sequence[Wanted],
    policy: Policy,
    transports: Mapping[str, Transport],
    charges: _Charges,
    side: Sequence[Side],
    refusals: Sequence[list[Refusal]],
    *,
    room: Longs | None,
    quotas: Quotas,
) -> Offers:
    """Sort the options by loan request, candidate and arrival, weigh them, and say what they use."""
    place, arrival = np.array(rows.place, dtype=np.int64), np.array(rows.arrival, dtype=np.int64)
    # Candidates are numbered in the order of loan requests; what was found first of one leaves first.
    order = np.lexsort((np.arange(len(place)), place))
    count = np.array(rows.leg_count, dtype=np.int64)
    legs = np.concatenate([np.empty(0, np.int64), *rows.legs])
    begins = np.cumsum(count) - count
    leg = legs[_spans(begins[order], count[order])]
    chosen = [asked[at] for at in place[order].tolist()]
    request = np.array([one.request for one in chosen], dtype=np.int64)
    charge = [
        charges.of(one.candidate, wanted[one.request].question.pickup_location, side[one.request]) for one in chosen
    ]
    handlings = np.array(rows.handlings, dtype=np.int64)[order]
    ways = tuple(transports[one.question.pickup_location] for one in wanted)
    requested = ways[0].requested if ways else 0
    leg_start = np.concatenate([np.zeros(1, np.int64), np.cumsum(count[order])])
    resources, capacity, use_start, use = _uses(
        chosen, wanted, (leg_start, leg), len(ways[0].window.ride_to) if ways else 1, room=room, quotas=quotas
    )
    policies = [one.policy or policy for one in wanted]
    weighings = [
        weighing(one.question.objective or own.objective, own) for one, own in zip(wanted, policies, strict=True)
    ]
    waited = arrival[order] - requested
    problem = Problem(
        option_start=np.searchsorted(request, np.arange(len(wanted) + 1)).astype(np.int64),
        weight=np.array(
            [
                weighings[at].of(seconds, changes, one.cents)
                for at, seconds, changes, one in zip(
                    request.tolist(), waited.tolist(), handlings.tolist(), charge, strict=True
                )
            ],
            dtype=np.int64,
        ),
        use_start=use_start,
        use=use,
        capacity=capacity,
        penalty=np.array(
            [
                weight_of_none(own) if one.penalty is None else one.penalty
                for one, own in zip(wanted, policies, strict=True)
            ],
            dtype=np.int64,
        ),
    )
    return Offers(
        problem=problem,
        resources=resources,
        transport=ways,
        refusals=tuple(map(tuple, refusals)),
        candidate=tuple(one.candidate for one in chosen),
        charge=tuple(charge),
        ready=np.array([one.ready for one in chosen], dtype=np.int64),
        arrival=arrival[order],
        handlings=handlings,
        leg_start=leg_start,
        leg=leg,
    )


def _spans(begins: Longs, count: Longs) -> Longs:
    """The numbers from each beginning on, so many of each, one after the other."""
    found: Longs = np.repeat(begins - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
    return found


def _uses(
    chosen: Sequence[_Asked],
    wanted: Sequence[Wanted],
    legs: tuple[Longs, Longs],
    rides: int,
    *,
    room: Longs | None,
    quotas: Quotas,
) -> tuple[tuple[Resource, ...], Longs, Longs, Ints]:
    """What there is of each resource, and what each option uses."""
    numbers: dict[Resource, int] = {}
    capacity: list[int] = []

    def number(resource: Resource, most: int) -> int:
        if resource not in numbers:
            numbers[resource] = len(capacity)
            capacity.append(max(0, most))
        return numbers[resource]

    option, use = [], []
    for at, one in enumerate(chosen):
        holding, location = one.candidate.holding, one.candidate.location.id
        copies = holding.copies if holding.available is None else holding.available
        option.append(at)
        use.append(number(Resource(ResourceKind.COPY, (wanted[one.request].title, location)), copies))
        for name in dict.fromkeys((location, one.candidate.supplying_agency)):
            if name is not None and name in quotas:
                option.append(at)
                use.append(number(Resource(ResourceKind.QUOTA, name), quotas[name]))
    named, many = tuple(numbers), len(capacity)
    options, uses = np.array(option, dtype=np.int64), np.array(use, dtype=np.int64)
    if room is not None:
        of, ride = _rides(legs, rides, room)
        known, which = np.unique(ride, return_inverse=True)
        options, uses = np.concatenate([options, of]), np.concatenate([uses, which + many])
        named += tuple(Resource(ResourceKind.RIDE, at) for at in known.tolist())
        capacity += room[known].tolist()
    order = np.argsort(options, kind="stable")
    counts = np.bincount(options, minlength=len(chosen))
    return (
        named,
        np.array(capacity, dtype=np.int64),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
        uses[order].astype(np.int32),
    )


def _rides(legs: tuple[Longs, Longs], rides: int, room: Longs) -> tuple[Longs, Longs]:
    """Which option takes room on which ride, of those that have only so much of it; in the order of travel."""
    start, leg = legs
    first, last = np.divmod(leg, rides)
    of_leg = np.repeat(np.arange(len(start) - 1), np.diff(start))
    ride, of = _spans(first, last - first + 1), np.repeat(of_leg, last - first + 1)
    limited = room[ride] >= 0
    return of[limited], ride[limited]
