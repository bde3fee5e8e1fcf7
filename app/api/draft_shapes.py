"""What the operations on drafts take and answer, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.api.decision_shapes import Moment
from app.api.loan_shapes import Text, Word
from app.api.network_shapes import ROUTE_EXAMPLE, SERVICE_EXAMPLE
from app.api.schemas import Day

Named = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00]*$")]
Time = Annotated[str, Field(max_length=9, pattern=r"^[0-9]{1,3}:[0-5][0-9]:[0-5][0-9]$", examples=["08:40:00"])]
Count = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
YesNo = Annotated[bool, Field(strict=True)]
Type = Annotated[int, Field(strict=True, ge=0, le=3)]


def _no_number(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("Takes a number.")
    return value


Kind = Literal["public", "observed", "school"]
Degrees = Annotated[float, BeforeValidator(_no_number)]

DRAFT: dict[str, Any] = {
    "id": 7,
    "name": "Winter timetable",
    "base": "nv-b2eeb8fb5b72f407",
    "revision": 3,
    "changes": 3,
    "by": "NL-0800070000: A. Planner",
    "created_at": "2026-11-26T15:04:05Z",
    "changed_at": "2026-11-26T15:24:05Z",
    "version": None,
}
TRIP: dict[str, Any] = {
    "id": "DR-1-0800",
    "route_id": "DR-1",
    "service_id": "weekdays",
    "headsign": "Emmen",
    "short_name": "",
    "crate_capacity": 40,
    "stop_times": [
        {
            "stop_id": stop,
            "stop_sequence": at,
            "arrival_time": time,
            "departure_time": time,
            "pickup_type": 0,
            "drop_off_type": 0,
        }
        for at, (stop, time) in enumerate((("NL-0800070001", "08:00:00"), ("NL-0800070002", "08:40:00")), 1)
    ],
}
EVE: dict[str, Any] = {
    "operator": "DR",
    "day": "2026-12-24",
    "runs": False,
    "note": "Christmas Eve",
    "by": "NL-0800070000",
}
SCHEDULED: dict[str, Any] = {
    "id": 3,
    "version": "nv-b2eeb8fb5b72f407",
    "at": "2026-12-14T03:00:00Z",
    "by": "NL-0800070000: A. Planner",
    "draft": 7,
    "state": "waiting",
    "reason": None,
    "created_at": "2026-11-26T15:24:05Z",
    "ended_at": None,
}
COMPARISON: dict[str, Any] = {
    "with": "nv-b2eeb8fb5b72f407",
    "revision": 3,
    "numbers": {"trip": {"before": 2240, "after": 2239, "added": 0, "removed": 1, "changed": 1}},
    "operators": ["Biblionet Drenthe"],
    "yours": True,
    "differences": [
        {
            "kind": "trip",
            "id": "DR-1-0800",
            "change": "changed",
            "route": "DR-1",
            "operators": ["Biblionet Drenthe"],
            "fields": [{"field": "crate_capacity", "before": "30", "after": "40"}],
        }
    ],
    "decisions": {
        "asked": 50,
        "generated": 0,
        "changed": 1,
        "effects": [
            {
                "pickup_location": "NL-0800070001",
                "generated": False,
                "isbn": None,
                "ppn": None,
                "before": {"supplier": "NL-0800080003", "arrival": "2026-11-24T11:05:00+01:00"},
                "after": {"supplier": "NL-0800060002", "arrival": "2026-11-25T11:05:00+01:00"},
            }
        ],
    },
}
PLANNED_ROUTE: dict[str, Any] = {**ROUTE_EXAMPLE, "trips": 12, "yours": True}
PLANNED_SERVICE: dict[str, Any] = {
    **SERVICE_EXAMPLE,
    "trips": 12,
    "operators": ["Biblionet Drenthe"],
    "yours": True,
}
CHANGES: dict[str, Any] = {"changes": [{"op": "put_trip", **TRIP}, {"op": "delete_trip", "id": "DR-1-0930"}]}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewDraftShape(_Strict):
    """A draft that is to be."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "Winter timetable"}})

    name: Word
    base: Word | None = Field(default=None, description="The version that it begins as; left out: the active one.")


