"""The SIP2 client against a desk on a real socket, in every dialect, and against servers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import (
    AuthExpired,
    Duplicate,
    ItemStatus,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from adapters.emulators.sip2 import Sip2Dialect
from adapters.installation import Limits, utc_now
from adapters.protocols.sip2 import Sip2
from adapters.protocols.sip2 import pool as pools
from adapters.protocols.sip2.client import one_deadline
from adapters.protocols.sip2.codec import Message
from adapters.protocols.sip2.connection import Connection, Garbled, Hung, LoggedOut, Terminal
from tests.adapters.sip2_desk import (
    LIMITS,
    PATRON,
    PIN,
    SLOWEST_SECONDS,
    TITLE,
    USER,
    listening,
    served,
    small_stock,
    until,
)

DIALECTS = {
    "standard": Sip2Dialect(),
    "padded": Sip2Dialect(padding=True, names={"C1": "Bibliotheek Zutphen"}, media_words=True),
    "short checksums": Sip2Dialect(short_checksums=True),
    "one byte at a time": Sip2Dialect(piecemeal=True, encoding="latin-1"),
    "each answer twice": Sip2Dialect(joined=True, line_end=b"\r\n"),
    "twice without numbers": Sip2Dialect(joined=True, checksums=False),
    "no checksums, CP850": Sip2Dialect(checksums=False, encoding="cp850", line_end=b"\r\n"),
    "pages of one": Sip2Dialect(page_items=1, days="%d-%m-%Y"),
}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
async def test_all_is_understood_in_every_dialect(dialect: Sip2Dialect) -> None:
    async with served(dialect) as it:
        item = await it.sip2.item("30001")
        assert (item.status, item.title, item.queue) == (ItemStatus.AVAILABLE, TITLE, 0)
        assert item.permanent_location == dialect.names.get("C1", "C1")
        with pytest.raises(NotFound):
            await it.sip2.item("39999")

        hold = await it.sip2.hold(patron=PATRON, pin=PIN, item="30001", pickup="C2")
        assert (hold.item, hold.available, hold.pickup) == ("30001", True, "C2")
        await it.sip2.hold(patron=PATRON, pin=PIN, item="30002", pickup="C2")
        assert await it.sip2.holds(patron=PATRON, pin=PIN) == ["30001", "30002"]
        assert await it.sip2.cancel_hold(patron=PATRON, pin=PIN, item="30002")
        assert not await it.sip2.cancel_hold(patron=PATRON, pin=PIN, item="30002")
        assert (await it.sip2.item("30001")).status is ItemStatus.HELD

        loan = await it.sip2.check_out(patron=PATRON, pin=PIN, item="30001")
        assert loan.due == utc_now().date() + timedelta(days=21)
        assert (await it.sip2.item("30001")).due == loan.due
        assert await it.sip2.holds(patron=PATRON, pin=PIN) == []
        assert await it.sip2.charged(patron=PATRON, pin=PIN) == ["30001"]
        assert (await it.sip2.check_in(item="30001")).title == TITLE
        assert (await it.sip2.patron(patron=PATRON, pin=PIN)).valid
        assert not (await it.sip2.patron(patron=PATRON, pin="wrong")).valid
        assert it.desk.connected == 1  # one connection served all of it


async def test_a_title_is_held_without_saying_which_copy() -> None:
    async with served() as it:
        await it.sip2.hold(patron=PATRON, pin=PIN, title="T1")
        assert await it.sip2.holds(patron=PATRON, pin=PIN) == ["30001"]


async def test_a_hold_that_stands_already_is_a_duplicate_and_any_other_no_is_refused() -> None:
    async with served() as it:
        await it.sip2.hold(patron=PATRON, pin=PIN, item="30001")
        with pytest.raises(Duplicate) as duplicate:
            await it.sip2.hold(patron=PATRON, pin=PIN, item="30001")
        assert duplicate.value.receipt == "30001"
        with pytest.raises(Refused) as refused:
            await it.sip2.hold(patron=PATRON, pin=PIN, item="30003")  # stays in the house
        assert not isinstance(refused.value, Duplicate)
        with pytest.raises(Refused):
            await it.sip2.holds(patron=PATRON, pin="wrong")


async def test_a_message_damaged_on_its_way_here_is_asked_for_again_and_done_once() -> None:
    async with served() as it:
        await it.sip2.item("30001")
        it.desk.damage_next = 2
        await it.sip2.hold(patron=PATRON, pin=PIN, item="30001")
        assert len(it.stock.holds) == 1
        it.desk.damage_next = 50
        with pytest.raises(Malformed):
            await it.sip2.item("30001")
        it.desk.damage_next = 50
        with pytest.raises(Malformed):  # at login: nothing was sent that writes
            await it.sip2.hold(patron=PATRON, pin=PIN, item="30002")
        it.desk.damage_next = 0
        await it.sip2.item("30001")
        it.desk.damage_next = 50
        with pytest.raises(OutcomeUnknown):
            await it.sip2.hold(patron=PATRON, pin=PIN, item="30002")


async def test_a_message_damaged_on_its_way_there_is_sent_again_and_done_once() -> None:
    async with served() as it:
        await it.sip2.item("30001")
        it.desk.ask_again_next = 2
        await it.sip2.hold(patron=PATRON, pin=PIN, item="30001")
        assert len(it.stock.holds) == 1
        it.desk.ask_again_next = 50
        with pytest.raises(Malformed):
            await it.sip2.item("30001")


async def test_a_wrong_password_is_said_without_repeating_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with served(password="not-the-secret") as it:
        with pytest.raises(AuthExpired) as refused:
            await it.sip2.hold(patron=PATRON, pin=PIN, item="30001")
        await until(lambda: it.desk.connected == 0)
    for said in (str(refused.value), repr(refused.value), caplog.text):
        for secret in ("not-the-secret", PATRON, PIN):
            assert secret not in said
    assert "system=S call=hold outcome=fault" in caplog.text


async def test_nothing_secret_is_logged_or_told_when_all_goes_well_or_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with served() as it:
        await it.sip2.check_out(patron=PATRON, pin=PIN, item="30001")
        with pytest.raises(Refused) as refused:
            await it.sip2.check_out(patron="nobody", pin=PIN, item="30001")
    assert "nobody" not in str(refused.value)
    for secret in (PATRON, PIN, "terminal-secret", "nobody"):
        assert secret not in caplog.text


@pytest.mark.parametrize("barcode", ["a|AAother", "a\r97", "\x00"])
async def test_a_barcode_that_cannot_be_said_is_not_found_and_not_sent(barcode: str) -> None:
    async with served() as it:
        with pytest.raises(NotFound):
            await it.sip2.item(barcode)
        with pytest.raises(NotFound):
            await it.sip2.hold(patron=PATRON, pin=PIN, item=barcode)
        assert it.faults.seen.get("place") is None
        assert (await it.sip2.item("30001")).title == TITLE


async def test_nobody_there_is_unavailable_for_reading_and_writing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    sip2 = Sip2(f"sip2://127.0.0.1:{port}", system="S", limits=LIMITS)
    with pytest.raises(Unavailable):
        await sip2.item("1")
    with pytest.raises(Unavailable):
        await sip2.hold(patron="p", item="1")
    await sip2.close()


@pytest.mark.parametrize("address", ["http://h:1", "sip2://", "h:6001"])
def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Sip2(address, system="S", limits=LIMITS)


def test_an_encoding_in_which_ascii_is_not_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="encoding"):
        Sip2("sip2://h:1", system="S", limits=LIMITS, encoding="utf-16")


# --- servers that misbehave ------------------------------------------------------------------------

HELLO = {b"93": b"941", b"99": b"98YYYNYN03000320260101    1200002.00AOLEEN|"}


class Odd:
    """Greets as it should, and then answers with the next of its replies; None: says nothing from then on."""

    def __init__(self, *replies: bytes | None) -> None:
        self.replies = list(replies)
        self.connections = 0
        self.heard: list[bytes] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while message := await reader.readuntil(b"\r"):
            self.heard.append(message)
            reply = HELLO[message[:2]] + b"\r" if message[:2] in HELLO else self.replies.pop(0)
            if reply is None:
                await asyncio.Event().wait()
            elif reply == b"":
                return
            else:
                writer.write(reply)
                await writer.drain()


ITEM = b"1803000120260107    120000AB1|AJTitel|"
DONE = b"161Y20260107    120000AB1|"


def client(address: str, *, limits: Limits = LIMITS, connections: int = 2) -> Sip2:
    return Sip2(address, system="S", limits=limits, user=USER, password="p", connections=connections)


@pytest.mark.parametrize(
    ("reply", "reading", "writing"),
    [
        (b"\x00<<{]not what you asked for\r", Malformed, OutcomeUnknown),
        (b"no\r", Malformed, OutcomeUnknown),
        (b"18\r", Malformed, OutcomeUnknown),
        (b"661\r", Malformed, OutcomeUnknown),
        (b"96\r" * 20, Malformed, OutcomeUnknown),
        (b"x" * 300_000, Malformed, OutcomeUnknown),
        (b"1803", Unavailable, OutcomeUnknown),  # and then silence
        (b"\r\n" * 50_000, Unavailable, OutcomeUnknown),
        (None, Unavailable, OutcomeUnknown),
        (b"", Unavailable, OutcomeUnknown),  # hangs up
    ],
)
async def test_every_odd_answer_has_its_fault_in_time(
    reply: bytes | None, reading: type[Exception], writing: type[Exception]
) -> None:
    odd = Odd(reply, reply)
    async with listening(odd.answer) as address, asyncio.timeout(2 * SLOWEST_SECONDS):
        sip2 = client(address)
        with pytest.raises(reading):
            await sip2.item("1")
        with pytest.raises(writing):
            await sip2.hold(patron="p", item="1")
        assert odd.connections == 2  # the first was not used again
        await sip2.close()


async def test_an_answer_to_something_else_is_passed_over() -> None:
    def numbered(text: bytes, number: int) -> bytes:
        said = text + b"AY%dAZ" % number
        return said + b"%04X\r" % (-sum(said) & 0xFFFF)

    # Login and status had numbers 0 and 1; what is asked next has 2.
    odd = Odd(numbered(ITEM.replace(b"Titel", b"Other"), 1) + numbered(ITEM, 2), numbered(ITEM, 9) * 20)
    async with listening(odd.answer) as address:
        sip2 = client(address)
        assert (await sip2.item("1")).title == "Titel"
        with pytest.raises(Malformed):
            await sip2.item("1")
        await sip2.close()


async def test_an_answer_about_another_item_is_passed_over_where_nothing_is_numbered() -> None:
    odd = Odd(ITEM.replace(b"AB1", b"AB2") + b"\r" + ITEM + b"\r")
    async with listening(odd.answer) as address:
        sip2 = client(address)
        assert (await sip2.item("1")).barcode == "1"
        await sip2.close()


async def test_a_connection_that_went_silent_is_dropped_with_its_like_and_the_next_call_has_a_new_one() -> None:
    odd = Odd(ITEM + b"\r", ITEM + b"\r", None, ITEM + b"\r")
    async with listening(odd.answer) as address:
        sip2 = client(address)
        await asyncio.gather(sip2.item("1"), sip2.item("1"))
        assert odd.connections == 2
        with pytest.raises(Unavailable):
            await sip2.item("1")
        assert (await sip2.item("1")).title == "Titel"
        assert odd.connections == 3
        await sip2.close()


async def test_a_connection_that_was_ended_while_idle_is_noticed_before_anything_is_sent() -> None:
    ended = asyncio.Event()

    class Ending(Odd):
        async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self.connections:
                await super().answer(reader, writer)
                return
            try:
                async with asyncio.timeout(0.2):
                    await super().answer(reader, writer)
            except TimeoutError:
                writer.close()
                await writer.wait_closed()
                ended.set()

    odd = Ending(ITEM + b"\r", DONE + b"\r")
    async with listening(odd.answer) as address:
        sip2 = client(address)
        await sip2.item("1")
        await ended.wait()
        await asyncio.sleep(0.05)  # until the end has come across
        await sip2.hold(patron="p", item="1")  # a write: no second try could have saved it
        assert odd.connections == 2
        await sip2.close()


async def test_a_connection_unused_for_long_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "IDLE_SECONDS", 0.0)
    async with served() as it:
        await it.sip2.item("30001")
        await it.sip2.item("30001")
        await until(lambda: it.desk.connected == 1)
        assert it.faults.seen["-"] == 4  # logged in and asked how it is, twice


async def test_a_server_that_drips_is_given_up_at_the_deadline() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"9")
            await asyncio.sleep(0.02)

    async with listening(drip) as address, asyncio.timeout(SLOWEST_SECONDS):
        sip2 = client(address)
        with pytest.raises(Unavailable):
            await sip2.item("1")
        await sip2.close()


async def test_a_server_that_takes_nothing_in_is_given_up_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as deaf:
        sip2 = client(f"sip2://127.0.0.1:{deaf.getsockname()[1]}")
        async with asyncio.timeout(SLOWEST_SECONDS):
            with pytest.raises(Unavailable):
                await sip2.hold(patron="p", item="1")  # only its login was sent
        await sip2.close()


async def test_a_system_that_says_it_is_off_line_is_unavailable() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while message := await reader.readuntil(b"\r"):
            writer.write(b"941\r" if message[:2] == b"93" else b"98N" + b" " * 33 + b"AOLEEN|\r")

    async with listening(answer) as address:
        sip2 = client(address)
        with pytest.raises(Unavailable, match="off line"):
            await sip2.hold(patron="p", item="1")
        await sip2.close()


async def test_holds_of_which_fewer_are_listed_than_counted_are_not_believed() -> None:
    head = b"64" + b" " * 14 + b"01920260107    120000"
    some = head + b"000300000000000000000000AOL|AAp|BLY|AS1|AS2|\r"
    odd = Odd(some, some)
    async with listening(odd.answer) as address:
        sip2 = client(address)
        with pytest.raises(Malformed, match="fewer"):
            await sip2.holds(patron="p")
        await sip2.close()
    assert b"BP3|" in odd.heard[-1]


async def test_holds_that_are_waited_for_are_listed_too() -> None:
    head = b"64" + b" " * 14 + b"01920260107    120000"
    ready = head + b"000100000000000000000002AOL|AAp|BLY|AS1|\r"
    waiting = head + b"000100000000000000000002AOL|AAp|BLY|CD2|CD3|\r"
    odd = Odd(ready, waiting)
    async with listening(odd.answer) as address:
        sip2 = client(address)
        assert await sip2.holds(patron="p") == ["1", "2", "3"]
        await sip2.close()


# --- what nobody foresaw -----------------------------------------------------------------------------


class Unheard:
    """What a connection writes to, where it matters only what comes back."""

    def write(self, data: bytes) -> None:
        """Take it."""

    async def drain(self) -> None:
        """It is gone."""


@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([ITEM, b"96", b"97", b"940"])), max_size=30))
def test_whatever_comes_back_an_exchange_ends_with_an_answer_or_a_fault_of_its_own(came: list[bytes]) -> None:
    async def exchange() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(b"\r".join(came))
        reader.feed_eof()
        connection = Connection(Terminal(host="h", port=1), reader, cast("asyncio.StreamWriter", Unheard()))
        with contextlib.suppress(Garbled, LoggedOut, Hung):
            assert (await connection.exchange(Message("17", " " * 18, (("AB", "1"),)), "18")).code == "18"

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(exchange(), SLOWEST_SECONDS))
    finally:
        loop.close()


# --- TLS -------------------------------------------------------------------------------------------


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "desk")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(utc_now() - timedelta(days=1))
        .not_valid_after(utc_now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


@pytest.mark.parametrize("trusted", [True, False])
async def test_with_tls_only_a_server_with_a_trusted_certificate_is_told_anything(
    trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public, key = certificate(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(public, key)
    if trusted:
        monkeypatch.setattr(
            "adapters.protocols.sip2.client.trusted", lambda: ssl.create_default_context(cafile=public)
        )
    else:
        monkeypatch.setenv("SSL_CERT_FILE", str(public))  # what the machine trusts makes no difference
    odd = Odd(ITEM + b"\r")
    async with listening(odd.answer, tls=tls) as address:
        sip2 = client(address.replace("sip2:", "sip2s:"), limits=Limits(deadline_seconds=5))
        if trusted:
            assert (await sip2.item("1")).title == "Titel"
        else:
            with pytest.raises(Unavailable):
                await sip2.item("1")
            assert odd.heard == []
        await sip2.close()


# --- the pool ----------------------------------------------------------------------------------------


async def test_no_more_connections_are_open_at_once_than_allowed() -> None:
    async with served(connections=3, limits=Limits(deadline_seconds=5)) as it:
        most = 0

        async def ask() -> None:
            nonlocal most
            await it.sip2.item("30001")
            most = max(most, it.desk.connected)

        await asyncio.gather(*(ask() for _ in range(40)))
        assert most == 3


async def test_the_limit_of_calls_at_once_binds_too() -> None:
    async with served(connections=8, limits=Limits(calls_at_once=1, deadline_seconds=5)) as it:
        await asyncio.gather(*(it.sip2.item("30001") for _ in range(10)))
        assert it.desk.connected == 1


async def test_who_does_not_get_a_turn_within_the_deadline_did_nothing() -> None:
    odd = Odd(None)
    async with listening(odd.answer) as address:
        sip2 = client(address, connections=1)
        slow = asyncio.create_task(sip2.item("1"))
        await until(lambda: len(odd.heard) == 3)
        with one_deadline(0.1), pytest.raises(Unavailable):
            await sip2.hold(patron="p", item="1")
        assert [message[:2] for message in odd.heard] == [b"93", b"99", b"17"]
        with pytest.raises(Unavailable):
            await slow
        await sip2.close()


async def test_after_being_cancelled_a_connection_is_not_used_again() -> None:
    odd = Odd(None, ITEM + b"\r")
    async with listening(odd.answer) as address:
        sip2 = client(address, connections=1)
        asked = asyncio.create_task(sip2.item("1"))
        await until(lambda: len(odd.heard) == 3)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert (await sip2.item("1")).title == "Titel"
        assert odd.connections == 2
        await sip2.close()


async def test_closing_ends_what_is_under_way_and_leaves_neither_socket_nor_task() -> None:
    tasks = asyncio.all_tasks()
    async with served() as it:
        await asyncio.gather(*(it.sip2.item("30001") for _ in range(4)))
        assert it.desk.connected == 2
        await it.sip2.close()
        await until(lambda: it.desk.connected == 0)
        with pytest.raises(Unavailable):
            await it.sip2.item("30001")
    odd = Odd(None)
    async with listening(odd.answer) as address:
        sip2 = client(address)
        asked = asyncio.create_task(sip2.item("1"))
        await until(lambda: len(odd.heard) == 3)
        await sip2.close()
        with pytest.raises(Unavailable):
            await asked
    await until(lambda: asyncio.all_tasks() == tasks)


async def test_the_stock_of_the_desk_is_what_the_test_thinks() -> None:
    assert sorted(small_stock().copies) == ["30001", "30002", "30003"]
