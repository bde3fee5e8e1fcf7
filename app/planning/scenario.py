"""A scenario in words: what is changed in which network version, and which loan requests it is tried on."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from routing import Objective

MOST_CHANGES = 50
MOST_DAYS = 100
MOST_REQUESTS = 500_000
MOST_CENTS = 1_000_000

Weekday = Literal["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"]
WEEKDAYS: tuple[Weekday, ...] = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
Id = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Days = Annotated[list[Weekday], Field(min_length=1, max_length=7, description="On which days of the week.")]
Minutes = Annotated[int, Field(strict=True, ge=0, le=7 * 24 * 60)]
Cents = Annotated[int, Field(strict=True, ge=0, le=MOST_CENTS)]
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _read_day(value: object) -> object:
    if not isinstance(value, date) and not (isinstance(value, str) and _DAY.fullmatch(value)):
        raise ValueError("Takes a day of the form YYYY-MM-DD.")
    return value


Day = Annotated[date, BeforeValidator(_read_day)]


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DropRoute(_Words):
    """A route is driven no more."""

    kind: Literal["drop_route"]
    route: Id


class Frequency(_Words):
    """A route is driven on other days of the week, more often on one day, or both."""

    kind: Literal["frequency"]
    route: Id
    weekdays: Days | None = Field(default=None, description="Left out: as now.")
    again_after_minutes: list[Annotated[int, Field(strict=True, ge=1, le=24 * 60)]] = Field(
        default=[], max_length=10, description="Each trip is driven once more, so many minutes later."
    )

    @model_validator(mode="after")
    def _changes(self) -> Frequency:
        if self.weekdays is None and not self.again_after_minutes:
            raise ValueError("Takes weekdays, again_after_minutes or both.")
        return self


class CloseHub(_Words):
    """No van calls at a hub any more, so nothing is changed over there."""

    kind: Literal["close_hub"]
    location: Id


class MoveHub(_Words):
    """Vans that call at a hub call at another location instead, at the same times; the handling moves along."""

    kind: Literal["move_hub"]
    location: Id
    to: Id


class LineHaul(_Words):
    """One more trip between two hubs."""

    kind: Literal["line_haul"]
    from_location: Id
    to_location: Id
    departs: Annotated[str, StringConstraints(pattern=r"^([01]\d|2\d|3[0-5]):[0-5]\d$")] = Field(
        description="When it leaves, HH:MM; past midnight of the service day it goes on from 24:00.",
        examples=["21:00"],
    )
    minutes: Annotated[int, Field(strict=True, ge=1, le=24 * 60, description="How long it rides.")]
    weekdays: Days = ["Mo", "Tu", "We", "Th", "Fr"]
    both_ways: bool = Field(
        default=True, strict=True, description="Another van leaves the other hub at the same time."
    )
    operator: Id | None = Field(default=None, description="Who drives it; left out: whoever drives the first route.")
    crate_capacity: Annotated[int, Field(strict=True, ge=0, le=100_000)] | None = None


class HubHandling(_Words):
    """Another handling time at a hub, or (no location) at all of them."""

    kind: Literal["hub_handling"]
    location: Id | None = None
    minutes: Minutes


class ShelfHandling(_Words):
    """Another time to take an item from the shelf at a location, or (no location) at all of them."""

    kind: Literal["shelf_handling"]
    location: Id | None = None
    minutes: Minutes


class Terms(_Words):
    """Another agreement on who supplies, and what it costs. What is left out stays as it is."""

    kind: Literal["policy"]
    objective: Objective | None = None
    own_province_first: Annotated[bool, Field(strict=True)] | None = Field(
        default=None, description="Whoever stands in the province of the pickup location comes before all others."
    )
    supplier_cents: Cents | None = None
    transport_cents: Cents | None = None
    cents_per_hour: Annotated[float, Field(strict=True, ge=0, le=MOST_CENTS, allow_inf_nan=False)] | None = None
    cents_per_handling: Annotated[float, Field(strict=True, ge=0, le=MOST_CENTS, allow_inf_nan=False)] | None = None


Change = Annotated[
    DropRoute | Frequency | CloseHub | MoveHub | LineHaul | HubHandling | ShelfHandling | Terms,
    Field(discriminator="kind"),
]


class _Period(_Words):
    since: Day = Field(description="The first day.")
    until: Day = Field(description="The day after the last one.")

    @model_validator(mode="after")
    def _in_order(self) -> _Period:
        if not 1 <= (self.until - self.since).days <= MOST_DAYS or not 1901 <= self.since.year <= 2899:
            raise ValueError(f"Takes a period of 1 to {MOST_DAYS} days.")
        return self


class RealDemand(_Period):
    """The loan requests that were submitted in a period."""

    kind: Literal["real"]


class GeneratedDemand(_Period):
    """Loan requests drawn at random, the same for the same seed, from what the locations hold."""

    kind: Literal["generated"]
    requests: Annotated[int, Field(strict=True, ge=1, le=MOST_REQUESTS)]
    seed: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] = 1


Demand = Annotated[RealDemand | GeneratedDemand, Field(discriminator="kind")]

EXAMPLE: dict[str, Any] = {
    "name": "Drente rijdt ook op zaterdag",
    "base": "nv-b2eeb8fb5b72f407",
    "changes": [{"kind": "frequency", "route": "DR-1", "weekdays": ["Mo", "Tu", "We", "Th", "Fr", "Sa"]}],
    "demand": {"kind": "generated", "since": "2026-11-01", "until": "2026-12-01", "requests": 130000, "seed": 1},
    "items_per_crate": 20,
}


class ScenarioShape(_Words):
    """What is tried: changes to a network version, and the loan requests that are decided with and without them."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"example": EXAMPLE})

    name: Annotated[
        str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\x00]*$")
    ]
    base: Id | None = Field(default=None, description="The network version; left out: the active one.")
    changes: list[Change] = Field(min_length=1, max_length=MOST_CHANGES, description="Carried out in order.")
    demand: Demand
    items_per_crate: Annotated[int, Field(strict=True, ge=1, le=1000)] = Field(
        default=20, description="How many items a crate takes, where a trip says how many crates it takes."
    )
