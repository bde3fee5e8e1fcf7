"""Webhooks go to public addresses only, and to the very ones that were checked."""

from __future__ import annotations

import httpx
import pytest

from app.lending.addresses import AddressRefused, CheckedTransport, is_public


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254"),
        *("0.0.0.0", "0.1.2.3", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"),
        *("2002:7f00:1::", "2002:a00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)


class Names:
    """Answers each look-up with the next of its answers."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int) -> list[str]:
        return self.answers.pop(0)


async def ask(names: Names, *, refusing: tuple[str, ...] = ()) -> list[tuple[str, str, str]]:
    """Post to receiver.example; return where it went: the address, the Host header and the name for TLS."""
    went = []

    async def answer(request: httpx.Request) -> httpx.Response:
        went.append((request.url.host, request.headers["host"], request.extensions["sni_hostname"]))
        if request.url.host in refusing:
            raise httpx.ConnectError("refused")
        return httpx.Response(204)

    transport = CheckedTransport(private=False, resolve=names.resolve, through=httpx.MockTransport(answer))
    async with httpx.AsyncClient(transport=transport) as client:
        await client.post("https://receiver.example/told", content=b"{}")
    return went


async def test_it_connects_to_what_was_checked_under_the_name() -> None:
    names = Names(["8.8.8.8"], ["127.0.0.1"])  # a second look-up would be led astray
    assert await ask(names) == [("8.8.8.8", "receiver.example", "receiver.example")]
    assert names.answers == [["127.0.0.1"]]


async def test_the_next_address_is_tried_where_one_cannot_be_connected_to() -> None:
    went = await ask(Names(["2001:4860:4860::8888", "8.8.8.8"]), refusing=("2001:4860:4860::8888",))
    assert [address for address, _, _ in went] == ["2001:4860:4860::8888", "8.8.8.8"]


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], []])
async def test_one_address_that_is_not_public_is_enough_to_refuse(addresses: list[str]) -> None:
    with pytest.raises(AddressRefused):
        await ask(Names(addresses))
