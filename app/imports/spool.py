"""Keeps an upload in a temporary file until it is whole, so that a broken one never reaches the database."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO

from app.aside import aside

MIB = 1024 * 1024
WRITE_BYTES = MIB


class UploadTooLarge(Exception):  # noqa: N818 - named as the problem it becomes
    """The body is larger than an import takes."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"An import takes at most {max_bytes // MIB} MiB; split the file.")


class UploadTooSlow(Exception):  # noqa: N818
    """The body did not arrive in the time that an import may take."""

    def __init__(self, max_seconds: float) -> None:
        super().__init__(f"The body did not arrive within {max_seconds:.0f} seconds.")


@asynccontextmanager
async def spooled(
    body: AsyncIterator[bytes], *, declared_bytes: int | None, max_bytes: int, max_seconds: float
) -> AsyncIterator[IO[bytes]]:
    """Lend the whole body as a file at its start; the file has no name and vanishes with the block, or the process.

    `declared_bytes` is the Content-Length, if there was one: too large is then known before anything is read.
    Raises UploadTooLarge or UploadTooSlow, and whatever `body` raises when the sender breaks off.
    """
    if declared_bytes is not None and declared_bytes > max_bytes:
        raise UploadTooLarge(max_bytes)
    with tempfile.TemporaryFile(prefix="leenpad-") as file:
        try:
            async with asyncio.timeout(max_seconds):
                await _write(body, file, max_bytes)
        except TimeoutError:
            raise UploadTooSlow(max_seconds) from None
        file.seek(0)
        yield file


async def _write(body: AsyncIterator[bytes], file: IO[bytes], max_bytes: int) -> None:
    # A disk may stall: it does so in a thread, a mebibyte at a time.
    total, waiting = 0, bytearray()
    async for chunk in body:
        total += len(chunk)
        if total > max_bytes:
            raise UploadTooLarge(max_bytes)
        waiting += chunk
        if len(waiting) >= WRITE_BYTES:
            await aside(file.write, bytes(waiting))
            waiting.clear()
    await aside(file.write, bytes(waiting))
    await aside(file.flush)
