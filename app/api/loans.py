"""Loan requests: submitted once, looked at, followed by their events, and acted upon."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.bodies import read_json
from app.api.decision_shapes import QuestionShape
from app.api.decisions import live_deadline_seconds, question
from app.api.dependencies import (
    Caller,
    Requirement,
    database,
    lately_admitted,
    requires,
    resources,
    still_admitted,
)
from app.api.loan_shapes import (
    ACTIONS,
    EVENT,
    LOAN,
    LOANS,
    QUESTION,
    SUBMITTED,
    ActionShape,
    EventShape,
    LoanRequestShape,
    LoanShape,
    Outcome,
    SubmittedShape,
    WholeLoanShape,
)
from app.api.paging import Cursor, Limit, Page, after, page
from app.api.parties import UnknownRequester, check_party, check_side, signed, told_as
from app.api.schemas import Day
from app.api.spans import MOST_DAYS, moments_of
from app.database import Database
from app.lending.act import (
    REQUESTING_SIDE,
    Action,
    ActionNotAllowed,
    Once,
    Report,
    act,
    actions_in,
    done_before,
    once,
)
from app.lending.choose import TitleKey, UnknownTitle, choose, look_up
from app.lending.documents import written
from app.lending.lifecycle import REASONS_UNFILLED
from app.lending.snapshot import NotReady
from app.lending.submit import Accepted, KeyReused, Submission, find_accepted, submit
from app.problems import Fault, Forbidden, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.events import list_events, was_heard
from app.store.loans import (
    Declined,
    DuplicateRequestId,
    Loan,
    LoanFilters,
    Span,
    UnknownLoanRequest,
    list_loans,
    read_loan,
    show_loan,
)
from app.store.placements import list_placements
from routing import ChosenLeg, LegRefused, UnknownLocation

router = APIRouter(prefix="/v1", tags=["Loan requests"])


class Lately(Requirement):
    """Lets callers through from memory where that is possible: `still_admitted` must follow."""

    def __init__(self, *scopes: str) -> None:
        super().__init__(frozenset(scopes))

    async def __call__(self, request: Request) -> Caller:
        """Return the caller of `request`; one who is not known, or may not, is looked at anew."""
        caller = await lately_admitted(request)
        return caller if self.scopes & caller.scopes else await super().__call__(request)


MAX_KEY = 255
MOST_AHEAD = timedelta(days=1)
SKEW = timedelta(minutes=1)
"""How much the clocks of callers may be behind."""
_ASKS = set(QuestionShape.model_fields)
HeldDatabase = Annotated[Database, Depends(database)]
Reader = Annotated[Caller, Depends(requires())]
LoanId = Annotated[UUID, Path(description="The loan request's id.", examples=[SUBMITTED["id"]])]
Asking = Annotated[Caller, Depends(Lately("requester", "admin"))]
Acting = Annotated[Caller, Depends(requires("requester", "supplier", "planner", "admin"))]


def _body(shape: str, **examples: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}, **examples}}
    return {"requestBody": {"required": True, "content": content}}


def _key_header(says: str) -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": f"Sent again with the same body, it is {says}, for a week.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_KEY,
            "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
        },
    }


_KEY_HEADER = _key_header("the same loan request and the same answer")


@router.post(
    "/loan-requests",
    status_code=201,
    summary="Submit a loan request",
    response_class=Response,
    openapi_extra={**_body("LoanRequestShape", example=QUESTION), "parameters": [_KEY_HEADER]},
    responses={
        201: {
            "model": SubmittedShape,
            "description": "It is accepted, and survives whatever happens from now on.",
            "content": {"application/json": {"example": SUBMITTED}},
        },
        **documented(
            UnknownTitle,
            UnknownLocation,
            DuplicateRequestId,
            KeyReused,
            TooLarge,
            UnsupportedMediaType,
            InvalidInput,
            NotReady,
        ),
    },
)
async def create_loan_request(request: Request, caller: Asking) -> Response:
    """Accept a loan request and answer who will be asked, in order; the first of them is asked at once.

    A request that nobody can fill is accepted too: it ends `Unfilled` at once, and the refusals say why.
    """
    asked = await read_json(request, LoanRequestShape)
    _check_agency(caller, asked.requesting_agency)
    return _answer(await accept(request, caller, asked, key=_idempotency_key(request)))


async def accept(request: Request, caller: Caller, asked: LoanRequestShape, *, key: str | None) -> Accepted:
    """Decide and write a loan request, however it was asked for; the caller may ask for the agency.

    Raises UnknownRequester, UnknownTitle, UnknownLocation, DuplicateRequestId, KeyReused or NotReady.
    """
    since = monotonic()
    held = await resources(request)
    now = held.clock.now()
    submission = _submission(asked, requested_at=asked.requested_at or now)
    owner = caller.agency or asked.requesting_agency
    title = TitleKey(isbn=asked.title.isbn, ppn=asked.title.ppn)
    holders = await look_up(held.database, title)
    await still_admitted(request, holders.standing.keys)
    try:
        if asked.requesting_agency not in (await held.snapshot.at(holders.standing)).register.agencies:
            raise UnknownRequester(asked.requesting_agency)
        decision = await choose(
            held.snapshot,
            title=title,
            holders=holders,
            question=question(asked, now=now),
            availability=held.ground.availability,
            deadline_seconds=live_deadline_seconds(asked, caller, held.settings),
            since=since,
        )
    except (UnknownRequester, UnknownTitle, UnknownLocation, NotReady):
        # What was accepted is answered again, whatever has become unknown since. All other repetitions are found by
        # the key itself when they are written: to look for it first would cost everyone a round trip.
        if key is None or not (accepted := await find_accepted(held.database, submission, caller=owner, key=key)):
            raise
        return accepted
    return await submit(held.database, submission, decision, write=written, at=now, caller=owner, key=key)


def _submission(asked: LoanRequestShape, *, requested_at: datetime) -> Submission:
    asks = asked.model_dump(mode="json", include=_ASKS) | {"requested_at": requested_at.isoformat()}
    return Submission(
        requesting_agency=asked.requesting_agency,
        requesting_agency_request_id=asked.requesting_agency_request_id,
        patron_reference=asked.patron_reference,
        service_level=asked.service_level,
        isbn=asked.title.isbn,
        ppn=asked.title.ppn,
        pickup_location=asked.pickup_location,
        question=orjson.dumps(asks).decode(),
        body=asked.model_dump_json(exclude={"patron_reference"}).encode(),
    )


def _answer(accepted: Accepted) -> Response:
    head = {"id": str(accepted.id), "status": accepted.status, "outcome": accepted.outcome}
    head |= {"supplying_agency": None, "supplying_location": None}
    # The decision's members follow, to the letter as they were decided.
    document = orjson.dumps(head)[:-1] + b"," + accepted.decision[1:]
    where = {"Location": f"/v1/loan-requests/{accepted.id}"}
    return Response(document, status_code=201, media_type="application/json", headers=where)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise InvalidInput(Fault("/Idempotency-Key", f"Takes 1 to {MAX_KEY} printable characters."))
    return key


def _check_agency(caller: Caller, agency: str) -> None:
    if "admin" not in caller.scopes and caller.agency != agency:
        raise Forbidden(f"This key is {caller.agency}'s: it may not ask for {agency}.")


@router.get(
    "/loan-requests",
    summary="List loan requests",
    response_model=Page[LoanShape],
    responses={200: {"content": {"application/json": {"example": LOANS}}}},
)
async def read_loan_requests(
    request: Request,
    held: HeldDatabase,
    caller: Reader,
    requesting_agency: Annotated[
        str | None, Query(max_length=200, description="Only those this agency asked for.")
    ] = None,
    supplying_agency: Annotated[
        str | None, Query(max_length=200, description="Only those this agency has now.")
    ] = None,
    status: Annotated[str | None, Query(max_length=40, description="Only those of this ISO 18626 status.")] = None,
    requesting_agency_request_id: Annotated[
        str | None, Query(max_length=200, description="The agency's own number.")
    ] = None,
    location: Annotated[
        str | None, Query(max_length=200, description="Only those whose item comes from or goes to this location.")
    ] = None,
    route: Annotated[
        str | None,
        Query(max_length=200, description="Only those under way whose item rides this route, also later on."),
    ] = None,
    state: Annotated[Literal["all", "open"], Query(description="All, or those that have not ended.")] = "all",
    outcome: Annotated[Outcome | None, Query(description="Only those that ended so.")] = None,
    delivered: Annotated[
        bool | None, Query(description="Only those whose item came to the pickup location, or did not.")
    ] = None,
    late: Annotated[
        bool, Query(description="Only those whose item is under way and should be there by now, or was called late.")
    ] = False,
    declined: Annotated[
        str | None,
        Query(
            max_length=40,
            description="Only those that somebody who was asked in the period declined for this reason, as "
            "`GET /v1/statistics` counts them: an ISO 18626 reason, `Other` or `NotStated`.",
            examples=["NotOnShelf"],
        ),
    ] = None,
    moment: Annotated[
        Literal["submitted", "shipped"],
        Query(description="What must have happened from `since` to `until`, unless `declined` says so."),
    ] = "submitted",
    since: Annotated[Day | None, Query(description="First day of a period; left out with `until`: of any.")] = None,
    until: Annotated[
        Day | None, Query(description=f"The day after the last one, at most {MOST_DAYS} days on; left out: tomorrow.")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Answer loan requests, the newest first; those in which the key's agency takes part.

    With the same period they are the rows behind each figure of `GET /v1/statistics`.
    """
    now = (await resources(request)).clock.now()
    span = None if since is None and until is None and declined is None else moments_of(since, until, now=now)
    filters = LoanFilters(
        party=None if caller.sees_everything else caller.agency,
        poi=caller.poi,
        requesting_agency=_clean("requesting_agency", requesting_agency),
        supplying_agency=_clean("supplying_agency", supplying_agency),
        status=_clean("status", status),
        request_id=_clean("requesting_agency_request_id", requesting_agency_request_id),
        open_only=state == "open",
        location=_clean("location", location),
        route=_clean("route", route),
        outcome=outcome,
        delivered=delivered,
        late_at=now if late else None,
        span=None if span is None or declined is not None else Span(moment, *span),
        declined=None if span is None or declined is None else Declined(_reason(declined), REASONS_UNFILLED, *span),
    )
    async with held.connection() as connection:
        found = await list_loans(connection, filters, before=_before(cursor), limit=limit + 1)
    return page(found, [str(row["id"]) for row in found], limit)


