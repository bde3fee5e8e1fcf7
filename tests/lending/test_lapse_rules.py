"""How long suppliers may take: of several rules the most particular holds, for what was asked already too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.filled import run_sql
from tests.support.house import House


@pytest.fixture(autouse=True)
async def as_migrated(filled: str) -> AsyncIterator[None]:
    yield
    await run_sql(filled, "delete from lapse_rule where agency <> '' or service_level <> ''")
    await run_sql(filled, "update lapse_rule set open_days = 8")


async def put(house: House, **rule: Any) -> list[tuple[Any, ...]]:
    answer = await house.client.put("/v1/lapse-rules", json=rule)
    assert answer.status_code == 200, answer.text
    assert answer.json() == (await house.client.get("/v1/lapse-rules")).json()
    return [tuple(row.values()) for row in answer.json()["items"]]


async def lapses(house: House, loan: str) -> int:
    """After how many days what was asked of `branch`, which never closes, lapses."""
    (placement,) = (await house.look(loan))["placements"]
    moments = [house.clock.now().fromisoformat(placement[name]) for name in ("placed_at", "lapses_at")]
    return (moments[1] - moments[0]).days


async def test_the_most_particular_rule_holds(house: House) -> None:
    async def each() -> list[int]:
        asks: list[dict[str, Any]] = [{}, {"service_level": "Rush"}]
        loans = [await house.asked(**ask) for ask in asks]
        found = [await lapses(house, loan) for loan in loans]
        for loan in loans:  # there are two copies
            await house.acted(loan, "Cancel")
        return found

    assert await each() == [8, 8]
    await put(house, open_days=7)
    assert await each() == [7, 7]
    await put(house, service_level="Rush", open_days=6)
    assert await each() == [7, 6]
    await put(house, agency="NL-3", service_level="Rush", open_days=1)
    assert await each() == [7, 6], "that is another's"
    await put(house, agency="NL-2", open_days=5)
    assert await each() == [5, 5]
    assert await put(house, agency="NL-2", service_level="Rush", open_days=2) == [
        ("NL-2", "Rush", 2),
        ("NL-2", None, 5),
        ("NL-3", "Rush", 1),
        (None, "Rush", 6),
        (None, None, 7),
    ]
    assert await each() == [5, 2]
    assert ("NL-2", "Rush", 2) not in await put(house, agency="NL-2", service_level="Rush", open_days=None)
    assert await each() == [5, 5]


async def test_what_was_asked_already_is_counted_again(house: House) -> None:
    loan = await house.asked()
    await house.later(days=4)
    assert (await house.history(loan))[3:] == []
    await put(house, agency="NL-3", open_days=3)
    await house.work()
    assert (await house.history(loan))[3:] == [], "that is another's"
    await put(house, agency="NL-2", open_days=6)
    await house.work()
    assert (await lapses(house, loan), (await house.history(loan))[3:]) == (6, [])
    await put(house, agency="NL-2", open_days=3)
    await house.work()
    assert (await house.history(loan))[3:4] == ["Lapsed: RequestReceived"]


@pytest.mark.parametrize(
    ("rule", "status", "pointer"),
    [
        ({"open_days": 0}, 422, "/open_days"),
        ({"open_days": 366}, 422, "/open_days"),
        ({"open_days": None}, 422, "/open_days"),
        ({"open_days": 3, "service_level": "Slow"}, 422, "/service_level"),
        ({"agency": "NL-2"}, 422, "/open_days"),
        ({"open_days": 3, "agency": "NL-0"}, 404, None),
    ],
)
async def test_what_cannot_be_agreed(house: House, rule: dict[str, Any], status: int, pointer: str | None) -> None:
    answer = await house.client.put("/v1/lapse-rules", json=rule)
    assert answer.status_code == status
    assert [fault["pointer"] for fault in answer.json().get("errors", [])] == ([pointer] if pointer else [])
