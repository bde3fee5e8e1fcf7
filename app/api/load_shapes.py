"""What the load of the vans looks like in the OpenAPI document."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field


class ModelShape(BaseModel):
    """What the forecast was learned from; docs/load.md explains it."""

    since: date = Field(description="The first day of the history.")
    until: date = Field(description="The day after its last one: what was handed over since is not in it yet.")
    items: int = Field(
        description="How many items were handed to the vans in it, there or back; 0: nothing is forecast."
    )
    school_holiday: float = Field(description="What a day in the school holidays brings, of an ordinary day.")
    public_holiday: float = Field(description="What a public holiday brings, of an ordinary day.")
    scatter: float = Field(description="Variance by chance, of the mean; 1 is Poisson's.")
    swing: float = Field(description="How far whole days lie from what was expected, as a part of it.")


class BoardingShape(BaseModel):
    """Items that board."""

    under_way: int = Field(description="Of loan requests and returns that are under way, as planned.")
    forecast: float = Field(description="Expected of what is not handed over yet.")
    expected: float = Field(description="Both together.")


class ItemsShape(BoardingShape):
    """Items on board, with bounds: in one of ten cases there are fewer than `low`, in one of ten more than `high`."""

    low: int
    high: int


class CratesShape(BaseModel):
    """The same in crates, of `items_per_crate` each."""

    expected: float
    high: float = Field(description="In one of ten cases it is more.")
    capacity: int | None = Field(description="How many the trip takes; null: not stated.")


class LoadShape(BaseModel):
    """What is on board of one ride, and whether it fits."""

    items: ItemsShape
    crates: CratesShape
    overfull: bool = Field(description="More crates are expected than the trip takes.")
    chance_overfull: float | None = Field(
        description="How likely there are more items than its crates hold; null: the capacity is not stated."
    )


class LoadedLegShape(LoadShape):
    """A dated trip between two of its calls, with what it is going to carry."""

    service_date: date
    route_id: str
    trip_id: str
    operator: str
    sequence: int = Field(description="Which leg of the trip: 1, 2, 3 …")
    from_location: str
    to_location: str
    departs_at: datetime
    arrives_at: datetime


class FullestShape(LoadShape):
    """The leg that is fullest, by its part of the capacity; where none is stated, by crates."""

    trip_id: str
    sequence: int


class LoadedRouteShape(BaseModel):
    """What a route is going to carry on a day."""

    service_date: date
    route_id: str
    operator: str
    trips: int
    items: BoardingShape = Field(description="That board on any of its trips.")
    fullest: FullestShape
    overfull_legs: int


class PairShape(BaseModel):
    """What one place is expected to send to another on this leg, and of what that was reckoned."""

    from_location: str
    to_location: str
    items: float = Field(description="Expected on this leg.")
    seen: int = Field(description="How many went that way in the history.")
    share: float = Field(description="The part of what the place hands over that goes there.")
    level: float = Field(description="How many items the place hands over a day, over the week.")
    weekdays: list[float] = Field(description="What each weekday brings of that, Monday first.")


class BehindShape(LoadedLegShape):
    """A leg with what stands behind its numbers."""

    loan_requests: list[UUID] | None = Field(
        description="Those whose items are on board, the first 1000; null: another operator's, for planners."
    )
    pairs: list[PairShape] = Field(description="The pairs of places from which most is expected, the first 20.")
    pairs_in_all: int


class LoadHeadShape(BaseModel):
    """Of which days, by which network, and learned from what."""

    since: date = Field(description="The first day.")
    until: date = Field(description="The day after the last one.")
    made_at: datetime
    network_version: str
    items_per_crate: int = Field(description="The setting `LEENPAD_ITEMS_PER_CRATE`.")
    model: ModelShape
    elsewhere: int = Field(description="Legs planned on what the active network no longer has; not counted.")
    unplaced: float = Field(description="Items of the forecast that no van takes to where they go; not counted.")


class LoadedLegsShape(LoadHeadShape):
    """A page of legs, by day, route and departure."""

    items: list[LoadedLegShape]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: this was the last.")


class LoadedRoutesShape(LoadHeadShape):
    """Routes by day."""

    items: list[LoadedRouteShape]


class LoadedTripShape(LoadHeadShape):
    """A dated trip leg by leg."""

    items: list[BehindShape]


HEAD: dict[str, Any] = {
    "since": "2026-11-26",
    "until": "2026-12-10",
    "made_at": "2026-11-26T08:00:00Z",
    "network_version": "nv-b2eeb8fb5b72f407",
    "items_per_crate": 20,
    "model": {
        "since": "2025-11-27",
        "until": "2026-11-26",
        "items": 2931004,
        "school_holiday": 0.81,
        "public_holiday": 0.02,
        "scatter": 1.21,
        "swing": 0.09,
    },
    "elsewhere": 0,
    "unplaced": 0.0,
}
_LOAD: dict[str, Any] = {
    "items": {"under_way": 212, "forecast": 431.18, "expected": 643.18, "low": 588, "high": 700},
    "crates": {"expected": 32.16, "high": 35.0, "capacity": 32},
    "overfull": True,
    "chance_overfull": 0.5277,
}
LEG: dict[str, Any] = {
    "service_date": "2026-11-30",
    "route_id": "DR-1",
    "trip_id": "DR-1-0800",
    "operator": "Biblionet Drenthe",
    "sequence": 3,
    "from_location": "NL-0800070001",
    "to_location": "NL-0800070002",
    "departs_at": "2026-11-30T09:10:00+01:00",
    "arrives_at": "2026-11-30T09:32:00+01:00",
    **_LOAD,
}
LEGS = {**HEAD, "items": [LEG], "next_cursor": None}
ROUTES = {
    **HEAD,
    "items": [
        {
            **{name: LEG[name] for name in ("service_date", "route_id", "operator")},
            "trips": 2,
            "items": {"under_way": 540, "forecast": 1207.4, "expected": 1747.4},
            "fullest": {"trip_id": "DR-1-0800", "sequence": 3, **_LOAD},
            "overfull_legs": 1,
        }
    ],
}
TRIP = {
    **HEAD,
    "items": [
        {
            **LEG,
            "loan_requests": ["019ab2c4-11a2-7c3e-9d51-6f1f0d6a2b11"],
            "pairs": [
                {
                    "from_location": "NL-0800070001",
                    "to_location": "NL-0800130004",
                    "items": 3.204,
                    "seen": 811,
                    "share": 0.0312,
                    "level": 96.5,
                    "weekdays": [1.7, 1.35, 1.2, 1.15, 1.1, 0.45, 0.05],
                }
            ],
            "pairs_in_all": 1460,
        }
    ],
}
