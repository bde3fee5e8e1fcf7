"""Keys over HTTP: shown once, rotated with an overlap, taken away at once in every process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.settings import Settings
from app.store.keys import digest_of, find_key
from tests.support.filled import EVERYWHERE, client_of, fill, run_sql, running

ADMIN = {"authorization": "Bearer bootstrap"}
ASKED = {"title": {"isbn": EVERYWHERE}, "pickup_location": "desk", "requested_at": "2026-11-23T07:30:00+01:00"}


@pytest.fixture(scope="module")
async def settings(database_url: str) -> Settings:
    await fill(database_url)
    return Settings(database_url=database_url, admin_key="bootstrap")  # type: ignore[arg-type]


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    assert settings.database_url is not None
    await run_sql(settings.database_url, "delete from api_key")
    async with running(settings) as app:
        yield app


@pytest.fixture
async def admin(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        client.headers.update(ADMIN)
        yield client


async def made(admin: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await admin.post("/v1/keys", json={"agency": "NL-1", "scopes": ["reader"], **changes})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def works(client: httpx.AsyncClient, key: str) -> bool:
    """Say whether a key opens the hot path, which remembers callers, and one that does not."""
    headers = {"authorization": f"Bearer {key}"}
    statuses = {
        (await client.post("/v1/decisions", json=ASKED, headers=headers)).status_code,
        (await client.get("/v1/agencies", headers=headers)).status_code,
    }
    assert statuses in ({200}, {401})
    return statuses == {200}


async def test_a_key_is_shown_once(admin: httpx.AsyncClient) -> None:
    until = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    key = await made(admin, scopes=["supplier", "requester", "supplier"], expires_at=until.isoformat())
    assert key["key"].startswith("lp_")
    assert {name: key[name] for name in ("agency", "scopes", "poi")} == {
        "agency": "NL-1",
        "scopes": ["requester", "supplier"],
        "poi": None,
    }
    assert datetime.fromisoformat(key["expires_at"]) == until
    listed = (await admin.get("/v1/keys")).json()
    assert listed == {"items": [{name: key[name] for name in key if name != "key"}], "next_cursor": None}
    assert await works(admin, key["key"])


async def test_a_key_that_is_taken_away_stops_working_at_once_in_every_process(
    app: FastAPI, admin: httpx.AsyncClient, settings: Settings
) -> None:
    key, other = await made(admin), await made(admin)
    async with running(settings) as elsewhere, client_of(elsewhere) as client:
        assert [await works(client, key["key"]), await works(client, other["key"])] == [True, True]
        assert (await admin.delete(f"/v1/keys/{key['id']}")).status_code == 204
        assert [await works(client, key["key"]), await works(client, other["key"])] == [False, True]
    answer = await admin.delete(f"/v1/keys/{key['id']}")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown-key")


async def test_the_old_key_works_on_for_the_overlap(admin: httpx.AsyncClient) -> None:
    old = await made(admin, scopes=["planner"], poi="NORD")
    before = datetime.now(UTC)
    new = (await admin.post(f"/v1/keys/{old['id']}/rotate")).json()
    listed = {key["id"]: key for key in (await admin.get("/v1/keys")).json()["items"]}
    ends = datetime.fromisoformat(listed[old["id"]].pop("expires_at")) - before
    assert timedelta(hours=24) <= ends < timedelta(hours=24, minutes=1)
    assert {name: new[name] for name in ("agency", "scopes", "poi", "expires_at")} == {
        "agency": "NL-1",
        "scopes": ["planner"],
        "poi": "NORD",
        "expires_at": None,
    }
    assert [await works(admin, key["key"]) for key in (old, new)] == [True, True]
    newest = (await admin.post(f"/v1/keys/{new['id']}/rotate", params={"overlap_hours": 0})).json()
    assert [await works(admin, key["key"]) for key in (old, new, newest)] == [True, False, True]
    ended = await admin.post(f"/v1/keys/{new['id']}/rotate")
    assert (ended.status_code, ended.json()["type"]) == (409, "/problems/key-ended")
    assert len((await admin.get("/v1/keys")).json()["items"]) == 3, "nothing was made of it"


async def test_a_key_that_expires_is_followed_by_one_that_lasts_as_long(admin: httpx.AsyncClient) -> None:
    until = datetime.now(UTC) + timedelta(hours=2)
    old = await made(admin, expires_at=until.isoformat())
    new = (await admin.post(f"/v1/keys/{old['id']}/rotate", params={"overlap_hours": 168})).json()
    lasting = [
        datetime.fromisoformat(key["expires_at"]) - datetime.fromisoformat(key["created_at"]) for key in (old, new)
    ]
    assert lasting[0] == lasting[1]
    listed = (await admin.get("/v1/keys")).json()["items"]
    assert listed[0]["expires_at"] == old["expires_at"], "an overlap makes no key last longer"


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"scopes": []}, "/scopes", "List should have at least 1 item after validation, not 0"),
        ({"scopes": ["king"]}, "/scopes/0", None),
        (
            {"scopes": ["planner"]},
            "",
            "The scope planner and `poi` go together: a planner plans for one POI or carrier.",
        ),
        ({"poi": "NORD"}, "", "The scope planner and `poi` go together: a planner plans for one POI or carrier."),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at", "This moment has passed."),
        ({"agency": "NL-1: desk"}, "/agency", "No agency's name has a colon and a space in it."),
    ],
)
async def test_what_no_key_can_be(
    admin: httpx.AsyncClient, changes: dict[str, Any], pointer: str, detail: str | None
) -> None:
    answer = await admin.post("/v1/keys", json={"agency": "NL-1", "scopes": ["reader"], **changes})
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["pointer"]) == (422, pointer)
    assert detail in (None, fault["detail"])


async def test_whom_a_planner_plans_for(app: FastAPI, admin: httpx.AsyncClient, settings: Settings) -> None:
    assert settings.database_url is not None
    await run_sql(
        settings.database_url,
        """
        insert into api_key (digest, agency, scopes, poi) values
            ('a', 'NL-1', '{planner}', 'NORD'), ('b', 'NL-1', '{planner}', '1'), ('c', 'ZUID', '{planner}', null),
            ('d', 'NL-1', '{planner}', null), ('e', 'ZUID', '{reader}', 'NORD')
        """,
    )
    async with app.state.resources.database.connection() as connection:
        found = [(await find_key(connection, digest)).key for digest in "abcde"]
    assert [key and sorted(key.drives) for key in found] == [
        ["NORD", "Northern vans"],
        ["1", "V1 vans"],  # the operator of that id in the active network
        ["Southern vans", "ZUID"],  # no POI is named, but the agency is one
        [],
        [],  # not a planner's
    ]


async def test_nothing_but_the_digest_is_kept(app: FastAPI, admin: httpx.AsyncClient) -> None:
    key = (await made(admin))["key"]
    async with app.state.resources.database.connection() as connection:
        kept = await connection.fetchval("select api_key::text from api_key")
    assert digest_of(key.encode()) in kept
    assert key not in kept
