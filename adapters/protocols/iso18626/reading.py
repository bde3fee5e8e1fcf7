"""Reads ISO 18626 messages: whatever is not known is passed over, but what is acted upon must be right.

Version 1.2 and 2021-2 are read alike, whichever of both a document says it is: where they differ in the name or order
of an element, either is taken. What cannot be read is told with all that could, so that it can be confirmed as an
error to the right sender.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from lxml import etree

from adapters.contract import Malformed
from adapters.protocols.iso18626.messages import (
    NAMESPACE,
    NEW_IN_2021,
    Action,
    Address,
    AgencyId,
    Bibliographic,
    Confirmation,
    Costs,
    Delivery,
    ElectronicAddress,
    ErrorData,
    ErrorType,
    Header,
    Identifier,
    Kind,
    Message,
    MessageStatus,
    PhysicalAddress,
    Reason,
    Request,
    RequestingAgencyMessage,
    RequestType,
    Service,
    ServiceType,
    Status,
    Supplier,
    SupplyingAgencyMessage,
    Version,
)
from adapters.protocols.iso18626.writing import ROOT
from adapters.xml import parse_xml

LARGEST_BYTES = 2**20
MOST_REPEATED = 1000
"""How often an element is looked at where it may be repeated."""

Code = TypeVar("Code", bound=StrEnum)

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


class Unreadable(Malformed):
    """A message that cannot be taken: `error` says why, `version` what to answer in, and the rest whose it was.

    It repeats nothing that the message said but its ids.
    """

    def __init__(self, error: ErrorData, *, kind: Kind = Kind.REQUEST, version: Version = Version.V1_2) -> None:
        super().__init__(f"{error.type}: {error.value}")
        self.error = error
        self.kind = kind
        self.version = version
        self.requesting_agency: AgencyId | None = None
        self.supplying_agency: AgencyId | None = None
        self.requesting_agency_request_id: str | None = None
        self.timestamp: datetime | None = None

    def confirmation(self, *, received_at: datetime) -> Confirmation:
        """Return the confirmation of an error. One whose kind could not be made out is answered as a Request is."""
        return Confirmation(
            kind=self.kind,
            timestamp=self.timestamp or received_at,
            received_at=received_at,
            errors=(self.error,),
            status=MessageStatus.ERROR,
            requesting_agency=self.requesting_agency,
            supplying_agency=self.supplying_agency,
            requesting_agency_request_id=self.requesting_agency_request_id,
        )


@dataclass(frozen=True, slots=True)
class Received:
    """A message, and the version to answer it in."""

    message: Message
    version: Version


class _Wrong(Exception):  # noqa: N818 - leaves this module as an Unreadable or a Malformed
    def __init__(self, type_: ErrorType, value: str) -> None:
        super().__init__(value)
        self.data = ErrorData(type_, value)


def read_message(document: bytes) -> Received:
    """Return the message in a document. Raises Unreadable."""
    try:
        root = _root(document)
    except _Wrong as wrong:
        raise Unreadable(wrong.data) from None
    version = _version(root)
    inside = _children(root)
    kind = next((kind for kind in Kind if inside and _name(inside[0]) == kind), None)
    if kind is None:
        value = f"ISO18626Message holds none of {', '.join(Kind)}"
        raise Unreadable(ErrorData(ErrorType.UNRECOGNISED_ELEMENT, value), version=version)
    try:
        message = _READERS[kind](inside[0])
    except _Wrong as wrong:
        raise _with_ids(Unreadable(wrong.data, kind=kind, version=version), inside[0]) from None
    # Whoever says what came with 2021 understands it, whichever version it names.
    is_new = not NEW_IN_2021.isdisjoint((getattr(message, "action", None), getattr(message, "status", None)))
    return Received(message, Version.V2021_2 if is_new else version)


def read_confirmation(document: bytes) -> Confirmation:
    """Return the confirmation in a document. Raises Malformed."""
    try:
        inside = _children(_root(document))
        kind = next((kind for kind in Kind if inside and _name(inside[0]) == f"{kind}Confirmation"), None)
        if kind is None:
            raise _Wrong(ErrorType.UNRECOGNISED_ELEMENT, "ISO18626Message holds no confirmation")
        return _confirmation(inside[0], kind)
    except _Wrong as wrong:
        raise Malformed(str(wrong)) from None


def read_moment(text: str) -> datetime:
    """Return an `xs:dateTime` in UTC; `+0000` is taken for `+00:00`, and UTC for no offset. Raises ValueError."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError("This is no time.")
    whole, part, offset = found.groups()
    try:
        return datetime.fromisoformat(f"{whole}{(part or '')[:7]}{offset or 'Z'}").astimezone(UTC)
    except OverflowError:
        raise ValueError("This is no time.") from None


