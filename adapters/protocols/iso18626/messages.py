"""The messages of ISO 18626 as values. Moments are aware; codes that are closed in the standard are enumerations.

What a version lacks is said where it matters; nothing here says more about a reader than the one opaque `patron_id`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

NAMESPACE = "http://illtransactions.org/2013/iso18626"
ISIL = "ISIL"


class Version(StrEnum):
    """The versions of the schema that are written, as the attribute `version` names them."""

    V1_2 = "1.2"
    V2021_2 = "2021-2"


class Kind(StrEnum):
    """The three messages, by the names of their elements; each is confirmed by `…Confirmation`."""

    REQUEST = "request"
    SUPPLYING = "supplyingAgencyMessage"
    REQUESTING = "requestingAgencyMessage"


class Action(StrEnum):
    """What a requesting agency reports or asks for. HoldReturn and Lost came with 2021."""

    STATUS_REQUEST = "StatusRequest"
    RECEIVED = "Received"
    CANCEL = "Cancel"
    RENEW = "Renew"
    HOLD_RETURN = "HoldReturn"
    SHIPPED_RETURN = "ShippedReturn"
    SHIPPED_FORWARD = "ShippedForward"
    NOTIFICATION = "Notification"
    LOST = "Lost"


class Reason(StrEnum):
    """Why a supplying agency sends a message (reasonForMessage)."""

    REQUEST_RESPONSE = "RequestResponse"
    STATUS_REQUEST_RESPONSE = "StatusRequestResponse"
    RENEW_RESPONSE = "RenewResponse"
    CANCEL_RESPONSE = "CancelResponse"
    STATUS_CHANGE = "StatusChange"
    NOTIFICATION = "Notification"


class Status(StrEnum):
    """How a loan request stands with its supplying agency. HoldReturn and ReleaseHoldReturn came with 2021."""

    REQUEST_RECEIVED = "RequestReceived"
    EXPECT_TO_SUPPLY = "ExpectToSupply"
    WILL_SUPPLY = "WillSupply"
    LOANED = "Loaned"
    OVERDUE = "Overdue"
    RECALLED = "Recalled"
    RETRY_POSSIBLE = "RetryPossible"
    UNFILLED = "Unfilled"
    HOLD_RETURN = "HoldReturn"
    RELEASE_HOLD_RETURN = "ReleaseHoldReturn"
    COPY_COMPLETED = "CopyCompleted"
    LOAN_COMPLETED = "LoanCompleted"
    COMPLETED_WITHOUT_RETURN = "CompletedWithoutReturn"
    CANCELLED = "Cancelled"


NEW_IN_2021 = frozenset({Action.HOLD_RETURN, Action.LOST, Status.HOLD_RETURN, Status.RELEASE_HOLD_RETURN})


class ServiceType(StrEnum):
    """What is asked for."""

    COPY = "Copy"
    LOAN = "Loan"
    COPY_OR_LOAN = "CopyOrLoan"


class RequestType(StrEnum):
    """Whether it is asked for the first time; the other two name the earlier one."""

    NEW = "New"
    RETRY = "Retry"
    REMINDER = "Reminder"


class MessageStatus(StrEnum):
    """Whether a message was taken."""

    OK = "OK"
    ERROR = "ERROR"


class ErrorType(StrEnum):
    """Why it was not."""

    UNSUPPORTED_ACTION = "UnsupportedActionType"
    UNSUPPORTED_REASON = "UnsupportedReasonForMessageType"
    UNRECOGNISED_ELEMENT = "UnrecognisedDataElement"
    UNRECOGNISED_VALUE = "UnrecognisedDataValue"
    BADLY_FORMED = "BadlyFormedMessage"


# --- parts ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AgencyId:
    """Who: a value and what kind of identifier it is."""

    value: str
    type: str = ISIL


@dataclass(frozen=True, slots=True)
class Costs:
    """An amount of money; `currency` by ISO 4217."""

    amount: Decimal
    currency: str = "EUR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Between whom a message passes, about what, and when it was made.

    Only a Request of 2021 may leave the supplying agency out. `supplying_agency_request_id` is none of a Request's.
    `multiple_item_request_id` groups Requests: of 1.2 in all messages, of 2021 in the Request alone.
    """

    requesting_agency: AgencyId
    supplying_agency: AgencyId | None
    timestamp: datetime
    requesting_agency_request_id: str
    supplying_agency_request_id: str | None = None
    multiple_item_request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Identifier:
    """A number of a title or record, and by what code it goes: `ISBN`, `PPN` …"""

    code: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bibliographic:
    """What is asked for. `supplier_record` is what the supplying side calls the record."""

    supplier_record: str | None = None
    title: str | None = None
    author: str | None = None
    edition: str | None = None
    volume: str | None = None
    items: tuple[Identifier, ...] = ()
    records: tuple[Identifier, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How it is asked for. `level` is an open code; `previous` is the request id of an earlier Request."""

    type: ServiceType = ServiceType.LOAN
    request_type: RequestType | None = None
    previous: str | None = None
    level: str | None = None
    need_before: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectronicAddress:
    """An address that is no street: `type` is an open code, such as `Email` or `ISIL`."""

    type: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicalAddress:
    """A street address."""

    line1: str | None = None
    line2: str | None = None
    locality: str | None = None
    postal_code: str | None = None
    country: str | None = None


Address: TypeAlias = ElectronicAddress | PhysicalAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """Somebody who may supply, as the requesting agency sees it."""

    agency: AgencyId
    call_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was sent: when, the barcode and by what means, where that is told."""

    sent_at: datetime
    item: str | None = None
    method: str | None = None


# --- messages -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A title is asked for. `deliver_to` is in the order of its sort numbers; `patron_id` is opaque."""

    header: Header
    bibliographic: Bibliographic
    service: Service | None = None
    suppliers: tuple[Supplier, ...] = ()
    deliver_to: tuple[Address, ...] = ()
    patron_id: str | None = field(default=None, repr=False)
    maximum_costs: Costs | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyingAgencyMessage:
    """The supplying side tells how it stands. `yes` answers what was asked for (cancel, renew)."""

    header: Header
    reason: Reason
    status: Status
    last_change: datetime
    yes: bool | None = None
    note: str | None = None
    reason_unfilled: str | None = None
    reason_retry: str | None = None
    retry_after: datetime | None = None
    expected_at: datetime | None = None
    due_at: datetime | None = None
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestingAgencyMessage:
    """The requesting side reports or asks something."""

    header: Header
    action: Action
    note: str | None = None


Message: TypeAlias = Request | SupplyingAgencyMessage | RequestingAgencyMessage


@dataclass(frozen=True, slots=True)
class ErrorData:
    """What was wrong with a message; `value` names the element, or says it in a sentence."""

    type: ErrorType
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Whether a message was taken: with the same ids, and its `timestamp`. It promises nothing beyond that.

    `reason` is repeated from a SupplyingAgencyMessage, `action` from a RequestingAgencyMessage.
    """

    kind: Kind
    timestamp: datetime
    received_at: datetime
    errors: tuple[ErrorData, ...] = ()
    status: MessageStatus = MessageStatus.OK
    requesting_agency: AgencyId | None = None
    supplying_agency: AgencyId | None = None
    requesting_agency_request_id: str | None = None
    reason: Reason | None = None
    action: Action | None = None


def kind_of(message: Message) -> Kind:
    """Return which of the three a message is."""
    match message:
        case Request():
            return Kind.REQUEST
        case SupplyingAgencyMessage():
            return Kind.SUPPLYING
        case RequestingAgencyMessage():
            return Kind.REQUESTING


def confirmation_of(message: Message, *, received_at: datetime, errors: tuple[ErrorData, ...] = ()) -> Confirmation:
    """Return the confirmation of a message that could be read: an error's, where there are `errors`."""
    header = message.header
    return Confirmation(
        kind=kind_of(message),
        timestamp=header.timestamp,
        received_at=received_at,
        errors=errors,
        status=MessageStatus.ERROR if errors else MessageStatus.OK,
        requesting_agency=header.requesting_agency,
        supplying_agency=header.supplying_agency,
        requesting_agency_request_id=header.requesting_agency_request_id,
        reason=message.reason if isinstance(message, SupplyingAgencyMessage) else None,
        action=message.action if isinstance(message, RequestingAgencyMessage) else None,
    )
