"""Learns how suppliers answer from how they answered: counts that fade, shrunk towards what is like them.

docs/response.md has the formulas. A location's row leans on its system's in its province, that on the province's,
that on the network's, and that on the prior. What is answered (supplied, declined, silent) and how long each of the
first two takes are shrunk apart, for each level with the strength that explains its rows best.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import lgamma
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from routing.model import Register
from routing.register import standing_of
from routing.response import (
    ANSWERS,
    BINS,
    DECLINED,
    EDGE_HOURS,
    HOUR_BANDS,
    PRIOR_MISSED,
    SILENT,
    SUPPLIED,
    Floats,
    Reliability,
    ResponseModel,
    hour_band,
    prior,
)

Ints = npt.NDArray[np.int64]

HALF_LIFE_DAYS = 60.0
"""After so many days an answer counts for half."""
STRENGTHS = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
"""How many answers the parent's row may be worth."""
USUAL_STRENGTH = 20.0
"""Where a level has too few rows to tell, and of the network's own row: an assumption."""
LEAST_ROWS = 5
RATIO_STRENGTH = 50.0
"""How many expected answers hold a ratio at one: an assumption."""
SWEEPS = 2
TRIP_STRENGTH = 500.0
"""How many dated trips the network's share is worth for a route: an assumption."""

NETWORK, PROVINCE, SYSTEM, LOCATION = range(4)
LEVELS = ("network", "province", "system", "location")
KINDS = ("supplied", "declined", "silent")
PARTS = ("answer", "time_to_supply", "time_to_decline")
"""What is shrunk apart: which of KINDS, and when, within each of the first two."""

_BANDS = len(HOUR_BANDS) - 1
_AT_ONCE = 2**16
_band_of_hour = np.array([hour_band(hour) for hour in range(24)], dtype=np.int64)
_lgamma = np.vectorize(lgamma, otypes=[np.float64])


class Place(NamedTuple):
    """A location, and what it belongs to."""

    id: str
    system: str | None
    province: str | None


def place_of(register: Register, location: str, moment: datetime) -> Place:
    """Return what a location belongs to at a moment: its own system and province, or else its agency's."""
    standing = standing_of(register, location, moment)
    agency = standing.agency
    system = standing.location.system or (None if agency is None else agency.system)
    return Place(location, system, standing.side.province)


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Answers as columns, each (n,).

    `place` and `material` are positions in `places` and `materials` (-1: unknown); `weekday` (0, Monday, to 6) and
    `hour` (0 to 23) are those of the local clock when it was asked; `answer` is one of ANSWERS; `age_days` counts
    from the answer.
    """

    places: tuple[Place, ...]
    materials: tuple[str, ...]
    place: Ints
    material: Ints
    weekday: Ints
    hour: Ints
    answer: Ints
    age_days: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A model, and what it rests on.

    For each row of the model's table: the faded number of answers of each of KINDS, and the row it leans on (-1: the
    prior). For each of LEVELS and PARTS: how many answers that is worth. Under `runs` stand by route the dated trips
    and those that were missed.
    """

    model: ResponseModel
    weights: Floats  # (rows, 3)
    parents: Ints  # (rows,)
    levels: Ints  # (rows,)
    strengths: Floats  # (levels, parts)
    observations: int
    runs: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def weight_of(self, row: int, part: int = 0) -> float:
        """Return how many answers a row has, faded, of those that one of PARTS is about."""
        return float(self.weights[row].sum() if part == 0 else self.weights[row, part - 1])

    def shares(self, row: int, part: int = 0) -> list[tuple[int, float]]:
        """Return what a row's numbers consist of: each row on its way to the prior (-1) with its share, in order."""
        found, left = [], 1.0
        while row >= 0:
            weight = self.weight_of(row, part)
            own = weight / (weight + float(self.strengths[self.levels[row], part]))
            found.append((row, left * own))
            left, row = left * (1 - own), int(self.parents[row])
        return [*found, (-1, left)]


def answers_of(kind: Ints, open_hours: Floats) -> Ints:
    """Return which answer each is that was of one of KINDS after some open hours; what took too long is silence."""
    bins = np.searchsorted(EDGE_HOURS, open_hours, side="right") - 1
    found = np.where(kind == KINDS.index("declined"), DECLINED.start, SUPPLIED.start) + np.clip(bins, 0, BINS - 1)
    return np.where((kind == KINDS.index("silent")) | (bins >= BINS), SILENT, found).astype(np.int64)


