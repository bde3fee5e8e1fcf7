"""How suppliers answer: what each is likely to do with a question, and how much open time that takes.

What a supplier does with a question is one of `ANSWERS`: it hands the item to the vans, or says no, after some open
time that lies in one of `BINS`; or it stays silent until the placement lapses. How likely each is for a location was
learned from what happened (see `learning`); what material, weekday and hour change about it is told by ratios, which
multiply, and the product is scaled to one. Beside it stands how likely a dated trip is not to run as planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

EDGE_HOURS = (0.0, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 40.0, 64.0, 120.0)
"""Where the bins of open time begin and end; what takes longer than the last counts as silence."""
BINS = len(EDGE_HOURS) - 1
ANSWERS = 2 * BINS + 1
"""Supplied within each bin, declined within each bin, and silence."""
SUPPLIED, DECLINED, SILENT = slice(0, BINS), slice(BINS, 2 * BINS), 2 * BINS

HOUR_BANDS = (0, 9, 11, 13, 15, 17, 24)
"""Local hours at which a band of the day begins; the last is where the last one ends."""

PRIOR_MISSED = 0.005
"""Of the dated trips of a network of which nothing is known, those that are missed: an assumption."""


class Context(NamedTuple):
    """What a question is about and when it was asked: weekday 0 (Monday) to 6, local hour 0 to 23."""

    material: str
    weekday: int
    hour: int


def hour_band(hour: int) -> int:
    """Which band of the day an hour (0 to 23) lies in: a position in HOUR_BANDS."""
    return next(band for band in range(len(HOUR_BANDS) - 1) if hour < HOUR_BANDS[band + 1])


class Reliability(NamedTuple):
    """How likely a dated trip is missed: it does not run, or passes a stop by. By route, and of the network."""

    missed: Mapping[str, float]
    otherwise: float = PRIOR_MISSED


@dataclass(frozen=True, slots=True, eq=False)
class ResponseModel:
    """What was learned of everyone, as one version.

    `table` has a row of ANSWERS probabilities for the network as a whole (row 0) and for every province, system in a
    province, and location of which something is known; the mappings say which row is whose. The ratios are rows of
    ANSWERS factors: of each material that is known, of the seven weekdays, of the bands of the day. `missed` is how
    likely an item is left behind by a trip of each route that is known.
    """

    version: str
    table: Floats  # (rows, ANSWERS); each sums to one
    locations: Mapping[str, int]
    systems: Mapping[tuple[str | None, str | None], int]  # (province, system)
    provinces: Mapping[str | None, int]
    materials: Mapping[str, Floats] = field(default_factory=dict)
    weekdays: Floats = field(default_factory=lambda: np.ones((7, ANSWERS)))
    hours: Floats = field(default_factory=lambda: np.ones((len(HOUR_BANDS) - 1, ANSWERS)))
    missed: Mapping[str, float] = field(default_factory=dict)  # route → how likely a dated trip of it is missed
    missed_otherwise: float = PRIOR_MISSED

    def row_of(self, location: str, system: str | None, province: str | None) -> int:
        """Return the row that says most about a location: its own, its system's, its province's or the network's."""
        own = self.locations.get(location)
        if own is None:
            own = self.systems.get((province, system))
        return self.provinces.get(province, 0) if own is None else own

    def factors(self, context: Context) -> Floats:
        """Return the ratios of a context, multiplied: (ANSWERS,)."""
        of_material = self.materials.get(context.material)
        found: Floats = self.weekdays[context.weekday] * self.hours[hour_band(context.hour)]
        return found if of_material is None else found * of_material

    def answers(self, rows: npt.NDArray[np.int64], context: Context) -> Floats:
        """Return how likely each answer is in a context, for each of some rows: (rows, ANSWERS)."""
        found = self.table[rows] * self.factors(context)
        scaled: Floats = found / found.sum(axis=1, keepdims=True)
        return scaled


def within_hours(times: Floats, share: float) -> float | None:
    """Return the open hours within which a share of some answers come, from their chances in BINS; None: none comes.

    Within a bin they are taken to come evenly.
    """
    total = float(times.sum())
    if total <= 0:
        return None
    return float(np.interp(share, np.concatenate([[0.0], np.cumsum(times) / total]), EDGE_HOURS))


# --- before anything was learned --------------------------------------------------------------------

PRIOR_SUPPLIED, PRIOR_SILENT = 0.76, 0.02
"""Of the items asked for in a US consortium (14,195 in a month) 76 % were pulled. How many of the others were left
without an answer is not told: an assumption."""
_PULLED_BY = {4.0: 0.56, 8.0: 0.90, 16.0: 0.97, 64.0: 1.0}
"""Of those, 56 % were pulled within 12 hours, 34 % within 24, 7 % within 48 and 3 % later. Those are hours of the
clock; a library that is open 54 hours a week has one open hour in three of them."""


def prior() -> Floats:
    """Return the answers to expect of a network of which nothing is known: (ANSWERS,).

    Who says no is taken to have looked as long as who finds the item.
    """
    shares = np.diff(np.interp(EDGE_HOURS, [0.0, *_PULLED_BY], [0.0, *_PULLED_BY.values()]))
    found = np.empty(ANSWERS)
    found[SUPPLIED] = PRIOR_SUPPLIED * shares
    found[DECLINED] = (1 - PRIOR_SUPPLIED - PRIOR_SILENT) * shares
    found[SILENT] = PRIOR_SILENT
    return found


def unlearned() -> ResponseModel:
    """Return the model of a network of which nothing is known: everyone answers by the prior."""
    return ResponseModel(version="prior", table=prior()[None, :], locations={}, systems={}, provinces={})
