"""A route's trips as grids: trips with the same stops stand side by side, a row a stop, and a time is what is typed.

A cell is a time (08:40), or two where the van stands for a while (08:40/09:10), or empty: the trip does not call
there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]

FIELDS = {"service": "service_id", "headsign": "headsign", "crates": "crate_capacity"}
"""What a grid lets be typed of a trip besides its times, and where a trip has it."""
CELL = re.compile(r"\s*(\d{1,3}):(\d{2})(?::(\d{2}))?\s*")


class NoTime(ValueError):  # noqa: N818 - says what it is
    """What was typed is no time."""


@dataclass(slots=True)
class Column:
    """A trip: what is said of it, its times by row, and what the page showed of both before anybody typed.

    `is_removed`: the trip is to go. `theirs`: what others made of a row meanwhile, and `theirs_said` of
    what is said besides.
    """

    trip: Document
    cells: list[str]
    was: list[str]
    was_said: dict[str, str]
    is_removed: bool = False
    theirs: dict[int, str] = field(default_factory=dict)
    theirs_said: dict[str, str] = field(default_factory=dict)

    @property
    def is_typed(self) -> bool:
        """Whether anything is other than it was shown."""
        return self.cells != self.was or said_of(self.trip) != self.was_said


@dataclass(slots=True)
class Grid:
    """Trips with the same stops. `rows` are the ids of the stops, in order."""

    rows: list[str]
    columns: list[Column]


def grids_of(trips: Sequence[Document]) -> list[Grid]:
    """Return the trips of a route as grids, each by first departure; the one with most trips first."""
    found: dict[tuple[str, ...], Grid] = {}
    for trip in sorted(trips, key=_first):
        rows = tuple(call["stop_id"] for call in trip["stop_times"])
        grid = found.setdefault(rows, Grid(list(rows), []))
        cells = [cell_of(call) for call in trip["stop_times"]]
        grid.columns.append(Column(trip, cells, list(cells), said_of(trip)))
    return sorted(found.values(), key=lambda grid: (-len(grid.columns), grid.rows))


def said_of(trip: Document) -> dict[str, str]:
    """Return what a grid lets be typed of a trip besides its times."""
    crates = trip["crate_capacity"]
    crates = "" if crates is None else str(crates)
    return {"service": trip["service_id"], "headsign": trip["headsign"], "crates": crates}


def with_row(grid: Grid, stop: str, at: int) -> None:
    """Add a row for a stop, empty in all columns."""
    grid.rows.insert(at, stop)
    for column in grid.columns:
        column.cells.insert(at, "")
        column.was.insert(at, "")


def _first(trip: Document) -> tuple[int, str]:
    calls = trip["stop_times"]
    return (_seconds(calls[0]["departure_time"]) if calls else 0, trip["id"])


def cell_of(call: Document) -> str:
    """Return what stands in a cell for a call."""
    arrival, departure = _short(call["arrival_time"]), _short(call["departure_time"])
    return arrival if arrival == departure else f"{arrival}/{departure}"


def _short(time: str) -> str:
    return time.removesuffix(":00") if time.count(":") == 2 else time


def _seconds(time: str) -> int:
    hours, minutes, seconds = map(int, time.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def times_in(cell: str) -> tuple[str, str] | None:
    """Return arrival and departure as they are typed; None for an empty cell. Raises NoTime."""
    if not cell.strip():
        return None
    arrival, stands, departure = cell.partition("/")
    first = _long(arrival)
    return first, _long(departure) if stands else first


def _long(text: str) -> str:
    match = CELL.fullmatch(text)
    if match is None or int(match[2]) > 59 or int(match[3] or 0) > 59:
        raise NoTime(text)
    return f"{int(match[1]):02}:{match[2]}:{match[3] or '00'}"


def trip_from(trip: Document, rows: Sequence[str], cells: Sequence[str], **said: Any) -> Document:
    """Return a trip with the times of a grid's column. Raises NoTime.

    Whether items get on and off at a stop stays as it was.
    """
    before: dict[tuple[str, int], Document] = {}
    seen: Counter[str] = Counter()
    for call in trip.get("stop_times", ()):
        seen[call["stop_id"]] += 1
        before[call["stop_id"], seen[call["stop_id"]]] = call
    seen.clear()
    calls: list[Document] = []
    for stop, cell in zip(rows, cells, strict=True):
        times = times_in(cell)
        seen[stop] += 1
        if times is None:
            continue
        was: Document = before.get((stop, seen[stop]), {})
        kept: Document = {name: was[name] for name in ("pickup_type", "drop_off_type") if name in was}
        calls.append({"stop_id": stop, "arrival_time": times[0], "departure_time": times[1], **kept})
    if [call["stop_id"] for call in calls] == [call["stop_id"] for call in trip.get("stop_times", ())]:
        for call, was in zip(calls, trip["stop_times"], strict=True):
            call["stop_sequence"] = was["stop_sequence"]
    return {**trip, **said, "stop_times": calls}


def calls_in(text: str) -> list[Document]:
    """Return the calls of a trip that is typed as lines, each a stop and a cell. Raises NoTime."""
    calls: list[Document] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        stop, _, cell = line.rpartition(" ")
        times = times_in(cell)
        if times is None or not stop.strip():
            raise NoTime(line)
        calls.append({"stop_id": stop.strip(), "arrival_time": times[0], "departure_time": times[1]})
    return calls


def shifted(trip: Document, id: str, first: str) -> Document:
    """Return a copy of a trip that leaves at another time, all its times moved along. Raises NoTime."""
    by = _seconds(_long(first)) - _seconds(trip["stop_times"][0]["departure_time"])
    calls = [
        {
            **call,
            "arrival_time": _moved(call["arrival_time"], by),
            "departure_time": _moved(call["departure_time"], by),
        }
        for call in trip["stop_times"]
    ]
    return {**trip, "id": id, "stop_times": calls}


def number_or_text(text: str) -> int | str | None:
    """Return a number as it is typed; None for an empty field. What is no number stays, for the API to refuse."""
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdecimal() and len(plain) < 10 else plain or None


def minutes_of(seconds: int) -> str:
    """Return a stretch of time as minutes, with the seconds where there are any: 11:30."""
    return f"{seconds // 60}:{seconds % 60:02}" if seconds % 60 else str(seconds // 60)


def seconds_in(text: str) -> int | str | None:
    """Return what is typed as minutes, or minutes and seconds; None for an empty field, what is neither as it is."""
    minutes, colon, seconds = text.strip().partition(":")
    whole, rest = number_or_text(minutes), number_or_text(seconds) if colon else 0
    if isinstance(whole, int) and isinstance(rest, int) and (not colon or len(seconds) == 2) and rest < 60:
        return whole * 60 + rest
    return text.strip() or None


def _moved(time: str, by: int) -> str:
    seconds = _seconds(time) + by
    if seconds < 0:
        raise NoTime(time)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def meet_theirs(grid: Grid, now: Mapping[str, Document]) -> None:
    """Lay what was typed over what others made of the trips meanwhile: whatever nobody typed is theirs.

    `theirs` of a column tells what they changed, so that whoever typed there too can choose.
    """
    kept = []
    for column in grid.columns:
        trip = now.get(column.trip["id"])
        cells = None if trip is None else _in_rows(trip, grid.rows)
        if trip is not None and cells is not None:
            kept.append(_merged(column, trip, cells))
        elif column.is_typed and trip is not None:
            # It calls elsewhere by now: what is typed can only stand as it is, or go.
            column.theirs = dict.fromkeys(range(len(grid.rows)), "–")
            column.was, column.was_said = [""] * len(grid.rows), said_of(trip)
            kept.append(column)
        elif column.is_typed:
            column.was, column.was_said = [""] * len(grid.rows), {}
            kept.append(column)
        # Else one that no longer fits these rows stands in a grid of its own, once this one is saved; or it is gone.
    grid.columns = kept


def _merged(column: Column, trip: Document, cells: list[str]) -> Column:
    """Return a column with what was typed in it, and for the rest what others made of its trip."""
    mine, theirs = said_of(column.trip), said_of(trip)
    typed = {name: column.trip[FIELDS[name]] for name, value in mine.items() if value != column.was_said.get(name)}
    return Column(
        trip={**trip, **{FIELDS[name]: value for name, value in typed.items()}},
        cells=[new if old == was else old for old, was, new in zip(column.cells, column.was, cells, strict=True)],
        was=cells,
        was_said=theirs,
        is_removed=column.is_removed,
        theirs={at: new or "–" for at, (was, new) in enumerate(zip(column.was, cells, strict=True)) if new != was},
        theirs_said={name: new or "–" for name, new in theirs.items() if new != column.was_said.get(name)},
    )


def _in_rows(trip: Document, rows: Sequence[str]) -> list[str] | None:
    """Return a trip's cells in given rows; None where it calls elsewhere, or in another order."""
    cells = [""] * len(rows)
    calls = list(trip["stop_times"])
    for at, stop in enumerate(rows):
        if calls and calls[0]["stop_id"] == stop:
            cells[at] = cell_of(calls.pop(0))
    return None if calls else cells
