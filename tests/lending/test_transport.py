"""The item under way: what no longer runs is not ridden, and whoever waits is told when it comes instead."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Any

import pytest

from app.planning.calls import calls_at
from app.store.under_way import still_stands
from tests.support.filled import run_sql
from tests.support.house import House
from tests.support.worlds import AMSTERDAM

CANCELLATIONS = "/v1/trips/cancellations"
SUSPENSIONS = "/v1/suspensions"
OUT = "v1-out 11-23 branch H"
IN = "v1-in 11-23 H desk"
LATER_IN = "v1-in 11-24 H desk"


@pytest.fixture(autouse=True)
async def nothing_stands_still(filled: str) -> None:
    """Take away what the test before suspended, and put the first version back."""
    await run_sql(
        filled,
        "delete from suspension; update epoch set number = number + 1;"
        " update network_activation set undone_at = now() where id > (select min(id) from network_activation)",
    )


async def shipped(house: House, **changes: Any) -> str:
    """Ask, and have it sent from `branch` at 08:00."""
    loan = await house.asked(**changes)
    await house.acted(loan, "Loaned")
    return loan


def way(standing: dict[str, Any]) -> list[str]:
    """The itinerary as text: trip, day and both ends of each leg."""
    return [
        f"{leg['trip_id']} {leg['service_date'][5:]} {leg['from_location']} {leg['to_location']}"
        for leg in standing["itinerary"]
    ]


def expected(standing: dict[str, Any]) -> str | None:
    """When it should be there, in Amsterdam's winter time."""
    if standing["expected_at"] is None:
        return None
    moment = datetime.fromisoformat(standing["expected_at"]).astimezone(AMSTERDAM)
    return f"{moment:%m-%d %H:%M}"


async def cancel(house: House, trip: str, day: str) -> None:
    answer = await house.client.post(CANCELLATIONS, json={"trip_id": trip, "service_date": day, "note": "broken"})
    assert answer.status_code == 201, answer.text
    await house.work()


async def suspend(house: House, **what: Any) -> int:
    answer = await house.client.post(SUSPENSIONS, json=what)
    assert answer.status_code == 201, answer.text
    await house.work()
    found: int = answer.json()["id"]
    return found


async def last(house: House, loan: str) -> dict[str, Any]:
    event = (await house.events(loan))[-1]
    return {name: event[name] for name in ("event", "by", "note", "data")}


async def test_a_late_scan_misses_the_next_trip(house: House) -> None:
    loan = await shipped(house)
    standing = await house.acted(loan, "Scan", location="H", at="2026-11-23T10:45:00+01:00")
    assert (way(standing), expected(standing)) == ([LATER_IN], "11-24 11:00")
    assert await last(house, loan) == {
        "event": "Replanned",
        "by": "leenpad",
        "note": "It missed what it was going to ride.",
        "data": {"expected_before": "2026-11-23T10:00:00+00:00", "expected_at": "2026-11-24T11:00:00+01:00"},
    }


async def test_a_scan_that_is_uploaded_late_moves_nothing_back(house: House) -> None:
    """The handset of the hub N comes back to its dock after that of the hub H: it was there before."""
    loan = await shipped(house)
    await house.acted(loan, "Scan", location="H", at="2026-11-23T10:05:00+01:00")
    before = await house.look(loan)
    assert (before["seen_at_location"], expected(before)) == ("H", "11-23 11:00")
    for location in ("N", "desk"):
        after = await house.acted(loan, "Scan", location=location, at="2026-11-23T10:00:00+01:00")
        assert after == {**before, "events": after["events"]}, "it is written down, and changes nothing"
        assert (await house.history(loan))[-1] == "ScannedOnTheWay: Loaned"
    await house.acted(loan, "Scan", location="desk", at="2026-11-23T11:01:00+01:00")
    assert (await house.act(loan, "Scan", location="H", at="2026-11-23T10:06:00+01:00")).status_code == 409
    assert (await house.look(loan))["item"] == "at_pickup"


