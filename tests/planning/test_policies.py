"""A replay of what was submitted goes by the policies, with what the catalogue says of each copy."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np

from app.planning.demand import real
from app.store.demand import Held, Submitted
from app.store.timetable import as_timetable
from routing import Asking, Circle, Lending, Policy, Version, agree, compile_network, replay
from tests.planning.drawn import REGISTER, plan_of
from tests.support.worlds import AMSTERDAM

MONDAY = date(2026, 11, 23)
WHEN = datetime(2026, 11, 23, 8, tzinfo=AMSTERDAM)
PLACES = sorted(REGISTER.locations)
NEW, OLD = MONDAY - timedelta(days=3), MONDAY - timedelta(days=300)


def held_of(*rows: tuple[int, str, str, date | None]) -> Held:
    """Holdings from rows of title, location, material and the day on which they came."""
    materials = sorted({material for _, _, material, _ in rows})
    return Held(
        title=np.array([title for title, *_ in rows], dtype=np.int64),
        place=np.array([PLACES.index(place) for _, place, _, _ in rows], dtype=np.int32),
        copies=np.ones(len(rows), dtype=np.int32),
        material=np.array([materials.index(material) for _, _, material, _ in rows], dtype=np.int32),
        added=np.array([0 if day is None else day.toordinal() for *_, day in rows], dtype=np.int32),
        materials=tuple(materials),
    )


def suppliers(version: Version | None) -> list[str | None]:
    """Who supplies: a new book, volumes of which one is lent, a game; each by way of `desk`."""
    held = held_of(
        (1, "north", "book", NEW),
        (1, "south", "book", OLD),
        (2, "south", "game", None),
        (3, "south", "book", OLD),
        (4, "south", "game", None),
    )
    asked = [Submitted("desk", titles, WHEN, None, None) for titles in ((1,), (2, 3), (4,))]
    demand = real(asked, held, PLACES, frozenset(PLACES))
    plan = plan_of()
    agreement = agree([] if version is None else [version])
    network = compile_network(as_timetable(plan.content, "drawn"))
    found = replay(network, REGISTER, Policy(), demand.shelf, demand.asked, agreement=agreement)
    return [None if at < 0 else demand.shelf.places[at] for at in found.place.tolist()]


def test_what_is_submitted_goes_by_the_rules_of_who_lends() -> None:
    def said(**lending: object) -> Version:
        return Version(id=1, valid_from=MONDAY, lending=Lending(**lending))  # type: ignore[arg-type]

    assert suppliers(None) == ["north", "south", "south"]
    assert suppliers(said(not_lent=frozenset({"game"}))) == ["north", "south", None]
    assert suppliers(said(least_age_days=30)) == ["north", "south", "south"], "north is of the same agency"
    assert suppliers(said(embargo_days=30)) == ["south", "south", "south"]
    assert suppliers(said(not_lent=frozenset({"game"}), least_age_days=400)) == ["north", None, None]
    later = Version(id=1, valid_from=MONDAY + timedelta(days=1), lending=Lending(embargo_days=30))
    assert suppliers(later) == ["north", "south", "south"]


def test_a_counter_goes_by_its_own_circles() -> None:
    version = Version(id=1, valid_from=MONDAY, agency="A", asking=Asking(circles=tuple(Circle), max_cost_cents=0))
    assert suppliers(version) == ["north", None, None]
