"""The adapter to a fake system: to a desk in this process (`fake:`), or to one that is served over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Literal

from adapters.contract import (
    Answer,
    Capabilities,
    Lacking,
    Malformed,
    NotFound,
    Order,
    Quote,
    Refused,
    Scheme,
    Standing,
    Verb,
)
from adapters.fake.desk import Desk
from adapters.http import Http
from adapters.installation import WEB, Entry, Installation, Kind

HERE = "fake:"

_CAPABILITIES = Capabilities(
    verbs=frozenset({Verb.PLACE, Verb.FIND, Verb.STATUS, Verb.CANCEL}),
    schemes=frozenset({Scheme.ISBN, Scheme.PPN}),
    idempotent=True,
)

_desks: dict[str, Desk] = {}


class FakeSystem(Lacking):
    """Speaks to one desk. Without an HTTP address the desk stands in this process and ends with it."""

    def __init__(self, *, desk: Desk | None = None, http: Http | None = None) -> None:
        self._desk = desk
        self._http = http

    @classmethod
    def open(cls, installation: Installation) -> FakeSystem:
        """Open the one at its address: http(s)://…, or `fake:NAME` for a desk of that name in this process."""
        address = installation.addresses["desk"]
        if address.startswith(HERE):
            return cls(desk=_desks.setdefault(address, Desk()))
        return cls(http=Http(address, system=installation.system, limits=installation.limits))

    @staticmethod
    def put(name: str, desk: Desk) -> str:
        """Put a desk into this process, and return the address that leads to it."""
        _desks[HERE + name] = desk
        return HERE + name

    def capabilities(self) -> Capabilities:
        """It takes and answers orders; it has no catalogue."""
        return _CAPABILITIES

    async def place(self, quote: Quote, *, key: str) -> str:
        """Place an order."""
        order = quote.order
        if self._desk is not None:
            await asyncio.sleep(0)
            return self._desk.place(order, key)
        body = {
            "loan_request": order.loan_request,
            "reference": order.reference,
            "isbn": order.isbn,
            "ppn": order.ppn,
            "supplying_location": order.supplying_location,
            "pickup_location": order.pickup_location,
        }
        answer = await self._ask("PUT", f"/orders/{key}", what="place", json=body, writes=True)
        if "refused" in answer:
            raise Refused(str(answer["refused"]))
        return str(answer["receipt"])

    async def find(self, order: Order, *, key: str, taken: Collection[str] = ()) -> str | None:
        """Return the receipt of the order under `key`."""
        if self._desk is not None:
            return self._desk.find(key)
        try:
            return str((await self._ask("GET", f"/orders/{key}", what="find"))["receipt"])
        except NotFound:
            return None

    async def status(self, receipt: str) -> Standing:
        """Return how an order stands."""
        if self._desk is not None:
            return self._desk.status(receipt)
        answer = await self._ask("GET", f"/receipts/{receipt}", what="status")
        return Standing(Answer(answer["answer"]), answer.get("reason"))

    async def cancel(self, receipt: str) -> bool:
        """Take an order back where that is still possible."""
        if self._desk is not None:
            return self._desk.cancel(receipt)
        return bool((await self._ask("DELETE", f"/receipts/{receipt}", what="cancel", writes=True))["cancelled"])

    async def close(self) -> None:
        """Close the connections; a desk in this process stays."""
        if self._http is not None:
            await self._http.close()

    async def _ask(
        self,
        method: Literal["GET", "PUT", "DELETE"],
        path: str,
        *,
        what: str,
        json: Any = None,
        writes: bool = False,
    ) -> dict[str, Any]:
        assert self._http is not None
        document = (await self._http.ask(method, path, what=what, json=json, writes=writes)).json()
        if not isinstance(document, dict):
            raise Malformed(f"{what}: no object")
        return document


KIND = Kind(
    name="fake",
    open=FakeSystem.open,
    addresses={
        "desk": Entry(
            "Where the desk is: http(s)://…, or fake:NAME for one in this process.",
            default=None,
            schemes=WEB | {"fake"},
            base=True,
        )
    },
)
