"""Every moment at which a worker can die or somebody come in between, while a system has or is getting an order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection

import asyncpg
import pytest

from adapters.contract import Answer, Duplicate, Order, OutcomeUnknown, Quote, Standing, Unavailable
from adapters.fake import Desk, FakeSystem, Manners
from tests.support.filled import run_sql
from tests.support.house import House

Step = Callable[[], Awaitable[None]]
ADDRESS = "fake:windows"


class Killed(BaseException):
    """What a worker feels of kill -9: nothing of ours catches it, and nothing is put down."""


class Wayward(FakeSystem):
    """A system at whose door something happens: before an order comes, after it did, or as it is asked for back."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk=desk)
        self.before: list[Step] = []
        self.after: list[Step] = []
        self.before_cancel: list[Step] = []
        self.calls: list[str] = []

    async def place(self, quote: Quote, *, key: str) -> str:
        self.calls.append("place")
        if self.before:
            await self.before.pop()()
        receipt = await super().place(quote, key=key)
        if self.after:
            await self.after.pop()()
        return receipt

    async def find(self, order: Order, *, key: str, taken: Collection[str] = ()) -> str | None:
        self.calls.append("find")
        return await super().find(order, key=key, taken=taken)

    async def cancel(self, receipt: str) -> bool:
        self.calls.append("cancel")
        if self.before_cancel:
            await self.before_cancel.pop()()
        return await super().cancel(receipt)


@pytest.fixture
def desk() -> Desk:
    return Desk(manners=Manners(looks_before_promise=1000))  # says nothing by itself


@pytest.fixture
async def system(house: House, filled: str, desk: Desk) -> AsyncIterator[Wayward]:
    await run_sql(
        filled,
        f"insert into system (id, kind, addresses) values ('S', 'fake', jsonb_build_object('desk', '{ADDRESS}'))",
    )
    await run_sql(filled, "update location set system = 'S' where id in ('branch', 'far')")
    await run_sql(filled, "update epoch set number = number + 1 where of = 'register'")
    found = Wayward(desk)
    house.ground.systems.put("S", found, timer=lambda: house.clock.now().timestamp())
    yield found
    await run_sql(filled, "update location set system = null; delete from system where id = 'S'")
    await run_sql(filled, "update epoch set number = number + 1 where of = 'register'")


def raising(error: BaseException) -> Step:
    async def step() -> None:
        raise error

    return step


def acting(house: House, loan: list[str], action: str) -> Step:
    async def step() -> None:
        answer = await house.act(loan[0], action)
        assert answer.status_code == 200, answer.text

    return step


async def submitted(house: House) -> str:
    answer = await house.ask()
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


async def die_and_take_over(house: House, filled: str) -> None:
    with pytest.raises(Killed):
        await house.work()
    assert await house.work() == 0, "nobody may touch it while the lease lasts"
    await run_sql(filled, "update task set leased_until = now() - interval '1 second' where leased_until is not null")
    await house.work()


async def look_at(house: House, moment: str) -> None:
    """Have the system asked what is new at another moment: before everything else, or never."""
    async with house.ground.database.transaction() as connection:
        await connection.execute("update task set due_at = $1::text::timestamptz where kind = 'follow'", moment)


def names(history: list[str]) -> list[str]:
    return [event.partition(":")[0] for event in history]


async def test_killed_before_the_call(house: House, filled: str, desk: Desk, system: Wayward) -> None:
    system.before.append(raising(Killed()))
    loan = await submitted(house)
    await die_and_take_over(house, filled)
    assert system.calls == ["place", "find", "place"]
    assert names(await house.history(loan)) == ["Submitted", "Placing", "Placed"]
    assert list(desk.placed) == [f"{loan}-1"]


async def test_killed_after_the_call(house: House, filled: str, desk: Desk, system: Wayward) -> None:
    system.after.append(raising(Killed()))
    loan = await submitted(house)
    await die_and_take_over(house, filled)
    assert system.calls == ["place", "find"]
    assert names(await house.history(loan)) == ["Submitted", "Placing", "Placed"]
    assert desk.live() == {loan: ["F000001"]}


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_outcome_that_is_not_known_is_looked_into(
    house: House, desk: Desk, system: Wayward, when: str
) -> None:
    getattr(system, when).append(raising(OutcomeUnknown("no answer came")))
    loan = await submitted(house)
    await house.work()
    await house.later(seconds=20)
    assert system.calls == (["place", "find", "place"] if when == "before" else ["place", "find"])
    assert names(await house.history(loan)) == ["Submitted", "Placing", "OutcomeUnknown", "Placed"]
    assert desk.live() == {loan: ["F000001"]}


