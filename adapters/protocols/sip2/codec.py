"""SIP2 on the wire: messages to bytes and back. Pure: no sockets, no clock; hostile bytes raise or are replaced.

A message (3M SIP2 2.00, S) is two digits, a fixed part whose length the digits decide, fields of two letters and a
value up to `|`, and where errors are to be detected `AY` with a sequence digit and `AZ` with a checksum; then CR.
Servers in the field differ, so reading is tolerant: CR or LF or both, a fixed part that is padded or cut short,
checksums without leading zeros, in small letters or over characters instead of bytes (S: a log in
php-sip2's issue 8), bytes that the encoding does not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LARGEST_BYTES = 256 * 1024
"""Of one message. A patron with thousands of holds stays far below."""

FIXED = {
    "09": 37,
    "10": 22,
    "11": 38,
    "12": 22,
    "15": 19,
    "16": 20,
    "17": 18,
    "18": 24,
    "23": 21,
    "24": 35,
    "63": 31,
    "64": 59,
    "93": 2,
    "94": 1,
    "96": 0,
    "97": 0,
    "98": 34,
    "99": 8,
}
"""Characters in the fixed part, by message (S); of an unknown message, none."""

RESEND = frozenset({"96", "97"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f|]")
_TRAILER = re.compile(rb"(?:AY([0-9])\|?)?AZ([0-9A-Fa-f]{1,4})[|\s\x00]*\Z")
_SEQUENCE = re.compile(rb"AY([0-9])[|\s\x00]*\Z")
_LINE_END = re.compile(rb"[\r\n]")
_FIELD = re.compile(r"[A-Z][A-Z0-9]")


class NotSayable(ValueError):  # noqa: N818 - says what it is
    """A value holds a delimiter or control character, which SIP2 cannot carry."""


class NotReadable(ValueError):  # noqa: N818 - says what it is
    """These bytes are no SIP2 message."""


class BadChecksum(NotReadable):
    """The message was damaged on its way."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `fixed` is as long as `FIXED` says, padded with blanks; `fields` may repeat a name.

    `sequence` is None where no `AY` came with it.
    """

    code: str
    fixed: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    sequence: int | None = None

    def first(self, name: str) -> str:
        """Return the first value of a field without blanks around it; the empty string where there is none."""
        return next((value.strip() for given, value in self.fields if given == name), "")

    def all(self, name: str) -> list[str]:
        """Return the values of a field that are not empty."""
        return [value.strip() for given, value in self.fields if given == name and value.strip()]

    def flag(self, position: int) -> str:
        """Return one character of the fixed part; a blank where it is too short."""
        return self.fixed[position : position + 1] or " "


def checksum(said: bytes) -> int:
    """Return the checksum of a message from its first byte to and with `AZ` (S: both together make 0 in 16 bits)."""
    return -sum(said) & 0xFFFF


def written(message: Message, *, encoding: str, checksums: bool) -> bytes:
    """Return the bytes of a message, without a line end. Raises NotSayable.

    Characters that the encoding lacks become question marks.
    """
    for part in (message.code, message.fixed, *(value for _, value in message.fields)):
        if _CONTROL.search(part):
            raise NotSayable("a value holds a delimiter or control character")
    text = message.code + message.fixed + "".join(f"{name}{value}|" for name, value in message.fields)
    body = text.encode(encoding, "replace")
    if checksums:
        # A request to send again bears a checksum but no sequence number (S).
        if message.sequence is not None and message.code not in RESEND:
            body += b"AY%d" % message.sequence
        body += b"AZ"
        body += b"%04X" % checksum(body)
    return body


def read(frame: bytes, *, encoding: str) -> Message:
    """Return the message in a frame, which has no line end. Raises NotReadable, or BadChecksum."""
    body, sequence = _without_trailer(frame.lstrip(b"\x00"), encoding)
    text = body.decode(encoding, "replace")
    code = text[:2]
    if not (code.isascii() and code.isdigit()):
        raise NotReadable("does not begin with two digits")
    length = FIXED.get(code, 0)
    start = _start_of_fields(text, 2 + length) if length else 2
    fixed = text[2:start]
    if length and not fixed:
        raise NotReadable("ends after its number")
    return Message(code, fixed[:length].ljust(length), _fields(text[start:]), sequence)


def _without_trailer(frame: bytes, encoding: str) -> tuple[bytes, int | None]:
    found = _TRAILER.search(frame)
    if found and (found[1] is not None or _may_begin(frame, found.start())):
        said = frame[: found.start(2)]
        expected = int(found[2], 16)
        if expected not in (checksum(said), -sum(map(ord, said.decode(encoding, "replace"))) & 0xFFFF):
            raise BadChecksum("the checksum is another")
        return frame[: found.start()], None if found[1] is None else int(found[1])
    found = _SEQUENCE.search(frame)
    if found and _may_begin(frame, found.start()):
        return frame[: found.start()], int(found[1])
    return frame, None


def _may_begin(frame: bytes, position: int) -> bool:
    """Say whether a field may begin here: behind a delimiter, or where the fixed part ends."""
    length = FIXED.get(frame[:2].decode("ascii", "replace"), 0)
    return frame[position - 1 : position] == b"|" or position == 2 + length


def _start_of_fields(text: str, nominal: int) -> int:
    """Return where the fields begin: where they should, or where the first one is seen to be.

    `AO` leads the fields of most messages, and occurs in no fixed part: where it comes too early, the fixed part was
    cut short; blanks in its place were added to it.
    """
    early = text.find("AO", 3, nominal + 1)
    if early != -1:
        return early
    while text[nominal : nominal + 1] == " ":
        nominal += 1
    return min(nominal, len(text))


def _fields(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((part[:2], part[2:]) for part in text.split("|") if _FIELD.match(part))


class Framer:
    """Cuts a stream into frames, however its bytes come: many at once, or one by one."""

    def __init__(self, largest_bytes: int = LARGEST_BYTES) -> None:
        self._largest_bytes = largest_bytes
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take what came, and return the frames that are whole now. Raises NotReadable for one that is too large."""
        searched = len(self._pending)
        self._pending += data
        frames: list[bytes] = []
        begin = 0
        for found in _LINE_END.finditer(self._pending, searched):
            end = found.start()
            if end > begin:
                frames.append(bytes(self._pending[begin:end]))
            begin = end + 1
        self._pending = self._pending[begin:]
        if max(map(len, [*frames, self._pending])) > self._largest_bytes:
            raise NotReadable(f"a message is larger than {self._largest_bytes} bytes")
        return frames
