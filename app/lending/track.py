"""Follows the item: plans its way there and back over dated trips, and plans again when it is seen off its way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.lending.snapshot import State
from app.store.loans import Loan
from routing import Leg, itinerary

HORIZON_DAYS = 35


@dataclass(frozen=True, slots=True)
class Way:
    """Dated legs as the API shows them, and when the item should be there; None: no van takes it there."""

    legs: list[dict[str, Any]]
    arrives_at: datetime | None


def plan(state: State, from_location: str, to_location: str, *, at: datetime) -> Way:
    """Plan the way between two locations for an item that is ready at `at`."""
    found = itinerary(state.network, from_location, to_location, ready_at=at, horizon_days=HORIZON_DAYS)
    if found is None:
        return Way([], None)
    return Way([_shown(leg) for leg in found.legs], found.arrives_at)


def plan_there(state: State, loan: Loan, *, at: datetime) -> Way:
    """Plan the way from whoever supplies to the pickup location."""
    assert loan.supplying_location is not None
    return plan(state, loan.supplying_location, loan.pickup_location, at=at)


def plan_back(state: State, loan: Loan, *, at: datetime) -> Way:
    """Plan the way home: the same network with the roles swapped."""
    assert loan.supplying_location is not None
    return plan(state, loan.pickup_location, loan.supplying_location, at=at)


def still_right(loan: Loan, location: str, *, at: datetime) -> bool:
    """Say whether an item seen at `location` at `at` can still catch what it was going to ride from there."""
    for leg in loan.itinerary or ():
        if leg["from_location"] == location:
            return at <= datetime.fromisoformat(leg["departs_at"])
    return bool(loan.itinerary) and (loan.itinerary or [{}])[-1].get("to_location") == location


def _shown(leg: Leg) -> dict[str, Any]:
    shown: dict[str, Any] = orjson.loads(orjson.dumps(leg))
    return shown
