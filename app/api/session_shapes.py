"""Who is signed in, as the OpenAPI document shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.api.key_shapes import Name, Scope


class NewSessionShape(BaseModel):
    """Who signs in."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="How the person is called where changes are shown.")


class ProviderShape(BaseModel):
    """Where people sign in."""

    issuer: str = Field(description="The OpenID Connect provider.")


class SignInShape(BaseModel):
    """Where somebody comes back to when the provider has let them in."""

    model_config = ConfigDict(extra="forbid")

    redirect_uri: str = Field(
        min_length=1, max_length=2000, description="Of http or https, and known to the provider."
    )

    @field_validator("redirect_uri")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        scheme, _, rest = address.partition("://")
        if scheme not in ("http", "https") or not rest or not (address.isascii() and address.isprintable()):
            raise ValueError("This is no address that a browser can come back to.")
        return address


class BegunShape(BaseModel):
    """A sign-in under way. All but the address is for whoever began it, to be shown when the person is back."""

    address: str = Field(description="Where the person signs in.")
    state: str = Field(description="What the provider sends back; take no code that comes with another.")
    nonce: str
    code_verifier: str


class CodeShape(SignInShape):
    """What a person came back with."""

    code: str = Field(min_length=1, max_length=4000)
    code_verifier: str = Field(min_length=43, max_length=128)
    nonce: str = Field(min_length=8, max_length=200)


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
PROVIDER: dict[str, Any] = {"issuer": "https://library.example/people"}
SIGN_IN: dict[str, Any] = {"redirect_uri": "https://library.example/console/sign-in/back"}
BEGUN: dict[str, Any] = {
    "address": "https://library.example/people/authorize?response_type=code&client_id=leenpad&state=Kx3…",
    "state": "Kx3…",
    "nonce": "b8Q…",
    "code_verifier": "Yw2…",
}
CODE: dict[str, Any] = {
    **SIGN_IN,
    "code": "SplxlOBeZQQYbYS6WxSbIA",
    "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "nonce": "n-0S6_WzA2Mj",
}
