"""One connection to a SIP2 server: opened, logged in, asked one thing at a time; after a failure never used again."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field, replace

from adapters.contract import AuthExpired, Malformed, Unavailable
from adapters.names import connect
from adapters.protocols.sip2 import words
from adapters.protocols.sip2.codec import (
    LARGEST_BYTES,
    RESEND,
    BadChecksum,
    Framer,
    Message,
    NotReadable,
    read,
    written,
)

CHUNK_BYTES = 64 * 1024
MOST_RESENDS = 3  # as often is a damaged message asked for again, or ours sent again
MOST_STRAYS = 8  # answers to something else that are passed over before the connection is given up
LINGERS_SECONDS = 1.0


class Garbled(Exception):  # noqa: N818 - says what it is
    """What came back cannot be read, or is the answer to something else."""


class LoggedOut(Exception):  # noqa: N818 - says what it is
    """The server wants a new login before it does what it was asked."""


class Hung(EOFError):  # noqa: N818 - says what it is
    """The server ended the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Where a server is and who we are there."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    location_code: str = ""
    encoding: str = "utf-8"
    checksums: bool = True
    line_end: str = "\r"
    largest_bytes: int = LARGEST_BYTES


class Connection:
    """Asks one thing at a time. Not to be shared by two that ask at once."""

    def __init__(self, terminal: Terminal, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._terminal = terminal
        self._reader = reader
        self._writer = writer
        self._framer = Framer(terminal.largest_bytes)
        self._frames: list[bytes] = []
        self._sequence = -1
        self._answered = ""  # the code of the answer before this one
        self.status: words.Sip2Status | None = None

    @classmethod
    async def open(cls, terminal: Terminal) -> Connection:
        """Connect, log in where we have a name, and ask how the system is.

        Raises AuthExpired where it does not let us in, Unavailable where it says it is off line, Malformed, OSError
        or Hung.
        """
        reader, writer = await connect(terminal.host, terminal.port, tls=terminal.tls)
        connection = cls(terminal, reader, writer)
        try:
            await connection._log_in()
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _log_in(self) -> None:
        terminal = self._terminal
        try:
            if terminal.user:
                asked = words.login(
                    user=terminal.user, password=terminal.password, location_code=terminal.location_code
                )
                if not words.accepted(await self.exchange(asked, "94")):
                    raise AuthExpired("the system refused our login")
            self.status = words.status_of(await self.exchange(words.status_request(), "98"))
        except LoggedOut as error:
            raise AuthExpired("the system wants a login") from error
        except Garbled as error:
            raise Malformed(f"at login: {error}") from error
        if not self.status.on_line:
            raise Unavailable("the system says that it is off line")

    @property
    def usable(self) -> bool:
        """Say whether nothing has ended it, as far as this side can know."""
        return not (self._reader.at_eof() or self._writer.is_closing() or self._reader.exception())

    async def exchange(self, message: Message, answer: str) -> Message:
        """Send a message and return the answer of code `answer`.

        Raises Garbled, LoggedOut, OSError, Hung or NotSayable. Whoever lets it be cancelled must abort it.
        """
        self._sequence = (self._sequence + 1) % 10
        message = replace(message, sequence=self._sequence)
        sent = self._written(message)
        self._frames.clear()  # what came unasked belongs to nothing
        await self._send(sent)
        reply = await self._answer(sent, answer, message.first("AB"))
        self._answered = answer
        return reply

    async def _answer(self, sent: bytes, answer: str, item: str) -> Message:
        resends = strays = 0
        while strays <= MOST_STRAYS:
            try:
                reply = read(await self._next(), encoding=self._terminal.encoding)
            except BadChecksum as error:
                resends += 1
                if resends > MOST_RESENDS:
                    raise Garbled(str(error)) from error
                await self._send(self._written(Message("97")))
                continue
            except NotReadable as error:
                raise Garbled(str(error)) from error
            if reply.code in RESEND:
                # It could not read us, so it did nothing: the same message under the same number is the same request.
                resends += 1
                if resends > MOST_RESENDS:
                    raise Garbled("it asks for the same again and again")
                await self._send(sent)
            elif reply.sequence not in (None, self._sequence) or self._is_late(reply, answer, item):
                strays += 1
            elif reply.code == answer:
                return reply
            elif reply.code == "94" and not words.accepted(reply):
                raise LoggedOut
            else:
                raise Garbled("it answers something else than was asked")
        raise Garbled("it answers only what was asked before")

    def _is_late(self, reply: Message, answer: str, item: str) -> bool:
        """Say whether an answer without a number is the one before, once more; or about another item."""
        if reply.sequence is not None:
            return False
        if reply.code != answer:
            return reply.code == self._answered
        return bool(item and reply.first("AB")) and reply.first("AB").casefold() != item.casefold()

    def _written(self, message: Message) -> bytes:
        terminal = self._terminal
        said = written(message, encoding=terminal.encoding, checksums=terminal.checksums)
        return said + terminal.line_end.encode()

    async def _send(self, sent: bytes) -> None:
        self._writer.write(sent)
        await self._writer.drain()

    async def _next(self) -> bytes:
        while not self._frames:
            data = await self._reader.read(CHUNK_BYTES)
            if not data:
                raise Hung("the system ended the connection")
            try:
                self._frames = self._framer.feed(data)
            except NotReadable as error:
                raise Garbled(str(error)) from error
        return self._frames.pop(0)

    def abort(self) -> None:
        """Let go of the socket at once."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """End the connection in good order, or at once where the other side does not take part."""
        self._writer.close()
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), LINGERS_SECONDS)
        self.abort()
