"""What policies say and how they are shown, as the OpenAPI document has it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.api.decision_shapes import MAX_CENTS
from app.api.loan_shapes import Text, Word
from app.api.schemas import Day
from routing import Central, Circle, Floating, Objective, RotaOrder

MOST_DAYS = 3650
MOST_LOAN_DAYS = 366
MOST_RENEWALS = 100
MOST_AT_ONCE = 2
MOST_HORIZON_DAYS = 366
MOST_NAMES = 1000
MOST_FLOATING = 1_000_000
MOST_A_DAY = 100_000
MOST_SAMPLED = 20_000
DEFAULT_SAMPLED = 2000

Days = Annotated[int, Field(strict=True, ge=0, le=MOST_DAYS)]
MostADay = Annotated[int, Field(strict=True, ge=0, le=MOST_A_DAY)]
Weight = Annotated[float, Field(strict=True, ge=0, le=1_000_000, allow_inf_nan=False)]
Material = Annotated[
    str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True, to_lower=True, pattern=r"^[^\x00]*$")
]


def _outwards(circles: list[Circle]) -> list[Circle]:
    order = [list(Circle).index(circle) for circle in circles]
    if order != sorted(set(order)):
        raise ValueError("Takes each circle once, from the inner ones outwards: own, province, national.")
    return circles


def _once(names: list[str]) -> list[str]:
    return sorted(set(names))


class RequestingSaysShape(BaseModel):
    """How questions of this side are decided. Null or left out: not said here, so that the wider policy counts."""

    model_config = ConfigDict(extra="forbid")

    circles: Annotated[list[Circle], Field(max_length=3), AfterValidator(_outwards)] | None = Field(
        default=None,
        description="Suppliers in an earlier circle come before those in a later one, and whoever is in none of them "
        "last. Empty: no such order.",
    )
    central_collections: Central | None = Field(
        default=None, description="Whether central collections come first or last in their circle."
    )
    objective: Objective | None = Field(default=None, description="Where the question names none.")
    cents_per_hour: Weight | None = Field(default=None, description="What `balanced` gives an hour of waiting.")
    cents_per_handling: Weight | None = Field(default=None, description="What `balanced` gives a change of vans.")
    cents_per_net_loan: Weight | None = Field(
        default=None,
        description="What weighs against asking an agency for each item that it has lent more than it borrowed in "
        "the last 365 days, and for it where it borrowed more. 0: nothing. Nobody is charged for it.",
    )
    cents_per_open_item: Weight | None = Field(
        default=None,
        description="What weighs against asking a location for each item that it has to send already. 0: nothing.",
    )
    horizon_days: Annotated[int, Field(strict=True, ge=1, le=MOST_HORIZON_DAYS)] | None = Field(
        default=None, description="How far ahead of the request a van may still arrive."
    )
    max_cost_cents: Annotated[int, Field(strict=True, ge=0, le=MAX_CENTS)] | None = Field(
        default=None, description="Suppliers that cost more are refused as `too_dear`, whatever the question allows."
    )
    rota_order: RotaOrder | None = Field(
        default=None,
        description="`arrival`: the rota goes by what each supplier comes to if it supplies. `expected`: by what it "
        "comes to as a whole, as suppliers say no or nothing and that takes time, where a response model is known.",
    )
    at_once: Annotated[int, Field(strict=True, ge=1, le=MOST_AT_ONCE)] | None = Field(
        default=None,
        description="How many suppliers are asked at once: with 2, the first that says yes has it and the other is "
        "let go. They are of different agencies, and of different systems where systems take the orders.",
    )


class SupplyingSaysShape(BaseModel):
    """What this side lends, and for how long. Null or left out: not said here."""

    model_config = ConfigDict(extra="forbid")

    not_lent: Annotated[list[Material], Field(max_length=MOST_NAMES), AfterValidator(_once)] | None = Field(
        default=None, description="Materials that are not lent to other agencies; refused as `not_lent`."
    )
    least_age_days: Days | None = Field(
        default=None,
        description="How long copies must be in the collection before another agency gets them; younger ones are "
        "refused as `too_new`. Copies of which nobody knows the day are old enough.",
    )
    embargo_days: Days | None = Field(
        default=None, description="How long new copies do not leave their location at all; refused as `too_new`."
    )
    loan_days: Annotated[int, Field(strict=True, ge=1, le=MOST_LOAN_DAYS)] | None = Field(
        default=None, description="For how long an item is lent, and renewed."
    )
    renewals: Annotated[int, Field(strict=True, ge=0, le=MOST_RENEWALS)] | None = Field(
        default=None, description="How often a loan may be renewed."
    )
    central_holders: Annotated[list[Word], Field(max_length=MOST_NAMES), AfterValidator(_once)] | None = Field(
        default=None,
        description="Agencies and locations (ISIL) that hold a central collection; only an admin says so.",
    )
    floating: Floating | None = Field(
        default=None,
        description="How far from home copies may stay where they were brought back, where they are wanted there.",
    )
    floating_materials: Annotated[list[Material], Field(max_length=MOST_NAMES), AfterValidator(_once)] | None = Field(
        default=None, description="Materials that may; left out: all that are lent."
    )
    most_floating: Annotated[int, Field(strict=True, ge=0, le=MOST_FLOATING)] | None = Field(
        default=None, description="How many copies of one agency may stay elsewhere at once; left out: any number."
    )
    most_a_day: MostADay | None = Field(
        default=None,
        description="How often an agency is asked in a day: then it comes after all others. A location without an "
        "agency counts by itself. Whoever asks at the agency's own counters is not kept from it, and counts.",
    )
    most_a_day_per_location: MostADay | None = Field(default=None, description="The same of each location.")


REQUESTING_SAYS: dict[str, Any] = {
    "circles": ["own", "province", "national"],
    "central_collections": "last",
    "objective": None,
    "cents_per_hour": None,
    "cents_per_handling": None,
    "cents_per_net_loan": 0.5,
    "cents_per_open_item": None,
    "horizon_days": None,
    "max_cost_cents": 1500,
    "rota_order": "expected",
    "at_once": 2,
}
SUPPLYING_SAYS: dict[str, Any] = {
    "not_lent": ["game"],
    "least_age_days": 365,
    "embargo_days": None,
    "loan_days": 28,
    "renewals": None,
    "central_holders": ["NL-0800070000"],
    "floating": "province",
    "floating_materials": ["book"],
    "most_floating": 250,
    "most_a_day": 40,
    "most_a_day_per_location": None,
}
ASKED: dict[str, Any] = {
    "province": "UT",
    "valid_from": "2027-01-01",
    "note": "As agreed in November",
    "requesting": {name: value for name, value in REQUESTING_SAYS.items() if value is not None},
    "supplying": {name: value for name, value in SUPPLYING_SAYS.items() if value is not None},
}
WRITTEN: dict[str, Any] = {
    "id": 3,
    "province": "UT",
    "agency": None,
    "valid_from": "2027-01-01",
    "requesting": REQUESTING_SAYS,
    "supplying": SUPPLYING_SAYS,
    "by": "admin",
    "written_at": "2026-11-27T10:00:00+01:00",
    "note": "As agreed in November",
}


class NewPolicyShape(BaseModel):
    """A version of a policy: of an agency, of a province, or of the network where neither is named."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": ASKED})

    province: Word | None = Field(default=None, description="The code of a province.")
    agency: Word | None = Field(default=None, description="The ISIL of an agency.")
    valid_from: Day | None = Field(
        default=None, description="The first day on which it holds, not before today. Left out: today."
    )
    note: Text | None = None
    requesting: RequestingSaysShape = Field(default_factory=RequestingSaysShape)
    supplying: SupplyingSaysShape = Field(default_factory=SupplyingSaysShape)


