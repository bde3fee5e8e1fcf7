"""What suppliers bear, live: balances, items to send, and so many a day, to the last one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app.lending import burdens as live
from app.lending import next_up
from tests.lending.test_policies import NOW, decide, rota, write
from tests.support.filled import EVERYWHERE, run_sql
from tests.support.house import House

# branch (NL-2) is there a day before far (NL-3): at 10 cents an hour, what is worth 10 euro turns them round.
HEAVY = {"cents_per_hour": 1.0, "cents_per_net_loan": 1000.0}


@pytest.fixture(autouse=True)
async def as_migrated(filled: str) -> AsyncIterator[None]:
    await run_sql(filled, "update holding set copies = 20, available = null where location in ('branch', 'far')")
    yield
    await run_sql(
        filled,
        "delete from policy; delete from loan_request; delete from task; update holding set copies = 1;"
        " update epoch set number = number + 1 where of = 'register'",
    )


async def fresh(house: House) -> dict[str, Any]:
    """A decision by figures that are read anew."""
    house.ground.snapshot.burdens.forget()
    return await decide(house)


def burdens(decision: dict[str, Any]) -> dict[str, Any]:
    return {entry["supplying_location"]: entry["burden"] for entry in decision["rota"]}


async def test_nothing_is_read_where_nothing_was_agreed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(*_: object, **__: object) -> None:
        raise AssertionError("nobody asked for it")

    monkeypatch.setattr(live, "read_counts", read)
    monkeypatch.setattr(live, "read_net_loans", read)
    assert burdens(await fresh(house)) == {"branch": None, "far": None}


async def test_who_lent_more_is_asked_later(house: House) -> None:
    await write(house, requesting=HEAVY)
    assert rota(await fresh(house)) == ["branch", "far"]
    loan = await house.asked()
    for action in ("WillSupply", "Loaned"):
        await house.acted(loan, action)
    decision = await fresh(house)
    assert rota(decision) == ["far", "branch"]
    assert decision["rota"][1]["reasons"][-1] == "Has lent 1 more than it borrowed, which weighs 10.00 euro."
    assert decision["rota"][1]["cost_cents"] == 0
    assert decision["policy"]["cents_per_net_loan"] == 1000.0
    groups = (await house.client.get("/v1/statistics", params={"by": "agency", **PERIOD})).json()["items"]
    assert {one["group"]: one["balance"]["net"] for one in groups} == {"NL-1": -1, "NL-2": 1}
    assert {one: bears["net_loans"] for one, bears in burdens(decision).items()} == {"far": 0, "branch": 1}


@pytest.mark.parametrize(
    ("objective", "criteria"),
    [
        ("fastest", "weighed arrival handlings cost"),
        ("cheapest", "weighed arrival handlings"),
        ("fewest_handlings", "handlings weighed arrival cost"),
        ("balanced", "balance arrival handlings cost"),
    ],
)
async def test_why_not_that_one_names_what_it_weighs(house: House, objective: str, criteria: str) -> None:
    await write(house, requesting={**HEAVY, "cents_per_net_loan": 2000.0, "objective": objective})
    loan = await house.asked()
    for action in ("WillSupply", "Loaned"):
        await house.acted(loan, action)
    house.ground.snapshot.burdens.forget()
    body = {"title": {"isbn": EVERYWHERE}, "pickup_location": "desk", "requested_at": NOW, "location": "branch"}
    found = (await house.client.post("/v1/decisions/comparison", json=body)).json()
    assert " ".join(each["criterion"] for each in found["criteria"]) == criteria
    values = {each["criterion"]: each for each in found["criteria"]}
    if objective == "fewest_handlings":  # far has one more: its burden decides nothing
        assert (found["rank"], found["decided_by"]) == (1, None)
        return
    assert (found["rank"], found["decided_by"]) == (2, criteria.split()[0])
    without = {"fastest": 3, "cheapest": 0, "balanced": 3 + 50}[objective]
    assert values[found["decided_by"]]["location"] == without + 2000


PERIOD = {"since": "2026-11-01", "until": "2026-12-01"}


async def test_of_what_is_sent_nothing_is_left_to_send(house: House) -> None:
    await write(house, requesting={"cents_per_open_item": 3.0})
    assert burdens(await fresh(house))["branch"]["open_items"] == 0
    loan = await house.asked()
    bears = burdens(await fresh(house))["branch"]
    assert (bears["open_items"], bears["cents"]) == (1, 3.0)
    for action in ("WillSupply", "Loaned"):
        await house.acted(loan, action)
    assert burdens(await fresh(house))["branch"]["open_items"] == 0


async def test_figures_are_a_few_seconds_old_and_no_older(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await write(house, requesting={"cents_per_open_item": 3.0})
    assert burdens(await fresh(house))["branch"]["open_items"] == 0
    await house.asked()
    assert burdens(await decide(house))["branch"]["open_items"] == 0
    monkeypatch.setattr(live, "COUNTS_SECONDS", -1.0)
    assert burdens(await decide(house))["branch"]["open_items"] == 1


async def test_balances_are_added_up_beside_decisions(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old ones are gone by while newer ones are added up; very old ones are waited for."""
    await write(house, requesting=HEAVY)
    await fresh(house)
    loan = await house.asked()
    for action in ("WillSupply", "Loaned"):
        await house.acted(loan, action)
    held = house.ground.snapshot.burdens
    monkeypatch.setattr(live, "COUNTS_SECONDS", -1.0)
    assert burdens(await decide(house))["branch"]["net_loans"] == 0
    held._added_up_at -= 1.5 * live.BALANCE_SECONDS
    await decide(house)
    assert held._adding is not None
    await held._adding
    assert burdens(await decide(house))["branch"]["net_loans"] == 1
    await house.acted(loan, "Received")
    second = await house.asked(exclude=["far"])
    for action in ("WillSupply", "Loaned"):
        await house.acted(second, action)
    held._added_up_at -= 2.5 * live.BALANCE_SECONDS
    assert burdens(await decide(house))["branch"]["net_loans"] == 2


