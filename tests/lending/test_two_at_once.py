"""Two suppliers asked at once: the first yes has it, the other is let go, and never are two copies bound for long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

from app.store.placements import find_both
from tests.support.filled import run_sql
from tests.support.house import House

OF_REGISTER = "update epoch set number = number + 1 where of = 'register'"


@pytest.fixture(autouse=True)
async def two(house: House, filled: str) -> AsyncIterator[None]:
    """The whole network has two asked at once; the desk's own copy is out, so two can be: branch, then far."""
    answer = await house.client.post("/v1/policies", json={"requesting": {"at_once": 2}})
    assert answer.status_code == 201, answer.text
    yield
    await run_sql(filled, "delete from policy; update epoch set number = number + 1")


@pytest.fixture
async def third(filled: str) -> AsyncIterator[None]:
    """A copy on the desk's own shelf: a third who can be asked, and the first of all."""
    await run_sql(filled, "update holding set available = 1 where location = 'desk'")
    yield
    await run_sql(filled, "update holding set available = 0 where location = 'desk'")


async def placements(house: House, loan: str) -> list[tuple[Any, ...]]:
    """Who was asked, in order: where, beside or not, and how it stands or ended."""
    standing = await house.look(loan)
    return [
        (one["supplying_location"], "beside" if one["beside"] else "leads", one["end"] or one["state"])
        for one in standing["placements"]
    ]


async def told(house: House, loan: str, *, since: int = 0) -> list[tuple[str, str | None]]:
    """What happened, and of whom it tells."""
    return [(event["event"], event["supplying_location"]) for event in await house.events(loan)][since:]


ASKED = [
    ("Submitted", None),
    ("Placing", "branch"),
    ("Placed", "branch"),
    ("AskedBeside", "far"),
    ("PlacedBeside", "far"),
]


async def test_two_are_asked_and_the_state_speaks_of_the_first(house: House) -> None:
    loan = await house.asked()
    assert await told(house, loan) == ASKED
    standing = await house.look(loan)
    assert (standing["status"], standing["supplying_location"]) == ("RequestReceived", "branch")
    assert await placements(house, loan) == [("branch", "leads", "live"), ("far", "beside", "live")]
    beside = (await house.events(loan))[3]
    assert (beside["supplying_agency"], beside["data"]["rank"]) == ("NL-3", 1)
    first = standing["rota"][1]
    assert (first["supplying_location"], first["arrives_at"]) == ("far", beside["data"]["arrives_at"])


SAID: list[tuple[str, list[tuple[int, str]], list[tuple[str, str | None]], list[tuple[Any, ...]]]] = [
    (
        "the first says yes",
        [(1, "WillSupply")],
        [("LetGoBeside", "far"), ("WillSupply", "branch")],
        [("branch", "leads", "live"), ("far", "beside", "LetGo")],
    ),
    (
        "the first expects to, and declines after all: the other has its turn again",
        [(1, "ExpectToSupply"), (1, "Unfilled")],
        [
            *[("LetGoBeside", "far"), ("ExpectToSupply", "branch"), ("Unfilled", "branch")],
            *[("Placing", "far"), ("Placed", "far")],
        ],
        [("branch", "leads", "Unfilled"), ("far", "beside", "LetGo"), ("far", "leads", "live")],
    ),
    (
        "the other says yes",
        [(2, "WillSupply")],
        [("LetGo", "branch"), ("TookOver", "far"), ("WillSupply", "far")],
        [("branch", "leads", "LetGo"), ("far", "leads", "live")],
    ),
    (
        "the other sends it at once",
        [(2, "Loaned")],
        [("LetGo", "branch"), ("TookOver", "far"), ("Loaned", "far")],
        [("branch", "leads", "LetGo"), ("far", "leads", "live")],
    ),
    (
        "the first says no",
        [(1, "Unfilled")],
        [("Unfilled", "branch"), ("TookOver", "far")],
        [("branch", "leads", "Unfilled"), ("far", "leads", "live")],
    ),
    (
        "the other says no",
        [(2, "Unfilled")],
        [("DeclinedBeside", "far")],
        [("branch", "leads", "live"), ("far", "beside", "Unfilled")],
    ),
    (
        "both say no, the other first",
        [(2, "RetryPossible"), (1, "Unfilled")],
        [("DeclinedBeside", "far"), ("Unfilled", "branch"), ("EndOfRota", None)],
        [("branch", "leads", "Unfilled"), ("far", "beside", "RetryPossible")],
    ),
    (
        "both say no, the first first",
        [(1, "Unfilled"), (2, "Unfilled")],
        [("Unfilled", "branch"), ("TookOver", "far"), ("Unfilled", "far"), ("EndOfRota", None)],
        [("branch", "leads", "Unfilled"), ("far", "leads", "Unfilled")],
    ),
    (
        "it is cancelled",
        [(0, "Cancel")],
        [("LetGoBeside", "far"), ("Cancel", "branch")],
        [("branch", "leads", "Cancel"), ("far", "beside", "LetGo")],
    ),
    (
        "it is held: whoever is asked stays asked, and nobody new is",
        [(0, "Hold"), (2, "Unfilled"), (1, "Unfilled")],
        [("Hold", "branch"), ("DeclinedBeside", "far"), ("Unfilled", "branch")],
        [("branch", "leads", "Unfilled"), ("far", "beside", "Unfilled")],
    ),
    (
        "it is held, and the other says yes",
        [(0, "Hold"), (2, "Loaned")],
        [("Hold", "branch"), ("LetGo", "branch"), ("TookOver", "far"), ("Loaned", "far")],
        [("branch", "leads", "LetGo"), ("far", "leads", "live")],
    ),
    (
        "the other says something",
        [(2, "Notification")],
        [("Notification", "far")],
        [("branch", "leads", "live"), ("far", "beside", "live")],
    ),
]


