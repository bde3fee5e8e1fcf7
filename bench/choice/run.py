"""A year lived through under one way to choose: loan requests, questions, answers, vans, readers, and copies back."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from bench.choice.chance import READING, Demand, Nature, unit
from bench.choice.ground import ZONE, Ground
from bench.choice.journey import Journey, Vans, collected
from routing.calendar import DAY_SECONDS, to_moment
from routing.costs import charge_for_supply
from routing.hours import days_later, moment_of, opened_before
from routing.model import Tariff
from routing.network import Ints, Longs
from routing.response import BINS, SILENT

LAPSE_DAYS = 8
BEYOND = 10_000_000
"""More than there are loan requests: what is numbered from here on is not lived through."""
PATIENCE_DAYS = 60
"""Who finds nobody tries again every day, for so long."""
Back = npt.NDArray[np.int32]
KEPT_DAYS = (7, 35)
"""How long a reader has a copy, counted from when it can be collected: from, and up to."""
LOSE, SHIP, BACK, RETRY, BATCH = range(5)


@dataclass(slots=True, eq=False)
class Wish:
    """A loan request on its way. `rota` has holdings by row; `open` are the placements that wait for an answer."""

    number: int
    pickup: int
    title: int
    moment: int
    rota: list[int] = field(default_factory=list)
    asked: set[int] = field(default_factory=set)
    open: list[Placement] = field(default_factory=list)
    let_go: int = 0
    promised: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """A holding (row) that was asked for, and what its place is going to answer."""

    wish: Wish
    row: int
    asked_at: int
    answer: int


class Way(Protocol):
    """A way to choose: whom to ask, in which order."""

    name: str
    learns: bool
    at_once: int  # so many are asked side by side

    def begin(self, run: Run, now: int) -> None:
        """Take note that a week begins."""

    def rota(self, run: Run, wish: Wish, now: int, rows: Ints) -> list[int]:
        """Order holdings (rows) that have a copy and were not asked yet; those left out are not asked this time."""

    def batch(self, run: Run, now: int) -> None:
        """Take note that a day begins, before anyone opens."""


class Answers(NamedTuple):
    """Placements that ended, as columns: what learning is told.

    Weekday (0, Monday) and hour are those of the local clock when it was asked; `ended_at` counts from the origin.
    An `echo` (1) is an answer to a loan request of the country that is not lived through.
    """

    place: Longs
    title: Longs
    weekday: Longs
    hour: Longs
    answer: Longs
    ended_at: Longs
    echo: Longs


class Outcome(NamedTuple):
    """What came of a loan request. Moments are seconds from the origin; -1: it was never filled, or not promised."""

    collected: int
    place: int
    handlings: int
    legs: int
    declined: int
    silent: int
    let_go: int
    p50: int
    p90: int


NOTHING = Outcome(-1, -1, 0, 0, 0, 0, 0, -1, -1)


class Run:
    """The state under one way to choose, moved on by `live`."""

    def __init__(
        self, ground: Ground, nature: Nature, vans: Vans, demand: Demand, way: Way, *, scale: int, heard: int
    ) -> None:
        self.ground, self.nature, self.vans, self.way = ground, nature, vans, way
        self.scale = scale  # a loan request stands for so many
        self.heard = heard  # of those, so many answers are heard
        self.wanted(demand)
        self.free = ground.row_copies.copy()
        agencies = int(ground.agency.max()) + 1
        self.lent, self.borrowed = np.zeros(agencies, np.int64), np.zeros(agencies, np.int64)
        self._answers = array("q")
        self.load: dict[int, int] = {}  # ride by number (see `ride_number`) → items
        self.open: dict[int, Wish] = {}  # those that somebody is asked for
        self._wished = 0
        self.events: list[tuple[int, int, int, Wish | Placement | int]] = []
        self._count = 0

    def wanted(self, demand: Demand) -> None:
        """Set what is going to be wanted, before anything is lived through."""
        self.demand = demand
        self.outcomes: list[Outcome] = [NOTHING] * len(demand.moment)
        self._declined, self._silent = (array("i", bytes(4 * len(demand.moment))) for _ in range(2))

    def live(self, since: int, until: int, back: Back) -> None:
        """Live through a week: all that happens from `since` up to `until` (seconds from the origin)."""
        self.way.begin(self, since)
        for day in range(since, until, DAY_SECONDS):
            self._push(day + 6 * 3600, BATCH, 0)
        moments = self.demand.moment
        while True:
            due = self.events[0][0] if self.events else until
            if self._wished < len(moments) and moments[self._wished] <= min(due, until - 1):
                self._arrive()
                continue
            if due >= until:
                return
            now, _, kind, about = heappop(self.events)
            self._happen(now, kind, about, back)

    def candidates(self, wish: Wish) -> Ints:
        """Holdings (rows) of which a copy is there, at places that vans call at, and that were not asked yet."""
        start, end = self.ground.title_start[wish.title], self.ground.title_start[wish.title + 1]
        rows: Ints = np.arange(start, end, dtype=np.int32)
        place = self.ground.row_place[rows]
        rows = rows[(self.free[rows] > 0) & (place != wish.pickup) & (self.ground.stop[place] >= 0)]
        if wish.asked:
            rows = rows[[place not in wish.asked for place in self.ground.row_place[rows].tolist()]]
        return rows

    def place(self, wish: Wish, row: int, now: int) -> None:
        """Ask whoever has a holding; what it will answer is known only here."""
        ground = self.ground
        place = int(ground.row_place[row])
        self.free[row] -= 1
        wish.asked.add(place)
        answer, opened = self.nature.answer(wish.number, place, wish.moment // DAY_SECONDS)
        placed = Placement(wish, row, now, answer)
        self._push(self._ends(place, now, answer, opened), SHIP if answer < BINS else LOSE, placed)
        wish.open.append(placed)
        self.open[wish.number] = wish

    def withdraw(self, placed: Placement) -> None:
        """Take a placement back that was not answered yet."""
        self.free[placed.row] += 1
        self._close(placed)

    def unseen(self, now: int) -> list[Placement]:
        """The placements whose supplier was not open for a second since it was asked, in order of loan requests."""
        hours, kind = self.ground.hours, self.ground.kind
        found = []
        for number in sorted(self.open):
            for placed in self.open[number].open:
                of = int(kind[self.ground.row_place[placed.row]])
                if opened_before(hours, of, now) == opened_before(hours, of, placed.asked_at):
                    found.append(placed)
        return found

    def _close(self, placed: Placement) -> None:
        wish = placed.wish
        wish.open.remove(placed)
        if not wish.open:
            del self.open[wish.number]

    def ride_number(self, planned: int, day: int) -> int:
        """Number a planned ride on a service day (ordinal)."""
        return planned + day * len(self.vans.network.rides.trip)

    # --- what happens -----------------------------------------------------------------------------

    def _push(self, at: int, kind: int, about: Wish | Placement | int) -> None:
        self._count += 1
        heappush(self.events, (at, self._count, kind, about))

    def _arrive(self) -> None:
        number, demand = self._wished, self.demand
        self._wished += 1
        wish = Wish(number, int(demand.pickup[number]), int(demand.title[number]), int(demand.moment[number]))
        self.ask_next(wish, wish.moment)

    def _happen(self, now: int, kind: int, about: Wish | Placement | int, back: Back) -> None:
        if kind == BATCH:
            self.way.batch(self, now)
        elif isinstance(about, int):
            self.free[about] += 1
        elif isinstance(about, Wish):
            self.ask_next(about, now)
        elif about in about.wish.open:  # and was not withdrawn
            self._answered(about, now, back)

    def _answered(self, placed: Placement, now: int, back: Back) -> None:
        wish = placed.wish
        self._close(placed)
        self._note(placed, now)
        if placed.answer < BINS:
            wish.let_go += len(wish.open)
            for other in wish.open.copy():
                self.withdraw(other)
            self._ship(placed, now, back)
        else:
            self.free[placed.row] += 1
            (self._silent if placed.answer == SILENT else self._declined)[wish.number] += 1
            self.ask_next(wish, now)

    def ask_next(self, wish: Wish, now: int) -> None:
        """Ask whoever is next on the rota and still has a copy, until as many are asked as the way asks at once.

        With none left, choose anew; where that gives nobody either, wait a day.
        """
        for fresh in (False, True):
            while wish.rota and len(wish.open) < self.way.at_once:
                row = wish.rota.pop(0)
                if self.free[row] > 0:
                    self.place(wish, row, now)
            if len(wish.open) == self.way.at_once:
                return
            if not fresh:
                rows = self.candidates(wish)
                wish.rota = self.way.rota(self, wish, now, rows) if len(rows) else []
        if not wish.open and now - wish.moment < PATIENCE_DAYS * DAY_SECONDS:
            self._push(now + DAY_SECONDS, RETRY, wish)

    def _ship(self, placed: Placement, now: int, back: Back) -> None:
        ground, wish = self.ground, placed.wish
        place = int(ground.row_place[placed.row])
        journey = self.vans.ride(place, wish.pickup, now)
        if journey.arrival < 0:
            return
        at = collected(ground.hours, int(ground.kind[wish.pickup]), journey.arrival)
        self._carry(journey, now)
        self.outcomes[wish.number] = Outcome(
            at,
            place,
            journey.handlings,
            len(journey.first),
            self._declined[wish.number],
            self._silent[wish.number],
            wish.let_go,
            *(wish.promised or (-1, -1)),
        )
        if ground.agency[place] != ground.agency[wish.pickup]:
            self.lent[ground.agency[place]] += 1
            self.borrowed[ground.agency[wish.pickup]] += 1
        low, high = KEPT_DAYS
        kept = low + (high - low) * unit(self.nature.seed, wish.number, 0, READING)
        home = at + int(kept * DAY_SECONDS)
        home += int(back[self.local(home).weekday(), wish.pickup, place])
        self._push(home, BACK, placed.row)

    def _ends(self, place: int, asked_at: int, answer: int, opened: float) -> int:
        """When a place that was asked at a moment answers so after some open seconds, or its time is over."""
        hours, kind = self.ground.hours, int(self.ground.kind[place])
        if answer == SILENT:
            return int(days_later(hours, kind, asked_at, LAPSE_DAYS))
        return max(asked_at, int(moment_of(hours, kind, opened_before(hours, kind, asked_at) + int(opened))))

    def _note(self, placed: Placement, now: int) -> None:
        """Keep an answer, and what the place answers to others of the country who ask at the same moment."""
        wish, place = placed.wish, int(self.ground.row_place[placed.row])
        asked = self.local(placed.asked_at)
        about = place, wish.title, asked.weekday(), asked.hour
        self._answers.extend((*about, placed.answer, now, 0))
        if not self.way.learns:
            return
        for echo in range(1, self.heard):
            number = wish.number + echo * BEYOND
            answer, opened = self.nature.answer(number, place, wish.moment // DAY_SECONDS)
            self._answers.extend((*about, answer, self._ends(place, placed.asked_at, answer, opened), 1))

    def answers(self) -> Answers:
        """All answers so far."""
        columns = np.array(self._answers, dtype=np.int64).reshape(-1, len(Answers._fields))
        return Answers(*columns.T)

    def _carry(self, journey: Journey, now: int) -> None:
        window = self.vans.window(now)
        for first, last in zip(journey.first.tolist(), journey.last.tolist(), strict=True):
            day = int(window.ride_day[first])
            planned = int(window.ride_planned[first])
            for ride in range(planned, planned + last - first + 1):
                number = self.ride_number(ride, day)
                self.load[number] = self.load.get(number, 0) + 1

    def local(self, moment: int) -> datetime:
        """A moment on the Dutch clock."""
        return to_moment(self.ground.origin + moment, self.vans.network.zone)


def tariffs(ground: Ground) -> tuple[Longs, Longs]:
    """What the supplier is paid and transport costs, in cents, from agency to agency: (agencies, agencies) each."""
    moment = to_moment(ground.origin, ZoneInfo(ZONE))
    by_pair: dict[tuple[int, int], tuple[int, int]] = {}
    of_agency: dict[int, str] = {}
    for at, agency in enumerate(ground.agency.tolist()):
        of_agency.setdefault(agency, ground.places[at])
    for one, supplying in of_agency.items():
        for other, requesting in of_agency.items():
            parts = charge_for_supply(ground.register, supplying, requesting, moment=moment, tariff=Tariff())
            cents = {part.what: part.cents for part in parts}
            by_pair[one, other] = cents.get("supplier", 0), cents.get("transport", 0)
    count = len(of_agency)
    table = np.zeros((2, count, count), dtype=np.int64)
    for (one, other), both in by_pair.items():
        table[:, one, other] = both
    return table[0], table[1]
