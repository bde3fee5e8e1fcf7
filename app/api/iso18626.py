"""POST /iso18626: the same loan requests and actions in the XML of ISO 18626, from either side.

A message is answered by its confirmation, which says whether it was taken and nothing about what comes of it. What
keeps a caller from being heard at all (no key, another agency's, too large a body) is a problem as elsewhere.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from adapters.protocols.iso18626 import messages as iso
from adapters.protocols.iso18626.reading import Unreadable, read_message
from adapters.protocols.iso18626.writing import write, written_moment
from app.api.bodies import XML_TYPES, read_xml
from app.api.dependencies import Caller, database, requires, resources
from app.api.iso18626_examples import CONFIRMED, EXAMPLES
from app.api.loan_shapes import ActionShape, LoanRequestShape
from app.api.loans import accept, carry_out
from app.api.parties import UnknownRequester, signed
from app.database import Connection, Database
from app.lending.act import Action, ActionNotAllowed
from app.lending.choose import TitleKey, UnknownTitle
from app.lending.follow import answered
from app.lending.iso18626 import (
    NotTaken,
    Said,
    answers_cancelling,
    most_cents,
    pickup_of,
    said_by_requester,
    said_by_supplier,
    titles_of,
)
from app.lending.lifecycle import NotAllowed, Supplying, status_of
from app.lending.record import state_of
from app.lending.snapshot import NotReady
from app.problems import Forbidden, TooLarge, UnsupportedMediaType, documented, faults_of
from app.store.events import Told, was_heard
from app.store.loans import DuplicateRequestId, Loan, UnknownLoanRequest, find_loan, read_loan, takes_part
from app.store.placements import find_both
from routing import UnknownLocation

router = APIRouter(tags=["Loan requests"])
Speaking = Annotated[Caller, Depends(requires("requester", "supplier", "admin"))]
HeldDatabase = Annotated[Database, Depends(database)]

# Our id of a loan request, or of one placement of it.
_OURS = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-\d{1,9})?", re.ASCII)
# What the fields of our own shapes are called there.
_ELEMENTS = {
    "title": "bibliographicInfo",
    "pickup_location": "requestedDeliveryInfo",
    "requesting_agency": "requestingAgencyId",
    "requesting_agency_request_id": "requestingAgencyRequestId",
    "patron_reference": "patronId",
    "service_level": "serviceLevel",
    "need_before": "needBeforeDate",
    "max_cost_cents": "maximumCosts",
    "by": "agencyIdValue",
}
_SCHEMA = {"type": "string", "description": "An ISO18626Message of version 1.2 or 2021-2 of the schema."}
_XML: dict[str, Any] = {name: {"schema": _SCHEMA, "examples": EXAMPLES} for name in XML_TYPES}


@router.post(
    "/iso18626",
    summary="Send an ISO 18626 message",
    response_class=Response,
    openapi_extra={"requestBody": {"required": True, "content": _XML}},
    responses={
        200: {
            "description": "The confirmation of the message: `OK`, or `ERROR` with what was wrong with it.",
            "content": {"application/xml": {"schema": _SCHEMA, "example": CONFIRMED}},
        },
        **documented(TooLarge, UnsupportedMediaType, NotReady),
    },
)
async def take_message(request: Request, held: HeldDatabase, caller: Speaking) -> Response:
    """Take a message of ISO 18626 and confirm it, in the version it came in. Malformed XML is confirmed as `ERROR`.

    The requesting side sends a `request`, which becomes a loan request as `POST /v1/loan-requests` makes one, and a
    `requestingAgencyMessage` with one of the actions `Received`, `Renew`, `ShippedReturn`, `Cancel`, `Lost`,
    `Notification`, `StatusRequest`. The supplying side sends a `supplyingAgencyMessage` with its status:
    `ExpectToSupply`, `WillSupply`, `Unfilled`, `RetryPossible`, `Loaned`, `Recalled`, `LoanCompleted`.

    A message that comes again is confirmed again, and carried out once. What becomes of a loan request is told to
    webhooks and under `/v1/loan-requests`; no message is sent on its own account.
    """
    now = (await resources(request)).clock.now()
    try:
        received = read_message(await read_xml(request))
    except Unreadable as unreadable:
        return _answer(unreadable.confirmation(received_at=now), unreadable.version)
    message = received.message
    try:
        sender = _sender(caller, message)
        match message:
            case iso.Request():
                received_at = await _take_request(request, caller, message, now=now)
                return _answer(iso.confirmation_of(message, received_at=received_at), received.version)
            case iso.RequestingAgencyMessage():
                await _take_requesting(request, held, caller, message, sender=sender)
            case iso.SupplyingAgencyMessage():
                await _take_supplying(request, held, caller, message, sender=sender, now=now)
        confirmation = iso.confirmation_of(message, received_at=now)
    except NotTaken as wrong:
        confirmation = iso.confirmation_of(message, received_at=now, errors=(wrong.data,))
    return _answer(confirmation, received.version)


def _answer(confirmation: iso.Confirmation, version: iso.Version) -> Response:
    return Response(write(confirmation, version), media_type="application/xml")


def _sender(caller: Caller, message: iso.Message) -> str:
    """Return whose message it is. Raises Forbidden unless it is the caller's own, or NotTaken."""
    header = message.header
    sender, scope, name = header.requesting_agency, "requester", "requestingAgencyId"
    if isinstance(message, iso.SupplyingAgencyMessage):
        assert header.supplying_agency is not None  # only a Request may leave it out
        sender, scope, name = header.supplying_agency, "supplier", "supplyingAgencyId"
    if "admin" not in caller.scopes and not (caller.agency == sender.value and scope in caller.scopes):
        raise Forbidden(f"This takes a key of {sender.value[:200]} with the scope {scope}.")
    if sender.type.upper() != iso.ISIL:
        raise NotTaken(iso.ErrorType.UNRECOGNISED_VALUE, f"{name}: its agencyIdType is not {iso.ISIL}")
    return sender.value


