"""What places are going to hand to the vans, and where it goes: the forecast by place, dealt out over destinations.

A place's forecast is divided over its destinations as what it handed over before was, recent items counting most. So
what is dealt out adds up to the forecast; of the smallest pairs, what would take long to plan is given to the place's
others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from app.planning.forecast import Floats, History, Ints, Model, learn
from app.planning.kinds import kinds_of, weekdays_of

PAIR_HALF_LIFE = 90.0
MOST_PAIRS = 40_000
NOON = 12 * 3600.0


@dataclass(frozen=True, slots=True)
class Counts:
    """What the store has counted from `since` to `until` (not included), as tuples.

    `by_day` is (place, day, items, seconds after midnight on average); `by_pair` (origin, destination, weight,
    items); `by_hour` items by hour of the day; `area` the group that a place belongs to.
    """

    since: date
    until: date
    by_day: Sequence[tuple[str, date, int, float]]
    by_pair: Sequence[tuple[str, str, float, int]]
    by_hour: Mapping[int, int]
    area: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """Who is expected to hand over what: `places`, the model of them, and pairs of an origin and a destination.

    `origin` and `destination` are positions in `places`; `share` is of what the origin hands over; `ready` is when in
    the day each place does so on average, in seconds; `by_hour` how much of a day's items come before each hour.
    """

    since: date
    until: date
    places: tuple[str, ...]
    model: Model
    origin: Ints
    destination: Ints
    share: Floats
    seen: Ints  # items of the pair in the history
    ready: Floats
    by_hour: Floats  # (25,)

    @property
    def items(self) -> int:
        """How many items the history has."""
        return int(self.seen.sum())

    def expect(self, first: date, days: int) -> Floats:
        """Return the items expected of each pair on `days` days from the first on: (pairs, days)."""
        by_place = self.model.expect(weekdays_of(first, days), kinds_of(first, days))
        found: Floats = by_place[self.origin] * self.share[:, None]
        return found

    def still_to_come(self, seconds: float) -> float:
        """Return how much of a day's items comes later than so many seconds after midnight."""
        return float(1 - np.interp(seconds / 3600, np.arange(25), self.by_hour))


def look_ahead(counts: Counts, *, most_pairs: int = MOST_PAIRS) -> Outlook:
    """Learn from what was counted."""
    # The counts are of slightly different moments: a place may be in one and not in the other.
    places = tuple(sorted({name for row in counts.by_pair for name in row[:2]} | {row[0] for row in counts.by_day}))
    position = {name: at for at, name in enumerate(places)}
    days = (counts.until - counts.since).days
    items, ready = np.zeros((len(places), days)), np.zeros(len(places))
    for place, day, count, seconds in counts.by_day:
        at = position[place]
        items[at, (day - counts.since).days] = count
        ready[at] += seconds * count
    handed = items.sum(axis=1)
    areas = {name: at for at, name in enumerate(sorted(set(counts.area.values())))}
    groups = [areas.get(counts.area.get(place, ""), len(areas)) for place in places]
    model = learn(
        History(
            items=items,
            group=np.array(groups, dtype=np.int64),
            weekday=weekdays_of(counts.since, days),
            kind=kinds_of(counts.since, days),
        )
    )
    origin = np.array([position[row[0]] for row in counts.by_pair], dtype=np.int64)
    weight = np.array([row[2] for row in counts.by_pair], dtype=np.float64)
    kept = _largest(origin, _shares(origin, weight, len(places)) * model.level[origin], most_pairs)
    return Outlook(
        since=counts.since,
        until=counts.until,
        places=places,
        model=model,
        origin=origin[kept],
        destination=np.array([position[row[1]] for row in counts.by_pair], dtype=np.int64)[kept],
        share=_shares(origin[kept], weight[kept], len(places)),
        seen=np.array([row[3] for row in counts.by_pair], dtype=np.int64)[kept],
        ready=np.where(handed > 0, ready / np.maximum(handed, 1), NOON),
        by_hour=_by_hour(counts.by_hour),
    )


def _shares(origin: Ints, weight: Floats, places: int) -> Floats:
    total = np.bincount(origin, weights=weight, minlength=places)
    found: Floats = weight / np.maximum(total[origin], 1e-300)
    return found


def _largest(origin: Ints, items: Floats, most: int) -> Ints:
    """Return the pairs with most items, in their order, and of each origin at least its largest."""
    by_size = np.argsort(-items, kind="stable")
    _, first = np.unique(origin[by_size], return_index=True)
    return np.union1d(by_size[:most], by_size[first]).astype(np.int64)


def _by_hour(counted: Mapping[int, int]) -> Floats:
    hours = np.array([counted.get(hour, 0) for hour in range(24)], dtype=np.float64)
    if hours.sum() == 0:
        return np.linspace(0.0, 1.0, 25)
    return np.concatenate([[0.0], np.cumsum(hours) / hours.sum()])


def days_from(first: date, days: int) -> list[date]:
    """Return `days` days from the first on."""
    return [first + timedelta(days=ahead) for ahead in range(days)]
