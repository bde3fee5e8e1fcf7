"""What a day at once is asked and what it answers, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.decision_shapes import (
    ANSWER,
    MAX_CENTS,
    CostPartShape,
    Isil,
    LegShape,
    Moment,
    RefusalShape,
    TitleShape,
)
from routing import Objective
from routing.assign import ResourceKind

MOST_REQUESTS = 10_000
MOST_QUOTAS = 5_000
MAX_BATCH_BYTES = 4 * 1024 * 1024

Name = Annotated[str, Field(min_length=1, max_length=200)]
Quota = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class BatchRequestShape(BaseModel):
    """One loan request of the batch: as a decision is asked for, with a name to find it by in the answer."""

    model_config = ConfigDict(extra="forbid")

    id: Name = Field(description="What the caller calls it; each name once.", examples=["20261123-0001"])
    title: TitleShape
    pickup_location: Isil = Field(description="Where the reader collects it: the ISIL of a location.")
    objective: Objective | None = Field(
        default=None, description="What matters most. Left out: what the network's policy says."
    )
    need_before: Moment | None = Field(default=None, description="What cannot be there by then is no option.")
    max_cost_cents: Annotated[int, Field(strict=True, ge=0, le=MAX_CENTS)] | None = Field(
        default=None, description="What costs more, in euro cents, is no option."
    )
    exclude: list[Isil] = Field(
        default=[], max_length=1000, description="Agencies or locations (ISIL) that must not supply."
    )


class AssignmentAskShape(BaseModel):
    """The loan requests of a day, of one moment, and what there is too little of."""

    model_config = ConfigDict(extra="forbid")

    requests: list[BatchRequestShape] = Field(min_length=1, max_length=MOST_REQUESTS)
    requested_at: Moment | None = Field(default=None, description="When the clock starts to run. Left out: now.")
    quotas: dict[Isil, Quota] = Field(
        default={},
        max_length=MOST_QUOTAS,
        description="How many items a location or an agency supplies to this batch at most, by ISIL.",
        examples=[{"NL-0800080000": 40}],
    )

    @model_validator(mode="after")
    def _each_once(self) -> AssignmentAskShape:
        if len({one.id for one in self.requests}) < len(self.requests):
            raise ValueError("Takes each id once in requests.")
        return self


class SupplyShape(BaseModel):
    """Who supplies and by which vans, as in an entry of a rota."""

    supplying_agency: str | None = Field(description="Null: the location belongs to no agency that we know of.")
    supplying_location: str
    ready_at: datetime = Field(description="When the copy is ready to travel, after handling in opening hours.")
    arrives_at: datetime = Field(description="When it is at the pickup location.")
    cost_cents: int
    cost_parts: list[CostPartShape]
    handlings: int = Field(description="Changes of trip on the way.")
    legs: list[LegShape] = Field(description="The rides in order; empty where the copy already stands there.")
    weight: float = Field(description="What it weighs, in euro cents (docs/assignment.md).")


class HindranceShape(BaseModel):
    """One thing that keeps a loan request from its own best option, used up by others."""

    kind: ResourceKind = Field(description="The copies of a title at a location, a quota, or the room on a trip.")
    most: int = Field(description="How many there were: copies, items of the quota, or items that the trip takes.")
    location: str | None = Field(description="copy: where the copies stand.")
    by: list[str] = Field(description="copy: the loan requests that take them.")
    of: str | None = Field(description="quota: the location or agency that it is of.")
    leg: LegShape | None = Field(description="ride: the trip, from where to where it is full.")


class AssignedShape(BaseModel):
    """What becomes of one loan request."""

    id: str
    supply: SupplyShape | None = Field(description="Null: it is not served.")
    own_best: SupplyShape | None = Field(description="What it would take by itself; null: it does, or nobody can.")
    differs: list[HindranceShape] = Field(description="Why it does not take its own best.")
    reasons: list[str] = Field(description="The same in sentences.")
    refusals: list[RefusalShape] = Field(description="Who will not be asked, and why; of those that are not served.")


class AssignmentShape(BaseModel):
    """A day at once, wholly of one network version."""

    network_version: str
    requested_at: datetime
    requests: int
    served: int
    weight: float = Field(description="What all weighs together, in euro cents (docs/assignment.md).")
    lower_bound: float = Field(description="No assignment whatever weighs less.")
    gap: float = Field(description="By what part of the lower bound the weight lies above it; 0: proven best.")
    finished: bool = Field(description="False: time ran out, and the same batch may be answered otherwise again.")
    items: list[AssignedShape] = Field(description="In the order of the loan requests.")


_ENTRY: dict[str, Any] = ANSWER["rota"][0]
_SUPPLY = {name: _ENTRY[name] for name in SupplyShape.model_fields if name in _ENTRY}

BATCH: dict[str, Any] = {
    "two": {
        "summary": "Two readers, one copy",
        "value": {
            "requests": [
                {"id": "1", "title": {"isbn": "9789021400129"}, "pickup_location": "NL-0800070001"},
                {
                    "id": "2",
                    "title": {"isbn": "9789021400129"},
                    "pickup_location": "NL-0800070002",
                    "need_before": "2026-12-04T17:00:00+01:00",
                },
            ],
            "requested_at": "2026-11-23T10:00:00+01:00",
            "quotas": {"NL-0800080000": 40},
        },
    }
}
ASSIGNMENT: dict[str, Any] = {
    "network_version": ANSWER["network_version"],
    "requested_at": ANSWER["requested_at"],
    "requests": 2,
    "served": 1,
    "weight": 10251.51,
    "lower_bound": 10251.51,
    "gap": 0.0,
    "finished": True,
    "items": [
        {
            "id": "1",
            "supply": {**_SUPPLY, "weight": 250.84},
            "own_best": None,
            "differs": [],
            "reasons": [],
            "refusals": [],
        },
        {
            "id": "2",
            "supply": None,
            "own_best": {**_SUPPLY, "weight": 251.02},
            "differs": [
                {"kind": "copy", "most": 1, "location": "NL-0800080003", "by": ["1"], "of": None, "leg": None}
            ],
            "reasons": ["The copy at NL-0800080003 goes to 1."],
            "refusals": ANSWER["refusals"],
        },
    ],
}
