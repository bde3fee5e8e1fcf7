"""Which addresses webhooks may go to: only public ones, and exactly those that were checked."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

MOST_ADDRESSES = 3  # of one name that are tried, one after the other
CONNECT_SECONDS = 3.0

Resolve = Callable[[str, int], Awaitable[list[str]]]

# Looking up a name holds a thread for as long as name servers are silent: threads that nobody else waits for.
_lookers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolve")


class AddressRefused(Exception):  # noqa: N818 - says what happened
    """An address is not one that a webhook may go to; the message says why, in a sentence."""


def check_url(url: str) -> httpx.URL:
    """Return a receiver's address, read by what will connect to it. Raises AddressRefused."""
    try:
        read = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise AddressRefused("This is no URL.") from None
    if read.scheme not in ("http", "https") or not read.host:
        raise AddressRefused("Takes a URL that begins with https:// or http:// and names a host.")
    if read.userinfo:
        raise AddressRefused("Takes a URL without credentials: what is sent is signed.")
    if read.fragment:
        raise AddressRefused("Takes a URL without a fragment.")
    return read


async def check_addresses(url: httpx.URL, resolve: Resolve, *, private: bool) -> list[str]:
    """Return the addresses of a receiver's host, all of which are public (`private`: or not). Raises AddressRefused.

    One that is not is enough to refuse: which of them is connected to would be left to chance.
    """
    # The same words for a name that is not known: what names there are inside is nobody's business outside.
    refusal = AddressRefused("The host of this URL has no address, or one that is not public.")
    try:
        addresses = await resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
    except (OSError, UnicodeError):
        raise refusal from None
    if not addresses or not (private or all(map(is_public, addresses))):
        raise refusal
    return addresses[:MOST_ADDRESSES]


async def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the order in which to try them. Raises OSError or UnicodeError."""

    def look() -> list[str]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    return await asyncio.get_running_loop().run_in_executor(_lookers, look)


def is_public(address: str) -> bool:
    """Say whether an address is a public one, and does not wrap another, as IPv4-mapped IPv6 does."""
    read = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(read, ipaddress.IPv6Address) and (read.is_site_local or _wraps(read)):
        return False
    special = read.is_multicast or read.is_reserved or read.is_unspecified or read.is_loopback or read.is_link_local
    return read.is_global and not special


def _wraps(address: ipaddress.IPv6Address) -> bool:
    # What is reserved holds the rest: IPv4-compatible addresses and those of NAT64.
    return any(wrapped is not None for wrapped in (address.ipv4_mapped, address.sixtofour, address.teredo))


class CheckedTransport(httpx.AsyncBaseTransport):
    """Connects to the very address that was checked; a name is not looked up again, so it cannot change in between.

    Raises AddressRefused. Certificates are held against the name, and the Host header says it.
    """

    def __init__(
        self, *, private: bool, resolve: Resolve = resolve_host, through: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._private = private
        self._resolve = resolve
        # A connection that is kept would be shared by all names at one address.
        self._through = through or httpx.AsyncHTTPTransport(
            trust_env=False, limits=httpx.Limits(max_connections=None, max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, by the first of the host's addresses that lets us connect."""
        host = request.url.host
        *others, last = await check_addresses(request.url, self._resolve, private=self._private)
        for address in others:
            try:
                return await self._send(request, host, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._send(request, host, last)

    async def _send(self, request: httpx.Request, host: str, address: str) -> httpx.Response:
        return await self._through.handle_async_request(
            httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # with the Host of the name
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
        )

    async def aclose(self) -> None:
        """Close what is open."""
        await self._through.aclose()
