"""Names of hosts: those that nobody answers for hold up nobody else."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from adapters.contract import Unavailable
from adapters.http import Http
from adapters.installation import Limits
from adapters.names import AT_ONCE, FAILED_SECONDS, KEPT_SECONDS, LOOPBACK, SLOW_AT_ONCE, SLOW_SECONDS, Names, connect
from adapters.protocols.sip2 import Sip2
from tests.adapters.raw_server import always, plain, raw_server

QUICK = Limits(deadline_seconds=0.5)
HERE = "127.0.0.9"


class NameServers:
    """Stand in for those of the machine: names on .well have an address, on .slow after a while, on .hung never."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.hung: tuple[str, ...] = (".hung",)
        self.gone = Event()
        self.now = 0.0

    def getaddrinfo(self, host: str, port: int | None, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        if host.endswith(self.hung):
            self.gone.wait(30)
        elif host.endswith(".slow"):
            self.now += SLOW_SECONDS + 1
        if host.endswith((".well", ".slow")):
            found = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (HERE, port or 0))
            return [found, found]
        raise socket.gaierror(socket.EAI_NONAME, "nobody knows it")

    def timer(self) -> float:
        return self.now


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServers]:
    made = NameServers()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    yield made
    made.gone.set()


@pytest.mark.usefixtures("servers")
async def test_systems_whose_names_hang_hold_up_none_that_are_well() -> None:
    dead_http = [Http(f"http://a{number}.hung", system="d", limits=QUICK) for number in range(30)]
    dead_sip2 = [Sip2(f"sip2://b{number}.hung", system="d", limits=QUICK) for number in range(30)]
    async with raw_server(always(plain(200))) as server:
        port = int(server.base.rpartition(":")[2])
        asking = [asyncio.ensure_future(one.ask("GET", "/", what="try")) for one in dead_http]
        holding = [asyncio.ensure_future(one.item("1")) for one in dead_sip2]
        await asyncio.sleep(0.1)
        for host in ("localhost", "127.0.0.1"):
            well = Http(f"http://{host}:{port}", system="w", limits=QUICK)
            await well.ask("GET", "/", what="try")
            await well.close()
        well = Http("http://c.well:9", system="w", limits=QUICK)
        with pytest.raises(Unavailable, match="ClientConnectorError"):  # found, and nobody listens there
            await well.ask("GET", "/", what="try")
        await well.close()
        _, writer = await asyncio.wait_for(connect("localhost", port), 0.5)
        writer.close()
        came = await asyncio.gather(*asking, *holding, return_exceptions=True)
    assert {type(fault) for fault in came} == {Unavailable}
    await asyncio.gather(*(one.close() for one in dead_http), *(one.close() for one in dead_sip2))


async def test_a_name_is_looked_up_once_for_all_who_ask_and_kept_a_while(servers: NameServers) -> None:
    names = Names(timer=servers.timer)
    found = await asyncio.gather(*(names.addresses(host) for host in ("a.well", "A.Well", "a.well")))
    assert (found, servers.asked) == ([(HERE,)] * 3, ["a.well"])
    servers.now = KEPT_SECONDS - 1
    await names.addresses("a.well")
    assert servers.asked == ["a.well"]
    servers.now = KEPT_SECONDS + 1
    await names.addresses("a.well")
    assert servers.asked == ["a.well"] * 2


async def test_that_a_name_has_no_address_is_kept_for_less_long(servers: NameServers) -> None:
    names = Names(timer=servers.timer)
    for servers.now in (0.0, FAILED_SECONDS - 1, FAILED_SECONDS + 1):
        with pytest.raises(OSError, match="no address"):
            await names.addresses("nobody")
    assert servers.asked == ["nobody"] * 2


async def test_addresses_and_this_machine_are_never_looked_up(servers: NameServers) -> None:
    names = Names()
    for host in ("127.0.0.1", "::1", "fe80::1%lo"):
        assert await names.addresses(host) == (host,)
    for host in ("localhost", "LOCALHOST.", "desk.localhost"):
        assert await names.addresses(host) == LOOPBACK
    assert servers.asked == []


async def test_names_that_were_slow_have_few_threads_between_them(servers: NameServers) -> None:
    names = Names(timer=servers.timer)
    many = [f"n{number}.slow" for number in range(SLOW_AT_ONCE * 2)]
    for host in many:
        await names.addresses(host)
    servers.now += KEPT_SECONDS + 1
    servers.asked.clear()
    servers.hung = (".hung", ".slow")
    slow = [asyncio.create_task(names.addresses(host)) for host in many]
    new = [asyncio.create_task(names.addresses(f"n{number}.hung")) for number in range(AT_ONCE - 1)]
    await _becomes(servers, SLOW_AT_ONCE + AT_ONCE - 1)
    assert await asyncio.wait_for(names.addresses("a.well"), 5) == (HERE,)
    assert len(set(many) & set(servers.asked)) == SLOW_AT_ONCE
    servers.gone.set()
    assert await asyncio.gather(*slow) == [(HERE,)] * len(many), "whoever waited for a thread got one"
    await asyncio.gather(*new, return_exceptions=True)


async def test_more_names_than_there_are_threads_wait_for_their_turn(
    servers: NameServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.names.AT_ONCE", 1)
    names = Names()
    found = await asyncio.gather(*(names.addresses(f"{number}.well") for number in range(20)))
    assert found == [(HERE,)] * 20


async def test_whoever_gives_up_leaves_the_others_their_answer(servers: NameServers) -> None:
    names = Names()
    given_up, patient = (asyncio.create_task(names.addresses("a.hung")) for _ in range(2))
    await _becomes(servers, 1)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    assert [len(asking) for asking in names._asking.values()] == [1]
    servers.gone.set()
    with pytest.raises(OSError, match="no address"):
        await patient
    assert servers.asked == ["a.hung"]


async def _becomes(servers: NameServers, asked: int) -> None:
    until = time.monotonic() + 10
    while len(servers.asked) < asked:
        assert time.monotonic() < until, len(servers.asked)
        await asyncio.sleep(0.01)
