"""Two suppliers asked at once at their library systems: what one of them has is followed, or taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from adapters.contract import Answer, OutcomeUnknown, SystemFault, Unavailable, Verb
from adapters.fake import Desk, Manners
from app.lending.orders import order_of
from app.store.loans import read_loan
from app.store.placements import get_placement, note_untouched
from tests.lending.test_two_at_once import ASKED, OF_REGISTER, placements, third, told, two
from tests.lending.test_windows import Killed, Wayward, acting, raising
from tests.support.filled import run_sql
from tests.support.house import House

__all__ = ["third", "two"]


@pytest.fixture
async def systems(house: House, filled: str) -> AsyncIterator[dict[str, Wayward]]:
    """A system of its own for each of the three."""
    found = {}
    for place in ("desk", "branch", "far"):
        await run_sql(
            filled,
            f"insert into system (id, kind, addresses) values ('of {place}', 'fake',"
            f" jsonb_build_object('desk', 'fake:two-{place}'));"
            f" update location set system = 'of {place}' where id = '{place}'; {OF_REGISTER}",
        )
        found[place] = Wayward(Desk(manners=Manners(looks_before_promise=1000, looks_before_shipping=1000)))
        house.ground.systems.put(f"of {place}", found[place], timer=lambda: house.clock.now().timestamp())
    yield found
    await run_sql(
        filled, f"update location set system = null; delete from system where id like 'of %'; {OF_REGISTER}"
    )


async def away(*_: object, **__: object) -> Any:
    """What a system does that cannot be reached."""
    raise Unavailable("it cannot be reached")


def live(systems: dict[str, Wayward]) -> dict[str, list[str]]:
    """Which systems have an order that binds a copy."""
    return {
        place: receipts
        for place, system in systems.items()
        for receipts in (_desk(system).live().values())
        if receipts
    }


def _desk(system: Wayward) -> Desk:
    assert system._desk is not None
    return system._desk


def answers(systems: dict[str, Wayward], place: str, answer: Answer) -> None:
    (placed,) = [one for one in _desk(systems[place]).placed.values() if one.answer is Answer.OPEN]
    placed.answer = answer


async def test_the_system_beside_says_yes_and_the_other_gives_its_order_back(
    house: House, systems: dict[str, Wayward]
) -> None:
    loan = await house.asked()
    assert await told(house, loan) == ASKED
    assert sorted(live(systems)) == ["branch", "far"]
    answers(systems, "far", Answer.PROMISED)
    await house.later(minutes=20)
    assert await told(house, loan, since=len(ASKED)) == [
        *[("LetGo", "branch"), ("TookOver", "far"), ("WillSupply", "far")]
    ]
    assert sorted(live(systems)) == ["far"]


async def test_the_first_says_yes_and_the_system_beside_gives_its_order_back(
    house: House, systems: dict[str, Wayward]
) -> None:
    loan = await house.asked()
    answers(systems, "branch", Answer.SHIPPED)
    await house.later(minutes=20)
    assert await told(house, loan, since=len(ASKED)) == [("LetGoBeside", "far"), ("Loaned", "branch")]
    assert sorted(live(systems)) == ["branch"]


async def test_the_system_beside_declines_and_is_not_asked_again(house: House, systems: dict[str, Wayward]) -> None:
    loan = await house.asked()
    answers(systems, "far", Answer.DECLINED)
    await house.later(minutes=20)
    assert await told(house, loan, since=len(ASKED)) == [("DeclinedBeside", "far")]
    assert await placements(house, loan) == [("branch", "leads", "live"), ("far", "beside", "Unfilled")]
    answers(systems, "branch", Answer.DECLINED)
    await house.later(minutes=40)
    assert (await house.look(loan))["outcome"] == "unfilled"


async def test_what_was_sent_before_it_was_let_go_is_for_people_to_see(
    house: House, systems: dict[str, Wayward]
) -> None:
    await house.asked()
    answers(systems, "branch", Answer.PROMISED)
    answers(systems, "far", Answer.SHIPPED)
    async with house.ground.database.transaction() as connection:  # what far has done is heard of too late
        await connection.execute("update task set due_at = 'infinity' where kind = 'follow' and subject like '%-2'")
    await house.later(minutes=20)
    async with house.ground.database.connection() as connection:
        dead = await connection.fetch("select kind, error from task where dead_at is not null")
    assert [tuple(one) for one in dead] == [("withdraw", "OnItsWay: far has shipped what it was told not to.")]


async def test_a_system_that_is_away_beside_holds_up_nobody_and_is_passed_over(
    house: House, systems: dict[str, Wayward], third: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for verb in ("prepare", "place", "find"):
        monkeypatch.setattr(systems["branch"], verb, away)
    loan = await house.asked()
    assert await placements(house, loan) == [("desk", "leads", "live"), ("branch", "beside", "asking")]
    for _ in range(5):
        await house.later(hours=1)
    assert await placements(house, loan) == [
        ("desk", "leads", "live"),
        ("branch", "beside", "PlacementRefused"),
        ("far", "beside", "live"),
    ]


async def test_while_the_system_beside_is_asked_the_first_declines(house: House, systems: dict[str, Wayward]) -> None:
    loan: list[str] = []
    systems["far"].before.append(acting_as(house, loan, "Unfilled", 1))
    loan.append((await house.ask()).json()["id"])
    await house.work()
    assert await told(house, loan[0], since=3) == [
        *[("AskedBeside", "far"), ("Unfilled", "branch"), ("TookOver", "far")]
    ]
    assert await placements(house, loan[0]) == [("branch", "leads", "Unfilled"), ("far", "leads", "live")]
    answers(systems, "far", Answer.PROMISED)
    await house.later(minutes=20)
    assert (await house.look(loan[0]))["status"] == "WillSupply"


@pytest.mark.parametrize("action", ["WillSupply", "Loaned"])
async def test_while_the_system_beside_is_asked_the_first_says_yes(
    house: House, systems: dict[str, Wayward], action: str
) -> None:
    loan: list[str] = []
    systems["far"].before.append(acting_as(house, loan, action, 1))
    loan.append((await house.ask()).json()["id"])
    await house.work()
    assert await told(house, loan[0], since=3) == [("AskedBeside", "far"), ("LetGoBeside", "far"), (action, "branch")]
    assert sorted(live(systems)) == ["branch"]
    assert await placements(house, loan[0]) == [("branch", "leads", "live"), ("far", "beside", "LetGo")]


async def test_while_the_system_beside_is_asked_it_is_cancelled(house: House, systems: dict[str, Wayward]) -> None:
    loan: list[str] = []
    systems["far"].before.append(acting(house, loan, "Cancel"))
    loan.append((await house.ask()).json()["id"])
    await house.work()
    assert (await house.look(loan[0]))["outcome"] == "cancelled"
    assert live(systems) == {}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", [Killed(), OutcomeUnknown("no answer came")], ids=["killed", "unknown"])
@pytest.mark.parametrize("meanwhile", [None, "Unfilled", "WillSupply", "Cancel"])
async def test_whoever_dies_or_hears_nothing_as_the_system_beside_is_asked(
    house: House,
    filled: str,
    systems: dict[str, Wayward],
    when: str,
    what: BaseException,
    meanwhile: str | None,
) -> None:
    getattr(systems["far"], when).append(raising(what))
    loan = (await house.ask()).json()["id"]
    with suppress(Killed):
        await house.work()
    if meanwhile == "Unfilled":
        answers(systems, "branch", Answer.DECLINED)
    if meanwhile is not None:
        named: dict[str, Any] = {} if meanwhile == "Cancel" else {"placement": 1}
        assert (await house.act(loan, meanwhile, **named)).status_code == 200
    await run_sql(filled, "update task set leased_until = now() - interval '1 second' where leased_until is not null")
    await house.later(minutes=1)
    await house.later(minutes=1)
    assert systems["far"].calls.count("place") <= 2
    assert len(_desk(systems["far"]).placed) <= 1, "one key, one order"
    standing = await house.look(loan)
    expected = {None: ["branch", "far"], "Unfilled": ["far"], "WillSupply": ["branch"], "Cancel": []}[meanwhile]
    assert sorted(live(systems)) == expected
    shown = [one["supplying_location"] for one in standing["placements"] if one["state"] == "live"]
    assert sorted(shown) == expected, "what we say is what the systems have"


def acting_as(house: House, loan: list[str], action: str, placement: int) -> Callable[[], Awaitable[None]]:
    async def step() -> None:
        answer = await house.act(loan[0], action, placement=placement)
        assert answer.status_code == 200, answer.text

    return step


# --- what was let go comes back before it is asked again -----------------------------------------------


async def test_what_was_on_the_wire_as_it_was_let_go_is_taken_back_when_it_lands(
    house: House, systems: dict[str, Wayward]
) -> None:
    systems["far"].before.append(raising(OutcomeUnknown("no answer came")))
    loan = (await house.ask()).json()["id"]
    await house.work()
    await house.later(seconds=1)
    await house.acted(loan, "WillSupply", placement=1)
    assert systems["far"].calls == ["place"], "nobody looks before it has settled"
    async with house.ground.database.connection() as connection:
        order = order_of(await read_loan(connection, UUID(loan)), await get_placement(connection, UUID(loan), 2))
    _desk(systems["far"]).place(order, f"{loan}-2")
    assert (await house.look(loan))["placements"][1]["let_go"]
    await house.later(seconds=30)
    assert sorted(live(systems)) == ["branch"]
    assert not (await house.look(loan))["placements"][1]["let_go"]


async def test_of_whoever_sent_it_all_the_same_no_second_copy_is_asked(
    house: House, systems: dict[str, Wayward]
) -> None:
    loan = await house.asked()
    answers(systems, "far", Answer.SHIPPED)
    async with house.ground.database.transaction() as connection:
        await connection.execute("update task set due_at = 'infinity' where kind = 'follow' and subject like '%-2'")
    await house.acted(loan, "ExpectToSupply", placement=1)
    await house.acted(loan, "Unfilled", placement=1)
    await house.later(hours=1)
    assert len(_desk(systems["far"]).placed) == 1
    assert (await house.look(loan))["outcome"] == "unfilled"


async def deadlocks(house: House) -> int:
    async with house.ground.database.connection() as connection:
        await connection.execute("select pg_stat_force_next_flush()")
    async with house.ground.database.connection() as connection:
        found: int = await connection.fetchval(
            "select deadlocks from pg_stat_database where datname = current_database()"
        )
    return found


async def test_letting_go_while_it_is_noted_that_a_system_is_asked_does_not_wait_in_a_ring(
    house: House, systems: dict[str, Wayward], monkeypatch: pytest.MonkeyPatch
) -> None:
    noting, begun, faults = note_untouched, asyncio.Event(), list[str]()
    loan = (await house.ask()).json()["id"]

    async def slowly(connection: Any, placement: Any, *, untouched: bool) -> None:
        if placement.beside:
            begun.set()
            await asyncio.sleep(0.5)
        try:
            await noting(connection, placement, untouched=untouched)
        except Exception as error:
            faults.append(repr(error))
            raise

    monkeypatch.setattr("app.lending.ask.note_untouched", slowly)

    async def say_yes() -> int:
        await begun.wait()
        return (await house.act(loan, "WillSupply", placement=1)).status_code

    before = await deadlocks(house)
    _, status = await asyncio.gather(house.work(), say_yes())
    await asyncio.sleep(0.2)  # the server counts with a delay
    assert (status, faults, await deadlocks(house)) == (200, [], before)
    await house.work()
    assert sorted(live(systems)) == ["branch"]


@pytest.mark.parametrize("which", ["branch", "far"])
async def test_a_system_that_cannot_be_told_that_it_is_let_go_is_no_part_of_two(
    house: House, systems: dict[str, Wayward], monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    can = systems[which].capabilities()
    monkeypatch.setattr(systems[which], "capabilities", lambda: replace(can, verbs=can.verbs - {Verb.CANCEL}))
    loan = await house.asked()
    assert await placements(house, loan) == [("branch", "leads", "live")]


@pytest.mark.parametrize("fault", [Unavailable("away"), None], ids=["away", "refuses"])
async def test_what_is_not_sent_straight_on_after_all_leaves_nobody_with_a_no(
    house: House, filled: str, systems: dict[str, Wayward], fault: SystemFault | None
) -> None:
    await run_sql(filled, f"update location set system = null where id = 'branch'; {OF_REGISTER}")
    first = await house.asked()
    await house.acted(first, "Loaned", placement=1)
    await house.later(days=1, hours=4)
    await house.acted(first, "Received")
    await run_sql(filled, f"update location set system = 'of branch' where id = 'branch'; {OF_REGISTER}")
    second = await house.asked()
    if fault is not None:
        systems["branch"].before_cancel.append(raising(fault))
    else:
        answers(systems, "branch", Answer.SHIPPED)
    await house.acted(first, "ShippedReturn")
    await house.later(hours=5)
    events = [event for event, _ in await told(house, second, since=5)]
    assert events[0] == "LetGoBeside"
    assert "DeclinedBeside" not in events
    assert "ForwardedToUs" not in events


async def test_what_staff_say_of_a_loan_request_whose_system_is_asked_beside(
    house: House, systems: dict[str, Wayward], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first has said no: nobody has it until the other's system does, and that is no supplier's notification."""
    for verb in ("prepare", "place", "find"):
        monkeypatch.setattr(systems["far"], verb, away)
    loan = await house.asked()
    answers(systems, "branch", Answer.DECLINED)
    await house.acted(loan, "Unfilled", placement=1)
    assert "Notification" in (await house.look(loan))["actions"]
    await house.acted(loan, "Notification", note="The reader asks when.")
    await house.acted(loan, "Cancel")
    assert (await house.look(loan))["outcome"] == "cancelled"
    await house.later(hours=3)
    assert await placements(house, loan) == [
        ("branch", "leads", "Unfilled"),
        ("far", "beside", "PlacementRefused"),
    ]
