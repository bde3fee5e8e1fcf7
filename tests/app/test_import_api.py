"""Imports over HTTP: what is asked of the body, who may, and what a broken one leaves behind."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from app.database import Database
from app.main import create_app
from app.settings import Settings
from tests.support.filled import client_of, running
from tests.support.tables import add_locations, drawn_titles, empty, whole

HEADER = "location,isbn,ppn,title,author,material,copies,available,loanable\n"
CSV = {"content-type": "text/csv"}
HOME = Path(__file__).resolve().parents[2]
PROCESSES = Path("/proc")


@pytest.fixture
async def client(database: Database, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    await empty(database)
    await add_locations(database, "one", "two")
    async with running(Settings(database_url=database_url, import_max_mib=1)) as app, client_of(app) as client:
        yield client


async def test_a_report(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/v1/imports/holdings", content=HEADER + "one,,1,,,,,,\nnowhere,,1,,,,,,\n", headers=CSV
    )
    assert answer.status_code == 200
    assert answer.json() == {
        "read": 2,
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
        "rejected": 1,
        "superseded": 0,
        "rejects": [
            {
                "line": 3,
                "field": "location",
                "reason": '"nowhere" is not a location that is known; import agencies first',
            }
        ],
        "notes": [],
    }


async def test_ndjson_and_replace(client: httpx.AsyncClient, database: Database) -> None:
    await client.post("/v1/imports/holdings", content=HEADER + "one,,1,,,,,,\n", headers=CSV)
    answer = await client.post(
        "/v1/imports/holdings?replace=true",
        content='{"location": "one", "ppn": "2"}\n',
        headers={"content-type": "application/x-ndjson"},
    )
    assert (answer.json()["created"], answer.json()["removed"]) == (1, 1)
    assert await drawn_titles(database) == [" | 1 | ", " | 2 | one"]


async def test_strict_answers_with_the_report_in_the_problem(client: httpx.AsyncClient, database: Database) -> None:
    before = await whole(database)
    answer = await client.post(
        "/v1/imports/holdings?strict=true", content=HEADER + "one,,1,,,,,,\none,,2,,,,x,,\none\n", headers=CSV
    )
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json() == {
        "type": "/problems/rows-rejected",
        "title": "Rows were rejected, and the import was strict",
        "status": 422,
        "detail": "2 of 3 rows are not valid, and the import was asked to be strict: nothing was changed.",
        "instance": "/v1/imports/holdings",
        "read": 3,
        "created": 0,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
        "rejected": 2,
        "superseded": 0,
        "rejects": [
            {"line": 3, "field": "copies", "reason": "is not a whole number from 0 to 1000000"},
            {"line": 4, "field": None, "reason": "the row has 1 fields, the header has 9"},
        ],
        "notes": [],
        "errors": [
            {"pointer": "/3/copies", "detail": "line 3, copies: is not a whole number from 0 to 1000000."},
            {"pointer": "/4", "detail": "line 4: the row has 1 fields, the header has 9."},
        ],
    }
    assert await whole(database) == before


@pytest.mark.parametrize(
    ("address", "headers", "content", "status", "slug"),
    [
        ("agencies", {"content-type": "application/json"}, "{}", 415, "unsupported-media-type"),
        ("agencies", {"content-type": "application/x-ndjson"}, "{}", 415, "unsupported-media-type"),
        ("holdings", {"content-type": "text/plain"}, HEADER, 415, "unsupported-media-type"),
        ("holdings", {}, HEADER, 415, "unsupported-media-type"),
        ("holdings", {**CSV, "content-encoding": "gzip"}, HEADER, 415, "unsupported-media-type"),
        ("holdings", {"content-type": "text/csv; charset=latin1"}, HEADER, 415, "unsupported-media-type"),
        ("holdings", CSV, "", 422, "unreadable-file"),
        ("agencies", CSV, "isil;name;kind\n", 422, "unreadable-file"),
        ("holdings?strict=perhaps", CSV, HEADER, 422, "invalid-input"),
        ("holdings", CSV, "x" * 1_100_000, 413, "too-large"),
    ],
)
async def test_what_is_not_taken_is_a_problem(
    client: httpx.AsyncClient, address: str, headers: dict[str, str], content: str, status: int, slug: str
) -> None:
    request = client.build_request("POST", f"/v1/imports/{address}", content=content.encode(), headers=headers)
    if "content-type" not in headers:
        request.headers.pop("content-type", None)
    answer = await client.send(request)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert bool(answer.json().get("errors")) == (status == 422)


async def test_a_body_of_unknown_length_is_bounded_too(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 50_000

    answer = await client.post("/v1/imports/holdings", content=endless(), headers=CSV)
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")


async def test_only_an_admin_imports(database: Database, database_url: str) -> None:
    settings = Settings(database_url=database_url, admin_key=SecretStr("sesame"))
    async with running(settings) as app, client_of(app) as client:
        refused = await client.post("/v1/imports/holdings", content=HEADER, headers=CSV)
        assert refused.status_code == 401
        key = {"authorization": "Bearer sesame"}
        assert (await client.post("/v1/imports/holdings", content=HEADER, headers=CSV | key)).status_code == 200


@asynccontextmanager
async def served(database_url: str) -> AsyncIterator[int]:
    """The application behind a real socket."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(create_app(Settings(database_url=database_url)), log_level="warning"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            assert not serving.done(), serving.exception()
            await asyncio.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        await serving


