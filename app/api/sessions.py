"""Sessions: a person signs in once, and from then on calls with a token that does not last."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request

from app.api.bodies import read_json
from app.api.change_log import note_sign_in
from app.api.dependencies import SOMEONE_HERE, Caller, bearer_key, requires, resources
from app.api.session_shapes import (
    BEGUN,
    CODE,
    PARTY,
    PROVIDER,
    SESSION,
    SESSION_QUESTION,
    SIGN_IN,
    BegunShape,
    CodeShape,
    NewSessionShape,
    PartyShape,
    ProviderShape,
    SessionShape,
    SignInShape,
)
from app.people import NoProvider, NotAdmitted, Provider, ProviderSilent
from app.problems import Forbidden, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.resources import Resources
from app.store.keys import digest_of
from app.store.sessions import begin_session, end_session

router = APIRouter(prefix="/v1/sessions", tags=["Keys"])

HeldResources = Annotated[Resources, Depends(resources)]
AnyCaller = Annotated[Caller, Depends(requires())]


def _takes(shape: str, example: dict[str, Any]) -> dict[str, Any]:
    content = {"schema": {"$ref": f"#/components/schemas/{shape}"}, "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


@router.post(
    "",
    status_code=201,
    summary="Sign in",
    response_model=SessionShape,
    openapi_extra=_takes("NewSessionShape", SESSION_QUESTION),
    responses={
        201: {"content": {"application/json": {"example": SESSION}}},
        **documented(TooLarge, UnsupportedMediaType, InvalidInput),
    },
)
async def sign_in(request: Request, caller: AnyCaller) -> dict[str, Any]:
    """Begin a session with the key that this is called with, and answer its token, this once.

    It may do what the key may, for as long as LEENPAD_SESSION_HOURS says, and ends with the key. A session begins no
    other; and as long as no key was ever made, nobody has to sign in.
    """
    asked = await read_json(request, NewSessionShape)
    if caller.session or caller is SOMEONE_HERE:
        raise Forbidden("A session begins with a key.")
    held = await resources(request)
    await note_sign_in(request, held.database, name=asked.name, agency=caller.agency, key=caller.key)
    async with held.database.transaction() as connection:
        begun = await begin_session(
            connection,
            name=asked.name,
            agency=caller.agency,
            scopes=caller.scopes,
            poi=caller.poi,
            lasting=timedelta(hours=held.settings.session_hours),
            parent=caller.key,
        )
    return {**asdict(begun), "signed_in": True}


@router.get(
    "/provider",
    summary="Say where people sign in",
    response_model=ProviderShape,
    responses={200: {"content": {"application/json": {"example": PROVIDER}}}, **documented(NoProvider)},
)
async def read_provider(held: HeldResources) -> dict[str, Any]:
    """Answer the OpenID Connect provider that people sign in at. Takes no key."""
    return {"issuer": _provider(held).issuer}


@router.post(
    "/provider/begin",
    summary="Begin to sign in at the provider",
    response_model=BegunShape,
    openapi_extra=_takes("SignInShape", SIGN_IN),
    responses={
        200: {"content": {"application/json": {"example": BEGUN}}},
        **documented(TooLarge, UnsupportedMediaType, InvalidInput, NoProvider, ProviderSilent),
    },
)
async def begin_at_provider(request: Request, held: HeldResources) -> dict[str, Any]:
    """Answer where a person signs in, by OpenID Connect's authorization code flow with PKCE. Takes no key.

    404 `no-provider` says that there is none, and that people sign in with keys.
    """
    asked = await read_json(request, SignInShape)
    return asdict(await _provider(held).begin(asked.redirect_uri))


@router.post(
    "/provider",
    status_code=201,
    summary="Sign in with what the provider sent back",
    response_model=SessionShape,
    openapi_extra=_takes("CodeShape", CODE),
    responses={
        201: {"content": {"application/json": {"example": SESSION}}},
        **documented(TooLarge, UnsupportedMediaType, InvalidInput, NoProvider, NotAdmitted, ProviderSilent),
    },
)
async def sign_in_from_provider(request: Request, held: HeldResources) -> dict[str, Any]:
    """Begin a session of the person that the provider vouches for, and answer its token, this once. Takes no key.

    What they may do is in a claim of the ID token (LEENPAD_OIDC_CLAIM).
    """
    asked = await read_json(request, CodeShape)
    person = await _provider(held).finish(
        code=asked.code, code_verifier=asked.code_verifier, nonce=asked.nonce, redirect_uri=asked.redirect_uri
    )
    await note_sign_in(request, held.database, name=person.name, agency=person.agency, key=None)
    async with held.database.transaction() as connection:
        begun = await begin_session(
            connection,
            name=person.name,
            agency=person.agency,
            scopes=person.scopes,
            poi=person.poi,
            lasting=timedelta(hours=held.settings.session_hours),
        )
    return {**asdict(begun), "signed_in": True}


@router.get(
    "/current",
    summary="Say who calls",
    response_model=PartyShape,
    responses={200: {"content": {"application/json": {"example": PARTY}}}},
)
async def read_current(caller: AnyCaller) -> dict[str, Any]:
    """Answer who calls, with a key or signed in, and what they may do."""
    return _shown(caller)


@router.delete("/current", status_code=204, summary="Sign out")
async def sign_out(request: Request, caller: AnyCaller) -> None:
    """End the session that this is called with, at once and in every process. A key is no session and stays."""
    key = bearer_key(request)
    if not caller.session or key is None:
        return
    held = await resources(request)
    async with held.database.transaction() as connection:
        await end_session(connection, digest_of(key))


def _provider(held: Resources) -> Provider:
    if held.provider is None:
        raise NoProvider
    return held.provider


def _shown(caller: Caller) -> dict[str, Any]:
    return {
        "name": caller.name,
        "agency": caller.agency,
        "scopes": sorted(caller.scopes),
        "poi": caller.poi,
        "signed_in": caller.session,
    }
