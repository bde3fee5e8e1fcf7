"""The story of a decision: who holds it, who may be asked, when each copy would arrive, and in what order to ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from routing.calendar import ready_seconds, to_moment, to_seconds
from routing.costs import NO_TARIFF, charge_between
from routing.fairness import Burdens, burden_of, burden_told, cents_of, is_full, limited, limits_anyone
from routing.model import Burden, Decision, Holding, Policy, Question, Refusal, Register, RotaEntry, RotaOrder
from routing.network import Network
from routing.policies import lapses, orders, precedence, precedence_told
from routing.prospect import in_order, look_ahead, promising
from routing.ranking import Offer, explained, ranked
from routing.register import Side, standing_of
from routing.response import ResponseModel
from routing.screening import (
    Candidate,
    Situation,
    behind,
    day_of,
    never_ready,
    screen,
    spoken,
    too_dear,
    too_late,
    unreachable,
)
from routing.transport import Transport, arrivals, legs, transport_to


class UnknownLocation(Exception):  # noqa: N818 -- what it is, not that it is an error
    """The pickup location is not in the register."""


class UnknownMoment(Exception):  # noqa: N818 -- what it is, not that it is an error
    """The moment lies so far away that no calendar reaches it."""


FIRST_YEAR, LAST_YEAR = 1900, 2900
UNANSWERED = 1000
"""What comes on top of the precedence of those who could not be asked: more than any policy gives."""
CHOSEN = -1
"""The precedence of a location that somebody has chosen: less than any other has."""
FULL = 2000
"""What comes on top for those who were asked as often as they may be today."""


def decide(
    question: Question,
    holdings: Iterable[Holding],
    network: Network,
    register: Register,
    policy: Policy,
    responses: ResponseModel | None = None,
    burdens: Burdens | None = None,
) -> Decision:
    """Choose, from the holders of a title, who supplies it and by which vans it travels.

    With `responses` every entry of the rota has a promise, and the rota may go by what it comes to as a whole. With
    `burdens` it goes by what suppliers bear too, as far as the policies say that it counts.

    Raises UnknownLocation where the register does not know the pickup location, and UnknownMoment where
    `requested_at` or `need_before` lies before 1900 or after 2900.
    """
    if question.requested_at.microsecond:
        question = replace(question, requested_at=question.requested_at.replace(microsecond=0))
    objective = question.objective or policy.objective
    if question.pickup_location not in register.locations:
        raise UnknownLocation(f"no location {question.pickup_location!r} is registered")
    check_moments(question)
    pickup = standing_of(register, question.pickup_location, question.requested_at)

    situation = Situation(question, policy, pickup.agency)
    if policy.lending is not None:
        holdings = list(holdings)
        situation = replace(situation, day=day_of(question.requested_at, register))
    candidates, refusals = screen(holdings, register, situation)
    candidates, ready, unready = _get_ready(candidates, question, register)
    transport = transport_to(
        network,
        question.pickup_location,
        requested=to_seconds(question.requested_at),
        horizon_days=policy.horizon_days,
    )
    bearing = None
    if burdens is not None and (policy.weights.weigh_burdens or limits_anyone(policy.lending)):
        bearing = _Bearing(burdens, situation, day_of(question.requested_at, register))
    offers, unfit = _offers(
        candidates, ready, transport, question=question, policy=policy, side=pickup.side, bearing=bearing
    )
    rota = ranked(offers, objective, policy.weights)
    first = _precedence(offers, candidates, question=question, policy=policy, side=pickup.side, bearing=bearing)
    if first is not None:
        rota.sort(key=lambda offer: first[offer.candidate])
    ahead, places = None, list(range(len(rota)))
    if responses is not None and rota:
        if (general := lapses(policy, question.service_level)[0]) != policy.lapse_days:
            policy = replace(policy, lapse_days=general)
        ahead = look_ahead(
            rota, candidates, transport, register, policy, responses, service_level=question.service_level
        )
        if policy.rota_order is RotaOrder.EXPECTED:
            circles = [0] * len(rota) if first is None else [first[offer.candidate] for offer in rota]
            places = in_order(ahead, rota, objective, policy, circles=circles)
            rota = [rota[place] for place in places]
    entries = list(
        _entries(rota, candidates, transport, question=question, policy=policy, side=pickup.side, bearing=bearing)
    )
    if first is not None:
        shown = zip(entries, rota, strict=False)
        entries = [entry._replace(precedence=first[offer.candidate]) for entry, offer in shown]
    if responses is not None and ahead is not None:
        hours = [candidates[offer.candidate].location.opening_hours for offer in rota[: len(entries)]]
        entries = promising(ahead, entries, places, responses, hours, at_once=1 if question.first else policy.at_once)
    return Decision(
        network_version=network.version,
        requested_at=question.requested_at,
        objective=objective,
        rota=tuple(entries),
        refusals=(*refusals, *unready, *unfit),
        response_model=None if responses is None else responses.version,
        policy=policy,
        policy_versions=behind(holdings, register, situation),
        opening_hours=register.locations[question.pickup_location].opening_hours,
    )


@dataclass(frozen=True, slots=True)
class _Bearing:
    """What candidates bear, on the day of the question."""

    burdens: Burdens
    situation: Situation
    day: date

    def cents(self, candidate: Candidate) -> float:
        """What it weighs."""
        weights = self.situation.policy.weights
        return cents_of(self.burdens, candidate.supplying_agency, candidate.location.id, weights)

    def of(self, candidate: Candidate) -> Burden:
        """All of it, with how often it was asked today."""
        return burden_of(
            self.burdens,
            self.situation.policy,
            agency=candidate.supplying_agency,
            location=candidate.location.id,
            side=candidate.side,
            day=self.day,
            pickup_location=self.situation.question.pickup_location,
            pickup_agency=self.situation.pickup_agency,
        )

    def full(self, candidates: Sequence[Candidate], offers: Sequence[Offer]) -> frozenset[int]:
        """Which candidates with an offer were asked as often as they may be."""
        if not limits_anyone(self.situation.policy.lending):
            return frozenset()
        return frozenset(offer.candidate for offer in offers if is_full(self.of(candidates[offer.candidate])))


def _precedence(
    offers: Sequence[Offer],
    candidates: Sequence[Candidate],
    *,
    question: Question,
    policy: Policy,
    side: Side,
    bearing: _Bearing | None,
) -> dict[int, int] | None:
    """What puts each candidate before others whatever the objective (less comes first); None: nothing does."""
    ordered = orders(policy)
    full = frozenset[int]() if bearing is None else bearing.full(candidates, offers)
    if not ordered and not question.unanswered and not full and question.first is None:
        return None
    found = {}
    for offer in offers:
        rank = precedence(policy, offer.location, candidates[offer.candidate].side, side) if ordered else 0
        rank += UNANSWERED if offer.location in question.unanswered else 0
        rank += FULL if offer.candidate in full else 0
        found[offer.candidate] = CHOSEN if offer.location == question.first else rank
    return found


def dearest(question: Question, policy: Policy) -> tuple[int | None, str]:
    """The most that may be charged (cents; None: whatever it costs), and who says so."""
    most = question.max_cost_cents
    if policy.max_cost_cents is not None and (most is None or policy.max_cost_cents < most):
        return policy.max_cost_cents, "policy"
    return most, "request"


def check_moments(question: Question) -> None:
    """Far outside the centuries that calendars know, arithmetic on moments breaks down."""
    for name, moment in (("requested_at", question.requested_at), ("need_before", question.need_before)):
        if moment is not None and not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise UnknownMoment(f"{name} must lie between the years {FIRST_YEAR} and {LAST_YEAR}")


def _get_ready(
    candidates: Sequence[Candidate], question: Question, register: Register
) -> tuple[list[Candidate], list[int], list[Refusal]]:
    """When each candidate's copy is ready to travel (seconds since 1970); refuse those where it never is."""
    requested = to_seconds(question.requested_at)
    by_hours: dict[tuple[str, int], int | None] = {}
    going: list[Candidate] = []
    ready: list[int] = []
    refused: list[Refusal] = []
    for candidate in candidates:
        at = hours, minutes = candidate.location.opening_hours, candidate.location.handling_minutes
        if at not in by_hours:
            by_hours[at] = ready_seconds(requested, minutes * 60, opening_hours=hours, timezone=register.timezone)
        moment = by_hours[at]
        if moment is None:
            refused.append(never_ready(candidate))
        else:
            going.append(candidate)
            ready.append(moment)
    return going, ready, refused


