"""Reads the catalogue of a Brocade, a page of changes a call: by OAI-PMH (catxml), or from a catalogue file.

A cursor holds all that the next page needs, so that a harvest can go on after any stop.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit, urlunsplit

from adapters.brocade.files import Piece, read_piece
from adapters.brocade.translate import CatRecord, Dialect, change_of, loi_in, read_catxml
from adapters.contract import CursorLost, Deleted, Malformed, NotFound, Page, Record
from adapters.http import Http, Reply
from adapters.installation import Limits
from adapters.protocols.oai_pmh import OaiPmh, OaiRecord, moment_of

T = TypeVar("T")

CATXML = "catxml"
MOST_PAGES = 1_000_000  # of one harvest: a list that never ends is none
# Not asyncio's own threads, in which whoever else is in this process may look up names that nobody answers for.
_readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="leenpad-brocade")
_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})")


class Source(Protocol):
    """What a harvest is read from."""

    async def page(self, *, since: datetime | None, cursor: str | None) -> Page:
        """Return the page that `cursor` leads to, or the first. Raises CursorLost and what `Http.ask` raises."""

    async def close(self) -> None:
        """Close the connections."""


class OaiCatalogue:
    """The catalogue by OAI-PMH. `identifier` is what the server calls a record, with `{loi}` for its c-loi."""

    def __init__(self, oai: OaiPmh, *, dialect: Dialect, set_: str | None = None, identifier: str = "{loi}") -> None:
        self._oai = oai
        self._dialect = dialect
        self._set = set_
        self._identifier = identifier

    async def record(self, loi: str) -> CatRecord:
        """Return a record with its holdings. Raises NotFound, for one that was deleted too."""
        if loi_in(loi, "c") != loi:
            raise NotFound("no number of a record of Brocade")
        found = self._read(await self._oai.record(self._identifier.replace("{loi}", loi), CATXML))
        if found.deleted:
            raise NotFound("the record was deleted")
        if found.loi != loi:
            raise Malformed("another record came than was asked for")
        return found

    async def page(self, *, since: datetime | None, cursor: str | None) -> Page:
        """Return a page of changes. `since` is rounded down to a day where the server knows only days."""
        at = _opened(cursor, "token")
        pages = int(at.get("pages", 0)) + 1
        if pages > MOST_PAGES:
            raise Malformed(f"a list of more than {MOST_PAGES} pages")
        listed = await self._oai.records(prefix=CATXML, since=since, set_=self._set, token=at.get("token"))
        as_of = moment_of(str(at["as_of"])) if at.get("as_of") else listed.as_of
        # A large page takes long to read, and nothing else is to wait for it.
        changes, rejects = await _aside(partial(self._changes, listed.records))
        going_on = {"token": listed.token, "pages": pages, "as_of": as_of and as_of.isoformat()}
        return Page(
            changes=tuple(changes),
            cursor=None if listed.token is None else json.dumps(going_on),
            as_of=as_of,
            whole_size=listed.whole_size,
            rejects=(*listed.rejects, *rejects),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._oai.close()

    def _changes(self, records: Iterable[OaiRecord]) -> tuple[list[Record | Deleted], list[str]]:
        changes: list[Record | Deleted] = []
        rejects: list[str] = []
        for record in records:
            try:
                changes.append(change_of(self._read(record), self._dialect))
            except Malformed as error:
                rejects.append(f"{loi_in(record.identifier, 'c') or 'a record'}: {error}")
        return changes, rejects

    def _read(self, record: OaiRecord) -> CatRecord:
        if not record.deleted and record.metadata is not None:
            return read_catxml(record.metadata, record.identifier, self._dialect)
        loi = loi_in(record.identifier, "c")
        if loi is None:
            raise Malformed("a record without a c-loi")
        return CatRecord(loi=loi, deleted=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileForm:
    """How a catalogue file is written."""

    columns: Mapping[str, str]
    encoding: str = "iso-8859-1"
    piece_bytes: int = 256 * 2**10  # some thousand rows


class FileCatalogue:
    """The catalogue from one file, in pieces, by range requests (RFC 9110, 14) where the server knows them.

    A file says what there is, not what changed: every harvest goes through all of it, and what was deleted is what is
    no longer in it. One that is put in place of another under way ends a harvest with CursorLost.
    """

    def __init__(self, address: str, *, system: str, limits: Limits, dialect: Dialect, form: FileForm) -> None:
        parts = urlsplit(address)
        self._http = Http(urlunsplit((parts.scheme, parts.netloc, "", "", "")), system=system, limits=limits)
        self._path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        self._dialect = dialect
        self._form = form
        self._piece_bytes = min(form.piece_bytes, limits.answer_bytes)

    async def page(self, *, since: datetime | None, cursor: str | None) -> Page:
        """Return the records in the next piece of the file; `since` makes no difference."""
        at = _opened(cursor, "start")
        start, header = int(at.get("start", 0)), at.get("header")
        reply = await self._ask(start, str(at.get("mark", "")))
        whole_bytes = _placed(reply, start)
        mark = reply.headers.get("etag") or reply.headers.get("last-modified") or str(whole_bytes)
        if cursor is not None and mark != at.get("mark"):
            raise CursorLost("another file is there now")
        last = start + len(reply.body) >= whole_bytes
        reading = partial(
            read_piece,
            reply.body,
            dialect=self._dialect,
            columns=self._form.columns,
            encoding=self._form.encoding,
            header=None if header is None else tuple(header),
            last=last,
        )
        piece = await _aside(reading)
        return self._page(piece, start=start, mark=mark, last=last, as_of=_written_at(reply.headers))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _ask(self, start: int, mark: str) -> Reply:
        headers = {"Range": f"bytes={start}-{start + self._piece_bytes - 1}"}
        if start and mark and not mark.startswith("W/") and not mark.isdigit():
            headers["If-Range"] = mark  # another file, and its whole is answered instead of a part
        try:
            return await self._http.ask("GET", self._path, what="catalogue file", headers=headers)
        except NotFound as error:
            raise Malformed("there is no catalogue file at this address") from error

    def _page(self, piece: Piece, *, start: int, mark: str, last: bool, as_of: datetime | None) -> Page:
        going_on = {"start": start + piece.read_bytes, "mark": mark, "header": piece.header}
        return Page(
            changes=tuple(change_of(record, self._dialect) for record in piece.records),
            cursor=None if last else json.dumps(going_on),
            as_of=as_of,
            rejects=piece.rejects,
        )


async def _aside(reading: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_readers, reading)


def _opened(cursor: str | None, needed: str) -> dict[str, Any]:
    """Read a cursor. Raises CursorLost for one that is not ours, or of another way of harvesting."""
    if cursor is None:
        return {}
    try:
        at = json.loads(cursor)
    except (ValueError, RecursionError) as error:
        raise CursorLost("this is no cursor") from error
    whole = (at.get(name, 0) for name in ("start", "pages")) if isinstance(at, dict) else ()
    if not isinstance(at, dict) or needed not in at or not all(isinstance(one, int) and one >= 0 for one in whole):
        raise CursorLost("this cursor is of another way of harvesting")
    return at


def _placed(reply: Reply, start: int) -> int:
    """Return how large the whole file is, where the answer is what was asked for. Raises CursorLost or Malformed."""
    if reply.status != 206:
        if start:
            raise CursorLost("the file is another now, or is answered only as a whole")
        return len(reply.body)
    placed = _RANGE.fullmatch(reply.headers.get("content-range", "").strip())
    if placed is None or int(placed[1]) != start or int(placed[2]) - start + 1 != len(reply.body):
        raise Malformed("another part of the file came than was asked for")
    return int(placed[3])


def _written_at(headers: Mapping[str, str]) -> datetime | None:
    for name in ("last-modified", "date"):
        try:
            return parsedate_to_datetime(headers.get(name, ""))
        except ValueError:
            continue
    return None
