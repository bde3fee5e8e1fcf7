"""Looks up the names of hosts, so that names which nobody answers for hold up no others.

Python lets a whole process look names up in a handful of threads, and one that is waited for no longer still keeps
its thread until the name servers are given up on. Here each look-up has a thread of its own. A name has one under way
at most, which all share who ask for it; and names that took long the last time are left few threads between them.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Lock, Thread
from time import monotonic

AT_ONCE = 128  # look-ups, of names that are new or were answered in time
SLOW_AT_ONCE = 16  # look-ups of names that were slow the last time
SLOW_SECONDS = 1.0
KEPT_SECONDS = 60.0
FAILED_SECONDS = 5.0
MOST_KEPT = 4096
LOOPBACK = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class _Found:
    """What came of a look-up: no addresses where it failed. After `until` a name is looked up anew."""

    addresses: tuple[str, ...]
    until: float
    slow: bool


Tell = Callable[[_Found], None]


class Names:
    """Names and their addresses, for any number of event loops."""

    def __init__(self, *, timer: Callable[[], float] = monotonic) -> None:
        self._timer = timer
        self._lock = Lock()
        self._found: dict[str, _Found] = {}
        self._asking: dict[str, list[Tell]] = {}  # whom to tell of each look-up that is under way or waits
        self._waiting: dict[bool, deque[str]] = {False: deque(), True: deque()}  # by whether they are slow
        self._threads = {False: 0, True: 0}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return the addresses of a host, in the order in which to try them. Raises OSError."""
        host = host.lower()
        if (known := _known(host)) is not None:
            return known
        found = await self._find(host)
        if not found.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "this name has no address")
        return found.addresses

    async def _find(self, host: str) -> _Found:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_Found] = loop.create_future()

        def tell(found: _Found) -> None:
            with suppress(RuntimeError):  # its event loop is over
                loop.call_soon_threadsafe(_answer, answer, found)

        with self._lock:
            found = self._found.get(host)
            if found is not None and self._timer() < found.until:
                return found
            self._ask(host, tell, slow=found is not None and found.slow)
        try:
            return await answer
        finally:
            with self._lock:
                if tell in (asking := self._asking.get(host, [])):
                    asking.remove(tell)

    def _ask(self, host: str, tell: Tell, *, slow: bool) -> None:
        """Have a name looked up, or join who asks for it already; the lock is held."""
        if host in self._asking:
            self._asking[host].append(tell)
            return
        if self._threads[slow] < (SLOW_AT_ONCE if slow else AT_ONCE):
            # A process that ends waits for no daemon.
            thread = Thread(target=self._look_up, args=(host, slow), name="leenpad-names", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                raise OSError("no thread is to be had to look a name up") from None
            self._threads[slow] += 1
        else:
            self._waiting[slow].append(host)
        self._asking[host] = [tell]

    def _look_up(self, host: str, slow: bool) -> None:
        """Look up a name, and then what waits for a thread; runs in one."""
        following: str | None = host
        while following is not None:
            host, started = following, self._timer()
            addresses = _look(host)
            with self._lock:
                ended = self._timer()
                kept = KEPT_SECONDS if addresses else FAILED_SECONDS
                found = _Found(addresses, ended + kept, slow=ended - started > SLOW_SECONDS)
                self._keep(host, found)
                asking = self._asking.pop(host, [])
                following = self._waiting[slow].popleft() if self._waiting[slow] else None
                self._threads[slow] -= following is None
            for tell in asking:
                tell(found)

    def _keep(self, host: str, found: _Found) -> None:
        self._found.pop(host, None)
        while len(self._found) >= MOST_KEPT:
            del self._found[next(iter(self._found))]  # the oldest
        self._found[host] = found


NAMES = Names()


async def connect(
    host: str, port: int, *, tls: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first of a host's addresses that lets us. Raises OSError."""
    *others, last = await NAMES.addresses(host)
    name = None if tls is None else host
    for address in others:
        with suppress(OSError):
            return await asyncio.open_connection(address, port, ssl=tls, server_hostname=name)
    return await asyncio.open_connection(last, port, ssl=tls, server_hostname=name)


def _answer(answer: asyncio.Future[_Found], found: _Found) -> None:
    if not answer.done():
        answer.set_result(found)


def _known(host: str) -> tuple[str, ...] | None:
    """Return the addresses of what need not be looked up: of an address itself, and of this machine (RFC 6761)."""
    if host.removesuffix(".").rpartition(".")[2] == "localhost":
        return LOOPBACK
    try:
        ip_address(host)
    except ValueError:
        return None
    return (host,)


def _look(host: str) -> tuple[str, ...]:
    """Return a host's addresses, as the machine says; none where it fails."""
    try:
        entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except Exception:  # whatever it is: they all wait to hear of it
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))