@pytest.mark.parametrize(("acts", "events", "asked"), [case[1:] for case in SAID], ids=[case[0] for case in SAID])
async def test_whatever_either_says(
    house: House,
    acts: list[tuple[int, str]],
    events: list[tuple[str, str | None]],
    asked: list[tuple[Any, ...]],
) -> None:
    loan = await house.asked()
    for number, action in acts:
        named: dict[str, Any] = {"placement": number} if number else {}
        await house.acted(loan, action, **named)
    assert await told(house, loan, since=len(ASKED)) == events
    assert await placements(house, loan) == asked


async def test_as_soon_as_one_declines_a_third_is_asked(house: House, third: None) -> None:
    loan = await house.asked()
    assert await placements(house, loan) == [("desk", "leads", "live"), ("branch", "beside", "live")]
    await house.acted(loan, "Unfilled", placement=1)
    assert await told(house, loan, since=len(ASKED)) == [
        *[("Unfilled", "desk"), ("TookOver", "branch"), ("AskedBeside", "far"), ("PlacedBeside", "far")]
    ]
    await house.acted(loan, "Unfilled", placement=3)
    await house.acted(loan, "Loaned", placement=2)
    assert await placements(house, loan) == [
        ("desk", "leads", "Unfilled"),
        ("branch", "leads", "live"),
        ("far", "beside", "Unfilled"),
    ]
    standing = await house.look(loan)
    assert (standing["status"], standing["supplying_location"]) == ("Loaned", "branch")


@pytest.mark.parametrize("first", ["NL-1", "NL-2"])
async def test_whoever_is_silent_lapses_for_itself(house: House, filled: str, third: None, first: str) -> None:
    """The other goes on being asked, and a third is beside it."""
    await run_sql(filled, f"insert into lapse_rule (agency, service_level, open_days) values ('{first}', '', 2)")
    loan = await house.asked()
    await house.later(days=2, minutes=1)
    await run_sql(filled, "delete from lapse_rule where agency <> ''")
    if first == "NL-1":
        assert await told(house, loan, since=5) == [
            *[("Lapsed", "desk"), ("TookOver", "branch"), ("AskedBeside", "far"), ("PlacedBeside", "far")]
        ]
    else:
        assert await told(house, loan, since=5) == [
            *[("DeclinedBeside", "branch"), ("AskedBeside", "far"), ("PlacedBeside", "far")]
        ]
        assert (await house.look(loan))["placements"][1]["end"] == "Lapsed"


