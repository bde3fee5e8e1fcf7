"""Loan requests carried out with each of the four systems, emulated behind a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from adapters import SYSTEMS
from adapters.contract import Capabilities, ItemStatus, Lacking, Parcel, Verb
from adapters.emulators.faults import Wrong
from adapters.emulators.kinds import EMULATORS
from adapters.emulators.serve import Emulator, serving
from adapters.emulators.stock import Copy, Work
from adapters.installation import Limits
from tests.support.filled import EVERYWHERE, run_sql
from tests.support.house import House

pytestmark = pytest.mark.once

NUMBERS = {"wise": "900001", "vubis": "900001", "concerto": "900001", "brocade": "c:lvd:900001"}
HEARD = "update epoch set number = number + 1 where of = 'register'"


@dataclass(slots=True)
class Branch:
    """The branch, whose copies stand in an emulated system."""

    house: House
    emulator: Emulator
    verbs: frozenset[Verb]

    async def ask(self) -> str:
        """Have a reader ask for what of all places that could lend it only the branch has."""
        return await self.house.asked(pickup_location="desk", exclude=["desk", "far", "island", "closed"])

    @property
    def barcode(self) -> str:
        """The copy that is bound."""
        (hold,) = self.emulator.stock.live()
        assert hold.barcode is not None
        return hold.barcode


@asynccontextmanager
async def branch_with(house: House, filled: str, kind: str) -> AsyncIterator[Branch]:
    emulator = EMULATORS[kind]()
    async with serving(emulator) as installation:
        name = next(iter(installation.branches))
        emulator.stock.add(
            Work(
                number=NUMBERS[kind],
                title="A title that is everywhere",
                isbns=(EVERYWHERE,),
                copies=[Copy(barcode=f"39{copy:08}", branch=name) for copy in range(2)],
            )
        )
        branches = {
            branch: "branch" if location == installation.branches[name] else location
            for branch, location in installation.branches.items()
        }
        await run_sql(
            filled,
            f"insert into system (id, kind, addresses) values ('emulated', '{kind}', '{{\"any\": \"http://any\"}}')"
            f" on conflict do nothing; update location set system = 'emulated' where id = 'branch'; {HEARD}",
        )
        system = SYSTEMS[kind].open(
            replace(installation, branches=branches, limits=Limits(deadline_seconds=10.0, calls_per_second=1000))
        )
        house.ground.systems.put("emulated", system, limits=Limits(calls_per_second=1000))
        try:
            yield Branch(house, emulator, system.capabilities().verbs)
        finally:
            await run_sql(
                filled, f"update location set system = null; delete from system where id = 'emulated'; {HEARD}"
            )


@dataclass(slots=True)
class Receiving(Lacking):
    """A system that takes in what comes from elsewhere: none of the four kinds offers that yet."""

    booked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def capabilities(self) -> Capabilities:
        return Capabilities(verbs=frozenset({Verb.ACCEPT_ITEM, Verb.CHECK_IN}), schemes=frozenset())

    async def accept_item(self, parcel: Parcel) -> str | None:
        self.booked.append(("accept_item", parcel.item, parcel.patron_reference))
        return None

    async def check_in(self, parcel: Parcel) -> None:
        self.booked.append(("check_in", parcel.item, parcel.patron_reference))

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(params=sorted(EMULATORS))
async def branch(request: pytest.FixtureRequest, house: House, filled: str) -> AsyncIterator[Branch]:
    async with branch_with(house, filled, request.param) as found:
        yield found


async def placements(branch: Branch) -> list[dict[str, Any]]:
    async with branch.house.ground.database.connection() as connection:
        return [dict(row) for row in await connection.fetch("select * from placement order by asked_at")]


async def test_a_copy_is_bound_ships_and_comes_home(branch: Branch) -> None:
    loan = await branch.ask()
    barcode = branch.barcode
    assert (await branch.house.look(loan))["supplying_location"] == "branch"
    patron = branch.emulator.stock.live()[0].patron
    branch.emulator.stock.check_out(barcode, patron=patron)
    await branch.house.later(minutes=20)
    assert (await branch.house.look(loan))["status"] == "Loaned"
    await branch.house.acted(loan, "Received")
    await branch.house.acted(loan, "ShippedReturn", forward=False)
    branch.emulator.stock.check_in(barcode)
    await branch.house.later(days=2)
    assert (await branch.house.look(loan))["outcome"] == "filled"
    assert branch.emulator.stock.live() == []


async def test_a_copy_that_is_home_before_anybody_looked_is_not_promised_twice(branch: Branch) -> None:
    loan = await branch.ask()
    barcode = branch.barcode
    patron = branch.emulator.stock.live()[0].patron
    branch.emulator.stock.check_out(barcode, patron=patron)
    await branch.house.later(minutes=20)
    await branch.house.acted(loan, "Received")
    await branch.house.acted(loan, "ShippedReturn", forward=False)
    branch.emulator.stock.check_in(barcode)
    other = await branch.ask()
    assert (await branch.house.look(other))["supplying_location"] == "branch"
    assert len(branch.emulator.stock.live()) == 1, "one hold, of the second"
    await branch.house.later(days=2)
    assert (await branch.house.look(loan))["outcome"] == "filled"
    assert (await branch.house.look(other))["outcome"] is None
    assert len(branch.emulator.stock.live()) == 1


async def test_an_agency_that_moves_to_another_system_loses_nothing_under_way(branch: Branch, filled: str) -> None:
    loan = await branch.ask()
    barcode = branch.barcode
    await run_sql(
        filled,
        "insert into system (id, kind, addresses) values ('new one', 'fake', '{\"desk\": \"fake:new\"}');"
        f" update location set system = 'new one' where id = 'branch'; {HEARD}",
    )
    try:
        patron = branch.emulator.stock.live()[0].patron
        branch.emulator.stock.check_out(barcode, patron=patron)
        await branch.house.later(minutes=20)
        assert (await branch.house.look(loan))["status"] == "Loaned", "its order is followed where it was placed"
        other = await branch.ask()
        assert (await branch.house.look(other))["supplying_location"] == "branch"
        assert [row["system"] for row in await placements(branch)][-2:] == ["emulated", "new one"]
        assert len(branch.emulator.stock.live()) <= 1
        await branch.house.acted(loan, "Received")
        await branch.house.acted(loan, "ShippedReturn", forward=False)
        branch.emulator.stock.check_in(barcode)
        await branch.house.later(days=2)
        assert (await branch.house.look(loan))["outcome"] == "filled"
    finally:
        await run_sql(filled, f"update location set system = null; delete from system where id = 'new one'; {HEARD}")


async def test_an_order_whose_answer_never_came_is_looked_for_and_not_placed_again(branch: Branch) -> None:
    branch.emulator.faults.plan(Wrong.UNHEARD, Verb.PLACE)
    loan = await branch.ask()
    await branch.house.later(minutes=10)
    assert len(branch.emulator.stock.live()) == 1
    assert (await branch.house.look(loan))["supplying_location"] == "branch"
    assert "OutcomeUnknown" in " ".join(await branch.house.history(loan))


async def test_of_two_orders_the_second_is_not_taken_for_the_first(branch: Branch) -> None:
    await branch.ask()
    branch.emulator.faults.plan(Wrong.BROKEN, Verb.PLACE)  # nothing is done, and whether it was is unknown
    await branch.ask()
    await branch.house.later(minutes=10)
    holds = branch.emulator.stock.live()
    assert len({hold.barcode for hold in holds}) == len(holds) == 2
    receipts = [row["receipt"] for row in await placements(branch)]
    assert len(set(receipts)) == 2
    assert None not in receipts


async def test_a_copy_that_is_not_on_the_shelf_is_asked_of_nobody(branch: Branch) -> None:
    for copy in branch.emulator.stock.works[NUMBERS[branch.emulator.kind]].copies:
        copy.status = ItemStatus.ON_LOAN
    loan = await branch.ask()
    assert (await branch.house.look(loan))["outcome"] == "unfilled"
    assert branch.emulator.stock.live() == []


async def test_a_loan_request_that_is_cancelled_lets_the_copy_go(branch: Branch) -> None:
    loan = await branch.ask()
    await branch.house.acted(loan, "Cancel")
    await branch.house.later(minutes=5)
    assert branch.emulator.stock.live() == []
    assert (await branch.house.look(loan))["outcome"] == "cancelled"


async def test_what_people_report_is_booked_in_the_system(branch: Branch) -> None:
    if Verb.CHECK_OUT not in branch.verbs:
        pytest.skip(f"{branch.emulator.kind} does not offer check_out")
    loan = await branch.ask()
    barcode = branch.barcode
    await branch.house.acted(loan, "Loaned", by="a colleague")
    assert branch.emulator.stock.copy(barcode).status is ItemStatus.ON_LOAN
    await branch.house.acted(loan, "Received")
    await branch.house.acted(loan, "ShippedReturn", forward=False)
    await branch.house.acted(loan, "LoanCompleted", by="a colleague")
    assert branch.emulator.stock.copy(barcode).status is ItemStatus.AVAILABLE
    assert branch.emulator.stock.live() == []


async def test_an_item_that_arrives_is_made_known_to_the_readers_own_library(branch: Branch, filled: str) -> None:
    await run_sql(
        filled,
        "insert into system (id, kind, addresses) values ('receiving', 'fake', '{\"desk\": \"fake:receiving\"}');"
        f" update location set system = 'receiving' where id = 'desk'; {HEARD}",
    )
    receiving = Receiving()
    branch.house.ground.systems.put("receiving", receiving)
    try:
        loan = await branch.ask()
        barcode, patron = branch.barcode, branch.emulator.stock.live()[0].patron
        branch.emulator.stock.check_out(barcode, patron=patron)
        await branch.house.later(minutes=20)
        await branch.house.acted(loan, "Received", by="a colleague")
        assert receiving.booked == [("accept_item", barcode, "reader-x")]
        await branch.house.acted(loan, "ShippedReturn", forward=False, by="a colleague")
        assert receiving.booked[1:] == [("check_in", barcode, None)], "and of the reader nothing is told any more"
    finally:
        await run_sql(
            filled, f"update location set system = null; delete from system where id = 'receiving'; {HEARD}"
        )


async def test_a_system_that_is_busy_is_asked_again(branch: Branch) -> None:
    branch.emulator.faults.plan(Wrong.TOO_MANY, Verb.PREPARE, times=3, seconds=0)
    loan = await branch.ask()
    for _ in range(6):
        await branch.house.later(minutes=10)
    assert (await branch.house.look(loan))["supplying_location"] == "branch"
    assert len(branch.emulator.stock.live()) == 1
