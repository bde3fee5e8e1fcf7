"""Leenpad's ways to choose: per loan request by what it has learned, and with the day's assignment on top."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from bench.choice.chance import OBJECTIVE, unit
from bench.choice.run import LAPSE_DAYS, Answers, Placement, Run, Wish
from routing import (
    Burdens,
    Holding,
    Objective,
    Policy,
    Question,
    Register,
    ResponseModel,
    RotaEntry,
    RotaOrder,
    Weights,
    decide,
)
from routing.assign import Wanted, lay_out, solve
from routing.calendar import DAY_SECONDS, to_seconds
from routing.learning import Observations, Place, learn, place_of
from routing.network import Ints, Longs

POLICY = Policy(rota_order=RotaOrder.EXPECTED, lapse_days=LAPSE_DAYS)
KEEN = replace(POLICY, weights=Weights(cents_per_hour=40.0))
"""Where an hour of waiting weighs four times as much as by default."""
LIMIT = 10
REACH_BACK_DAYS, REACH_BACK_RUNS = 360, 180
ITEMS_PER_CRATE = 20
LOOKED_AT = 4
"""So many of the first on its rota the day's assignment chooses from, for each loan request."""
Runs = tuple[Longs, Longs]


class Leenpad:
    """Decides as the engine does, by the response model that it learns every week from what it saw."""

    learns = True
    at_once = 1

    def __init__(self, runs: Runs, objective: Objective | None, name: str, policy: Policy = POLICY) -> None:
        self.name, self._policy = name, policy
        self._runs, self._objective = runs, objective
        self._model: ResponseModel | None = None

    def begin(self, run: Run, now: int) -> None:
        """Learn from all answers so far."""
        self._model = learned(run, self._runs, now)

    def batch(self, run: Run, now: int) -> None:
        """Change nothing."""

    def puts_first(self, run: Run, number: int) -> Objective:
        """Return what a loan request puts first; where that is mixed, each of the four as often, by lot."""
        return self._objective or list(Objective)[int(4 * unit(run.nature.seed, number, 0, OBJECTIVE))]

    def burdens(self, run: Run) -> Burdens | None:
        """Return what counts of what suppliers bear: nothing."""
        return None

    def rota(self, run: Run, wish: Wish, now: int, rows: Ints) -> list[int]:
        """Return the rota of a decision; the first one that a loan request gets is what it is promised by."""
        ground = run.ground
        row_of = {ground.places[ground.row_place[row]]: row for row in rows.tolist()}
        material = ground.material[wish.title]
        held = [
            Holding(place, int(ground.row_copies[row]), int(run.free[row]), True, material)
            for place, row in row_of.items()
        ]
        question = Question(
            pickup_location=ground.places[wish.pickup],
            requested_at=_moment(run, now),
            objective=self.puts_first(run, wish.number),
            limit=LIMIT,
        )
        burdens = self.burdens(run)
        rota = decide(question, held, run.vans.network, ground.register, self._policy, self._model, burdens).rota
        if wish.promised is None and rota and now == wish.moment:
            wish.promised = _promised(run, rota[0])
        return [row_of[entry.supplying_location] for entry in rota]


def _moment(run: Run, now: int) -> datetime:
    return datetime.fromtimestamp(run.ground.origin + now, UTC)


def _promised(run: Run, first: RotaEntry) -> tuple[int, int]:
    promise = first.promise
    if promise is None:
        return -1, -1
    return to_seconds(promise.p50) - run.ground.origin, to_seconds(promise.p90) - run.ground.origin


class Two(Leenpad):
    """Asks the first two of the rota side by side; who answers first with an item supplies, the other is let go."""

    at_once = 2

    def __init__(self, runs: Runs, objective: Objective | None, name: str, policy: Policy = POLICY) -> None:
        super().__init__(runs, objective, name, replace(policy, at_once=self.at_once))


class Fair(Leenpad):
    """Weighs what an agency has lent more than it borrowed, in cents for each item of the country."""

    def __init__(self, runs: Runs, name: str, cents_per_net_loan: float) -> None:
        weights = replace(POLICY.weights, cents_per_net_loan=cents_per_net_loan)
        super().__init__(runs, Objective.BALANCED, name, replace(POLICY, weights=weights))

    def burdens(self, run: Run) -> Burdens:
        """Return the balances as they are; one loan request stands for many."""
        net = ((run.lent - run.borrowed) * run.scale).tolist()
        return Burdens(dict(zip(run.ground.agencies, net, strict=True)))


