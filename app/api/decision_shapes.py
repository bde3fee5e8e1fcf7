"""What a decision is asked and what it answers, as the OpenAPI document shows it."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from app.store.isbn import isbn13, normal_ppn
from routing import Central, Circle, Objective, Reason, RotaOrder

# Beyond these years no calendar reaches, and arithmetic with time zones would leave the years that exist.
FIRST_YEAR, LAST_YEAR = 1901, 2899
MAX_CENTS = 2**31 - 1

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_OFFSET = re.compile(r"([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$", re.ASCII)


def _read_moment(value: object) -> datetime:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError("Takes an RFC 3339 time with an offset, such as 2026-11-23T10:00:00+01:00.")
    if not _OFFSET.search(value):
        raise ValueError("This time does not exist: its offset is more than 23:59, or has more than 59 minutes.")
    try:
        moment = datetime.fromisoformat(value.upper()).replace(microsecond=0)
    except ValueError as error:
        raise ValueError(f"This time does not exist: {error}.") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"Takes a time in the years {FIRST_YEAR} to {LAST_YEAR}.")
    return moment


Moment = Annotated[
    datetime,
    BeforeValidator(_read_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Isil = Annotated[str, StringConstraints(min_length=1, max_length=200)]


ServiceLevel = Literal["Core", "Express", "Priority", "Rush", "SameDay", "SecondaryMail", "Standard"]


class TitleShape(BaseModel):
    """The title wanted: exactly one of `isbn` and `ppn`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"oneOf": [{"required": ["isbn"]}, {"required": ["ppn"]}]},
    )

    isbn: Annotated[str, AfterValidator(isbn13)] | None = Field(
        default=None,
        description="ISBN of 10 or 13 digits, with or without hyphens; the check digit must be right.",
        examples=["9789000000005"],
        max_length=40,
    )
    ppn: Annotated[str, AfterValidator(normal_ppn)] | None = Field(
        default=None,
        description="PPN in the joint catalogue: letters and digits.",
        examples=["398765432"],
        max_length=40,
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> TitleShape:
        if (self.isbn is None) == (self.ppn is None):
            raise ValueError("Takes exactly one of isbn and ppn.")
        return self


class QuestionShape(BaseModel):
    """A title wanted at a counter."""

    model_config = ConfigDict(extra="forbid")

    title: TitleShape
    pickup_location: Isil = Field(description="Where the reader collects it: the ISIL of a location.")
    requested_at: Moment | None = Field(
        default=None,
        description="When the clock starts to run; anywhere in the calendar, past or future. Left out: now. "
        "Parts of a second are cut off.",
    )
    objective: Objective | None = Field(
        default=None, description="What the rota puts first. Left out: what the network's policy says."
    )
    need_before: Moment | None = Field(
        default=None, description="Suppliers whose copy cannot be there by then are refused as `too_late`."
    )
    max_cost_cents: Annotated[int, Field(strict=True, ge=0, le=MAX_CENTS)] | None = Field(
        default=None,
        description="Suppliers that cost more, in euro cents, are refused as `too_dear`. The policy may allow less.",
    )
    limit: int = Field(default=10, strict=True, ge=1, le=1000, description="How many entries the rota has at most.")
    exclude: list[Isil] = Field(
        default=[],
        max_length=1000,
        description="Agencies or locations (ISIL) that must not supply; they are refused as `excluded`.",
    )
    live_deadline_ms: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        le=10_000,
        description="How long to wait for what the holders' library systems say of their shelves, in milliseconds. A "
        "system that has not answered by then counts as unknown, and stands last on the rota. 0: none is asked. "
        "Left out: what the key says, or else the setting.",
    )
    service_level: ServiceLevel = Field(
        default="Core", description="ISO 18626 serviceLevel; says how long a supplier may take to answer."
    )


class LegShape(BaseModel):
    """One ride on one trip, however many stops lie between."""

    route_id: str
    trip_id: str
    service_date: date = Field(description="The service day; trips past midnight belong to the day before.")
    operator: str = Field(description="The POI or carrier that drives.")
    from_location: str
    to_location: str
    departs_at: datetime
    arrives_at: datetime