async def test_a_cancelled_trip_moves_the_date_and_undoing_it_moves_it_back(house: House) -> None:
    loan = await shipped(house)
    await cancel(house, "v1-in", "2026-11-23")
    standing = await house.look(loan)
    assert expected(standing) == "11-24 11:00"
    assert way(standing)[-1] == LATER_IN
    assert (await last(house, loan))["note"] == "What it was going to ride no longer runs."
    answer = await house.client.delete(f"{CANCELLATIONS}/v1-in/2026-11-23")
    assert answer.status_code == 204
    await house.work()
    standing = await house.look(loan)
    assert (way(standing), expected(standing)) == ([OUT, IN], "11-23 11:00")
    assert await last(house, loan) == {
        "event": "Replanned",
        "by": "leenpad",
        "note": "It can be there earlier by what runs now.",
        "data": {"expected_before": "2026-11-24T10:00:00+00:00", "expected_at": "2026-11-23T11:00:00+01:00"},
    }


async def test_what_does_not_concern_it_changes_nothing(house: House) -> None:
    loan = await shipped(house)
    before = await house.look(loan)
    await cancel(house, "v1-in", "2026-11-24")
    await cancel(house, "v2-out", "2026-11-23")
    assert await house.look(loan) == before


async def test_what_is_aboard_is_planned_on_from_where_it_gets_off(house: House) -> None:
    """Nobody scanned it, but the van has left: what the first leg rode stays, and the rest comes later."""
    loan = await shipped(house)
    await house.later(hours=1, minutes=30)
    await cancel(house, "v1-in", "2026-11-23")
    standing = await house.look(loan)
    assert (way(standing), expected(standing)) == ([OUT, LATER_IN], "11-24 11:00")


async def test_a_van_that_left_after_all_never_left(house: House) -> None:
    """The trip is cancelled once it should have departed: the item still stands at the supplier."""
    loan = await shipped(house)
    await house.later(hours=1, minutes=30)
    await cancel(house, "v1-out", "2026-11-23")
    standing = await house.look(loan)
    assert way(standing) == ["v1-out 11-24 branch H", LATER_IN]


async def test_the_very_next_decision_is_without_it(house: House) -> None:
    """Of both suppliers, and in another process: what is in memory is known to be old by what the look-up brings."""
    before = await house.ask(requesting_agency_request_id="before")
    await cancel(house, "v1-out", "2026-11-23")
    after = await house.ask(requesting_agency_request_id="after")
    arrivals = [answer.json()["rota"][0]["arrives_at"] for answer in (before, after)]
    assert arrivals == ["2026-11-23T11:00:00+01:00", "2026-11-24T11:00:00+01:00"]


async def test_a_route_that_stands_still(house: House) -> None:
    loan = await shipped(house)
    number = await suspend(house, route="V1", since="2026-11-23", until="2026-11-25")
    standing = await house.look(loan)
    assert (way(standing), expected(standing)) == (["v1-out 11-25 branch H", "v1-in 11-25 H desk"], "11-25 11:00")
    assert (await house.client.delete(f"{SUSPENSIONS}/{number}")).status_code == 204
    await house.work()
    assert expected(await house.look(loan)) == "11-23 11:00"
    listed = (await house.client.get(SUSPENSIONS)).json()["items"]
    assert listed == []  # it had not begun before today


async def test_a_poi_that_stands_still(house: House) -> None:
    loan = await shipped(house)
    number = await suspend(house, poi="1", since="2026-11-23", until="2026-11-25")
    standing = await house.look(loan)
    assert (way(standing), expected(standing)) == (["v1-out 11-25 branch H", "v1-in 11-25 H desk"], "11-25 11:00")
    (listed,) = (await house.client.get(SUSPENSIONS)).json()["items"]
    assert (listed["poi"], listed["route"], listed["everything"]) == ("1", None, False)
    assert (await house.client.delete(f"{SUSPENSIONS}/{number}")).status_code == 204
    await house.work()
    assert expected(await house.look(loan)) == "11-23 11:00"


