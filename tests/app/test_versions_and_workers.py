"""Which network a decision is of: while versions change, in another process, without one, and without a database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.settings import Settings
from tests.app.conftest import administer, named
from tests.support.filled import EVERYWHERE, client_of, fill, run_sql, running

pytestmark = pytest.mark.once

ASKED = {"title": {"isbn": EVERYWHERE}, "pickup_location": "desk", "requested_at": "2026-11-23T07:30:00+01:00"}
TRIPS_OF = {"first": {"v1-out", "v1-in", "line", "v2-out"}, "second": {"w1-out", "w1-in", "night", "w2-out"}}


@pytest.fixture(scope="module")
async def filled(database_url: str) -> str:
    await fill(database_url)
    return database_url


@pytest.fixture
async def apps(filled: str) -> AsyncIterator[list[FastAPI]]:
    """Two applications on one database, as two workers are."""
    settings = Settings(database_url=filled)
    async with running(settings) as one, running(settings) as other:
        yield [one, other]


@pytest.fixture
async def clients(apps: list[FastAPI]) -> AsyncIterator[list[httpx.AsyncClient]]:
    async with client_of(apps[0]) as one, client_of(apps[1]) as other:
        yield [one, other]


async def activate(client: httpx.AsyncClient, version: str) -> None:
    answer = await client.post(f"/v1/network/versions/{version}/activate")
    assert answer.status_code == 200, answer.text


async def decide(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.post("/v1/decisions", json=ASKED)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def trips_in(decision: dict[str, Any]) -> set[str]:
    return {leg["trip_id"] for entry in decision["rota"] for leg in entry["legs"]}


async def test_an_activation_in_one_worker_is_seen_by_the_next_decision_in_every_worker(
    clients: list[httpx.AsyncClient],
) -> None:
    one, other = clients
    for version in ("second", "first", "second", "first"):
        await activate(one, version)
        for decision in await asyncio.gather(decide(other), decide(one), decide(other), decide(one)):
            assert decision["network_version"] == version
            assert trips_in(decision) == TRIPS_OF[version]


async def test_an_undo_is_seen_as_an_activation_is(clients: list[httpx.AsyncClient]) -> None:
    one, other = clients
    await activate(one, "second")
    assert (await decide(other))["network_version"] == "second"
    assert (await one.post("/v1/network/undo")).json() == {"undone": "second", "active": "first"}
    assert (await decide(other))["network_version"] == "first"


async def test_while_versions_change_every_answer_is_wholly_of_one(clients: list[httpx.AsyncClient]) -> None:
    changing = True
    answered: Counter[str] = Counter()

    async def keep_deciding(client: httpx.AsyncClient) -> None:
        while changing:
            decision = await decide(client)
            answered[decision["network_version"]] += 1
            assert trips_in(decision) == TRIPS_OF[decision["network_version"]]

    deciding = [asyncio.create_task(keep_deciding(client)) for client in clients * 4]
    try:
        for version in ("second", "first") * 15:
            await activate(clients[0], version)
            await asyncio.sleep(0.02)
    finally:
        changing = False
        await asyncio.gather(*deciding)
    assert min(answered["first"], answered["second"]) > 15, answered


async def test_an_answer_is_never_of_a_version_that_was_replaced_before_it_was_asked(
    clients: list[httpx.AsyncClient],
) -> None:
    """Many callers at once, right after each activation returned, on the worker that did not do it."""
    for version in ("second", "first") * 5:
        await activate(clients[0], version)
        versions = {decision["network_version"] for decision in await asyncio.gather(*map(decide, clients[1:] * 20))}
        assert versions == {version}


async def test_without_a_network_it_says_that_it_cannot_decide_yet(server_url: str, template: str) -> None:
    name = "leenpad_test_without_network"
    administer_in_thread = asyncio.to_thread(administer, server_url, f"create database {name} template {template}")
    await administer_in_thread
    url = named(server_url, name)
    try:
        async with running(Settings(database_url=url)) as app, client_of(app) as client:
            answer = await client.post("/v1/decisions", json=ASKED)
            assert (answer.status_code, answer.json()) == (
                503,
                {
                    "type": "/problems/not-ready",
                    "title": "It cannot decide yet",
                    "status": 503,
                    "detail": "No network version is active: import one and activate it.",
                    "instance": "/v1/decisions",
                },
            )
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()) == (503, {"status": "not ready", "waiting_for": ["network"]})
            assert (await client.get("/healthz")).json() == {"status": "alive"}

            await fill(url)
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
            assert (await decide(client))["network_version"] == "first"

            await client.post("/v1/network/undo")
            assert (await client.get("/readyz")).status_code == 503
            assert (await client.post("/v1/decisions", json=ASKED)).status_code == 503
    finally:
        await asyncio.to_thread(administer, server_url, f"drop database {name} with (force)")


async def test_without_the_database_it_says_so_and_recovers(server_url: str, filled: str) -> None:
    name = urlsplit(filled).path[1:]
    async with running(Settings(database_url=filled, pool_size=3)) as app, client_of(app) as client:
        before = await decide(client)
        await asyncio.to_thread(administer, server_url, f"alter database {name} allow_connections false")
        try:
            await _hang_up(server_url, name)
            answers = [await client.post("/v1/decisions", json=ASKED) for _ in range(4)]
            assert {answer.status_code for answer in answers} == {503}
            assert answers[-1].json() == {
                "type": "/problems/database-unavailable",
                "title": "The database does not answer",
                "status": 503,
                "detail": "The database cannot be reached.",
                "instance": "/v1/decisions",
            }
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["waiting_for"]) == (503, ["database"])
            assert (await client.get("/healthz")).status_code == 200
        finally:
            await asyncio.to_thread(administer, server_url, f"alter database {name} allow_connections true")
        assert await decide(client) == before
        assert (await client.get("/readyz")).status_code == 200


async def _hang_up(server_url: str, name: str) -> None:
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
    finally:
        await connection.close()
    await asyncio.sleep(0.1)  # until the news has reached the pool


async def test_a_register_that_changes_while_it_is_loaded_is_loaded_again(
    clients: list[httpx.AsyncClient], filled: str
) -> None:
    async def change() -> None:
        for _ in range(20):
            await run_sql(filled, "update epoch set number = number + 1 where of = 'register'")

    async def ask() -> None:
        for _ in range(20):
            assert (await decide(clients[0]))["rota"]

    await asyncio.gather(change(), ask(), ask(), ask())
