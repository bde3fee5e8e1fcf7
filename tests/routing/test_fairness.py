"""What suppliers bear: where it changes the order, by how much, and that nobody is charged for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from routing import (
    Agency,
    Burden,
    Burdens,
    Decision,
    Holding,
    Location,
    Objective,
    Policy,
    Question,
    Register,
    RotaOrder,
    Weights,
    agree,
    compile_network,
    decide,
    policy_on,
    replay,
    shelve,
    standing_of,
    unlearned,
)
from routing.prospect import aim_of
from routing.ranking import Offer, ranked
from tests.routing.asking import moment
from tests.routing.test_batch import asked_of, decided, drawn_version, seen, unsettled
from tests.routing.test_policies import version
from tests.routing.test_ranking import offer
from tests.support.worlds import World, drawn, worlds

NOW = moment("2026-11-24 07:00")
TODAY = date(2026, 11, 24)
REGISTER = Register(
    {name: Agency(name, province="P") for name in ("A", "B", "C")},
    {name: Location(name, agency=agency) for name, agency in {"desk": "A", "own": "A", "b": "B", "c": "C"}.items()},
)
# C is there at 09:00, B at 11:00, and A's own at 13:00: in balance 20, 40 and 60 cents.
NETWORK = compile_network(
    drawn(
        """
        C/c    Tu c 08:00 desk 09:00
        B/b    Tu b 08:00 desk 11:00
        O/own  Tu own 08:00 desk 13:00
        """
    )
)
EVERYWHERE = [Holding(name, 1) for name in ("own", "b", "c")]


def asked(burdens: Burdens | None, policy: Policy, **question: Any) -> Decision:
    asks = {"pickup_location": "desk", "requested_at": NOW, **question}
    return decide(Question(**asks), EVERYWHERE, NETWORK, REGISTER, policy, burdens=burdens)


def rota(decision: Decision) -> str:
    return " ".join(entry.supplying_location for entry in decision.rota)


def lending(**said: Any) -> Policy:
    side = standing_of(REGISTER, "desk", NOW).side
    return policy_on(agree([version(**said)]), Policy(), side, TODAY)


HEAVY = Burdens({"A": 50, "B": -300, "C": 2000}, {"c": 40})


@pytest.mark.parametrize("objective", list(Objective))
def test_without_a_weight_nothing_changes(objective: Objective) -> None:
    plain = asked(None, Policy(objective=objective))
    assert asked(HEAVY, Policy(objective=objective)) == plain
    assert asked(None, Policy(objective=objective, weights=Weights(10.0, 50.0, 5.0, 5.0))).rota == plain.rota
    assert [entry.burden for entry in plain.rota] == [None] * 3


@pytest.mark.parametrize(("net", "order"), [(19, "c b own"), (20, "c b own"), (21, "b c own"), (41, "b own c")])
@pytest.mark.parametrize("objective", [Objective.FASTEST, Objective.BALANCED, Objective.FEWEST_HANDLINGS])
def test_the_order_changes_where_the_money_does(objective: Objective, net: int, order: str) -> None:
    """Two hours are worth 20 cents, and each item a cent; of what weighs the same the earlier one comes first."""
    weights = Weights(cents_per_hour=10.0, cents_per_net_loan=1.0)
    decision = asked(Burdens({"C": net}), Policy(objective=objective, weights=weights))
    assert rota(decision) == order
    assert {entry.cost_cents for entry in decision.rota} == {0}


def test_what_weighs_on_cost_is_money() -> None:
    """B costs 5.00 more than C: a burden of 4.99 leaves that as it is, one of 5.01 does not."""
    weights = Weights(cents_per_open_item=1.0)
    offers = [offer("B 5 0 500"), offer("C 9 0 0")]
    for burden, order in ((499.0, "CB"), (501.0, "BC")):
        found = ranked([offers[0], offers[1]._replace(burden=burden)], Objective.CHEAPEST, weights)
        assert "".join(each.location for each in found) == order


def test_fewest_handlings_stay_first_whatever_weighs() -> None:
    weights = Weights(cents_per_net_loan=1.0)
    offers = [offer("B 5 1 0"), offer("C 9 0 0")._replace(burden=1e6)]
    assert [each.location for each in ranked(offers, Objective.FEWEST_HANDLINGS, weights)] == ["C", "B"]


def test_where_an_hour_is_worth_nothing_what_is_borne_comes_first() -> None:
    weights = Weights(cents_per_hour=0.0, cents_per_net_loan=0.5)
    assert rota(asked(Burdens({"C": 1}), Policy(weights=weights))) == "b own c"


def test_it_is_said_in_sentences_and_kept_in_numbers() -> None:
    policy = Policy(weights=Weights(cents_per_net_loan=2.0, cents_per_open_item=5.0))
    decision = asked(Burdens({"C": 212, "B": -7}, {"c": 3, "own": 1}), policy)
    told = {entry.supplying_location: entry.reasons[-2:] for entry in decision.rota}
    assert told["c"] == (
        "Has lent 212 more than it borrowed, which weighs 4.24 euro.",
        "Has 3 items to send, which weighs 0.15 euro.",
    )
    assert told["b"][-1] == "Has borrowed 7 more than it lent, which weighs -0.14 euro."
    assert told["own"][-1] == "Has 1 item to send, which weighs 0.05 euro."
    burdens = {entry.supplying_location: entry.burden for entry in decision.rota}
    assert burdens == {"c": Burden(212, 3, 439.0), "b": Burden(-7, 0, -14.0), "own": Burden(0, 1, 5.0)}
    balanced = asked(Burdens({"C": 212}), replace(policy, objective=Objective.BALANCED))
    assert "cost 0.00 euro, fairness 4.24 euro." in balanced.rota[-1].reasons[-2]


# --- so many a day --------------------------------------------------------------------------------


def test_who_was_asked_often_enough_comes_last_but_is_not_left_out() -> None:
    policy = lending(agency="C", most_a_day=3)
    assert rota(asked(Burdens(day=TODAY, placed={"C": 2}), policy)) == "c b own"
    full = asked(Burdens(day=TODAY, placed={"C": 3}), policy)
    assert rota(full) == "b own c"
    assert full.rota[-1].reasons[-1] == "Has been asked today as often as it takes (3 of 3), so comes last."
    assert full.rota[-1].burden == Burden(0, 0, 0.0, 3, 3, 0, None)
    assert full.refusals == ()
    unanswered = asked(Burdens(day=TODAY, placed={"C": 3}), policy, unanswered=frozenset({"b", "own"}))
    assert rota(unanswered) == "b own c", "also after those of whom nobody knows whether it is there"


def test_another_day_begins_anew() -> None:
    policy = lending(agency="C", most_a_day=3)
    assert rota(asked(Burdens(day=date(2026, 11, 23), placed={"C": 3}), policy)) == "c b own"


def test_each_location_may_have_its_own_limit() -> None:
    policy = lending(agency="C", most_a_day_per_location=2)
    assert rota(asked(Burdens(day=TODAY, placed={"C": 9}, placed_here={"c": 1}), policy)) == "c b own"
    assert rota(asked(Burdens(day=TODAY, placed_here={"c": 2}), policy)) == "b own c"


def test_ones_own_readers_are_kept_from_nothing() -> None:
    policy = lending(most_a_day=0)
    decision = asked(Burdens(day=TODAY), policy)
    assert rota(decision) == "own c b"
    assert decision.rota[0].burden is None


def test_a_location_without_an_agency_counts_by_itself() -> None:
    register = replace(REGISTER, locations={**REGISTER.locations, "c": Location("c")})
    policy = lending(most_a_day=2)
    question = Question(pickup_location="desk", requested_at=NOW)
    burdens = Burdens(day=TODAY, placed_here={"c": 2})
    assert rota(decide(question, EVERYWHERE, NETWORK, register, policy, burdens=burdens)) == "b own c"


# --- the other two that go by it ------------------------------------------------------------------


@pytest.mark.parametrize("objective", list(Objective))
def test_a_batch_weighs_as_decide_does(objective: Objective) -> None:
    moved = 0

    @seed(55)
    @settings(max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(world=worlds(), luck=st.integers(0, 2**32))
    def check(world: World, luck: int) -> None:
        nonlocal moved
        chance = Random(luck)
        register = unsettled(world, chance) if luck % 2 else world.register
        policy = replace(
            world.policy,
            objective=objective,
            weights=replace(
                world.policy.weights,
                cents_per_net_loan=chance.choice((0.0, 0.1, 3.0)),
                cents_per_open_item=chance.choice((0.0, 7.0)),
            ),
        )
        burdens = Burdens(
            {isil: chance.randrange(-400, 400) for isil in register.agencies},
            {location: chance.randrange(60) for location in register.locations},
        )
        agreement = agree([drawn_version(chance, 1, world.requested_at.date())] if luck % 3 else [])
        held = [holding._replace(available=None) for holding in world.holdings]
        rows: list[tuple[str, int, datetime, datetime | None, int | None]]
        rows = [(chance.choice((world.pickup, *register.locations)), 0, world.requested_at, None, None)] * 6
        network = compile_network(world.timetable)
        shelf = shelve([held], [*register.locations, *(one.location for one in held)], policy)
        found = replay(network, register, policy, shelf, asked_of(shelf, rows), agreement=agreement, burdens=burdens)
        for at, (pickup, _, when, _, _) in enumerate(rows):
            question = Question(pickup_location=pickup, requested_at=when)
            applies = policy_on(agreement, policy, standing_of(register, pickup, when).side, when.date())
            expected = decided(network, register, applies, question, held, burdens)
            assert seen(network, shelf, found, at) == expected
            moved += expected != decided(network, register, applies, question, held)

    check()
    assert moved > 20


def test_the_expected_order_goes_by_it_too() -> None:
    policy = Policy(weights=Weights(cents_per_net_loan=1.0), rota_order=RotaOrder.EXPECTED)
    question = Question(pickup_location="desk", requested_at=NOW)

    def order(burdens: Burdens, objective: Objective) -> str:
        decision = decide(
            replace(question, objective=objective), EVERYWHERE, NETWORK, REGISTER, policy, unlearned(), burdens
        )
        return rota(decision)

    for objective in Objective:
        assert order(Burdens({"C": 5000, "B": -5000}), objective).startswith("b "), objective
        assert order(Burdens({"B": 5000, "A": 5000}), objective).startswith("c "), objective
        same = Burdens(dict.fromkeys("ABC", -777))
        assert order(same, objective) == order(Burdens(), objective), "what weighs the same for all changes nothing"


@pytest.mark.parametrize("objective", list(Objective))
def test_the_aim_is_never_below_nothing_and_differs_by_what_the_key_does(objective: Objective) -> None:
    offers = [Offer(at, f"L{at}", 0, 3600, 3600, at % 2, offer("X 1 0 0").charge, at * 10.0 - 20) for at in range(5)]
    policy = Policy(weights=Weights(10.0, 50.0, 1.0, 0.0))
    aim = aim_of(offers, objective, policy, circles=[0] * 5)
    assert (aim.fixed >= 0).all()
    by_aim = [f"L{at}" for at in np.argsort(aim.plain, kind="stable")]
    assert by_aim == [each.location for each in ranked(offers, objective, policy.weights)]
