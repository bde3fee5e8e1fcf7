"""What a hand scanner sends and hears, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.api.decision_shapes import Isil, Moment
from app.api.loan_shapes import SUBMITTED, Status, Word
from app.api.run_shapes import PlaceShape
from app.planning.scanning import Verdict, Wrong

Code = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]


class ScanAskShape(BaseModel):
    """What was scanned, and where."""

    model_config = ConfigDict(extra="forbid")

    code: Code = Field(description="What the barcode says; or the id of a loan request.")
    location: Isil = Field(description="Where the scanner is.")
    at: Moment | None = Field(default=None, description="When it was scanned; left out: now.")
    by: Word | None = Field(default=None, description="Who did it, for people.")


class NextShape(BaseModel):
    """The ride that is next, and the crate for it: that of the trip's items that get off where this one does."""

    route_id: str
    trip_id: str
    service_date: date
    operator: str
    from_location: PlaceShape
    to_location: PlaceShape = Field(description="Where it gets off: the crate's.")
    departs_at: datetime
    arrives_at: datetime


class ScanShape(BaseModel):
    """What to do with what was scanned."""

    code: str
    direction: Literal["there", "back"] | None = Field(description="Which slip it was; null: an id was typed.")
    recorded: bool = Field(description="Whether it was written down as a scan.")
    verdict: Verdict
    wrong: list[Wrong] = Field(description="What is wrong with it; empty: nothing.")
    loan_request: UUID
    requesting_agency_request_id: str | None
    title: str | None
    status: Status
    location: PlaceShape | None = Field(description="Where it was scanned.")
    destination: PlaceShape | None = Field(description="Where it must get to in the end.")
    expected_at: datetime | None = Field(description="When it should be there.")
    next: NextShape | None


ASKED: dict[str, Any] = {"code": "1002134418229384756610293847561029384756", "location": "hub-north"}
SCANNED: dict[str, Any] = {
    "code": ASKED["code"],
    "direction": "there",
    "recorded": True,
    "verdict": "load",
    "wrong": [],
    "loan_request": SUBMITTED["id"],
    "requesting_agency_request_id": "2026-000417",
    "title": "De ontdekking van de hemel",
    "status": "Loaned",
    "location": {"id": "hub-north", "name": "Hub Noord"},
    "destination": {"id": "NL-0800070001", "name": "Emmen"},
    "expected_at": "2026-11-24T11:05:00+01:00",
    "next": {
        "route_id": "DR-1",
        "trip_id": "DR-1-0800",
        "service_date": "2026-11-24",
        "operator": "Biblionet Drenthe",
        "from_location": {"id": "hub-north", "name": "Hub Noord"},
        "to_location": {"id": "NL-0800070001", "name": "Emmen"},
        "departs_at": "2026-11-24T08:00:00+01:00",
        "arrives_at": "2026-11-24T11:05:00+01:00",
    },
}
