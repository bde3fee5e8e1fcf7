"""A small country drawn as text: two provinces, a hub in each, and a line-haul between them by night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np

from app.planning.alter import Place, Plan, altered
from app.planning.demand import Demand
from app.planning.measure import Run
from app.planning.scenario import ScenarioShape
from app.store.timetable import Content, as_timetable
from routing import UNBOUNDED, Agency, Asked, Holding, Location, Policy, Register, compile_network, replay, shelve
from tests.support.filled import content_of
from tests.support.worlds import AMSTERDAM, DAY_NAMES, drawn

COUNTRY = """
    hub HN 10m
    hub HZ 10m
    N/n-fetch  Mo-Fr  north 09:00  HN 10:00
    N/n-bring  Mo-Fr  HN 15:00  desk 16:00
    L/l-down   Mo-Fr  HN 21:00  HZ 23:00
    L/l-up     Mo-Fr  HZ 21:00  HN 23:00
    Z/z-fetch  Mo-Fr  south 09:00  HZ 10:00
    Z/z-bring  Mo-Fr  HZ 15:00  south 16:00
"""
PLACES = {
    "desk": Place("Desk", 53.0, 6.5),
    "north": Place("North", 53.0, 6.6),
    "HN": Place("Hub of the north", 53.0, 6.55),
    "HZ": Place("Hub of the south", 51.5, 5.0),
    "south": Place("South", 51.4, 5.0),
    "elsewhere": Place("Elsewhere", 52.0, 5.5),
}
REGISTER = Register(
    {"A": Agency("A", province="DR", poi="NOORD"), "B": Agency("B", province="NB", poi="ZUID")},
    {
        name: Location(name, agency={"desk": "A", "north": "A", "south": "B"}.get(name))
        for name in ("desk", "north", "south", "HN", "HZ", "elsewhere")
    },
)
MONDAY, NEXT_MONDAY = date(2026, 11, 23), date(2026, 11, 30)


def plan_of(text: str = COUNTRY, **policy: Any) -> Plan:
    """What is drawn, as a plan."""
    return Plan(content_of(drawn(text)), REGISTER, replace(Policy(), **policy))


def changed(plan: Plan, *changes: dict[str, Any]) -> Plan:
    """A plan after changes, which are written as they are sent."""
    demand = {"kind": "real", "since": "2026-11-23", "until": "2026-11-30"}
    asked = ScenarioShape.model_validate({"name": "drawn", "changes": list(changes), "demand": demand})
    return altered(plan, asked.changes, PLACES)


def told(plan: Plan | Content) -> list[str]:
    """A network as lines, in the order of its trips: `N/n-fetch Mo,Tu,We,Th,Fr north 09:00 HN 10:00`; hubs first."""
    content = plan.content if isinstance(plan, Plan) else plan
    hubs = [f"hub {s.id} {s.handling_seconds // 60}m" for s in content.stops if s.handling_seconds is not None]
    lines = []
    for at, trip in enumerate(content.trips):
        days = content.services[trip.service].weekdays
        own = np.flatnonzero(content.calls.trip == at)
        calls = [f"{content.stops[content.calls.stop[c]].id} {_clock(int(content.calls.arrival[c]))}" for c in own]
        named = ",".join(name for name, driven in zip(DAY_NAMES, days, strict=True) if driven)
        lines.append(f"{content.routes[trip.route].id}/{trip.id} {named} {' '.join(calls)}")
    return [*hubs, *lines]


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}"


def demand_of(rows: Sequence[tuple[str, str, str]]) -> Demand:
    """Demand drawn as rows: "Mo 10:00" (from MONDAY on), the pickup location, and who holds the title, by comma."""
    shelf = shelve([[Holding(name, 1) for name in held.split(",")] for _, _, held in rows], PLACES, Policy())
    copies = np.zeros(len(shelf.places), dtype=np.int64)
    for name in {name for _, _, held in rows for name in held.split(",")}:
        copies[shelf.places.index(name)] = 1
    never = np.full(len(rows), UNBOUNDED, dtype=np.int64)
    asked = Asked(
        pickup=np.array([shelf.places.index(pickup) for _, pickup, _ in rows], dtype=np.int32),
        title=np.arange(len(rows), dtype=np.int32),
        requested=np.array([_moment(when) for when, _, _ in rows], dtype=np.int64),
        need_before=never,
        most_cents=never,
    )
    return Demand(asked, shelf, copies, 0)


def _moment(text: str) -> int:
    day, clock = text.split()
    at = MONDAY.day + DAY_NAMES.index(day)
    return int(datetime.fromisoformat(f"2026-11-{at} {clock}").replace(tzinfo=AMSTERDAM).timestamp())


def run_of(plan: Plan, demand: Demand, *, items_per_crate: int = 20) -> Run:
    """A plan, and what is decided on it in the week."""
    network = compile_network(as_timetable(plan.content, "drawn"))
    found = replay(
        network,
        plan.register,
        plan.policy,
        demand.shelf,
        demand.asked,
        own_province_first=plan.own_province_first,
    )
    return Run(plan, network, found, demand.asked, demand.copies, MONDAY, NEXT_MONDAY, items_per_crate)
