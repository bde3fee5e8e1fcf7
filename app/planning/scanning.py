"""What is to be done with an item that somebody holds at a location, and what is wrong with that. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.lending.lifecycle import Item
from app.lending.track import UNDER_WAY, can_board
from app.planning.barcodes import Direction
from app.store.loans import Loan


class Verdict(StrEnum):
    """What to do with it."""

    LOAD = "load"  # into the crate of the trip that it rides next
    ARRIVED = "arrived"  # it is where it must be
    REPLAN = "replan"  # it is not on its way here: once scanned, it has another way
    STRANDED = "stranded"  # no van takes it on
    PUT_ASIDE = "put_aside"  # nothing can be done with it here: a person must look


class Wrong(StrEnum):
    """What is wrong with it."""

    CANCELLED = "cancelled"
    ENDED = "ended"
    NOT_SENT = "not_sent"  # the supplier has not reported it sent
    WITH_READER = "with_reader"  # it was received, and nobody sent it back
    WRONG_PLACE = "wrong_place"
    MISSED = "missed"  # what it was going to ride has left
    SHOULD_HAVE_LEFT = "should_have_left"  # what it rides had to leave by now: it gets on if the van stands there
    WRONG_SLIP = "wrong_slip"  # the slip of the other way is on top
    ALREADY_SCANNED = "already_scanned"  # here, and nowhere since
    NOT_YOURS = "not_yours"  # nobody of the caller's drives it


@dataclass(frozen=True, slots=True)
class Seen:
    """What is to be done; `leg` is the ride that is next, `to` where it must get to in the end."""

    verdict: Verdict
    wrong: tuple[Wrong, ...]
    leg: dict[str, Any] | None
    to: str | None


def judge(
    loan: Loan, *, outcome: str | None, location: str | None, slip: Direction | None, at: datetime, grace: timedelta
) -> Seen:
    """Say what is to be done with an item at a location (None: wherever it was seen last) at a moment.

    `grace` is how long after its van should have left an item still goes with it.
    """
    back = loan.item == Item.ON_THE_WAY_BACK
    to = loan.supplying_location if back else loan.pickup_location
    wrong = [Wrong.WRONG_SLIP] if slip is not None and (slip == "back") != back and loan.item in UNDER_WAY else []
    if outcome is not None:
        return Seen(Verdict.PUT_ASIDE, (Wrong.CANCELLED if outcome == "cancelled" else Wrong.ENDED,), None, None)
    if loan.item == Item.AT_PICKUP and loan.received_at is None:
        if location not in (None, to):
            return Seen(Verdict.PUT_ASIDE, (Wrong.WRONG_PLACE,), None, to)
        known = location is not None and location == loan.seen_at_location
        return Seen(Verdict.ARRIVED, (Wrong.ALREADY_SCANNED,) if known else (), None, to)
    if loan.item not in UNDER_WAY:
        why = Wrong.WITH_READER if loan.received_at is not None else Wrong.NOT_SENT
        return Seen(Verdict.PUT_ASIDE, (why,), None, to)
    if location is not None and location == loan.seen_at_location:
        wrong.append(Wrong.ALREADY_SCANNED)
    return _on_its_way(loan, wrong, location=location or loan.seen_at_location, to=to, at=at, grace=grace)


def _on_its_way(
    loan: Loan, wrong: list[Wrong], *, location: str | None, to: str | None, at: datetime, grace: timedelta
) -> Seen:
    if location is not None and location == to:
        return Seen(Verdict.ARRIVED, tuple(wrong), None, to)
    legs = loan.itinerary or []
    if location is None:
        return Seen(Verdict.LOAD if legs else Verdict.STRANDED, tuple(wrong), legs[0] if legs else None, to)
    leg = next((each for each in legs if each["from_location"] == location), None)
    if leg is not None and can_board(leg, at=at, grace=grace):
        late = at > datetime.fromisoformat(leg["departs_at"])
        return Seen(Verdict.LOAD, (*wrong, Wrong.SHOULD_HAVE_LEFT) if late else tuple(wrong), leg, to)
    if leg is None and not legs and loan.seen_at_location in (None, location):
        return Seen(Verdict.STRANDED, tuple(wrong), None, to)
    return Seen(Verdict.REPLAN, (*wrong, Wrong.WRONG_PLACE if leg is None else Wrong.MISSED), None, to)
