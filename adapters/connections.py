"""How aiohttp gets to a system: names by threads of our own, quiet connections only, and nothing sent twice."""

from __future__ import annotations

import asyncio
import select
import socket
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

from adapters.names import NAMES


class CutError(Exception):
    """A connection broke while it was used."""


class Resolver(AbstractResolver):
    """Looks up names as adapters.names does."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return a host's addresses. Raises OSError."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await NAMES.addresses(host)
        ]

    async def close(self) -> None:
        """Nothing is open."""


class Connector(aiohttp.TCPConnector):
    """Gives no connection out again on which something came unasked: it would be read as the next answer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._given_out: WeakSet[ResponseHandler] = WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp calls it so
    ) -> aiohttp.connector.Connection:
        """Return a connection that was kept and is quiet, or else a new one."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            assert protocol is not None
            if protocol not in self._given_out:
                self._given_out.add(protocol)
                return connection
            if not (protocol.should_close or _is_readable(connection.transport)):
                return connection
            connection.close()


def _is_readable(transport: asyncio.Transport | None) -> bool:
    """Say whether there is something that the event loop has not read yet, be it the end."""
    descriptor = -1 if transport is None else transport.get_extra_info("socket").fileno()
    if descriptor < 0:
        return True
    polled = select.poll()
    polled.register(descriptor, select.POLLIN)
    return bool(polled.poll(0))


async def send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Never send anything twice by itself: aiohttp repeats PUT, DELETE and GET when a connection broke under them."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise CutError(type(error).__name__) from None