async def test_what_an_agency_that_merged_lent_counts_for_its_successor(house: House, filled: str) -> None:
    await write(house, requesting=HEAVY)
    loan = await house.asked()
    for action in ("WillSupply", "Loaned"):
        await house.acted(loan, action)
    merge = "update epoch set number = number + 1 where of = 'register'; update agency set"
    await run_sql(filled, f"{merge} valid_until = '2026-11-20', successor = 'NL-3' where isil = 'NL-2'")
    try:
        decision = await fresh(house)
        assert {one: bears["net_loans"] for one, bears in burdens(decision).items()} == {"branch": 1, "far": 1}
    finally:
        await run_sql(filled, f"{merge} valid_until = null, successor = null where isil = 'NL-2'")


# --- so many a day --------------------------------------------------------------------------------


async def suppliers(house: House, loans: list[str]) -> Counter[str]:
    return Counter([(await house.look(loan))["supplying_location"] for loan in loans])


async def test_no_more_than_so_many_a_day_and_the_others_go_elsewhere(house: House) -> None:
    await write(house, agency="NL-2", supplying={"most_a_day": 3})
    loans = [await house.asked() for _ in range(5)]
    assert await suppliers(house, loans) == {"branch": 3, "far": 2}
    decision = await fresh(house)
    assert rota(decision) == ["far", "branch"]
    assert decision["rota"][1]["reasons"][-1] == (
        "Has been asked today as often as it takes (3 of 3), so comes last."
    )
    assert burdens(decision)["branch"] == {
        "net_loans": 0,
        "open_items": 3,
        "cents": 0.0,
        "placed_today": 3,
        "most_a_day": 3,
        "placed_here_today": 3,
        "most_a_day_here": None,
    }
    house.clock.set(house.clock.now() + timedelta(days=1))
    assert (await house.look(await house.asked()))["supplying_location"] == "branch"


TITLES = [f"97890000{number:04}" for number in range(12)]
MANY = f"""
insert into title (title) select 'Title ' || n from generate_series(1, {len(TITLES)}) n;
insert into title_ppn (ppn, title_id)
    select (array{TITLES})[row_number() over ()], id from title where title like 'Title %';
insert into holding (title_id, location, material, copies, available, loanable)
    select id, location, 'book', 1, 1, true from title, unnest(array['branch', 'far']) location
     where title like 'Title %';
"""


async def test_it_is_exact_while_many_are_placed_at_once(
    house: House, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everyone wants another title, and decides by figures in which nobody was asked yet.

    Who comes too late goes on to the next. Between choosing and writing it down there is time for others to choose.
    """
    await run_sql(filled, MANY)
    await write(house, agency="NL-2", supplying={"most_a_day_per_location": 4})
    await fresh(house)
    monkeypatch.setattr(live, "COUNTS_SECONDS", 3600.0)
    loans = [(await house.ask(title={"ppn": ppn})).json()["id"] for ppn in TITLES]
    note = next_up.write_down

    async def slowly(*given: Any, **more: Any) -> Any:
        await asyncio.sleep(0.05)
        return await note(*given, **more)

    monkeypatch.setattr("app.lending.place.write_down", slowly)
    await asyncio.gather(*(house.work() for _ in range(6)))
    await house.work()
    assert await suppliers(house, loans) == {"branch": 4, "far": 8}
    changed = [
        event["data"]["changed"]
        for loan in loans
        for event in await house.events(loan)
        if event["event"] == "Placing"
    ]
    assert Counter(map(str, changed)) == {
        "[]": 4,
        "['branch has been asked today as often as it takes.']": 8,
    }


async def test_a_reader_is_not_left_without_it(house: House) -> None:
    await write(house, agency="NL-2", supplying={"most_a_day": 0})
    loan = await house.asked(exclude=["far", "island"])
    assert (await house.look(loan))["supplying_location"] == "branch"


async def test_whom_staff_choose_is_asked(house: House) -> None:
    await write(house, agency="NL-2", supplying={"most_a_day": 0})
    loan = await house.asked()
    assert (await house.look(loan))["supplying_location"] == "far"
    assert (await house.acted(loan, "Override", supplying_location="branch"))["supplying_location"] == "branch"


async def test_only_so_many_may_be_said(house: House) -> None:
    for said, pointer in (
        ({"supplying": {"most_a_day": -1}}, "/supplying/most_a_day"),
        ({"supplying": {"most_a_day_per_location": 1.5}}, "/supplying/most_a_day_per_location"),
        ({"requesting": {"cents_per_net_loan": -1.0}}, "/requesting/cents_per_net_loan"),
        ({"requesting": {"most_a_day": 3}}, "/requesting/most_a_day"),
    ):
        answer = await house.client.post("/v1/policies", json=said)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_draft_with_a_weight_is_tried_out_by_the_balances_of_now(house: House, filled: str) -> None:
    await run_sql(filled, "update holding set loanable = false where location = 'desk'")
    loan = await house.asked()
    for action in ("WillSupply", "Loaned"):
        await house.acted(loan, action)
    await house.later(minutes=1)
    answer = await house.client.post("/v1/policies/preview", json={"requesting": HEAVY, "days": 1})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["asked"], found["differ"]) == (1, 1)
    assert [(one["supplying_agency"], one["after"]) for one in found["suppliers"]] == [("NL-2", 0), ("NL-3", 1)]
