"""The log of changes: nothing is changed unseen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.settings import Settings
from tests.support.filled import client_of, fill, run_sql, running

ADMIN = {"authorization": "Bearer bootstrap"}
NO = "/v1/suspensions/0193e7a0-0000-7000-8000-000000000000"


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    await run_sql(database_url, "truncate change, api_key cascade")
    settings = Settings(database_url=database_url, admin_key="bootstrap")  # type: ignore[arg-type]
    async with running(settings) as app, client_of(app) as client:
        yield client


@pytest.fixture(scope="module", autouse=True)
async def filled(database_url: str) -> None:
    await fill(database_url)


async def changes(client: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    headers = asked.pop("headers", ADMIN)
    answer = await client.get("/v1/changes", params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def key(client: httpx.AsyncClient, **details: Any) -> dict[str, str]:
    answer = await client.post("/v1/keys", json=details, headers=ADMIN)
    assert answer.status_code == 201, answer.text
    return {"authorization": f"Bearer {answer.json()['key']}"}


async def test_who_changed_what_is_said_with_its_outcome(client: httpx.AsyncClient) -> None:
    planner = await key(client, agency="POI-NOORD", scopes=["planner"], poi="V1")
    begun = await client.post("/v1/sessions", json={"name": "A. Planner"}, headers=planner)
    session = {"authorization": f"Bearer {begun.json()['token']}"}
    assert (await client.post("/v1/network/versions/first/activate", headers=session)).status_code == 200
    assert (await client.post("/v1/network/versions/no-such/activate", headers=session)).status_code == 404
    assert [
        (row["name"], row["agency"], row["method"], row["path"], row["status"])
        for row in await changes(client, refused="true")
    ] == [
        ("A. Planner", "POI-NOORD", "POST", "/v1/network/versions/no-such/activate", 404),
        ("A. Planner", "POI-NOORD", "POST", "/v1/network/versions/first/activate", 200),
        (None, None, "POST", "/v1/keys", 201),
    ]
    assert [row["path"] for row in await changes(client)] == ["/v1/network/versions/first/activate", "/v1/keys"]
    seen = await changes(client, headers=session)
    assert [row["path"] for row in seen] == ["/v1/network/versions/first/activate"], "of planners, the network only"


async def test_reading_deciding_and_lending_are_no_changes(client: httpx.AsyncClient) -> None:
    await client.get("/v1/network", headers=ADMIN)
    await client.post("/v1/decisions", json={}, headers=ADMIN)
    await client.post("/v1/loan-requests", json={}, headers=ADMIN)
    assert await changes(client, refused="true") == []


async def test_whoever_is_not_let_through_changes_nothing(client: httpx.AsyncClient) -> None:
    reader = await key(client, agency="KB", scopes=["reader"])
    assert (await client.post("/v1/keys", json={}, headers=reader)).status_code == 403
    assert (await client.post("/v1/keys", json={})).status_code == 401
    assert [row["status"] for row in await changes(client, refused="true")] == [201]


async def test_pages_go_back_in_time(client: httpx.AsyncClient) -> None:
    for _ in range(5):
        await client.delete(NO, headers=ADMIN)
    first = await client.get("/v1/changes", params={"limit": 3, "refused": "true"}, headers=ADMIN)
    rest = await client.get(
        "/v1/changes",
        params={"limit": 3, "refused": "true", "cursor": first.json()["next_cursor"]},
        headers=ADMIN,
    )
    ids = [row["id"] for answer in (first, rest) for row in answer.json()["items"]]
    assert len(ids) == 5
    assert ids == sorted(ids, reverse=True)
    assert rest.json()["next_cursor"] is None
