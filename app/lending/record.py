"""Writes an event: the lifecycle says whether it can be and what follows, the store keeps it."""

from __future__ import annotations

from typing import Any

from app.database import Connection
from app.lending.lifecycle import Event, Item, Requesting, State, Supplying, advance, outcome_of, status_of
from app.store.events import Told
from app.store.loans import Loan, Standing, write_event
from app.store.placements import Placement

US = "leenpad"
"""Who did it, where Leenpad did."""


def state_of(loan: Loan) -> State:
    """Return the state of a loan request as the lifecycle has it."""
    return State(Supplying(loan.supplying), Requesting(loan.requesting), Item(loan.item))


def standing_of(state: State) -> Standing:
    """Return a state as the store keeps it."""
    return Standing(**state._asdict(), status=status_of(state), outcome=outcome_of(state))


async def record(connection: Connection, loan: Loan, event: Event, told: Told, **changes: Any) -> Loan:
    """Advance a locked loan request by an event and return it as it then is; `changes` are columns of loan_request.

    Raises lifecycle.NotAllowed, and then nothing has changed.
    """
    state = advance(state_of(loan), event)
    return await write_event(connection, loan, event.value, told, standing_of(state), **changes)


async def record_beside(
    connection: Connection, loan: Loan, placement: Placement, event: Event, told: Told, **changes: Any
) -> Loan:
    """Do as `record`, for an event that is about a placement beside the one that leads."""
    state = advance(state_of(loan), event)
    beside = placement.supplying_agency, placement.supplying_location
    return await write_event(connection, loan, event.value, told, standing_of(state), beside=beside, **changes)
