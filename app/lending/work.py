"""The worker: claims what is due and carries it out, many side by side, in as many processes as there are.

A task that fails is tried again later and later; after so many attempts it is left as a dead letter for people.
Systems that are away for days are waited for, and so is a network where none is active.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import SystemRandom

import structlog

from adapters.contract import OutcomeUnknown, RateLimited, SystemFault
from app.database import DATABASE_ERRORS, PASSING_ERRORS, Connection, DatabaseUnavailable
from app.lending.activations import activate_scheduled
from app.lending.book import BOOK, book
from app.lending.follow import follow, overdue, withdraw
from app.lending.ground import ForPeople, Ground, LookAgain
from app.lending.happen import OVERDUE
from app.lending.harvest import HARVEST, harvest
from app.lending.kinds import FOLLOW, LAPSE, PLACE, PLACE_BESIDE, WITHDRAW
from app.lending.lapse import lapse
from app.lending.late import LATE, late
from app.lending.learn import LEARN, ensure_learning, learn_responses
from app.lending.listen import Ear, Waker
from app.lending.place import place
from app.lending.place_beside import place_beside
from app.lending.replan import replan
from app.lending.retain import RETENTION, ensure_retention, retain
from app.lending.snapshot import NotReady
from app.lending.stop import RECOUNT, recount
from app.lending.tell import deliver
from app.store.schedules import ACTIVATE
from app.store.tasks import LeaseLost, Task, claim, fail, put_back
from app.store.under_way import REPLAN
from app.store.webhooks import DELIVER

log = structlog.get_logger()

Handler = Callable[[Ground, Task], Awaitable[None]]

HANDLERS: Mapping[str, Handler] = {
    PLACE: place,
    PLACE_BESIDE: place_beside,
    LAPSE: lapse,
    FOLLOW: follow,
    WITHDRAW: withdraw,
    OVERDUE: overdue,
    LATE: late,
    REPLAN: replan,
    RECOUNT: recount,
    RETENTION: retain,
    LEARN: learn_responses,
    DELIVER: deliver,
    BOOK: book,
    HARVEST: harvest,
    ACTIVATE: activate_scheduled,
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a task is tried before it is given up, and how long it waits between two attempts at most."""

    most_attempts: int = 12
    longest_retry: timedelta = timedelta(hours=1)


PATIENCE = Patience()
# Receivers of webhooks are other people's machines: they may be away for a night.
PATIENCE_WITH: Mapping[str, Patience] = {DELIVER: Patience(most_attempts=100, longest_retry=timedelta(minutes=15))}
# A library system may be moved over a long weekend, and nobody should have to look: eight days at least.
PATIENCE_WITH_SYSTEMS = Patience(most_attempts=220, longest_retry=timedelta(hours=2))
RENEWING = frozenset({LEARN})
ASKS_SYSTEMS = frozenset({PLACE, PLACE_BESIDE, LAPSE, FOLLOW, WITHDRAW, BOOK})
# Kinds that wait for other people's machines have places of their own, so that they never take those of the rest.
PLACES_OF_THEIR_OWN: Mapping[str, int] = {DELIVER: 16, HARVEST: 4}


