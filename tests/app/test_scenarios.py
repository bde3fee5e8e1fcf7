"""What-if over the API: taken on, worked out by a worker in a process of its own, followed, cancelled, killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.lending.work import work, work_off
from app.planning.try_out import Reach
from app.settings import Settings
from app.store.scenarios import KIND
from app.store.tasks import claim
from tests.support.filled import fill, run_sql
from tests.support.house import House, open_house

pytestmark = pytest.mark.once

HOME = Path(__file__).resolve().parents[2]
PROCESSES = Path("/proc")
DROPPED: dict[str, Any] = {
    "name": "Zonder de brengrit",
    "changes": [{"kind": "drop_route", "route": "V1"}],
    "demand": {"kind": "real", "since": "2026-11-23", "until": "2026-11-30"},
}
DRAWN: dict[str, Any] = {**DROPPED, "demand": {**DROPPED["demand"], "kind": "generated", "requests": 400, "seed": 7}}


@pytest.fixture(scope="module")
async def filled(database_url: str) -> str:
    """A small network, and loan requests at a few moments of a week."""
    await fill(database_url)
    return database_url


@pytest.fixture
async def house(filled: str) -> AsyncIterator[House]:
    await run_sql(filled, "delete from scenario; delete from task; delete from loan_request")
    async with open_house(Settings(database_url=filled, lease_seconds=8)) as house:
        yield house


async def tried(house: House, **changes: Any) -> dict[str, Any]:
    """Take a scenario on, and return how it is answered."""
    answer = await house.client.post("/v1/scenarios", json={**DROPPED, **changes})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read(house: House, scenario: dict[str, Any], path: str = "", **params: Any) -> dict[str, Any]:
    answer = await house.client.get(f"/v1/scenarios/{scenario['id']}{path}", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


NAMED = {"branch": "Branch", "H": "Hub", "desk": "Desk"}


def more(filled: str) -> Any:
    return Reach(filled, 35).more


async def worked_out(house: House, filled: str, **changes: Any) -> dict[str, Any]:
    """Take one on, and have it carried out."""
    scenario = await tried(house, **changes)
    assert await work_off(house.ground, kinds={}, more=more(filled)) == 1
    return await read(house, scenario)


async def test_a_scenario_of_real_loan_requests_from_beginning_to_end(house: House, filled: str) -> None:
    for _ in range(3):
        assert (await house.ask()).status_code == 201
    assert (await house.ask(title={"isbn": "9783161484100"})).status_code == 201
    waiting = await tried(house)
    assert (waiting["state"], waiting["base"], waiting["summary"], waiting["total"]) == (
        "waiting",
        "first",
        None,
        None,
    )
    assert (await house.client.delete(f"/v1/scenarios/{waiting['id']}")).status_code == 204
    done = await worked_out(house, filled)
    assert (done["state"], done["done"], done["total"], done["error"]) == ("done", 8, 8, None)
    base, changed = done["summary"]["base"], done["summary"]["changed"]
    assert (base["loan_requests"], base["delivered"]) == (4, 4)
    # What is out today was not, or will not be: the desk's own copy is asked first.
    assert (base["by_van"], base["legs"]) == (1, 2)
    assert (changed["delivered"], changed["not_delivered"]) == (3, 1)
    assert base["kilometres"] == 0.0
    assert base["rides_of_unknown_length"] == 5 + 5 + 5 + 2
    assert [(row["location"], row["reach"], row["hours_changed"]) for row in done["summary"]["losers"]] == [
        ("desk", "no_longer", None)
    ]
    assert (done["summary"]["no_longer_reachable"], done["summary"]["newly_reachable"]) == (1, 0)
    legs = (await read(house, done, "/legs"))["items"]
    assert {(row["from_location"], row["from_name"]) for row in legs} <= NAMED.items()
    assert {(row["to_location"], row["to_name"]) for row in legs} <= NAMED.items()


async def test_what_was_worked_out_before_a_column_was_thought_of_has_null_there(house: House, filled: str) -> None:
    scenario = await worked_out(house, filled, **DRAWN)
    whole = (await read(house, scenario, "/locations"))["items"]
    await run_sql(
        filled,
        "update scenario_part set document = (select json_agg(row.value::jsonb - 11 order by row.number)"
        " from json_array_elements(document) with ordinality row (value, number)) where part = 'locations';"
        " update scenario set summary = ((summary::jsonb #- '{base,unreachable_locations}')"
        " - 'no_longer_reachable'::text)::json",
    )
    assert (await read(house, scenario, "/locations"))["items"] == [{**row, "reach": None} for row in whole]
    summary = (await read(house, scenario))["summary"]
    assert (summary["no_longer_reachable"], summary["base"]["unreachable_locations"]) == (None, None)


async def test_balances_with_which_the_first_day_begins_weigh_where_a_policy_says_so(
    house: House, filled: str
) -> None:
    for _ in range(4):
        assert (await house.ask()).status_code == 201
    # Three of them were sent by the desk's own agency long before, and nothing came back.
    await run_sql(
        filled,
        "update loan_request set submitted_at = '2026-10-01', shipped_at = '2026-11-22', supplying_agency = 'NL-1',"
        " requesting_agency = 'NL-3' where id in (select id from loan_request order by id limit 3)",
    )
    by_van = []
    for cents in (0.0, 1000.0):
        written = {"requesting": {"cents_per_hour": 1.0, "cents_per_net_loan": cents}}
        await run_sql(filled, "delete from policy")
        assert (await house.client.post("/v1/policies", json=written)).status_code == 201
        base = (await worked_out(house, filled))["summary"]["base"]
        assert (base["loan_requests"], base["delivered"]) == (1, 1)
        by_van.append(base["by_van"])
    await run_sql(filled, "delete from policy")
    assert by_van == [0, 1], "the desk's own copy, and then the branch's"


KINDS: dict[str, dict[str, Any]] = {
    "drop_route": {"route": "V1"},
    "frequency": {"route": "V1", "weekdays": ["Mo"], "again_after_minutes": [240]},
    "close_hub": {"location": "H"},
    "move_hub": {"location": "H", "to": "branch"},
    "line_haul": {"from_location": "N", "to_location": "H", "departs": "19:00", "minutes": 90},
    "hub_handling": {"minutes": 0},
    "shelf_handling": {"minutes": 24 * 60},
    "policy": {"objective": "cheapest", "supplier_cents": 0, "transport_cents": 0},
}


async def test_every_kind_of_change_tells_where_one_would_look_for_it(house: House, filled: str) -> None:
    found = {}
    for kind, change in KINDS.items():
        tried = await worked_out(house, filled, **{**DRAWN, "changes": [{"kind": kind, **change}]})
        found[kind] = tried["summary"]["base"], tried["summary"]["changed"]
    for base, after in found.values():
        assert base == found["policy"][0], "the same demand and network on the one side"
        assert after["delivered"] + after["not_delivered"] == 400
    base = found["policy"][0]
    after = {kind: changed for kind, (_, changed) in found.items()}
    assert after["drop_route"]["delivered"] < base["delivered"]
    assert after["close_hub"]["delivered"] < base["delivered"]
    assert after["frequency"]["trips"] == base["trips"] - 10 + 2 * 2
    assert after["line_haul"]["trips"] == base["trips"] + 10
    assert after["move_hub"]["trips"] == base["trips"]
    assert after["hub_handling"]["median_hours"] <= base["median_hours"]
    assert after["shelf_handling"]["median_hours"] > base["median_hours"]
    assert after["policy"]["cost_cents"] == base["cost_cents"] == 0, "within a province nothing is charged"


async def test_the_legs_add_up_and_the_same_scenario_is_the_same_result(house: House, filled: str) -> None:
    first = await worked_out(house, filled, **DRAWN)
    second = await worked_out(house, filled, **DRAWN)
    assert first["summary"] == second["summary"]
    for scenario in (first, second):
        rows = (await read(house, scenario, "/legs", limit=1000))["items"]
        assert sum(row["items_base"] for row in rows) == first["summary"]["base"]["legs"] > 0
        assert sum(row["items_changed"] for row in rows) == first["summary"]["changed"]["legs"]
    other = await worked_out(house, filled, **{**DRAWN, "demand": {**DRAWN["demand"], "seed": 8}})
    assert other["summary"] != first["summary"]


async def test_tables_come_in_pages_and_as_csv(house: House, filled: str) -> None:
    scenario = await worked_out(house, filled, **DRAWN)
    page = await read(house, scenario, "/locations", limit=1)
    rest = await read(house, scenario, "/locations", cursor=page["next_cursor"])
    whole = (await read(house, scenario, "/locations"))["items"]
    assert [*page["items"], *rest["items"]] == whole
    for path, columns, count in (
        ("", "measure,base,changed,difference", None),
        ("/locations", "location,name,asked,received_base", len(whole)),
        ("/legs", "route,from_location,to_location,day,items_base,items_changed", None),
        ("/overfull", "side,route,trip,day,from_location,to_location,items,room", 0),
    ):
        answer = await house.client.get(f"/v1/scenarios/{scenario['id']}{path}", params={"format": "csv"})
        assert answer.headers["content-type"].startswith("text/csv")
        head, *lines = answer.text.splitlines()
        assert head.startswith(columns)
        assert count is None or len(lines) == count
    assert (
        "median_hours," in (await house.client.get(f"/v1/scenarios/{scenario['id']}", params={"format": "csv"})).text
    )


async def test_what_has_no_result_yet_says_so(house: House) -> None:
    scenario = await tried(house)
    for path in ("/legs", "/locations", "/overfull", "?format=csv"):
        answer = await house.client.get(f"/v1/scenarios/{scenario['id']}{path}")
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/no-result-yet")


@pytest.mark.parametrize(
    ("changed", "status", "kind", "pointer"),
    [
        ({"changes": []}, 422, "invalid-input", "/changes"),
        ({"changes": [{"kind": "drop_route", "route": "?"}]}, 422, "change-impossible", "/changes/0/route"),
        ({"changes": [{"kind": "fly"}]}, 422, "invalid-input", "/changes/0"),
        ({"base": "nowhere"}, 404, "unknown-network-version", None),
        (
            {"demand": {"kind": "real", "since": "2026-11-23", "until": "2026-11-23"}},
            422,
            "invalid-input",
            "/demand/real",
        ),
        ({"demand": {**DRAWN["demand"], "requests": 10**6}}, 422, "invalid-input", "/demand/generated/requests"),
        ({"name": " "}, 422, "invalid-input", "/name"),
    ],
)
async def test_what_cannot_be_tried_is_refused_at_once(
    house: House, changed: dict[str, Any], status: int, kind: str, pointer: str | None
) -> None:
    answer = await house.client.post("/v1/scenarios", json={**DROPPED, **changed})
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}")
    if pointer is not None:
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await house.client.get("/v1/scenarios")).json()["items"] == []


async def test_one_that_waits_is_cancelled_and_never_carried_out(house: House, filled: str) -> None:
    scenario = await tried(house)
    cancelled = (await house.client.post(f"/v1/scenarios/{scenario['id']}/cancel")).json()
    assert (cancelled["state"], cancelled["summary"]) == ("cancelled", None)
    assert await work_off(house.ground, kinds={}, more=more(filled)) == 0
    again = (await house.client.post(f"/v1/scenarios/{scenario['id']}/cancel")).json()
    assert again == cancelled
    assert (await house.client.delete(f"/v1/scenarios/{scenario['id']}")).status_code == 204
    gone = await house.client.get(f"/v1/scenarios/{scenario['id']}")
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/unknown-scenario")


async def test_no_more_are_taken_on_than_can_be_carried_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.planning.try_out.MOST_UNDER_WAY", 1)
    await tried(house)
    answer = await house.client.post("/v1/scenarios", json=DROPPED)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/too-many-scenarios")


# --- workers that are at it -----------------------------------------------------------------------

LARGE: dict[str, Any] = {**DRAWN, "demand": {**DRAWN["demand"], "requests": 500_000, "until": "2026-12-23"}}


def replayers(parent: int) -> list[int]:
    """The processes below one that replay scenarios, and those that they have forked."""
    found = [parent]
    for at in found:
        with suppress(FileNotFoundError, ProcessLookupError):  # a process or a thread may end while it is looked at
            for task in (PROCESSES / str(at) / "task").iterdir():
                with suppress(FileNotFoundError, ProcessLookupError):
                    found += [int(child) for child in (task / "children").read_text().split()]
    return [pid for pid in found[1:] if b"app.planning.replayer" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return (PROCESSES / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


async def until(condition: Any, *, seconds: float = 60) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := await condition()):  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.01)  # a replay of this network is over in a second or two
    return found


async def test_one_that_is_under_way_tells_how_far_it_is_and_ends_soon_when_it_is_cancelled(
    house: House, filled: str
) -> None:
    scenario = await tried(house, **LARGE)
    worker = asyncio.create_task(work(house.ground, kinds={}, more=more(filled)))
    try:

        async def progressed() -> bool:
            row = await read(house, scenario)
            assert row["state"] in ("waiting", "running")
            return bool(row["state"] == "running" and replayers(os.getpid()))

        # Held where they are: a replay of this network would be over before anybody looks.
        await until(progressed)
        for pid in replayers(os.getpid()):
            os.kill(pid, signal.SIGSTOP)
        row = await read(house, scenario)
        assert row["state"] == "running"
        assert row["total"] is None or row["done"] < row["total"] == 1_000_000
        cancelled = await house.client.post(f"/v1/scenarios/{scenario['id']}/cancel")
        assert cancelled.json()["state"] == "cancelled"

        async def ended() -> bool:
            return not replayers(os.getpid())

        await until(ended, seconds=10)
        assert (await read(house, scenario))["state"] == "cancelled"
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def test_what_a_killed_process_was_at_is_done_again_from_the_beginning(house: House, filled: str) -> None:
    scenario = await tried(house, **{**LARGE, "demand": {**LARGE["demand"], "requests": 60_000}})
    carrying = asyncio.create_task(work_off(house.ground, kinds={}, more=more(filled)))

    async def begun() -> list[int]:
        return replayers(os.getpid())

    for pid in await until(begun):
        os.kill(pid, signal.SIGKILL)
    assert await carrying == 1
    row = await read(house, scenario)
    assert (row["state"], row["summary"]) == ("running", None)
    await house.later(seconds=10)  # when a task that failed is due again
    assert await work_off(house.ground, kinds={}, more=more(filled)) == 1
    row = await read(house, scenario)
    assert (row["state"], row["done"]) == ("done", 120_000)


async def test_a_worker_that_is_killed_takes_its_processes_along_and_another_takes_over(
    house: House, filled: str
) -> None:
    scenario = await tried(house, **{**LARGE, "demand": {**LARGE["demand"], "requests": 60_000}})
    surroundings = {**os.environ, "LEENPAD_DATABASE_URL": filled, "LEENPAD_LEASE_SECONDS": "2"}
    worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "app", "work", cwd=HOME, env=surroundings)

    async def begun() -> list[int]:
        return replayers(worker.pid)

    at_it = await until(begun)
    worker.kill()
    await worker.wait()

    async def gone() -> bool:
        return not any((PROCESSES / str(pid)).exists() for pid in at_it)

    await until(gone, seconds=10)

    async def taken_over() -> bool:
        return await work_off(house.ground, kinds={}, more=more(filled)) == 1

    await until(taken_over)
    row = await read(house, scenario)
    assert (row["state"], row["done"]) == ("done", 120_000)


async def test_whoever_lost_the_lease_writes_nothing(house: House, filled: str) -> None:
    scenario = await tried(house, **LARGE)
    carrying = asyncio.create_task(work_off(house.ground, kinds={}, more=more(filled)))

    async def begun() -> list[int]:
        return replayers(os.getpid())

    await until(begun)
    connection = await asyncpg.connect(filled)
    try:  # as if it had been away for so long that another worker has it by now
        await connection.execute("update task set leased_until = now() - interval '1 second'")
        async with house.ground.database.transaction() as other:
            (task,) = await claim(other, now=house.clock.now(), lease=house.ground.lease, limit=1, kinds=[KIND])
        assert await carrying == 1
        assert not replayers(os.getpid())
        assert await connection.fetchval("select leased_until from task") == task.leased_until
    finally:
        await connection.close()
    assert (await read(house, scenario))["state"] == "running"


async def test_one_that_fails_time_and_again_says_so(
    house: House, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.planning.try_out.MOST_ATTEMPTS", 1)
    scenario = await tried(house)
    # As if the definition had been written by a version that knew more.
    await run_sql(filled, "update scenario set definition = '{}'")
    assert await work_off(house.ground, kinds={}, more=more(filled)) == 1
    connection = await asyncpg.connect(filled)
    try:
        state, error = await connection.fetchrow("select state, error from scenario where id = $1", scenario["id"])
        letters = await connection.fetchval("select count(*) from task where dead_at is not null")
    finally:
        await connection.close()
    assert (state, letters) == ("failed", 1)
    assert "without a result" in error
