"""What the operations on harvests take and answer, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

RUNNING: dict[str, Any] = {
    "number": 412,
    "whole": False,
    "pages": 3,
    "records": 300,
    "whole_size": 1240,
    "seen_at": "2026-11-23T10:00:21+01:00",
}
AWAITING: dict[str, Any] = {"run": 398, "would_remove": 61240, "of": 98100}
HARVEST: dict[str, Any] = {
    "system": "wise-midden",
    "interval_seconds": 3600,
    "whole_interval_seconds": 2592000,
    "overlap_seconds": None,
    "until": "2026-11-23T09:00:04+01:00",
    "lag_seconds": 3617,
    "due_at": "2026-11-23T10:00:21+01:00",
    "under_way": True,
    "errors": 0,
    "error": "Unavailable: nothing answers",
    "error_at": "2026-11-22T03:00:00+01:00",
    "run": RUNNING,
    "awaiting": None,
}
RUN: dict[str, Any] = {
    "number": 412,
    "whole": False,
    "state": "running",
    "since": "2026-11-23T08:00:04+01:00",
    "as_of": "2026-11-23T10:00:02+01:00",
    "started_at": "2026-11-23T10:00:02+01:00",
    "seen_at": "2026-11-23T10:00:21+01:00",
    "ended_at": None,
    "pages": 3,
    "records": 300,
    "deleted": 4,
    "holdings": 720,
    "unmapped": 2,
    "rejected": 1,
    "rejects": ["record 82311: field 852 has no subfield b"],
    "errors": 0,
    "whole_size": 1240,
    "unseen": None,
    "removed": 0,
}
BRANCH: dict[str, Any] = {"branch": "Depot oud", "holdings": 2, "record": "77120"}
ONE_HARVEST: dict[str, Any] = {
    **HARVEST,
    "records": 98100,
    "holdings": 240310,
    "runs": [RUN],
    "unmapped_branches": [BRANCH],
}
OFTEN: dict[str, Any] = {"interval_seconds": 3600, "whole_interval_seconds": 2592000}
ONE_MONTH_SECONDS, ONE_YEAR_SECONDS = 31 * 86400, 366 * 86400


class StartShape(BaseModel):
    """What is to be done now."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": {"whole": True}})

    whole: bool = Field(
        default=False,
        description="Go through all there is, rather than what changed. The first harvest always does.",
    )
    confirm_run: int | None = Field(
        default=None,
        ge=1,
        le=2**63 - 1,
        description="Remove what this run did not come across: the `run` of `awaiting`.",
    )


class OftenShape(BaseModel):
    """How often a system is harvested. What is left out or null is done only when somebody asks."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": OFTEN})

    interval_seconds: int | None = Field(
        default=None, ge=60, le=ONE_MONTH_SECONDS, description="From the end of one run to the beginning of the next."
    )
    whole_interval_seconds: int | None = Field(
        default=None,
        ge=3600,
        le=ONE_YEAR_SECONDS,
        description="How often all there is is gone through, for systems that do not say what is no more.",
    )
    overlap_seconds: int | None = Field(
        default=None,
        ge=0,
        le=ONE_MONTH_SECONDS,
        description="How much before the beginning of the last run the next one looks; null: an hour, or a day "
        "where the system's clock tells days only.",
    )


class RunningShape(BaseModel):
    """A run under way."""

    model_config = ConfigDict(json_schema_extra={"example": RUNNING})

    number: int
    whole: bool = Field(description="It goes through all there is.")
    pages: int
    records: int = Field(description="How many it has come across so far.")
    whole_size: int | None = Field(description="Of how many, where the system tells.")
    seen_at: datetime | None = Field(description="When its last page landed.")


class AwaitingShape(BaseModel):
    """A run that would remove more than half, and waits for somebody to confirm that."""

    model_config = ConfigDict(json_schema_extra={"example": AWAITING})

    run: int
    would_remove: int = Field(description="Holdings that it did not come across.")
    of: int = Field(description="How many there were when it began.")


class HarvestShape(BaseModel):
    """How the harvest of a system stands."""

    model_config = ConfigDict(json_schema_extra={"example": HARVEST})

    system: str
    interval_seconds: int | None = Field(description="From one run to the next; null: only when asked.")
    whole_interval_seconds: int | None
    overlap_seconds: int | None
    until: datetime | None = Field(
        description="Everything that changed before is here, by the system's clock; null: it never came to an end."
    )
    lag_seconds: int | None = Field(description="How long ago that is.")
    due_at: datetime | None = Field(description="When it is done next; null: when somebody asks.")
    under_way: bool
    errors: int = Field(description="Faults in a row; 0: the last page came as it should.")
    error: str | None = Field(description="The last thing that went wrong, also when it is over.")
    error_at: datetime | None
    run: RunningShape | None = Field(description="The run that has not come to its end.")
    awaiting: AwaitingShape | None = Field(description="What waits for somebody to confirm it.")


class RunShape(BaseModel):
    """One going-through of a system."""

    model_config = ConfigDict(json_schema_extra={"example": RUN})

    number: int
    whole: bool
    state: Literal["running", "held", "done", "lost", "overtaken"] = Field(
        description="`held`: it waits to be confirmed. `lost`: the system forgot where it was. `overtaken`: a later "
        "one went through all there is."
    )
    since: datetime | None = Field(description="From when on it asked, by the system's clock; null: all there is.")
    as_of: datetime | None = Field(description="The system's clock when it began.")
    started_at: datetime
    seen_at: datetime | None
    ended_at: datetime | None
    pages: int
    records: int
    deleted: int
    holdings: int
    unmapped: int = Field(description="Holdings at branches that lead to no location; they are left out.")
    rejected: int = Field(description="Records that could not be read.")
    rejects: list[str] = Field(description="Why, of the first hundred.")
    errors: int
    whole_size: int | None
    unseen: int | None = Field(description="Holdings that it did not come across, of one that went through all.")
    removed: int


class UnmappedShape(BaseModel):
    """A branch that the system names and that leads to no location of ours."""

    model_config = ConfigDict(json_schema_extra={"example": BRANCH})

    branch: str
    holdings: int = Field(description="How many the last run met that met any.")
    record: str = Field(description="The number of a record that names it.")


class OneHarvestShape(HarvestShape):
    """How the harvest of a system stands, with its last ten runs and the branches that lead nowhere."""

    model_config = ConfigDict(json_schema_extra={"example": ONE_HARVEST})

    records: int = Field(description="Its records that are here.")
    holdings: int = Field(description="What they hold, at branches that lead to a location.")
    runs: list[RunShape]
    unmapped_branches: list[UnmappedShape] = Field(description="The first hundred, those with most holdings first.")