class KnowsTheChances(Leenpad):
    """Decides as Leenpad does, but is told how everyone answers: what there is to gain by learning better."""

    learns = False

    def begin(self, run: Run, now: int) -> None:
        """Look up the chances of everyone's answers today."""
        nature, ground = run.nature, run.ground
        table = nature.table(now // DAY_SECONDS)
        vans = learned(run, self._runs, now)
        self._model = ResponseModel(
            version=vans.version,
            table=np.concatenate([table.mean(axis=0, keepdims=True), table]),
            locations={place: at for at, place in enumerate(ground.places, start=1)},
            systems={},
            provinces={},
            missed=vans.missed,
            missed_otherwise=vans.missed_otherwise,
        )


class Assigned(Leenpad):
    """Decides as Leenpad does; before anyone opens, all that nobody can have begun with is assigned at once.

    A loan request that gets another supplier is withdrawn from the one that it was placed with and placed anew.
    """

    moved = 0
    looked_at = 0

    def batch(self, run: Run, now: int) -> None:
        """Assign what was asked while everybody was closed."""
        unseen = run.unseen(now)
        if not unseen:
            return
        self.looked_at += len(unseen)
        wanted, rows = _wanted(run, self, unseen, now)
        offers = lay_out(wanted, run.vans.network, run.ground.register, self._policy, room=_room(run, now))
        choice = solve(offers.problem).choice.tolist()
        chosen = []
        for placed, option, row_of in zip(unseen, choice, rows, strict=True):
            row = placed.row if option < 0 else row_of[offers.candidate[option].location.id]
            if row != placed.row:
                chosen.append((placed, row))
        for placed, _ in chosen:
            run.withdraw(placed)
            placed.wish.asked.discard(int(run.ground.row_place[placed.row]))
        for placed, row in chosen:
            # What the assignment does not serve keeps its copy, so somebody may find none.
            wish, first = placed.wish, (row, placed.row)
            wish.rota = [*first, *(one for one in wish.rota if one not in first)]
            run.ask_next(wish, now)
            self.moved += 1


def _wanted(run: Run, way: Leenpad, unseen: list[Placement], now: int) -> tuple[list[Wanted], list[dict[str, int]]]:
    """What is wanted, of whom it may come, and which row of holdings that is."""
    ground = run.ground
    bound: dict[int, int] = {}
    for placed in unseen:
        bound[placed.row] = bound.get(placed.row, 0) + 1
    wanted, rows = [], []
    for placed in unseen:
        wish, first = placed.wish, placed.row
        row_of = {ground.places[ground.row_place[row]]: row for row in [first, *wish.rota[: LOOKED_AT - 1]]}
        held = [
            Holding(place, int(ground.row_copies[row]), int(run.free[row]) + bound.get(row, 0), True)
            for place, row in row_of.items()
            if run.free[row] > 0 or row in bound
        ]
        question = Question(
            pickup_location=ground.places[wish.pickup],
            requested_at=_moment(run, now),
            objective=way.puts_first(run, wish.number),
        )
        wanted.append(Wanted(question, wish.title, held))
        rows.append(row_of)
    return wanted, rows


def _room(run: Run, now: int) -> Longs:
    """How many items each ride of the window still takes, scaled as the loan requests are."""
    window = run.vans.window(now)
    room = items_aboard(run)[window.ride_trip]
    riding = np.array(
        [
            run.load.get(run.ride_number(planned, day), 0)
            for planned, day in zip(window.ride_planned.tolist(), window.ride_day.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    left: Longs = np.maximum(0, room - riding)
    return left


def items_aboard(run: Run) -> Longs:
    """How many of the scaled-down items a trip takes: (trips,)."""
    found: Longs = run.ground.crates * ITEMS_PER_CRATE // run.scale
    return np.maximum(found, 1)


# --- learning -------------------------------------------------------------------------------------


def learned(run: Run, runs: Runs, now: int) -> ResponseModel:
    """Return what can be learned by a moment of the answers in a run, and of the vans."""
    day = now // DAY_SECONDS
    version = f"{run.nature.seed}-{day}"
    heard = run.answers()
    recent = (heard.ended_at <= now) & (heard.ended_at >= now - REACH_BACK_DAYS * DAY_SECONDS)
    answers = Answers(*(column[recent] for column in heard))
    materials = tuple(sorted(set(run.ground.material)))
    number = np.array([materials.index(material) for material in run.ground.material], dtype=np.int64)
    observations = Observations(
        places=_places(run),
        materials=materials,
        place=answers.place,
        material=number[answers.title],
        weekday=answers.weekday,
        hour=answers.hour,
        answer=answers.answer,
        age_days=(now - answers.ended_at) / DAY_SECONDS,
    )
    return learn(observations, version=version, runs=_runs_by(run, runs, day)).model


def _places(run: Run) -> tuple[Place, ...]:
    return _places_of(run.ground.register, run.ground.places, _moment(run, 0))


@lru_cache(maxsize=2)  # by identity of the register
def _places_of(register: Register, places: tuple[str, ...], moment: datetime) -> tuple[Place, ...]:
    return tuple(place_of(register, place, moment) for place in places)


def _runs_by(run: Run, runs: Runs, day: int) -> dict[str, tuple[int, int]]:
    """By route the dated trips of the last days, and how many of them were missed."""
    if day < 1:
        return {}
    planned, missed = (
        each[day - 1] - (each[day - 1 - REACH_BACK_RUNS] if day > REACH_BACK_RUNS else 0) for each in runs
    )
    routes = run.ground.timetable.routes
    return {route.id: (int(planned[at]), int(missed[at])) for at, route in enumerate(routes)}
