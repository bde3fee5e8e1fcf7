"""The network over HTTP: imported, activated, undone, looked at and exported, as a planner's program sees it."""

from __future__ import annotations

import asyncio
import io
import secrets
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.database import open_database
from app.imports.version import version_id
from app.settings import Settings
from app.store.keys import create_key
from tests.app.conftest import administer, named
from tests.support.feeds import SMALL, edited, read, small, zipped
from tests.support.filled import client_of, run_sql, running

CALTRAIN = (Path(__file__).parent.parent / "data" / "caltrain-2009.zip").read_bytes()
ZIP = {"content-type": "application/zip"}
FIRST, SECOND = small(), edited("stop_times", "25:10:00", "25:20:00")
ONE, TWO = (version_id(read(files).content) for files in (FIRST, SECOND))


@pytest.fixture
def url(server_url: str, template: str) -> Iterator[str]:
    """A fresh, migrated database for every test."""
    name = f"leenpad_test_{secrets.token_hex(6)}"
    administer(server_url, f"create database {name} template {template}")
    yield named(server_url, name)
    administer(server_url, f"drop database {name} with (force)")


@pytest.fixture
async def app(url: str) -> AsyncIterator[FastAPI]:
    async with running(Settings(database_url=url)) as app:
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


async def imported(client: httpx.AsyncClient, body: bytes, **query: Any) -> dict[str, Any]:
    answer = await client.post("/v1/imports/network", content=body, headers=ZIP, params=query)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


async def active(client: httpx.AsyncClient) -> str | None:
    answer = await client.get("/v1/network")
    if answer.status_code == 404:
        return None
    version: str = answer.json()["id"]
    return version


def packed(files: dict[str, str]) -> bytes:
    return zipped(files).getvalue()


async def test_a_feed_that_somebody_else_made_is_imported_whole_and_the_second_time_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    whole = {
        "read": 4859,
        "created": 4859,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
        "rejected": 0,
        "superseded": 0,
        "rejects": [],
        "notes": [
            "fare_attributes.txt: left aside; nothing in it moves an item",
            "fare_rules.txt: left aside; nothing in it moves an item",
            "shapes.txt: left aside; nothing in it moves an item",
        ],
        "activated": False,
    }
    report = await imported(client, CALTRAIN)
    assert report == whole | {"version": report["version"]}
    assert await active(client) is None
    assert await imported(client, CALTRAIN, activate=True) == whole | {
        "version": report["version"],
        "created": 0,
        "unchanged": 4859,
        "activated": True,
    }
    assert await active(client) == report["version"]
    versions = (await client.get("/v1/network/versions")).json()
    assert versions["next_cursor"] is None
    (version,) = versions["items"]
    assert version == {
        "id": report["version"],
        "active": True,
        "imported_at": version["imported_at"],
        "timezone": "America/Los_Angeles",
        "first_day": "2009-03-02",
        "last_day": "2019-08-31",
        "counts": {
            "operators": 1,
            "stops": 31,
            "transfer_stops": 0,
            "routes": 3,
            "services": 6,
            "trips": 252,
            "stop_times": 4560,
        },
    }
    assert (await client.get("/v1/network")).json() == {**version, "previous": None}
    assert (await client.get(f"/v1/network/versions/{version['id']}")).json() == version


async def test_activations_are_a_log_that_can_be_undone(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/network/undo")).json() == {
        "type": "/problems/nothing-to-undo",
        "title": "Nothing can be undone",
        "status": 409,
        "detail": "No activation of a network version stands, so there is nothing to undo.",
        "instance": "/v1/network/undo",
    }
    await imported(client, packed(FIRST), activate=True)
    await imported(client, packed(SECOND))
    assert await active(client) == ONE
    activate = f"/v1/network/versions/{TWO}/activate"
    assert (await client.post(activate)).json() == {"active": TWO, "changed": True}
    assert (await client.post(activate)).json() == {"active": TWO, "changed": False}
    assert (await imported(client, packed(SECOND), activate=True))["activated"] is True
    assert await active(client) == TWO
    # What was activated once is undone at once, however often it was asked for.
    assert (await client.post("/v1/network/undo")).json() == {"undone": TWO, "active": ONE}
    assert await active(client) == ONE
    assert (await client.post(activate)).json() == {"active": TWO, "changed": True}
    assert (await client.post("/v1/network/undo")).json() == {"undone": TWO, "active": ONE}
    assert (await client.post("/v1/network/undo")).json() == {"undone": ONE, "active": None}
    assert await active(client) is None
    assert (await client.post("/v1/network/undo")).status_code == 409


