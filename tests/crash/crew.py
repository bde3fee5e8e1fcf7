"""The processes of the crash test: they are killed at random, and started again at once whenever they end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx

from app.embedded.cluster import server_pid
from app.embedded.places import prepare

ANSWER_SECONDS = 120.0  # a busy machine takes its time to start a process
LOOK_SECONDS = 0.05
RESTART_SECONDS = 0.2  # after one that ended by itself, as those do that find no database
ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Crew:
    """Commands by name, each running in one process; what each writes goes to a file of its name."""

    commands: Mapping[str, list[str]]
    environment: Mapping[str, str]
    logs: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    killed: Counter[str] = field(default_factory=Counter)

    def start(self, name: str) -> None:
        """Start one."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-P", "-m", *self.commands[name]],
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """Kill one with SIGKILL, and start it again at once."""
        self.running[name].kill()
        self.running[name].wait()
        self.killed[name.partition("-")[0]] += 1
        self.start(name)

    async def keep(self) -> None:
        """Start again whoever ends by itself, until cancelled."""
        while True:
            await asyncio.sleep(RESTART_SECONDS)
            for name, process in self.running.items():
                if process.poll() is not None:
                    self.start(name)

    def end(self) -> None:
        """Stop all of them."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@asynccontextmanager
async def at_work(crew: Crew) -> AsyncIterator[None]:
    """Keep all of a crew running for as long as the block does."""
    for name in crew.commands:
        crew.start(name)
    keeping = asyncio.create_task(crew.keep())
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        crew.end()


async def strike(
    crew: Crew, chance: Random, *, data_dir: Path, kills: int, restarts: int, gap_seconds: float
) -> None:
    """Kill so many processes and restart PostgreSQL so many times, in an order and at moments that `chance` draws."""
    blows = ["kill"] * kills + ["restart"] * restarts
    chance.shuffle(blows)
    for blow in blows:
        await asyncio.sleep(gap_seconds * chance.uniform(0.3, 1.7))
        if blow == "kill":
            crew.kill(chance.choice(list(crew.commands)))
        else:
            await restart_postgres(data_dir)


async def restart_postgres(data_dir: Path) -> None:
    """Shut the embedded PostgreSQL down at once (SIGQUIT: as in a crash); its keeper starts it again."""
    places = prepare(data_dir)
    pid = server_pid(places)
    assert pid is not None
    os.kill(pid, signal.SIGQUIT)
    while server_pid(places) in (pid, None):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(LOOK_SECONDS)


async def answers(address: str) -> None:
    """Wait until a server answers at `address`, whatever it says. Raises TimeoutError when it never does."""
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(ANSWER_SECONDS):
        while True:
            with suppress(httpx.HTTPError):
                await client.get(address, timeout=5.0)
                return
            await asyncio.sleep(LOOK_SECONDS)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
