"""A batch decides as `decide` does, in random worlds: who supplies, when, at what cost, by which rides."""

from __future__ import annotations

from dataclasses import replace as but
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from routing import (
    UNBOUNDED,
    Asked,
    Asking,
    Burdens,
    Central,
    Circle,
    Lending,
    Objective,
    Question,
    Register,
    Replay,
    Shelf,
    Version,
    agree,
    compile_network,
    decide,
    policy_on,
    replay,
    shelve,
    standing_of,
)
from routing.model import Agency, Holding, Leg, Location, Period, Policy
from routing.network import Network
from routing.screening import day_of
from tests.support.worlds import World, drawn, worlds

NOON = datetime(2026, 11, 24, 11, tzinfo=UTC)


def asked_of(shelf: Shelf, rows: list[tuple[str, int, datetime, datetime | None, int | None]]) -> Asked:
    """Columns from rows of pickup location, title, moment, need before, most cents."""
    return Asked(
        pickup=np.array([shelf.places.index(pickup) for pickup, *_ in rows], dtype=np.int32),
        title=np.array([title for _, title, *_ in rows], dtype=np.int32),
        requested=np.array([int(at.timestamp()) for _, _, at, _, _ in rows], dtype=np.int64),
        need_before=np.array(
            [UNBOUNDED if need is None else int(need.timestamp()) for *_, need, _ in rows], dtype=np.int64
        ),
        most_cents=np.array([UNBOUNDED if most is None else most for *_, most in rows], dtype=np.int64),
    )


def seen(network: Network, shelf: Shelf, found: Replay, at: int) -> tuple[object, ...] | None:
    """What a batch says of one loan request, in the words of `decide`."""
    if found.place[at] < 0:
        return None
    legs = np.flatnonzero(found.leg_request == at)
    return (
        shelf.places[found.place[at]],
        int(found.arrival[at]),
        int(found.handlings[at]),
        int(found.cents[at]),
        [leg_of(network, found, int(leg)) for leg in legs],
    )


def leg_of(network: Network, found: Replay, leg: int) -> tuple[object, ...]:
    window, table = found.window, network.timetable
    first, last = int(found.leg_first[leg]), int(found.leg_last[leg])
    return (
        table.trips[window.ride_trip[first]].id,
        int(window.ride_day[first]),
        table.stops[window.ride_from[first]].id,
        table.stops[window.ride_to[last]].id,
        window.start + int(window.ride_departure[first]),
        window.start + int(window.ride_arrival[last]),
    )


def decided(
    network: Network,
    register: Register,
    policy: Policy,
    question: Question,
    held: list[Holding],
    burdens: Burdens | None = None,
) -> object:
    rota = decide(but(question, limit=1), held, network, register, policy, burdens=burdens).rota
    if not rota:
        return None
    entry = rota[0]
    legs = [as_numbers(leg) for leg in entry.legs]
    return entry.supplying_location, int(entry.arrives_at.timestamp()), entry.handlings, entry.cost_cents, legs


def as_numbers(leg: Leg) -> tuple[object, ...]:
    departs, arrives = int(leg.departs_at.timestamp()), int(leg.arrives_at.timestamp())
    return leg.trip_id, leg.service_date.toordinal(), leg.from_location, leg.to_location, departs, arrives


def unsettled(world: World, chance: Random) -> Register:
    """The world's register, in which some come, go, stand still, merge, or lend to nobody else."""

    def period() -> Period:
        ends = [world.requested_at + timedelta(hours=chance.randrange(-60, 60)) for _ in range(2)]
        return Period(*(end if chance.random() < 0.6 else None for end in sorted(ends)))

    def changed(one: Agency) -> Agency:
        return but(
            one,
            valid=period() if chance.random() < 0.3 else one.valid,
            successor=chance.choice("ABCDE") if chance.random() < 0.5 else None,
            suspensions=(period(),) if chance.random() < 0.2 else (),
            supplies=chance.random() < 0.8,
        )

    return but(
        world.register,
        agencies={isil: changed(agency) for isil, agency in world.register.agencies.items()},
        locations={
            name: but(one, valid=period(), suspensions=(period(),)) if chance.random() < 0.2 else one
            for name, one in world.register.locations.items()
        },
    )


