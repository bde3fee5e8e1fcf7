"""One way to call a system over HTTP: bounded in time and size, no surprises, and every failure a SystemFault.

What a failure means depends on whether the call writes. A read that failed did nothing. A write that was sent and got
no answer, or a server error, may have been done: OutcomeUnknown. One that never left this machine was not:
Unavailable.
"""

from __future__ import annotations

import asyncio
import json as json_text
import logging
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import perf_counter
from types import SimpleNamespace
from typing import Any, Literal
from urllib.parse import urlencode

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from adapters.connections import Connector, CutError, Resolver, send_once
from adapters.contract import (
    AuthExpired,
    Barred,
    Malformed,
    NotThere,
    OutcomeUnknown,
    RateLimited,
    Refused,
    SystemFault,
    Unavailable,
)
from adapters.installation import Limits
from adapters.trust import trusted

log = logging.getLogger("adapters.http")
# It would log whole addresses, query strings included, and headers.
logging.getLogger("aiohttp").setLevel(logging.CRITICAL)

CONNECTIONS = 16
PIECE_BYTES = 65_536
DEFAULT_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 3600.0

Params = Mapping[str, str | int | list[str]]
Method = Literal["GET", "POST", "PUT", "DELETE"]

_until: ContextVar[float | None] = ContextVar("until", default=None)  # the event loop's time


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whole, and no larger than allowed. Its status is 2xx, or one that the caller judges by itself."""

    status: int
    headers: CIMultiDictProxy[str] = field(default_factory=lambda: CIMultiDictProxy(CIMultiDict()))
    body: bytes = b""
    writes: bool = False

    def json(self) -> Any:
        """Return the body as JSON. Raises what `unread` returns."""
        try:
            return json_text.loads(self.body)
        except (ValueError, RecursionError):
            raise self.unread("the answer is no JSON") from None

    def unread(self, said: str) -> SystemFault:
        """Return the fault for an answer that cannot be read: a write may have been done all the same."""
        return unread(said, writes=self.writes)


class Http:
    """Calls one system. No redirect is followed, no proxy or netrc of the machine is used, no cookie is kept."""

    def __init__(self, base: str, *, system: str, limits: Limits, headers: Mapping[str, str] | None = None) -> None:
        self._base = base.rstrip("/") + "/"
        self._system = system
        self._limits = limits
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "Leenpad", **(headers or {})}
        self._sessions: dict[bool, aiohttp.ClientSession] = {}  # by whether they are for what writes
        self._closed = False

    async def ask(
        self,
        method: Method,
        path: str,
        *,
        what: str,
        writes: bool = False,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        judges: Collection[int] = (),
    ) -> Reply:
        """Send one request and return its answer of status 2xx, or of one that the caller `judges` by itself.

        `what` names the call in logs and faults; addresses, which may name a patron, are never repeated.

        Raises Unavailable, RateLimited, AuthExpired (401), NotThere (404, 410), Barred (403 to a read), Refused
        (409, 422, and to a write any other 4xx), Malformed, or, where it `writes`, OutcomeUnknown.
        """
        call = _Call(what, writes=writes)
        with self._logging(call), _blaming(call):
            request = self._request(call, method, path, params=params, headers=headers)
            request.carry(form=form, json=json, content=content)
            async with asyncio.timeout_at(self.until()):
                return await self._send(request, call, judges)

    @asynccontextmanager
    async def pour(
        self, path: str, *, what: str, headers: Mapping[str, str] | None = None
    ) -> AsyncGenerator[Poured, None]:
        """Open an answer that may be larger than memory, to be read bit by bit; each bit has the whole deadline.

        Raises as `ask`, here and while it is read.
        """
        call = _Call(what, writes=False)
        with self._logging(call):
            with _blaming(call):
                request = self._request(call, "GET", path, headers=headers)
                async with asyncio.timeout(self._limits.deadline_seconds):
                    response = await self._begin(request, call)
            try:
                call.outcome = str(response.status)
                _judge(response, call)
                _check_plain(response, call)
                yield Poured(response, call, self._limits.deadline_seconds)
            finally:
                response.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Give all that is asked inside one deadline together: what is one verb may be many requests."""
        token = _until.set(self.until())
        try:
            yield
        finally:
            _until.reset(token)

    def until(self) -> float:
        """Return until when, in the event loop's time, what is asked now may take."""
        own = asyncio.get_running_loop().time() + self._limits.deadline_seconds
        shared = _until.get()
        return own if shared is None else min(own, shared)

    def _request(
        self,
        call: _Call,
        method: Method,
        path: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Request:
        """Raises Malformed: what came from outside, such as a token, cannot always be put into a header."""
        headers = {**self._headers, **(headers or {})}
        try:
            whole = path.startswith(("http://", "https://"))
            url = URL(path if whole else self._base + path.lstrip("/"))
            if params is not None:
                # As OAI-PMH wants it, and few servers mind: everything that may mean something is escaped.
                url = URL(f"{url.with_query(None)}?{urlencode(params, doseq=True)}", encoded=True)
            if not (url.host and all(value.isascii() and value.isprintable() for value in headers.values())):
                raise ValueError
        except ValueError:
            raise Malformed(f"{call.what}: cannot be written as a request") from None
        return _Request(method, url, headers)

    def _open(self, *, writes: bool) -> aiohttp.ClientSession:
        """Return a session, which can only be made where an event loop runs. Raises Unavailable once this is closed.

        What writes has one of its own, which uses no connection twice: on one that was kept, the server may have
        hung up or complained already, and of what was sent on it nobody knows whether it was done.
        """
        if self._closed:
            raise Unavailable("it is not called any more")
        if writes not in self._sessions:
            trace = aiohttp.TraceConfig()
            trace.on_connection_create_end.append(_is_sent)
            trace.on_connection_reuseconn.append(_is_sent)
            self._sessions[writes] = aiohttp.ClientSession(
                connector=Connector(
                    limit=CONNECTIONS, ssl=trusted(), resolver=Resolver(), use_dns_cache=False, force_close=writes
                ),
                headers={"Connection": "close"} if writes else None,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False,
                trace_configs=[trace],
                middlewares=[send_once],
            )
        return self._sessions[writes]

    @contextmanager
    def _logging(self, call: _Call) -> Iterator[None]:
        """Log how a call went."""
        started = perf_counter()
        try:
            yield
        finally:
            took = (perf_counter() - started) * 1000
            # A decision may ask hundreds of systems: what went well is told to those who want to know.
            level = logging.DEBUG if call.outcome.startswith("2") else logging.INFO
            log.log(level, "system=%s call=%s outcome=%s ms=%.0f", self._system, call.what, call.outcome, took)

    async def _begin(self, request: _Request, call: _Call) -> aiohttp.ClientResponse:
        return await self._open(writes=call.writes).request(
            request.method,
            request.url,
            headers=request.headers,
            data=request.body,
            allow_redirects=False,
            skip_auto_headers=("Content-Type",),
            trace_request_ctx=call,
        )

    async def _send(self, request: _Request, call: _Call, judges: Collection[int]) -> Reply:
        response = await self._begin(request, call)
        try:
            call.outcome = str(response.status)
            if response.status not in judges:
                _judge(response, call)
            _check_plain(response, call)
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > self._limits.answer_bytes:
                    said = f"{call.what}: the answer is larger than {self._limits.answer_bytes} bytes"
                    raise unread(said, writes=call.writes)
        finally:
            response.close()  # what was read to its end has given its connection back before
        return Reply(response.status, response.headers, bytes(body), call.writes)

    async def close(self) -> None:
        """Close the connections. What is asked from now on raises Unavailable."""
        self._closed = True
        for session in self._sessions.values():
            await session.close()


@dataclass(slots=True)
class _Request:
    """What is sent."""

    method: Method
    url: URL
    headers: dict[str, str]
    body: bytes | None = None

    def carry(self, *, form: Mapping[str, str] | None, json: Any, content: bytes | None) -> None:
        """Give it a body, of at most one kind."""
        if form is not None:
            self.body, kind = urlencode(form).encode("ascii"), "application/x-www-form-urlencoded"
        elif json is not None:
            written = json_text.dumps(json, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            self.body, kind = written.encode(), "application/json"
        else:
            self.body = content
            return
        self.headers.setdefault("Content-Type", kind)


@contextmanager
def _blaming(call: _Call) -> Iterator[None]:
    """Turn what goes wrong between us and the system into a SystemFault.

    What is raised by aiohttp is named but not chained: it may repeat a header or an address.
    """
    try:
        yield
    except TimeoutError:
        call.outcome = "timeout"
        raise call.silent() from None
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        call.outcome = "closed"  # so aiohttp tells those who waited for a connection
        raise call.silent() from None
    except CutError as cut:
        call.outcome = str(cut)
        raise call.silent() from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        call.outcome = type(error).__name__
        raise call.silent() from None


async def _is_sent(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    """Note that there is a connection, so that the first of it is about to leave: until then, nothing was done."""
    context.trace_request_ctx.sent = True


class Poured:
    """An answer that is being read."""

    def __init__(self, response: aiohttp.ClientResponse, call: _Call, deadline_seconds: float) -> None:
        self.status = response.status
        self.headers = response.headers
        self._content = response.content
        self._call = call
        self._deadline_seconds = deadline_seconds

    async def read(self) -> bytes:
        """Return the next bit, 64 KiB at most; empty at the end. Raises Unavailable."""
        with _blaming(self._call):
            async with asyncio.timeout(self._deadline_seconds):
                return await self._content.read(PIECE_BYTES)


class _Call:
    """One request on its way: whether any of it has left, and what came of it."""

    def __init__(self, what: str, *, writes: bool) -> None:
        self.what = what
        self.writes = writes
        self.sent = False
        self.outcome = "fault"

    def silent(self) -> SystemFault:
        """Return the fault for an answer that did not come."""
        said = f"{self.what}: {self.outcome}"
        return OutcomeUnknown(said) if self.writes and self.sent else Unavailable(said)


def _judge(response: aiohttp.ClientResponse, call: _Call) -> None:
    """Raise what a status other than 2xx means; its body is not needed for that, and not read."""
    status, writes = response.status, call.writes
    if 200 <= status < 300:
        return
    said = f"{call.what}: status {status}"
    if status == 429 or (status == 503 and "retry-after" in response.headers):
        raise RateLimited(retry_after_seconds(response.headers))
    if status == 401:
        raise AuthExpired(said)
    if status in (404, 410):
        raise NotThere(said)
    if status == 403 and not writes:
        raise Barred("PolicyProblem", said)
    if status in (403, 409, 422):
        raise Refused("PolicyProblem", said)
    if status in (408, 425):
        raise Unavailable(said)  # it did not take the request in
    if status >= 500:
        # 503 alone says that nothing was done; after any other server error a write may have been.
        raise OutcomeUnknown(said) if writes and status != 503 else Unavailable(said)
    if status >= 400 and writes:
        raise Refused("Other", said)  # it took offence at the request, and surely did nothing
    raise unread(said, writes=writes)  # such as a redirect, which may follow on something that was done


def _check_plain(response: aiohttp.ClientResponse, call: _Call) -> None:
    for name, plain in (("content-encoding", ("identity",)), ("transfer-encoding", ("identity", "chunked"))):
        codings = ",".join(response.headers.getall(name, ())).split(",")
        if any(coding.strip().lower() not in ("", *plain) for coding in codings):
            raise unread(f"{call.what}: the answer is compressed, which was not asked for", writes=call.writes)


def unread(said: str, *, writes: bool) -> SystemFault:
    """Return Malformed, or for a write, which may have been done all the same, OutcomeUnknown."""
    return (OutcomeUnknown if writes else Malformed)(said)


def retry_after_seconds(headers: Mapping[str, str]) -> float:
    """Return how long to wait (RFC 9110, 10.2.3: seconds or a date), never less than 0 or more than an hour."""
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        return min(float(given), LONGEST_RETRY_SECONDS)
    try:
        moment = parsedate_to_datetime(given)
    except (ValueError, OverflowError):
        return DEFAULT_RETRY_SECONDS
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    wait = (moment - datetime.now(UTC)).total_seconds()
    return min(max(wait, 0.0), LONGEST_RETRY_SECONDS)
