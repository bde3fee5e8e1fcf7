"""The catalogue files of Brocade: a row an object, `;` between fields, CRLF, doubled quotes, ISO-8859-1.

Sourced is that form, and that the first row holds fixed names; which, is not. So the names are an option, and those
here are the two-letter names of Brocade's own catalogue interface. Rows of one record stand together: a file is read
in pieces, and the last record of a piece is left to the next.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from adapters.brocade.translate import (
    MOST_OBJECTS,
    CatHolding,
    CatObject,
    CatRecord,
    Dialect,
    lendable_in_general,
    loi_in,
    ppn_in,
    trimmed,
)
from adapters.contract import Malformed
from adapters.protocols.isbn import find_isbn13

LONGEST_ROW_BYTES = 64 * 1024

COLUMNS: Mapping[str, str] = {
    "record": "cloi",
    "holding": "ploi",
    "object": "oloi",
    "library": "is",
    "collection": "ty",
    "shelfmark": "pk",
    "summary": "bz",
    "interlending": "ic",
    "lending": "uc",
    "here": "rc",
    "barcode": "bc",
    "class": "up",
    "title": "ti",
    "author": "au",
    "isbn": "isbn",
    "ppn": "ppn",
    "material": "dr",
    "volume": "vo",
    "status": "st",
}
"""By what we call a column, how it is headed where no option says otherwise."""

NEEDED = ("record", "library")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What was read of a file. `read_bytes` is how far; the rest is to be read again with what follows it."""

    header: tuple[str, ...]
    records: tuple[CatRecord, ...]
    rejects: tuple[str, ...]
    read_bytes: int


def read_columns(option: str) -> dict[str, str]:
    """Return the columns by our names, of an option such as `record=nummer, library=instelling`."""
    given = dict(part.split("=", 1) for part in option.split(",") if "=" in part)
    return {**COLUMNS, **{ours.strip(): theirs.strip() for ours, theirs in given.items() if ours.strip() in COLUMNS}}


def read_piece(
    piece: bytes,
    *,
    dialect: Dialect,
    columns: Mapping[str, str] = COLUMNS,
    encoding: str = "iso-8859-1",
    header: tuple[str, ...] | None = None,
    last: bool = True,
) -> Piece:
    """Read a piece of a file that begins at a row: the first of the file, where `header` is None.

    Raises Malformed where the columns that are needed are not there, or one record is longer than the piece.
    """
    rejects: list[str] = []
    groups: dict[str, list[dict[str, str]]] = {}
    begins: dict[str, int] = {}
    end = 0
    for start, end, row in _rows(piece, last=last):  # noqa: B007 - where the last whole row ends counts
        fields = _fields(row, encoding)
        if header is None:
            header = _header(fields, columns)
            continue
        if fields in ([], [""]):
            continue
        if fields is None or len(fields) != len(header):
            rejects.append("a row cannot be read" if fields is None else f"a row of {len(fields)} fields")
            continue
        named = dict(zip(header, fields, strict=True))
        told = {ours: trimmed(named.get(theirs, "")) for ours, theirs in columns.items()}
        loi = loi_in(told["record"], "c")
        if loi is None or (not told["library"] and told["status"] != "d"):
            rejects.append("a row without a c-loi" if loi is None else f"{loi}: a row of no library")
            continue
        groups.setdefault(loi, []).append(told)
        begins.setdefault(loi, start)
    if header is None:
        raise Malformed("the file has no header")
    if not last and groups:
        unfinished = next(reversed(groups))
        end = begins[unfinished]
        del groups[unfinished]
    if not last and end == 0:
        raise Malformed("one record of the file is longer than what is read at once")
    records = tuple(_record(loi, rows, dialect) for loi, rows in groups.items())
    return Piece(header=header, records=records, rejects=tuple(rejects), read_bytes=end)


def _rows(piece: bytes, *, last: bool) -> Iterator[tuple[int, int, bytes]]:
    """Yield the rows with where each begins and ends. A line break within quotes ends none; cut-off rows are left.

    A quote that is never closed would take all that follows into its row: past LONGEST_ROW_BYTES its first line is a
    row of its own, which cannot be read.
    """
    start = at = 0
    quotes = 0
    while at < len(piece):
        found = piece.find(b"\n", at)
        if found < 0 and not last:
            return
        line_end = len(piece) if found < 0 else found + 1
        quotes += piece.count(b'"', at, line_end)
        at = line_end
        too_long = at - start > LONGEST_ROW_BYTES
        if quotes % 2 and not too_long and at < len(piece):
            continue
        if quotes % 2 and not too_long and not last:
            return
        if quotes % 2:
            first_break = piece.find(b"\n", start)
            at = len(piece) if first_break < 0 else first_break + 1
        yield start, at, piece[start:at]
        start, quotes = at, 0


def _fields(row: bytes, encoding: str) -> list[str] | None:
    """The fields of a row, or None for one that cannot be read."""
    if len(row) > LONGEST_ROW_BYTES:
        return None
    text = row.decode(encoding, errors="replace").removesuffix("\n").removesuffix("\r")
    try:
        return next(csv.reader([text], delimiter=";", strict=True), [""])
    except csv.Error:
        return None


def _header(fields: list[str] | None, columns: Mapping[str, str]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in fields or ())
    missing = [columns[name] for name in NEEDED if columns[name] not in names]
    if missing:
        raise Malformed(f"the header of the file lacks {', '.join(missing)}")
    if len(set(names)) != len(names):
        raise Malformed("the header of the file has a name twice")
    return names


def _record(loi: str, rows: list[dict[str, str]], dialect: Dialect) -> CatRecord:
    if any(row["status"] == "d" for row in rows):
        return CatRecord(loi=loi, deleted=True)
    holdings: dict[str, CatHolding] = {}
    for row in rows[:MOST_OBJECTS]:
        ploi = loi_in(row["holding"], "p") or f"{row['library']}/{row['collection']}/{row['shelfmark']}"
        held = holdings.get(ploi) or CatHolding(
            loi=ploi,
            library=row["library"],
            collection=row["collection"],
            shelfmark=row["shelfmark"],
            summary=row["summary"],
            lendable=lendable_in_general(interlending=row["interlending"], lending=row["lending"], here=row["here"]),
        )
        oloi = loi_in(row["object"], "o") or row["barcode"]
        if oloi and all(item.loi != oloi for item in held.objects):
            item = CatObject(loi=oloi, barcode=row["barcode"] or None, object_class=row["class"])
            held = replace(held, objects=(*held.objects, item))
        holdings[ploi] = held
    isbns = (isbn for row in rows for number in row["isbn"].split("_") if (isbn := find_isbn13(number)))
    return CatRecord(
        loi=loi,
        isbns=tuple(dict.fromkeys(isbns)),
        ppn=next((ppn for row in rows if (ppn := ppn_in(row["ppn"]))), None),
        title=_first(rows, "title"),
        author=_first(rows, "author"),
        material=_first(rows, "material"),
        volume=_first(rows, "volume") or None,
        holdings=tuple(holdings.values()),
    )


def _first(rows: list[dict[str, str]], name: str) -> str:
    return next((row[name] for row in rows if row[name]), "")
