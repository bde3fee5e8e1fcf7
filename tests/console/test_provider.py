"""Signing in at an OpenID Connect provider: whom it vouches for is let in, and nobody else."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from app.settings import Settings
from tests.console.test_frame import token_in
from tests.support.filled import client_of, running
from tests.support.provider import People, provider

pytestmark = pytest.mark.once


@pytest.fixture
async def people() -> AsyncIterator[People]:
    async with provider() as people:
        yield people


@pytest.fixture
async def client(filled: str, people: People) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(database_url=filled, oidc_issuer=people.issuer)
    async with running(settings) as app, client_of(app) as client:
        yield client


async def came_back(client: httpx.AsyncClient, after: str = "/console/changes") -> str:
    """Sign in at the provider and return where it sends the browser back to."""
    shown = await client.get("/console/sign-in", params={"after": after})
    away = await client.post("/console/sign-in/provider", data={"csrf": token_in(shown.text), "after": after})
    address = re.search(r'class="button" href="([^"]+)"', away.text)
    assert address is not None, away.text
    async with httpx.AsyncClient() as elsewhere:
        answer = await elsewhere.get(html.unescape(address[1]))
    back: str = answer.headers["location"]
    assert back.startswith("http://localhost/console/sign-in/back?")
    return back


async def test_whom_the_provider_vouches_for_is_signed_in_with_what_its_claim_says(client: httpx.AsyncClient) -> None:
    answer = await client.get(await came_back(client))
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/changes")
    assert "C. Planner" in (await client.get("/console")).text
    token = client.cookies["leenpad_session"]
    party = await client.get("/v1/sessions/current", headers={"authorization": f"Bearer {token}"})
    assert party.json() == {
        "name": "C. Planner",
        "agency": "V1",
        "scopes": ["planner"],
        "poi": "V1",
        "signed_in": True,
    }


async def test_with_a_provider_nobody_is_let_in_without_signing_in(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/agencies")).status_code == 401
    assert (await client.get("/console")).status_code == 303


async def test_a_code_opens_once(client: httpx.AsyncClient) -> None:
    back = await came_back(client)
    kept = client.cookies["leenpad_under_way"]
    assert (await client.get(back)).status_code == 303
    client.cookies.set("leenpad_under_way", kept, domain="localhost", path="/console")
    assert (await client.get(back)).status_code == 403


async def test_a_way_back_that_was_not_begun_here_opens_nothing(client: httpx.AsyncClient) -> None:
    back = await came_back(client)
    client.cookies.clear()
    assert (await client.get(back)).status_code == 403
    await came_back(client)
    assert (await client.get(re.sub("state=[^&]+", "state=another", back))).status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"leenpad": []},
        {"leenpad": "director"},
        {"leenpad": ["planner"]},
        {"aud": "another"},
        {"iss": "https://elsewhere.example"},
        {"nonce": "another"},
        {"exp": 1_000_000_000},
        {"sub": None},
    ],
    ids=str,
)
async def test_a_token_that_does_not_hold_or_opens_nothing_signs_nobody_in(
    client: httpx.AsyncClient, people: People, claims: dict[str, Any]
) -> None:
    people.claims = claims
    assert (await client.get(await came_back(client))).status_code == 403
    assert (await client.get("/console")).status_code == 303


async def test_a_token_of_another_key_signs_nobody_in(client: httpx.AsyncClient, people: People) -> None:
    people.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
    assert (await client.get(await came_back(client))).status_code == 403


async def test_a_provider_that_is_silent_leaves_the_keys(filled: str) -> None:
    settings = Settings(database_url=filled, oidc_issuer="http://127.0.0.1:9", admin_key="bootstrap")  # type: ignore[arg-type]
    async with running(settings) as app, client_of(app) as client:
        shown = await client.get("/console/sign-in")
        away = await client.post("/console/sign-in/provider", data={"csrf": token_in(shown.text)})
        assert away.status_code == 503
        form = {"csrf": token_in(shown.text), "name": "A", "key": "bootstrap", "after": "/console"}
        assert (await client.post("/console/sign-in", data=form)).status_code == 303
