"""What handlers are given: the process's resources, and a caller who may do this."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request

from app.database import Database
from app.problems import Forbidden, Unauthorized
from app.resources import Resources
from app.store.keys import SCOPES, any_key, digest_of, find_key


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the agency of the key (None: the bootstrap key, or open mode) and its scopes."""

    agency: str | None
    scopes: frozenset[str]


# What the OpenAPI document calls our way of authentication.
SCHEME = "key"

EVERYTHING = Caller(agency=None, scopes=frozenset(SCOPES))


async def resources(request: Request) -> Resources:
    """Return what the process holds."""
    held: Resources = request.app.state.resources
    return held


async def database(request: Request) -> Database:
    """Return the way to PostgreSQL."""
    return (await resources(request)).database


def requires(*scopes: str) -> Requirement:
    """Make a dependency that lets a caller through who has one of `scopes` (none named: any valid key)."""
    return Requirement(frozenset(scopes))


class Requirement(SecurityBase):
    """Checks a caller, and tells the OpenAPI document so. Raises Unauthorized or Forbidden.

    Open mode: as long as no admin key is set and no key was ever made, everyone is let through.
    """

    model = HTTPBearer()

    def __init__(self, scopes: frozenset[str]) -> None:
        self.scopes = scopes
        # FastAPI hands a scheme's name on to the document and nothing else: the scopes travel in it.
        self.scheme_name = ":".join((SCHEME, *sorted(scopes)))

    @staticmethod
    def scopes_in(scheme_name: str) -> list[str]:
        """Return the scopes of the requirement that has this name."""
        return scheme_name.split(":")[1:]

    async def __call__(self, request: Request) -> Caller:
        """Return the caller of `request`."""
        caller = await identify(request)
        if self.scopes and not self.scopes & caller.scopes:
            raise Forbidden(f"This takes a key with the scope {' or '.join(sorted(self.scopes))}.")
        return caller


async def identify(request: Request) -> Caller:
    """Return who is calling. Raises Unauthorized."""
    held = await resources(request)
    key = bearer_key(request)
    admin_key = held.settings.admin_key
    if key is None and admin_key is not None:
        raise Unauthorized("Send the header `Authorization: Bearer KEY`.")
    if key is not None and admin_key is not None and hmac.compare_digest(key, admin_key.get_secret_value().encode()):
        return EVERYTHING
    async with held.database.connection() as connection:
        if key is not None and (found := await find_key(connection, digest_of(key.decode("latin-1")))):
            return Caller(found.agency, found.scopes)
        if admin_key is None and not await any_key(connection):
            return EVERYTHING
    raise Unauthorized(
        "Send the header `Authorization: Bearer KEY`." if key is None else "This key is not known, or has expired."
    )


def bearer_key(request: Request) -> bytes | None:
    """Return the key in the Authorization header, or None without one. Raises Unauthorized for another scheme."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthorized("The Authorization header is not of the form `Bearer KEY`.")
    return key.strip().encode("latin-1")
