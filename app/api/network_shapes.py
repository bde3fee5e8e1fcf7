"""What the network operations answer, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

VERSION_EXAMPLE = {
    "id": "nv-b2eeb8fb5b72f407",
    "active": True,
    "imported_at": "2026-11-23T09:00:00Z",
    "timezone": "Europe/Amsterdam",
    "first_day": "2026-01-01",
    "last_day": "2026-12-31",
    "counts": {
        "operators": 10,
        "stops": 1312,
        "transfer_stops": 12,
        "routes": 182,
        "services": 16,
        "trips": 2240,
        "stop_times": 25468,
    },
}
REPORT_EXAMPLE = {
    "read": 29240,
    "created": 29240,
    "updated": 0,
    "unchanged": 0,
    "removed": 0,
    "rejected": 0,
    "superseded": 0,
    "rejects": [],
    "notes": ["shapes.txt: left aside; nothing in it moves an item"],
    "version": "nv-b2eeb8fb5b72f407",
    "activated": True,
}
STOP_EXAMPLE = {"id": "NL-0800070001", "name": "Assen", "lat": 52.99, "lon": 6.56, "handling_seconds": None}
ROUTE_EXAMPLE = {
    "id": "DR-1",
    "operator_id": "DR",
    "operator": "Biblionet Drenthe",
    "short_name": "1",
    "long_name": "Assen – Emmen",
    "route_type": 3,
}
SERVICE_EXAMPLE = {
    "id": "weekdays",
    "weekdays": [True, True, True, True, True, False, False],
    "start_date": "2026-01-01",
    "end_date": "2026-12-31",
    "added": [],
    "removed": ["2026-12-25"],
}
TRIP_EXAMPLE = {
    "id": "DR-1-0800",
    "route_id": "DR-1",
    "service_id": "weekdays",
    "headsign": "Emmen",
    "short_name": "",
    "crate_capacity": 40,
    "stop_times": [
        {
            "stop_id": "NL-0800070001",
            "stop_sequence": 1,
            "arrival_time": "08:00:00",
            "departure_time": "08:00:00",
            "pickup": True,
            "drop_off": False,
        },
        {
            "stop_id": "NL-0800070002",
            "stop_sequence": 2,
            "arrival_time": "08:40:00",
            "departure_time": "08:40:00",
            "pickup": False,
            "drop_off": True,
        },
    ],
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": value})


class CountsShape(BaseModel):
    """How many there are of each thing."""

    operators: int
    stops: int
    transfer_stops: int = Field(description="Stops where items may change trips.")
    routes: int
    services: int
    trips: int
    stop_times: int


class VersionShape(BaseModel):
    """A network version: one timetable, never changed after its import."""

    model_config = _example(VERSION_EXAMPLE)

    id: str = Field(description="A hash of the content: the same network is the same version.")
    active: bool = Field(description="Whether decisions are made on it now.")
    imported_at: datetime
    timezone: str = Field(description="IANA name of the timezone of all its times.")
    first_day: date | None = Field(description="The first day on which a trip may run; null: there is none.")
    last_day: date | None = Field(description="The last day on which a trip may run.")
    counts: CountsShape


class ActiveVersionShape(VersionShape):
    """The network version on which decisions are made."""

    model_config = _example({**VERSION_EXAMPLE, "previous": None})

    previous: str | None = Field(
        description="The version that would be active again if its activation were undone; null: none would be."
    )


class RejectShape(BaseModel):
    """A row at fault."""

    file: str | None = Field(default=None, description="The file inside the archive.")
    line: int | None = Field(description="The line it starts on, the header being 1; null: the whole file.")
    field: str | None = Field(description="The column at fault; null: the whole row.")
    reason: str


class NetworkReportShape(BaseModel):
    """What became of a feed. All rows that are kept are `created`, or `unchanged` where the version was there."""

    model_config = _example(REPORT_EXAMPLE)

    read: int = Field(description="Rows that are kept; what was left aside is in `notes`.")
    created: int
    updated: int = Field(description="Always 0: a version never changes.")
    unchanged: int
    removed: int = Field(description="Always 0.")
    rejected: int = Field(description="Always 0: a feed at fault is a problem, and nothing of it lands.")
    superseded: int = Field(description="Always 0.")
    rejects: list[RejectShape]
    notes: list[str] = Field(description="What was left aside, in sentences.")
    version: str
    activated: bool = Field(description="Whether this import was asked to make the version active; it now is.")


class ActivationShape(BaseModel):
    """The version that is active now."""

    model_config = _example({"active": "nv-b2eeb8fb5b72f407", "changed": True})

    active: str
    changed: bool = Field(description="False: it was active already, and nothing was written.")


class UndoShape(BaseModel):
    """What an undo did."""

    model_config = _example({"undone": "nv-b2eeb8fb5b72f407", "active": "nv-0123456789abcdef"})

    undone: str = Field(description="The version that was active.")
    active: str | None = Field(description="The version that is active again; null: none was before it.")


class StopShape(BaseModel):
    """A location as the vans see it."""

    model_config = _example(STOP_EXAMPLE)

    id: str = Field(description="The location's id: an ISIL.")
    name: str
    lat: float | None
    lon: float | None
    handling_seconds: int | None = Field(description="What a change of trip takes here; null: none is possible.")


class RouteShape(BaseModel):
    """A pattern that an operator drives."""

    model_config = _example(ROUTE_EXAMPLE)

    id: str
    operator_id: str = Field(description="The agency_id of the feed; may be empty.")
    operator: str = Field(description="The name shown in legs.")
    short_name: str
    long_name: str
    route_type: int


class ServiceShape(BaseModel):
    """The service days of a set of trips."""

    model_config = _example(SERVICE_EXAMPLE)

    id: str
    weekdays: list[bool] = Field(min_length=7, max_length=7, description="Monday first.")
    start_date: date | None = Field(description="First day of the weekly pattern; null: there is none.")
    end_date: date | None = Field(description="Last day of the weekly pattern, included.")
    added: list[date]
    removed: list[date]


class CallShape(BaseModel):
    """A trip calls at a stop. Times are GTFS's: HH:MM:SS after noon minus twelve hours of the service day."""

    stop_id: str
    stop_sequence: int
    arrival_time: str
    departure_time: str
    pickup: bool = Field(description="Items may get on here.")
    drop_off: bool = Field(description="Items may get off here.")


