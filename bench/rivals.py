"""What an engineer would reach for instead of our engine, each answering the same question: arrival per candidate.

All rivals start from the same dated connections, expanded here in plain Python so that nothing of the engine
is shared. Times are UTC epoch seconds; stops are positions in the timetable.
"""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import networkx as nx
import numpy as np
import rustworkx as rx
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from routing.model import Service, Timetable

UNREACHED = -1


class Connection(NamedTuple):
    """One ride between successive calls of one dated trip."""

    departure: int
    arrival: int
    start: int
    end: int
    ride: int  # which dated trip
    board: bool
    leave: bool


@dataclass(frozen=True, slots=True)
class World:
    """The dated connections of a period, in order of departure, and the handling seconds per transfer stop."""

    stops: int
    handling: dict[int, int]
    connections: tuple[Connection, ...]


class Rival(Protocol):
    """Answers the arrival at `pickup` for candidates that are ready at the given seconds; UNREACHED if never."""

    name: str

    def arrivals(self, pickup: int, candidates: Sequence[tuple[int, int]]) -> list[int]:
        """Return one arrival (UTC epoch seconds) per (stop, ready seconds)."""
        ...


def runs_on(service: Service, day: date) -> bool:
    """Say whether the service runs on that day."""
    if day in service.removed:
        return False
    return day in service.added or (service.start <= day <= service.end and service.weekdays[day.weekday()])


def expand(timetable: Timetable, first: date, days: int) -> World:
    """Expand the weekly patterns into the dated connections of `days` service days from `first` on."""
    calls: dict[int, list[tuple[int, int, int, bool, bool]]] = defaultdict(list)
    columns = timetable.stop_times
    rows = zip(
        columns.trip.tolist(), columns.stop.tolist(), columns.arrival.tolist(), columns.departure.tolist(),
        columns.pickup.tolist(), columns.drop_off.tolist(), strict=True,
    )  # fmt: skip
    for trip, stop, arrival, departure, pickup, drop_off in rows:
        calls[trip].append((stop, arrival, departure, pickup, drop_off))
    zone = ZoneInfo(timetable.timezone)
    connections: list[Connection] = []
    ride = 0
    for offset in range(days):
        day = first + timedelta(days=offset)
        noon = datetime.combine(day, time(12), tzinfo=zone).astimezone(UTC)
        midnight = int(noon.timestamp()) - 12 * 3600
        running = {index for index, service in enumerate(timetable.services) if runs_on(service, day)}
        for index, trip_ in enumerate(timetable.trips):
            if trip_.service not in running:
                continue
            stops = calls[index]
            for here, there in itertools.pairwise(stops):
                connections.append(
                    Connection(midnight + here[2], midnight + there[1], here[0], there[0], ride, here[3], there[4])
                )
            ride += 1
    connections.sort(key=lambda c: c.departure)  # stable: calls of one trip stay in order
    handling = {
        index: stop_.handling_seconds
        for index, stop_ in enumerate(timetable.stops)
        if stop_.handling_seconds is not None
    }
    return World(len(timetable.stops), handling, tuple(connections))


class PythonScan:
    """A backward profile connection scan in plain Python: one pass per pickup location answers every candidate.

    It takes each connection once, latest departure first, and so relies on rides that last at least a second.
    """

    name = "pure-Python connection scan"

    def __init__(self, world: World) -> None:
        self.world = world
        self.latest_first = tuple(reversed(world.connections))

    def arrivals(self, pickup: int, candidates: Sequence[tuple[int, int]]) -> list[int]:
        """Return one arrival per candidate."""
        handling = self.world.handling
        departures: list[list[int]] = [[] for _ in range(self.world.stops)]  # negated, so ascending
        best: list[list[int]] = [[] for _ in range(self.world.stops)]
        aboard: dict[int, int] = {}
        for departure, arrival, start, end, ride, board, leave in self.latest_first:
            reach = aboard.get(ride)
            if leave:
                if end == pickup and (reach is None or arrival < reach):
                    reach = arrival
                if end in handling and departures[end]:
                    later = self._look(departures[end], best[end], arrival + handling[end])
                    if later != UNREACHED and (reach is None or later < reach):
                        reach = later
            if reach is None:
                continue
            aboard[ride] = reach
            if board and (not best[start] or reach < best[start][-1]):
                departures[start].append(-departure)
                best[start].append(reach)
        return [self._look(departures[stop], best[stop], ready) for stop, ready in candidates]

    @staticmethod
    def _look(departures: list[int], best: list[int], ready: int) -> int:
        index = bisect.bisect_right(departures, -ready) - 1
        return best[index] if index >= 0 else UNREACHED


@dataclass(frozen=True, slots=True)
class TimeExpanded:
    """The time-expanded graph: a chain of waiting nodes per stop, a node per ride, a sink per stop.

    Node numbers: waiting nodes first, then rides (in connection order), then sinks (one per stop). Weights are
    elapsed seconds, so a shortest way is an earliest arrival.
    """

    world: World
    moments: tuple[tuple[int, ...], ...]  # per stop, the departures that can be boarded
    first_waiting: tuple[int, ...]
    node_count: int
    edges: tuple[tuple[int, int, int], ...]

    def source(self, stop: int, ready: int) -> int | None:
        """Return the waiting node of the first departure at or after `ready`, or None."""
        index = bisect.bisect_left(self.moments[stop], ready)
        return self.first_waiting[stop] + index if index < len(self.moments[stop]) else None

    def moment(self, stop: int, node: int) -> int:
        """Return the departure time of a waiting node."""
        return self.moments[stop][node - self.first_waiting[stop]]

    def sink(self, stop: int) -> int:
        """Return the node that stands for having arrived at a stop."""
        return self.node_count - self.world.stops + stop


