"""The process that reads an import file, so that reading millions of rows never holds up a decision.

    python -m app.imports.parse FD      the file is the inherited descriptor FD; standard input holds the task

Standard output carries frames (one letter, four bytes of length, then so many bytes): D rows for COPY, P bytes
read so far, E why the file cannot be read, R the outcome. It ends by itself when nobody reads any more.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from collections.abc import Callable
from importlib import import_module
from typing import IO, Any, Protocol

import orjson

from app.imports.cells import InvalidCell
from app.imports.report import MAX_REJECTS, UnreadableFile
from app.imports.rows import LineFeed, Record

FRAME = struct.Struct(">cI")
ROWS_A_FRAME = 8192
READERS = {"agencies": "app.imports.agency_rows", "holdings": "app.imports.holding_rows"}
POLITENESS = 5  # decisions come first where processors are scarce; at 10 an import all but stood still there


class Rows(Protocol):
    """A kind of file: its records, and how one is checked and written."""

    records: Any

    def copy_line(self, line: int, fields: Any) -> str:
        """Return the row for COPY. Raises InvalidCell."""

    def notes(self) -> list[str]:
        """Return what was left aside."""


def parse(file: IO[bytes], task: dict[str, Any], send: Callable[[bytes, bytes], None]) -> None:
    """Read `file` as `task` says (`kind`, `form`, for holdings the ids of `locations`) and send frames."""
    try:
        rows: Rows = import_module(READERS[task["kind"]]).open_rows(LineFeed(file), task)
        outcome = _copy(rows, send, file)
    except UnreadableFile as error:
        send(b"E", str(error).encode())
    else:
        send(b"R", orjson.dumps(outcome))


def _copy(rows: Rows, send: Callable[[bytes, bytes], None], file: IO[bytes]) -> dict[str, Any]:
    read = rejected = 0
    rejects: list[dict[str, object]] = []
    ready: list[str] = []
    copy_line = rows.copy_line
    record: Record
    for record in rows.records:
        line, fields, reason = record
        read += 1
        try:
            if fields is None:
                raise InvalidCell("", reason)
            ready.append(copy_line(line, fields))
        except InvalidCell as error:
            rejected += 1
            if len(rejects) < MAX_REJECTS:
                rejects.append({"line": line, "field": error.field or None, "reason": error.reason})
        if len(ready) >= ROWS_A_FRAME or read % (4 * ROWS_A_FRAME) == 0:
            _flush(ready, send, file)
    if read == 0 and file.tell() == 0:
        raise UnreadableFile("The file is empty.")
    _flush(ready, send, file)
    return {"read": read, "rejected": rejected, "rejects": rejects, "notes": rows.notes()}


def _flush(ready: list[str], send: Callable[[bytes, bytes], None], file: IO[bytes]) -> None:
    if ready:
        send(b"D", "".join(ready).encode())
        ready.clear()
    send(b"P", str(file.tell()).encode())


def main() -> None:
    """Do the task that standard input holds."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too; whoever asked decides what becomes of us
    os.nice(POLITENESS)
    task = orjson.loads(sys.stdin.buffer.read())
    output = sys.stdout.buffer

    def send(kind: bytes, payload: bytes) -> None:
        output.write(FRAME.pack(kind, len(payload)))
        output.write(payload)
        output.flush()

    with os.fdopen(int(sys.argv[1]), "rb") as file:
        file.seek(0)
        try:
            parse(file, task, send)
        except BrokenPipeError:
            os._exit(1)  # whoever asked is gone; there is nobody to tell


if __name__ == "__main__":
    main()
