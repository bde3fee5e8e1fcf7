"""The log of changes: nothing is changed unseen."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from google.transit import gtfs_realtime_pb2 as pb

from app.api.kept import LEFT_OUT, LONGEST_TEXT, MOST_CHARACTERS, OPERATIONS, SIGNING_IN, shortened
from app.settings import Settings
from tests.app.test_openapi import DOCUMENT
from tests.support.filled import client_of, fill, run_sql, running

# What a field is called that nobody but its owner should read.
UNFIT = re.compile(r"patron|reader|secret|token|password|address|url|option|verifier|^(?:key|value|code|name_of)$")
TRIP = {"trip_id": "v1-in", "service_date": "2026-11-24"}
DEMAND = {"demand": {"kind": "real", "since": "2026-11-01", "until": "2026-11-08"}}
FEED = pb.FeedMessage(
    header=pb.FeedHeader(gtfs_realtime_version="2.0"),
    entity=[
        pb.FeedEntity(
            id="1",
            trip_update=pb.TripUpdate(trip=pb.TripDescriptor(trip_id="line", start_date="20261125"), delay=60),
        )
    ],
).SerializeToString()
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
        ("A. Planner", "POI-NOORD", "POST", "/v1/sessions", 201),
        (None, None, "POST", "/v1/keys", 201),
    ]
    assert [row["path"] for row in await changes(client)] == [
        "/v1/network/versions/first/activate",
        "/v1/sessions",
        "/v1/keys",
    ]
    seen = await changes(client, headers=session)
    assert [row["path"] for row in seen] == ["/v1/network/versions/first/activate"], "of planners, the network only"


async def test_what_was_asked_and_what_came_of_it_is_kept_when_the_thing_itself_is_gone(
    client: httpx.AsyncClient,
) -> None:
    late = {**TRIP, "delay_seconds": 1200, "skipped": [{"location": "desk"}], "note": "Ice"}
    assert (await client.post("/v1/trips/changes", json=late, headers=ADMIN)).status_code == 201
    assert (await client.delete("/v1/trips/changes/v1-in/2026-11-24", headers=ADMIN)).status_code == 204
    assert (await client.post("/v1/trips/cancellations", json=TRIP, headers=ADMIN)).status_code == 201
    made = await client.post("/v1/suspensions", json={"route": "V2", "since": "2026-12-24"}, headers=ADMIN)
    draft = await client.post("/v1/network/drafts", json={"name": "Winter"}, headers=ADMIN)
    scenario = {"name": "Less", "changes": [{"kind": "drop_route", "route": "V2"}]}
    tried = await client.post("/v1/scenarios", json=scenario | DEMAND, headers=ADMIN)
    assert tried.status_code == 201, tried.text
    await client.post("/v1/dead-letters/resume", params={"kind": "place"}, headers=ADMIN)
    told = [(row["path"], row["asked"], row["made"]) for row in reversed(await changes(client))]
    assert told == [
        ("/v1/trips/changes", late, None),
        ("/v1/trips/changes/v1-in/2026-11-24", None, None),
        ("/v1/trips/cancellations", TRIP, None),
        ("/v1/suspensions", {"route": "V2", "since": "2026-12-24"}, {"id": made.json()["id"]}),
        ("/v1/network/drafts", {"name": "Winter"}, {"id": draft.json()["id"], "revision": 0}),
        ("/v1/scenarios", scenario | DEMAND, {"id": tried.json()["id"]}),
        ("/v1/dead-letters/resume", {"kind": "place"}, {"resumed": 0}),
    ]


async def test_what_was_asked_is_kept_of_what_was_refused_and_of_a_body_that_was_none_nothing(
    client: httpx.AsyncClient,
) -> None:
    asked = {**TRIP, "trip_id": "no-such"}
    assert (await client.post("/v1/trips/cancellations", json=asked, headers=ADMIN)).status_code == 422
    assert (await client.post("/v1/trips/cancellations", json={"trip": 1}, headers=ADMIN)).status_code == 422
    assert [(row["asked"], row["made"], row["status"]) for row in await changes(client, refused="true")] == [
        (None, None, 422),
        (asked, None, 422),
    ]


async def test_no_secret_is_kept(client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/keys", json={"agency": "NL-1", "scopes": ["requester"]}, headers=ADMIN)
    rotated = await client.post(f"/v1/keys/{made.json()['id']}/rotate?overlap_hours=1", headers=ADMIN)
    await client.put("/v1/secrets/door", json={"value": "sesame"}, headers=ADMIN)
    url = "http://sesame.example/sesame"
    await client.post("/v1/webhooks", json={"agency": "NL-1", "url": url}, headers=ADMIN)
    system = {"kind": "wise", "addresses": {"sip2": "sip2://sesame.example:6001"}, "options": {"login": "sesame"}}
    await client.put("/v1/systems/wise-1", json=system, headers=ADMIN)
    begun = await client.post("/v1/sessions", json={"name": "A"}, headers=ADMIN)
    session = {"authorization": f"Bearer {begun.json()['token']}"}
    assert (await client.delete("/v1/sessions/current", headers=session)).status_code == 204
    rows = await changes(client, refused="true")
    assert [(row["name"], row["what"]) for row in rows] == [
        ("A", "Sign out"),
        ("A", "Sign in"),
        (None, "Say how a system is reached"),
        (None, "Make a webhook"),
        (None, "Keep a secret"),
        (None, "Rotate a key"),
        (None, "Make a key"),
    ]
    assert [row["asked"] for row in rows[-2:]] == [
        {"overlap_hours": "1"},
        {"agency": "NL-1", "scopes": ["requester"]},
    ]
    assert [row["made"] for row in rows[-2:]] == [{"id": rotated.json()["id"]}, {"id": made.json()["id"]}]
    kept = str(rows)
    for unfit in ("sesame", made.json()["key"], rotated.json()["key"], begun.json()["token"]):
        assert unfit not in kept


def operations() -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if method != "get"
    }


def test_of_every_operation_that_changes_something_it_is_said_what_is_kept() -> None:
    said = [*OPERATIONS, *SIGNING_IN, *LEFT_OUT]
    assert len(set(said)) == len(said)
    assert set(operations()) == set(said), "say in app/api/kept.py what of it may be kept"


@pytest.mark.parametrize("operation", [name for name, keeps in OPERATIONS.items() if keeps.asked is None])
def test_a_body_that_is_kept_whole_has_no_field_that_is_unfit(operation: str) -> None:
    (body,) = operations()[operation]["requestBody"]["content"].values()
    assert [name for name in fields_in(body["schema"], set()) if UNFIT.search(name)] == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_kept_is_there_and_fit(operation: str) -> None:
    keeps, described = OPERATIONS[operation], operations()[operation]
    queries = {asked["name"] for asked in described.get("parameters", []) if asked["in"] == "query"}
    assert keeps.query <= queries
    answered = {
        name
        for response in described["responses"].values()
        for media in response.get("content", {}).values()
        for name in fields_in(media.get("schema", {}), set())
    }
    assert set(keeps.made) <= answered
    named = {*(keeps.asked or ()), *keeps.query, *keeps.made}
    assert [name for name in named if UNFIT.search(name)] == []
    for body in described.get("requestBody", {}).get("content", {}).values():
        assert (keeps.asked or set()) <= set(fields_in(body["schema"], set()))


def fields_in(schema: dict[str, Any], seen: set[str]) -> list[str]:
    """The names of all fields under a schema, at any depth; `seen`: what was looked into already."""
    found: list[str] = []
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        if name not in seen:
            seen.add(name)
            found += fields_in(DOCUMENT["components"]["schemas"][name], seen)
    for name, inner in schema.get("properties", {}).items():
        found += [name, *fields_in(inner, seen)]
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            found += fields_in(schema[word], seen)
    for word in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(word, []):
            found += fields_in(inner, seen)
    return found


def test_a_long_document_is_counted() -> None:
    call = {"stop_id": "H", "arrival_time": "09:00:00", "departure_time": "09:00:00"}
    changes = [{"op": "put_trip", "id": f"t{at}", "stop_times": [call] * 40} for at in range(300)]
    short = shortened({"changes": changes, "note": "x" * 2000})
    assert len(str(short)) < MOST_CHARACTERS
    assert short["changes"]["count"] == 300
    assert short["changes"]["first"][0]["stop_times"]["count"] == 40
    assert short["note"] == "x" * LONGEST_TEXT + "…"
    assert shortened({"branches": {f"b{at}" * 100: "H" * 200 for at in range(2000)}})["branches"]["count"] == 2000
    whole = {"changes": changes[:1]}
    assert shortened(whole) == whole


async def test_scans_previews_and_a_feed_that_changes_nothing_are_no_changes(client: httpx.AsyncClient) -> None:
    scanned = await client.post("/v1/scans", json={"code": "9789000000005", "location": "H"}, headers=ADMIN)
    preview = await client.post("/v1/trips/changes/preview", json={**TRIP, "delay_seconds": 60}, headers=ADMIN)
    draft = (await client.post("/v1/network/drafts", json={"name": "x"}, headers=ADMIN)).json()
    days = {"operator": "0", "since": "2026-12-20", "until": "2026-12-31"}
    at = f"/v1/network/drafts/{draft['id']}/calendar"
    looked = await client.post(at, json=days, headers=ADMIN | {"if-match": "*"})
    feed = {**ADMIN, "content-type": "application/x-protobuf"}
    answers = [await client.post("/v1/imports/trip-updates", content=FEED, headers=feed) for _ in range(2)]
    assert [answer.status_code for answer in (scanned, preview, looked, *answers)] == [404, 200, 200, 200, 200]
    rows = await changes(client, refused="true")
    assert [row["path"] for row in rows] == ["/v1/imports/trip-updates", "/v1/network/drafts"]
    assert rows[0]["made"]["created"] == 1


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
