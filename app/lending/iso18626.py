"""What an ISO 18626 message asks of us, in our own words: a title at a counter, or an action. Pure.

What is a status there is an action here: a supplier that says `Loaned` reports that it has shipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.protocols.iso18626 import messages as iso
from app.lending.act import Action
from app.lending.choose import TitleKey
from app.lending.lifecycle import REASONS_UNFILLED
from app.store.isbn import InvalidIsbn, InvalidPpn, isbn13, normal_ppn
from routing import Register

MOST_TITLES = 5
"""How many numbers of a title are tried."""
LONGEST_NOTE = 2000
LONGEST_WORD = 200


class NotTaken(Exception):  # noqa: N818 - says what became of a message
    """The message is confirmed as an error; `data` says why, and repeats nothing about a reader."""

    def __init__(self, type_: iso.ErrorType, value: str) -> None:
        super().__init__(value)
        self.data = iso.ErrorData(type_, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a message comes to: an action (None: nothing is to be done), and why and what it says to people."""

    action: Action | None = None
    note: str | None = None
    reason: str | None = None


# --- a title at a counter ---------------------------------------------------------------------------


def titles_of(request: iso.Request) -> list[TitleKey]:
    """Return by what the title may be looked up, the most particular first: PPNs, then ISBNs. Raises NotTaken.

    A `supplierUniqueRecordId` is left aside: it is a number in some supplier's own catalogue, not in the joint one.
    """
    found = dict.fromkeys([*_ppns(request), *_isbns(request)])
    if not found:
        raise NotTaken(
            iso.ErrorType.UNRECOGNISED_VALUE, "bibliographicInfo: names no title by a valid ISBN, or by a PPN"
        )
    return list(found)[:MOST_TITLES]


def _ppns(request: iso.Request) -> Iterator[TitleKey]:
    for record in request.bibliographic.records:
        if record.code.upper() == "PPN":
            try:
                yield TitleKey(ppn=normal_ppn(record.value))
            except InvalidPpn:
                continue


def _isbns(request: iso.Request) -> Iterator[TitleKey]:
    for item in request.bibliographic.items:
        if item.code.upper() == "ISBN":
            try:
                yield TitleKey(isbn=isbn13(item.value))
            except InvalidIsbn:
                continue


def pickup_of(request: iso.Request, register: Register) -> str:
    """Return the location that it is to be delivered to. Raises NotTaken where none is named.

    That is the first delivery address that is a location's ISIL, be it an electronic address or the first line of a
    physical one; without, the requesting agency itself where that is a location, or its only one.
    """
    for address in request.deliver_to:
        named = address.data if isinstance(address, iso.ElectronicAddress) else address.line1
        if named in register.locations:
            return str(named)
        if isinstance(address, iso.ElectronicAddress) and address.type.upper() == iso.ISIL:
            raise NotTaken(iso.ErrorType.UNRECOGNISED_VALUE, "electronicAddressData: no such location is registered")
    agency = request.header.requesting_agency.value
    if agency in register.locations:
        return agency
    own = [place for place, location in register.locations.items() if location.agency == agency]
    if len(own) == 1:
        return own[0]
    raise NotTaken(
        iso.ErrorType.UNRECOGNISED_VALUE,
        "requestedDeliveryInfo: name the location as an electronicAddress of the electronicAddressType ISIL",
    )


def most_cents(costs: iso.Costs | None) -> int | None:
    """Return what it may cost at most, in euro cents. Raises NotTaken for another currency."""
    if costs is None:
        return None
    if costs.currency.upper() != "EUR":
        raise NotTaken(iso.ErrorType.UNRECOGNISED_VALUE, "currencyCode: is not EUR")
    return int(costs.amount * 100)


# --- what the requesting side says --------------------------------------------------------------------

