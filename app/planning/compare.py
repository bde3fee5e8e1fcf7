"""Why not that one: a location beside the first of a decision, criterion by criterion.

What a decision says of a location is taken from it as it stands. Where it says nothing, or refuses the location, the
engine is asked what it would have taken with a copy on the shelf and no rule in the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from routing import (
    Burdens,
    Decision,
    Holding,
    Network,
    Objective,
    Period,
    Policy,
    Question,
    Register,
    RotaOrder,
    decide,
)

Document = dict[str, Any]

# What each objective looks at, in its order (routing.ranking).
ORDER: Mapping[Objective, tuple[str, ...]] = {
    Objective.FASTEST: ("arrival", "handlings", "cost"),
    Objective.CHEAPEST: ("cost", "arrival", "handlings"),
    Objective.FEWEST_HANDLINGS: ("handlings", "arrival", "cost"),
    Objective.BALANCED: ("balance", "arrival", "handlings", "cost"),
}
# The same where it matters what suppliers bear.
BEARING: Mapping[Objective, tuple[str, ...]] = {
    Objective.FASTEST: ("weighed", "arrival", "handlings", "cost"),
    Objective.CHEAPEST: ("weighed", "arrival", "handlings"),
    Objective.FEWEST_HANDLINGS: ("handlings", "weighed", "arrival", "cost"),
    Objective.BALANCED: ORDER[Objective.BALANCED],
}
UNITS = {"arrival": "seconds", "handlings": "handlings", "cost": "cents", "balance": "cents", "weighed": "cents"}
NOT_OF_A_WAY = ("rank", "supplying_agency", "supplying_location", "promise", "response", "precedence", "burden")


def would_take(
    question: Question,
    location: str,
    *,
    network: Network,
    register: Register,
    policy: Policy,
    burdens: Burdens | None = None,
) -> Decision:
    """Decide as if the location alone held the title, and nothing but the vans could refuse it."""
    asked = replace(
        question, need_before=None, max_cost_cents=None, excluded=frozenset(), unanswered=frozenset(), limit=1
    )
    holding = Holding(location, copies=1, available=1)
    willing = replace(policy, lending=None, max_cost_cents=None)
    alone = _unhindered(register, location, question.pickup_location)
    return decide(asked, [holding], network, alone, willing, burdens=burdens)


def _unhindered(register: Register, location: str, pickup_location: str) -> Register:
    """A register of two locations, in which one and its agency are there at every moment, and supply."""
    place = register.locations[location]
    locations = {pickup_location: register.locations[pickup_location]}
    agencies = register.agencies
    agency = None if place.agency is None else agencies.get(place.agency)
    if agency is not None:
        willing = replace(agency, supplies=True, suspensions=(), valid=Period(), successor=None)
        agencies = {**agencies, agency.isil: willing}
    locations[location] = replace(place, suspensions=(), valid=Period())
    return replace(register, agencies=agencies, locations=locations, suspensions=())


def compare(decision: Document, location: str, would: Document, *, whole: bool, policy: Policy) -> Document:
    """Put a location beside the first of a decision. Both documents are as POST /v1/decisions answers them.

    `would` is what `would_take` decided; `whole`: the rota of the decision was not cut short.
    """
    objective = Objective(decision["objective"])
    rota = decision["rota"]
    first = rota[0] if rota else None
    entry = next((each for each in rota if each["supplying_location"] == location), None)
    refusal = next((each for each in decision["refusals"] if each["supplying_location"] == location), None)
    way = entry or next(iter(would["rota"]), None)
    criteria = [] if first is None or way is None else _criteria(first, way, decision, objective, policy)
    return {
        "network_version": decision["network_version"],
        "requested_at": decision["requested_at"],
        "objective": decision["objective"],
        "location": location,
        "standing": _standing(entry, refusal, whole=whole),
        "rank": None if entry is None else entry["rank"],
        "entries": len(rota),
        "refusal": refusal,
        "first": first,
        "would": None if way is None else {name: way[name] for name in way if name not in NOT_OF_A_WAY},
        "would_version": decision["network_version"] if entry is not None else would["network_version"],
        "no_way": would["refusals"][0]["detail"] if way is None else None,
        "criteria": criteria,
        "decided_by": None if first is None else _decided_by(decision, first, entry, criteria),
    }


def _standing(entry: Document | None, refusal: Document | None, *, whole: bool) -> str:
    if entry is not None:
        return "first" if entry["rank"] == 1 else "lower"
    if refusal is not None:
        return "refused"
    return "no_holder" if whole else "not_listed"


def _criteria(
    first: Document, way: Document, decision: Document, objective: Objective, policy: Policy
) -> list[Document]:
    requested = datetime.fromisoformat(decision["requested_at"])
    values = [_values(each, requested, objective, policy) for each in (first, way)]
    order = BEARING if any(each.get("burden") for each in (first, way)) and policy.weights.weigh_burdens else ORDER
    return [
        {
            "criterion": name,
            "unit": UNITS[name],
            "first": values[0][name],
            "location": values[1][name],
            "difference": round(values[1][name] - values[0][name], 2),
        }
        for name in order[objective]
    ]


def _values(way: Document, requested: datetime, objective: Objective, policy: Policy) -> dict[str, float]:
    """What a way comes to; the arrival in seconds after the request. Less is better in each."""
    waited = (datetime.fromisoformat(way["arrives_at"]) - requested).total_seconds()
    weights = policy.weights
    waiting = waited * weights.cents_per_hour / 3600
    handling = way["handlings"] * weights.cents_per_handling
    bears = (way.get("burden") or {"cents": 0.0})["cents"]
    return {
        "arrival": int(waited),
        "handlings": way["handlings"],
        "cost": way["cost_cents"],
        "balance": round(waiting + handling + way["cost_cents"] + bears, 2),
        "weighed": round((way["cost_cents"] if objective is Objective.CHEAPEST else waiting) + bears, 2),
    }


def _decided_by(decision: Document, first: Document, entry: Document | None, criteria: list[Document]) -> str | None:
    """What a lower entry falls behind by: its precedence, what the rota comes to as a whole, or a criterion.

    None where nothing did. Decisions that were made before these were kept have neither.
    """
    if entry is None or entry["rank"] == 1:
        return None
    if entry.get("precedence", 0) > first.get("precedence", 0):
        return "precedence"
    if first.get("response") and decision["policy"]["rota_order"] == RotaOrder.EXPECTED:
        return "expected"
    apart = next((each for each in criteria if each["difference"]), None)
    return apart["criterion"] if apart is not None and apart["difference"] > 0 else None
