"""Whoever was let go has its order to give back first: until then nobody asks it again, and then it has its turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from adapters.contract import Answer, Duplicate, OutcomeUnknown, Refused, Standing, Unavailable
from app.lending.forward import _otherwise as otherwise
from app.lending.renew import renew
from app.lending.work import HANDLERS, work_off
from app.store.loans import read_loan
from app.store.placements import find_both
from tests.lending.test_two_at_once import OF_REGISTER, placements, third, told, two
from tests.lending.test_two_at_systems import answers, away, live, systems
from tests.lending.test_windows import Wayward, raising
from tests.support.filled import run_sql
from tests.support.house import House

__all__ = ["systems", "third", "two"]


@dataclass
class Keeping:
    """Gives nothing back as long as it is `away`. It has one copy, which it calls by its barcode.

    An order that comes while it has another it takes for the same, or (`refuses`) refuses.
    """

    system: Wayward
    refuses: bool = False
    away: bool = True
    held: str | None = None

    async def place(self, quote: object, *, key: str) -> str:
        if self.held is not None and self.refuses:
            raise Refused("OnReserve", "It is held for another order.")
        if self.held is not None:
            raise Duplicate("39000001")
        self.held = key
        return "39000001"

    async def find(self, order: object, *, key: str, taken: Any = ()) -> str | None:
        return "39000001" if self.held is not None and "39000001" not in taken else None

    async def cancel(self, receipt: str) -> bool:
        if self.away:
            raise Unavailable("away")
        self.held = None
        return True

    async def status(self, receipt: str) -> Standing:
        return Standing(Answer.CANCELLED if self.held is None else Answer.OPEN)


def keeping(system: Wayward, patched: pytest.MonkeyPatch, *, refuses: bool = False) -> Keeping:
    found = Keeping(system, refuses)
    for verb in ("place", "find", "cancel", "status"):
        patched.setattr(system, verb, getattr(found, verb))
    return found


@pytest.fixture
def kept_back(systems: dict[str, Wayward], monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Whose orders are not given back."""
    found = dict.fromkeys(systems, False)

    def cancelling(place: str) -> Any:
        cancel = systems[place].cancel

        async def cancels(receipt: str) -> bool:
            if found[place]:
                raise Unavailable("away")
            return await cancel(receipt)

        return cancels

    for place, system in systems.items():
        monkeypatch.setattr(system, "cancel", cancelling(place))
    return found


async def decline(house: House, systems: dict[str, Wayward], loan: str, place: str, number: int = 1) -> None:
    answers(systems, place, Answer.DECLINED)
    assert (await house.act(loan, "Unfilled", placement=number)).status_code == 200


async def due_now(house: House, kind: str) -> None:
    async with house.ground.database.transaction() as connection:
        await connection.execute(f"update task set due_at = $1 where kind = '{kind}'", house.clock.now())


async def decisions(house: House, loan: str) -> int:
    async with house.ground.database.connection() as connection:
        found: int = await connection.fetchval(
            "select count(*) from loan_decision where loan_request = $1", UUID(loan)
        )
    return found


