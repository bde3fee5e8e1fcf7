"""The same answer as JSON or as CSV: which one the caller wants, and how a table is written."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.requests import Request
from starlette.responses import StreamingResponse

CSV = "text/csv"
JSON = "application/json"

Format = Annotated[
    Literal["json", "csv"] | None,
    Query(description="`json` or `csv`; left out: what the header `Accept` prefers, and JSON without one."),
]


def wants_csv(request: Request, format: Literal["json", "csv"] | None) -> bool:
    """Return whether the caller wants CSV: by the parameter, or else by the header `Accept` (RFC 9110, 12.5.1)."""
    if format is not None:
        return format == "csv"
    liked = dict(_weighed(part) for part in ",".join(request.headers.getlist("accept")).split(","))
    as_csv, as_json = (
        next((liked[name] for name in (media, f"{media.partition('/')[0]}/*") if name in liked), None)
        for media in (CSV, JSON)
    )
    # `*/*` takes anything: then it is JSON, unless CSV is named and liked as much.
    return as_csv is not None and as_csv > 0 and as_csv >= max(as_json or 0.0, liked.get("*/*", 0.0))


def _weighed(part: str) -> tuple[str, float]:
    media, *parameters = (word.strip().lower() for word in part.split(";"))
    weights = [word[2:] for word in parameters if word.startswith("q=")]
    try:
        return media, float(weights[0]) if weights else 1.0
    except ValueError:
        return media, 0.0


def as_csv(name: str, columns: Sequence[str], rows: AsyncIterator[Iterable[dict[str, Any]]]) -> StreamingResponse:
    """Answer a table, a piece at a time (UTF-8, commas, a header row; RFC 4180); null is an empty cell."""

    async def pieces() -> AsyncIterator[str]:
        yield _written([columns])
        async for some in rows:
            yield _written([[_cell(row[column]) for column in columns] for row in some])

    disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Vary": "Accept"}
    return StreamingResponse(pieces(), media_type=f"{CSV}; charset=utf-8; header=present", headers=disposition)


async def at_once(rows: Iterable[dict[str, Any]]) -> AsyncIterator[Iterable[dict[str, Any]]]:
    """Make a table of rows that are all there already."""
    yield rows


def _written(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


# What makes a spreadsheet take a cell for a formula. Agencies are named by whoever asks, so a name may be one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def _cell(value: Any) -> Any:
    """Return a value as its cell: text that a spreadsheet would carry out is led by an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def documented_table(example: dict[str, Any], lines: str) -> dict[int | str, dict[str, Any]]:
    """Describe for OpenAPI (`responses=`) an answer that there is as JSON and as CSV."""
    return {
        200: {
            "content": {
                JSON: {"example": example},
                CSV: {"schema": {"type": "string"}, "example": lines},
            }
        }
    }
