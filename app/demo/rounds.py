"""Lays van rounds: which branches ride together, in which order, and how long the drive takes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from app.demo.organisations import Location, distance_km

FEWEST_STOPS, MEAN_STOPS, MOST_STOPS = 5, 8, 12
DETOUR = 1.25  # roads against the crow's flight

Point = tuple[float, float]


def drive_minutes(here: Point, there: Point) -> int:
    """Return whole minutes by van: faster the longer the drive, never under three."""
    kilometres = DETOUR * distance_km(*here, *there)
    return max(3, math.ceil(60 * kilometres / (30 + min(45.0, kilometres))))


def lay_rounds(hub: Point, locations: list[Location], rng: np.random.Generator) -> list[list[Location]]:
    """Split locations into compact rounds of FEWEST_STOPS to MOST_STOPS, each in the order it is driven from the hub.

    Begins each round at the location farthest from the hub and fills it with its nearest neighbours.
    """
    left = sorted(locations, key=lambda location: (-distance_km(*hub, location.lat, location.lon), location.id))
    rounds = []
    for size in _sizes(len(left), rng):
        first = left[0]
        near = sorted(left, key=lambda other: (distance_km(first.lat, first.lon, other.lat, other.lon), other.id))
        members = near[:size]
        chosen = {member.id for member in members}
        left = [location for location in left if location.id not in chosen]
        rounds.append(_in_driving_order(hub, members))
    return rounds


def _sizes(total: int, rng: np.random.Generator) -> list[int]:
    """Draw round sizes that add up to `total`, around MEAN_STOPS and within the bounds."""
    count = max(1, math.ceil(total / MEAN_STOPS))
    sizes = [total // count + (index < total % count) for index in range(count)]
    for _ in range(3 * count):
        giver, taker = (int(index) for index in rng.integers(count, size=2))
        if giver != taker and sizes[giver] > FEWEST_STOPS and sizes[taker] < MOST_STOPS:
            sizes[giver] -= 1
            sizes[taker] += 1
    return sizes


def _in_driving_order(hub: Point, members: list[Location]) -> list[Location]:
    """Order a round trip from the hub: nearest neighbour first, then undo crossings (2-opt)."""
    points = np.array([hub, *((member.lat, member.lon * math.cos(math.radians(52.1))) for member in members)])
    points[0, 1] *= math.cos(math.radians(52.1))
    far = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1))
    tour, rest = [0], set(range(1, len(points)))
    while rest:
        nearest = min(rest, key=lambda index: (far[tour[-1], index], index))
        tour.append(nearest)
        rest.remove(nearest)
    return [members[index - 1] for index in _without_crossings(tour, far)[1:]]


def _without_crossings(tour: list[int], far: npt.NDArray[np.float64]) -> list[int]:
    improved = True
    while improved:
        improved = False
        for start in range(1, len(tour) - 1):
            for end in range(start + 1, len(tour)):
                after = tour[(end + 1) % len(tour)]
                before = tour[start - 1]
                old = far[before, tour[start]] + far[tour[end], after]
                new = far[before, tour[end]] + far[tour[start], after]
                if new < old - 1e-9:
                    tour[start : end + 1] = reversed(tour[start : end + 1])
                    improved = True
    return tour
