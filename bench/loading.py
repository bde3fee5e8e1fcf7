"""Measures how soon a network version that a process has never seen can decide: as the service loads it."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import datetime

from app.database import open_database
from app.lending.snapshot import Snapshot
from bench.engine import HORIZON_DAYS
from routing.network import window_for

TIMES = 5


def new_version_seconds(database_url: str, week: datetime) -> float:
    """Return the median seconds to read the active version and the register, compile, and expand a first window."""
    return asyncio.run(_measure(database_url, week))


async def _measure(database_url: str, week: datetime) -> float:
    spent = []
    async with open_database(database_url) as database:
        for _ in range(TIMES):
            snapshot = Snapshot(database, horizon_days=HORIZON_DAYS, sweep_cache_mib=512)
            begun = time.perf_counter()
            state = await snapshot.follow()
            window_for(state.network, int(week.timestamp()), HORIZON_DAYS)
            spent.append(time.perf_counter() - begun)
    return statistics.median(spent)
