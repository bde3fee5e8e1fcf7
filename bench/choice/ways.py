"""The ways to choose that stand beside Leenpad: what libraries and their systems do, and what nobody can."""

from __future__ import annotations

import numpy as np

from bench.choice.chance import LOT, unit
from bench.choice.ground import Ground
from bench.choice.journey import collected
from bench.choice.run import Run, Wish
from routing.calendar import DAY_SECONDS
from routing.hours import moment_of, opened_before
from routing.network import Floats, Ints
from routing.response import BINS


class Plain:
    """A way that looks neither back nor ahead."""

    name = ""
    learns = False
    at_once = 1

    def begin(self, run: Run, now: int) -> None:
        """Learn nothing."""

    def batch(self, run: Run, now: int) -> None:
        """Change nothing."""

    def rota(self, run: Run, wish: Wish, now: int, rows: Ints) -> list[int]:
        """Order by `keys`, the last of which decides first; what is equal goes by lot."""
        keys = self.keys(run, wish, run.ground.row_place[rows])
        found: list[int] = rows[np.lexsort((_lots(run, wish, rows), *keys))].tolist()
        return found

    def keys(self, run: Run, wish: Wish, places: Ints) -> tuple[Floats | Ints, ...]:
        """Return what places are ordered by, the most important last."""
        raise NotImplementedError


def _lots(run: Run, wish: Wish, rows: Ints) -> Floats:
    places = run.ground.row_place[rows].tolist()
    return np.array([unit(run.nature.seed, wish.number, place, LOT) for place in places])


def circles(ground: Ground, pickup: int, places: Ints) -> Ints:
    """0 for the own organisation, 1 for the own province, 2 for all others."""
    own = ground.agency[places] == ground.agency[pickup]
    near = ground.province[places] == ground.province[pickup]
    return np.where(own, 0, np.where(near, 1, 2)).astype(np.int32)


class FixedList(Plain):
    """The alphabet: of organisations, and of locations within them."""

    name = "fixed alphabetical list"

    def keys(self, run: Run, wish: Wish, places: Ints) -> tuple[Floats | Ints, ...]:
        """Return where they stand in the alphabet."""
        return (run.ground.alphabet[places],)


class AnyHolder(Plain):
    """A lot."""

    name = "random holder"

    def keys(self, run: Run, wish: Wish, places: Ints) -> tuple[Floats | Ints, ...]:
        """Return nothing: the lot decides."""
        return ()


class Circles(Plain):
    """The order of today: the own organisation, the own province, the country; and there a lot."""

    name = "own, province, national; then random"

    def keys(self, run: Run, wish: Wish, places: Ints) -> tuple[Floats | Ints, ...]:
        """Return their circles."""
        return (circles(run.ground, wish.pickup, places),)


class Nearest(Plain):
    """The distance as the crow flies (OpenRS DCB)."""

    name = "nearest by distance"

    def keys(self, run: Run, wish: Wish, places: Ints) -> tuple[Floats | Ints, ...]:
        """Return their distances."""
        return (run.ground.kilometres[places, wish.pickup].astype(np.float64),)


class CostMatrix(Plain):
    """A table of costs from area to area, as people fill it in for Koha's transport cost matrix.

    1 within the organisation, 2 within the province, and beyond it 3 and one more for every 50 km between the
    provinces; 2 less within one POI's area. A province lies where its locations do on average.
    """

    name = "hand-made cost matrix"

    def __init__(self, ground: Ground) -> None:
        count = len(ground.provinces)
        mean = np.zeros((count, count))
        for one in range(count):
            for other in range(count):
                pair = np.ix_(ground.province == one, ground.province == other)
                mean[one, other] = ground.kilometres[pair].mean()
        self._table = 3 + np.rint(mean / 50)

    def keys(self, run: Run, wish: Wish, places: Ints) -> tuple[Floats | Ints, ...]:
        """Return what the table says."""
        ground = run.ground
        cost = self._table[ground.province[places], ground.province[wish.pickup]]
        cost = cost - 2.0 * (ground.poi[places] == ground.poi[wish.pickup])
        circle = circles(ground, wish.pickup, places)
        return (np.where(circle == 0, 1.0, np.where(circle == 1, 2.0, np.maximum(cost, 3.0))),)


class CostPriorityRatio(Plain):
    """What it costs, then a priority, then who has lent least for what it borrowed (CrossLink).

    The cost is the tariff's; the priority is that of the three circles.
    """

    name = "cost, priority, loan/borrow ratio"

    def __init__(self, cents: Ints) -> None:
        self._cents = cents

    def keys(self, run: Run, wish: Wish, places: Ints) -> tuple[Floats | Ints, ...]:
        """Return ratio, priority and cost; the cost decides first."""
        ground = run.ground
        agency = ground.agency[places]
        ratio = (run.lent[agency] + 1.0) / (run.borrowed[agency] + 1.0)
        cost = self._cents[agency, ground.agency[wish.pickup]]
        return ratio, circles(ground, wish.pickup, places), cost


class Clairvoyant(Plain):
    """Knows every answer and every missed van, and asks the one whose copy can be collected soonest.

    It looks at one loan request after the other: what it takes from later ones it does not weigh.
    """

    name = "clairvoyant"

    def rota(self, run: Run, wish: Wish, now: int, rows: Ints) -> list[int]:
        """Return the one that brings it soonest; whoever says no, or never gets there, is left out."""
        best: tuple[int, int, int] | None = None
        for row in rows.tolist():
            at = self._collected(run, wish, now, int(run.ground.row_place[row]))
            if at is not None and (best is None or (*at, row) < best):
                best = *at, row
        return [] if best is None else [best[2]]

    def _collected(self, run: Run, wish: Wish, now: int, place: int) -> tuple[int, int] | None:
        answer, opened = run.nature.answer(wish.number, place, wish.moment // DAY_SECONDS)
        if answer >= BINS:
            return None
        ground, kind = run.ground, int(run.ground.kind[place])
        ready = int(moment_of(ground.hours, kind, opened_before(ground.hours, kind, now) + int(opened)))
        journey = run.vans.ride(place, wish.pickup, ready, window_of=now)
        if journey.arrival < 0:
            return None
        return collected(ground.hours, int(ground.kind[wish.pickup]), journey.arrival), journey.handlings
