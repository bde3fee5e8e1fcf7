"""How well the load is forecast: rolled through a drawn history, beside what planners would guess without a model.

The demand is drawn, seeded: places of very different size, a weekday profile of each, a season, school and public
holidays, days on which everything is busier, and chance. It rides the demonstration's vans. What is compared is what
every ride between two calls carries of every day's items.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from time import perf_counter

import numpy as np
import numpy.typing as npt

from app.planning.forecast import Floats, Ints, bounds
from app.planning.kinds import kinds_of, weekdays_of
from app.planning.load import stretches_of, ways_of
from app.planning.outlook import PAIR_HALF_LIFE, Counts, Outlook, look_ahead
from routing import Timetable, compile_network
from routing.calendar import service_day_anchor

TITLE = "\n## The load, forecast\n"
SEED = 20261126
PLACES, DESTINATIONS = 320, 12
YEAR, AHEAD, ORIGINS, STEP = 364, 14, 13, 14
BUSY_PART = 0.1
LOW, HIGH = 0.1, 0.9
READY = 8 * 3600.0

_PART = (
    TITLE
    + """
Written by `./run bench forecast`. The demand is **drawn** (seed {seed}), for no real one is public, and by factors of
the kind that the model looks for: real demand may be harder to guess. {places} places of the demonstration, {pairs:,}
pairs of them, {items:,} items in {weeks} weeks, with weekdays of each place's own, a season of ±20%, school holidays
(−25%) and public holidays (−95%) on the days on which they fall, days on which everything is busier or quieter
(±10%), and chance (negative binomial). The items ride the demonstration's vans as a decision would send them; what is
guessed is how many of each day's items are on board of each of {rides:,} rides between two calls. {origins} times,
two weeks apart, the model learns from the {year} days before and forecasts the next {ahead}; it sees nothing of
what it is to forecast.

| mean absolute error, items | all | week 1 | week 2 | busiest tenth of the rides | holidays |
|---|---:|---:|---:|---:|---:|
{errors}

| | model | same weekday last week |
|---|---:|---:|
| pinball loss at 0.1, 0.5 and 0.9 | {pinball_model} | {pinball_naive} |
| of 100 ride-days, above the upper bound (aim: at most 10) | {above:.1f} | |
| of 100 ride-days, below the lower bound (aim: at most 10) | {below:.1f} | |

Against the same weekday last week the model's error is **{better:.0%} smaller**; it was smaller in {won} of the
{origins} times. Learning from a year of {learned:,} items took {seconds:.2f} s.
"""
)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What was handed over: `items` (pairs, days) from `first` on, and which rides carry it."""

    first: date
    places: list[str]
    origin: Ints
    destination: Ints
    items: Floats
    rides: tuple[tuple[Ints, Ints], ...]  # by weekday: pair, and ride as a number below `ride_count`
    ride_count: int

    def carried(self, items: Floats, first: int) -> Floats:
        """Return what each ride carries of each day's `items` (pairs, days), the first of which is day `first`."""
        found = np.zeros((self.ride_count, items.shape[1]))
        for day in range(items.shape[1]):
            pair, ride = self.rides[(self.first.weekday() + first + day) % 7]
            found[:, day] = np.bincount(ride, weights=items[pair, day], minlength=self.ride_count)
        return found


@dataclass(frozen=True, slots=True)
class ForecastFigures:
    """What was measured; errors by contender and column."""

    errors: dict[str, list[float]]
    pinball: dict[str, list[float]]
    above: float
    below: float
    won: int
    seconds: float
    learned: int
    drawn: Drawn


