"""What a planner may activate: a version that changes nothing but what her own POI drives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from app.database import Database, open_database
from app.store.network_changes import NotYours
from app.store.network_versions import activate, create_version, find_active, undo
from app.store.timetable import Content
from tests.support.filled import FIRST, content_of, fill
from tests.support.worlds import drawn

V1, L = frozenset({"V1 vans"}), frozenset({"L vans"})
CHANGES = {
    "a call at another time": ("branch 09:00", "branch 09:01"),
    "a call at another stop": ("branch 09:00", "island 09:00"),
    "other days": ("V1/v1-out   Mo-Fr", "V1/v1-out   Mo-Sa"),
    "another name for a trip": ("V1/v1-out", "V1/v1-away"),
    "a trip more": ("    L/line", "    V1/v1-late  Mo-Fr  H 12:00  desk 12:30\n    L/line"),
    "a trip less": ("    V1/v1-in    Mo-Fr  H 10:30  desk 11:00\n", ""),
}


@pytest.fixture(scope="module")
async def filled(database_url: str) -> AsyncIterator[Database]:
    await fill(database_url)
    async with open_database(database_url, pool_size=2) as database:
        yield database


async def active_after(database: Database, made: str | Content, own: frozenset[str]) -> str:
    """Make a version of a drawing or content, activate it as whoever drives `own`, and return what is active then."""
    async with database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await create_version(connection, "new", content_of(drawn(made)) if isinstance(made, str) else made)
            await activate(connection, "new", own=own)
            active = await find_active(connection)
            assert active is not None
            return active
        finally:
            await transaction.rollback()


@pytest.mark.parametrize("change", CHANGES)
async def test_her_own_trips_and_nobody_elses(filled: Database, change: str) -> None:
    text = FIRST.replace(*CHANGES[change])
    assert text != FIRST
    assert await active_after(filled, text, V1) == "new"
    with pytest.raises(NotYours, match=r"It changes what others drive: V1 vans\."):
        await active_after(filled, text, L)


async def test_a_hub_is_everybodys_who_calls_there(filled: Database) -> None:
    with pytest.raises(NotYours, match=r"It changes what others drive: L vans\."):
        await active_after(filled, FIRST.replace("hub H 10m", "hub H 20m"), V1)
    with pytest.raises(NotYours, match=r"It changes what others drive: L vans, V2 vans\."):
        await active_after(filled, FIRST.replace("hub N 30m", "hub N 20m"), V1)


@pytest.mark.parametrize("moved", [{"name": "Elsewhere"}, {"lat": 50.8}, {"lon": 5.9}], ids=str)
async def test_where_a_stop_is_and_what_it_is_called_is_the_business_of_who_calls_there(
    filled: Database, moved: dict[str, Any]
) -> None:
    content = content_of(drawn(FIRST))
    stops = [replace(stop, **moved) if stop.id == "far" else stop for stop in content.stops]
    with pytest.raises(NotYours, match=r"It changes what others drive: V2 vans\."):
        await active_after(filled, replace(content, stops=stops), V1)
    assert await active_after(filled, replace(content, stops=stops), frozenset({"V2 vans"})) == "new"


async def test_operators_come_and_go_by_an_admin(filled: Database) -> None:
    for text in (FIRST + "    V3/v3  Mo-Fr  desk 12:00  H 12:30\n", FIRST.replace("V1/", "V9/")):
        with pytest.raises(NotYours, match="Its operators or its timezone are others"):
            await active_after(filled, text, V1 | frozenset({"V3 vans", "V9 vans"}))


async def test_who_plans_for_nobody_activates_what_changes_nothing(filled: Database) -> None:
    async with filled.connection() as connection:
        assert await activate(connection, "first", own=frozenset()) is False
    with pytest.raises(NotYours):
        await active_after(filled, FIRST.replace(*CHANGES["a trip less"]), frozenset())


async def test_the_last_network_is_not_a_planners_to_take_away(filled: Database) -> None:
    with pytest.raises(NotYours, match="No network would be left"):
        async with filled.transaction() as connection:
            await undo(connection, own=V1)
    async with filled.connection() as connection:
        assert await find_active(connection) == "first"


async def test_where_no_network_is_active_a_planner_may_begin(filled: Database) -> None:
    async with filled.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await undo(connection)
        assert await activate(connection, "second", own=V1) is True
        await transaction.rollback()
