"""What fairness costs: one demand decided under one weight after the other, by balances that follow from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from routing.batch import Asked, Replay, Shelf, replay
from routing.calendar import DAY_SECONDS
from routing.fairness import Burdens
from routing.model import Policy, Register
from routing.network import Ints, Longs, Network
from routing.register import standing_of


@dataclass(frozen=True, slots=True)
class Point:
    """What a weight comes to, over what is filled: hours until it arrives, cents and handlings of an item.

    `gini` is that of the agencies' balances (see `gini`), `one_sided` the share of items that nobody gave back: 0
    where everyone borrowed as much as it lent, 1 where whoever lends borrows nothing.
    """

    cents_per_net_loan: float
    filled: int
    median_hours: float
    p90_hours: float
    mean_cents: float
    mean_handlings: float
    gini: float
    one_sided: float


def fair_curve(
    network: Network, register: Register, policy: Policy, shelf: Shelf, asked: Asked, *, weights: Sequence[float]
) -> list[Point]:
    """Decide all that was asked once for each weight (cents per net loan), by the policy's objective.

    Balances begin at 0 and are renewed once a day, counted from the first loan request: each day is decided by what
    the days before came to. Copies do not run out, and everybody supplies: what differs is the weight alone.
    """
    return [_point(network, register, policy, shelf, asked, weight) for weight in weights]


def gini(values: npt.ArrayLike) -> float:
    """The Gini coefficient of values that may lie below 0; 0: all alike (or there are less than two), 1: at most.

    Half the mean difference between two of them, over the most that it can be where so much lies above and below 0.
    Source: Raffinetti, Siletti and Vernizzi, On the Gini coefficient normalization when attributes with negative
    values are considered, Statistical Methods & Applications 24 (2015).
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    count, whole = len(ordered), float(np.abs(ordered).sum())
    if count < 2 or whole == 0:
        return 0.0
    ranks = np.arange(1, count + 1)
    differences = 2 * float(((2 * ranks - count - 1) * ordered).sum())
    return differences / (2 * (count - 1) * whole)


def _point(network: Network, register: Register, policy: Policy, shelf: Shelf, asked: Asked, weight: float) -> Point:
    weighing = replace(policy, weights=replace(policy.weights, cents_per_net_loan=weight))
    span = (int(asked.requested.min()), int(asked.requested.max())) if len(asked.requested) else None
    isils = sorted(register.agencies)
    net = np.zeros(len(isils) + 1, dtype=np.int64)  # the last is of whoever has no agency
    waited, cents, handlings = [], [], []
    lent = 0
    for some in _days(asked.requested):
        day = _some(asked, some)
        burdens = Burdens(dict(zip(isils, net.tolist(), strict=False)))
        found = replay(network, register, weighing, shelf, day, burdens=burdens, span=span)
        filled = found.place >= 0
        waited.append((found.arrival - day.requested)[filled])
        cents.append(found.cents[filled])
        handlings.append(found.handlings[filled])
        lent += _settle(net, found, day, _agencies(register, shelf, isils, int(day.requested[0])))
    hours = np.concatenate([np.empty(0), *waited]) / 3600
    return Point(
        cents_per_net_loan=weight,
        filled=len(hours),
        median_hours=_quantile(hours, 0.5),
        p90_hours=_quantile(hours, 0.9),
        mean_cents=_mean(cents),
        mean_handlings=_mean(handlings),
        gini=gini(net[:-1]),
        one_sided=float(np.abs(net[:-1]).sum()) / (2 * lent) if lent else 0.0,
    )


def _settle(net: Longs, found: Replay, asked: Asked, agency: Longs) -> int:
    """Count what was lent and borrowed into the balances; return how many items went to another agency."""
    filled = found.place >= 0
    lender, borrower = agency[found.place[filled]], agency[asked.pickup[filled]]
    between = (lender != borrower) & (lender < len(net) - 1) & (borrower < len(net) - 1)
    np.add.at(net, lender[between], 1)
    np.subtract.at(net, borrower[between], 1)
    return int(between.sum())


def _agencies(register: Register, shelf: Shelf, isils: Sequence[str], moment: int) -> Longs:
    """The agency in force of each place, as a position; behind them all where there is none."""
    position = {isil: at for at, isil in enumerate(isils)}
    when = datetime.fromtimestamp(moment, UTC)
    found = [standing_of(register, place, when).agency for place in shelf.places]
    return np.array([len(isils) if one is None else position[one.isil] for one in found], dtype=np.int64)


def _days(requested: Longs) -> Iterator[npt.NDArray[np.intp]]:
    """Positions day by day, in order of time."""
    order = np.argsort(requested, kind="stable")
    if len(order):
        day = (requested[order] - requested[order[0]]) // DAY_SECONDS
        yield from np.split(order, np.flatnonzero(np.diff(day)) + 1)


def _some(asked: Asked, some: npt.NDArray[np.intp]) -> Asked:
    return Asked(
        pickup=asked.pickup[some],
        title=asked.title[some],
        requested=asked.requested[some],
        need_before=asked.need_before[some],
        most_cents=asked.most_cents[some],
    )


def _quantile(hours: npt.NDArray[np.float64], share: float) -> float:
    return float(np.quantile(hours, share)) if len(hours) else 0.0


def _mean(columns: Sequence[Longs | Ints]) -> float:
    whole = np.concatenate([np.empty(0, np.int64), *columns])
    return float(whole.mean()) if len(whole) else 0.0
