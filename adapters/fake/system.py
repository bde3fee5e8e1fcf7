"""The adapter to a fake system: to a desk in this process (`fake:`), or to one that is served over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Literal, TypeVar

from adapters.contract import (
    Answer,
    Capabilities,
    Lacking,
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

T = TypeVar("T")

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
        return await self._ask("PUT", f"/orders/{key}", _placed, what="place", json=body, writes=True)

    async def find(self, order: Order, *, key: str, taken: Collection[str] = ()) -> str | None:
        """Return the receipt of the order under `key`."""
        if self._desk is not None:
            return self._desk.find(key)
        try:
            return await self._ask("GET", f"/orders/{key}", _placed, what="find")
        except NotFound:
            return None

    async def status(self, receipt: str) -> Standing:
        """Return how an order stands."""
        if self._desk is not None:
            return self._desk.status(receipt)
        return await self._ask("GET", f"/receipts/{receipt}", _standing, what="status")

    async def cancel(self, receipt: str) -> bool:
        """Take an order back where that is still possible."""
        if self._desk is not None:
            return self._desk.cancel(receipt)
        return await self._ask("DELETE", f"/receipts/{receipt}", _is_cancelled, what="cancel", writes=True)

    async def close(self) -> None:
        """Close the connections; a desk in this process stays."""
        if self._http is not None:
            await self._http.close()

    async def _ask(
        self,
        method: Literal["GET", "PUT", "DELETE"],
        path: str,
        reads: Callable[[Any], T],
        *,
        what: str,
        json: Any = None,
        writes: bool = False,
    ) -> T:
        assert self._http is not None
        reply = await self._http.ask(method, path, what=what, json=json, writes=writes)
        document = reply.json()
        try:
            return reads(document)
        except (LookupError, TypeError, ValueError):
            raise reply.unread(f"{what}: the answer is not of the form that was agreed on") from None


def _placed(document: Any) -> str:
    if "refused" in document:
        raise Refused(_text(document["refused"]))
    return _text(document["receipt"])


def _standing(document: Any) -> Standing:
    reason = document.get("reason") if isinstance(document, dict) else None
    return Standing(Answer(document["answer"]), None if reason is None else _text(reason))


def _is_cancelled(document: Any) -> bool:
    if not isinstance(cancelled := document["cancelled"], bool):
        raise TypeError
    return cancelled


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise TypeError
    return given


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