def measure(timetable: Timetable, monday: date, say: Callable[[str], None]) -> ForecastFigures:
    """Draw a year and a half that ends on a Monday, and forecast its last half year, two weeks at a time."""
    say("drawing a year and a half of demand")
    drawn = _draw(timetable, monday)
    carried = drawn.carried(drawn.items, 0)
    busy = np.argsort(-carried.mean(axis=1))[: int(drawn.ride_count * BUSY_PART)]
    kind = kinds_of(drawn.first, drawn.items.shape[1])
    off: dict[str, list[Floats]] = {name: [] for name in (MODEL, LAST_WEEK, FOUR_WEEKS)}
    pinball: dict[str, list[list[float]]] = {MODEL: [], LAST_WEEK: []}
    outside, holiday, seconds = [], [], []
    for start in range(YEAR, YEAR + ORIGINS * STEP, STEP):
        say(f"forecasting from day {start}")
        begun = perf_counter()
        outlook = _learned(drawn, start)
        seconds.append(perf_counter() - begun)
        came = carried[:, start : start + AHEAD]
        mean = drawn.carried(outlook.expect(drawn.first + timedelta(days=start), AHEAD), start)
        weeks = [np.tile(carried[:, start - 7 * back : start - 7 * back + 7], 2) for back in (1, 2, 3, 4)]
        off[MODEL].append(mean - came)
        off[LAST_WEEK].append(weeks[0] - came)
        off[FOUR_WEEKS].append(np.mean(weeks, axis=0) - came)
        low, middle, high = (
            bounds(mean.ravel(), outlook.model.scatter, below=part).reshape(mean.shape) for part in (LOW, 0.5, HIGH)
        )
        pinball[MODEL].append(_pinball(came, (low, middle, high)))
        pinball[LAST_WEEK].append(_pinball(came, (weeks[0],) * 3))
        outside.append([(came > high).mean(), (came < low).mean()])
        holiday.append(kind[start : start + AHEAD] > 0)
    errors = {name: _columns(found, busy, holiday) for name, found in off.items()}
    mine, naive = ([float(np.abs(one).mean()) for one in off[name]] for name in (MODEL, LAST_WEEK))
    above, below = np.mean(outside, axis=0) * 100
    return ForecastFigures(
        errors=errors,
        pinball={name: np.mean(found, axis=0).tolist() for name, found in pinball.items()},
        above=float(above),
        below=float(below),
        won=sum(one < other for one, other in zip(mine, naive, strict=True)),
        seconds=float(np.mean(seconds)),
        learned=int(drawn.items[:, :YEAR].sum()),
        drawn=drawn,
    )


MODEL, LAST_WEEK, FOUR_WEEKS = "model", "same weekday last week", "mean of the same weekday of four weeks"


def _columns(off: list[Floats], busy: Ints, holiday: list[npt.NDArray[np.bool_]]) -> list[float]:
    error = [np.abs(one) for one in off]
    days = [one[:, here] for one, here in zip(error, holiday, strict=True)]
    return [
        float(np.mean(error)),
        float(np.mean([one[:, :7] for one in error])),
        float(np.mean([one[:, 7:] for one in error])),
        float(np.mean([one[busy] for one in error])),
        float(np.concatenate([one.ravel() for one in days]).mean()),
    ]


def _pinball(came: Floats, guessed: tuple[Floats, ...]) -> list[float]:
    return [
        float(np.maximum(part * (came - guess), (part - 1) * (came - guess)).mean())
        for part, guess in zip((LOW, 0.5, HIGH), guessed, strict=True)
    ]


def _draw(timetable: Timetable, monday: date) -> Drawn:
    draw = np.random.default_rng(SEED)
    calling = [timetable.stops[at].id for at in np.unique(timetable.stop_times.stop).tolist()]
    places = sorted(draw.choice(calling, size=min(PLACES, len(calling)), replace=False).tolist())
    days = YEAR + ORIGINS * STEP
    first = monday - timedelta(days=days)
    size = draw.lognormal(1.5, 1.0, len(places))
    pairs = [
        (origin, int(other))
        for origin in range(len(places))
        for other in draw.choice(len(places), size=DESTINATIONS, replace=False, p=size / size.sum())
        if other != origin
    ]
    origin, destination = np.array(pairs, dtype=np.int64).T
    part = draw.gamma(1.0, 1.0, len(pairs))
    part /= np.bincount(origin, weights=part)[origin]
    week = np.array([draw.dirichlet(30 * np.array([1.5, 1.3, 1.2, 1.1, 1.0, 0.7, 0.2])) * 7 for _ in places])
    weekday, kind = weekdays_of(first, days), kinds_of(first, days)
    season = 1 + 0.2 * np.sin(2 * np.pi * np.arange(days) / 365)
    of_day = season * draw.gamma(100.0, 0.01, days) * np.array([1.0, 0.75, 0.05])[kind]
    mean = (size[:, None] * week[:, weekday])[origin] * part[:, None] * of_day
    items = draw.poisson(draw.gamma(np.maximum(mean, 1e-12) / 0.4, 0.4)).astype(np.float64)
    rides, count = _rides(timetable, places, origin, destination, monday)
    return Drawn(first, places, origin, destination, items, rides, count)