async def test_a_later_yes_is_told_that_it_is_too_late(house: House) -> None:
    loan = await house.asked()
    await house.acted(loan, "WillSupply", placement=2)
    answer = await house.act(loan, "WillSupply", placement=1)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/action-not-allowed")
    assert "It has gone on to another supplier meanwhile." in answer.json()["detail"]
    assert await placements(house, loan) == [("branch", "leads", "LetGo"), ("far", "leads", "live")]


@pytest.mark.parametrize("action", ["Lost", "Scan", "Recall", "LoanCompleted"])
async def test_of_what_it_has_not_said_yes_to_nothing_else_is_reported(house: House, action: str) -> None:
    loan = await house.asked()
    details = {"location": "H"} if action == "Scan" else {}
    answer = await house.act(loan, action, placement=2, **details)
    assert answer.status_code == 409, answer.text
    assert await told(house, loan) == ASKED


async def test_whom_staff_choose_is_asked_alone(house: House, third: None) -> None:
    loan = await house.asked()
    refused = await house.act(loan, "Override", supplying_location="branch")
    assert refused.status_code == 409
    assert "branch is asked already, beside whoever has it." in refused.json()["detail"]
    await house.acted(loan, "Override", supplying_location="far")
    await house.later(seconds=1)
    await house.later(seconds=1)
    assert await placements(house, loan) == [
        ("desk", "leads", "Override"),
        ("branch", "beside", "LetGo"),
        ("far", "leads", "live"),
    ]
    await house.acted(loan, "Unfilled", placement=3)
    assert [one[0] for one in (await placements(house, loan))[3:]] == ["desk", "branch"], "to two again"


async def test_each_supplier_sees_it_finds_it_and_answers_with_its_own_key(house: House) -> None:
    admin = {"authorization": f"Bearer {await key(house, 'NL-1', 'admin')}"}
    try:
        far = {"authorization": f"Bearer {await key(house, 'NL-3', 'supplier', admin)}"}
        other = {"authorization": f"Bearer {await key(house, 'NL-0', 'supplier', admin)}"}
        house.client.headers.update(admin)
        loan = await house.asked()
        for filtered in ("supplying_agency=NL-3", "location=far"):
            found = (await house.client.get(f"/v1/loan-requests?{filtered}", headers=far)).json()
            assert [one["id"] for one in found["items"]] == [loan]
        branch = {"authorization": f"Bearer {await key(house, 'NL-2', 'supplier', admin)}"}
        assert [await slip(house, loan, who) for who in (admin, branch, far)] == ["Branch", "Branch", "Far away"]
        assert (await house.client.get(f"/v1/loan-requests/{loan}", headers=other)).status_code == 404
        answer = await house.client.post(
            f"/v1/loan-requests/{loan}/actions", json={"action": "WillSupply"}, headers=far
        )
        assert answer.status_code == 200, answer.text
        assert (await house.look(loan))["supplying_location"] == "far"
        assert [await slip(house, loan, who) for who in (admin, branch, far)] == ["Far away", 409, "Far away"]
        late = [await say(house, loan, branch, action) for action in ("WillSupply", "Loaned", "Notification")]
        assert late == [409, 409, 200]
        assert (await told(house, loan))[-1] == ("Notification", "branch")
        await house.acted(loan, "Cancel")
        found = (await house.client.get("/v1/loan-requests?supplying_agency=NL-2", headers=admin)).json()
        assert found["items"] == [], "it was let go"
    finally:
        house.client.headers.pop("authorization", None)
        async with house.ground.database.transaction() as connection:
            await connection.execute("delete from api_key; delete from epoch where of = 'keys'")


async def slip(house: House, loan: str, who: dict[str, str]) -> str | int:
    """From where a slip says that the item comes, or with what it is refused."""
    answer = await house.client.get(f"/v1/loan-requests/{loan}/label", headers=who)
    if answer.status_code != 200:
        return answer.status_code
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
    (found,) = [name for name in ("Branch", "Far away") if name in text]
    return found


async def say(house: House, loan: str, who: dict[str, str], action: str) -> int:
    answer = await house.client.post(
        f"/v1/loan-requests/{loan}/actions", json={"action": action, "note": "It is in the van."}, headers=who
    )
    return answer.status_code


