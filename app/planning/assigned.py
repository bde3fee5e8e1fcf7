"""A day's assignment as the API answers it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.planning.assign import Assigned
from routing import Leg
from routing.assign import Difference, Offers, differences, gap, told, way_taken
from routing.assign.weigh import UNITS_PER_CENT

Row = dict[str, Any]
DIGITS = 4


def document(found: Assigned) -> Row:
    """Return the whole answer."""
    assignment, asked = found.assignment, found.asked
    names = [one.id for one in asked]
    differing = differences(found.offers, assignment)
    zone = found.state.network.zone
    return {
        "network_version": found.state.network.version,
        "requested_at": asked[0].question.requested_at.astimezone(zone).replace(microsecond=0),
        "requests": len(asked),
        "served": int((assignment.choice >= 0).sum()),
        "weight": in_cents(assignment.weight),
        "lower_bound": in_cents(assignment.bound),
        "gap": gap(assignment),
        "finished": assignment.finished,
        "items": [
            _item(found.offers, position, option, differing.get(position), names)
            for position, option in enumerate(assignment.choice.tolist())
        ],
    }


def in_cents(weight: int) -> float:
    """Return a weight in euro cents."""
    return round(weight / UNITS_PER_CENT, DIGITS)


def _item(
    offers: Offers,
    position: int,
    option: int,
    differing: tuple[int, tuple[Difference, ...]] | None,
    names: Sequence[str],
) -> Row:
    served = option >= 0
    best, differs = differing or (None, ())
    reasons = [told(each, names) for each in differs]
    if not served and best is None:
        reasons = ["Nobody can supply it: the refusals say why."]
    elif not served and not differs:
        reasons = ["To serve it by its own best weighs more than not to serve it."]
    return {
        "id": names[position],
        "supply": _supply(offers, position, option) if served else None,
        "own_best": None if best is None else _supply(offers, position, best),
        "differs": [_difference(each, names) for each in differs],
        "reasons": reasons,
        "refusals": [] if served else [asdict(refusal) for refusal in offers.refusals[position]],
    }


def _supply(offers: Offers, position: int, option: int) -> Row:
    way = way_taken(offers, position, option)
    return {
        "supplying_agency": way.supplying_agency,
        "supplying_location": way.supplying_location,
        "ready_at": way.ready_at,
        "arrives_at": way.arrives_at,
        "cost_cents": way.cost_cents,
        "cost_parts": way.cost_parts,
        "handlings": way.handlings,
        "legs": way.legs,
        "weight": in_cents(way.weight),
    }


def _difference(difference: Difference, names: Sequence[str]) -> Row:
    leg: Leg | None = difference.leg
    return {
        "kind": difference.kind,
        "most": difference.most,
        "location": difference.location,
        "by": [names[one] for one in difference.by],
        "of": difference.of,
        "leg": leg,
    }
