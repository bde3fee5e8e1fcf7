"""Policies: written as versions, laid one over the other, gone by and named in decisions, and tried out before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from app.planning import try_policy
from app.store.demand import read_held
from tests.support.filled import EVERYWHERE, run_sql
from tests.support.house import House

TODAY = "2026-11-23"
NOW = "2026-11-23T08:00:00+01:00"
NOTHING_ASKED = dict.fromkeys(
    (
        "circles",
        "central_collections",
        "objective",
        "cents_per_hour",
        "cents_per_handling",
        "cents_per_net_loan",
        "cents_per_open_item",
        "horizon_days",
        "max_cost_cents",
        "rota_order",
        "at_once",
    )
)
NOTHING_LENT = dict.fromkeys(
    (
        "not_lent",
        "least_age_days",
        "embargo_days",
        "loan_days",
        "renewals",
        "central_holders",
        "floating",
        "floating_materials",
        "most_floating",
        "most_a_day",
        "most_a_day_per_location",
    )
)


@pytest.fixture(autouse=True)
async def as_migrated(filled: str) -> AsyncIterator[None]:
    yield
    await run_sql(
        filled,
        "delete from policy; update holding set added_on = null, material = 'book', loanable = location <> 'closed';"
        " delete from loan_request; delete from task; delete from api_key; delete from epoch where of = 'keys';"
        " update epoch set number = number + 1 where of = 'register'",
    )


async def write(house: House, **said: Any) -> dict[str, Any]:
    answer = await house.client.post("/v1/policies", json=said)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decide(house: House, **asked: Any) -> dict[str, Any]:
    body = {"title": {"isbn": EVERYWHERE}, "pickup_location": "desk", "requested_at": NOW, **asked}
    answer = await house.client.post("/v1/decisions", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def rota(decision: dict[str, Any]) -> list[str]:
    return [entry["supplying_location"] for entry in decision["rota"]]


def refused(decision: dict[str, Any]) -> dict[str, str]:
    return {one["supplying_location"]: one["reason"] for one in decision["refusals"]}


async def test_a_version_is_written_and_read_back(house: House) -> None:
    first = await write(
        house,
        note="As agreed",
        requesting={"circles": ["own", "national"], "objective": "cheapest", "cents_per_hour": 2.5},
        supplying={"not_lent": ["Game ", "dvd", "game"], "least_age_days": 365, "renewals": 0},
    )
    expected = {
        "id": first["id"],
        "province": None,
        "agency": None,
        "valid_from": TODAY,
        "requesting": {
            **NOTHING_ASKED,
            "circles": ["own", "national"],
            "objective": "cheapest",
            "cents_per_hour": 2.5,
        },
        "supplying": {**NOTHING_LENT, "not_lent": ["dvd", "game"], "least_age_days": 365, "renewals": 0},
        "by": "admin",
        "written_at": "2026-11-23T07:00:00Z",
        "note": "As agreed",
    }
    assert first == expected
    later = await write(house, valid_from="2026-12-01")
    own = await write(house, agency="NL-2", supplying={"loan_days": 14})

    async def ids(**params: Any) -> list[int]:
        answer = await house.client.get("/v1/policies", params=params)
        return [row["id"] for row in answer.json()["items"]]

    assert (await house.client.get("/v1/policies")).json() == {"items": [first, own], "next_cursor": None}
    assert await ids(at="2026-11-22") == []
    assert await ids(at="2026-12-01") == [later["id"], own["id"]]
    assert await ids(history=True) == [first["id"], later["id"], own["id"]]
    assert await ids(history=True, agency="NL-2") == [own["id"]]
    assert await ids(history=True, province="DR") == []
    page = (await house.client.get("/v1/policies", params={"history": True, "limit": 2})).json()
    assert await ids(history=True, cursor=page["next_cursor"]) == [own["id"]]


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"requesting": {"circles": ["national", "own"]}}, "/requesting/circles"),
        ({"requesting": {"circles": ["own", "own"]}}, "/requesting/circles"),
        ({"requesting": {"circles": ["abroad"]}}, "/requesting/circles/0"),
        ({"requesting": {"horizon_days": 0}}, "/requesting/horizon_days"),
        ({"requesting": {"max_cost_cents": -1}}, "/requesting/max_cost_cents"),
        ({"requesting": {"cents_per_hour": -0.5}}, "/requesting/cents_per_hour"),
        ({"requesting": {"loan_days": 3}}, "/requesting/loan_days"),
        ({"supplying": {"loan_days": 0}}, "/supplying/loan_days"),
        ({"supplying": {"renewals": 1.5}}, "/supplying/renewals"),
        ({"supplying": {"not_lent": [""]}}, "/supplying/not_lent/0"),
        ({"supplying": {"floating": "abroad"}}, "/supplying/floating"),
        ({"supplying": {"floating_materials": [""]}}, "/supplying/floating_materials/0"),
        ({"supplying": {"most_floating": -1}}, "/supplying/most_floating"),
        ({"supplying": {"central_holders": ["NL-2", "nowhere"]}}, "/supplying/central_holders/1"),
        ({"valid_from": "2026-11-22"}, "/valid_from"),
        ({"valid_from": "2101-01-01"}, "/valid_from"),
        ({"province": "XX"}, "/province"),
        ({"agency": "NL-0"}, "/agency"),
        ({"agency": "NL-1", "province": "DR"}, ""),
    ],
)
async def test_nonsense_is_refused_by_the_name_of_its_field(house: House, said: dict[str, Any], pointer: str) -> None:
    for where in ("", "/preview"):
        answer = await house.client.post(f"/v1/policies{where}", json=said)
        assert answer.status_code == 422, answer.text
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def test_what_applies_comes_field_by_field_with_its_version(house: House) -> None:
    network = await write(
        house,
        requesting={"circles": ["province"], "max_cost_cents": 2000, "horizon_days": 20},
        supplying={"loan_days": 28, "not_lent": ["game"]},
    )
    province = await write(house, province="DR", requesting={"max_cost_cents": 1500, "circles": []})
    agency = await write(house, agency="NL-1", requesting={"objective": "balanced"}, supplying={"renewals": 9})
    supplier = await write(house, agency="NL-3", supplying={"not_lent": [], "renewals": 1})
    await write(house, agency="NL-3", valid_from="2026-12-01")

    params = {"pickup_location": "desk", "supplying_location": "far"}
    answer = await house.client.get("/v1/policies/effective", params=params)

    def said(value: Any, version: dict[str, Any], of: str) -> dict[str, Any]:
        return {"value": value, "version": version["id"], "of": of}

    def default(value: Any) -> dict[str, Any]:
        return {"value": value, "version": None, "of": "default"}

    expected = {
        "at": TODAY,
        **params,
        "requesting": {
            "circles": said([], province, "province"),
            "central_collections": default("neutral"),
            "objective": said("balanced", agency, "agency"),
            "cents_per_hour": default(10.0),
            "cents_per_handling": default(50.0),
            "cents_per_net_loan": default(0.0),
            "cents_per_open_item": default(0.0),
            "horizon_days": said(20, network, "network"),
            "max_cost_cents": said(1500, province, "province"),
            "rota_order": default("arrival"),
            "at_once": default(1),
        },
        "supplying": {
            "not_lent": said([], supplier, "agency"),
            "least_age_days": default(0),
            "embargo_days": default(0),
            "loan_days": said(28, network, "network"),
            "renewals": said(1, supplier, "agency"),
            "central_holders": default([]),
            "floating": default("never"),
            "floating_materials": default(None),
            "most_floating": default(None),
            "most_a_day": default(None),
            "most_a_day_per_location": default(None),
        },
    }
    assert answer.json() == expected
    later = (await house.client.get("/v1/policies/effective", params={**params, "at": "2026-12-01"})).json()
    assert later["supplying"]["renewals"] == default(2)
    assert later["supplying"]["not_lent"] == said(["game"], network, "network")
    unknown = await house.client.get("/v1/policies/effective", params={"pickup_location": "moon"})
    assert unknown.status_code == 404


async def test_decisions_go_by_the_policies_of_their_day_and_name_them(house: House) -> None:
    assert rota(await decide(house)) == ["branch", "far"]
    network = await write(house, valid_from="2026-11-30", requesting={"max_cost_cents": 500, "horizon_days": 10})
    own = await write(house, agency="NL-2", supplying={"not_lent": ["book"]})
    today = await decide(house)
    assert (rota(today), refused(today)["branch"]) == (["far"], "not_lent")
    assert today["policy"]["versions"] == [own["id"]]
    next_week = await decide(house, requested_at="2026-11-30T08:00:00+01:00", max_cost_cents=9999)
    assert rota(next_week) == []
    assert refused(next_week) | {"desk": "unavailable"} == refused(next_week)
    assert (refused(next_week)["branch"], refused(next_week)["far"]) == ("not_lent", "too_dear")
    assert next_week["policy"] == {
        "versions": sorted([network["id"], own["id"]]),
        "circles": [],
        "central_collections": "neutral",
        "cents_per_hour": 10.0,
        "cents_per_handling": 50.0,
        "cents_per_net_loan": 0.0,
        "cents_per_open_item": 0.0,
        "horizon_days": 10,
        "max_cost_cents": 500,
        "rota_order": "arrival",
        "at_once": 1,
        "lapse_days": 8,
        "supplier_cents": 675,
        "transport_cents": 400,
    }


async def test_new_copies_stay_for_a_year(house: House, filled: str) -> None:
    await run_sql(filled, "update holding set added_on = '2025-11-24' where location = 'branch'")
    await write(house, supplying={"least_age_days": 365})
    decision = await decide(house)
    assert (rota(decision), refused(decision)["branch"]) == (["far"], "too_new")
    assert rota(await decide(house, requested_at="2026-11-24T00:00:00+01:00")) == ["branch", "far"]


async def test_circles_and_collections_come_first(house: House) -> None:
    await write(house, supplying={"central_holders": ["far"]}, requesting={"central_collections": "first"})
    decision = await decide(house)
    assert rota(decision) == ["far", "branch"]
    assert decision["rota"][0]["reasons"][0] == "Holds a central collection, which comes first."
    await write(house, province="DR", requesting={"circles": ["own", "province", "national"]})
    decision = await decide(house)
    assert rota(decision) == ["branch", "far"]
    assert [entry["reasons"][0] for entry in decision["rota"]] == [
        "In the own province: circle 2 of 3.",
        "In the country: circle 3 of 3.",
    ]


async def test_a_loan_request_keeps_what_it_was_decided_by(house: House) -> None:
    version = await write(house, requesting={"circles": ["province"]})
    loan = await house.asked()
    await write(house, requesting={"circles": []})
    kept = (await house.client.get(f"/v1/loan-requests/{loan}/decision")).json()
    assert kept["policy"]["versions"] == [version["id"]]
    assert kept["policy"]["circles"] == ["province"]


async def test_the_supplier_says_how_long_and_how_often(house: House) -> None:
    await write(house, supplying={"loan_days": 28, "renewals": 5})
    await write(house, agency="NL-2", supplying={"loan_days": 10, "renewals": 1})
    loan = await house.asked()
    for action in ("WillSupply", "Loaned"):
        await house.acted(loan, action)
    since = house.clock.now()
    assert (await house.acted(loan, "Received"))["due_at"] == written(since + timedelta(days=10))
    # What is agreed later moves nothing that a reader was told.
    await house.later(days=1)
    await write(house, agency="NL-2", supplying={"loan_days": 30, "renewals": 1})
    await house.later(days=9, minutes=-1)
    assert (await house.look(loan))["due_at"] == written(since + timedelta(days=10))
    assert (await house.acted(loan, "Renew"))["due_at"] == written(since + timedelta(days=40))
    assert (await house.act(loan, "Renew")).status_code == 409
    await house.later(days=1)
    assert (await house.look(loan))["status"] == "Loaned"
    assert (await house.look(loan))["due_at"] == written(since + timedelta(days=40))


def written(moment: datetime) -> str:
    return moment.astimezone().isoformat().replace("+00:00", "Z")


async def test_an_agency_writes_what_is_its_own(house: House) -> None:
    admin: dict[str, str] = {}  # nobody has a key yet

    async def key(agency: str, *scopes: str) -> dict[str, str]:
        answer = await house.client.post("/v1/keys", json={"agency": agency, "scopes": list(scopes)}, headers=admin)
        return {"authorization": f"Bearer {answer.json()['key']}"}

    admin = await key("NL-1", "admin")
    asks, lends = await key("NL-2", "requester"), await key("NL-2", "supplier")

    async def say(who: dict[str, str], **said: Any) -> Any:
        answer = await house.client.post("/v1/policies", json={"agency": "NL-2", **said}, headers=who)
        return answer.json() if answer.status_code == 201 else answer.status_code

    holders = {"central_holders": ["NL-2"]}
    assert (await say(admin, requesting={"horizon_days": 9}, supplying=holders))["by"] == "NL-1"
    lent = await say(lends, supplying={"loan_days": 14})
    assert (lent["by"], lent["requesting"]["horizon_days"]) == ("NL-2", 9)
    assert lent["supplying"] == {**NOTHING_LENT, **holders, "loan_days": 14}
    asked = await say(asks, requesting={"objective": "cheapest"})
    assert asked["requesting"] == {**NOTHING_ASKED, "objective": "cheapest"}, "its own it says anew, whole"
    assert asked["supplying"] == lent["supplying"]
    assert await say(asks, supplying={"loan_days": 3}) == 403
    assert await say(lends, supplying={"central_holders": []}) == 403
    assert await say(lends, agency="NL-3", supplying={"loan_days": 3}) == 403
    assert await say(asks, agency=None, requesting={"horizon_days": 3}) == 403
    logged = (await house.client.get("/v1/changes", params={"limit": 100}, headers=admin)).json()["items"]
    assert {"id": asked["id"]} in [one["made"] for one in logged]


async def test_a_change_of_one_half_holds_also_where_the_other_half_was_written_ahead(house: House) -> None:
    admin: dict[str, str] = {}

    async def key(*scopes: str) -> dict[str, str]:
        answer = await house.client.post("/v1/keys", json={"agency": "NL-2", "scopes": list(scopes)}, headers=admin)
        return {"authorization": f"Bearer {answer.json()['key']}"}

    async def say(who: dict[str, str], **said: Any) -> None:
        answer = await house.client.post("/v1/policies", json={"agency": "NL-2", **said}, headers=who)
        assert answer.status_code == 201, answer.text

    async def on(day: str) -> tuple[Any, Any, Any]:
        params = {"pickup_location": "branch", "supplying_location": "branch", "at": day}
        found = (await house.client.get("/v1/policies/effective", params=params, headers=admin)).json()
        asked, lent = found["requesting"], found["supplying"]
        return asked["objective"]["value"], lent["not_lent"]["value"], lent["loan_days"]["value"]

    admin = await key("admin")
    asks, lends = await key("requester"), await key("supplier")
    await say(asks, valid_from="2027-01-01", requesting={"objective": "cheapest"})
    await say(asks, valid_from="2027-02-01", requesting={"objective": "balanced"})
    await say(lends, supplying={"not_lent": ["game"]})
    days = ("2026-12-31", "2027-01-01", "2027-01-31", "2027-02-01", "2027-03-01")
    for day, objective in zip(days, ("fastest", "cheapest", "cheapest", "balanced", "balanced"), strict=True):
        assert await on(day) == (objective, ["game"], 21), day

    # Said for a day, it stands from there on, whatever is said for an earlier one.
    await say(lends, valid_from="2027-02-01", supplying={"loan_days": 14})
    await say(lends, supplying={"not_lent": ["dvd"]})
    await say(asks, requesting={"objective": "fewest_handlings"})
    assert [await on(day) for day in days] == [
        ("fewest_handlings", ["dvd"], 21),
        ("cheapest", ["dvd"], 21),
        ("cheapest", ["dvd"], 21),
        ("balanced", [], 14),
        ("balanced", [], 14),
    ]

    # What an admin says is all of it, and takes nothing over.
    await say(admin, valid_from="2027-03-01", requesting={"objective": "cheapest"})
    await say(lends, valid_from="2027-02-15", supplying={"loan_days": 7})
    assert [await on(day) for day in ("2027-02-15", "2027-03-01")] == [("balanced", [], 7), ("cheapest", [], 21)]


async def test_days_in_the_collection_count_where_many_are_decided(house: House, filled: str) -> None:
    """In a dry run and in an assignment as in a decision: the branch's copy is too new by one day."""
    young = "update holding set added_on = '2025-11-24' where location = 'branch'"
    await run_sql(filled, f"{young}; update holding set loanable = false where location = 'desk'")
    assert (await house.ask()).status_code == 201
    draft = {"supplying": {"least_age_days": 365}}
    await house.later(minutes=1)
    tried = (await house.client.post("/v1/policies/preview", json=draft)).json()
    assert (tried["asked"], tried["differ"]) == (1, 1)
    assert tried["examples"][0]["after"]["supplying_location"] == "far"
    await write(house, **draft)
    one = {"id": "1", "title": {"isbn": EVERYWHERE}, "pickup_location": "desk"}
    answer = await house.client.post("/v1/assignments", json={"requests": [one], "requested_at": NOW})
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"][0]["supply"]["supplying_location"] == "far"


