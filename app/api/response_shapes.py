"""What the operations on how suppliers answer show, as the OpenAPI document has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.store.responses import Version
from routing.learning import LEVELS, PARTS, Learned
from routing.response import BINS, DECLINED, EDGE_HOURS, HOUR_BANDS, SILENT, SUPPLIED, Floats, within_hours

Document = dict[str, Any]
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


_SHARES = {
    "supplied": (0.22, 0.2, 0.17, 0.12, 0.03, 0.02, 0.01, 0.01, 0.01, 0.0),
    "declined": (0.09, 0.05, 0.02, 0.01),
}
_EVEN = {"supplied": [1.0] * BINS, "declined": [1.0] * BINS, "silent": 1.0}


def _example_part(weight: float | None, strength: float | None, share: float) -> Document:
    return {"weight": weight, "strength": strength, "share": share}


def _example_level(level: str, of: str | None, *parts: tuple[float | None, float | None, float]) -> Document:
    return {"level": level, "of": of, **{name: _example_part(*part) for name, part in zip(PARTS, parts, strict=True)}}


MODEL_EXAMPLE = {
    "version": "42",
    "learned_at": "2026-11-23T03:00:04+01:00",
    "since": "2025-11-28T03:00:04+01:00",
    "until": "2026-11-23T03:00:04+01:00",
    "observations": 1204311,
    "weight": 284012.5,
    "locations": 1287,
}
_LOCATION_EXAMPLE = {
    "location": "NL-0800070001",
    "supplies": 0.79,
    "declines": 0.17,
    "silent": 0.04,
    "open_hours_p50": 1.9,
    "open_hours_p90": 7.8,
    "weight": 36.5,
    "levels": [
        _example_level("location", "NL-0800070001", (36.5, 10.0, 0.785), (28.1, 100.0, 0.219), (6.9, 100.0, 0.065)),
        _example_level("system", "wise-midden", (810.2, 50.0, 0.203), (633.0, 20.0, 0.757), (140.1, 20.0, 0.818)),
        _example_level("province", "UT", (2204.0, 20.0, 0.012), (1690.3, 20.0, 0.024), (430.7, 20.0, 0.112)),
        _example_level("network", None, (284012.5, 20.0, 0.0), (215910.0, 20.0, 0.0), (62404.1, 20.0, 0.005)),
        _example_level("prior", None, (None, None, 0.0), (None, None, 0.0), (None, None, 0.0)),
    ],
    "times": [
        {
            "from_open_hours": first,
            "to_open_hours": last,
            "supplied": _SHARES["supplied"][at],
            "declined": (*_SHARES["declined"], *[0.0] * BINS)[at],
        }
        for at, (first, last) in enumerate(pairwise(EDGE_HOURS))
    ],
}
RESPONSE_EXAMPLE = {
    "isil": "NL-0800070000",
    **{name: MODEL_EXAMPLE[name] for name in ("version", "learned_at", "since", "until")},
    "locations": [_LOCATION_EXAMPLE],
    "ratios": {
        "materials": [{"context": "book", **_EVEN}, {"context": "score", **_EVEN, "silent": 1.4}],
        "weekdays": [{"context": name, **_EVEN} for name in WEEKDAYS],
        "hours": [{"context": f"{first:02d}-{last:02d}", **_EVEN} for first, last in pairwise(HOUR_BANDS)],
    },
}


def _example(example: Document) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example})


class PartShape(BaseModel):
    """What a level contributes to some of the numbers of a location."""

    weight: float | None = Field(description="The answers counted there, faded with age; null for the prior.")
    strength: float | None = Field(description="How many answers the next level is worth; null for the prior.")
    share: float = Field(description="How much of the numbers comes from here; over all levels they sum to one.")


class LevelShape(BaseModel):
    """One of those that a location's numbers come from: itself first, the prior last."""

    level: Literal["location", "system", "province", "network", "prior"]
    of: str | None = Field(description="The location, system or province; null where it has no name.")
    answer: PartShape = Field(description="Of whether it supplies, declines or stays silent.")
    time_to_supply: PartShape
    time_to_decline: PartShape


class BinShape(BaseModel):
    """How likely an answer comes within some open time; over all bins, and silence, they sum to one."""

    from_open_hours: float
    to_open_hours: float
    supplied: float
    declined: float


class LocationResponseShape(BaseModel):
    """What is expected of a location, whatever is asked for and whenever."""

    location: str
    supplies: float = Field(description="How likely it hands the item to the vans.")
    declines: float
    silent: float = Field(description="How likely it says nothing until the placement lapses.")
    open_hours_p50: float | None = Field(description="When it supplies: half of the times within so many open hours.")
    open_hours_p90: float | None = Field(description="Nine of ten times.")
    weight: float = Field(description="Its own answers, faded with age.")
    levels: list[LevelShape]
    times: list[BinShape]


