"""For all tests: those that need PostgreSQL are marked, so that they can run once more on another version of it.

Side by side, a file's tests stay together, as they share a database or what was costly to make. Those of the adapters
share nothing.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ADAPTERS = Path(__file__).parent / "adapters"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `database` whatever uses the server, by its fixtures."""
    for item in items:
        if "server_url" in getattr(item, "fixturenames", ()):
            item.add_marker("database")
        if ADAPTERS not in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))
