"""Asks the API within the process, as whoever looks at the page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import httpx
from starlette.requests import Request

# What the API judges a call by besides the key: whether it comes from this machine, and who passed it on.
PASSED = ("host", "origin", "forwarded", "x-forwarded-for", "x-forwarded-host")
JSON = "application/json"
# What goes along with an answer that is handed on as it is.
KEPT = ("content-type", "content-encoding", "etag", "cache-control", "vary")


class Refused(Exception):  # noqa: N818 - named as what happened
    """The API said no: its problem document (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(problem.get("title", f"status {status}"))
        self.status = status
        self.problem = problem

    @property
    def said(self) -> list[str]:
        """What is wrong, one line each, as the API says it."""
        faults = [f"{fault.get('pointer', '')} {fault.get('detail', '')}".strip() for fault in self.faults]
        return faults or [str(self.problem.get("detail") or self.problem.get("title") or self.status)]

    @property
    def faults(self) -> list[Mapping[str, Any]]:
        """The faults of the input, each a JSON pointer and what is wrong there."""
        found = self.problem.get("errors")
        return [fault for fault in found if isinstance(fault, Mapping)] if isinstance(found, list) else []


class Passed(NamedTuple):
    """An answer of the API to be handed on: its status, its body as it is sent, and the headers that go with it."""

    status: int
    body: bytes
    headers: dict[str, str]


class Api:
    """The API as one person may use it. Every call raises Refused where the answer is a problem."""

    def __init__(self, request: Request, token: str | None) -> None:
        headers = {name: request.headers[name] for name in PASSED if name in request.headers}
        headers["accept"] = JSON
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(request.app, client=_client_of(request)),
            base_url=f"{request.url.scheme}://{request.headers.get('host', 'localhost')}",
            headers=headers,
        )

    async def get(self, path: str, **params: Any) -> Any:
        """Return the document at `path`; a parameter that is None is left out."""
        return (await self.send("GET", path, params=params)).json()

    async def items(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Return the items of all pages of a list."""
        return [item async for item in self.each(path, **params)]

    async def each(self, path: str, **params: Any) -> AsyncIterator[dict[str, Any]]:
        """Go through the items of all pages of a list."""
        cursor: str | None = None
        while True:
            found = await self.get(path, **{"limit": 1000, **params, "cursor": cursor})
            for item in found["items"]:
                yield item
            cursor = found.get("next_cursor")
            if cursor is None:
                return

    async def post(self, path: str, body: Any = None, **params: Any) -> Any:
        """Send a document and return the answer (None: it is empty)."""
        return _document(await self.send("POST", path, json=body, params=params))

    async def put(self, path: str, body: Any, **params: Any) -> Any:
        """Send a document in place of what is there and return the answer."""
        return _document(await self.send("PUT", path, json=body, params=params))

    async def delete(self, path: str, **params: Any) -> None:
        """Take something away."""
        await self.send("DELETE", path, params=params)

    async def pass_on(self, path: str, headers: Mapping[str, str]) -> Passed:
        """Return the answer at `path` as it is sent, compressed or not. Raises Refused for what is a problem."""
        request = self._client.build_request("GET", path, headers={"accept-encoding": "identity", **headers})
        answer = await self._client.send(request, stream=True)
        if answer.status_code >= 400:
            await answer.aread()
            raise Refused(answer.status_code, _problem(answer))
        body = b"".join([piece async for piece in answer.aiter_raw()])
        return Passed(
            answer.status_code, body, {name: answer.headers[name] for name in KEPT if name in answer.headers}
        )

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send any request and return its answer of status 2xx. Raises Refused."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        answer = await self._client.request(
            method, path, params=given, json=json, content=content, headers=dict(headers or {})
        )
        if not answer.is_success:
            raise Refused(answer.status_code, _problem(answer))
        return answer


def _document(answer: httpx.Response) -> Any:
    return answer.json() if answer.content else None


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _client_of(request: Request) -> tuple[str, int]:
    return ("127.0.0.1", 0) if request.client is None else (request.client.host, request.client.port)
