"""The ledger of delivered items: its entries, and what they come to for each agency and period."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from app.api.dependencies import Caller, requires, resources
from app.api.paging import Cursor, Limit, Page, after, page
from app.api.settlement_shapes import (
    BALANCES,
    BALANCES_CSV,
    ENTRIES,
    ENTRIES_CSV,
    BalanceShape,
    BalancesShape,
    EntryShape,
)
from app.api.spans import Since, Until, days_of
from app.api.tabular import Format, as_csv, at_once, documented_table, wants_csv
from app.database import Database
from app.problems import Fault, Forbidden, InvalidInput
from app.store.settlement import Per, Place, Span, list_balances, list_entries

router = APIRouter(prefix="/v1", tags=["Settlement and statistics"])

CHUNK_ROWS = 5000
Reader = Annotated[Caller, Depends(requires())]
OfAgency = Annotated[
    str | None, Query(max_length=200, description="Only this agency's; a key that is not the network's: its own.")
]


@router.get(
    "/settlement",
    summary="Read the ledger",
    response_model=Page[EntryShape],
    responses=documented_table(ENTRIES, ENTRIES_CSV),
)
async def read_settlement(
    request: Request,
    caller: Reader,
    since: Since = None,
    until: Until = None,
    agency: OfAgency = None,
    format: Format = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Any:
    """Answer one row for each side of each charge of an item, in the order of the days of delivery.

    The supplier's part is a credit of the supplying agency and a debit of the requesting one; transport is a debit of
    the requesting agency. Inside one province nothing is charged. The tariff is the one in force on the day of
    delivery. As CSV the answer holds all rows at once, whatever `limit` says. A day's rows may still come in later.
    """
    held = await resources(request)
    first, last = days_of(since, until, now=held.clock.now())
    span = Span(since=first, until=last, agency=own_agency(caller, agency))
    place = _place(cursor)
    if wants_csv(request, format):
        return as_csv("settlement", tuple(EntryShape.model_fields), _chunks(held.database, span, place))
    async with held.database.connection() as connection:
        found = await list_entries(connection, span, after=place, limit=limit + 1)
    return page(found, [_key(row) for row in found], limit)


@router.get(
    "/settlement/balances",
    summary="Read what agencies are owed and owe",
    response_model=BalancesShape,
    responses=documented_table(BALANCES, BALANCES_CSV),
)
async def read_balances(
    request: Request,
    caller: Reader,
    since: Since = None,
    until: Until = None,
    agency: OfAgency = None,
    per: Annotated[Per, Query(description="How long a period is; the span cuts the first and the last.")] = "month",
    format: Format = None,
) -> Any:
    """Answer the ledger netted by period and agency: what is paid to it, or by it where `net_cents` is below 0."""
    held = await resources(request)
    first, last = days_of(since, until, now=held.clock.now())
    span = Span(since=first, until=last, agency=own_agency(caller, agency))
    async with held.database.connection() as connection:
        found = await list_balances(connection, span, per=per)
    if wants_csv(request, format):
        return as_csv("balances", tuple(BalanceShape.model_fields), at_once(found))
    return {"since": first, "until": last, "per": per, "items": found}


def own_agency(caller: Caller, agency: str | None) -> str | None:
    """Return whose figures a caller is shown: its own agency's, or whichever it names where it sees everything.

    Raises Forbidden where it names another.
    """
    if agency is not None and "\0" in agency:
        raise InvalidInput(Fault("/agency", "No name has a NUL in it."))
    if caller.sees_everything:
        return agency
    if agency not in (None, caller.agency):
        raise Forbidden(f"This key is {caller.agency}'s: it may not see what is {agency}'s.")
    return caller.agency


async def _chunks(database: Database, span: Span, place: Place | None) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield all entries from `place` on. No connection is held while a slow caller reads: the ledger only grows."""
    while True:
        async with database.connection() as connection:
            found = await list_entries(connection, span, after=place, limit=CHUNK_ROWS)
        yield found
        if len(found) < CHUNK_ROWS:
            return
        place = Place(*(found[-1][name] for name in Place._fields))


def _key(row: dict[str, Any]) -> str:
    # The agency last: a name may have spaces in it.
    return f"{row['day'].isoformat()} {row['loan_request']} {row['what']} {row['agency']}"


def _place(cursor: str | None) -> Place | None:
    key = after(cursor, str)
    if key is None:
        return None
    try:
        day, loan_request, what, agency = key.split(" ", 3)
        return Place(date.fromisoformat(day), UUID(loan_request), what, agency)
    except ValueError:
        raise InvalidInput(Fault("/cursor", "This is not the next_cursor of any page.")) from None
