"""Reads NCIP 2.02 responses, and says which fault a problem is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from lxml import etree

from adapters.contract import (
    AuthExpired,
    Duplicate,
    ItemStatus,
    Malformed,
    NotFound,
    NotOffered,
    Refused,
    SystemFault,
    Unavailable,
)
from adapters.protocols.ncip.messages import NAMESPACE, Answer, LookupUser, Message, Problem, Requested, name_of
from adapters.xml import parse_xml

LARGEST_BYTES = 2**20
MOST_REPEATED = 1000
"""How often an element is looked at where it may be repeated."""

# The standard's circulationstatus.scm.
STATUSES: Mapping[str, ItemStatus] = {
    "available on shelf": ItemStatus.AVAILABLE,
    "available": ItemStatus.AVAILABLE,
    "available for pickup": ItemStatus.HELD,
    "on loan": ItemStatus.ON_LOAN,
    "on order": ItemStatus.ON_ORDER,
    "in process": ItemStatus.IN_PROCESS,
    "waiting to be reshelved": ItemStatus.IN_PROCESS,
    "in transit between library locations": ItemStatus.IN_TRANSIT,
    "recalled": ItemStatus.RECALLED,
    "lost": ItemStatus.MISSING,
    "missing": ItemStatus.MISSING,
    "claimed returned or never borrowed": ItemStatus.MISSING,
    "not available": ItemStatus.UNKNOWN,
    "circulation status undefined": ItemStatus.UNKNOWN,
}

# The standard's lists of processing and messaging errors. Of those that are in none of these tables nothing is
# repeated: what a system says freely may name a user.
_NOT_FOUND = frozenset({"Unknown Item", "Unknown Request"})
_DUPLICATES = frozenset({"Duplicate Request", "Duplicate Item"})
_LOCKED_OUT = frozenset(
    {
        "Agency Authentication Failed",
        "System Authentication Failed",
        "User Authentication Failed",
        "Unauthorized Service For Agency",
        "Unauthorized Service For System",
        "Unknown Agency",
        "Unknown System",
        "Unknown User",  # but where that is what was asked: the account that we were given is not there
    }
)
_NOT_OFFERED = frozenset({"Unsupported Service", "Unknown Service"})
_LATER = frozenset({"Temporary Processing Failure"})
REFUSALS: Mapping[str, str] = {
    "Item Does Not Circulate": "NonCirculating",
    "Item Not Available By Need Before Date": "InUse",
    "Resource Cannot Be Provided": "NotOnShelf",
    "Cannot Accept Item": "PolicyProblem",
    "Item Access Denied": "PolicyProblem",
    "User Access Denied": "PolicyProblem",
    "User Blocked": "PolicyProblem",
    "User Ineligible To Request This Item": "PolicyProblem",
    "User Ineligible To Check Out This Item": "PolicyProblem",
    "Maximum Check Outs Exceeded": "PolicyProblem",
    # What was asked for is no longer so.
    "Item Not Checked Out": "Other",
    "Item Not Checked Out To This User": "Other",
    "Request Already Processed": "Other",
    # They cannot read us: nothing was done, and nothing will be until somebody has looked.
    "Element Rule Violated": "Other",
    "Invalid Date": "Other",
    "Invalid Message Syntax Error": "Other",
    "Missing Version": "Other",
    "Needed Data Missing": "Other",
    "Protocol Error": "Other",
    "Unknown Element": "Other",
    "Unknown Scheme": "Other",
    "Unknown Value From Known Scheme": "Other",
}


def read(document: bytes, message: Message) -> Answer:
    """Return what was answered to a message. Raises Malformed for what is no answer to it."""
    root = parse_xml(document, largest_bytes=LARGEST_BYTES)
    if root.tag != f"{{{NAMESPACE}}}NCIPMessage":
        raise Malformed("the root is not NCIPMessage")
    name = name_of(message)
    element = _find(root, f"{name}Response")
    problems = _problems(root if element is None else element)
    if problems:
        return Answer(name=name, problems=problems)
    if element is None:
        raise Malformed(f"there is no {name}Response")
    if not any(_children(element, told) for told in ("ItemId", "RequestId", "UserId")):
        raise Malformed(f"{name}Response says neither what was done nor why not")
    return _answer(element, name)


def fault_of(problems: Sequence[Problem], message: Message) -> SystemFault:
    """Return the fault that the problems of a response are: of the first of them that is of the standard's lists."""
    name = name_of(message)
    for problem in problems:
        type_ = problem.type
        said = f"{name}: {type_}"
        if type_ in _DUPLICATES:
            return Duplicate(None, said)
        if type_ in _NOT_FOUND or (type_ == "Unknown User" and isinstance(message, LookupUser)):
            return NotFound(said)
        if type_ in _LOCKED_OUT:
            return AuthExpired(said)
        if type_ in _NOT_OFFERED:
            return NotOffered(said)
        if type_ in _LATER:
            return Unavailable(said)
        if type_ in REFUSALS:
            return Refused(REFUSALS[type_], said)
    return Refused("Other", f"{name}: a problem of the system's own")


