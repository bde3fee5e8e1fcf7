"""Measures a what-if: a month of loan requests of the whole country, replayed on two versions of its network."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import orjson

from app.database import open_database
from app.planning.replayer import Given, read_given
from app.planning.scenario import ScenarioShape
from app.planning.try_out import PROCESSES, Reach, replay_aside
from app.store.network_versions import find_active
from app.store.timetable import as_timetable
from routing import Holding, Question, compile_network, decide, replay
from routing.batch import Replay

TITLE = "\n## What-if\n"
REQUESTS = 130_000
SINCE, UNTIL = date(2026, 11, 1), date(2026, 12, 1)
SAMPLE = 2000
HORIZON_DAYS = 35


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured, in seconds of the clock and of the processors."""

    requests: int
    seconds: float
    cpu_seconds: float
    again_seconds: float
    same: bool
    told: int
    longest_silence: float
    legs: int
    decide_ms: float
    batch_ms: float
    load: float


def scenario_for(base: str, routes: list[str]) -> ScenarioShape:
    """Return a scenario that changes a little of everything."""
    return ScenarioShape.model_validate(
        {
            "name": "bench",
            "base": base,
            "changes": [
                {"kind": "drop_route", "route": routes[0]},
                {"kind": "frequency", "route": routes[1], "weekdays": ["Mo", "We", "Fr"]},
                {"kind": "hub_handling", "minutes": 90},
            ],
            "demand": {
                "kind": "generated",
                "since": SINCE.isoformat(),
                "until": UNTIL.isoformat(),
                "requests": REQUESTS,
                "seed": 1,
            },
        }
    )


async def _read(url: str) -> tuple[ScenarioShape, Given]:
    async with open_database(url, pool_size=2) as database, database.one_moment() as connection:
        base = await find_active(connection)
        assert base is not None
        rows = await connection.fetch(
            "select distinct r.id from timetable_route r join timetable_trip t"
            " on t.version = r.version and t.route = r.position join network_version v on v.number = r.version"
            " where v.id = $1 order by r.id limit 2",
            base,
        )
        scenario = scenario_for(base, [row["id"] for row in rows])
        return scenario, await read_given(connection, scenario, horizon_days=HORIZON_DAYS)


def measure(url: str, say: Callable[[str], None]) -> Figures:
    """Carry the scenario out as a worker does, twice, and a part of it decision by decision."""
    scenario, given = asyncio.run(_read(url))
    reach = Reach(url, HORIZON_DAYS)
    say("what-if: two versions, in processes of their own")
    (first, seconds, cpu, heard), (second, again, _, _) = (asyncio.run(_run(scenario, reach)) for _ in range(2))
    say("what-if: decision by decision")
    decide_ms, batch_ms = _beside(given)
    return Figures(
        requests=2 * first["summary"]["base"]["loan_requests"],
        seconds=seconds,
        cpu_seconds=cpu,
        again_seconds=again,
        same=_digest(first) == _digest(second),
        told=len(heard),
        longest_silence=max(np.diff(heard), default=seconds),
        legs=sum(first["summary"][side]["legs"] for side in ("base", "changed")),
        decide_ms=decide_ms,
        batch_ms=batch_ms,
        load=os.getloadavg()[0],
    )


async def _run(scenario: ScenarioShape, reach: Reach) -> tuple[dict[str, Any], float, float, list[float]]:
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    heard = [begun]
    result = await replay_aside(
        scenario.model_dump(mode="json"), reach, told=lambda done, total: heard.append(time.perf_counter())
    )
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    heard.append(time.perf_counter())
    spent = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return result, seconds, spent, heard


def _digest(result: object) -> str:
    return hashlib.sha256(orjson.dumps(result)).hexdigest()


def _beside(given: Given) -> tuple[float, float]:
    """Milliseconds of the processor for a decision: one by one by `decide`, and the whole demand as a batch."""
    plan, demand = given.plan, given.demand
    network = compile_network(as_timetable(plan.content, "base"))
    begun = time.process_time()
    found = replay(network, plan.register, plan.policy, demand.shelf, demand.asked)
    batch = (time.process_time() - begun) * 1000 / len(demand.asked.requested)
    # Those of a few counters, all of them, so that sweeps are shared as far as they can be.
    order = np.argsort(demand.asked.pickup, kind="stable")[:SAMPLE]
    questions = [_question(given, int(at)) for at in order]
    begun = time.process_time()
    rotas = [decide(asked, held, network, plan.register, plan.policy).rota for asked, held in questions]
    single = (time.process_time() - begun) * 1000 / len(questions)
    for at, rota in zip(order.tolist(), rotas, strict=True):
        assert _said(given, found, at) == (
            (rota[0].supplying_location, int(rota[0].arrives_at.timestamp())) if rota else None
        ), "the batch and the decision differ"
    return single, batch


def _question(given: Given, at: int) -> tuple[Question, list[Holding]]:
    asked, shelf = given.demand.asked, given.demand.shelf
    moment = datetime.fromtimestamp(int(asked.requested[at]), UTC)
    low, high = shelf.start[asked.title[at]], shelf.start[asked.title[at] + 1]
    held = [Holding(shelf.places[place], 1) for place in shelf.place[low:high].tolist()]
    return Question(pickup_location=shelf.places[asked.pickup[at]], requested_at=moment, limit=1), held


def _said(given: Given, found: Replay, at: int) -> tuple[str, int] | None:
    place = int(found.place[at])
    return None if place < 0 else (given.demand.shelf.places[place], int(found.arrival[at]))


def part(figures: Figures) -> str:
    """Write what the page says of it."""
    return f"""{TITLE}
A scenario as `POST /v1/scenarios` carries it out: {figures.requests // 2:,} generated loan requests of November 2026,
decided on the demonstration network and on one that is changed ({PROCESSES} processes; reading from the database,
generating, deciding and measuring included). At the end the load average was {figures.load:.0f} on {os.cpu_count()}
cores: the seconds of the processors say more than those of the clock.

| | |
|---|---:|
| decisions, both versions together | {figures.requests:,} |
| seconds (aim: 120) | {figures.seconds:.1f} |
| the same once more | {figures.again_seconds:.1f} |
| seconds of the processors | {figures.cpu_seconds:.1f} |
| both runs gave the same result, to the byte | {"yes" if figures.same else "no"} |
| progress told, times; longest silence in seconds | {figures.told}; {figures.longest_silence:.1f} |
| legs counted | {figures.legs:,} |
| ms of the processor for a decision, in the batch on one network | {figures.batch_ms:.4f} |
| ms for the same by `decide`, sorted by counter | {figures.decide_ms:.4f} |
| ratio | {figures.decide_ms / figures.batch_ms:.0f} × |

The batch includes every sweep; what one counter asks in a month shares one. Of {SAMPLE:,} loan requests the supplier
and the arrival were compared with what `decide` says, and found equal.
"""
