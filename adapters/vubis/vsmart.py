"""Speaks to the HTTP API of V-smart (`VubisSmartHttpApi.csp`), which answers a record together with its copies.

It has functions that reserve as well (S: `ReservationTitle`, `ReservationCancel`). They are not used: the first
takes a title and no copy, so that any branch might answer and not the one that was asked, and it asks no PIN.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from adapters.http import Http
from adapters.installation import Limits
from adapters.vubis.copies import Dialect, Item, read_items


class VSmart:
    """The HTTP API of V-smart, which answers a record with its copies. It asks no session and no secret (S)."""

    def __init__(self, address: str, *, system: str, limits: Limits) -> None:
        base, _, self._page = address.rpartition("/")
        if not urlsplit(base).netloc:
            base, self._page = address, ""
        self._http = Http(base, system=system, limits=limits)

    async def items(self, number: str, dialect: Dialect) -> list[Item]:
        """Return the copies of a record by its number ("2.3066")."""
        database, _, record = number.partition(".")
        reply = await self._http.ask(
            "GET",
            self._page,
            what="v-smart record",
            params={
                "fu": "BibSearch",
                "Application": "Bib",
                "Database": database,
                "RequestType": "RecordNumber",
                "Request": record,
            },
        )
        return read_items(reply.body, dialect)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
