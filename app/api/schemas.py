"""Shapes that several operations share."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

# PostgreSQL has no NUL in text, so nothing is named by one.
NO_NUL = r"^[^\x00]+$"

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _read_day(value: object) -> object:
    # Pydantic would also take a number of seconds for a day.
    if isinstance(value, int | float) or (isinstance(value, str) and not _DAY.fullmatch(value)):
        raise ValueError("Takes a day of the form YYYY-MM-DD.")
    return value


Day = Annotated[date, BeforeValidator(_read_day)]


class FaultShape(BaseModel):
    """One thing wrong with the input."""

    pointer: str = Field(description="JSON pointer to the fault; empty: the whole of the input.")
    detail: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """What went wrong (RFC 9457, application/problem+json)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="The kind of problem; the address of a page that explains it.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status of the answer.")
    detail: str = Field(description="What went wrong this time.")
    instance: str = Field(description="The path that was asked.")
    errors: list[FaultShape] | None = Field(default=None, description="With 422: each fault in the input.")
