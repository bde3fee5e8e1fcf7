"""Every night it is learned how suppliers answer: from which placements, how, and who sees what of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from time import sleep
from typing import Any

import asyncpg
import numpy as np
import pytest

from app.lending import learn as learning
from app.lending.learn import LEARN, count_runs, ensure_learning, learn_responses, next_night
from app.lending.retain import RETENTION, ensure_retention, retain
from app.lending.work import work_off
from app.store.keys import add_key
from app.store.responses import find_newest, pack, unpack
from routing import RUNNING, compile_network
from routing.learning import Learned, learn
from routing.response import DECLINED, PRIOR_MISSED, SILENT, SUPPLIED, prior
from tests.support.answering import draw_world
from tests.support.filled import run_sql
from tests.support.house import House
from tests.support.worlds import drawn

ONLY = {LEARN: learn_responses}
FIGURES = "/v1/agencies/NL-3/response"


@pytest.fixture(autouse=True)
async def nothing_learned(filled: str) -> AsyncIterator[None]:
    yield
    await run_sql(filled, "delete from response_model; delete from suspension; update holding set material = 'book'")


# A placement: who was asked when, and when and how it ended. Moments are of November 2026, in Amsterdam.
_PLACED = """
with loan as (
    insert into loan_request (id, requesting_agency, requesting_agency_request_id, pickup_location, question,
                              supplying, requesting, item, status, submitted_at)
    values (gen_random_uuid(), 'NL-1', gen_random_uuid()::text, 'desk', '{}', 'nobody', 'waiting', 'in_hand',
            'RequestReceived', $2) returning id)
insert into placement (loan_request, number, supplying_agency, supplying_location, titles, state, "end", asked_at,
                       placed_at, shipped_at, closed_at)