async def test_vans_pass_a_location_by_that_stands_still(house: House) -> None:
    """What is on its way there comes after it, and so does what is asked for there meanwhile."""
    loan = await shipped(house)
    number = await suspend(house, location="desk", since="2026-11-23", until="2026-11-25")
    standing = await house.look(loan)
    assert (way(standing)[-1], expected(standing)) == ("v1-in 11-25 H desk", "11-25 11:00")
    asked = await house.ask()
    assert asked.json()["rota"][0]["arrives_at"] == "2026-11-25T11:00:00+01:00"
    sheet = (await house.client.get("/v1/trips/v1-in/2026-11-24/run-sheet")).json()
    assert [(stop["location"]["id"], stop["skipped"]) for stop in sheet["stops"]] == [("H", False), ("desk", True)]
    network = (await house.ground.snapshot.follow()).network
    calls = calls_at(network, "desk", first=date(2026, 11, 23), days=3)
    assert [(call.service_date.day, call.runs) for call in calls] == [(23, False), (24, False), (25, True)]
    assert (await house.client.delete(f"{SUSPENSIONS}/{number}")).status_code == 204
    await house.work()
    assert expected(await house.look(loan)) == "11-23 11:00"


async def test_everything_stands_still_and_it_is_tried_again(house: House) -> None:
    """2020: all vans stop, nobody knows for how long. Nothing is planned, nothing lapses, and nobody is late."""
    waiting = await house.asked(exclude=["branch"])
    loan = await shipped(house)
    number = await suspend(house, everything=True, since="2026-11-23", note="lockdown")
    standing = await house.look(loan)
    assert (way(standing), expected(standing)) == ([], None)
    assert (await last(house, loan))["note"] == "What it was going to ride no longer runs, and no van takes it on."
    events = len(await house.events(loan))
    for _ in range(30):
        await house.later(days=1)
    assert len(await house.events(loan)) == events  # once said is enough
    assert (await house.look(waiting))["placements"][0]["state"] == "live"
    assert (await house.client.delete(f"{SUSPENSIONS}/{number}")).status_code == 204
    await house.work()
    standing = await house.look(loan)
    assert expected(standing) == "12-23 11:00"
    assert (await house.client.get(SUSPENSIONS)).json()["items"] == [
        {
            "id": number,
            "agency": None,
            "location": None,
            "route": None,
            "poi": None,
            "everything": True,
            "since": "2026-11-23",
            "until": "2026-12-23",
            "by": "admin",
            "note": "lockdown",
        }
    ]
    assert (await house.look(waiting))["placements"][0]["lapses_at"] == "2027-01-01T08:00:00Z"


async def test_no_way_today_is_tried_again_by_itself(house: House) -> None:
    """The horizon is 35 days: what no van takes on within it may be taken on a few days later."""
    loan = await shipped(house)
    await suspend(house, everything=True, since="2026-11-23", until="2026-12-30")
    assert expected(await house.look(loan)) is None
    for _ in range(3):
        await house.later(days=1)
    assert expected(await house.look(loan)) == "12-30 11:00"


async def test_a_supplier_that_stands_still_does_not_lapse(house: House) -> None:
    """Eight days from the 23rd, and ten on which the agency stands still."""
    loan = await house.asked()
    assert (await house.look(loan))["placements"][0]["lapses_at"] == "2026-12-01T07:00:00Z"
    await suspend(house, agency="NL-2", since="2026-11-25", until="2026-12-05")
    assert (await house.look(loan))["placements"][0]["lapses_at"] == "2026-12-11T07:00:00Z"
    await house.later(days=8, minutes=1)
    assert (await house.history(loan))[-1] == "Placed: RequestReceived"
    await house.later(days=10)
    assert "Lapsed: RequestReceived" in await house.history(loan)


async def test_whoever_is_served_by_a_poi_that_stands_still_does_not_lapse(house: House, filled: str) -> None:
    """Nothing can be fetched from there: what need not be answered yet, is not late."""
    await run_sql(filled, "update location set poi = 'NORD' where id = 'branch'")
    try:
        loan, elsewhere = await house.asked(), await house.asked(exclude=["branch"])
        before = (await house.look(elsewhere))["placements"]
        await suspend(house, poi="NORD", since="2026-11-25", until="2026-12-05")
        assert (await house.look(loan))["placements"][0]["lapses_at"] == "2026-12-11T07:00:00Z"
        assert (await house.look(elsewhere))["placements"] == before
    finally:
        await run_sql(filled, "update location set poi = null where id = 'branch'")


