"""Draws docs/lifecycle.md from the table of the lifecycle: `python -m app.lending.draw` prints the page."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from app.lending.lifecycle import EVENTS, OUTCOMES, START, STATUSES, Event

_HEAD = """# The life of a loan request

Drawn from the table in `app/lending/lifecycle.py` by `python -m app.lending.draw`; a test fails when it is stale.

A state has three parts: what the supplying side has said, where the requesting side stands, and where the item is.
An event is allowed when every part that it is about stands where the event may come from; otherwise nothing changes,
and the caller hears what is allowed (409, `/problems/action-not-allowed`). Every loan request starts as
`{start}`.

Where two suppliers are asked at once, a state speaks of the one that leads. The events of the one beside it, whose
names end in `Beside`, leave it as it is ([0058](decisions/0058-two-at-once-one-leads.md)).
"""

_TITLES = (
    ("The supplying side", "Whoever of the rota has it now; `nobody` between two of them."),
    ("The requesting side", "The agency whose reader asked."),
    ("The item", "Where it is, as far as the vans are concerned."),
)


def page() -> str:
    """Return the page: a diagram of each part, what each state is called outside, and the table itself."""
    parts = [_HEAD.format(start=" / ".join(START))]
    for at, (title, told) in enumerate(_TITLES):
        moves = [(event, _named(row[at])) for event, row in EVENTS.items()]
        parts.append(f"## {title}\n\n{told}\n\n{_diagram(START[at], moves)}")
    parts += [_names(), _table()]
    return "\n".join(parts)


def _named(entries: Mapping[Any, Any]) -> dict[str, str]:
    """Return one part's entries by their names."""
    return {str(before): str(after) for before, after in entries.items()}


def _diagram(start: str, moves: Iterable[tuple[Event, Mapping[str, str]]]) -> str:
    """Draw one part as a Mermaid state diagram; events that leave it where it is are left out."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for event, entries in moves:
        for before, after in entries.items():
            if before != after:
                arrows.setdefault((before, after), []).append(event.value)
    lines = [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in arrows.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {start}", *lines, "```", ""])


def _names() -> str:
    lines = [f"| `{state}` | {status} | {OUTCOMES.get(state, '')} |" for state, status in STATUSES.items()]
    head = "## What it is called outside\n\nThe status is ISO 18626's; the outcome is null until the end.\n"
    return "\n".join([head, "| supplying side | status | outcome |", "|---|---|---|", *lines, ""])


def _table() -> str:
    lines = [
        f"| `{event}` | {' | '.join(_entries(_named(entries)) for entries in row)} |" for event, row in EVENTS.items()
    ]
    head = "## Every event\n\nWhere nothing stands, the part does not care and stays what it is.\n"
    return "\n".join([head, "| event | supplying | requesting | item |", "|---|---|---|---|", *lines, ""])


def _entries(entries: Mapping[str, str]) -> str:
    told: dict[str, list[str]] = {}
    for before, after in entries.items():
        told.setdefault("" if before == after else after, []).append(before)
    return "; ".join(", ".join(names) + (f" → {after}" if after else "") for after, names in told.items())


if __name__ == "__main__":
    sys.stdout.write(page())
