"""What the ledger's operations answer, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field


class EntryShape(BaseModel):
    """One side of one charge of a delivered item."""

    day: date = Field(description="Of delivery, in the Netherlands.")
    loan_request: UUID
    what: Literal["supplier", "transport"]
    agency: str = Field(description="Whose account this is.")
    counterparty: str | None = Field(description="Who is on the other side; null for transport.")
    cents: int = Field(description="Euro cents: a credit is above 0, a debit below.")


class BalanceShape(BaseModel):
    """What the ledger comes to for one agency in one period."""

    period: date = Field(description="Its first day.")
    agency: str
    credit_cents: int
    debit_cents: int
    net_cents: int = Field(description="Credit minus debit: what is paid to it; below 0: by it.")
    items: int = Field(description="How many delivered items these charges are of.")


class BalancesShape(BaseModel):
    """What the ledger comes to, by period and agency."""

    since: date = Field(description="The first day.")
    until: date = Field(description="The day after the last one.")
    per: Literal["month", "quarter", "year", "whole"]
    items: list[BalanceShape]


_ENTRY: dict[str, Any] = {
    "day": "2026-11-24",
    "loan_request": "019ab3c4-7d00-7a3c-9b1e-2f5a7c0d4e61",
    "what": "supplier",
    "agency": "NL-0800080000",
    "counterparty": "NL-0800070000",
    "cents": 675,
}
ENTRIES: dict[str, Any] = {"items": [_ENTRY], "next_cursor": None}
ENTRIES_CSV = (
    "day,loan_request,what,agency,counterparty,cents\r\n"
    "2026-11-24,019ab3c4-7d00-7a3c-9b1e-2f5a7c0d4e61,supplier,NL-0800080000,NL-0800070000,675\r\n"
)
BALANCES: dict[str, Any] = {
    "since": "2026-11-01",
    "until": "2026-12-01",
    "per": "month",
    "items": [
        {
            "period": "2026-11-01",
            "agency": "NL-0800080000",
            "credit_cents": 2025,
            "debit_cents": 1075,
            "net_cents": 950,
            "items": 4,
        }
    ],
}
BALANCES_CSV = (
    "period,agency,credit_cents,debit_cents,net_cents,items\r\n2026-11-01,NL-0800080000,2025,1075,950,4\r\n"
)
