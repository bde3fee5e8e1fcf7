"""Processes that use an embedded PostgreSQL, and a look at which processes such a server has."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys
from pathlib import Path
from app.embedded import EmbeddedUnavailable, running
try:
    with running(Path(sys.argv[1]), durable=sys.argv[2] == "durable") as url:
        print(url, flush=True)
        sys.stdin.read()
except EmbeddedUnavailable as error:
    print("refused:", error, flush=True)
"""


@contextmanager
def user(
    data_dir: Path,
    *,
    prefix: Sequence[str] = (),
    python: str = sys.executable,
    durable: bool = False,
    environment: dict[str, str] | None = None,
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a process that uses the server in `data_dir` until the block ends; yield it and the address it prints."""
    process = subprocess.Popen(
        [*prefix, python, "-c", HOLD, str(data_dir), "durable" if durable else "fast"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | (environment or {}),
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        if process.poll() is None:
            process.communicate("")
        else:
            process.communicate()


def processes_of(data_dir: Path) -> dict[int, str]:
    """Return the command lines, by number, of the keeper and the PostgreSQL processes that live in `data_dir`."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = os.readlink(entry / "cwd")
        except OSError:  # it ended meanwhile
            continue
        keeper = "app.embedded.keeper" in command and str(data_dir) in command
        if command and (keeper or Path(where) == data_dir / "cluster"):
            found[int(entry.name)] = command
    return found


def keeper_of(data_dir: Path) -> int:
    """Return the number of the keeper's process."""
    (number,) = [number for number, command in processes_of(data_dir).items() if "app.embedded.keeper" in command]
    return number


def postmaster_of(data_dir: Path) -> int:
    """Return the number of PostgreSQL's first process."""
    return int((data_dir / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def owner_of(process: int) -> int:
    """Return the user that a process runs as."""
    return Path(f"/proc/{process}").stat().st_uid


def eventually(holds: Callable[[], bool], *, seconds: float = 20.0) -> bool:
    """Say whether something comes to hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


async def ask(url: str, *statements: str) -> object:
    """Run statements over one connection and return the last one's first value."""
    connection = await asyncpg.connect(url)
    try:
        answer: object = None
        for statement in statements:
            answer = await connection.fetchval(statement)
        return answer
    finally:
        await connection.close()
