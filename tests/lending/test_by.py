"""Who is said to have done something: no agency passes for another."""

from __future__ import annotations

from app.store.keys import create_key
from tests.support.house import House


async def test_an_agency_names_its_own_people_and_nobody_else(house: House) -> None:
    database = house.app.state.resources.database
    async with database.transaction() as connection:
        key = await create_key(connection, agency="NL-2", scopes=["supplier"])
        admin = await create_key(connection, agency="KB", scopes=["admin"])
    two, kb = ({"authorization": f"Bearer {made}"} for made in (key, admin))
    house.client.headers.update(kb)
    loan = await house.asked()
    actions: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
        (two, {"action": "ExpectToSupply"}),
        (two, {"action": "WillSupply", "by": "NL-2"}),
        (two, {"action": "Loaned", "by": "leenpad"}),
        (kb, {"action": "Received", "by": "NL-1"}),
    )
    for headers, body in actions:
        answer = await house.client.post(f"/v1/loan-requests/{loan}/actions", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
    assert [event["by"] for event in await house.events(loan)] == [
        "NL-1",
        "leenpad",
        "leenpad",
        "NL-2",
        "NL-2",
        "NL-2: leenpad",
        "KB: NL-1",
    ]


async def test_the_bootstrap_key_acts_for_others(house: House) -> None:
    async with house.app.state.resources.database.connection() as connection:
        await connection.execute("delete from api_key; delete from epoch where of = 'keys'")
    loan = await house.asked()
    await house.acted(loan, "WillSupply", by="NL-2")
    await house.acted(loan, "Loaned")
    assert [event["by"] for event in await house.events(loan)][-2:] == ["NL-2", "admin"]
