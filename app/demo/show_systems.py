"""Prints what the emulated systems can do, and a decision that the catalogue and the shelf disagree on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from adapters.contract import Verb
from app.demo.shelf import Examined, Gone
from app.demo.show import show_decision

_ASKED = {
    Verb.RESOLVE: "find a title",
    Verb.AVAILABILITY: "say what is on the shelf",
    Verb.PREPARE: "say whether it would lend",
    Verb.PLACE: "take an order",
    Verb.FIND: "find an order again",
    Verb.STATUS: "say how an order stands",
    Verb.CANCEL: "cancel an order",
    Verb.CHECK_OUT: "lend",
    Verb.CHECK_IN: "take back",
    Verb.ACCEPT_ITEM: "take in the copy of another library",
    Verb.HARVEST: "tell its catalogue",
}
"""What each verb asks of a system, in the words of a counter."""
_OUTCOMES = {
    "works": "works",
    "fails": "fails",
    "not_tried": "is offered, but not tried: it would change something",
    "not_offered": "is not offered",
}


def show_systems(console: Console, examined: Sequence[Examined]) -> None:
    """Print a row for each system: whose it is, and what works of it."""
    console.rule("[bold]Four library systems, emulated", align="left")
    console.print(
        "No real system is called: each of these has the holdings of one, and answers in the way of its kind.",
        highlight=False,
    )
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("system", no_wrap=True)
    table.add_column("what it can be asked")
    for one in examined:
        table.add_row(one.kind, f"{escape(one.system)}\n[dim]{escape(', '.join(one.libraries))}[/]", _said(one))
    console.print(table)
    console.print()


def _said(one: Examined) -> str:
    lines = []
    for outcome, means in _OUTCOMES.items():
        asked = [_ASKED[tried.verb] for tried in one.verbs if tried.outcome == outcome]
        if asked:
            lines.append(f"[dim]{means}:[/] {', '.join(asked)}")
    lines += [escape(f"{_ASKED[tried.verb]}: {tried.detail}") for tried in one.verbs if tried.outcome == "fails"]
    return "\n".join(lines)


def show_gone(console: Console, gone: Gone, names: Mapping[str, str]) -> None:
    """Print what the catalogue said, what the shelf says, and what is decided then."""
    copy = gone.copy
    here = names.get(copy.location, copy.location)
    show_decision(
        console,
        "What the catalogue says",
        f"A reader at {here} asks for “{copy.title}” by {copy.author}. Who lends it?",
        gone.by_catalogue,
        names,
    )
    show_decision(
        console,
        "What the shelf says",
        f"Just before, another reader took that copy home: in {copy.system} it is on loan, and the catalogue has not"
        " heard of it. The same question, with the library systems asked as they stand now.",
        gone.by_shelf,
        names,
    )
    for refusal in gone.by_shelf["refusals"]:
        if refusal["supplying_location"] == copy.location:
            console.print(f"{escape(here)}: {escape(refusal['detail'])}\n", highlight=False)
