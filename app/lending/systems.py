"""Opens the library systems that placements go to and questions are put to, each once a process."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import structlog

from adapters import SYSTEMS
from adapters.breaker import Breaker, BreakerState
from adapters.contract import LibrarySystem
from adapters.guard import Guarded
from adapters.installation import Installation, Limits
from app.database import Connection, Database
from app.lending.vault import Vault, VaultClosed
from app.store.systems import System, find_system, forget_breakers, note_breaker, read_sealed

log = structlog.get_logger()

PROCESS = f"{socket.gethostname()}:{os.getpid()}"
# One that was replaced is closed when the calls it was in the middle of have ended.
CLOSE_AFTER_SECONDS = 60.0
NOTING = "note a breaker"


@dataclass(frozen=True, slots=True)
class Opened:
    """A system that is open, the version of what it was opened with, and whether it answers questions in time."""

    version: int
    system: LibrarySystem
    promptness: Breaker


@dataclass(slots=True)
class Systems:
    """Installations by id. What has no address or no adapter answers by hand."""

    vault: Vault = field(default_factory=Vault)
    database: Database | None = None  # where breakers are written down
    opened: dict[str, Opened] = field(default_factory=dict)
    _closing: list[LibrarySystem] = field(default_factory=list)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _wanted: dict[str, System] = field(default_factory=dict)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _noting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def find(self, connection: Connection, system: str | None) -> LibrarySystem | None:
        """Return what speaks to a system; None where people answer for it. Raises VaultClosed."""
        known = None if system is None else await find_system(connection, system)
        if known is None or not known.addresses or known.kind not in SYSTEMS:
            return None
        return (await self.open(connection, known)).system

    async def open(self, connection: Connection, known: System) -> Opened:
        """Return a system that is called, opened with what it is reached by now. Raises VaultClosed."""
        held = self.find_open(known)
        if held is not None:
            return held
        installation = await self.installation(connection, known)
        held = self.find_open(known)  # somebody else may have been as quick
        if held is not None:
            return held
        return self.put(known.id, SYSTEMS[known.kind].open(installation), limits=installation.limits, of=known)

    def find_open(self, known: System) -> Opened | None:
        """Return a system that is open with what it is reached by now."""
        held = self.opened.get(known.id)
        return held if held is not None and held.version == known.version else None

    async def open_together(self, database: Database, known: System) -> Opened:
        """As `open`, for many at once: whoever is first opens all of them, by one look into the database at most.

        Two hundred that each took a connection would leave none to those who decide.
        """
        self._wanted[known.id] = known
        async with self._opening:
            held = self.find_open(known)
            if held is not None:
                return held
            wanted, self._wanted = [*self._wanted.values(), known], {}
            names = {name for system in wanted for name in system.secrets.values()}
            sealed: dict[str, bytes] = {}
            if names:
                async with database.connection() as connection:
                    sealed = await read_sealed(connection, names)
            for system in wanted:
                if self.find_open(system) is None:
                    with suppress(VaultClosed, LookupError, ValueError):  # whoever asks for that one hears of it
                        installation = self._installation(system, sealed)
                        self.put(
                            system.id, SYSTEMS[system.kind].open(installation), limits=installation.limits, of=system
                        )
            held = self.find_open(known)
            if held is None:
                installation = self._installation(known, sealed)
                return self.put(
                    known.id, SYSTEMS[known.kind].open(installation), limits=installation.limits, of=known
                )
            return held

    def put(
        self,
        system: str,
        opened: LibrarySystem,
        *,
        limits: Limits | None = None,
        of: System | None = None,
        timer: Callable[[], float] = monotonic,
    ) -> Opened:
        """Take what speaks to a system in, in place of what did before, which is closed when its calls have ended.

        `timer` counts the seconds by which it is left alone.
        """
        if (before := self.opened.get(system)) is not None:
            self._retire(before.system)
        guarded = Guarded(
            opened, limits or Limits(), breaker=Breaker(changed=self._telling(system), timer=timer), timer=timer
        )
        promptness = Breaker(threshold=3, changed=self._telling(system, of=" (questions in decisions)"), timer=timer)
        held = Opened(1 if of is None else of.version, guarded, promptness)
        self.opened[system] = held
        return held

    async def installation(self, connection: Connection, known: System) -> Installation:
        """Return what opens a system, its secrets among it. Raises VaultClosed where one cannot be opened."""
        sealed = await read_sealed(connection, known.secrets.values()) if known.secrets else {}
        return self._installation(known, sealed)

    def _installation(self, known: System, sealed: Mapping[str, bytes]) -> Installation:
        missing = [entry for entry, name in known.secrets.items() if name not in sealed]
        if missing:
            raise VaultClosed(f"The secret for {missing[0]} of {known.id} is not there any more.")
        return as_installation(
            known, secrets={entry: self.vault.unseal(sealed[name]) for entry, name in known.secrets.items()}
        )

    async def note_well(self, connection: Connection, system: str) -> None:
        """Note that a system was asked at length and all went well, which counts for more than what was met before.

        Every process leaves a system alone by itself, and those that have ended since, or have nothing to ask it,
        would be shown to do so for long. Whoever still does tries again within half a minute, and says so.
        """
        if (held := self.opened.get(system)) is not None:
            held.promptness.succeeded()
        await forget_breakers(connection, system)

    async def settle(self) -> None:
        """Wait until what breakers did is written down."""
        await asyncio.gather(*(task for task in self._tasks if task.get_name() == NOTING), return_exceptions=True)

    async def close(self) -> None:
        """Close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for system in (*self._closing, *(held.system for held in self.opened.values())):
            await system.close()
        self._closing.clear()
        self.opened.clear()

    def _retire(self, system: LibrarySystem) -> None:
        self._closing.append(system)
        self._begin(self._close_later(system))

    async def _close_later(self, system: LibrarySystem) -> None:
        await asyncio.sleep(CLOSE_AFTER_SECONDS)
        self._closing.remove(system)
        await system.close()

    def _telling(self, system: str, *, of: str = "") -> Callable[[BreakerState, str], None]:
        def tell(state: BreakerState, why: str) -> None:
            log.warning("breaker", system=system, state=state.value, why=why)
            if self.database is not None:
                self._begin(self._note(self.database, system, PROCESS + of, state, why), name=NOTING)

        return tell

    async def _note(self, database: Database, system: str, process: str, state: BreakerState, why: str) -> None:
        async with self._noting, database.transaction() as connection:
            await note_breaker(connection, system, process, state=state.value, why=why)

    def _begin(self, work: Coroutine[Any, Any, None], *, name: str | None = None) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("a system could not be seen to", error=type(error).__name__)


def as_installation(known: System, *, secrets: Mapping[str, str]) -> Installation:
    """Return a system as its adapter wants it."""
    return Installation(
        system=known.id,
        addresses=known.addresses,
        secrets=secrets,
        branches=known.branches,
        options=known.options,
        limits=limits_of(known.limits),
    )


def limits_of(given: Mapping[str, float]) -> Limits:
    """Return limits, those not given as they are by default."""
    fallback = Limits()
    return Limits(
        calls_per_second=float(given.get("calls_per_second", fallback.calls_per_second)),
        calls_at_once=int(given.get("calls_at_once", fallback.calls_at_once)),
        deadline_seconds=float(given.get("deadline_seconds", fallback.deadline_seconds)),
        answer_bytes=int(given.get("answer_bytes", fallback.answer_bytes)),
    )
