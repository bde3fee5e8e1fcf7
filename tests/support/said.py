"""What is said to PostgreSQL in which test, so that another version of it need not hear everything again.

A statement is one of ours, word for word but for numbers: what `app` and the migrations say, not what tests do.
"""

from __future__ import annotations

import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

ROOT = Path(__file__).parents[2]
OURS = (f"{ROOT / 'app'}/", f"{ROOT / 'migrations'}/")
TESTS = f"{ROOT / 'tests'}/"
# Every way of asyncpg's to say something leads through one of these.
WAYS = ("execute", "_get_statement", "_copy_in", "_copy_out")
# By which index a statement goes every version decides for itself: what looks at that is repeated as well.
ALWAYS = "tests/lending/test_year.py"
# It puts filters together as nobody does, and each time that is a statement word for word like no other.
UNHEARD = "tests/app/test_schemathesis.py"
KEPT = "leenpad/tests-for-another-postgresql"  # in pytest's cache, where `run` looks for it


@dataclass(slots=True)
class Heard:
    """The statements of one test, and the seconds that it took."""

    statements: set[str] = field(default_factory=set)
    seconds: float = 0.0


def cover(heard: Mapping[str, Heard]) -> list[str]:
    """Choose tests in which all is said that is said in any: by turns the one that says most that is new a second.

    They are named by file and test; of the file ALWAYS all are chosen.
    """
    always = [name for name in heard if name.startswith(ALWAYS)]
    chosen = always.copy()
    missing = said_in(heard, heard) - said_in(heard, chosen)
    while missing:
        best = max(
            sorted(heard), key=lambda name: len(heard[name].statements & missing) / (heard[name].seconds + 0.1)
        )
        chosen.append(best)
        missing -= heard[best].statements
    # What was taken early may have been said in full by those that came after it.
    for name in sorted(chosen, key=lambda name: -heard[name].seconds):
        others = [other for other in chosen if other != name]
        if name not in always and heard[name].statements <= said_in(heard, others):
            chosen = others
    return sorted(chosen)


def said_in(heard: Mapping[str, Heard], names: Iterable[str]) -> set[str]:
    """All that is said in some tests."""
    return set[str]().union(*(heard[name].statements for name in names))


def listen(hear: Callable[[str], None]) -> None:
    """Have `hear` told every statement of ours that this process says from now on."""
    for name in WAYS:
        setattr(asyncpg.Connection, name, _telling(getattr(asyncpg.Connection, name), hear))


def _telling(way: Callable[..., Any], hear: Callable[[str], None]) -> Callable[..., Any]:
    def tell(connection: asyncpg.Connection, statement: str, *args: Any, **kwargs: Any) -> Any:
        if _is_ours():
            hear(re.sub(r"\d+", "0", statement))
        return way(connection, statement, *args, **kwargs)

    return tell


def _is_ours() -> bool:
    """Whether the nearest of us who has something said now is no test."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        name = frame.f_code.co_filename
        if name.startswith((*OURS, TESTS)):
            return not name.startswith(TESTS)
    return False


class Listening:
    """A part of pytest: listens in each process that tests, and where all comes together writes down what to repeat.

    Only a test that asks for a server can be repeated on another one.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.heard: dict[str, Heard] = defaultdict(Heard)
        self.now = Heard()
        listen(lambda statement: self.now.statements.add(statement))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Put what is said while this test runs, its fixtures included, and the time down to it."""
        begun, self.now = time.monotonic(), Heard()
        answer = yield
        if item.get_closest_marker("database") and not item.nodeid.startswith(UNHEARD):
            test = self.heard[item.nodeid]
            test.statements |= self.now.statements
            test.seconds += time.monotonic() - begun
        return answer

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what one of several processes has heard."""
        for name, (statements, seconds) in getattr(node, "workeroutput", {}).get("heard", {}).items():
            self.heard[name].statements.update(statements)
            self.heard[name].seconds += seconds

    def pytest_sessionfinish(self) -> None:
        """Hand it over, or choose."""
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["heard"] = {
                name: (sorted(test.statements), test.seconds) for name, test in self.heard.items()
            }
        elif (cache := getattr(self.config, "cache", None)) is not None:
            cache.set(KEPT, cover(self.heard))