# --- a request ------------------------------------------------------------------------------------------


async def _take_request(request: Request, caller: Caller, message: iso.Request, *, now: datetime) -> datetime:
    """Submit what is asked for, and return when it was: a request that comes again was received then."""
    held = await resources(request)
    service = message.service or iso.Service()
    if service.type is iso.ServiceType.COPY:
        raise NotTaken(iso.ErrorType.UNRECOGNISED_VALUE, "serviceType: items are lent here, and not copied")
    titles = titles_of(message)
    pickup = pickup_of(message, (await held.ground.snapshot.follow()).register)
    async with held.database.connection() as connection:
        if known := await _find_requested(connection, message, service):
            return _submitted_at(known, titles, pickup)
    if service.request_type is iso.RequestType.REMINDER:
        raise NotTaken(
            iso.ErrorType.UNRECOGNISED_VALUE, "requestingAgencyPreviousRequestId: there is no such request"
        )
    for title in titles:
        try:
            await accept(request, caller, _loan_request(message, service, title, pickup), key=None)
        except UnknownTitle:
            continue
        except UnknownRequester as unknown:
            agency = unknown.faults[0].detail
            raise NotTaken(iso.ErrorType.UNRECOGNISED_VALUE, f"requestingAgencyId: {agency}") from None
        except UnknownLocation as unknown:
            raise NotTaken(iso.ErrorType.UNRECOGNISED_VALUE, f"requestedDeliveryInfo: {unknown}") from None
        except DuplicateRequestId:  # it came twice at once
            async with held.database.connection() as connection:
                known = await _find_requested(connection, message, service)
            if known is None:
                raise
            return _submitted_at(known, titles, pickup)
        return now
    raise NotTaken(iso.ErrorType.UNRECOGNISED_VALUE, "bibliographicInfo: no holding of this title is known")


async def _find_requested(connection: Connection, message: iso.Request, service: iso.Service) -> Loan | None:
    agency = message.header.requesting_agency.value
    found = await find_loan(connection, agency=agency, request_id=message.header.requesting_agency_request_id)
    if found is None and service.request_type is iso.RequestType.REMINDER and service.previous:
        return await find_loan(connection, agency=agency, request_id=service.previous)
    return found


def _submitted_at(known: Loan, titles: list[TitleKey], pickup: str) -> datetime:
    """Raises NotTaken where something else was asked for under the same number."""
    if TitleKey(isbn=known.isbn, ppn=known.ppn) not in titles or known.pickup_location != pickup:
        value = "requestingAgencyRequestId: was used for another request"
        raise NotTaken(iso.ErrorType.UNRECOGNISED_VALUE, value)
    return known.submitted_at


def _loan_request(message: iso.Request, service: iso.Service, title: TitleKey, pickup: str) -> LoanRequestShape:
    given: dict[str, Any] = {
        "title": {"ppn": title.ppn} if title.ppn else {"isbn": title.isbn},
        "pickup_location": pickup,
        "requesting_agency": message.header.requesting_agency.value,
        "requesting_agency_request_id": message.header.requesting_agency_request_id,
        "patron_reference": message.patron_id,
        "need_before": service.need_before and service.need_before.isoformat(),
        "max_cost_cents": most_cents(message.maximum_costs),
    }
    if service.level is not None:
        given["service_level"] = service.level
    try:
        return LoanRequestShape.model_validate(given)
    except ValidationError as error:
        raise _not_taken(error) from None


