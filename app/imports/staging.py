"""Runs the reading process and passes its rows on, as they come, to whoever copies them into the database."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import IO, Any

import orjson

from app.imports.parse import FRAME
from app.imports.report import ImportReport, ImportTooSlow, Reject, UnreadableFile

Progress = Callable[[int], None]
HOME = Path(__file__).resolve().parents[2]
PIPE_BYTES = 4 * 1024 * 1024


async def stage(
    source: Path | IO[bytes],
    task: dict[str, Any],
    *,
    into: Callable[[AsyncIterator[bytes]], Awaitable[None]],
    progress: Progress | None = None,
) -> ImportReport:
    """Read `source` as `task` says and give its good rows to `into` in COPY's text format.

    Returns what was read and rejected; `progress` is told how many bytes have been read. Raises UnreadableFile.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return await stage(file, task, into=into, progress=progress)
    descriptor: int = source.fileno()  # noqa: ASYNC240 - a file's descriptor is at hand, it is no look at the disk
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "app.imports.parse", str(descriptor)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=PIPE_BYTES,
        pass_fds=(descriptor,),
        cwd=HOME,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(HOME), os.environ.get("PYTHONPATH"))))},
    )
    try:
        outcome: dict[str, Any] = {}
        await _hand_down(process, task)
        await into(_frames(process, outcome, progress))
    except UnreadableFile:
        raise
    except BaseException:
        if process.returncode is None:
            process.kill()
        raise
    finally:
        # A process that has said its last ends by itself. To kill one that just did would collect it from under
        # asyncio, which then logs a child that it does not know.
        await process.wait()
    return ImportReport(
        read=outcome["read"],
        rejected=outcome["rejected"],
        rejects=tuple(Reject(**reject) for reject in outcome["rejects"]),
        notes=tuple(outcome["notes"]),
    )


def within(max_seconds: float | None) -> asyncio.Timeout:
    """Bound a whole import; see too_slow() for what its TimeoutError becomes."""
    return asyncio.timeout(max_seconds)


def too_slow(max_seconds: float | None) -> ImportTooSlow:
    """Return the error of an import that took longer than it may."""
    return ImportTooSlow(f"The import took longer than {max_seconds:.0f} seconds; nothing was changed.")


async def _hand_down(process: asyncio.subprocess.Process, task: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(orjson.dumps(task))
    await process.stdin.drain()
    process.stdin.close()


async def _frames(
    process: asyncio.subprocess.Process, outcome: dict[str, Any], progress: Progress | None
) -> AsyncIterator[bytes]:
    assert process.stdout is not None
    while not outcome:
        try:
            kind, length = FRAME.unpack(await process.stdout.readexactly(FRAME.size))
            payload = await process.stdout.readexactly(length)
        except asyncio.IncompleteReadError:
            raise RuntimeError(
                f"the reading process ended with {await process.wait()} and without an outcome"
            ) from None
        if kind == b"D":
            yield payload
        elif kind == b"P":
            if progress is not None:
                progress(int(payload))
        elif kind == b"E":
            raise UnreadableFile(payload.decode())
        else:
            outcome.update(orjson.loads(payload))
