"""Who changed what: the log of changes, the newest first."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from app.console.frame import render
from app.console.visitor import Visitor, visitor

router = APIRouter(prefix="/console/changes", include_in_schema=False)

ROWS = 100


@router.get("")
async def show(
    looking: Annotated[Visitor, Depends(visitor)],
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    refused: bool = False,
) -> Response:
    """Show a page of the log."""
    found = await looking.api.get("/v1/changes", cursor=cursor, refused=str(refused).lower(), limit=ROWS)
    return render(
        looking,
        "changes.html",
        changes=found["items"],
        next_cursor=found["next_cursor"],
        refused=refused,
        in_words=_in_words,
    )


def _in_words(document: dict[str, Any]) -> str:
    """Write a document as one line: what it names, and what each is."""
    return ", ".join(f"{name}: {_value(value)}" for name, value in document.items())


def _value(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
