"""The one way to call HTTP, against a server that misbehaves in every way we know."""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import (
    AuthExpired,
    Barred,
    Malformed,
    NotThere,
    OutcomeUnknown,
    RateLimited,
    Refused,
    SystemFault,
    Unavailable,
)
from adapters.http import DEFAULT_RETRY_SECONDS, LONGEST_RETRY_SECONDS, Http, Method, retry_after_seconds
from adapters.installation import Limits
from tests.adapters.raw_server import Answer, RawServer, always, drip, plain, raw_server, then_close

SECRET = "s3cr3t-p1n"
QUICK = Limits(deadline_seconds=0.4, answer_bytes=1000)


@asynccontextmanager
async def calling(answer: Answer, limits: Limits = QUICK) -> AsyncIterator[tuple[Http, RawServer]]:
    async with raw_server(answer) as server:
        http = Http(server.base, system="wise-1", limits=limits)
        try:
            yield http, server
        finally:
            await http.close()


async def fault_of(answer: Answer, *, writes: bool, limits: Limits = QUICK) -> SystemFault:
    """What a call comes to; it must end in time."""
    async with calling(answer, limits) as (http, _):
        started = time.monotonic()
        with pytest.raises(SystemFault) as caught:
            await http.ask("POST" if writes else "GET", "/x", what="try", writes=writes)
        assert time.monotonic() - started < 2
        return caught.value


NO_MEANING = b"HTTP/1.1 what is this\r\n\r\n"
CUT_IN_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
CUT_IN_HEAD = b"HTTP/1.1 200 OK\r\nContent-Le"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ZIPPED_ON_ITS_WAY = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
METHODS: tuple[Method, ...] = ("GET", "PUT", "DELETE", "POST")


