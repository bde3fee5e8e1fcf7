"""One file of a feed as trimmed rows with their line numbers, and the list of what is wrong with it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import IO

LARGEST_LINE_BYTES = 64 * 1024
# A quoted value may hold line breaks; one that runs on for longer is a quote that was never closed.
MOST_LINES_PER_ROW = 100
# Skipping a blank line costs as much as reading a row, and a bomb may be made of nothing else.
MOST_BLANK_LINES = 10_000
FAULTS_NAMED = 100
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, where: `line` counts from 1 with the header; None when the whole file is meant."""

    file: str
    line: int | None
    field: str | None
    reason: str

    def __str__(self) -> str:
        line = "" if self.line is None else f" line {self.line}"
        return f"{self.file}{line}{'' if self.field is None else f', {self.field}'}: {self.reason}"


@dataclass(slots=True)
class Faults:
    """The first hundred faults in the order they were found, how many there are, and in how many rows or files."""

    named: list[Fault] = field(default_factory=list)
    count: int = 0
    places: int = 0
    _last_place: tuple[str, int | None] | None = None

    def add(self, file: str, line: int | None, field: str | None, reason: str) -> None:
        """Note one fault."""
        self.count += 1
        if (file, line) != self._last_place:
            self.places += 1
            self._last_place = (file, line)
        if len(self.named) < FAULTS_NAMED:
            self.named.append(Fault(file, line, field, reason))

    def __bool__(self) -> bool:
        return self.count > 0


class Rows:
    """The data rows of one file, each a line number and the values of `columns` in that order.

    Values are trimmed; a column that the file does not have reads as empty, as do values missing at the end of
    a row. Blank lines are skipped. Whatever cannot be read as a row is added to `faults`, and reading goes on.
    """

    def __init__(
        self,
        file: IO[bytes],
        name: str,
        columns: Sequence[str],
        *,
        required: Sequence[str] = (),
        faults: Faults,
        most: int,
    ) -> None:
        self.name = name
        self.count = 0
        self._faults = faults
        self._most = most
        self._lines_in_row = 0
        self._line = 0
        self._blank_lines = 0
        self._reader = csv.reader(self._lines(file), strict=True, skipinitialspace=True)
        self.header = self._read_header()
        for column in required:
            if column not in self.header:
                faults.add(name, 1, column, "the column is missing")
        self._width = len(self.header)
        self._pick = itemgetter(*(self.header.index(c) if c in self.header else self._width for c in columns), 0)

    def fault(self, line: int, field: str | None, reason: str) -> None:
        """Note one fault of a row."""
        self._faults.add(self.name, line, field, reason)

    def __iter__(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield (line, values); values end with one more that has no meaning."""
        width, pick, strip = self._width, self._pick, str.strip
        while (row := self._next()) is not None:
            line, values = row
            if not any(values):
                if self._too_blank(line):
                    return
                continue
            if len(values) != width:
                if any(map(strip, values[width:])):
                    self.fault(line, None, f"the row has {len(values)} values, the header {width}")
                values = values[:width] + [""] * (width - len(values))
            self.count += 1
            if self.count > self._most:
                self.fault(line, None, f"more than {self._most:,} rows")
                return
            values.append("")
            yield line, tuple(map(strip, pick(values)))

    def _next(self) -> tuple[int, list[str]] | None:
        while True:
            self._lines_in_row = 0
            try:
                values = next(self._reader)
            except StopIteration:
                return None
            except csv.Error as error:
                self.fault(self._line - self._lines_in_row + 1, None, f"not readable as CSV: {error}")
                continue
            except _Unreadable as unreadable:
                self.fault(self._line, None, f"{unreadable}; the rest of the file was not read")
                return None
            return self._line - self._lines_in_row + 1, values

    def _read_header(self) -> list[str]:
        while (row := self._next()) is not None:
            line, values = row
            header = [value.strip() for value in values]
            if not any(header):
                if self._too_blank(line):
                    return []
                continue
            for column in {column for column in header if column and header.count(column) > 1}:
                self.fault(line, column, "the column is there twice")
            return header
        return []

    def _too_blank(self, line: int) -> bool:
        self._blank_lines += 1
        if self._blank_lines > MOST_BLANK_LINES:
            self.fault(line, None, f"more than {MOST_BLANK_LINES:,} blank lines; the rest of the file was not read")
            return True
        return False

    def _lines(self, file: IO[bytes]) -> Iterator[str]:
        """Yield lines as text, so that neither a line nor a row can grow without bound."""
        while data := file.readline(LARGEST_LINE_BYTES + 1):
            self._line += 1
            self._lines_in_row += 1
            if len(data) > LARGEST_LINE_BYTES:
                raise _Unreadable(f"the line is longer than {LARGEST_LINE_BYTES:,} bytes")
            if self._lines_in_row > MOST_LINES_PER_ROW:
                raise _Unreadable(f"a quote opened {MOST_LINES_PER_ROW} lines before is not closed")
            if self._line == 1:
                data = data.removeprefix(BYTE_ORDER_MARK)
            if b"\0" in data:
                self.fault(self._line, None, "the line holds a NUL byte")
                data = data.replace(b"\0", b"")
            try:
                text = data.decode()
            except UnicodeDecodeError as error:
                self.fault(self._line, None, f"not UTF-8 at byte {error.start + 1} of the line")
                text = data.decode(errors="replace")
            yield text


class _Unreadable(Exception):  # noqa: N818 - never leaves this file
    """Nothing after this can be told apart."""
