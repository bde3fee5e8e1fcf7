"""How many items each place will hand to the vans on each day: a plain model, reckoned from a history of days.

Expected items = level of the place × weekday × kind of day, each learned from what was handed over:

- **Kind of day** (ordinary, school holiday, public holiday): over all such days of the history, what was handed over
  against what ordinary days around them would have brought.
- **Weekday**: the share of a week that falls on each weekday. The network's is counted; a group's (an operator's
  area) is counted as if PROFILE_ITEMS had been seen before that followed the network's, and a place's as if as many
  had followed its group's. A place of which little is known so goes by its group, and one of which much is known by
  itself.
- **Level**: items a day, of which recent days count most (half as much every LEVEL_HALF_LIFE days). It is counted as
  if LEVEL_ITEMS had been seen before at the place's long-run level, moved along with its group: a change that the
  whole group shows is believed sooner than one of a small place.

What is handed over scatters around that: its variance is `scatter × mean + (swing × mean)²`, the first for chance,
the second for days on which everything is busier or quieter than the model knows. Both are measured on the last
weeks, as forecast from what came before them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ORDINARY, SCHOOL_HOLIDAY, PUBLIC_HOLIDAY = 0, 1, 2
KINDS = 3
LEVEL_HALF_LIFE, LONG_HALF_LIFE, PROFILE_HALF_LIFE = 21.0, 120.0, 84.0
PROFILE_ITEMS, LEVEL_ITEMS = 100.0, 40.0
KIND_DAYS = 2.0
"""How many days of a kind are taken to have gone like ordinary ones, before any was seen."""
AROUND_DAYS = 21.0
"""Within how many days an ordinary day tells what a holiday would have brought."""
HELD_OUT_DAYS, LEAST_DAYS = 28, 84
"""The last days, on which the scatter is measured; and how many there must be before that is possible."""


class Scatter(NamedTuple):
    """How far days lie from what was expected: variance = `scatter` × mean + (`swing` × mean)²."""

    scatter: float
    swing: float


UNKNOWN = Scatter(1.5, 0.3)
"""Where the history is too short to measure it."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What places handed over on successive days: `items` (places, days).

    `group` names each place's group (0, 1, …); `weekday` (Monday is 0) and `kind` are each day's.
    """

    items: Floats
    group: Ints
    weekday: Ints
    kind: Ints

    @property
    def days(self) -> int:
        """How many days it has."""
        return len(self.weekday)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What was learned: `level` (places), items a day; `profile` (places, 7), whose mean is 1; `kind` (KINDS)."""

    level: Floats
    profile: Floats
    kind: Floats
    scatter: Scatter = UNKNOWN

    def expect(self, weekday: Ints, kind: Ints) -> Floats:
        """Return the items expected of each place on days to come: (places, days)."""
        found: Floats = self.level[:, None] * self.profile[:, weekday] * self.kind[kind]
        return found


def learn(history: History) -> Model:
    """Learn from a history, and measure the scatter on its last weeks."""
    return replace(_learn(history), scatter=_scatter(history))


def _learn(history: History) -> Model:
    if history.days == 0 or not history.items.any():
        places = len(history.group)
        return Model(np.zeros(places), np.ones((places, 7)), np.array([1.0, 1.0, 0.0]))
    total = history.items.sum(axis=0)
    weekdays = _weekdays(total[None, :], history)[0]
    kinds = _kinds(total, weekdays, history)
    profile = _profiles(history)
    busy = profile[:, history.weekday] * kinds[history.kind]
    return Model(_levels(history, busy), profile, kinds)


def _fading(days: int, half_life: float) -> Floats:
    found: Floats = 0.5 ** (np.arange(days - 1, -1, -1) / half_life)
    return found


def _weekdays(items: Floats, history: History) -> Floats:
    """Return for each row how many items fall on each weekday, on average over ordinary days: (rows, 7)."""
    weight = _fading(history.days, PROFILE_HALF_LIFE) * (history.kind == ORDINARY)
    is_weekday = (history.weekday[:, None] == np.arange(7)) * weight[:, None]
    days = is_weekday.sum(axis=0)
    found: Floats = (items @ is_weekday) / np.where(days > 0, days, 1.0)
    return found


def _as_profile(counted: Floats, before: Floats, items: float) -> Floats:
    """Return weekday shares × 7, as if `items` had been seen that followed `before`."""
    found: Floats = 7 * (counted + items * before / 7) / (counted.sum(axis=1, keepdims=True) + items)
    return found


def _profiles(history: History) -> Floats:
    groups = int(history.group.max()) + 1
    # An average week, times how many weeks are remembered, is how many items were seen.
    weeks = _fading(history.days, PROFILE_HALF_LIFE).sum() / 7
    counted = _weekdays(history.items, history) * weeks
    by_group = np.zeros((groups, 7))
    np.add.at(by_group, history.group, counted)
    network = _as_profile(by_group.sum(axis=0, keepdims=True), np.ones((1, 7)), 1.0)
    of_group = _as_profile(by_group, network, PROFILE_ITEMS)
    return _as_profile(counted, of_group[history.group], PROFILE_ITEMS)


