"""Reading a small body within bounds: JSON straight into a model, XML as it is."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from app.api.change_log import note_asked
from app.problems import BadRequest, InvalidInput, TooLarge, UnsupportedMediaType, faults_of

Shape = TypeVar("Shape", bound=BaseModel)

MAX_BODY_BYTES = 256 * 1024
MAX_PROTOBUF_BYTES = 8 * 1024 * 1024
PROTOBUF_TYPES = ("application/x-protobuf", "application/protobuf")
XML_TYPES = ("application/xml", "text/xml")


async def read_json(request: Request, shape: type[Shape], *, most: int = MAX_BODY_BYTES) -> Shape:
    """Read the body, of at most so many bytes, as `shape`, and have the log keep of it what may be kept.

    Raises UnsupportedMediaType, TooLarge or InvalidInput.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    try:
        asked = shape.model_validate_json(await _read(request, most))
    except ValidationError as error:
        raise InvalidInput(*faults_of(error.errors(include_url=False, include_input=False))) from None
    await note_asked(asked)
    return asked


async def read_xml(request: Request) -> bytes:
    """Read the body, which is said to be XML. Raises UnsupportedMediaType or TooLarge."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in XML_TYPES:
        raise UnsupportedMediaType(f"Send the body as {' or '.join(XML_TYPES)}.")
    return await _read(request)


async def read_protobuf(request: Request) -> bytes:
    """Read the body, which is said to be Protocol Buffers. Raises UnsupportedMediaType or TooLarge."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in PROTOBUF_TYPES:
        raise UnsupportedMediaType(f"Send the body as {' or '.join(PROTOBUF_TYPES)}.")
    return await _read(request, MAX_PROTOBUF_BYTES)


async def _read(request: Request, most: int = MAX_BODY_BYTES) -> bytes:
    try:
        return await _read_whole(request, most)
    except ClientDisconnect:  # nobody hears it, but it is no fault of ours
        raise BadRequest("The body broke off.") from None


async def _read_whole(request: Request, most: int) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isdecimal():
        if int(length) > most:
            raise TooLarge(f"The body is larger than {most // 1024} KiB.")
        return await request.body()  # the server holds the caller to the length it stated
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLarge(f"The body is larger than {most // 1024} KiB.")
    return bytes(body)
