"""The eight NCIP messages that a loan between libraries needs, and what comes back, as values.

A user here is an account at the library that is asked: the account of another library, or whatever reference that
library itself gave. No name or address of a person is asked for, and none that is told is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from adapters.contract import ItemStatus

NAMESPACE = "http://www.niso.org/2008/ncip"
VERSION = "http://www.niso.org/schemas/ncip/v2_02/ncip_v2_02.xsd"
ITEM_ELEMENTS = (
    "Bibliographic Description",
    "Item Use Restriction Type",
    "Circulation Status",
    "Hold Queue Length",
    "Item Description",
    "Location",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Between whom messages pass. `scheme` is the URI of the list that agencies are on, where one is asked for."""

    from_agency: str
    to_agency: str
    scheme: str | None = None
    from_system: str | None = None
    to_system: str | None = None
    system_password: str | None = field(default=None, repr=False)
    agency_password: str | None = field(default=None, repr=False)
    profile: str | None = None  # ApplicationProfileType


@dataclass(frozen=True, slots=True)
class ItemNumber:
    """A number of what was published, such as an ISBN; `code` says which kind."""

    value: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class RecordNumber:
    """A number of a record in the catalogue of the agency that is asked, or of a list that `code` names."""

    value: str
    code: str | None = None


# --- what is sent ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupItem:
    """How an item stands: by its barcode, or by the request that it was chosen for (exactly one)."""

    item: str | None = None
    request: str | None = None
    elements: tuple[str, ...] = ITEM_ELEMENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupUser:
    """Whether a user may be lent to; what was `requested` by and `loaned` to them, where that is asked for."""

    user: str = field(repr=False)
    requested: bool = False
    loaned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestItem:
    """Keep an item, or any of a title, for a user. `type` is Hold, Loan or another that is agreed on."""

    user: str = field(repr=False)
    item: str | None = None
    titles: tuple[ItemNumber | RecordNumber, ...] = ()
    request: str | None = None
    type: str = "Hold"
    pickup: str | None = None
    need_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequestItem:
    """Let go of what was requested: by the request, or by the item where there is none (at least one)."""

    user: str = field(repr=False)
    request: str | None = None
    item: str | None = None
    type: str = "Hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptItem:
    """Make an item known that came from elsewhere, kept for a user. `request` is the number it was asked under."""

    request: str
    action: str = "Hold For Pickup"
    user: str | None = field(default=None, repr=False)
    item: str | None = None
    due: datetime | None = None
    title: str | None = None
    author: str | None = None
    pickup: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutItem:
    """Book an item out to a user; `due` is wished for, and the answer says until when it is."""

    user: str = field(repr=False)
    item: str
    request: str | None = None
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class CheckInItem:
    """Book an item in."""

    item: str


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """Forget an item that was accepted, once it has gone back."""

    item: str


Message: TypeAlias = (
    LookupItem | LookupUser | RequestItem | CancelRequestItem | AcceptItem | CheckOutItem | CheckInItem | DeleteItem
)
READING = (LookupItem, LookupUser)
"""What changes nothing."""


def name_of(message: Message) -> str:
    """Return the name of a message's element."""
    return type(message).__name__


# --- what comes back ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Problem:
    """Why nothing was done. Only `type` is of a list; the rest may name a user, and is for no log."""

    type: str
    detail: str | None = field(default=None, repr=False)
    element: str | None = None
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """Something that a user has asked for; `status` in the words of the system."""

    request: str | None = None
    item: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a response says; None and empty where it says nothing of that. With `problems` there is nothing else.

    `status` is None where none was told; `restrictions` and `blocks` are in the words of the system.
    """

    name: str
    problems: tuple[Problem, ...] = ()
    request: str | None = None
    item: str | None = None
    user: str | None = field(default=None, repr=False)
    due: datetime | None = None
    available_at: datetime | None = None
    status: ItemStatus | None = None
    restrictions: tuple[str, ...] = ()
    queue: int | None = None
    title: str | None = None
    author: str | None = None
    call_number: str | None = None
    location: str | None = None
    blocks: tuple[str, ...] = ()
    requested: tuple[Requested, ...] = ()
    loaned: tuple[str, ...] = ()