def _reason(declined: str) -> str:
    known = (*REASONS_UNFILLED, "Other", "NotStated")
    if declined not in known:
        raise InvalidInput(Fault("/declined", f"Takes one of {', '.join(dict.fromkeys(known))}."))
    return declined


def _clean(name: str, value: str | None) -> str | None:
    if value is not None and "\0" in value:
        raise InvalidInput(Fault(f"/{name}", "No name has a NUL in it."))
    return value


def _before(cursor: str | None) -> UUID | None:
    found = after(cursor, str)
    try:
        return None if found is None else UUID(found)
    except ValueError:
        raise InvalidInput(Fault("/cursor", "This is not the next_cursor of any page.")) from None


@router.get(
    "/loan-requests/{loan_request}",
    summary="Look at a loan request",
    response_model=WholeLoanShape,
    responses={200: {"content": {"application/json": {"example": LOAN}}}, **documented(UnknownLoanRequest)},
)
async def read_loan_request(held: HeldDatabase, caller: Reader, loan_request: LoanId) -> dict[str, Any]:
    """Answer where it stands: who has it, where the item is, by which vans it travels, and who was asked before.

    A supplier is told of `placements` only when it was asked itself.
    """
    async with held.one_moment() as connection:
        loan = await read_loan(connection, loan_request)
        await check_party(connection, caller, loan)
        found = await show_loan(connection, loan_request)
        placements = await list_placements(connection, loan_request)
    decision = found.pop("decision")
    shown = {name: decision[name] for name in ("network_version", "rota", "refusals")}
    told = told_as(caller, loan)
    own = [asked for asked in placements if told is None or asked["supplying_agency"] in (told.agency, None)]
    return {**found, **shown, "placements": own, "actions": actions_in(loan)}


