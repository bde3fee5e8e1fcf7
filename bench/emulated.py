"""Serves an emulated library system with a stock of any size: `python -m bench.emulated KIND WORKS`.

It prints what an adapter needs to reach it, as a line of JSON, and ends with whoever started it.
"""

from __future__ import annotations

import asyncio
import sys

import orjson

from adapters.emulators.demo_stock import demo_work
from adapters.emulators.kinds import EMULATORS
from adapters.emulators.serve import serving

FIRST_NUMBERS = {"brocade": "c:lvd:{}"}


async def _serve(kind: str, works: int) -> None:
    emulator = EMULATORS[kind]()
    branches = sorted({copy.branch for copy in emulator.stock.copies.values()})
    emulator.stock.works.clear()
    emulator.stock.copies.clear()
    for place in range(1, works + 1):
        emulator.stock.add(demo_work(place, FIRST_NUMBERS.get(kind, "{}").format(500_000 + place), branches))
    async with serving(emulator) as installation:
        found = {name: dict(getattr(installation, name)) for name in ("addresses", "secrets", "branches", "options")}
        print(orjson.dumps({"system": installation.system, **found}).decode(), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
