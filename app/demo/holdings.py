"""Makes the demonstration's holdings: most titles stand in a few places, bestsellers nearly everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.demo import facts
from app.demo.organisations import World
from app.demo.titles import TITLES, Title, make_titles

EXPONENT = 1.66  # of the power law of how many places hold a title: about 15 on average
REGIONAL_PULL = 60.0  # how much likelier a place of the same province holds a book about a town there
SMALLEST_TOWN = 2500  # inhabitants of a town that a book is written about
IN_SHARE = {"loan": 0.75, "local": 0.5, "reference": 0.9}  # of the copies on the shelf, less for what many want
UNKNOWN_SHARE = 0.02  # of the rows: the system did not say how many are in
WITHDRAWN_SHARE = 0.004  # of the rows: the last copy is gone, the record still stands
COLUMNS = "location,isbn,ppn,title,author,material,copies,available,loanable"

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def spread(titles: int, places: int) -> Ints:
    """Return in how many of `places` each title stands, most widespread first: the quantiles of a power law."""
    counts = np.arange(1, places + 1, dtype=np.float64)
    share = np.cumsum(counts**-EXPONENT)
    quantiles = (np.arange(titles)[::-1] + 0.5) / titles
    return np.searchsorted(share / share[-1], quantiles).astype(np.int64) + 1


def write_holdings(world: World, path: Path, *, seed: int) -> None:
    """Write holdings.csv, the same bytes for the same world and seed; about 350,000 rows."""
    rng = np.random.default_rng([seed, 3])
    towns = [(place.name, place.province) for place in facts.places() if place.population >= SMALLEST_TOWN]
    titles = make_titles(towns, rng)
    widespread_first = _by_popularity(titles, rng)
    weights = np.array([location.size for location in world.locations]) ** 0.8
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"{COLUMNS}\n")
        for places, order in zip(spread(TITLES, len(weights)).tolist(), widespread_first, strict=True):
            title = titles[order]
            chosen = _choose(places, _pull(title, world, weights), rng)
            file.writelines(_rows(title, world, chosen, places / len(weights), rng))


def _by_popularity(titles: list[Title], rng: np.random.Generator) -> list[int]:
    """Order titles by popularity: the top are ordinary books, works about a town or for few readers are not in it."""
    order = rng.permutation(len(titles)).tolist()
    common = [index for index in order if titles[index].use == "loan" and titles[index].material == "book"]
    head = common[:1000]
    taken = set(head)
    return head + [index for index in order if index not in taken]


def _pull(title: Title, world: World, weights: Floats) -> Floats:
    if not title.province:
        return weights
    near = np.fromiter((location.agency.province == title.province for location in world.locations), bool)
    return np.where(near, weights * REGIONAL_PULL, weights)


def _choose(places: int, pull: Floats, rng: np.random.Generator) -> Ints:
    """Draw distinct positions with odds by pull (Efraimidis and Spirakis: the smallest exponential waits win)."""
    waits = rng.standard_exponential(len(pull)) / pull
    if places >= len(pull):
        return np.arange(len(pull))
    return np.sort(np.argpartition(waits, places)[:places])


def _rows(title: Title, world: World, chosen: Ints, popularity: float, rng: np.random.Generator) -> Iterator[str]:
    """Yield a line per place. `popularity` is the share of all places that hold the title."""
    count = len(chosen)
    sizes = np.array([world.locations[index].size for index in chosen])
    copies = 1 + rng.poisson(np.minimum(0.05 + popularity * sizes / 8000, 12.0))
    copies[rng.random(count) < WITHDRAWN_SHARE] = 0
    available = rng.binomial(copies, IN_SHARE[title.use] - 0.4 * popularity)
    unknown = rng.random(count) < UNKNOWN_SHARE
    kept = rng.random(count) < {"reference": 1.0, "local": 0.5, "loan": 0.003}[title.use]
    about = f",{title.isbn},{title.ppn},{title.name},{title.author},{title.material},"
    for index, has, shelf, nobody_knows, reference in zip(
        chosen.tolist(), copies.tolist(), available.tolist(), unknown.tolist(), kept.tolist(), strict=True
    ):
        location = world.locations[index]
        # Where people answer by hand, no system says what is in.
        known = "" if nobody_knows or not location.agency.system else shelf
        yield f"{location.id}{about}{has},{known},{'false' if reference else 'true'}\n"
