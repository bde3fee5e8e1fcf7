"""What a delivery is charged: the supplier's credit and the requester's debit, by the tariff of the day."""

from __future__ import annotations

from datetime import date, datetime

from app.lending.snapshot import State
from app.store.loans import Loan
from app.store.settlement import Charge
from routing import CostPart, agency_in_force, charge_for_supply

SUPPLIER = "supplier"


def charges_of(state: State, loan: Loan, *, at: datetime) -> tuple[Charge, ...]:
    """Return both sides of what a delivery at `at` is charged, to the agencies that are in force then.

    The supplier's part goes from the requesting to the supplying agency: a pair, or nothing where no agency stands
    behind the supplying location, or one agency would pay itself. Transport is a debit of the requesting agency
    alone: who drives is paid by the POIs' own agreement.
    """
    if loan.supplying_location is None:
        return ()
    day = at.astimezone(state.network.zone).date()
    parts = charge_for_supply(
        state.register, loan.supplying_location, loan.pickup_location, moment=at, tariff=state.policy_at(at).tariff
    )
    # Whoever asked or was asked may have merged into another by now: that one is paid, and pays.
    supplying, requesting = (
        None if agency is None else agency.isil
        for agency in (
            agency_in_force(state.register, isil, at) for isil in (loan.supplying_agency, loan.requesting_agency)
        )
    )
    assert requesting is not None
    found = []
    for part in parts:
        if part.what != SUPPLIER:
            found.append(_side(requesting, part, -part.cents, other=None, day=day))
        elif supplying not in (None, requesting):
            found.append(_side(supplying, part, part.cents, other=requesting, day=day))
            found.append(_side(requesting, part, -part.cents, other=supplying, day=day))
    return tuple(found)


def _side(agency: str, part: CostPart, cents: int, *, other: str | None, day: date) -> Charge:
    return Charge(agency=agency, what=part.what, cents=cents, counterparty=other, day=day)
