"""The way of a loan request's item, there and back, and where it is now as far as anybody knows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from app.lending.lifecycle import Item
from app.store.loans import Loan

Leg = dict[str, Any]


class Now(NamedTuple):
    """Where an item is: `at` a location, or `riding` a leg. `how` says who says so.

    `seen`: it was scanned or handed over there; `planned`: nobody has said otherwise; `said`: so the loan request is.
    """

    state: str
    location: str | None
    leg: Leg | None
    since: datetime | None
    how: str


class Way(NamedTuple):
    """The legs there (`there_as`: `planned` for this item, or `decided` when its supplier was chosen), and back."""

    there: list[Leg]
    there_as: str
    back: list[Leg]
    now: Now


def way_of(loan: Loan, decision: dict[str, Any], *, now: datetime) -> Way:
    """Return the way of a loan request's item. `decision` is its newest one, for what was not planned for itself."""
    going_back = loan.item == Item.ON_THE_WAY_BACK
    planned = loan.itinerary or []
    decided: list[Leg] = next(
        (entry["legs"] for entry in decision["rota"] if entry["supplying_location"] == loan.supplying_location), []
    )
    there = planned if planned and not going_back else decided
    back = planned if going_back else []
    return Way(there, "planned" if there is planned else "decided", back, whereabouts(loan, now=now))


def whereabouts(loan: Loan, *, now: datetime) -> Now:
    """Say where the item is."""
    start = loan.pickup_location if loan.item == Item.ON_THE_WAY_BACK else loan.supplying_location
    match loan.item:
        case Item.IN_HAND | Item.HOME:
            return Now("at", loan.supplying_location, None, None, "said")
        case Item.AT_PICKUP | Item.FLOATED:
            return Now("at", loan.pickup_location, None, loan.received_at or loan.seen_at, "said")
        case Item.LOST | Item.FORWARDED:
            return Now("unknown", loan.seen_at_location, None, loan.seen_at, "said")
    location = loan.seen_at_location or start
    ridden = [leg for leg in _from(loan.itinerary or [], location) if _moment(leg, "departs_at") <= now]
    if not ridden:
        return Now("at", location, None, loan.seen_at, "seen")
    last = ridden[-1]
    if now < _moment(last, "arrives_at"):
        return Now("riding", None, last, _moment(last, "departs_at"), "planned")
    return Now("at", last["to_location"], None, _moment(last, "arrives_at"), "planned")


def _from(legs: list[Leg], location: str | None) -> list[Leg]:
    """The legs from a location on; none where the way does not lead by there."""
    starts = [at for at, leg in enumerate(legs) if leg["from_location"] == location]
    return legs[starts[0] :] if starts else []


def _moment(leg: Leg, name: str) -> datetime:
    return datetime.fromisoformat(leg[name])
