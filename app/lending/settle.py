"""What a delivery is charged: the supplier's credit and the requester's debit, by the tariff of the day."""

from __future__ import annotations

from datetime import date, datetime

from app.lending.snapshot import State
from app.store.loans import Loan
from app.store.settlement import Charge
from routing import CostPart, charge_for_supply

SUPPLIER = "supplier"


def charges_of(state: State, loan: Loan, *, at: datetime) -> tuple[Charge, ...]:
    """Return both sides of what a delivery at `at` is charged; nothing where no agency stands behind it.

    The supplier's part goes from the requesting to the supplying agency. Transport is a debit of the requesting
    agency alone: who drives is paid by the POIs' own agreement.
    """
    if loan.supplying_location is None:
        return ()
    day = at.astimezone(state.network.zone).date()
    parts = charge_for_supply(
        state.register, loan.supplying_location, loan.pickup_location, moment=at, tariff=state.policy_at(at).tariff
    )
    found = []
    for part in parts:
        if part.what == SUPPLIER and loan.supplying_agency is not None:
            found.append(_side(loan.supplying_agency, part, part.cents, other=loan.requesting_agency, day=day))
        other = loan.supplying_agency if part.what == SUPPLIER else None
        found.append(_side(loan.requesting_agency, part, -part.cents, other=other, day=day))
    return tuple(found)


def _side(agency: str, part: CostPart, cents: int, *, other: str | None, day: date) -> Charge:
    return Charge(agency=agency, what=part.what, cents=cents, counterparty=other, day=day)
