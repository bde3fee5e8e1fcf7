"""Harvests a system: page after page lands, each in a transaction of its own with the place where the next begins.

A run of what changed begins a while before the last one did, by the system's own clock, for what was on its way then.
A run of all there is takes nothing away while it goes: records carry the run that last saw them, and what no run came
across goes at its end, at once; more than half of what there was only when a person says so. No transaction is open
while the system is asked. The task goes on for part of its lease and is then due again at once, so that a worker that
dies costs no more than the page that it was on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import cast

import structlog

from adapters.contract import (
    CursorLost,
    LibrarySystem,
    Malformed,
    NotOffered,
    Page,
    RateLimited,
    SystemFault,
    Unavailable,
    Verb,
)
from app.database import Connection
from app.lending.ground import Ground, LookAgain
from app.lending.landing import land
from app.store.catalogue import count_held, sweep
from app.store.harvests import (
    Harvest,
    Run,
    Schedule,
    advance,
    begin_run,
    confirm,
    end_run,
    ensure_harvest,
    find_confirmed,
    find_harvest,
    find_running,
    note_fault,
    set_schedule,
    set_until,
    want_whole,
)
from app.store.tasks import Task, finish, hold, postpone, schedule
from app.store.title_join import TitlesBusy, lock_titles

log = structlog.get_logger()

HARVEST = "harvest"

OVERLAP = timedelta(hours=1)
OVERLAP_IN_DAYS = timedelta(days=1)  # of a system whose clock tells days only
MOST_UNSEEN = 0.5  # of what there was before a run: more is removed only when a person says so

# Shares of a lease: until when another page is begun with, how long one is waited for, and how long for the titles.
# The worker ends a task at three quarters.
GO_ON, WAIT, BUSY = 0.3, 0.25, 0.1

FIRST_RETRY = timedelta(minutes=1)
LATEST_RETRY = timedelta(hours=1)
LOST_RETRY = timedelta(minutes=5)  # a run of all there is that lost its place


@dataclass(frozen=True, slots=True)
class Turn:
    """What one claim of the task works with; `ends` by the event loop's clock."""

    ground: Ground
    task: Task
    known: Harvest
    ends: float

    @property
    def seconds(self) -> float:
        """Return the length of a lease."""
        return self.ground.lease.total_seconds()


async def harvest(ground: Ground, task: Task) -> None:
    """Carry the task `harvest` of a system out, as far as a turn goes. Raises LookAgain while an import is busy."""
    async with ground.database.transaction() as connection:
        await hold(connection, task)
        known = await find_harvest(connection, task.subject)
        if known is None:  # the system is gone
            await finish(connection, task)
            return
    ends = asyncio.get_running_loop().time() + GO_ON * ground.lease.total_seconds()
    turn = Turn(ground, task, known, ends)
    try:
        await _remove_confirmed(turn)
        system = await _system(turn)
        await _take_turn(turn, system, await _run(turn))
    except TitlesBusy:
        raise LookAgain from None
    except SystemFault as fault:
        await _put_off(turn, fault)


async def _system(turn: Turn) -> LibrarySystem:
    """Return what speaks to the system. Raises NotOffered where nothing does, or where it cannot be harvested."""
    async with turn.ground.database.connection() as connection:
        return await _offering(turn.ground, connection, turn.known.system)


async def _offering(ground: Ground, connection: Connection, name: str) -> LibrarySystem:
    system = await ground.systems.find(connection, name)
    if system is None or Verb.HARVEST not in system.capabilities().verbs:
        raise NotOffered("nothing harvests this system")
    return system


async def _run(turn: Turn) -> Run:
    """Return the run that is under way, or begin one."""
    known, at = turn.known, turn.ground.clock.now()
    async with turn.ground.database.transaction() as connection:
        await hold(connection, turn.task)
        running = await find_running(connection, known.system)
        if running is not None:
            return running
        held = await count_held(connection, known.system)
        return await begin_run(connection, known.system, since=_since(known, at), at=at, held_before=held)