class PolicyShape(BaseModel):
    """A version of a policy, as it was written; it is never changed."""

    id: int = Field(description="The version, as decisions name it.")
    province: str | None
    agency: str | None = Field(description="Both null: the network's.")
    valid_from: date
    requesting: RequestingSaysShape
    supplying: SupplyingSaysShape
    by: str
    written_at: datetime
    note: str | None


class FromShape(BaseModel):
    """A value that applies, and where it comes from."""

    value: Any
    version: int | None = Field(description="Null: nobody has said anything, and this is the default.")
    of: Literal["agency", "province", "network", "default"]


class EffectiveShape(BaseModel):
    """What applies on a day, field by field."""

    at: date
    pickup_location: str | None
    supplying_location: str | None
    requesting: dict[str, FromShape] = Field(description="By the field's name, for who asks at the pickup location.")
    supplying: dict[str, FromShape] = Field(description="By the field's name, for what the supplying location lends.")


EFFECTIVE: dict[str, Any] = {
    "at": "2027-01-04",
    "pickup_location": "NL-0800070001",
    "supplying_location": "NL-0800080003",
    "requesting": {
        "circles": {"value": ["own", "province", "national"], "version": 3, "of": "province"},
        "max_cost_cents": {"value": 1500, "version": 1, "of": "network"},
    },
    "supplying": {"loan_days": {"value": 28, "version": 1, "of": "network"}},
}