@pytest.mark.parametrize(
    ("answer", "read", "write"),
    [
        (always(plain(300)), Malformed, OutcomeUnknown),
        (always(plain(302, b"", "Location: /elsewhere")), Malformed, OutcomeUnknown),
        (always(plain(400)), Malformed, Refused),
        (always(plain(401)), AuthExpired, AuthExpired),
        (always(plain(403)), Barred, Refused),
        (always(plain(404)), NotThere, NotThere),
        (always(plain(405)), Malformed, Refused),
        (always(plain(408)), Unavailable, Unavailable),
        (always(plain(409)), Refused, Refused),
        (always(plain(410)), NotThere, NotThere),
        (always(plain(422)), Refused, Refused),
        (always(plain(425)), Unavailable, Unavailable),
        (always(plain(429)), RateLimited, RateLimited),
        (always(plain(500)), Unavailable, OutcomeUnknown),
        (always(plain(502)), Unavailable, OutcomeUnknown),
        (always(plain(503)), Unavailable, Unavailable),
        (always(plain(503, b"", "Retry-After: 7")), RateLimited, RateLimited),
        (always(plain(504)), Unavailable, OutcomeUnknown),
        (then_close(b""), Unavailable, OutcomeUnknown),
        (then_close(CUT_IN_HEAD), Unavailable, OutcomeUnknown),
        (then_close(CUT_IN_BODY), Unavailable, OutcomeUnknown),
        (then_close(NO_MEANING), Unavailable, OutcomeUnknown),
        (then_close(CHUNKED + b"zz\r\nno number"), Unavailable, OutcomeUnknown),
        (always(b""), Unavailable, OutcomeUnknown),  # hung
        (drip(b"", bit=b""), Unavailable, OutcomeUnknown),
        (drip(b"HTTP/1.1 200 OK\r\nX: "), Unavailable, OutcomeUnknown),
        (drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"), Unavailable, OutcomeUnknown),
        (drip(b"HTTP/1.1 200 OK\r\n", bit=b"X-More: y\r\n", every_seconds=0.001), Unavailable, OutcomeUnknown),
        (always(plain(200, b"x" * 1001)), Malformed, OutcomeUnknown),
        (drip(CHUNKED, bit=b"64\r\n" + b"y" * 100 + b"\r\n", every_seconds=0.001), Malformed, OutcomeUnknown),
        (always(plain(200, gzip.compress(b"[]"), "Content-Encoding: gzip")), Malformed, OutcomeUnknown),
        (always(plain(200, b"[]", "Content-Encoding: made-up")), Malformed, OutcomeUnknown),
        (
            always(plain(200, b"[]", "Content-Encoding: identity", "Content-Encoding: gzip")),
            Malformed,
            OutcomeUnknown,
        ),
        (always(ZIPPED_ON_ITS_WAY), Malformed, OutcomeUnknown),
    ],
)
async def test_what_a_failure_means_depends_on_whether_the_call_writes(
    answer: Answer, read: type[SystemFault], write: type[SystemFault]
) -> None:
    assert type(await fault_of(answer, writes=False)) is read
    assert type(await fault_of(answer, writes=True)) is write


async def test_what_is_never_sent_was_surely_not_done() -> None:
    async with raw_server(always(plain(200))) as server:
        gone = server.base  # nobody listens there after the block
    http = Http(gone, system="wise-1", limits=QUICK)
    with pytest.raises(Unavailable):
        await http.ask("POST", "/x", what="try", writes=True)
    await http.close()


async def test_a_write_that_waits_for_a_connection_until_its_deadline_was_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.http.CONNECTIONS", 1)
    async with calling(always(b"")) as (http, server):

        async def ask_later() -> None:
            await asyncio.sleep(0.2)
            await http.ask("POST", "/x", what="try", writes=True)

        first = asyncio.create_task(ask_later())  # so that its deadline is the later one
        with http.together():
            await _becomes(lambda: len(server.requests) == 1)
            with pytest.raises(Unavailable):
                await asyncio.wait_for(http.ask("POST", "/y", what="try", writes=True), 2)
        with pytest.raises(OutcomeUnknown):
            await first
        assert len(server.requests) == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("writes", [False, True])
async def test_nothing_is_sent_twice_where_a_connection_breaks_under_it(method: Method, writes: bool) -> None:
    async with calling(always(plain(200, b"ab"))) as (http, server):
        await http.ask(method, "/x", what="try", writes=writes)
        server.answer = then_close(b"")
        with pytest.raises(OutcomeUnknown if writes else Unavailable):
            await http.ask(method, "/y", what="try", writes=writes)
        assert [request.split()[1] for request in server.requests] == [b"/x", b"/y"]


LATE = (
    plain(408, b"late", "Connection: close"),
    b"HTTP/1.0 408 Late\r\n\r\n",
    plain(200, b"EVIL"),
    b"\r\njunk",
    b"HTTP/1.1 200 OK\r\nContent-Le",
)


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("writes", [False, True])
async def test_what_a_server_sends_unasked_is_no_answer_to_the_next_request(late: bytes, writes: bool) -> None:
    async def answer_and_more(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(plain(200, b"ab"))
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(late)

    async with calling(answer_and_more) as (http, server):
        for _ in range(3):
            reply = await http.ask("POST", "/x", what="try", writes=writes)
            assert (reply.status, reply.body) == (200, b"ab")
            await asyncio.sleep(0.04)
        assert len(server.requests) == 3


async def test_what_came_unasked_and_was_not_read_yet_is_no_answer_either() -> None:
    async with calling(always(plain(200, b"ab"))) as (http, server):
        await http.ask("GET", "/x", what="try")
        server.say(plain(200, b"EVIL"))
        # Nothing may be read by the event loop in between.
        reply = await http.ask("GET", "/x", what="try")
        assert reply.body == b"ab"


async def test_reads_share_a_connection_and_every_write_has_its_own() -> None:
    async with calling(always(plain(200))) as (http, server):
        for _ in range(3):
            await http.ask("POST", "/read", what="try")
        assert server.came == 1
        for _ in range(3):
            await http.ask("POST", "/write", what="try", writes=True)
        assert server.came == 4
        said_so = [b"connection: close" in request.lower() for request in server.requests]
        assert said_so == [False] * 3 + [True] * 3


async def test_what_is_closed_is_not_called_any_more() -> None:
    async with calling(always(plain(200))) as (http, server):
        await http.ask("GET", "/x", what="try")
        unused = Http(server.base, system="wise-1", limits=QUICK)
        for closed in (http, unused):
            await closed.close()
            for writes in (False, True):
                with pytest.raises(Unavailable):
                    await closed.ask("PUT", "/y", what="try", writes=writes)
            with pytest.raises(Unavailable):
                await _pour_out(closed)
        assert len(server.requests) == 1


async def test_closing_ends_what_is_under_way_and_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.http.CONNECTIONS", 1)
    async with calling(always(b""), Limits(deadline_seconds=30)) as (http, server):
        sent = asyncio.create_task(http.ask("PUT", "/x", what="try", writes=True))
        await _becomes(lambda: len(server.requests) == 1)
        waiting = asyncio.create_task(http.ask("PUT", "/y", what="try", writes=True))
        await asyncio.sleep(0.02)
        await http.close()
        came = await asyncio.gather(sent, waiting, return_exceptions=True)
        assert [type(fault) for fault in came] == [OutcomeUnknown, Unavailable]


async def test_requests_that_are_asked_together_share_one_deadline() -> None:
    async def slow(_: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(plain(200))

    async with calling(slow) as (http, server):
        started = time.monotonic()

        async def many() -> None:
            with http.together():
                for _ in range(20):
                    await http.ask("GET", "/x", what="try")

        with pytest.raises(Unavailable):
            await many()
        assert time.monotonic() - started < 2
        assert len(server.requests) < 5
        await http.ask("GET", "/x", what="try")  # and the next one has its own


async def test_an_answer_is_read_whole_up_to_the_limit() -> None:
    async with calling(always(plain(200, b"x" * 1000))) as (http, _):
        assert (await http.ask("GET", "/x", what="try")).body == b"x" * 1000


async def test_the_status_counts_and_not_the_body_that_comes_with_it() -> None:
    zipped = always(plain(401, gzip.compress(b"no"), "Content-Encoding: gzip"))
    assert type(await fault_of(zipped, writes=True)) is AuthExpired
    assert type(await fault_of(always(plain(429, b"x" * 5000)), writes=True)) is RateLimited


async def test_a_caller_may_judge_a_status_by_itself() -> None:
    async with calling(always(plain(409, b'{"code": "STALE"}'))) as (http, _):
        reply = await http.ask("POST", "/x", what="try", writes=True, judges=(409,))
        assert (reply.status, reply.json()) == (409, {"code": "STALE"})


async def test_no_redirect_is_followed_and_no_cookie_kept() -> None:
    async with calling(always(plain(302, b"", "Location: /elsewhere"))) as (http, server):
        with pytest.raises(Malformed):
            await http.ask("GET", "/x", what="try")
        server.answer = always(plain(200, b"", "Set-Cookie: session=1; Path=/"))
        await http.ask("GET", "/y", what="try")
        await http.ask("GET", "/z", what="try")
        assert [request.split()[1] for request in server.requests] == [b"/x", b"/y", b"/z"]
        assert not any(b"cookie" in request.lower() for request in server.requests)
        assert all(b"accept-encoding: identity" in request.lower() for request in server.requests)


@pytest.mark.parametrize("body", [b"", b"\x00<<{]", b"\xff\xfe\xff", b"[" * 100_000, b"{" + b'"a":[' * 5000])
async def test_what_is_no_json_cannot_be_read(body: bytes) -> None:
    async with calling(always(plain(200, body)), Limits(deadline_seconds=2)) as (http, _):
        read = await http.ask("GET", "/x", what="try")
        with pytest.raises(Malformed):
            read.json()
        written = await http.ask("POST", "/x", what="try", writes=True)
        with pytest.raises(OutcomeUnknown):
            written.json()


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("9" * 400, LONGEST_RETRY_SECONDS),
        ("-7", DEFAULT_RETRY_SECONDS),
        ("7.5", DEFAULT_RETRY_SECONDS),
        ("٧", DEFAULT_RETRY_SECONDS),
        ("soon", DEFAULT_RETRY_SECONDS),
        ("", DEFAULT_RETRY_SECONDS),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_SECONDS),
        ("Mon, 01 Jan 0001 00:00:00 +1400", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_too_long(given_text: str, expected: float) -> None:
    assert retry_after_seconds(httpx.Headers({b"retry-after": given_text.encode()})) == expected


def test_retry_after_counts_from_now() -> None:
    date = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 < retry_after_seconds(httpx.Headers({"Retry-After": date})) <= 90


@given(
    st.text(alphabet=st.characters(max_codepoint=255)) | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [+-]\d+")
)
def test_retry_after_is_never_a_surprise(given_text: str) -> None:
    headers = httpx.Headers([(b"retry-after", given_text.encode("latin-1", "replace"))])
    assert 0 <= retry_after_seconds(headers) <= LONGEST_RETRY_SECONDS


@pytest.mark.parametrize(
    "answer",
    [
        always(plain(200, b"[]")),
        always(plain(401)),
        always(plain(302, b"", f"Location: /x?pin={SECRET}")),
        always(plain(500, SECRET.encode())),
        always(plain(200, b"<" + SECRET.encode())),
        then_close(b""),
        then_close(f"HTTP/1.1 200 OK\r\nX: {SECRET}\x00\r\n\r\n".encode()),
        always(b""),
    ],
)
async def test_nothing_of_an_address_or_header_is_told(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    root = logging.getLogger()
    caplog.set_level(logging.DEBUG)
    async with calling(answer) as (http, _):
        said = "nothing"
        try:
            reply = await http.ask(
                "POST",
                f"/patron/{SECRET}",
                what="try",
                writes=True,
                params={"pin": SECRET},
                headers={"Authorization": SECRET},
                form={"pin": SECRET},
            )
            reply.json()
        except SystemFault as fault:
            root.exception("as a caller would log it")
            said = str(fault)
    assert "call=try" in caplog.text
    assert SECRET not in caplog.text + said


@pytest.mark.parametrize("token", [f"{SECRET}\nX: y", f"{SECRET}\x00", f"{SECRET}é", f"{SECRET}☃"])
async def test_a_token_that_no_header_can_hold_is_a_fault_that_does_not_repeat_it(
    token: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with calling(always(plain(200))) as (http, server):
        try:
            await http.ask("GET", "/x", what="try", headers={"Authorization": token})
        except SystemFault:
            logging.getLogger().exception("as a caller would log it")
        assert not any(b"\nX: y" in request for request in server.requests)
    assert SECRET not in caplog.text


async def test_nothing_stays_open() -> None:
    before = len(asyncio.all_tasks())
    async with calling(always(b""), Limits(deadline_seconds=30)) as (http, server):
        waiting = [asyncio.create_task(http.ask("GET", "/x", what="try")) for _ in range(5)]
        await _becomes(lambda: len(server.requests) == 5)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await _becomes(lambda: server.open == 0)

        server.answer = then_close(CUT_IN_BODY)
        with pytest.raises(Unavailable):
            await http.ask("GET", "/x", what="try")
        server.answer = always(plain(200, b"x" * (8 * 2**20 + 1)))
        with pytest.raises(Malformed):
            await http.ask("GET", "/x", what="try")
        server.answer = drip(CHUNKED, bit=b"1\r\nx\r\n")
        async with http.pour("/x", what="try") as poured:
            assert await poured.read()
        await _becomes(lambda: server.open == 0)

        server.answer = always(plain(200))
        for _ in range(10):
            await http.ask("GET", "/x", what="try")
        assert server.open == 1  # it is kept for the next
        await http.close()
        await _becomes(lambda: server.open == 0)
    await _becomes(lambda: len(asyncio.all_tasks()) == before)


async def _becomes(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never became so")


async def test_what_is_poured_may_be_larger_than_any_answer_but_no_bit_may_take_long() -> None:
    async with calling(always(plain(200, b"x" * 100_000))) as (http, server):
        async with http.pour("/x", what="pour") as poured:
            whole = bytearray()
            while bit := await poured.read():
                whole += bit
        assert bytes(whole) == b"x" * 100_000
        for answer, fault in (
            (always(plain(404)), NotThere),
            (always(plain(401)), AuthExpired),
            (always(plain(200, b"x", "Content-Encoding: gzip")), Malformed),
            (always(b""), Unavailable),
        ):
            server.answer = answer
            with pytest.raises(fault):
                async with http.pour("/x", what="pour"):
                    pass
        for answer in (then_close(CUT_IN_BODY), always(CUT_IN_BODY)):
            server.answer = answer
            with pytest.raises(Unavailable):
                await _pour_out(http)


async def _pour_out(http: Http) -> None:
    async with http.pour("/x", what="pour") as poured:
        while await poured.read():
            pass


@pytest.mark.parametrize("error", [ValueError("a row"), TimeoutError("a row"), FileNotFoundError("a row")])
async def test_what_goes_wrong_with_whoever_reads_is_no_fault_of_the_server(error: Exception) -> None:
    async def read(http: Http) -> None:
        async with http.pour("/x", what="pour") as poured:
            await poured.read()
            raise error

    async with calling(drip(CHUNKED, bit=b"1\r\nx\r\n")) as (http, server):
        with pytest.raises(type(error), match="a row"):
            await read(http)
        await _becomes(lambda: server.open == 0)