def learn(
    observations: Observations,
    *,
    version: str,
    half_life_days: float = HALF_LIFE_DAYS,
    runs: Mapping[str, tuple[int, int]] | None = None,
) -> Learned:
    """Return what can be learned of these answers; without any, everyone answers by the prior.

    `runs`: by route the dated trips, and how many of them were missed.
    """
    vans = reliability(runs or {})
    weight = 0.5 ** (observations.age_days / half_life_days)
    tree = _tree(observations)
    row = tree.row_of_place[observations.place]
    recent = (observations.age_days <= half_life_days).astype(np.float64)
    counts, whole = (
        _added_up(_sums(row, observations.answer, each, rows=len(tree.parents)), tree) for each in (weight, recent)
    )
    table, strengths = _shrunk(counts, whole, tree)
    materials, weekdays, hours = _ratios(observations, row, weight, table)
    model = ResponseModel(
        version=version,
        table=table,
        locations=tree.locations,
        systems=tree.systems,
        provinces=tree.provinces,
        materials=dict(zip(observations.materials, materials, strict=True)),
        weekdays=weekdays,
        hours=hours,
        missed=vans.missed,
        missed_otherwise=vans.otherwise,
    )
    return Learned(
        model=model,
        weights=_by_kind(counts),
        parents=tree.parents,
        levels=tree.levels,
        strengths=strengths,
        observations=len(observations.answer),
        runs=dict(runs or {}),
    )


# --- who leans on whom ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Tree:
    """The rows: the network first, then provinces, systems and locations, each after its parent."""

    parents: Ints
    levels: Ints
    row_of_place: Ints  # (places,); -1: nothing is known of it
    locations: Mapping[str, int]
    systems: Mapping[tuple[str | None, str | None], int]
    provinces: Mapping[str | None, int]


def _tree(observations: Observations) -> _Tree:
    """Give a row to whoever answered, and to what they belong to."""
    heard = np.unique(observations.place)
    places = sorted((observations.places[place] for place in heard), key=lambda place: place.id)
    provinces = _numbered([place.province for place in places], 1)
    systems = _numbered([(place.province, place.system) for place in places], 1 + len(provinces))
    locations = _numbered([place.id for place in places], 1 + len(provinces) + len(systems))
    above = [systems[place.province, place.system] for place in places]
    row_of_place = np.full(len(observations.places), -1, dtype=np.int64)
    row_of_place[heard] = [locations[observations.places[place].id] for place in heard]
    return _Tree(
        parents=np.array(
            [-1, *(0 for _ in provinces), *(provinces[of] for of, _ in systems), *above], dtype=np.int64
        ),
        levels=np.repeat(np.arange(4), [1, len(provinces), len(systems), len(locations)]).astype(np.int64),
        row_of_place=row_of_place,
        locations=locations,
        systems=systems,
        provinces=provinces,
    )


K = TypeVar("K", bound=Hashable)


def _numbered(keys: Sequence[K], first: int) -> dict[K, int]:
    """Number the keys from `first` on, in an order of their own; what has no name comes last."""
    return {key: first + at for at, key in enumerate(sorted(set(keys), key=_in_order))}


def _in_order(key: Hashable) -> list[tuple[bool, str]]:
    names = key if isinstance(key, tuple) else (key,)
    return [(name is None, name or "") for name in names]


def _sums(group: Ints, answer: Ints, weight: Floats, *, rows: int) -> Floats:
    """Add up weights by group and answer: (rows, ANSWERS)."""
    sums = np.bincount(group * ANSWERS + answer, weights=weight, minlength=rows * ANSWERS)
    return np.asarray(sums, dtype=np.float64).reshape(rows, ANSWERS)


def _added_up(counts: Floats, tree: _Tree) -> Floats:
    """Add to every row what those have that lean on it."""
    for level in (LOCATION, SYSTEM, PROVINCE):
        rows = np.flatnonzero(tree.levels == level)
        np.add.at(counts, tree.parents[rows], counts[rows])
    return counts


# --- shrinking ------------------------------------------------------------------------------------


def _shrunk(counts: Floats, whole: Floats, tree: _Tree) -> tuple[Floats, Floats]:
    """Return the table, and the strengths of each level and part."""
    found = [
        shrink(part, told_by, above, tree.parents, tree.levels)
        for part, told_by, above in zip(_parts(counts), _parts(whole), _parts(prior()[None, :]), strict=True)
    ]
    (answer, _), (supply, _), (decline, _) = found
    table = np.empty_like(counts)
    table[:, SUPPLIED] = answer[:, :1] * supply
    table[:, DECLINED] = answer[:, 1:2] * decline
    table[:, SILENT] = answer[:, 2]
    table /= table.sum(axis=1, keepdims=True)
    return table, np.stack([strengths for _, strengths in found], axis=1)


def _by_kind(counts: Floats) -> Floats:
    """Add up the answers of each of KINDS: (rows, 3)."""
    return np.stack([counts[:, SUPPLIED].sum(axis=1), counts[:, DECLINED].sum(axis=1), counts[:, SILENT]], axis=1)