def _rides(
    timetable: Timetable, places: list[str], origin: Ints, destination: Ints, monday: date
) -> tuple[tuple[tuple[Ints, Ints], ...], int]:
    """Return by weekday which rides carry which pair's items: an ordinary week of the timetable stands for all.

    Only rides that carry any are counted, and numbered; how many those are comes second.
    """
    network = compile_network(timetable)
    now = datetime.combine(monday, time.min, network.zone)
    by_day: list[tuple[list[int], list[int]]] = [([], []) for _ in range(7)]
    whole = _outlook_of(places, origin, destination)
    for pairs in (np.flatnonzero(destination == to) for to in np.unique(destination)):
        pair, day = (axis.ravel() for axis in np.meshgrid(pairs, np.arange(7), indexing="ij"))
        midnights = np.array(
            [service_day_anchor(monday + timedelta(days=ahead), network.zone) for ahead in range(7)], dtype=np.int64
        )
        ways = ways_of(network, whole, pair, midnights[day] + int(READY), now)
        owner, found = np.repeat(ways.there, ways.legs).tolist(), stretches_of(ways.window, ways.numbers)
        for item, first, last in zip(owner, found.first.tolist(), found.last.tolist(), strict=True):
            rides = range(first, last + 1)
            by_day[day[item]][0].extend([int(pair[item])] * len(rides))
            by_day[day[item]][1].extend(rides)
    used = np.unique(np.concatenate([ride for _, ride in by_day])).astype(np.int64)
    return (
        tuple((np.array(pair, dtype=np.int64), np.searchsorted(used, ride)) for pair, ride in by_day),
        len(used),
    )


def _outlook_of(places: list[str], origin: Ints, destination: Ints) -> Outlook:
    """Return an outlook that only names places and pairs."""
    pairs = [(places[one], places[other], 1.0, 0) for one, other in zip(origin, destination, strict=True)]
    return look_ahead(Counts(date(2026, 1, 1), date(2026, 1, 1), [], pairs, {}, {}), most_pairs=len(pairs))


def _learned(drawn: Drawn, start: int) -> Outlook:
    """Learn from the year before day `start`, as the service would."""
    past = drawn.items[:, start - YEAR : start]
    weight = past @ (0.5 ** (np.arange(YEAR - 1, -1, -1) / PAIR_HALF_LIFE))
    by_place = np.zeros((len(drawn.places), YEAR))
    np.add.at(by_place, drawn.origin, past)
    since = drawn.first + timedelta(days=start - YEAR)
    counts = Counts(
        since=since,
        until=since + timedelta(days=YEAR),
        by_day=[
            (drawn.places[place], since + timedelta(days=day), int(by_place[place, day]), READY)
            for place, day in np.argwhere(by_place > 0).tolist()
        ],
        # Pairs that nobody has used yet weigh next to nothing, and keep their place in the row.
        by_pair=[
            (drawn.places[one], drawn.places[other], max(float(part), 1e-12), int(seen))
            for one, other, part, seen in zip(drawn.origin, drawn.destination, weight, past.sum(axis=1), strict=True)
        ],
        by_hour={8: 1},
        area={place: f"{at % 9}" for at, place in enumerate(drawn.places)},
    )
    return look_ahead(counts, most_pairs=len(drawn.origin))


def part(figures: ForecastFigures) -> str:
    """Return the part of the page."""
    drawn = figures.drawn
    mine, naive = figures.errors[MODEL][0], figures.errors[LAST_WEEK][0]
    return _PART.format(
        seed=SEED,
        places=len(drawn.places),
        pairs=len(drawn.origin),
        items=int(drawn.items.sum()),
        weeks=drawn.items.shape[1] // 7,
        rides=drawn.ride_count,
        origins=ORIGINS,
        year=YEAR,
        ahead=AHEAD,
        errors="\n".join(
            f"| {name} | {' | '.join(f'{error:.3f}' for error in errors)} |"
            for name, errors in figures.errors.items()
        ),
        pinball_model=", ".join(f"{loss:.3f}" for loss in figures.pinball[MODEL]),
        pinball_naive=", ".join(f"{loss:.3f}" for loss in figures.pinball[LAST_WEEK]),
        above=figures.above,
        below=figures.below,
        better=1 - mine / naive,
        won=figures.won,
        learned=figures.learned,
        seconds=figures.seconds,
    )
