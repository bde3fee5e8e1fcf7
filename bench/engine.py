"""Measures the engine on the demonstration network, beside what else answers the same question."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from bench.drawn import Draw, Drawn
from bench.rivals import (
    UNREACHED,
    NetworkxPerCandidate,
    PythonScan,
    Rival,
    RustworkxPerCandidate,
    ScipyReverse,
    expand,
    time_expanded,
)
from routing import RotaOrder, decide, unlearned
from routing.model import Policy, Timetable
from routing.network import Network, Window, compile_network, window_for
from routing.spread import departures_of, spread_over
from routing.sweep import NEVER, fastest, sweep_to

SIZES = (1, 10, 100)
HORIZON_DAYS = 35


@dataclass(frozen=True, slots=True)
class Row:
    """One way to answer: median milliseconds per request, by number of candidates."""

    name: str
    ms: dict[int, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run measured; seconds, milliseconds and bytes as the names say."""

    requests: int
    stops: int
    routes: int
    connections: int
    rows: tuple[Row, ...]
    window_bytes: int
    sweep_bytes_mean: float
    spread_bytes_mean: float
    pickups: int

    def ms(self, name: str, size: int) -> float:
        """Return the median of one row."""
        return next(row.ms[size] for row in self.rows if row.name == name)


def measure(timetable: Timetable, draw: Draw, say: Callable[[str], None]) -> Figures:
    """Run everything on the same requests; raises AssertionError when any two answers differ."""
    say("engine: building")
    network = compile_network(timetable)
    window = window_for(network, int(draw.week.timestamp()), HORIZON_DAYS)
    questions = draw.questions
    sweep_to(network, window, questions[0].pickup)  # numba compiles on first use

    say("engine: warm")
    arrays = [_arrays(question, window.start) for question in questions]
    answers = [
        _look_up(network, question, stops, ready) for question, (stops, ready) in zip(questions, arrays, strict=True)
    ]
    rows = [
        Row("engine, warm: look-up of all arrivals", {k: _look_up_ms(network, questions, arrays, k) for k in SIZES}),
        Row(
            "engine, warm: whole decision, legs of ten entries",
            {k: _decide_ms(network, draw, answers, k) for k in SIZES},
        ),
        Row(
            "engine, warm: the same with promises",
            {k: _promised_ms(network, draw, RotaOrder.ARRIVAL, k) for k in SIZES},
        ),
        Row(
            "engine, warm: the same with promises, in expected order",
            {k: _promised_ms(network, draw, RotaOrder.EXPECTED, k) for k in SIZES},
        ),
        Row(
            "engine, cold: sweep and look-up", {k: _cold_ms(timetable, questions, arrays, answers, k) for k in SIZES}
        ),
    ]
    sizes = np.array([_kept(network, window, question.pickup) for question in questions[:200]]).mean(axis=0)

    say("rivals: building the time-expanded graph")
    first = draw.week.date() - timedelta(days=2)
    world = expand(timetable, first, HORIZON_DAYS + 9)
    graph = time_expanded(world)
    for make in (PythonScan, ScipyReverse, RustworkxPerCandidate, NetworkxPerCandidate):
        say(f"rivals: {make.name}")
        rival: Rival = make(world) if make is PythonScan else make(graph)  # type: ignore[arg-type]
        rows.append(Row(rival.name, {k: _rival_ms(rival, questions, answers, k) for k in SIZES}))
        del rival
        gc.collect()
    return Figures(
        requests=len(questions),
        stops=len(timetable.stops),
        routes=len(timetable.routes),
        connections=len(window.ride_to),
        rows=tuple(rows),
        window_bytes=window.size_bytes,
        sweep_bytes_mean=float(sizes[0]),
        spread_bytes_mean=float(sizes[1]),
        pickups=len(draw.served),
    )


def _kept(network: Network, window: Window, pickup: int) -> tuple[int, int]:
    """How many bytes are kept of a pickup location: its sweep, and its spread."""
    sweep = sweep_to(network, window, pickup)
    departures = departures_of(window, np.zeros(len(network.timetable.trips)))
    spread = spread_over(window, sweep, departures, window.ride_arrival.astype(np.int64))
    return sweep.size_bytes, spread.size_bytes


