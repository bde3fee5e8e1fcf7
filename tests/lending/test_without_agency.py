"""A supplying location without an agency: whoever plans for its POI answers for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.store.keys import add_key
from tests.support.filled import run_sql
from tests.support.house import House

HEARD = "update epoch set number = number + 1 where of = 'register'"


@pytest.fixture
async def keys(house: House, filled: str) -> AsyncIterator[dict[str, dict[str, str]]]:
    """Headers of an admin, of the planners of both POIs, and of an agency; `branch` has none while they last."""
    await run_sql(filled, f"update location set agency = null, province = 'DR' where id = 'branch'; {HEARD}")
    kinds: dict[str, dict[str, Any]] = {
        "admin": {"agency": "KB", "scopes": ["admin"]},
        "north": {"agency": "NL-N", "scopes": ["planner"], "poi": "NORD"},
        "south": {"agency": "NL-Z", "scopes": ["planner"], "poi": "ZUID"},
        "two": {"agency": "NL-2", "scopes": ["supplier"]},
    }
    async with house.ground.database.transaction() as connection:
        made = {name: await add_key(connection, **kind) for name, kind in kinds.items()}
    yield {name: {"authorization": f"Bearer {key.key}"} for name, key in made.items()}
    await run_sql(filled, "delete from api_key; delete from epoch where of = 'keys'")
    await run_sql(filled, f"update location set agency = 'NL-2', province = null where id = 'branch'; {HEARD}")


async def test_its_planner_sees_it_and_answers(house: House, keys: dict[str, dict[str, str]]) -> None:
    house.client.headers.update(keys["admin"])
    loan = await house.asked()
    standing = await house.look(loan)
    assert (standing["supplying_agency"], standing["supplying_location"]) == (None, "branch")

    async def listed(who: str) -> list[str]:
        answer = await house.client.get("/v1/loan-requests", headers=keys[who])
        return [row["id"] for row in answer.json()["items"]]

    async def says(who: str, action: str, **details: str) -> httpx.Response:
        address = f"/v1/loan-requests/{loan}/actions"
        return await house.client.post(address, json={"action": action, **details}, headers=keys[who])

    assert {who: await listed(who) for who in ("north", "south", "two")} == {"north": [loan], "south": [], "two": []}
    assert [(await says(who, "WillSupply")).status_code for who in ("south", "two")] == [404, 404]
    assert (await says("north", "Cancel")).status_code == 403, "the other side is somebody's"
    assert (await says("north", "WillSupply")).json()["status"] == "WillSupply"
    answer = await says("north", "Unfilled", reason="NotOnShelf")
    assert answer.status_code == 200
    await house.work()
    assert (await house.look(loan))["supplying_location"] == "far"
    assert (await says("north", "WillSupply")).status_code == 403, "that is another's to say"
    assert await listed("north") == [loan], "it was asked"
    assert [event["by"] for event in await house.events(loan)][3:5] == ["NL-N", "NL-N"]