async def test_one_that_comes_back_as_it_is_decided_that_nobody_is_left_has_its_turn(
    house: House, systems: dict[str, Wayward], kept_back: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_back["far"] = True
    loan = await house.asked()
    await house.acted(loan, "ExpectToSupply", placement=1)
    await decline(house, systems, loan, "branch")
    once = [1]

    async def meanwhile(*given: Any, **more: Any) -> Any:
        found = await renew(*given, **more)
        if once:
            once.pop()
            kept_back["far"] = False
            await due_now(house, "withdraw")
            await work_off(house.ground, kinds={"withdraw": HANDLERS["withdraw"]})
        return found

    monkeypatch.setattr("app.lending.place.renew", meanwhile)
    await house.work()
    await house.later(minutes=1)
    assert (await placements(house, loan))[2:] == [("far", "leads", "live")]


async def test_whoever_was_let_go_is_asked_again_only_when_its_order_is_back(
    house: House, systems: dict[str, Wayward], monkeypatch: pytest.MonkeyPatch
) -> None:
    far = keeping(systems["far"], monkeypatch, refuses=True)
    loan = await house.asked()
    await house.acted(loan, "ExpectToSupply", placement=1)
    await decline(house, systems, loan, "branch")
    await house.work()
    assert (await house.look(loan))["status"] == "RequestReceived", "it does not end as long as far may have it back"
    far.away = False
    for _ in range(8):
        await house.later(minutes=20)
    assert far.held == f"{loan}-3"
    assert (await placements(house, loan))[1:] == [("far", "beside", "LetGo"), ("far", "leads", "live")]


async def test_what_is_waited_for_is_waited_for_two_hours_and_leaves_no_trail(
    house: House, systems: dict[str, Wayward], kept_back: dict[str, bool]
) -> None:
    kept_back["far"] = True
    loan = await house.asked()
    await house.acted(loan, "ExpectToSupply", placement=1)
    await decline(house, systems, loan, "branch")
    before = await decisions(house, loan)
    for _ in range(7):
        await house.later(minutes=15)
        assert (await house.look(loan))["outcome"] is None
    assert await decisions(house, loan) == before
    for _ in range(3):
        await house.later(minutes=15)
    assert (await house.look(loan))["outcome"] == "unfilled"


async def test_what_comes_back_hurries_nothing_that_has_not_settled(
    house: House, systems: dict[str, Wayward], kept_back: dict[str, bool], third: None
) -> None:
    kept_back["branch"] = True
    loan = await house.asked()
    await house.acted(loan, "ExpectToSupply", placement=1)
    systems["far"].before.append(raising(OutcomeUnknown("no answer came")))
    await decline(house, systems, loan, "desk")
    await house.work()
    kept_back["branch"] = False
    await due_now(house, "withdraw")
    await house.work()
    assert systems["far"].calls == ["place"]


@pytest.mark.parametrize("refuses", [False, True], ids=["takes it for the same", "refuses"])
async def test_staff_do_not_choose_whose_order_is_not_back(
    house: House, systems: dict[str, Wayward], monkeypatch: pytest.MonkeyPatch, refuses: bool
) -> None:
    far = keeping(systems["far"], monkeypatch, refuses=refuses)
    loan = await house.asked()
    await house.acted(loan, "ExpectToSupply", placement=1)
    answer = await house.act(loan, "Override", supplying_location="far")
    assert answer.status_code == 409
    assert "was let go and has not given its order back yet" in answer.json()["detail"]
    far.away = False
    for _ in range(8):
        await house.later(minutes=20)
    await house.acted(loan, "Override", supplying_location="far")
    await house.later(seconds=5)
    assert far.held == f"{loan}-3"
    assert (await placements(house, loan))[2] == ("far", "leads", "live")


async def test_another_location_of_a_system_that_has_something_to_give_back_waits_too(
    house: House, filled: str, systems: dict[str, Wayward], third: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run_sql(filled, f"update location set system = 'of branch' where id = 'far'; {OF_REGISTER}")
    shared = keeping(systems["branch"], monkeypatch)
    loan = await house.asked()
    await house.acted(loan, "ExpectToSupply", placement=1)
    await decline(house, systems, loan, "desk")
    await house.work()
    assert [one[0] for one in await placements(house, loan)] == ["desk", "branch"]
    shared.away = False
    for _ in range(8):
        await house.later(minutes=20)
    ends = [end for _, _, end in await placements(house, loan)]
    assert ends == ["Unfilled", "LetGo", "live"]
    assert shared.held == f"{loan}-3"


async def test_a_no_that_was_said_as_it_was_let_go_is_a_no(
    house: House, systems: dict[str, Wayward], monkeypatch: pytest.MonkeyPatch
) -> None:
    loan: list[str] = []
    asked: list[str] = []

    async def place(quote: object, *, key: str) -> str:
        asked.append(key)
        if len(asked) == 1:
            assert (await house.act(loan[0], "ExpectToSupply", placement=1)).status_code == 200
        raise Refused("NotOnShelf", "It is not on the shelf.")

    monkeypatch.setattr(systems["far"], "place", place)
    loan.append((await house.ask()).json()["id"])
    await house.work()
    await decline(house, systems, loan[0], "branch")
    await house.later(minutes=20)
    assert asked == [f"{loan[0]}-2"]
    assert (await house.look(loan[0]))["outcome"] == "unfilled"


async def test_of_whom_nothing_can_be_found_out_is_gone_on_without(
    house: House, systems: dict[str, Wayward], third: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    systems["branch"].before.append(raising(OutcomeUnknown("no answer came")))
    loan = await house.asked()
    monkeypatch.setattr(systems["branch"], "find", away)
    async with house.ground.database.transaction() as connection:
        await connection.execute("update task set dead_at = now() where kind = 'place_beside'")
    await decline(house, systems, loan, "desk")
    await house.work()
    assert [one[:2] for one in await placements(house, loan)] == [
        ("desk", "leads"),
        ("branch", "beside"),
        ("far", "leads"),
    ]
    assert (await house.look(loan))["placements"][1]["let_go"]


async def test_nobody_is_asked_beside_one_that_would_not_let_go(
    house: House, systems: dict[str, Wayward], monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = await house.asked()
    answers(systems, "branch", Answer.SHIPPED)
    monkeypatch.setattr(systems["branch"], "status", away)
    await house.acted(loan, "Cancel")
    await house.later(minutes=20)
    assert [event for event, _ in await told(house, loan, since=5)] == ["LetGoBeside", "CancelAsked", "CancelRefused"]
    assert sorted(live(systems)) == ["branch"]


async def test_nothing_is_sent_to_a_system_once_it_was_let_go(
    house: House, systems: dict[str, Wayward], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first says yes while the other's system says what it would take."""
    loan: list[str] = []
    prepare = systems["far"].prepare

    async def meanwhile(*given: Any, **more: Any) -> Any:
        assert (await house.act(loan[0], "WillSupply", placement=1)).status_code == 200
        return await prepare(*given, **more)

    monkeypatch.setattr(systems["far"], "prepare", meanwhile)
    loan.append((await house.ask()).json()["id"])
    await house.work()
    await house.later(minutes=1)
    assert systems["far"].calls == []
    assert (await placements(house, loan[0]))[1] == ("far", "beside", "PlacementRefused")


async def test_letting_a_lead_go_gives_it_its_turn_again_when_its_order_is_back(
    house: House, systems: dict[str, Wayward], kept_back: dict[str, bool]
) -> None:
    kept_back["branch"] = True
    loan = await house.asked()
    await house.acted(loan, "WillSupply", placement=2)
    await decline(house, systems, loan, "far", 2)
    await house.work()
    assert len(await placements(house, loan)) == 2, "branch has not given its order back"
    kept_back["branch"] = False
    for _ in range(4):
        await house.later(minutes=15)
    assert (await placements(house, loan))[2] == ("branch", "leads", "live")


async def test_beside_are_other_agencies_and_other_systems(
    house: House, filled: str, systems: dict[str, Wayward], third: None
) -> None:
    await run_sql(filled, f"update location set system = 'of desk' where id = 'branch'; {OF_REGISTER}")
    assert [one[0] for one in await placements(house, await house.asked())] == ["desk", "far"]
    await run_sql(filled, f"update location set agency = 'NL-1' where id = 'far'; {OF_REGISTER}")
    await run_sql(filled, "update holding set copies = 9, available = 9")
    try:
        assert [one[0] for one in await placements(house, await house.asked())] == ["desk"]
    finally:
        await run_sql(filled, f"update location set agency = 'NL-3' where id = 'far'; {OF_REGISTER}")
        await run_sql(filled, "update holding set copies = 1, available = 1 where title_id = 1")
        await run_sql(filled, "update holding set copies = 2, available = null where location = 'branch'")
        await run_sql(filled, "update holding set available = 0 where location = 'desk'")


async def test_of_a_lead_that_sent_it_all_the_same_no_second_copy_is_asked(
    house: House, systems: dict[str, Wayward]
) -> None:
    loan = await house.asked()
    answers(systems, "branch", Answer.SHIPPED)
    await house.acted(loan, "WillSupply", placement=2)
    await decline(house, systems, loan, "far", 2)
    for _ in range(4):
        await house.later(hours=1)
    assert len(await placements(house, loan)) == 2
    assert (await house.look(loan))["outcome"] == "unfilled"


async def test_beside_one_that_takes_the_lead_as_its_system_has_it_a_third_is_asked(
    house: House, systems: dict[str, Wayward], third: None
) -> None:
    loan: list[str] = []

    async def says_no() -> None:
        assert (await house.act(loan[0], "Unfilled", placement=1)).status_code == 200

    systems["branch"].before.append(says_no)
    loan.append((await house.ask()).json()["id"])
    await house.work()
    assert await placements(house, loan[0]) == [
        ("desk", "leads", "Unfilled"),
        ("branch", "leads", "live"),
        ("far", "beside", "live"),
    ]


async def test_nobody_is_asked_beside_one_that_says_yes_as_the_second_is_sought(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan: list[str] = []

    async def meanwhile(*given: Any, **more: Any) -> Any:
        found = await renew(*given, **more)
        if (await house.look(loan[0]))["status"] != "WillSupply":
            assert (await house.act(loan[0], "WillSupply", placement=1)).status_code == 200
        return found

    monkeypatch.setattr("app.lending.place_beside.renew", meanwhile)
    loan.append((await house.ask()).json()["id"])
    await house.work()
    await house.later(minutes=1)
    assert await placements(house, loan[0]) == [("branch", "leads", "live")]


async def test_what_both_would_bring_is_held_against_what_comes_straight_from_another(house: House) -> None:
    loan = await house.asked()
    state = await house.ground.snapshot.follow()
    async with house.ground.database.connection() as connection:
        waiting = await read_loan(connection, UUID(loan))
        lead, beside = await find_both(connection, waiting.id)
    assert lead is not None
    assert beside is not None
    offers = await otherwise(house.ground, state, waiting, at=house.clock.now())
    assert [offer.arrives_at for offer in offers] == [lead.expected_at, beside.expected_at]


async def test_a_lead_that_people_answer_for_has_its_turn_again_at_once(house: House) -> None:
    loan = await house.asked()
    await house.acted(loan, "WillSupply", placement=2)
    await house.acted(loan, "Unfilled", placement=2)
    assert (await placements(house, loan))[2] == ("branch", "leads", "live")