def _arrays(question: Drawn, start: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    stops = np.array([stop for stop, _ in question.candidates], dtype=np.int32)
    ready = np.array([moment - start for _, moment in question.candidates], dtype=np.int32)
    return stops, ready


def _look_up(
    network: Network, question: Drawn, stops: npt.NDArray[np.int32], ready: npt.NDArray[np.int32]
) -> list[int]:
    """Return the arrivals in UTC epoch seconds, UNREACHED past the horizon."""
    window = window_for(network, question.requested, HORIZON_DAYS)
    sweep = sweep_to(network, window, question.pickup)
    found = fastest(stops, ready, window.slot_departure, window.segment_start, sweep.arrival, sweep.handlings)
    end = question.requested + HORIZON_DAYS * 86400
    return [UNREACHED if at == NEVER or at + window.start > end else at + window.start for at in found[0].tolist()]


def _look_up_ms(
    network: Network,
    questions: Sequence[Drawn],
    arrays: Sequence[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]],
    size: int,
) -> float:
    """Median over the requests, each the best of five look-ups: one look-up is near the clock's own grain."""
    medians = []
    for question, (stops, ready) in zip(questions, arrays, strict=True):
        window = window_for(network, question.requested, HORIZON_DAYS)
        sweep = sweep_to(network, window, question.pickup)
        some, when, best = stops[:size], ready[:size], 1.0
        columns = window.slot_departure, window.segment_start, sweep.arrival, sweep.handlings
        for _ in range(5):
            begun = time.perf_counter()
            fastest(some, when, *columns)
            best = min(best, time.perf_counter() - begun)
        medians.append(best)
    return statistics.median(medians) * 1000


def _decide_ms(network: Network, draw: Draw, answers: Sequence[list[int]], size: int) -> float:
    policy = Policy(horizon_days=HORIZON_DAYS)
    spent = []
    for question, answer in zip(draw.questions, answers, strict=True):
        asked, holdings = draw.ask(question, size)
        begun = time.perf_counter()
        decision = decide(asked, holdings, network, draw.register, policy)
        spent.append(time.perf_counter() - begun)
        expected = {
            draw.stop_ids[stop]: at for (stop, _), at in zip(question.candidates, answer[:size], strict=False)
        }
        said = [(entry.supplying_location, int(entry.arrives_at.timestamp())) for entry in decision.rota]
        assert all(expected[location] == at for location, at in said), _differs("decide", question)
        best = sorted(at for at in expected.values() if at != UNREACHED)[: asked.limit]
        assert [at for _, at in said] == best, _differs("decide", question)
    return statistics.median(spent) * 1000


def _promised_ms(network: Network, draw: Draw, order: RotaOrder, size: int) -> float:
    """As `_decide_ms`, once everything that is kept for a pickup location is there; suppliers answer by the prior."""
    policy, responses = Policy(horizon_days=HORIZON_DAYS, rota_order=order), unlearned()
    spent: list[float] = []
    for _ in range(2):
        spent.clear()
        for question in draw.questions:
            asked, holdings = draw.ask(question, size)
            begun = time.perf_counter()
            decision = decide(asked, holdings, network, draw.register, policy, responses)
            spent.append(time.perf_counter() - begun)
            assert all(entry.promise for entry in decision.rota), _differs("nothing is promised; this", question)
    return statistics.median(spent) * 1000


def _cold_ms(
    timetable: Timetable,
    questions: Sequence[Drawn],
    arrays: Sequence[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]],
    answers: Sequence[list[int]],
    size: int,
) -> float:
    """Sweep and look up, for each pickup location when nobody has asked for it yet (the window is there)."""
    network = compile_network(timetable)
    window_for(network, questions[0].requested, HORIZON_DAYS)
    spent = []
    seen: set[int] = set()
    for question, (stops, ready), answer in zip(questions, arrays, answers, strict=True):
        if question.pickup in seen:
            continue
        seen.add(question.pickup)
        begun = time.perf_counter()
        found = _look_up(network, question, stops[:size], ready[:size])
        spent.append(time.perf_counter() - begun)
        assert found == answer[:size], _differs("the cold sweep", question)
    return statistics.median(spent) * 1000


def _rival_ms(rival: Rival, questions: Sequence[Drawn], answers: Sequence[list[int]], size: int) -> float:
    spent = []
    for question, answer in zip(questions, answers, strict=True):
        begun = time.perf_counter()
        found = rival.arrivals(question.pickup, question.candidates[:size])
        spent.append(time.perf_counter() - begun)
        end = question.requested + HORIZON_DAYS * 86400
        within = [at if at <= end else UNREACHED for at in found]
        assert within == answer[:size], _differs(rival.name, question)
    return statistics.median(spent) * 1000


def _differs(who: str, question: Drawn) -> str:
    return f"{who} differs from the engine's look-up at {datetime.fromtimestamp(question.requested, UTC).isoformat()}"