@pytest.mark.parametrize("objective", list(Objective))
def test_a_batch_decides_as_decide_does(objective: Objective) -> None:
    rides = 0

    @seed(44)
    @settings(max_examples=120, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(world=worlds(), luck=st.integers(0, 2**32))
    def check(world: World, luck: int) -> None:
        nonlocal rides
        chance = Random(luck)
        register = unsettled(world, chance) if luck % 2 else world.register
        policy = but(world.policy, objective=objective)
        titles = [
            [
                but_holding(holding, chance)
                for holding in world.holdings * chance.choice((1, 1, 2))
                if chance.random() < 0.7
            ]
            for _ in range(3)
        ]
        known = list(register.locations)
        rows = [
            (
                chance.choice((world.pickup, *known)),
                chance.randrange(3),
                world.requested_at + timedelta(seconds=chance.choice((0, 0, -60, 3600, 86400, 90000))),
                world.requested_at + timedelta(hours=chance.randrange(100)) if chance.random() < 0.2 else None,
                chance.choice((None, None, None, 0, 700)),
            )
            for _ in range(12)
        ]
        network = compile_network(world.timetable)
        shelf = shelve(titles, [*known, *(holding.location for holding in world.holdings)], policy)
        found = replay(network, register, policy, shelf, asked_of(shelf, rows))
        for at, (pickup, title, moment, need, most) in enumerate(rows):
            question = Question(pickup_location=pickup, requested_at=moment, need_before=need, max_cost_cents=most)
            expected = decided(network, register, policy, question, titles[title])
            assert seen(network, shelf, found, at) == expected
        rides += len(found.leg_request)

    check()
    assert rides > 200


@pytest.mark.parametrize("objective", list(Objective))
def test_a_batch_goes_by_the_policies_as_decide_does(objective: Objective) -> None:
    found_nobody = found_somebody = 0

    @seed(6)
    @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(world=worlds(), luck=st.integers(0, 2**32))
    def check(world: World, luck: int) -> None:
        nonlocal found_nobody, found_somebody
        chance = Random(luck)
        register = unsettled(world, chance) if luck % 2 else world.register
        policy = but(world.policy, objective=objective)
        today = world.requested_at.date()
        agreement = agree(drawn_version(chance, number, today) for number in range(1, chance.randrange(2, 7)))
        titles = [
            [
                but_holding(holding, chance)._replace(
                    material=chance.choice(("book", "book", "game", "daisy")),
                    added_on=chance.choice((None, today, today - timedelta(days=chance.randrange(8)))),
                )
                for holding in world.holdings * chance.choice((1, 1, 2))
            ]
            for _ in range(3)
        ]
        known = list(register.locations)
        rows: list[tuple[str, int, datetime, datetime | None, int | None]] = [
            (
                chance.choice((world.pickup, *known)),
                chance.randrange(3),
                world.requested_at + timedelta(seconds=chance.choice((0, 0, 3600, 43200, 86400, 90000))),
                None,
                chance.choice((None, None, 700)),
            )
            for _ in range(12)
        ]
        network = compile_network(world.timetable)
        shelf = shelve(titles, [*known, *(holding.location for holding in world.holdings)], policy)
        found = replay(network, register, policy, shelf, asked_of(shelf, rows), agreement=agreement)
        for at, (pickup, title, moment, _, most) in enumerate(rows):
            question = Question(pickup_location=pickup, requested_at=moment, max_cost_cents=most)
            side = standing_of(register, pickup, moment).side
            applies = policy_on(agreement, policy, side, day_of(moment, register))
            expected = decided(network, register, applies, question, titles[title])
            assert seen(network, shelf, found, at) == expected
            found_nobody += expected is None
            found_somebody += expected is not None

    check()
    assert min(found_nobody, found_somebody) > 100


def drawn_version(chance: Random, number: int, today: date) -> Version:
    """A policy of anybody, from about today on, that says some things."""

    def maybe(*values: Any) -> Any:
        return chance.choice((None, *values))

    scopes = (None, None), (None, None), (chance.choice("PQR"), None), (None, chance.choice("ABCDE"))
    province, agency = chance.choice(scopes)
    return Version(
        id=number,
        valid_from=today + timedelta(days=chance.choice((-9, -9, 0, 1))),
        province=province,
        agency=agency,
        asking=Asking(
            circles=maybe((), tuple(Circle), (Circle.PROVINCE,), (Circle.OWN, Circle.NATIONAL)),
            central_collections=maybe(*Central),
            objective=maybe(*Objective) if chance.random() < 0.3 else None,
            cents_per_hour=maybe(0.0, 30.0),
            horizon_days=maybe(1, 5),
            max_cost_cents=maybe(0, 700, 2000),
        ),
        lending=Lending(
            not_lent=maybe(frozenset(), frozenset({"game"}), frozenset({"book"})),
            least_age_days=maybe(0, 3, 5),
            embargo_days=maybe(1, 2),
            central_holders=maybe(frozenset({"A", "S1"}), frozenset({"S2", "C"})),
        ),
    )


def but_holding(holding: Holding, chance: Random) -> Holding:
    return holding._replace(
        copies=chance.choice((0, 1, 1, 2)),
        available=chance.choice((None, None, 0, 1)),
        loanable=chance.random() < 0.9,
        material=chance.choice(("book", "book", "book", "daisy")),
    )


def test_whoever_is_in_the_own_province_comes_first_where_that_is_agreed() -> None:
    network = compile_network(drawn("R/near Mo-Fr near 15:00 desk 16:00\nR/far Mo-Fr far 12:30 desk 13:00"))
    places = {"desk": "P", "near": "P", "far": "Q"}
    register = Register(
        {province: Agency(province, province=province) for province in ("P", "Q")},
        {name: Location(name, agency=province) for name, province in places.items()},
    )
    shelf = shelve([[Holding("near", 1), Holding("far", 1)], [Holding("far", 1)]], places, Policy())
    rows = asked_of(shelf, [("desk", 0, NOON, None, None), ("desk", 1, NOON, None, None)])
    usual = replay(network, register, Policy(), shelf, rows)
    assert [shelf.places[at] for at in usual.place] == ["far", "far"]
    own_first = replay(network, register, Policy(), shelf, rows, own_province_first=True)
    assert [shelf.places[at] for at in own_first.place] == ["near", "far"]


def test_nothing_asked_is_nothing_decided() -> None:
    network = compile_network(drawn("R/a Mo-Fr A 08:00 B 09:00"))
    shelf = shelve([], ["A", "B"], Policy())
    found = replay(network, Register({}, {}), Policy(), shelf, asked_of(shelf, []))
    assert (len(found.place), len(found.leg_request)) == (0, 0)
