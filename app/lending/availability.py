"""Asks library systems what stands on the shelf now: as many at once as a process can, under one deadline.

A system that does not answer in time is not waited for: what it has is unknown, which is an answer. One question
about a title is under way to a system at a time, whoever asks it, and its answer is kept for as long as the system
says it holds. A system that was late or silent a few times in a row is left out for a while.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from time import monotonic
from typing import Any, NamedTuple, TypeVar

import structlog

from adapters.contract import ItemStatus, NotOffered, Snapshot, SystemFault, Title, Unavailable, Verb
from adapters.guard import LeftAlone, ShutOut
from app.database import Database, DatabaseUnavailable
from app.lending.systems import Opened, Systems
from app.lending.vault import VaultClosed
from app.store.systems import System
from routing import Decision, Holding, Reason, Register

log = structlog.get_logger()

# What a system calls a title hardly ever changes.
REFERENCES_SECONDS = 3600.0
KEPT = 50_000
# From here on a system that is not in time is slow, and not its caller in a hurry.
PATIENCE_SECONDS = 0.4
# Questions that a process has on their way at once. More would make all of them late and the decisions too, so those
# whose turn does not come in time are not asked. Measured: docs/benchmarks.md.
AT_ONCE = 160
# Of the time a caller gives, what is left for the decision itself: more where this process is behind with its work,
# for then each of the steps that follow is as late as the last one was.
RESERVE_SECONDS = 0.05
RESERVE_SHARE = 0.1
RESERVE_MOST = 0.5
STEPS = 3
FORGETS = 0.8


# A question: the system, the version of what it is reached by, and the title.
Key = tuple[str, int, Title]
V = TypeVar("V")


class SaysNothing(NotOffered):
    """The system has no word about shelves at all."""


class NotKnownBy(NotOffered):
    """The system knows no titles by the number that was asked by."""


class Unasked(Unavailable):
    """Others were asked first, and whoever wanted to know has gone on."""


class Shelf(NamedTuple):
    """What a system says of one location: copies on the shelf (None: it does not know), and whether they are lent."""

    available: int | None
    lendable: bool | None


class Live(NamedTuple):
    """The holdings as they are now, and what is to be said: by location why nothing is known, or who said it."""

    holdings: list[Holding]
    unanswered: Mapping[str, str]
    answered: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Kept:
    until: float
    shelves: Mapping[str, Shelf]


@dataclass(slots=True)
class _Question:
    """One that is under way, or waits for its turn as long as anybody waits for it. It is late once."""

    until: float
    task: asyncio.Task[Mapping[str, Shelf]] = field(init=False)
    asked_at: float | None = None
    late: bool = False


@dataclass(slots=True)
class Availability:
    """Puts questions to systems, and keeps the answers briefly."""

    systems: Systems
    database: Database
    _answers: OrderedDict[Key, _Kept] = field(default_factory=OrderedDict)
    _references: OrderedDict[Key, tuple[float, list[str]]] = field(default_factory=OrderedDict)
    _asking: dict[Key, _Question] = field(default_factory=dict)
    _mute: set[tuple[str, int]] = field(default_factory=set)  # those that turned out not to offer it
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _behind_seconds: float = 0.0  # how late this process lately was with what it had to do at a moment

    async def look(
        self,
        holdings: Sequence[Holding],
        *,
        title: Title,
        register: Register,
        systems: Mapping[str, System],
        deadline_seconds: float,
        since: float | None = None,
    ) -> Live:
        """Return the holdings with what the systems of their locations say within `deadline_seconds`.

        These count from `since` (of `monotonic`), when the caller came; from now, where that is not said.

        Locations without a system that can be asked are left as they are.
        """
        places = _by_system(holdings, register, systems)
        if not places or deadline_seconds <= 0:
            return Live(list(holdings), {}, {})
        ends = (monotonic() if since is None else since) + deadline_seconds - self._reserve_seconds(deadline_seconds)
        unanswered: dict[str, str] = {}
        shelves: dict[str, Mapping[str, Shelf]] = {}
        asked: dict[str, _Question] = {}
        for name in places:
            system = systems[name]
            if (name, system.version) in self._mute:
                continue
            kept = self._answers.get((name, system.version, title))
            if kept is not None and monotonic() < kept.until:
                shelves[name] = kept.shelves
            elif self._prompt(system):
                asked[name] = self._ask(system, title, ends)
            else:
                unanswered[name] = "has not answered in time lately and was not asked"
        if asked:
            await self._wait([question.task for question in asked.values()], ends)
        for name, question in asked.items():
            if not question.task.done():
                unanswered[name] = f"did not answer within {deadline_seconds * 1000:.0f} ms"
                self._note_late(systems[name], question)
            elif question.task.cancelled():
                unanswered[name] = "was not asked to the end"
            elif (error := question.task.exception()) is None:
                shelves[name] = question.task.result()
            elif not isinstance(error, SaysNothing):
                unanswered[name] = _silence(error)
        return _put_together(holdings, places, shelves, unanswered, systems)

    async def _wait(self, tasks: Collection[asyncio.Task[Any]], ends: float) -> None:
        """Wait for all of them, or until the end; and note how late it was when this process came to it."""
        _, left = await asyncio.wait(tasks, timeout=max(0.0, ends - monotonic()))
        late = monotonic() - ends if left else 0.0
        self._behind_seconds = max(late, FORGETS * self._behind_seconds)

    def _reserve_seconds(self, deadline_seconds: float) -> float:
        reserve = max(RESERVE_SECONDS, RESERVE_SHARE * deadline_seconds, STEPS * self._behind_seconds)
        return min(reserve, max(RESERVE_SECONDS, RESERVE_MOST * deadline_seconds))

    async def close(self) -> None:
        """Stop asking."""
        tasks = [question.task for question in self._asking.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _prompt(self, system: System) -> bool:
        """Say whether a system is asked at all; one that is not open yet is."""
        held = self.systems.find_open(system)
        return held is None or held.promptness.admit()

    def _note_late(self, system: System, question: _Question) -> None:
        """Count a question that was not answered in time; that a caller is in a hurry says nothing of a system."""
        held = self.systems.opened.get(system.id)
        waited = 0.0 if question.asked_at is None else monotonic() - question.asked_at
        if not question.late and waited >= PATIENCE_SECONDS and held is not None:
            question.late = True
            held.promptness.failed("late")

    def _ask(self, system: System, title: Title, until: float) -> _Question:
        """Put a question, or join whoever asks the same. It goes on when its callers are gone: the answer is kept."""
        key = system.id, system.version, title
        question = self._asking.get(key)
        if question is None:
            question = _Question(until)
            question.task = asyncio.create_task(self._answer(system, title, question))
            self._asking[key] = question
            question.task.add_done_callback(lambda task: self._end(key, task))
        question.until = max(question.until, until)
        return question

    def _end(self, key: Key, task: asyncio.Task[Mapping[str, Shelf]]) -> None:
        question = self._asking.pop(key, None)
        held = self.systems.opened.get(key[0])
        if task.cancelled():
            return
        error = task.exception()  # looked at, so that nobody warns of a failure whose caller has left
        if isinstance(error, SaysNothing):
            self._mute.add(key[:2])
        elif error is None and held is not None and question is not None and not question.late:
            held.promptness.succeeded()

    async def _answer(self, system: System, title: Title, question: _Question) -> Mapping[str, Shelf]:
        async with self._turn(question):
            held = self.systems.find_open(system) or await self.systems.open_together(self.database, system)
            shelves = await self._question(held, system, title)
            seconds = held.system.capabilities().fresh_seconds
            _keep(self._answers, (system.id, system.version, title), _Kept(monotonic() + seconds, shelves))
            return shelves

    @asynccontextmanager
    async def _turn(self, question: _Question) -> AsyncIterator[None]:
        """Wait for a turn, and keep it until the block ends or nobody waits any more. Raises Unasked."""
        await self._turns.acquire()
        now = monotonic()
        if now >= question.until:
            self._turns.release()
            raise Unasked("Its turn did not come in time.")
        question.asked_at, held = now, True

        def give_back() -> None:
            nonlocal held
            if held:
                held = False
                self._turns.release()

        over = asyncio.get_running_loop().call_later(question.until - now, give_back)
        try:
            yield
        finally:
            over.cancel()
            give_back()

    async def _question(self, held: Opened, system: System, title: Title) -> Mapping[str, Shelf]:
        able = held.system.capabilities()
        if not {Verb.RESOLVE, Verb.AVAILABILITY} <= able.verbs:
            raise SaysNothing(f"{system.id} does not say what stands on the shelf.")
        if not any(getattr(title, scheme.value) is not None for scheme in able.schemes):
            raise NotKnownBy(f"{system.id} does not know titles by this number.")
        key = system.id, system.version, title
        until, references = self._references.get(key, (0.0, []))
        if monotonic() >= until:
            references = await held.system.resolve(title)
            # That it has none may change with the next record that it catalogues.
            lasts = REFERENCES_SECONDS if references else able.fresh_seconds
            _keep(self._references, key, (monotonic() + lasts, references))
        batch = max(1, able.batch)
        snapshots: list[Snapshot] = []
        rest = iter(references)
        while some := list(islice(rest, batch)):
            snapshots += await held.system.availability(some)
        return shelves_of(snapshots)


def said(decision: Decision, live: Live) -> Decision:
    """Return a decision with what is known of the shelves, and what is not, among its reasons."""
    rota = tuple(
        entry._replace(reasons=(*entry.reasons, live.unanswered[entry.supplying_location]))
        if entry.supplying_location in live.unanswered
        else entry
        for entry in decision.rota
    )
    refusals = tuple(
        replace(refusal, detail=f"{refusal.detail} {live.answered[refusal.supplying_location]} says so itself.")
        if refusal.reason is Reason.UNAVAILABLE and refusal.supplying_location in live.answered
        else refusal
        for refusal in decision.refusals
    )
    return replace(decision, rota=rota, refusals=refusals)


def shelves_of(snapshots: Iterable[Snapshot]) -> dict[str, Shelf]:
    """Return by location how many copies stand on the shelf; None where any of them is in a state nobody knows."""
    found: dict[str, Shelf] = {}
    for snapshot in snapshots:
        if snapshot.location is None:
            continue
        before = found.get(snapshot.location, Shelf(0, None))
        lends = snapshot.lendable is not False and snapshot.status is not ItemStatus.REFERENCE
        lendable = lends or bool(before.lendable)
        here = _on_shelf(snapshot) if lends else 0
        available = None if before.available is None or here is None else before.available + here
        found[snapshot.location] = Shelf(available, lendable)
    return found


def _on_shelf(snapshot: Snapshot) -> int | None:
    if snapshot.status is ItemStatus.UNKNOWN:
        return None
    if snapshot.status is not ItemStatus.AVAILABLE:
        return 0
    count = 1 if snapshot.count is None else snapshot.count
    return max(0, count - (snapshot.queue or 0))


def _by_system(holdings: Sequence[Holding], register: Register, systems: Mapping[str, System]) -> dict[str, set[str]]:
    """Return the locations that hold the title by the system that knows their copies, of those that can be asked."""
    found: dict[str, set[str]] = {}
    for holding in holdings:
        system = system_of(register, holding.location)
        if system is not None and system in systems:
            found.setdefault(system, set()).add(holding.location)
    return found


def system_of(register: Register, location: str, *, agency: str | None = None) -> str | None:
    """Return the system that knows the copies of a location: its own, or else that of its agency.

    `agency` is who answers for it now, where that is known; without it, the one that it is registered with.
    """
    place = register.locations.get(location)
    if place is None:
        return None
    if place.system is not None:
        return place.system
    answering = register.agencies.get(agency or place.agency or "")
    return None if answering is None else answering.system


def _put_together(
    holdings: Sequence[Holding],
    places: Mapping[str, set[str]],
    shelves: Mapping[str, Mapping[str, Shelf]],
    silent: Mapping[str, str],
    systems: Mapping[str, System],
) -> Live:
    """Say of each location what its system said of it; of one that no branch of it leads to, nobody knows."""
    unanswered = {
        location: f"{system} {why}: whether it is on the shelf is unknown."
        for system, why in silent.items()
        for location in places[system]
    }
    answered = {}
    for system, said_of in shelves.items():
        mapped = frozenset(systems[system].branches.values())
        for location in places[system]:
            if location in said_of or location in mapped:
                answered[location] = system
            else:
                unanswered[location] = f"No branch of {system} is known to be here: what is on the shelf is unknown."
    found: list[Holding] = []
    seen: set[str] = set()
    for holding in holdings:
        location = holding.location
        if location in unanswered:
            found.append(holding._replace(available=None))
        elif (name := answered.get(location)) is None:
            found.append(holding)
        else:
            # Volumes of a work may share a location: what the system says is of all of them together, and said once.
            shelf = shelves[name].get(location, Shelf(0, None)) if location not in seen else Shelf(0, None)
            found.append(_as_said(holding, shelf))
            seen.add(location)
    return Live(found, unanswered, answered)


def _as_said(holding: Holding, shelf: Shelf) -> Holding:
    copies = holding.copies if shelf.available is None else max(holding.copies, shelf.available)
    loanable = holding.loanable if shelf.lendable is None else holding.loanable and shelf.lendable
    return holding._replace(available=shelf.available, copies=copies, loanable=loanable)


def _silence(error: BaseException) -> str:
    if isinstance(error, LeftAlone):
        return "has not answered lately and is left alone for a while (its breaker is open)"
    if isinstance(error, ShutOut):
        return "has not let us in lately and is left alone for a while (its breaker is open)"
    if isinstance(error, NotOffered):
        return "cannot be asked by the number that this title was asked for by"
    if isinstance(error, Unasked):
        return "was not asked in time, with too much else under way"
    return f"did not answer ({_named(error)})"


def _named(error: BaseException) -> str:
    if isinstance(error, SystemFault):
        return type(error).__name__
    if isinstance(error, VaultClosed):
        return "its secrets cannot be opened"
    if isinstance(error, DatabaseUnavailable):
        return "the database is not there"
    log.warning("a system could not be asked", error=type(error).__name__)
    return "it failed"


def _keep(kept: OrderedDict[Key, V], key: Key, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > KEPT:
        kept.popitem(last=False)
