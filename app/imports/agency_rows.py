"""Rows of an agencies file, checked one by one and written for COPY."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from importlib import import_module
from typing import Any

from app.imports.cells import InvalidCell, code, copied, csv_cells, day, degrees, shown, text, whole, yes_or_no
from app.imports.gtfs_fields import LONGEST_ID
from app.imports.rows import LineFeed, Record, csv_records, header_of

REQUIRED = ("isil", "name", "kind")
AGREED = (*REQUIRED, "parent", "province", "poi", "system", "lat", "lon", "handling_minutes", "opening_hours")
OURS = (
    "system_kind",
    "system_since",
    "system_until",
    "valid_from",
    "valid_until",
    "successor",
    "supplies",
    "suspended_from",
    "suspended_until",
)
COLUMNS = AGREED + OURS
KINDS = ("agency", "location", "hub")
MANUAL = "manual"
MAX_HANDLING_MINUTES = 100_000
# What only one of the two has a place for; a value given to the other is left aside, and said so.
ONLY_LOCATIONS = ("parent", "handling_minutes", "opening_hours")
ONLY_AGENCIES = ("system_since", "system_until", "successor", "supplies")


def open_rows(feed: LineFeed, task: dict[str, Any]) -> AgencyRows:
    """Read CSV whose columns stand in any order; the task names the `system_kinds`. Raises UnreadableFile."""
    return AgencyRows(csv_records(feed), system_kinds=frozenset(task["system_kinds"]))


class AgencyRows:
    """Turns records into COPY lines of app.store.agencies_merge.STAGED; what cannot be one raises InvalidCell."""

    def __init__(self, records: Iterator[Record], *, system_kinds: frozenset[str]) -> None:
        """Read the header. Raises UnreadableFile."""
        names = header_of(records, required=REQUIRED)
        self.records = records
        self._cells = csv_cells(names, COLUMNS)
        self._unknown = sorted({name for name in names if name and name not in COLUMNS})
        self._aside: dict[str, int] = {}
        self._system_kinds = system_kinds

    def notes(self) -> list[str]:
        """Return what was left aside."""
        notes = [
            f"{field} was left aside on {count} row{'s'[: count > 1]}: {WHY_ASIDE[field]}"
            for field, count in self._aside.items()
        ]
        if self._unknown:
            notes.append(f"columns that are not known were left aside: {', '.join(self._unknown[:20])}")
        return notes

    def copy_line(self, line: int, fields: list[str]) -> str:
        """Return the row for COPY. Raises InvalidCell."""
        row = dict(zip(COLUMNS, self._cells(fields), strict=True))
        isil = code("isil", row["isil"], longest=LONGEST_ID)
        if isil is None:
            raise InvalidCell("isil", "is empty")
        kind = row["kind"].strip().lower()
        if kind not in KINDS:
            raise InvalidCell("kind", f"is not one of {', '.join(KINDS)}")
        self._put_aside(row, ONLY_LOCATIONS if kind == "agency" else ONLY_AGENCIES)
        values = (line, isil, kind, *_described(row, isil), *_system(row, self._system_kinds), *_dates(row))
        return "\t".join(map(copied, values)) + "\n"

    def _put_aside(self, row: dict[str, str], fields: tuple[str, ...]) -> None:
        for field in fields:
            # 0 minutes and "yes" are what empty means: nothing is lost.
            if row[field].strip() not in ("", "0" if field == "handling_minutes" else ""):
                self._aside[field] = self._aside.get(field, 0) + 1
            row[field] = ""


WHY_ASIDE = dict.fromkeys(ONLY_LOCATIONS, "an agency has none") | dict.fromkeys(
    ONLY_AGENCIES, "it is said of an agency, not of a location or hub"
)


def _check_opening_hours(hours: str) -> None:
    if hours:  # only then: the engine takes longer to load than most files take to read
        import_module("routing").check_opening_hours(hours)


def _described(row: dict[str, str], isil: str) -> tuple[object, ...]:
    lat, lon = degrees("lat", row["lat"], most=90), degrees("lon", row["lon"], most=180)
    if (lat is None) != (lon is None):
        raise InvalidCell("lat" if lat is None else "lon", "is empty while the other coordinate is given")
    hours = text("opening_hours", row["opening_hours"])
    try:
        _check_opening_hours(hours)
    except ValueError as error:
        raise InvalidCell("opening_hours", str(error)) from None
    successor = code("successor", row["successor"], longest=LONGEST_ID)
    if successor == isil:
        raise InvalidCell("successor", "is the agency itself")
    return (
        text("name", row["name"], required=True),
        code("parent", row["parent"], longest=LONGEST_ID),
        code("province", row["province"]),
        code("poi", row["poi"]),
        lat,
        lon,
        whole("handling_minutes", row["handling_minutes"], most=MAX_HANDLING_MINUTES) or 0,
        hours,
        successor,
        yes_or_no("supplies", row["supplies"], empty=True),
    )


def _system(row: dict[str, str], system_kinds: frozenset[str]) -> tuple[object, ...]:
    system = code("system", row["system"]) or MANUAL
    system_kind = row["system_kind"].strip().lower() or None
    if system_kind is not None and system_kind not in system_kinds:
        raise InvalidCell("system_kind", f"{shown(system_kind)} is not one of {', '.join(sorted(system_kinds))}")
    if system == MANUAL and system_kind not in (None, MANUAL):
        raise InvalidCell("system_kind", 'the system "manual" is of the kind manual')
    return (system, system_kind, *_period(row, "system_since", "system_until"))


def _dates(row: dict[str, str]) -> tuple[object, ...]:
    suspended_from, suspended_until = _period(row, "suspended_from", "suspended_until")
    return (*_period(row, "valid_from", "valid_until"), suspended_from, suspended_until)


def _period(row: dict[str, str], since: str, until: str) -> tuple[date | None, date | None]:
    """Read two dates, the second not included. Raises InvalidCell when nothing lies between them."""
    first, end = day(since, row[since]), day(until, row[until])
    if first is not None and end is not None and end <= first:
        raise InvalidCell(until, f"does not come after {since}")
    return first, end
