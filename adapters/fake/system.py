"""The adapter to a fake system: to a desk in this process (`fake:`), or to one that is served over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from adapters.contract import Answer, Malformed, NotFound, Order, OutcomeUnknown, Refused, Standing, Unavailable
from adapters.fake.desk import Desk

DEADLINE_SECONDS = 5.0
HERE = "fake:"

_desks: dict[str, Desk] = {}


class FakeSystem:
    """Speaks to one desk. Without an HTTP address the desk stands in this process and ends with it."""

    def __init__(self, *, desk: Desk | None = None, client: httpx.AsyncClient | None = None) -> None:
        self._desk = desk
        self._client = client

    @classmethod
    def at(cls, address: str) -> FakeSystem:
        """Open the one at `address`: http(s)://…, or `fake:NAME` for a desk of that name in this process."""
        if address.startswith(HERE):
            return cls(desk=_desks.setdefault(address, Desk()))
        return cls(client=httpx.AsyncClient(base_url=address, timeout=DEADLINE_SECONDS, trust_env=False))

    @staticmethod
    def put(name: str, desk: Desk) -> str:
        """Put a desk into this process, and return the address that leads to it."""
        _desks[HERE + name] = desk
        return HERE + name

    async def place(self, order: Order, *, key: str) -> str:
        """Place an order."""
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
        answer = await self._ask("PUT", f"/orders/{key}", json=body, writes=True)
        return str(answer["receipt"])

    async def find(self, key: str) -> str | None:
        """Return the receipt of the order under `key`."""
        if self._desk is not None:
            return self._desk.find(key)
        try:
            return str((await self._ask("GET", f"/orders/{key}"))["receipt"])
        except NotFound:
            return None

    async def status(self, receipt: str) -> Standing:
        """Return how an order stands."""
        if self._desk is not None:
            return self._desk.status(receipt)
        answer = await self._ask("GET", f"/receipts/{receipt}")
        return Standing(Answer(answer["answer"]), answer.get("reason"))

    async def cancel(self, receipt: str) -> bool:
        """Take an order back where that is still possible."""
        if self._desk is not None:
            return self._desk.cancel(receipt)
        return bool((await self._ask("DELETE", f"/receipts/{receipt}", writes=True))["cancelled"])

    async def _ask(self, method: str, path: str, *, json: Any = None, writes: bool = False) -> dict[str, Any]:
        assert self._client is not None
        try:
            answer = await self._client.request(method, path, json=json)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unavailable(f"{type(error).__name__}") from error  # it never left this machine
        except httpx.HTTPError as error:
            raise (OutcomeUnknown if writes else Unavailable)(type(error).__name__) from error
        if answer.status_code == 404:
            raise NotFound(path)
        if answer.status_code == 409:
            raise Refused(str(answer.json().get("reason", "Other")))
        if answer.status_code >= 500:
            raise (OutcomeUnknown if writes else Unavailable)(f"status {answer.status_code}")
        try:
            document = answer.json()
        except ValueError as error:
            raise Malformed(path) from error
        if not isinstance(document, dict):
            raise Malformed(path)
        return document
