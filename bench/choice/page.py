"""Writes docs/choice.md and its plots from what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.choice import plots
from bench.choice.chance import A_YEAR, CHANGING_PART, MEAN_MISSED, SILENT_PART, SLOW_PART
from bench.choice.figures import CENTS_PER_HANDLING, Promises
from bench.choice.ground import lay_ground
from bench.choice.leenpad import LOOKED_AT
from bench.choice.measure import Interval, Years
from bench.choice.plots import Axis
from bench.choice.run import KEPT_DAYS, PATIENCE_DAYS
from bench.choice.text import TEXT
from bench.choice.ways import Circles, Clairvoyant, CostMatrix, FixedList
from bench.choice.year import ASSIGNED, BALANCED, FAIR, FASTEST, KEENER, KNOWS, MIXED, TWO, TWO_KEENER
from routing import Objective

DOCS = Path(__file__).parent.parent.parent / "docs"
PLOTS = ("choice-turnaround.svg", "choice-cost.svg", "choice-promises.svg", "choice-fairness.svg")
MOST_DAYS = 20
LEAST = 30
"""Promises that a share is told of, at least."""

FIXED, SEES_ALL = FixedList.name, Clairvoyant.name
NOT_DRAWN = {MIXED, *FAIR}
"""Ways that have a plot of their own."""
Bools = npt.NDArray[np.bool_]


def write(years: Years, *, keep: bool) -> str:
    """Return the page, and write it and its plots where it is to be kept."""
    text = page(years)
    if keep:
        (DOCS / "choice.md").write_text(text, encoding="utf-8")
        drawn = turnaround(years), cost(years), reliability(years), fair_curve(years)
        for name, plot in zip(PLOTS, drawn, strict=True):
            (DOCS / name).write_text(plot, encoding="utf-8")
    return text


def page(years: Years) -> str:
    """Return the page."""
    ground, extent = lay_ground(years.extent.thin), years.extent
    notes = [year[ASSIGNED].notes for year in years.of_seed]
    return TEXT.format(
        requests=extent.requests * extent.counted // (extent.counted + extent.warm_up),
        scale=extent.scale,
        thin=extent.thin,
        heard=extent.heard,
        echoes=extent.heard - 1,
        thinner=extent.scale // extent.heard,
        a_year=A_YEAR,
        seeds=len(years.seeds),
        counted=extent.counted,
        warm_up=extent.warm_up,
        titles=ground.titles,
        rows=len(ground.row_place),
        copies=int(ground.row_copies.sum()),
        locations=len(ground.places),
        silent=SILENT_PART,
        slow=SLOW_PART,
        changing=CHANGING_PART,
        missed=MEAN_MISSED,
        kept_low=KEPT_DAYS[0],
        kept_high=KEPT_DAYS[1],
        patience=PATIENCE_DAYS,
        looked_at=LOOKED_AT,
        handling=CENTS_PER_HANDLING / 100,
        cpu_minutes=years.cpu_seconds / 60,
        acceptance=_acceptance(years),
        ways=_ways(years),
        more=_more(years),
        against=_against(years),
        kept=_kept(years),
        said=years.said[MIXED],
        said_two=years.said[TWO],
        told_median=_part(years.against(KNOWS, FIXED, "median")),
        sees_median=_part(years.against(SEES_ALL, FIXED, "median")),
        fast_mean=_part(years.against(FASTEST, FIXED, "mean")),
        fast_p90=_part(years.against(FASTEST, FIXED, "p90")),
        gini_today=years.number(Circles.name, "gini").told(".3f"),
        gini_balanced=years.number(BALANCED, "gini").told(".3f"),
        assigned_share=sum(one["looked_at"] for one in notes) / (len(notes) * extent.requests),
        moved_share=sum(one["moved"] for one in notes) / max(1.0, sum(one["looked_at"] for one in notes)),
        gap=_part(years.against(FASTEST, SEES_ALL, "mean")),
        gap_two=_part(years.against(TWO, SEES_ALL, "mean")),
        two_median=_part(years.against(TWO, FIXED, "median")),
        let_go=years.number(TWO, "let_go").told(".2f"),
        fairness=_fairness(years),
        gap_told=_part(years.against(KNOWS, SEES_ALL, "mean")),
        gap_learning=_part(years.against(FASTEST, KNOWS, "mean")),
        gap_today=_part(years.against(Circles.name, SEES_ALL, "mean")),
        noes=years.number(FASTEST, "declined").told(".3f"),
        noes_told=years.number(KNOWS, "declined").told(".3f"),
        matrix=CostMatrix.name,
        today=Circles.name,
    )


def _part(found: Interval) -> str:
    return f"{found.mean:+.1%} ± {found.half:.1%}"


def _ways(years: Years) -> str:
    rows = []
    for way in years.ways:
        shown = [
            years.number(way, "median").told(".2f"),
            years.number(way, "p90").told(".2f"),
            years.number(way, "mean").told(".2f"),
            f"{years.number(way, 'filled').mean:.2%}",
            years.number(way, "handlings").told(".2f"),
            _euro(years.number(way, "transport")),
            _euro(years.number(way, "tariff")),
            years.number(way, "gini").told(".3f"),
        ]
        rows.append(f"| {way} | {' | '.join(shown)} |")
    return "\n".join(rows)


def _euro(cents: Interval) -> str:
    return f"{cents.mean / 100:.2f} ± {cents.half / 100:.2f}"


def _more(years: Years) -> str:
    forms = {
        "declined": ".3f",
        "silent": ".3f",
        "let_go": ".3f",
        "legs": ".2f",
        "kilometres": ".1f",
        "crates": ",.0f",
        "fullest": ".1%",
        "gini_copies": ".3f",
    }
    return "\n".join(
        f"| {way} | {' | '.join(years.number(way, name).told(form) for name, form in forms.items())} |"
        for way in years.ways
    )


def _against(years: Years) -> str:
    names = ("median", "p90", "mean", "handlings", "transport", "tariff", "gini")
    return "\n".join(
        f"| {way} | {' | '.join(_part(years.against(way, FIXED, name)) for name in names)} |"
        for way in years.ways
        if way != FIXED
    )


def _fairness(years: Years) -> str:
    rows = []
    for way, cents in {BALANCED: 0.0, **FAIR}.items():
        shown = [
            years.number(way, "median").told(".2f"),
            years.number(way, "p90").told(".2f"),
            years.number(way, "mean").told(".2f"),
            _euro(years.number(way, "transport")),
            _euro(years.number(way, "tariff")),
            years.number(way, "one_sided").told(".3f"),
            years.number(way, "gini").told(".3f"),
        ]
        rows.append(f"| {cents:g} | {' | '.join(shown)} |")
    return "\n".join(rows)


# --- the aims -------------------------------------------------------------------------------------


def _acceptance(years: Years) -> str:
    rows = []
    for way in (FASTEST, KEENER, BALANCED, TWO, TWO_KEENER):
        shorter, cheaper = -years.against(way, FIXED, "median").mean, -years.against(way, FIXED, "transport").mean
        fairer = years.differs(way, FIXED, "gini")
        rows += [
            ("median turnaround against the fixed list", way, "≥ 35% shorter", f"{shorter:.1%}", shorter >= 0.35),
            ("transport cost against the fixed list", way, "≥ 25% lower", f"{cheaper:.1%}", cheaper >= 0.25),
            ("Gini of net balance, less the fixed list's", way, "≤ 0", fairer.told("+.3f"), fairer.mean <= 0),
        ]
    for way in (FASTEST, TWO):
        for name in ("median", "mean"):
            above = years.against(way, SEES_ALL, name)
            rows.append((f"{name} turnaround above the clairvoyant's", way, "≤ 5%", _part(above), above.mean <= 0.05))
    return "\n".join(
        f"| {what} | {way} | {aim} | {got} | {_met(met)} |"
        for what, way, aim, got, met in [*rows, *_calibrated(years)]
    )


def _met(met: bool) -> str:
    return "yes" if met else "**no**"


def _calibrated(years: Years) -> list[tuple[str, str, str, str, bool]]:
    found = []
    for way in (FASTEST, BALANCED, TWO, TWO_KEENER, MIXED):
        made = _together(years.promises(way))
        kept = _share(made, np.ones(len(made.took), np.bool_))
        found.append(("p90 promises kept", way, "88–92%", f"{kept:.1%}", 0.88 <= kept <= 0.92))
    mixed = _together(years.promises(MIXED))
    by_province = [_share(mixed, mixed.province == at) for at in np.unique(mixed.province).tolist()]
    by_objective = [_share(mixed, mixed.objective == at) for at in range(len(Objective))]
    for name, shares in (("every province", by_province), ("every objective", by_objective)):
        low, high = min(shares), max(shares)
        found.append(
            (
                f"p90 promises kept in {name}",
                MIXED,
                "85–95%",
                f"{low:.1%} to {high:.1%}",
                low >= 0.85 and high <= 0.95,
            )
        )
    return found


# --- promises -------------------------------------------------------------------------------------


def _together(made: Sequence[Promises]) -> Promises:
    return Promises(*(np.concatenate([getattr(one, name) for one in made]) for name in Promises.__slots__))


def _share(made: Promises, which: Bools, *, half: bool = False) -> float:
    promised = made.p50 if half else made.p90
    return float((made.took <= promised)[which].mean()) if which.any() else float("nan")


def _kept(years: Years) -> str:
    mixed = _together(years.promises(MIXED))
    provinces = lay_ground(years.extent.thin).provinces
    groups: list[tuple[str, Bools]] = [("all", np.ones(len(mixed.took), np.bool_))]
    groups += [(f"objective {one.value}", mixed.objective == at) for at, one in enumerate(Objective)]
    groups += [(f"province {name}", mixed.province == at) for at, name in enumerate(provinces)]
    return "\n".join(
        f"| {name} | {int(which.sum()):,} | {_share(mixed, which, half=True):.1%} | {_share(mixed, which):.1%} | "
        f"{np.median(mixed.p90[which]):.1f} |"
        for name, which in groups
        if which.any()
    )


# --- the plots ------------------------------------------------------------------------------------


def turnaround(years: Years) -> str:
    """Draw by how many days which part was filled, under each way."""
    days = np.arange(0, MOST_DAYS + 0.01, 0.5)
    curves = {}
    for way in years.ways:
        if way in NOT_DRAWN:
            continue
        waited = np.sort(np.concatenate([year[way].waited for year in years.of_seed]))
        share = np.searchsorted(waited, days, side="right") / len(waited)
        curves[way] = list(zip(days.tolist(), share.tolist(), strict=True))
    x = Axis("days from the request until the reader can collect", 0, MOST_DAYS, range(0, MOST_DAYS + 1, 2))
    y = Axis("part of all loan requests", 0, 1, (0, 0.25, 0.5, 0.75, 1))
    return plots.lines(x, y, curves, title="Turnaround under each way to choose")


def cost(years: Years) -> str:
    """Draw each way's turnaround beside its transport cost, a dot for each seed."""
    groups = {
        way: [(year[way].numbers["transport"] / 100, year[way].numbers["mean"]) for year in years.of_seed]
        for way in years.ways
        if way not in NOT_DRAWN
    }
    every = [point for points in groups.values() for point in points]
    dearest, slowest = (int(max(values)) + 1 for values in zip(*every, strict=True))
    x = Axis("transport cost of an item, euro", 0, dearest, range(dearest + 1))
    y = Axis("mean days until it can be collected", 0, slowest, range(0, slowest + 1, 2))
    return plots.dots(x, y, groups, title="Turnaround and transport cost under each way to choose")


