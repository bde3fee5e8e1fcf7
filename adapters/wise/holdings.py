"""Goes through a file of holdings, bit by bit: no way is publicly known to have Wise itself list them (N)."""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from adapters.contract import CursorLost, Deleted, Held, Malformed, Page, Record
from adapters.http import Http, Poured
from adapters.installation import Clock
from adapters.wise.translate import isbn13

COLUMNS = ("location", "isbn", "ppn", "title", "author", "material", "copies", "available", "loanable")
NEEDED = frozenset({"location", "copies"})
PAGE_ROWS = 1_000
LONGEST_ROW_BYTES = 65_536
MOST_COPIES = 100_000
TRUE, FALSE = frozenset({"", "true", "1", "yes"}), frozenset({"false", "0", "no"})


class BadRow(ValueError):  # noqa: N818 - says what it is
    """A row that cannot be read; the sentence says why and repeats nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """How far a harvest is in which version of the file, and when it was first asked for."""

    tag: str
    offset: int
    line: int
    columns: tuple[str, ...]
    as_of: str


async def harvest_file(
    http: Http,
    url: str,
    *,
    branches: Mapping[str, str],
    clock: Clock,
    since: datetime | None,
    cursor: str | None,
) -> AsyncGenerator[Page, None]:
    """Yield the rows of a file, each as a record of its own: the rows of a title need not stand together.

    A file that is no newer than `since` has no changes. What is no longer in it is only found out by going through
    all of it. A cursor leads on in the same version of the file, told by ETag or Last-Modified. Raises CursorLost,
    Malformed, or as Http.pour.
    """
    mark = None if cursor is None else _unpacked(cursor)
    headers = {} if mark is None else {"Range": f"bytes={mark.offset}-"}
    async with http.pour(url, what="holdings", headers=headers) as poured:
        tag = poured.headers.get("etag", "") or poured.headers.get("last-modified", "")
        if mark is not None and (not tag or tag != mark.tag):
            raise CursorLost("The file of holdings is another than it was.")
        as_of = clock() if mark is None else datetime.fromisoformat(mark.as_of)
        if mark is None and since is not None and _unchanged(poured.headers, since):
            yield Page(changes=(), as_of=as_of)
            return
        rows = _rows(poured, mark)
        if mark is None:
            mark = await _begun(rows, tag, as_of)
        async for page in _pages(rows, mark, branches):
            yield replace(page, as_of=as_of)


async def _begun(rows: AsyncIterator[tuple[int, bytes]], tag: str, as_of: datetime) -> _Mark:
    async for end, first in rows:
        return _Mark(tag=tag, offset=end, line=1, columns=_columns(first), as_of=as_of.isoformat())
    raise Malformed("holdings: the file is empty")


async def _pages(
    rows: AsyncIterator[tuple[int, bytes]], mark: _Mark, branches: Mapping[str, str]
) -> AsyncIterator[Page]:
    line = mark.line
    changes: list[Record | Deleted] = []
    rejects: list[str] = []
    async for end, row in rows:
        line += 1
        if row.strip():
            try:
                changes.append(read_row(row, mark.columns, branches))
            except BadRow as bad:
                rejects.append(f"row {line}: {bad}")
        if len(changes) + len(rejects) >= PAGE_ROWS:
            reached = replace(mark, offset=end, line=line)
            yield Page(changes=tuple(changes), cursor=_packed(reached), rejects=tuple(rejects))
            changes, rejects = [], []
    yield Page(changes=tuple(changes), rejects=tuple(rejects))


async def _rows(poured: Poured, mark: _Mark | None) -> AsyncIterator[tuple[int, bytes]]:
    """Yield each row as it stands, and where in the file it ends. A quoted cell may hold line breaks."""
    begun = 0 if mark is None else mark.offset
    skip = begun
    if poured.status == 206:
        if not poured.headers.get("content-range", "").startswith(f"bytes {begun}-"):
            raise Malformed("holdings: another part than was asked for")
        skip = 0
    held, searched, quotes = bytearray(), 0, 0
    while bit := await poured.read():
        dropped = min(skip, len(bit))
        skip -= dropped
        held += bit[dropped:]
        start = 0
        while (newline := held.find(b"\n", searched)) >= 0:
            quotes += held.count(b'"', searched, newline)
            searched = newline + 1
            if quotes % 2 == 0:
                yield begun + searched, bytes(held[start:searched])
                start = searched
        begun += start
        del held[:start]
        searched -= start
        if len(held) > LONGEST_ROW_BYTES:
            raise Malformed(f"holdings: a row is longer than {LONGEST_ROW_BYTES} bytes")
    if held:
        yield begun + len(held), bytes(held)


def _columns(first: bytes) -> tuple[str, ...]:
    try:
        names = next(csv.reader([first.decode("utf-8-sig").strip("\r\n")]), [])
    except (UnicodeDecodeError, csv.Error):
        names = []
    columns = tuple(name.strip().lower() for name in names)
    if not NEEDED.issubset(columns) or not {"isbn", "ppn"} & set(columns):
        raise Malformed("holdings: the first row does not name the columns")
    return columns


def read_row(row: bytes, columns: tuple[str, ...], branches: Mapping[str, str]) -> Record | Deleted:
    """Return what a row says; no copies left: Deleted. Raises BadRow."""
    try:
        cells = next(csv.reader([row.decode("utf-8").rstrip("\r\n")], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        raise BadRow("cannot be read") from None
    if len(cells) != len(columns):
        raise BadRow(f"has {len(cells)} cells instead of {len(columns)}")
    values = dict.fromkeys(COLUMNS, "") | {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    isbn = isbn13(values["isbn"])
    if values["isbn"] and isbn is None:
        raise BadRow("has no valid ISBN")
    if not values["location"] or not (isbn or values["ppn"]):
        raise BadRow("has no location, or neither ISBN nor PPN")
    number = f"{values['ppn'] or isbn}@{values['location']}"
    copies, available = _count(values["copies"]), _count(values["available"])
    loanable = values["loanable"].lower()
    if copies is None or (available or 0) > copies or loanable not in TRUE | FALSE:
        raise BadRow("has no number of copies, more available than there are, or no plain word for loanable")
    if copies == 0:
        return Deleted(number)
    held = Held(
        branch=values["location"],
        location=branches.get(values["location"]),
        copies=copies,
        available=available,
        loanable=loanable in TRUE,
    )
    return Record(
        number=number,
        isbns=() if isbn is None else (isbn,),
        ppn=values["ppn"] or None,
        title=values["title"],
        author=values["author"],
        material=values["material"],
        holdings=(held,),
    )


def _count(said: str) -> int | None:
    if not said:
        return None
    if not (said.isascii() and said.isdigit() and len(said) <= 9 and int(said) <= MOST_COPIES):
        raise BadRow("has a count that is none")
    return int(said)


def _unchanged(headers: Mapping[str, str], since: datetime) -> bool:
    try:
        changed = parsedate_to_datetime(headers.get("last-modified", ""))
    except ValueError:
        return False
    return (changed if changed.tzinfo else changed.replace(tzinfo=UTC)) <= since


def _packed(mark: _Mark) -> str:
    return json.dumps([mark.tag, mark.offset, mark.line, mark.as_of, *mark.columns])


def _unpacked(cursor: str) -> _Mark:
    try:
        tag, offset, line, as_of, *columns = json.loads(cursor)
        datetime.fromisoformat(as_of)
        mark = _Mark(tag=str(tag), offset=int(offset), line=int(line), columns=tuple(map(str, columns)), as_of=as_of)
    except (ValueError, TypeError) as error:
        raise CursorLost("The cursor is none of ours.") from error
    return mark
