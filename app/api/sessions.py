"""Sessions: a person signs in once, and from then on calls with a token that does not last."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request

from app.api.bodies import read_json
from app.api.dependencies import SOMEONE_HERE, Caller, bearer_key, requires, resources
from app.api.session_shapes import (
    PARTY,
    SESSION,
    SESSION_QUESTION,
    NewSessionShape,
    PartyShape,
    SessionShape,
)
from app.problems import Forbidden, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.keys import digest_of
from app.store.sessions import begin_session, end_session

router = APIRouter(prefix="/v1/sessions", tags=["Keys"])

AnyCaller = Annotated[Caller, Depends(requires())]


@router.post(
    "",
    status_code=201,
    summary="Sign in",
    response_model=SessionShape,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/NewSessionShape"},
                    "example": SESSION_QUESTION,
                }
            },
        }
    },
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
    return {
        **_shown(caller),
        "name": begun.name,
        "signed_in": True,
        "token": begun.token,
        "expires_at": begun.expires_at,
    }


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


def _shown(caller: Caller) -> dict[str, Any]:
    return {
        "name": caller.name,
        "agency": caller.agency,
        "scopes": sorted(caller.scopes),
        "poi": caller.poi,
        "signed_in": caller.session,
    }
