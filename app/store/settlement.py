"""The ledger: what agencies are owed and owe for delivered items. No title and no reader is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple
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


# --- for people -----------------------------------------------------------------------------------

Per = Literal["month", "quarter", "year", "whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days of delivery, `since` included and `until` not, of one agency (None: of all)."""

    since: date
    until: date
    agency: str | None


class Place(NamedTuple):
    """Where an entry stands in the ledger: entries are in this order."""

    day: date
    loan_request: UUID
    what: str
    agency: str


async def list_entries(
    connection: asyncpg.Connection, span: Span, *, after: Place | None, limit: int
) -> list[dict[str, Any]]:
    """Return entries of the ledger in order, those that come after `after`."""
    terms, values = _terms(span)
    if after is not None:
        values += after
        terms += f" and (day, loan_request, what, agency) > (${len(values) - 3}, ${len(values) - 2}"
        terms += f", ${len(values) - 1}, ${len(values)})"
    rows = await connection.fetch(
        "select day, loan_request, what, agency, counterparty, cents from settlement_entry"  # noqa: S608 - our own text
        f" where {terms} order by day, loan_request, what, agency limit ${len(values) + 1}",
        *(*values, limit),
    )
    return [dict(row) for row in rows]


async def list_balances(connection: asyncpg.Connection, span: Span, *, per: Per) -> list[dict[str, Any]]:
    """Return what each agency is owed and owes for each period, by period and agency; `net` is paid to it."""
    terms, values = _terms(span)
    # A period is named by its first day; the first one may begin before the span does, which cuts it.
    period = "$1::date" if per == "whole" else f"greatest(date_trunc('{per}', day::timestamp)::date, $1)"
    rows = await connection.fetch(
        f"""
        select {period} as period, agency,
               coalesce(sum(cents) filter (where cents > 0), 0) as credit_cents,
               coalesce(-sum(cents) filter (where cents < 0), 0) as debit_cents,
               sum(cents) as net_cents, count(distinct loan_request) as items
          from settlement_entry where {terms} group by 1, 2 order by 1, 2
        """,  # noqa: S608 - our own text
        *values,
    )
    return [dict(row) for row in rows]


def _terms(span: Span) -> tuple[str, list[Any]]:
    terms, values = "day >= $1 and day < $2", list[Any]([span.since, span.until])
    if span.agency is not None:
        return f"{terms} and agency = $3", [*values, span.agency]
    return terms, values
