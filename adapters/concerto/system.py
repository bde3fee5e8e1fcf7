"""Speaks to a Concerto-style system: SRU for what it has and how that stands, SIP2 for everything that moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import datetime

from adapters.concerto.catalogue import Catalogue, Catalogued, Cursor, read_cursor
from adapters.concerto.options import KIND_OPTIONS, pairs_of
from adapters.concerto.translate import loanable_items, record_of, snapshots_of
from adapters.contract import (
    Capabilities,
    Deleted,
    Lacking,
    NotFound,
    NotOffered,
    Order,
    Page,
    Parcel,
    Quote,
    Record,
    Snapshot,
    Standing,
    Title,
    Unavailable,
    Verb,
)
from adapters.installation import SIP2, Entry, Installation, Kind, option
from adapters.protocols.sip2 import Sip2, Sip2Lending
from adapters.protocols.sru import Sru, Version

_READING = frozenset({Verb.RESOLVE, Verb.AVAILABILITY, Verb.HARVEST})
_PLACING = frozenset({Verb.PREPARE, Verb.PLACE, Verb.FIND, Verb.STATUS, Verb.CANCEL, Verb.CHECK_OUT, Verb.CHECK_IN})


class ConcertoSystem(Lacking):
    """One installation. Without an address for SIP2, or barcodes in its holdings, nothing can be placed there."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._deadline_seconds = installation.limits.deadline_seconds
        self._batch = int(self._option("batch"))
        self._catalogue = Catalogue(self._open_sru(), self._option)
        self._sip2 = self._open_sip2()
        self._lending: Sip2Lending | None = None
        if self._sip2 is not None and self._catalogue.names_items:
            self._lending = Sip2Lending(
                self._sip2,
                patron=installation.secrets.get("patron", ""),
                pin=installation.secrets.get("pin", ""),
                pickups=pairs_of(self._option("pickups")),
            )

    @classmethod
    def open(cls, installation: Installation) -> ConcertoSystem:
        """Open an installation; nothing is asked yet."""
        return cls(installation)

    def capabilities(self) -> Capabilities:
        """Titles and availability always, placing where it can be reached by SIP2; it keeps no keys."""
        return Capabilities(
            verbs=_READING | _PLACING if self._lending is not None else _READING,
            schemes=self._catalogue.schemes,
            batch=self._batch,
        )

    async def resolve(self, title: Title) -> list[str]:
        """Return the numbers of the records of exactly this title. Raises NotOffered where it has no such index."""
        async with self._deadline("resolve"):
            return [marc.number for marc, _ in await self._catalogue.exactly(title, what="resolve")]

    async def availability(self, references: Collection[str]) -> list[Snapshot]:
        """Return how the copies of these records stand."""
        wanted, found = list(dict.fromkeys(references)), list[Catalogued]()
        async with self._deadline("availability"):
            for place in range(0, len(wanted), self._batch):
                found += await self._catalogue.numbered(wanted[place : place + self._batch], what="availability")
        return self._snapshots(found)

    def _snapshots(self, entries: Iterable[Catalogued]) -> list[Snapshot]:
        now, branches = self._installation.clock(), self._installation.branches
        return [
            snapshot
            for marc, copies in entries
            for snapshot in snapshots_of(marc.number, copies, branches=branches, observed_at=now)
        ]

    # --- placing ---------------------------------------------------------------------------------

    async def prepare(self, order: Order, *, taken: Collection[str] = ()) -> Quote:
        """Look for the title at the supplying location, and ask the desk after its copies there."""
        lending = self._needed(Verb.PREPARE)
        async with self._deadline("prepare"):
            records = await self._there(order, what="prepare")
            if not records:
                raise NotFound("prepare: no copy of it there")
            if len({marc.volume for marc, _ in records}) > 1:
                return Quote(order=order, possible=False, reason="Other", detail="Several volumes share this ISBN.")
            items = loanable_items(self._snapshots(records))
            if not items:
                return Quote(order=order, possible=False, lendable=False, reason="NonCirculating")
            return await lending.prepare(order, items, taken=taken)

    async def place(self, quote: Quote, *, key: str) -> str:
        """Hold the copy that was quoted."""
        return await self._needed(Verb.PLACE).place(quote, key=key)

    async def find(self, order: Order, *, key: str, taken: Collection[str] = ()) -> str | None:
        """Look through what is held for us; the key is known to nobody there."""
        lending = self._needed(Verb.FIND)
        async with self._deadline("find"):
            items = loanable_items(self._snapshots(await self._there(order, what="find")))
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

    async def _there(self, order: Order, *, what: str) -> list[Catalogued]:
        """What is ordered, with those of its copies that stand at the supplying location."""
        branches = self._installation.branches
        found = [
            (marc, [one for one in copies if branches.get(one.branch) == order.supplying_location])
            for marc, copies in await self._catalogue.exactly(Title(isbn=order.isbn, ppn=order.ppn), what=what)
        ]
        return [(marc, copies) for marc, copies in found if copies]

    # --- harvesting ------------------------------------------------------------------------------

    async def harvest(self, *, since: datetime | None = None, cursor: str | None = None) -> AsyncIterator[Page]:
        """Sweep through all records, or those that changed. A cursor remembers what its sweep was of."""
        at: Cursor | None = read_cursor(cursor) if cursor else self._catalogue.begin(since)
        while at is not None:
            async with self._deadline("harvest"):
                swept = await self._catalogue.sweep(at, now=self._installation.clock())
            at = swept.following
            changes: list[Record | Deleted] = [self._change(entry) for entry in swept.entries]
            yield Page(
                changes=tuple(changes),
                cursor=None if at is None else at.text(),
                as_of=swept.as_of,
                whole_size=swept.total,
                rejects=swept.rejects,
            )

    def _change(self, entry: Catalogued) -> Record | Deleted:
        marc, copies = entry
        return Deleted(marc.number) if marc.deleted else record_of(marc, copies, branches=self._installation.branches)

    # --- the connections -------------------------------------------------------------------------

    def _open_sru(self) -> Sru:
        secrets = self._installation.secrets
        return Sru(
            self._installation.addresses["sru"],
            system=self._installation.system,
            limits=self._installation.limits,
            version=Version(self._option("sru_version")),
            user=secrets.get("sru_user", ""),
            password=secrets.get("sru_password", ""),
        )

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

    async def close(self) -> None:
        """Close all connections."""
        try:
            await self._catalogue.close()
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
        "sru": Entry("The SRU database.", default=None),
        "sip2": Entry("The SIP2 server; without it nothing is placed.", schemes=SIP2),
    },
    secrets={
        "sru_user": Entry("A name, where the SRU server asks for one."),
        "sru_password": Entry("Its password."),
        "sip2_user": Entry("The terminal's name, where it has to log in."),
        "sip2_password": Entry("Its password."),
        "sip2_terminal_password": Entry("What goes into every message as AC."),
        "patron": Entry("The patron number that stands for us there."),
        "pin": Entry("Its PIN."),
    },
    options=KIND_OPTIONS,
)
