"""Runs of a harvest: what changed and all there is, where they go on, and what they take away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adapters.breaker import BreakerState
from adapters.contract import CursorLost, Malformed, Page, RateLimited, Unavailable
from app.lending.harvest import plan, start
from app.store.harvests import NothingToConfirm, Schedule
from app.store.systems import get_system, note_breaker
from tests.harvest.scripted import START, Scripted, Stage, held, record


async def test_the_first_run_takes_all_there_is(stage: Stage) -> None:
    one = stage["one"]
    one.put(*(record(f"r{n}", "A", "B") for n in range(7)))
    await stage.harvest("one")
    assert len(await stage.shelves()) == 14
    run = await stage.run("one")
    assert (run["whole"], run["state"], run["pages"], run["records"], run["holdings"]) == (True, "done", 3, 7, 14)
    assert run["whole_size"] == 7
    assert one.asked == [(None, None)]
    assert await stage.rows("select * from task") == []  # nobody said how often


async def test_later_runs_ask_for_what_changed_since_a_while_before_the_last(stage: Stage) -> None:
    one = stage["one"]
    one.put(record("r1", "A"), record("r2", "A"))
    await stage.harvest("one")
    stage.later(hours=5)
    one.put(record("r2", "B"))
    one.delete("r1")
    await stage.harvest("one")
    assert await stage.shelves() == ["B: 1 PR2"]
    assert one.asked[-1] == (START - timedelta(hours=1), None)
    run = await stage.run("one")
    assert (run["whole"], run["records"], run["deleted"]) == (False, 1, 1)
    assert await stage.rows("select number from catalogue_record") == [("r2",)]


async def test_what_was_on_its_way_when_a_run_began_comes_with_the_next(stage: Stage) -> None:
    one = stage["one"]
    one.put(record("r1", "A"))
    await stage.harvest("one")
    stage.later(hours=2)
    # written half an hour before that run, and seen only now: the system was slow to index it
    one.changes["late"] = (START - timedelta(minutes=30), record("late", "B"))
    await stage.harvest("one")
    assert await stage.shelves() == ["A: 1 PR1", "B: 1 PLATE"]


async def test_a_system_whose_clock_tells_days_only_is_asked_a_day_earlier(stage: Stage) -> None:
    one = stage["one"]
    one.put(record("r1", "A"))
    midnight = START.replace(hour=1)  # in UTC
    stage.clock.set(midnight)
    await stage.harvest("one")
    await stage.harvest("one")
    assert one.asked[-1][0] == midnight - timedelta(days=1)


async def test_a_schedule_has_it_done_again_and_again(stage: Stage) -> None:
    one = stage["one"]
    one.put(record("r1", "A"))
    often = Schedule(interval_seconds=600, whole_interval_seconds=3600, overlap_seconds=60)
    await plan(stage.ground, "one", often)
    await stage.work()
    for _ in range(6):
        stage.later(seconds=600)
        await stage.work()
    since = [asked[0] for asked in one.asked]
    begun = [START + timedelta(seconds=600 * n - 60) for n in range(5)]
    assert since == [None, *begun, None]


async def test_a_run_goes_on_where_it_was_when_the_system_fails(stage: Stage) -> None:
    one = stage["one"]
    one.put(*(record(f"r{n}", "A") for n in range(9)))

    def fail_at_second(page: int) -> None:
        if page == 1 and not one.faults and len(one.asked) == 1:
            one.faults.append(Unavailable("busy"))

    one.before_page = fail_at_second
    await stage.harvest("one")
    run = await stage.run("one")
    assert (run["state"], run["pages"], run["errors"], run["in_a_row"]) == ("running", 1, 1, 1)
    assert run["error"] == "Unavailable: busy"
    assert len(await stage.shelves()) == 3  # each page is there as soon as it landed
    assert await stage.work() == 0  # not at once
    stage.later(minutes=2)
    await stage.work()
    assert one.asked == [(None, None), (None, "3")]
    run = await stage.run("one")
    assert (run["state"], run["records"], run["in_a_row"]) == ("done", 9, 0)


async def test_a_system_that_asks_for_patience_gets_it(stage: Stage) -> None:
    one = stage["one"]
    one.put(record("r1", "A"))
    one.faults.append(RateLimited(90))
    await stage.harvest("one")
    assert (await stage.run("one"))["in_a_row"] == 0  # it is there, and busy
    stage.later(seconds=89)
    assert await stage.work() == 0
    stage.later(seconds=2)
    await stage.work()
    assert await stage.shelves() == ["A: 1 PR1"]


async def test_faults_in_a_row_wait_longer_and_longer(stage: Stage) -> None:
    one = stage["one"]
    one.faults += [Malformed("nonsense")] * 8
    await stage.harvest("one")
    waited = []
    for _ in range(7):
        ((due,),) = await stage.rows("select due_at from task")
        assert isinstance(due, datetime)
        waited.append((due - stage.clock.now()).total_seconds() / 60)
        stage.clock.set(due)
        await stage.work()
    assert waited == [1, 2, 4, 8, 16, 32, 60]


async def test_a_lost_cursor_has_all_there_is_gone_through(stage: Stage) -> None:
    one = stage["one"]
    one.put(*(record(f"r{n}", "A") for n in range(6)))
    await stage.harvest("one")
    stage.later(hours=3)
    one.put(*(record(f"r{n}", "B") for n in range(4)))
    one.lose("r5")

    def lose_second(page: int) -> None:
        if page == 1 and len(one.asked) == 2:
            one.faults.append(CursorLost("expired"))

    one.before_page = lose_second
    await stage.harvest("one")
    assert one.asked[1:] == [(START - timedelta(hours=1), None), (None, None)]
    states = await stage.rows("select number, whole, state, removed from harvest_run order by number")
    assert states == [(1, True, "done", 0), (2, False, "lost", 0), (3, True, "done", 2)]
    assert await stage.shelves() == ["A: 1 PR4", "B: 1 PR0", "B: 1 PR1", "B: 1 PR2", "B: 1 PR3"]


async def test_a_run_of_all_that_loses_its_place_begins_anew_after_a_while(stage: Stage) -> None:
    one = stage["one"]
    one.put(record("r1", "A"))
    one.faults.append(CursorLost("expired"))
    await stage.harvest("one")
    assert await stage.shelves() == []
    stage.later(minutes=6)
    await stage.work()
    assert await stage.shelves() == ["A: 1 PR1"]


async def test_what_a_run_of_all_did_not_come_across_goes_at_its_end(stage: Stage) -> None:
    one = stage["one"]
    one.put(*(record(f"r{n}", "A", "B") for n in range(6)))
    await stage.harvest("one")
    one.lose("r0")
    one.put(record("r1", "A"))  # and no longer at B
    seen: list[int] = []

    async def look(_: int) -> None:
        seen.append(len(await stage.shelves()))

    one.before_page = look
    await stage.harvest("one", whole=True)
    assert seen == [12, 12]  # two pages, and all is there before each
    assert len(await stage.shelves()) == 9
    run = await stage.run("one")
    assert (run["state"], run["unseen"], run["removed"]) == ("done", 3, 3)
    assert await stage.rows("select count(*) from catalogue_record") == [(5,)]


async def test_a_reader_never_sees_a_half_emptied_library(stage: Stage) -> None:
    one = stage["one"]
    one.page_size = 20
    one.put(*(record(f"r{n:03}", "A", "B", "C") for n in range(300)))
    await stage.harvest("one")
    one.lose(*(f"r{n:03}" for n in range(100)))
    one.put(*(record(f"r{n:03}", "A", "B", "D") for n in range(100, 200)))
    seen: set[tuple[object, ...]] = set()
    looks = 0

    async def read() -> None:
        nonlocal looks
        while True:
            rows = await stage.rows(
                "select count(*) filter (where location in ('A', 'B')), count(*) filter (where location = 'C'),"
                " count(*) filter (where location = 'D') from holding"
            )
            seen.add(rows[0])
            looks += 1

    reading = asyncio.create_task(read())
    await stage.harvest("one", whole=True)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert looks > 20
    # A and B: all of it until the end, then what is left; nothing in between. C goes with the same stroke.
    assert {row[0] for row in seen} <= {600, 400}
    assert {row[1] for row in seen} <= {300, 100}
    assert {(row[0], row[1]) for row in seen} <= {(600, 300), (400, 100)}
    assert await stage.rows("select count(*) from holding") == [(600,)]


async def test_a_run_that_would_take_half_away_waits_for_a_person(stage: Stage) -> None:
    one = stage["one"]
    one.put(*(record(f"r{n}", "A") for n in range(9)))
    await stage.harvest("one")
    one.lose(*(f"r{n}" for n in range(6)))
    await stage.harvest("one", whole=True)
    run = await stage.run("one")
    assert (run["state"], run["unseen"], run["held_before"], run["removed"]) == ("held", 6, 9, 0)
    assert run["error"] == "run 2 did not come across 6 of 9 holdings: nothing is removed"
    assert len(await stage.shelves()) == 9
    # what changes meanwhile lands
    stage.later(hours=2)
    one.put(record("new", "B"))
    await stage.harvest("one")
    assert len(await stage.shelves()) == 10
    with pytest.raises(NothingToConfirm):
        await stage.harvest("one", confirm_run=1)
    await stage.harvest("one", confirm_run=2)
    assert len(await stage.shelves()) == 4
    assert await stage.rows("select state, removed from harvest_run where number = 2") == [("done", 6)]


async def test_a_run_that_waits_is_overtaken_by_one_that_finds_everything(stage: Stage) -> None:
    one = stage["one"]
    one.put(*(record(f"r{n}", "A") for n in range(4)))
    await stage.harvest("one")
    kept = dict(one.changes)
    one.lose("r0", "r1", "r2")
    await stage.harvest("one", whole=True)
    one.changes = kept
    await stage.harvest("one", whole=True)
    assert await stage.rows("select state from harvest_run order by number") == [("done",), ("overtaken",), ("done",)]
    assert len(await stage.shelves()) == 4


async def test_a_catalogue_that_comes_without_holdings_empties_nothing(stage: Stage) -> None:
    one = stage["one"]
    one.put(*(record(f"r{n}", "A") for n in range(4)))
    await stage.harvest("one")
    one.put(*(record(f"r{n}") for n in range(4)))
    await stage.harvest("one", whole=True)
    assert (await stage.run("one"))["state"] == "held"
    assert len(await stage.shelves()) == 4


async def test_branches_that_no_map_knows_are_counted_and_listed(stage: Stage) -> None:
    one = stage["one"]
    one.put(record("r1", "A", "?north"), record("r2", "?north", "?south"), record("r3", "B"))
    one.put(record("r4", "A"))
    one.changes["r4"] = (START, record("r4"))
    # a branch that leads to a location that nobody registered is as good as unknown
    one.put(record("r5"))
    one.changes["r5"] = (START, record("r5", "A", "nowhere"))
    await stage.harvest("one")
    assert await stage.shelves() == ["A: 1 PR1", "A: 1 PR5", "B: 1 PR3"]
    run = await stage.run("one")
    assert (run["state"], run["unmapped"], run["rejected"]) == ("done", 4, 0)
    branches = await stage.rows("select branch, holdings, example from harvest_unmapped order by branch")
    assert branches == [("?north", 2, "r1"), ("?south", 1, "r2"), ("nowhere", 1, "r5")]
    # once they are known, a run of all there is brings them in
    one.put(record("r1", "A", "C"), record("r2", "C", "D"), record("r5", "A"))
    await stage.harvest("one", whole=True)
    assert await stage.rows("select count(*) from harvest_unmapped") == [(0,)]


async def test_a_branch_that_falls_off_the_map_does_not_empty_its_location_by_the_way(stage: Stage) -> None:
    one = stage["one"]
    one.put(*(record(f"r{n}", "A", "B") for n in range(4)))
    await stage.harvest("one")
    one.put(*(record(f"r{n}", "?A", "?B") for n in range(4)))
    await stage.harvest("one", whole=True)
    assert len(await stage.shelves()) == 8
    assert (await stage.run("one"))["state"] == "held"


async def test_records_that_cannot_be_read_are_counted_and_listed(stage: Stage) -> None:
    one = stage["one"]
    one.put(record("r1", "A"), record("x" * 201, "A"), record(" ", "A"))
    await stage.harvest("one")
    run = await stage.run("one")
    assert run["rejected"] == 2
    assert run["rejects"] == ["a record's number is not 1 to 200 characters long"] * 2
    assert await stage.shelves() == ["A: 1 PR1"]


async def test_what_postgresql_does_not_take_is_made_fit(stage: Stage) -> None:
    one = stage["one"]
    one.put(record("r1\ud800", "A", title="A\0B\ud800" + "c" * 2000, author="\0", volume="1\0", material="M\udfff"))
    one.changes["r2"] = (START, record("r2", isbn="9789000000006 123", ppn="no ppn at all", title="Nothing to go by"))
    await stage.harvest("one")
    assert (await stage.run("one"))["state"] == "done"
    assert len(await stage.shelves()) == 1


async def test_a_system_that_cannot_be_harvested_says_so(stage: Stage) -> None:
    one, offers = stage["one"], stage["one"].offers
    await plan(stage.ground, "one", Schedule(interval_seconds=600))
    one.offers = frozenset()  # since then
    await stage.work()
    rows = await stage.rows("select error, errors from harvest")
    assert rows == [("NotOffered: nothing harvests this system", 1)]
    ((due,),) = await stage.rows("select due_at from task")
    assert due == START + timedelta(seconds=600)
    # Nor is it tried over and over because people asked for all of it.
    one.offers = offers
    await start(stage.ground, "one", whole=True, confirm_run=None)
    one.offers = frozenset()
    await stage.work()
    ((errors, wanted),) = await stage.rows("select errors, whole_wanted from harvest")
    assert (errors, wanted) == (2, True)
    ((due,),) = await stage.rows("select due_at from task")
    assert due == START + timedelta(seconds=600)


async def test_a_system_that_hangs_is_not_waited_for(stage: Stage) -> None:
    one = stage["one"]
    one.put(record("r1", "A"))
    stage.ground = replace(stage.ground, lease=timedelta(seconds=2))
    one.before_page = lambda _: asyncio.sleep(60)
    async with asyncio.timeout(5):
        await stage.harvest("one")
    rows = await stage.rows("select error, errors from harvest")
    assert rows == [("Unavailable: no page came within 0 s", 1)]


async def test_a_harvest_that_stops_short_is_not_taken_for_whole(stage: Stage) -> None:
    one = stage["one"]
    one.put(record("r1", "A"))
    await stage.harvest("one")

    class Short(Scripted):
        async def harvest(self, *, since: datetime | None = None, cursor: str | None = None) -> AsyncIterator[Page]:
            return
            yield

    stage.systems["one"] = Short(clock=stage.clock.now)
    await stage.harvest("one", whole=True)
    assert await stage.shelves() == ["A: 1 PR1"]
    assert (await stage.run("one"))["error"] == "Malformed: the harvest ended before its last page"


async def test_an_adapter_that_breaks_is_a_fault_like_any_other(stage: Stage) -> None:
    one = stage["one"]
    one.put(record("r1", "A"))
    one.faults.append(KeyError("a secret"))
    await stage.harvest("one")
    assert await stage.rows("select error, errors from harvest") == [("Malformed: its adapter broke: KeyError", 1)]
    stage.later(minutes=2)
    await stage.work()
    assert await stage.shelves() == ["A: 1 PR1"]


async def test_what_comes_in_a_turn_that_is_over_goes_on_in_the_next(stage: Stage) -> None:
    one = stage["one"]
    one.page_size = 1
    one.put(*(record(f"r{n}", "A") for n in range(5)))
    stage.ground = replace(stage.ground, lease=timedelta(seconds=2))
    one.before_page = lambda _: asyncio.sleep(0.25)
    await stage.harvest("one")
    assert (await stage.run("one"))["records"] == 5
    assert len(one.asked) > 1
    assert [int(cursor or 0) for _, cursor in one.asked] == sorted(int(cursor or 0) for _, cursor in one.asked)


async def test_runs_that_nobody_looks_at_are_forgotten(stage: Stage) -> None:
    stage["one"].put(record("r1", "A"))
    for _ in range(55):
        await stage.harvest("one")
    assert await stage.rows("select min(number), max(number), count(*) from harvest_run") == [(6, 55, 50)]


def test_a_copy_at_each_branch() -> None:
    assert [(each.branch, each.location) for each in held("A", "?x")] == [("A", "A"), ("?x", None)]


async def test_a_harvest_that_comes_to_its_end_closes_the_breakers_that_were_open(stage: Stage) -> None:
    stage["one"].put(record("r1", "A"))
    systems = stage.ground.systems
    opened = systems.put("one", stage["one"])
    for _ in range(3):
        opened.promptness.failed("late")
    async with stage.ground.database.transaction() as connection:
        await note_breaker(connection, "one", "a process that has ended", state="open", why="status 503")

    async def shown() -> str:
        async with stage.ground.database.connection() as connection:
            found: str = (await get_system(connection, "one"))["breaker"]
        return found

    assert await shown() == "open"
    stage["one"].faults.append(Unavailable("down"))
    await stage.harvest("one")
    assert await shown() == "open"
    stage.later(minutes=2)
    await stage.work()
    assert (await stage.run("one"))["state"] == "done"
    assert await shown() == "closed"
    assert opened.promptness.state is BreakerState.CLOSED
