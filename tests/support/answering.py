"""Suppliers whose ways are known, drawn at random, and answers drawn from them: what learning is held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from routing.learning import Observations, Place
from routing.response import ANSWERS, BINS, DECLINED, SILENT, SUPPLIED, Floats, prior

MATERIALS = ("book", "score", "cd")


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Who there is, and how likely each of ANSWERS is for them (places, ANSWERS); of a material, how it changes."""

    places: tuple[Place, ...]
    truth: Floats
    busy: Floats  # (places,): how often each is asked, as shares
    materials: Floats  # (materials, ANSWERS)

    def draw(self, count: int, seed: int, *, days: float = 365.0) -> Observations:
        """Draw answers that were given in the last `days`, evenly."""
        chance = np.random.default_rng(seed)
        place = chance.choice(len(self.places), count, p=self.busy)
        material = chance.choice(len(MATERIALS), count, p=[0.8, 0.15, 0.05])
        likely = self.truth[place] * self.materials[material]
        reached = np.cumsum(likely / likely.sum(axis=1, keepdims=True), axis=1)
        answer = (reached < chance.random(count)[:, None]).sum(axis=1)
        return Observations(
            places=self.places,
            materials=MATERIALS,
            place=place.astype(np.int64),
            material=material.astype(np.int64),
            weekday=chance.choice(7, count, p=[0.2, 0.17, 0.17, 0.17, 0.17, 0.08, 0.04]),
            hour=chance.integers(8, 21, count),
            answer=np.minimum(answer, ANSWERS - 1).astype(np.int64),
            age_days=chance.random(count) * days,
        )


def draw_world(seed: int, *, provinces: int = 6, systems: int = 3, locations: int = 120) -> World:
    """Draw a network: each province lies around the prior, each system around its province, each location around it.

    Locations differ much in what they answer, and systems mostly in how long it takes, as house rules are theirs.
    """
    chance = np.random.default_rng(seed)
    above = _apart(0.98 * prior() + 0.02 / ANSWERS)
    of_province = [_around(chance, above, (80, 60, 60)) for _ in range(provinces)]
    of_system = [[_around(chance, of_province[p], (60, 15, 15)) for _ in range(systems)] for p in range(provinces)]
    places, truth = [], []
    for number in range(locations):
        p, s = int(chance.integers(provinces)), int(chance.integers(systems))
        places.append(Place(f"L{number:04d}", f"system-{s}", f"P{p:02d}"))
        truth.append(_together(_around(chance, of_system[p][s], (12, 60, 60))))
    busy = chance.lognormal(0, 1.2, locations)
    materials = np.ones((len(MATERIALS), ANSWERS))
    materials[1, DECLINED] = 1.8
    materials[2, SILENT] = 3.0
    return World(tuple(places), np.array(truth), busy / busy.sum(), materials)


Parts = tuple[Floats, Floats, Floats]


def _apart(row: Floats) -> Parts:
    which = np.array([row[SUPPLIED].sum(), row[DECLINED].sum(), row[SILENT]])
    return which, row[SUPPLIED] / which[0], row[DECLINED] / which[1]


def _together(parts: Parts) -> Floats:
    which, supply, decline = parts
    row = np.concatenate([which[0] * supply, which[1] * decline, which[2:]])
    assert len(row) == 2 * BINS + 1
    found: Floats = row / row.sum()
    return found


def _around(chance: np.random.Generator, parts: Parts, strengths: tuple[float, float, float]) -> Parts:
    drawn = [
        chance.dirichlet(np.maximum(part * strength, 1e-3)) for part, strength in zip(parts, strengths, strict=True)
    ]
    return drawn[0], drawn[1], drawn[2]


def observed(
    answers: list[tuple[Place, int, float]],
    *,
    material: str = "book",
    weekday: int = 0,
    hour: int = 10,
) -> Observations:
    """Make observations of (who, which answer, how many days ago), all about the same at the same hour."""
    places = tuple(dict.fromkeys(place for place, _, _ in answers))
    count = len(answers)
    return Observations(
        places=places,
        materials=(material,),
        place=np.array([places.index(place) for place, _, _ in answers], dtype=np.int64),
        material=np.zeros(count, dtype=np.int64),
        weekday=np.full(count, weekday, dtype=np.int64),
        hour=np.full(count, hour, dtype=np.int64),
        answer=np.array([answer for _, answer, _ in answers], dtype=np.int64),
        age_days=np.array([age for _, _, age in answers], dtype=np.float64),
    )
