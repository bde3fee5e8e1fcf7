"""Speaks to a Concerto-style system: SRU for what it has and how that stands, SIP2 for everything that moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from adapters.concerto.options import KIND_OPTIONS, dialect_of
from adapters.concerto.translate import (
    Copies,
    Cursor,
    copies_in_opac,
    copies_of,
    is_exactly,
    loanable_items,
    pairs_of,
    read_cursor,
    record_of,
    snapshots_of,
)
from adapters.contract import (
    Capabilities,
    CursorLost,
    Deleted,
    Lacking,
    Malformed,
    NotFound,
    NotOffered,
    Order,
    Page,
    Parcel,
    Quote,
    Record,
    Scheme,
    Snapshot,
    Standing,
    SystemFault,
    Title,
    Unavailable,
    Verb,
)
from adapters.installation import Entry, Installation, Kind, option
from adapters.protocols import cql
from adapters.protocols.marc import Marc, read_marc
from adapters.protocols.opac import read_opac
from adapters.protocols.sip2 import Sip2, Sip2Lending
from adapters.protocols.sru import OPAC, Found, Sru, SruRecord, Version, fault_of

MOST_SEAM_RECORDS = 10  # of the page before that a page of a sweep begins with, to see that nothing was passed over
MOST_PAGES = 5  # of one question about availability
SINCE_OVERLAP = timedelta(days=1)  # the index knows days, and not of which zone

_PLACING = frozenset({Verb.PREPARE, Verb.PLACE, Verb.FIND, Verb.STATUS, Verb.CANCEL, Verb.CHECK_OUT, Verb.CHECK_IN})


class ConcertoSystem(Lacking):
    """One installation. Without an address for SIP2, or barcodes in its holdings, nothing can be placed there."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._branches: Mapping[str, str] = installation.branches
        self._deadline_seconds = installation.limits.deadline_seconds
        self._dialect = dialect_of(self._option)
        self._schema = self._option("record_schema")
        self._page_size = int(self._option("page_size"))
        self._batch = int(self._option("batch"))
        self._ppn = self._option("ppn")
        self._indexes = {
            Scheme.ISBN: self._option("isbn_index"),
            Scheme.PPN: self._option("ppn_index") if self._ppn else "",
            Scheme.LOCAL: self._option("number_index"),
        }
        secrets = installation.secrets
        self._sru = Sru(
            installation.addresses["sru"],
            system=installation.system,
            limits=installation.limits,
            version=Version(self._option("sru_version")),
            user=secrets.get("sru_user", ""),
            password=secrets.get("sru_password", ""),
        )
        self._sip2 = self._open_sip2()
        self._lending = None
        if self._sip2 is not None and (self._dialect.barcode or self._schema == OPAC):
            self._lending = Sip2Lending(
                self._sip2,
                patron=secrets.get("sip2_patron", ""),
                pin=secrets.get("sip2_pin", ""),
                pickups=pairs_of(self._option("pickups")),
            )

    @classmethod
    def open(cls, installation: Installation) -> ConcertoSystem:
        """Open an installation; nothing is asked yet."""
        return cls(installation)

    def _open_sip2(self) -> Sip2 | None:
        address, secrets = self._installation.addresses.get("sip2"), self._installation.secrets
        if not address:
            return None
        return Sip2(
            address,
            system=self._installation.system,
            limits=self._installation.limits,
            user=secrets.get("sip2_user", ""),
            password=secrets.get("sip2_password", ""),
            terminal_password=secrets.get("sip2_terminal_password", ""),
            institution=self._option("sip2_institution"),
            location_code=self._option("sip2_location"),
            encoding=self._option("sip2_encoding"),
            checksums=self._option("sip2_checksums") == "yes",
        )

    def capabilities(self) -> Capabilities:
        """Titles and availability always, placing where it can be reached by SIP2; it keeps no keys."""
        reading = {Verb.RESOLVE, Verb.AVAILABILITY, Verb.HARVEST}
        return Capabilities(
            verbs=frozenset(reading | (_PLACING if self._lending is not None else set())),
            schemes=frozenset(scheme for scheme, index in self._indexes.items() if index),
            batch=self._batch,
        )

    # --- titles and where they stand -------------------------------------------------------------

    async def resolve(self, title: Title) -> list[str]:
        """Return the numbers of the records of exactly this title. Raises NotOffered where it has no such index."""
        async with self._deadline("resolve"):
            return [marc.number for marc, _ in await self._exactly(title, what="resolve")]

    async def availability(self, references: Collection[str]) -> list[Snapshot]:
        """Return how the copies of these records stand."""
        wanted = list(dict.fromkeys(references))
        snapshots = list[Snapshot]()
        async with self._deadline("availability"):
            for place in range(0, len(wanted), self._batch):
                snapshots += await self._availability(wanted[place : place + self._batch])
        return snapshots

    async def _availability(self, references: list[str]) -> list[Snapshot]:
        clauses = list(self._clauses(Scheme.LOCAL, references))
        found, start = dict[str, list[Snapshot]](), 1
        for _ in range(MOST_PAGES if clauses else 0):
            page = await self._search(cql.any_of(*clauses), start=start, what="availability")
            for marc, copies in self._readable(page, what="availability"):
                if marc.number in references and not marc.deleted:
                    found[marc.number] = self._snapshots(marc, copies)
            if page.following is None or len(found) == len(references):
                break
            start = page.following
        return [snapshot for snapshots in found.values() for snapshot in snapshots]

    async def _exactly(self, title: Title, *, what: str) -> list[tuple[Marc, list[Copies]]]:
        """The records of a title, among what the first page of the server's answer holds."""
        asked = ((Scheme.ISBN, title.isbn), (Scheme.PPN, title.ppn), (Scheme.LOCAL, title.local))
        if not any(text and self._indexes[scheme] for scheme, text in asked):
            raise NotOffered(f"{what}: there is no index for what the title is known by")
        clauses = [clause for scheme, text in asked if text for clause in self._clauses(scheme, [text])]
        if not clauses:
            return []
        page = await self._search(cql.any_of(*clauses), what=what)
        readable = self._readable(page, what=what)
        return [(marc, copies) for marc, copies in readable if not marc.deleted and is_exactly(marc, title)]

    def _clauses(self, scheme: Scheme, texts: Collection[str]) -> Iterator[str]:
        """A clause for each; what no term can be made of is not in any index."""
        for text in texts if self._indexes[scheme] else ():
            try:
                yield cql.clause(self._indexes[scheme], "=", text)
            except cql.InvalidTerm:
                continue

    async def _search(self, query: str, *, start: int = 1, what: str) -> Found:
        return await self._sru.search(query, start=start, most=self._page_size, schema=self._schema, what=what)

    def _readable(self, page: Found, *, what: str) -> list[tuple[Marc, list[Copies]]]:
        """What could be read of a page; where nothing could, why."""
        read, fault = list[tuple[Marc, list[Copies]]](), None
        for record in page.records:
            try:
                read.append(self._read(record, what=what))
            except SystemFault as error:
                fault = error
        if fault is not None and not read:
            raise fault
        return read

    def _read(self, record: SruRecord, *, what: str) -> tuple[Marc, list[Copies]]:
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

    def _snapshots(self, marc: Marc, copies: list[Copies]) -> list[Snapshot]:
        observed_at = self._installation.clock()
        return snapshots_of(marc.number, copies, branches=self._branches, observed_at=observed_at)

    # --- placing ---------------------------------------------------------------------------------

    async def prepare(self, order: Order) -> Quote:
        """Look for the title at the supplying location, and ask the desk after its copies there."""
        lending = self._needed(Verb.PREPARE)
        async with self._deadline("prepare"):
            there = await self._there(order, what="prepare")
            if not there:
                raise NotFound("prepare: no copy of it there")
            items = loanable_items(there)
            if not items:
                return Quote(order=order, possible=False, lendable=False, reason="NonCirculating")
            return await lending.prepare(order, items)

    async def place(self, quote: Quote, *, key: str) -> str:
        """Hold the copy that was quoted."""
        return await self._needed(Verb.PLACE).place(quote, key=key)

    async def find(self, order: Order, *, key: str, taken: Collection[str] = ()) -> str | None:
        """Look through what is held for us; the key is known to nobody there."""
        lending = self._needed(Verb.FIND)
        async with self._deadline("find"):
            items = loanable_items(await self._there(order, what="find"))
            return await lending.find(order, items, taken=taken) if items else None

    async def status(self, receipt: str) -> Standing:
        """Return how a hold stands."""
        return await self._needed(Verb.STATUS).status(receipt)

    async def cancel(self, receipt: str) -> bool:
        """Let a hold go."""
        return await self._needed(Verb.CANCEL).cancel(receipt)

    async def check_out(self, parcel: Parcel) -> None:
        """Lend an item to us."""
        await self._needed(Verb.CHECK_OUT).check_out(parcel)

    async def check_in(self, parcel: Parcel) -> None:
        """Take an item back."""
        await self._needed(Verb.CHECK_IN).check_in(parcel)

    def _needed(self, verb: Verb) -> Sip2Lending:
        if self._lending is None:
            raise NotOffered(f"This system does not offer {verb}: it is not reached by SIP2.")
        return self._lending

    async def _there(self, order: Order, *, what: str) -> list[Snapshot]:
        """How the copies of what is ordered stand at the supplying location."""
        records = await self._exactly(Title(isbn=order.isbn, ppn=order.ppn), what=what)
        snapshots = (snapshot for marc, copies in records for snapshot in self._snapshots(marc, copies))
        return [snapshot for snapshot in snapshots if snapshot.location == order.supplying_location]

    # --- harvesting ------------------------------------------------------------------------------

    async def harvest(self, *, since: datetime | None = None, cursor: str | None = None) -> AsyncIterator[Page]:
        """Sweep through the result set of all records, or of those that changed where there is an index for it.

        SRU keeps no list for us while records come and go. So every page begins with the last records of the page
        before; where the very last of them is not among these any more, too much has moved: CursorLost.
        """
        at: Cursor | None = read_cursor(cursor) if cursor else Cursor(since=self._day_of(since))
        while at is not None:
            page, at = await self._sweep(at)
            yield page

    def _day_of(self, since: datetime | None) -> str:
        if since is None or not self._option("modified_index"):
            return ""
        return (since.astimezone(UTC) - SINCE_OVERLAP).strftime(self._option("modified_format"))

    async def _sweep(self, at: Cursor) -> tuple[Page, Cursor | None]:
        """One page, and where the next begins."""
        async with self._deadline("harvest"):
            found = await self._search(self._sweeping(at.since), start=at.position, what="harvest")
        changes, rejects, seam = self._beyond_the_seam(found, at.seam)
        as_of = at.as_of or found.answered_at or self._installation.clock()
        following = None
        if found.following is not None:
            again = min(MOST_SEAM_RECORDS, len(found.records) // 4) if seam else 0
            following = Cursor(
                position=found.following - again, as_of=as_of, since=at.since, seam=seam if again else ""
            )
        page = Page(
            changes=changes,
            cursor=None if following is None else following.text(),
            as_of=as_of,
            whole_size=found.total,
            rejects=rejects,
        )
        return page, following

    def _sweeping(self, since: str) -> str:
        if not since:
            return self._option("sweep_query")
        try:
            return cql.clause(self._option("modified_index"), ">=", since)
        except cql.InvalidTerm:
            raise CursorLost("the installation has no index for it any more") from None

    def _beyond_the_seam(self, found: Found, seam: str) -> tuple[tuple[Record | Deleted, ...], tuple[str, ...], str]:
        """What comes after the seam, what of it could not be read, and the seam of the next page.

        That is the number of the last record; empty, where the last one could not be read.
        """
        changes, rejects, last, passed = list[Record | Deleted](), list[str](), "", not seam
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
                changes.append(Deleted(last) if marc.deleted else record_of(marc, copies, branches=self._branches))
            passed = passed or last == seam
        if not passed:
            raise CursorLost("the result set has moved on")
        return tuple(changes), tuple(rejects), last

    # --- the rest --------------------------------------------------------------------------------

    async def close(self) -> None:
        """Close all connections."""
        try:
            await self._sru.close()
        finally:
            if self._sip2 is not None:
                await self._sip2.close()

    @asynccontextmanager
    async def _deadline(self, what: str) -> AsyncIterator[None]:
        """One deadline over all calls of a verb that changes nothing."""
        try:
            async with asyncio.timeout(self._deadline_seconds):
                yield
        except TimeoutError as error:
            raise Unavailable(f"{what}: no answer in time") from error

    def _option(self, name: str) -> str:
        return option(KIND, self._installation, name)


KIND = Kind(
    name="concerto",
    open=ConcertoSystem.open,
    addresses={
        "sru": Entry("The SRU database.", default=None, pattern=r"https?://.*"),
        "sip2": Entry("The SIP2 server; without it nothing is placed.", pattern=r"(sip2s?://.*)?"),
    },
    secrets={
        "sru_user": Entry("A name, where the SRU server asks for one."),
        "sru_password": Entry("Its password."),
        "sip2_user": Entry("The terminal's name, where it has to log in."),
        "sip2_password": Entry("Its password."),
        "sip2_terminal_password": Entry("What goes into every message as AC."),
        "sip2_patron": Entry("The patron number that stands for us there."),
        "sip2_pin": Entry("Its PIN."),
    },
    options=KIND_OPTIONS,
    schemes=frozenset({"http", "https", "sip2", "sip2s"}),
)
