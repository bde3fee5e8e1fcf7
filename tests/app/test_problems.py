"""Whatever goes wrong leaves as one kind of document, and says nothing that is not the caller's business."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request

from app.api.bodies import read_json
from app.main import create_app
from app.problems import PROBLEMS, BadRequest, TooLarge, documented
from app.settings import Settings


class Thing(BaseModel):
    """A body to get wrong."""

    name: str
    sizes: list[int] = []


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(database_url="postgresql://nowhere/none"))

    @app.post("/things")
    async def make(thing: Thing, count: int = Query(ge=1)) -> None:
        raise RuntimeError("the secret is 12345")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_an_unknown_address(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json() == {
        "type": "/problems/not-found",
        "title": "Nothing is here",
        "status": 404,
        "detail": "Nothing is at /v1/nothing.",
        "instance": "/v1/nothing",
    }


async def test_a_method_that_is_not_allowed_lists_what_is(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/healthz")
    assert answer.headers["allow"] == "GET, HEAD"
    assert answer.json() == {
        "type": "/problems/method-not-allowed",
        "title": "This method is not allowed here",
        "status": 405,
        "detail": "DELETE is not allowed at /healthz.",
        "instance": "/healthz",
    }


async def test_head_is_answered_as_get_without_the_body(client: httpx.AsyncClient) -> None:
    for address in ("/healthz", "/openapi.json", "/v1/nothing"):
        whole, head = await client.get(address), await client.head(address)
        assert (head.status_code, head.headers, head.content) == (whole.status_code, whole.headers, b"")
    refused = await client.head("/v1/decisions")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


async def test_each_fault_in_the_input_has_a_pointer(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things?count=0", json={"sizes": [1, "x"]})
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/invalid-input"
    assert answer.json()["errors"] == [
        {"pointer": "/count", "detail": "Input should be greater than or equal to 1"},
        {"pointer": "/name", "detail": "Field required"},
        {"pointer": "/sizes/1", "detail": "Input should be a valid integer, unable to parse string as an integer"},
    ]


async def test_json_that_cannot_be_parsed(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things?count=1", content=b'{"name": ', headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "", "detail": "Not valid JSON: Expecting value"}]


async def test_a_fault_of_ours_does_not_leak(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things?count=1", json={"name": "a"})
    assert answer.json() == {
        "type": "/problems/internal-error",
        "title": "Something broke on our side",
        "status": 500,
        "detail": "The request could not be completed; the fault is in the log.",
        "instance": "/things",
    }
    assert "12345" not in answer.text


@pytest.mark.parametrize("kind", [kind for kind, row in PROBLEMS.items() if row.status == 422])
async def test_whatever_is_wrong_with_the_input_is_in_errors(kind: type[Exception]) -> None:
    app = create_app(Settings(database_url="postgresql://nowhere/none"))

    @app.get("/things")
    async def fail() -> None:
        raise kind.__new__(kind, "This is why.")  # as it is where nothing was pointed at

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/things")
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{PROBLEMS[kind].slug}")
    pointer = getattr(kind, "pointer", "")  # of those that are always about one thing
    assert answer.json()["errors"] == [{"pointer": pointer, "detail": answer.json()["detail"]}]


def test_slugs_name_one_type_each() -> None:
    slugs = [row.slug for row in PROBLEMS.values()]
    assert len(set(slugs)) == len(slugs)


def test_every_type_can_be_documented() -> None:
    responses = documented(*PROBLEMS)
    described = {
        slug for entry in responses.values() for slug in entry["content"]["application/problem+json"]["examples"]
    }
    assert described == {row.slug for row in PROBLEMS.values()}


@pytest.mark.parametrize("length", [b"100", b"", b"x"])
async def test_a_caller_who_hangs_up_in_the_middle_of_a_body_is_no_fault_of_ours(length: bytes) -> None:
    messages: list[dict[str, object]] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, object]:
        return messages.pop(0)

    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    request = Request({"type": "http", "method": "POST", "path": "/things", "headers": headers}, receive)
    with pytest.raises(BadRequest):
        await read_json(request, Thing)


async def test_a_body_that_is_said_to_be_too_large_is_not_read() -> None:
    async def receive() -> dict[str, object]:
        pytest.fail("it was read")

    headers = [(b"content-type", b"application/json"), (b"content-length", b"999999999999")]
    request = Request({"type": "http", "method": "POST", "path": "/things", "headers": headers}, receive)
    with pytest.raises(TooLarge):
        await read_json(request, Thing)