def _since(known: Harvest, at: datetime) -> datetime | None:
    """Return from when on a run asks, by the system's clock; None: for all there is."""
    if known.until is None or known.whole_wanted:
        return None
    every = known.schedule.whole_interval_seconds
    if every is not None and (known.whole_at is None or at - known.whole_at >= timedelta(seconds=every)):
        return None
    if known.schedule.overlap_seconds is not None:
        return known.until - timedelta(seconds=known.schedule.overlap_seconds)
    until = known.until.astimezone(UTC)
    in_days = until == until.replace(hour=0, minute=0, second=0, microsecond=0)
    return until - (OVERLAP_IN_DAYS if in_days else OVERLAP)


async def _take_turn(turn: Turn, system: LibrarySystem, run: Run) -> None:
    """Land pages until the run or the turn ends."""
    clock = asyncio.get_running_loop().time
    async with aclosing(_pages(turn, system, run)) as pages:
        async for page in pages:
            run = await _land(turn, run, page)
            if page.cursor is None:
                await _come_to_the_end(turn, run)
                return
            if clock() >= turn.ends:
                break
    async with turn.ground.database.transaction() as connection:
        await postpone(connection, turn.task, turn.ground.clock.now())


async def _pages(turn: Turn, system: LibrarySystem, run: Run) -> AsyncGenerator[Page, None]:
    """Go through a run's pages, none of which is waited for too long. Raises SystemFault."""
    seconds, met = WAIT * turn.seconds, False
    asked = cast(AsyncGenerator[Page, None], system.harvest(since=run.since, cursor=run.cursor))
    async with aclosing(asked) as pages:
        while True:
            try:
                async with asyncio.timeout(seconds):
                    page = await anext(pages)
            except TimeoutError:
                raise Unavailable(f"no page came within {seconds:.0f} s") from None
            except StopAsyncIteration:
                if met or run.whole or run.cursor is not None:
                    raise Malformed("the harvest ended before its last page") from None
                page = Page(changes=())  # nothing changed, and the system had nothing to say of it
            except SystemFault:
                raise
            except Exception as error:
                log.exception("an adapter broke", system=run.system)
                raise Malformed(f"its adapter broke: {type(error).__name__}") from error
            met = True
            yield page
            if page.cursor is None:
                return


async def _land(turn: Turn, run: Run, page: Page) -> Run:
    """Land a page and write down where the next begins, or neither. Raises LeaseLost or TitlesBusy."""
    as_of = page.as_of if page.as_of is None or page.as_of.tzinfo else page.as_of.replace(tzinfo=UTC)
    async with turn.ground.landing, turn.ground.database.transaction() as connection:
        await hold(connection, turn.task)
        await lock_titles(connection, patience_seconds=BUSY * turn.seconds)
        landed = await land(connection, run, page)
        await advance(
            connection,
            run,
            landed,
            cursor=page.cursor,
            as_of=as_of,
            whole_size=page.whole_size,
            at=turn.ground.clock.now(),
        )
    return replace(run, cursor=page.cursor, as_of=run.as_of or as_of)


async def _come_to_the_end(turn: Turn, run: Run) -> None:
    """Bring a run to its end; what a whole one did not come across is removed, or left to a person to decide."""
    at = turn.ground.clock.now()
    async with turn.ground.landing, turn.ground.database.transaction() as connection:
        await hold(connection, turn.task)
        await set_until(connection, run, run.as_of or run.started_at)
        await turn.ground.systems.note_well(connection, run.system)
        if not run.whole:
            await end_run(connection, run, state="done", at=at)
        else:
            await lock_titles(connection, patience_seconds=BUSY * turn.seconds)
            unseen = await count_held(connection, run.system, unseen_by=run.number)
            if unseen > run.held_before * MOST_UNSEEN:
                error = (
                    f"run {run.number} did not come across {unseen} of {run.held_before} holdings: nothing is removed"
                )
                await note_fault(connection, run.system, error=error, at=at, counts=False)
                await end_run(connection, run, state="held", at=at, unseen=unseen)
            else:
                removed = await sweep(connection, run.system, unseen_by=run.number)
                await end_run(connection, run, state="done", at=at, unseen=unseen, removed=removed)
        await _rest(connection, turn, at)


