"""A day's trips with what they carry, and the run sheet of one, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

Status = Literal["as_planned", "late", "shortened", "cancelled", "suspended"]
Phase = Literal["to_come", "driving", "ended"]


class PlaceShape(BaseModel):
    """A location by id and name; the name is the id where the register does not know it."""

    id: str
    name: str


class CallShape(BaseModel):
    """A trip at a stop, as it runs now and as planned."""

    location: PlaceShape
    visit: int = Field(description="Which of the trip's calls there, from 1.")
    arrives_at: datetime | None = Field(description="Null at the first call.")
    departs_at: datetime | None = Field(description="Null at the last call.")
    planned_arrives_at: datetime | None
    planned_departs_at: datetime | None
    skipped: bool = Field(description="It passes by, though the timetable has it call.")


class RunShape(BaseModel):
    """A trip on a service day."""

    trip_id: str
    service_date: date
    route_id: str
    operator: str
    headsign: str
    status: Status
    phase: Phase = Field(description="By the times at which it runs now.")
    late_seconds: int = Field(description="The most that it is late anywhere (below 0: early).")
    crate_capacity: int | None = Field(description="How many crates it takes; null: not stated.")
    items: int = Field(description="How many items are planned on it.")
    crates: int = Field(description="How many crates are on board where there are most.")


class DatedRunShape(RunShape):
    """A trip of a day, with its calls."""

    calls: list[CallShape]


class ServiceDayShape(BaseModel):
    """The trips of a service day."""

    service_date: date
    now: datetime = Field(description="The moment of which this was true.")
    network_version: str
    items_per_crate: int
    operators: list[str] = Field(description="Who drives routes of the network, of those that the key may see.")
    trips: list[DatedRunShape] = Field(description="By service day and planned departure.")


class CarriedShape(BaseModel):
    """An item on a trip."""

    loan_request: UUID
    requesting_agency_request_id: str
    title: str | None
    author: str | None
    isbn: str | None
    ppn: str | None
    direction: Literal["there", "back"]
    from_location: str | None = Field(description="Where it was sent from.")
    to_location: str | None = Field(description="Where it must get to in the end.")


class BatchShape(BaseModel):
    """What gets on at one call and off at another: crates that are filled here and emptied there."""

    location: PlaceShape = Field(
        description="Where it gets off (of what is loaded), or got on (of what is unloaded)."
    )
    items: int
    crates: int
    carries: list[CarriedShape]


class StandShape(CallShape):
    """What is done at one call: first unloaded, then loaded."""

    unload: list[BatchShape]
    load: list[BatchShape]
    items_on_board: int = Field(description="When it goes on.")
    crates_on_board: int


class RunSheetShape(RunShape):
    """What a driver loads and unloads at each call of a trip."""

    network_version: str
    items_per_crate: int
    truncated: bool = Field(description="It carries more than are listed: counts are whole, `carries` are not.")
    stops: list[StandShape]
    items_adrift: int = Field(description="How many are adrift, listed or not.")
    adrift: list[CarriedShape] = Field(
        description="Planned on it, though it does not call there so: these are being planned again."
    )


_PLACES = [{"id": "NL-0800080003", "name": "Assen"}, {"id": "NL-0800070001", "name": "Emmen"}]
_RUN: dict[str, Any] = {
    "trip_id": "DR-1-0800",
    "service_date": "2026-11-24",
    "route_id": "DR-1",
    "operator": "Biblionet Drenthe",
    "headsign": "Rondrit",
    "status": "late",
    "phase": "to_come",
    "late_seconds": 1200,
    "crate_capacity": 80,
    "items": 1,
    "crates": 1,
}
_CARRIED: dict[str, Any] = {
    "loan_request": "019ab3c4-7d00-7a3c-9b1e-2f5a7c0d4e61",
    "requesting_agency_request_id": "2026-000417",
    "title": "De ontdekking van de hemel",
    "author": "Harry Mulisch",
    "isbn": "9789021400129",
    "ppn": None,
    "direction": "there",
    "from_location": "NL-0800080003",
    "to_location": "NL-0800070001",
}
_CALLS: list[dict[str, Any]] = [
    {
        "location": _PLACES[0],
        "visit": 1,
        "arrives_at": None,
        "departs_at": "2026-11-24T08:20:00+01:00",
        "planned_arrives_at": None,
        "planned_departs_at": "2026-11-24T08:00:00+01:00",
        "skipped": False,
    },
    {
        "location": _PLACES[1],
        "visit": 1,
        "arrives_at": "2026-11-24T09:25:00+01:00",
        "departs_at": None,
        "planned_arrives_at": "2026-11-24T09:05:00+01:00",
        "planned_departs_at": None,
        "skipped": False,
    },
]
SERVICE_DAY: dict[str, Any] = {
    "service_date": "2026-11-24",
    "now": "2026-11-24T07:15:00+01:00",
    "network_version": "nv-b2eeb8fb5b72f407",
    "items_per_crate": 20,
    "operators": ["Biblionet Drenthe"],
    "trips": [{**_RUN, "calls": _CALLS}],
}
RUN_SHEET: dict[str, Any] = {
    **_RUN,
    "network_version": "nv-b2eeb8fb5b72f407",
    "items_per_crate": 20,
    "truncated": False,
    "stops": [
        {
            **_CALLS[0],
            "unload": [],
            "load": [{"location": _PLACES[1], "items": 1, "crates": 1, "carries": [_CARRIED]}],
            "items_on_board": 1,
            "crates_on_board": 1,
        },
        {
            **_CALLS[1],
            "unload": [{"location": _PLACES[0], "items": 1, "crates": 1, "carries": [_CARRIED]}],
            "load": [],
            "items_on_board": 0,
            "crates_on_board": 0,
        },
    ],
    "items_adrift": 0,
    "adrift": [],
}
