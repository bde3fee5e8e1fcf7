"""The loan requests that a scenario is tried on: those of a period, or drawn at random from what is held. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from app.planning.scenario import GeneratedDemand
from app.store.demand import Held, Submitted
from routing import UNBOUNDED, Asked, Holding, Shelf, Stock

# Of a week's loan requests, Monday first, and the hours (of wall time) between which they are made.
WEEK = np.array([19, 18, 17, 16, 14, 11, 5], dtype=np.float64)
OPENS, CLOSES = 9, 21
DRAWS = 20  # of a title for a counter that has it on its own shelf

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """What is asked, who may lend it, and how many loan requests nothing can be decided for.

    `copies` are those that each place may lend, of the titles on the shelf.
    """

    asked: Asked
    shelf: Shelf
    copies: Longs
    left_out: int


def real(submitted: Sequence[Submitted], held: Held, places: Sequence[str], registered: frozenset[str]) -> Demand:
    """Return what was submitted. Left out are unknown titles, and pickup locations that are registered no more."""
    position = {place: at for at, place in enumerate(places)}
    good = [one for one in submitted if one.titles and one.pickup_location in registered]
    keys = {titles: at for at, titles in enumerate(dict.fromkeys(one.titles for one in good))}
    known, low, count = np.unique(held.title, return_index=True, return_counts=True)
    bounds = {
        title: (start, start + size)
        for title, start, size in zip(known.tolist(), low.tolist(), count.tolist(), strict=True)
    }
    rows = [
        np.concatenate([np.arange(*bounds.get(title, (0, 0)), dtype=np.int64) for title in titles]) for titles in keys
    ]
    groups = [np.unique(held.place[some]) for some in rows]
    return Demand(
        asked=Asked(
            pickup=np.array([position[one.pickup_location] for one in good], dtype=np.int32),
            title=np.array([keys[one.titles] for one in good], dtype=np.int32),
            requested=np.array([int(one.submitted_at.timestamp()) for one in good], dtype=np.int64),
            need_before=np.array([_seconds(one.need_before) for one in good], dtype=np.int64),
            most_cents=np.array(
                [UNBOUNDED if one.max_cost_cents is None else one.max_cost_cents for one in good], dtype=np.int64
            ),
        ),
        shelf=Shelf(
            tuple(places),
            np.cumsum([0, *map(len, groups)], dtype=np.int64),
            np.concatenate([np.empty(0, np.int32), *groups]),
            _stock(held, rows, places),
        ),
        copies=np.bincount(held.place, weights=held.copies, minlength=len(places)).astype(np.int64),
        left_out=len(submitted) - len(good),
    )


def _stock(held: Held, rows: Sequence[Longs], places: Sequence[str]) -> Stock:
    """What stands on a shelf of titles, each given by its rows of what is held; those of one place together."""
    first, several, at = [np.empty(0, np.int64)], {}, 0
    for some in rows:
        ordered = some[np.argsort(held.place[some], kind="stable")]
        _, begins, counts = np.unique(held.place[ordered], return_index=True, return_counts=True)
        first.append(ordered[begins])
        for number in np.flatnonzero(counts > 1).tolist():
            low = begins[number]
            several[at + number] = tuple(
                Holding(
                    places[held.place[row]],
                    int(held.copies[row]),
                    material=held.materials[held.material[row]],
                    added_on=date.fromordinal(held.added[row]) if held.added[row] else None,
                )
                for row in ordered[low : low + counts[number]].tolist()
            )
        at += len(begins)
    chosen = np.concatenate(first)
    return Stock(held.materials, held.material[chosen], held.added[chosen], several)


def _seconds(moment: datetime | None) -> int:
    return UNBOUNDED if moment is None else int(moment.timestamp())


def generated(
    wanted: GeneratedDemand, held: Held, places: Sequence[str], *, counters: Sequence[str], zone: ZoneInfo
) -> Demand:
    """Draw loan requests. A counter asks as often as it holds copies; a title is asked for as often as it is held.

    `counters` are the places where items may be picked up. Nobody asks for what stands on the counter's own shelf, as
    long as there is something else to ask for.
    """
    chance = np.random.Generator(np.random.PCG64(wanted.seed))
    copies = np.bincount(held.place, weights=held.copies, minlength=len(places)).astype(np.int64)
    titles, first = np.unique(held.title, return_index=True)
    start = np.append(first, len(held.title)).astype(np.int64)
    weight = copies * np.isin(np.array(places), np.array(counters))
    popular = np.add.reduceat(held.copies, first).astype(np.float64) if len(titles) else np.empty(0)
    count = wanted.requests if len(titles) and weight.sum() else 0
    shelf = Shelf(tuple(places), start, held.place, Stock(held.materials, held.material, held.added, {}))
    requested = _moments(chance, wanted.since, wanted.until, count, zone)
    pickup = _draw(chance, weight.astype(np.float64), count)
    title = _titles(chance, popular, pickup, shelf)
    return Demand(
        asked=Asked(
            pickup=pickup.astype(np.int32),
            title=title.astype(np.int32),
            requested=requested,
            need_before=np.full(count, UNBOUNDED, dtype=np.int64),
            most_cents=np.full(count, UNBOUNDED, dtype=np.int64),
        ),
        shelf=shelf,
        copies=copies,
        left_out=wanted.requests - count,
    )


def _draw(chance: np.random.Generator, weights: npt.NDArray[np.float64], count: int) -> Longs:
    """Positions drawn by weight."""
    if not count:
        return np.empty(0, np.int64)
    upto = np.cumsum(weights)
    drawn: Longs = np.searchsorted(upto, chance.random(count) * upto[-1], side="right").astype(np.int64)
    return drawn


def _titles(chance: np.random.Generator, popular: npt.NDArray[np.float64], pickup: Longs, shelf: Shelf) -> Longs:
    title = _draw(chance, popular, len(pickup))
    places = len(shelf.places)
    owners = np.repeat(np.arange(len(shelf.start) - 1), np.diff(shelf.start))
    on_shelf = owners * places + shelf.place
    for _ in range(DRAWS):
        there = np.flatnonzero(np.isin(title * places + pickup, on_shelf))
        if not len(there):
            break
        title[there] = _draw(chance, popular, len(there))
    return title


def _moments(chance: np.random.Generator, since: date, until: date, count: int, zone: ZoneInfo) -> Longs:
    """Moments in order: more on some days of the week than on others, and in the hours that libraries are open."""
    days = [since + timedelta(days=number) for number in range((until - since).days)]
    # Noon less twelve hours, as a service day begins: the clock changes at night.
    begins = np.array(
        [int(datetime(day.year, day.month, day.day, 12, tzinfo=zone).astimezone(UTC).timestamp()) for day in days]
    )
    day = _draw(chance, WEEK[[day.weekday() for day in days]], count)
    seconds = chance.integers((OPENS - 12) * 3600, (CLOSES - 12) * 3600, size=count)
    return np.sort(begins[day] + seconds).astype(np.int64)