class DraftShape(BaseModel):
    """A draft: changes to a network version that move nothing yet."""

    model_config = ConfigDict(json_schema_extra={"example": DRAFT})

    id: int
    name: str
    base: str = Field(description="The network version that it changes.")
    revision: int = Field(description="Counts what was done to it: send it as `If-Match` with your next change.")
    changes: int = Field(description="How many changes stand.")
    by: str = Field(description="Who began it.")
    created_at: datetime
    changed_at: datetime
    version: str | None = Field(description="The network version that it became; null: it can be changed.")


class OperationShape(BaseModel):
    """What kind of change of which thing."""

    op: str
    id: str


class LoggedShape(BaseModel):
    """Changes that were made together."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "revision": 3,
                "at": "2026-11-26T15:24:05Z",
                "by": "NL-0800070000: A. Planner",
                "undone_by": None,
                "operations": [{"op": "put_trip", "id": "DR-1-0800"}],
            }
        }
    )

    revision: int = Field(description="The draft's, from then on.")
    at: datetime
    by: str
    undone_by: str | None = Field(description="Who took them back; null: they stand.")
    operations: list[OperationShape] = Field(description="The first hundred.")


class PlannedCallShape(_Strict):
    """A trip calls at a stop. Types are GTFS's: 0 yes, 1 no, 2 by telephone, 3 as the driver agrees."""

    stop_id: Word
    stop_sequence: Count | None = Field(default=None, description="Rises along the trip; left out: one more.")
    arrival_time: Time
    departure_time: Time
    pickup_type: Type = Field(default=0, description="Whether items get on.")
    drop_off_type: Type = Field(default=0, description="Whether items get off.")
    break_minutes: Annotated[int, Field(strict=True, ge=0, le=600)] | None = Field(
        default=None, description="The driver rests here: the van must stand at least as long. It is not kept."
    )


class PutRouteShape(_Strict):
    """A route shall be like this."""

    op: Literal["put_route"]
    id: Word
    operator_id: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
    short_name: Named = ""
    long_name: Named = ""
    route_type: Count = 3


class PutTripShape(_Strict):
    """A trip shall be like this, with all its calls."""

    op: Literal["put_trip"]
    id: Word
    route_id: Word
    service_id: Word
    headsign: Named = ""
    short_name: Named = ""
    crate_capacity: Count | None = None
    stop_times: list[PlannedCallShape] = Field(min_length=2, max_length=500)


class PutServiceShape(_Strict):
    """Service days shall be these: a weekly pattern, and days added and taken out."""

    op: Literal["put_service"]
    id: Word
    weekdays: list[YesNo] = Field(min_length=7, max_length=7, description="Monday first.")
    start_date: Day | None = None
    end_date: Day | None = Field(default=None, description="Included.")
    added: list[Day] = Field(default_factory=list, max_length=2000)
    removed: list[Day] = Field(default_factory=list, max_length=2000)


class PutStopShape(_Strict):
    """A stop shall be like this."""

    op: Literal["put_stop"]
    id: Word
    name: Named = ""
    lat: Degrees | None = None
    lon: Degrees | None = None
    handling_seconds: Count | None = Field(
        default=None, description="What a change of trip takes here; null: none is possible."
    )


class DeleteShape(_Strict):
    """It shall not be. A route goes with its trips; a service or stop in use stays."""

    op: Literal["delete_route", "delete_trip", "delete_service", "delete_stop"]
    id: Word


AnyChange = Annotated[
    PutRouteShape | PutTripShape | PutServiceShape | PutStopShape | DeleteShape, Field(discriminator="op")
]


