"""Whoever looks at a page: their session, their language, and the proof that a form was sent from our page."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app.console.api import Api, Refused
from app.console.words import Writing, choose_language, speak

SESSION, LANGUAGE, SEED = "leenpad_session", "leenpad_language", "leenpad_seed"
FORM_TOKEN, FORM_HEADER = "csrf", "x-csrf-token"


class NotSignedIn(Exception):  # noqa: N818 - named as what it is
    """Nobody is signed in, and somebody must be."""


class Forged(Exception):  # noqa: N818 - named as what it is
    """A form that was not sent from a page of ours, or from one of a session that is over."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks, what the API lets them do, and how pages speak to them.

    `party` is what `GET /v1/sessions/current` says of them, or None where nobody is let in.
    """

    api: Api
    party: dict[str, Any] | None
    token: str | None
    seed: str
    language: str
    root: str
    path: str
    query: str
    by_htmx: bool
    secure: bool
    say: Callable[..., str] = field(repr=False)
    writing: Writing = field(repr=False)

    def may(self, *scopes: str) -> bool:
        """Say whether the visitor has one of the scopes (none named: whether they are let in)."""
        if self.party is None:
            return False
        return not scopes or "admin" in self.party["scopes"] or not set(scopes).isdisjoint(self.party["scopes"])

    @property
    def address(self) -> str:
        """Where they are going: the path and the query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def csrf(self) -> str:
        """What a form of ours brings along: made from what only this browser has."""
        return hmac.new((self.token or self.seed).encode(), b"form", hashlib.sha256).hexdigest()


async def meet(request: Request) -> Visitor:
    """Return who looks, let in or not."""
    token = request.cookies.get(SESSION)
    api = Api(request, token)
    try:
        party = await api.get("/v1/sessions/current")
    except Refused as refused:
        if refused.status != 401:
            raise
        party, token = None, None
    language = choose_language(request.cookies.get(LANGUAGE), request.headers.get("accept-language", ""))
    return Visitor(
        api=api,
        party=party,
        token=token,
        seed=request.cookies.get(SEED) or secrets.token_urlsafe(24),
        language=language,
        root=str(request.scope.get("root_path", "")).rstrip("/"),
        path=request.url.path,
        query=request.url.query,
        by_htmx="hx-request" in request.headers,
        secure=request.url.scheme == "https",
        say=speak(language),
        writing=Writing(language),
    )


async def visitor(request: Request) -> Visitor:
    """Return who looks at a page; a dependency. Raises NotSignedIn, or Forged for a form that is not ours."""
    found = await meet(request)
    if found.party is None:
        raise NotSignedIn
    if request.method not in ("GET", "HEAD"):
        await check_form(request, found)
    return found


async def check_form(request: Request, found: Visitor) -> FormData:
    """Return what was sent, from a page of ours. Raises Forged."""
    form = await request.form(max_files=4, max_fields=2000)
    given = request.headers.get(FORM_HEADER) or form.get(FORM_TOKEN)
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), found.csrf.encode()):
        raise Forged
    return form


def remember(response: Response, found: Visitor, name: str, value: str, *, seconds: int | None = None) -> Response:
    """Set a cookie that no script reads and no other site sends along."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=f"{found.root}/console",
        httponly=True,
        secure=found.secure,
        samesite="lax",
    )
    return response


def forget(response: Response, found: Visitor, name: str) -> Response:
    """Take a cookie away."""
    response.delete_cookie(name, path=f"{found.root}/console")
    return response