# --- the dry run ----------------------------------------------------------------------------------


class TryPolicyShape(NewPolicyShape):
    """A draft of a policy, and what to try it on. Its `valid_from` says which version it would take over from."""

    days: int = Field(
        default=30, strict=True, ge=1, le=366, description="How many days back loan requests are taken."
    )
    sample: int = Field(
        default=DEFAULT_SAMPLED,
        strict=True,
        ge=1,
        le=MOST_SAMPLED,
        description="How many of them are decided again at most; of more, so many are drawn.",
    )
    seed: int = Field(default=1, strict=True, ge=0, le=2**31 - 1, description="Of what is drawn.")


class BesideShape(BaseModel):
    """As it is now, and as it would be."""

    before: float
    after: float


class FirstShape(BaseModel):
    """Who would be asked first; all null: nobody can fill it."""

    supplying_agency: str | None
    supplying_location: str | None
    arrives_at: datetime | None
    cost_cents: int | None
    handlings: int | None


class DifferentShape(BaseModel):
    """A loan request that would go to somebody else, come at another moment, or cost something else."""

    loan_request: UUID
    pickup_location: str
    before: FirstShape
    after: FirstShape


class SupplierDifferenceShape(BaseModel):
    """How often a supplying agency is first; null: locations without an agency."""

    supplying_agency: str | None
    before: int
    after: int


class PolicyTriedShape(BaseModel):
    """What a draft would have changed."""

    since: datetime
    until: datetime
    submitted: int = Field(description="Loan requests in the period.")
    asked: int = Field(description="So many of them were decided again, twice.")
    left_out: int = Field(description="Of those drawn: titles or pickup locations that are not known any more.")
    differ: int
    filled: BesideShape
    arrival_hours: BesideShape | None = Field(
        description="From the request to the arrival, on average, over what is filled both ways; null: nothing is."
    )
    cost_cents: BesideShape | None
    handlings: BesideShape | None
    suppliers: list[SupplierDifferenceShape] = Field(description="Those that gain or lose, most first; at most 100.")
    examples: list[DifferentShape] = Field(description="At most 20, of the loan requests that the key sees.")


TRIED: dict[str, Any] = {
    "since": "2026-10-28T10:00:00+01:00",
    "until": "2026-11-27T10:00:00+01:00",
    "submitted": 41200,
    "asked": 2000,
    "left_out": 0,
    "differ": 618,
    "filled": {"before": 1951, "after": 1902},
    "arrival_hours": {"before": 61.4, "after": 66.0},
    "cost_cents": {"before": 412.5, "after": 170.1},
    "handlings": {"before": 1.9, "after": 1.4},
    "suppliers": [{"supplying_agency": "NL-0800080000", "before": 210, "after": 95}],
    "examples": [],
}
