"""The ledger: what agencies are owed and owe for delivered items. No title and no reader is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One side of one charge (euro cents; credit is positive) on the day of a delivery."""

    agency: str
    what: str
    cents: int
    counterparty: str | None
    day: date


async def enter(connection: asyncpg.Connection, loan: UUID, charges: Sequence[Charge]) -> None:
    """Write the charges of a delivery into the ledger, once."""
    for charge in charges:
        await connection.execute(
            "insert into settlement_entry (loan_request, agency, what, cents, counterparty, day)"
            " values ($1, $2, $3, $4, $5, $6)",
            *(loan, charge.agency, charge.what, charge.cents, charge.counterparty, charge.day),
        )
