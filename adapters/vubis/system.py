"""A Vubis installation: Iguana says where copies stand, OAI-PMH what changed, and SIP2 keeps and lends copies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from adapters.contract import (
    Capabilities,
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
    Title,
    Unavailable,
    Verb,
)
from adapters.installation import Clock, Limits
from adapters.protocols.isbn import find_isbn13
from adapters.protocols.oai_pmh import OaiPage, OaiPmh, OaiRecord
from adapters.protocols.sip2 import Sip2, Sip2Lending
from adapters.vubis.copies import (
    Dialect,
    Item,
    best_first,
    harvested_items,
    number_in,
    read_dc_record,
    read_marc_record,
)
from adapters.vubis.iguana import Iguana
from adapters.vubis.translate import Branches, Document, Labels, is_number, shows, snapshots
from adapters.vubis.vsmart import VSmart

BATCH = 10
DUBLIN_CORE, MARCXCHANGE = "oai_dc", "marcxchange"
MOST_UNCLEAR = 20
"""How many records that show no number in brief are looked at in full, for one title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What an installation calls things: indexes, labels, branches, and where its MARC has what."""

    isbn_index: str
    ppn_index: str  # empty: none
    labels: Labels
    branches: Branches
    dialect: Dialect
    ppn_rule: str
    oai_prefix: str
    oai_set: str  # empty: all
    oai_identifier: str  # "oai:host:{database}/{record}"; empty: not known
    database: str


class VubisSystem(Lacking):
    """Speaks to one installation by as many of its interfaces as it has."""

    def __init__(
        self,
        iguana: Iguana,
        *,
        words: Words,
        limits: Limits,
        clock: Clock,
        oai: OaiPmh | None = None,
        vsmart: VSmart | None = None,
        sip2: Sip2 | None = None,
        lending: Sip2Lending | None = None,
    ) -> None:
        self._iguana = iguana
        self._oai = oai
        self._vsmart = vsmart
        self._sip2 = sip2
        self._lending = lending
        self._words = words
        self._limits = limits
        self._clock = clock
        self._at_once = asyncio.Semaphore(max(1, limits.calls_at_once))

    def capabilities(self) -> Capabilities:
        """Iguana finds and counts; the rest depends on what the installation was given."""
        verbs = {Verb.RESOLVE, Verb.AVAILABILITY}
        if self._oai is not None:
            verbs.add(Verb.HARVEST)
        if self._lending is not None:
            verbs |= {Verb.STATUS, Verb.CANCEL, Verb.CHECK_OUT, Verb.CHECK_IN}
            if self._names_copies:
                verbs |= {Verb.PREPARE, Verb.PLACE, Verb.FIND}
        schemes = {Scheme.ISBN, Scheme.LOCAL} | ({Scheme.PPN} if self._words.ppn_index else set())
        return Capabilities(verbs=frozenset(verbs), schemes=frozenset(schemes), batch=BATCH)

    async def resolve(self, title: Title) -> list[str]:
        """Return the numbers of the records that show the very ISBN or PPN asked for."""
        async with self._in_time("resolve"):
            if title.local is not None:
                known = is_number(title.local) and await self._record(title.local) is not None
                return [title.local] if known else []
            found: list[str] = []
            if title.ppn and self._words.ppn_index:
                found = await self._matching(self._words.ppn_index, title.ppn, wanted_ppn=title.ppn)
            if not found and title.isbn and (isbn := find_isbn13(title.isbn)):
                found = await self._matching(self._words.isbn_index, isbn, isbn=isbn)
        return found

    async def availability(self, references: Collection[str]) -> list[Snapshot]:
        """Return what the holdings summaries of up to `batch` records say, in the order of the references."""
        asked = list(dict.fromkeys(number for number in references if is_number(number)))
        async with self._in_time("availability"):
            documents = await self._each(asked)
        now = self._clock()
        return [
            snapshot
            for document in documents
            if document is not None
            for snapshot in snapshots(document, self._words.branches, observed_at=now)
        ]

    async def prepare(self, order: Order, *, taken: Collection[str] = ()) -> Quote:
        """Ask after the copies at the supplying location, best first. Raises NotFound where there are none."""
        if self._lending is None or not self._names_copies:
            return await super().prepare(order, taken=taken)
        async with self._in_time("prepare"):
            items = await self._items(order)
            if not items:
                raise NotFound("vubis prepare: no copy of it there")
            barcodes = best_first(items)
            if not barcodes:
                return Quote(order=order, possible=False, lendable=False, reason="NonCirculating")
            return await self._lending.prepare(order, barcodes, taken=taken)

    async def place(self, quote: Quote, *, key: str) -> str:
        """Hold the copy that was quoted, by SIP2; its barcode is the receipt."""
        if not self._names_copies:
            return await super().place(quote, key=key)
        return await self._by_sip2(Verb.PLACE).place(quote, key=key)

    async def find(self, order: Order, *, key: str, taken: Collection[str] = ()) -> str | None:
        """Look for a hold of ours on any copy at the supplying location: SIP2 keeps no keys."""
        if not self._names_copies:
            return await super().find(order, key=key, taken=taken)
        lending = self._by_sip2(Verb.FIND)
        async with self._in_time("find"):
            items = await self._items(order)
            return await lending.find(order, [item.barcode for item in items], taken=taken)

    async def status(self, receipt: str) -> Standing:
        """Say how a hold stands, by SIP2."""
        return await self._by_sip2(Verb.STATUS).status(receipt)

    async def cancel(self, receipt: str) -> bool:
        """Let a hold go, by SIP2."""
        return await self._by_sip2(Verb.CANCEL).cancel(receipt)

    async def check_out(self, parcel: Parcel) -> None:
        """Lend a copy to our patron there, by SIP2."""
        await self._by_sip2(Verb.CHECK_OUT).check_out(parcel)

    async def check_in(self, parcel: Parcel) -> None:
        """Take a copy back, by SIP2."""
        await self._by_sip2(Verb.CHECK_IN).check_in(parcel)

    async def harvest(self, *, since: datetime | None = None, cursor: str | None = None) -> AsyncIterator[Page]:
        """Go through what OAI-PMH lists. The cursor is its resumption token."""
        if self._oai is None:
            async for page in super().harvest(since=since, cursor=cursor):
                yield page
            return
        as_of: datetime | None = None
        resumed = cursor is not None
        while True:
            words = self._words
            listed = await self._oai.records(
                prefix=words.oai_prefix, since=since, set_=words.oai_set or None, token=cursor
            )
            # Only the clock of the first page is safe to go on from next time; a resumed harvest did not see it.
            as_of = None if resumed else as_of or listed.as_of
            yield self._page(listed, as_of)
            cursor = listed.token
            if cursor is None:
                return

    async def close(self) -> None:
        """Let go of the connections of every interface."""
        for part in (self._iguana, self._oai, self._vsmart, self._sip2):
            if part is not None:
                await part.close()

    # --- finding -------------------------------------------------------------------------------------

    async def _matching(
        self, index: str, term: str, *, isbn: str | None = None, wanted_ppn: str | None = None
    ) -> list[str]:
        """Return the numbers of what an index has and whose own ISBN or PPN is the one asked for.

        A record that shows neither in brief is looked at in full; one that shows none there either is not taken: an
        index may hold what was typed over, and nothing else says that it is the same title.
        """
        found = await self._iguana.search(index, term)

        def verdict(document: Document) -> bool | None:
            return shows(document, isbn=isbn, wanted_ppn=wanted_ppn, labels=self._words.labels)

        unclear = [document.number for document in found if verdict(document) is None]
        full = {
            document.number: document for document in await self._each(unclear[:MOST_UNCLEAR]) if document is not None
        }
        return [document.number for document in found if verdict(full.get(document.number, document))]

    async def _record(self, number: str) -> Document | None:
        async with self._at_once:
            return await self._iguana.record(number)

    async def _each(self, numbers: Collection[str]) -> list[Document | None]:
        """Look at several records at once; where one look fails, so do all, and none goes on."""
        looks = [asyncio.create_task(self._record(number)) for number in numbers]
        try:
            return await asyncio.gather(*looks)
        finally:
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)

    @asynccontextmanager
    async def _in_time(self, what: str) -> AsyncIterator[None]:
        """Bound a reading verb as a whole: it may be several calls, each with the deadline of one."""
        try:
            async with asyncio.timeout(self._limits.deadline_seconds):
                yield
        except TimeoutError as error:
            raise Unavailable(f"vubis {what}: timeout") from error

    # --- copies --------------------------------------------------------------------------------------

    @property
    def _names_copies(self) -> bool:
        """Whether anything here knows barcodes: Iguana does not."""
        return self._vsmart is not None or (self._oai is not None and bool(self._words.oai_identifier))

    def _by_sip2(self, verb: Verb) -> Sip2Lending:
        if self._lending is None:
            raise NotOffered(f"This installation was given no SIP2 server, so it does not offer {verb}.")
        return self._lending

    async def _items(self, order: Order) -> list[Item]:
        """Return the copies of what is ordered that stand at the supplying location."""
        numbers = await self.resolve(Title(isbn=order.isbn, ppn=order.ppn))
        branches = self._words.branches
        items = [item for number in numbers for item in await self._copies(number)]
        return [item for item in items if branches.location(item.scope) == order.supplying_location]

    async def _copies(self, number: str) -> list[Item]:
        if self._vsmart is not None:
            return await self._vsmart.items(number, self._words.dialect)
        assert self._oai is not None
        database, _, record = number.partition(".")
        identifier = self._words.oai_identifier.replace("{database}", database).replace("{record}", record)
        prefix = MARCXCHANGE if self._words.oai_prefix == DUBLIN_CORE else self._words.oai_prefix
        try:
            found = await self._oai.record(identifier, prefix)
        except NotFound:
            return []
        return [] if found.metadata is None else harvested_items(found.metadata, self._words.dialect)

    # --- harvesting ----------------------------------------------------------------------------------

    def _page(self, listed: OaiPage, as_of: datetime | None) -> Page:
        changes: list[Record | Deleted] = []
        rejects = list(listed.rejects)
        for record in listed.records:
            try:
                changes.append(self._change(record))
            except Malformed as error:
                rejects.append(f"{record.identifier}: {error}")
        return Page(
            changes=tuple(changes),
            cursor=listed.token,
            as_of=as_of,
            whole_size=listed.whole_size,
            rejects=tuple(rejects),
        )

    def _change(self, record: OaiRecord) -> Record | Deleted:
        words = self._words
        number = number_in(record.identifier, words.database)
        if number is None:
            raise Malformed("its identifier does not end in a record's number")
        if record.deleted or record.metadata is None:
            return Deleted(number)
        if words.oai_prefix == DUBLIN_CORE:
            return read_dc_record(record.metadata, number)
        return read_marc_record(
            record.metadata, number, dialect=words.dialect, branches=words.branches, ppn_rule=words.ppn_rule
        )
