"""One way to call a system over HTTP: bounded in time and size, no surprises, and every failure a SystemFault.

What a failure means depends on whether the call writes. A read that failed did nothing. A write that was sent and got
no answer, or a server error, may have been done: OutcomeUnknown. One that never left this machine was not:
Unavailable.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import perf_counter
from typing import Any, Literal

import httpx

from adapters.contract import (
    AuthExpired,
    Malformed,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    SystemFault,
    Unavailable,
)
from adapters.installation import Limits

log = logging.getLogger("adapters.http")

CONNECTIONS = 16
DEFAULT_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 3600.0
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

Params = Mapping[str, str | int | list[str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of status 2xx, whole, and no larger than allowed."""

    status: int
    headers: httpx.Headers
    body: bytes
    writes: bool = False

    def json(self) -> Any:
        """Return the body as JSON. Raises what `unread` returns."""
        try:
            return httpx.Response(self.status, content=self.body).json()
        except (ValueError, RecursionError) as error:
            raise self.unread("the answer is no JSON") from error

    def unread(self, said: str) -> SystemFault:
        """Return the fault for an answer that cannot be read: a write may have been done all the same."""
        return unread(said, writes=self.writes)


class Http:
    """Calls one system. No redirect is followed, no proxy or netrc of the machine is used, no cookie is kept."""

    def __init__(self, base: str, *, system: str, limits: Limits, headers: Mapping[str, str] | None = None) -> None:
        self._system = system
        self._limits = limits
        self._client = httpx.AsyncClient(
            base_url=base,
            headers={"Accept-Encoding": "identity", "User-Agent": "Leenpad", **(headers or {})},
            timeout=limits.deadline_seconds,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            trust_env=False,
            follow_redirects=False,
        )

    async def ask(
        self,
        method: Literal["GET", "POST", "PUT", "DELETE"],
        path: str,
        *,
        what: str,
        writes: bool = False,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
    ) -> Reply:
        """Send one request and return its answer of status 2xx.

        `what` names the call in logs and faults; addresses, which may name a patron, are never repeated.

        Raises Unavailable, RateLimited, AuthExpired (401), NotFound (404, 410), Refused (403, 409, 422), Malformed,
        or, where it `writes`, OutcomeUnknown.
        """
        started = perf_counter()
        outcome = "fault"
        try:
            request = self._client.build_request(
                method, path, params=params, headers=headers, data=form, json=json, content=content
            )
            async with asyncio.timeout(self._limits.deadline_seconds):
                reply = await self._send(request, writes=writes)
            outcome = str(reply.status)
            return _judged(reply, what, writes=writes)
        except TimeoutError as error:
            outcome = "timeout"
            raise _silent(what, writes=writes) from error
        except NOT_SENT as error:
            outcome = type(error).__name__
            raise Unavailable(f"{what}: {outcome}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            outcome = type(error).__name__
            raise _silent(f"{what}: {outcome}", writes=writes) from error
        finally:
            took = (perf_counter() - started) * 1000
            log.info("system=%s call=%s outcome=%s ms=%.0f", self._system, what, outcome, took)

    async def _send(self, request: httpx.Request, *, writes: bool) -> Reply:
        response = await self._client.send(request, stream=True)
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise unread("the answer is compressed, which was not asked for", writes=writes)
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._limits.answer_bytes:
                    raise unread(f"the answer is larger than {self._limits.answer_bytes} bytes", writes=writes)
        finally:
            await response.aclose()
        return Reply(response.status_code, response.headers, bytes(body), writes)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _judged(reply: Reply, what: str, *, writes: bool) -> Reply:
    status = reply.status
    if 200 <= status < 300:
        return reply
    said = f"{what}: status {status}"
    if status in (429, 503) and (status == 429 or "retry-after" in reply.headers):
        raise RateLimited(retry_after_seconds(reply.headers))
    if status == 401:
        raise AuthExpired(said)
    if status in (404, 410):
        raise NotFound(said)
    if status in (403, 409, 422):
        raise Refused("PolicyProblem", said)
    if status >= 500:
        # 503 alone says that nothing was done; after any other server error a write may have been.
        raise OutcomeUnknown(said) if writes and status != 503 else Unavailable(said)
    raise Malformed(said)


def _silent(said: str, *, writes: bool) -> SystemFault:
    return (OutcomeUnknown if writes else Unavailable)(said)


def unread(said: str, *, writes: bool) -> SystemFault:
    """Return Malformed, or for a write, which may have been done all the same, OutcomeUnknown."""
    return (OutcomeUnknown if writes else Malformed)(said)


def retry_after_seconds(headers: httpx.Headers) -> float:
    """Return how long to wait (RFC 9110, 10.2.3: seconds or a date), never less than 0 or more than an hour."""
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        return min(float(given), LONGEST_RETRY_SECONDS)
    try:
        moment = parsedate_to_datetime(given)
    except ValueError:
        return DEFAULT_RETRY_SECONDS
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    wait = (moment - datetime.now(UTC)).total_seconds()
    return min(max(wait, 0.0), LONGEST_RETRY_SECONDS)
