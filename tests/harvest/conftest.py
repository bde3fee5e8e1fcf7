"""A scripted system on an empty database for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.database import Database
from tests.app.conftest import database, database_url, server_url, template
from tests.harvest.scripted import Stage, staged

__all__ = ["database", "database_url", "server_url", "template"]


@pytest.fixture
async def stage(database: Database) -> AsyncIterator[Stage]:
    """Locations A to D, and the system `one`."""
    async with staged(database, "A", "B", "C", "D") as opened:
        yield opened
