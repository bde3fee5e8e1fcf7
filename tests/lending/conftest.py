"""A filled database for each module, and the application on it for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.app.conftest import database_url, server_url, template
from tests.support.filled import fill, run_sql
from tests.support.house import House, open_house

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

__all__ = ["database_url", "filled", "house", "server_url", "template"]


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
