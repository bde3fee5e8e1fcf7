"""What policy takes away with time, and what it leaves whole."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from adapters.fake import Desk, FakeSystem, Manners
from app.lending import retain as retaining
from app.lending.retain import RETENTION, ensure_retention, retain
from app.lending.work import work, work_off
from tests.lending.test_privacy import found
from tests.support.filled import run_sql
from tests.support.house import House

ONLY = {RETENTION: retain}
LIFE: tuple[tuple[str, dict[str, str]], ...] = (
    ("WillSupply", {"note": "said the man with the hat", "by": "J. Jansen"}),
    ("Loaned", {"by": "NL-3"}),
    ("Received", {"note": "for Mrs. De Vries", "by": "desk"}),
    ("ShippedReturn", {}),
    ("LoanCompleted", {"reason": "as Mr. Smit asked"}),
)


async def rows(url: str, query: str) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(url)
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def a_life(house: House) -> str:
    loan = await house.asked(key="k", requesting_agency_request_id="ours-7", exclude=["NL-2"])
    for action, details in LIFE:
        await house.acted(loan, action, **details)
    return loan


async def due(house: House) -> None:
    async with house.ground.database.transaction() as connection:
        await ensure_retention(connection, house.ground)


async def test_an_ended_loan_request_keeps_no_person(house: House, filled: str) -> None:
    loan = await a_life(house)
    before, ledger = (
        await house.look(loan),
        await rows(filled, "select * from settlement_entry order by agency, what"),
    )
    assert ledger, "there is something to keep"
    told = await house.events(loan)
    await due(house)
    house.clock.set(house.clock.now() + timedelta(days=365))
    await work_off(house.ground, kinds=ONLY)
    assert await house.look(loan) == before, "it has not been a year and a day"
    house.clock.set(house.clock.now() + timedelta(days=1, minutes=1))
    await work_off(house.ground, kinds=ONLY)
    after = await house.look(loan)
    (placement,) = before.pop("placements")
    assert after == {
        **before,
        "requesting_agency_request_id": loan,
        "itinerary": None,
        "placements": [{**placement, "reason": None}],
    }
    assert before["itinerary"] is not None
    assert await house.events(loan) == [
        {
            **event,
            "note": None,
            "reason": None,
            "by": {"J. Jansen": "staff", "desk": "staff"}.get(event["by"], event["by"]),
        }
        for event in told
    ]
    assert await rows(filled, "select * from settlement_entry order by agency, what") == ledger
    assert await rows(filled, "select question::text, patron_reference from loan_request") == [
        {"question": "{}", "patron_reference": None}
    ]


async def test_of_an_agency_s_own_people_the_agency_stays(house: House, filled: str) -> None:
    loan = await a_life(house)
    await run_sql(filled, "update loan_event set by = 'NL-3: J. Jansen', reason = 'NotOnShelf' where sequence = 4")
    await due(house)
    house.clock.set(house.clock.now() + timedelta(days=366, minutes=1))
    await work_off(house.ground, kinds=ONLY)
    event = (await house.events(loan))[3]
    assert (event["by"], event["reason"]) == ("NL-3", "NotOnShelf")


async def test_one_that_is_open_is_left_alone_however_old(house: House, filled: str) -> None:
    loan = await house.asked(requesting_agency_request_id="ours-8")
    await house.acted(loan, "WillSupply", note="soon", by="J. Jansen")
    before = await house.events(loan)
    await due(house)
    house.clock.set(house.clock.now() + timedelta(days=4000))
    await work_off(house.ground, kinds=ONLY)
    assert await house.events(loan) == before
    assert (await house.look(loan))["requesting_agency_request_id"] == "ours-8"
    assert await rows(filled, "select patron_reference from loan_request") == [{"patron_reference": "reader-x"}]


async def test_idempotency_keys_go_after_a_week(house: House, filled: str) -> None:
    for key, days in (("old", 7.01), ("young", 6.99)):
        await house.ask(key=key, requesting_agency_request_id=key)
        await run_sql(
            filled, f"update idempotency_key set created_at = now() - interval '{days} days' where key = '{key}'"
        )
    await due(house)
    await work_off(house.ground, kinds=ONLY)
    assert await rows(filled, "select key from idempotency_key") == [{"key": "young"}]


async def test_old_changes_go(house: House, filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retaining, "CHANGES_AT_ONCE", 2)
    await run_sql(filled, "truncate change")
    for days in (29, 31, 32, 33, 34):
        await run_sql(
            filled,
            "insert into change (at, method, path, what) values"
            f" (now() - interval '{days} days', 'POST', '/v1/keys', '{days}')",
        )
    await due(house)
    await work_off(replace(house.ground, changes_days=30), kinds=ONLY)
    assert await rows(filled, "select what from change") == [{"what": "29"}]


async def test_it_comes_again_every_day_and_goes_on_until_nothing_is_left(
    house: House, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retaining, "AT_ONCE", 1)
    monkeypatch.setattr(retaining, "MOST_TURNS", 2)
    for _ in range(5):
        await house.acted(await house.asked(), "Cancel")
    await due(house)
    house.clock.set(house.clock.now() + timedelta(days=10))
    assert await work_off(replace(house.ground, retention_days=9), kinds=ONLY) == 3, "two, two, and the last"
    assert await rows(filled, "select count(*) from loan_request where stripped_at is null") == [{"count": 0}]
    assert await rows(filled, "select kind, subject, due_at, attempts from task where kind = 'retention'") == [
        {
            "kind": "retention",
            "subject": "daily",
            "due_at": house.clock.now() + timedelta(days=1),
            "attempts": 0,
        }
    ]


async def test_a_worker_that_starts_has_it_done(house: House, filled: str) -> None:
    query = "select due_at, dead_at is null as alive from task where kind = 'retention'"
    await due(house)
    first = await rows(filled, query)
    house.clock.set(house.clock.now() + timedelta(hours=1))
    await due(house)
    assert await rows(filled, query) == first == [{"due_at": house.clock.now() - timedelta(hours=1), "alive": True}]
    await run_sql(filled, "update task set dead_at = now()")
    await due(house)
    assert await rows(filled, query) == [{"due_at": house.clock.now(), "alive": True}], "it is not given up for good"


async def test_the_worker_sees_to_it_by_itself(house: House, filled: str) -> None:
    query = "select due_at from task where kind = 'retention' and leased_until is null"
    tomorrow = [{"due_at": house.clock.now() + timedelta(days=1)}]
    working = asyncio.create_task(work(house.ground, kinds=ONLY))
    try:
        async with asyncio.timeout(20):
            while await rows(filled, query) != tomorrow:  # noqa: ASYNC110 - a row tells nobody that it came
                await asyncio.sleep(0.02)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_the_number_in_the_supplier_s_system_stands_nowhere_afterwards(house: House, filled: str) -> None:
    address = FakeSystem.put("kept", Desk(Manners()))
    heard = "update epoch set number = number + 1 where of = 'register'"
    await run_sql(
        filled,
        f"insert into system (id, kind, addresses) values ('kept', 'fake', jsonb_build_object('desk', '{address}'));"
        f" update location set system = 'kept' where id = 'branch'; {heard}",
    )
    try:
        loan = await house.asked()
        assert (await house.events(loan))[2]["data"]["receipt"] == "F000001"
        assert {"loan_event.data", "placement.receipt"} <= await found(filled, "F000001")
        await house.acted(loan, "Loaned", at="2026-11-23T08:00:00+01:00")
        legs = [
            {
                "trip_id": "v1-out",
                "service_date": "2026-11-24",
                "from_location": "branch",
                "to_location": "H",
            },
            {"trip_id": "v1-in", "service_date": "2026-11-24", "from_location": "H", "to_location": "desk"},
        ]
        await house.acted(loan, "Override", legs=legs, by="J. Jansen")
        assert "loan_request.itinerary_by" in await found(filled, "J. Jansen")
        await house.acted(loan, "Lost")
        await due(house)
        house.clock.set(house.clock.now() + timedelta(days=366, minutes=1))
        await work_off(house.ground, kinds=ONLY)
        lapses_at = (await house.events(loan))[2]["data"]
        assert list(lapses_at) == ["lapses_at"], "what says nothing of anybody stays"
        assert await found(filled, "F000001") == set()
        assert await found(filled, "J. Jansen") == set()
    finally:
        await run_sql(filled, f"update location set system = null where id = 'branch'; {heard}")
