"""One cell of a row: what it may hold, and how it is written for COPY (text format)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from math import isfinite

MAX_TEXT_CHARS = 1000
MAX_CODE_CHARS = 64

_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NEEDS_ESCAPE = re.compile(r"[\\\t\n\r]").search
_CONTROL = re.compile(r"[\x00-\x1f\x7f]").search
_WHOLE = re.compile(r"[0-9]{1,9}").fullmatch
_DECIMAL = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{1,20})?").fullmatch
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch

YES = frozenset({"true", "1", "yes", "ja", "y", "t", "j"})
NO = frozenset({"false", "0", "no", "nee", "n", "f"})


class InvalidCell(ValueError):  # noqa: N818 - says what it is
    """A cell that is not what its column takes: the column and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def csv_cells(names: Sequence[str], columns: Sequence[str]) -> Callable[[list[str]], list[str]]:
    """Return what puts the fields of a row in the order of `columns`; a column that is not there reads empty.

    What it returns raises InvalidCell for a row that has not as many fields as the header.
    """
    width = len(names)
    places = [names.index(column) if column in names else width for column in columns]

    def cells(fields: list[str]) -> list[str]:
        if len(fields) != width:
            raise InvalidCell("", f"the row has {len(fields)} fields, the header has {width}")
        fields.append("")
        return [fields[place] for place in places]

    return cells


def shown(value: str) -> str:
    """Return a value as a reason quotes it: never more than a line's worth."""
    return f'"{value if len(value) <= 80 else value[:79] + "…"}"'


def escaped(value: str) -> str:
    """Write text for COPY."""
    return value.translate(_COPY_ESCAPES) if _NEEDS_ESCAPE(value) else value


def copied(value: object) -> str:
    """Write any value for COPY; None is null."""
    if value is None:
        return r"\N"
    return escaped(value) if isinstance(value, str) else str(value)


def text(field: str, value: str, *, required: bool = False) -> str:
    """Return trimmed text of at most MAX_TEXT_CHARS characters. Raises InvalidCell."""
    value = value.strip()
    if required and not value:
        raise InvalidCell(field, "is empty")
    if len(value) > MAX_TEXT_CHARS:
        raise InvalidCell(field, f"is longer than {MAX_TEXT_CHARS} characters")
    if "\0" in value:
        raise InvalidCell(field, "holds a NUL character")
    return value


def code(field: str, value: str, *, longest: int = MAX_CODE_CHARS) -> str | None:
    """Return an identifier of up to `longest` characters, or None when empty. Raises InvalidCell."""
    value = value.strip()
    if not value:
        return None
    if len(value) > longest:
        raise InvalidCell(field, f"is longer than {longest} characters")
    if _CONTROL(value):
        raise InvalidCell(field, "holds a control character")
    return value


def whole(field: str, value: str, *, most: int) -> int | None:
    """Return a whole number from 0 to `most`, or None when empty. Raises InvalidCell."""
    value = value.strip()
    if not value:
        return None
    if not _WHOLE(value) or int(value) > most:
        raise InvalidCell(field, f"is not a whole number from 0 to {most}")
    return int(value)


def degrees(field: str, value: str, *, most: float) -> float | None:
    """Return decimal degrees from -most to most, or None when empty. Raises InvalidCell."""
    value = value.strip()
    if not value:
        return None
    if not _DECIMAL(value) or not isfinite(float(value)) or abs(float(value)) > most:
        raise InvalidCell(field, f"is not in decimal degrees from -{most:g} to {most:g}")
    return float(value)


def yes_or_no(field: str, value: str, *, empty: bool) -> bool:
    """Return a truth value (true/false, 1/0, yes/no, ja/nee). Raises InvalidCell."""
    value = value.strip().lower()
    if not value:
        return empty
    if value not in YES | NO:
        raise InvalidCell(field, "is not true or false")
    return value in YES


def day(field: str, value: str) -> date | None:
    """Return a date written YYYY-MM-DD, or None when empty. Raises InvalidCell."""
    value = value.strip()
    if not value:
        return None
    try:
        if not _DATE(value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise InvalidCell(field, "is not a date of the form YYYY-MM-DD") from None
