"""What explains a decision: a comparison with a location, a loan request's decision, and its item's way."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.decision_shapes import (
    ANSWER,
    QUESTIONS,
    CostPartShape,
    DecisionShape,
    Isil,
    LegShape,
    QuestionShape,
    RefusalShape,
    RotaEntryShape,
)
from routing import Objective

_FIRST: dict[str, Any] = ANSWER["rota"][0]
_WAY = {
    name: _FIRST[name]
    for name in ("ready_at", "arrives_at", "cost_cents", "cost_parts", "handlings", "legs", "reasons")
}
COMPARISON: dict[str, Any] = {
    "network_version": ANSWER["network_version"],
    "requested_at": ANSWER["requested_at"],
    "objective": "fastest",
    "location": "NL-0800060002",
    "standing": "refused",
    "rank": None,
    "entries": 1,
    "refusal": ANSWER["refusals"][0],
    "first": _FIRST,
    "would": {**_WAY, "arrives_at": "2026-11-24T15:05:00+01:00"},
    "would_version": ANSWER["network_version"],
    "no_way": None,
    "criteria": [
        {"criterion": "arrival", "unit": "seconds", "first": 90300, "location": 104700, "difference": 14400},
        {"criterion": "handlings", "unit": "handlings", "first": 1, "location": 1, "difference": 0},
        {"criterion": "cost", "unit": "cents", "first": 1075, "location": 1075, "difference": 0},
    ],
    "decided_by": None,
}
COMPARED: dict[str, Any] = {"another": {"value": {**QUESTIONS["short"]["value"], "location": "NL-0800060002"}}}
DECIDED: dict[str, Any] = {
    "number": 1,
    "isbn": "9789021400129",
    "ppn": None,
    "pickup_location": "NL-0800070001",
    **ANSWER,
}
WAY: dict[str, Any] = {
    "there": _FIRST["legs"],
    "there_as": "planned",
    "back": [],
    "now": {
        "state": "riding",
        "location": None,
        "leg": _FIRST["legs"][0],
        "since": "2026-11-23T14:20:00+01:00",
        "how": "planned",
    },
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": value})


class CompareShape(QuestionShape):
    """A decision's question, and the location that somebody asks about."""

    model_config = ConfigDict(extra="forbid")

    location: Isil = Field(description="Why not this one? Any location, whether it holds the title or not.")


class WouldShape(BaseModel):
    """What a supplier comes to."""

    ready_at: datetime
    arrives_at: datetime
    cost_cents: int
    cost_parts: list[CostPartShape]
    handlings: int
    legs: list[LegShape]
    reasons: list[str]


class CriterionShape(BaseModel):
    """A criterion of the objective, with what both come to. Less is better."""

    criterion: Literal["arrival", "handlings", "cost", "balance", "weighed"] = Field(
        description="The arrival counts from the request; the balance is what `balanced` adds up. Weighed is what "
        "the time until the arrival is worth (for `cheapest`: the cost) with what the supplier bears already."
    )
    unit: Literal["seconds", "handlings", "cents"]
    first: float
    location: float
    difference: float = Field(description="The location's less the first one's: above zero is worse.")


class ComparisonShape(BaseModel):
    """A location beside the first of a decision."""

    model_config = _example(COMPARISON)

    network_version: str
    requested_at: datetime
    objective: Objective
    location: str
    standing: Literal["first", "lower", "refused", "no_holder", "not_listed"] = Field(
        description="`no_holder`: it holds no copy; `not_listed`: it holds none, or stood below the end of the rota."
    )
    rank: int | None
    entries: int = Field(description="How many the rota has.")
    refusal: RefusalShape | None
    first: RotaEntryShape | None = Field(description="Null: nobody can fill it.")
    would: WouldShape | None = Field(
        description="What it comes to: as on the rota, or else as if it had a copy on the shelf, and no rule but the "
        "vans' were in its way. Null: no van takes it there."
    )
    would_version: str = Field(description="The network version that `would` is of.")
    no_way: str | None = Field(description="Why no van takes it there.")
    criteria: list[CriterionShape] = Field(description="In the order in which the objective looks at them.")
    decided_by: str | None = Field(
        description="The criterion by which it fell behind the first; `precedence`: whatever the objective says, the "
        "policy puts the first one before it; `expected`: the rota as a whole comes to less so, as suppliers may say "
        "no. Null where it did not fall behind, or by none of them."
    )


class LoanDecisionShape(DecisionShape):
    """A loan request's newest decision, and what was asked."""

    model_config = _example(DECIDED)

    number: int = Field(description="1 is what the requester was answered; each renewal is another.")
    isbn: str | None
    ppn: str | None
    pickup_location: str


class NowShape(BaseModel):
    """Where an item is."""

    state: Literal["at", "riding", "unknown"]
    location: str | None = Field(description="Where it stands, or was seen last.")
    leg: LegShape | None = Field(description="The ride that it is on.")
    since: datetime | None
    how: Literal["seen", "planned", "said"] = Field(
        description="It was seen there, it should be there by its plan, or the loan request's status says so."
    )


class WayShape(BaseModel):
    """The way of a loan request's item, and where it is."""

    model_config = _example(WAY)

    there: list[LegShape]
    there_as: Literal["planned", "decided"] = Field(
        description="`decided`: as its supplier was chosen by, for what was planned since is no longer kept."
    )
    back: list[LegShape] = Field(description="Empty until it is sent home.")
    now: NowShape
