"""A worker that is killed in the middle of a page: nothing of the page is there, and the next goes on before it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from app.lending.harvest import start
from tests.harvest.scripted import Stage
from tests.harvest.victim import LEASE, RECORDS, catalogue

ROOT = Path(__file__).parents[2]
# A page's transaction waits here, in its middle: after the titles and holdings, before the place of the next page.
TRAP = """
create function trap() returns trigger language plpgsql as $$
begin
  if new.pages = {page} then perform pg_advisory_xact_lock(4711); end if;
  return new;
end $$;
create trigger trap before update on harvest_run for each row execute function trap();
"""


@pytest.mark.parametrize("page", [1, 4])
async def test_a_worker_killed_in_the_middle_of_a_page_costs_that_page(
    stage: Stage, database_url: str, page: int
) -> None:
    stage.ground = replace(stage.ground, lease=LEASE)
    stage.systems["one"] = catalogue(stage.clock)
    await start(stage.ground, "one", whole=False, confirm_run=None)
    holder = await asyncpg.connect(database_url)
    try:
        await holder.execute(TRAP.format(page=page))
        await holder.execute("select pg_advisory_lock(4711)")
        victim = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "tests.harvest.victim", database_url),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
        )
        waiting = "select exists (select from pg_locks where objid = 4711 and not granted)"
        await until(lambda: holder.fetchval(waiting), seconds=120)  # a busy machine starts it slowly
        victim.send_signal(signal.SIGKILL)
        await victim.wait()
    finally:
        await holder.execute("drop trigger trap on harvest_run; drop function trap")
        await holder.close()
    nobody_waits = "select from pg_stat_activity having count(*) filter (where wait_event_type = 'Lock') = 0"
    await until(lambda: stage.rows(nobody_waits))  # the server has noticed that its client is gone
    before = await stage.run("one")
    landed = 5 * (page - 1)
    assert (before["pages"], before["cursor"]) == (page - 1, str(landed) if landed else None)
    assert await stage.rows("select count(*) from catalogue_record") == [(landed,)]
    assert await stage.rows("select count(*) from holding") == [(2 * landed,)]
    assert await stage.rows("select count(*) from title") == [(landed,)]
    await until(stage.work)  # once the lease of the one that died is over
    run = await stage.run("one")
    assert (run["state"], run["records"], run["pages"]) == ("done", RECORDS, 6)
    # On a busy machine whoever takes over may lose its lease too; nobody goes back behind what has landed.
    first, *others = stage["one"].asked
    assert first == (None, str(landed) if landed else None)
    assert all(int(cursor or 0) > landed for _, cursor in others)
    assert await stage.rows("select count(*), sum(copies) from holding") == [(2 * RECORDS, 2 * RECORDS)]


async def test_a_page_that_lands_twice_has_landed_once(stage: Stage) -> None:
    one = stage["one"]
    one.page_size = 5
    one.changes = catalogue(stage.clock).changes
    await stage.harvest("one")
    once = await everything(stage)
    await stage.rows("update harvest_run set state = 'running', cursor = '10'")
    await stage.harvest("one")
    assert await everything(stage) == once


async def until(happens: Callable[[], Awaitable[object]], *, seconds: float = 10) -> None:
    """Look again and again."""
    async with asyncio.timeout(seconds):
        while True:
            if await happens():
                return
            await asyncio.sleep(0.02)


async def everything(stage: Stage) -> list[tuple[object, ...]]:
    return await stage.rows(
        "select h::text from holding h union all select c::text from catalogue_holding c"
        " union all select r::text from catalogue_record r union all select (t.id, t.title)::text from title t"
        " union all select i::text from title_isbn i union all select p::text from title_ppn p order by 1"
    )
