"""Writes ISO 18626 messages as XML, as the schema of either version has them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from lxml import etree

from adapters.protocols.iso18626.messages import (
    NAMESPACE,
    NEW_IN_2021,
    Address,
    AgencyId,
    Bibliographic,
    Confirmation,
    Costs,
    ElectronicAddress,
    Header,
    Identifier,
    Kind,
    Message,
    Request,
    RequestingAgencyMessage,
    Service,
    SupplyingAgencyMessage,
    Version,
    kind_of,
)

ROOT = f"{{{NAMESPACE}}}ISO18626Message"
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may contain, not even escaped."""


def write(message: Message | Confirmation, version: Version = Version.V2021_2) -> bytes:
    """Return the document. Raises ValueError for what the version does not have (an action, a missing supplier)."""
    root = etree.Element(ROOT, {f"{{{NAMESPACE}}}version": version.value}, nsmap={"ill": NAMESPACE})
    if isinstance(message, Confirmation):
        _confirmation(_inside(root, f"{message.kind}Confirmation"), message, version)
    else:
        element = _inside(root, kind_of(message))
        _header(element, message.header, kind_of(message), version)
        match message:
            case Request():
                _request(element, message, version)
            case SupplyingAgencyMessage():
                _supplying(element, message, version)
            case RequestingAgencyMessage():
                _add(element, "action", _in(version, message.action))
                _add(element, "note", message.note)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def written_moment(moment: datetime) -> str:
    """Return a moment as it is written: in UTC, with `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


# --- messages -------------------------------------------------------------------------------------


def _header(parent: etree._Element, header: Header, kind: Kind, version: Version) -> None:
    old = version is Version.V1_2
    if header.supplying_agency is None and (old or kind is not Kind.REQUEST):
        raise ValueError("Only a Request of 2021 may name no supplying agency.")
    element = _inside(parent, "header")
    _agency(element, "supplyingAgencyId", header.supplying_agency)
    _agency(element, "requestingAgencyId", header.requesting_agency)
    if old:
        _inside(element, "multipleItemRequestId").text = _clean(header.multiple_item_request_id or "")
    elif kind is Kind.REQUEST:
        _add(element, "multipleItemRequestId", header.multiple_item_request_id)
    _add(element, "timestamp", header.timestamp)
    _inside(element, "requestingAgencyRequestId").text = _clean(header.requesting_agency_request_id)
    if kind is not Kind.REQUEST:
        _add(element, "supplyingAgencyRequestId", header.supplying_agency_request_id)


def _request(element: etree._Element, request: Request, version: Version) -> None:
    _bibliographic(element, request.bibliographic, version)
    service = request.service
    if service is None and version is Version.V2021_2:
        service = Service()  # which 2021 asks for
    if service is not None:
        _service(element, service)
    for order, supplier in enumerate(request.suppliers, start=1):
        info = _inside(element, "supplierInfo")
        _add(info, "sortOrder", str(order))
        _agency(info, "supplierCode", supplier.agency)
        _add(info, "callNumber", supplier.call_number)
    for order, address in enumerate(request.deliver_to, start=1):
        info = _inside(element, "requestedDeliveryInfo")
        _add(info, "sortOrder", str(order))
        _address(info, address)
    if request.patron_id is not None:
        _add(_inside(element, "patronInfo"), "patronId", request.patron_id)
    if request.maximum_costs is not None:
        _costs(_inside(element, "billingInfo"), "maximumCosts", request.maximum_costs)


def _bibliographic(parent: etree._Element, given: Bibliographic, version: Version) -> None:
    element = _inside(parent, "bibliographicInfo")
    _add(element, "supplierUniqueRecordId", given.supplier_record)
    _add(element, "title", given.title)
    _add(element, "author", given.author)
    _add(element, "edition", given.edition)
    _add(element, "volume", given.volume)
    for item in given.items:
        _identifier(element, "bibliographicItem", item, code_first=version is Version.V2021_2)
    for record in given.records:
        _identifier(element, "bibliographicRecord", record, code_first=True)


def _identifier(parent: etree._Element, name: str, given: Identifier, *, code_first: bool) -> None:
    element = _inside(parent, f"{name}Id")
    parts = [(f"{name}IdentifierCode", given.code), (f"{name}Identifier", given.value)]
    for part, value in parts if code_first else reversed(parts):
        _inside(element, part).text = _clean(value)


def _service(parent: etree._Element, service: Service) -> None:
    element = _inside(parent, "serviceInfo")
    _add(element, "requestType", service.request_type)
    _add(element, "requestingAgencyPreviousRequestId", service.previous)
    _add(element, "serviceType", service.type)
    _add(element, "serviceLevel", service.level)
    _add(element, "needBeforeDate", service.need_before)
    _add(element, "note", service.note)


def _supplying(element: etree._Element, message: SupplyingAgencyMessage, version: Version) -> None:
    old = version is Version.V1_2
    info = _inside(element, "messageInfo")
    _add(info, "reasonForMessage", message.reason)
    _add(info, "answerYesNo", None if message.yes is None else "Y" if message.yes else "N")
    _add(info, "note", message.note)
    _add(info, "reasonUnfilled", message.reason_unfilled)
    _add(info, "reasonRetry", message.reason_retry)
    if old:
        _add(info, "retryAfter", message.retry_after)
    standing = _inside(element, "statusInfo")
    _add(standing, "status", _in(version, message.status))
    _add(standing, "expectedDeliveryDate", message.expected_at)
    _add(standing, "dueDate", message.due_at)
    _add(standing, "lastChange", message.last_change)
    if message.retry_after is not None and not old:
        _add(_inside(element, "retryInfo"), "retryAfter", message.retry_after)
    if message.delivery is not None:
        delivery = _inside(element, "deliveryInfo")
        _add(delivery, "dateSent", message.delivery.sent_at)
        _add(delivery, "itemId", message.delivery.item)
        _add(delivery, "sentVia" if old else "deliveryMethod", message.delivery.method)


def _confirmation(element: etree._Element, confirmation: Confirmation, version: Version) -> None:
    header = _inside(element, "confirmationHeader")
    _agency(header, "supplyingAgencyId", confirmation.supplying_agency)
    _agency(header, "requestingAgencyId", confirmation.requesting_agency)
    _add(header, "timestamp", confirmation.timestamp)
    _add(header, "requestingAgencyRequestId", confirmation.requesting_agency_request_id)
    _add(header, "timestampReceived", confirmation.received_at)
    _add(header, "messageStatus", confirmation.status)
    if confirmation.kind is Kind.SUPPLYING:
        _add(element, "reasonForMessage", confirmation.reason)
    if confirmation.kind is Kind.REQUESTING and confirmation.action is not None:
        _add(element, "action", _in(version, confirmation.action))
    # 1.2 has room for one.
    for error in confirmation.errors[:1] if version is Version.V1_2 else confirmation.errors:
        data = _inside(element, "errorData")
        _add(data, "errorType", error.type)
        _add(data, "errorValue", error.value)


# --- parts ----------------------------------------------------------------------------------------


def _agency(parent: etree._Element, name: str, agency: AgencyId | None) -> None:
    if agency is not None:
        element = _inside(parent, name)
        _inside(element, "agencyIdType").text = _clean(agency.type)
        _inside(element, "agencyIdValue").text = _clean(agency.value)


def _address(parent: etree._Element, address: Address) -> None:
    element = _inside(parent, "address")
    if isinstance(address, ElectronicAddress):
        inner = _inside(element, "electronicAddress")
        _inside(inner, "electronicAddressType").text = _clean(address.type)
        _inside(inner, "electronicAddressData").text = _clean(address.data)
        return
    inner = _inside(element, "physicalAddress")
    _add(inner, "line1", address.line1)
    _add(inner, "line2", address.line2)
    _add(inner, "locality", address.locality)
    _add(inner, "postalCode", address.postal_code)
    _add(inner, "country", address.country)


def _costs(parent: etree._Element, name: str, costs: Costs) -> None:
    element = _inside(parent, name)
    _inside(element, "currencyCode").text = _clean(costs.currency)
    _inside(element, "monetaryValue").text = format(costs.amount, "f")


def _inside(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")


def _add(parent: etree._Element, name: str, value: str | datetime | None) -> None:
    if value is not None:
        text = written_moment(value) if isinstance(value, datetime) else _clean(value)
        _inside(parent, name).text = text


def _clean(text: str) -> str:
    return NOT_XML.sub("", text)


def _in(version: Version, code: str) -> str:
    if version is Version.V1_2 and code in NEW_IN_2021:
        raise ValueError(f"{code} came with 2021.")
    return str(code)
