"""What the map and its panels are answered, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.register_shapes import LOCATION_EXAMPLE, LocationShape

MAP_EXAMPLE: dict[str, Any] = {
    "version": "nv-b2eeb8fb5b72f407",
    "first_day": "2026-01-01",
    "last_day": "2026-12-31",
    "operators": [{"id": "DR", "name": "Biblionet Drenthe"}],
    "provinces": [{"code": "DR", "name": "Drenthe", "poi": "biblionet-drenthe"}],
    "pois": [{"code": "biblionet-drenthe", "name": "Biblionet Drenthe"}],
    "systems": ["wise-noord"],
    "locations": [
        {
            "id": "NL-0800070001",
            "name": "Assen",
            "kind": "location",
            "agency": "NL-0800070000",
            "province": "DR",
            "poi": "biblionet-drenthe",
            "system": "wise-noord",
            "lat": 52.99,
            "lon": 6.56,
            "transfers": False,
            "served": True,
        }
    ],
    "routes": [
        {
            "id": "DR-1",
            "operator": 0,
            "short_name": "1",
            "long_name": "Assen – Emmen",
            "kind": "round",
            "patterns": [
                {"stops": [0], "weekdays": [True, True, True, True, True, False, False], "trips": 2},
            ],
        }
    ],
}
CALL_EXAMPLE: dict[str, Any] = {
    "service_date": "2026-11-24",
    "route_id": "DR-1",
    "trip_id": "DR-1-0800",
    "operator": "Biblionet Drenthe",
    "from_location": "hub-north",
    "to_location": "NL-0800070002",
    "arrives_at": "2026-11-24T09:15:00+01:00",
    "departs_at": "2026-11-24T09:20:00+01:00",
    "pickup": True,
    "drop_off": True,
    "runs": True,
}
CALLS_EXAMPLE: dict[str, Any] = {
    "network_version": "nv-b2eeb8fb5b72f407",
    "location": "NL-0800070001",
    "from": "2026-11-23",
    "days": 7,
    "calls": [CALL_EXAMPLE],
}
OVERVIEW_EXAMPLE: dict[str, Any] = {
    "location": LOCATION_EXAMPLE,
    "holdings": [
        {"system": "wise-midden", "titles": 31402, "copies": 40211, "available_known": 0, "loanable_titles": 30890}
    ],
    "under_way": [{"direction": "to", "item": "on_trip", "back": False, "loan_requests": 12}],
}
LOAD_EXAMPLE: dict[str, Any] = {
    "route": "DR-1",
    "from": "2026-11-23",
    "days": 7,
    "rides": [
        {
            "trip_id": "DR-1-0800",
            "service_date": "2026-11-24",
            "from_location": "hub-north",
            "to_location": "NL-0800070001",
            "departs_at": "2026-11-24T08:30:00+01:00",
            "items": 14,
            "back": 3,
        }
    ],
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": value})


class NamedShape(BaseModel):
    """A POI or operator."""

    id: str
    name: str


class MapPoiShape(BaseModel):
    """A provincial organisation that runs vans."""

    code: str
    name: str


class MapProvinceShape(BaseModel):
    """A province and the POI that distributes in it."""

    code: str
    name: str
    poi: str | None


class MapLocationShape(BaseModel):
    """A location as a map shows it."""

    id: str
    name: str
    kind: Literal["location", "hub"]
    agency: str | None
    province: str | None
    poi: str | None
    system: str | None
    lat: float | None = Field(description="Degrees to five decimals; null: nobody knows.")
    lon: float | None
    transfers: bool = Field(description="Items may change trips here.")
    served: bool = Field(description="A van of this version calls here.")


class PatternShape(BaseModel):
    """A way that a route is driven."""

    stops: list[int] = Field(description="Positions in `locations`, in the order of calling.")
    weekdays: list[bool] = Field(description="Whether any of its trips runs on a Monday, and so on.")
    trips: int


class MapRouteShape(BaseModel):
    """A route and every way that it is driven."""

    id: str
    operator: int = Field(description="Position in `operators`.")
    short_name: str
    long_name: str
    kind: Literal["round", "line_haul", "ferry"] = Field(description="A line-haul calls at hubs only.")
    patterns: list[PatternShape]


class MapShape(BaseModel):
    """A network version and the register of today, in one document that is small enough to be loaded at once."""

    model_config = _example(MAP_EXAMPLE)

    version: str
    first_day: date | None
    last_day: date | None
    operators: list[NamedShape]
    provinces: list[MapProvinceShape]
    pois: list[MapPoiShape]
    systems: list[str]
    locations: list[MapLocationShape]
    routes: list[MapRouteShape]


class CallShape(BaseModel):
    """A van at a location."""

    service_date: date = Field(description="The service day; trips past midnight belong to the day before.")
    route_id: str
    trip_id: str
    operator: str
    from_location: str = Field(description="Where its trip begins.")
    to_location: str = Field(description="Where its trip ends.")
    arrives_at: datetime
    departs_at: datetime
    pickup: bool = Field(description="Items may get on here.")
    drop_off: bool = Field(description="Items may get off here.")
    runs: bool = Field(description="False: its trip is cancelled, or its route suspended, on that day.")


class CallsShape(BaseModel):
    """The vans that call at a location, by time."""

    model_config = ConfigDict(populate_by_name=True, json_schema_extra={"example": CALLS_EXAMPLE})

    network_version: str
    location: str
    first: date = Field(alias="from")
    days: int
    calls: list[CallShape]


class ShelfCountShape(BaseModel):
    """What a location holds in a system, counted."""

    system: str | None = Field(description="The system that the location uses today; null: none that is known.")
    titles: int
    copies: int
    available_known: int = Field(description="Copies on the shelf, as far as they are known.")
    loanable_titles: int


class UnderWayShape(BaseModel):
    """Loan requests that have a supplier and have not ended, counted."""

    direction: Literal["to", "from", "here"] = Field(
        description="Whether the item goes to the location or comes from it; `here`: it is for its reader."
    )
    item: str = Field(description="Where the item is, in the words of a loan request.")
    back: bool = Field(description="It is on the way home.")
    loan_requests: int


class OverviewShape(BaseModel):
    """A location with what it holds and what is under way to and from it."""

    model_config = _example(OVERVIEW_EXAMPLE)

    location: LocationShape
    holdings: list[ShelfCountShape]
    under_way: list[UnderWayShape]


class RideShape(BaseModel):
    """Items that get on and off a dated trip at the same stops."""

    trip_id: str
    service_date: date
    from_location: str
    to_location: str
    departs_at: datetime
    items: int
    back: int = Field(description="How many of these are on the way home.")


class LoadShape(BaseModel):
    """What rides on a route on the days to come, of the loan requests under way now."""

    model_config = ConfigDict(populate_by_name=True, json_schema_extra={"example": LOAD_EXAMPLE})

    route: str
    first: date = Field(alias="from")
    days: int
    rides: list[RideShape]
