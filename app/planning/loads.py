"""Keeps for some seconds what rides the trips of a day: every open page asks, and all that is under way is read."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from datetime import date

from app.database import Database
from app.store.riders import Row, list_loads

KEPT_SECONDS = 5.0
KEPT_DAYS = 8


class Loads:
    """By service day, of this process. One day is read at a time; whoever asks meanwhile waits for what is found."""

    def __init__(self, *, kept_seconds: float = KEPT_SECONDS) -> None:
        self._kept_seconds = kept_seconds
        self._kept: OrderedDict[date, tuple[float, list[Row]]] = OrderedDict()
        self._turn = asyncio.Lock()

    async def of(self, database: Database, service_date: date) -> list[Row]:
        """Return how many items board where and leave where, of every trip on a day; read seconds ago at most."""
        async with self._turn:
            read_at, rows = self._kept.get(service_date, (None, []))
            if read_at is not None and time.monotonic() - read_at < self._kept_seconds:
                return rows
            async with database.connection() as connection:
                rows = await list_loads(connection, service_date)
            self._kept[service_date] = (time.monotonic(), rows)
            self._kept.move_to_end(service_date)
            while len(self._kept) > KEPT_DAYS:
                self._kept.popitem(last=False)
            return rows
