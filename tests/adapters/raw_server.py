"""A server that says exactly what it is told to, byte by byte: what no well-behaved server would."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """Answers each request with what `answer` does, and remembers the requests and the open connections."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.open = 0
        self.came = 0  # connections, those included that ended
        self.base = ""
        self._last: asyncio.StreamWriter | None = None

    def say(self, unasked: bytes) -> None:
        """Say something on the newest connection, so that it has arrived when this returns."""
        assert self._last is not None
        os.write(self._last.get_extra_info("socket").fileno(), unasked)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.came += 1
        self._last = writer
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
                )
                request = head + await reader.readexactly(length)
                self.requests.append(request)
                await self.answer(request, writer)
                await writer.drain()
                if writer.is_closing():
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def raw_server(answer: Answer) -> AsyncIterator[RawServer]:
    """Serve until the block ends."""
    server = RawServer(answer)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await server._serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            tasks.discard(task)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.base = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def always(answer: bytes) -> Answer:
    """Say the same to everybody, and stay connected."""

    async def say(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return say


def then_close(answer: bytes) -> Answer:
    """Say it, and close the connection."""

    async def say(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    return say


def drip(answer: bytes, *, bit: bytes = b"x", every_seconds: float = 0.02) -> Answer:
    """Say it, and then go on for ever, a bit at a time."""

    async def say(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        while True:
            await writer.drain()
            await asyncio.sleep(every_seconds)
            writer.write(bit)

    return say


def plain(status: int, body: bytes = b"", *headers: str) -> bytes:
    """Return an answer as it goes over the line."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