class DraftChangesShape(_Strict):
    """Changes that are made together, one after the other: all of them or none."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": CHANGES})

    changes: list[AnyChange] = Field(min_length=1, max_length=500)


class PlannedRouteShape(BaseModel):
    """A route of a draft."""

    model_config = ConfigDict(json_schema_extra={"example": PLANNED_ROUTE})

    id: str
    operator_id: str
    operator: str
    short_name: str
    long_name: str
    route_type: int
    trips: int = Field(description="How many there are of it.")
    yours: bool = Field(description="Whether the caller may activate changes of it.")


class PlannedCallAnswerShape(BaseModel):
    """A call, as a change takes it."""

    stop_id: str
    stop_sequence: int
    arrival_time: str
    departure_time: str
    pickup_type: int
    drop_off_type: int


class PlannedTripShape(BaseModel):
    """A trip of a draft, as a change takes it."""

    model_config = ConfigDict(json_schema_extra={"example": TRIP})

    id: str
    route_id: str
    service_id: str
    headsign: str
    short_name: str
    crate_capacity: int | None
    stop_times: list[PlannedCallAnswerShape]


class PlannedServiceShape(BaseModel):
    """A service of a draft, as a change takes it, with who drives on its days."""

    model_config = ConfigDict(json_schema_extra={"example": PLANNED_SERVICE})

    id: str
    weekdays: list[bool]
    start_date: date | None
    end_date: date | None
    added: list[date]
    removed: list[date]
    trips: int
    operators: list[str] = Field(description="The names of those whose trips run on its days.")
    yours: bool = Field(description="Whether it is the caller's alone.")


class WarningShape(BaseModel):
    """A trip whose driver has too short a break, by the Arbeidstijdenwet, article 5:4."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "trip": "DR-1-0800",
                "route": "DR-1",
                "minutes": 360,
                "break_minutes": 15,
                "needed_minutes": 30,
            }
        }
    )

    trip: str
    route: str
    minutes: int = Field(description="How long the trip takes.")
    break_minutes: int = Field(description="How long the van stands, in pieces of a quarter of an hour at least.")
    needed_minutes: int


class NumbersShape(BaseModel):
    """How many there are of a kind before and after, and how many are other than they were."""

    before: int
    after: int
    added: int
    removed: int
    changed: int


class FieldChangeShape(BaseModel):
    """One thing that is said otherwise; null: it is not said at all."""

    field: str
    before: str | None
    after: str | None


class DifferenceShape(BaseModel):
    """One route, trip, service or stop that is not the same."""

    kind: str = Field(description="`route`, `trip`, `service` or `stop`.")
    id: str
    change: str = Field(description="`added`, `removed` or `changed`.")
    route: str | None
    operators: list[str] = Field(description="Whose vans it moves.")
    fields: list[FieldChangeShape]


class AnswerShape(BaseModel):
    """Whom a network would ask first, and when the item would be there; nulls: nobody can fill it."""

    supplier: str | None
    arrival: datetime | None


class EffectShape(BaseModel):
    """A question whose answer changes. Of a loan request it is told only where it was asked."""

    pickup_location: str
    generated: bool = Field(description="Made up, and never asked by anybody.")
    isbn: str | None
    ppn: str | None
    before: AnswerShape
    after: AnswerShape


class EffectsShape(BaseModel):
    """Questions that were put to both networks."""

    asked: int
    generated: int = Field(description="How many of them were made up, as there were too few loan requests.")
    changed: int = Field(
        description="How many are answered otherwise; also of loan requests that the key does not see."
    )
    effects: list[EffectShape]


class ComparisonShape(BaseModel):
    """What a draft changes, in numbers and one by one, and which decisions it changes."""

    model_config = ConfigDict(json_schema_extra={"example": COMPARISON})

    with_: str = Field(alias="with", description="The version that it is compared with.")
    revision: int = Field(description="Of the draft.")
    numbers: dict[str, NumbersShape] = Field(description="By `route`, `trip`, `call`, `service` and `stop`.")
    operators: list[str] = Field(description="Whose vans it moves, by name.")
    yours: bool = Field(description="Whether it changes nothing but what the caller drives.")
    differences: list[DifferenceShape] = Field(description="The first thousand.")
    decisions: EffectsShape | None = Field(description="Null: no sample was asked for, or no network is active.")


