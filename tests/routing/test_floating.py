"""Where an item goes that is brought back: whether it may stay, who is expected to ask next, and what that saves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import (
    Agency,
    Floating,
    Lending,
    Location,
    Onward,
    Past,
    Period,
    Policy,
    Reckoned,
    Register,
    Returned,
    Tariff,
    Wanted,
    Weights,
    WhereNext,
    Whither,
    compile_network,
    where_next,
)
from routing.floating import HALF_LIFE_DAYS, HOME_READERS, STRENGTH
from tests.routing.asking import moment
from tests.support.worlds import World, drawn, worlds

NOW = moment("2026-11-24 08:00")
REGISTER = Register(
    {
        "A": Agency("A", province="P", poi="X"),
        "B": Agency("B", province="P", poi="X"),
        "C": Agency("C", province="Q", poi="Y"),
    },
    {
        name: Location(name, agency=agency)
        for name, agency in {"home": "A", "here": "B", "near": "B", "far": "C"}.items()
    },
)
# `near` lies behind `here`, and whatever comes from home goes through the hub to both.
RING = """
    hub H 10m
    O/out    daily  home 09:00  H 10:00
    B/back   daily  H 12:00     home 13:00
    I/in     daily  H 10:30     here 11:30  near 12:30
    J/from   daily  near 09:00  here 09:30  H 11:00
    K/over   daily  here 13:00  near 14:00
    F/away   daily  H 14:00     far 18:00
    G/home   daily  far 05:00   H 09:00
"""
NETWORK = compile_network(drawn(RING))
POLICY = Policy(weights=Weights(cents_per_hour=10.0, cents_per_handling=50.0), tariff=Tariff(675, 400))
ANYWHERE = Lending(floating=Floating.EVERYWHERE)
ITEM = Returned(location="here", home="home", material="book", at=NOW)


def asked(*places: str, days_ago: float = 10.0) -> list[Wanted]:
    return [Wanted(place, NOW - timedelta(days=days_ago)) for place in places]


def chosen(
    *places: str, item: Returned = ITEM, lending: Lending = ANYWHERE, register: Register = REGISTER, **said: Any
) -> WhereNext:
    past = Past(asked(*places), said.pop("of_all", {}))
    network = said.pop("network", NETWORK)
    return where_next(item, past, network, register, policy=said.pop("policy", POLICY), lending=lending, **said)


def option(found: WhereNext, where: Whither) -> Any:
    (one,) = (each for each in found.options if each.where is where)
    return one


# --- what it comes to -----------------------------------------------------------------------------


def test_it_stays_where_it_is_wanted() -> None:
    found = chosen("here", "near", "here")
    assert (found.chosen, found.location) == (Whither.STAY, "here")
    assert found.reasons[0] == "Three of the last three who asked for it are served better from here than from home."
    assert found.reasons[1].startswith("Staying saves ")
    assert found.saving.cents > 0
    assert found.saving.rides > 2, "two home, and about as many back again"


def test_it_goes_home_where_it_is_wanted_there() -> None:
    dear = replace(POLICY, weights=Weights(cents_per_hour=100.0, cents_per_handling=50.0))
    found = chosen("home", "home", "here", policy=dear)
    assert (found.chosen, found.location, found.saving) == (Whither.HOME, "home", Reckoned(0.0, 0.0))
    assert found.reasons[0] == "One of the last three who asked for it is served better from here than from home."
    assert found.reasons[1].startswith("Staying takes ")


def test_what_it_comes_to_can_be_reckoned_by_hand() -> None:
    """Wanted here once, and by home's own reader: nearly as likely, and the vans of both run daily."""
    found = chosen("here", of_all={})
    shares = {one.location: one.chance for one in found.chances}
    faded = 0.5 ** (10 / HALF_LIFE_DAYS)
    assert shares == {
        "here": pytest.approx(faded / (faded + HOME_READERS)),
        "home": pytest.approx(HOME_READERS / (faded + HOME_READERS)),
    }
    home, stay = option(found, Whither.HOME), option(found, Whither.STAY)
    assert home.trip == Reckoned(2 * 50.0, 2.0)
    # Seven departures, at 08:00, 09:00 … 14:00. To home vans leave at 09:30 and are there at 13:00.
    there = (5 + 4 + 27 + 26 + 25 + 24 + 23) / 7 * 10 + 2 * 50
    assert stay.supply.cents == pytest.approx(shares["home"] * there)
    assert stay.trip == Reckoned(0.0, 0.0)
    # From home they leave at 09:00 and are here at 11:30.
    here = (3.5 + 2.5 + 25.5 + 24.5 + 23.5 + 22.5 + 21.5) / 7 * 10 + 2 * 50
    assert home.supply.cents == pytest.approx(shares["here"] * here)
    assert found.saving.cents == pytest.approx(home.cents - stay.cents)


