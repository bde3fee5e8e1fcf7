"""Whole decisions, compared whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from routing import (
    Agency,
    CostPart,
    Decision,
    Holding,
    Leg,
    Location,
    Objective,
    Period,
    Policy,
    Question,
    Reason,
    Refusal,
    Register,
    RotaEntry,
    UnknownLocation,
    UnknownMoment,
    compile_network,
    decide,
)
from tests.routing.asking import moment
from tests.support.worlds import drawn

TIMETABLE = drawn("""
    hub HUB-N 30m
    hub HUB-S 30m
    NORTH/1 Mo-Fr  NEAR 09:00  HUB-N 11:00  DESK 12:00
    LINE/2  Mo-Fr  HUB-S 20:00  HUB-N 26:00
    SOUTH/3 Mo-Fr  FAR 13:00  HUB-S 16:00
    LATE/4  2026-12-30  SLOW 09:00  DESK 10:00
""")
REGISTER = Register(
    {
        "NL-N": Agency("NL-N", province="Drenthe", poi="north"),
        "NL-M": Agency("NL-M", province="Drenthe", poi="north"),
        "NL-S": Agency("NL-S", province="Limburg", poi="south"),
        "NL-OLD": Agency("NL-OLD", valid=Period(until=moment("2020-01-01 00:00")), successor="NL-S"),
    },
    {
        "DESK": Location("DESK", agency="NL-N", handling_minutes=30),
        "NEAR": Location("NEAR", agency="NL-M", handling_minutes=60, opening_hours="Mo-Fr 08:00-17:00"),
        "FAR": Location("FAR", agency="NL-OLD"),
        "SLOW": Location("SLOW", agency="NL-S"),
        "SHUT": Location("SHUT", agency="NL-S", handling_minutes=5, opening_hours="off"),
        "ISLAND": Location("ISLAND", agency="NL-S"),
    },
)
NETWORK = compile_network(TIMETABLE)
ASKED = Question(pickup_location="DESK", requested_at=moment("2026-11-24 08:00"))
HOLDINGS = [Holding(name, 1) for name in ("FAR", "NEAR", "DESK", "SLOW", "SHUT", "ISLAND", "STRAY")]


def leg(route: str, trip: str, day: str, start: str, departs: str, end: str, arrives: str) -> Leg:
    date = datetime.fromisoformat(day).date()
    return Leg(route, trip, date, f"{route} vans", start, end, moment(departs), moment(arrives))


def test_a_decision_whole() -> None:
    assert decide(ASKED, HOLDINGS, NETWORK, REGISTER, Policy()) == Decision(
        network_version="drawn",
        requested_at=moment("2026-11-24 08:00"),
        objective=Objective.FASTEST,
        rota=(
            RotaEntry(
                rank=1,
                supplying_agency="NL-N",
                supplying_location="DESK",
                ready_at=moment("2026-11-24 08:30"),
                arrives_at=moment("2026-11-24 08:30"),
                cost_cents=0,
                cost_parts=(),
                handlings=0,
                legs=(),
                reasons=(
                    "Stands at the pickup location already.",
                    "Within one organisation, so no charge.",
                    "No other copy arrives sooner.",
                ),
            ),
            RotaEntry(
                rank=2,
                supplying_agency="NL-M",
                supplying_location="NEAR",
                ready_at=moment("2026-11-24 09:00"),
                arrives_at=moment("2026-11-24 12:00"),
                cost_cents=0,
                cost_parts=(),
                handlings=0,
                legs=(leg("NORTH", "1", "2026-11-24", "NEAR", "2026-11-24 09:00", "DESK", "2026-11-24 12:00"),),
                reasons=(
                    "One ride brings it, without a change of vans.",
                    "Within one province (Drenthe), so no charge.",
                ),
            ),
            RotaEntry(
                rank=3,
                supplying_agency="NL-S",
                supplying_location="FAR",
                ready_at=moment("2026-11-24 08:00"),
                arrives_at=moment("2026-11-25 12:00"),
                cost_cents=1075,
                cost_parts=(CostPart("supplier", 675), CostPart("transport", 400)),
                handlings=2,
                legs=(
                    leg("SOUTH", "3", "2026-11-24", "FAR", "2026-11-24 13:00", "HUB-S", "2026-11-24 16:00"),
                    leg("LINE", "2", "2026-11-24", "HUB-S", "2026-11-24 20:00", "HUB-N", "2026-11-25 02:00"),
                    leg("NORTH", "1", "2026-11-25", "HUB-N", "2026-11-25 11:00", "DESK", "2026-11-25 12:00"),
                ),
                reasons=(
                    "Changes vans twice.",
                    "Costs 10.75 euro: supplier 6.75 euro, transport 4.00 euro.",
                ),
            ),
        ),
        refusals=(
            Refusal("NL-S", "SHUT", Reason.UNREACHABLE, "SHUT is not open for 5 minutes of handling within a year."),
            Refusal(
                "NL-S",
                "SLOW",
                Reason.UNREACHABLE,
                "No van takes it from SLOW after Tue 24 Nov 2026 08:00 to DESK within 35 days of the request.",
            ),
            Refusal("NL-S", "ISLAND", Reason.UNREACHABLE, "No van calls at ISLAND."),
            Refusal(None, "STRAY", Reason.UNREACHABLE, "No van calls at STRAY."),
        ),
    )


def brief(decision: Decision) -> tuple[str, dict[str, str]]:
    """The locations on the rota in order, and the details of the refusals."""
    rota = " ".join(entry.supplying_location for entry in decision.rota)
    return rota, {refusal.supplying_location: refusal.detail for refusal in decision.refusals}


def test_needed_before() -> None:
    asked = replace(ASKED, need_before=moment("2026-11-25 11:59:59"))
    assert brief(decide(asked, HOLDINGS[:3], NETWORK, REGISTER, Policy())) == (
        "DESK NEAR",
        {"FAR": "Arrives at the earliest on Wed 25 Nov 2026 12:00; needed before Wed 25 Nov 2026 11:59:59."},
    )
    asked = replace(ASKED, need_before=moment("2026-11-25 12:00"))
    assert brief(decide(asked, HOLDINGS[:3], NETWORK, REGISTER, Policy())) == ("DESK NEAR FAR", {})


def test_even_the_own_shelf_may_be_too_late() -> None:
    asked = replace(ASKED, need_before=moment("2026-11-24 08:29:59"))
    assert brief(decide(asked, [Holding("DESK", 1)], NETWORK, REGISTER, Policy())) == (
        "",
        {"DESK": "Arrives at the earliest on Tue 24 Nov 2026 08:30; needed before Tue 24 Nov 2026 08:29:59."},
    )


def test_most_it_may_cost() -> None:
    asked = replace(ASKED, max_cost_cents=1074)
    assert brief(decide(asked, HOLDINGS[:3], NETWORK, REGISTER, Policy())) == (
        "DESK NEAR",
        {"FAR": "Costs 10.75 euro; the request allows 10.74 euro."},
    )
    asked = replace(ASKED, max_cost_cents=1075)
    assert brief(decide(asked, HOLDINGS[:3], NETWORK, REGISTER, Policy()))[0] == "DESK NEAR FAR"


def test_too_late_is_said_before_too_dear() -> None:
    asked = replace(ASKED, need_before=ASKED.requested_at, max_cost_cents=0)
    decision = decide(asked, [Holding("FAR", 1)], NETWORK, REGISTER, Policy())
    assert [refusal.reason for refusal in decision.refusals] == [Reason.TOO_LATE]


def test_a_pickup_location_where_no_van_calls_still_has_its_own_shelf() -> None:
    asked = replace(ASKED, pickup_location="ISLAND")
    assert brief(decide(asked, [Holding("ISLAND", 1), Holding("NEAR", 1)], NETWORK, REGISTER, Policy())) == (
        "ISLAND",
        {"NEAR": "No van calls at ISLAND."},
    )


def test_the_own_shelf_counts_only_when_ready_within_the_horizon() -> None:
    register = replace_location(Location("DESK", handling_minutes=24 * 60 + 1))
    assert brief(decide(ASKED, [Holding("DESK", 1)], NETWORK, register, Policy(horizon_days=1))) == (
        "",
        {"DESK": "Not ready within a day."},
    )
    register = replace_location(Location("DESK", handling_minutes=24 * 60))
    assert brief(decide(ASKED, [Holding("DESK", 1)], NETWORK, register, Policy(horizon_days=1)))[0] == "DESK"


def replace_location(location: Location) -> Register:
    return replace(REGISTER, locations={**REGISTER.locations, location.id: location})


def test_the_limit_cuts_the_rota_and_not_the_refusals() -> None:
    decision = decide(replace(ASKED, limit=1), HOLDINGS, NETWORK, REGISTER, Policy())
    assert brief(decision)[0] == "DESK"
    assert len(decision.refusals) == 4


def test_no_holders() -> None:
    assert decide(ASKED, [], NETWORK, REGISTER, Policy()) == Decision(
        "drawn", moment("2026-11-24 08:00"), Objective.FASTEST, ()
    )


def test_fractions_of_a_second_are_cut_off() -> None:
    asked = replace(ASKED, requested_at=datetime(2026, 11, 24, 12, 0, 0, 999_999, tzinfo=UTC))
    decision = decide(asked, [Holding("FAR", 1)], NETWORK, REGISTER, Policy())
    assert decision.requested_at == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert decision.rota[0].legs[0].departs_at == moment("2026-11-24 13:00")


def test_the_policys_objective_unless_the_request_has_one() -> None:
    policy = Policy(objective=Objective.CHEAPEST)
    assert decide(ASKED, [], NETWORK, REGISTER, policy).objective is Objective.CHEAPEST
    asked = replace(ASKED, objective=Objective.BALANCED)
    assert decide(asked, [], NETWORK, REGISTER, policy).objective is Objective.BALANCED


def test_an_unknown_pickup_location() -> None:
    with pytest.raises(UnknownLocation, match="no location 'NOWHERE' is registered"):
        decide(replace(ASKED, pickup_location="NOWHERE"), [], NETWORK, REGISTER, Policy())


@pytest.mark.parametrize("year", [1, 1899, 2901, 9999])
def test_moments_out_of_reach(year: int) -> None:
    far = datetime(year, 6, 1, tzinfo=UTC)
    with pytest.raises(UnknownMoment, match="requested_at must lie between the years 1900 and 2900"):
        decide(replace(ASKED, requested_at=far), HOLDINGS, NETWORK, REGISTER, Policy())
    with pytest.raises(UnknownMoment, match="need_before"):
        decide(replace(ASKED, need_before=far), HOLDINGS, NETWORK, REGISTER, Policy())


@pytest.mark.parametrize("year", [1900, 1969, 2025, 2027, 2900])
def test_moments_without_any_vans(year: int) -> None:
    asked = replace(ASKED, requested_at=datetime(year, 6, 1, tzinfo=UTC))
    assert brief(decide(asked, HOLDINGS[:3], NETWORK, REGISTER, Policy()))[0] == "DESK"


def test_the_same_answer_from_a_full_cache_and_from_none() -> None:
    small = compile_network(TIMETABLE, cache_bytes=0)
    asked = [replace(ASKED, objective=objective) for objective in Objective]
    for question in asked * 2:
        assert decide(question, HOLDINGS, small, REGISTER, Policy()) == decide(
            question, HOLDINGS, NETWORK, REGISTER, Policy()
        )
    assert len(small.cache) == 0
    assert len(NETWORK.cache) > 0