def _not_taken(error: ValidationError) -> NotTaken:
    fault = faults_of(error.errors(include_url=False, include_input=False))[0]
    element = _ELEMENTS.get(fault.pointer.split("/")[1], "the message")
    return NotTaken(iso.ErrorType.UNRECOGNISED_VALUE, f"{element}: {fault.detail}")


# --- what either side says ------------------------------------------------------------------------------


async def _take_requesting(
    request: Request, held: Database, caller: Caller, message: iso.RequestingAgencyMessage, *, sender: str
) -> None:
    said, name = said_by_requester(message), _name(message, sender, message.action)
    async with held.connection() as connection:
        loan = await _find(connection, message.header)
        if loan is None or loan.requesting_agency != sender:
            raise _unknown()
    await _act(request, caller, loan, said, by=sender, name=name)


async def _take_supplying(
    request: Request,
    held: Database,
    caller: Caller,
    message: iso.SupplyingAgencyMessage,
    *,
    sender: str,
    now: datetime,
) -> None:
    yes, name = answers_cancelling(message), _name(message, sender, message.reason, message.status)
    said = Said() if yes is not None else said_by_supplier(message)
    async with held.connection() as connection:
        loan = await _find(connection, message.header)
        if loan is None or not await takes_part(connection, loan.id, sender):
            raise _unknown()
        if await was_heard(connection, loan.id, name):
            return
        asked = await find_both(connection, loan.id)
    its_own = [one.number for one in asked if one is not None and one.supplying_agency == sender]
    if not its_own and loan.supplying_agency != sender:
        raise NotTaken(iso.ErrorType.UNRECOGNISED_VALUE, "supplyingAgencyId: it does not lie with this agency now")
    if yes is not None:
        told = Told(at=now, by=signed(caller, sender), note=message.note, data={"message": name})
        await _note_cancelling(request, loan, yes=yes, told=told)
    elif said.action is Action.NOTIFICATION or message.status != status_of(state_of(loan)):  # else it is no news
        number = next(iter(its_own), None)
        await _act(request, caller, loan, said, by=sender, name=name, placement=number)


async def _act(
    request: Request, caller: Caller, loan: Loan, said: Said, *, by: str, name: str, placement: int | None = None
) -> None:
    if said.action is None:
        return
    try:
        asked = ActionShape(action=said.action, by=by, note=said.note, reason=said.reason, placement=placement)
    except ValidationError as error:
        raise _not_taken(error) from None
    try:
        await carry_out(request, caller, loan.id, asked, message=name)
    except ActionNotAllowed as error:
        raise NotTaken(iso.ErrorType.UNSUPPORTED_ACTION, str(error)) from None
    except UnknownLoanRequest:
        raise _unknown() from None


async def _note_cancelling(request: Request, loan: Loan, *, yes: bool, told: Told) -> None:
    if yes and loan.supplying == Supplying.CANCELLED:
        return
    try:
        await answered((await resources(request)).ground, loan.id, taken_back=yes, told=told)
    except NotAllowed:
        raise NotTaken(iso.ErrorType.UNRECOGNISED_VALUE, "answerYesNo: no cancelling waits for an answer") from None


async def _find(connection: Connection, header: iso.Header) -> Loan | None:
    """Find a loan request by the requesting agency's number, or by our own id where that is given instead."""
    agency, number = header.requesting_agency.value, header.requesting_agency_request_id
    found = await find_loan(connection, agency=agency, request_id=number)
    for given in (header.supplying_agency_request_id, number):
        if found is None and (ours := _OURS.fullmatch((given or "").lower())) is not None:
            try:
                found = await read_loan(connection, UUID(ours[1]))
            except UnknownLoanRequest:
                continue
    return found


def _unknown() -> NotTaken:
    value = "requestingAgencyRequestId: there is no such request in which the sender takes part"
    return NotTaken(iso.ErrorType.UNRECOGNISED_VALUE, value)


def _name(message: iso.Message, sender: str, *words: str) -> str:
    """Return what a message is told apart by: the same words of the same moment are the same message, sent again."""
    return f"ISO 18626 {sender} {' '.join(words)} {written_moment(message.header.timestamp)}"