async def test_a_broken_upload_leaves_what_was_there(database: Database, database_url: str) -> None:
    await empty(database)
    await add_locations(database, "one")
    body = (HEADER + "".join(f"one,,{ppn},,,,,,\n" for ppn in range(20_000))).encode()
    head = (
        "POST /v1/imports/holdings?replace=true HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    async with served(database_url) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        whole_file = HEADER + "one,,kept,,,,,,\n"
        assert (await client.post("/v1/imports/holdings", content=whole_file, headers=CSV)).json()["created"] == 1
        before = await whole(database)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body[: len(body) // 2])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.2)
        assert await whole(database) == before
        # and the service goes on
        assert (await client.post("/v1/imports/holdings", content=whole_file, headers=CSV)).json()["unchanged"] == 1


@pytest.mark.once
async def test_a_killed_import_changes_nothing(database: Database, database_url: str, tmp_path: Path) -> None:
    await empty(database)
    await add_locations(database, "one")
    file = tmp_path / "holdings.csv"
    file.write_text(HEADER + "".join(f"one,,{ppn},Title {ppn},,,,,\n" for ppn in range(300_000)))
    before = await whole(database)
    program = (
        "import asyncio, pathlib\n"
        "from app.database import open_database\n"
        "from app.imports.holdings import import_holdings\n"
        "def tell(done):\n"
        "    print(done, flush=True)\n"
        "async def main():\n"
        f"    async with open_database({database_url!r}) as database:\n"
        f"        await import_holdings(database, pathlib.Path({str(file)!r}), progress=tell)\n"
        "asyncio.run(main())\n"
    )
    for patience in (0.0, 0.6):  # while rows are being read, and while they are being merged
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        while int(await process.stdout.readline()) < (1 if patience == 0.0 else file.stat().st_size):
            pass
        await asyncio.sleep(patience)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await _nobody_works(database)
        assert await whole(database) == before


async def _nobody_works(database: Database) -> None:
    """Wait until the server has noticed, and no reading process of this checkout is left."""
    async with asyncio.timeout(60), database.connection() as connection:
        while await connection.fetchval(_BUSY) or any(map(_reads, PROCESSES.glob("[0-9]*"))):  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.05)


_BUSY = """
select count(*) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'
"""


def _reads(process: Path) -> bool:
    try:
        return b"app.imports.parse" in (process / "cmdline").read_bytes() and (process / "cwd").samefile(HOME)
    except OSError:
        return False


async def test_names_of_hosts_that_nobody_answers_for_hold_up_no_import(client: httpx.AsyncClient) -> None:
    """Name look-ups of httpx and asyncio wait in the threads of the loop's own executor."""
    answered = threading.Event()
    looking = [asyncio.get_running_loop().run_in_executor(None, answered.wait, 60) for _ in range(40)]
    try:
        async with asyncio.timeout(30):
            answer = await client.post("/v1/imports/holdings", content=HEADER + "one,,1,,,,,,\n", headers=CSV)
    finally:
        answered.set()
        await asyncio.gather(*looking)
    assert (answer.status_code, answer.json()["read"]) == (200, 1)
