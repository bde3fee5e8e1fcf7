"""Follows the item: plans its way there and back over dated trips, and plans again when it is seen off its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from app.lending.lifecycle import Item
from app.lending.snapshot import State
from app.store.loans import Loan
from routing import ChosenLeg, Leg, LegRefused, carried, find_leg, itinerary, put_together, was_changed, was_stopped

HORIZON_DAYS = 35
STRANDED = timedelta(days=1)
"""How long until another try, where no van takes an item on."""
LATE_AFTER = timedelta(hours=2)
"""How long the place that it goes to has been open since an item was expected, before it is late."""


@dataclass(frozen=True, slots=True)
class Way:
    """Dated legs as the API shows them, and when the item should be there; None: no van takes it there.

    `by` is who put it together by hand; None: it was planned.
    """

    legs: list[dict[str, Any]]
    arrives_at: datetime | None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Rest:
    """Where an item under way can be planned from, from when on, and to where.

    `ridden` are legs since it was last seen that have begun, as they run now, and `shifted` says that they do so
    otherwise than was planned. `legs` are those to come; `runs`: they run as planned, it catches them, and they lead
    there.
    """

    location: str
    ready_at: datetime
    to: str
    ridden: list[dict[str, Any]]
    legs: list[dict[str, Any]]
    runs: bool
    shifted: bool


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


def rest_of(state: State, loan: Loan, *, at: datetime) -> Rest | None:
    """Return what is left of an item's way at `at`; None where it is not under way.

    Nobody may have seen it since it boarded: a van that has left, and was not stopped, has it.
    """
    if loan.itinerary is None or loan.supplying_location is None or loan.item not in UNDER_WAY:
        return None
    back = loan.item == Item.ON_THE_WAY_BACK
    start, to = (loan.pickup_location, loan.supplying_location) if back else _there(loan)
    location = loan.seen_at_location or start
    ready = max(at, loan.seen_at or at)
    legs = _from(loan.itinerary, location)
    ridden: list[dict[str, Any]] = []
    shifted = False
    while legs and (now := as_it_runs(state, legs[0])) is not None and _moment(now, "departs_at") <= at:
        planned = legs.pop(0)
        ridden.append(now)
        shifted = shifted or now != planned
        if now["to_location"] != planned["to_location"]:
            legs = []  # it is put down elsewhere: what it was going to ride from there leads nowhere now
    if ridden:
        location = ridden[-1]["to_location"]
        stop = state.network.stop_positions.get(location)
        handling = 0 if stop is None else max(0, int(state.network.handling[stop]))
        ready = max(ready, _moment(ridden[-1], "arrives_at") + timedelta(seconds=handling))
    ends = legs[-1]["to_location"] if legs else location
    caught = not (ridden and legs) or ready <= _moment(legs[0], "departs_at")
    on = ends == to and caught and all(runs(state, leg) for leg in legs)
    return Rest(location, ready, to, ridden, legs, runs=on, shifted=shifted)


UNDER_WAY = (Item.ON_TRIP, Item.AT_HUB, Item.ON_THE_WAY_BACK)


def _there(loan: Loan) -> tuple[str, str]:
    assert loan.supplying_location is not None
    return loan.supplying_location, loan.pickup_location


def _from(legs: Sequence[dict[str, Any]], location: str) -> list[dict[str, Any]]:
    """The legs from a location on; none where the way does not lead by there."""
    for at, leg in enumerate(legs):
        if leg["from_location"] == location:
            return list(legs[at:])
    return []


def runs(state: State, leg: dict[str, Any]) -> bool:
    """Say whether a leg to come runs as planned, to the minute."""
    departs = _moment(leg, "departs_at")
    found = find_leg(state.network, _chosen(leg), not_before=departs)
    return found is not None and (found.departs_at, found.arrives_at) == (departs, _moment(leg, "arrives_at"))


def goes_on(state: State, leg: dict[str, Any]) -> bool:
    """Say whether nobody stopped a leg's trip or has it run otherwise than the leg says.

    Whether it was ridden before that does not matter here.
    """
    return as_it_runs(state, leg) == leg


def as_it_runs(state: State, leg: dict[str, Any]) -> dict[str, Any] | None:
    """Return a leg as its trip runs now; None where it does not, or takes nothing on there.

    Where the trip no longer stops where the item was to be put down, `to_location` is where that is done instead.
    """
    day = date.fromisoformat(leg["service_date"])
    if _stopped(state, leg):
        return None
    if not was_changed(state.network, leg["trip_id"], day):
        return leg
    now = carried(state.network, _chosen(leg), planned_departure=_moment(leg, "departs_at"))
    return None if now is None else _shown(now)


def _stopped(state: State, leg: dict[str, Any]) -> bool:
    return was_stopped(state.network, leg["trip_id"], date.fromisoformat(leg["service_date"]))


def _chosen(leg: dict[str, Any]) -> ChosenLeg:
    day = date.fromisoformat(leg["service_date"])
    return ChosenLeg(leg["trip_id"], day, leg["from_location"], leg["to_location"])


def _moment(leg: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(leg[name])


def by_hand(state: State, rest: Rest, legs: Sequence[ChosenLeg], *, by: str) -> Way:
    """Return the way that staff put together for what is left. Raises routing.LegRefused."""
    found = put_together(
        state.network, legs, from_location=rest.location, to_location=rest.to, ready_at=rest.ready_at
    )
    return Way([*rest.ridden, *(_shown(leg) for leg in found.legs)], found.arrives_at, by)


def still_by_hand(state: State, rest: Rest, *, by: str) -> Way | None:
    """Return the way that staff put together, at the times of now; None where it no longer leads there."""
    try:
        return by_hand(state, rest, [_chosen(leg) for leg in rest.legs], by=by) if rest.legs else None
    except LegRefused:
        return None


def as_it_is(rest: Rest, *, by: str | None) -> Way:
    """Return what is left of a way that runs, at the times at which it does."""
    legs = [*rest.ridden, *rest.legs]
    return Way(legs, _moment(legs[-1], "arrives_at"), by)


def moved(loan: Loan, way: Way) -> dict[str, str | None]:
    """Return for an event when the item was expected before, and is now."""
    before, now = loan.expected_at, way.arrives_at
    return {
        "expected_before": None if before is None else before.isoformat(),
        "expected_at": None if now is None else now.isoformat(),
    }


def is_old(loan: Loan, *, at: datetime) -> bool:
    """Say whether an item was seen after `at` already: what is heard of later says nothing of where it is now."""
    return loan.seen_at_location is not None and loan.seen_at is not None and at < loan.seen_at


def still_right(loan: Loan, location: str, *, at: datetime, grace: timedelta) -> bool:
    """Say whether an item seen at `location` at `at` can still catch what it was going to ride from there."""
    for leg in loan.itinerary or ():
        if leg["from_location"] == location:
            return can_board(leg, at=at, grace=grace)
    return bool(loan.itinerary) and (loan.itinerary or [{}])[-1].get("to_location") == location


def can_board(leg: dict[str, Any], *, at: datetime, grace: timedelta) -> bool:
    """Say whether an item in somebody's hands gets on a leg: shortly after it should have left, the van stands there.

    See docs/decisions/0046.
    """
    departs = _moment(leg, "departs_at")
    return at <= departs or at < departs + grace


def _shown(leg: Leg) -> dict[str, Any]:
    shown: dict[str, Any] = orjson.loads(orjson.dumps(leg))
    return shown
