"""What library systems are described with, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.api.schemas import Day

Entry = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Value = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00-\x1f\x7f]*$")]

INSTALLATION: dict[str, Any] = {
    "kind": "fake",
    "addresses": {"desk": "https://library.example/desk"},
    "secrets": {},
    "branches": {"Centrum": "NL-0800070001"},
    "options": {},
    "limits": {"calls_per_second": 10, "calls_at_once": 4, "deadline_seconds": 5},
}
SYSTEM: dict[str, Any] = {"id": "wise-midden", "kind": "wise", "called": True, "agencies": 26, "breaker": "closed"}
ONE_SYSTEM: dict[str, Any] = {
    "id": "wise-midden",
    "kind": "wise",
    "called": True,
    "agencies": [{"agency": "NL-0800070000", "name": "Bibliotheek Midden", "since": "2024-07-01", "until": None}],
    "breaker": "open",
    "breakers": [{"process": "app-1:17", "state": "open", "why": "status 503", "since": "2026-11-25T10:00:00+01:00"}],
}
PUT_SYSTEM: dict[str, Any] = {"id": "wise-midden", **INSTALLATION}
KIND: dict[str, Any] = {
    "name": "fake",
    "addresses": [{"name": "desk", "description": "Where the desk is.", "required": True, "pattern": ".*"}],
    "secrets": [],
    "options": [],
}
PARTICIPATION: dict[str, Any] = {"since": "2027-01-01", "until": None}
CHECK: dict[str, Any] = {
    "system": "wise-midden",
    "title": {"isbn": "9789028273511", "ppn": None},
    "supplying_location": "NL-0800070001",
    "verbs": [
        {
            "verb": "resolve",
            "outcome": "works",
            "detail": "It answered: 1 records are this title.",
            "milliseconds": 41,
        }
    ],
    "unmapped_branches": ["Bibliobus"],
    "warnings": [
        "1 location of this system answers by hand, as its own row names no system: NL-0800070002. No decision asks "
        "wise-midden about copies there, and no order goes there by it. Import the rows again with wise-midden in "
        "the column system."
    ],
}
CHECK_ASK: dict[str, Any] = {"isbn": "9789028273511", "supplying_location": "NL-0800070001"}
SECRET_ASK: dict[str, Any] = {"value": "correct horse battery staple"}
SECRET: dict[str, Any] = {
    "name": "wise-midden-api-key",
    "changed_at": "2026-11-25T10:00:00+01:00",
    "systems": ["wise-midden"],
}


def _example(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example})


def _strict(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": example}, extra="forbid")


class LimitsShape(BaseModel):
    """How hard each process of ours may ask a system: where several run, together they ask as many times as hard."""

    model_config = ConfigDict(extra="forbid")

    calls_per_second: float | None = Field(
        default=None, gt=0, le=1000, description="Verbs a second, by each process. Left out: 20."
    )
    calls_at_once: int | None = Field(
        default=None, strict=True, ge=1, le=100, description="Verbs at a time, by each process. Left out: 8."
    )
    deadline_seconds: float | None = Field(
        default=None, gt=0, le=60, description="How long one call may take. Left out: 5."
    )
    answer_bytes: int | None = Field(
        default=None, strict=True, ge=1024, le=256 * 2**20, description="The largest answer. Left out: 8 MiB."
    )


class InstallationShape(BaseModel):
    """How a system is reached. `GET /v1/system-kinds` says which entries each kind takes."""

    model_config = _strict(INSTALLATION)

    kind: Literal["wise", "vubis", "concerto", "brocade", "fake", "manual", "unknown"]
    addresses: dict[Entry, Value] = Field(
        default={}, max_length=20, description="URLs. Without any nothing is called: people answer for it."
    )
    secrets: dict[Entry, Entry] = Field(
        default={}, max_length=20, description="Names of secrets, kept with `PUT /v1/secrets/{name}`."
    )
    branches: dict[Entry, Entry] = Field(
        default={}, max_length=2000, description="What the system calls a branch, and which location that is."
    )
    options: dict[Entry, Value] = Field(default={}, max_length=50, description="Its dialect.")
    limits: LimitsShape = Field(default_factory=LimitsShape)


class PutSystemShape(InstallationShape):
    """A system as it is reached now; of secrets only the names."""

    model_config = _example(PUT_SYSTEM)

    id: str


class SystemShape(BaseModel):
    """An installation of a library system."""

    model_config = _example(SYSTEM)

    id: str
    kind: str = Field(description="`wise`, `vubis`, `concerto`, `brocade`, `fake`, `manual` or `unknown`.")
    called: bool = Field(description="Whether it has an address; where not, people answer for it.")
    agencies: int = Field(description="How many agencies use it today.")
    breaker: Literal["closed", "half_open", "open"] = Field(
        description="`open`: it has not answered lately and is left alone; `half_open`: it is being tried again."
    )


class UserShape(BaseModel):
    """The use of this system by an agency."""

    agency: str
    name: str
    since: date | None
    until: date | None


class BreakerShape(BaseModel):
    """What one process makes of the system, where that is nothing good."""

    process: str
    state: Literal["half_open", "open"]
    why: str
    since: datetime


class OneSystemShape(BaseModel):
    """An installation of a library system, and who uses it since when. That is data, never taken from a province."""

    model_config = _example(ONE_SYSTEM)

    id: str
    kind: str
    called: bool
    agencies: list[UserShape] = Field(description="Every agency that used it, uses it or is going to.")
    breaker: Literal["closed", "half_open", "open"]
    breakers: list[BreakerShape]


class EntryShape(BaseModel):
    """One thing that an installation of this kind can be given."""

    name: str
    description: str
    required: bool
    default: str | None = Field(default=None, description="What it is where it is left out.")
    pattern: str = Field(description="What a value must match as a whole.")


class KindShape(BaseModel):
    """A kind of system that there is an adapter for."""

    model_config = _example(KIND)

    name: str
    addresses: list[EntryShape]
    secrets: list[EntryShape]
    options: list[EntryShape]


class ParticipationAskShape(BaseModel):
    """From when to when an agency uses a system."""

    model_config = _strict(PARTICIPATION)

    since: Day | None = Field(default=None, description="The first day; left out: from ever.")
    until: Day | None = Field(
        default=None, description="The first day on which it no longer does; left out: not known."
    )


class CheckAskShape(BaseModel):
    """With what to try; what is left out is drawn from what is known of the system's holdings."""

    model_config = _strict(CHECK_ASK)

    isbn: Annotated[str, StringConstraints(pattern=r"^[0-9]{13}$")] | None = None
    ppn: Annotated[str, StringConstraints(pattern=r"^[0-9Xx]{2,20}$")] | None = None
    supplying_location: Entry | None = None
    pickup_location: Entry | None = None


class TriedShape(BaseModel):
    """What came of one verb."""

    verb: str
    outcome: Literal["works", "fails", "not_tried", "not_offered"]
    detail: str
    milliseconds: int | None


class CheckShape(BaseModel):
    """What works of a system."""

    model_config = _example(CHECK)

    system: str
    title: dict[str, str | None]
    supplying_location: str
    verbs: list[TriedShape]
    unmapped_branches: list[str] = Field(
        description="Branch names that `branches` does not lead anywhere; the first."
    )
    warnings: list[str] = Field(
        description="What works, and yet will not do what was meant, in words: locations that answer by hand."
    )


class SecretAskShape(BaseModel):
    """A secret, which is sealed as it comes and never shown again."""

    model_config = _strict(SECRET_ASK)

    value: Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")] = (
        Field(
            description="Without line breaks and other control characters, which a file or a copy often ends in: no "
            "system's password has them, and some would end a message."
        )
    )


class SecretShape(BaseModel):
    """A secret as far as it can be shown."""

    model_config = _example(SECRET)

    name: str
    changed_at: datetime
    systems: list[str] = Field(description="Which systems go by it.")
