"""Drafts over the API: changed by two planners, compared, made a version, activated now or at a moment, undone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.settings import Settings
from app.store.keys import add_key
from tests.lending.conftest import filled
from tests.support.filled import EVERYWHERE, run_sql
from tests.support.house import House, open_house

__all__ = ["filled"]

pytestmark = pytest.mark.once

FRESH = """
delete from network_schedule; delete from network_draft; delete from day_exception; delete from task;
delete from loan_request; update network_activation set undone_at = now() where undone_at is null;
insert into network_activation (version) select number from network_version where id = 'first';
"""  # fmt: skip
# V1's van leaves the branch an hour earlier.
EARLIER: dict[str, Any] = {
    "op": "put_trip",
    "id": "v1-out",
    "route_id": "V1",
    "service_id": "Mo-Fr",
    "crate_capacity": 30,
    "stop_times": [
        {"stop_id": "branch", "arrival_time": "08:00:00", "departure_time": "08:00:00"},
        {"stop_id": "H", "arrival_time": "09:00:00", "departure_time": "09:00:00"},
    ],
}


@pytest.fixture
async def house(filled: str) -> AsyncIterator[House]:
    await run_sql(filled, FRESH)
    async with open_house(Settings(database_url=filled)) as opened:
        yield opened


async def begun(house: House, name: str = "Winter", **base: str) -> str:
    answer = await house.client.post("/v1/network/drafts", json={"name": name, **base})
    assert answer.status_code == 201, answer.text
    return f"/v1/network/drafts/{answer.json()['id']}"


async def changed(house: House, draft: str, *changes: dict[str, Any], revision: str = "*") -> httpx.Response:
    return await house.client.post(f"{draft}/changes", json={"changes": changes}, headers={"if-match": revision})


async def service_of(house: House, draft: str, trip: str) -> str:
    trips = (await house.client.get(f"{draft}/trips")).json()["items"]
    found: str = next(one["service_id"] for one in trips if one["id"] == trip)
    return found


async def earlier(house: House, draft: str) -> dict[str, Any]:
    return {**EARLIER, "service_id": await service_of(house, draft, "v1-out")}


async def active(house: House) -> str:
    found: str = (await house.client.get("/v1/network")).json()["id"]
    return found


async def test_a_draft_is_its_base_until_it_is_changed(house: House) -> None:
    draft = await begun(house)
    shown = await house.client.get(draft)
    assert shown.headers["etag"] == '"0"'
    assert {name: shown.json()[name] for name in ("name", "base", "revision", "changes", "by", "version")} == {
        "name": "Winter",
        "base": "first",
        "revision": 0,
        "changes": 0,
        "by": "admin",
        "version": None,
    }
    routes = (await house.client.get(f"{draft}/routes")).json()["items"]
    assert [(route["id"], route["operator"], route["trips"], route["yours"]) for route in routes] == [
        ("L", "L vans", 1, True),
        ("V1", "V1 vans", 2, True),
        ("V2", "V2 vans", 1, True),
    ]
    compared = (await house.client.get(f"{draft}/compare")).json()
    assert (compared["differences"], compared["operators"], compared["decisions"]) == ([], [], None)
    assert await active(house) == "first", "nothing moved"


async def test_of_two_planners_the_later_one_hears_who_changed_what(house: House) -> None:
    draft = await begun(house)
    change = await earlier(house, draft)
    first = await changed(house, draft, change, revision='"0"')
    assert (first.status_code, first.headers["etag"], first.json()["changes"]) == (200, '"1"', 1)
    second = await changed(house, draft, {"op": "delete_trip", "id": "v1-in"}, revision="0")
    assert second.status_code == 412
    problem = second.json()
    assert (problem["type"], problem["revision"]) == ("/problems/draft-changed", 1)
    assert [(one["by"], one["operations"]) for one in problem["changes"]] == [
        ("admin", [{"op": "put_trip", "id": "v1-out"}])
    ]
    trips = (await house.client.get(f"{draft}/trips", params={"route_id": "V1"})).json()["items"]
    assert [trip["id"] for trip in trips] == ["v1-in", "v1-out"], "nothing of the later one was done"
    assert (await changed(house, draft, {"op": "delete_trip", "id": "v1-in"}, revision="1")).status_code == 200
    without = await house.client.post(f"{draft}/changes", json={"changes": [change]})
    assert (without.status_code, without.json()["errors"][0]["pointer"]) == (422, "/If-Match")


async def test_changes_are_all_made_or_none_and_taken_back_one_by_one(house: House) -> None:
    draft = await begun(house)
    change = await earlier(house, draft)
    late = {**change, "stop_times": [change["stop_times"][1], change["stop_times"][0]]}
    refused = await changed(house, draft, change, late)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {
            "pointer": "/changes/1/stop_times/1/arrival_time",
            "detail": "is before the departure from the stop before.",
        }
    ]
    assert (await house.client.get(draft)).json()["changes"] == 0
    await changed(house, draft, change)
    await changed(house, draft, {"op": "delete_route", "id": "V2"})
    undone = await house.client.post(f"{draft}/undo", headers={"if-match": "2"})
    assert (undone.json()["revision"], undone.json()["changes"]) == (3, 1)
    assert [route["id"] for route in (await house.client.get(f"{draft}/routes")).json()["items"]] == ["L", "V1", "V2"]
    log = (await house.client.get(f"{draft}/changes")).json()["items"]
    assert [(one["revision"], one["undone_by"]) for one in log] == [(1, None), (2, "admin")]
    await house.client.post(f"{draft}/undo", headers={"if-match": "3"})
    again = await house.client.post(f"{draft}/undo", headers={"if-match": "4"})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/nothing-to-undo")
    assert (await house.client.get(f"{draft}/compare")).json()["differences"] == []


async def test_it_is_compared_in_numbers_and_by_the_decisions_that_change(house: House) -> None:
    await house.asked(pickup_location="desk")
    draft = await begun(house)
    await changed(house, draft, {"op": "delete_trip", "id": "v1-in"})
    asked: dict[str, str | int] = {"sample": 5, "seed": 3, "at": "2026-11-23T08:00:00+01:00"}
    compared = (await house.client.get(f"{draft}/compare", params=asked)).json()
    assert compared["numbers"]["trip"] == {"before": 4, "after": 3, "added": 0, "removed": 1, "changed": 0}
    assert compared["operators"] == ["V1 vans"]
    (gone,) = compared["differences"]
    assert (gone["kind"], gone["id"], gone["change"], gone["route"]) == ("trip", "v1-in", "removed", "V1")
    decisions = compared["decisions"]
    assert (decisions["asked"], decisions["generated"]) == (5, 4)
    asked_by_somebody = [one for one in decisions["effects"] if not one["generated"]]
    assert asked_by_somebody == [
        {
            "pickup_location": "desk",
            "generated": False,
            "isbn": None,
            "ppn": None,
            "before": {"supplier": "branch", "arrival": "2026-11-23T11:00:00+01:00"},
            "after": {"supplier": None, "arrival": None},
        }
    ], "where it was asked, and not what"
    again = (await house.client.get(f"{draft}/compare", params=asked)).json()
    assert again == compared, "the same seed, the same questions"
    other = (await house.client.get(f"{draft}/compare", params={"with": "second"})).json()
    assert other["numbers"]["route"]["added"] == 3


async def test_the_decisions_that_change_go_by_what_suppliers_bear(house: House, filled: str) -> None:
    """The branch, whose loan weighs ten euro, comes after far, which is there a day later."""
    loan = await house.asked(pickup_location="desk")
    for action in ("WillSupply", "Loaned"):
        await house.acted(loan, action)
    said = {"requesting": {"cents_per_hour": 1.0, "cents_per_net_loan": 1000.0}}
    assert (await house.client.post("/v1/policies", json=said)).status_code == 201
    try:
        at = "2026-11-23T08:00:00+01:00"
        asked = {"title": {"isbn": EVERYWHERE}, "pickup_location": "desk", "requested_at": at}
        decision = (await house.client.post("/v1/decisions", json=asked)).json()
        draft = await begun(house)
        await changed(house, draft, {"op": "delete_route", "id": "V2"})
        params: dict[str, str | int] = {"sample": 1, "at": at}
        (effect,) = (await house.client.get(f"{draft}/compare", params=params)).json()["decisions"]["effects"]
        first, second = decision["rota"]
        assert effect["before"] == {"supplier": first["supplying_location"], "arrival": first["arrives_at"]}
        assert effect["after"] == {"supplier": second["supplying_location"], "arrival": second["arrives_at"]}
        assert (first["supplying_location"], second["supplying_location"]) == ("far", "branch")
    finally:
        await run_sql(filled, "delete from policy; update epoch set number = number + 1 where of = 'register'")


async def test_it_becomes_a_version_is_activated_and_undone(house: House) -> None:
    draft = await begun(house)
    await changed(house, draft, await earlier(house, draft))
    answer = await house.client.post(f"{draft}/activate", json={}, headers={"if-match": "1"})
    assert answer.status_code == 200, answer.text
    version = answer.json()["version"]
    assert (answer.json()["active"], await active(house)) == (True, version)
    assert version.startswith("nv-")
    trips = (await house.client.get(f"/v1/network/versions/{version}/trips")).json()["items"]
    assert next(trip["crate_capacity"] for trip in trips if trip["id"] == "v1-out") == 30
    # What is exported of it is imported as the same version.
    feed = (await house.client.get(f"/v1/network/versions/{version}/export")).content
    imported = await house.client.post(
        "/v1/imports/network", content=feed, headers={"content-type": "application/zip"}
    )
    assert (imported.json()["version"], imported.json()["created"]) == (version, 0)
    late = await changed(house, draft, {"op": "delete_route", "id": "V2"})
    assert (late.status_code, late.json()["type"]) == (409, "/problems/draft-frozen")
    undone = await house.client.post("/v1/network/undo")
    assert (undone.json(), await active(house)) == ({"undone": version, "active": "first"}, "first")


async def test_what_another_one_changed_meanwhile_is_not_undone(house: House) -> None:
    one, other = await begun(house, "one"), await begun(house, "other")
    await changed(house, one, await earlier(house, one))
    await changed(house, other, {"op": "delete_route", "id": "V2"})
    assert (await house.client.post(f"{one}/activate", json={})).status_code == 200
    refused = await house.client.post(f"{other}/activate", json={})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/base-not-active")
    assert (await house.client.get(other)).json()["version"] is None, "and it can still be changed"
    moved = await house.client.post(f"{other}/rebase", headers={"if-match": "1"})
    assert moved.json()["base"] == await active(house)
    assert (await house.client.post(f"{other}/activate", json={})).status_code == 200
    trips = (await house.client.get(f"/v1/network/versions/{await active(house)}/trips")).json()["items"]
    assert [trip["id"] for trip in trips] == ["line", "v1-in", "v1-out"]
    assert trips[2]["stop_times"][0]["departure_time"] == "08:00:00", "both changes are in it"


async def test_a_change_that_no_longer_fits_is_named(house: House) -> None:
    one, other = await begun(house, "one"), await begun(house, "other")
    change = await earlier(house, other)
    await changed(house, one, {"op": "delete_route", "id": "V1"})
    await changed(house, other, change)
    await house.client.post(f"{one}/activate", json={})
    moved = await house.client.post(f"{other}/rebase", headers={"if-match": "*"})
    assert (moved.status_code, moved.json()["errors"]) == (
        422,
        [{"pointer": "/changes/0/route_id", "detail": "V1 is no route of this network."}],
    )
    assert (await house.client.get(other)).json()["base"] == "first"


async def test_an_activation_at_a_moment_outlives_a_restart_and_happens_once(house: House, filled: str) -> None:
    draft = await begun(house)
    await changed(house, draft, await earlier(house, draft))
    answer = (await house.client.post(f"{draft}/activate", json={"at": "2026-11-24T04:00:00+01:00"})).json()
    assert (answer["active"], answer["scheduled"]["state"]) == (False, "waiting")
    await house.later(hours=19)
    assert await active(house) == "first"
    async with open_house(Settings(database_url=filled), at=house.clock.now()) as other:
        await other.later(hours=2)
        assert await active(other) == answer["version"]
        (listed,) = (await other.client.get("/v1/network/activations")).json()["items"]
        assert (listed["state"], listed["ended_at"], listed["reason"]) == ("done", "2026-11-24T04:00:00Z", None)
        await other.client.post("/v1/network/undo")
        await other.later(hours=24)
        assert await active(other) == "first", "not a second time"
    late = await house.client.delete(f"/v1/network/activations/{listed['id']}")
    assert (late.status_code, late.json()["type"]) == (404, "/problems/unknown-activation")


async def test_an_activation_can_be_cancelled_and_never_undoes_what_came_between(house: House, filled: str) -> None:
    one, other = await begun(house, "one"), await begun(house, "other")
    await changed(house, one, await earlier(house, one))
    await changed(house, other, {"op": "delete_route", "id": "V2"})
    at = {"at": "2026-11-24T04:00:00+01:00"}
    first = (await house.client.post(f"{one}/activate", json=at)).json()
    for moment in ("2026-11-24T04:00:00+01:00", "2026-11-24T05:00:00+01:00", "2026-11-24T03:00:00+01:00"):
        beside = await house.client.post(f"{other}/activate", json={"at": moment})
        assert (beside.status_code, beside.json()["type"]) == (409, "/problems/another-activation-waits"), moment
        assert beside.json()["activation"] == first["scheduled"]["id"]
    third = await begun(house, "third", base=first["version"])
    await changed(house, third, {"op": "delete_route", "id": "V2"})
    after = (await house.client.post(f"{third}/activate", json={"at": "2026-11-24T05:00:00+01:00"})).json()
    assert after["scheduled"]["state"] == "waiting", "it goes on from the one before"
    for one_of_both in (after, first):
        cancelled = await house.client.delete(f"/v1/network/activations/{one_of_both['scheduled']['id']}")
        assert cancelled.status_code == 204
    second = (await house.client.post(f"{other}/activate", json=at)).json()
    await house.client.post("/v1/network/versions/second/activate")
    await house.later(hours=24)
    listed = (await house.client.get("/v1/network/activations")).json()["items"]
    assert [(row["version"], row["state"]) for row in listed] == [
        (second["version"], "refused"),
        (after["version"], "cancelled"),
        (first["version"], "cancelled"),
    ]
    assert "second is active now" in listed[0]["reason"]
    assert await active(house) == "second"
    await run_sql(filled, "update network_schedule set ended_at = now() where state = 'refused'")
    assert "second is active now" in (await house.client.get("/console")).text, "whoever comes first is told"
    past = await house.client.post("/v1/network/activations", json={"version": "first", "at": "2026-11-01T00:00:00Z"})
    assert past.json()["errors"] == [{"pointer": "/at", "detail": "This moment has passed."}]
    put_down = await house.client.post(
        "/v1/network/activations", json={"version": "first", "at": "2026-11-26T00:00:00Z"}
    )
    assert put_down.status_code == 201
    await house.later(hours=48)
    assert await active(house) == "first"


async def test_holidays_are_shown_before_they_are_taken_out(house: House) -> None:
    draft = await begun(house)
    asked = {"operator": "1", "since": "2026-12-20", "until": "2027-01-10"}
    said = await house.client.put("/v1/network/operators/1/days/2026-12-25", json={"runs": True, "note": "Open"})
    assert said.json()["by"] == "admin"
    await house.client.put("/v1/network/operators/1/days/2026-12-24", json={"runs": False, "note": "Kerstavond"})
    shown = (await house.client.post(f"{draft}/calendar", json=asked)).json()
    assert (shown["applied"], shown["revision"], shown["trips"]) == (False, 0, 2)
    assert [(one["day"], one["why"], one["trips"]) for one in shown["removals"]] == [
        ("2026-12-24", "Kerstavond", 1)
    ] * 2
    assert (await house.client.get(draft)).json()["changes"] == 0, "only shown"
    done = (await house.client.post(f"{draft}/calendar", json={**asked, "apply": True})).json()
    assert (done["applied"], done["revision"]) == (True, 1)
    compared = (await house.client.get(f"{draft}/compare")).json()
    assert compared["operators"] == ["V1 vans"]
    again = (await house.client.post(f"{draft}/calendar", json=asked)).json()
    assert again["removals"] == []
    listed = (
        await house.client.get("/v1/network/holidays", params={"since": "2026-12-20", "until": "2026-12-31"})
    ).json()
    assert [one["day"] for one in listed["holidays"] if one["kind"] == "public"] == ["2026-12-25", "2026-12-26"]
    assert [(one["day"], one["runs"]) for one in listed["exceptions"]] == [
        ("2026-12-24", False),
        ("2026-12-25", True),
    ]
    school = await house.client.post(f"{draft}/calendar", json={**asked, "kinds": ["school"]})
    assert school.json()["errors"][0]["pointer"] == "/region"


async def test_a_long_trip_without_a_break_is_warned_of(house: House) -> None:
    draft = await begun(house)
    change = await earlier(house, draft)
    change["stop_times"][1] |= {"arrival_time": "14:00:00", "departure_time": "14:00:00"}
    await changed(house, draft, change)
    warned = (await house.client.get(f"{draft}/warnings")).json()["items"]
    assert warned == [
        {"trip": "v1-out", "route": "V1", "minutes": 360, "break_minutes": 0, "needed_minutes": 30}
    ]  # fmt: skip
    assert (await house.client.get(f"{draft}/warnings", params={"route_id": "V2"})).json()["items"] == []


async def test_a_draft_is_thrown_away(house: House) -> None:
    draft = await begun(house)
    assert (await house.client.delete(draft)).status_code == 204
    gone = await house.client.get(draft)
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/unknown-draft")
    assert (await house.client.get("/v1/network/drafts")).json()["items"] == []


# The last one: a service that ever had a key is never open again.
async def test_a_planner_activates_what_is_its_own_and_a_refusal_leaves_the_draft_open(
    house: House, filled: str
) -> None:
    async with house.app.state.resources.database.transaction() as connection:
        key = (await add_key(connection, agency="NORD", scopes=["planner"], poi="1")).key
        admin = (await add_key(connection, agency="KB", scopes=["admin"])).key
    house.client.headers["authorization"] = f"Bearer {admin}"
    draft = await begun(house)
    change = await earlier(house, draft)
    house.client.headers["authorization"] = f"Bearer {key}"
    routes = (await house.client.get(f"{draft}/routes", params={"own": "true"})).json()["items"]
    assert [route["id"] for route in routes] == ["V1"]
    await changed(house, draft, {"op": "delete_route", "id": "V2"})
    compared = (await house.client.get(f"{draft}/compare")).json()
    assert (compared["operators"], compared["yours"]) == (["V2 vans"], False)
    refused = await house.client.post(f"{draft}/activate", json={})
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-your-routes")
    assert (await house.client.get(draft)).json()["version"] is None
    await house.client.post(f"{draft}/undo", headers={"if-match": "*"})
    await changed(house, draft, change)
    assert (await house.client.get(f"{draft}/compare")).json()["yours"] is True
    gone = await house.client.delete(draft)
    assert gone.status_code == 403, "another's draft"
    assert (await house.client.post(f"{draft}/activate", json={})).status_code == 200


async def test_effects_on_loan_requests_are_shown_to_who_sees_those(house: House) -> None:
    async with house.app.state.resources.database.transaction() as connection:
        admin, poi, asking = [
            (await add_key(connection, agency=agency, scopes=[scope], poi=named)).key
            for agency, scope, named in (("KB", "admin", None), ("NORD", "planner", "1"), ("NL-1", "planner", None))
        ]
    house.client.headers["authorization"] = f"Bearer {admin}"
    await house.asked(pickup_location="desk")
    draft = await begun(house)
    await changed(house, draft, {"op": "delete_trip", "id": "v1-in"})
    asked: dict[str, str | int] = {"sample": 1, "at": "2026-11-23T08:00:00+01:00"}
    seen = {}
    for key in (admin, poi, asking):
        answer = await house.client.get(f"{draft}/compare", params=asked, headers={"authorization": f"Bearer {key}"})
        decisions = answer.json()["decisions"]
        assert (decisions["asked"], decisions["generated"], decisions["changed"]) == (1, 0, 1)
        seen[key] = [one["pickup_location"] for one in decisions["effects"]]
    assert seen == {admin: ["desk"], poi: [], asking: ["desk"]}
