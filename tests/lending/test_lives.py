"""Whole lives of loan requests, as their requesters and suppliers see them."""

from __future__ import annotations

import pytest

from tests.support.house import House


async def test_there_and_back(house: House) -> None:
    loan = await house.asked()
    standing = await house.look(loan)
    assert (standing["status"], standing["supplying_location"], standing["item"]) == (
        "RequestReceived",
        "branch",
        "in_hand",
    )
    await house.acted(loan, "WillSupply")
    house.clock.set(house.clock.now().replace(hour=8, minute=30))
    standing = await house.acted(loan, "Loaned")
    assert (standing["status"], standing["item"]) == ("Loaned", "on_trip")
    assert [(leg["trip_id"], leg["service_date"]) for leg in standing["itinerary"]] == [
        ("v1-out", "2026-11-23"),
        ("v1-in", "2026-11-23"),
    ]
    assert standing["expected_at"] == "2026-11-23T10:00:00Z"
    await house.acted(loan, "Scan", location="H", at="2026-11-23T10:01:00+01:00")
    standing = await house.acted(loan, "Received", at="2026-11-23T11:05:00+01:00")
    assert (standing["status"], standing["item"], standing["requesting"]) == ("Loaned", "at_pickup", "received")
    await house.acted(loan, "ShippedReturn")
    standing = await house.acted(loan, "LoanCompleted")
    assert (standing["status"], standing["outcome"], standing["item"]) == ("LoanCompleted", "filled", "home")
    assert await house.history(loan) == [
        "Submitted: RequestReceived",
        "Placing: RequestReceived",
        "Placed: RequestReceived",
        "WillSupply: WillSupply",
        "Loaned: Loaned",
        "ScannedOnTheWay: Loaned",
        "Received: Loaned",
        "ShippedReturn: Loaned",
        "LoanCompleted: LoanCompleted",
    ]
    assert [placement["end"] for placement in standing["placements"]] == ["LoanCompleted"]
    assert standing["actions"] == []


async def test_unfilled_goes_to_the_next_and_the_end_of_the_rota_says_why(house: House) -> None:
    loan = await house.asked()
    standing = await house.acted(loan, "Unfilled", reason="NotOnShelf")
    assert (standing["status"], standing["supplying_location"]) == ("RequestReceived", "far")
    standing = await house.acted(loan, "Unfilled", reason="InUse")
    assert (standing["status"], standing["outcome"], standing["supplying_location"]) == ("Unfilled", "unfilled", None)
    last = (await house.events(loan))[-1]
    assert (last["event"], last["data"]["asked"]) == ("EndOfRota", ["branch", "far"])
    assert {refusal["supplying_location"]: refusal["reason"] for refusal in last["data"]["refusals"]} == {
        "closed": "not_loanable",
        "desk": "unavailable",
        "island": "unreachable",
    }
    assert [tuple(answer.values()) for answer in last["data"]["answers"]] == [
        ("branch", "Unfilled", "NotOnShelf"),
        ("far", "Unfilled", "InUse"),
    ]
    assert [(asked["end"], asked["reason"]) for asked in standing["placements"]] == [
        ("Unfilled", "NotOnShelf"),
        ("Unfilled", "InUse"),
    ]


async def test_the_end_of_the_rota_gathers_every_kind_of_no(house: House) -> None:
    loan = await house.asked(exclude=["island"])
    await house.acted(loan, "RetryPossible", reason="Mr Smit has it until May")
    await house.later(days=16)
    last = (await house.events(loan))[-1]
    assert [tuple(answer.values()) for answer in last["data"]["answers"]] == [
        ("branch", "RetryPossible", None),
        ("far", "Lapsed", None),
    ], "what somebody wrote in their own words is not repeated"
    assert ("island", "excluded") in {
        (refusal["supplying_location"], refusal["reason"]) for refusal in last["data"]["refusals"]
    }, "that the question left it out stays a reason"


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [("closed", "not_loanable"), ("desk", "unavailable"), ("H", "no_holding"), ("island", "unreachable")],
)
async def test_whom_staff_choose_in_vain_is_said(house: House, chosen: str, reason: str) -> None:
    loan = await house.asked()
    await house.acted(loan, "Override", supplying_location=chosen)
    await house.later(seconds=1)
    assert (await house.history(loan))[3:] == [
        "Override: RequestReceived",
        "ChoiceRefused: RequestReceived",
        "Placing: RequestReceived",
        "Placed: RequestReceived",
    ]
    refused, placing = (await house.events(loan))[4:6]
    assert (refused["data"]["location"], refused["data"]["reason"]) == (chosen, reason)
    assert refused["note"] == f"{chosen} cannot be asked: {refused['data']['detail']}"
    assert placing["supplying_location"] == "branch"
    assert placing["data"]["changed"] == ["From branch it would now arrive at 2026-11-24 11:00."], (
        "the first van left"
    )


