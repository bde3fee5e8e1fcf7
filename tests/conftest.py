"""For all tests: those that need PostgreSQL are marked, so that they can run once more on another version of it.

Side by side, a file's tests stay together (`--dist loadfile`): they share a database or what was costly to make.

The order: what is told soonest first; then what takes long by itself, so that nobody waits for it at the end; and
those of the adapters, which wait more than they work, fill up what is left, files of many tests first.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support.said import Listening

TESTS = Path(__file__).parent
LONG = ("crash", "demo", "platform")
LAST = 3


def pytest_configure(config: pytest.Config) -> None:
    """Find out which files suffice for another version of PostgreSQL."""
    config.pluginmanager.register(Listening(config))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `database` whatever uses the server, by its fixtures, and order all."""
    for item in items:
        if "server_url" in getattr(item, "fixturenames", ()):
            item.add_marker("database")
    turns: dict[Path, list[int]] = defaultdict(list)
    for item in items:
        turns[item.path].append(_turn(item))

    def place(item: pytest.Item) -> tuple[int, int]:
        """One long test makes its file long; one that needs the database is a reason to come later."""
        turn = 1 if 1 in turns[item.path] else max(turns[item.path])
        return turn, -len(turns[item.path]) if turn == LAST else 0

    items.sort(key=place)


@pytest.fixture(scope="module", autouse=True)
def only_ours_is_collected() -> None:
    """Collecting garbage in a file looks at what this file makes, not each time at all that is loaded."""
    gc.collect()
    gc.freeze()


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]


def _turn(item: pytest.Item) -> int:
    if _folder(item) == "adapters":
        return LAST
    if _folder(item) in LONG or item.get_closest_marker("once"):
        return 1
    return 2 if item.get_closest_marker("database") else 0
