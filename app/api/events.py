"""The stream of events: everything that happens to a caller's loan requests, as it happens."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated

import anyio
from fastapi import APIRouter, Depends, Header, Query
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from app.api.dependencies import Caller, identify, requires, resources
from app.api.loan_shapes import EVENT, EventShape
from app.database import DatabaseUnavailable
from app.lending.documents import written_event
from app.lending.stream import MOST_EVENTS, follow
from app.problems import Fault, InvalidInput, Unauthorized
from app.resources import Resources
from app.store.events import last_known

router = APIRouter(prefix="/v1", tags=["Being told"])

LARGEST_ID = 2**63 - 1
LINE_END = "\n"
HEARTBEAT_SECONDS = 15  # a comment, so that whatever stands between sees that we are there
SEND_SECONDS = 30.0  # a reader that takes nothing for so long is cut off, and comes back where it was
LOOK_AT_KEY_SECONDS = 60.0
CLOSING_SECONDS = 5.0  # at shutdown, for a stream to end by itself; it looks up every two

_SHOWN = EventShape.model_validate(EVENT).model_dump_json()
_EXAMPLE = f"id: {EVENT['id']}\nevent: {EVENT['event']}\ndata: {_SHOWN}\n\n"


@router.get(
    "/events",
    summary="Follow events",
    response_class=Response,
    responses={
        200: {
            "description": "Server-sent events: `id`, `event` (its name) and `data` (an `EventShape`).",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
    },
)
async def stream_events(
    request: Request,
    caller: Annotated[Caller, Depends(requires())],
    last_event_id: Annotated[
        str | None,
        Header(
            max_length=20,
            description="The id of the last event received; sent by whoever reconnects. One that is not there stands "
            "for the last one before it; one later than all has only what comes told.",
        ),
    ] = None,
    after: Annotated[
        int, Query(ge=0, le=LARGEST_ID, description="The same for a first connection; 0: from the first event.")
    ] = 0,
    follow: Annotated[
        bool, Query(description="Stay for what comes; false: end once all that is there was sent.")
    ] = True,
) -> Response:
    """Answer every event of the key's agency: of loan requests that it made, and while it was asked, or supplied.

    Readers of the whole network and admins are told everything. Events come at least once and in order: whoever
    reconnects with `Last-Event-ID` gets what comes after it, and misses none. An id that was never given out is no
    fault, as an `EventSource` would not come again after one: it stands for the last event before it.
    """
    held = await resources(request)
    start = after if last_event_id is None else _read_id(last_event_id)
    if start:
        async with held.database.connection() as connection:
            start = await last_known(connection, start)
    closing = anyio.Event()
    return EventSourceResponse(
        _told(request, held, caller, after=start, forever=follow, closing=closing),
        ping=HEARTBEAT_SECONDS,
        sep=LINE_END,
        send_timeout=SEND_SECONDS,
        shutdown_event=closing,
        shutdown_grace_period=CLOSING_SECONDS,
    )


def _read_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > LARGEST_ID:
        raise InvalidInput(Fault("/Last-Event-ID", "This is not the id of any event."))
    return int(text)


async def _told(
    request: Request, held: Resources, caller: Caller, *, after: int, forever: bool, closing: anyio.Event
) -> AsyncIterator[ServerSentEvent]:
    agency = None if caller.sees_everything else caller.agency
    looked = time.monotonic()
    async for events in follow(held.database, held.streams, after=after, agency=agency):
        for event in events:
            yield ServerSentEvent(
                written_event(event).decode(), event=event["event"], id=str(event["id"]), sep=LINE_END
            )
        if closing.is_set() or (not forever and len(events) < MOST_EVENTS):
            return
        if time.monotonic() - looked > LOOK_AT_KEY_SECONDS:
            if not await _is_still(request, caller):
                return
            looked = time.monotonic()


async def _is_still(request: Request, caller: Caller) -> bool:
    """Say whether a caller's key still says the same; a stream may well outlive it."""
    try:
        return await identify(request) == caller
    except Unauthorized:
        return False
    except DatabaseUnavailable:
        return True  # nothing can be told meanwhile either
