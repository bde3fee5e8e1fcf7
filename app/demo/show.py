"""Prints a decision so that a person can read it: who lends, by which vans, what it costs, and who was not asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NEXT_SHOWN = 3

REASONS = {
    "special_channel": "is made for readers with a disability: the KB's own channel delivers it",
    "not_participating": "does not take part in interlibrary loan now",
    "suspended": "stands still for now",
    "excluded": "was left out by the question",
    "not_lent": "does not lend this kind of material to others",
    "too_new": "keeps what is new to itself for a while",
    "no_copies": "has no copy left",
    "not_loanable": "keeps it as a reference copy",
    "unavailable": "has lent out every copy",
    "unreachable": "cannot be reached by any van",
    "too_late": "would deliver too late",
    "too_dear": "would cost too much",
}


def show_decision(
    console: Console, heading: str, sentence: str, decision: Mapping[str, Any], names: Mapping[str, str]
) -> None:
    """Print one decision.

    `decision` is the reply of POST /v1/decisions as parsed JSON; `names` maps the id of a location, hub or
    agency to what people call it (an unknown id is printed as it is).
    """
    console.rule(f"[bold]{escape(heading)}", align="left")
    console.print(escape(sentence), highlight=False)
    if decision["rota"]:
        _show_rota(console, decision, names)
    else:
        console.print("[bold red]Nobody can supply it.", highlight=False)
    _show_refusals(console, decision["refusals"], names)
    console.print()


def _show_rota(console: Console, decision: Mapping[str, Any], names: Mapping[str, str]) -> None:
    first, *others = decision["rota"]
    asked = _moment(decision["requested_at"])
    arrives = _moment(first["arrives_at"])
    supplier = escape(_supplier(first, names))
    if first["legs"]:
        console.print(
            f"[bold green]{supplier}[/]; at the counter on [bold]{_day_and_time(arrives)}[/]"
            f" ({_waiting(asked, arrives)}).",
            highlight=False,
        )
        console.print(_timetable(first, names))
    else:
        console.print(
            f"[bold green]It stands on the own shelf[/]; ready on [bold]{_day_and_time(arrives)}[/].", highlight=False
        )
    console.print(f"Cost: {escape(_cost(first))}.", highlight=False)
    for entry in others[:NEXT_SHOWN]:
        when = _day_and_time(_moment(entry["arrives_at"]))
        line = f"{entry['rank']}. {_supplier(entry, names)}: {when}, {_cost(entry)}"
        console.print(f"   [dim]if not, {escape(line)}[/]", highlight=False)
    if len(others) > NEXT_SHOWN:
        console.print(f"   [dim]and {len(others) - NEXT_SHOWN} more[/]", highlight=False)


def _supplier(entry: Mapping[str, Any], names: Mapping[str, str]) -> str:
    location = entry["supplying_location"]
    agency = entry["supplying_agency"]
    name = names.get(location, location)
    return f"{name}, of {names.get(agency, agency)}" if agency else name


def _timetable(entry: Mapping[str, Any], names: Mapping[str, str]) -> Table:
    """Draw the legs as a timetable: a row per stop where the item gets on or off."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("stop", min_width=16)
    table.add_column("arrives", style="cyan", no_wrap=True)
    table.add_column("leaves", style="cyan", no_wrap=True)
    table.add_column("trip and operator", no_wrap=True)
    arrived = ""
    for leg in entry["legs"]:
        table.add_row(
            escape(names.get(leg["from_location"], leg["from_location"])),
            arrived,
            _short(_moment(leg["departs_at"])),
            f"{escape(leg['trip_id'])}\n[dim]{escape(leg['operator'])}[/]",
        )
        arrived = _short(_moment(leg["arrives_at"]))
    last = entry["legs"][-1]["to_location"]
    table.add_row(escape(names.get(last, last)), arrived, "", "")
    return table


def _cost(entry: Mapping[str, Any]) -> str:
    if not entry["cost_cents"]:
        return "nothing"
    parts = ", ".join(f"{part['what']} {_euros(part['cents'])}" for part in entry["cost_parts"])
    return f"{_euros(entry['cost_cents'])} ({parts})" if parts else _euros(entry["cost_cents"])


def _euros(cents: int) -> str:
    return f"€{cents // 100}.{cents % 100:02d}"


def _show_refusals(console: Console, refusals: list[Mapping[str, Any]], names: Mapping[str, str]) -> None:
    """Say for each reason how many it keeps out, and name one of them."""
    if not refusals:
        return
    console.print(f"Not asked: {len(refusals)} of the places that hold it.", highlight=False)
    example = {refusal["reason"]: refusal["supplying_location"] for refusal in reversed(refusals)}
    for reason, count in Counter(refusal["reason"] for refusal in refusals).most_common():
        name = names.get(example[reason], example[reason])
        others = f" (and {count - 1} more)" if count > 1 else ""
        said = REASONS.get(reason, reason.replace("_", " "))
        console.print(f"   [yellow]{reason}[/]: {escape(name)} {escape(said)}{others}", highlight=False)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(AMSTERDAM)


def _day_and_time(moment: datetime) -> str:
    return f"{moment:%a %d %b %H:%M}"


def _short(moment: datetime) -> str:
    """Leave the month out: in a timetable the day tells enough, and a terminal is narrow."""
    return f"{moment:%a %d %H:%M}"


def _waiting(asked: datetime, arrives: datetime) -> str:
    hours = round((arrives - asked).total_seconds() / 3600)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"
