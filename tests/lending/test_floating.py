"""Staying where it is wanted: weighed beforehand, carried out once, lent from there, called home, never doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.fake import Desk, FakeSystem
from adapters.protocols.iso18626.messages import Action, AgencyId
from app.database import Connection
from app.lending import stay
from app.store import floated
from app.store.floated import Elsewhere, as_they_stand
from app.store.network_versions import activate, create_version
from app.store.title_join import join_titles, lock_titles
from routing.model import Holding
from tests.lending.test_iso18626 import reporting, taken
from tests.lending.test_transport import last, way
from tests.support.filled import EVERYWHERE, VOLUMES, content_of, run_sql
from tests.support.house import House
from tests.support.worlds import drawn

# Branch and desk are in one province, of two agencies; far and island are in another.
RING = """
    hub H 10m
    B1/out   Mo-Fr  branch 09:00  H 10:00
    D1/into  Mo-Fr  H 10:30  desk 11:00
    D2/back  Mo-Fr  desk 12:00  H 12:30
    B2/home  Mo-Fr  H 13:00  branch 13:30
    F1/over  Mo-Fr  far 08:00  H 09:30
    F2/away  Mo-Fr  H 14:00  far 18:00
"""
BACK = "2026-11-24T08:00:00+01:00"


@pytest.fixture(autouse=True)
async def ring(filled: str) -> AsyncIterator[None]:
    """Have vans drive from every counter to every other; nothing is agreed yet, and the desk has no copy."""
    connection = await asyncpg.connect(filled)
    try:
        async with connection.transaction():
            if not await connection.fetchval("select exists (select from network_version where id = 'ring')"):
                await create_version(connection, "ring", content_of(drawn(RING)))
                await activate(connection, "ring")
            await connection.execute("delete from holding where location = 'desk' and title_id = 1")
    finally:
        await connection.close()
    yield
    await run_sql(
        filled,
        "delete from policy; delete from floated_item; update holding set available = null, copies = 2, material ="
        " 'book', added_on = null where location = 'branch' and title_id = 1;"
        " delete from holding where location = 'desk'; update epoch set number = number + 1 where of = 'register'",
    )


async def agreed(house: House, **said: Any) -> dict[str, Any]:
    body = {"agency": "NL-2", "supplying": {"floating": "province", **said}}
    answer = await house.client.post("/v1/policies", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read_at_the_desk(house: House, **asks: Any) -> str:
    """Lent by `branch` to a reader at the desk, who brings it back on Tuesday morning."""
    loan = await house.asked(**{"exclude": ["far", "island"], **asks})
    await house.acted(loan, "Loaned")
    await house.acted(loan, "Received")
    house.clock.set(house.clock.now().fromisoformat(BACK))
    return loan


async def where_next(house: House, loan: str) -> dict[str, Any]:
    answer = await house.client.get(f"/v1/loan-requests/{loan}/where-next")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def stays(house: House, **asks: Any) -> dict[str, Any]:
    """Have a copy of `branch` stay at the desk, and return it as it is listed."""
    loan = await read_at_the_desk(house, **asks)
    assert (await house.acted(loan, "ShippedReturn"))["item"] == "floated"
    return (await listed(house))[-1]


async def listed(house: House, **params: Any) -> list[dict[str, Any]]:
    answer = await house.client.get("/v1/floated-items", params=params)
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def holders(house: House, pickup: str = "desk", **asks: Any) -> dict[str, str]:
    """Who could supply the title, and why nobody else."""
    body = {"title": {"isbn": EVERYWHERE}, "pickup_location": pickup, "requested_at": BACK, **asks}
    decision = (await house.client.post("/v1/decisions", json=body)).json()
    found = {entry["supplying_location"]: "can" for entry in decision["rota"]}
    return found | {one["supplying_location"]: one["reason"] for one in decision["refusals"]}


# --- whether it stays -----------------------------------------------------------------------------


async def test_nothing_stays_unless_its_agency_says_so(house: House) -> None:
    loan = await read_at_the_desk(house)
    said = await where_next(house, loan)
    assert (said["chosen"], said["to_location"]) == ("home", "branch")
    assert said["reasons"] == ["Copies of NL-2 always go home."]
    assert said["policy"]["floating"] == "never"
    standing = await house.acted(loan, "ShippedReturn")
    assert (standing["status"], standing["item"]) == ("Loaned", "on_the_way_back")
    assert await listed(house) == []


async def test_it_is_said_beforehand_and_then_done(house: House) -> None:
    version = await agreed(house, floating_materials=["book"], most_floating=5)
    loan = await read_at_the_desk(house)
    said = await where_next(house, loan)
    assert (said["chosen"], said["to_location"], said["home"]) == ("stay", "desk", "branch")
    assert said["reasons"][0] == "One has asked for it lately, and is served better from here than from branch."
    home, stay_ = said["options"]
    assert (home["where"], home["trip"]["rides"], stay_["trip"]["rides"]) == ("home", 2.0, 0.0)
    assert said["saving"]["cents"] == pytest.approx(home["cents"] - stay_["cents"], abs=0.2)
    assert said["saving"]["cents"] > 100
    assert said["asked_before"] == {"title": 1, "anything": 1}
    assert said["policy"] == {
        "floating": "province",
        "floating_materials": ["book"],
        "most_floating": 5,
        "away": 0,
        "versions": [version["id"]],
    }
    assert (await house.look(loan))["requesting"] == "received", "nothing is changed by asking"
    standing = await house.acted(loan, "ShippedReturn", by="counter", note="Cover torn.")
    assert (standing["status"], standing["outcome"], standing["item"]) == ("LoanCompleted", "filled", "floated")
    assert standing["itinerary"] is None
    event = await last(house, loan)
    assert event == {
        "event": "Floated",
        "by": "counter",
        "note": "It stays at desk, where it is wanted: nothing travels. Cover torn.",
        "data": said,
    }
    answer = await house.client.get(f"/v1/loan-requests/{loan}/where-next")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/action-not-allowed")
    whereabouts = (await house.client.get(f"/v1/loan-requests/{loan}/way")).json()["now"]
    assert (whereabouts["state"], whereabouts["location"]) == ("at", "desk")


async def test_it_goes_home_where_that_is_asked_for_or_it_was_recalled(house: House) -> None:
    await agreed(house)
    loan = await read_at_the_desk(house)
    assert (await house.acted(loan, "ShippedReturn", forward=False))["item"] == "on_the_way_back"
    other = await read_at_the_desk(house)
    await house.acted(other, "Recall")
    assert (await where_next(house, other))["reasons"] == ["branch has called it back."]
    assert (await house.acted(other, "ShippedReturn"))["item"] == "on_the_way_back"


async def test_whoever_waits_comes_before_staying(house: House) -> None:
    await agreed(house, floating="everywhere")
    loan = await read_at_the_desk(house)
    waiting = await house.asked(pickup_location="far", requesting_agency="NL-3", exclude=["island", "far"])
    await house.act(waiting, "Unfilled", reason="NotOnShelf")
    said = await where_next(house, loan)
    assert (said["chosen"], said["to_location"]) == ("forward", "far")
    assert [each["where"] for each in said["options"]] == ["forward", "home", "stay"]
    assert (await house.history(waiting))[-1] == "Unfilled: RequestReceived", "nothing is changed by asking"
    assert (await house.act(loan, "ShippedReturn")).json()["item"] == "forwarded"
    assert await listed(house) == []


async def test_no_more_stay_than_are_allowed_however_many_come_back_at_once(house: House) -> None:
    await agreed(house, most_floating=1)
    loans = [await read_at_the_desk(house), await read_at_the_desk(house)]
    answers = await asyncio.gather(*(house.act(loan, "ShippedReturn") for loan in loans))
    assert sorted(answer.json()["item"] for answer in answers) == ["floated", "on_the_way_back"]
    assert len(await listed(house)) == 1


async def test_of_volumes_nobody_knows_which_it_is(house: House) -> None:
    await agreed(house)
    loan = await read_at_the_desk(house, title={"isbn": VOLUMES})
    assert (await where_next(house, loan))["reasons"] == [
        "Several titles share the number that it was asked for by, and which one it is nobody said."
    ]
    assert (await house.acted(loan, "ShippedReturn"))["item"] == "on_the_way_back"


@pytest.mark.parametrize("place", ["desk", "branch"])
async def test_it_does_not_stay_where_a_system_would_have_to_be_told(house: House, filled: str, place: str) -> None:
    await agreed(house)
    loan = await read_at_the_desk(house)
    address = FakeSystem.put("shelves", Desk())
    await run_sql(
        filled,
        f"insert into system (id, kind, addresses) values ('shelves', 'fake', '{{\"desk\": \"{address}\"}}')"
        " on conflict do nothing;"
        f" update location set system = 'shelves' where id = '{place}'; update epoch set number = number + 1",
    )
    try:
        assert (await where_next(house, loan))["reasons"] == [
            f"The library system of {place} could not be told that it stays."
        ]
        assert (await house.acted(loan, "ShippedReturn"))["item"] == "on_the_way_back"
    finally:
        await run_sql(filled, "update location set system = null; update epoch set number = number + 1")


# --- once it stays --------------------------------------------------------------------------------


async def test_it_is_lent_from_there_and_one_less_at_home(house: House, filled: str) -> None:
    await agreed(house)
    await run_sql(filled, "update holding set copies = 1, available = 1 where location = 'branch' and title_id = 1")
    copy = await stays(house)
    assert {name: copy[name] for name in ("home", "agency", "location", "material", "isbns", "called_at")} == {
        "home": "branch",
        "agency": "NL-2",
        "location": "desk",
        "material": "book",
        "isbns": [EVERYWHERE],
        "called_at": None,
    }
    known = await holders(house, exclude=["far", "island"])
    assert (known["desk"], known["branch"]) == ("can", "no_copies")
    loan = await house.asked(pickup_location="far", requesting_agency="NL-3", exclude=["far", "island"])
    standing = await house.look(loan)
    assert (standing["supplying_agency"], standing["supplying_location"]) == ("NL-1", "desk")
    another = await house.asked(pickup_location="far", requesting_agency="NL-3", exclude=["far", "island"])
    assert (await house.look(another))["status"] == "Unfilled", "one copy is promised once"
    await house.acted(loan, "Loaned")
    await house.acted(loan, "Received")
    connection = await asyncpg.connect(filled)
    try:
        charged = await connection.fetch(
            "select agency, what, cents from settlement_entry order by agency, what", timeout=5
        )
    finally:
        await connection.close()
    # Nothing was charged for its staying: the supply from there is, as one of those who had the work of it.
    assert [tuple(row) for row in charged] == [
        ("NL-1", "supplier", 675),
        ("NL-3", "supplier", -675),
        ("NL-3", "transport", -400),
    ]
    standing = await house.acted(loan, "ShippedReturn")
    assert way(standing)[-1].endswith("desk"), "it goes back to where it stays"
    assert (await house.history(loan))[-1] == "ShippedReturn: Loaned"


async def test_what_is_lent_on_does_not_stay_elsewhere_again(house: House) -> None:
    await house.client.post("/v1/policies", json={"supplying": {"floating": "everywhere"}})
    await stays(house)
    loan = await house.asked(pickup_location="far", requesting_agency="NL-3", exclude=["far", "island", "branch"])
    await house.acted(loan, "Loaned")
    await house.acted(loan, "Received")
    assert (
        "It may be one that stays at desk, and goes back there first." in (await where_next(house, loan))["reasons"]
    )


async def test_imports_of_both_sides_stay_true(house: House) -> None:
    """Whether the owner counts it in or out, it is one copy, and it stands where it stays."""
    await agreed(house)
    await stays(house)

    async def imported(rows: str) -> dict[str, Any]:
        head = "location,isbn,material,copies,available,loanable\n"
        answer = await house.client.post(
            "/v1/imports/holdings", content=head + rows, headers={"content-type": "text/csv"}
        )
        assert answer.status_code == 200, answer.text
        return await holders(house, exclude=["far", "island"])

    for available in (1, 2):  # of two: the one that stays elsewhere is counted out, or still in
        known = await imported(f"branch,{EVERYWHERE},book,2,{available},true\n")
        assert (known["branch"], known["desk"]) == ("can", "can")
        first = await house.asked(exclude=["far", "island", "desk"])
        second = await house.asked(exclude=["far", "island", "desk"])
        assert [(await house.look(loan))["status"] for loan in (first, second)] == ["RequestReceived", "Unfilled"]
        await house.acted(first, "Cancel")
    known = await imported(f"branch,{EVERYWHERE},book,1,1,true\n")
    assert (known["branch"], known["desk"]) == ("no_copies", "can")
    # The desk lends none of its own, and says so; the copy that stays there is another matter.
    known = await imported(f"desk,{EVERYWHERE},book,1,0,true\n")
    assert known["desk"] == "can"
    assert len(await listed(house)) == 1


async def test_its_owner_says_to_whom_it_goes(house: House, filled: str) -> None:
    """Of branch (NL-2), it stays at the desk (NL-1): its age and its owner's rules go with it."""
    await run_sql(filled, "update holding set added_on = '2026-11-20' where location = 'branch' and title_id = 1")
    await agreed(house)
    await stays(house)
    # What an import makes of home's other copies says nothing of this one.
    await run_sql(filled, "update holding set added_on = null where location = 'branch' and title_id = 1")

    async def supplied_from_the_desk() -> dict[str, str]:
        others = ("far", "island", "branch")
        return {
            pickup: (await holders(house, pickup, exclude=[name for name in others if name != pickup]))["desk"]
            for pickup in ("far", "branch", "desk")
        }

    async def says(agency: str, **said: Any) -> int:
        body = {"agency": agency, "supplying": {"floating": "province", **said}}
        found: int = (await house.client.post("/v1/policies", json=body)).json()["id"]
        return found

    free = dict.fromkeys(("far", "branch", "desk"), "can")
    await says("NL-1", not_lent=["book"], least_age_days=365)
    assert await supplied_from_the_desk() == free
    version = await says("NL-2", least_age_days=365)
    assert await supplied_from_the_desk() == {**free, "far": "too_new"}
    body = {"title": {"isbn": EVERYWHERE}, "pickup_location": "far", "requested_at": BACK}
    decision = (await house.client.post("/v1/decisions", json=body)).json()
    (refusal,) = [one for one in decision["refusals"] if one["supplying_location"] == "desk"]
    assert refusal["detail"] == (
        "In the collection since 2026-11-20; NL-2 lends it to other agencies from 2027-11-20."
    )
    assert version in decision["policy"]["versions"]
    one = {"id": "1", **{name: body[name] for name in ("title", "pickup_location")}}
    many = {"requests": [{**one, "exclude": ["far", "branch", "island"]}], "requested_at": BACK}
    assert (await house.client.post("/v1/assignments", json=many)).json()["items"][0]["supply"] is None
    await says("NL-2", embargo_days=4)
    assert await supplied_from_the_desk() == free
    await says("NL-2", embargo_days=5)
    assert await supplied_from_the_desk() == {**free, "far": "too_new"}
    await says("NL-2", not_lent=["book"])
    assert await supplied_from_the_desk() == {**free, "far": "not_lent"}
    await says("NL-2")
    assert await supplied_from_the_desk() == free
    assigned = (await house.client.post("/v1/assignments", json=many)).json()["items"][0]
    assert assigned["supply"]["supplying_location"] == "desk"


