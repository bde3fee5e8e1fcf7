"""What would be planned again if a trip did not run, or ran otherwise: asked of the network as it would be. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from app.lending.replan import better_way, why_replanned
from app.lending.snapshot import State
from app.store.loans import Loan
from routing import Change, without


@dataclass(frozen=True, slots=True)
class Replanned:
    """An item that would go another way, or be there at another time."""

    loan_request: UUID
    from_location: str | None
    to_location: str | None
    expected_before: datetime | None
    expected_at: datetime | None
    note: str


def as_if(state: State, trip_id: str, service_date: date, change: Change | None) -> State:
    """Return the state in which a dated trip runs so (None: not at all), whatever was said of it before."""
    said = state.network.stopped.said
    key = (trip_id, service_date)
    others = frozenset(known for known in said.changes if (known.trip, known.service_date) != key)
    trips = said.trips | {key} if change is None else said.trips - {key}
    stoppages = replace(said, trips=trips, changes=others if change is None else others | {change})
    return replace(state, network=without(state.network, stoppages))


def preview(state: State, loans: Sequence[Loan], *, at: datetime) -> list[Replanned]:
    """Return which of these would be planned again at `at` in a state, in their order."""
    found = []
    for loan in loans:
        way = better_way(state, loan, at=at)
        if way is not None:
            found.append(
                Replanned(
                    loan_request=loan.id,
                    from_location=loan.supplying_location,
                    to_location=loan.pickup_location,
                    expected_before=loan.expected_at,
                    expected_at=way.arrives_at,
                    note=why_replanned(state, loan, way),
                )
            )
    return found
