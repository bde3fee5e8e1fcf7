"""What suppliers bear already: what they lent more than they borrowed, what they have to send, and what they take.

A weight is money, so that it stands beside waiting and cost, but nobody is charged for it. What an agency has lent
more than it borrowed weighs in favour of others, and what it borrowed more than it lent, in favour of itself. That is
so for the agency of the counter too: to lend to it moves its own balance as far as the supplier's, and what weighs
the same for all others may as well be left out. So an item goes where it brings balances together most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from routing.costs import euros
from routing.model import Agency, Burden, LendingBook, Policy, Weights
from routing.policies import lending_of
from routing.register import Side


@dataclass(frozen=True, slots=True, eq=False)
class Burdens:
    """What everyone bears at a moment; whoever is not named bears nothing.

    `net_loans` are the items that an agency (ISIL) has lent less those that it borrowed, `open_items` those that a
    location still has to send. `placed` says how often agencies, and locations, were asked on `day`.
    """

    net_loans: Mapping[str, int] = field(default_factory=dict)
    open_items: Mapping[str, int] = field(default_factory=dict)
    day: date | None = None
    placed: Mapping[str, int] = field(default_factory=dict)
    placed_here: Mapping[str, int] = field(default_factory=dict)


def cents_of(burdens: Burdens, agency: str | None, location: str, weights: Weights) -> float:
    """What a supplier's balance and items to send weigh, in euro cents."""
    net, items = burdens.net_loans.get(agency or "", 0), burdens.open_items.get(location, 0)
    return net * weights.cents_per_net_loan + items * weights.cents_per_open_item


def burden_of(
    burdens: Burdens,
    policy: Policy,
    *,
    agency: str | None,
    location: str,
    side: Side,
    day: date,
    pickup_location: str,
    pickup_agency: Agency | None,
) -> Burden:
    """What a supplier bears on a day. No limit keeps its own agency from asking it, or the counter itself."""
    net, items = burdens.net_loans.get(agency or "", 0), burdens.open_items.get(location, 0)
    burden = Burden(net, items, cents_of(burdens, agency, location, policy.weights))
    own = location == pickup_location or (pickup_agency is not None and pickup_agency.isil == agency)
    if policy.lending is None or own:
        return burden
    lending, today = lending_of(policy.lending, side.agency, side.province), burdens.day == day
    here = burdens.placed_here.get(location, 0) if today else 0
    together = here if agency is None else burdens.placed.get(agency, 0) if today else 0
    return burden._replace(
        placed_today=together,
        most_a_day=lending.most_a_day,
        placed_here_today=here,
        most_a_day_here=lending.most_a_day_per_location,
    )


@lru_cache(maxsize=64)  # by identity; there are as many as days on which what is agreed changes
def limits_anyone(book: LendingBook | None) -> bool:
    """Whether anyone has said how often it may be asked in a day."""
    if book is None:
        return False
    said = (book.network, *book.provinces.values(), *book.agencies.values())
    return any((one.most_a_day, one.most_a_day_per_location) != (None, None) for one in said)


def limited(burden: Burden) -> bool:
    """Whether a supplier has said how often it may be asked in a day."""
    return burden.most_a_day is not None or burden.most_a_day_here is not None


def is_full(burden: Burden) -> bool:
    """Whether a supplier was asked as often as it may be today."""
    return _reached(burden.placed_today, burden.most_a_day) or _reached(
        burden.placed_here_today, burden.most_a_day_here
    )


def burden_told(burden: Burden, weights: Weights) -> tuple[str, ...]:
    """What a supplier bears, in sentences: as far as it weighs."""
    told = []
    if weights.cents_per_net_loan and burden.net_loans:
        more, less = ("lent", "borrowed") if burden.net_loans > 0 else ("borrowed", "lent")
        weight = euros(burden.net_loans * weights.cents_per_net_loan)
        told.append(f"Has {more} {abs(burden.net_loans)} more than it {less}, which weighs {weight}.")
    if weights.cents_per_open_item and burden.open_items:
        items = "1 item" if burden.open_items == 1 else f"{burden.open_items} items"
        told.append(f"Has {items} to send, which weighs {euros(burden.open_items * weights.cents_per_open_item)}.")
    if _reached(burden.placed_today, burden.most_a_day):
        told.append(_enough(burden.placed_today, burden.most_a_day))
    elif _reached(burden.placed_here_today, burden.most_a_day_here):
        told.append(_enough(burden.placed_here_today, burden.most_a_day_here))
    return tuple(told)


def _reached(placed: int, most: int | None) -> bool:
    return most is not None and placed >= most


def _enough(placed: int, most: int | None) -> str:
    return f"Has been asked today as often as it takes ({placed} of {most}), so comes last."