async def test_nobody_is_late_while_the_supplier_stands_still(house: House) -> None:
    loan = await shipped(house)
    await house.acted(loan, "Received", at="2026-11-23T11:05:00+01:00")
    number = await suspend(house, location="branch", since="2026-12-01", until="2026-12-08")
    standing = await house.look(loan)
    assert standing["due_at"] == "2026-12-21T10:05:00Z"
    assert await last(house, loan) == {
        "event": "DueDateMoved",
        "by": "leenpad",
        "note": "The network, or whoever supplied it, stands still for a while.",
        "data": {"due_before": "2026-12-14T10:05:00+00:00", "due_at": "2026-12-21T10:05:00+00:00"},
    }
    assert (await house.client.delete(f"{SUSPENSIONS}/{number}")).status_code == 204
    await house.work()
    assert (await house.look(loan))["due_at"] == "2026-12-14T10:05:00Z"
    await house.later(days=22)
    assert (await house.history(loan))[-1] == "Overdue: Overdue"


async def test_another_version_of_the_network_plans_again(house: House) -> None:
    loan = await shipped(house)
    answer = await house.client.post("/v1/network/versions/second/activate")
    assert answer.status_code == 200
    await house.work()
    standing = await house.look(loan)
    assert (way(standing), expected(standing)) == (["w1-out 11-23 branch H", "w1-in 11-23 H desk"], "11-23 10:00")
    assert (await house.client.post("/v1/network/undo")).status_code == 200
    await house.work()
    standing = await house.look(loan)
    assert (way(standing), expected(standing)) == ([OUT, IN], "11-23 11:00")


# --- by hand --------------------------------------------------------------------------------------


def legs(*text: str) -> list[dict[str, str]]:
    names = ("trip_id", "service_date", "from_location", "to_location")
    return [dict(zip(names, leg.replace(" 11-", " 2026-11-").split(), strict=True)) for leg in text]


async def test_staff_choose_another_itinerary(house: House) -> None:
    """It is recorded with who and why, and stays while it runs, although something faster does too."""
    loan = await shipped(house)
    standing = await house.acted(loan, "Override", legs=legs(OUT, LATER_IN), by="desk", note="crate is full")
    assert (way(standing), expected(standing)) == ([OUT, LATER_IN], "11-24 11:00")
    assert await last(house, loan) == {
        "event": "Replanned",
        "by": "desk",
        "note": "crate is full",
        "data": {"expected_before": "2026-11-23T10:00:00+00:00", "expected_at": "2026-11-24T11:00:00+01:00"},
    }
    await house.client.post("/v1/network/versions/first/activate")
    await cancel(house, "v2-out", "2026-11-23")
    await house.client.delete(f"{CANCELLATIONS}/v2-out/2026-11-23")
    await house.work()
    assert expected(await house.look(loan)) == "11-24 11:00"
    await cancel(house, "v1-in", "2026-11-24")
    assert expected(await house.look(loan)) == "11-23 11:00"


async def test_an_itinerary_that_cannot_be_is_refused_by_field(house: House) -> None:
    loan = await shipped(house)
    before = await house.look(loan)
    for chosen, pointer in (
        (legs("no 11-23 branch H", IN), "/legs/0/trip_id"),
        (legs("v1-out 11-22 branch H", IN), "/legs/0/service_date"),
        (legs(IN), "/legs/0/from_location"),
        (legs(OUT), "/legs/0/to_location"),
        (legs(OUT, "v1-in 11-20 H desk"), "/legs/1/trip_id"),
    ):
        answer = await house.act(loan, "Override", legs=chosen)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    answer = await house.act(loan, "Override", legs=legs(OUT, IN), supplying_location="far")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/legs")
    answer = await house.act(loan, "Override", supplying_location="far")
    assert (answer.status_code, "takes `legs` now" in answer.json()["detail"]) == (409, True)
    assert await house.look(loan) == before
    asked = await house.asked()
    answer = await house.act(asked, "Override", legs=legs(OUT, IN))
    assert (answer.status_code, "takes no `legs` now" in answer.json()["detail"]) == (409, True)


# --- what planners say ----------------------------------------------------------------------------


