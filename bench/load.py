"""A small load generator: a few keep-alive connections, each sending its next request when the answer is in."""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Load:
    """What a run measured: requests a second, and the latency in milliseconds at the median and at p99."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float


class _Caller(asyncio.Protocol):
    def __init__(self, waiting: deque[bytes], latencies: list[float], done: asyncio.Future[None]) -> None:
        self.waiting = waiting
        self.latencies = latencies
        self.done = done
        self.buffer = bytearray()
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._send()

    def _send(self) -> None:
        if not self.waiting:
            self.transport.close()
            return
        self.sent = time.perf_counter()
        self.transport.write(self.waiting.popleft())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self.buffer, 0, head)
        assert length is not None
        if len(self.buffer) < head + 4 + int(length[1]):
            return
        if not self.buffer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            self._fail(RuntimeError(bytes(self.buffer[:2000]).decode(errors="replace")))
            return
        self.latencies.append(time.perf_counter() - self.sent)
        self.buffer.clear()
        self._send()

    def _fail(self, fault: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(fault)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            if self.waiting or exc:
                self.done.set_exception(exc or ConnectionError("the server hung up"))
            else:
                self.done.set_result(None)


def get(path: str) -> bytes:
    """Return the bytes of a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, body: bytes) -> bytes:
    """Return the bytes of a POST request with a JSON body."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def run(port: int, requests: Sequence[bytes], *, connections: int = 8) -> Load:
    """Send all requests to 127.0.0.1:`port`; raise RuntimeError at the first answer that is neither 200 nor 201."""
    waiting, latencies = deque(requests), list[float]()
    loop = asyncio.get_running_loop()
    done = [loop.create_future() for _ in range(connections)]
    begun = time.perf_counter()
    for future in done:
        await loop.create_connection(
            lambda future=future: _Caller(waiting, latencies, future),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
    await asyncio.gather(*done)
    seconds = time.perf_counter() - begun
    latencies.sort()
    count = len(latencies)
    return Load(count / seconds, latencies[count // 2] * 1000, latencies[int(count * 0.99)] * 1000)