def time_expanded(world: World) -> TimeExpanded:
    """Draw the time-expanded graph of a world as numbered nodes and weighted edges."""
    at_stop: list[set[int]] = [set() for _ in range(world.stops)]
    for connection in world.connections:
        if connection.board:
            at_stop[connection.start].add(connection.departure)
    moments = tuple(tuple(sorted(times)) for times in at_stop)
    first_waiting, count = [], 0
    for times in moments:
        first_waiting.append(count)
        count += len(times)
    rides = count
    node_count = rides + len(world.connections) + world.stops
    graph = TimeExpanded(world, moments, tuple(first_waiting), node_count, ())
    edges: list[tuple[int, int, int]] = []
    for stop, times in enumerate(moments):
        for index, (here, there) in enumerate(itertools.pairwise(times)):
            edges.append((first_waiting[stop] + index, first_waiting[stop] + index + 1, there - here))
    latest: dict[int, int] = {}
    for index, c in enumerate(world.connections):
        node = rides + index
        if c.board:
            waiting = graph.source(c.start, c.departure)
            assert waiting is not None
            edges.append((waiting, node, 0))
        if c.ride in latest:
            before = latest[c.ride]
            edges.append((rides + before, node, c.departure - world.connections[before].departure))
        latest[c.ride] = index
        if c.leave:
            edges.append((node, graph.sink(c.end), c.arrival - c.departure))
            if c.end in world.handling:
                onward = graph.source(c.end, c.arrival + world.handling[c.end])
                if onward is not None:
                    edges.append((node, onward, graph.moment(c.end, onward) - c.departure))
    return TimeExpanded(world, moments, tuple(first_waiting), node_count, tuple(edges))


class _PerCandidate:
    """One search forward per candidate, ended as soon as the pickup location is reached."""

    def __init__(self, graph: TimeExpanded) -> None:
        self.expanded = graph

    def arrivals(self, pickup: int, candidates: Sequence[tuple[int, int]]) -> list[int]:
        """Return one arrival per candidate."""
        target = self.expanded.sink(pickup)
        answers = []
        for stop, ready in candidates:
            source = self.expanded.source(stop, ready)
            elapsed = None if source is None else self._elapsed(source, target)
            if source is None or elapsed is None:
                answers.append(UNREACHED)
            else:
                answers.append(self.expanded.moment(stop, source) + elapsed)
        return answers

    def _elapsed(self, source: int, target: int) -> int | None:
        raise NotImplementedError


class NetworkxPerCandidate(_PerCandidate):
    """networkx, Dijkstra on the time-expanded graph, candidate by candidate."""

    name = "networkx, time-expanded, per candidate"

    def __init__(self, graph: TimeExpanded) -> None:
        super().__init__(graph)
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(range(graph.node_count))
        self.graph.add_weighted_edges_from(graph.edges)

    def _elapsed(self, source: int, target: int) -> int | None:
        try:
            return int(nx.dijkstra_path_length(self.graph, source, target))
        except nx.NetworkXNoPath:
            return None


class RustworkxPerCandidate(_PerCandidate):
    """rustworkx, Dijkstra on the time-expanded graph, candidate by candidate."""

    name = "rustworkx, time-expanded, per candidate"

    def __init__(self, graph: TimeExpanded) -> None:
        super().__init__(graph)
        self.graph = rx.PyDiGraph(multigraph=False)
        self.graph.add_nodes_from(range(graph.node_count))
        self.graph.extend_from_weighted_edge_list(list(graph.edges))

    def _elapsed(self, source: int, target: int) -> int | None:
        lengths = rx.dijkstra_shortest_path_lengths(self.graph, source, float, goal=target)
        return int(lengths[target]) if target in lengths else None


class ScipyReverse:
    """scipy csgraph, one Dijkstra backwards from the pickup location over the time-expanded graph."""

    name = "scipy csgraph, reverse"

    def __init__(self, graph: TimeExpanded) -> None:
        self.expanded = graph
        table = np.asarray(graph.edges, dtype=np.int64)
        # scipy takes a stored zero for no edge: a microsecond, rounded off again, keeps such edges.
        weights = np.where(table[:, 2] == 0, 1e-6, table[:, 2].astype(np.float64))
        shape = (graph.node_count, graph.node_count)
        self.backwards: Any = csr_matrix((weights, (table[:, 1], table[:, 0])), shape=shape)

    def arrivals(self, pickup: int, candidates: Sequence[tuple[int, int]]) -> list[int]:
        """Return one arrival per candidate."""
        elapsed = dijkstra(self.backwards, indices=self.expanded.sink(pickup))
        answers = []
        for stop, ready in candidates:
            source = self.expanded.source(stop, ready)
            if source is None or not np.isfinite(elapsed[source]):
                answers.append(UNREACHED)
            else:
                answers.append(self.expanded.moment(stop, source) + round(float(elapsed[source])))
        return answers