class TripShape(BaseModel):
    """One run of a route on each of its service's days."""

    model_config = _example(TRIP_EXAMPLE)

    id: str
    route_id: str
    service_id: str
    headsign: str
    short_name: str
    crate_capacity: int | None = Field(description="How many crates it carries; null: not stated.")
    stop_times: list[CallShape]


class SinglePointShape(BaseModel):
    """A hub or route that nothing can stand in for."""

    kind: str = Field(description="`hub` or `route`.")
    id: str
    operator: str | None = Field(description="Who drives the route; null for a hub.")
    cut_off: list[str] = Field(description="The stops that would be cut off from the main body, to or from.")


class HealthShape(BaseModel):
    """What the network hangs on over a period, whatever the times of day."""

    model_config = _example(
        {
            "network_version": "nv-b2eeb8fb5b72f407",
            "first_day": "2026-11-23",
            "last_day": "2026-12-28",
            "stops": 1312,
            "hubs": 12,
            "routes": 182,
            "main_hubs": ["NL-HUB-DR", "NL-HUB-GR"],
            "not_reached": [],
            "not_sending": ["NL-0800070099"],
            "single_points": [
                {"kind": "hub", "id": "NL-HUB-DR", "operator": None, "cut_off": ["NL-0800070001"]},
                {"kind": "route", "id": "DR-1", "operator": "Biblionet Drenthe", "cut_off": ["NL-0800070001"]},
            ],
        }
    )

    network_version: str
    first_day: date | None = Field(description="First day looked at; null: the calendar has none in the period.")
    last_day: date | None
    stops: int
    hubs: int = Field(description="Stops where items may change trips.")
    routes: int = Field(description="Routes that drive on some day of the period.")
    main_hubs: list[str] = Field(description="The largest set of hubs that all reach each other.")
    not_reached: list[str] = Field(description="Locations that nothing from the main body gets to.")
    not_sending: list[str] = Field(description="Locations from which nothing gets to the main body.")
    single_points: list[SinglePointShape] = Field(description="Those that cut off most come first.")
