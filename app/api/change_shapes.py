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
    status: int | None = Field(description="How it was answered; null: nobody knows, as the process ended.")


CHANGES: dict[str, Any] = {
    "items": [
        {
            "id": 12,
            "at": "2026-11-26T15:04:05Z",
            "name": "A. Planner",
            "agency": "ProBiblio",
            "method": "POST",
            "path": "/v1/network/versions/nv-b2eeb8fb5b72f407/activate",
            "what": "Activate a version",
            "status": 200,
        }
    ],
    "next_cursor": None,
}
