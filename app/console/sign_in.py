"""Signing in and out, and the language of the pages."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.console.api import Api, Refused
from app.console.frame import go, render
from app.console.visitor import LANGUAGE, SESSION, Visitor, check_form, forget, meet, remember
from app.console.words import LANGUAGES

router = APIRouter(prefix="/console", include_in_schema=False)

MONTH_SECONDS = 30 * 86_400


@router.get("/sign-in")
async def show(request: Request) -> Response:
    """Show where to sign in."""
    found = await meet(request)
    return _shown(found, after=_ours(request.query_params.get("after")))


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Begin a session with a key."""
    found = await meet(request)
    form = await check_form(request, found)
    after = _ours(str(form.get("after", "")))
    key, name = str(form.get("key", "")).strip(), str(form.get("name", "")).strip()
    if not (key and name and key.isascii() and key.isprintable()):
        return _shown(found, after=after, said=found.say("sign_in.incomplete"), status=422)
    try:
        session = await Api(request, key).post("/v1/sessions", {"name": name})
    except Refused as refused:
        said = found.say("sign_in.unknown_key") if refused.status == 401 else " ".join(refused.said)
        return _shown(found, after=after, said=said, status=refused.status)
    return remember(go(found, after), found, SESSION, session["token"])


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session."""
    found = await meet(request)
    await check_form(request, found)
    if found.party is not None and found.party["signed_in"]:
        await found.api.delete("/v1/sessions/current")
    return forget(go(found, "/console/sign-in"), found, SESSION)


@router.post("/language")
async def speak_another(request: Request) -> Response:
    """Speak another language from now on."""
    found = await meet(request)
    form = await check_form(request, found)
    language = str(form.get("language"))
    chosen = language if language in LANGUAGES else found.language
    return remember(go(found, _ours(str(form.get("after", "")))), found, LANGUAGE, chosen, seconds=12 * MONTH_SECONDS)


def _shown(found: Visitor, *, after: str, said: str = "", status: int = 200) -> Response:
    return render(found, "sign_in.html", status=status, after=after, said=said)


def _ours(after: str | None) -> str:
    """Return a path of the console, whatever was asked for: nobody is sent elsewhere."""
    parts = urlsplit(after or "")
    inside = parts.path == "/console" or parts.path.startswith("/console/")
    if parts.scheme or parts.netloc or not inside or "\\" in (after or ""):
        return "/console"
    return parts.path + (f"?{parts.query}" if parts.query else "")
