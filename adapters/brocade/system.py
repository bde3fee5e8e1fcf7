"""The adapter to Brocade: records by OAI-PMH or from catalogue files; how objects stand, and holds, by SIP2."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from adapters.brocade.catalogue import OaiCatalogue, Source
from adapters.brocade.finder import Finder
from adapters.brocade.ill import LoanRequests
from adapters.brocade.translate import (
    CatHolding,
    CatObject,
    CatRecord,
    Dialect,
    branch_of,
    has,
    is_lent_at,
    items_at,
    lendable_of,
    objects_at,
    stands_at,
    status_of,
)
from adapters.contract import (
    Capabilities,
    ItemStatus,
    Lacking,
    NotFound,
    NotOffered,
    Order,
    Page,
    Parcel,
    Quote,
    Scheme,
    Snapshot,
    Standing,
    SystemFault,
    Title,
    Unavailable,
    Verb,
)
from adapters.installation import Clock, Limits
from adapters.protocols.sip2 import Sip2, Sip2Item, Sip2Lending

Value = TypeVar("Value")

BATCH = 10
RECORDS_OF_A_TITLE = 20  # as many as bear one number by mistake are not looked through
OBJECTS_ASKED = 40  # of one record; how the others stand is not known

READING = frozenset({Verb.RESOLVE, Verb.AVAILABILITY, Verb.HARVEST})
LENDING = frozenset(
    {Verb.PREPARE, Verb.PLACE, Verb.FIND, Verb.STATUS, Verb.CANCEL, Verb.CHECK_OUT, Verb.CHECK_IN},
)
REQUESTING = frozenset({Verb.PREPARE, Verb.PLACE})


class BrocadeSystem(Lacking):
    """One Brocade. Without SIP2 how objects stand is not known.

    It is placed with by SIP2 (`lending`) or by loan requests in ISO 18626 (`requests`); without either, only read.
    """

    def __init__(
        self,
        *,
        catalogue: OaiCatalogue,
        source: Source,
        finder: Finder,
        dialect: Dialect,
        limits: Limits,
        clock: Clock,
        sip2: Sip2 | None = None,
        lending: Sip2Lending | None = None,
        requests: LoanRequests | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._source = source
        self._finder = finder
        self._dialect = dialect
        self._clock = clock
        self._limits = limits
        self._sip2 = sip2
        self._lending = lending
        self._requests = requests
        self._at_once = asyncio.Semaphore(max(1, limits.calls_at_once))

    def capabilities(self) -> Capabilities:
        """It finds titles by the numbers that were harvested; its holds know no key."""
        placing = REQUESTING if self._requests else LENDING if self._lending else frozenset[Verb]()
        return Capabilities(
            verbs=READING | placing,
            schemes=frozenset({Scheme.LOCAL, Scheme.ISBN, Scheme.PPN}),
            batch=BATCH,
            idempotent=False,
        )

    # --- titles and how they stand ---------------------------------------------------------------

    async def resolve(self, title: Title) -> list[str]:
        """Return the c-lois of what is exactly this title.

        Raises Unavailable as long as it cannot be said: the index of numbers is still being built, or too small.
        """
        async with self._deadline("resolve"):
            return [record.loi for record in await self._records_of(title)]

    async def availability(self, references: Collection[str]) -> list[Snapshot]:
        """Walk from each record to its holdings and objects, and ask of each object how it stands.

        What SIP2 does not know of an object, or does not answer, is UNKNOWN; where it answers nothing at all, its
        fault is raised.
        """
        async with self._deadline("availability"):
            records = await self._read(dict.fromkeys(references))
            standings = await self._standings([code for record in records for code in _barcodes(record)])
        faults = [one for one in standings.values() if isinstance(one, SystemFault)]
        if faults and len(faults) == len(standings):
            raise faults[0]
        return [snapshot for record in records for snapshot in self._snapshots(record, standings)]

    async def _records_of(self, title: Title, *, every: bool = False) -> list[CatRecord]:
        """Read the records of exactly this title, each of them anew: an index may be behind.

        Of those that are known by now, or of `every` one that there is.
        """
        if title.local:
            return await self._read([title.local])
        numbers = await self._finder.find(isbn=title.isbn, ppn=title.ppn, every=every)
        records = await self._read(numbers[:RECORDS_OF_A_TITLE])
        return [record for record in records if has(record, isbn=title.isbn, ppn=title.ppn)]

    async def _read(self, numbers: Iterable[str]) -> list[CatRecord]:
        """Read records, without those that are not there."""

        async def read(number: str) -> CatRecord | None:
            async with self._at_once:
                try:
                    return await self._catalogue.record(number)
                except NotFound:
                    return None

        return [record for record in await _all(read(number) for number in numbers) if record is not None]

    async def _standings(self, barcodes: Collection[str]) -> dict[str, Sip2Item | SystemFault | None]:
        """Ask how objects stand; None for one that SIP2 does not know."""
        sip2 = self._sip2
        if sip2 is None:
            return {}

        async def ask(barcode: str) -> Sip2Item | SystemFault | None:
            async with self._at_once:
                try:
                    return await sip2.item(barcode)
                except NotFound:
                    return None
                except SystemFault as fault:
                    return fault

        codes = list(dict.fromkeys(barcodes))
        return dict(zip(codes, await _all(ask(code) for code in codes), strict=True))

    def _snapshots(
        self, record: CatRecord, standings: dict[str, Sip2Item | SystemFault | None]
    ) -> Iterable[Snapshot]:
        now = self._clock()
        for holding in record.holdings:
            if not holding.objects:
                yield self._snapshot(record, holding, now, lendable=holding.lendable)
            for item in holding.objects:
                told = standings.get(item.barcode or "")
                yield self._snapshot(
                    record,
                    holding,
                    now,
                    item=item,
                    told=told if isinstance(told, Sip2Item) else None,
                    lendable=lendable_of(holding, item, self._dialect),
                )

    def _snapshot(
        self,
        record: CatRecord,
        holding: CatHolding,
        now: datetime,
        *,
        item: CatObject | None = None,
        told: Sip2Item | None = None,
        lendable: bool | None,
    ) -> Snapshot:
        branch = branch_of(holding, self._dialect)
        return Snapshot(
            reference=record.loi,
            branch=branch,
            location=self._dialect.branches.get(branch),
            status=ItemStatus.UNKNOWN if told is None else status_of(told.status, lendable=lendable),
            observed_at=now,
            count=None if item is None else 1,
            item=None if item is None else item.barcode,
            due=None if told is None else told.due,
            queue=None if told is None else told.queue,
            lendable=lendable,
        )

    # --- placing ---------------------------------------------------------------------------------

    async def prepare(self, order: Order, *, taken: Collection[str] = ()) -> Quote:
        """Find the objects of the title at the supplying location; ask SIP2 after them, where that places."""
        if self._requests is None:
            self._offered(Verb.PREPARE)
        async with self._deadline("prepare"):
            records = await self._here(order)
            if not records:
                raise NotFound("prepare: that location has no such title")
            if self._requests is not None:
                return self._requested(order, records)
            barcodes = self._items(records, order)
            if barcodes:
                return await self._offered(Verb.PREPARE).prepare(order, barcodes, taken=taken)
        if any(objects_at(record, order.supplying_location, self._dialect) for record in records):
            return Quote(order=order, possible=False, lendable=False, reason="NonCirculating")
        return Quote(
            order=order, possible=False, reason="Other", detail="It has no object there that could be named."
        )

    def _requested(self, order: Order, records: Sequence[CatRecord]) -> Quote:
        """Quote a loan request: its token is the record that is asked for."""
        for record in records:
            if is_lent_at(record, order.supplying_location, self._dialect):
                return Quote(order=order, possible=True, token=record.loi)
        return Quote(order=order, possible=False, lendable=False, reason="NonCirculating")

    async def place(self, quote: Quote, *, key: str) -> str:
        """Hold the object that was quoted, whose barcode is the receipt; or send a loan request, under its key."""
        if self._requests is not None:
            return await self._requests.place(quote, key=key)
        return await self._offered(Verb.PLACE).place(quote, key=key)

    async def find(self, order: Order, *, key: str, taken: Collection[str] = ()) -> str | None:
        """Return which object of the title at the supplying location is held for us, and for no other order."""
        lending = self._offered(Verb.FIND)
        async with self._deadline("find"):
            return await lending.find(order, self._items(await self._here(order), order), taken=taken)

    async def status(self, receipt: str) -> Standing:
        """Return how a hold stands."""
        lending = self._offered(Verb.STATUS)
        return await lending.status(receipt)

    async def cancel(self, receipt: str) -> bool:
        """Take a hold back."""
        lending = self._offered(Verb.CANCEL)
        return await lending.cancel(receipt)

    async def check_out(self, parcel: Parcel) -> None:
        """Book an object out to us."""
        lending = self._offered(Verb.CHECK_OUT)
        await lending.check_out(parcel)

    async def check_in(self, parcel: Parcel) -> None:
        """Book an object in."""
        lending = self._offered(Verb.CHECK_IN)
        await lending.check_in(parcel)

    def _offered(self, verb: Verb) -> Sip2Lending:
        if self._lending is None or self._requests is not None:
            raise NotOffered(f"This installation is not placed with by SIP2, and does not offer {verb}.")
        return self._lending

    async def _here(self, order: Order) -> list[CatRecord]:
        """Read the records of what is ordered that the supplying location has; none is said only of all there are."""
        for every in (False, True):
            records = await self._records_of(Title(isbn=order.isbn, ppn=order.ppn), every=every)
            here = [record for record in records if stands_at(record, order.supplying_location, self._dialect)]
            if here:
                return here
        return []

    def _items(self, records: Sequence[CatRecord], order: Order) -> list[str]:
        location = order.supplying_location
        return [barcode for record in records for barcode in items_at(record, location, self._dialect)]

    # --- harvesting ------------------------------------------------------------------------------

    async def harvest(self, *, since: datetime | None = None, cursor: str | None = None) -> AsyncIterator[Page]:
        """Go through what changed. By OAI-PMH, ask `since` with an overlap of a day: that is all its clock knows."""
        while True:
            page = await self._source.page(since=since, cursor=cursor)
            self._finder.learn(page.changes)
            yield page
            cursor = page.cursor
            if cursor is None:
                return

    async def close(self) -> None:
        """Close the connections."""
        await self._catalogue.close()
        if self._source is not self._catalogue:
            await self._source.close()
        if self._sip2 is not None:
            await self._sip2.close()
        if self._requests is not None:
            await self._requests.close()

    @asynccontextmanager
    async def _deadline(self, what: str) -> AsyncIterator[None]:
        """Have a call that only reads end in time, however many questions it asks."""
        try:
            async with asyncio.timeout(self._limits.deadline_seconds):
                yield
        except TimeoutError as error:
            raise Unavailable(f"{what}: no answer in time") from error


def _barcodes(record: CatRecord) -> list[str]:
    found = [item.barcode for holding in record.holdings for item in holding.objects if item.barcode]
    return found[:OBJECTS_ASKED]


async def _all(calls: Iterable[Coroutine[Any, Any, Value]]) -> list[Value]:
    """Await all of them, or the first fault; then none of the others goes on."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
