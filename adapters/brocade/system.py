"""The adapter to Brocade: records by OAI-PMH or from catalogue files, how their objects stand and holds by SIP2."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta

from adapters.brocade.catalogue import Catalogue, Files
from adapters.brocade.index import TitleIndex
from adapters.brocade.translate import (
    CatHolding,
    CatObject,
    CatRecord,
    Dialect,
    branch_of,
    has,
    items_at,
    lendable_of,
    loi_in,
    stands_at,
    status_of,
)
from adapters.contract import (
    Capabilities,
    CursorLost,
    ItemStatus,
    Lacking,
    NotFound,
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
from adapters.installation import Entry, Installation, Kind, option
from adapters.protocols.sip2 import Sip2, Sip2Item, Sip2Lending

RECORDS_AT_ONCE = 4
RECORDS_OF_A_TITLE = 10
OBJECTS_ASKED = 40  # of one record; how the others stand is not known
INDEX_OVERLAP = timedelta(days=1)  # its granularity is a day
INDEX_FRESH = timedelta(minutes=15)

_READING = frozenset({Verb.RESOLVE, Verb.AVAILABILITY, Verb.HARVEST})
_LENDING = frozenset(
    {Verb.PREPARE, Verb.PLACE, Verb.FIND, Verb.STATUS, Verb.CANCEL, Verb.CHECK_OUT, Verb.CHECK_IN},
)


class BrocadeSystem(Lacking):
    """One Brocade. Without a SIP2 address it can be read, and nothing can be placed with it."""

    def __init__(self, installation: Installation) -> None:
        self._limits = installation.limits
        self._clock = installation.clock
        self._dialect = Dialect(
            branches=installation.branches,
            reference_classes=frozenset(_listed(option(KIND, installation, "reference_classes"))),
            ppn_type=option(KIND, installation, "ppn_type").lower(),
        )
        self._catalogue = Catalogue.open(
            installation,
            self._dialect,
            set_=option(KIND, installation, "set") or None,
            files=_files(installation),
        )
        self._index = TitleIndex(most=int(option(KIND, installation, "index_records")))
        self._indexing = asyncio.Lock()
        self._sip2 = _sip2(installation)
        self._lending = None if self._sip2 is None else _lending(installation, self._sip2)

    def capabilities(self) -> Capabilities:
        """It finds titles by the numbers that were harvested; its holds know no key."""
        return Capabilities(
            verbs=_READING if self._lending is None else _READING | _LENDING,
            schemes=frozenset({Scheme.LOCAL, Scheme.ISBN, Scheme.PPN}),
            batch=RECORDS_OF_A_TITLE,
            fresh_seconds=60,
            idempotent=False,
        )

    # --- titles and how they stand ---------------------------------------------------------------

    async def resolve(self, title: Title) -> list[str]:
        """Return the c-lois of what is exactly this title.

        Raises Unavailable while it cannot be known: the index of ISBNs and PPNs is still being built, or too small.
        """
        async with self._deadline("resolve"):
            return [record.loi for record in await self._records_of(title)]

    async def availability(self, references: Collection[str]) -> list[Snapshot]:
        """Walk from each record to its holdings and objects, and ask how each object stands."""
        async with self._deadline("availability"):
            records = await self._read(dict.fromkeys(references))
            found = await asyncio.gather(*(self._snapshots(record) for record in records), return_exceptions=True)
        faults = [one for one in found if isinstance(one, BaseException)]
        if faults and len(faults) == len(found):
            raise faults[0]
        return [snapshot for some in found if not isinstance(some, BaseException) for snapshot in some]
