"""What was changed, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class ChangeShape(BaseModel):
    """One change, or an attempt at one."""

    id: int
    at: datetime
    name: str | None = Field(description="The person; null: a program, or nobody signed in.")
    agency: str | None = Field(description="The agency of the key; null: the bootstrap key, or open mode.")
    method: str
    path: str = Field(description="What was called.")
    what: str = Field(description="What the operation does.")
    asked: dict[str, Any] | None = Field(
        description="What it was asked, as far as it is kept: never a reader, a key or a secret. Of long lists the "
        "count and the first things."
    )
    made: dict[str, Any] | None = Field(description="What came of it: ids, versions, counts.")
    status: int | None = Field(description="How it was answered; null: nobody knows, as the process ended.")


CHANGES: dict[str, Any] = {
    "items": [
        {
            "id": 12,
            "at": "2026-11-26T15:04:05Z",
            "name": "A. Planner",
            "agency": "ProBiblio",
            "method": "POST",
            "path": "/v1/suspensions",
            "what": "Suspend something",
            "asked": {"route": "DR-1", "since": "2026-12-24", "until": "2027-01-04"},
            "made": {"id": 12},
            "status": 201,
        }
    ],
    "next_cursor": None,
}