async def test_cancelled_while_the_system_is_asked(house: House, desk: Desk, system: Wayward) -> None:
    loan = [await submitted(house)]
    system.before.append(acting(house, loan, "Cancel"))
    await house.work()
    history = await house.history(loan[0])
    assert names(history) == ["Submitted", "Placing", "CancelAsked", "Placed", "Withdrawn"]
    assert history[-1] == "Withdrawn: Cancelled"
    assert desk.live() == {}
    assert [placement["end"] for placement in (await house.look(loan[0]))["placements"]] == ["Withdrawn"]


async def test_cancelled_while_it_is_asked_by_a_worker_that_dies(
    house: House, filled: str, desk: Desk, system: Wayward
) -> None:
    loan = [await submitted(house)]
    system.before.append(acting(house, loan, "Cancel"))
    system.after.append(raising(Killed()))
    await die_and_take_over(house, filled)
    assert names(await house.history(loan[0])) == ["Submitted", "Placing", "CancelAsked", "Placed", "Withdrawn"]
    assert desk.live() == {}


async def test_cancelled_while_the_system_refuses(house: House, desk: Desk, system: Wayward) -> None:
    loan = [await submitted(house)]
    system.before.append(acting(house, loan, "Cancel"))
    desk.copies[("branch", "9780306406157")] = 0
    await house.work()
    assert names(await house.history(loan[0])) == [
        "Submitted",
        "Placing",
        "CancelAsked",
        "PlacementRefused",
        "Withdrawn",
    ]
    assert (await house.look(loan[0]))["outcome"] == "cancelled"
    assert system.calls == ["place"], "nobody else is asked"


async def test_cancelled_once_the_system_has_it(house: House, desk: Desk, system: Wayward) -> None:
    loan = await house.asked()
    standing = await house.acted(loan, "Cancel")
    assert (standing["outcome"], desk.live()) == ("cancelled", {})
    assert names(await house.history(loan))[3:] == ["CancelAsked", "Withdrawn"]


async def test_cancelled_too_late(house: House, desk: Desk, system: Wayward) -> None:
    loan = await house.asked()
    desk.placed[f"{loan}-1"].answer = Answer.SHIPPED
    await house.acted(loan, "Cancel")
    await house.later(minutes=16)
    assert names(await house.history(loan))[3:] == ["CancelAsked", "CancelRefused", "Loaned"]
    assert desk.live() == {loan: ["F000001"]}


async def test_declined_while_the_cancelling_waits(house: House, desk: Desk, system: Wayward) -> None:
    loan = await house.asked()
    desk.placed[f"{loan}-1"].answer = Answer.DECLINED
    system.before_cancel.append(raising(Unavailable("it is busy")))
    await house.acted(loan, "Cancel")
    await look_at(house, "-infinity")
    await house.work()
    assert names(await house.history(loan))[3:] == ["CancelAsked", "Unfilled", "Withdrawn"]
    assert (await house.look(loan))["outcome"] == "cancelled"


async def test_what_was_shipped_unheard_does_not_lapse(house: House, desk: Desk, system: Wayward) -> None:
    loan = await house.asked()
    desk.placed[f"{loan}-1"].answer = Answer.SHIPPED
    await look_at(house, "infinity")
    await house.later(days=8, minutes=1)
    assert names(await house.history(loan))[3:] == ["Loaned"]
    assert desk.live() == {loan: ["F000001"]}


async def test_what_lapses_is_taken_back_first(house: House, desk: Desk, system: Wayward) -> None:
    loan = await house.asked()
    await look_at(house, "infinity")
    await house.later(days=8, minutes=1)
    assert names(await house.history(loan))[3:] == ["Lapsed", "Placing", "Placed"]
    assert desk.live() == {loan: ["F000002"]}


