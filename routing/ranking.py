"""The order of the rota, and why an entry stands where it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from routing.costs import Charge, euros
from routing.model import Objective, Weights


class Offer(NamedTuple):
    """What a supplier would come to: times in seconds since 1970, cost in euro cents.

    A tuple, for a decision makes a hundred of them and a frozen dataclass takes four times as long to make.
    `candidate` is its position among the candidates, `waited` the seconds from the request to the arrival, and
    `burden` what the supplier bears already, in euro cents that nobody is charged for.
    """

    candidate: int
    location: str
    ready: int
    arrival: int
    waited: int
    handlings: int
    charge: Charge
    burden: float = 0.0


Key = Callable[[Offer], tuple[float | str, ...]]


def ranked(offers: Sequence[Offer], objective: Objective, weights: Weights) -> list[Offer]:
    """The offers in the order of an objective; what is equal in everything goes by location id."""
    return sorted(offers, key=_key(objective, weights))


def explained(
    rota: Sequence[Offer], limit: int, *, pickup_location: str, objective: Objective, weights: Weights
) -> list[tuple[str, ...]]:
    """A few sentences for each of the first `limit` offers, for whoever asks why it stands where it stands."""
    earliest = min((offer.arrival for offer in rota), default=0)
    cheapest = min((offer.charge.cents for offer in rota), default=0)
    told = []
    for offer in rota[:limit]:
        said = [_whence(offer, pickup_location), offer.charge.told]
        if len(rota) > 1 and offer.arrival == earliest:
            said.append("No other copy arrives sooner.")
        if len(rota) > 1 and objective is Objective.CHEAPEST and offer.charge.cents == cheapest:
            said.append("No other copy costs less.")
        if objective is Objective.BALANCED:
            said.append(_balance(offer, weights))
        told.append(tuple(said))
    return told


# --- the objectives -------------------------------------------------------------------------------


def _key(objective: Objective, weights: Weights) -> Key:
    if objective is Objective.BALANCED:
        return lambda offer: (_hourly(offer, weights), *_fastest(offer))
    if weights.weigh_burdens:
        return _bearing(objective, weights)
    return {
        Objective.FASTEST: _fastest,
        Objective.CHEAPEST: _cheapest,
        Objective.FEWEST_HANDLINGS: _fewest_handlings,
    }[objective]


def _bearing(objective: Objective, weights: Weights) -> Key:
    """Where it matters what suppliers bear: as money, or as the time that the policy says it is worth."""
    if objective is Objective.CHEAPEST:
        return lambda offer: (offer.charge.cents + offer.burden, offer.arrival, offer.handlings, offer.location)
    hourly = weights.cents_per_hour
    if objective is Objective.FASTEST:
        return lambda offer: (offer.waited * hourly + 3600 * offer.burden, *_fastest(offer))
    return lambda offer: (offer.handlings, offer.waited * hourly + 3600 * offer.burden, *_fastest(offer))


def _fastest(offer: Offer) -> tuple[float | str, ...]:
    return offer.arrival, offer.handlings, offer.charge.cents, offer.location


def _cheapest(offer: Offer) -> tuple[float | str, ...]:
    return offer.charge.cents, offer.arrival, offer.handlings, offer.location


def _fewest_handlings(offer: Offer) -> tuple[float | str, ...]:
    return offer.handlings, offer.arrival, offer.charge.cents, offer.location


def _hourly(offer: Offer, weights: Weights) -> float:
    """The weight times 3,600, which keeps whole cents exact where hours have seconds."""
    return offer.waited * weights.cents_per_hour + 3600 * (
        offer.handlings * weights.cents_per_handling + offer.charge.cents + offer.burden
    )


# --- the sentences --------------------------------------------------------------------------------


def _whence(offer: Offer, pickup_location: str) -> str:
    if offer.location == pickup_location:
        return "Stands at the pickup location already."
    if offer.handlings == 0:
        return "One ride brings it, without a change of vans."
    return _changes(offer.handlings)


def _balance(offer: Offer, weights: Weights) -> str:
    waiting = offer.waited * weights.cents_per_hour / 3600
    handling = offer.handlings * weights.cents_per_handling
    return (
        f"Weighs {euros(_hourly(offer, weights) / 3600)} in balance: waiting {euros(waiting)}, "
        f"handling {euros(handling)}, cost {euros(offer.charge.cents)}{_bears(offer)}."
    )


def _bears(offer: Offer) -> str:
    return f", fairness {euros(offer.burden)}" if offer.burden else ""


@lru_cache(maxsize=64)
def _changes(count: int) -> str:
    return f"Changes vans { {1: 'once', 2: 'twice'}.get(count, f'{count} times') }."
