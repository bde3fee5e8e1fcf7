"""The application with its worker under the test's own clock: nothing happens until the test lets it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from app.lending.clock import SetClock
from app.lending.ground import Ground
from app.lending.work import work_off
from app.planning.loads import Loads
from app.settings import Settings
from tests.support.filled import EVERYWHERE, client_of, running

MONDAY = datetime.fromisoformat("2026-11-23T08:00:00+01:00")


@dataclass(slots=True)
class House:
    """An application, a client of it, the ground its tasks are carried out on, and the clock of both."""

    app: FastAPI
    client: httpx.AsyncClient
    ground: Ground
    clock: SetClock
    numbers: list[int] = field(default_factory=lambda: [0])

    async def work(self) -> int:
        """Carry out everything that is due."""
        return await work_off(self.ground)

    async def later(self, **duration: float) -> None:
        """Let time go by, and carry out what has become due."""
        self.clock.set(self.clock.now() + timedelta(**duration))
        await self.work()

    async def ask(self, *, key: str | None = None, **changes: Any) -> httpx.Response:
        """Submit a loan request of Library One for the title that is everywhere."""
        self.numbers[0] += 1
        body = {
            "title": {"isbn": EVERYWHERE},
            "pickup_location": "desk",
            "requesting_agency": "NL-1",
            "requesting_agency_request_id": f"nr-{self.numbers[0]}",
            "patron_reference": "reader-x",
            **changes,
        }
        headers = {} if key is None else {"idempotency-key": key}
        return await self.client.post("/v1/loan-requests", json=body, headers=headers)

    async def asked(self, **changes: Any) -> str:
        """Submit one, have it placed, and return its id."""
        answer = await self.ask(**changes)
        assert answer.status_code == 201, answer.text
        await self.work()
        found: str = answer.json()["id"]
        return found

    async def act(self, loan: str, action: str, *, key: str | None = None, **details: Any) -> httpx.Response:
        """Send an action."""
        headers = {} if key is None else {"idempotency-key": key}
        body = {"action": action, **details}
        return await self.client.post(f"/v1/loan-requests/{loan}/actions", json=body, headers=headers)

    async def acted(self, loan: str, action: str, *, key: str | None = None, **details: Any) -> dict[str, Any]:
        """Send an action that is allowed, have its consequences carried out, and return where it stands."""
        answer = await self.act(loan, action, key=key, **details)
        assert answer.status_code == 200, answer.text
        await self.work()
        return await self.look(loan)

    async def look(self, loan: str) -> dict[str, Any]:
        """Return a loan request as the API shows it."""
        answer = await self.client.get(f"/v1/loan-requests/{loan}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def history(self, loan: str) -> list[str]:
        """Return the names of its events, in order, each with the status after it."""
        return [f"{event['event']}: {event['status']}" for event in await self.events(loan)]

    async def events(self, loan: str) -> list[dict[str, Any]]:
        """Return its events."""
        answer = await self.client.get(f"/v1/loan-requests/{loan}/events", params={"limit": 1000})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


@asynccontextmanager
async def open_house(settings: Settings, *, at: datetime = MONDAY) -> AsyncIterator[House]:
    """Open the application on a filled database, with its clock at `at`."""
    async with running(settings) as app:
        clock = SetClock(at)
        held = app.state.resources
        held.snapshot.burdens.clock = clock
        ground = replace(held.ground, clock=clock)
        app.state.resources = replace(held, clock=clock, ground=ground, loads=Loads(kept_seconds=0))
        async with client_of(app) as client:
            yield House(app, client, ground, clock)
