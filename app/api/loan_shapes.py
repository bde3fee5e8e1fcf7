"""What a loan request is asked with and answers, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.api.decision_shapes import ANSWER, Isil, LegShape, Moment, QuestionShape, RefusalShape, RotaEntryShape
from app.api.schemas import Day
from app.lending.act import Action

Status = Literal[
    "RequestReceived",
    "ExpectToSupply",
    "WillSupply",
    "Loaned",
    "Overdue",
    "Recalled",
    "Unfilled",
    "LoanCompleted",
    "CompletedWithoutReturn",
    "Cancelled",
]
Outcome = Literal["filled", "unfilled", "cancelled"]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Text = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]


class LoanRequestShape(QuestionShape):
    """A decision's question, and who asks it."""

    model_config = ConfigDict(extra="forbid")

    pickup_location: Word = Field(description="Where the reader collects it: the ISIL of a location.")
    requesting_agency: Word = Field(
        description="The ISIL of the agency whose reader asks, which is registered; the key's own."
    )
    requesting_agency_request_id: Word = Field(
        description="The agency's own number for it (ISO 18626 requestingAgencyRequestId): used once."
    )
    patron_reference: Word | None = Field(
        default=None,
        description="Opaque: says nothing about the reader to anyone else. Unlinked when the loan request ends.",
    )


class SubmittedShape(BaseModel):
    """A loan request that was accepted, as it stood then."""

    id: UUID
    status: Status = Field(description="ISO 18626: what the requesting side hears.")
    outcome: Outcome | None = Field(description="How it ended; null until then.")
    supplying_agency: str | None = Field(description="Whoever has it now.")
    supplying_location: str | None
    network_version: str
    requested_at: datetime
    rota: list[RotaEntryShape]
    refusals: list[RefusalShape]


class LoanShape(BaseModel):
    """A loan request as it stands."""

    id: UUID
    status: Status
    outcome: Outcome | None
    requesting_agency: str
    requesting_agency_request_id: str
    service_level: str
    isbn: str | None
    ppn: str | None
    pickup_location: str
    supplying_agency: str | None = Field(description="Whoever has it now, or had it when it ended.")
    supplying_location: str | None
    requesting: str = Field(description="Where the requesting side stands: waiting, received, returned …")
    item: str = Field(description="Where the item is: in_hand, on_trip, at_hub, at_pickup, on_the_way_back …")
    seen_at_location: str | None = Field(description="Where it was last scanned.")
    expected_at: datetime | None = Field(description="When it should arrive where it is going.")
    due_at: datetime | None = Field(description="When the reader must have brought it back.")
    submitted_at: datetime
    shipped_at: datetime | None
    received_at: datetime | None
    ended_at: datetime | None
    events: int = Field(description="How many events it has.")


class PlacementShape(BaseModel):
    """Somebody who was asked."""

    number: int
    supplying_agency: str | None
    supplying_location: str
    system: str | None = Field(description="The system that was asked; null: people answer.")
    beside: bool = Field(description="It is, or was to its end, asked beside the one that leads (`at_once`).")
    let_go: bool = Field(description="It is not wanted any more, and it is not known yet what its system has of it.")
    state: Literal["asking", "live", "closed"]
    end: str | None = Field(description="The event that closed it.")
    reason: str | None
    asked_at: datetime
    placed_at: datetime | None
    lapses_at: datetime | None = Field(description="Unanswered by then, the request passes on.")
    answered_at: datetime | None
    closed_at: datetime | None


class WholeLoanShape(LoanShape):
    """A loan request with its way, its newest decision and everyone who was asked."""

    itinerary: list[LegShape] | None = Field(description="The dated trips it rides, there or back.")
    network_version: str
    rota: list[RotaEntryShape]
    refusals: list[RefusalShape]
    placements: list[PlacementShape]
    actions: list[str] = Field(description="The actions that are possible now.")


class EventShape(BaseModel):
    """Something that happened to a loan request."""

    id: int = Field(description="Grows over all loan requests; `Last-Event-ID` of the stream.")
    loan_request: UUID
    sequence: int = Field(description="1, 2, 3 … within the loan request.")
    event: str
    at: datetime = Field(description="When it happened.")
    recorded_at: datetime
    by: str = Field(
        description="Who did it: an agency (`ISIL`, or `ISIL: name` where it named somebody), a system, or `leenpad`."
    )
    status: Status = Field(description="The status after it.")
    supplying_agency: str | None
    supplying_location: str | None
    reason: str | None
    note: str | None
    data: dict[str, Any] | None


class ChosenLegShape(BaseModel):
    """A ride that staff choose."""

    model_config = ConfigDict(extra="forbid")

    trip_id: Word
    service_date: Day
    from_location: Word
    to_location: Word


