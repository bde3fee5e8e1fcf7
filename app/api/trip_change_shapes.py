"""What is said of trips that run late or past stops, and what that would change, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field

from app.api.decision_shapes import Isil
from app.api.loan_shapes import Text, Word
from app.api.schemas import Day
from app.planning.changes import EARLIEST_SECONDS, LATEST_SECONDS

IfSaid = Annotated[
    str,
    Header(
        alias="If-Match",
        description="The revision of what was said of the trip when you looked; `*`: whatever it is.",
        max_length=40,
        pattern=r'^(\*|"?[0-9a-f]{1,32}"?)$',
        examples=["5d41402abc4b2a76"],
    ),
]
Late = Annotated[int, Field(strict=True, ge=EARLIEST_SECONDS, le=LATEST_SECONDS)]

CHANGING: dict[str, Any] = {
    "trip_id": "DR-1-0800",
    "service_date": "2026-11-24",
    "delay_seconds": 1200,
    "from_call": {"location": "NL-0800070001"},
    "skipped": [{"location": "NL-0800070003"}],
    "note": "Ice on the A28",
}
CHANGED: dict[str, Any] = {
    "trip_id": "DR-1-0800",
    "service_date": "2026-11-24",
    "route_id": "DR-1",
    "operator": "Biblionet Drenthe",
    "delays": [
        {
            "location": "NL-0800070001",
            "visit": 1,
            "arrival_delay_seconds": 1200,
            "departure_delay_seconds": 1200,
        }
    ],
    "skipped": [{"location": "NL-0800070003", "visit": 1}],
    "source": "planner",
    "by": "NL-0800070000",
    "note": "Ice on the A28",
    "changed_at": "2026-11-24T07:15:00+01:00",
}


def seen_in(if_match: str) -> str | None:
    """Return the revision that a caller looked at; None: whichever."""
    return None if if_match == "*" else if_match.strip('"')


class CallAskShape(BaseModel):
    """A call of a trip."""

    model_config = ConfigDict(extra="forbid")

    location: Isil
    visit: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = Field(
        default=None,
        description="Which of the trip's calls there, from 1. Left out: all where calls are skipped, or the first.",
    )


class ChangeTripShape(BaseModel):
    """How a trip runs on a service day."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": CHANGING})

    trip_id: Word
    service_date: Day
    delay_seconds: Late = Field(default=0, description="How late it is; below 0: how early.")
    from_call: CallAskShape | None = Field(
        default=None, description="From which call on it is late; left out: from the first."
    )
    skipped: list[CallAskShape] = Field(
        default_factory=list,
        max_length=500,
        description="Calls that it passes by: nothing gets on or off there. One that ends early skips its last.",
    )
    note: Text | None = None


class PreviewAskShape(ChangeTripShape):
    """What might be said of a trip."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": CHANGING})

    cancel: bool = Field(default=False, description="It does not run at all; then nothing else is said.")


class VisitShape(BaseModel):
    """A call of a trip."""

    location: str
    visit: int = Field(description="Which of the trip's calls there, from 1.")


class DelayShape(VisitShape):
    """How late a trip is at a call; what it leaves with counts for the calls after it, up to the next one named."""

    arrival_delay_seconds: int
    departure_delay_seconds: int


class TripChangeShape(BaseModel):
    """A trip that runs otherwise than planned on a service day.

    A planner's word without delays and skipped calls says that it runs as planned, whatever a feed says.
    """

    trip_id: str
    service_date: date
    route_id: str
    operator: str
    delays: list[DelayShape]
    skipped: list[VisitShape]
    source: Literal["planner", "feed"] = Field(
        description="Whether a person said so, or a feed of trip updates, which never says otherwise than a person."
    )
    by: str
    note: str | None
    changed_at: datetime


class CancellationShape(BaseModel):
    """A cancelled trip, with who drives it and who cancelled it."""

    trip_id: str
    service_date: date
    route_id: str
    operator: str
    by: str
    note: str | None
    created_at: datetime
    source: Literal["planner", "feed"] = Field(description="Whether a person said so, or a feed of trip updates.")


class WordShape(BaseModel):
    """What is said of a trip on a service day."""

    trip_id: str
    service_date: date
    revision: str = Field(description="To send as `If-Match` with what you say of it.")
    change: TripChangeShape | None = Field(description="How it runs otherwise than planned.")
    cancellation: CancellationShape | None = Field(description="That it does not run.")


class ReplannedShape(BaseModel):
    """An item that goes another way, or is there at another time."""

    loan_request: UUID
    from_location: str | None
    to_location: str | None
    expected_before: datetime | None
    expected_at: datetime | None = Field(description="When it is there now; null: no van takes it there.")
    note: str | None


class PreviewShape(BaseModel):
    """What would come of it."""

    trip_id: str
    service_date: date
    items: int = Field(description="How many items ride the trip, or wait for it.")
    replanned: list[ReplannedShape] = Field(description="Those that would be planned again; at most a thousand.")


class ReplanShape(ReplannedShape):
    """An item that was planned again."""

    id: int = Field(description="The event's id.")
    at: datetime


WORD: dict[str, Any] = {
    "trip_id": "DR-1-0800",
    "service_date": "2026-11-24",
    "revision": "5d41402abc4b2a76",
    "change": CHANGED,
    "cancellation": None,
}
PREVIEWED: dict[str, Any] = {
    "trip_id": "DR-1-0800",
    "service_date": "2026-11-24",
    "items": 12,
    "replanned": [
        {
            "loan_request": "019ab3c4-7d00-7a3c-9b1e-2f5a7c0d4e61",
            "from_location": "NL-0800080003",
            "to_location": "NL-0800070001",
            "expected_before": "2026-11-24T11:05:00+01:00",
            "expected_at": "2026-11-24T15:05:00+01:00",
            "note": "What it rides, or was going to ride, is late or passes a stop by.",
        }
    ],
}
REPLANS: dict[str, Any] = {
    "items": [{"id": 1311, "at": "2026-11-24T07:15:02+01:00", **PREVIEWED["replanned"][0]}],
    "next_cursor": None,
}
