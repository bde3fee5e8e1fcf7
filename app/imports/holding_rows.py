"""Rows of a holdings file, checked and written for COPY: the inner loop of the largest import."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from app.imports.cells import MAX_TEXT_CHARS, InvalidCell, csv_cells, day, escaped, shown, text, whole, yes_or_no
from app.imports.report import UnreadableFile
from app.imports.rows import LineFeed, Record, csv_records, header_of, ndjson_records
from app.store.isbn import InvalidIsbn, InvalidPpn, isbn13, normal_ppn

COLUMNS = ("location", "isbn", "ppn", "title", "author", "material", "copies", "available", "loanable", "added_on")
MAX_COPIES = 1_000_000
MAX_MATERIAL_CHARS = 64
KEPT_ANSWERS = 100_000
MAX_KEPT_CHARS = 40
MAX_NAMED_COLUMNS = 20
NULL = r"\N"

_COLUMN_SET = frozenset(COLUMNS)


def open_rows(feed: LineFeed, task: dict[str, Any]) -> HoldingRows:
    """Read CSV whose columns stand in any order, or NDJSON with the columns as keys. Raises UnreadableFile."""
    if task["form"] == "ndjson":
        rows = HoldingRows(ndjson_records(feed), task["locations"], lambda found: _json_cells(found, rows.unknown))
        return rows
    records = csv_records(feed)
    names = header_of(records, required=("location",))
    if "isbn" not in names and "ppn" not in names:
        raise UnreadableFile(f"The header row lacks the columns isbn and ppn; it reads {', '.join(names)}.")
    rows = HoldingRows(records, task["locations"], csv_cells(names, COLUMNS))
    rows.unknown.update(name for name in names[:MAX_NAMED_COLUMNS] if name and name not in COLUMNS)
    return rows


class HoldingRows:
    """Turns records into COPY lines of app.store.holdings_merge.STAGED; what cannot be one raises InvalidCell.

    A location is written as its place in `locations`, counted from 1. Answers to what comes back often are kept.
    """

    def __init__(
        self,
        records: Iterator[Record],
        locations: Sequence[str],
        cells: Callable[[Any], Sequence[str]],
    ) -> None:
        self.records = records
        self.unknown: set[str] = set()
        self._cells = cells
        self._locations = {name: str(place) for place, name in enumerate(locations, 1)}
        self._isbns: dict[str, str] = {"": ""}
        self._ppns: dict[str, str] = {"": ""}
        self._materials: dict[str, str] = {"": "book"}
        self._loanable: dict[str, str] = {"": "t"}
        self._copies: dict[str, int] = {"": 1}
        self._available: dict[str, int | None] = {"": None}
        self._added: dict[str, str] = {"": NULL}

    def notes(self) -> list[str]:
        """Return what was left aside."""
        if not self.unknown:
            return []
        return [f"columns that are not known were left aside: {', '.join(sorted(self.unknown))}"]

    def copy_line(self, line: int, fields: Any) -> str:
        """Return the row for COPY. Raises InvalidCell."""
        location, isbn, ppn, title, author, material, copies, available, loanable, added = self._cells(fields)
        place = self._locations.get(location) or self._location(location)
        isbn = _kept(self._isbns, isbn, _isbn)
        ppn = _kept(self._ppns, ppn, _ppn)
        if not isbn and not ppn:
            raise InvalidCell("isbn", "a title needs an isbn or a ppn")
        if len(title) > MAX_TEXT_CHARS or "\0" in title:
            text("title", title)
        if len(author) > MAX_TEXT_CHARS or "\0" in author:
            text("author", author)
        material = _kept(self._materials, material, _material)
        count = _kept(self._copies, copies, _copies)
        free = _kept(self._available, available, _available)
        if free is not None and free > count:
            raise InvalidCell("available", f"is more than the {count} copies there are")
        lent = _kept(self._loanable, loanable, _loanable)
        return (
            f"{line}\t{place}\t{isbn}\t{ppn}\t{escaped(title.strip())}\t{escaped(author.strip())}\t{material}\t{count}"
            f"\t{NULL if free is None else free}\t{lent}\t{_kept(self._added, added, _added)}\n"
        )

    def _location(self, value: str) -> str:
        value = value.strip()
        if not value:
            raise InvalidCell("location", "is empty")
        if value not in self._locations:
            raise InvalidCell("location", f"{shown(value)} is not a location that is known; import agencies first")
        return self._locations[value]


def _kept(answers: dict[str, Any], value: str, ask: Callable[[str], Any]) -> Any:
    found = answers.get(value, answers)
    if found is answers:
        found = ask(value)
        if len(answers) > KEPT_ANSWERS:
            answers.clear()
        if len(value) <= MAX_KEPT_CHARS:
            answers[value] = found
    return found


def _json_cells(found: dict[str, Any], unknown: set[str]) -> Sequence[str]:
    if not _COLUMN_SET.issuperset(found) and len(unknown) < MAX_NAMED_COLUMNS:
        unknown.update([name[:MAX_KEPT_CHARS] for name in found if name not in _COLUMN_SET][:MAX_NAMED_COLUMNS])
    return [_json_cell(name, found.get(name)) for name in COLUMNS]


def _json_cell(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        if name == "loanable":
            return "true" if value else "false"
    elif isinstance(value, int):
        return str(value)
    raise InvalidCell(name, "is not a text or a whole number")


def _isbn(value: str) -> str:
    if not value.strip():
        return ""
    try:
        return isbn13(value)
    except InvalidIsbn as error:
        raise InvalidCell("isbn", f"{shown(value)}: {error}") from None


def _ppn(value: str) -> str:
    if not value.strip():
        return ""
    try:
        return normal_ppn(value)
    except InvalidPpn:
        raise InvalidCell("ppn", "is not 1 to 32 letters and digits") from None


def _material(value: str) -> str:
    value = value.strip().lower() or "book"
    if len(value) > MAX_MATERIAL_CHARS or not value.isprintable() or "\\" in value:
        raise InvalidCell("material", f"is not a word of at most {MAX_MATERIAL_CHARS} characters")
    return value


def _copies(value: str) -> int:
    found = whole("copies", value, most=MAX_COPIES)
    return 1 if found is None else found


def _available(value: str) -> int | None:
    return whole("available", value, most=MAX_COPIES)


def _added(value: str) -> str:
    found = day("added_on", value)
    return NULL if found is None else found.isoformat()


def _loanable(value: str) -> str:
    return "t" if yes_or_no("loanable", value, empty=True) else "f"
