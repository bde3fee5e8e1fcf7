"""What the API refused, in the words of whoever looks: the kind of problem, and each fault by the field's own name.

The API speaks English. What it says most is known in Dutch too; the rest stands as it was said, marked as English, so
that a screen reader pronounces it and nobody takes it for a field that was forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from app.console.api import Refused
from app.console.visitor import Visitor
from app.console.words import known

# The API's own sentences of one field, as pydantic makes them.
_SENTENCES = (
    (re.compile(r"Field required|(?:String|List|Value) should have at least 1 (?:character|item).*"), "missing"),
    (re.compile(r"Input should be a valid (?:integer|number|decimal).*"), "number"),
    (re.compile(r"Input should be a valid date .*|Input should be a valid date"), "day"),
    (re.compile(r"Input should (?:be a valid datetime|have timezone info).*"), "moment"),
    (re.compile(r"Input should be greater than or equal to (?P<bound>\S+)"), "least"),
    (re.compile(r"Input should be less than or equal to (?P<bound>\S+)"), "most"),
    (re.compile(r"String should have at least (?P<bound>\d+) characters"), "short"),
    (re.compile(r"String should have at most (?P<bound>\d+) characters"), "long"),
)


def title_of(looking: Visitor, refused: Refused) -> str:
    """Return what kind of problem it is."""
    word = f"refused.{str(refused.problem.get('type', '')).rpartition('/')[2]}"
    return looking.say(word) if known(word) else str(refused.problem.get("title") or refused.status)


def told(looking: Visitor, refused: Refused) -> list[str]:
    """Return what is wrong, one line each: of each fault the field and what is the matter with it."""
    faults = refused.faults
    if faults:
        return [fault_told(looking, fault) for fault in faults]
    detail = str(refused.problem.get("detail") or "")
    return [_quoted(looking, detail)] if detail else [title_of(looking, refused)]


def field_of(looking: Visitor, pointer: str) -> str:
    """Return what people call what a JSON pointer points at; its last part that has a name."""
    parts = [part for part in pointer.split("/") if part]
    for at in range(len(parts) - 1, -1, -1):
        if known(f"field.{parts[at]}"):
            number = next((f" {int(part) + 1}" for part in parts[at + 1 :] if part.isdecimal()), "")
            return looking.say(f"field.{parts[at]}") + number
    return " ".join(parts)


def fault_told(looking: Visitor, fault: Mapping[str, Any]) -> str:
    """Return what is wrong with a field, by its name."""
    field, said = field_of(looking, str(fault.get("pointer", ""))), str(fault.get("detail", ""))
    line = _sentence(looking, said)
    return Markup("{}: {}").format(field, line) if field else line


def _sentence(looking: Visitor, said: str) -> str:
    for pattern, word in _SENTENCES:
        if found := pattern.fullmatch(said):
            return looking.say(f"fault.{word}", **found.groupdict())
    return _quoted(looking, said)


def _quoted(looking: Visitor, said: str) -> str:
    return said if looking.language == "en" else Markup('<span lang="en">{}</span>').format(said)