async def test_a_dry_run_says_what_deciding_twice_says(house: House, filled: str) -> None:
    # What is out counts as in, and what stands on the counter's own shelf would come first.
    await run_sql(filled, "update holding set loanable = false where location = 'desk'")
    loans = []
    for asked in ({}, {"max_cost_cents": 0}, {"objective": "cheapest"}, {"exclude": ["branch"]}):
        answer = await house.ask(**asked)
        loans.append((answer.json()["id"], asked))
    await house.later(hours=3)
    draft = {"province": "DR", "requesting": {"max_cost_cents": 0}, "supplying": {"not_lent": ["book"]}}

    async def answers() -> list[dict[str, Any]]:
        found = []
        for _, asked in loans:
            entries = (await decide(house, **asked))["rota"]
            names = ("supplying_agency", "supplying_location", "arrives_at", "cost_cents", "handlings")
            found.append({name: entries[0][name] if entries else None for name in names})
        return found

    tried = (await house.client.post("/v1/policies/preview", json=draft)).json()
    assert (await house.client.get("/v1/policies")).json()["items"] == [], "nothing is changed"
    before = await answers()
    await write(house, **draft)
    after = await answers()
    differ = [
        {"loan_request": loan, "pickup_location": "desk", "before": one, "after": other}
        for (loan, _), one, other in zip(loans, before, after, strict=True)
        if one != other
    ]
    assert len(differ) == 4
    assert [_instants(each) for each in tried["examples"]] == [_instants(each) for each in differ]
    supplied = [len([one for one in side if one["supplying_location"]]) for side in (before, after)]
    assert {name: tried[name] for name in ("submitted", "asked", "left_out", "differ", "filled", "suppliers")} == {
        "submitted": 4,
        "asked": 4,
        "left_out": 0,
        "differ": len(differ),
        "filled": {"before": supplied[0], "after": supplied[1]},
        "suppliers": [
            {"supplying_agency": "NL-2", "before": 3, "after": 0},
            {"supplying_agency": "NL-3", "before": 1, "after": 0},
        ],
    }


