"""Asks a Concerto-style catalogue by SRU: for a title, for records by their numbers, and for everything in turn."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from adapters.concerto.holdings import Copies, copies_in_opac, copies_of
from adapters.concerto.options import dialect_of
from adapters.concerto.translate import is_exactly
from adapters.contract import CursorLost, Malformed, NotOffered, Scheme, SystemFault, Title
from adapters.protocols import cql
from adapters.protocols.marc import Marc, read_marc
from adapters.protocols.opac import read_opac
from adapters.protocols.sru import OPAC, Found, Sru, SruRecord, fault_of

MOST_SEAM_RECORDS = 10  # of the page before that a page of a sweep begins with, to see that nothing was passed over
MOST_PAGES = 5  # of one question about availability
SINCE_OVERLAP = timedelta(days=1)  # the index knows days, and not of which zone

_CURSOR = re.compile(r"([1-9][0-9]{0,11})\|([^|]{0,40})\|([0-9TZ:.-]{0,40})\|(.{0,1000})", re.ASCII | re.DOTALL)

Catalogued = tuple[Marc, list[Copies]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a sweep stands: its page begins at `position`, and is new after the record `seam`; empty: all of it is.

    `as_of` is when the sweep began. `since` is a day as the server's index takes it, or empty.
    """

    position: int = 1
    as_of: datetime | None = None
    since: str = ""
    seam: str = ""

    def text(self) -> str:
        """Return the cursor as it is handed out."""
        as_of = "" if self.as_of is None else self.as_of.isoformat()
        return f"{self.position}|{as_of}|{self.since}|{self.seam}"


