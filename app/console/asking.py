"""A decision's question as it stands in the address of a page, and as the API is asked it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query

from app.console.words import ZONE

OBJECTIVES = ("fastest", "cheapest", "fewest_handlings", "balanced")
Text = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form holds: `title` is `isbn:…` or `ppn:…`, `at` the local time, empty where nothing is filled in."""

    q: str
    title: str
    pickup_location: str
    objective: str
    at: str

    @property
    def complete(self) -> bool:
        """Whether a decision can be asked for."""
        return bool(self.title and self.pickup_location)

    @property
    def query(self) -> str:
        """The same as a query string, for links."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return urlencode({name: value for name, value in values.items() if value})


def asked(q: Text = "", title: Text = "", pickup_location: Text = "", objective: Text = "", at: Text = "") -> Asked:
    """Read the question of a page; a dependency."""
    return Asked(*(value.strip() for value in (q, title, pickup_location, objective, at)))


def body_of(question: Asked) -> dict[str, Any]:
    """Return what POST /v1/decisions is asked; what is not filled in is left to the API."""
    scheme, _, number = question.title.partition(":")
    body: dict[str, Any] = {
        "title": {"ppn" if scheme == "ppn" else "isbn": number},
        "pickup_location": question.pickup_location,
    }
    if question.objective:
        body["objective"] = question.objective
    if question.at:
        body["requested_at"] = _moment(question.at)
    return body


def _moment(text: str) -> str:
    """A local time with its offset; what is no time is passed on, for the API to say what is wrong with it."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZONE)).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        return text