def _instants(example: dict[str, Any]) -> dict[str, Any]:
    def each(side: dict[str, Any]) -> dict[str, Any]:
        at = side["arrives_at"]
        return {**side, "arrives_at": None if at is None else datetime.fromisoformat(at).timestamp()}

    return {**example, "before": each(example["before"]), "after": each(example["after"])}


async def test_one_dry_run_at_a_time_and_none_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.ask()
    await house.later(minutes=1)
    at_once, most = 0, 0

    async def slowly(function: Callable[..., Any], *args: Any) -> Any:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.02)
        at_once -= 1
        return function(*args)

    async def tried() -> Any:
        return await house.client.post("/v1/policies/preview", json={"requesting": {"max_cost_cents": 0}})

    monkeypatch.setattr(try_policy, "aside", slowly)
    answers = await asyncio.gather(*(tried() for _ in range(3)))
    assert ([answer.status_code for answer in answers], most) == ([200, 200, 200], 1)
    monkeypatch.setattr(try_policy, "SECONDS", 0.1)
    turn = house.app.state.resources.trying
    async with turn:
        late = await tried()
    assert (late.status_code, late.json()["type"]) == (503, "/problems/trying-too-slow")

    async def never(*_: Any) -> None:
        await asyncio.sleep(10)

    monkeypatch.setattr(try_policy, "aside", never)
    assert (await tried()).json()["detail"] == "It was not tried out within 0.1 seconds; nothing was changed."
    assert not turn.locked()
    monkeypatch.setattr(try_policy, "SECONDS", 60.0)
    monkeypatch.setattr(try_policy, "aside", slowly)
    assert (await tried()).json() == answers[0].json()


