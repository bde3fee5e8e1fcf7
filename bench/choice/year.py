"""One seed's year under every way to choose, week by week side by side, so that what is worked out is shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from bench.choice.chance import A_YEAR, COUNTED_DAYS, WARM_UP_DAYS, Demand, Nature, draw_demand, draw_nature, runs_of
from bench.choice.figures import Figures, measure
from bench.choice.ground import THIN_OF_DEMO, Ground, lay_ground, ways_back
from bench.choice.journey import Vans
from bench.choice.leenpad import KEEN, Assigned, Fair, KnowsTheChances, Leenpad, Runs, Two
from bench.choice.run import Run, Way, tariffs
from bench.choice.ways import AnyHolder, Circles, Clairvoyant, CostMatrix, CostPriorityRatio, FixedList, Nearest
from routing import Objective
from routing.calendar import DAY_SECONDS

TAIL_DAYS = 49
"""So long after the last loan request is lived on, for what is still under way."""

FASTEST, BALANCED, KEENER = "Leenpad, fastest", "Leenpad, balanced", "Leenpad, balanced at 0.40 an hour"
ASSIGNED, TWO, TWO_KEENER, MIXED, KNOWS = (
    "Leenpad, balanced, the day assigned",
    "Leenpad, fastest, two at once",
    "Leenpad, balanced at 0.40 an hour, two at once",
    "Leenpad, mixed objectives",
    "Leenpad, told the chances",
)
FAIR = {f"Leenpad, balanced, {cents:g} cent per net loan": cents for cents in (0.01, 0.04, 0.16)}
"""With these weights for the balance of whoever supplies; without any it is BALANCED."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is lived through: one of `thin` titles of the demonstration, so many days that count, after others.

    Of the loan requests that one stands for, the answers of `heard` are heard by whoever learns.
    """

    thin: int = 10
    warm_up: int = WARM_UP_DAYS
    counted: int = COUNTED_DAYS
    heard: int = 20

    @property
    def scale(self) -> int:
        """How many loan requests of the country one stands for."""
        return THIN_OF_DEMO * self.thin

    @property
    def requests(self) -> int:
        """How many loan requests are made, those of the warm-up included."""
        return round(A_YEAR / self.scale * (self.warm_up + self.counted) / 365)


def ways_of(ground: Ground, runs: Runs) -> tuple[Way, ...]:
    """Return all ways to choose, in the order of the page."""
    supplier, transport = tariffs(ground)
    return (
        FixedList(),
        AnyHolder(),
        Circles(),
        Nearest(),
        CostMatrix(ground),
        CostPriorityRatio(supplier + transport),
        Leenpad(runs, Objective.FASTEST, FASTEST),
        Leenpad(runs, Objective.BALANCED, BALANCED),
        Leenpad(runs, Objective.BALANCED, KEENER, KEEN),
        Assigned(runs, Objective.BALANCED, ASSIGNED),
        *(Fair(runs, name, cents) for name, cents in FAIR.items()),
        Two(runs, Objective.FASTEST, TWO),
        Two(runs, Objective.BALANCED, TWO_KEENER, KEEN),
        Leenpad(runs, None, MIXED),
        KnowsTheChances(runs, Objective.FASTEST, KNOWS),
        Clairvoyant(),
    )


def prepare(seed: int, extent: Extent, *, names: frozenset[str] | None = None) -> dict[str, Run]:
    """Draw a seed's year, and set up a run of it for each way (None: of all)."""
    ground = lay_ground(extent.thin)
    nature: Nature = draw_nature(ground, seed)
    vans = Vans(ground, nature, ground.network())
    demand: Demand = draw_demand(ground, seed, extent.requests, days=extent.warm_up + extent.counted)
    ways = ways_of(ground, runs_of(vans.network, nature))
    return {
        way.name: Run(ground, nature, vans, demand, way, scale=extent.scale, heard=extent.heard)
        for way in ways
        if names is None or way.name in names
    }


def live(runs: Mapping[str, Run], extent: Extent, said: Callable[[str], None]) -> None:
    """Live through all of it."""
    back = ways_back(extent.thin)
    weeks = ceil((extent.warm_up + extent.counted + TAIL_DAYS) / 7)
    for week in range(weeks):
        for run in runs.values():
            run.live(week * 7 * DAY_SECONDS, (week + 1) * 7 * DAY_SECONDS, back)
        said(f"week {week + 1} of {weeks}")


def simulate(seed: int, extent: Extent, said: Callable[[str], None] = lambda _: None) -> dict[str, Figures]:
    """Live through a seed's year under all ways, and return what it came to under each."""
    runs = prepare(seed, extent)
    live(runs, extent, said)
    found = {name: measure(run, extent.warm_up) for name, run in runs.items()}
    assigned = runs[ASSIGNED].way
    assert isinstance(assigned, Assigned)
    found[ASSIGNED].notes.update(looked_at=assigned.looked_at, moved=assigned.moved)
    return found
