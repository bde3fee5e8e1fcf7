"""Where an item goes next and what stays where it is wanted, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.decision_shapes import ANSWER, LegShape
from routing import Floating

STAYING: dict[str, Any] = {
    "id": 31,
    "isbns": ["9789021400129"],
    "ppns": ["398765432"],
    "title": "De ontdekking van de hemel",
    "material": "book",
    "home": "NL-0800080003",
    "agency": "NL-0800080000",
    "location": "NL-0800070001",
    "since": "2026-11-24T10:15:00+01:00",
    "called_at": None,
    "ended_at": None,
}
CALLED: dict[str, Any] = {
    **STAYING,
    "called_at": "2026-12-01T09:00:00+01:00",
    "legs": ANSWER["rota"][0]["legs"],
    "arrives_at": "2026-12-02T11:05:00+01:00",
}
WHERE_NEXT: dict[str, Any] = {
    "from_location": "NL-0800070001",
    "home": "NL-0800080003",
    "chosen": "stay",
    "to_location": "NL-0800070001",
    "saving": {"cents": 137.5, "rides": 3.2},
    "reasons": [
        "Two of the last three who asked for it are served better from here than from NL-0800080003.",
        "Staying saves 3.2 rides and 1.38 euro by the time that the next reader has it.",
    ],
    "options": [
        {
            "where": "home",
            "location": "NL-0800080003",
            "cents": 412.3,
            "trip": {"cents": 100.0, "rides": 2.0},
            "next_supply": {"cents": 312.3, "rides": 1.7},
            "why_not": [],
        },
        {
            "where": "stay",
            "location": "NL-0800070001",
            "cents": 274.8,
            "trip": {"cents": 0.0, "rides": 0.0},
            "next_supply": {"cents": 274.8, "rides": 0.5},
            "why_not": [],
        },
    ],
    "next_reader": [{"location": "NL-0800070001", "chance": 0.62}, {"location": "NL-0800080003", "chance": 0.38}],
    "asked_before": {"title": 3, "anything": 5000},
    "policy": {
        "floating": "province",
        "floating_materials": ["book"],
        "most_floating": 250,
        "away": 12,
        "versions": [3],
    },
}


class TakesShape(BaseModel):
    """What something takes."""

    cents: float = Field(description="Euro cents, as the policy weighs charges, rides and waiting.")
    rides: float = Field(description="Rides by van, on average; each is one loading and one unloading.")


class PlaceToGoShape(BaseModel):
    """A place where the item could go."""

    where: Literal["forward", "home", "stay"]
    location: str
    cents: float = Field(description="What it comes to: the trip and the next supply.")
    trip: TakesShape
    next_supply: TakesShape = Field(description="What supplying the next reader from there is expected to take.")
    why_not: list[str] = Field(description="Why it cannot go there; empty: it can.")


class NextReaderShape(BaseModel):
    """How likely the next who asks collects at a location."""

    location: str
    chance: float


class AskedBeforeShape(BaseModel):
    """How many loan requests say where the next reader is."""

    title: int = Field(description="For the title, in the last year.")
    anything: int = Field(description="For any title, the last ones.")


class FloatingPolicyShape(BaseModel):
    """What the side that the item belongs to has said."""

    floating: Floating
    floating_materials: list[str] | None
    most_floating: int | None
    away: int = Field(description="How many copies of its agency stay elsewhere already.")
    versions: list[int]


class WhereNextShape(BaseModel):
    """Where an item goes next that is sent back now, and what that was made of."""

    model_config = ConfigDict(json_schema_extra={"example": WHERE_NEXT})

    from_location: str
    home: str
    chosen: Literal["forward", "home", "stay"]
    to_location: str
    saving: TakesShape = Field(description="Against going home, by the time that the next reader has it.")
    reasons: list[str]
    options: list[PlaceToGoShape]
    next_reader: list[NextReaderShape] = Field(description="Empty where it did not matter.")
    asked_before: AskedBeforeShape
    policy: FloatingPolicyShape


class FloatedItemShape(BaseModel):
    """A copy that stays elsewhere than at home."""

    model_config = ConfigDict(json_schema_extra={"example": STAYING})

    id: int
    isbns: list[str]
    ppns: list[str]
    title: str | None
    material: str
    home: str = Field(description="The location that it belongs to.")
    agency: str | None = Field(description="That location's agency, when it was left.")
    location: str = Field(description="Where it stays, and is supplied from until it is called home.")
    since: datetime
    called_at: datetime | None = Field(description="When it was called home; from then on it is not lent.")
    ended_at: datetime | None = Field(description="When it was home again.")


class CalledHomeShape(FloatedItemShape):
    """A copy that was called home, and by which vans it would go now."""

    model_config = ConfigDict(json_schema_extra={"example": CALLED})

    legs: list[LegShape] = Field(description="Empty: no van takes it there.")
    arrives_at: datetime | None
