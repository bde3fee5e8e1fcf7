"""What a library system is told of a placement: the order, as adapters know it."""

from __future__ import annotations

from adapters.contract import Order
from app.store.loans import Loan
from app.store.placements import Placement


def order_of(loan: Loan, placement: Placement) -> Order:
    """Return the order of a placement; nothing in it is about the reader."""
    return Order(
        loan_request=str(loan.id),
        reference=loan.requesting_agency_request_id,
        isbn=loan.isbn,
        ppn=loan.ppn,
        supplying_location=placement.supplying_location,
        pickup_location=loan.pickup_location,
    )
