"""What is learned of answers, worked out once more in plain Python, answer by answer: slow, and easy to check."""

from __future__ import annotations

from collections import defaultdict
from math import lgamma
from typing import Any

from routing.learning import Observations
from routing.response import ANSWERS, BINS, HOUR_BANDS, prior

GRID = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
Key = tuple[Any, ...]
Row = list[float]


def learn_slowly(seen: Observations, *, half_life_days: float = 60.0) -> tuple[dict[Key, Row], dict[Key, Row]]:
    """Return the rows by (), (province,), (province, system), (province, system, id); and the ratios by context."""
    counts: dict[Key, Row] = defaultdict(lambda: [0.0] * ANSWERS)
    whole: dict[Key, Row] = defaultdict(lambda: [0.0] * ANSWERS)
    answers = []
    for n in range(len(seen.answer)):
        place = seen.places[int(seen.place[n])]
        weight = 0.5 ** (float(seen.age_days[n]) / half_life_days)
        key = (place.province, place.system, place.id)
        for depth in range(4):
            counts[key[:depth]][int(seen.answer[n])] += weight
            whole[key[:depth]][int(seen.answer[n])] += float(seen.age_days[n]) <= half_life_days
        band = max(b for b in range(len(HOUR_BANDS) - 1) if HOUR_BANDS[b] <= int(seen.hour[n]))
        contexts = (("material", int(seen.material[n])), ("weekday", int(seen.weekday[n])), ("band", band))
        answers.append((key, contexts, int(seen.answer[n]), weight))
    counts.setdefault((), [0.0] * ANSWERS)
    rows = _rows(dict(counts), whole)
    return rows, _ratios(rows, answers)


def _parts(row: Row) -> list[Row]:
    supplied, declined = row[:BINS], row[BINS : 2 * BINS]
    return [[sum(supplied), sum(declined), row[-1]], supplied, declined]


def _rows(counts: dict[Key, Row], whole: dict[Key, Row]) -> dict[Key, Row]:
    apart: list[dict[Key, Row]] = []
    for part in range(3):
        above = _parts([float(p) for p in prior()])[part]
        found: dict[Key, Row] = {}
        for depth in range(4):
            level = {key: _parts(row)[part] for key, row in counts.items() if len(key) == depth}
            leant_on = {key: found[key[:-1]] if key else [p / sum(above) for p in above] for key in level}
            strength = _strength({key: _parts(whole[key])[part] for key in level}, leant_on)
            for key, counted in level.items():
                total = sum(counted) + strength
                found[key] = [(c + strength * p) / total for c, p in zip(counted, leant_on[key], strict=True)]
        apart.append(found)
    which, supply, decline = apart
    return {
        key: [which[key][0] * p for p in supply[key]] + [which[key][1] * p for p in decline[key]] + [which[key][2]]
        for key in counts
    }


def _strength(level: dict[Key, Row], leant_on: dict[Key, Row]) -> float:
    telling = [key for key, counted in level.items() if sum(counted) > 1]
    if len(telling) < 5:
        return 20.0
    best, most = 0.0, float("-inf")
    for strength in GRID:
        likelihood = 0.0
        for key in telling:
            likelihood += lgamma(strength) - lgamma(strength + sum(level[key]))
            for counted, p in zip(level[key], leant_on[key], strict=True):
                if counted > 0:
                    pseudo = max(strength * p, 1e-6)
                    likelihood += lgamma(pseudo + counted) - lgamma(pseudo)
        if likelihood > most:
            best, most = strength, likelihood
    return best


def _ratios(rows: dict[Key, Row], answers: list[Any]) -> dict[Key, Row]:
    ratios: dict[Key, Row] = defaultdict(lambda: [1.0] * ANSWERS)
    for _ in range(2):
        for which in range(3):
            mine = {contexts[which] for _, contexts, _, _ in answers if contexts[which] != ("material", -1)}
            for context in mine:
                ratios[context] = [1.0] * ANSWERS
            observed: dict[Key, Row] = defaultdict(lambda: [0.0] * ANSWERS)
            expected: dict[Key, Row] = defaultdict(lambda: [0.0] * ANSWERS)
            for key, contexts, answer, weight in answers:
                context = contexts[which]
                observed[context][answer] += weight
                likely = list(rows[key])
                for each in contexts:
                    likely = [p * r for p, r in zip(likely, ratios[each], strict=True)]
                for at, p in enumerate(likely):
                    expected[context][at] += weight * p / sum(likely)
            for context in mine:
                ratios[context] = [
                    (o + 50.0) / (e + 50.0) for o, e in zip(observed[context], expected[context], strict=True)
                ]
    return dict(ratios)
