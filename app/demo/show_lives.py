"""Prints lives of loan requests so that a person can read them: what happened when, and how they ended."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.demo.lives import Life
from app.demo.show import AMSTERDAM
from app.lending.lifecycle import outcome_of
from app.lending.record import state_of

_SAYS = {
    "Submitted": "a reader asks",
    "Placed": "it is asked",
    "PlacementRefused": "no: {reason}",
    "WillSupply": "yes, it will be sent",
    "Unfilled": "no: {reason}",
    "Lapsed": "silence, so it passes on",
    "Loaned": "goes with the van",
    "Received": "at the counter",
    "ShippedReturn": "read, and on its way back",
    "ShippedForward": "read, and sent on to the next reader",
    "Floated": "read, and kept where it was brought back: it is wanted there",
    "LetGo": "it need not be sent after all",
    "ForwardedToUs": "the next reader gets it straight from the last",
    "LoanCompleted": "home again",
    "Overdue": "should have been brought back",
    "Late": "nobody has seen it come",
    "Replanned": "takes another van",
    "EndOfRota": "nobody is left to ask",
}


def show_lives(console: Console, lives: Sequence[Life], names: Mapping[str, str]) -> None:
    """Print a few lives that differ, and what became of all."""
    chosen: dict[str, Life] = {}
    for heading, shows in _KINDS:
        life = next((life for life in lives if life not in chosen.values() and shows(_events(life), life)), None)
        if life is not None:
            chosen[heading] = life
    for heading, life in chosen.items():
        _show(console, heading, life, names)
    ends = Counter(outcome_of(state_of(life.loan)) or "open" for life in lives)
    waited = [
        (life.loan.received_at - life.loan.submitted_at).total_seconds() / 86_400
        for life in lives
        if life.loan.received_at is not None
    ]
    told = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    console.print(f"{len(lives)} loan requests: {told}.", highlight=False)
    if waited:
        console.print(f"Half of the readers waited {statistics.median(waited):.1f} days or less.", highlight=False)
    console.print()


def _events(life: Life) -> list[str]:
    return [event["event"] for event in life.events]


_Shows = Callable[[list[str], Life], bool]
_KINDS: tuple[tuple[str, _Shows], ...] = (
    ("A loan, there and back", lambda events, _: events.count("Placing") == 1 and events[-1] == "LoanCompleted"),
    ("The first says no", lambda events, _: "Unfilled" in events and events[-1] == "LoanCompleted"),
    ("The first stays silent", lambda events, _: "Lapsed" in events and events[-1] == "LoanCompleted"),
    ("Nobody can, in the end", lambda events, _: events[-1] == "EndOfRota" and "Placing" in events),
)


def _show(console: Console, heading: str, life: Life, names: Mapping[str, str]) -> None:
    console.rule(f"[bold]{escape(heading)}", align="left")
    console.print(escape(life.ask.sentence.removesuffix(" Who lends it?")), highlight=False)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=True)
    for column in ("when", "what", "who", "status"):
        table.add_column(column)
    for event in life.events:
        said = _SAYS.get(event["event"])
        if said is not None:
            moment = event["at"].astimezone(AMSTERDAM)
            who = _who(event, life, names)
            table.add_row(f"{moment:%a %d %b %H:%M}", escape(said.format(**event)), escape(who), event["status"])
    console.print(table)
    console.print()


def _who(event: Mapping[str, Any], life: Life, names: Mapping[str, str]) -> str:
    """Name where it happened: at the supplier, or at the counter where the reader asked."""
    at_counter = event["event"] in ("Submitted", "Received", "ShippedReturn", "EndOfRota")
    place = life.loan.pickup_location if at_counter else event["supplying_location"]
    return names.get(place or "", place or "")
