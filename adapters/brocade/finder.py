"""Leads from an ISBN or PPN to records, by an index that it builds by itself from the harvest of the system."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

from adapters.brocade.catalogue import Source
from adapters.brocade.index import TitleIndex
from adapters.contract import CursorLost, Deleted, Record, Unavailable
from adapters.installation import Clock

OVERLAP = timedelta(days=1)  # a day is all that its clock knows
FRESH = timedelta(minutes=15)


class Finder:
    """Finds record numbers. What is not in the index is looked for in what was not harvested yet.

    A title that the library does not have costs reading its whole catalogue once, over as many calls as that takes;
    after that, what changed since, at most every `fresh`. So it never says that there is nothing before it knows.
    """

    def __init__(self, source: Source, *, most: int, clock: Clock, fresh: timedelta = FRESH) -> None:
        self._source = source
        self._index = TitleIndex(most=most)
        self._clock = clock
        self._fresh = fresh
        self._read_at: datetime | None = None
        self._reading = asyncio.Lock()

    def learn(self, changes: Iterable[Record | Deleted]) -> None:
        """Take in what somebody else harvested."""
        self._index.learn(changes)

    async def find(self, *, isbn: str | None, ppn: str | None, every: bool = False) -> list[str]:
        """Return the numbers of records that bear an ISBN or PPN, by the index: some, or `every` one of them.

        Raises Unavailable where there is none, and it may be that there is. Cut off by a deadline, it goes on at the
        next call where it was.
        """
        found = self._index.find(isbn=isbn, ppn=ppn)
        while (every or not found) and not self._is_up_to_date():
            async with self._reading:
                found = self._index.find(isbn=isbn, ppn=ppn)  # another call may have read on meanwhile
                if (every or not found) and not self._is_up_to_date():
                    await self._read_on()
                    found = self._index.find(isbn=isbn, ppn=ppn)
        if (every or not found) and self._index.overflowed:
            raise Unavailable("the title may be one of those that the index has no room for")
        return found

    def _is_up_to_date(self) -> bool:
        return self._index.finished and self._read_at is not None and self._clock() - self._read_at < self._fresh

    async def _read_on(self) -> None:
        as_of = self._index.as_of
        since = as_of - OVERLAP if self._index.finished and as_of is not None else None
        try:
            page = await self._source.page(since=since, cursor=self._index.cursor)
        except CursorLost as error:
            self._index.lose()
            raise Unavailable("the index of numbers has to be built anew") from error
        self._index.take(page)
        if page.cursor is None:
            self._read_at = self._clock()
