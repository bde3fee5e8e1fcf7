"""Tries scenarios out: taken on, carried out by a task in a process of their own, called off, forgotten.

The process (app.planning.replayer) knows nothing of leases. Whoever started it listens to it, renews the lease of the
task while it works, and writes what it says under the task's token. A worker that dies takes the process along, its
lease ends by itself, and the next one begins again. A scenario that is called off loses its task, and whoever is at
it hears of that at the next renewal.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import structlog

from app.aside import aside
from app.imports.parse import FRAME
from app.lending.ground import ForPeople, Ground
from app.lending.work import HANDLERS, More
from app.planning.alter import altered
from app.planning.improve import IMPROVE, Improving
from app.planning.replayer import read_plan
from app.planning.scenario import ScenarioShape
from app.settings import Settings
from app.store.network_versions import NoActiveVersion, find_active
from app.store.scenarios import (
    KIND,
    begin_scenario,
    cancel_scenario,
    create_scenario,
    delete_scenario,
    end_scenario,
    get_scenario,
    note_progress,
)
from app.store.tasks import AT_ONCE, Task, drop, extend, finish, schedule

log = structlog.get_logger()

HOME = Path(__file__).resolve().parents[2]
KINDS = frozenset({*HANDLERS, KIND})
PIPE_BYTES = 4 * 1024 * 1024
PROCESSES = 2
LOOK_SECONDS = 1.0  # how often the lease is renewed and progress written
MOST_ATTEMPTS = 3
MOST_UNDER_WAY, MOST_KEPT = 20, 500


@dataclass(frozen=True, slots=True)
class Reach:
    """How the process reaches the database, and what decisions it makes: as the settings have it."""

    database_url: str
    horizon_days: int
    improving: Improving = field(default_factory=Improving)

    @classmethod
    def of(cls, settings: Settings) -> Reach:
        """Return what the settings say; the address of the database is known by now."""
        assert settings.database_url is not None
        improving = Improving(settings.improve_at, settings.items_per_crate)
        return cls(settings.database_url, settings.horizon_days, improving)

    @property
    def more(self) -> More:
        """Return what a worker needs to carry scenarios out, and to choose again before the vans leave."""

        async def handle(ground: Ground, task: Task) -> None:
            await carry_out(ground, task, self)

        return More({KIND: handle, IMPROVE: self.improving.carry_out}, ensure=self.improving.ensure)


class ReplayFailed(Exception):  # noqa: N818 - says what happened
    """The process that carried a scenario out ended without a result."""


# --- what people say ------------------------------------------------------------------------------


async def take_on(
    ground: Ground, scenario: ScenarioShape, *, by: str | None, agency: str | None, horizon_days: int
) -> dict[str, Any]:
    """Write a scenario and have it carried out. Raises NoActiveVersion, VersionUnknown, ChangeImpossible or
    TooManyScenarios.
    """
    async with ground.database.one_moment() as connection:
        base = scenario.base or await find_active(connection)
        if base is None:
            raise NoActiveVersion
        scenario = scenario.model_copy(update={"base": base})
        plan, places = await read_plan(connection, scenario, horizon_days=horizon_days)
    # Carried out once for nothing: whoever asks hears at once which change is about something that is not there.
    await aside(altered, plan, scenario.changes, places)
    async with ground.database.transaction() as connection:
        id = await create_scenario(
            connection,
            name=scenario.name,
            base=base,
            definition=scenario.model_dump_json(),
            by=by,
            agency=agency,
            at=ground.clock.now(),
            most_under_way=MOST_UNDER_WAY,
            most_kept=MOST_KEPT,
        )
        await schedule(connection, KIND, str(id), AT_ONCE)
        return await get_scenario(connection, id)


async def call_off(ground: Ground, id: int) -> dict[str, Any]:
    """Cancel a scenario; one that has come to an end stays as it is. Raises UnknownScenario."""
    async with ground.database.transaction() as connection:
        await drop(connection, KIND, str(id))
        await cancel_scenario(connection, id, ground.clock.now())
        return await get_scenario(connection, id)


async def forget(ground: Ground, id: int) -> None:
    """Delete a scenario, whatever it is at. Raises UnknownScenario."""
    async with ground.database.transaction() as connection:
        await drop(connection, KIND, str(id))
        await get_scenario(connection, id)
        await delete_scenario(connection, id)


# --- the task -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Turn:
    """The task, and how far the process says it is."""

    ground: Ground
    task: Task
    scenario: int
    done: int = 0
    total: int = 0

    def hear(self, done: int, total: int) -> None:
        """Take in how far the process is."""
        self.done, self.total = done, total


async def carry_out(ground: Ground, task: Task, reach: Reach) -> None:
    """Carry the task `scenario` out, to its end. Raises LeaseLost where it was called off meanwhile."""
    async with ground.database.transaction() as connection:
        await extend(connection, task, ground.lease)
        row = await begin_scenario(connection, int(task.subject), ground.clock.now())
        if row is None:
            await finish(connection, task)
            return
    turn = _Turn(ground, task, int(task.subject))
    try:
        result = await _replay(turn, row["definition"], reach)
    except ReplayFailed as failed:
        if row["runs"] < MOST_ATTEMPTS:
            raise
        await _fail(turn, str(failed))
        raise ForPeople(str(failed)) from failed
    parts = {name: orjson.dumps(result[name]).decode() for name in ("legs", "locations", "overfull")}
    async with ground.database.transaction() as connection:
        await finish(connection, turn.task)
        await end_scenario(
            connection,
            turn.scenario,
            at=ground.clock.now(),
            total=turn.total,
            summary=orjson.dumps(result["summary"]).decode(),
            parts=parts,
        )


async def _fail(turn: _Turn, error: str) -> None:
    async with turn.ground.database.transaction() as connection:
        await extend(connection, turn.task, turn.ground.lease)
        await end_scenario(connection, turn.scenario, at=turn.ground.clock.now(), total=turn.total, error=error)


async def _replay(turn: _Turn, definition: dict[str, Any], reach: Reach) -> dict[str, Any]:
    """Have the process work, and keep the lease meanwhile. Raises ReplayFailed or LeaseLost."""
    replaying = asyncio.create_task(replay_aside(definition, reach, told=turn.hear))
    try:
        while not replaying.done():
            await asyncio.wait([replaying], timeout=min(LOOK_SECONDS, turn.ground.lease.total_seconds() / 4))
            await _renew(turn)
        return await replaying
    finally:
        replaying.cancel()
        await asyncio.gather(replaying, return_exceptions=True)


async def _renew(turn: _Turn) -> None:
    """Keep the task, and write how far it is. Raises LeaseLost."""
    async with turn.ground.database.transaction() as connection:
        await extend(connection, turn.task, turn.ground.lease)
        if turn.total:
            await note_progress(connection, turn.scenario, done=turn.done, total=turn.total)


async def replay_aside(
    definition: dict[str, Any], reach: Reach, *, told: Callable[[int, int], None]
) -> dict[str, Any]:
    """Have a scenario worked out in a process of its own. `told` hears how many decisions of how many are made.

    Raises ReplayFailed.
    """
    task = {
        "scenario": definition,
        "database_url": reach.database_url,
        "horizon_days": reach.horizon_days,
        "processes": PROCESSES,
        "parent": os.getpid(),
    }
    async with _process(task) as process:
        assert process.stdout is not None
        while True:
            try:
                kind, length = FRAME.unpack(await process.stdout.readexactly(FRAME.size))
                payload = await process.stdout.readexactly(length)
            except asyncio.IncompleteReadError:
                code = await process.wait()
                raise ReplayFailed(f"the process that decided ended with {code}, without a result") from None
            if kind == b"R":
                result: dict[str, Any] = await aside(orjson.loads, payload)
                return result
            told(*orjson.loads(payload))


@asynccontextmanager
async def _process(task: dict[str, Any]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the process; it ends with the block, and with this process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "app.planning.replayer"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=PIPE_BYTES,
        cwd=HOME,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(HOME), os.environ.get("PYTHONPATH"))))},
    )
    try:
        assert process.stdin is not None
        process.stdin.write(orjson.dumps(task))
        await process.stdin.drain()
        process.stdin.close()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