def read_cursor(text: str) -> Cursor:
    """Return the cursor that was handed out. Raises CursorLost for anything else."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise CursorLost("not a cursor of this system")
    position, as_of, since, seam = found.groups()
    try:
        moment = datetime.fromisoformat(as_of) if as_of else None
    except ValueError:
        raise CursorLost("not a cursor of this system") from None
    if moment is not None and moment.tzinfo is None:
        raise CursorLost("not a cursor of this system")
    return Cursor(position=int(position), as_of=moment, since=since, seam=seam)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """A part of a sweep: its records, what could not be read of it and why, and where the next part begins."""

    entries: tuple[Catalogued, ...]
    rejects: tuple[str, ...]
    total: int | None
    as_of: datetime
    following: Cursor | None


class Catalogue:
    """One SRU database, read by the options of its installation."""

    def __init__(self, sru: Sru, option: Callable[[str], str]) -> None:
        self._sru = sru
        self._option = option
        self._dialect = dialect_of(option)
        self._schema = option("record_schema")
        self._page_size = int(option("page_size"))
        self._ppn = option("ppn")
        self._indexes = {
            Scheme.ISBN: option("isbn_index"),
            Scheme.PPN: option("ppn_index") if self._ppn else "",
            Scheme.LOCAL: option("number_index"),
        }
        self.schemes = frozenset(scheme for scheme, index in self._indexes.items() if index)
        self.names_items = bool(self._dialect.barcode) or self._schema == OPAC

    async def exactly(self, title: Title, *, what: str) -> list[Catalogued]:
        """Return the records of exactly this title, among what the first page of the answer holds.

        Where one has its PPN, those that only share its ISBN are not it: volumes do. Raises NotOffered where the
        server has no index for what the title is known by.
        """
        asked = ((Scheme.ISBN, title.isbn), (Scheme.PPN, title.ppn), (Scheme.LOCAL, title.local))
        if not any(text and scheme in self.schemes for scheme, text in asked):
            raise NotOffered(f"{what}: there is no index for what the title is known by")
        clauses = [clause for scheme, text in asked if text for clause in self._clauses(scheme, [text])]
        if not clauses:
            return []
        page = await self._search(cql.any_of(*clauses), what=what)
        readable = self._readable(page, what=what)
        found = [(marc, copies) for marc, copies in readable if not marc.deleted and is_exactly(marc, title)]
        by_ppn = [(marc, copies) for marc, copies in found if title.ppn and marc.ppn == title.ppn.upper()]
        return by_ppn or found

    async def numbered(self, references: Collection[str], *, what: str) -> list[Catalogued]:
        """Return the records with these numbers; what the index finds besides is not among them."""
        clauses = list(self._clauses(Scheme.LOCAL, references))
        found, start = dict[str, Catalogued](), 1
        for _ in range(MOST_PAGES if clauses else 0):
            page = await self._search(cql.any_of(*clauses), start=start, what=what)
            for marc, copies in self._readable(page, what=what):
                if marc.number in references and not marc.deleted:
                    found[marc.number] = (marc, copies)
            if page.following is None or len(found) == len(references):
                break
            start = page.following
        return list(found.values())

    def begin(self, since: datetime | None) -> Cursor:
        """Return where a sweep begins: of what changed, where the server has an index for it, else of everything."""
        if since is None or not self._option("modified_index"):
            return Cursor()
        day = (since.astimezone(UTC) - SINCE_OVERLAP).strftime(self._option("modified_format"))
        return Cursor(since=day)

    async def sweep(self, at: Cursor, *, now: datetime) -> Swept:
        """Return the next part of a sweep.

        SRU keeps no list for us while records come and go. So every page begins with the last records of the page
        before; where the very last of them is not among these any more, too much has moved: CursorLost.
        """
        found = await self._search(self._sweeping(at.since), start=at.position, what="harvest")
        entries, rejects, seam = self._beyond_the_seam(found, at.seam)
        as_of = at.as_of or found.answered_at or now
        following = None
        if found.following is not None:
            again = min(MOST_SEAM_RECORDS, len(found.records) // 4) if seam else 0
            position, seam = found.following - again, seam if again else ""
            following = Cursor(position=position, as_of=as_of, since=at.since, seam=seam)
        return Swept(entries=entries, rejects=rejects, total=found.total, as_of=as_of, following=following)

    def _sweeping(self, since: str) -> str:
        if not since:
            return self._option("sweep_query")
        try:
            return cql.clause(self._option("modified_index"), ">=", since)
        except cql.InvalidTerm:
            raise CursorLost("the installation has no index for it any more") from None

    def _beyond_the_seam(self, found: Found, seam: str) -> tuple[tuple[Catalogued, ...], tuple[str, ...], str]:
        """What comes after the seam, what of it could not be read, and the seam of the next page.

        That is the number of the last record; empty, where the last one could not be read.
        """
        entries, rejects, last, passed = list[Catalogued](), list[str](), "", not seam
        for record in found.records:
            try:
                marc, copies = self._read(record, what="harvest")
            except SystemFault as fault:
                last = ""
                if passed:
                    rejects.append(f"record {record.position}: {fault}")
                continue
            last = marc.number
            if passed:
                entries.append((marc, copies))
            passed = passed or last == seam
        if not passed:
            raise CursorLost("the result set has moved on")
        return tuple(entries), tuple(rejects), last

    async def close(self) -> None:
        """Close the connections."""
        await self._sru.close()

    def _clauses(self, scheme: Scheme, texts: Collection[str]) -> Iterator[str]:
        """A clause for each; what no term can be made of is not in any index."""
        for text in texts if self._indexes[scheme] else ():
            try:
                yield cql.clause(self._indexes[scheme], "=", text)
            except cql.InvalidTerm:
                continue

    async def _search(self, query: str, *, start: int = 1, what: str) -> Found:
        return await self._sru.search(query, start=start, most=self._page_size, schema=self._schema, what=what)

    def _readable(self, page: Found, *, what: str) -> list[Catalogued]:
        """What could be read of a page; where nothing could, why."""
        read, fault = list[Catalogued](), None
        for record in page.records:
            try:
                read.append(self._read(record, what=what))
            except SystemFault as error:
                fault = error
        if fault is not None and not read:
            raise fault
        return read

    def _read(self, record: SruRecord, *, what: str) -> Catalogued:
        if record.diagnostic:
            raise fault_of(record.diagnostic, what)
        if record.data is None:
            raise Malformed(f"{what}: an empty record")
        if self._schema == OPAC:
            element, holdings = read_opac(record.data)
            marc, copies = read_marc(element, ppn=self._ppn), copies_in_opac(holdings, self._dialect.words)
        else:
            marc = read_marc(record.data, ppn=self._ppn, holdings_tags=(self._dialect.tag,))
            copies = copies_of(marc, self._dialect)
        if not marc.number:
            raise Malformed(f"{what}: a record without a number")
        return marc, copies
