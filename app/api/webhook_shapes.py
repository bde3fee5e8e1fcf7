"""Webhooks and dead letters as the OpenAPI document shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.api.loan_shapes import EVENT, Word


class WebhookRequestShape(BaseModel):
    """Where an agency wants to be told."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        min_length=1,
        max_length=2000,
        pattern=r"^[!-~]+$",
        description="http or https, without credentials; its host must have public addresses only.",
        examples=["https://library.example/leenpad"],
    )
    agency: Word | None = Field(
        default=None, description="Whose it is. Left out: the key's; only an admin may name another."
    )


class WebhookShape(BaseModel):
    """A webhook."""

    id: int
    agency: str
    url: str
    created_at: datetime


class NewWebhookShape(WebhookShape):
    """A webhook with its secret, which is shown this once."""

    secret: str = Field(
        description="Signs what is sent: `Leenpad-Signature` shows that it came from here, unchanged."
    )


class DeadLetterShape(BaseModel):
    """Something that was given up after many attempts."""

    id: int
    kind: str = Field(description="What was to be done: `deliver` (a webhook), `place`, `follow`, `withdraw` …")
    subject: str = Field(description="About what: with `deliver`, the webhook and the loan request.")
    attempts: int
    error: str | None = Field(description="What went wrong the last time.")
    created_at: datetime
    dead_at: datetime = Field(description="When it was given up.")


class ResumedShape(BaseModel):
    """What was taken up again."""

    resumed: int = Field(description="How many.")


WEBHOOK_REQUEST: dict[str, Any] = {"url": "https://library.example/leenpad"}
WEBHOOK: dict[str, Any] = {
    "id": 7,
    "agency": "NL-0800070000",
    **WEBHOOK_REQUEST,
    "created_at": "2026-11-23T09:00:00+01:00",
}
NEW_WEBHOOK: dict[str, Any] = {**WEBHOOK, "secret": "whsec_1Zk0…"}
DEAD_LETTER: dict[str, Any] = {
    "id": 90211,
    "kind": "deliver",
    "subject": f"{WEBHOOK['id']}:{EVENT['loan_request']}",
    "attempts": 100,
    "error": "ReceiverFailed: it answered 500",
    "created_at": "2026-11-23T10:00:00+01:00",
    "dead_at": "2026-11-24T06:12:41+01:00",
}
