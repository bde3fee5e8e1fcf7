"""What handlers are given: the process's resources, and a caller who may do this."""

from __future__ import annotations

import hmac
import ipaddress
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlsplit

from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from pydantic import SecretStr
from starlette.requests import Request

from app.api.change_log import note
from app.database import Database
from app.problems import Forbidden, Unauthorized
from app.resources import Resources
from app.store.keys import SCOPES, Looked, digest_of, find_key


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the agency of the key (None: the bootstrap key, or open mode) and its scopes.

    `drives`: every name of the POI or carrier that a planner plans for; empty for whoever plans for nobody. `poi` is
    the one that its key names.
    """

    agency: str | None
    scopes: frozenset[str]
    drives: frozenset[str] = frozenset()
    live_deadline_ms: int | None = None  # how long its decisions wait for library systems; None: the setting
    poi: str | None = None
    name: str | None = None  # of a person who signed in
    key: int | None = None  # None: the bootstrap key, or open mode
    session: bool = False

    @property
    def sees_everything(self) -> bool:
        """Whether it sees every loan request: a reader of the whole network (the KB), or an admin."""
        return not self.scopes.isdisjoint(("reader", "admin"))


# Headers of a proxy.
PASSED_ON = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host"})

# What the OpenAPI document calls our way of authentication.
SCHEME = "key"

EVERYTHING = Caller(agency=None, scopes=frozenset(SCOPES))
# Whoever open mode lets in: what the same header gets at another call depends on where that comes from.
SOMEONE_HERE = Caller(agency=None, scopes=frozenset(SCOPES))


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

    Open mode: as long as no admin key is set, no key was ever made and no provider is set up where people sign in,
    everyone on this machine is let through.
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
        await note(request, await database(request), name=caller.name, agency=caller.agency, key=caller.key)
        return caller


async def lately_admitted(request: Request) -> Caller:
    """Return the caller of `request`, from memory where that is possible. Raises Unauthorized.

    For the hot path, which asks for no scope: `still_admitted` must follow, once the look-up that it makes anyway has
    brought along how often the keys have changed.
    """
    keyring: Keyring = request.app.state.keyring
    caller = keyring.find(request.headers.get("authorization"))
    # Open mode admits a call, not a caller: the next one without a key may come from anywhere.
    if caller is None or (caller is SOMEONE_HERE and not _is_here(request)):
        return await identify(request)
    return caller


async def still_admitted(request: Request, keys_epoch: int) -> None:
    """Look again at a remembered caller when the keys have changed since. Raises Unauthorized."""
    keyring: Keyring = request.app.state.keyring
    if keyring.epoch != keys_epoch:
        await identify(request)


class Keyring:
    """Callers who were let in lately, by their Authorization header, as long as the keys stay the same."""

    SECONDS = 60.0
    SIZE = 1000

    def __init__(self) -> None:
        self.epoch = -1
        self._callers: dict[str | None, tuple[Caller, float]] = {}

    def find(self, header: str | None) -> Caller | None:
        """Return who sent this header (None: no header) within the last minute."""
        caller, until = self._callers.get(header, (None, 0.0))
        return caller if time.monotonic() < until else None

    def keep(self, header: str | None, caller: Caller, looked: Looked) -> None:
        """Remember a caller; a change of the keys makes it forget everyone else."""
        if looked.epoch != self.epoch or len(self._callers) >= self.SIZE:
            self._callers.clear()
        self.epoch = looked.epoch
        seconds = self.SECONDS
        if looked.key is not None and looked.key.expires_at is not None:
            seconds = min(seconds, (looked.key.expires_at - datetime.now(UTC)).total_seconds())
        self._callers[header] = (caller, time.monotonic() + seconds)


async def identify(request: Request) -> Caller:
    """Return who is calling, and remember it. Raises Unauthorized."""
    held = await resources(request)
    key = bearer_key(request)
    admin_key = held.settings.admin_key
    async with held.database.connection() as connection:
        looked = await find_key(connection, None if key is None else digest_of(key))
    if looked.key is not None:
        caller = Caller(
            looked.key.agency,
            looked.key.scopes,
            looked.key.drives,
            live_deadline_ms=looked.key.live_deadline_ms,
            poi=looked.key.poi,
            name=looked.key.name,
            key=looked.key.id,
            session=looked.key.session,
        )
    elif _is(key, admin_key):
        caller = EVERYTHING
    elif admin_key is None and held.provider is None and not looked.any_key and _is_here(request):
        caller = SOMEONE_HERE
    elif key is None:
        raise Unauthorized("Send the header `Authorization: Bearer KEY`.")
    else:
        raise Unauthorized("This key is not known, or has expired.")
    keyring: Keyring = request.app.state.keyring
    keyring.keep(request.headers.get("authorization"), caller, looked)
    return caller


def _is_here(request: Request) -> bool:
    """Say whether nobody stands between: no proxy passed the call on, and no page of another site sends it.

    The host is looked at too: a name of their own that leads to this machine makes others' pages ours to a browser.
    """
    for name, value in request.scope["headers"]:
        if name in PASSED_ON or (name == b"host" and not _is_loopback(b"//" + value)):
            return False
        if name == b"origin" and not _is_loopback(value):
            return False
    return True


@lru_cache(maxsize=64)
def _is_loopback(address: bytes) -> bool:
    try:
        host = urlsplit(address.decode("ascii")).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is(key: bytes | None, expected: SecretStr | None) -> bool:
    return key is not None and expected is not None and hmac.compare_digest(key, expected.get_secret_value().encode())


def bearer_key(request: Request) -> bytes | None:
    """Return the key in the Authorization header, or None without one. Raises Unauthorized for another scheme."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, key = header.partition(" ")
    key = key.strip(" \t")
    if scheme.lower() != "bearer" or not key:
        raise Unauthorized("The Authorization header is not of the form `Bearer KEY`.")
    return key.encode("latin-1")
