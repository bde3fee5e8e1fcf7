"""A reader's reference stands in one place while the loan request is open, and nowhere once it has ended."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import structlog

from adapters.fake import Desk, FakeSystem, Manners
from app.store.tasks import schedule
from app.telemetry import configure_logging
from tests.support.filled import run_sql
from tests.support.house import House

MARK = "reader-5c1d0e7f"
NOW = "2026-11-23T08:00:00+01:00"
COLUMNS = """
select table_name, column_name from information_schema.columns
 where table_schema = 'public' order by table_name, column_name
"""
ENDS = {
    "LoanCompleted": ("WillSupply", "Loaned", "Received", "ShippedReturn", "LoanCompleted"),
    "Cancel": ("Cancel",),
    "Lost": ("WillSupply", "Loaned", "Received", "Lost"),
    "Lost on the way": ("WillSupply", "Loaned", "Lost"),
    "End of rota": ("Unfilled", "Unfilled"),
    "Recalled": ("WillSupply", "Loaned", "Received", "Recall", "LoanCompleted"),
}


async def found(url: str, mark: str = MARK) -> set[str]:
    """Every column of every table in which the mark stands somewhere."""
    connection = await asyncpg.connect(url)
    try:
        places = set()
        for table, column in await connection.fetch(COLUMNS):
            # bytes as text too, and as the characters they may be
            text = f"""exists (select from "{table}" where position($1::text in "{column}"::text) > 0
                        or position(encode(convert_to($1, 'UTF8'), 'hex') in "{column}"::text) > 0)"""
            if await connection.fetchval(f"select {text}", mark):
                places.add(f"{table}.{column}")
        return places
    finally:
        await connection.close()


LOGGERS = ("asyncpg", "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio", "httpx", "httpcore")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged at debug, by us, by the server and by the driver."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("debug")
    written = io.StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield written
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("end", ENDS)
async def test_however_it_ends_the_reference_is_gone(house: House, filled: str, log: io.StringIO, end: str) -> None:
    await run_sql(filled, "insert into webhook (agency, url, secret) values ('NL-1', 'https://example.org', 's')")
    first = await house.ask(key="once", patron_reference=MARK, requesting_agency_request_id="7")
    loan = first.json()["id"]
    for action in ENDS[end]:
        await house.work()
        assert await found(filled) == {"loan_request.patron_reference"}, f"before {action}"
        await house.acted(loan, action)
    standing = await house.look(loan)
    assert standing["outcome"] is not None
    again = await house.ask(key="once", patron_reference=MARK, requesting_agency_request_id="7")
    assert (again.status_code, again.content) == (201, first.content), "a replay is answered still"
    other = await house.ask(key="once", patron_reference=MARK + "x", requesting_agency_request_id="7")
    twice = await house.ask(patron_reference=MARK, requesting_agency_request_id="7")
    wrong = await house.ask(patron_reference=MARK, title={"isbn": MARK})
    assert [answer.status_code for answer in (other, twice, wrong)] == [201, 409, 422]
    assert other.content == first.content, "nobody knows any more whom it was for"
    logging.getLogger("asyncpg").debug("the log is looked at")
    assert "the log is looked at" in log.getvalue()
    assert MARK not in log.getvalue()
    assert await found(filled) == set()
    assert await found(filled, loan) >= {"loan_request.id", "loan_event.loan_request"}, "the search does find"
    events = await house.events(loan)
    assert MARK not in str((first.json(), standing, events))


async def test_one_that_nobody_can_fill_never_had_it(house: House, filled: str) -> None:
    answer = await house.ask(patron_reference=MARK, exclude=["NL-1", "NL-2", "NL-3"])
    assert (answer.status_code, answer.json()["outcome"]) == (201, "unfilled")
    assert await found(filled) == set()


@pytest.fixture
async def branch_has_a_system(filled: str) -> AsyncIterator[None]:
    address = FakeSystem.put("private", Desk(Manners()))
    heard = "update epoch set number = number + 1 where of = 'register'"
    await run_sql(
        filled,
        "insert into system (id, kind, addresses)"
        f" values ('fake-2', 'fake', jsonb_build_object('desk', '{address}'));"
        f" update location set system = 'fake-2' where id = 'branch'; {heard}",
    )
    yield
    await run_sql(filled, f"update location set system = null where id = 'branch'; {heard}")


@pytest.mark.usefixtures("branch_has_a_system")
async def test_one_that_a_system_gives_back(house: House, filled: str) -> None:
    """CancelAsked waits for the system; Withdrawn is what ends it."""
    loan = await house.asked(patron_reference=MARK)
    assert (await house.look(loan))["placements"][0]["system"] == "fake-2"
    assert (await house.act(loan, "Cancel")).status_code == 200
    assert await found(filled) == {"loan_request.patron_reference"}
    async with house.ground.database.transaction() as connection:
        await schedule(connection, "withdraw", f"{loan}-1", house.clock.now())
    await house.work()
    assert (await house.history(loan))[-2:] == ["CancelAsked: RequestReceived", "Withdrawn: Cancelled"]
    assert await found(filled) == set()


async def test_the_database_refuses_an_ended_one_that_keeps_it(house: House, filled: str) -> None:
    loan = await house.asked()
    await house.acted(loan, "Cancel")
    with pytest.raises(asyncpg.CheckViolationError, match="ck_loan_request_unlinked"):
        await run_sql(filled, f"update loan_request set patron_reference = 'x' where id = '{loan}'")


@pytest.mark.parametrize("reference", [MARK, None])
async def test_nothing_is_made_of_the_reference_that_could_be_guessed_at(
    house: House, filled: str, reference: str | None
) -> None:
    """Two that differ in the reader alone leave the same behind; while they are open, a key is one reader's."""
    digests = set()
    for patron in (reference, MARK + "x"):
        first = await house.ask(
            key="once", patron_reference=patron, requesting_agency_request_id="8", requested_at=NOW
        )
        assert first.status_code == 201
        again = await house.ask(
            key="once", patron_reference=patron, requesting_agency_request_id="8", requested_at=NOW
        )
        assert (again.status_code, again.content) == (201, first.content)
        other = await house.ask(
            key="once", patron_reference=MARK + "y", requesting_agency_request_id="8", requested_at=NOW
        )
        assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
        connection = await asyncpg.connect(filled)
        digests |= {row["digest"] for row in await connection.fetch("select digest from idempotency_key")}
        await connection.execute("delete from loan_request")
        await connection.close()
    assert len(digests) == 1