class ActionShape(BaseModel):
    """Something that is reported or asked for."""

    model_config = ConfigDict(extra="forbid")

    action: Action = Field(description="In ISO 18626's words where it has one.")
    at: Moment | None = Field(default=None, description="When it happened, at most a day ahead; left out: now.")
    by: Word | None = Field(default=None, description="Who did it, for people; it is kept behind the key's agency.")
    note: Text | None = Field(default=None, description="For people.")
    reason: Word | None = Field(default=None, description="Why: with `Unfilled`, an ISO 18626 ReasonUnfilled.")
    location: Isil | None = Field(default=None, description="Where it was scanned (`Scan`).")
    supplying_location: Isil | None = Field(default=None, description="Whom to ask next (`Override`).")
    placement: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = Field(
        default=None,
        description="Which supplier's answer it is, by the number of its placement, where two are asked at once; "
        "left out: the one of the key's agency, else the one that leads.",
    )
    legs: list[ChosenLegShape] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description="By which dated trips it goes on from where it is, while it is under way (`Override`).",
    )
    forward: bool = Field(
        default=True,
        description="Whether what is sent back may go straight on to the next who waits for it, or stay where it is "
        "wanted (`ShippedReturn`); without, it goes home.",
    )


QUESTION: dict[str, Any] = {
    "title": {"isbn": "9789021400129"},
    "pickup_location": "NL-0800070001",
    "requesting_agency": "NL-0800070000",
    "requesting_agency_request_id": "2026-000417",
    "patron_reference": "7f3a9c",
}
SUBMITTED: dict[str, Any] = {
    "id": "019ab3c4-7d00-7a3c-9b1e-2f5a7c0d4e61",
    "status": "RequestReceived",
    "outcome": None,
    "supplying_agency": None,
    "supplying_location": None,
    **{name: ANSWER[name] for name in ("network_version", "requested_at", "rota", "refusals")},
}
_STANDING: dict[str, Any] = {
    "id": SUBMITTED["id"],
    "status": "Loaned",
    "outcome": None,
    "requesting_agency": "NL-0800070000",
    "requesting_agency_request_id": "2026-000417",
    "service_level": "Core",
    "isbn": "9789021400129",
    "ppn": None,
    "pickup_location": "NL-0800070001",
    "supplying_agency": "NL-0800080000",
    "supplying_location": "NL-0800080003",
    "requesting": "waiting",
    "item": "on_trip",
    "seen_at_location": None,
    "expected_at": "2026-11-24T11:05:00+01:00",
    "due_at": None,
    "submitted_at": "2026-11-23T10:00:00+01:00",
    "shipped_at": "2026-11-23T13:40:00+01:00",
    "received_at": None,
    "ended_at": None,
    "events": 5,
}
LOANS: dict[str, Any] = {"items": [_STANDING], "next_cursor": None}
LOAN: dict[str, Any] = {
    **_STANDING,
    "itinerary": ANSWER["rota"][0]["legs"],
    **{name: ANSWER[name] for name in ("network_version", "rota", "refusals")},
    "placements": [
        {
            "number": 1,
            "supplying_agency": "NL-0800080000",
            "supplying_location": "NL-0800080003",
            "system": None,
            "beside": False,
            "let_go": False,
            "state": "live",
            "end": None,
            "reason": None,
            "asked_at": "2026-11-23T10:00:01+01:00",
            "placed_at": "2026-11-23T10:00:01+01:00",
            "lapses_at": "2026-12-01T10:00:01+01:00",
            "answered_at": "2026-11-23T11:15:00+01:00",
            "closed_at": None,
        }
    ],
    "actions": ["Received", "Lost", "Scan"],
}
EVENT: dict[str, Any] = {
    "id": 1204,
    "loan_request": SUBMITTED["id"],
    "sequence": 4,
    "event": "WillSupply",
    "at": "2026-11-23T11:15:00+01:00",
    "recorded_at": "2026-11-23T11:15:00+01:00",
    "by": "NL-0800080000",
    "status": "WillSupply",
    "supplying_agency": "NL-0800080000",
    "supplying_location": "NL-0800080003",
    "reason": None,
    "note": None,
    "data": None,
}
ACTIONS: dict[str, Any] = {
    "unfilled": {"summary": "Not on the shelf", "value": {"action": "Unfilled", "reason": "NotOnShelf"}},
    "shipped": {"summary": "Sent with the van", "value": {"action": "Loaned", "at": "2026-11-23T13:40:00+01:00"}},
    "scan": {"summary": "Seen at a hub", "value": {"action": "Scan", "location": "hub-north"}},
    "override": {
        "summary": "Ask somebody else",
        "value": {
            "action": "Override",
            "supplying_location": "NL-0800090002",
            "by": "desk",
            "note": "Reader in need",
        },
    },
    "itinerary": {
        "summary": "Send it by another van",
        "value": {
            "action": "Override",
            "legs": [
                {
                    "trip_id": "DR-1-0800",
                    "service_date": "2026-11-24",
                    "from_location": "NL-0800080003",
                    "to_location": "NL-0800070001",
                }
            ],
            "by": "desk",
            "note": "The driver passes by anyway",
        },
    },
}
