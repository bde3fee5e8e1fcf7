"""What an option weighs, by the objective of whoever asked.

`balanced` weighs as in a decision: an hour of waiting, a handling and the cost itself, in cents. The others weigh
the one thing that they put first at the same prices, so that one batch may hold them all; the rest counts a
hundred-thousandth of it and decides between what is equal.
"""

from __future__ import annotations

from typing import NamedTuple

from routing.model import Objective, Policy

TIE = 100_000
UNITS_PER_CENT = 60 * TIE
"""A weight is a whole number of these: so a minute at whole cents an hour is one too."""

MOST_HANDLINGS = 10
MOST_CENTS = 10_000.0
"""An hour and a handling weigh no more than this: a hundred euro decides all that more would, and sums stay whole."""


class Weighing(NamedTuple):
    """Units for a minute of waiting, for a handling and for a cent of cost."""

    minute: int
    handling: int
    cent: int

    def of(self, waited_seconds: int, handlings: int, cents: int) -> int:
        """Weigh an option; whole minutes count."""
        return waited_seconds // 60 * self.minute + handlings * self.handling + cents * self.cent


def weighing(objective: Objective, policy: Policy) -> Weighing:
    """How an objective weighs under a policy."""
    hourly, handled = (
        min(each, MOST_CENTS) for each in (policy.weights.cents_per_hour, policy.weights.cents_per_handling)
    )
    minute, handling = round(hourly), round(handled * 60)
    first = {
        Objective.FASTEST: (TIE, 1, 1),
        Objective.FEWEST_HANDLINGS: (1, TIE, 1),
        Objective.CHEAPEST: (1, 1, TIE),
        Objective.BALANCED: (TIE, TIE, TIE),
    }[objective]
    # What is put first weighs something, whatever the policy says of it.
    return Weighing(max(1, minute) * first[0], max(1, handling) * first[1], 60 * first[2])


def weight_of_none(policy: Policy) -> int:
    """What an unserved loan request weighs: a whole horizon of waiting, ten handlings and the full tariff."""
    tariff = policy.tariff.supplier_cents + policy.tariff.transport_cents
    whole = weighing(Objective.BALANCED, policy)
    return whole.of(policy.horizon_days * 86_400, MOST_HANDLINGS, tariff)
