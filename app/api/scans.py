"""Hand scanners: a barcode in, and what to do with the item out."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request

from app.api.bodies import read_json
from app.api.dependencies import Caller, requires, resources
from app.api.loan_shapes import ActionShape
from app.api.loans import carry_out
from app.api.parties import check_party
from app.api.scan_shapes import ASKED, SCANNED, ScanAskShape, ScanShape
from app.lending.act import Action, ActionNotAllowed, actions_in
from app.lending.lifecycle import outcome_of
from app.lending.record import state_of
from app.lending.snapshot import NotReady
from app.planning.barcodes import Direction, UnknownCode, read_code
from app.planning.scanning import Seen, Verdict, Wrong, judge
from app.problems import InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.resources import Resources
from app.store.loans import Loan, UnknownLoanRequest, read_loan, show_loan
from app.store.riders import describe, name_locations
from routing import UnknownLocation

router = APIRouter(prefix="/v1/scans", tags=["Live day"])

HeldResources = Annotated[Resources, Depends(resources)]
Reader = Annotated[Caller, Depends(requires())]
Acting = Annotated[Caller, Depends(requires("requester", "supplier", "planner", "admin"))]


@router.get(
    "/{code}",
    summary="Look a barcode up",
    response_model=ScanShape,
    responses={
        200: {"content": {"application/json": {"example": {**SCANNED, "recorded": False}}}},
        **documented(UnknownCode, UnknownLocation, InvalidInput, NotReady),
    },
)
async def read_scan(
    held: HeldResources,
    caller: Reader,
    code: Annotated[
        str,
        Path(
            description="What the barcode says, or the id of a loan request.",
            max_length=100,
            pattern=r"^[^\x00]*$",
            examples=[SCANNED["loan_request"]],
        ),
    ],
    location: Annotated[
        str | None,
        Query(
            max_length=200, pattern=r"^[^\x00]*$", description="Where the scanner is; left out: where it was last."
        ),
    ] = None,
) -> dict[str, Any]:
    """Answer what to do with an item at a location, without writing down that it was seen there."""
    loan_request, slip = read_code(code)
    await _check_location(held, location)
    loan, strange = await _found(held, caller, loan_request)
    seen = _judged(held, loan, location=location, slip=slip)
    return await _shown(held, loan, seen, code=code, slip=slip, location=location, strange=strange, recorded=False)


@router.post(
    "",
    summary="Scan a barcode",
    response_model=ScanShape,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/ScanAskShape"}, "example": ASKED}
            },
        }
    },
    responses={
        200: {"content": {"application/json": {"example": SCANNED}}},
        **documented(
            UnknownCode, UnknownLocation, ActionNotAllowed, TooLarge, UnsupportedMediaType, InvalidInput, NotReady
        ),
    },
)
async def scan(request: Request, held: HeldResources, caller: Acting) -> dict[str, Any]:
    """Write down that an item was seen at a location (the action `Scan`), and answer what to do with it.

    Where its way does not lead by there, or what it was going to ride has left, it is planned again at once: `wrong`
    says so, and `next` is the new way. Shortly after its van should have left it still goes with that, and `wrong`
    says `should_have_left`. Nothing is written down of what is not under way, or was scanned there before and goes on
    as planned.

    A planner who holds an envelope that nobody of its POI drives is told where it must go, and nothing else.
    """
    asked = await read_json(request, ScanAskShape)
    loan_request, slip = read_code(asked.code)
    await _check_location(held, asked.location)
    loan, strange = await _found(held, caller, loan_request)
    seen = _judged(held, loan, location=asked.location, slip=slip)
    scannable = Action.SCAN.value in actions_in(loan) and seen.verdict is not Verdict.PUT_ASIDE
    # What was left behind, and lies where it was scanned before, is planned again by another scan.
    news = Wrong.ALREADY_SCANNED not in seen.wrong or seen.verdict is Verdict.REPLAN
    recorded = scannable and not strange and news
    if recorded:
        action = ActionShape(action=Action.SCAN, location=asked.location, at=asked.at, by=asked.by)
        await carry_out(request, caller, loan_request, action)
        async with held.database.connection() as connection:
            loan = await read_loan(connection, loan_request)
        now = _judged(held, loan, location=asked.location, slip=slip)
        # What was wrong before it was planned again is said; that it has been scanned here by now is not.
        seen = replace(now, wrong=seen.wrong)
    return await _shown(
        held, loan, seen, code=asked.code, slip=slip, location=asked.location, strange=strange, recorded=recorded
    )


async def _check_location(held: Resources, location: str | None) -> None:
    state = await held.snapshot.follow()
    if location is not None and location not in state.register.locations:
        raise UnknownLocation(f"No location {location} is registered.")


async def _found(held: Resources, caller: Caller, loan_request: UUID) -> tuple[Loan, bool]:
    """The loan request, and whether the caller only knows of it by holding its envelope. Raises UnknownCode."""
    async with held.database.connection() as connection:
        try:
            loan = await read_loan(connection, loan_request)
        except UnknownLoanRequest:
            raise UnknownCode("No loan request has this code.") from None
        try:
            await check_party(connection, caller, loan)
        except UnknownLoanRequest:
            if "planner" not in caller.scopes:
                raise UnknownCode("No loan request has this code.") from None
            return loan, True
    return loan, False


def _judged(held: Resources, loan: Loan, *, location: str | None, slip: Direction | None) -> Seen:
    outcome = outcome_of(state_of(loan))
    grace = held.ground.scan_grace
    return judge(loan, outcome=outcome, location=location, slip=slip, at=held.clock.now(), grace=grace)


async def _shown(
    held: Resources,
    loan: Loan,
    seen: Seen,
    *,
    code: str,
    slip: Direction | None,
    location: str | None,
    strange: bool,
    recorded: bool,
) -> dict[str, Any]:
    leg = None if strange else seen.leg
    places = {place for place in (location, seen.to) if place is not None}
    if leg is not None:
        places |= {leg["from_location"], leg["to_location"]}
    async with held.database.connection() as connection:
        names = await name_locations(connection, places)
        about = {"title": None} if strange else await describe(connection, loan.id)
        status = (await show_loan(connection, loan.id))["status"]

    def place(id_: str | None) -> dict[str, str] | None:
        return None if id_ is None else {"id": id_, "name": names.get(id_) or id_}

    ends = {} if leg is None else {name: place(leg[name]) for name in ("from_location", "to_location")}
    return {
        "code": code,
        "direction": slip,
        "recorded": recorded,
        "verdict": seen.verdict,
        "wrong": [*seen.wrong, *([Wrong.NOT_YOURS] if strange else [])],
        "loan_request": loan.id,
        "requesting_agency_request_id": None if strange else loan.requesting_agency_request_id,
        "title": about["title"],
        "status": status,
        "location": place(location),
        "destination": place(seen.to),
        "expected_at": None if strange or seen.verdict is Verdict.PUT_ASIDE else loan.expected_at,
        "next": None if leg is None else {**leg, **ends},
    }
