"""The worker: claims what is due and carries it out, many side by side, in as many processes as there are.

A task that fails is tried again later and later; after so many attempts it is left as a dead letter for people.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from random import SystemRandom

import structlog

from app.database import DATABASE_ERRORS, PASSING_ERRORS, DatabaseUnavailable
from app.lending.follow import follow, overdue, withdraw
from app.lending.ground import Ground, LookAgain
from app.lending.happen import OVERDUE
from app.lending.lapse import FOLLOW, WITHDRAW, lapse
from app.lending.listen import Waker
from app.lending.place import LAPSE, PLACE, place
from app.lending.replan import replan
from app.lending.stop import RECOUNT, recount
from app.store.tasks import LeaseLost, Task, claim, fail
from app.store.under_way import REPLAN

log = structlog.get_logger()

Handler = Callable[[Ground, Task], Awaitable[None]]

HANDLERS: Mapping[str, Handler] = {
    PLACE: place,
    LAPSE: lapse,
    FOLLOW: follow,
    WITHDRAW: withdraw,
    OVERDUE: overdue,
    REPLAN: replan,
    RECOUNT: recount,
}

OF_LEASE = 0.75  # how much of its lease a task may take: nobody works on what may be somebody else's by now
IDLE_SECONDS = 1.0  # how long to wait for a notification before looking anyway
MOST_ATTEMPTS = 12
FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(hours=1)
SOON = timedelta(milliseconds=200)

_chance = SystemRandom()


async def work(ground: Ground, *, at_once: int = 8, kinds: Mapping[str, Handler] = HANDLERS) -> None:
    """Carry out whatever is due, `at_once` tasks at a time, until cancelled."""
    running: set[asyncio.Task[None]] = set()
    async with Waker(ground.database) as waker:
        try:
            while True:
                claimed = await _claim(ground, at_once - len(running), list(kinds))
                for task in claimed:
                    running.add(asyncio.create_task(_carry_out(ground, task, kinds[task.kind])))
                if len(running) >= at_once:
                    _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                elif not claimed:
                    await waker.wait(IDLE_SECONDS)
                running = {task for task in running if not task.done()}
        finally:
            for running_task in running:
                running_task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def work_off(ground: Ground, *, kinds: Mapping[str, Handler] = HANDLERS) -> int:
    """Carry out whatever is due now, one after the other, until nothing is; return how many that were."""
    done = 0
    while claimed := await _claim(ground, 1, list(kinds)):
        for task in claimed:
            await _carry_out(ground, task, kinds[task.kind])
            done += 1
    return done


async def _claim(ground: Ground, count: int, kinds: list[str]) -> list[Task]:
    try:
        async with ground.database.transaction() as connection:
            return await claim(connection, now=ground.clock.now(), lease=ground.lease, limit=count, kinds=kinds)
    except (DatabaseUnavailable, *DATABASE_ERRORS) as error:
        log.warning("no tasks can be claimed", reason=type(error).__name__)
        await asyncio.sleep(IDLE_SECONDS)
        return []


async def _carry_out(ground: Ground, task: Task, handler: Handler) -> None:
    try:
        async with asyncio.timeout(ground.lease.total_seconds() * OF_LEASE):
            await handler(ground, task)
    except LeaseLost:
        log.info("another worker has the task by now", kind=task.kind, task=task.id)
    except LookAgain:
        await _put_off(ground, task, error="", after=SOON)
    except (DatabaseUnavailable, *PASSING_ERRORS) as error:
        # The lease ends by itself, should the database not come back in time.
        await _put_off(ground, task, error=type(error).__name__, after=_delay(task.attempts))
    except Exception as error:
        if task.attempts >= MOST_ATTEMPTS:
            log.exception("a task is given up", kind=task.kind, task=task.id)
            await _put_off(ground, task, error=f"{type(error).__name__}: {error}", after=None)
        else:
            log.warning(
                "a task failed", kind=task.kind, task=task.id, attempt=task.attempts, error=type(error).__name__
            )
            await _put_off(ground, task, error=f"{type(error).__name__}: {error}", after=_delay(task.attempts))


async def _put_off(ground: Ground, task: Task, *, error: str, after: timedelta | None) -> None:
    retry_at = None if after is None else ground.clock.now() + after * ground.clock.speed
    with suppress(DatabaseUnavailable, *DATABASE_ERRORS):
        async with ground.database.transaction() as connection:
            await fail(connection, task, error=error, retry_at=retry_at)


def _delay(attempts: int) -> timedelta:
    """Twice as long with each attempt, less a random half, so that those who failed together come back apart."""
    longest = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(attempts - 1, 20))
    delay: timedelta = longest * (0.5 + _chance.random() / 2)
    return delay