async def key(house: House, agency: str, scope: str, headers: dict[str, str] | None = None) -> str:
    made: httpx.Response = await house.client.post(
        "/v1/keys", json={"agency": agency, "scopes": [scope]}, headers=headers
    )
    assert made.status_code == 201, made.text
    found: str = made.json()["key"]
    return found


async def test_copies_beside_are_spoken_for(house: House) -> None:
    first = await house.asked(exclude=["branch"])  # far's one copy leads here
    second = await house.asked()
    assert await placements(house, first) == [("far", "leads", "live")]
    assert await placements(house, second) == [("branch", "leads", "live")], "far has no copy left"
    third = await house.asked()
    assert await placements(house, third) == [("branch", "leads", "live")]
    fourth = await house.ask()
    await house.work()
    assert (await house.look(fourth.json()["id"]))["outcome"] == "unfilled", "all three copies are spoken for"


async def test_what_comes_straight_from_another_lets_both_go(house: House) -> None:
    first = await house.asked()
    await house.acted(first, "Loaned", placement=1)
    await house.later(days=1, hours=4)
    await house.acted(first, "Received")
    second = await house.asked()
    assert [one[1] for one in await placements(house, second)] == ["leads", "beside"]
    await house.acted(first, "ShippedReturn")
    assert await told(house, second, since=len(ASKED)) == [
        *[("LetGo", "branch"), ("LetGoBeside", "far"), ("ForwardedToUs", "branch")]
    ]
    assert [one[2] for one in await placements(house, second)] == ["LetGo", "LetGo", "live"]


async def test_nobody_is_asked_beside_another_more_often_than_it_takes(house: House, filled: str) -> None:
    await run_sql(filled, "update holding set copies = 9, available = 9 where location in ('branch', 'far')")
    said = {"agency": "NL-3", "supplying": {"most_a_day": 1}}
    assert (await house.client.post("/v1/policies", json=said)).status_code == 201
    try:
        asked = [len(await placements(house, await house.asked())) for _ in range(3)]
        assert asked == [2, 1, 1]
    finally:
        await run_sql(filled, "update holding set copies = 2, available = null where location = 'branch'")
        await run_sql(filled, "update holding set copies = 1, available = 1 where location = 'far'")


@pytest.mark.parametrize(("agency", "status", "last"), [("NL-2", 409, "TookOver"), ("NL-3", 200, "WillSupply")])
async def test_whoever_leads_meanwhile_answers_for_itself_alone(
    house: House, monkeypatch: pytest.MonkeyPatch, agency: str, status: int, last: str
) -> None:
    """One says yes just as a colleague has said no for branch, and far leads."""
    admin = {"authorization": f"Bearer {await key(house, 'NL-1', 'admin')}"}
    try:
        theirs = {"authorization": f"Bearer {await key(house, agency, 'supplier', admin)}"}
        house.client.headers.update(admin)
        loan = await house.asked()
        once = [1]

        async def meanwhile(connection: Any, loan_request: Any) -> Any:
            if once:
                once.pop()
                await house.acted(loan, "Unfilled", placement=1)
            return await find_both(connection, loan_request)

        monkeypatch.setattr("app.api.parties.find_both", meanwhile)
        answer = await house.client.post(
            f"/v1/loan-requests/{loan}/actions", json={"action": "WillSupply"}, headers=theirs
        )
        assert answer.status_code == status
        assert (await told(house, loan))[-1] == (last, "far")
    finally:
        house.client.headers.pop("authorization", None)
        async with house.ground.database.transaction() as connection:
            await connection.execute("delete from api_key; delete from epoch where of = 'keys'")


async def test_a_second_is_looked_for_beyond_the_rota_that_was_asked_for(house: House) -> None:
    loan = await house.asked(limit=1)
    assert [one[0] for one in await placements(house, loan)] == ["branch", "far"]


@pytest.mark.parametrize(
    ("action", "number", "why"),
    [
        ("WillSupply", 99, "This loan request has 2 placements."),
        ("Cancel", 1, "Goes with what a supplier says."),
    ],
)
async def test_a_placement_that_is_none_is_named(house: House, action: str, number: int, why: str) -> None:
    loan = await house.asked()
    answer = await house.act(loan, action, placement=number)
    assert answer.status_code == 422
    assert [(fault["pointer"], fault["detail"]) for fault in answer.json()["errors"]] == [("/placement", why)]
