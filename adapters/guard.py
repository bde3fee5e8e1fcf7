"""Stands before a system: no more calls than it is good for, and none while its breaker is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from datetime import datetime
from time import monotonic
from typing import TypeVar

from aiolimiter import AsyncLimiter

from adapters.breaker import Breaker
from adapters.contract import (
    AuthExpired,
    Capabilities,
    LibrarySystem,
    Malformed,
    Order,
    OutcomeUnknown,
    Page,
    Parcel,
    Quote,
    RateLimited,
    Snapshot,
    Standing,
    SystemFault,
    Title,
    Unavailable,
    Verb,
)
from adapters.installation import Limits

T = TypeVar("T")

# What tells that a system is not well. A no, or not knowing what was named, is an answer.
ILL = (Unavailable, OutcomeUnknown, AuthExpired, Malformed)


class LeftAlone(Unavailable):
    """It failed a few times in a row and is not asked for a while; its breaker is open."""


class ShutOut(AuthExpired):
    """The same of one that does not let us in: that is for people to mend, and stays so while nobody knocks."""


class Guarded:
    """A system behind its limits: every verb waits for its turn, at most as long as one call may take."""

    def __init__(
        self,
        system: LibrarySystem,
        limits: Limits,
        *,
        breaker: Breaker | None = None,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self.system = system
        self.breaker = breaker or Breaker()
        self._wait_seconds = limits.deadline_seconds
        self._timer = timer
        self._shut_out = False
        self._not_before = 0.0  # as it said itself, when it was asked too often
        self._at_once = asyncio.Semaphore(limits.calls_at_once)
        self._rate = AsyncLimiter(max(1.0, limits.calls_per_second), max(1.0, 1.0 / limits.calls_per_second))

    def capabilities(self) -> Capabilities:
        """Return what the system offers."""
        return self.system.capabilities()

    async def resolve(self, title: Title) -> list[str]:
        """As the system."""
        return await self._turn(lambda: self.system.resolve(title))

    async def availability(self, references: Collection[str]) -> list[Snapshot]:
        """As the system."""
        return await self._turn(lambda: self.system.availability(references))

    async def prepare(self, order: Order, *, taken: Collection[str] = ()) -> Quote:
        """As the system; one that does not have the verb is not called, and that tells nothing of how it is."""
        if Verb.PREPARE not in self.capabilities().verbs:
            return await self.system.prepare(order, taken=taken)
        return await self._turn(lambda: self.system.prepare(order, taken=taken))

    async def place(self, quote: Quote, *, key: str) -> str:
        """As the system."""
        return await self._turn(lambda: self.system.place(quote, key=key))

    async def find(self, order: Order, *, key: str, taken: Collection[str] = ()) -> str | None:
        """As the system."""
        return await self._turn(lambda: self.system.find(order, key=key, taken=taken))

    async def status(self, receipt: str) -> Standing:
        """As the system."""
        return await self._turn(lambda: self.system.status(receipt))

    async def cancel(self, receipt: str) -> bool:
        """As the system."""
        return await self._turn(lambda: self.system.cancel(receipt))

    async def check_out(self, parcel: Parcel) -> None:
        """As the system."""
        await self._turn(lambda: self.system.check_out(parcel))

    async def check_in(self, parcel: Parcel) -> None:
        """As the system."""
        await self._turn(lambda: self.system.check_in(parcel))

    async def accept_item(self, parcel: Parcel) -> str | None:
        """As the system."""
        return await self._turn(lambda: self.system.accept_item(parcel))

    async def harvest(self, *, since: datetime | None = None, cursor: str | None = None) -> AsyncIterator[Page]:
        """As the system; every page waits for its turn."""
        pages = self.system.harvest(since=since, cursor=cursor)
        while True:
            try:
                page = await self._turn(lambda: anext(pages))
            except StopAsyncIteration:
                self.breaker.succeeded()
                return
            yield page

    async def close(self) -> None:
        """Let go of connections."""
        await self.system.close()

    async def _turn(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call when it is its turn. Raises Unavailable where that does not come, and what the call raises."""
        if (wait := self._not_before - self._timer()) > 0:
            raise RateLimited(wait)
        if not self.breaker.admit():
            if self._shut_out:
                raise ShutOut("it has not let us in lately and is left alone")
            raise LeftAlone("it has not answered lately and is left alone")
        await self._wait_for(self._at_once.acquire())
        try:
            await self._wait_for(
                self._rate.acquire()
            )  # where that fails, our own patience says nothing of the system
            answer = await self._made(call)
        finally:
            self._at_once.release()
        self.breaker.succeeded()
        return answer

    async def _made(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call, and note what its failing says of the system."""
        try:
            return await call()
        except RateLimited as limited:
            self._not_before = self._timer() + limited.retry_after_seconds
            self.breaker.succeeded()
            raise
        except SystemFault as fault:
            if isinstance(fault, ILL):
                self._shut_out = isinstance(fault, AuthExpired)
                self.breaker.failed(str(fault))
            else:
                self.breaker.succeeded()
            raise

    async def _wait_for(self, turn: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(self._wait_seconds):
                await turn
        except TimeoutError as error:
            raise Unavailable("too many calls wait for it") from error