async def test_a_system_that_stays_silent_does_not_keep_it_for_good(
    house: House, desk: Desk, system: Wayward
) -> None:
    loan = await house.asked()
    await look_at(house, "infinity")
    system.before_cancel += [raising(Unavailable("down"))] * 4
    await house.later(days=8, minutes=1)
    for _ in range(3):
        assert names(await house.history(loan))[3:] == []
        await house.later(minutes=1)
    assert names(await house.history(loan))[3:] == ["Lapsed", "Placing", "Placed"]
    await house.later(minutes=1)
    assert desk.live() == {loan: ["F000002"]}, "and it hears of it when it is back"


async def test_an_order_that_its_system_dropped_goes_on(house: House, desk: Desk, system: Wayward) -> None:
    loan = await house.asked()
    desk.placed[f"{loan}-1"].answer = Answer.CANCELLED
    await house.later(minutes=16)
    assert names(await house.history(loan))[3:] == ["Unfilled", "Placing", "Placed"]


async def test_whoever_ships_although_let_go_is_a_dead_letter(house: House, desk: Desk, system: Wayward) -> None:
    """It stayed silent for so long that the request went on, and had shipped."""
    loan = await house.asked()
    await look_at(house, "infinity")
    desk.placed[f"{loan}-1"].answer = Answer.SHIPPED
    system.before_cancel += [raising(Unavailable("down"))] * 4
    await house.later(days=8, minutes=1)
    for _ in range(3):
        await house.later(minutes=1)
    assert names(await house.history(loan))[3:] == ["Lapsed", "Placing", "Placed"]
    await house.later(minutes=1)
    async with house.ground.database.connection() as connection:
        dead = await connection.fetch("select kind, subject, attempts, error from task where dead_at is not null")
    assert [tuple(row) for row in dead] == [
        ("withdraw", f"{loan}-1", 1, "OnItsWay: branch has shipped what it was told not to.")
    ]


async def test_staff_choose_another_once_the_system_has_let_go(house: House, desk: Desk, system: Wayward) -> None:
    loan = await house.asked()
    answer = await house.act(loan, "Override", supplying_location="far", by="desk", note="closer to the reader")
    shown = answer.json()
    assert (shown["requesting"], shown["supplying_location"]) == ("overriding", "branch")
    assert desk.live() == {loan: ["F000001"]}
    await house.work()
    assert system.calls == ["place", "cancel", "place"]
    assert names(await house.history(loan))[3:] == ["OverrideAsked", "Override", "Placing", "Placed"]
    asked, let_go = (await house.events(loan))[3:5]
    assert (asked["by"], asked["note"], asked["data"]) == ("desk", "closer to the reader", {"location": "far"})
    assert (let_go["by"], let_go["supplying_location"], let_go["data"]) == ("S", "branch", {"location": "far"})
    standing = await house.look(loan)
    assert (standing["requesting"], standing["supplying_location"]) == ("waiting", "far")
    assert [placement["end"] for placement in standing["placements"]] == ["Override", None]
    assert desk.live() == {loan: ["F000002"]}


async def test_what_has_shipped_unheard_is_not_asked_of_another(house: House, desk: Desk, system: Wayward) -> None:
    loan = await house.asked()
    desk.placed[f"{loan}-1"].answer = Answer.SHIPPED
    standing = await house.acted(loan, "Override", supplying_location="far")
    assert names(await house.history(loan))[3:] == ["OverrideAsked", "OverrideRefused", "Loaned"]
    assert (standing["requesting"], standing["supplying_location"]) == ("waiting", "branch")
    assert desk.live() == {loan: ["F000001"]}


@pytest.mark.parametrize(
    ("answer", "event"), [(Answer.DECLINED, "Unfilled"), (Answer.CANCELLED, "Unfilled"), (Answer.SHIPPED, "Loaned")]
)
async def test_whatever_it_answers_while_staff_wait_for_it_to_let_go(
    house: House, desk: Desk, system: Wayward, answer: Answer, event: str
) -> None:
    loan = await house.asked()
    desk.placed[f"{loan}-1"].answer = answer
    system.before_cancel.append(raising(Unavailable("it is busy")))
    await house.acted(loan, "Override", supplying_location="far")
    await look_at(house, "-infinity")
    await house.work()
    await house.later(minutes=1)
    history = names(await house.history(loan))[3:]
    assert history == ["OverrideAsked", event, *([] if event == "Loaned" else ["Placing", "Placed"])]
    standing = await house.look(loan)
    assert standing["supplying_location"] == ("branch" if event == "Loaned" else "far")
    assert (standing["requesting"], len(desk.live()[loan])) == ("waiting", 1)


