"""The four emulated systems of the demonstration, in a process of their own: `python -m app.demo.emulated PARENT`.

LEENPAD_DATABASE_URL says where the demonstration is. For each kind a system is chosen and an emulator stocked with
what its locations hold; once all are served, one line of JSON says how each is reached. The process ends with its
parent, or by SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from typing import Any

import orjson

from adapters.emulators.kinds import EMULATORS
from adapters.emulators.serve import Emulator, serving
from adapters.installation import Installation
from app.database import Database, open_database
from app.demo.stocking import emulator_of, smallest
from app.embedded.leash import die_with_parent
from app.settings import Settings
from app.store.agencies import Filters, list_locations
from app.store.holdings import count_by_system, list_stock
from app.store.systems import list_locations_of

PAGE = 1000


def main(parent_pid: int) -> None:
    """Serve until told to stop."""
    die_with_parent(parent_pid, signal.SIGTERM)
    asyncio.run(_serve(Settings()))


async def _serve(settings: Settings) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    assert settings.database_url is not None, "whoever starts this says where the demonstration is"
    async with open_database(
        settings.database_url, pool_size=1, statement_cache_size=settings.statement_cache_size
    ) as database:
        emulators = await stocked(database)
    async with AsyncExitStack() as stack:
        served = {
            system: described(emulator.kind, await stack.enter_async_context(serving(emulator)))
            for system, emulator in emulators.items()
        }
        sys.stdout.buffer.write(orjson.dumps(served) + b"\n")
        sys.stdout.buffer.flush()
        await stopped.wait()


async def stocked(database: Database) -> dict[str, Emulator]:
    """Return an emulator of each kind by the id of the system whose holdings it has."""
    async with database.one_moment() as connection:
        chosen = smallest(await count_by_system(connection), EMULATORS)
        places: dict[str, dict[str, Any]] = {}
        while page := await list_locations(connection, Filters(), after=max(places, default=None), limit=PAGE):
            places |= {row["id"]: row for row in page}
        emulators = {}
        for kind, system in chosen.items():
            locations = await list_locations_of(connection, system)
            holdings = await list_stock(connection, locations)
            emulators[system] = emulator_of(kind, [places[location] for location in locations], holdings)
    return emulators


def described(kind: str, installation: Installation) -> dict[str, Any]:
    """Return how a system is reached, as JSON: its limits are those of everybody."""
    return {
        "kind": kind,
        "addresses": dict(installation.addresses),
        "secrets": dict(installation.secrets),
        "branches": dict(installation.branches),
        "options": dict(installation.options),
    }


if __name__ == "__main__":
    main(int(sys.argv[1]))
