"""Follows what happens to all loan requests: what is there already, and from then on as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import structlog

from app.database import DATABASE_ERRORS, Database, DatabaseUnavailable
from app.lending.listen import Waker
from app.store.events import follow_events

log = structlog.get_logger()

MOST_EVENTS = 200  # read at once
LOOK_SECONDS = 2.0  # how long to wait for a notification before looking anyway
REST_SECONDS = 0.1  # between two looks: a busy service notifies many times as often


async def follow(
    database: Database, waker: Waker, *, after: int, agency: str | None
) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield events in order, from the one after the id `after` on; fewer than MOST_EVENTS: all so far.

    `agency` narrows them as store.events.follow_events does. No connection is held while it waits, and a database
    that is away for a while only makes it wait longer.
    """
    ear = waker.ear()
    await waker.listen()
    while True:
        try:
            async with database.connection() as connection:
                events = await follow_events(connection, after=after, agency=agency, limit=MOST_EVENTS)
        except (DatabaseUnavailable, *DATABASE_ERRORS) as error:
            log.warning("a stream waits for the database", reason=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)
            continue
        yield events
        if events:
            after = events[-1]["id"]
        if len(events) < MOST_EVENTS:
            await asyncio.sleep(REST_SECONDS)
            await ear.wait(LOOK_SECONDS)