async def test_staff_choose_another_while_the_system_is_asked(house: House, desk: Desk, system: Wayward) -> None:
    loan = [await submitted(house)]

    async def choose() -> None:
        answer = await house.act(loan[0], "Override", supplying_location="far")
        assert answer.status_code == 200, answer.text

    system.before.append(choose)
    await house.work()
    assert names(await house.history(loan[0]))[1:] == [
        "Placing",
        "OverrideAsked",
        "Placed",
        "Override",
        "Placing",
        "Placed",
    ]
    assert desk.live() == {loan[0]: ["F000002"]}
    assert (await house.look(loan[0]))["supplying_location"] == "far"


async def test_cancelled_while_staff_wait_for_it_to_let_go(house: House, desk: Desk, system: Wayward) -> None:
    loan = await house.asked()
    system.before_cancel.append(raising(Unavailable("it is busy")))
    await house.acted(loan, "Override", supplying_location="far")
    await house.acted(loan, "Cancel")
    await house.later(minutes=1)
    assert names(await house.history(loan))[3:] == ["OverrideAsked", "CancelAsked", "Withdrawn"]
    assert desk.live() == {}


async def test_what_is_home_again_unheard_was_sent_and_the_rest_is_for_people(
    house: House, filled: str, desk: Desk, system: Wayward
) -> None:
    """Its system is looked at so rarely that it says `returned` first; that the reader had it nobody reported."""
    loan = await house.asked()
    desk.placed[f"{loan}-1"].answer = Answer.RETURNED
    for _ in range(14):
        await house.later(hours=1)
    assert names(await house.history(loan))[3:] == ["Loaned"]
    assert (await house.events(loan))[3]["note"] == (
        "Nobody heard that it was sent: its system says that it is home again."
    )
    async with house.ground.database.connection() as connection:
        dead = await connection.fetch("select kind, error from task where dead_at is not null")
    assert [tuple(row) for row in dead] == [
        ("follow", "OutOfStep: S says that it is home again, and nobody that it was ever received.")
    ]
    standing = await house.acted(loan, "Received")
    assert names(await house.history(loan))[4:] == ["Received", "LoanCompleted"]
    assert (standing["outcome"], standing["item"]) == ("filled", "home")


async def test_an_order_of_another_is_not_taken_for_one_s_own(
    house: House, filled: str, desk: Desk, system: Wayward, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await house.asked()
    (receipt,) = desk.live()[first]
    where = (await house.look(first))["supplying_location"]

    async def place(quote: Quote, *, key: str) -> str:
        """Say of whatever is ordered that it stands already."""
        raise Duplicate(receipt)

    monkeypatch.setattr(system, "place", place)
    second = await house.asked()
    asked = [event for event in await house.events(second) if event["event"] == "PlacementRefused"]
    assert asked[0]["note"] == "The order stands already."
    found = await house.look(second)
    assert found["placements"][0]["state"] == "closed"
    # Nor would the database have it: at most one that is open.
    with pytest.raises(asyncpg.UniqueViolationError, match="uq_placement_receipt"):
        await run_sql(filled, f"update placement set state = 'live', receipt = '{receipt}', system = 'S'")
    assert (await house.look(first))["supplying_location"] == where


async def test_what_an_order_was_called_another_is_called_later(
    house: House, desk: Desk, system: Wayward, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a receipt is a barcode: a copy goes out again and again."""

    async def place(quote: Quote, *, key: str) -> str:
        return "30000001"

    async def status(receipt: str) -> Standing:
        return Standing(Answer.OPEN)

    async def cancel(receipt: str) -> bool:
        return True

    for name, verb in (("place", place), ("status", status), ("cancel", cancel)):
        monkeypatch.setattr(system, name, verb)
    for _ in range(2):
        loan = await house.asked()
        placed = (await house.events(loan))[-1]
        assert (placed["event"], placed["data"]["receipt"]) == ("Placed", "30000001")
        await house.acted(loan, "Cancel")
        assert (await house.look(loan))["outcome"] == "cancelled"