def _parts(counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Take counts or chances apart into PARTS."""
    return _by_kind(counts), counts[:, SUPPLIED], counts[:, DECLINED]


def shrink(counts: Floats, whole: Floats, above: Floats, parents: Ints, levels: Ints) -> tuple[Floats, Floats]:
    """Return each row of `counts` as chances, shrunk towards its parent's, and the strength of each level.

    `counts` is (rows, n), with every parent before its children; `above` (1, n) is what the first row leans on.
    `whole` are the counts that tell the strengths: of whole answers, since for parts of answers, which fading makes
    of them, the likelihood prefers rows that do not differ.
    """
    rows = np.empty_like(counts)
    strengths = np.full(len(LEVELS), USUAL_STRENGTH)
    above = above / above.sum()
    for level in range(len(LEVELS)):
        of_level = np.flatnonzero(levels == level)
        counted = counts[of_level]
        leant_on = np.where(parents[of_level, None] < 0, above, rows[parents[of_level]])
        strengths[level] = _likeliest_strength(whole[of_level], leant_on)
        pseudo = strengths[level] * leant_on
        rows[of_level] = (counted + pseudo) / (counted.sum(axis=1, keepdims=True) + strengths[level])
    return rows, strengths


def _likeliest_strength(counts: Floats, leant_on: Floats) -> float:
    """Return which of STRENGTHS makes counts likeliest that were drawn from Dirichlets around their parents' rows."""
    telling = counts.sum(axis=1) > 1  # one answer alone says nothing of how far a row lies from its parent's
    if np.count_nonzero(telling) < LEAST_ROWS:
        return USUAL_STRENGTH
    counts, leant_on = counts[telling], leant_on[telling]
    totals = counts.sum(axis=1)
    seen = counts > 0
    drawn = counts[seen]

    def likelihood(strength: float) -> float:
        pseudo = np.maximum(strength * leant_on[seen], 1e-6)
        return float((_lgamma(pseudo + drawn) - _lgamma(pseudo)).sum() - _lgamma(strength + totals).sum()) + lgamma(
            strength
        ) * len(totals)

    return max(STRENGTHS, key=likelihood)


# --- ratios ---------------------------------------------------------------------------------------


def _ratios(observed: Observations, row: Ints, weight: Floats, table: Floats) -> tuple[Floats, Floats, Floats]:
    """Return what each material, weekday and band of the day changes: rows of ANSWERS ratios.

    They are fitted one after the other, each beside what the others explain already.
    """
    sizes = (len(observed.materials), 7, _BANDS)
    # A material that is unknown is the one after the last: it changes nothing, and is fitted beside the others.
    material = np.where(observed.material < 0, sizes[0], observed.material)
    contexts = (material, observed.weekday, _band_of_hour[observed.hour])
    cells = _cells(row, contexts, weight)
    seen = [
        _sums(context, observed.answer, weight, rows=size + 1) for context, size in zip(contexts, sizes, strict=True)
    ]
    ratios = [np.ones((size + 1, ANSWERS)) for size in sizes]
    for _ in range(SWEEPS):
        for which, size in enumerate(sizes):
            ratios[which] = np.ones((size + 1, ANSWERS))
            expected = _expected(cells, ratios, which, table)
            fitted = (seen[which] + RATIO_STRENGTH) / (expected + RATIO_STRENGTH)
            ratios[which][:size] = fitted[:size]
    materials, weekdays, hours = (found[:size] for found, size in zip(ratios, sizes, strict=True))
    return materials, weekdays, hours


class _Cells(NamedTuple):
    """What was asked alike, counted once: of whom, in which contexts, and how much of it."""

    row: Ints
    contexts: tuple[Ints, ...]
    weight: Floats


def _cells(row: Ints, contexts: tuple[Ints, Ints, Ints], weight: Floats) -> _Cells:
    sizes = [int(context.max(initial=0)) + 1 for context in contexts]
    code = row
    for context, size in zip(contexts, sizes, strict=True):
        code = code * size + context
    cells, of = np.unique(code, return_inverse=True)
    total = np.asarray(np.bincount(of, weights=weight, minlength=len(cells)), dtype=np.float64)
    found = []
    for size in reversed(sizes):
        cells, context = np.divmod(cells, size)
        found.append(context)
    return _Cells(cells, tuple(reversed(found)), total)


def _expected(cells: _Cells, ratios: Sequence[Floats], which: int, table: Floats) -> Floats:
    """Return how many of each answer the rows and the ratios lead to expect in each context of one kind."""
    found = np.zeros_like(ratios[which])
    for first in range(0, len(cells.row), _AT_ONCE):
        here = slice(first, first + _AT_ONCE)
        chances = table[cells.row[here]]
        for ratio, context in zip(ratios, cells.contexts, strict=True):
            chances = chances * ratio[context[here]]
        chances *= (cells.weight[here] / chances.sum(axis=1))[:, None]
        context = cells.contexts[which][here]
        for answer in range(ANSWERS):
            found[:, answer] += np.bincount(context, weights=chances[:, answer], minlength=len(found))
    return found


# --- vans -----------------------------------------------------------------------------------------


def reliability(runs: Mapping[str, tuple[int, int]]) -> Reliability:
    """Return how likely a dated trip is missed, from (dated trips, missed ones) by route."""
    trips = sum(planned for planned, _ in runs.values())
    missed = sum(min(missed, planned) for planned, missed in runs.values())
    otherwise = (missed + TRIP_STRENGTH * PRIOR_MISSED) / (trips + TRIP_STRENGTH)
    of_routes = {
        route: (min(missed, planned) + TRIP_STRENGTH * otherwise) / (planned + TRIP_STRENGTH)
        for route, (planned, missed) in runs.items()
    }
    return Reliability(of_routes, otherwise)
