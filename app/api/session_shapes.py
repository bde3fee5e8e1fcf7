"""Who is signed in, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.api.key_shapes import Name, Scope


class NewSessionShape(BaseModel):
    """Who signs in."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="How the person is called where changes are shown.")


class PartyShape(BaseModel):
    """Whoever calls."""

    name: str | None = Field(description="The person's name; null: a program, or nobody signed in.")
    agency: str | None = Field(description="The agency of the key; null: the bootstrap key, or open mode.")
    scopes: list[Scope]
    poi: str | None = Field(description="Whose routes and trips a planner plans.")
    signed_in: bool = Field(description="Whether this is a session.")


class SessionShape(PartyShape):
    """A session that was begun just now."""

    token: str = Field(description="Send it as `Authorization: Bearer TOKEN`. It is shown this once.")
    expires_at: datetime


SESSION_QUESTION: dict[str, Any] = {"name": "A. Planner"}
PARTY: dict[str, Any] = {
    "name": "A. Planner",
    "agency": "ProBiblio",
    "scopes": ["planner"],
    "poi": "PROBIBLIO",
    "signed_in": True,
}
SESSION: dict[str, Any] = {**PARTY, "token": "lps_Zx0…", "expires_at": "2026-11-26T20:00:00Z"}
