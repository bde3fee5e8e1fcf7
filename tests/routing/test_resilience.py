"""What the network hangs on, in drawn networks."""

from __future__ import annotations

from datetime import date

from routing import Health, SinglePoint, compile_network, examine
from tests.support.country import country
from tests.support.worlds import drawn

STAR = drawn("""
    hub H 10m
    hub G 10m
    VAN/1   daily  H 08:00  A 09:00  B 10:00  H 11:00
    VAN/2   daily  H 08:00  A 09:00  H 11:00
    ISLE/3  daily  G 08:00  C 09:00  G 10:00
    LINE/4  daily  H 12:00  G 13:00
    LINE/5  daily  G 14:00  H 15:00
    OUT/6   daily  H 08:00^ D 09:00v
    IN/7    daily  E 08:00^ H 09:00v
    OTHER/8 2027-01-05  F 08:00  H 09:00  F 10:00
""")


def test_everything_about_a_small_network() -> None:
    assert examine(compile_network(STAR), until=date(2026, 12, 31)) == Health(
        network_version="drawn",
        first_day=date(2026, 1, 1),
        last_day=date(2026, 12, 31),
        stops=8,
        hubs=2,
        routes=5,
        main_hubs=("H", "G"),
        not_reached=("E", "F"),
        not_sending=("D", "F"),
        single_points=(
            SinglePoint("hub", "H", None, ("A", "B", "D", "E")),
            SinglePoint("route", "LINE", "LINE vans", ("G", "C")),
            SinglePoint("route", "VAN", "VAN vans", ("A", "B")),
            SinglePoint("hub", "G", None, ("C",)),
            SinglePoint("route", "IN", "IN vans", ("E",)),
            SinglePoint("route", "ISLE", "ISLE vans", ("C",)),
            SinglePoint("route", "OUT", "OUT vans", ("D",)),
        ),
    )


def test_a_stop_joins_with_the_day_its_van_drives() -> None:
    health = examine(compile_network(STAR))
    assert (health.last_day, health.not_reached, health.not_sending) == (date(2027, 1, 5), ("E",), ("D",))


def test_a_period_without_days() -> None:
    health = examine(compile_network(STAR), since=date(2030, 1, 1))
    assert (health.first_day, health.routes, len(health.not_reached)) == (None, 0, 7)


def test_no_item_goes_back_on_the_van_that_brought_it() -> None:
    """B comes after A on the one van: A is reached from B through the hub only, and there is no van to it."""
    health = examine(compile_network(drawn("hub H 0s\nR/1 daily  A 08:00  B 09:00  H 10:00")))
    assert (health.not_reached, health.not_sending) == (("A", "B"), ())


def test_two_routes_stand_in_for_each_other() -> None:
    health = examine(
        compile_network(
            drawn("""
                hub H 0s
                R1/1 daily  H 08:00  A 09:00  H 10:00
                R2/2 daily  H 12:00  A 13:00  H 14:00
            """)
        )
    )
    assert [point.id for point in health.single_points] == ["H"]


def test_a_hub_beside_another_is_no_single_point() -> None:
    health = examine(
        compile_network(
            drawn("""
                hub H 0s
                hub G 0s
                R1/1 daily  H 08:00  A 09:00  G 10:00
                R2/2 daily  G 12:00  A 13:00  H 14:00
                R3/3 daily  G 15:00  H 16:00  G 17:00
            """)
        )
    )
    assert health.single_points == ()


def test_stops_that_reach_the_main_body_through_hubs_outside_it_are_not_lost_with_another() -> None:
    """U only sends onward to H; losing the far end of the network leaves its branch where it was."""
    health = examine(
        compile_network(
            drawn("""
                hub H 0s
                hub G 0s
                hub U 0s
                R1/1 daily  H 08:00  G 09:00  H 10:00
                R2/2 daily  U 08:00  H 09:00
                R3/3 daily  X 06:00  U 07:00
                R4/4 daily  G 08:00  Y 09:00  G 10:00
            """)
        )
    )
    assert [(point.id, point.cut_off) for point in health.single_points] == [
        ("H", ("U", "X")),
        ("R1", ("G", "Y")),
        ("R2", ("U", "X")),
        ("G", ("Y",)),
        ("U", ("X",)),
        ("R3", ("X",)),
        ("R4", ("Y",)),
    ]


def test_without_hubs_one_ride_is_all_there_is() -> None:
    health = examine(compile_network(drawn("R/1 daily  A 08:00  B 09:00\nR/2 daily  C 08:00x D 09:00x")))
    assert (health.not_reached, health.not_sending, health.single_points) == (("A", "C", "D"), ("B", "C", "D"), ())


def test_a_country() -> None:
    health = examine(compile_network(country()))
    assert (health.stops, health.hubs, health.routes) == (1312, 12, 226)
    assert (health.not_reached, health.not_sending) == ((), ())
    assert len(health.main_hubs) == 12
