"""Lives through several seeds' years, as many at once as there are cores, and puts them side by side."""

from __future__ import annotations

import multiprocessing
import os
import resource
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np
from scipy.stats import t

from bench.choice.figures import Figures, Promises
from bench.choice.lumps import Said, listen
from bench.choice.year import MIXED, TWO, Extent, simulate

SEEDS = (1, 2, 3, 4, 5)
CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A mean over seeds, and how far its confidence interval reaches to both sides."""

    mean: float
    half: float

    def told(self, form: str) -> str:
        """Write both, in a format of numbers."""
        return f"{self.mean:{form}} ± {self.half:{form}}"


@dataclass(frozen=True, slots=True, eq=False)
class Years:
    """What every seed's year came to under every way, and what it took."""

    extent: Extent
    seeds: tuple[int, ...]
    of_seed: tuple[Mapping[str, Figures], ...]
    said: Mapping[str, Said]
    cpu_seconds: float

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways to choose, in order."""
        return tuple(self.of_seed[0])

    def number(self, way: str, name: str) -> Interval:
        """Return one of `figures.NUMBERS` of a way."""
        return interval([year[way].numbers[name] for year in self.of_seed])

    def against(self, way: str, other: str, name: str) -> Interval:
        """Return by what part a number of a way differs from another's, in pairs of the same seed."""
        return interval([year[way].numbers[name] / year[other].numbers[name] - 1 for year in self.of_seed])

    def differs(self, way: str, other: str, name: str) -> Interval:
        """Return how far a number of a way lies from another's, in pairs of the same seed."""
        return interval([year[way].numbers[name] - year[other].numbers[name] for year in self.of_seed])

    def promises(self, way: str) -> list[Promises]:
        """Return the promises made in each year."""
        return [found for year in self.of_seed if (found := year[way].promises) is not None]


def interval(values: Sequence[float]) -> Interval:
    """Return the mean and the half width of its confidence interval (Student's t)."""
    found = np.array(values)
    if len(found) < 2:
        return Interval(float(found.mean()), float("nan"))
    reach = float(t.ppf((1 + CONFIDENCE) / 2, len(found) - 1))
    return Interval(float(found.mean()), reach * float(found.std(ddof=1)) / len(found) ** 0.5)


def measure(extent: Extent, seeds: Sequence[int], say: Callable[[str], None]) -> Years:
    """Live through the years of all seeds."""
    begun, before = perf_counter(), _spent()
    found: dict[int, dict[str, Figures]] = {}
    workers = min(len(seeds), os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(simulate, seed, extent): seed for seed in seeds}
        for done in as_completed(running):
            found[running[done]] = done.result()
            say(f"choice: the year of seed {running[done]} is over, {perf_counter() - begun:.0f} s")
    return Years(
        extent=extent,
        seeds=tuple(seeds),
        of_seed=tuple(found[seed] for seed in seeds),
        said={way: listen(seeds[0], way) for way in (MIXED, TWO)},
        cpu_seconds=_spent() - before,
    )


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
