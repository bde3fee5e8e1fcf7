"""What the network hangs on: stops cut off from it, and hubs or routes that nothing can stand in for.

Times do not count here, only whether a ride exists on some day: an item that can get there at all gets there.
The graph has a node per stop and an edge wherever one ride leads from a stop where items get on to one where
they get off, labelled with the routes that drive it. Items pass *through* hubs only (stops where trips can be
changed), so ways of many rides are ways through the graph of hubs.

The *main body* is the largest set of hubs that all reach each other, with every stop that can send an item to
it and every stop that it can send an item to. Where there is no hub, it is all stops that one ride joins, and
nothing is said of single points.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from routing.model import Period, Register
from routing.network import Network

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, slots=True)
class SinglePoint:
    """A hub or route (`kind`) without which stops are cut off from the main body, to or from; itself not counted."""

    kind: str
    id: str
    operator: str | None
    cut_off: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a network over a period; stops and routes by id, in order.

    `not_reached` cannot get an item from the main body, `not_sending` cannot get one to it; a stop that no van
    calls at is in both, and so is a location that is no stop at all (see `with_unserved`). Single points come with
    the most stops cut off first.
    """

    network_version: str
    first_day: date | None
    last_day: date | None
    stops: int
    hubs: int
    routes: int
    main_hubs: tuple[str, ...]
    not_reached: tuple[str, ...]
    not_sending: tuple[str, ...]
    single_points: tuple[SinglePoint, ...]


@dataclass(frozen=True, slots=True)
class _Body:
    """The main body: its hubs, and the stops that reach them and that they reach."""

    hubs: frozenset[int]
    sending: frozenset[int]
    reached: frozenset[int]


def examine(network: Network, *, since: date | None = None, until: date | None = None) -> Health:
    """Look at the trips that drive on some day from `since` to `until`, both included; None is the calendar's end."""
    days = network.days
    first = days.first if since is None else max(since.toordinal(), days.first)
    last = days.last if until is None else min(until.toordinal(), days.last)
    graph, routes = _graph(network, first, last)
    hubs = frozenset(np.flatnonzero(network.handling >= 0).tolist())
    body = _main_body(graph, hubs) if hubs else _joined(graph)
    stops = network.timetable.stops
    everyone = range(len(stops))
    return Health(
        network_version=network.version,
        first_day=date.fromordinal(first) if first <= last else None,
        last_day=date.fromordinal(last) if first <= last else None,
        stops=len(stops),
        hubs=len(hubs),
        routes=len(routes),
        main_hubs=_names(network, body.hubs),
        not_reached=_names(network, set(everyone) - body.reached),
        not_sending=_names(network, set(everyone) - body.sending),
        single_points=tuple(
            sorted(_single_points(network, graph, routes, hubs, body), key=lambda p: (-len(p.cut_off), p.kind, p.id))
        ),
    )


def with_unserved(health: Health, network: Network, register: Register) -> Health:
    """The same, with the registered locations that no van ever calls at among those that are cut off.

    A location counts that is valid at some moment of the days looked at.
    """
    zone = ZoneInfo(register.timezone)
    begin = end = None
    if health.first_day is not None and health.last_day is not None:
        begin = datetime.combine(health.first_day, time(), zone)
        end = datetime.combine(health.last_day + timedelta(days=1), time(), zone)
    unserved = {
        location.id
        for location in register.locations.values()
        if location.id not in network.stop_positions and _overlaps(location.valid, begin, end)
    }
    if not unserved:
        return health
    return replace(
        health,
        not_reached=tuple(sorted(unserved.union(health.not_reached))),
        not_sending=tuple(sorted(unserved.union(health.not_sending))),
    )


def _overlaps(period: Period, begin: datetime | None, end: datetime | None) -> bool:
    return (period.since is None or end is None or period.since < end) and (
        period.until is None or begin is None or begin < period.until
    )


def _graph(network: Network, first: int, last: int) -> tuple[nx.DiGraph, set[int]]:
    """The graph of single rides, each edge with its set of `routes`; and the routes that drive at all."""
    timetable, rides = network.timetable, network.rides
    graph = _networkx().DiGraph()
    graph.add_nodes_from(range(len(timetable.stops)))
    routes: set[int] = set()
    if first > last:
        return graph, routes
    driven = network.days.driven_between(first, last)
    patterns: set[tuple[int, tuple[tuple[int, int, bool, bool], ...]]] = set()
    columns = list(
        zip(
            rides.from_stop.tolist(),
            rides.to_stop.tolist(),
            rides.boards.tolist(),
            rides.leaves.tolist(),
            strict=True,
        )
    )
    for position, trip in enumerate(timetable.trips):
        if driven[trip.service]:
            begin = int(rides.first_of_trip[position])
            patterns.add((trip.route, tuple(columns[begin : begin + int(rides.count_of_trip[position])])))
    for route, pattern in patterns:
        routes.add(route)
        for start, end in _pairs(pattern):
            if graph.has_edge(start, end):
                graph.edges[start, end]["routes"].add(route)
            else:
                graph.add_edge(start, end, routes={route})
    return graph, routes


