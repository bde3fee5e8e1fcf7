"""A process of its own that carries a scenario out: `python -m app.planning.replayer`, its task on standard input.

It reads everything itself and answers in frames: how far it is, and at the end the result. Whoever started it only
has to listen, so that neither an event loop nor a lease waits for arithmetic. Pickup locations are shared out over a
few processes, forked when everything is in memory; a location's loan requests stay together, as they share a sweep.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, time, timedelta
from multiprocessing.connection import Connection, wait
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from app.database import open_database
from app.embedded.leash import die_with_parent
from app.imports.parse import FRAME
from app.lending.burdens import BALANCE_DAYS, succeeded
from app.planning.alter import Place, Plan, altered
from app.planning.demand import Demand, generated, real
from app.planning.measure import Run, gaining, legs_beside, locations_beside, losing, measures, overfull
from app.planning.scenario import RealDemand, ScenarioShape
from app.store.burdens import read_net_loans
from app.store.demand import list_places, list_submitted, read_held
from app.store.network_versions import get_number
from app.store.policies import load_versions
from app.store.register import load_register
from app.store.standing import list_tariffs
from app.store.timetable import as_timetable, read_content
from routing import Asked, Burdens, Network, Policy, Replay, agree, compile_network, replay

SHOWN = 10  # losers and gainers in the summary
MOST_OVERFULL = 5000
TELL_EVERY = 500  # loan requests


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Everything that a scenario is worked out from."""

    scenario: ScenarioShape
    plan: Plan
    demand: Demand
    places: dict[str, Place]
    burdens: Burdens = field(default_factory=Burdens)


Told = Callable[[int, int], None]


# --- reading --------------------------------------------------------------------------------------


async def read_plan(connection: Any, scenario: ScenarioShape, *, horizon_days: int) -> tuple[Plan, dict[str, Place]]:
    """Read the network version, register and policies, and the tariff of the first day. Raises VersionUnknown."""
    assert scenario.base is not None
    content = await read_content(connection, await get_number(connection, scenario.base))
    register = await load_register(connection)
    policy = Policy(horizon_days=horizon_days)
    for valid_from, tariff in await list_tariffs(connection):  # the newest first
        policy = replace(policy, tariff=tariff)
        if valid_from <= scenario.demand.since:
            break
    places = {name: Place(*place) for name, place in (await list_places(connection)).items()}
    return Plan(content, register, policy, agreement=agree(await load_versions(connection))), places


async def read_given(connection: Any, scenario: ScenarioShape, *, horizon_days: int) -> Given:
    """Read everything; the connection is in a transaction, so that it is all of one moment."""
    plan, known = await read_plan(connection, scenario, horizon_days=horizon_days)
    ids, wanted, special = sorted(known), scenario.demand, sorted(plan.policy.special_materials)
    zone = ZoneInfo(plan.register.timezone)
    if isinstance(wanted, RealDemand):
        since, until = (datetime.combine(day, time(), zone) for day in (wanted.since, wanted.until))
        submitted = await list_submitted(connection, since, until)
        titles = sorted({title for one in submitted for title in one.titles})
        held = await read_held(connection, ids, special=special, titles=titles)
        demand = real(submitted, held, ids, frozenset(known))
    else:
        held = await read_held(connection, ids, special=special, titles=None)
        served = [stop.id for stop in plan.content.stops if stop.id in plan.register.locations]
        demand = generated(wanted, held, ids, counters=served, zone=zone)
    return Given(scenario, plan, demand, known, await _burdens(connection, plan, wanted.since))


async def _burdens(connection: Any, plan: Plan, since: date) -> Burdens:
    """Return the balances with which the first day begins; nothing of them where no policy weighs any."""
    if plan.agreement is None or not plan.agreement.weighs:
        return Burdens()
    first = datetime.combine(since, time(), ZoneInfo(plan.register.timezone))
    net = await read_net_loans(connection, since=first - timedelta(days=BALANCE_DAYS), until=first)
    return Burdens(succeeded(net, plan.register, first))


# --- working it out -------------------------------------------------------------------------------


def work_out(given: Given, *, processes: int, told: Told) -> dict[str, Any]:
    """Replay the demand on both plans, and measure. `told` hears how many decisions of how many are made."""
    scenario, demand = given.scenario, given.demand
    plans = given.plan, altered(given.plan, scenario.changes, given.places)
    networks = [
        compile_network(as_timetable(plan.content, name), cache_bytes=0)
        for plan, name in zip(plans, ("base", "changed"), strict=True)
    ]
    parts = shares(demand.asked, processes)
    found = _side_by_side(given, plans, networks, parts, told)
    base, changed = (
        Run(
            plan=plan,
            network=network,
            replay=whole,
            asked=demand.asked,
            copies=demand.copies,
            since=scenario.demand.since,
            until=scenario.demand.until,
            items_per_crate=scenario.items_per_crate,
        )
        for plan, network, whole in zip(plans, networks, found, strict=True)
    )
    locations = locations_beside(base, changed, demand.shelf.places, given.places)
    return {
        "summary": {
            "base": measures(base, given.places),
            "changed": measures(changed, given.places),
            "left_out": demand.left_out,
            **{f"{reach}_reachable": sum(row[-1] == reach for row in locations) for reach in ("no_longer", "newly")},
            "losers": losing(locations)[:SHOWN],
            "gainers": gaining(locations)[:SHOWN],
        },
        "legs": legs_beside(base, changed),
        "locations": locations,
        "overfull": [*overfull(base, "base", MOST_OVERFULL), *overfull(changed, "changed", MOST_OVERFULL)],
    }