async def _remove_confirmed(turn: Turn) -> None:
    """Remove what a run did not come across, now that a person has said so."""
    async with turn.ground.landing, turn.ground.database.transaction() as connection:
        await hold(connection, turn.task)
        run = await find_confirmed(connection, turn.known.system)
        if run is not None:
            await lock_titles(connection, patience_seconds=BUSY * turn.seconds)
            removed = await sweep(connection, run.system, unseen_by=run.number)
            await end_run(connection, run, state="done", at=turn.ground.clock.now(), removed=removed)


async def _rest(connection: Connection, turn: Turn, at: datetime, *, offered: bool = True) -> None:
    """Have the task done again when it is time for it, or never by itself.

    Where it is not `offered`, that a whole run was asked for waits until it is.
    """
    known = await find_harvest(connection, turn.known.system)
    if known is not None and known.whole_wanted and offered:
        await postpone(connection, turn.task, at)
    elif known is not None and known.schedule.interval_seconds is not None:
        await postpone(connection, turn.task, at + timedelta(seconds=known.schedule.interval_seconds))
    else:
        await finish(connection, turn.task)


async def _put_off(turn: Turn, fault: SystemFault) -> None:
    """Write down what went wrong, and try again later from where it stands; from the beginning, if that is lost."""
    at, system = turn.ground.clock.now(), turn.known.system
    async with turn.ground.database.transaction() as connection:
        await hold(connection, turn.task)
        error = f"{type(fault).__name__}: {fault}"
        await note_fault(connection, system, error=error, at=at, counts=not isinstance(fault, RateLimited))
        if isinstance(fault, NotOffered):
            await _rest(connection, turn, at, offered=False)  # nor will it be in a minute
            return
        delay = min(LATEST_RETRY, FIRST_RETRY * 2 ** min(turn.known.errors, 10))
        if isinstance(fault, RateLimited):
            delay = min(LATEST_RETRY, timedelta(seconds=max(1.0, fault.retry_after_seconds)))
        if isinstance(fault, CursorLost):
            running = await find_running(connection, system)
            if running is not None:
                await end_run(connection, running, state="lost", at=at)
                delay = LOST_RETRY if running.whole else timedelta()
        await postpone(connection, turn.task, at + delay)


# --- what people say ------------------------------------------------------------------------------


async def start(ground: Ground, system: str, *, whole: bool, confirm_run: int | None) -> None:
    """Have a system harvested now, and what a run did not come across removed.

    What waits to be confirmed may be confirmed of a system that is not harvested any more. Raises UnknownSystem,
    NothingToConfirm, VaultClosed, or NotOffered where it would come to nothing.
    """
    async with ground.database.transaction() as connection:
        await ensure_harvest(connection, system)
        if whole or confirm_run is None:
            await _offering(ground, connection, system)
        if confirm_run is not None:
            await confirm(connection, system, confirm_run)
        if whole:
            await want_whole(connection, system)
        await schedule(connection, HARVEST, system, ground.clock.now())


async def plan(ground: Ground, system: str, often: Schedule) -> None:
    """Say how often a system is harvested; the first time is now.

    Raises UnknownSystem, VaultClosed, or NotOffered where there is an interval and nothing to harvest.
    """
    async with ground.database.transaction() as connection:
        await set_schedule(connection, system, often)
        if often != Schedule():
            await _offering(ground, connection, system)
        if often.interval_seconds is not None:
            await schedule(connection, HARVEST, system, ground.clock.now())
