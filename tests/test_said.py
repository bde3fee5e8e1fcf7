"""What suffices for another version of PostgreSQL: found by what is said, not by what anybody remembers to list."""

from __future__ import annotations

import asyncpg
import pytest

from app.database import Database
from app.store.standing import read_standing
from tests.app.conftest import database, database_url, server_url, template
from tests.support.said import ALWAYS, WAYS, Heard, cover, listen

__all__ = ["database", "database_url", "server_url", "template"]  # fixtures, taken over by name


def test_all_is_said_in_what_is_chosen_and_nothing_is_chosen_that_is_not_needed() -> None:
    heard = {
        "one.py::half": Heard({"a", "b"}, seconds=2),
        "one.py::other": Heard({"b", "c"}, seconds=1),
        "two.py::again": Heard({"a"}, seconds=0),
        "two.py::dear": Heard({"a", "b", "c"}, seconds=99),
        "two.py::nothing": Heard(),
    }
    assert cover(heard) == ["one.py::other", "two.py::again"]
    alone = {"one.py::alone": Heard({"b", "c", "d"}, seconds=50)}
    assert cover({**heard, **alone}) == ["one.py::alone", "two.py::again"]
    planned = {f"{ALWAYS}::{name}": Heard({"a"}, seconds=500) for name in ("first", "last")}
    assert cover({**heard, **planned}) == ["one.py::other", *planned]
    assert cover({"two.py::nothing": Heard()}) == []


async def test_what_the_store_says_is_heard_and_what_a_test_says_is_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in WAYS:
        monkeypatch.setattr(asyncpg.Connection, name, getattr(asyncpg.Connection, name))  # and back again
    heard: list[str] = []
    listen(heard.append)
    async with database.connection() as connection:
        await connection.fetch("select 4711")
        assert heard == []
        await read_standing(connection)
    (statement,) = set(heard)
    assert "network_activation" in statement