select id, 1, 'NL-3', $1, '{1}', $3, $4, $2, $2, $5, $6 from loan
"""


async def placed(url: str, rows: str, *, times: int = 1) -> None:
    """Write placements drawn as lines: location, asked (day time), ended (day time) and how."""
    connection = await asyncpg.connect(url)
    try:
        for line in rows.strip().splitlines() * times:
            location, asked_day, asked_at, day, at, how = line.split()
            asked, ended = moment(asked_day, asked_at), moment(day, at)
            shipped = ended if how in ("Loaned", "Returned") else None
            state = "live" if how in ("Loaned", "open") else "closed"
            end = {"Loaned": None, "open": None, "Returned": "LoanCompleted"}.get(how, how)
            closed = None if state == "live" else ended + timedelta(days=how == "Returned")
            await connection.execute(_PLACED, location, asked, state, end, shipped, closed)
    finally:
        await connection.close()


def moment(day: str, at: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day}T{at}:00+01:00")


async def learned(house: House, *, least: int = 1) -> dict[str, Any]:
    """Have the task done, and return what it says of NL-3."""
    ground = replace(house.ground, responses_least=least)
    async with ground.database.transaction() as connection:
        await ensure_learning(connection, ground)
        await connection.execute("update task set due_at = $1 where kind = 'learn'", ground.clock.now())
    assert await work_off(ground, kinds=ONLY) == 1
    answer = await house.client.get(FIGURES)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def weights(house: House) -> dict[str, list[float]]:
    """What each location answered: supplied, declined and silent, as they are today."""
    async with house.ground.database.connection() as connection:
        newest = await find_newest(connection)
    assert newest is not None
    rows = newest.learned.model.locations
    return {location: newest.learned.weights[row].tolist() for location, row in rows.items()}


# --- which placements, and how ------------------------------------------------------------------------


async def test_what_is_an_answer_and_what_is_not(house: House, filled: str) -> None:
    house.clock.set(moment("22", "18:00"))
    await placed(
        filled,
        """
        far     20 09:00  22 18:00  open
        far     20 09:00  22 17:59  Cancel
        far     20 09:00  22 17:59  Withdrawn
        far     20 09:00  22 17:59  Override
        far     20 09:00  22 17:59  LetGo
        far     20 09:00  23 09:00  Lapsed
        far     02 09:00  22 17:59  Lapsed
        far     20 09:00  22 17:59  Unfilled
        far     20 09:00  22 17:59  RetryPossible
        island  20 09:00  22 17:59  PlacementRefused
        island  20 09:00  22 17:59  Loaned
        island  20 09:00  22 17:59  Returned
        """,
    )
    await learned(house)
    found = await weights(house)
    assert set(found) == {"far", "island"}
    assert found["far"] == pytest.approx([0, 2, 1], abs=1e-3), "what is withdrawn, open or to come says nothing"
    assert found["island"] == pytest.approx([2, 1, 0], abs=1e-3)


async def test_time_is_open_time_less_the_days_on_which_it_stood_still(house: House, filled: str) -> None:
    # Monday 16:00 to Wednesday 10:00: an hour, eight on Tuesday, and one on Wednesday; the island is always open.
    row = "16 16:00  18 10:00  Loaned"
    await placed(filled, f"far {row}\nisland {row}", times=400)
    times = {
        place["location"]: [bin_["from_open_hours"] for bin_ in place["times"] if bin_["supplied"] > 0.5]
        for place in (await learned(house))["locations"]
    }
    assert times == {"far": [8.0], "island": [40.0]}, "ten hours, and 42"
    await run_sql(
        filled, "insert into suspension (location, since, until) values ('far', '2026-11-17', '2026-11-18')"
    )
    await run_sql(filled, "update epoch set number = number + 1 where of = 'register'")
    far = next(place for place in (await learned(house))["locations"] if place["location"] == "far")
    assert [bin_["from_open_hours"] for bin_ in far["times"] if bin_["supplied"] > 0.5] == [2.0], "two"


async def test_a_context_is_when_it_was_asked_by_the_local_clock_and_what_for(house: House, filled: str) -> None:
    await run_sql(filled, "update holding set material = 'score' where location = 'far'")
    # A Wednesday at 00:30 in Amsterdam, which is Tuesday elsewhere; and by day.
    await placed(filled, "far 18 00:30 18 09:30 Unfilled\nisland 19 14:00 19 14:30 Loaned", times=100)
    ratios = (await learned(house))["ratios"]
    assert [ratio["context"] for ratio in ratios["materials"]] == ["book", "score"]
    changed = [
        ratio["context"]
        for ratio in (*ratios["weekdays"], *ratios["hours"])
        if {*ratio["supplied"], *ratio["declined"], ratio["silent"]} != {1.0}
    ]
    assert changed == ["Wednesday", "Thursday", "00-09", "13-15"]
    assert ratios["materials"][1]["supplied"][0] < 1 < ratios["materials"][0]["supplied"][0]


async def test_what_retention_takes_away_is_not_missed(house: House, filled: str) -> None:
    await placed(filled, "far 16 09:00 17 10:00 Loaned\nisland 16 09:00 18 10:00 Unfilled", times=5)
    await run_sql(filled, "update loan_request set ended_at = submitted_at, outcome = 'filled', status = 'Unfilled'")
    await learned(house)
    before = await weights(house)
    async with house.ground.database.transaction() as connection:
        await ensure_retention(connection, house.ground)
    await work_off(replace(house.ground, retention_days=1), kinds={RETENTION: retain})
    async with house.ground.database.connection() as connection:
        assert await connection.fetchval("select bool_and(stripped_at is not null) from loan_request")
    await learned(house)
    assert await weights(house) == before


# --- the task, and its versions -----------------------------------------------------------------------


async def test_of_too_few_answers_nothing_is_learned(house: House, filled: str) -> None:
    await placed(filled, "far 16 09:00 17 10:00 Loaned", times=4)
    nothing: dict[str, Any] = {
        "version": None,
        "learned_at": None,
        "since": None,
        "until": None,
        "locations": [],
        "ratios": None,
    }
    assert await learned(house, least=5) == {"isil": "NL-3", **nothing}
    assert (await house.ground.snapshot.follow()).responses is None
    await placed(filled, "far 16 09:00 17 10:00 Loaned")
    assert (await learned(house, least=5))["version"] is not None


async def test_decisions_have_the_newest_version_and_the_old_ones_are_let_go(
    house: House, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "KEPT", 2)
    await placed(filled, "far 16 09:00 17 10:00 Loaned", times=30)
    versions = []
    for _ in range(3):
        version = (await learned(house))["version"]
        state = await house.ground.snapshot.follow()
        assert state.responses is not None
        assert state.responses.version == version
        versions.append(version)
        await placed(filled, "far 16 09:00 17 10:00 Unfilled", times=30)
    assert state.responses is not None
    assert state.responses.table[state.responses.locations["far"]][DECLINED].sum() > 0.5
    answer = (await house.client.get("/v1/response-models")).json()
    assert [row["version"] for row in answer["items"]] == versions[:0:-1]
    assert [row["observations"] for row in answer["items"]] == [90, 60]
    first = (await house.client.get("/v1/response-models", params={"limit": 1})).json()
    rest = (await house.client.get("/v1/response-models", params={"cursor": first["next_cursor"]})).json()
    assert first["items"] + rest["items"] == answer["items"]


async def test_it_is_done_every_night(house: House, filled: str) -> None:
    async with house.ground.database.transaction() as connection:
        await ensure_learning(connection, house.ground)
    for _ in range(2):
        assert await work_off(house.ground, kinds=ONLY) == 1
        async with house.ground.database.connection() as connection:
            due = await connection.fetchval("select due_at from task where kind = 'learn' and leased_until is null")
        assert due == next_night(house.clock.now())
        house.clock.set(due)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-11-23T02:59:00+01:00", "2026-11-23T03:00:00+01:00"),
        ("2026-11-23T03:00:00+01:00", "2026-11-24T03:00:00+01:00"),
        ("2027-03-27T22:00:00+00:00", "2027-03-28T03:00:00+02:00"),
    ],
)
def test_the_next_night_comes_by_the_wall_clock(now: str, then: str) -> None:
    assert next_night(datetime.fromisoformat(now)) == datetime.fromisoformat(then)


async def test_the_task_is_kept_while_it_takes_long(
    house: House, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await placed(filled, "far 16 09:00 17 10:00 Loaned")
    at_once = learning.learn_from

    def slowly(*given: Any) -> Learned:
        sleep(1.0)  # in a thread
        return at_once(*given)

    monkeypatch.setattr(learning, "learn_from", slowly)
    ground = replace(house.ground, responses_least=1, lease=timedelta(seconds=0.4))
    async with ground.database.transaction() as connection:
        await ensure_learning(connection, ground)
    assert await work_off(ground, kinds=ONLY) == 1
    assert (await house.client.get(FIGURES)).json()["version"] is not None


def test_what_was_learned_is_kept_to_the_last_bit() -> None:
    found = learn(draw_world(3).draw(2000, 4), version="8", runs={"V1": (10, 1)})
    again = unpack(pack(found), version="8")
    for name in ("weights", "parents", "levels", "strengths"):
        assert np.array_equal(getattr(again, name), getattr(found, name)), name
    for name in ("table", "weekdays", "hours"):
        assert np.array_equal(getattr(again.model, name), getattr(found.model, name)), name
    for name in ("version", "locations", "systems", "provinces", "missed", "missed_otherwise"):
        assert getattr(again.model, name) == getattr(found.model, name), name
    assert {name: ratios.tolist() for name, ratios in again.model.materials.items()} == {
        name: ratios.tolist() for name, ratios in found.model.materials.items()
    }
    assert (again.runs, again.observations) == (found.runs, found.observations)


# --- vans ---------------------------------------------------------------------------------------------

TWO_ROUTES = """
    hub H 10m
    A/a1  Mo-Fr  x 09:00  H 10:00
    A/a2  Mo-Fr  x 14:00  H 15:00
    B/b1  Mo     H 11:00  y 12:00
