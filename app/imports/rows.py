"""Records out of a file of lines, CSV or NDJSON: a block in memory at a time, and a bad line costs only itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import IO, Any

import orjson

from app.imports.report import UnreadableFile

BLOCK_BYTES = 1024 * 1024
RECORD_CHARS = 64 * 1024
# A line that cannot be read stands in the feed as NUL and the reason; no readable line may hold a NUL.
_BAD = "\0"
_TOO_LONG = f"{_BAD}the line is longer than {RECORD_CHARS // 1024} KiB"
_HAS_NUL = f"{_BAD}the line holds a NUL character"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Where the record starts (a line number), its fields, and when it has none: why it cannot be read.
Record = tuple[int, Any, str]


class BadLine(Exception):  # noqa: N818 - names the line, not the failure
    """A line that cannot be part of any record."""


class LineFeed:
    """Hands out the lines of a file and can go back to the line after the one where a record began."""

    def __init__(self, file: IO[bytes]) -> None:
        self._blocks = _blocks(file)
        self._lines: list[str] = []
        self._at = 0
        self._start = 0
        self._chars = 0
        self._passed = 0  # lines before self._lines[0]

    def __iter__(self) -> LineFeed:
        return self

    def __next__(self) -> str:
        """Return the next line. Raises BadLine for one that cannot be read or makes its record too long."""
        if self._at >= len(self._lines) and not self._refill():
            raise StopIteration
        line = self._lines[self._at]
        self._at += 1
        if line[0] == _BAD:
            raise BadLine(line[1:])
        if self._at - self._start > 1:
            self._chars += len(line)
            if self._chars > RECORD_CHARS:
                raise BadLine(f"a quote is opened and not closed within {RECORD_CHARS // 1024} KiB")
        return line

    def begin(self) -> int:
        """Begin a record at the next line; return that line's number."""
        self._start = self._at
        self._chars = 0
        return self._passed + self._at + 1

    def rewind(self) -> None:
        """Go back to the line after the one where the record began."""
        self._at = self._start + 1

    def _refill(self) -> bool:
        lines = next(self._blocks, None)
        if lines is None:
            return False
        kept = self._lines[self._start :]
        self._passed += self._start
        self._at -= self._start
        self._start = 0
        self._lines = kept + lines
        return True


def csv_records(feed: LineFeed) -> Iterator[Record]:
    """Read CSV (RFC 4180) records; blank lines are passed over. Quoted fields may hold newlines."""
    reader = csv.reader(feed, strict=True)
    while True:
        line = feed.begin()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except (csv.Error, BadLine) as error:
            feed.rewind()
            yield line, None, _csv_reason(error)
        else:
            if fields:
                yield line, fields, ""


def ndjson_records(feed: LineFeed) -> Iterator[Record]:
    """Read one JSON object a line; blank lines are passed over."""
    while True:
        line = feed.begin()
        try:
            text = next(feed)
        except StopIteration:
            return
        except BadLine as error:
            yield line, None, str(error)
            continue
        if not text.isspace():
            yield line, *_json_object(text)


def header_of(records: Iterator[Record], *, required: tuple[str, ...]) -> list[str]:
    """Read the header row: column names, trimmed and in lower case.

    Raises UnreadableFile when it is missing, cannot be read, is not separated by commas, names a column twice or
    lacks one of `required`.
    """
    _, fields, reason = next(records, (0, None, "the file is empty"))
    if fields is None:
        raise UnreadableFile(f"The header row cannot be read: {reason}.")
    names = [name.strip().lower() for name in fields]
    if len(names) == 1 and (found := next((mark for mark in ";\t|" if mark in names[0]), None)):
        said = "a tab" if found == "\t" else f'"{found}"'
        raise UnreadableFile(f"The columns are separated by {said}; this import takes commas.")
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise UnreadableFile(f"The header row names a column twice: {', '.join(twice)}.")
    if missing := [name for name in required if name not in names]:
        raise UnreadableFile(f"The header row lacks the column {', '.join(missing)}; it reads {', '.join(names)}.")
    return names


def _blocks(file: IO[bytes]) -> Iterator[list[str]]:
    """Read whole lines, a block of bytes at a time; the rest of an overlong line is dropped, never kept."""
    rest, skipping, first = b"", False, True
    while block := file.read(BLOCK_BYTES):
        if first:
            block, first = block.removeprefix(_BYTE_ORDER_MARK), False
        if skipping:
            end = block.find(b"\n")
            if end < 0:
                continue
            block, skipping = block[end + 1 :], False
        data = rest + block
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        lines = _decoded(data[:end])
        if len(rest) > 4 * RECORD_CHARS:  # four bytes a character at most
            rest, skipping = b"", True
            lines.append(_TOO_LONG)
        if lines:
            yield lines
    if rest:
        yield _decoded(rest)


def _decoded(data: bytes) -> list[str]:
    """Split into lines that keep their newline; only a newline ends a line."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        lines = [_line(piece) for piece in io.BytesIO(data)]
    else:
        lines = list(io.StringIO(text, newline="\n"))
        if _BAD in text:
            lines = [_HAS_NUL if _BAD in line else line for line in lines]
    if len(data) > RECORD_CHARS and max(map(len, lines)) > RECORD_CHARS:
        lines = [_TOO_LONG if len(line) > RECORD_CHARS else line for line in lines]
    return lines


def _line(piece: bytes) -> str:
    try:
        text = piece.decode()
    except UnicodeDecodeError as error:
        return f"{_BAD}not UTF-8: byte 0x{piece[error.start]:02x} at position {error.start + 1} of the line"
    return _HAS_NUL if _BAD in text else text


def _csv_reason(error: Exception) -> str:
    said = str(error)
    if "unexpected end" in said:
        return "a quote is opened and never closed"
    if "expected after" in said:
        return "text follows a closing quote"
    if "new-line character" in said:
        return "a carriage return stands alone; lines end with LF or CRLF"
    return said


def _json_object(text: str) -> tuple[dict[str, Any] | None, str]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return None, f"not valid JSON: {error.msg}"
    if not isinstance(found, dict):
        return None, "the line is not a JSON object"
    return found, ""