async def test_the_whole_day_at_once_sees_it_too(house: House, filled: str) -> None:
    await agreed(house)
    await run_sql(filled, "update holding set copies = 1 where location = 'branch' and title_id = 1")
    await stays(house)
    body = {
        "requests": [
            {"id": "1", "title": {"isbn": EVERYWHERE}, "pickup_location": "desk", "exclude": ["far", "island"]}
        ]
    }
    answer = await house.client.post("/v1/assignments", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"][0]["supply"]["supplying_location"] == "desk"


async def test_it_is_called_home(house: House, filled: str) -> None:
    await agreed(house)
    await run_sql(filled, "update holding set copies = 1 where location = 'branch' and title_id = 1")
    copy = await stays(house)
    path = f"/v1/floated-items/{copy['id']}"
    called = (await house.client.post(f"{path}/call-home")).json()
    assert called["called_at"] is not None
    assert [leg["trip_id"] for leg in called["legs"]] == ["back", "home"]
    assert called["arrives_at"] == "2026-11-24T13:30:00+01:00"
    assert (await house.client.post(f"{path}/call-home")).json() == called
    known = await holders(house, exclude=["far", "island"])
    assert (known["branch"], known.get("desk")) == ("no_copies", None), "it is on its way, and lent nowhere"
    assert [row["id"] for row in await listed(house, home="branch")] == [copy["id"]]
    assert await listed(house, location="branch") == []
    await house.later(hours=6)
    ended = (await house.client.post(f"{path}/came-home")).json()
    assert ended["ended_at"] is not None
    assert (await house.client.post(f"{path}/came-home")).json() == ended
    again = (await house.client.post(f"{path}/call-home")).json()
    assert (again["legs"], again["arrives_at"]) == ([], None), "it stands there no longer"
    known = await holders(house, exclude=["far", "island"])
    assert (known["branch"], known.get("desk")) == ("can", None)
    assert await listed(house) == []
    missing = await house.client.post("/v1/floated-items/999999/call-home")
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/unknown-floated-item")


async def test_what_was_called_home_and_is_out_is_not_sent_on(house: House) -> None:
    await agreed(house)
    copy = await stays(house)
    loan = await house.asked(pickup_location="far", requesting_agency="NL-3", exclude=["far", "island", "branch"])
    await house.acted(loan, "Loaned")
    await house.acted(loan, "Received")
    await house.client.post(f"/v1/floated-items/{copy['id']}/call-home")
    await house.asked(exclude=["far", "island"])
    standing = await house.acted(loan, "ShippedReturn")
    assert (standing["item"], way(standing)[-1].split()[-1]) == ("on_the_way_back", "desk")


copies = st.integers(0, 4)
shelves = st.lists(
    st.builds(
        Holding,
        st.sampled_from(["a", "b", "c"]),
        copies,
        st.none() | copies,
        st.booleans(),
    ),
    max_size=4,
)
left = st.lists(
    st.builds(Elsewhere, st.sampled_from(["a", "b"]), st.sampled_from(["b", "c", None]), st.just("book")), max_size=5
)


@given(shelves, left)
def test_a_copy_is_counted_once_wherever_it_stays(said: list[Holding], elsewhere: list[Elsewhere]) -> None:
    found = as_they_stand(said, elsewhere)
    assert [one.location for one in found] == sorted(one.location for one in found)
    assert all(one.copies >= 0 for one in found)

    def counted(holdings: list[Holding], place: str) -> int:
        return sum(one.copies for one in holdings if one.location == place and one.loanable)

    for place in ("a", "b", "c"):
        away = sum(copy.home == place for copy in elsewhere)
        here = sum(copy.location == place for copy in elsewhere)
        assert counted(found, place) == max(0, counted(said, place) - away) + here
        known = [one for one in found if one.location == place and one.available is not None]
        if away and all(one.available is None or one.available <= one.copies for one in said):
            assert all((one.available or 0) <= one.copies for one in known)


async def test_its_owner_is_told_that_it_stays(house: House, filled: str) -> None:
    await agreed(house)
    loan = await read_at_the_desk(house)
    await run_sql(filled, "insert into webhook (agency, url, secret) values ('NL-2', 'https://example.org', 's')")
    assert (await house.act(loan, "ShippedReturn")).json()["item"] == "floated"
    async with house.ground.database.connection() as connection:
        told = await connection.fetch("select split_part(subject, ':', 2) from task where kind = 'deliver'")
    assert [row[0] for row in told] == [loan]
    event = (await house.events(loan))[-1]
    assert (event["supplying_agency"], event["status"]) == ("NL-2", "LoanCompleted")


# --- nothing lost, nothing doubled ----------------------------------------------------------------


async def test_a_message_that_has_it_stay_may_come_twice(house: House) -> None:
    await agreed(house)
    loan = await read_at_the_desk(house)
    number = (await house.look(loan))["requesting_agency_request_id"]
    for _ in range(2):
        await taken(house, reporting(Action.SHIPPED_RETURN, number, requesting_agency=AgencyId("NL-1")))
    assert (await house.history(loan)).count("Floated: LoanCompleted") == 1
    assert len(await listed(house)) == 1


async def test_two_say_at_once_that_it_came_back(house: House) -> None:
    await agreed(house)
    loan = await read_at_the_desk(house)
    answers = await asyncio.gather(*(house.act(loan, "ShippedReturn", key=f"k{n % 2}") for n in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409]
    assert (await house.history(loan)).count("Floated: LoanCompleted") == 1
    assert len(await listed(house)) == 1


async def test_dying_in_between_leaves_all_or_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await agreed(house)
    loan = await read_at_the_desk(house)
    leave = floated.leave

    async def dies(connection: Connection, **given: Any) -> None:
        await leave(connection, **given)
        raise ConnectionResetError("the process is gone")

    monkeypatch.setattr(stay, "leave", dies)
    assert (await house.act(loan, "ShippedReturn")).status_code == 500
    assert (await house.look(loan))["requesting"] == "received"
    assert await listed(house) == []
    monkeypatch.setattr(stay, "leave", leave)
    assert (await house.acted(loan, "ShippedReturn"))["item"] == "floated"
    assert len(await listed(house)) == 1


async def test_a_title_that_becomes_another_takes_it_along(house: House) -> None:
    await agreed(house)
    await stays(house)
    async with house.ground.database.connection() as connection:
        undone = connection.transaction()
        await undone.start()
        await connection.execute("insert into title (id, title) overriding system value values (900, 'The same')")
        await lock_titles(connection)
        await join_titles(connection, [(1, 900)])
        assert await connection.fetchval("select title_id from floated_item") == 900
        await undone.rollback()


async def test_who_read_it_is_unlinked_and_nowhere_in_what_stays(house: House, filled: str) -> None:
    await agreed(house)
    loan = await read_at_the_desk(house, patron_reference="reader-who-floated-it")
    await house.acted(loan, "ShippedReturn")
    connection = await asyncpg.connect(filled)
    try:
        kept = await connection.fetchval("select patron_reference from loan_request where id = $1", UUID(loan))
        rows = await connection.fetch("select f::text as row from floated_item f")
        told = await connection.fetch("select data::text as row from loan_event where event = 'Floated'")
    finally:
        await connection.close()
    assert kept is None
    assert rows
    assert told
    assert not any("reader-who-floated-it" in row["row"] for row in [*rows, *told])