Ensure = Callable[[Connection, Ground], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class More:
    """Kinds of tasks that a layer above brings along, each with `places` of its own; they renew their leases."""

    handlers: Mapping[str, Handler] = field(default_factory=dict)
    places: int = 1
    ensure: Ensure | None = None  # sees to it that what is done daily is there

    def renews(self, kind: str) -> bool:
        """Say whether a task of a kind renews its own lease, and may take longer than one."""
        return kind in RENEWING or kind in self.handlers

    @property
    def every(self) -> dict[str, Handler]:
        """Return all kinds that there are."""
        return {**HANDLERS, **self.handlers}


NO_MORE = More()

OF_LEASE = 0.75  # how much of its lease a task may take: nobody works on what may be somebody else's by now
IDLE_SECONDS = 1.0  # how long to wait for a notification before looking anyway
FIRST_RETRY = timedelta(seconds=2)
SETTLED = timedelta(seconds=15)
"""How long a write whose outcome is not known may still be under way; it is not looked for before that."""
SOON = timedelta(milliseconds=200)
WITHOUT_NETWORK = timedelta(minutes=5)
"""How long until another look, where no network is active: it is nobody's fault, and counts as no attempt."""

_chance = SystemRandom()


async def work(
    ground: Ground, *, at_once: int = 8, kinds: Mapping[str, Handler] = HANDLERS, more: More = NO_MORE
) -> None:
    """Carry out whatever is due until cancelled: `at_once` tasks at a time, and some kinds beside them."""
    shares = [([kind], places) for kind, places in PLACES_OF_THEIR_OWN.items() if kind in kinds]
    shares += [([kind], more.places) for kind in more.handlers]
    shares.append(([kind for kind in kinds if kind not in PLACES_OF_THEIR_OWN], at_once))
    async with Waker(ground.database) as waker, asyncio.TaskGroup() as group:
        await waker.listen()
        for share, places in shares:
            here = {kind: more.handlers.get(kind) or kinds[kind] for kind in share}
            group.create_task(_work(ground, waker.ear(), places, here, more))


async def _work(ground: Ground, ear: Ear, at_once: int, kinds: Mapping[str, Handler], more: More) -> None:
    running: set[asyncio.Task[None]] = set()
    ensured = RETENTION not in kinds
    try:
        while True:
            ensured = ensured or await _ensure(ground, more)
            claimed = await _claim(ground, at_once - len(running), list(kinds))
            for task in claimed:
                carrying = _carry_out(ground, task, kinds[task.kind], renewing=more.renews(task.kind))
                running.add(asyncio.create_task(carrying))
            if len(running) >= at_once:
                _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            elif not claimed:
                await ear.wait(IDLE_SECONDS)
            running = {task for task in running if not task.done()}
    finally:
        for running_task in running:
            running_task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def work_off(ground: Ground, *, kinds: Mapping[str, Handler] = HANDLERS, more: More = NO_MORE) -> int:
    """Carry out whatever is due now, one after the other, until nothing is; return how many that were."""
    done = 0
    every = {**kinds, **more.handlers}
    while claimed := await _claim(ground, 1, list(every)):
        for task in claimed:
            await _carry_out(ground, task, every[task.kind], renewing=more.renews(task.kind))
            done += 1
    return done


async def _ensure(ground: Ground, more: More) -> bool:
    """Have what is done daily be there; False: the database is not, and it has to be tried again."""
    with suppress(DatabaseUnavailable, *DATABASE_ERRORS):
        async with ground.database.transaction() as connection:
            await ensure_retention(connection, ground)
            await ensure_learning(connection, ground)
            if more.ensure is not None:
                await more.ensure(connection, ground)
        return True
    return False


async def _claim(ground: Ground, count: int, kinds: list[str]) -> list[Task]:
    try:
        async with ground.database.transaction() as connection:
            return await claim(connection, now=ground.clock.now(), lease=ground.lease, limit=count, kinds=kinds)
    except (DatabaseUnavailable, *DATABASE_ERRORS) as error:
        log.warning("no tasks can be claimed", reason=type(error).__name__)
        await asyncio.sleep(IDLE_SECONDS)
        return []


async def _carry_out(ground: Ground, task: Task, handler: Handler, *, renewing: bool = False) -> None:
    try:
        async with asyncio.timeout(None if renewing else ground.lease.total_seconds() * OF_LEASE):
            await handler(ground, task)
    except LeaseLost:
        log.info("another worker has the task by now", kind=task.kind, task=task.id)
    except LookAgain:
        await _put_back(ground, task, SOON)
    except NotReady:
        await _put_back(ground, task, WITHOUT_NETWORK)
    except ForPeople as error:
        await _give_up(ground, task, error)
    except TimeoutError as error:  # an OSError too, but none of the database's
        await _count_failure(ground, task, error)
    except (DatabaseUnavailable, *PASSING_ERRORS) as error:
        # The lease ends by itself, should the database not come back in time.
        await _put_off(ground, task, error=type(error).__name__, after=_delay(task, _patience(task, error)))
    except Exception as error:
        await _count_failure(ground, task, error)


async def _count_failure(ground: Ground, task: Task, error: Exception) -> None:
    """Have a task tried again later, or, after so many attempts, leave it to people."""
    patience = _patience(task, error)
    if task.attempts >= patience.most_attempts:
        await _give_up(ground, task, error)
        return
    log.warning("a task failed", kind=task.kind, task=task.id, attempt=task.attempts, error=type(error).__name__)
    after = _delay(task, patience)
    if isinstance(error, OutcomeUnknown):
        after = max(after, SETTLED)
    if isinstance(error, RateLimited):
        after = max(after, timedelta(seconds=error.retry_after_seconds))
    await _put_off(ground, task, error=_said(error), after=after)


async def _give_up(ground: Ground, task: Task, error: Exception) -> None:
    log.error("a task is given up", kind=task.kind, task=task.id, exc_info=error)
    await _put_off(ground, task, error=_said(error), after=None)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _patience(task: Task, error: Exception) -> Patience:
    """A fault of ours is soon for people to see; one of another's machine is waited out."""
    if task.kind in PATIENCE_WITH:
        return PATIENCE_WITH[task.kind]
    theirs = task.kind in ASKS_SYSTEMS and isinstance(error, (SystemFault, TimeoutError))
    return PATIENCE_WITH_SYSTEMS if theirs else PATIENCE


async def _put_off(ground: Ground, task: Task, *, error: str, after: timedelta | None) -> None:
    retry_at = None if after is None else ground.clock.now() + after * ground.clock.speed
    with suppress(DatabaseUnavailable, *DATABASE_ERRORS):
        async with ground.database.transaction() as connection:
            await fail(connection, task, error=error, retry_at=retry_at)


async def _put_back(ground: Ground, task: Task, after: timedelta) -> None:
    with suppress(DatabaseUnavailable, *DATABASE_ERRORS):
        async with ground.database.transaction() as connection:
            await put_back(connection, task, ground.clock.now() + after * ground.clock.speed)


def _delay(task: Task, patience: Patience) -> timedelta:
    """Twice as long with each attempt, less a random half, so that those who failed together come back apart."""
    longest = patience.longest_retry
    delay: timedelta = min(longest, FIRST_RETRY * 2 ** min(task.attempts - 1, 20)) * (0.5 + _chance.random() / 2)
    return delay
