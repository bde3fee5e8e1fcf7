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
    Verb.AVAILABILITY: "look at the shelf",
    Verb.PREPARE: "ask if it lends",
    Verb.PLACE: "order",
    Verb.FIND: "find an order",
    Verb.STATUS: "follow an order",
    Verb.CANCEL: "cancel an order",
    Verb.CHECK_OUT: "lend",
    Verb.CHECK_IN: "take back",
    Verb.ACCEPT_ITEM: "take a copy in",
    Verb.HARVEST: "read the catalogue",
}
"""Each verb in the words of a counter."""
_OUTCOMES = {"works": "[green]works[/]", "fails": "[bold red]fails[/]", "not_tried": "offered", "not_offered": "-"}


def show_systems(console: Console, examined: Sequence[Examined]) -> None:
    """Print a column for each system: its kind, its id, and what works of it."""
    console.rule("[bold]Four library systems, emulated", align="left")
    console.print(
        "No real system is called: each has the holdings of one, and answers as its kind does. What is only"
        " offered was not tried, as it would change something.",
        highlight=False,
    )
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=True)
    table.add_column("", no_wrap=True)
    for one in examined:
        table.add_column(f"{one.kind}\n{escape(one.system)}", no_wrap=True)
    for verb, asked in _ASKED.items():
        table.add_row(
            asked, *(_OUTCOMES[tried.outcome] for one in examined for tried in one.verbs if tried.verb is verb)
        )
    console.print(table)
    for one in examined:
        for tried in one.verbs:
            if tried.outcome == "fails":
                console.print(f"{escape(one.system)}: {_ASKED[tried.verb]}: {escape(tried.detail)}", highlight=False)
    console.print()


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