# --- messages -------------------------------------------------------------------------------------


def _root(document: bytes) -> etree._Element:
    try:
        root = parse_xml(document, largest_bytes=LARGEST_BYTES)
    except Malformed as malformed:
        raise _Wrong(ErrorType.BADLY_FORMED, str(malformed)) from None
    if root.tag != ROOT:
        raise _Wrong(ErrorType.BADLY_FORMED, f"the root is not ISO18626Message of {NAMESPACE}")
    return root


def _version(root: etree._Element) -> Version:
    said = root.get(f"{{{NAMESPACE}}}version") or root.get("version") or ""
    # What was going to be 1.3 became 2021-1.
    return Version.V2021_2 if said.startswith("20") or said == "1.3" else Version.V1_2


def _header(parent: etree._Element, *, supplier_needed: bool = True) -> Header:
    element = _needed(parent, "header")
    return Header(
        supplying_agency=_agency(element, "supplyingAgencyId", needed=supplier_needed),
        requesting_agency=_agency_needed(element, "requestingAgencyId"),
        timestamp=_moment_needed(element, "timestamp"),
        requesting_agency_request_id=_text_needed(element, "requestingAgencyRequestId"),
        supplying_agency_request_id=_text(element, "supplyingAgencyRequestId"),
        multiple_item_request_id=_text(element, "multipleItemRequestId"),
    )


def _request(element: etree._Element) -> Request:
    patron, billing = _find(element, "patronInfo"), _find(element, "billingInfo")
    service = _find(element, "serviceInfo")
    return Request(
        header=_header(element, supplier_needed=False),
        bibliographic=_bibliographic(_needed(element, "bibliographicInfo")),
        service=None if service is None else _service(service),
        suppliers=tuple(
            Supplier(agency=agency, call_number=_text(info, "callNumber"))
            for info in _sorted(element, "supplierInfo")
            if (agency := _agency(info, "supplierCode")) is not None
        ),
        deliver_to=tuple(
            address
            for info in _sorted(element, "requestedDeliveryInfo")
            if (found := _find(info, "address")) is not None and (address := _address(found)) is not None
        ),
        patron_id=None if patron is None else _text(patron, "patronId"),
        maximum_costs=None if billing is None else _costs(billing, "maximumCosts"),
    )


def _bibliographic(element: etree._Element) -> Bibliographic:
    return Bibliographic(
        supplier_record=_text(element, "supplierUniqueRecordId"),
        title=_text(element, "title"),
        author=_text(element, "author"),
        edition=_text(element, "edition"),
        volume=_text(element, "volume"),
        items=_identifiers(element, "bibliographicItem"),
        records=_identifiers(element, "bibliographicRecord"),
    )


def _identifiers(parent: etree._Element, name: str) -> tuple[Identifier, ...]:
    found = [
        (_text(element, f"{name}IdentifierCode"), _text(element, f"{name}Identifier"))
        for element in _children(parent, f"{name}Id")
    ]
    return tuple(Identifier(code, value) for code, value in found if code and value)