"""


def test_dated_trips_are_counted_by_route_and_those_that_were_missed() -> None:
    network = compile_network(drawn(TWO_ROUTES), stoppages=RUNNING)
    first = date.fromordinal(network.days.first)
    at = datetime.fromisoformat(f"{first + timedelta(days=14)}T12:00:00+01:00")
    monday = first + timedelta(days=-first.weekday() % 7)
    missed = [
        ("a1", monday),
        ("a2", monday),
        ("b1", monday + timedelta(days=1)),  # it does not run on that day
        ("gone", monday),
        ("a1", monday - timedelta(days=400)),
        ("a1", at.date()),  # today is not over
    ]
    found = count_runs(network, missed, at)
    assert found == {"A": (20, 2), "B": (2, 0)}
    assert count_runs(network, missed, at - timedelta(days=20)) == {}


async def test_missed_trips_are_learned_of(house: House, filled: str) -> None:
    await placed(filled, "far 16 09:00 17 10:00 Loaned")
    await run_sql(
        filled,
        "insert into trip_cancellation (trip_id, service_date, route_id, operator, by)"
        " values ('v1-out', '2026-11-17', 'V1', 'V1 vans', 'NORD');"
        "insert into trip_change (trip_id, service_date, route_id, operator, delays, skipped, source, by, changed_at)"
        " values ('v1-out', '2026-11-18', 'V1', 'V1 vans', '[]', '[{\"location\": \"H\", \"visit\": 1}]', 'planner',"
        " 'NORD', now()), ('v1-out', '2026-11-19', 'V1', 'V1 vans', '[]', '[]', 'planner', 'NORD', now())",
    )
    await learned(house)
    model = (await house.ground.snapshot.follow()).responses
    assert model is not None
    async with house.ground.database.connection() as connection:
        newest = await find_newest(connection)
    assert newest is not None
    planned, missed = newest.learned.runs["V1"]
    assert missed == 2
    assert model.missed["V1"] == pytest.approx((2 + 500 * model.missed_otherwise) / (planned + 500))
    assert model.missed["V2"] < model.missed_otherwise
    assert model.missed_otherwise != PRIOR_MISSED


# --- what is shown, and to whom -----------------------------------------------------------------------


async def test_what_is_expected_is_shown_with_what_it_comes_from(house: House, filled: str) -> None:
    await placed(filled, "far 16 09:00 17 10:00 Loaned\nfar 16 09:00 20 10:00 Lapsed", times=30)
    found = await learned(house)
    far, island = found["locations"]
    assert (far["location"], island["location"]) == ("far", "island")
    assert (found["learned_at"], found["until"]) == (found["until"], "2026-11-23T07:00:00Z")
    for place in (far, island):
        assert place["supplies"] + place["declines"] + place["silent"] == pytest.approx(1)
        for part in ("answer", "time_to_supply", "time_to_decline"):
            assert sum(level[part]["share"] for level in place["levels"]) == pytest.approx(1)
    assert [(level["level"], level["of"]) for level in far["levels"]] == [
        ("location", "far"),
        ("system", None),
        ("province", "NB"),
        ("network", None),
        ("prior", None),
    ]
    assert [level["level"] for level in island["levels"]] == ["system", "province", "network", "prior"]
    assert (island["weight"], far["weight"]) == (0, pytest.approx(60, rel=0.06))
    assert far["levels"][-1]["answer"] == {
        "weight": None,
        "strength": None,
        "share": far["levels"][-1]["answer"]["share"],
    }
    assert 8 <= far["open_hours_p50"] <= 12, "eight on Monday and one on Tuesday"
    assert far["silent"] > 10 * prior()[SILENT]
    assert far["supplies"] == pytest.approx(0.5, abs=0.05)
    assert sum(bin_["supplied"] for bin_ in far["times"]) == pytest.approx(far["supplies"])
    assert prior()[SUPPLIED].sum() > far["supplies"]


async def test_an_agency_that_nobody_knows_is_a_problem(house: House) -> None:
    answer = await house.client.get("/v1/agencies/NL-404/response")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown-agency")


async def test_any_key_reads_what_decisions_go_by(house: House, filled: str) -> None:
    # The last of this file: the first key is the end of open mode.
    house.clock.set(moment("22", "18:00"))
    await placed(filled, "far 20 09:00 22 17:59 Unfilled")
    expected = await learned(house)
    assert [place["location"] for place in expected["locations"]] == ["far", "island"]
    for agency, scope, poi in (
        ("NL-3", "supplier", None),
        ("NL-2", "requester", None),
        ("NORD", "planner", "NORD"),
        ("KB", "reader", None),
    ):
        async with house.ground.database.transaction() as connection:
            made = await add_key(connection, agency=agency, scopes=[scope], poi=poi)
        answer = await house.client.get(FIGURES, headers={"authorization": f"Bearer {made.key}"})
        assert (answer.status_code, answer.json()) == (200, expected), agency
    assert (await house.client.get(FIGURES)).status_code == 401
