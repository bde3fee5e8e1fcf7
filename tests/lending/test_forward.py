"""The way back: home over the same network, followed by scans, or straight on to the next who waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from adapters.contract import Answer, Unavailable
from adapters.fake import Desk, FakeSystem
from adapters.protocols.iso18626.messages import Action, AgencyId
from app.store.burdens import count_asked, read_counts
from app.store.network_versions import activate, create_version
from tests.lending.test_iso18626 import reporting, taken
from tests.lending.test_no_answer import JANUARY, NOVEMBER, answers
from tests.lending.test_transport import expected, last, way
from tests.support.filled import content_of, run_sql
from tests.support.house import House
from tests.support.worlds import drawn

RING = """
    hub H 10m
    B1/out     Mo-Fr  branch 09:00  H 10:00
    D1/early   Mo-Fr  H 09:30   desk 09:45
    D1/in      Mo-Fr  H 10:30   desk 11:00
    D2/back    Mo-Fr  desk 12:00  H 12:30
    B2/home    Mo-Fr  H 13:00   branch 13:30
    F1/far-out Mo-Fr  far 15:00  H 18:00
    I1/to      Mo-Fr  H 14:00   island 15:00
    I2/from    Mo-Fr  island 08:30  H 09:00
"""
ANY = """{"requested_at": "2026-11-24T08:00:00+01:00", "limit": 10, "exclude": ["island"]}"""
TO_DESK = ["from 11-24 island H", "early 11-24 H desk"]
HOME = ["from 11-24 island H", "home 11-24 H branch"]


@pytest.fixture(autouse=True)
async def ring(filled: str) -> None:
    """Have vans drive in a ring, so that one counter is on the way from another."""
    connection = await asyncpg.connect(filled)
    try:
        async with connection.transaction():
            await create_version(connection, "ring", content_of(drawn(RING)))
            await activate(connection, "ring")
    finally:
        await connection.close()
    await run_sql(filled, "delete from suspension")


async def read_on_the_island(house: House) -> str:
    """Lent by `branch` to a reader on the island, who has it from Monday afternoon on."""
    loan = await house.asked(pickup_location="island", requesting_agency="NL-3", exclude=["island", "far"])
    await house.acted(loan, "Loaned", at="2026-11-23T08:30:00+01:00")
    await house.acted(loan, "Received", at="2026-11-23T15:05:00+01:00")
    return loan


async def on_tuesday(house: House, clock: str) -> None:
    house.clock.set(house.clock.now().fromisoformat(f"2026-11-24T{clock}:00+01:00"))
    await house.work()


async def placements(house: House, loan: str) -> list[tuple[Any, ...]]:
    rows = (await house.look(loan))["placements"]
    return [(row["number"], row["supplying_location"], row["state"], row["end"]) for row in rows]


async def test_the_way_home_is_planned_and_follows_scans(house: House) -> None:
    loan = await read_on_the_island(house)
    await on_tuesday(house, "08:00")
    standing = await house.acted(loan, "ShippedReturn")
    assert (standing["item"], way(standing), expected(standing)) == ("on_the_way_back", HOME, "11-24 13:30")
    standing = await house.acted(loan, "Scan", location="H", at="2026-11-24T14:00:00+01:00")
    assert (way(standing), expected(standing)) == (["home 11-25 H branch"], "11-25 13:30")
    await house.later(days=1)
    standing = await house.acted(loan, "Scan", location="branch", at="2026-11-25T13:31:00+01:00")
    assert (standing["item"], standing["status"]) == ("on_the_way_back", "Loaned")
    assert (await house.history(loan))[-1] == "ScannedOnTheWayBack: Loaned"
    assert (await house.acted(loan, "LoanCompleted"))["item"] == "home"


async def test_what_does_not_come_home_is_late(house: House) -> None:
    loan = await read_on_the_island(house)
    await on_tuesday(house, "08:00")
    await house.acted(loan, "ShippedReturn")
    await on_tuesday(house, "15:29")
    assert (await house.history(loan))[-1] == "ShippedReturn: Loaned"
    await on_tuesday(house, "15:30")
    assert (await last(house, loan))["note"] == (
        "It should be at branch by now. It was last seen at island, and may have been left there."
    )
    assert expected(await house.look(loan)) == "11-25 13:30"


async def test_a_cancelled_trip_home_moves_the_date(house: House) -> None:
    loan = await read_on_the_island(house)
    await on_tuesday(house, "08:00")
    await house.acted(loan, "ShippedReturn")
    answer = await house.client.post(
        "/v1/trips/cancellations", json={"trip_id": "home", "service_date": "2026-11-24"}
    )
    assert answer.status_code == 201
    await house.work()
    assert expected(await house.look(loan)) == "11-25 13:30"


async def test_it_goes_straight_on_where_that_is_earlier(house: House) -> None:
    """From the island it is at the desk at 09:45; from the branch, which has another, at 11:00."""
    loan = await read_on_the_island(house)
    await on_tuesday(house, "08:00")
    waiting = await house.asked(exclude=["island"])
    assert expected(await house.look(waiting)) == "11-24 11:00"
    answer = await house.act(loan, "ShippedReturn", by="counter")
    shown = answer.json()
    assert (shown["status"], shown["outcome"], shown["item"]) == ("LoanCompleted", "filled", "forwarded")
    data = {
        "from_location": "island",
        "to_location": "desk",
        "arrives_at": "2026-11-24T09:45:00+01:00",
        "cost_cents": 0,
        "otherwise": [
            {"arrives_at": "2026-11-24T10:00:00+00:00", "cost_cents": 0},
            {"arrives_at": "2026-11-25T09:45:00+01:00", "cost_cents": 1075},
        ],
    }
    assert await last(house, loan) == {
        "event": "ShippedForward",
        "by": "counter",
        "note": "Sent straight on to desk, where somebody waits for it.",
        "data": data,
    }
    assert await last(house, waiting) == {
        "event": "ForwardedToUs",
        "by": "leenpad",
        "note": "It comes straight from island, earlier than from anybody else.",
        "data": {**data, "let_go": "branch"},
    }
    standing = await house.look(waiting)
    assert (standing["status"], standing["item"], standing["supplying_agency"]) == ("Loaned", "on_trip", "NL-2")
    assert (way(standing), expected(standing)) == (TO_DESK, "11-24 09:45")
    assert await placements(house, loan) == [(1, "branch", "closed", "ShippedForward")]
    assert await placements(house, waiting) == [
        (1, "branch", "closed", "LetGo"),
        (2, "branch", "live", None),
    ]


async def test_a_message_that_sends_it_on_may_come_twice(house: House) -> None:
    loan = await read_on_the_island(house)
    await on_tuesday(house, "08:00")
    waiting = await house.asked(exclude=["island"])
    number = (await house.look(loan))["requesting_agency_request_id"]
    for _ in range(2):
        await taken(house, reporting(Action.SHIPPED_RETURN, number, requesting_agency=AgencyId("NL-3")))
    assert (await house.history(loan))[-1] == "ShippedForward: LoanCompleted"
    assert (await house.history(waiting)).count("ForwardedToUs: Loaned") == 1


async def test_what_was_sent_on_has_a_life_of_its_own(house: House, filled: str) -> None:
    """It is followed from where it was, received, charged, and goes home to its owner."""
    loan = await read_on_the_island(house)
    await on_tuesday(house, "08:00")
    waiting = await house.asked(exclude=["island"])
    await house.acted(loan, "ShippedReturn")
    await on_tuesday(house, "08:10")
    answer = await house.client.post(
        "/v1/trips/cancellations", json={"trip_id": "early", "service_date": "2026-11-24"}
    )
    assert answer.status_code == 201
    await house.work()
    standing = await house.look(waiting)
    assert (way(standing), expected(standing)) == (["from 11-24 island H", "in 11-24 H desk"], "11-24 11:00")
    await house.acted(waiting, "Received", at="2026-11-24T11:05:00+01:00")
    standing = await house.acted(waiting, "ShippedReturn", at="2026-11-24T11:30:00+01:00")
    assert way(standing) == ["back 11-24 desk H", "home 11-24 H branch"]
    standing = await house.acted(waiting, "LoanCompleted")
    assert (standing["status"], standing["item"]) == ("LoanCompleted", "home")
    connection = await asyncpg.connect(filled)
    try:
        charged = await connection.fetch("select loan_request::text from settlement_entry")
        tasks = await connection.fetch("select kind, subject from task where kind in ('lapse', 'place')")
    finally:
        await connection.close()
    # Within one province nothing is charged; to the island it was.
    assert {row["loan_request"] for row in charged} == {loan}
    assert tasks == []


@pytest.mark.parametrize(
    ("clock", "asks"),
    [
        ("08:40", {"exclude": ["island"]}),  # the van has left, and that from the branch is there today
        ("08:00", {}),  # no earlier than from the island's own copy
        ("08:00", {"exclude": ["island", "branch"]}),  # they do not want this one
        ("08:00", {"exclude": ["island", "NL-2"]}),
        ("08:00", {"title": {"isbn": "9783161484100"}}),  # they wait for something else
    ],
)
async def test_it_goes_home_where_that_is_no_better(house: House, clock: str, asks: dict[str, Any]) -> None:
    loan = await read_on_the_island(house)
    await on_tuesday(house, "08:00")
    waiting = await house.asked(**asks)
    await on_tuesday(house, clock)
    before = await house.look(waiting)
    assert before["supplying_location"] is not None
    standing = await house.acted(loan, "ShippedReturn")
    assert (standing["status"], standing["item"]) == ("Loaned", "on_the_way_back")
    assert await house.look(waiting) == before


async def test_it_goes_home_where_sending_it_on_costs_more(house: House) -> None:
    """At the desk, and wanted on the island: their own agency's copy comes later, and for nothing."""
    loan = await house.asked()
    await house.acted(loan, "Loaned", at="2026-11-23T08:30:00+01:00")
    await house.acted(loan, "Received", at="2026-11-23T11:05:00+01:00")
    await on_tuesday(house, "08:00")
    waiting = await house.asked(
        pickup_location="island", requesting_agency="NL-3", exclude=["island"], objective="cheapest"
    )
    assert (await house.look(waiting))["supplying_location"] == "far"
    assert expected(await house.look(waiting)) == "11-25 15:00"
    assert (await house.acted(loan, "ShippedReturn"))["item"] == "on_the_way_back"