class CostPartShape(BaseModel):
    """A named part of the cost."""

    what: str = Field(examples=["transport"])
    cents: int


class PromiseShape(BaseModel):
    """When the reader can collect, if this supplier is asked first and those after it follow."""

    p50: datetime = Field(description="By then in half of the cases in which anyone supplies.")
    p90: datetime = Field(
        description="By then in nine of ten, or as near to that as vans allow, which bring many cases at once; in "
        "80 of a hundred at least."
    )
    chance: float = Field(description="How likely it is that anyone supplies.")
    by_p50: float = Field(default=0.5, description="In what part of the cases exactly it can be collected by p50.")
    by_p90: float = Field(default=0.9, description="And by p90.")


class ResponseShape(BaseModel):
    """How this supplier is likely to answer, as the promise was reckoned; all of it sums to one."""

    supplied: list[float] = Field(
        description="That the item is handed to the vans within each bin of open hours: up to 1, 2, 4, 8, 12, 16, "
        "24, 40, 64 and 120."
    )
    declined: list[float] = Field(description="That it says no within each of them.")
    silent: float = Field(description="That it says nothing until the placement lapses.")
    missed: list[float] = Field(description="For each leg, that the item is left behind and takes a later trip.")
    lapse_days: int = Field(default=8, description="Days on which it opens, after which silence is taken for a no.")
    opening_hours: str = Field(default="", description="Its own, in OpenStreetMap's syntax; empty: always.")


class BurdenShape(BaseModel):
    """What this supplier bears already, as far as policies say that it counts."""

    net_loans: int = Field(description="Items that its agency lent in the last 365 days, less those it borrowed.")
    open_items: int = Field(description="Items that its location still has to send.")
    cents: float = Field(description="What both weigh, in euro cents; nobody is charged for it.")
    placed_today: int = Field(description="How often its agency was asked today, where it keeps to so many a day.")
    most_a_day: int | None = Field(description="Null: as often as anyone likes.")
    placed_here_today: int = Field(description="How often its location was.")
    most_a_day_here: int | None


class RotaEntryShape(BaseModel):
    """One supplier, in the order in which they would be asked."""

    rank: int = Field(description="1 is asked first.")
    supplying_agency: str | None = Field(description="Null: the location belongs to no agency that we know of.")
    supplying_location: str
    ready_at: datetime = Field(description="When the copy is ready to travel, after handling in opening hours.")
    arrives_at: datetime = Field(description="When it is at the pickup location.")
    promise: PromiseShape | None = Field(
        description="Null: no response model stands behind it, or nobody from here on ever supplies."
    )
    response: ResponseShape | None = Field(
        default=None, description="What the promise is made of. Null: no response model stands behind it."
    )
    burden: BurdenShape | None = Field(default=None, description="Null: no policy says that it counts.")
    cost_cents: int = Field(description="What it costs, in euro cents: the sum of the parts.")
    cost_parts: list[CostPartShape]
    handlings: int = Field(description="Changes of trip on the way.")
    precedence: int = Field(
        default=0,
        description="Less comes first, whatever the objective: by the policy's circles and central collections, and "
        "last whoever could not be asked about its shelf.",
    )
    legs: list[LegShape] = Field(description="The rides in order; empty where the copy already stands there.")
    reasons: list[str] = Field(description="Why this supplier stands here, in sentences.")


class RefusalShape(BaseModel):
    """A holder that will not be asked, and why."""

    supplying_agency: str | None
    supplying_location: str
    reason: Reason = Field(description="The rule that refused it.")
    detail: str = Field(description="The same as a sentence.")


class WentByShape(BaseModel):
    """What a decision went by."""

    versions: list[int] = Field(
        description="The versions of policies that apply, to whoever asks and to the holders (`GET /v1/policies`)."
    )
    circles: list[Circle] = Field(description="Those of an earlier one come before those of a later one.")
    central_collections: Central
    cents_per_hour: float
    cents_per_handling: float
    cents_per_net_loan: float = 0.0
    cents_per_open_item: float = 0.0
    horizon_days: int
    max_cost_cents: int | None = Field(description="The policy's; what the question allows may be less.")
    rota_order: RotaOrder
    at_once: int = Field(default=1, description="How many suppliers are asked at once.")
    lapse_days: int = Field(
        description="Open days after which silence is taken for a no, in what is promised, where an agency has not "
        "agreed otherwise (`response` of each entry)."
    )
    supplier_cents: int = Field(description="Of the tariff of the day.")
    transport_cents: int