def shares(asked: Asked, count: int) -> list[np.ndarray[Any, np.dtype[np.intp]]]:
    """Share loan requests out, those of a pickup location together: each goes to whoever has fewest so far."""
    pickups, sizes = np.unique(asked.pickup, return_counts=True)
    load, owner = [0] * count, np.zeros(int(pickups.max(initial=0)) + 1, dtype=np.int64)
    for at in np.argsort(-sizes, kind="stable").tolist():
        least = load.index(min(load))
        owner[pickups[at]] = least
        # A sweep costs about as much as hundreds of decisions that use it.
        load[least] += int(sizes[at]) + 300
    return [np.flatnonzero(owner[asked.pickup] == number) for number in range(count)]


def _side_by_side(
    given: Given, plans: Sequence[Plan], networks: Sequence[Network], parts: Sequence[Any], told: Told
) -> list[Replay]:
    """Decide each part in a process of its own, and put the parts together."""
    demand = given.demand
    fork = multiprocessing.get_context("fork")
    pipes, workers = [], []
    for part in parts:
        near, far = fork.Pipe(duplex=False)
        worker = fork.Process(target=_decide_part, args=(given, plans, networks, part, far, os.getpid()))
        worker.start()
        far.close()
        pipes.append(near)
        workers.append(worker)
    whole = len(plans) * len(demand.asked.requested)
    found: dict[Connection, list[Replay]] = {}
    done = dict.fromkeys(pipes, 0)
    while len(found) < len(pipes):
        for pipe in wait([pipe for pipe in pipes if pipe not in found]):
            assert isinstance(pipe, Connection)
            said = pipe.recv()  # EOFError: it was killed, and so is this
            if isinstance(said, int):
                done[pipe] = said
                told(sum(done.values()), whole)
            else:
                found[pipe] = said
    for worker in workers:
        worker.join()
    told(whole, whole)
    return [
        _together([found[pipe][side] for pipe in pipes], parts, len(demand.asked.requested))
        for side in range(len(plans))
    ]


def _decide_part(
    given: Given, plans: Sequence[Plan], networks: Sequence[Network], part: Any, pipe: Connection, parent: int
) -> None:
    die_with_parent(parent, signal.SIGKILL)
    demand = given.demand
    mine = Asked(**{each.name: getattr(demand.asked, each.name)[part] for each in fields(Asked)})
    every = demand.asked.requested
    span = (int(every.min(initial=2**40)), int(every.max(initial=0))) if len(every) else None
    found: list[Replay] = []
    told_at = 0

    def tell(done: int) -> None:
        nonlocal told_at
        done += len(part) * len(found)
        if done >= told_at + TELL_EVERY:
            told_at = done
            pipe.send(done)

    for plan, network in zip(plans, networks, strict=True):
        found.append(
            replay(
                network,
                plan.register,
                plan.policy,
                demand.shelf,
                mine,
                own_province_first=plan.own_province_first,
                agreement=plan.agreement,
                burdens=given.burdens,
                span=span,
                told=tell,
            )
        )
    pipe.send(found)
    pipe.close()


def _together(found: Sequence[Replay], parts: Sequence[Any], count: int) -> Replay:
    """One replay of several that share a window."""
    columns = {}
    for name in ("place", "arrival", "handlings", "cents"):
        columns[name] = np.zeros(count, dtype=getattr(found[0], name).dtype)
        for one, part in zip(found, parts, strict=True):
            columns[name][part] = getattr(one, name)
    request = np.concatenate([part[one.leg_request] for one, part in zip(found, parts, strict=True)])
    return Replay(
        window=found[0].window,
        **columns,
        leg_request=request.astype(np.int32),
        leg_first=np.concatenate([one.leg_first for one in found]),
        leg_last=np.concatenate([one.leg_last for one in found]),
    )


# --- the process ----------------------------------------------------------------------------------


async def _read(task: dict[str, Any]) -> Given:
    scenario = ScenarioShape.model_validate(task["scenario"])
    async with (
        open_database(task["database_url"], pool_size=1, statement_cache_size=0) as database,
        database.one_moment() as connection,
    ):
        return await read_given(connection, scenario, horizon_days=task["horizon_days"])


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Carry out the task that `source` holds, and answer on `target`."""
    task = orjson.loads(source.read())
    die_with_parent(task["parent"], signal.SIGKILL)

    def say(kind: bytes, document: Any) -> None:
        payload = orjson.dumps(document)
        target.write(FRAME.pack(kind, len(payload)) + payload)
        target.flush()

    given = asyncio.run(_read(task))
    result = work_out(given, processes=task["processes"], told=lambda done, whole: say(b"P", [done, whole]))
    say(b"R", result)


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
