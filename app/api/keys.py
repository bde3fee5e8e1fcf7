"""Keys to this API: made, listed, rotated and taken away; what is done to them holds at once in every process."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request

from app.api.bodies import read_json
from app.api.dependencies import database, requires
from app.api.key_shapes import KEY_QUESTION, KEYS, NEW_KEY, KeyShape, MadeKeyShape, NewKeyShape
from app.api.paging import LARGEST_INTEGER, Cursor, Limit, Page, after, page
from app.database import Database
from app.problems import Fault, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.keys import KeyEnded, UnknownKey, add_key, list_keys, revoke_key, rotate_key

router = APIRouter(prefix="/v1/keys", tags=["Keys"], dependencies=[Depends(requires("admin"))])

HeldDatabase = Annotated[Database, Depends(database)]
KeyId = Annotated[int, Path(description="The key's id.", ge=1, le=LARGEST_INTEGER, examples=[7])]


@router.post(
    "",
    status_code=201,
    summary="Make a key",
    response_model=MadeKeyShape,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/NewKeyShape"}, "example": KEY_QUESTION}
            },
        }
    },
    responses={
        201: {"content": {"application/json": {"example": NEW_KEY}}},
        **documented(TooLarge, UnsupportedMediaType, InvalidInput),
    },
)
async def create(request: Request, held: HeldDatabase) -> dict[str, Any]:
    """Make a key and answer it, this once: only its digest is kept.

    The first key that is ever made ends open mode, so let it be one with the scope `admin`.
    """
    asked = await read_json(request, NewKeyShape)
    if asked.expires_at is not None and asked.expires_at <= datetime.now(UTC):
        raise InvalidInput(Fault("/expires_at", "This moment has passed."))
    async with held.transaction() as connection:
        made = await add_key(
            connection,
            agency=asked.agency,
            scopes=sorted(set(asked.scopes)),
            expires_at=asked.expires_at,
            poi=asked.poi,
            live_deadline_ms=asked.live_deadline_ms,
        )
    return asdict(made)


@router.get(
    "",
    summary="List keys",
    response_model=Page[KeyShape],
    responses={200: {"content": {"application/json": {"example": KEYS}}}},
)
async def read_keys(held: HeldDatabase, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Answer whose keys there are, what they may do and until when, by id; those that have expired too."""
    async with held.connection() as connection:
        found = await list_keys(connection, after=after(cursor, int), limit=limit + 1)
    return page(found, [row["id"] for row in found], limit)


@router.post(
    "/{key}/rotate",
    status_code=201,
    summary="Rotate a key",
    response_model=MadeKeyShape,
    responses={201: {"content": {"application/json": {"example": NEW_KEY}}}, **documented(UnknownKey, KeyEnded)},
)
async def rotate(
    held: HeldDatabase,
    key: KeyId,
    overlap_hours: Annotated[
        int, Query(ge=0, le=168, description="How long the old key keeps working; 0: it stops at once.")
    ] = 24,
) -> dict[str, Any]:
    """Make a key that may do the same, and answer it, this once. The old one keeps working for the overlap.

    A key that has ended is not rotated. One that was made to expire is followed by one that lasts as long as it was
    meant to.
    """
    async with held.transaction() as connection:
        return asdict(await rotate_key(connection, key, overlap=timedelta(hours=overlap_hours)))


@router.delete("/{key}", status_code=204, summary="Take a key away", responses=documented(UnknownKey))
async def revoke(held: HeldDatabase, key: KeyId) -> None:
    """Take a key away: it stops working at once, in every process."""
    async with held.transaction() as connection:
        await revoke_key(connection, key)
