"""Transactions that want the same rows: they wait for each other in no ring, and a caller never hears 500 of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.api import loans
from app.database import Connection, Contended, Database
from app.lending import act as acting
from app.lending import place
from app.lending.happen import happen as happened
from app.lending.lifecycle import Event
from app.lending.record import record
from app.lending.renew import renew as renewed
from app.store.events import Told
from app.store.loans import lock_loan
from app.store.tasks import claim, finish
from app.store.webhooks import DELIVER, note_delivered
from tests.support.filled import run_sql
from tests.support.house import House


async def test_who_delivers_and_who_acts_wait_in_no_ring(house: House, filled: str) -> None:
    """One has the loan request and writes an event, so that it is told; the other has that task and notes it done."""
    await run_sql(filled, "insert into webhook (agency, url, secret) values ('NL-1', 'https://example.org', 's')")
    answer = await house.ask()
    loan = UUID(answer.json()["id"])
    database, now = house.ground.database, house.clock.now()
    async with database.transaction() as connection:
        (task,) = await claim(connection, now=now, lease=timedelta(minutes=1), limit=1, kinds=[DELIVER])
    webhook = int(task.subject.partition(":")[0])
    async with asyncio.timeout(20), database.transaction() as acts:
        found = await lock_loan(acts, loan)
        async with database.transaction() as delivers:
            await finish(delivers, task)
            told = asyncio.create_task(record(acts, found, Event.HOLD, Told(at=now, by="desk")))
            await waits_for_a_lock(database)
            await note_delivered(delivers, webhook, loan, 1)
        await told
    assert (await house.history(str(loan)))[-1] == "Hold: RequestReceived"


async def waits_for_a_lock(database: Database) -> None:
    async with database.connection() as connection:
        query = (
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )
        while not await connection.fetchval(query):  # noqa: ASYNC110 - another session's state
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("error", [asyncpg.DeadlockDetectedError, asyncpg.SerializationError])
async def test_an_action_that_others_were_in_the_way_of_is_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    loan = await house.asked()
    errors = [error("deadlock detected")]

    async def happen(*given: Any) -> Any:
        if errors:
            raise errors.pop()
        return await happened(*given)

    monkeypatch.setattr(acting, "happen", happen)
    assert (await house.acted(loan, "WillSupply"))["status"] == "WillSupply"
    assert len(await house.events(loan)) == 4


async def test_one_that_others_are_in_the_way_of_for_good_may_come_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = await house.asked()

    async def happen(*_: object) -> None:
        raise asyncpg.DeadlockDetectedError("deadlock detected")

    monkeypatch.setattr(acting, "happen", happen)
    answer = await house.act(loan, "WillSupply")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/database-unavailable")


async def test_a_real_deadlock_is_said_to_be_one(house: House) -> None:
    loans = [UUID((await house.ask()).json()["id"]) for _ in range(2)]
    barrier = asyncio.Barrier(2)

    @asynccontextmanager
    async def locked(first: UUID, second: UUID) -> AsyncIterator[Connection]:
        async with house.ground.database.transaction() as connection:
            await lock_loan(connection, first)
            await barrier.wait()
            await lock_loan(connection, second)
            yield connection

    async def both(first: UUID, second: UUID) -> str:
        try:
            async with locked(first, second):
                return "done"
        except Contended:
            return "contended"

    async with asyncio.timeout(20):
        ends = await asyncio.gather(both(*loans), both(*reversed(loans)))
    assert sorted(ends) == ["contended", "done"]


async def test_what_one_supplier_says_is_never_taken_for_another_s_word(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`branch` says no twice: the second is checked before the first is through, and carried out after it."""
    loan = await house.asked()
    twice = [True]

    async def act(*given: Any) -> None:
        if twice:
            twice.clear()
            await house.acted(loan, "Unfilled", reason="NotOnShelf")
        await acting.act(*given)

    monkeypatch.setattr(loans, "act", act)
    answer = await house.act(loan, "Unfilled", reason="NotOnShelf")
    standing = await house.look(loan)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/action-not-allowed")
    assert answer.json()["allowed"] == standing["actions"]
    assert answer.json()["detail"].startswith("It has gone on to another supplier meanwhile.")
    assert [(asked["supplying_location"], asked["end"]) for asked in standing["placements"]] == [
        ("branch", "Unfilled"),
        ("far", None),
    ]


async def test_what_is_on_its_way_is_counted_under_the_lock_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`branch` has two copies, and one is out: two ask for the other, and decide before either is written down."""
    await house.acted(await house.asked(), "Loaned")
    loans = [(await house.ask(exclude=["island"])).json()["id"] for _ in range(2)]
    first = [True]

    async def renew(*given: Any, **named: Any) -> Any:
        found = await renewed(*given, **named)
        if first:
            first.clear()
            await house.work()
        return found

    monkeypatch.setattr(place, "renew", renew)
    await house.work()
    standing = [(await house.look(loan))["supplying_location"] for loan in loans]
    assert sorted(standing) == ["branch", "far"]
