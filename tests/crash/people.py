"""Those who ask: each library submits its loan requests, repeats itself until it is answered, and does its part."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from tests.crash.world import World

MOST_OPEN = 12  # loan requests that a library has under way at the same time
PAUSE_SECONDS = 0.3
CANCELS = 0.07
ASKS_AGAIN = 0.1
# What a requester does next with a loan request that is out, by where its own side stands.
NEXT = {"waiting": "Received", "received": "ShippedReturn", "returned": "LoanCompleted"}


@dataclass(slots=True)
class Heard:
    """What all of them were told: ids that were answered 201, and what nobody should ever be told."""

    accepted: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Library:
    """One requesting agency with a client of its own; it goes to another server when one does not answer."""

    agency: str
    world: World
    servers: Sequence[str]
    key: str
    count: int
    chance: Random
    heard: Heard
    open_now: int = 0
    ended: bool = False

    async def live(self) -> None:
        """Submit everything, act on everything, and return when all of it has ended."""
        headers = {"Authorization": f"Bearer {self.key}"}
        limits = httpx.Limits(max_keepalive_connections=4)
        async with httpx.AsyncClient(headers=headers, timeout=15.0, trust_env=False, limits=limits) as client:
            await asyncio.gather(self._submit_all(client), self._act_on_all(client))

    async def _submit_all(self, client: httpx.AsyncClient) -> None:
        wanted = self.world.wanted_by(self.world.agencies[self.agency])
        for number in range(self.count):
            while self.open_now >= MOST_OPEN:  # noqa: ASYNC110 - counted from what a server tells
                await asyncio.sleep(PAUSE_SECONDS)
            self.open_now += 1
            first = await self._submit(client, number, self.chance.choice(wanted))
            if self.chance.random() < ASKS_AGAIN and await self._submit(client, number, None) != first:
                self.heard.surprises.append(f"{self.agency} {number}: another answer to the same key")
            if self.chance.random() < CANCELS:
                await asyncio.sleep(self.chance.random())  # so that some are placed by then, and some being placed
                await self._persist(client, "POST", f"/v1/loan-requests/{first[0]}/actions", {"action": "Cancel"})
        self.ended = True

    async def _submit(self, client: httpx.AsyncClient, number: int, isbn: str | None) -> tuple[str, bytes]:
        """Submit one until it is accepted; without `isbn` the last one again."""
        if isbn is not None:
            self._last = {
                "title": {"isbn": isbn},
                "pickup_location": self.world.agencies[self.agency],
                "requesting_agency": self.agency,
                "requesting_agency_request_id": f"{self.agency}/{number}",
                "patron_reference": "somebody",
            }
        headers = {"Idempotency-Key": f"key-{number}"}
        answer = await self._persist(client, "POST", "/v1/loan-requests", self._last, headers=headers)
        if answer.status_code != 201:
            raise AssertionError(f"{self.agency} {number}: {answer.status_code} {answer.text}")
        loan = str(answer.json()["id"])
        if isbn is not None:
            self.heard.accepted.append(loan)
        return loan, answer.content

    _last: dict[str, Any] = field(default_factory=dict)

    async def _act_on_all(self, client: httpx.AsyncClient) -> None:
        query = f"/v1/loan-requests?requesting_agency={self.agency}&state=open&limit=1000"
        while True:
            had_submitted_all = self.ended
            answer = await self._persist(client, "GET", query)
            loans = answer.json()["items"]
            for loan in loans:
                action = NEXT.get(loan["requesting"])
                if loan["status"] in ("Loaned", "Overdue") and action is not None:
                    await self._persist(client, "POST", f"/v1/loan-requests/{loan['id']}/actions", {"action": action})
            self.open_now = len(loans)
            if had_submitted_all and not loans:
                return
            await asyncio.sleep(PAUSE_SECONDS)

    async def _persist(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send until somebody answers; 503 says that it may be sent again, and 500 should never be said."""
        while True:
            server = self.chance.choice(self.servers)
            try:
                answer = await client.request(method, server + path, json=body, headers=headers)
            except httpx.HTTPError as error:
                self.heard.statuses[type(error).__name__] += 1
            else:
                self.heard.statuses[str(answer.status_code)] += 1
                if answer.status_code < 500:
                    return answer
                if answer.status_code != 503:
                    self.heard.surprises.append(f"{method} {path}: {answer.status_code}")
            await asyncio.sleep(PAUSE_SECONDS * self.chance.random())