async def test_it_goes_home_where_that_is_asked_for_or_the_other_is_on_hold(house: House) -> None:
    loan, other = await read_on_the_island(house), await read_on_the_island(house)
    await on_tuesday(house, "08:00")
    waiting = await house.asked(exclude=["island"])
    await house.acted(waiting, "Hold")
    assert (await house.acted(loan, "ShippedReturn"))["item"] == "on_the_way_back"
    await house.acted(waiting, "Resume")
    assert (await house.acted(other, "ShippedReturn", forward=False))["item"] == "on_the_way_back"


async def test_what_its_owner_has_recalled_goes_home(house: House) -> None:
    loan = await read_on_the_island(house)
    await on_tuesday(house, "08:00")
    await house.asked(exclude=["island"])
    await house.acted(loan, "Recall")
    assert (await house.acted(loan, "ShippedReturn"))["item"] == "on_the_way_back"


async def test_whoever_owns_what_is_sent_straight_on_was_not_asked(house: House) -> None:
    loan = await read_on_the_island(house)
    await on_tuesday(house, "08:00")
    waiting = await house.asked(exclude=["island"])
    async with house.ground.database.connection() as connection:
        before = await count_asked(connection, since=NOVEMBER)
    assert before == ({"NL-2": 2}, {"branch": 2})
    await house.acted(loan, "ShippedReturn")
    placements = (await house.look(waiting))["placements"]
    assert [(each["supplying_location"], each["end"]) for each in placements] == [
        ("branch", "LetGo"),
        ("branch", None),
    ]
    async with house.ground.database.connection() as connection:
        assert await count_asked(connection, since=NOVEMBER) == before
        assert (await read_counts(connection, since=NOVEMBER, until=JANUARY)).asked_here == {"branch": 2}
    assert await answers(house) == {"branch": ["supplied"]}, "the first one, which it was asked for"


