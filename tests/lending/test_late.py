"""An item that nobody has seen come: everyone is told, and it is planned again from where it was last seen."""

from __future__ import annotations

from tests.lending.test_transport import cancel, expected, last, nothing_stands_still, shipped, way
from tests.support.filled import run_sql
from tests.support.house import House

__all__ = ["nothing_stands_still"]


async def lates(house: House, loan: str) -> list[str]:
    """When it was said to be late: day and time in UTC."""
    return [event["at"][5:16] for event in await house.events(loan) if event["event"] == "Late"]


async def test_what_was_left_behind_is_said_and_planned_again(house: House, filled: str) -> None:
    await run_sql(filled, "insert into webhook (agency, url, secret) values ('NL-1', 'https://example.org', 's')")
    loan = await shipped(house)
    assert expected(await house.look(loan)) == "11-23 11:00"
    await run_sql(filled, "delete from task where kind = 'deliver'")
    await house.later(hours=4, minutes=59)
    assert await lates(house, loan) == []
    await house.later(minutes=1)
    assert await last(house, loan) == {
        "event": "Late",
        "by": "leenpad",
        "note": "It should be at desk by now. It was last seen at branch, and may have been left there.",
        "data": {
            "expected_before": "2026-11-23T10:00:00+00:00",
            "expected_at": "2026-11-24T11:00:00+01:00",
            "last_seen_at": "branch",
        },
    }
    standing = await house.look(loan)
    assert (way(standing), expected(standing)) == (["v1-out 11-24 branch H", "v1-in 11-24 H desk"], "11-24 11:00")
    async with house.ground.database.connection() as connection:
        assert await connection.fetchval("select count(*) from task where kind = 'deliver'") == 1


async def test_what_is_late_is_listed_until_somebody_sees_it(house: House) -> None:
    async def listed() -> list[str]:
        answer = await house.client.get("/v1/loan-requests", params={"late": "true"})
        return [row["id"] for row in answer.json()["items"]]

    loan = await shipped(house)
    assert await listed() == []
    await house.later(hours=4)  # it should be there, and may still come
    assert await listed() == [loan]
    await house.later(hours=2)  # called late, and planned anew
    assert await listed() == [loan]
    await house.later(minutes=5)
    await house.acted(loan, "Scan", location="H", at=house.clock.now().isoformat())
    assert await listed() == []


async def test_it_is_planned_from_where_it_was_last_seen(house: House) -> None:
    loan = await shipped(house)
    await house.acted(loan, "Scan", location="H", at="2026-11-23T10:05:00+01:00")
    await house.later(hours=5)
    standing = await house.look(loan)
    assert (way(standing), expected(standing)) == (["v1-in 11-24 H desk"], "11-24 11:00")


async def test_it_is_said_again_after_a_longer_while_each_time(house: House) -> None:
    loan = await shipped(house)
    for _ in range(24 * 14):
        await house.later(hours=1)
    assert await lates(house, loan) == ["11-23T12:00", "11-25T12:00", "11-29T12:00"]
    await house.acted(loan, "Received")
    await house.later(days=20)
    assert len(await lates(house, loan)) == 3


async def test_what_came_is_not_late_nor_what_has_been_moved(house: House) -> None:
    came, moved = await shipped(house), await shipped(house)
    await house.acted(came, "Scan", location="desk", at="2026-11-23T11:05:00+01:00")
    await house.acted(moved, "Scan", location="H", at="2026-11-23T10:05:00+01:00")
    await cancel(house, "v1-in", "2026-11-23")
    await house.later(hours=20)
    assert (await lates(house, came), await lates(house, moved)) == ([], [])
    assert expected(await house.look(moved)) == "11-24 11:00"


async def test_hours_at_which_nobody_is_there_make_nothing_late(house: House, filled: str) -> None:
    """It comes at 11:00 on Monday, and the desk opens on Tuesday at 09:00."""
    counted = "update epoch set number = number + 1 where of = 'register'"
    await run_sql(filled, f"update location set opening_hours = 'Tu-Fr 09:00-17:00' where id = 'desk'; {counted}")
    try:
        loan = await shipped(house)
        await house.later(hours=26, minutes=59)
        assert await lates(house, loan) == []
        await house.later(minutes=1)
        assert await lates(house, loan) == ["11-24T10:00"]
    finally:
        await run_sql(filled, f"update location set opening_hours = '' where id = 'desk'; {counted}")