def test_what_is_charged_counts() -> None:
    """For readers of another province whoever stands in it supplies for nothing."""
    item = replace(ITEM, location="far")
    found = chosen("far", "far", item=item)
    assert found.chosen is Whither.STAY
    free = chosen("far", "far", item=item, policy=replace(POLICY, tariff=Tariff(0, 0)))
    shares = {one.location: one.chance for one in found.chances}
    assert option(found, Whither.HOME).supply.cents - option(free, Whither.HOME).supply.cents == pytest.approx(
        shares["far"] * 1075
    )
    assert option(found, Whither.STAY).supply.cents - option(free, Whither.STAY).supply.cents == pytest.approx(
        shares["home"] * 1075
    )


def test_few_who_asked_lean_on_where_anything_is_asked_for() -> None:
    nobody = chosen(of_all={"near": 30, "here": 10, "far": 60})
    shares = {one.location: one.chance for one in nobody.chances}
    area = (HOME_READERS + STRENGTH * 0.4) / (HOME_READERS + STRENGTH)  # P, where home, here and near are
    assert shares["far"] == pytest.approx(1 - area)
    assert shares["near"] == pytest.approx(area * STRENGTH * 0.75 / (HOME_READERS + STRENGTH))
    assert sum(shares.values()) == pytest.approx(1)
    assert nobody.reasons[0] == "Nobody has asked for it lately: it counts where anything is asked for."
    many = chosen(*["here"] * 40, of_all={"near": 30, "here": 10, "far": 60})
    assert {one.location: one.chance for one in many.chances}["here"] > 0.85


def test_who_asked_long_ago_counts_less() -> None:
    recent = Past([*asked("here", days_ago=1), *asked("far", days_ago=2 * HALF_LIFE_DAYS)])
    found = where_next(ITEM, recent, NETWORK, REGISTER, policy=POLICY, lending=ANYWHERE)
    shares = {one.location: one.chance for one in found.chances}
    assert shares["far"] / shares["here"] == pytest.approx(0.25, rel=0.01)


# --- whether it may -------------------------------------------------------------------------------


def why_not(found: WhereNext) -> tuple[str, ...]:
    assert (found.chosen, found.location, found.saving) == (Whither.HOME, "home", Reckoned(0.0, 0.0))
    told: tuple[str, ...] = option(found, Whither.STAY).why_not
    assert found.reasons == told
    return told


@pytest.mark.parametrize("lending", [Lending(), Lending(floating=Floating.NEVER)])
def test_nothing_stays_unless_somebody_says_so(lending: Lending) -> None:
    assert why_not(chosen("here", "here", lending=lending)) == ("Copies of A always go home.",)


def test_a_side_says_how_far_which_and_how_many() -> None:
    province = Lending(floating=Floating.PROVINCE)
    assert chosen("here", lending=province).chosen is Whither.STAY
    far = replace(ITEM, location="far")
    assert why_not(chosen("far", item=far, lending=province)) == ("Copies of A stay in their own province.",)
    games = replace(ANYWHERE, floating_materials=frozenset({"game"}))
    assert why_not(chosen("here", lending=games)) == ("A has this material (book) go home.",)
    assert chosen("here", item=replace(ITEM, material="game"), lending=games).chosen is Whither.STAY
    three = replace(ANYWHERE, most_floating=3)
    assert chosen("here", item=replace(ITEM, away=2), lending=three).chosen is Whither.STAY
    assert why_not(chosen("here", item=replace(ITEM, away=3), lending=three)) == (
        "3 copies of A stay elsewhere already; it allows 3.",
    )


