"""What the operations on agencies and locations answer, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

AGENCY_EXAMPLE = {
    "isil": "NL-0800070000",
    "name": "Bibliotheek Midden",
    "province": "UT",
    "poi": "BiSC",
    "system": "wise-midden",
    "systems": [
        {"system": "vubis-midden", "since": None, "until": "2024-07-01"},
        {"system": "wise-midden", "since": "2024-07-01", "until": None},
    ],
    "lat": 52.09,
    "lon": 5.12,
    "supplies": True,
    "valid_from": None,
    "valid_until": None,
    "successor": None,
    "suspensions": [],
}
LOCATION_EXAMPLE = {
    "id": "NL-0800070001",
    "kind": "location",
    "name": "Midden Centrum",
    "agency": "NL-0800070000",
    "province": "UT",
    "poi": "BiSC",
    "system": "wise-midden",
    "lat": 52.09,
    "lon": 5.12,
    "handling_minutes": 60,
    "opening_hours": "Mo-Fr 09:00-17:00; PH off",
    "valid_from": None,
    "valid_until": None,
    "suspensions": [{"since": "2026-12-24", "until": "2027-01-04"}],
}
PROVINCE_EXAMPLE = {
    "code": "Overijssel",
    "name": "Overijssel",
    "poi": "Rijnbrink",
    "collection_roles": [
        {"plan_year": 2022, "role": "joint_plan"},
        {"plan_year": 2022, "role": "central_collecting"},
        {"plan_year": 2022, "role": "strategy_group"},
    ],
}
POI_EXAMPLE = {"code": "Rijnbrink", "name": "Rijnbrink", "provinces": ["Gelderland", "Overijssel"]}


def _example(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example})


class SuspensionShape(BaseModel):
    """A time in which nothing is asked of it."""

    since: date | None = Field(description="The first day; null: from ever.")
    until: date | None = Field(description="The first day on which it takes part again; null: not known.")


class ParticipationShape(BaseModel):
    """The use of a system by an agency."""

    system: str
    since: date | None = Field(description="The first day; null: from ever.")
    until: date | None = Field(description="The first day on which it was no longer used; null: it still is.")


class AgencyShape(BaseModel):
    """An organisation, named by ISIL."""

    model_config = _example(AGENCY_EXAMPLE)

    isil: str
    name: str
    province: str | None
    poi: str | None = Field(description="Who drives its vans: its own, or else its province's.")
    system: str | None = Field(description="The system that it uses today.")
    systems: list[ParticipationShape] = Field(description="Every system that it used, uses or is going to use.")
    lat: float | None
    lon: float | None
    supplies: bool = Field(description="Whether it lends to others at all.")
    valid_from: date | None = Field(description="The first day on which it exists; null: from ever.")
    valid_until: date | None = Field(description="The first day on which it no longer does; null: not known.")
    successor: str | None = Field(description="ISIL of the agency that it merged into.")
    suspensions: list[SuspensionShape]


class LocationShape(BaseModel):
    """A service point. Province, POI and system are its agency's where it has none of its own."""

    model_config = _example(LOCATION_EXAMPLE)

    id: str
    kind: Literal["location", "hub"]
    name: str
    agency: str | None
    province: str | None
    poi: str | None
    system: str | None
    lat: float | None
    lon: float | None
    handling_minutes: int = Field(description="How much open time it takes to make an item ready.")
    opening_hours: str = Field(description="In the OpenStreetMap syntax; empty: always open.")
    valid_from: date | None
    valid_until: date | None
    suspensions: list[SuspensionShape]


class RoleShape(BaseModel):
    """What a province does in the joint collection plan."""

    plan_year: int
    role: Literal["joint_plan", "central_collecting", "strategy_group", "otherwise"]


class ProvinceShape(BaseModel):
    """A province, the POI that distributes in it, and its roles in the joint collection plan."""

    model_config = _example(PROVINCE_EXAMPLE)

    code: str
    name: str
    poi: str | None
    collection_roles: list[RoleShape]


class PoiShape(BaseModel):
    """A provincial organisation that runs vans, and where."""

    model_config = _example(POI_EXAMPLE)

    code: str
    name: str
    provinces: list[str]


class TariffShape(BaseModel):
    """What is charged for an item, in euro cents, from a day on."""

    model_config = _example({"valid_from": "2021-01-01", "supplier_cents": 675, "transport_cents": 400})

    valid_from: date = Field(description="The first day; until the next tariff begins.")
    supplier_cents: int = Field(description="To the supplying agency, once an item leaves agency and province.")
    transport_cents: int = Field(description="On top, for an item that leaves the area of its POI.")
