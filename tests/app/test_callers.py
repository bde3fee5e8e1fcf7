"""Who may call: open mode, keys and their scopes, and how soon a change of them is felt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI

from app.settings import Settings
from app.store.keys import create_key
from tests.support.filled import EVERYWHERE, client_of, fill, run_sql, running

ASKED = {"title": {"isbn": EVERYWHERE}, "pickup_location": "desk", "requested_at": "2026-11-23T07:30:00+01:00"}
ADMIN_KEY = "bootstrap-х"  # what a header can carry need not be ASCII; this ends in what Latin-1 takes for a space


@pytest.fixture(scope="module")
async def filled(database_url: str) -> str:
    await fill(database_url)
    return database_url


@pytest.fixture
async def keyless(filled: str) -> AsyncIterator[str]:
    """The database without any key, before and after."""
    await _forget_keys(filled)
    yield filled
    await _forget_keys(filled)


@pytest.fixture
async def app(keyless: str) -> AsyncIterator[FastAPI]:
    async with running(Settings(database_url=keyless)) as app:
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


async def _forget_keys(url: str) -> None:
    """As if none had ever been made."""
    await run_sql(url, "delete from api_key; delete from epoch where of = 'keys'")


async def make_key(app: FastAPI, *scopes: str, lasting: timedelta | None = None) -> dict[str, str]:
    expires_at = None if lasting is None else datetime.now(UTC) + lasting
    async with app.state.resources.database.transaction() as connection:
        key = await create_key(connection, agency="NL-1", scopes=scopes, expires_at=expires_at)
    return {"authorization": f"Bearer {key}"}


async def status_of(client: httpx.AsyncClient, headers: Mapping[str, str] | None = None) -> int:
    return (await client.post("/v1/decisions", json=ASKED, headers=headers)).status_code


async def test_without_any_key_everyone_may_do_everything(client: httpx.AsyncClient) -> None:
    assert await status_of(client) == 200
    assert (await client.post("/v1/network/undo")).status_code == 200
    assert (await client.post("/v1/network/versions/first/activate")).status_code == 200


async def test_a_first_key_shuts_the_door_on_those_who_were_let_in_before(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    assert await status_of(client) == 200
    headers = await make_key(app, "reader")
    answer = await client.post("/v1/decisions", json=ASKED)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json() == {
        "type": "/problems/unauthorized",
        "title": "A valid key is needed",
        "status": 401,
        "detail": "Send the header `Authorization: Bearer KEY`.",
        "instance": "/v1/decisions",
    }
    assert await status_of(client, headers) == 200


async def test_a_key_that_is_taken_away_stops_working_at_once(
    app: FastAPI, client: httpx.AsyncClient, keyless: str
) -> None:
    headers, other = await make_key(app, "reader"), await make_key(app, "reader")
    assert await status_of(client, headers) == 200
    digest = "(select min(digest) from api_key where id = (select min(id) from api_key))"
    await run_sql(keyless, f"delete from api_key where digest = {digest}; update epoch set number = number + 1")
    assert (await status_of(client, headers), await status_of(client, other)) == (401, 200)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 401),
        ({"origin": "null"}, 401),
        ({"origin": "http://127.0.0.1:8000"}, 200),
        ({"x-forwarded-for": "10.0.0.1"}, 401),
        ({"forwarded": "for=10.0.0.1"}, 401),
        ({"origin": "http://[evil.example"}, 401),
        ({"host": "127.1.2.3:8000"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"host": "evil.example"}, 401),
        ({"host": "localhost.evil.example:8000"}, 401),
        ({"host": "10.0.0.1"}, 401),
        ({"host": "[::1"}, 401),
    ],
)
async def test_open_mode_is_for_this_machine(client: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    for address in ("/v1/decisions", "/v1/network/versions/first/activate"):
        # A call from here opens nothing for one that is not, whatever either says it has for a key.
        for key in ({}, {"authorization": "Bearer made-up"}):
            assert (await client.post(address, json=ASKED, headers=key)).status_code == 200
            assert (await client.post(address, json=ASKED, headers=headers | key)).status_code == status


async def test_taking_the_last_key_away_does_not_open_the_service_again(
    app: FastAPI, client: httpx.AsyncClient, keyless: str
) -> None:
    headers = await make_key(app, "reader")
    await run_sql(keyless, "delete from api_key; update epoch set number = number + 1 where of = 'keys'")
    assert (await status_of(client, headers), await status_of(client)) == (401, 401)


async def test_a_key_expires(app: FastAPI, client: httpx.AsyncClient) -> None:
    headers = await make_key(app, "reader", lasting=timedelta(milliseconds=200))
    assert await status_of(client, headers) == 200
    await _until_over(client, headers)
    assert await status_of(client, await make_key(app, "reader", lasting=timedelta(0))) == 401


async def _until_over(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=5)
    while await status_of(client, headers) == 200:
        assert datetime.now(UTC) < deadline, "the key still works long after it has expired"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer wrong", "lp_1234", "Bearer é", "Bearer a b"]
)
async def test_whatever_is_not_a_key_is_refused_once_keys_exist(
    app: FastAPI, client: httpx.AsyncClient, header: str
) -> None:
    await make_key(app, "admin")
    answer = await client.post("/v1/decisions", json=ASKED, headers=[(b"authorization", header.encode("latin-1"))])
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthorized")


@pytest.mark.parametrize(
    ("scope", "status"),
    [("planner", 200), ("admin", 200), ("reader", 403), ("requester", 403), ("supplier", 403)],
)
async def test_an_operation_asks_for_its_scopes(
    app: FastAPI, client: httpx.AsyncClient, scope: str, status: int
) -> None:
    answer = await client.post("/v1/network/versions/first/activate", headers=await make_key(app, scope))
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["detail"] == "This takes a key with the scope admin or planner."


async def test_the_admin_key_opens_everything_and_shuts_out_the_rest(keyless: str) -> None:
    settings = Settings(database_url=keyless, admin_key=ADMIN_KEY)  # type: ignore[arg-type]
    async with running(settings) as app, client_of(app) as client:
        headers = [(b"authorization", f"bearer {ADMIN_KEY}".encode())]
        assert await status_of(client) == 401
        assert await status_of(client, {"authorization": "Bearer bootstrap"}) == 401
        answer = await client.post("/v1/decisions", json=ASKED, headers=headers)
        assert answer.status_code == 200
        answer = await client.post("/v1/network/versions/first/activate", headers=headers)
        assert answer.status_code == 200
        assert await status_of(client, await make_key(app, "reader")) == 200


async def test_health_and_documentation_need_no_key(app: FastAPI, client: httpx.AsyncClient) -> None:
    await make_key(app, "admin")
    for address in ("/", "/docs", "/openapi.json", "/problems", "/healthz", "/readyz", "/metrics"):
        assert (await client.get(address)).status_code == 200, address
