"""What each change of a scenario makes of a network, a register and an agreement."""

from __future__ import annotations

from typing import Any

import pytest

from app.planning.alter import ChangeImpossible
from routing import Objective
from tests.planning.drawn import COUNTRY, changed, plan_of, told


def but(*lines: str, without: str = "") -> list[str]:
    """The country as it is told, without the lines that begin with a word, and with others; in order of trips."""
    kept = [line for line in told(plan_of()) if not without or not line.startswith(without)]
    hubs = [line for line in (*kept, *lines) if line.startswith("hub")]
    return [*sorted(set(hubs)), *sorted({*kept, *lines} - set(hubs), key=lambda line: line.split()[0].split("/")[1])]


def test_a_route_that_is_dropped_is_driven_no_more() -> None:
    assert told(changed(plan_of(), {"kind": "drop_route", "route": "L"})) == but(without="L/")


def test_a_route_on_other_days_of_the_week() -> None:
    after = changed(plan_of(), {"kind": "frequency", "route": "Z", "weekdays": ["Mo", "Sa"]})
    assert told(after) == but(
        "Z/z-fetch Mo,Sa south 09:00 HZ 10:00", "Z/z-bring Mo,Sa HZ 15:00 south 16:00", without="Z/"
    )


def test_days_taken_out_of_a_service_stay_out_and_those_added_go() -> None:
    plan = plan_of("R/a Mo,Tu -2026-12-25 +2026-11-28 A 08:00 B 09:00")
    (service,) = (
        service
        for service in changed(plan, {"kind": "frequency", "route": "R", "weekdays": ["Fr"]}).content.services
        if service.id.endswith("~Fr")
    )
    assert [day.isoformat() for day in service.removed] == ["2026-12-25"]
    assert service.added == ()


def test_a_route_driven_once_more_some_hours_later() -> None:
    after = changed(plan_of(), {"kind": "frequency", "route": "N", "again_after_minutes": [240]})
    assert told(after) == but(
        "N/n-fetch+240 Mo,Tu,We,Th,Fr north 13:00 HN 14:00", "N/n-bring+240 Mo,Tu,We,Th,Fr HN 19:00 desk 20:00"
    )


def test_a_closed_hub_is_passed_by() -> None:
    plan = plan_of(COUNTRY + "    X/x Mo-Fr north 10:00 HN 11:00 desk 12:00\n")
    assert told(changed(plan, {"kind": "close_hub", "location": "HN"})) == [
        "hub HZ 10m",
        "X/x Mo,Tu,We,Th,Fr north 10:00 desk 12:00",
        "Z/z-bring Mo,Tu,We,Th,Fr HZ 15:00 south 16:00",
        "Z/z-fetch Mo,Tu,We,Th,Fr south 09:00 HZ 10:00",
    ]


def test_a_hub_moves_with_its_handling_time_and_everything_that_calls_there() -> None:
    after = changed(plan_of(), {"kind": "move_hub", "location": "HZ", "to": "elsewhere"})
    expected = [line.replace("HZ", "elsewhere") for line in but()]
    assert told(after) == [*sorted(expected[:2]), *expected[2:]]
    (there,) = (stop for stop in after.content.stops if stop.id == "elsewhere")
    assert (there.name, there.lat) == ("Elsewhere", 52.0)


def test_one_more_line_haul_there_and_back() -> None:
    haul = {"kind": "line_haul", "from_location": "HN", "to_location": "HZ", "departs": "11:00", "minutes": 90}
    assert told(changed(plan_of(), {**haul, "weekdays": ["Mo", "Th"]})) == but(
        "what-if-HN-HZ/what-if-HN-HZ-HN Mo,Th HN 11:00 HZ 12:30",
        "what-if-HN-HZ/what-if-HN-HZ-HZ Mo,Th HZ 11:00 HN 12:30",
    )
    one_way = changed(plan_of(), {**haul, "both_ways": False, "crate_capacity": 7})
    assert [trip.crate_capacity for trip in one_way.content.trips if trip.id.startswith("what-if")] == [7]


def test_other_handling_times_at_one_hub_or_at_all() -> None:
    assert told(changed(plan_of(), {"kind": "hub_handling", "location": "HZ", "minutes": 0})) == but(
        "hub HZ 0m", without="hub HZ"
    )
    assert told(changed(plan_of(), {"kind": "hub_handling", "minutes": 45})) == but(
        "hub HN 45m", "hub HZ 45m", without="hub"
    )


def test_other_times_at_the_shelf() -> None:
    after = changed(plan_of(), {"kind": "shelf_handling", "location": "north", "minutes": 30})
    assert {name: one.handling_minutes for name, one in after.register.locations.items() if one.handling_minutes} == {
        "north": 30
    }
    everywhere = changed(plan_of(), {"kind": "shelf_handling", "minutes": 5}).register.locations.values()
    assert {one.handling_minutes for one in everywhere} == {5}


def test_another_agreement_changes_what_it_names() -> None:
    plan = plan_of()
    after = changed(
        plan,
        {"kind": "policy", "transport_cents": 0, "objective": "cheapest"},
        {"kind": "policy", "own_province_first": True, "cents_per_hour": 1.5},
    )
    policy = after.policy
    assert (policy.objective, policy.tariff.supplier_cents, policy.tariff.transport_cents) == (
        Objective.CHEAPEST,
        675,
        0,
    )
    assert (policy.weights.cents_per_hour, policy.weights.cents_per_handling) == (1.5, 50.0)
    assert after.own_province_first
    assert after.content is plan.content


def test_the_plan_that_is_changed_stays_as_it_was() -> None:
    plan = plan_of()
    before = told(plan)
    changed(plan, {"kind": "drop_route", "route": "L"}, {"kind": "hub_handling", "minutes": 1})
    assert told(plan) == before


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"kind": "drop_route", "route": "?"}, "/changes/1/route"),
        ({"kind": "drop_route", "route": "L"}, "/changes/1/route"),  # the change before it has dropped it
        ({"kind": "frequency", "route": "?", "weekdays": ["Mo"]}, "/changes/1/route"),
        ({"kind": "close_hub", "location": "desk"}, "/changes/1/location"),
        ({"kind": "move_hub", "location": "HN", "to": "?"}, "/changes/1/to"),
        ({"kind": "move_hub", "location": "HN", "to": "HN"}, "/changes/1/to"),
        ({"kind": "hub_handling", "location": "south", "minutes": 1}, "/changes/1/location"),
        ({"kind": "shelf_handling", "location": "?", "minutes": 1}, "/changes/1/location"),
        (
            {"kind": "line_haul", "from_location": "HN", "to_location": "HN", "departs": "10:00", "minutes": 1},
            "/changes/1/to_location",
        ),
        (
            {
                "kind": "line_haul",
                "from_location": "HN",
                "to_location": "HZ",
                "departs": "10:00",
                "minutes": 1,
                "operator": "?",
            },
            "/changes/1/operator",
        ),
    ],
)
def test_a_change_of_what_is_not_there_is_pointed_at(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ChangeImpossible) as refused:
        changed(plan_of(), {"kind": "drop_route", "route": "L"}, change)
    assert refused.value.pointer == pointer