class ActivateDraftShape(_Strict):
    """When a draft shall become active."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"at": "2026-12-14T04:00:00+01:00"}})

    at: Moment | None = Field(default=None, description="Left out: now.")


class NewActivationShape(_Strict):
    """Which version shall become active, and when."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"version": "nv-b2eeb8fb5b72f407", "at": "2026-12-14T04:00:00+01:00"}},
    )

    version: Word
    at: Moment


class ScheduledShape(BaseModel):
    """An activation at a moment, and what became of it."""

    model_config = ConfigDict(json_schema_extra={"example": SCHEDULED})

    id: int
    version: str
    at: datetime
    by: str
    draft: int | None
    state: str = Field(description="`waiting`, `done`, `cancelled` or `refused`.")
    reason: str | None = Field(description="Why it was refused.")
    created_at: datetime
    ended_at: datetime | None


class ActivatedDraftShape(BaseModel):
    """The version that a draft became, and whether it is active by now."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"version": SCHEDULED["version"], "active": False, "scheduled": SCHEDULED}}
    )

    version: str
    active: bool
    scheduled: ScheduledShape | None = Field(description="Where it is to become active later.")


class CalendarAskShape(_Strict):
    """Days to take out of the services of an operator."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"operator": "DR", "since": "2026-12-01", "until": "2027-01-10"}},
    )

    operator: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = Field(description="Its agency_id.")
    since: Day
    until: Day = Field(description="Included.")
    kinds: list[Kind] = Field(default=["public"], max_length=3, description="Which holidays.")
    region: Literal["noord", "midden", "zuid"] | None = Field(default=None, description="Of school holidays.")
    closed: list[Day] = Field(default_factory=list, max_length=400, description="Further days without vans.")
    open: list[Day] = Field(default_factory=list, max_length=400, description="Days on which they run after all.")
    apply: YesNo = Field(default=False, description="False: only say what it would do.")


class RemovalShape(BaseModel):
    """A day that is taken out of a service, and how many trips that stops."""

    day: date
    why: str
    service: str
    trips: int


class CalendarShape(BaseModel):
    """What taking the days out removes."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "applied": False,
                "revision": 3,
                "days": 3,
                "removals": [{"day": "2026-12-25", "why": "Eerste kerstdag", "service": "weekdays", "trips": 12}],
                "trips": 12,
                "shared": [],
            }
        }
    )

    applied: bool
    revision: int
    days: int = Field(description="How many days the operator stands still, whether it ran on them or not.")
    removals: list[RemovalShape] = Field(description="The first thousand.")
    trips: int = Field(description="How many trips on how many days in all.")
    shared: list[str] = Field(description="Services that others use too: the operator's trips get copies of them.")


class HolidayShape(BaseModel):
    """A day with a name."""

    day: date
    kind: str = Field(description="`public`, `observed` (many have it off, by no law) or `school`.")
    name_nl: str
    name_en: str
    region: str | None = Field(description="Of a school holiday: `noord`, `midden` or `zuid`.")


class DayExceptionShape(BaseModel):
    """What an operator makes of a day."""

    model_config = ConfigDict(json_schema_extra={"example": EVE})

    operator: str
    day: date
    runs: bool = Field(description="True: its vans run on a holiday; false: they stand still on a day that is none.")
    note: str | None
    by: str


class HolidaysShape(BaseModel):
    """Holidays, and what operators make of single days."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "holidays": [
                    {
                        "day": "2026-12-25",
                        "kind": "public",
                        "name_nl": "Eerste kerstdag",
                        "name_en": "Christmas Day",
                        "region": None,
                    }
                ],
                "exceptions": [EVE],
            }
        }
    )

    holidays: list[HolidayShape]
    exceptions: list[DayExceptionShape]


class SayDayShape(_Strict):
    """What an operator makes of a day."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"runs": False, "note": "Christmas Eve"}})

    runs: YesNo
    note: Text | None = None
