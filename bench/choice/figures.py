"""What a year came to under one way to choose, in figures; only loan requests made after the warm-up count."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from app.planning.measure import gini
from bench.choice.chance import WARM_UP_DAYS
from bench.choice.ground import Ground
from bench.choice.leenpad import ITEMS_PER_CRATE, Leenpad
from bench.choice.run import Outcome, Run, tariffs
from routing import Objective
from routing.calendar import DAY_SECONDS
from routing.network import Floats, Longs

CENTS_PER_HANDLING = 50
"""What a change of vans is taken to cost, as the weights of a policy have it by default."""


@dataclass(frozen=True, slots=True, eq=False)
class Promises:
    """Of each promise that was put to the test: days promised (p50, p90) and taken, province and objective."""

    p50: Floats
    p90: Floats
    took: Floats
    province: Longs
    objective: Longs


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """Of one way in one year. `numbers` are those of `NUMBERS`."""

    numbers: dict[str, float]
    waited: Floats  # days, of all loan requests; infinite where never filled
    promises: Promises | None = None
    notes: dict[str, float] = field(default_factory=dict)


NUMBERS = {
    "median": "median days",
    "p90": "p90 days",
    "mean": "mean days, filled",
    "filled": "filled",
    "handlings": "handlings",
    "legs": "van rides",
    "transport": "transport, cent",
    "tariff": "tariff, cent",
    "kilometres": "km",
    "declined": "noes",
    "silent": "silences",
    "let_go": "let go",
    "crates": "crates over",
    "fullest": "fullest trip",
    "gini": "Gini of net balance",
    "one_sided": "nobody gave back",
    "gini_copies": "Gini of supplied per copy",
}


def measure(run: Run, since_day: int = WARM_UP_DAYS) -> Figures:
    """Put a run that was lived through into figures; all but shares and Ginis are per filled loan request."""
    ground, demand = run.ground, run.demand
    counted = np.flatnonzero(demand.moment >= since_day * DAY_SECONDS)
    table = np.array([run.outcomes[at] for at in counted.tolist()], dtype=np.int64).reshape(-1, len(Outcome._fields))
    columns = dict(zip(Outcome._fields, table.T, strict=True))
    filled = columns["collected"] >= 0
    days = (columns["collected"] - demand.moment[counted]) / DAY_SECONDS
    waited = np.where(filled, days, np.inf)
    place, pickup = columns["place"][filled], demand.pickup[counted][filled]
    supplier, transport = tariffs(ground)
    one, other = ground.agency[place], ground.agency[pickup]
    handled = columns["handlings"][filled] * CENTS_PER_HANDLING
    over, fullest = crates(run, since_day)
    numbers = {
        "median": float(np.quantile(waited, 0.5, method="lower")),
        "p90": float(np.quantile(waited, 0.9, method="lower")),
        "mean": float(waited[filled].mean()),
        "filled": float(filled.mean()),
        "handlings": float(columns["handlings"][filled].mean()),
        "legs": float(columns["legs"][filled].mean()),
        "transport": float((transport[one, other] + handled).mean()),
        "tariff": float((supplier + transport)[one, other].mean()),
        "kilometres": float(ground.kilometres[place, pickup].mean()),
        "declined": float(columns["declined"][filled].mean()),
        "silent": float(columns["silent"][filled].mean()),
        "let_go": float(columns["let_go"][filled].mean()),
        "crates": over,
        "fullest": fullest,
        "gini": net_gini(one, other, len(run.lent)),
        "one_sided": one_sided(one, other, len(run.lent)),
        "gini_copies": per_copy_gini(ground, place),
    }
    return Figures(numbers, waited, _promises(run, counted, columns, filled))


def net_gini(supplying: npt.NDArray[np.int32], requesting: npt.NDArray[np.int32], agencies: int) -> float:
    """How unequal net balances (supplied to less received from other organisations) are.

    Half the mean difference between any two organisations, over the mean number of loan requests that each had
    filled: so it is 0 where everybody is even, and a way that crosses fewer borders is not made to look worse.
    """
    crossing = supplying != requesting
    net = np.bincount(supplying[crossing], minlength=agencies) - np.bincount(requesting[crossing], minlength=agencies)
    each = len(supplying) / agencies
    return float(np.abs(net[:, None] - net[None, :]).mean() / (2 * each)) if each else 0.0


def one_sided(supplying: npt.NDArray[np.int32], requesting: npt.NDArray[np.int32], agencies: int) -> float:
    """Which part of the items that went to another agency nobody gave back.

    0 where everyone borrowed as much as it lent, 1 where whoever lends borrows nothing.
    """
    crossing = supplying != requesting
    net = np.bincount(supplying[crossing], minlength=agencies) - np.bincount(requesting[crossing], minlength=agencies)
    return float(np.abs(net).sum() / (2 * crossing.sum())) if crossing.any() else 0.0


def per_copy_gini(ground: Ground, place: Longs) -> float:
    """How unequal it is what places supply for each copy that they hold."""
    copies = np.bincount(ground.row_place, weights=ground.row_copies, minlength=len(ground.places))
    supplied = np.bincount(place, minlength=len(ground.places))
    holds = copies > 0
    return gini(supplied[holds] / copies[holds]) or 0.0


def crates(run: Run, since_day: int) -> tuple[float, float]:
    """How many crates there were too many in the time that counts, and which part of its own the fullest trip fills.

    Items on each ride are those of its average day, as a sample of one in `scale` says little of a single day.
    """
    rides, first = run.vans.network.rides, run.vans.first_day
    since, until = first + since_day, first + int(run.demand.moment[-1]) // DAY_SECONDS
    number = np.fromiter(run.load, dtype=np.int64)
    items = np.fromiter(run.load.values(), dtype=np.int64)
    day, planned = np.divmod(number, len(rides.trip))
    counted = (day >= since) & (day <= until)
    total = np.bincount(planned[counted], weights=items[counted], minlength=len(rides.trip))
    driven = run.vans.network.days.active(since, until - since + 1).sum(axis=1)[run.vans.network.trip_service]
    fullest = np.zeros(len(driven))
    np.maximum.at(fullest, rides.trip, total)
    needed = fullest * run.scale / ITEMS_PER_CRATE / np.maximum(1, driven)
    over = np.maximum(0, np.ceil(needed) - run.ground.crates) * driven
    return float(over.sum()), float((needed / run.ground.crates).max())


def _promises(run: Run, counted: Longs, columns: dict[str, Longs], filled: npt.NDArray[np.bool_]) -> Promises | None:
    way = run.way
    promised = filled & (columns["p90"] >= 0)
    if not isinstance(way, Leenpad) or not promised.any():
        return None
    moment = run.demand.moment[counted][promised]
    objectives = list(Objective)
    p50, p90, took = ((columns[name][promised] - moment) / DAY_SECONDS for name in ("p50", "p90", "collected"))
    return Promises(
        p50,
        p90,
        took,
        province=run.ground.province[run.demand.pickup[counted][promised]].astype(np.int64),
        objective=np.array([objectives.index(way.puts_first(run, at)) for at in counted[promised].tolist()]),
    )
