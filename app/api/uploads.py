"""A file as the body of a request, kept aside until it is whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any

from starlette.requests import ClientDisconnect, Request

from app.imports.spool import MIB, UploadTooLarge, spooled
from app.problems import BadRequest, TooLarge, UnsupportedMediaType
from app.settings import Settings


@asynccontextmanager
async def upload(request: Request, settings: Settings, *media_types: str) -> AsyncIterator[IO[bytes]]:
    """Lend the body as a file for as long as the block runs.

    Raises UnsupportedMediaType unless it is one of `media_types`; TooLarge, UploadTooSlow or BadRequest.
    """
    if media_type_of(request) not in media_types:
        raise UnsupportedMediaType(f"Send the file as {' or '.join(media_types)}.")
    length = request.headers.get("content-length", "")
    try:
        async with spooled(
            request.stream(),
            declared_bytes=int(length) if length.isdecimal() else None,
            max_bytes=settings.import_max_mib * MIB,
            max_seconds=settings.import_max_seconds,
        ) as file:
            yield file
    except UploadTooLarge as refused:
        raise TooLarge(str(refused)) from None
    except ClientDisconnect:
        raise BadRequest("The body broke off before its end; nothing was changed.") from None


def media_type_of(request: Request) -> str:
    """Return what the body is said to be, without parameters; empty when it is not said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def takes(*media_types: str) -> dict[str, Any]:
    """Describe for OpenAPI (`openapi_extra=`) that the body is a file of one of `media_types`."""
    content = {name: {"schema": {"type": "string", "format": "binary"}} for name in media_types}
    return {"requestBody": {"required": True, "content": content}}