class RatioShape(BaseModel):
    """By how much a context changes the chances; the product of all that apply is scaled to one."""

    context: str = Field(description="The material, the weekday, or the hours `from-to` in which it is asked.")
    supplied: list[float] = Field(description="For each of `times`.")
    declined: list[float]
    silent: float


class RatiosShape(BaseModel):
    """Of each kind of context, for the whole network."""

    materials: list[RatioShape]
    weekdays: list[RatioShape]
    hours: list[RatioShape]


class ResponseShape(BaseModel):
    """How an agency's locations answer, as it was learned last."""

    model_config = _example(RESPONSE_EXAMPLE)

    isil: str
    version: str | None = Field(description="Null: nothing was learned yet, and there is nothing to show.")
    learned_at: datetime | None
    since: datetime | None = Field(description="Of the answers that it was learned from: the first moment.")
    until: datetime | None
    locations: list[LocationResponseShape]
    ratios: RatiosShape | None


class ResponseModelShape(BaseModel):
    """A version of what was learned."""

    model_config = _example(MODEL_EXAMPLE)

    version: str
    learned_at: datetime
    since: datetime
    until: datetime
    observations: int = Field(description="Answers that it was learned from.")
    weight: float = Field(description="The same, faded with age.")
    locations: int = Field(description="How many answered.")


def response_of(isil: str, version: Version | None, locations: Sequence[Mapping[str, Any]]) -> Document:
    """Return what is expected of an agency's locations, and why."""
    if version is None:
        nothing = dict.fromkeys(("version", "learned_at", "since", "until", "ratios"))
        return {"isil": isil, **nothing, "locations": []}
    learned = version.learned
    return {
        "isil": isil,
        "version": learned.model.version,
        "learned_at": version.learned_at,
        "since": version.since,
        "until": version.until,
        "locations": [_location(learned, row["id"], row["system"], row["province"]) for row in locations],
        "ratios": _ratios(learned),
    }


def _location(learned: Learned, location: str, system: str | None, province: str | None) -> Document:
    model = learned.model
    row = model.row_of(location, system, province)
    chances = model.table[row]
    own = model.locations.get(location)
    return {
        "location": location,
        "supplies": float(chances[SUPPLIED].sum()),
        "declines": float(chances[DECLINED].sum()),
        "silent": float(chances[SILENT]),
        "open_hours_p50": within_hours(chances[SUPPLIED], 0.5),
        "open_hours_p90": within_hours(chances[SUPPLIED], 0.9),
        "weight": 0.0 if own is None else float(learned.weights[own].sum()),
        "levels": _levels(learned, row, {"location": location, "system": system, "province": province}),
        "times": [
            {
                "from_open_hours": EDGE_HOURS[at],
                "to_open_hours": EDGE_HOURS[at + 1],
                "supplied": float(chances[SUPPLIED][at]),
                "declined": float(chances[DECLINED][at]),
            }
            for at in range(BINS)
        ],
    }


def _levels(learned: Learned, row: int, names: Mapping[str, str | None]) -> list[Document]:
    parts = [learned.shares(row, part) for part in range(len(PARTS))]
    found = []
    for shares in zip(*parts, strict=True):
        at = shares[0][0]
        level = "prior" if at < 0 else LEVELS[learned.levels[at]]
        contributed = {
            name: _part(learned, at, part, share)
            for part, (name, (_, share)) in enumerate(zip(PARTS, shares, strict=True))
        }
        found.append({"level": level, "of": names.get(level), **contributed})
    return found


def _part(learned: Learned, row: int, part: int, share: float) -> Document:
    if row < 0:
        return {"weight": None, "strength": None, "share": share}
    strength = float(learned.strengths[learned.levels[row], part])
    return {"weight": learned.weight_of(row, part), "strength": strength, "share": share}


def _ratios(learned: Learned) -> Document:
    model = learned.model
    bands = [f"{first:02d}-{last:02d}" for first, last in pairwise(HOUR_BANDS)]
    return {
        "materials": [_ratio(name, ratios) for name, ratios in sorted(model.materials.items())],
        "weekdays": [_ratio(name, ratios) for name, ratios in zip(WEEKDAYS, model.weekdays, strict=True)],
        "hours": [_ratio(name, ratios) for name, ratios in zip(bands, model.hours, strict=True)],
    }


def _ratio(context: str, ratios: Floats) -> Document:
    return {
        "context": context,
        "supplied": ratios[SUPPLIED].tolist(),
        "declined": ratios[DECLINED].tolist(),
        "silent": float(ratios[SILENT]),
    }