async def test_whoever_is_no_longer_asked_is_told_so(house: House, filled: str) -> None:
    """`far` was asked, and the item of `branch` comes instead: its agency reads it where it reads everything."""
    loan = await read_on_the_island(house)
    await on_tuesday(house, "08:00")
    waiting = await house.asked(exclude=["island", "branch"], objective="cheapest")
    await run_sql(filled, f"update loan_request set question = '{ANY}' where id = '{waiting}'")
    assert (await house.look(waiting))["supplying_location"] == "far"
    await run_sql(filled, "insert into webhook (agency, url, secret) values ('NL-3', 'https://example.org', 's')")
    assert (await house.act(loan, "ShippedReturn")).json()["item"] == "forwarded"
    let_go, forwarded = (await house.events(waiting))[-2:]
    assert (let_go["event"], let_go["supplying_agency"], let_go["supplying_location"]) == ("LetGo", "NL-3", "far")
    assert let_go["note"] == "It comes from elsewhere, and sooner: it need not be supplied."
    assert (forwarded["event"], forwarded["supplying_agency"], forwarded["supplying_location"]) == (
        "ForwardedToUs",
        "NL-2",
        "branch",
    )
    async with house.ground.database.connection() as connection:
        told = await connection.fetch("select split_part(subject, ':', 2) from task where kind = 'deliver'")
    assert str(waiting) in {row[0] for row in told}


