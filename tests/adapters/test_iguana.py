"""The session with Iguana: begun once, renewed once, and never taken for more than it said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from adapters.contract import AuthExpired, Malformed, RateLimited, Refused, SystemFault, Unavailable, Verb
from adapters.emulators.faults import Wrong
from adapters.emulators.iguana import IguanaDialect
from adapters.emulators.serve import serving
from adapters.emulators.stock import Copy, Stock, Work
from adapters.emulators.vubis import VubisEmulator
from adapters.http import Reply
from adapters.installation import Limits
from adapters.vubis.iguana import Catalogue, Iguana, read_session

ISBN = "9789025883249"
LIMITS = Limits(deadline_seconds=2.0, answer_bytes=200_000)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2025, 11, 3, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def works(count: int, *, isbn: str = ISBN) -> list[Work]:
    return [
        Work(number=str(at), title=f"Deel {at}", isbns=(isbn,), copies=[Copy(barcode=f"3{at}", branch="Centrum")])
        for at in range(1, count + 1)
    ]


def emulator(*, count: int = 1, clock: Clock | None = None, dialect: IguanaDialect | None = None) -> VubisEmulator:
    stock = Stock(clock=clock or Clock())
    for work in works(count):
        stock.add(work)
    return VubisEmulator(stock, branches={"Centrum": "NL-0800101000"}, dialect=dialect)


@asynccontextmanager
async def asked(
    served: VubisEmulator, *, limits: Limits = LIMITS, catalogue: Catalogue | None = None
) -> AsyncIterator[Iguana]:
    async with serving(served) as installation:
        iguana = Iguana(
            installation.addresses["iguana"], system="vubis", limits=limits, catalogue=catalogue or Catalogue()
        )
        try:
            yield iguana
        finally:
            await iguana.close()


async def numbers(iguana: Iguana, term: str = ISBN) -> list[str]:
    return [document.number for document in await iguana.search("Isbn", term)]


# --- the session ---------------------------------------------------------------------------------


async def test_a_session_is_begun_once_for_many_searches() -> None:
    served = emulator()
    async with asked(served) as iguana:
        for _ in range(3):
            assert await numbers(iguana) == ["1.1"]
    assert served.iguana.entered == 1


async def test_those_who_come_at_once_share_one_session() -> None:
    served = emulator()
    async with asked(served) as iguana:
        found = await asyncio.gather(*(numbers(iguana) for _ in range(8)))
    assert found == [["1.1"]] * 8
    assert served.iguana.entered == 1


async def test_a_session_that_ended_is_renewed_once_for_all_who_notice() -> None:
    served = emulator()
    async with asked(served) as iguana:
        await numbers(iguana)
        served.iguana.expire_sessions()
        found = await asyncio.gather(*(numbers(iguana) for _ in range(8)))
    assert found == [["1.1"]] * 8
    assert served.iguana.entered == 2


async def test_a_session_that_was_idle_too_long_is_renewed() -> None:
    clock = Clock()
    served = emulator(clock=clock)
    async with asked(served) as iguana:
        await numbers(iguana)
        clock.now += timedelta(minutes=16)
        assert await numbers(iguana) == ["1.1"]
    assert served.iguana.entered == 2


async def test_a_session_that_ends_without_a_word_is_not_taken_for_an_empty_result() -> None:
    served = emulator(dialect=IguanaDialect(ends_silently=True))
    async with asked(served) as iguana:
        assert await numbers(iguana) == ["1.1"]
        served.iguana.expire_sessions()
        assert await numbers(iguana) == ["1.1"]
        assert await numbers(iguana, "9789045125503") == []


async def test_who_gives_up_while_the_session_begins_spoils_it_for_nobody() -> None:
    served = emulator()
    served.faults.plan(Wrong.SLOW, seconds=0.3)
    async with asked(served) as iguana:
        hasty = asyncio.create_task(numbers(iguana))
        await asyncio.sleep(0.1)
        patient = asyncio.create_task(numbers(iguana))
        await asyncio.sleep(0.05)
        hasty.cancel()
        assert await patient == ["1.1"]


async def test_a_fresh_session_that_is_not_taken_either_is_said() -> None:
    served = emulator()
    served.faults.plan(Wrong.EXPIRED, Verb.RESOLVE, times=9)
    async with asked(served) as iguana:
        with pytest.raises(AuthExpired):
            await numbers(iguana)
    assert served.iguana.entered == 2
    assert served.faults.seen[Verb.RESOLVE] == 2


async def test_a_page_for_people_again_and_again_is_no_endless_loop() -> None:
    served = emulator(dialect=IguanaDialect(session_lives=timedelta(seconds=-1)))
    async with asked(served) as iguana:
        with pytest.raises(AuthExpired):
            await numbers(iguana)
    assert served.iguana.entered == 2


# --- paging --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "size", "pages"), [(10, 10, 1), (11, 10, 2), (23, 10, 3), (60, 50, 2)])
async def test_all_pages_are_read(count: int, size: int, pages: int) -> None:
    served = emulator(count=count)
    async with asked(served, catalogue=Catalogue(page_size=size)) as iguana:
        assert await numbers(iguana) == [f"1.{at}" for at in range(1, count + 1)]
    assert served.faults.seen[Verb.RESOLVE] == pages


async def test_a_session_that_ends_between_pages_costs_that_page_again_and_no_more() -> None:
    served = emulator(count=25)
    async with asked(served) as iguana:
        real, pages = iguana._ask, 0

        async def ask(*arguments: object, **more: object) -> Reply:
            nonlocal pages
            pages += 1
            if pages == 2:
                served.iguana.expire_sessions()
            return await real(*arguments, **more)  # type: ignore[arg-type]

        iguana._ask = ask  # type: ignore[method-assign]
        assert await numbers(iguana) == [f"1.{at}" for at in range(1, 26)]
    assert (pages, served.iguana.entered) == (4, 2)


async def test_a_result_that_never_ends_is_read_so_far_and_no_further() -> None:
    served = emulator(count=250)
    async with asked(served) as iguana:
        assert len(await numbers(iguana)) == 200


# --- guesses -------------------------------------------------------------------------------------


async def test_a_guess_is_not_found() -> None:
    served = emulator()
    async with asked(served) as iguana:
        assert await numbers(iguana, "9789025883256") == []
        # It did guess: the same question by hand has an answer of another title.
        assert served.faults.seen[Verb.RESOLVE] == 1
        found, fuzzy = served.iguana.found("Isbn", "9789025883256")
    assert ([work.number for work in found], fuzzy) == (["1"], True)


async def test_a_record_is_found_by_its_number_alone() -> None:
    async with asked(emulator()) as iguana:
        found = await iguana.record("1.1")
        assert found is not None
        assert found.labels["fullmaintitle"] == ("Deel 1",)
        assert await iguana.record("1.2") is None


async def test_another_name_of_the_database_is_asked_for_its_records() -> None:
    served = emulator(dialect=IguanaDialect(database="2_LIE"))
    stock = served.stock
    async with asked(served, catalogue=Catalogue(database="2_LIE")) as iguana:
        assert await numbers(iguana) == ["2.1"]
        found = await iguana.record("2.1")
    assert found is not None
    assert found.number == "2.1"
    assert stock.works["1"].title == "Deel 1"


# --- faults --------------------------------------------------------------------------------------


FAULTS = {
    Wrong.HUNG: Unavailable,
    Wrong.CUT: Unavailable,
    Wrong.UNHEARD: Unavailable,
    Wrong.MALFORMED: Malformed,
    Wrong.TOO_MANY: RateLimited,
    Wrong.BROKEN: Unavailable,
}


@pytest.mark.parametrize(
    ("verb", "wrong", "fault"),
    [
        (Verb.RESOLVE, Wrong.REFUSED, Refused),
        *((verb, wrong, fault) for verb in (Verb.RESOLVE, None) for wrong, fault in FAULTS.items()),
        (None, Wrong.EXPIRED, AuthExpired),
    ],
)
async def test_what_goes_wrong_is_said_in_time(verb: Verb | None, wrong: Wrong, fault: type[SystemFault]) -> None:
    """A fault without a verb befalls the front page, which is what is asked first."""
    served = emulator()
    served.faults.plan(wrong, verb, seconds=7)
    async with asked(served, limits=Limits(deadline_seconds=1.0)) as iguana:
        started = perf_counter()
        with pytest.raises(fault) as said:
            await numbers(iguana)
        assert perf_counter() - started < 3
        if isinstance(said.value, RateLimited):
            assert said.value.retry_after_seconds == 7
        assert await numbers(iguana) == ["1.1"]


async def test_what_is_slow_is_waited_for() -> None:
    served = emulator()
    served.faults.plan(Wrong.SLOW, Verb.RESOLVE, seconds=0.2)
    async with asked(served) as iguana:
        assert await numbers(iguana) == ["1.1"]


async def test_one_refused_with_401_is_renewed_by_itself() -> None:
    served = emulator()
    served.faults.plan(Wrong.EXPIRED, Verb.RESOLVE)
    async with asked(served) as iguana:
        assert await numbers(iguana) == ["1.1"]
    assert served.iguana.entered == 2


async def test_an_answer_that_is_too_large_is_not_read() -> None:
    async with asked(emulator(count=10), limits=Limits(answer_bytes=1000)) as iguana:
        with pytest.raises(Malformed):
            await numbers(iguana)


async def test_the_session_is_never_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    served = emulator()
    with caplog.at_level(logging.DEBUG):
        async with asked(served) as iguana:
            await numbers(iguana)
            shown = repr(iguana._session)
    [number] = served.iguana.sessions
    assert number not in shown
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("adapters")]
    assert ours
    assert not any(number in line or ISBN in line for line in ours)


# --- the front page ------------------------------------------------------------------------------


def front(page: str, *cookies: str) -> Reply:
    return Reply(200, CIMultiDictProxy(CIMultiDict([("set-cookie", cookie) for cookie in cookies])), page.encode())


def test_the_number_stands_in_the_page_and_all_cookies_go_back() -> None:
    session = read_session(
        front(
            "<script>var sessionID = 'LSB1J2FkI3';</script>",
            "CSPSESSIONID-SP-443-UP-iguana-=000001000000LSB1J2FkI3h$V$gph; path=/iguana/; secure; httpOnly",
            "CSPWSERVERID=abc; path=/",
        )
    )
    assert session.number == "LSB1J2FkI3"
    assert session.cookie == "CSPSESSIONID-SP-443-UP-iguana-=000001000000LSB1J2FkI3h$V$gph; CSPWSERVERID=abc"


def test_without_a_script_the_number_stands_within_the_cookie() -> None:
    session = read_session(front("<html></html>", "CSPSESSIONID-SP-443-UP-iguana-=000001000000LSB1J2FkI3h$V; path=/"))
    assert session.number == "LSB1J2FkI3"


@pytest.mark.parametrize(
    ("page", "cookies"), [("", ()), ("<html>", ("other=1",)), ("", ("CSPSESSIONID-=short",)), ("sessionID = ''", ())]
)
def test_a_front_page_without_a_session_is_malformed(page: str, cookies: tuple[str, ...]) -> None:
    with pytest.raises(Malformed):
        read_session(front(page, *cookies))
