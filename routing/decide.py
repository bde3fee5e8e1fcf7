"""The story of a decision: who holds it, who may be asked, when each copy would arrive, and in what order to ask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from routing.calendar import ready_seconds, to_moment, to_seconds
from routing.costs import cost_parts
from routing.model import Decision, Holding, Policy, Question, Refusal, Register, RotaEntry
from routing.network import Network
from routing.ranking import Offer, explained, ranked
from routing.register import Side, agency_in_force, side_of
from routing.screening import Candidate, Situation, screen, spoken, too_dear, too_late, unreachable
from routing.transport import Transport, arrivals, legs, transport_to


class UnknownLocation(Exception):  # noqa: N818 -- what it is, not that it is an error
    """The pickup location is not in the register."""


class UnknownMoment(Exception):  # noqa: N818 -- what it is, not that it is an error
    """The moment lies so far away that no calendar reaches it."""


FIRST_YEAR, LAST_YEAR = 1900, 2900


def decide(
    question: Question, holdings: Iterable[Holding], network: Network, register: Register, policy: Policy
) -> Decision:
    """Choose, from the holders of a title, who supplies it and by which vans it travels.

    Raises UnknownLocation where the register does not know the pickup location, and UnknownMoment where
    `requested_at` lies before 1900 or after 2900.
    """
    question = replace(question, requested_at=question.requested_at.replace(microsecond=0))
    objective = question.objective or policy.objective
    pickup = register.locations.get(question.pickup_location)
    if pickup is None:
        raise UnknownLocation(f"no location {question.pickup_location!r} is registered")
    if not FIRST_YEAR <= question.requested_at.year <= LAST_YEAR:
        raise UnknownMoment(f"requested_at must lie between {FIRST_YEAR} and {LAST_YEAR}")
    pickup_agency = agency_in_force(register, pickup.agency, question.requested_at)
    side = side_of(pickup, pickup_agency)

    candidates, refusals = screen(holdings, register, Situation(question, policy, pickup_agency))
    candidates, ready, unready = _get_ready(candidates, question, register)
    transport = transport_to(
        network,
        question.pickup_location,
        requested=to_seconds(question.requested_at),
        horizon_days=policy.horizon_days,
    )
    offers, unfit = _offers(candidates, ready, transport, question=question, policy=policy, side=side)
    rota = ranked(offers, objective, policy.weights)
    why = explained(
        rota,
        question.limit,
        pickup_location=pickup.id,
        pickup=side,
        objective=objective,
        weights=policy.weights,
    )
    return Decision(
        network_version=network.version,
        requested_at=question.requested_at,
        objective=objective,
        rota=tuple(
            _entry(rank, offer, candidates[offer.candidate], transport, reasons=said)
            for rank, (offer, said) in enumerate(zip(rota, why, strict=False), start=1)
        ),
        refusals=(*refusals, *unready, *unfit),
    )


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
        hours, minutes = candidate.location.opening_hours, candidate.location.handling_minutes
        if (hours, minutes) not in by_hours:
            by_hours[hours, minutes] = ready_seconds(
                requested, minutes * 60, opening_hours=hours, timezone=register.timezone
            )
        moment = by_hours[hours, minutes]
        if moment is None:
            detail = f"{candidate.location.id} is not open for {minutes} minutes of handling within a year."
            refused.append(unreachable(candidate, detail))
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
) -> tuple[list[Offer], list[Refusal]]:
    """What each candidate comes to in time and money; refuse what never arrives, is too late or too dear."""
    needed = question.need_before
    found = arrivals(
        transport,
        [candidate.location.id for candidate in candidates],
        ready,
        objective=question.objective or policy.objective,
        weights=policy.weights,
        need_before=None if needed is None else to_seconds(needed),
    )
    offers: list[Offer] = []
    refused: list[Refusal] = []
    for i, candidate in enumerate(candidates):
        earliest, arrival = found.earliest[i], found.chosen[i]
        if earliest is None:
            refused.append(unreachable(candidate, _no_way(candidate, ready[i], transport, policy)))
            continue
        if arrival is None:
            assert needed is not None
            zone = transport.network.zone
            refused.append(too_late(candidate, to_moment(earliest, zone), needed.astimezone(zone)))
            continue
        supplying = side_of(candidate.location, candidate.agency)
        parts = (
            cost_parts(supplying, side, policy.tariff) if candidate.location.id != question.pickup_location else ()
        )
        cost = sum(part.cents for part in parts)
        dear = too_dear(candidate, cost, question)
        if dear is not None:
            refused.append(dear)
            continue
        offers.append(
            Offer(
                candidate=i,
                location=candidate.location.id,
                side=supplying,
                ready=ready[i],
                arrival=arrival,
                waited=arrival - transport.requested,
                handlings=found.handlings[i],
                cost_cents=cost,
                cost_parts=parts,
            )
        )
    return offers, refused


def _no_way(candidate: Candidate, ready: int, transport: Transport, policy: Policy) -> str:
    here, there = candidate.location.id, transport.pickup_location
    if here == there:
        return f"Not ready within {policy.horizon_days} days."
    if transport.sweep is None:
        return f"No van calls at {there}."
    if here not in transport.network.stop_positions:
        return f"No van calls at {here}."
    moment = spoken(to_moment(ready, transport.network.zone))
    return f"No van takes it from {here} after {moment} to {there} within {policy.horizon_days} days of the request."


def _entry(
    rank: int, offer: Offer, candidate: Candidate, transport: Transport, *, reasons: tuple[str, ...]
) -> RotaEntry:
    zone = transport.network.zone
    return RotaEntry(
        rank=rank,
        supplying_agency=candidate.supplying_agency,
        supplying_location=offer.location,
        ready_at=to_moment(offer.ready, zone),
        arrives_at=to_moment(offer.arrival, zone),
        cost_cents=offer.cost_cents,
        cost_parts=offer.cost_parts,
        handlings=offer.handlings,
        legs=legs(transport, offer.location, ready=offer.ready, arrival=offer.arrival, handlings=offer.handlings),
        reasons=reasons,
    )