async def test_a_cancellation_is_said_once_and_shown(house: House) -> None:
    body = {"trip_id": "v1-in", "service_date": "2026-11-23", "note": "broken"}
    first = await house.client.post(CANCELLATIONS, json=body)
    again = await house.client.post(CANCELLATIONS, json={**body, "note": "again"})
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    shown = {name: value for name, value in first.json().items() if name != "created_at"}
    assert shown == {**body, "route_id": "V1", "operator": "V1 vans", "by": "admin", "source": "planner"}
    await house.client.post(CANCELLATIONS, json={**body, "service_date": "2026-11-24"})
    page = (await house.client.get(CANCELLATIONS, params={"limit": 1})).json()
    assert page["items"] == [first.json()]
    rest = (await house.client.get(CANCELLATIONS, params={"cursor": page["next_cursor"]})).json()
    assert [row["service_date"] for row in rest["items"]] == ["2026-11-24"]
    since = (await house.client.get(CANCELLATIONS, params={"since": "2026-11-24"})).json()
    assert since == {"items": rest["items"], "next_cursor": None}
    gone = await house.client.delete(f"{CANCELLATIONS}/v1-in/2026-11-25")
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/unknown-cancellation")


@pytest.mark.parametrize(
    ("address", "body", "pointer"),
    [
        (CANCELLATIONS, {"trip_id": "no", "service_date": "2026-11-23"}, "/trip_id"),
        (CANCELLATIONS, {"trip_id": "v1-in", "service_date": "2026-11-22"}, "/service_date"),
        (SUSPENSIONS, {"route": "no"}, "/route"),
        (SUSPENSIONS, {"agency": "no"}, "/agency"),
        (SUSPENSIONS, {"location": "no"}, "/location"),
        (SUSPENSIONS, {"poi": "no"}, "/poi"),
        (SUSPENSIONS, {}, ""),
        (SUSPENSIONS, {"everything": True, "route": "V1"}, ""),
        (SUSPENSIONS, {"route": "V1", "since": "2026-11-24", "until": "2026-11-24"}, "/until"),
        (SUSPENSIONS, {"route": "V1", "since": "0001-01-01"}, "/since"),
        (SUSPENSIONS, {"route": "V1", "until": "9999-12-31"}, "/until"),
        (SUSPENSIONS, {"route": "V1", "since": "2026-11-01", "until": "2026-11-23"}, "/until"),
    ],
)
async def test_what_cannot_stand_still_is_named(
    house: House, address: str, body: dict[str, Any], pointer: str
) -> None:
    answer = await house.client.post(address, json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_an_unknown_suspension(house: House) -> None:
    answer = await house.client.delete(f"{SUSPENSIONS}/123456")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown-suspension")


async def test_nobody_ships_by_a_trip_that_is_cancelled_meanwhile(house: House) -> None:
    """Many are shipped while the trip is cancelled: whichever is first, all end on one that runs."""
    loans = [await house.asked(exclude=[]) for _ in range(2)]
    many = [house.act(loan, "Loaned") for loan in loans]
    body = {"trip_id": "v1-in", "service_date": "2026-11-23"}
    answers = await asyncio.gather(many[0], house.client.post(CANCELLATIONS, json=body), many[1])
    assert [answer.status_code for answer in answers] == [200, 201, 200]
    await house.work()
    assert {expected(await house.look(loan)) for loan in loans} == {"11-24 11:00"}


async def test_an_itinerary_planned_on_what_ran_before_is_not_written(house: House, filled: str) -> None:
    """Whoever writes one and whoever cancels a trip wait for each other, and the later knows of the earlier."""
    state = await house.ground.snapshot.follow()
    async with house.ground.database.transaction() as writing:
        assert await still_stands(writing, state.standing)
        cancelling = asyncio.create_task(
            house.client.post(CANCELLATIONS, json={"trip_id": "v1-in", "service_date": "2026-11-23"})
        )
        async with house.ground.database.connection() as looking:
            while not await looking.fetchval(
                "select exists (select from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock'"
                " and not granted)"
            ):
                assert not cancelling.done()
    assert (await cancelling).status_code == 201
    async with house.ground.database.transaction() as writing:
        assert not await still_stands(writing, state.standing)