def _service(element: etree._Element) -> Service:
    return Service(
        type=_code_needed(element, "serviceType", ServiceType),
        request_type=_code(element, "requestType", RequestType),
        previous=_text(element, "requestingAgencyPreviousRequestId"),
        level=_text(element, "serviceLevel"),
        need_before=_moment(element, "needBeforeDate"),
        note=_text(element, "note"),
    )


def _supplying(element: etree._Element) -> SupplyingAgencyMessage:
    info, standing = _needed(element, "messageInfo"), _needed(element, "statusInfo")
    retry, delivery = _find(element, "retryInfo"), _find(element, "deliveryInfo")
    yes = _text(info, "answerYesNo")
    if yes not in (None, "Y", "N"):
        raise _Wrong(ErrorType.UNRECOGNISED_VALUE, "answerYesNo is neither Y nor N")
    return SupplyingAgencyMessage(
        header=_header(element),
        reason=_code_needed(info, "reasonForMessage", Reason, ErrorType.UNSUPPORTED_REASON),
        status=_code_needed(standing, "status", Status),
        last_change=_moment_needed(standing, "lastChange"),
        yes=None if yes is None else yes == "Y",
        note=_text(info, "note"),
        reason_unfilled=_text(info, "reasonUnfilled"),
        reason_retry=_text(info, "reasonRetry"),
        retry_after=_moment(info if retry is None else retry, "retryAfter"),
        expected_at=_moment(standing, "expectedDeliveryDate"),
        due_at=_moment(standing, "dueDate"),
        delivery=None if delivery is None else _delivery(delivery),
    )


def _delivery(element: etree._Element) -> Delivery:
    return Delivery(
        sent_at=_moment_needed(element, "dateSent"),
        item=_text(element, "itemId"),
        method=_text(element, "deliveryMethod") or _text(element, "sentVia"),
    )


def _requesting(element: etree._Element) -> RequestingAgencyMessage:
    return RequestingAgencyMessage(
        header=_header(element),
        action=_code_needed(element, "action", Action, ErrorType.UNSUPPORTED_ACTION),
        note=_text(element, "note"),
    )


_READERS: Mapping[Kind, Callable[[etree._Element], Message]] = {
    Kind.REQUEST: _request,
    Kind.SUPPLYING: _supplying,
    Kind.REQUESTING: _requesting,
}


def _confirmation(element: etree._Element, kind: Kind) -> Confirmation:
    header = _needed(element, "confirmationHeader")
    return Confirmation(
        kind=kind,
        timestamp=_moment_needed(header, "timestamp"),
        received_at=_moment_needed(header, "timestampReceived"),
        errors=tuple(
            ErrorData(_code_needed(data, "errorType", ErrorType), _text(data, "errorValue"))
            for data in _children(element, "errorData")
        ),
        status=_code_needed(header, "messageStatus", MessageStatus),
        requesting_agency=_agency(header, "requestingAgencyId"),
        supplying_agency=_agency(header, "supplyingAgencyId"),
        requesting_agency_request_id=_text(header, "requestingAgencyRequestId"),
        reason=_code(element, "reasonForMessage", Reason) if kind is Kind.SUPPLYING else None,
        action=_code(element, "action", Action) if kind is Kind.REQUESTING else None,
    )


def _with_ids(unreadable: Unreadable, element: etree._Element) -> Unreadable:
    header = _find(element, "header")
    if header is not None:
        unreadable.requesting_agency_request_id = _text(header, "requestingAgencyRequestId")
        unreadable.requesting_agency = _agency(header, "requestingAgencyId")
        unreadable.supplying_agency = _agency(header, "supplyingAgencyId")
        try:
            unreadable.timestamp = _moment(header, "timestamp")
        except _Wrong:
            unreadable.timestamp = None
    return unreadable


# --- parts ----------------------------------------------------------------------------------------


def _name(element: etree._Element) -> str:
    name = etree.QName(element)
    return name.localname if name.namespace == NAMESPACE else ""


def _children(parent: etree._Element, name: str | None = None) -> list[etree._Element]:
    tag = "*" if name is None else f"{{{NAMESPACE}}}{name}"
    return list(parent.iterchildren(tag))[:MOST_REPEATED]