_REQUESTED = {
    iso.Action.RECEIVED: Action.RECEIVED,
    iso.Action.CANCEL: Action.CANCEL,
    iso.Action.RENEW: Action.RENEW,
    iso.Action.SHIPPED_RETURN: Action.SHIPPED_RETURN,
    iso.Action.NOTIFICATION: Action.NOTIFICATION,
    iso.Action.LOST: Action.LOST,
}


def said_by_requester(message: iso.RequestingAgencyMessage) -> Said:
    """Return what a requesting agency reports or asks. Raises NotTaken for an action that is not offered."""
    if message.action is iso.Action.STATUS_REQUEST:
        return Said()
    action = _REQUESTED.get(message.action)
    if action is None:
        raise NotTaken(iso.ErrorType.UNSUPPORTED_ACTION, f"{message.action} is not offered")
    return Said(action=action, note=_note(message.note))


# --- what the supplying side says ---------------------------------------------------------------------

_TOLD = {
    iso.Status.EXPECT_TO_SUPPLY: Action.EXPECT_TO_SUPPLY,
    iso.Status.WILL_SUPPLY: Action.WILL_SUPPLY,
    iso.Status.LOANED: Action.LOANED,
    iso.Status.RECALLED: Action.RECALL,
    iso.Status.RETRY_POSSIBLE: Action.RETRY_POSSIBLE,
    iso.Status.UNFILLED: Action.UNFILLED,
    iso.Status.LOAN_COMPLETED: Action.LOAN_COMPLETED,
    iso.Status.COMPLETED_WITHOUT_RETURN: Action.LOST,
}


def answers_cancelling(message: iso.SupplyingAgencyMessage) -> bool | None:
    """Return what a supplier says to a cancelling: yes, no, or (None) the message is about something else."""
    if message.reason is iso.Reason.CANCEL_RESPONSE:
        return message.status is iso.Status.CANCELLED if message.yes is None else message.yes
    return True if message.status is iso.Status.CANCELLED and not _for_people(message) else None


def said_by_supplier(message: iso.SupplyingAgencyMessage) -> Said:
    """Return what a supplying agency reports. Raises NotTaken for a status that no loan has here.

    Renewing is for the requesting side alone to ask, and until when is counted here: what a supplier says to either,
    or of a loan that is overdue, is for people to read.
    """
    status = message.status
    if _for_people(message):
        about = "" if message.reason is iso.Reason.NOTIFICATION else _sentence(message)
        note = " ".join(part for part in (about, message.note) if part)
        return Said(action=Action.NOTIFICATION, note=_note(note))
    if status is iso.Status.REQUEST_RECEIVED:
        return Said()
    action = _TOLD.get(status)
    if action is None:
        raise NotTaken(iso.ErrorType.UNRECOGNISED_VALUE, f"status: no loan is at {status} here")
    if action is Action.UNFILLED:
        return _unfilled(message)
    reason = message.reason_retry if action is Action.RETRY_POSSIBLE else None
    return Said(action=action, note=_note(message.note), reason=reason and reason[:LONGEST_WORD])


def _for_people(message: iso.SupplyingAgencyMessage) -> bool:
    talks = message.reason in (iso.Reason.NOTIFICATION, iso.Reason.RENEW_RESPONSE)
    return talks or message.status is iso.Status.OVERDUE


def _sentence(message: iso.SupplyingAgencyMessage) -> str:
    if message.reason is iso.Reason.RENEW_RESPONSE:
        return "" if message.yes is None else f"To renewing: {'yes' if message.yes else 'no'}."
    return "Overdue, says whoever supplied it."


def _unfilled(message: iso.SupplyingAgencyMessage) -> Said:
    reason = message.reason_unfilled
    if reason is None or reason in REASONS_UNFILLED:
        return Said(action=Action.UNFILLED, reason=reason, note=_note(message.note))
    # The list is open; what is not on it is kept for people.
    note = f"{reason}. {message.note}" if message.note else reason
    return Said(action=Action.UNFILLED, reason="Other", note=_note(note))


def _note(note: str | None) -> str | None:
    return note[:LONGEST_NOTE] if note else None
