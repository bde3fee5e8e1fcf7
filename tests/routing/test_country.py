"""A network of realistic size: right by the oracle, and within the memory it was given."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from routing import Holding, Location, Policy, Question, Register, Stop, Timetable, compile_network, decide
from routing.network import Network
from tests.support.country import country
from tests.support.oracle import earliest_arrival
from tests.support.worlds import AMSTERDAM, drawn

COUNTRY = country()
EVERY_STOP_A_HUB = replace(COUNTRY, stops=tuple(Stop(stop.id, 600) for stop in COUNTRY.stops))


@pytest.mark.parametrize(("timetable", "seed"), [(COUNTRY, 1), (EVERY_STOP_A_HUB, 2)])
def test_the_fastest_as_a_plain_scan_finds_it(timetable: Timetable, seed: int) -> None:
    draw = random.Random(seed)
    network = compile_network(timetable)
    reached = 0
    for _ in range(12):
        start, to = draw.sample([stop.id for stop in timetable.stops], 2)
        asked_at = datetime(2026, 3, 23, tzinfo=AMSTERDAM) + timedelta(seconds=draw.randrange(10 * 86_400))
        expected = earliest_arrival(timetable, start, to, asked_at, asked_at + timedelta(days=4))
        found = decide(
            Question(pickup_location=to, requested_at=asked_at),
            [Holding(start, 1)],
            network,
            Register({}, {to: Location(to)}),
            Policy(horizon_days=4),
        )
        if expected is None:
            assert not found.rota
            continue
        reached += 1
        (entry,) = found.rota
        assert (entry.arrives_at, entry.handlings, entry.legs[0].departs_at) == (
            expected.arrives_at,
            expected.handlings,
            expected.departs_at,
        )
    assert reached >= 6


def ask_everywhere(network: Network, stops: int) -> None:
    for stop in network.timetable.stops[:stops]:
        decide(
            Question(pickup_location=stop.id, requested_at=datetime(2026, 9, 1, 12, tzinfo=AMSTERDAM)),
            [Holding("BRANCH7", 1)],
            network,
            Register({}, {stop.id: Location(stop.id)}),
            Policy(),
        )


def test_what_is_kept_stays_within_its_bytes() -> None:
    network = compile_network(COUNTRY, cache_bytes=4 * 2**20)
    ask_everywhere(network, 60)
    assert 3 * 2**20 < network.cache.used_bytes <= 4 * 2**20


def test_a_pickup_stop_costs_less_than_a_quarter_of_a_megabyte() -> None:
    network = compile_network(COUNTRY)
    ask_everywhere(network, 1)
    before = network.cache.used_bytes
    ask_everywhere(network, 41)
    assert (network.cache.used_bytes - before) / 40 < 250_000


def test_more_handlings_than_the_sweep_makes_room_for_at_first() -> None:
    """A chain of twenty hubs, one van between each two."""
    hubs = "\n".join(f"hub H{i} 1m" for i in range(1, 20))
    vans = "\n".join(
        f"R{i}/{i} daily  H{i} {i // 2:02}:{i % 2 * 30:02}  H{i + 1} {i // 2:02}:{i % 2 * 30 + 20:02}"
        for i in range(20)
    )
    decision = decide(
        Question(pickup_location="H20", requested_at=datetime(2026, 11, 24, tzinfo=AMSTERDAM), limit=20),
        [Holding(f"H{i}", 1) for i in range(20)],
        compile_network(drawn(f"{hubs}\n{vans}")),
        Register({}, {"H20": Location("H20")}),
        Policy(),
    )
    chain = [(entry.supplying_location, entry.handlings, len(entry.legs)) for entry in decision.rota]
    assert chain == [(f"H{i}", 19 - i, 20 - i) for i in reversed(range(20))]
    assert {entry.arrives_at for entry in decision.rota} == {datetime(2026, 11, 24, 9, 50, tzinfo=AMSTERDAM)}


def test_a_timetable_without_trips() -> None:
    empty = drawn("hub H 1m")
    decision = decide(
        Question(pickup_location="H", requested_at=datetime(2026, 11, 24, tzinfo=AMSTERDAM)),
        [Holding("A", 1), Holding("H", 1)],
        compile_network(empty),
        Register({}, {"H": Location("H")}),
        Policy(),
    )
    assert [entry.supplying_location for entry in decision.rota] == ["H"]