def fair_curve(years: Years) -> str:
    """Draw what it costs in days and in euro to have more of what was lent given back, weight by weight."""
    ways = (BALANCED, *FAIR)
    given = [years.number(way, "one_sided").mean for way in ways]
    curves = {
        "mean days": [years.number(way, "mean").mean for way in ways],
        "median days": [years.number(way, "median").mean for way in ways],
        "tariff, euro": [years.number(way, "tariff").mean / 100 for way in ways],
        "transport, euro": [years.number(way, "transport").mean / 100 for way in ways],
    }
    most = int(max(max(values) for values in curves.values())) + 1
    x = Axis("part of the items between agencies that nobody gave back", 0, 0.5, (0, 0.1, 0.2, 0.3, 0.4, 0.5))
    y = Axis("days; euro", 0, most, range(most + 1))
    points = {name: list(zip(given, values, strict=True)) for name, values in curves.items()}
    return plots.lines(x, y, points, title="What fairness costs")


def reliability(years: Years) -> str:
    """Draw which part of the promises was kept, by how far away the promised moment was."""
    mixed = _together(years.promises(MIXED))
    curves = {}
    for objective in (None, *Objective):
        which = (
            np.ones(len(mixed.took), np.bool_)
            if objective is None
            else (mixed.objective == list(Objective).index(objective))
        )
        for half, name in ((False, "p90"), (True, "p50")):
            if half and objective is not None:
                continue
            label = f"{name}, {'all' if objective is None else objective.value}"
            curves[label] = _by_length(mixed, which, half=half)
    x = Axis("days until the promised moment", 0, MOST_DAYS, range(0, MOST_DAYS + 1, 2))
    y = Axis("part that was kept", 0, 1, (0, 0.25, 0.5, 0.75, 0.9, 1))
    return plots.lines(x, y, curves, title="Promises kept, by how far away the promised moment is", level=0.9)


def _by_length(made: Promises, which: Bools, *, half: bool) -> list[tuple[float, float]]:
    promised = made.p50 if half else made.p90
    if which.sum() < LEAST:
        return []
    edges = np.unique(np.quantile(promised[which], np.linspace(0, 1, 11)))
    found = []
    for low, high in pairwise(edges):
        inside = which & (promised >= low) & (promised < high)
        if inside.sum() >= LEAST:
            found.append((float(promised[inside].mean()), _share(made, inside, half=half)))
    return found
