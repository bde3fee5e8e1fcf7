"""People of an OpenID Connect provider: where they sign in, who they then are, and what they may do here.

The authorization code flow with PKCE (RFC 7636) and a nonce, by Authlib; the ID token is verified by joserfc. What
somebody may do is in a claim of that token, a list such as `["planner:PROBIBLIO", "reader"]`: a scope, and behind a
colon the POI of a planner, or the agency of a requester or supplier.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

SCOPES = frozenset({"requester", "supplier", "planner", "reader", "admin"})
# Never `none`, and never one that is keyed with something that a client knows.
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
ANSWER_SECONDS = 10.0
ANSWER_BYTES = 1_000_000
KEPT_SECONDS = 3600.0
LEEWAY_SECONDS = 60


class ProviderSilent(Exception):  # noqa: N818 - named as the problem it becomes
    """The provider did not answer, or nothing that can be used."""


class NotAdmitted(Exception):  # noqa: N818 - named as the problem it becomes
    """The provider does not vouch for this, or says of the person nothing that opens anything here."""


class NoProvider(Exception):  # noqa: N818 - named as the problem it becomes
    """No provider is set up."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way: where the person goes, and what must be shown when they come back."""

    address: str
    state: str
    nonce: str
    code_verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the provider vouches for."""

    name: str
    scopes: frozenset[str]
    agency: str | None
    poi: str | None


@dataclass(slots=True)
class Provider:
    """An OpenID Connect provider, as its discovery document describes it. `claim` holds what somebody may do."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    claim: str
    _known: Mapping[str, Any] | None = None
    _keys: KeySet | None = None
    _until: float = 0.0

    async def begin(self, redirect_uri: str) -> Begun:
        """Begin a sign-in that comes back to `redirect_uri`. Raises ProviderSilent."""
        known = await self._look()
        state, nonce, verifier = generate_token(32), generate_token(32), generate_token(64)
        address = prepare_grant_uri(
            known["authorization_endpoint"],
            self.client_id,
            "code",
            redirect_uri=redirect_uri,
            scope="openid profile",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Begun(address, state, nonce, verifier)

    async def finish(self, *, code: str, code_verifier: str, nonce: str, redirect_uri: str) -> Person:
        """Return who came back with a code. Raises ProviderSilent or NotAdmitted."""
        known = await self._look()
        form = prepare_token_request(
            "authorization_code",
            redirect_uri=redirect_uri,
            code=code,
            code_verifier=code_verifier,
            client_id=self.client_id,
        )
        status, token = await _ask("POST", known["token_endpoint"], content=form, login=self._login())
        if status in (400, 401):
            raise NotAdmitted("The provider does not take this code.")
        if status != 200:
            raise ProviderSilent("The provider did not answer.")
        return self._person(str(token.get("id_token") or ""), nonce)

    def _login(self) -> httpx.BasicAuth | None:
        return None if self.client_secret is None else httpx.BasicAuth(self.client_id, self.client_secret)

    def _person(self, id_token: str, nonce: str) -> Person:
        assert self._keys is not None
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = jwt.decode(id_token, self._keys, algorithms=ALGORITHMS).claims
            registry.validate(claims)
        except (JoseError, ValueError):
            raise NotAdmitted("The provider's ID token does not hold.") from None
        scopes, poi, agency = _roles(claims.get(self.claim))
        if not scopes:
            raise NotAdmitted(f"Nothing in the claim {self.claim} of this person opens anything here.")
        name = claims.get("name") or claims.get("preferred_username") or claims["sub"]
        return Person(str(name)[:200], scopes, agency, poi)

    async def _look(self) -> Mapping[str, Any]:
        """Return what the provider says of itself, and know its keys; both for an hour."""
        if self._known is not None and time.monotonic() < self._until:
            return self._known
        known = await _fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if known.get("issuer") != self.issuer or not all(isinstance(known.get(name), str) for name in wanted):
            raise ProviderSilent("The provider's discovery document does not describe it.")
        try:
            self._keys = KeySet.import_key_set(await _fetch(known["jwks_uri"]))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError):
            raise ProviderSilent("The provider's keys cannot be read.") from None
        self._known, self._until = known, time.monotonic() + KEPT_SECONDS
        return known


async def _fetch(address: str) -> Mapping[str, Any]:
    status, found = await _ask("GET", address)
    if status != 200:
        raise ProviderSilent("The provider did not answer.")
    return found


async def _ask(
    method: str, address: str, *, content: str | None = None, login: httpx.BasicAuth | None = None
) -> tuple[int, Mapping[str, Any]]:
    """Return the status and the document of an answer, which is bounded in time and size. Raises ProviderSilent."""
    headers = {"accept": "application/json"}
    if content is not None:
        headers["content-type"] = "application/x-www-form-urlencoded"
    try:
        async with (
            asyncio.timeout(ANSWER_SECONDS),
            httpx.AsyncClient(trust_env=False) as client,
            client.stream(method, address, headers=headers, content=content, auth=login) as answer,
        ):
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > ANSWER_BYTES:
                    raise ProviderSilent("The provider answers too much.")
            found = json.loads(body)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError, TimeoutError):
        raise ProviderSilent("The provider did not answer.") from None
    if not isinstance(found, dict):
        raise ProviderSilent("The provider's answer is no document.")
    return answer.status_code, found


def _roles(claim: object) -> tuple[frozenset[str], str | None, str | None]:
    """Return the scopes, the POI and the agency in a claim; what cannot be understood opens nothing."""
    given = claim if isinstance(claim, list) else str(claim or "").split()
    scopes: set[str] = set()
    poi: str | None = None
    agency: str | None = None
    for role in given[:50]:
        scope, _, of = str(role).partition(":")
        if scope not in SCOPES or (scope in ("planner", "requester", "supplier") and not of):
            continue
        if scope == "planner":
            poi = poi or of
        elif of:
            agency = agency or of
        scopes.add(scope)
    return frozenset(scopes), poi, agency or poi