async def test_two_returns_race_for_one_who_waits(house: House) -> None:
    """Both copies of `branch` come back at once: one goes on, the other goes home, and neither waits for ever."""
    loans = [await read_on_the_island(house), await read_on_the_island(house)]
    await on_tuesday(house, "08:00")
    waiting = await house.asked(exclude=["island"])
    assert (await house.look(waiting))["supplying_location"] == "far"
    answers = await asyncio.gather(*(house.act(loan, "ShippedReturn") for loan in loans))
    assert sorted(answer.json()["item"] for answer in answers) == ["forwarded", "on_the_way_back"]
    assert (await house.history(waiting))[-1] == "ForwardedToUs: Loaned"
    assert await placements(house, waiting) == [
        (1, "far", "closed", "LetGo"),
        (2, "branch", "live", None),
    ]


async def test_two_who_wait_and_two_returns_each_get_one(house: House) -> None:
    loans = [await read_on_the_island(house), await read_on_the_island(house)]
    await on_tuesday(house, "08:00")
    asks: dict[str, Any] = {"exclude": ["island"]}
    waiting = [await house.asked(**asks), (await house.ask(**asks)).json()["id"]]
    answers = await asyncio.gather(*(house.act(loan, "ShippedReturn") for loan in loans))
    assert [answer.json()["item"] for answer in answers] == ["forwarded", "forwarded"]
    assert [(await house.look(other))["item"] for other in waiting] == ["on_trip", "on_trip"]


@pytest.fixture
async def desk(filled: str) -> AsyncIterator[Desk]:
    """Of the system that `branch` has."""
    opened = Desk()
    address = FakeSystem.put("owner", opened)
    await run_sql(
        filled,
        "insert into system (id, kind, addresses)"
        f" values ('owner', 'fake', jsonb_build_object('desk', '{address}')) on conflict do nothing;"
        " update location set system = 'owner' where id = 'branch'; update epoch set number = number + 1",
    )
    yield opened
    await run_sql(
        filled, "update location set system = null where id = 'branch'; update epoch set number = number + 1"
    )


@pytest.mark.parametrize("how", ["shipped", "silent"])
async def test_it_goes_home_where_another_may_be_on_its_way(
    house: House, desk: Desk, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system of the supplier who was asked has shipped unheard, or does not say that it has not."""
    loan = await house.asked(pickup_location="island", requesting_agency="NL-3", exclude=["island", "far"])
    for _ in range(8):
        await house.later(minutes=15)
    await house.acted(loan, "Received")
    await on_tuesday(house, "08:00")
    waiting = await house.asked(exclude=["island"])
    if how == "shipped":
        desk.placed[f"{waiting}-1"].answer = Answer.SHIPPED
    else:

        def silent(_: str) -> bool:
            raise Unavailable("it is busy")

        monkeypatch.setattr(Desk, "cancel", staticmethod(silent))
    standing = await house.acted(loan, "ShippedReturn")
    assert (standing["status"], standing["item"]) == ("Loaned", "on_the_way_back")
    assert (await house.history(waiting))[3:] == ["Loaned: Loaned" if how == "shipped" else "WillSupply: WillSupply"]
    assert len(desk.live()[waiting]) == 1


async def test_the_system_of_the_owner_says_when_it_is_home(house: House, desk: Desk) -> None:
    """For the owner's system the copy is out all the while: its order is followed on, and the other taken back."""
    loan = await house.asked(pickup_location="island", requesting_agency="NL-3", exclude=["island", "far"])
    for _ in range(8):
        await house.later(minutes=15)
    await house.acted(loan, "Received")
    (receipt,) = desk.live()[loan]
    await on_tuesday(house, "08:00")
    waiting = await house.asked(exclude=["island"])
    assert set(desk.live()) == {loan, waiting}
    assert (await house.acted(loan, "ShippedReturn"))["item"] == "forwarded"
    assert desk.live() == {loan: [receipt]}
    await house.acted(waiting, "Received")
    await house.acted(waiting, "ShippedReturn")
    desk.take_back(receipt)
    await house.later(minutes=15)
    assert (await house.history(waiting))[-1] == "LoanCompleted: LoanCompleted"
