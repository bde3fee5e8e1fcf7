"""For all tests: those that need PostgreSQL are marked, so that they can run once more on another version of it."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `database` whatever uses the server, by its fixtures."""
    for item in items:
        if "server_url" in getattr(item, "fixturenames", ()):
            item.add_marker("database")