def _kinds(total: Floats, weekdays: Floats, history: History) -> Floats:
    """Return what each kind of day brings, of what an ordinary day around it would."""
    ordinary = history.kind == ORDINARY
    found = np.array([1.0, 1.0, 0.0])
    if not ordinary.any() or weekdays.sum() == 0:
        return found
    day = np.arange(history.days)
    near = np.exp(-0.5 * ((day[:, None] - day) / AROUND_DAYS) ** 2) * ordinary
    usual = weekdays[history.weekday]
    around = (near @ (total * ordinary)) / np.maximum(near @ (usual * ordinary), 1e-9)
    would = around * usual
    for kind in (SCHOOL_HOLIDAY, PUBLIC_HOLIDAY):
        here = (history.kind == kind) & (would > 0)
        if here.any():
            before = KIND_DAYS * weekdays.mean()
            found[kind] = (total[here].sum() + before * found[kind]) / (would[here].sum() + before)
    return found


def _levels(history: History, busy: Floats) -> Floats:
    groups = int(history.group.max()) + 1

    def seen(half_life: float) -> tuple[Floats, Floats]:
        weight = _fading(history.days, half_life)
        return history.items @ weight, busy @ weight

    def by_group(values: Floats) -> Floats:
        found = np.zeros(groups)
        np.add.at(found, history.group, values)
        return found

    items, days = seen(LEVEL_HALF_LIFE)
    long_items, long_days = seen(LONG_HALF_LIFE)
    long_run = long_items / np.maximum(long_days, 1e-9)
    # What the group's places would have handed over lately at their long-run levels, and what they did.
    moved = by_group(items) / np.maximum(by_group(long_run * days), 1e-9)
    before = long_run * moved[history.group]
    prior_days = LEVEL_ITEMS / np.maximum(before, 1e-9)
    found: Floats = np.where(before > 0, (items + LEVEL_ITEMS) / (days + prior_days), 0.0)
    return found


def _scatter(history: History) -> Scatter:
    """Measure how far the last weeks lay from what was to be expected before them."""
    if history.days < LEAST_DAYS:
        return UNKNOWN
    cut = history.days - HELD_OUT_DAYS
    before = History(history.items[:, :cut], history.group, history.weekday[:cut], history.kind[:cut])
    expected = _learn(before).expect(history.weekday[cut:], history.kind[cut:])
    came = history.items[:, cut:]
    if expected.sum() <= 0:
        return UNKNOWN
    off = came - expected
    # The network's days first: chance is small there, and what is left is the swing that all places share.
    total, total_off = expected.sum(axis=0), off.sum(axis=0)
    swing = float(np.sqrt(max(0.0, (total_off**2 - total).sum()) / (total**2).sum()))
    own = (off**2).sum() - (swing * expected**2 * swing).sum()
    return Scatter(float(np.clip(own / expected.sum(), 1.0, 10.0)), min(swing, 1.0))


# --- chances --------------------------------------------------------------------------------------


def chance_above(mean: Floats, limit: Floats, scatter: Scatter) -> Floats:
    """Return the chance that more than `limit` items come where `mean` are expected; below 0 it is certain.

    Counts that scatter more than chance alone (Poisson) follow a negative binomial of the same mean and variance.
    """
    found: Floats = np.where(limit < 0, 1.0, 0.0)
    here = np.flatnonzero((limit >= 0) & (mean > 0))
    if len(here):
        found[here] = _tail(mean[here], np.floor(limit[here]), scatter)
    return found


def bounds(mean: Floats, scatter: Scatter, *, below: float) -> Floats:
    """Return the least number of items that is not passed with a chance of `below`, such as 0.9."""
    low, high = np.zeros(len(mean)), np.ceil(mean + 12 * np.sqrt(_variance(mean, scatter)) + 12)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        enough = chance_above(mean, middle, scatter) <= 1 - below
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    enough = chance_above(mean, low, scatter) <= 1 - below
    return np.where(enough, low, high)


def _variance(mean: Floats, scatter: Scatter) -> Floats:
    found: Floats = scatter.scatter * mean + (scatter.swing * mean) ** 2
    return found


MOST_TERMS = 100
"""From so many items on, a gamma curve of the same mean and variance is as good as counting."""
SURE = 8.0
"""So many standard deviations off, a chance is 0 or 1."""


def _tail(mean: Floats, limit: Floats, scatter: Scatter) -> Floats:
    variance = np.maximum(_variance(mean, scatter), mean * (1 + 1e-6))
    far = SURE * np.sqrt(variance) + SURE
    found = np.where(limit < mean, 1.0, 0.0)
    near = np.abs(limit - mean) < far
    for here, reckon in ((near & (limit <= MOST_TERMS), _counted), (near & (limit > MOST_TERMS), _gamma_tail)):
        if here.any():
            found[here] = reckon(mean[here], limit[here], variance[here])
    return found


def _counted(mean: Floats, limit: Floats, variance: Floats) -> Floats:
    p = mean / variance
    size = mean * p / (1 - p)
    log_term = size * np.log(p)
    total = np.zeros(len(mean))
    for count in range(int(limit.max()) + 1):
        total += np.where(count <= limit, np.exp(log_term), 0.0)
        log_term += np.log((count + size) / (count + 1)) + np.log1p(-p)
    tail: Floats = np.clip(1 - total, 0.0, 1.0)
    return tail


def _gamma_tail(mean: Floats, limit: Floats, variance: Floats) -> Floats:
    """The cube root of a gamma variable is all but normal (Wilson and Hilferty 1931)."""
    ninth = variance / (9 * mean**2)
    return _normal_tail((np.cbrt((limit + 0.5) / mean) - (1 - ninth)) / np.sqrt(ninth))


def _normal_tail(z: Floats) -> Floats:
    """The chance above z of a standard normal curve (Abramowitz and Stegun 26.2.17, to seven digits)."""
    t = 1 / (1 + 0.2316419 * np.abs(z))
    series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    above = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) * series
    found: Floats = np.where(z >= 0, above, 1 - above)
    return found
