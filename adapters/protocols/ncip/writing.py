"""Writes NCIP 2.02 messages as XML, as the schema has them: elements in its order, attributes qualified."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from lxml import etree

from adapters.protocols.ncip.messages import (
    NAMESPACE,
    VERSION,
    AcceptItem,
    CancelRequestItem,
    CheckInItem,
    CheckOutItem,
    DeleteItem,
    ItemNumber,
    LookupItem,
    LookupUser,
    Message,
    Parties,
    RecordNumber,
    RequestItem,
    name_of,
)

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may contain, not even escaped."""


def write(message: Message, parties: Parties) -> bytes:
    """Return the document. Raises ValueError for a message that names neither of what it must name."""
    # An attribute `version` of no namespace is not seen by some, who then answer `Missing Version`.
    root = etree.Element(f"{{{NAMESPACE}}}NCIPMessage", {f"{{{NAMESPACE}}}version": VERSION}, {"ncip": NAMESPACE})
    element = _inside(root, name_of(message))
    _header(element, parties)
    match message:
        case LookupItem():
            _lookup_item(element, message)
        case LookupUser():
            _lookup_user(element, message)
        case RequestItem():
            _request_item(element, message, parties)
        case CancelRequestItem():
            _cancel_request_item(element, message)
        case AcceptItem():
            _accept_item(element, message)
        case CheckOutItem():
            _check_out_item(element, message)
        case CheckInItem() | DeleteItem():
            _item(element, message.item)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _header(parent: etree._Element, parties: Parties) -> None:
    header = _inside(parent, "InitiationHeader")
    _add(header, "FromSystemId", parties.from_system)
    _add(header, "FromSystemAuthentication", parties.system_password)
    _agency(_inside(header, "FromAgencyId"), parties.from_agency, parties.scheme)
    _add(header, "FromAgencyAuthentication", parties.agency_password)
    _add(header, "ToSystemId", parties.to_system)
    _agency(_inside(header, "ToAgencyId"), parties.to_agency, parties.scheme)
    _add(header, "ApplicationProfileType", parties.profile)


def _agency(parent: etree._Element, agency: str, scheme: str | None) -> None:
    element = _inside(parent, "AgencyId")
    element.text = _clean(agency)
    if scheme is not None:
        element.set(f"{{{NAMESPACE}}}Scheme", scheme)


def _lookup_item(element: etree._Element, message: LookupItem) -> None:
    _either(element, (_item, message.item), (_request, message.request))
    for wanted in message.elements:
        _add(element, "ItemElementType", wanted)


def _lookup_user(element: etree._Element, message: LookupUser) -> None:
    _user(element, message.user)
    _add(element, "UserElementType", "Block Or Trap")
    if message.loaned:
        _inside(element, "LoanedItemsDesired")
    if message.requested:
        _inside(element, "RequestedItemsDesired")


def _request_item(element: etree._Element, message: RequestItem, parties: Parties) -> None:
    _user(element, message.user)
    if not message.titles and message.item is None:
        raise ValueError("It names neither a title nor an item.")
    for title in message.titles:
        _title(_inside(element, "BibliographicId"), title, parties)
    _item(element, message.item)
    _request(element, message.request)
    _add(element, "RequestType", message.type)
    _add(element, "RequestScopeType", "Bibliographic Item" if message.item is None else "Item")
    _add(element, "NeedBeforeDate", message.need_before)
    _add(element, "PickupLocation", message.pickup)


def _title(parent: etree._Element, title: ItemNumber | RecordNumber, parties: Parties) -> None:
    if isinstance(title, ItemNumber):
        element = _inside(parent, "BibliographicItemId")
        _inside(element, "BibliographicItemIdentifier").text = _clean(title.value)
        _add(element, "BibliographicItemIdentifierCode", title.code)
        return
    element = _inside(parent, "BibliographicRecordId")
    _inside(element, "BibliographicRecordIdentifier").text = _clean(title.value)
    if title.code is None:
        _agency(element, parties.to_agency, parties.scheme)
    else:
        _add(element, "BibliographicRecordIdentifierCode", title.code)


def _cancel_request_item(element: etree._Element, message: CancelRequestItem) -> None:
    _user(element, message.user)
    if message.request is None:
        _either(element, (_item, message.item))
    else:
        _request(element, message.request)
        _item(element, message.item)
    _add(element, "RequestType", message.type)


def _accept_item(element: etree._Element, message: AcceptItem) -> None:
    _request(element, message.request)
    _add(element, "RequestedActionType", message.action)
    if message.user is not None:
        _user(element, message.user)
    _item(element, message.item)
    _add(element, "DateForReturn", message.due)
    if message.title is not None or message.author is not None:
        described = _inside(_inside(element, "ItemOptionalFields"), "BibliographicDescription")
        _add(described, "Author", message.author)
        _add(described, "Title", message.title)
    _add(element, "PickupLocation", message.pickup)


def _check_out_item(element: etree._Element, message: CheckOutItem) -> None:
    _user(element, message.user)
    _item(element, message.item)
    _request(element, message.request)
    _add(element, "DesiredDateDue", message.due)


# --- parts ----------------------------------------------------------------------------------------

Part = Callable[[etree._Element, str | None], None]


def _either(parent: etree._Element, *parts: tuple[Part, str | None]) -> None:
    given = [(write_part, value) for write_part, value in parts if value is not None]
    if len(given) != 1:
        raise ValueError("It must name exactly one of what it may be known by.")
    for write_part, value in given:
        write_part(parent, value)


def _user(parent: etree._Element, value: str) -> None:
    _inside(_inside(parent, "UserId"), "UserIdentifierValue").text = _clean(value)


def _item(parent: etree._Element, value: str | None) -> None:
    if value is not None:
        _inside(_inside(parent, "ItemId"), "ItemIdentifierValue").text = _clean(value)


def _request(parent: etree._Element, value: str | None) -> None:
    if value is not None:
        _inside(_inside(parent, "RequestId"), "RequestIdentifierValue").text = _clean(value)


def _inside(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")


def _add(parent: etree._Element, name: str, value: str | datetime | None) -> None:
    if value is not None:
        if isinstance(value, datetime):
            value = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        _inside(parent, name).text = _clean(value)


def _clean(text: str) -> str:
    return NOT_XML.sub("", text)
