"""Where an item goes next that is sent back, and the copies that stay where they are wanted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from app.api.dependencies import Caller, requires
from app.api.drafts import HeldResources
from app.api.floated_shapes import (
    CALLED,
    STAYING,
    WHERE_NEXT,
    CalledHomeShape,
    FloatedItemShape,
    WhereNextShape,
)
from app.api.loan_shapes import Word
from app.api.loans import LoanId, Reader
from app.api.paging import LARGEST_INTEGER, Cursor, Limit, Page, after, page
from app.api.parties import check_party
from app.lending.act import Action, ActionNotAllowed
from app.lending.snapshot import NotReady
from app.lending.stay import call_home, can_be_sent_back, come_home, document, find_next
from app.problems import Forbidden, InvalidInput, documented
from app.resources import Resources
from app.store.floated import Row, UnknownFloatedItem, get_floated, list_floated
from app.store.loans import UnknownLoanRequest, read_loan
from routing import agency_in_force

router = APIRouter(prefix="/v1")

Owner = Annotated[Caller, Depends(requires("supplier", "admin"))]
FloatedId = Annotated[int, Path(description="The copy's number.", ge=1, le=LARGEST_INTEGER, examples=[STAYING["id"]])]


@router.get(
    "/loan-requests/{loan_request}/where-next",
    summary="Where its item goes next",
    tags=["Loan requests"],
    response_model=WhereNextShape,
    responses={
        200: {"content": {"application/json": {"example": WHERE_NEXT}}},
        **documented(UnknownLoanRequest, ActionNotAllowed, NotReady),
    },
)
async def read_where_next(held: HeldResources, caller: Reader, loan_request: LoanId) -> dict[str, Any]:
    """Answer what `ShippedReturn` would come to now: on to whoever waits, home, or it stays where it is wanted.

    Nothing changes, and no library system is asked to give an order back. `saving` is against going home, as the
    policy of the pickup location weighs rides and waiting.
    """
    state = await held.snapshot.follow()
    async with held.database.connection() as connection:
        loan = await read_loan(connection, loan_request)
        await check_party(connection, caller, loan)
    if not can_be_sent_back(loan):
        raise ActionNotAllowed(Action.SHIPPED_RETURN, loan)
    return document(await find_next(held.ground, state, loan, at=held.clock.now(), dry=True))


@router.get(
    "/floated-items",
    summary="List copies that stay elsewhere",
    tags=["Holdings"],
    response_model=Page[FloatedItemShape],
    dependencies=[Depends(requires())],
    responses={
        200: {"content": {"application/json": {"example": {"items": [STAYING], "next_cursor": None}}}},
    },
)
async def read_floated_items(
    held: HeldResources,
    home: Annotated[Word | None, Query(description="Only those that belong to this location.")] = None,
    location: Annotated[Word | None, Query(description="Only those that stay at this location.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Answer the copies that stay elsewhere than at home, those that were called home and are not there yet too.

    Holdings are listed as whoever has them says; decisions count these copies where they are.
    """
    async with held.database.connection() as connection:
        rows = await list_floated(
            connection, home=home, location=location, after=after(cursor, int) or 0, limit=limit + 1
        )
    return page(rows, [row["id"] for row in rows], limit)


@router.post(
    "/floated-items/{floated_item}/call-home",
    summary="Call a copy home",
    tags=["Holdings"],
    response_model=CalledHomeShape,
    responses={
        200: {"content": {"application/json": {"example": CALLED}}},
        **documented(UnknownFloatedItem, InvalidInput, NotReady),
    },
)
async def call_it_home(held: HeldResources, caller: Owner, floated_item: FloatedId) -> dict[str, Any]:
    """Have a copy sent home: from now on it is lent where it stays no longer, and those there put it on a van.

    Answers by which vans it would go now. It takes a key of the agency that it belongs to. Called again, nothing
    changes; of one that is home already there is no way to tell.
    """
    await _check_owner(held, caller, floated_item)
    row, way = await call_home(held.ground, floated_item, by=caller.agency or "admin")
    return {**row, "legs": way.legs, "arrives_at": way.arrives_at}


@router.post(
    "/floated-items/{floated_item}/came-home",
    summary="Say that a copy is home",
    tags=["Holdings"],
    response_model=FloatedItemShape,
    responses={
        200: {"content": {"application/json": {"example": {**STAYING, "ended_at": "2026-12-02T11:30:00+01:00"}}}},
        **documented(UnknownFloatedItem, InvalidInput, NotReady),
    },
)
async def it_came_home(held: HeldResources, caller: Owner, floated_item: FloatedId) -> Row:
    """Note that a copy is home, called or not: from now on it is counted there. Said again, nothing changes."""
    await _check_owner(held, caller, floated_item)
    return await come_home(held.ground, floated_item, by=caller.agency or "admin")


async def _check_owner(held: Resources, caller: Caller, floated_item: int) -> None:
    """Let those pass to whom a copy belongs. Raises UnknownFloatedItem or Forbidden."""
    async with held.database.connection() as connection:
        row = await get_floated(connection, floated_item)
    if "admin" in caller.scopes:
        return
    register = (await held.snapshot.follow()).register
    now = agency_in_force(register, row["agency"], held.clock.now())
    if now is None or caller.agency not in (row["agency"], now.isil):
        raise Forbidden(f"This takes a key of {row['agency'] or 'nobody'} with the scope supplier.")