class DecisionShape(BaseModel):
    """The rota in order and every refusal, wholly of one network version."""

    network_version: str = Field(description="The version of the network that the whole answer is of.")
    requested_at: datetime
    objective: Objective
    promise: PromiseShape | None = Field(default=None, description="That of the rota as a whole: its first entry's.")
    rota: list[RotaEntryShape] = Field(description="Empty when nobody can fill it; the refusals say why.")
    refusals: list[RefusalShape]
    policy: WentByShape | None = Field(default=None, description="Null: it was decided before this was kept.")
    response_model: str | None = Field(
        default=None, description="The version of the response model behind the promises; null: none."
    )
    opening_hours: str = Field(
        default="", description="Of the pickup location, in OpenStreetMap's syntax; empty: always open."
    )


_ASKED = {"title": {"isbn": "9789021400129"}, "pickup_location": "NL-0800070001"}

QUESTIONS: dict[str, Any] = {
    "short": {"summary": "As soon as possible, from now", "value": _ASKED},
    "full": {
        "summary": "With everything that can be said",
        "value": {
            **_ASKED,
            "requested_at": "2026-11-23T10:00:00+01:00",
            "objective": "balanced",
            "need_before": "2026-12-04T17:00:00+01:00",
            "max_cost_cents": 1500,
            "limit": 5,
            "exclude": ["NL-0800090000"],
        },
    },
}

ANSWER: dict[str, Any] = {
    "network_version": "nv-b2eeb8fb5b72f407",
    "requested_at": "2026-11-23T10:00:00+01:00",
    "objective": "fastest",
    "promise": None,
    "rota": [
        {
            "rank": 1,
            "supplying_agency": "NL-0800080000",
            "supplying_location": "NL-0800080003",
            "ready_at": "2026-11-23T12:00:00+01:00",
            "arrives_at": "2026-11-24T11:05:00+01:00",
            "promise": None,
            "response": None,
            "burden": None,
            "cost_cents": 1075,
            "cost_parts": [{"what": "supplier", "cents": 675}, {"what": "transport", "cents": 400}],
            "handlings": 1,
            "precedence": 0,
            "legs": [
                {
                    "route_id": "north-2",
                    "trip_id": "north-2-mon",
                    "service_date": "2026-11-23",
                    "operator": "Northern vans",
                    "from_location": "NL-0800080003",
                    "to_location": "hub-north",
                    "departs_at": "2026-11-23T14:20:00+01:00",
                    "arrives_at": "2026-11-23T16:45:00+01:00",
                },
                {
                    "route_id": "north-7",
                    "trip_id": "north-7-tue",
                    "service_date": "2026-11-24",
                    "operator": "Northern vans",
                    "from_location": "hub-north",
                    "to_location": "NL-0800070001",
                    "departs_at": "2026-11-24T08:30:00+01:00",
                    "arrives_at": "2026-11-24T11:05:00+01:00",
                },
            ],
            "reasons": ["Changes vans once.", "Costs 10.75 euro: supplier 6.75 euro, transport 4.00 euro."],
        }
    ],
    "refusals": [
        {
            "supplying_agency": "NL-0800060000",
            "supplying_location": "NL-0800060002",
            "reason": "unavailable",
            "detail": "Every copy here is out.",
        }
    ],
    "policy": {
        "versions": [],
        "circles": [],
        "central_collections": "neutral",
        "cents_per_hour": 10.0,
        "cents_per_handling": 50.0,
        "cents_per_net_loan": 0.0,
        "cents_per_open_item": 0.0,
        "horizon_days": 35,
        "max_cost_cents": None,
        "rota_order": "arrival",
        "at_once": 1,
        "lapse_days": 8,
        "supplier_cents": 675,
        "transport_cents": 400,
    },
    "response_model": None,
    "opening_hours": "",
}
