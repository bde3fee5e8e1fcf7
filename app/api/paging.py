"""Lists in pages: a limit, and an opaque cursor that names the last thing of the page before."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel, Field

from app.problems import Fault, InvalidInput

Item = TypeVar("Item")
Key = TypeVar("Key", int, str)

LARGEST_INTEGER = 2**31 - 1

Limit = Annotated[int, Query(ge=1, le=1000, description="How many to answer at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="The `next_cursor` of the page before; leave it out for the first page."),
]


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null: this was the last.")


def page(items: Sequence[Item], keys: Sequence[int | str], limit: int) -> dict[str, Any]:
    """Return one page of what was fetched: `limit` items, or one more where there is another page.

    `keys` are what a cursor names, one for each item.
    """
    more = len(items) > limit
    return {"items": list(items[:limit]), "next_cursor": _written(keys[limit - 1]) if more else None}


def after(cursor: str | None, kind: type[Key]) -> Key | None:
    """Return the key that a cursor names; None without one. Raises InvalidInput for a cursor that we never made."""
    if cursor is None:
        return None
    try:
        key = orjson.loads(
            base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        )
    except (binascii.Error, UnicodeEncodeError, orjson.JSONDecodeError):
        raise _invalid() from None
    if type(key) is not kind or (isinstance(key, int) and not 0 <= key <= LARGEST_INTEGER):
        raise _invalid()
    if isinstance(key, str) and "\0" in key:
        raise _invalid()
    return key


def after_run(cursor: str | None) -> tuple[date, str] | None:
    """Return the service day and the trip that a cursor names, as `run_keys` writes them. Raises as `after`."""
    found = after(cursor, str)
    if found is None:
        return None
    day, _, trip = found.partition(" ")
    try:
        return date.fromisoformat(day), trip
    except ValueError:
        raise _invalid() from None


def run_keys(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what a cursor names of dated trips: their service day and the trip."""
    return [f"{row['service_date']} {row['trip_id']}" for row in rows]


def _written(key: int | str) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def _invalid() -> InvalidInput:
    return InvalidInput(Fault("/cursor", "This is not the next_cursor of any page."))
