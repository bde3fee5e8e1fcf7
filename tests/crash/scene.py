"""The crash test itself: a plan is played by its seed, and what it came to is told."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import httpx

from app.embedded import running
from app.store.migrate import upgrade
from tests.crash.audit import find_faults, read_books
from tests.crash.crew import Crew, answers, at_work, free_port, strike
from tests.crash.people import Heard, Library
from tests.crash.world import World, build

SERVERS, WORKERS = 2, 3
ADMIN = "an admin key for the crash test"
MANNERS = {"declines": 0.1, "lapses": 0.05, "times_out": 0.05, "refuses": 0.02}
# A task of a worker that was killed is taken over after so many seconds; a desk that hangs is cut off before.
LEASE_SECONDS = 8
UNDER_WAY = ("place", "place_beside", "follow", "withdraw", "lapse")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is asked, and how often what is hit. `speed` is the clock's: a day without an answer must go by."""

    requests: int
    kills: int
    restarts: int
    seed: int
    speed: float
    gap_seconds: float
    most_seconds: float


def play(plan: Plan, folder: Path) -> tuple[list[str], dict[str, Any]]:
    """Play a plan; return what was wrong afterwards, and what it came to."""
    data_dir = folder / "data"
    with running(data_dir) as url:
        asyncio.run(upgrade(url))
        return asyncio.run(_play(plan, folder, url, data_dir))


async def _play(plan: Plan, folder: Path, url: str, data_dir: Path) -> tuple[list[str], dict[str, Any]]:
    chance = Random(plan.seed)
    desk_port, ports = free_port(), [free_port() for _ in range(SERVERS)]
    desk = f"http://127.0.0.1:{desk_port}"
    world = await build(url, chance, desk=desk, two_at_once=True)
    environment = _environment(plan, url)
    manners = json.dumps({**MANNERS, "seed": plan.seed})
    never_killed = Crew({"desk": ["tests.support.fake_desk", str(desk_port), manners]}, environment, folder)
    commands = {f"api-{port}": ["app", "serve", "--no-worker", "--port", str(port)] for port in ports}
    commands |= {f"worker-{at}": ["app", "work"] for at in range(WORKERS)}
    crew, heard = Crew(commands, environment, folder), Heard()
    servers = [f"http://127.0.0.1:{port}" for port in ports]
    async with at_work(never_killed), at_work(crew):
        await asyncio.gather(answers(desk), *(answers(server) for server in servers))
        begun = time.perf_counter()
        async with asyncio.timeout(plan.most_seconds), asyncio.TaskGroup() as everything:
            everything.create_task(
                strike(
                    crew,
                    Random(plan.seed + 1),
                    data_dir=data_dir,
                    kills=plan.kills,
                    restarts=plan.restarts,
                    gap_seconds=plan.gap_seconds,
                )
            )
            for library in _libraries(plan, world, servers, heard):
                everything.create_task(library.live())
        seconds = time.perf_counter() - begun
        left = await _all_done(url)
        async with httpx.AsyncClient(trust_env=False) as client:
            bound = (await client.get(f"{desk}/live")).json()
        books = await read_books(url)
    faults = [*heard.surprises, *left, *find_faults(books, accepted=heard.accepted, bound=bound)]
    figures = {
        "seconds": round(seconds, 1),
        "killed": dict(crew.killed),
        "restarts of PostgreSQL": plan.restarts,
        "answers": dict(heard.statuses),
        "outcomes": dict(books.outcomes),
        "events": dict(books.happened),
    }
    return faults, figures


def _environment(plan: Plan, url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LEENPAD_", "PG"))}
    return kept | {
        "LEENPAD_DATABASE_URL": url,
        "LEENPAD_ADMIN_KEY": ADMIN,
        "LEENPAD_CLOCK_SINCE": datetime.now(UTC).isoformat(),
        "LEENPAD_CLOCK_SPEED": str(plan.speed),
        "LEENPAD_LEASE_SECONDS": str(LEASE_SECONDS),
        "LEENPAD_LOG_LEVEL": "warning",
    }


def _libraries(plan: Plan, world: World, servers: list[str], heard: Heard) -> list[Library]:
    each, more = divmod(plan.requests, len(world.agencies))
    return [
        Library(
            agency=agency,
            world=world,
            servers=servers,
            key=ADMIN,
            count=each + (at < more),
            chance=Random(f"{plan.seed}/{agency}"),
            heard=heard,
        )
        for at, agency in enumerate(world.agencies)
    ]


async def _connect(url: str, *, seconds: float) -> asyncpg.Connection:
    """Connect to a server that may be coming up again after the last blow."""
    end = time.monotonic() + seconds
    while True:
        try:
            return await asyncpg.connect(url)
        except (OSError, asyncpg.CannotConnectNowError):
            if time.monotonic() > end:
                raise
        await asyncio.sleep(0.2)


async def _all_done(url: str, *, seconds: float = 60.0) -> list[str]:
    """Wait until no task is under way any more; return those that are after so many seconds."""
    connection = await _connect(url, seconds=seconds)
    end = time.monotonic() + seconds
    try:
        while True:
            left = await connection.fetch("select * from task where kind = any($1) and dead_at is null", UNDER_WAY)
            if not left or time.monotonic() > end:
                return [f"task {task['kind']} {task['subject']} is not done: {task['error']}" for task in left]
            await asyncio.sleep(0.2)
    finally:
        await connection.close()