def _pairs(pattern: tuple[tuple[int, int, bool, bool], ...]) -> Iterator[tuple[int, int]]:
    """The stops that one trip joins: where items get on, and where they get off later."""
    aboard: set[int] = set()
    for start, end, boards, leaves in pattern:
        if boards:
            aboard.add(start)
        if leaves:
            yield from ((stop, end) for stop in aboard if stop != end)


def _joined(graph: nx.DiGraph) -> _Body:
    """What one ride joins."""
    return _Body(
        hubs=frozenset(),
        sending=frozenset(stop for stop, rides in graph.out_degree if rides),
        reached=frozenset(stop for stop, rides in graph.in_degree if rides),
    )


def _main_body(graph: nx.DiGraph, hubs: frozenset[int]) -> _Body:
    """The largest set of hubs that reach each other; of equals the one that serves most, then the first stops."""
    bodies = _bodies(graph, hubs, hubs)
    size = max(len(body.hubs) for body in bodies)
    largest = [body for body in bodies if len(body.hubs) == size]
    return max(largest, key=lambda body: (len(body.sending) + len(body.reached), -min(body.hubs)))


def _bodies(graph: nx.DiGraph, hubs: frozenset[int], among: frozenset[int]) -> list[_Body]:
    """Each set of hubs that reach each other, with what it serves; only sets that have some of `among`."""
    nx = _networkx()
    through = graph.subgraph(hubs).copy()
    bodies = []
    for core in nx.strongly_connected_components(through):
        if core.isdisjoint(among):
            continue
        one = min(core)
        upstream = nx.ancestors(through, one) | {one}
        downstream = nx.descendants(through, one) | {one}
        sending = upstream.union(*(graph.predecessors(hub) for hub in upstream))
        reached = downstream.union(*(graph.successors(hub) for hub in downstream))
        bodies.append(_Body(frozenset(core), frozenset(sending), frozenset(reached)))
    return bodies


def _lost(body: _Body, graph: nx.DiGraph, hubs: frozenset[int]) -> frozenset[int]:
    """What the main body loses in a poorer graph: all that no longer hangs on its greatest remaining piece."""
    pieces = _bodies(graph, hubs, body.hubs)
    losses = [(body.sending - piece.sending) | (body.reached - piece.reached) for piece in pieces]
    return min(losses, key=lambda lost: (len(lost), sorted(lost)), default=body.sending | body.reached)


def _single_points(
    network: Network, graph: nx.DiGraph, routes: set[int], hubs: frozenset[int], body: _Body
) -> Iterator[SinglePoint]:
    if not body.hubs:
        return
    timetable = network.timetable
    for hub in sorted(_bottlenecks(graph, hubs, body)):
        without = graph.copy()
        without.remove_node(hub)
        cut_off = _lost(body, without, hubs - {hub}) - {hub}
        if cut_off:
            yield SinglePoint("hub", timetable.stops[hub].id, None, _names(network, cut_off))
    only: dict[int, list[tuple[int, int]]] = {}
    for start, end, driving in graph.edges(data="routes"):
        if len(driving) == 1:
            only.setdefault(next(iter(driving)), []).append((start, end))
    for route in sorted(routes & only.keys()):
        graph.remove_edges_from(only[route])
        cut_off = _lost(body, graph, hubs)
        graph.add_edges_from(only[route], routes={route})
        if cut_off:
            named = timetable.routes[route]
            yield SinglePoint("route", named.id, named.operator, _names(network, cut_off))


def _bottlenecks(graph: nx.DiGraph, hubs: frozenset[int], body: _Body) -> set[int]:
    """The hubs that may be single points: seen from one hub of the main body, every way to some stop or back
    from it leads through them (they dominate it). That one hub itself is always among them.
    """
    nx = _networkx()
    root = min(body.hubs)
    found = {root}
    for directed in (graph, graph.reverse(copy=False)):
        onward = nx.DiGraph()
        onward.add_node(root)
        onward.add_edges_from((start, end) for start, end in directed.edges if start in hubs)
        found |= {gate for gate in nx.immediate_dominators(onward, root).values() if gate is not None}
    return found


def _networkx() -> Any:
    """Load it where it is needed: that takes a tenth of the start of a service, of which few look at this."""
    return import_module("networkx")


def _names(network: Network, stops: Iterable[int]) -> tuple[str, ...]:
    return tuple(network.timetable.stops[stop].id for stop in sorted(stops))
