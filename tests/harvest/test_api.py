"""Harvests and doubtful merges over HTTP: what people see, and what they say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from adapters.contract import Unavailable
from app.database import Database
from app.settings import Settings
from tests.harvest.scripted import ISBNS, Given, Stage, record, staged
from tests.support.filled import client_of, running

X, Y, Z = ISBNS
HARVEST = "/v1/systems/one/harvest"


@pytest.fixture
async def opened(database: Database, database_url: str) -> AsyncIterator[tuple[Stage, httpx.AsyncClient]]:
    """A stage, and the application on it."""
    async with staged(database, "A", "B") as stage, running(Settings(database_url=database_url)) as app:
        held = app.state.resources
        ground = replace(held.ground, clock=stage.clock, systems=Given(dict(stage.systems)))
        app.state.resources = replace(held, clock=stage.clock, ground=ground)
        async with client_of(app) as client:
            yield stage, client


async def look(client: httpx.AsyncClient, path: str = HARVEST) -> dict[str, Any]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_harvest_from_its_schedule_to_its_end(opened: tuple[Stage, httpx.AsyncClient]) -> None:
    stage, client = opened
    assert (await look(client))["until"] is None
    assert (await look(client, "/v1/harvests"))["items"] == []
    stage["one"].put(record("r1", "A", "?x"), record("r2", "B"), record("r3", "A"), record("r4", "A"))
    answer = await client.put(HARVEST, json={"interval_seconds": 600})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["interval_seconds"], answer.json()["due_at"]) == (600, "2026-11-23T07:00:00Z")
    await stage.work()
    stage.later(seconds=100)
    assert await look(client) == {
        "system": "one",
        "interval_seconds": 600,
        "whole_interval_seconds": None,
        "overlap_seconds": None,
        "until": "2026-11-23T07:00:00Z",
        "lag_seconds": 100,
        "due_at": "2026-11-23T07:10:00Z",
        "under_way": False,
        "errors": 0,
        "error": None,
        "error_at": None,
        "run": None,
        "awaiting": None,
        "records": 4,
        "holdings": 4,
        "runs": [
            {
                "number": 1,
                "whole": True,
                "state": "done",
                "since": None,
                "as_of": "2026-11-23T07:00:00Z",
                "started_at": "2026-11-23T07:00:00Z",
                "seen_at": "2026-11-23T07:00:00Z",
                "ended_at": "2026-11-23T07:00:00Z",
                "pages": 2,
                "records": 4,
                "deleted": 0,
                "holdings": 4,
                "unmapped": 1,
                "rejected": 0,
                "rejects": [],
                "errors": 0,
                "whole_size": 4,
                "unseen": 0,
                "removed": 0,
            }
        ],
        "unmapped_branches": [{"branch": "?x", "holdings": 1, "record": "r1"}],
    }
    (listed,) = (await look(client, "/v1/harvests"))["items"]
    assert listed.items() <= (await look(client)).items()


async def test_progress_and_faults_are_seen(opened: tuple[Stage, httpx.AsyncClient]) -> None:
    stage, client = opened
    one = stage["one"]
    one.put(*(record(f"r{n}", "A") for n in range(8)))

    def fail(page: int) -> None:
        if page == 2 and len(one.asked) == 1:
            one.faults.append(Unavailable("busy"))

    one.before_page = fail
    await stage.harvest("one")
    (listed,) = (await look(client, "/v1/harvests"))["items"]
    assert listed["run"] == {
        "number": 1,
        "whole": True,
        "pages": 2,
        "records": 6,
        "whole_size": 8,
        "seen_at": "2026-11-23T07:00:00Z",
    }
    assert (listed["errors"], listed["error"], listed["lag_seconds"]) == (1, "Unavailable: busy", None)
    assert listed["due_at"] == "2026-11-23T07:01:00Z"


async def test_a_run_that_waits_is_confirmed(opened: tuple[Stage, httpx.AsyncClient]) -> None:
    stage, client = opened
    one = stage["one"]
    one.put(*(record(f"r{n}", "A") for n in range(4)))
    await stage.harvest("one")
    one.lose("r0", "r1", "r2")
    answer = await client.post(HARVEST, json={"whole": True})
    assert answer.status_code == 202, answer.text
    await stage.work()
    seen = await look(client)
    assert seen["awaiting"] == {"run": 2, "would_remove": 3, "of": 4}
    assert "3 of 4" in seen["error"]
    assert seen["holdings"] == 4
    answer = await client.post(HARVEST, json={"confirm_run": 1})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/nothing-to-confirm")
    assert (await client.post(HARVEST, json={"confirm_run": 2})).status_code == 202
    await stage.work()
    seen = await look(client)
    assert (seen["awaiting"], seen["holdings"]) == (None, 1)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/systems/none/harvest", None, 404),
        ("POST", "/v1/systems/none/harvest", {}, 404),
        ("PUT", "/v1/systems/none/harvest", {}, 404),
        ("PUT", HARVEST, {"interval_seconds": 59}, 422),
        ("PUT", HARVEST, {"often": 1}, 422),
        ("POST", HARVEST, {"whole": "perhaps"}, 422),
        ("POST", HARVEST, {"confirm_run": 0}, 422),
        ("POST", "/v1/titles/doubtful/1-2", {"decision": "same"}, 404),
        ("POST", "/v1/titles/doubtful/1-2", {"decision": "perhaps"}, 422),
        ("POST", "/v1/titles/doubtful/one", {"decision": "same"}, 422),
        ("GET", "/v1/titles/doubtful?cursor=Im5vIg", None, 422),
    ],
)
async def test_what_cannot_be_asked(
    opened: tuple[Stage, httpx.AsyncClient], method: str, path: str, body: object, status: int
) -> None:
    _, client = opened
    details: dict[str, Any] = {} if body is None else {"json": body}
    assert (await client.request(method, path, **details)).status_code == status


async def test_a_system_whose_id_holds_a_slash(opened: tuple[Stage, httpx.AsyncClient]) -> None:
    stage, client = opened
    await stage.add("a/b")
    assert (await look(client, "/v1/systems/a/b/harvest"))["system"] == "a/b"
    assert (await look(client, "/v1/systems/a/b"))["id"] == "a/b"


async def test_doubtful_merges_are_listed_in_pages_and_decided(opened: tuple[Stage, httpx.AsyncClient]) -> None:
    stage, client = opened
    one = stage["one"]
    one.put(record("1", "A", isbn=X, title="De aanslag"), record("2", "B", isbn=X, title="Koken met gas"))
    one.put(record("3", "A", isbn=Y, ppn="p"), record("4", "B", isbn=Y, ppn="q"))
    await stage.harvest("one")
    first = await look(client, "/v1/titles/doubtful?limit=1")
    second = await look(client, f"/v1/titles/doubtful?limit=1&cursor={first['next_cursor']}")
    assert second["next_cursor"] is None
    by_isbn = {each["isbns"][0]: each for each in (*first["items"], *second["items"])}
    assert {isbn: each["why"] for isbn, each in by_isbn.items()} == {X: "one_isbn", Y: "two_ppns"}
    assert [each["title"] for each in by_isbn[X]["titles"]] == ["De aanslag", "Koken met gas"]
    assert [each["locations"] for each in by_isbn[X]["titles"]] == [1, 1]

    async def decided(isbn: str, decision: str) -> None:
        answer = await client.post(f"/v1/titles/doubtful/{by_isbn[isbn]['id']}", json={"decision": decision})
        assert answer.status_code == 200, answer.text
        assert answer.json() == by_isbn[isbn]

    await decided(X, "different")
    await decided(Y, "same")
    assert (await look(client, "/v1/titles/doubtful"))["items"] == []
    (title,) = (await look(client, f"/v1/titles?isbn={Y}"))["items"]
    assert (title["ppns"], title["locations"]) == (["P", "Q"], 2)
    assert len((await look(client, f"/v1/titles?isbn={X}"))["items"]) == 2


@pytest.mark.parametrize(
    ("method", "body"), [("POST", {}), ("POST", {"whole": True}), ("PUT", {"interval_seconds": 600})]
)
async def test_what_cannot_be_harvested_is_refused_and_nothing_comes_of_it(
    opened: tuple[Stage, httpx.AsyncClient], method: str, body: dict[str, Any]
) -> None:
    stage, client = opened
    stage["one"].offers = frozenset()  # of a kind that is harvested, but by an address that it was not given
    async with stage.ground.database.transaction() as connection:
        await connection.execute("insert into system (id, kind) values ('desk', 'manual')")
    for system in ("one", "desk"):
        answer = await client.request(method, f"/v1/systems/{system}/harvest", json=body)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-input")
        (error,) = answer.json()["errors"]
        assert error["pointer"] == "/id"
        assert error["detail"].startswith(f"{system} cannot be harvested: people answer for it, or ")
    assert await stage.rows("select * from task") == []
    assert (await look(client, "/v1/harvests"))["items"] == []


async def test_a_schedule_is_taken_back_of_what_is_harvested_no_more(opened: tuple[Stage, httpx.AsyncClient]) -> None:
    stage, client = opened
    await client.put(HARVEST, json={"interval_seconds": 600})
    stage["one"].offers = frozenset()
    assert (await client.put(HARVEST, json={})).json()["interval_seconds"] is None
