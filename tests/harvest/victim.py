"""A worker in a process of its own, to be killed: python -m tests.harvest.victim URL."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from app.database import open_database
from app.lending.clock import SetClock
from app.lending.ground import Ground
from app.lending.harvest import HARVEST, harvest
from app.lending.snapshot import Snapshot
from app.lending.work import work_off
from tests.harvest.scripted import START, Given, Scripted, record

RECORDS = 30
LEASE = timedelta(seconds=2)


def catalogue(clock: SetClock) -> Scripted:
    """What the system of this test holds, the same in every process."""
    one = Scripted(clock=clock.now, page_size=5)
    one.put(*(record(f"r{n:02}", "A", "B", isbn="9780306406157", ppn=f"p{n}") for n in range(RECORDS)))
    return one


async def main(url: str) -> None:
    """Carry out what is due."""
    clock = SetClock(START)
    async with open_database(url, pool_size=3) as database:
        ground = Ground(
            database=database,
            snapshot=Snapshot(database, horizon_days=35, sweep_cache_mib=16),
            systems=Given({"one": catalogue(clock)}),
            clock=clock,
            lease=LEASE,
        )
        await work_off(ground, kinds={HARVEST: harvest})


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
