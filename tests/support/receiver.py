"""A receiver of webhooks on this machine that does what the test tells it, and keeps what it was sent."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

HANG = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.body)
        return found

    def is_signed_with(self, secret: str) -> bool:
        """Verify as docs/operations.md tells receivers to."""
        signed = self.headers["leenpad-timestamp"].encode() + b"." + self.body
        expected = "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, self.headers["leenpad-signature"])


@dataclass(slots=True)
class TestReceiver:
    """Answers with `answers` in turn (HANG: not at all), and with 204 when none is left."""

    __test__ = False

    port: int = 0
    answers: list[int] = field(default_factory=list)
    location: str | None = None  # where 3xx leads
    sent: list[Sent] = field(default_factory=list)
    confirmed: list[Sent] = field(default_factory=list)
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/told?from=leenpad"

    def heard(self) -> list[str]:
        """What was confirmed, as `sequence event`."""
        return [f"{sent.event['sequence']} {sent.event['event']}" for sent in self.confirmed]

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        sent = Sent(head[0].split(" ")[1], headers, body)
        self.sent.append(sent)
        status = self.answers.pop(0) if self.answers else 204
        if status == HANG:
            await reader.read()  # until the other side leaves
        else:
            if 200 <= status < 300:
                self.confirmed.append(sent)
            where = f"Location: {self.location}\r\n" if self.location else ""
            writer.write(f"HTTP/1.1 {status} X\r\n{where}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[TestReceiver]:
    """Open a receiver for as long as the block runs."""
    receiver = TestReceiver()
    await receiver.open()
    try:
        yield receiver
    finally:
        await receiver.close()