def _offers(
    candidates: Sequence[Candidate],
    ready: Sequence[int],
    transport: Transport,
    *,
    question: Question,
    policy: Policy,
    side: Side,
    bearing: _Bearing | None,
) -> tuple[list[Offer], list[Refusal]]:
    """What each candidate comes to in time and money; refuse what never arrives, is too late or too dear."""
    needed, (most, said_by) = question.need_before, dearest(question, policy)
    found = arrivals(
        transport,
        [candidate.location.id for candidate in candidates],
        ready,
        objective=question.objective or policy.objective,
        weights=policy.weights,
        need_before=None if needed is None else to_seconds(needed),
    )
    zone, requested = transport.network.zone, transport.requested
    weigh_one = bearing.cents if bearing is not None and policy.weights.weigh_burdens else None
    offers: list[Offer] = []
    refused: list[Refusal] = []
    each = zip(candidates, ready, found.earliest, found.chosen, found.handlings, strict=True)
    for i, (candidate, leaves, earliest, arrival, handlings) in enumerate(each):
        if earliest is None:
            refused.append(unreachable(candidate, no_way(candidate, leaves, transport, policy)))
            continue
        if arrival is None:
            assert needed is not None
            refused.append(too_late(candidate, to_moment(earliest, zone), needed.astimezone(zone)))
            continue
        location = candidate.location.id
        charge = charge_between(candidate.side, side, policy.tariff)
        if charge.cents and location == question.pickup_location:
            charge = NO_TARIFF
        if most is not None and charge.cents > most:
            refused.append(too_dear(candidate, charge.cents, most, said_by=said_by))
            continue
        burden = 0.0 if weigh_one is None else weigh_one(candidate)
        offers.append(Offer(i, location, leaves, arrival, arrival - requested, handlings, charge, burden))
    return offers, refused


