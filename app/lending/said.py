"""What is said of a dated trip by now, and whether that is still what somebody looked at."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from app.database import Connection
from app.store.stoppages import find_cancellation
from app.store.trip_changes import PLANNER, Row, find_change, lock_said


@dataclass(frozen=True, slots=True)
class Word:
    """How a dated trip runs otherwise, and that it does not run; None: nobody said so."""

    trip_id: str
    service_date: date
    change: Row | None
    cancellation: Row | None

    @property
    def revision(self) -> str:
        """What differs whenever a person said something else, or the trip was cancelled or runs again.

        How late a feed says it is does not count: that changes by the minute, and a person's word stands above it.
        """
        change = self.change if self.change is not None and self.change["source"] == PLANNER else None
        said = orjson.dumps([change, self.cancellation], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(said).hexdigest()[:16]

    def document(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "trip_id": self.trip_id,
            "service_date": self.service_date,
            "revision": self.revision,
            "change": None if self.change is None else change_document(self.change),
            "cancellation": self.cancellation,
        }


class SaidOtherwise(Exception):  # noqa: N818 - named as the problem it becomes
    """Somebody said something else of the trip since."""

    def __init__(self, word: Word) -> None:
        super().__init__(
            f"Something else was said of {word.trip_id} on {word.service_date} since you looked: nothing was changed."
        )
        self.members = word.document()


async def read_word(connection: Connection, trip_id: str, service_date: date) -> Word:
    """Return what is said of a trip on a day."""
    return Word(
        trip_id,
        service_date,
        await find_change(connection, trip_id, service_date),
        await find_cancellation(connection, trip_id, service_date),
    )


async def hold_word(connection: Connection, trip_id: str, service_date: date, *, seen: str | None) -> Word:
    """Return the same until the transaction ends: nobody says anything meanwhile.

    `seen` is the revision that whoever speaks looked at (None: whichever). Raises SaidOtherwise.
    """
    await lock_said(connection)
    word = await read_word(connection, trip_id, service_date)
    if seen is not None and seen != word.revision:
        raise SaidOtherwise(word)
    return word


def change_document(row: Row) -> dict[str, Any]:
    """Return a change as the API shows it."""
    delays = [
        {
            "location": each["location"],
            "visit": each["visit"],
            "arrival_delay_seconds": each["arrival"],
            "departure_delay_seconds": each["departure"],
        }
        for each in row["delays"]
    ]
    return {**row, "delays": delays}