@router.get(
    "/loan-requests/{loan_request}/events",
    summary="Read a loan request's history",
    response_model=Page[EventShape],
    responses={
        200: {"content": {"application/json": {"example": {"items": [EVENT], "next_cursor": None}}}},
        **documented(UnknownLoanRequest),
    },
)
async def read_loan_events(
    held: HeldDatabase, caller: Reader, loan_request: LoanId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer everything that happened to it, in order, each with who did it and why.

    A supplier is told what happened while it was asked, or supplied.
    """
    start = after(cursor, int) or 0
    async with held.one_moment() as connection:
        loan = await read_loan(connection, loan_request)
        await check_party(connection, caller, loan)
        told = told_as(caller, loan)
        found = await list_events(connection, loan_request, after=start, limit=limit + 1, told=told)
    return page(found, [row["sequence"] for row in found], limit)


@router.post(
    "/loan-requests/{loan_request}/actions",
    summary="Report or ask something",
    response_model=WholeLoanShape,
    openapi_extra={
        **_body("ActionShape", examples=ACTIONS),
        "parameters": [_key_header("done once, and answered as it stands")],
    },
    responses={
        200: {"content": {"application/json": {"example": LOAN}}},
        **documented(
            UnknownLoanRequest,
            UnknownLocation,
            ActionNotAllowed,
            KeyReused,
            TooLarge,
            UnsupportedMediaType,
            InvalidInput,
            NotReady,
        ),
    },
)
async def act_on_loan_request(
    request: Request, held: HeldDatabase, caller: Acting, loan_request: LoanId
) -> dict[str, Any]:
    """Carry out an action and answer where the loan request then stands.

    The supplying side: `ExpectToSupply`, `WillSupply`, `Unfilled` (with `reason`), `RetryPossible`, `Loaned`,
    `Recall`, `LoanCompleted`. The requesting side: `Received`, `Renew`, `ShippedReturn`, `Cancel`, and for its staff
    `Override` (with `supplying_location`, or with `legs` once it is under way), `Hold` and `Resume`. The vans: `Scan`
    (with `location`). Both: `Lost`, and `Notification` (with `note`), which changes nothing.

    What is sent back goes straight on to the next who waits for the title, where it is there earlier than anything
    else and costs no more; or it stays where it is, where its agency allows that and it is wanted. The loan request
    is at `LoanCompleted` then, and its last event says where the item goes. `GET …/where-next` says so beforehand.

    Whoever gets no answer sends the same again with the same `Idempotency-Key`: a loan is not renewed twice by that.
    """
    await carry_out(request, caller, loan_request, await read_json(request, ActionShape))
    return await read_loan_request(held, caller, loan_request)


async def carry_out(
    request: Request, caller: Caller, loan_request: UUID, asked: ActionShape, *, message: str | None = None
) -> None:
    """Carry an action out, however it was reported, for a caller who may; once for each `message` that it came in.

    Raises UnknownLoanRequest, Forbidden, UnknownLocation, ActionNotAllowed, InvalidInput or NotReady.
    """
    held = await resources(request)
    ground = held.ground
    async with held.database.connection() as connection:
        loan = await read_loan(connection, loan_request)
        await check_party(connection, caller, loan)
        key = _once(request, asked, caller, loan)
        done = await done_before(connection, loan.id, key)
        done = done or (message is not None and await was_heard(connection, loan.id, message))
        if done:
            return
        _check_placement(asked, loan)
        placement = await check_side(connection, caller, asked.action, loan, placement=asked.placement)
    state = await ground.snapshot.follow()
    report = _report(asked, caller, _moment(asked, loan, now=held.clock.now()), known=state.register.locations)
    # Of the placement that the side was checked by.
    report = replace(report, message=message, placement=placement, once=key)
    try:
        await act(ground, loan_request, report)
    except LegRefused as refused:
        raise InvalidInput(Fault(f"/legs/{refused.leg}/{refused.field}", str(refused))) from None


def _check_placement(asked: ActionShape, loan: Loan) -> None:
    if asked.placement is None:
        return
    if asked.action in REQUESTING_SIDE:
        raise InvalidInput(Fault("/placement", "Goes with what a supplier says."))
    if asked.placement > loan.placements:
        raise InvalidInput(Fault("/placement", f"This loan request has {loan.placements} placements."))


def _once(request: Request, asked: ActionShape, caller: Caller, loan: Loan) -> Once | None:
    key = _idempotency_key(request)
    if key is None:
        return None
    # Without what is left out: keys that came before there was such a field are known again.
    body = asked.model_dump_json(exclude={"placement"} if asked.placement is None else None)
    return once(caller.agency or loan.requesting_agency, key, loan.id, body.encode())


def _moment(asked: ActionShape, loan: Loan, *, now: datetime) -> datetime:
    """Return when it happened: not before it was asked for, and not further ahead than anybody reports in advance."""
    at = (asked.at or now).astimezone(UTC)
    if at > now + MOST_AHEAD:
        raise InvalidInput(Fault("/at", "This is more than a day ahead."))
    if at < loan.submitted_at - SKEW:
        raise InvalidInput(Fault("/at", "This is before the loan request was submitted."))
    return max(at, loan.submitted_at)


def _report(asked: ActionShape, caller: Caller, at: datetime, *, known: Any) -> Report:
    location = asked.supplying_location if asked.action is Action.OVERRIDE else asked.location
    if asked.action is Action.SCAN and location is None:
        raise InvalidInput(Fault("/location", "A scan was made somewhere: name the location."))
    if location is not None and location not in known:
        raise UnknownLocation(f"No location {location} is registered.")
    if asked.action is Action.UNFILLED and asked.reason is not None and asked.reason not in REASONS_UNFILLED:
        raise InvalidInput(Fault("/reason", f"Takes one of {', '.join(REASONS_UNFILLED)}."))
    if asked.legs is not None and (asked.action is not Action.OVERRIDE or location is not None):
        raise InvalidInput(Fault("/legs", "Goes with `Override`, and not with `supplying_location`."))
    return Report(
        action=asked.action,
        at=at,
        by=signed(caller, asked.by),
        note=asked.note,
        reason=asked.reason,
        location=location,
        legs=tuple(ChosenLeg(**dict(leg)) for leg in asked.legs or ()),
        forward=asked.forward,
    )