def no_way(candidate: Candidate, ready: int, transport: Transport, policy: Policy) -> str:
    """Say why nothing that is ready at a moment ever arrives."""
    here, there = candidate.location.id, transport.pickup_location
    horizon = "a day" if policy.horizon_days == 1 else f"{policy.horizon_days} days"
    if here == there:
        return f"Not ready within {horizon}."
    if transport.sweep is None:
        return f"No van calls at {there}."
    if here not in transport.network.stop_positions:
        return f"No van calls at {here}."
    moment = spoken(to_moment(ready, transport.network.zone))
    return f"No van takes it from {here} after {moment} to {there} within {horizon} of the request."


def _entries(
    rota: Sequence[Offer],
    candidates: Sequence[Candidate],
    transport: Transport,
    *,
    question: Question,
    policy: Policy,
    side: Side,
    bearing: _Bearing | None,
) -> Iterator[RotaEntry]:
    """The first entries of the rota, with the legs and reasons that only those need."""
    zone = transport.network.zone
    shown = rota[: question.limit]
    ways = legs(
        transport,
        [offer.location for offer in shown],
        [offer.ready for offer in shown],
        [offer.arrival for offer in shown],
        [offer.handlings for offer in shown],
    )
    told = explained(
        rota,
        question.limit,
        pickup_location=question.pickup_location,
        objective=question.objective or policy.objective,
        weights=policy.weights,
    )
    ordered = orders(policy)
    for rank, (offer, way, reasons) in enumerate(zip(shown, ways, told, strict=True), start=1):
        if ordered:
            reasons = (
                *precedence_told(policy, offer.location, candidates[offer.candidate].side, side),
                *reasons,
            )
        if offer.location == question.first:
            reasons = ("Chosen before all others.", *reasons)
        burden = None if bearing is None else bearing.of(candidates[offer.candidate])
        if burden is not None and not (limited(burden) or policy.weights.weigh_burdens):
            burden = None
        if burden is not None:
            reasons = (*reasons, *burden_told(burden, policy.weights))
        yield RotaEntry(
            rank=rank,
            supplying_agency=candidates[offer.candidate].supplying_agency,
            supplying_location=offer.location,
            ready_at=to_moment(offer.ready, zone),
            # The leg is kept, and its moment with it.
            arrives_at=way[-1].arrives_at if way else to_moment(offer.arrival, zone),
            cost_cents=offer.charge.cents,
            cost_parts=offer.charge.parts,
            handlings=offer.handlings,
            legs=way,
            reasons=reasons,
            burden=burden,
        )
