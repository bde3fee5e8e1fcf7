"""The emulated systems of the demonstration: a real process, stocked from a real database, that decisions reach."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from adapters.emulators.demo_stock import demo_isbn, demo_ppn
from adapters.emulators.kinds import EMULATORS
from app.database import Database
from app.demo.reach import Emulated, emulating, say_how, take_back
from app.demo.stocking import LEAST_HOLDINGS, smallest
from app.lending.vault import Vault
from app.settings import Settings
from app.store.holdings import count_by_system
from app.store.systems import list_secrets, load_systems
from tests.app.conftest import database, database_url, server_url, template
from tests.platform.server_users import eventually
from tests.support.filled import fill, run_sql
from tests.support.house import open_house

pytestmark = pytest.mark.once

__all__ = ["database", "database_url", "server_url", "template"]  # fixtures, taken over by name

ROOT = Path(__file__).parents[2]
AT = {"wise": "desk", "vubis": "branch", "concerto": "far", "brocade": "island"}
TITLES = LEAST_HOLDINGS + 10
KEY = Fernet.generate_key().decode()
IN, OUT, UNKNOWN, KEPT, GONE = range(
    5
)  # titles: on the shelf, lent out, nobody knows, a reference copy, no copy left
START = """
import sys
from app.demo.reach import emulating
from app.settings import Settings
with emulating(Settings()) as emulated:
    emulated.ready()
    print(emulated.process.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
async def filled(database_url: str) -> str:
    """The small network, with a system of each kind, each of which holds the same titles."""
    await fill(database_url)
    statements = [
        f"insert into title (id, title, author) overriding system value values"
        f" {', '.join(f'({100 + at}, $$Title {at}$$, $$Zomer, Anna$$)' for at in range(TITLES))}",
        f"insert into title_isbn (title_id, isbn) values"
        f" {', '.join(f'({100 + at}, $${demo_isbn(at)}$$)' for at in range(TITLES))}",
        f"insert into title_ppn (title_id, ppn) values"
        f" {', '.join(f'({100 + at}, $${demo_ppn(at)}$$)' for at in range(TITLES))}",
    ]
    for kind, location in AT.items():
        statements += [
            f"insert into system (id, kind) values ('{kind}-one', '{kind}'), ('{kind}-none', '{kind}')",
            f"update location set system = '{kind}-one' where id = '{location}'",
            "insert into holding (title_id, location, material, copies, available, loanable)"
            f" select id, '{location}', 'book', case when id = {100 + GONE} then 0 else 2 end,"
            f" case id when {100 + OUT} then 0 when {100 + UNKNOWN} then null when {100 + GONE} then 0 else 2 end,"
            f" id <> {100 + KEPT} from title where id >= 100",
        ]
    await run_sql(database_url, "; ".join([*statements, "update epoch set number = number + 1"]))
    return database_url


@pytest.fixture(scope="module")
def settings(filled: str) -> Settings:
    return Settings(database_url=filled, secrets_key=SecretStr(KEY), live_deadline_ms=10_000)


@pytest.fixture
async def emulated(settings: Settings, database: Database) -> AsyncIterator[Emulated]:
    with emulating(settings) as started:
        await asyncio.to_thread(started.ready)
        await say_how(database, started, Vault([KEY]))
        yield started
    await take_back(database)


async def stock_of(emulated: Emulated, kind: str) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as client:
        found: dict[str, Any] = (await client.get(f"{emulated.root(f'{kind}-one')}/_emulator/stock")).json()
        return found


async def test_the_smallest_of_each_kind_that_is_large_enough_is_taken(filled: str, database: Database) -> None:
    async with database.connection() as connection:
        counted = await count_by_system(connection)
    assert {row["id"] for row in counted if row["holdings"] > TITLES} == {f"{kind}-one" for kind in AT}
    counted += [{"id": "small", "kind": "wise", "holdings": LEAST_HOLDINGS - 1}]
    counted += [{"id": "another", "kind": "vubis", "holdings": LEAST_HOLDINGS}]
    assert smallest(counted, EMULATORS) == {kind: f"{kind}-one" for kind in AT} | {"vubis": "another"}


async def test_each_has_what_the_catalogue_has(emulated: Emulated) -> None:
    for kind in AT:
        works = {work["isbns"][0]: work for work in (await stock_of(emulated, kind))["works"] if work["isbns"]}
        states = {
            at: [(copy["status"], copy["loanable"]) for copy in works[demo_isbn(at)]["copies"]]
            for at in (IN, OUT, UNKNOWN, KEPT)
        }
        assert states == {
            IN: [("available", True)] * 2,
            OUT: [("on_loan", True)] * 2,
            UNKNOWN: [("available", True)] * 2,
            KEPT: [("reference", False)] * 2,
        }, kind
        assert demo_isbn(GONE) not in works
        assert (works[demo_isbn(IN)]["ppn"], works[demo_isbn(IN)]["title"]) == (demo_ppn(IN), "Title 0")
        barcodes = [copy["barcode"] for work in works.values() for copy in work["copies"]]
        assert len(set(barcodes)) == len(barcodes)


async def test_loan_requests_and_decisions_reach_them(emulated: Emulated, settings: Settings) -> None:
    async with open_house(settings) as house:
        for title, (kind, location) in enumerate(AT.items(), start=20):
            asked: dict[str, Any] = {"title": {"isbn": demo_isbn(10)}, "pickup_location": location}
            loan = await house.asked(**asked)
            stood = await house.look(loan)
            assert stood["supplying_location"] == location, (kind, await house.history(loan))
            (hold,) = (await stock_of(emulated, kind))["holds"]
            assert hold["state"] == "active", kind
            # Of another title both copies go out: the catalogue does not know, and the decision does.
            (work,) = [w for w in (await stock_of(emulated, kind))["works"] if demo_isbn(title) in w["isbns"]]
            async with httpx.AsyncClient(base_url=emulated.root(f"{kind}-one"), trust_env=False) as people:
                for copy in work["copies"]:
                    assert (await people.post(f"/_emulator/copies/{copy['barcode']}/loan")).status_code == 200
            asked |= {"title": {"ppn": demo_ppn(title)}, "live_deadline_ms": 10_000}
            answer = (await house.client.post("/v1/decisions", json=asked)).json()
            refused = {one["supplying_location"]: one for one in answer["refusals"]}
            assert refused.get(location, {}).get("reason") == "unavailable", (kind, answer)
            assert f"{kind}-one says so itself" in refused[location]["detail"]


async def test_they_go_and_so_does_what_was_said_of_them(settings: Settings, database: Database) -> None:
    vault = Vault([KEY])
    await run_sql(
        settings.database_url or "", "update system set addresses = '{\"desk\": \"fake:x\"}' where id = 'wise-none'"
    )
    with emulating(settings) as first:
        await asyncio.to_thread(first.ready)
        await say_how(database, first, vault)
    assert first.process.poll() is not None
    with emulating(settings) as second:  # the first ended without a word: what it left is written over
        await asyncio.to_thread(second.ready)
        second.systems.pop("brocade-one")  # as if another was chosen this time
        await say_how(database, second, vault)
        async with database.connection() as connection:
            called = await load_systems(connection)
        assert set(called) == {"wise-one", "vubis-one", "concerto-one", "wise-none"}
        assert called["wise-one"].addresses == second.systems["wise-one"][0].addresses
    await take_back(database)
    async with database.connection() as connection:
        assert set(await load_systems(connection)) == {"wise-none"}, "what somebody else said stands"
        assert await list_secrets(connection, after=None, limit=10) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel is asked to see to it")
def test_they_die_with_a_parent_that_is_killed(settings: Settings) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"LEENPAD_DATABASE_URL": settings.database_url or "", "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.communicate()
    assert eventually(lambda: not is_running(child), seconds=30)


def is_running(number: int) -> bool:
    try:
        command = Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return False
    return b"app.demo.emulated" in command
