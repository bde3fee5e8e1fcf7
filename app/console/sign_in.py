"""Signing in and out, and the language of the pages."""

from __future__ import annotations

import base64
import hmac
import json
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.console.api import Api, Refused
from app.console.frame import go, render
from app.console.visitor import LANGUAGE, SESSION, Visitor, check_form, forget, meet, remember
from app.console.words import LANGUAGES

router = APIRouter(prefix="/console", include_in_schema=False)

UNDER_WAY, UNDER_WAY_SECONDS = "leenpad_under_way", 900
MONTH_SECONDS = 30 * 86_400


@router.get("/sign-in")
async def show(request: Request) -> Response:
    """Show where to sign in."""
    found = await meet(request)
    return await _shown(found, after=_ours(request.query_params.get("after")))


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Begin a session with a key."""
    found = await meet(request)
    form = await check_form(request, found)
    after = _ours(str(form.get("after", "")))
    key, name = str(form.get("key", "")).strip(), str(form.get("name", "")).strip()
    if not (key and name and key.isascii() and key.isprintable()):
        return await _shown(found, after=after, said=found.say("sign_in.incomplete"), status=422)
    try:
        session = await Api(request, key).post("/v1/sessions", {"name": name})
    except Refused as refused:
        said = found.say("sign_in.unknown_key") if refused.status == 401 else " ".join(refused.said)
        return await _shown(found, after=after, said=said, status=refused.status)
    return remember(go(found, after), found, SESSION, session["token"])


@router.post("/sign-in/provider")
async def leave_for_provider(request: Request) -> Response:
    """Send the person to where they sign in; what must be shown on the way back is kept in their browser."""
    found = await meet(request)
    form = await check_form(request, found)
    begun = await found.api.post("/v1/sessions/provider/begin", {"redirect_uri": _back(request, found)})
    under_way = {name: begun[name] for name in ("state", "nonce", "code_verifier")}
    under_way["after"] = _ours(str(form.get("after", "")))
    # A page of ours that leads there by itself: the policy lets a form go nowhere else, and a link may.
    response = render(found, "sign_in_away.html", address=begun["address"])
    return remember(response, found, UNDER_WAY, _packed(under_way), seconds=UNDER_WAY_SECONDS)


@router.get("/sign-in/back")
async def come_back(request: Request) -> Response:
    """Begin a session of whoever the provider has let in."""
    found = await meet(request)
    under_way = _unpacked(request.cookies.get(UNDER_WAY))
    given = {name: request.query_params.get(name, "") for name in ("state", "code")}
    if under_way is None or not hmac.compare_digest(given["state"].encode(), under_way["state"].encode()):
        return await _shown(found, after="/console", said=found.say("sign_in.not_begun"), status=403)
    if not given["code"]:
        return await _shown(found, after=under_way["after"], said=found.say("sign_in.not_let_in"), status=403)
    body = {name: under_way[name] for name in ("nonce", "code_verifier")}
    try:
        session = await Api(request, None).post(
            "/v1/sessions/provider", {**body, "code": given["code"], "redirect_uri": _back(request, found)}
        )
    except Refused as refused:
        return await _shown(found, after=under_way["after"], said=" ".join(refused.said), status=refused.status)
    response = remember(go(found, _ours(under_way["after"])), found, SESSION, session["token"])
    return forget(response, found, UNDER_WAY)


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


async def _shown(found: Visitor, *, after: str, said: str = "", status: int = 200) -> Response:
    try:
        provider = (await found.api.get("/v1/sessions/provider"))["issuer"]
    except Refused:
        provider = None
    return render(found, "sign_in.html", status=status, after=after, said=said, provider=provider)


def _back(request: Request, found: Visitor) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{found.root}/console/sign-in/back"


def _packed(under_way: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(under_way).encode()).decode()


def _unpacked(cookie: str | None) -> dict[str, str] | None:
    try:
        found = json.loads(base64.urlsafe_b64decode((cookie or "").encode()))
    except ValueError:
        return None
    whole = isinstance(found, dict) and {"state", "nonce", "code_verifier", "after"} <= set(found)
    return {name: str(value) for name, value in found.items()} if whole else None


def _ours(after: str | None) -> str:
    """Return a path of the console, whatever was asked for: nobody is sent elsewhere."""
    parts = urlsplit(after or "")
    inside = parts.path == "/console" or parts.path.startswith("/console/")
    if parts.scheme or parts.netloc or not inside or "\\" in (after or ""):
        return "/console"
    return parts.path + (f"?{parts.query}" if parts.query else "")