async def test_undoing_twice_at_once_undoes_two(client: httpx.AsyncClient) -> None:
    await imported(client, packed(FIRST), activate=True)
    await imported(client, packed(SECOND), activate=True)
    answers = await asyncio.gather(*(client.post("/v1/network/undo") for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409]
    assert await active(client) is None


async def test_who_says_what_to_undo_undoes_nothing_else(client: httpx.AsyncClient) -> None:
    await imported(client, packed(FIRST), activate=True)
    await imported(client, packed(SECOND), activate=True)
    seen = {"if-match": f'"{TWO}"'}
    answers = await asyncio.gather(*(client.post("/v1/network/undo", headers=seen) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
    assert await active(client) == ONE
    refused = (await client.post("/v1/network/undo", headers={"if-match": TWO})).json()
    assert (refused["type"], refused["active"]) == ("/problems/active-changed", ONE)
    assert (await client.post("/v1/network/undo", headers={"if-match": ONE})).json() == {
        "undone": ONE,
        "active": None,
    }
    refused = (await client.post("/v1/network/undo", headers={"if-match": ONE})).json()
    assert (refused["type"], refused["active"]) == ("/problems/active-changed", None)


async def test_a_feed_at_fault_is_a_problem_that_names_every_fault_and_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    await imported(client, packed(FIRST), activate=True)
    wrong = edited("stop_times", "NL-1,1,0,1", "NL-9,1,x,1")
    answer = await client.post("/v1/imports/network?activate=true", content=packed(wrong), headers=ZIP)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "/problems/network-at-fault",
        "title": "The network has faults",
        "status": 422,
        "detail": "Nothing was imported: the feed is at fault in 1 place. "
        "The first: stop_times.txt line 2, stop_id: NL-9 is not in stops.txt.",
        "instance": "/v1/imports/network",
        "read": 18,
        "created": 0,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
        "rejected": 1,
        "superseded": 0,
        "rejects": [
            {"file": "stop_times.txt", "line": 2, "field": "stop_id", "reason": "NL-9 is not in stops.txt"},
            {
                "file": "stop_times.txt",
                "line": 2,
                "field": "pickup_type",
                "reason": "'x' is not one of 0, 1, 2, 3",
            },
        ],
        "notes": [],
        "errors": [
            {
                "pointer": "/stop_times.txt/2/stop_id",
                "detail": "stop_times.txt line 2, stop_id: NL-9 is not in stops.txt.",
            },
            {
                "pointer": "/stop_times.txt/2/pickup_type",
                "detail": "stop_times.txt line 2, pickup_type: 'x' is not one of 0, 1, 2, 3.",
            },
        ],
    }
    assert await active(client) == ONE
    assert len((await client.get("/v1/network/versions")).json()["items"]) == 1


async def test_a_bomb_is_a_problem(client: httpx.AsyncClient) -> None:
    # A hundred megabytes of rows, each padded so that they pack into next to nothing.
    row = f"T1,8:00:00,8:00:00,NL-1,1,0,0,{' ' * 60_000}\n".encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in FIRST.items():
            if name != "stop_times.txt":
                archive.writestr(name, text)
        with archive.open("stop_times.txt", "w", force_zip64=True) as stream:
            stream.write(FIRST["stop_times.txt"].splitlines()[0].encode() + b"\n")
            for _ in range(100):
                stream.write(row * 17)
    assert len(file.getvalue()) < 200_000
    answer = await client.post("/v1/imports/network?activate=true", content=file.getvalue(), headers=ZIP)
    assert answer.json() == {
        "type": "/problems/archive-refused",
        "title": "The archive cannot be read",
        "status": 422,
        "detail": "Nothing was imported: stop_times.txt expands to more than 200 times its packed size.",
        "instance": "/v1/imports/network",
        "errors": [{"pointer": "", "detail": "stop_times.txt expands to more than 200 times its packed size."}],
    }
    assert await active(client) is None


@pytest.mark.parametrize("body", [b"", b"isil,name\n", CALTRAIN[:30_000], CALTRAIN[30_000:]])
async def test_what_is_no_whole_archive_is_a_problem(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/imports/network", content=body, headers=ZIP)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/archive-refused")


async def test_a_body_of_another_kind_or_size_is_refused(url: str) -> None:
    async with running(Settings(database_url=url, import_max_mib=1)) as app, client_of(app) as client:
        answer = await client.post("/v1/imports/network", content=CALTRAIN, headers={"content-type": "text/csv"})
        assert (answer.status_code, answer.json()["detail"]) == (415, "Send the file as application/zip.")
        answer = await client.post("/v1/imports/network", content=bytes(1024 * 1024 + 1), headers=ZIP)
        assert answer.status_code == 413
        answer = await client.post("/v1/imports/network?activate=maybe", content=CALTRAIN, headers=ZIP)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/activate")


async def test_a_body_that_breaks_off_leaves_what_was_there(app: FastAPI, client: httpx.AsyncClient) -> None:
    await imported(client, packed(FIRST), activate=True)
    messages = iter(
        [{"type": "http.request", "body": CALTRAIN[:40_000], "more_body": True}, {"type": "http.disconnect"}]
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/imports/network",
        "raw_path": b"/v1/imports/network",
        "query_string": b"activate=true",
        "root_path": "",
        "headers": [(b"content-type", b"application/zip"), (b"content-length", str(len(CALTRAIN)).encode())],
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert await active(client) == ONE
    assert len((await client.get("/v1/network/versions")).json()["items"]) == 1


async def test_only_planners_change_the_network_and_any_key_reads_it(url: str) -> None:
    async with open_database(url) as database, database.transaction() as connection:
        reader = await create_key(connection, agency="NL-1", scopes=["reader"])
        planner = await create_key(connection, agency="NL-1", scopes=["planner"])
    async with running(Settings(database_url=url, admin_key=SecretStr("boot"))) as app, client_of(app) as client:
        for key, changing, reading in ((None, 401, 401), (reader, 403, 200), (planner, 200, 200), ("boot", 200, 200)):
            keyed = {} if key is None else {"authorization": f"Bearer {key}"}
            for path in ("/v1/imports/network?activate=true", f"/v1/network/versions/{ONE}/activate"):
                answer = await client.post(path, content=packed(FIRST), headers=ZIP | keyed)
                assert answer.status_code == changing, path
            if changing == 200:
                assert (await client.get(f"/v1/network/versions/{ONE}/stops", headers=keyed)).status_code == reading
            assert (await client.get("/v1/network/versions", headers=keyed)).status_code == reading
            # Without any network nobody drives: that is more than one planner's own.
            undoing = 403 if key == planner else changing
            assert (await client.post("/v1/network/undo", headers=keyed)).status_code == undoing


async def test_an_unknown_version_is_not_found(client: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", ""),
        ("POST", "/activate"),
        ("GET", "/export"),
        ("GET", "/stops"),
        ("GET", "/routes"),
        ("GET", "/services"),
        ("GET", "/trips"),
    ):
        for version in ("nv-0000000000000000", "a%00b", "%F0%9F%9A%90"):
            answer = await client.request(method, f"/v1/network/versions/{version}{path}")
            assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown-network-version")


async def test_without_an_active_version_there_is_no_network(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/network")).json() == {
        "type": "/problems/no-active-network",
        "title": "No network is active",
        "status": 404,
        "detail": "No network version is active: import one with ?activate=true, or activate one.",
        "instance": "/v1/network",
    }


async def test_stops_that_nobody_knew_become_locations_and_known_ones_stay_as_they_are(
    url: str, client: httpx.AsyncClient
) -> None:
    await run_sql(url, "insert into location (id, name, kind) values ('NL-HUB', 'The hub', 'hub')")
    connection = await asyncpg.connect(url)
    try:
        await imported(client, packed(FIRST))
        locations = await connection.fetch("select id, kind, name, agency, lat, lon from location order by id")
        assert [tuple(row) for row in locations] == [
            ("NL-1", "location", "Assen", None, 52.99, 6.56),
            ("NL-2", "location", "Emmen", None, 52.78, 6.89),
            ("NL-HUB", "hub", "The hub", None, None, None),
        ]
        changes = "select number from epoch where of = 'register'"
        made = await connection.fetchval(changes)
        await imported(client, packed(FIRST))
        await imported(client, packed(SECOND))
        assert await connection.fetchval(changes) == made, "no location was made, so nobody need look again"
        await imported(client, packed(small(stops=SMALL["stops.txt"] + "NL-3,Meppel,,\n")))
        assert await connection.fetchval(changes) == made + 1
    finally:
        await connection.close()


async def test_an_export_is_the_same_bytes_every_time_and_imports_as_the_same_version(
    client: httpx.AsyncClient,
) -> None:
    for body in (packed(FIRST), CALTRAIN):
        report = await imported(client, body)
        answer = await client.get(f"/v1/network/versions/{report['version']}/export")
        assert answer.headers["content-type"] == "application/zip"
        assert answer.headers["content-disposition"] == 'attachment; filename="network.zip"'
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert (await client.get(f"/v1/network/versions/{report['version']}/export")).content == answer.content
        assert (await imported(client, answer.content))["unchanged"] == (await imported(client, body))["unchanged"]
        assert (await imported(client, answer.content))["version"] == report["version"]


async def pages(client: httpx.AsyncClient, path: str, *, limit: int) -> list[Any]:
    """Follow the cursors from the first page to the last."""
    items: list[Any] = []
    asked: dict[str, Any] = {"limit": limit}
    while True:
        answer = await client.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert len(document["items"]) <= limit
        items += document["items"]
        if document["next_cursor"] is None:
            return items
        asked["cursor"] = document["next_cursor"]


@pytest.mark.parametrize("limit", [1, 2, 1000])
async def test_a_version_can_be_looked_at_page_by_page(client: httpx.AsyncClient, limit: int) -> None:
    await imported(client, packed(FIRST))
    await imported(client, packed(SECOND))
    await imported(client, CALTRAIN)
    listed = await pages(client, "/v1/network/versions", limit=limit)
    assert [version["id"] for version in listed][1:] == [TWO, ONE], "newest first"
    path = f"/v1/network/versions/{ONE}"
    assert await pages(client, f"{path}/stops", limit=limit) == [
        {"id": "NL-1", "name": "Assen", "lat": 52.99, "lon": 6.56, "handling_seconds": None},
        {"id": "NL-2", "name": "Emmen", "lat": 52.78, "lon": 6.89, "handling_seconds": None},
        {"id": "NL-HUB", "name": "Hub", "lat": None, "lon": None, "handling_seconds": 1800},
    ]
    drenthe = {"operator_id": "DR", "operator": "Biblionet Drenthe", "short_name": "1", "long_name": "Drenthe"}
    night = {"operator_id": "NIGHT", "operator": "Night carrier", "short_name": "N", "long_name": ""}
    assert await pages(client, f"{path}/routes", limit=limit) == [
        {"id": "R1", "route_type": 3} | drenthe,
        {"id": "R2", "route_type": 3} | night,
    ]
    assert await pages(client, f"{path}/services", limit=limit) == [
        {
            "id": "SAT",
            "weekdays": [False] * 7,
            "start_date": None,
            "end_date": None,
            "added": ["2026-11-28"],
            "removed": [],
        },
        {
            "id": "WEEK",
            "weekdays": [True] * 5 + [False] * 2,
            "start_date": "2026-01-01",
            "end_date": "2026-12-31",
            "added": [],
            "removed": ["2026-12-25"],
        },
    ]

    def call(stop: str, sequence: int, times: str, pickup: bool = True, drop_off: bool = True) -> dict[str, Any]:
        arrival, departure = times.split()
        return {
            "stop_id": stop,
            "stop_sequence": sequence,
            "arrival_time": arrival,
            "departure_time": departure,
            "pickup": pickup,
            "drop_off": drop_off,
        }

    trips = await pages(client, f"{path}/trips", limit=limit)
    assert trips == [
        {
            "id": "T1",
            "route_id": "R1",
            "service_id": "WEEK",
            "headsign": "Emmen",
            "short_name": "",
            "crate_capacity": 40,
            "stop_times": [
                call("NL-1", 1, "08:00:00 08:00:00", drop_off=False),
                call("NL-HUB", 2, "09:00:30 09:30:00"),
                call("NL-2", 3, "10:00:00 10:00:00", pickup=False),
            ],
        },
        {
            "id": "T2",
            "route_id": "R2",
            "service_id": "SAT",
            "headsign": "",
            "short_name": "",
            "crate_capacity": None,
            "stop_times": [call("NL-HUB", 1, "23:50:00 23:50:00"), call("NL-1", 2, "25:10:00 25:10:00")],
        },
    ]


@pytest.mark.parametrize("cursor", ["", "!", "MQ", "bm8", "LTE", "OTk5OTk5OTk5OTk5", "IjEi", "dHJ1ZQ", "é", "0"])
async def test_a_cursor_that_we_never_made_is_invalid(client: httpx.AsyncClient, cursor: str) -> None:
    answer = await client.get("/v1/network/versions", params={"cursor": cursor})
    if cursor == "MQ":  # this one we could have made
        assert answer.json() == {"items": [], "next_cursor": None}
        return
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/cursor", "detail": "This is not the next_cursor of any page."}]


async def test_the_health_of_the_active_network(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/network/health")).status_code == 503
    files = edited("stop_times", "NL-2,3,1,0", "NL-2,3,0,0")
    await imported(client, packed(files), activate=True)
    assert (await client.get("/v1/network/health", params={"since": "2026-11-23", "until": "2026-12-31"})).json() == {
        "network_version": version_id(read(files).content),
        "first_day": "2026-11-23",
        "last_day": "2026-12-31",
        "stops": 3,
        "hubs": 1,
        "routes": 2,
        "main_hubs": ["NL-HUB"],
        "not_reached": [],
        "not_sending": ["NL-2"],
        "single_points": [
            {"kind": "hub", "id": "NL-HUB", "operator": None, "cut_off": ["NL-1", "NL-2"]},
            {"kind": "route", "id": "R1", "operator": "Biblionet Drenthe", "cut_off": ["NL-1", "NL-2"]},
            {"kind": "route", "id": "R2", "operator": "Night carrier", "cut_off": ["NL-1"]},
        ],
    }
    rows = ["A,Library A,agency,,", "AWAY,No van comes here,location,,", "GONE,Closed,location,,2026-11-01"]
    register = "isil,name,kind,valid_from,valid_until\n" + "".join(f"{row}\n" for row in rows)
    for away in ("AWAY", "FAR"):
        headers = {"content-type": "text/csv"}
        assert (
            await client.post("/v1/imports/agencies", content=register.replace("AWAY", away), headers=headers)
        ).status_code == 200
    for since, gone in (("2026-11-23", []), ("2026-10-31", ["GONE"])):
        answer = await client.get("/v1/network/health", params={"since": since, "until": "2026-12-31"})
        assert (answer.json()["not_reached"], answer.json()["not_sending"], answer.json()["stops"]) == (
            ["AWAY", "FAR", *gone],
            ["AWAY", "FAR", *gone, "NL-2"],
            3,
        )
    answer = await client.get("/v1/network/health", params={"since": "2026-11-23", "until": "2026-11-22"})
    assert answer.json()["errors"] == [{"pointer": "/until", "detail": "This day is before `since`."}]