async def test_a_dry_run_tells_the_change_on_average_and_draws_by_its_seed(house: House, filled: str) -> None:
    await run_sql(filled, "update holding set loanable = false where location = 'desk'")
    for _ in range(6):
        await house.ask()
    await house.later(hours=1)
    draft = {"supplying": {"central_holders": ["far"]}, "requesting": {"central_collections": "first"}}
    tried = (await house.client.post("/v1/policies/preview", json=draft)).json()
    near, far = (await decide(house))["rota"]
    assert [near["supplying_location"], far["supplying_location"]] == ["branch", "far"]
    means = {name: tried[name] for name in ("differ", "arrival_hours", "cost_cents", "handlings", "suppliers")}
    assert means == {
        "differ": 6,
        "arrival_hours": {"before": 3.0, "after": 27.0},
        "cost_cents": {"before": 0, "after": 1075},
        "handlings": {"before": near["handlings"], "after": far["handlings"]},
        "suppliers": [
            {"supplying_agency": "NL-2", "before": 6, "after": 0},
            {"supplying_agency": "NL-3", "before": 0, "after": 6},
        ],
    }

    async def drawn(seed: int) -> list[str]:
        body = {**draft, "sample": 3, "seed": seed}
        found = (await house.client.post("/v1/policies/preview", json=body)).json()
        assert (found["submitted"], found["asked"]) == (6, 3)
        return [each["loan_request"] for each in found["examples"]]

    assert await drawn(1) == await drawn(1)
    assert len({tuple(await drawn(seed)) for seed in range(5)}) > 1
    past = (await house.client.post("/v1/policies/preview", json={**draft, "days": 1})).json()
    assert past["submitted"] == 6
    await house.later(days=2)
    assert (await house.client.post("/v1/policies/preview", json={**draft, "days": 1})).json()["submitted"] == 0


async def test_a_scenario_reads_what_the_rules_of_lending_look_at(house: House, filled: str) -> None:
    await run_sql(filled, "update holding set added_on = '2024-02-29' where location = 'branch' and title_id = 1")
    await run_sql(filled, "update holding set material = 'game' where location = 'far'")
    async with house.ground.database.one_moment() as connection:
        held = await read_held(connection, ["branch", "far", "closed"], special=["daisy"], titles=[1])
    assert [held.materials[at] for at in held.material.tolist()] == ["book", "game"]
    assert held.added.tolist() == [date(2024, 2, 29).toordinal(), 0]
