"""What keys are made with and shown as, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from app.api.decision_shapes import Moment

Scope = Literal["requester", "supplier", "planner", "reader", "admin"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class NewKeyShape(BaseModel):
    """Whose key it is, what it may do, and until when."""

    model_config = ConfigDict(extra="forbid")

    agency: Name = Field(description="The ISIL of the agency; a POI's or carrier's own name where it has none.")
    scopes: list[Scope] = Field(min_length=1, max_length=20, description="What it may do.")
    expires_at: Moment | None = Field(default=None, description="When it stops working; left out: never.")
    poi: Name | None = Field(
        default=None,
        description="With the scope `planner`: the code of the POI, or the `agency_id` of the carrier in the "
        "network, whose routes and trips it plans.",
    )
    live_deadline_ms: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        le=10_000,
        description="How long its decisions wait for library systems, in milliseconds. Left out: the setting.",
    )

    @field_validator("agency")
    @classmethod
    def _tell_apart(cls, agency: str) -> str:
        # `by` in the history is an agency, or an agency, a colon and a name of its own.
        if ": " in agency:
            raise ValueError("No agency's name has a colon and a space in it.")
        return agency

    @model_validator(mode="after")
    def _names_its_poi(self) -> NewKeyShape:
        if ("planner" in self.scopes) != (self.poi is not None):
            raise ValueError("The scope planner and `poi` go together: a planner plans for one POI or carrier.")
        return self


class KeyShape(BaseModel):
    """A key as far as it can be shown."""

    id: int
    agency: str
    scopes: list[Scope]
    poi: str | None = Field(description="Whose routes and trips a planner plans.")
    created_at: datetime
    expires_at: datetime | None = Field(description="When it stops working; null: never.")
    live_deadline_ms: int | None = Field(
        description="How long its decisions wait for library systems; null: default."
    )


class MadeKeyShape(KeyShape):
    """A key that was made just now."""

    key: str = Field(description="The key itself: send it as `Authorization: Bearer KEY`. It is shown this once.")


KEY_QUESTION: dict[str, Any] = {"agency": "NL-0800070000", "scopes": ["requester", "supplier"]}
_KEY: dict[str, Any] = {
    "id": 7,
    "agency": "NL-0800070000",
    "scopes": ["requester", "supplier"],
    "poi": None,
    "created_at": "2026-11-23T10:00:00Z",
    "expires_at": None,
    "live_deadline_ms": None,
}
NEW_KEY: dict[str, Any] = {**_KEY, "key": "lp_NhT1x0w…"}
KEYS: dict[str, Any] = {"items": [_KEY], "next_cursor": None}