async def test_whom_staff_choose_whose_copy_is_spoken_for_is_said(house: House) -> None:
    await house.asked(exclude=["branch", "island"])
    loan = await house.asked()
    await house.acted(loan, "Override", supplying_location="far")
    await house.later(seconds=1)
    refused = (await house.events(loan))[4]
    assert (refused["event"], refused["data"]["reason"]) == ("ChoiceRefused", "unavailable")


async def test_a_choice_says_nothing_untrue_of_the_others(house: House) -> None:
    """What was decided about one alone is compared with nothing, and nothing with it."""
    loan = await house.asked()
    before = await house.look(loan)
    await house.acted(loan, "Override", supplying_location="far")
    standing = await house.acted(loan, "Unfilled")
    assert standing["supplying_location"] == "branch"
    placings = [event for event in await house.events(loan) if event["event"] == "Placing"]
    assert [(event["supplying_location"], event["data"]["changed"]) for event in placings] == [
        ("branch", []),
        ("far", []),
        ("branch", []),
    ]
    assert [entry["supplying_location"] for entry in before["rota"]] == ["branch", "far"]


async def test_a_copy_is_promised_once(house: House) -> None:
    """Two ask at the same moment for the one copy of `far`; the other goes on at once."""
    excluded = ["branch", "island"]
    first = await house.ask(exclude=excluded)
    second = await house.ask(exclude=excluded)
    await house.work()
    standing = [await house.look(answer.json()["id"]) for answer in (first, second)]
    assert [s["supplying_location"] for s in standing] == ["far", None]
    assert standing[1]["outcome"] == "unfilled"


async def test_what_cannot_be_changes_nothing_and_says_what_can(house: House) -> None:
    loan = await house.asked()
    before = await house.look(loan)
    answer = await house.act(loan, "Received")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/action-not-allowed")
    assert answer.json()["allowed"] == before["actions"]
    assert await house.look(loan) == before


async def test_silence_passes_on(house: House) -> None:
    loan = await house.asked()
    await house.later(days=8, minutes=1)
    assert (await house.history(loan))[3:] == [
        "Lapsed: RequestReceived",
        "Placing: RequestReceived",
        "Placed: RequestReceived",
    ]
    assert (await house.look(loan))["supplying_location"] == "far"


async def test_once_nobody_is_left_it_is_expected_at_no_time(house: House) -> None:
    loan = await house.asked(exclude=["branch", "island"])
    assert (await house.look(loan))["expected_at"] is not None
    await house.later(days=16)
    standing = await house.look(loan)
    assert (standing["outcome"], standing["expected_at"]) == ("unfilled", None)


async def test_the_same_key_is_the_same_loan_request(house: House) -> None:
    first = await house.ask(key="k", requesting_agency_request_id="once")
    again = await house.ask(key="k", requesting_agency_request_id="once")
    assert (again.status_code, again.content) == (201, first.content)
    other = await house.ask(key="k", requesting_agency_request_id="twice")
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert [fault["pointer"] for fault in other.json()["errors"]] == ["/Idempotency-Key"]
    same_id = await house.ask(requesting_agency_request_id="once")
    assert (same_id.status_code, same_id.json()["type"]) == (409, "/problems/duplicate-request-id")


async def test_cancel_override_hold(house: House) -> None:
    loan = await house.asked()
    standing = await house.acted(loan, "Override", supplying_location="far", by="desk", note="closer to the reader")
    assert standing["supplying_location"] == "far"
    await house.acted(loan, "Hold")
    standing = await house.acted(loan, "Unfilled")
    assert (standing["requesting"], standing["supplying_location"]) == ("on_hold", None)
    standing = await house.acted(loan, "Resume")
    assert standing["supplying_location"] == "branch"
    standing = await house.acted(loan, "Cancel", note="found at home")
    assert (standing["status"], standing["outcome"]) == ("Cancelled", "cancelled")
    assert "reader-x" not in str(await house.events(loan))
