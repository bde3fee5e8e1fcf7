"""Turning an emulator's faults on while it runs, and its stock."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from adapters import SYSTEMS
from adapters.contract import ItemStatus, Title, Unavailable, Verb
from adapters.emulators.control import NoFault, read_faults
from adapters.emulators.demo_stock import PATRON, demo_isbn, demo_ppn
from adapters.emulators.faults import Fault, Wrong
from adapters.emulators.kinds import EMULATORS
from adapters.emulators.serve import serving
from adapters.wise import WiseSystem
from adapters.wise.translate import isbn13
from app.commands.emulate import command


async def test_faults_are_put_counted_and_cleared_while_it_runs() -> None:
    async with serving(EMULATORS["wise"]()) as installation, httpx.AsyncClient() as people:
        base = installation.addresses["wise"] + "/_emulator"
        system = WiseSystem(installation)
        planned = [{"wrong": "broken", "verb": "availability", "times": 50}]
        answer = await people.put(f"{base}/faults", json=planned)
        assert answer.json() == {"planned": [{**planned[0], "seconds": 0.3}], "seen": {}}
        with pytest.raises(Unavailable):
            await system.availability(["218001"])
        assert (await people.get(f"{base}/faults")).json()["seen"]["availability"] >= 1
        assert (await people.delete(f"{base}/faults")).status_code == 204
        assert await system.availability(["218001"])
        for wrong in (
            {"wrong": "what"},
            {"wrong": "slow", "verb": "dance"},
            {},
            {"wrong": "slow", "times": 0},
            {"a": 1},
        ):
            assert (await people.put(f"{base}/faults", json=wrong)).status_code == 422
        assert (await people.put(f"{base}/faults", content=b"x" * 200_000)).status_code == 413
        await system.close()


async def test_the_stock_can_be_looked_at_without_any_patron() -> None:
    emulator = EMULATORS["wise"]()
    emulator.stock.place_hold("218001", patron=PATRON, pickup="6491")
    async with serving(emulator) as installation, httpx.AsyncClient() as people:
        answer = await people.get(installation.addresses["wise"] + "/_emulator/stock")
        shown: dict[str, Any] = answer.json()
        assert len(shown["works"]) == 200
        assert shown["holds"][0]["work"] == "218001"
        assert PATRON not in answer.text


@given(
    st.binary()
    | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(
        lambda d: json.dumps(d).encode()
    )
)
def test_any_body_is_faults_or_none(body: bytes) -> None:
    with suppress(NoFault):
        assert all(isinstance(fault, Fault) for fault in read_faults(body))


def test_a_fault_may_be_sent_alone() -> None:
    assert read_faults(b'{"wrong": "hung", "verb": "place"}') == [Fault(wrong=Wrong.HUNG, verb=Verb.PLACE)]


def test_the_works_of_the_demonstration_have_numbers_that_check() -> None:
    isbns, ppns = [demo_isbn(place) for place in range(200)], [demo_ppn(place) for place in range(200)]
    assert [isbn13(isbn) for isbn in isbns] == isbns
    assert len(set(isbns)) == len(set(ppns)) == 200


@pytest.mark.parametrize("kind", EMULATORS)
async def test_a_reader_takes_a_copy_home(kind: str) -> None:
    emulator = EMULATORS[kind]()
    work = next(iter(emulator.stock.works.values()))
    barcode = work.copies[0].barcode
    async with serving(emulator) as installation, httpx.AsyncClient() as people:
        system = SYSTEMS[kind].open(installation)
        root = "/".join(next(url for url in installation.addresses.values() if "http" in url).split("/")[:3])

        async def on_shelf() -> int:
            seen = await system.availability(await system.resolve(Title(isbn=work.isbns[0])))
            return sum(one.count or 1 for one in seen if one.status is ItemStatus.AVAILABLE)

        before = await on_shelf()
        lent = await people.post(f"{root}/_emulator/copies/{barcode}/loan")
        assert (lent.status_code, lent.json()["status"]) == (200, "on_loan")
        assert await on_shelf() == before - 1
        assert (await people.post(f"{root}/_emulator/copies/{barcode}/loan")).status_code == 409
        assert (await people.post(f"{root}/_emulator/copies/nothing/loan")).status_code == 404
        await system.close()


def test_emulate_knows_its_kinds_and_says_when_it_cannot_listen() -> None:
    assert CliRunner().invoke(command, ["nothing"]).exit_code == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = CliRunner().invoke(command, ["wise", "--port", str(taken.getsockname()[1])])
    assert answer.exit_code == 1
    assert "cannot listen on 127.0.0.1" in answer.output