def status_of(words: str) -> ItemStatus:
    """Return what a circulation status means; UNKNOWN for words of the system's own."""
    return STATUSES.get(words.strip().lower(), ItemStatus.UNKNOWN)


# --- parts ----------------------------------------------------------------------------------------


def _answer(element: etree._Element, name: str) -> Answer:
    fields, user = _find(element, "ItemOptionalFields"), _find(element, "UserOptionalFields")
    described = _find(fields, "BibliographicDescription")
    status = _text(fields, "CirculationStatus")
    return Answer(
        name=name,
        request=_id(element, "Request"),
        item=_id(element, "Item"),
        user=_id(element, "User"),
        due=_moment(element, "DateDue") or _moment(fields, "DateDue"),
        available_at=_moment(element, "DateAvailable") or _moment(element, "HoldPickupDate"),
        status=None if status is None else status_of(status),
        restrictions=_texts(fields, "ItemUseRestrictionType"),
        queue=_count(fields, "HoldQueueLength"),
        title=_text(described, "Title"),
        author=_text(described, "Author"),
        call_number=_text(_find(fields, "ItemDescription"), "CallNumber"),
        location=_location(fields),
        blocks=tuple(
            text for block in _children(user, "BlockOrTrap") if (text := _text(block, "BlockOrTrapType")) is not None
        ),
        requested=tuple(
            Requested(request=_id(row, "Request"), item=_id(row, "Item"), status=_text(row, "RequestStatusType"))
            for row in _children(element, "RequestedItem")
        ),
        loaned=tuple(item for row in _children(element, "LoanedItem") if (item := _id(row, "Item")) is not None),
    )


def _problems(parent: etree._Element) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            _text(problem, "ProblemType") or "",
            _text(problem, "ProblemDetail"),
            _text(problem, "ProblemElement"),
            _text(problem, "ProblemValue"),
        )
        for problem in _children(parent, "Problem")
    )


def _id(parent: etree._Element | None, name: str) -> str | None:
    return _text(_find(parent, f"{name}Id"), f"{name}IdentifierValue")


def _location(fields: etree._Element | None) -> str | None:
    """The most particular name of the first location."""
    names = _children(_find(_find(fields, "Location"), "LocationName"), "LocationNameInstance")
    return _text(names[-1], "LocationNameValue") if names else None


def _find(parent: etree._Element | None, name: str) -> etree._Element | None:
    return None if parent is None else next(parent.iterchildren(f"{{{NAMESPACE}}}{name}"), None)


def _children(parent: etree._Element | None, name: str) -> list[etree._Element]:
    return [] if parent is None else list(parent.iterchildren(f"{{{NAMESPACE}}}{name}"))[:MOST_REPEATED]


def _texts(parent: etree._Element | None, name: str) -> tuple[str, ...]:
    return tuple(text for element in _children(parent, name) if (text := str(element.xpath("string()")).strip()))


def _text(parent: etree._Element | None, name: str) -> str | None:
    found = _texts(parent, name)
    return found[0] if found else None


def _count(parent: etree._Element | None, name: str) -> int | None:
    text = _text(parent, name)
    return int(text) if text is not None and re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


def _moment(parent: etree._Element | None, name: str) -> datetime | None:
    text = _text(parent, name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed(f"{name} is no dateTime") from None
