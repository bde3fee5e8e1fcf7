"""Why a decision is as it is: a loan request's own, its item's way, and any location beside the first one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from app.api.bodies import read_json
from app.api.decisions import live_deadline_seconds, question
from app.api.dependencies import Caller, database, requires, resources
from app.api.explanation_shapes import (
    COMPARED,
    COMPARISON,
    DECIDED,
    WAY,
    CompareShape,
    ComparisonShape,
    LoanDecisionShape,
    WayShape,
)
from app.api.loans import LoanId
from app.api.parties import check_party
from app.api.schemas import NO_NUL
from app.database import Database
from app.imports.gtfs_fields import LONGEST_ID
from app.lending.choose import TitleKey, UnknownTitle, choose, look_up
from app.lending.documents import written
from app.lending.snapshot import NotReady, State
from app.planning.compare import compare, would_take
from app.planning.way import way_of
from app.problems import InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.resources import Resources
from app.store.loans import Loan, UnknownLoanRequest, latest_decision, numbered_decision, read_loan
from routing import Burdens, Objective, Question, UnknownLocation

router = APIRouter(prefix="/v1")

HeldDatabase = Annotated[Database, Depends(database)]
HeldResources = Annotated[Resources, Depends(resources)]
Reader = Annotated[Caller, Depends(requires())]
# No rota is longer: there are not so many locations.
WHOLE = 1_000_000


@router.post(
    "/decisions/comparison",
    summary="Why not that one?",
    tags=["Decide"],
    response_model=ComparisonShape,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/CompareShape"}, "examples": COMPARED}
            },
        }
    },
    responses={
        200: {"content": {"application/json": {"example": COMPARISON}}},
        **documented(UnknownTitle, UnknownLocation, TooLarge, UnsupportedMediaType, InvalidInput, NotReady),
    },
)
async def compare_with(request: Request, held: HeldResources, caller: Reader) -> dict[str, Any]:
    """Decide, and put any location beside the first of the rota: what it comes to, and by what it fell behind.

    Takes what `POST /v1/decisions` takes, and a `location`. Nothing changes. A location that holds no copy, or is
    refused, is answered what it would have taken with a copy on its shelf.
    """
    since = monotonic()
    asked = await read_json(request, CompareShape)
    title = TitleKey(isbn=asked.title.isbn, ppn=asked.title.ppn)
    holders = await look_up(held.database, title)
    wanted = question(asked)
    decision = await choose(
        held.snapshot,
        title=title,
        holders=holders,
        question=replace(wanted, limit=WHOLE),
        availability=held.ground.availability,
        deadline_seconds=live_deadline_seconds(asked, caller, held.settings),
        since=since,
    )
    state = await held.snapshot.at(holders.standing)
    burdens = await held.snapshot.borne(state)
    return _compared(orjson.loads(written(decision)), asked.location, wanted, state, burdens, whole=True)


@router.get(
    "/loan-requests/{loan_request}/decision",
    summary="Look at a loan request's decision",
    tags=["Loan requests"],
    response_model=LoanDecisionShape,
    responses={200: {"content": {"application/json": {"example": DECIDED}}}, **documented(UnknownLoanRequest)},
)
async def read_decision(held: HeldDatabase, caller: Reader, loan_request: LoanId) -> dict[str, Any]:
    """Answer its newest decision whole: when and by which objective, who was on the rota, and who was refused why."""
    async with held.one_moment() as connection:
        loan = await read_loan(connection, loan_request)
        await check_party(connection, caller, loan)
        number, decision = await numbered_decision(connection, loan_request)
    return {
        "number": number,
        "isbn": loan.isbn,
        "ppn": loan.ppn,
        "pickup_location": loan.pickup_location,
        **decision,
    }


@router.get(
    "/loan-requests/{loan_request}/way",
    summary="Where a loan request's item is",
    tags=["Loan requests"],
    response_model=WayShape,
    responses={200: {"content": {"application/json": {"example": WAY}}}, **documented(UnknownLoanRequest)},
)
async def read_way(held: HeldResources, caller: Reader, loan_request: LoanId) -> dict[str, Any]:
    """Answer the rides there and back as far as they are planned, and where the item is now."""
    async with held.database.one_moment() as connection:
        loan = await read_loan(connection, loan_request)
        await check_party(connection, caller, loan)
        decision = await latest_decision(connection, loan_request)
    way = way_of(loan, decision, now=held.clock.now())
    return {**way._asdict(), "now": way.now._asdict()}


@router.get(
    "/loan-requests/{loan_request}/comparison",
    summary="Why not that one, of a loan request",
    tags=["Loan requests"],
    response_model=ComparisonShape,
    responses={
        200: {"content": {"application/json": {"example": COMPARISON}}},
        **documented(UnknownLoanRequest, UnknownLocation, NotReady),
    },
)
async def compare_loan(
    held: HeldResources,
    caller: Reader,
    loan_request: LoanId,
    location: Annotated[
        str, Query(description="Why not this one?", max_length=LONGEST_ID, pattern=NO_NUL, examples=["NL-0800060002"])
    ],
) -> dict[str, Any]:
    """Put any location beside the first of the loan request's newest decision, as that was decided.

    What a location that is not on the rota would have taken is worked out on the network that is active now.
    """
    async with held.database.one_moment() as connection:
        loan = await read_loan(connection, loan_request)
        await check_party(connection, caller, loan)
        decision = await latest_decision(connection, loan_request)
    state = await held.snapshot.follow()
    whole = len(decision["rota"]) < int(loan.question.get("limit") or 0)
    burdens = await held.snapshot.borne(state)
    return _compared(decision, location, _asked_of(loan, decision), state, burdens, whole=whole)


def _asked_of(loan: Loan, decision: dict[str, Any]) -> Question:
    return Question(
        pickup_location=loan.pickup_location,
        requested_at=datetime.fromisoformat(decision["requested_at"]),
        objective=Objective(decision["objective"]),
        service_level=loan.service_level,
    )


def _compared(
    decision: dict[str, Any],
    location: str,
    asked: Question,
    state: State,
    burdens: Burdens | None,
    *,
    whole: bool,
) -> dict[str, Any]:
    """Raises UnknownLocation."""
    for place in (location, asked.pickup_location):
        if place not in state.register.locations:
            raise UnknownLocation(f"No location {place} is registered.")
    requested = datetime.fromisoformat(decision["requested_at"]).astimezone(state.network.zone)
    policy = state.policy_for(asked.pickup_location, requested)
    question = replace(asked, requested_at=requested, objective=Objective(decision["objective"]))
    would = would_take(
        question, location, network=state.network, register=state.register, policy=policy, burdens=burdens
    )
    return compare(decision, location, orjson.loads(written(would)), whole=whole, policy=policy)
