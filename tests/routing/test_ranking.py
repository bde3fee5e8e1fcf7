"""The order of the rota by each objective, and the sentences on its entries."""

from __future__ import annotations

import pytest

from routing import CostPart, Objective, Tariff, Weights
from routing.costs import NO_TARIFF, WITHIN_ONE_AGENCY, charge_between, charge_for
from routing.ranking import Offer, explained, ranked
from routing.register import Side

HOUR = 3600
HERE = Side("NL-A", "Drenthe", "biblionet")


def offer(text: str) -> Offer:
    """An offer from "ID hours handlings cents"."""
    location, hours, handlings, cents = text.split()
    waited = int(float(hours) * HOUR)
    charge = NO_TARIFF if cents == "0" else charge_for(CostPart("supplier", int(cents)))
    return Offer(0, location, 0, waited, waited, int(handlings), charge)


OFFERS = [offer(text) for text in ("Z 10 1 675", "Y 10 0 675", "X 5 2 675", "W 40 0 0", "V 10 0 675", "U 40 1 0")]


@pytest.mark.parametrize(
    ("objective", "order"),
    [
        (Objective.FASTEST, "X V Y Z W U"),
        (Objective.CHEAPEST, "W U X V Y Z"),
        (Objective.FEWEST_HANDLINGS, "V Y W Z U X"),
        # In cents, at 10 an hour and 50 a handling: W 400, U 450, V and Y 775, X 825, Z 825.
        (Objective.BALANCED, "W U V Y X Z"),
    ],
)
def test_order(objective: Objective, order: str) -> None:
    assert " ".join(entry.location for entry in ranked(OFFERS, objective, Weights())) == order


def test_cost_breaks_the_tie_of_arrival_and_handlings_before_the_id_does() -> None:
    offers = [offer("A 5 1 675"), offer("B 5 1 0")]
    assert [entry.location for entry in ranked(offers, Objective.FASTEST, Weights())] == ["B", "A"]


def test_a_second_counts() -> None:
    offers = [offer("A 5 0 0"), offer("B 5 3 1075")._replace(arrival=5 * HOUR - 1, waited=5 * HOUR - 1)]
    assert [entry.location for entry in ranked(offers, Objective.FASTEST, Weights())] == ["B", "A"]


def test_balance_is_exact_where_hours_have_seconds() -> None:
    """A third of an hour at 15 cents is 5 cents, and weighs the same as 5 cents of cost: arrival decides."""
    offers = [offer("A 1 0 5"), offer("B 1 0 0")._replace(arrival=4800, waited=4800)]
    assert [entry.location for entry in ranked(offers, Objective.BALANCED, Weights(15.0, 0.0))] == ["A", "B"]


def told(objective: Objective, *offers: Offer, pickup: str = "HERE") -> list[tuple[str, ...]]:
    return explained(offers, 10, pickup_location=pickup, objective=objective, weights=Weights())


def test_what_is_said_of_the_own_shelf() -> None:
    own = Offer(0, "HERE", 60, 60, 60, 0, WITHIN_ONE_AGENCY)
    assert told(Objective.FASTEST, own) == [
        ("Stands at the pickup location already.", "Within one organisation, so no charge.")
    ]


def test_what_is_said_of_travellers() -> None:
    across, near, stray = (
        charge_between(side, HERE, Tariff())
        for side in (Side("NL-B", "Utrecht", "bisc"), Side("NL-C", "Drenthe", "biblionet"), Side())
    )
    offers = (
        Offer(0, "B", 0, 7200, 7200, 3, across),
        Offer(1, "C", 0, 9000, 9000, 1, near),
        Offer(2, "D", 0, 9900, 9900, 0, stray),
    )
    assert told(Objective.FASTEST, *offers) == [
        (
            "Changes vans 3 times.",
            "Costs 10.75 euro: supplier 6.75 euro, transport 4.00 euro.",
            "No other copy arrives sooner.",
        ),
        ("Changes vans once.", "Within one province (Drenthe), so no charge."),
        ("One ride brings it, without a change of vans.", "No tariff applies."),
    ]


def test_what_is_said_by_objective() -> None:
    two = offer("B 10 2 675"), offer("C 40 0 0")
    assert [said[2:] for said in told(Objective.CHEAPEST, *two)] == [
        ("No other copy arrives sooner.",),
        ("No other copy costs less.",),
    ]
    assert [said[2:] for said in told(Objective.BALANCED, *two)] == [
        (
            "No other copy arrives sooner.",
            "Weighs 8.75 euro in balance: waiting 1.00 euro, handling 1.00 euro, cost 6.75 euro.",
        ),
        ("Weighs 4.00 euro in balance: waiting 4.00 euro, handling 0.00 euro, cost 0.00 euro.",),
    ]


def test_only_what_is_shown_is_explained() -> None:
    assert len(explained(OFFERS, 2, pickup_location="HERE", objective=Objective.FASTEST, weights=Weights())) == 2
