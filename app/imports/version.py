"""The id of a network version: a hash of everything that is kept, whatever the order it came in."""

from __future__ import annotations

import hashlib
from dataclasses import fields

import numpy as np
import orjson

from app.store.timetable import Content

FORM = b"leenpad network 1\n"  # changes with the canonical form, never with the data
DIGITS = 16


def version_id(content: Content) -> str:
    """Return `nv-` and sixteen hexadecimal digits of the SHA-256 of the canonical form of `content`.

    The canonical form is one JSON line per table in the order of ids, then the columns of calls as little-endian
    32-bit integers.
    """
    digest = hashlib.sha256(FORM)
    for table in (
        content.timezone,
        content.operators,
        content.stops,
        content.routes,
        content.services,
        content.trips,
    ):
        digest.update(orjson.dumps(table, option=orjson.OPT_APPEND_NEWLINE))
    for column in fields(content.calls):
        digest.update(np.ascontiguousarray(getattr(content.calls, column.name), dtype="<i4").data)
    return f"nv-{digest.hexdigest()[:DIGITS]}"