def located(**changes: Any) -> Register:
    return replace(REGISTER, locations={**REGISTER.locations, "here": replace(REGISTER.locations["here"], **changes)})


def answering(**changes: Any) -> Register:
    return replace(REGISTER, agencies={**REGISTER.agencies, "B": replace(REGISTER.agencies["B"], **changes)})


@pytest.mark.parametrize(
    ("register", "why"),
    [
        (answering(supplies=False), "B does not supply to other agencies."),
        (answering(suspensions=(Period(),)), "B stands still."),
        (located(suspensions=(Period(),)), "here stands still."),
        (located(valid=Period(until=NOW)), "here has not taken part since Tue 24 Nov 2026 08:00."),
        (located(opening_hours="off"), "here does not open within a year."),
    ],
)
def test_it_never_stays_where_it_could_not_be_supplied_from(register: Register, why: str) -> None:
    assert why_not(chosen("here", register=register)) == (why,)


def test_it_never_stays_where_no_van_comes() -> None:
    alone = compile_network(drawn(RING.replace("J/from   daily", "J/from   2026-01-05")))
    found = why_not(chosen("here", network=alone))
    assert found == ("No van takes it from here to home, so nobody could call it home.",)


def test_other_hindrances_are_said_too() -> None:
    assert why_not(chosen("here", item=replace(ITEM, hindrances=("It is torn.",)))) == ("It is torn.",)
    assert why_not(chosen(item=replace(ITEM, location="home"))) == ("It is home already.",)
    special = chosen("here", item=replace(ITEM, material="daisy"))
    assert why_not(special)[0].startswith("Works for readers with a disability")


def test_whoever_waits_comes_first() -> None:
    onward = Onward("near", Reckoned(50.0, 1.0), Reckoned(775.0, 2.0))
    found = chosen("here", "here", onward=onward)
    assert (found.chosen, found.location) == (Whither.FORWARD, "near")
    assert found.saving == Reckoned(100.0 + 775.0 - 50.0, 2.0 + 2.0 - 1.0)
    assert [each.where for each in found.options] == [Whither.FORWARD, Whither.HOME, Whither.STAY]
    assert chosen("here", lending=Lending(), onward=onward).chosen is Whither.FORWARD, "whatever is said of staying"


# --- whatever the world ---------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(worlds(), st.data())
def test_it_is_never_worse_than_home_by_its_own_measure(world: World, data: st.DataObject) -> None:
    names = sorted(world.register.locations)
    draws = st.sampled_from(names)
    at: datetime = world.requested_at
    here, home = data.draw(draws), data.draw(draws)
    past = Past(
        [Wanted(name, at - timedelta(days=days)) for days, name in enumerate(data.draw(st.lists(draws, max_size=6)))],
        data.draw(st.dictionaries(draws, st.integers(1, 50))),
    )
    item = Returned(location=here, home=home, material="book", at=at)
    network = compile_network(world.timetable)
    found = where_next(item, past, network, world.register, policy=world.policy, lending=ANYWHERE)
    stay, goes_home = option(found, Whither.STAY), option(found, Whither.HOME)
    picked = option(found, found.chosen)
    assert picked.cents <= goes_home.cents
    assert found.saving.cents == pytest.approx(goes_home.cents - picked.cents)
    assert found.reasons
    if stay.why_not:
        assert found.chosen is Whither.HOME
    else:
        assert (found.chosen is Whither.STAY) == (goes_home.cents - stay.cents > 1e-9)
        assert sum(one.chance for one in found.chances) == pytest.approx(1)
        assert min(one.chance for one in found.chances) >= 0
        assert {here, home} <= {one.location for one in found.chances}
    assert found == where_next(item, past, network, world.register, policy=world.policy, lending=ANYWHERE)
