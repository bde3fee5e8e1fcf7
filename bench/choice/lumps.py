"""What promises say of themselves: how likely it is that the reader can collect by p50 and by p90.

Items come with vans, so many cases share one moment. The first moment by which nine of ten cases have happened may be
one by which many more have: a promise that is exact is then kept more often than its name says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest.mock import patch

import numpy as np

from bench.choice.ground import ways_back
from bench.choice.year import Extent, prepare
from routing.calendar import DAY_SECONDS
from routing.network import Ints, Longs
from routing.promise import Suppliers, Ways, promised
from routing.response import Floats
from routing.two import promised_by_two

SAMPLE = Extent(thin=20, warm_up=7, counted=28)


class Said(NamedTuple):
    """Of some promises: how many, and how likely it is on average that they are kept, by themselves."""

    promises: int
    by_p50: float
    by_p90: float


def listen(seed: int, way: str) -> Said:
    """Have a few weeks of promises made under a way to choose, and add up what each was made of."""
    runs = prepare(seed, SAMPLE, names=frozenset({way}))
    back, week = ways_back(SAMPLE.thin), 7 * DAY_SECONDS
    with _heard() as heard:
        for begun in range(0, (SAMPLE.warm_up + SAMPLE.counted) * DAY_SECONDS, week):
            runs[way].live(begun, begun + week, back)
    return Said(len(heard), *np.array(heard).mean(axis=0).tolist())


Promising = Callable[[Ways, Suppliers, Ints, int, int, int], tuple[Longs, Floats, Floats]]


@contextmanager
def _heard() -> Iterator[list[tuple[float, float]]]:
    """Listen in on the kernels of promises: how likely the first of each rota is kept, as p50 and as p90."""
    found: list[tuple[float, float]] = []

    def listening(kernel: Promising) -> Promising:
        def listens(
            ways: Ways, suppliers: Suppliers, rota: Ints, count: int, asked: int, ticks: int
        ) -> tuple[Longs, Floats, Floats]:
            columns = kernel(ways, suppliers, rota, count, asked, ticks)
            if columns[0][0, 0] >= 0:
                found.append((float(columns[1][0, 0]), float(columns[1][0, 1])))
            return columns

        return listens

    with (
        patch("routing.prospect.promised", listening(promised)),
        patch("routing.prospect.promised_by_two", listening(promised_by_two)),
    ):
        yield found