def _find(parent: etree._Element, name: str) -> etree._Element | None:
    return next(parent.iterchildren(f"{{{NAMESPACE}}}{name}"), None)


def _needed(parent: etree._Element, name: str) -> etree._Element:
    element = _find(parent, name)
    if element is None:
        raise _missing(name)
    return element


def _missing(name: str) -> _Wrong:
    return _Wrong(ErrorType.BADLY_FORMED, f"{name} is missing")


def _text(parent: etree._Element, name: str) -> str | None:
    element = _find(parent, name)
    return None if element is None else str(element.xpath("string()")).strip() or None


def _text_needed(parent: etree._Element, name: str) -> str:
    text = _text(parent, name)
    if text is None:
        raise _missing(name)
    return text


def _moment(parent: etree._Element, name: str) -> datetime | None:
    text = _text(parent, name)
    try:
        return None if text is None else read_moment(text)
    except ValueError:
        raise _Wrong(ErrorType.UNRECOGNISED_VALUE, f"{name} is no dateTime") from None


def _moment_needed(parent: etree._Element, name: str) -> datetime:
    moment = _moment(parent, name)
    if moment is None:
        raise _missing(name)
    return moment


def _code(
    parent: etree._Element, name: str, codes: type[Code], wrong: ErrorType = ErrorType.UNRECOGNISED_VALUE
) -> Code | None:
    text = _text(parent, name)
    try:
        return None if text is None else codes(text)
    except ValueError:
        raise _Wrong(wrong, f"{name} is none of {', '.join(codes)}") from None


def _code_needed(
    parent: etree._Element, name: str, codes: type[Code], wrong: ErrorType = ErrorType.UNRECOGNISED_VALUE
) -> Code:
    code = _code(parent, name, codes, wrong)
    if code is None:
        raise _missing(name)
    return code


def _agency(parent: etree._Element, name: str, *, needed: bool = False) -> AgencyId | None:
    element = _find(parent, name)
    value = None if element is None else _text(element, "agencyIdValue")
    if element is None or value is None:
        if needed:
            raise _missing(name)
        return None
    return AgencyId(value, _text(element, "agencyIdType") or "")


def _agency_needed(parent: etree._Element, name: str) -> AgencyId:
    agency = _agency(parent, name, needed=True)
    assert agency is not None
    return agency


def _address(element: etree._Element) -> Address | None:
    if (electronic := _find(element, "electronicAddress")) is not None:
        data = _text(electronic, "electronicAddressData")
        kind = _text(electronic, "electronicAddressType") or ""
        return None if data is None else ElectronicAddress(type=kind, data=data)
    if (physical := _find(element, "physicalAddress")) is None:
        return None
    return PhysicalAddress(
        line1=_text(physical, "line1"),
        line2=_text(physical, "line2"),
        locality=_text(physical, "locality"),
        postal_code=_text(physical, "postalCode"),
        country=_text(physical, "country"),
    )


def _costs(parent: etree._Element, name: str) -> Costs | None:
    element = _find(parent, name)
    if element is None:
        return None
    try:
        amount = Decimal(_text_needed(element, "monetaryValue"))
    except InvalidOperation:
        raise _Wrong(ErrorType.UNRECOGNISED_VALUE, "monetaryValue is no number") from None
    if not amount.is_finite() or abs(amount.adjusted()) > 12:
        raise _Wrong(ErrorType.UNRECOGNISED_VALUE, "monetaryValue is no amount of money")
    return Costs(amount, _text_needed(element, "currencyCode"))


def _sorted(parent: etree._Element, name: str) -> list[etree._Element]:
    """Return repeated elements in the order of their sort numbers; those without one are last."""

    def order(element: etree._Element) -> int:
        text = _text(element, "sortOrder") or ""
        return int(text) if re.fullmatch(r"-?\d{1,9}", text, re.ASCII) else 10**9

    return sorted(_children(parent, name), key=order)
