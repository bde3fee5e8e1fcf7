"""What promises say of themselves: how likely it is that the reader can collect by p50 and by p90.

Items come with vans, so many cases share one moment. The first moment by which nine of ten cases have happened may be
one by which many more have: a promise that is exact is then kept more often than its name says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest.mock import patch

import numpy as np

from bench.choice.ground import ways_back
from bench.choice.year import MIXED, Extent, prepare
from routing.calendar import DAY_SECONDS
from routing.network import Ints, Longs
from routing.promise import Suppliers, Ways, promised, room_for_cases, room_for_ticks, when_collected
from routing.response import Floats

SAMPLE = Extent(thin=20, warm_up=7, counted=28)


class Said(NamedTuple):
    """Of some promises: how many, and how likely it is on average that they are kept, by themselves."""

    promises: int
    by_p50: float
    by_p90: float


def listen(seed: int) -> Said:
    """Have a few weeks of promises made, and add up what each was made of."""
    runs = prepare(seed, SAMPLE, names=frozenset({MIXED}))
    back, week = ways_back(SAMPLE.thin), 7 * DAY_SECONDS
    with _heard() as heard:
        for begun in range(0, (SAMPLE.warm_up + SAMPLE.counted) * DAY_SECONDS, week):
            runs[MIXED].live(begun, begun + week, back)
    return Said(len(heard), *np.array(heard).mean(axis=0).tolist())


@contextmanager
def _heard() -> Iterator[list[tuple[float, float]]]:
    """Listen in on the kernel of promises: how likely the first of each rota is kept, as p50 and as p90."""
    found: list[tuple[float, float]] = []

    def listening(
        ways: Ways, suppliers: Suppliers, rota: Ints, count: int, asked: int, ticks: int
    ) -> tuple[Longs, Longs, Floats]:
        columns: tuple[Longs, Longs, Floats] = promised(ways, suppliers, rota, count, asked, ticks)
        p50, p90 = columns[0][0], columns[1][0]
        if p50 >= 0:
            room, at_chance = room_for_ticks(ticks), np.zeros(len(ways.spread.slot))
            moments, likely = when_collected(ways, suppliers, rota, asked, room_for_cases(ways), room, at_chance)
            whole = likely.sum()
            found.append((float(likely[moments <= p50].sum() / whole), float(likely[moments <= p90].sum() / whole)))
        return columns

    with patch("routing.prospect.promised", listening):
        yield found
