"""What was agreed: which version applies, what it lays over what, whom it refuses and whom it puts first."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import (
    Agency,
    Agreement,
    Asking,
    Central,
    Circle,
    Decision,
    Holding,
    Lending,
    Location,
    Objective,
    Policy,
    Question,
    Register,
    Version,
    agree,
    compile_network,
    decide,
    era_on,
    lending_of,
    policy_on,
    standing_of,
    unsaid,
)
from routing.policies import circle_rank
from routing.register import Side
from tests.routing.asking import moment
from tests.support.worlds import World, drawn, worlds

NOW = moment("2026-11-24 07:00")
TODAY = date(2026, 11, 24)
REGISTER = Register(
    {
        "A": Agency("A", province="P", poi="X"),
        "B": Agency("B", province="P", poi="X"),
        "C": Agency("C", province="Q", poi="Y"),
    },
    {
        name: Location(name, agency=agency)
        for name, agency in {"desk": "A", "own": "A", "near": "B", "far": "C", "depot": "C"}.items()
    },
)
# The farther away, the sooner it is there; the depot is the very first.
NETWORK = compile_network(
    drawn(
        """
        D/depot Tu depot 08:00 desk 09:00
        F/far   Tu far 08:00 desk 10:00
        N/near  Tu near 08:00 desk 11:00
        O/own   Tu own 08:00 desk 12:00
        """
    )
)
EVERYWHERE = [Holding(name, 1) for name in ("own", "near", "far", "depot")]


def version(number: int = 1, **said: Any) -> Version:
    """A version whose fields are said flat, wherever they belong."""
    asking = {each.name for each in fields(Asking)}
    lending = {each.name for each in fields(Lending)}
    return Version(
        id=number,
        valid_from=said.pop("since", date(2026, 1, 1)),
        province=said.pop("province", None),
        agency=said.pop("agency", None),
        asking=Asking(**{name: value for name, value in said.items() if name in asking}),
        lending=Lending(**{name: value for name, value in said.items() if name in lending}),
    )


def decided(*versions: Version, holdings: list[Holding] = EVERYWHERE, **asked: Any) -> Decision:
    question = Question(pickup_location="desk", requested_at=NOW, **asked)
    side = standing_of(REGISTER, "desk", NOW).side
    return decide(question, holdings, NETWORK, REGISTER, policy_on(agree(versions), Policy(), side, TODAY))


def rota(decision: Decision) -> str:
    return " ".join(entry.supplying_location for entry in decision.rota)


def refused(decision: Decision) -> dict[str, str]:
    return {one.supplying_location: f"{one.reason}: {one.detail}" for one in decision.refusals}


# --- which version, and what over what ------------------------------------------------------------


def test_nothing_agreed_is_the_policy_itself() -> None:
    policy = Policy()
    assert policy_on(agree(()), policy, Side("A", "P"), TODAY) is policy
    later = agree([version(since=TODAY + timedelta(days=1), max_cost_cents=0)])
    assert policy_on(later, policy, Side("A", "P"), TODAY) == policy


def test_field_by_field_the_narrower_one_counts() -> None:
    agreement = agree(
        [
            version(1, max_cost_cents=100, horizon_days=10, cents_per_hour=1.0),
            version(2, province="P", max_cost_cents=200, cents_per_hour=2.0),
            version(3, agency="A", max_cost_cents=300),
            version(4, agency="B", renewals=3),
        ]
    )

    def applies(agency: str | None, province: str | None) -> tuple[Any, ...]:
        found = policy_on(agreement, Policy(), Side(agency, province), TODAY)
        return found.max_cost_cents, found.horizon_days, found.weights.cents_per_hour, found.versions

    assert applies("A", "P") == (300, 10, 2.0, (1, 2, 3))
    assert applies("B", "P") == (200, 10, 2.0, (1, 2)), "that of B says nothing about what it asks"
    assert applies("A", "Q") == (300, 10, 1.0, (1, 3))
    assert applies(None, None) == (100, 10, 1.0, (1,))
    book = era_on(agreement, TODAY).book
    assert book is not None
    assert lending_of(book, "B", "P") == Lending(renewals=3, versions=(4,))
    assert lending_of(book, "A", "P") == Lending()


def test_a_version_holds_from_its_day_and_of_one_day_the_later_one() -> None:
    agreement = agree(
        [
            version(3, since=date(2026, 12, 1), max_cost_cents=30, horizon_days=3),
            version(1, since=date(2026, 11, 1), max_cost_cents=10, horizon_days=1),
            version(4, since=date(2026, 12, 1), max_cost_cents=40),
            version(5, since=date(2026, 11, 20), agency="A", max_cost_cents=50),
        ]
    )

    def on(day: str, agency: str = "B") -> tuple[Any, ...]:
        found = policy_on(agreement, Policy(), Side(agency), date.fromisoformat(day))
        return found.max_cost_cents, found.horizon_days, found.versions

    assert on("2026-10-31") == (None, 35, ())
    assert on("2026-11-01") == (10, 1, (1,))
    assert on("2026-11-30") == (10, 1, (1,))
    assert on("2026-12-01") == (40, 35, (4,)), "a version is all that its side says"
    assert on("2026-11-19", "A") == (10, 1, (1,))
    assert on("2026-11-20", "A") == (50, 1, (1, 5))


def test_what_a_scenario_says_is_said_by_nobody_else() -> None:
    agreement = agree([version(1, objective=Objective.CHEAPEST, horizon_days=9), version(2, agency="A", renewals=1)])
    found = policy_on(unsaid(agreement, ["objective"]), Policy(), Side("A"), TODAY)
    assert (found.objective, found.horizon_days) == (Objective.FASTEST, 9)
    assert unsaid(agreement, []) is agreement


# --- who comes first ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, "depot far near own"),
        ({"circles": ()}, "depot far near own"),
        ({"circles": tuple(Circle)}, "own near depot far"),
        ({"circles": (Circle.PROVINCE,)}, "near own depot far"),
        ({"circles": (Circle.OWN,)}, "own depot far near"),
        ({"circles": (Circle.NATIONAL,)}, "depot far near own"),
        ({"central_collections": Central.LAST, "central_holders": frozenset({"depot"})}, "far near own depot"),
        ({"central_collections": Central.FIRST, "central_holders": frozenset({"B"})}, "near depot far own"),
        ({"central_collections": Central.NEUTRAL, "central_holders": frozenset({"B"})}, "depot far near own"),
        ({"central_collections": Central.LAST}, "depot far near own"),
        (
            {
                "circles": tuple(Circle),
                "central_collections": Central.LAST,
                "central_holders": frozenset({"depot", "own"}),
            },
            "own near far depot",
        ),
    ],
)
def test_circles_come_before_collections_and_both_before_the_objective(said: dict[str, Any], expected: str) -> None:
    assert rota(decided(version(**said))) == expected


def test_why_somebody_comes_first_is_said() -> None:
    said: dict[str, Any] = {
        "circles": (Circle.OWN, Circle.PROVINCE),
        "central_collections": Central.LAST,
        "central_holders": frozenset({"depot"}),
    }
    found = {entry.supplying_location: entry.reasons[:2] for entry in decided(version(**said)).rota}
    assert found == {
        "own": ("In the own organisation: circle 1 of 2.", "One ride brings it, without a change of vans."),
        "near": ("In the own province: circle 2 of 2.", "One ride brings it, without a change of vans."),
        "far": ("Outside the 2 circles that come first.", "One ride brings it, without a change of vans."),
        "depot": ("Outside the 2 circles that come first.", "Holds a central collection, which comes last."),
    }


def test_whose_shelves_nobody_knows_come_last_whatever_their_circle() -> None:
    decision = decided(version(circles=tuple(Circle)), unanswered=frozenset({"own"}))
    assert rota(decision) == "near depot far own"


@settings(max_examples=150, deadline=None)
@given(
    world=worlds(),
    circles=st.sampled_from([(), tuple(Circle), (Circle.OWN,), (Circle.PROVINCE,), (Circle.OWN, Circle.NATIONAL)]),
    central=st.sampled_from(Central),
    holders=st.frozensets(st.sampled_from(["A", "B", "C", "S0", "S1", "S2"])),
    objective=st.sampled_from(Objective),
)
def test_a_later_circle_never_comes_before_an_earlier_one_and_all_else_stays(
    world: World, circles: tuple[Circle, ...], central: Central, holders: frozenset[str], objective: Objective
) -> None:
    network = compile_network(world.timetable)
    question = Question(
        pickup_location=world.pickup, requested_at=world.requested_at, objective=objective, limit=1000
    )
    side = standing_of(world.register, world.pickup, world.requested_at).side
    agreement = agree([version(circles=circles, central_collections=central, central_holders=holders)])
    policy = policy_on(agreement, world.policy, side, TODAY)

    plain = decide(question, world.holdings, network, world.register, world.policy)
    ordered = decide(question, world.holdings, network, world.register, policy)

    def bare(decision: Decision) -> dict[str, Any]:
        return {entry.supplying_location: entry._replace(rank=0, reasons=(), precedence=0) for entry in decision.rota}

    assert bare(plain) == bare(ordered)
    assert plain.refusals == ordered.refusals

    def first(location: str) -> tuple[int, int]:
        own = standing_of(world.register, location, world.requested_at).side
        is_central = location in holders or own.agency in holders
        role = {Central.FIRST: not is_central, Central.LAST: is_central, Central.NEUTRAL: False}[central]
        return circle_rank(policy, own, side), int(role)

    place = {entry.supplying_location: entry.rank for entry in plain.rota}
    keys = [(first(entry.supplying_location), place[entry.supplying_location]) for entry in ordered.rota]
    assert all(one < other for one, other in pairwise(keys)), "first the policy, and then as it was"


@pytest.mark.parametrize(
    ("agency", "province", "expected"),
    [("A", "P", 0), ("A", "Q", 0), ("B", "P", 1), ("B", "Q", 2), (None, "P", 1), (None, None, 2)],
)
def test_who_belongs_to_which_circle(agency: str | None, province: str | None, expected: int) -> None:
    assert circle_rank(Policy(circles=tuple(Circle)), Side(agency, province), Side("A", "P")) == expected


# --- what is lent ---------------------------------------------------------------------------------


def test_materials_that_are_not_lent_stay_within_their_agency() -> None:
    games = [one._replace(material="game") for one in EVERYWHERE]
    decision = decided(
        version(not_lent=frozenset({"game"})), version(2, agency="C", not_lent=frozenset()), holdings=games
    )
    assert rota(decision) == "depot far own", "C lends them, whatever the network says"
    assert refused(decision) == {"near": "not_lent: B does not lend this material (game) to other agencies."}
    assert decision.policy_versions == (1, 2)


@pytest.mark.parametrize(
    ("days", "expected"), [(0, "far near own"), (1, "far near own"), (2, "far near own"), (3, "own")]
)
def test_what_is_too_new_waits_until_the_day_it_is_old_enough(days: int, expected: str) -> None:
    holdings = [Holding(name, 1, added_on=TODAY - timedelta(days=2)) for name in ("own", "near", "far")]
    decision = decided(version(least_age_days=days), holdings=holdings)
    assert rota(decision) == expected
    if days == 3:
        said = "In the collection since 2026-11-22; B lends it to other agencies from 2026-11-25."
        assert refused(decision)["near"] == f"too_new: {said}"


def test_under_an_embargo_nothing_leaves_its_location() -> None:
    holdings = [Holding(name, 1, added_on=TODAY) for name in ("own", "near", "desk")]
    decision = decided(version(embargo_days=7), holdings=holdings)
    assert rota(decision) == "desk", "that need not leave"
    said = "In the collection since 2026-11-24; A lends it to other locations from 2026-12-01."
    assert refused(decision)["own"] == f"too_new: {said}"


def test_of_unknown_age_is_old_enough() -> None:
    assert rota(decided(version(least_age_days=365, embargo_days=365))) == "depot far near own"


def test_the_day_is_that_of_the_network() -> None:
    """At eleven in the evening, in UTC, the next day has begun."""
    late = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
    policy = policy_on(agree([version(least_age_days=1)]), Policy(), Side("A", "P"), TODAY)
    holdings = [Holding("near", 1, added_on=TODAY)]

    def reasons(minutes: int) -> list[str]:
        question = Question(pickup_location="desk", requested_at=late + timedelta(minutes=minutes))
        return [one.reason for one in decide(question, holdings, NETWORK, REGISTER, policy).refusals]

    assert reasons(0) == ["too_new"]
    assert reasons(29) == ["too_new"]
    assert reasons(30) == []


def test_of_several_holdings_of_a_location_only_those_that_fit_count() -> None:
    rule = version(not_lent=frozenset({"game"}), least_age_days=10)
    new, old = TODAY, TODAY - timedelta(days=10)
    game, book = Holding("near", 5, 5, material="game"), Holding("near", 1, 0, added_on=old)
    assert refused(decided(rule, holdings=[game, book])) == {"near": "unavailable: Every copy here is out."}
    young = Holding("near", 1, 1, added_on=new)
    assert refused(decided(rule, holdings=[young, game]))["near"].startswith("too_new")
    assert refused(decided(rule, holdings=[game, young]))["near"].startswith("not_lent")
    assert rota(decided(rule, holdings=[young, book._replace(available=1)])) == "near"


def test_the_policys_maximum_holds_whatever_the_request_allows() -> None:
    rule = version(max_cost_cents=700)
    decision = decided(rule, max_cost_cents=5000)
    assert rota(decision) == "near own"
    assert refused(decision)["far"] == "too_dear: Costs 10.75 euro; the policy allows 7.00 euro."
    assert refused(decided(rule, max_cost_cents=100))["far"].endswith("the request allows 1.00 euro.")


def test_the_horizon_and_the_objective_of_the_side_that_asks() -> None:
    assert rota(decided(version(objective=Objective.CHEAPEST))) == "near own depot far"
    assert decided(version(objective=Objective.CHEAPEST), objective=Objective.FASTEST).objective == "fastest"
    question = Question(pickup_location="desk", requested_at=NOW - timedelta(days=4))
    short = policy_on(agree([version(horizon_days=2)]), Policy(), Side("A", "P"), TODAY)
    assert decide(question, EVERYWHERE, NETWORK, REGISTER, short).rota == ()


def test_a_decision_names_the_versions_of_whoever_holds_the_title() -> None:
    versions = [
        version(1, circles=(Circle.OWN,)),
        version(2, province="Q", renewals=1),
        version(3, agency="B", loan_days=7),
        version(4, agency="A"),
    ]
    assert decided(*versions).policy_versions == (1, 2, 3)
    assert decided(*versions, holdings=[Holding("near", 1)]).policy_versions == (1, 3)
    assert decided().policy_versions == ()


def test_an_agreement_that_says_nothing_about_lending_has_no_book() -> None:
    agreement: Agreement = agree([version(circles=(Circle.OWN,))])
    assert era_on(agreement, TODAY).book is None
    assert replace(agreement).since == (date(2026, 1, 1),)
