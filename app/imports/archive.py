"""A zip archive from outside, read with suspicion: bounded in every direction, and never written to disk.

Bounds hold for the bytes that really come out of an entry, not for what its header claims.
"""

from __future__ import annotations

import io
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MIB = 1024 * 1024
BUFFER_BYTES = 256 * 1024
# The table of contents is read in one piece, so this bounds it too: some 20,000 entries.
LARGEST_PIECE_BYTES = MIB
LOCAL_HEADER_BYTES = 30
ENCRYPTED_FLAG = 0x1
UNIX = 3
KNOWN_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError, OSError)


@dataclass(frozen=True, slots=True)
class Pointed:
    """A fault as a problem document points at it: empty for the whole archive, or /file/line/field."""

    pointer: str
    detail: str


class ArchiveRefused(Exception):  # noqa: N818 - named as the problem it becomes
    """The archive cannot be read, or is not safe to read; the message says why, for whoever sent it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Nothing was imported: {reason}.")
        self.faults = (Pointed("", f"{reason}."),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one archive may ask of us.

    An entry that expands to more than `free_expanded_bytes` may be at most `ratio` times its packed size.
    """

    packed_bytes: int = 1024 * MIB
    entries: int = 1000
    expanded_bytes: int = 2048 * MIB
    free_expanded_bytes: int = 10 * MIB
    ratio: int = 200
    seconds: float = 900.0


@contextmanager
def open_archive(
    file: IO[bytes], limits: Limits, *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Archive]:
    """Open the zip in `file` (seekable) for as long as the block runs.

    Raises ArchiveRefused when it is no zip, is damaged, or has an entry that must not be read: in a folder,
    encrypted, a link, packed in an unknown way, named twice, overlapping another, or too large by its own claim.
    """
    budget = _Budget(limits, clock)
    if file.seek(0, io.SEEK_END) > limits.packed_bytes:
        raise ArchiveRefused(f"the archive is larger than {_size(limits.packed_bytes)}")
    try:
        archive = zipfile.ZipFile(_BoundedReads(file))
    except DAMAGE as fault:
        raise ArchiveRefused(f"this is not a whole zip archive: {fault}") from fault
    with archive:
        yield Archive(archive, _checked(archive, limits), budget)


class Archive:
    """An open archive: the names of its files, and each of them as a stream of bytes."""

    def __init__(self, archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo], budget: _Budget) -> None:
        self._archive = archive
        self._entries = entries
        self._budget = budget

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all files, sorted."""
        return tuple(sorted(self._entries))

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Lend the bytes of one file. Raises KeyError for a name that is not there.

        Reading raises ArchiveRefused when the file is damaged or goes past a limit.
        """
        entry = self._entries[name]
        try:
            stream = self._archive.open(entry)
        except (*DAMAGE, RuntimeError) as fault:
            raise ArchiveRefused(f"{name} is damaged: {fault}") from fault
        with stream, io.BufferedReader(_Measured(stream, entry, self._budget), BUFFER_BYTES) as measured:
            yield measured


def _checked(archive: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """Return the entries that are files, by name, once every entry has been found harmless."""
    entries = archive.infolist()
    if len(entries) > limits.entries:
        raise ArchiveRefused(f"the archive has more than {limits.entries} entries")
    if sum(entry.file_size for entry in entries) > limits.expanded_bytes:
        raise ArchiveRefused(f"the archive expands to more than {_size(limits.expanded_bytes)}")
    files: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        if entry.filename.startswith("__MACOSX/"):
            continue  # what a Mac adds beside every file: no data of the sender's
        _check_entry(entry)
        if entry.filename in files:
            raise ArchiveRefused(f"the archive holds {entry.filename} twice")
        files[entry.filename] = entry
    _check_overlaps(entries, archive.start_dir)
    return files


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    if "\0" in entry.orig_filename:
        raise ArchiveRefused(f"the name of {name} holds a NUL byte")
    if "/" in name or "\\" in name:
        raise ArchiveRefused(f"{name}: files must lie at the root of the archive, not in a folder")
    if entry.flag_bits & ENCRYPTED_FLAG:
        raise ArchiveRefused(f"{name} is encrypted")
    if entry.create_system == UNIX and stat.S_ISLNK(entry.external_attr >> 16):
        raise ArchiveRefused(f"{name} is a link, not a file")
    if entry.compress_type not in KNOWN_METHODS:
        raise ArchiveRefused(f"{name} is packed by method {entry.compress_type}; only deflate and stored are read")


def _check_overlaps(entries: list[zipfile.ZipInfo], contents_start: int) -> None:
    """Refuse entries that share bytes: one small piece listed many times is how a bomb hides its ratio."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise ArchiveRefused(f"{entry.filename} overlaps another entry")
        end = entry.header_offset + LOCAL_HEADER_BYTES + len(entry.orig_filename) + entry.compress_size
    if end > contents_start:
        raise ArchiveRefused("the archive is damaged: an entry runs into the table of contents")


def _size(count: int) -> str:
    return f"{count // MIB:,} MiB" if count >= MIB else f"{count:,} bytes"


class _Budget:
    """What the whole archive may still cost."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self.left_bytes = limits.expanded_bytes
        self._clock = clock
        self._deadline = clock() + limits.seconds

    def charge(self, count: int, name: str) -> None:
        """Take `count` expanded bytes off. Raises ArchiveRefused when nothing is left, or no time."""
        self.left_bytes -= count
        if self.left_bytes < 0:
            raise ArchiveRefused(f"the archive expands to more than {_size(self.limits.expanded_bytes)} (in {name})")
        if self._clock() > self._deadline:
            raise ArchiveRefused(f"reading the archive took longer than {self.limits.seconds:g} seconds (in {name})")


class _Measured(io.RawIOBase):
    """The bytes of one entry, counted as they come out."""

    def __init__(self, stream: IO[bytes], entry: zipfile.ZipInfo, budget: _Budget) -> None:
        self._stream = stream
        self._entry = entry
        self._budget = budget
        self._produced = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        name = self._entry.filename
        try:
            piece = self._stream.read(len(view))
        except DAMAGE as fault:
            raise ArchiveRefused(f"{name} is damaged: {fault}") from fault
        if not piece and self._produced != self._entry.file_size:
            raise ArchiveRefused(f"{name} is damaged: it ends before its stated size")
        self._produced += len(piece)
        self._budget.charge(len(piece), name)
        limits = self._budget.limits
        most = max(limits.free_expanded_bytes, limits.ratio * self._entry.compress_size)
        if self._produced > most:
            raise ArchiveRefused(f"{name} expands to more than {limits.ratio} times its packed size")
        view[: len(piece)] = piece
        return len(piece)


class _BoundedReads:
    """A file that hands out at most LARGEST_PIECE_BYTES at once: a forged table of contents cannot fill memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, count: int = -1, /) -> bytes:
        piece = self._file.read(LARGEST_PIECE_BYTES + 1 if count < 0 else min(count, LARGEST_PIECE_BYTES + 1))
        if len(piece) > LARGEST_PIECE_BYTES:
            raise zipfile.BadZipFile("its table of contents is too large")
        return piece

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
