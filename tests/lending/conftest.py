"""A filled database for each module, and the application on it for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.app.conftest import database_url, server_url, template
from tests.support.filled import fill, run_sql
from tests.support.house import House, open_house
from tests.support.scripted import Scripted

# Of a few rows, a truncate costs the server fifty times as much. What hangs on a loan request goes with it.
NO_LOAN_REQUEST = "; ".join(
    f"delete from {table}"
    for table in (
        "task",
        "settlement_entry",
        "webhook",
        "trip_cancellation",
        "trip_change",
        "trip_feed",
        "floated_item",
        "loan_request",
    )
)

HEARD = "update epoch set number = number + 1 where of = 'register'"

__all__ = ["database_url", "filled", "house", "server_url", "systems", "template"]


@pytest.fixture(scope="module")
async def filled(database_url: str) -> str:
    """The small network of tests/support/filled.py."""
    await fill(database_url)
    return database_url


@pytest.fixture
async def house(filled: str) -> AsyncIterator[House]:
    """The application under the test's clock; no loan request is left from the test before."""
    await run_sql(filled, NO_LOAN_REQUEST)
    async with open_house(Settings(database_url=filled)) as opened:
        yield opened


@pytest.fixture
async def systems(house: House, filled: str) -> AsyncIterator[dict[str, Scripted]]:
    """A system of its own for the branch, and one for far away."""
    opened = {"branch": Scripted({"branch": 1}), "far": Scripted({"far": 1})}
    for location, system in opened.items():
        await run_sql(
            filled,
            "insert into system (id, kind, addresses, branches) values"
            f" ('of {location}', 'fake', '{{\"desk\": \"fake:desk\"}}', jsonb_build_object('Branch', '{location}'));"
            f" update location set system = 'of {location}' where id = '{location}'; {HEARD}",
        )
        house.ground.systems.put(f"of {location}", system)
    yield opened
    await run_sql(filled, f"update location set system = null; delete from system where id like 'of %'; {HEARD}")
