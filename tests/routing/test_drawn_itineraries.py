"""Itineraries in drawn timetables, from the simplest on. 2026-11-24 is a Tuesday; no clock changes near it.

How to read the drawings: `tests.support.worlds.drawn`. An answer is one line, one leg between two bars.
"""

from __future__ import annotations

from routing import Objective, Weights
from tests.routing.asking import ask
from tests.support.worlds import drawn

TUESDAY = "2026-11-24 08:00"


def test_a01_one_ride() -> None:
    timetable = drawn("R1/a daily  A 08:00  B 08:30")
    assert ask(timetable, "A to B", TUESDAY) == "A Tu08:00 R1/a B Tu08:30"


def test_a02_a_second_too_late_waits_for_the_next_day() -> None:
    timetable = drawn("R1/a daily  A 08:00  B 08:30")
    assert ask(timetable, "A to B", "2026-11-24 08:00:01") == "A We08:00 R1/a B We08:30"


def test_a03_no_way_back() -> None:
    timetable = drawn("R1/a daily  A 08:00  B 08:30")
    assert ask(timetable, "B to A", TUESDAY) == "unreachable"


def test_a04_staying_aboard_is_one_leg() -> None:
    timetable = drawn("R1/a daily  A 08:00  H 08:20/08:25  B 08:30  C 09:00")
    assert ask(timetable, "A to C", TUESDAY) == "A Tu08:00 R1/a C Tu09:00"


def test_a05_a_change_takes_the_handling_time_to_the_second() -> None:
    timetable = drawn("""
        hub H 10m
        R1/a daily  A 08:00  H 08:30
        R2/b daily  H 08:39:59  B 09:00
        R2/c daily  H 08:40     B 09:30
        R2/d daily  H 10:00     B 10:30
    """)
    assert ask(timetable, "A to B", TUESDAY) == "A Tu08:00 R1/a H Tu08:30 | H Tu08:40 R2/c B Tu09:30"


def test_a06_no_change_outside_a_hub() -> None:
    timetable = drawn("""
        R1/a daily  A 08:00  M 08:30
        R2/b daily  M 09:00  B 09:30
    """)
    assert ask(timetable, "A to B", TUESDAY) == "unreachable"


def test_a07_the_first_handling_is_the_suppliers_own_and_no_change() -> None:
    timetable = drawn("""
        hub H 10h
        R1/a daily  H 08:00  B 08:30
    """)
    assert ask(timetable, "H to B", TUESDAY) == "H Tu08:00 R1/a B Tu08:30"


def test_a08_nothing_gets_on_or_off_where_it_may_not() -> None:
    timetable = drawn("""
        R1/a daily  A 08:00v  B 08:30
        R1/b daily  A 09:00   B 09:30^  C 09:40  B 10:00
    """)
    assert ask(timetable, "A to B", TUESDAY) == "A Tu09:00 R1/b B Tu10:00"


def test_a09_no_change_where_nothing_gets_off() -> None:
    timetable = drawn("""
        hub H 0s
        R1/a daily  A 08:00  H 08:30^
        R2/b daily  H 09:00  B 09:30
    """)
    assert ask(timetable, "A to B", TUESDAY) == "unreachable"


def test_a10_among_equal_arrivals_fewest_handlings() -> None:
    timetable = drawn("""
        hub H 0s
        R1/a daily  A 08:00  H 08:30
        R2/b daily  H 09:00  B 10:00
        R3/c daily  A 08:00  B 10:00
    """)
    assert ask(timetable, "A to B", TUESDAY) == "A Tu08:00 R3/c B Tu10:00"


def test_a11_among_equal_arrivals_and_handlings_the_latest_departure() -> None:
    timetable = drawn("""
        hub H 0s
        R1/a daily  A 08:00  H 08:30
        R1/b daily  A 08:20  H 08:40
        R1/c daily  A 08:50  H 09:10
        R2/d daily  H 09:00  B 10:00
    """)
    assert ask(timetable, "A to B", TUESDAY) == "A Tu08:20 R1/b H Tu08:40 | H Tu09:00 R2/d B Tu10:00"


def test_a12_and_the_same_again_for_the_legs_that_follow() -> None:
    timetable = drawn("""
        hub H 0s
        hub G 0s
        R1/a daily  A 08:00  H 08:30  G 08:50
        R2/b daily  H 09:00  G 09:30
        R3/c daily  H 08:40  B 10:00
        R3/d daily  G 09:10  B 10:00
        R3/e daily  H 09:20  B 10:00
    """)
    assert ask(timetable, "A to B", TUESDAY) == "A Tu08:00 R1/a H Tu08:30 | H Tu09:20 R3/e B Tu10:00"


def test_a13_wholly_equal_trips_the_last_in_the_timetable() -> None:
    timetable = drawn("""
        R1/a daily  A 08:00  B 10:00
        R1/b daily  A 08:00  B 10:00
    """)
    assert ask(timetable, "A to B", TUESDAY) == "A Tu08:00 R1/b B Tu10:00"


def test_a14_equal_changes_at_two_hubs_the_first_along_the_trip() -> None:
    timetable = drawn("""
        hub H 0s
        hub G 0s
        R1/a daily  A 08:00  H 08:30  G 08:50
        R2/b daily  H 09:00  B 10:00
        R2/c daily  G 09:00  B 10:00
    """)
    assert ask(timetable, "A to B", TUESDAY) == "A Tu08:00 R1/a H Tu08:30 | H Tu09:00 R2/b B Tu10:00"


def test_a15_three_handlings_through_the_centre() -> None:
    timetable = drawn("""
        hub H 30m
        hub N 1h
        hub G 30m
        VAN/1   Mo-Fr  A 10:00  H 16:00
        NIGHT/2 Mo-Fr  H 19:00  N 21:00
        NIGHT/3 Mo-Fr  N 23:00  G 25:30
        VAN/4   We,Fr  G 08:00  B 09:15
    """)
    assert ask(timetable, "A to B", TUESDAY) == (
        "A Tu10:00 VAN/1 H Tu16:00 | H Tu19:00 NIGHT/2 N Tu21:00 | N Tu23:00 NIGHT/3 G We01:30 | "
        "G We08:00 VAN/4 B We09:15"
    )


def test_a16_boarding_after_midnight_a_trip_of_the_service_day_before() -> None:
    timetable = drawn("R1/a 2026-11-23  A 23:00  B 24:10/24:20  C 49:00")
    assert ask(timetable, "B to C", "2026-11-24 00:20") == "B Tu00:20 R1/a C We01:00"


def test_a17_the_trip_of_the_day_before_shows_its_service_date() -> None:
    timetable = drawn("R1/a Mo  A 25:00  B 26:00")
    assert ask(timetable, "A to B", TUESDAY) == "A Tu01:00 R1/a B Tu02:00"


def test_a18_a_van_that_visits_its_hub_twice_takes_the_item_on_the_second_visit() -> None:
    timetable = drawn("""
        hub H 15m
        R1/a daily  H 08:00  A 09:00  H 10:00/10:30  B 11:00
    """)
    assert ask(timetable, "H to B", TUESDAY) == "H Tu10:30 R1/a B Tu11:00"
    assert ask(timetable, "A to B", TUESDAY) == "A Tu09:00 R1/a B Tu11:00"
    assert ask(timetable, "B to A", TUESDAY) == "unreachable"


def test_a19_no_handling_and_no_length_all_in_one_second() -> None:
    timetable = drawn("""
        hub H 0s
        hub G 0s
        R1/a daily  A 08:00  H 08:00
        R2/b daily  G 08:00  B 08:00
        R3/c daily  H 08:00  G 08:00
    """)
    assert ask(timetable, "A to B", TUESDAY) == (
        "A Tu08:00 R1/a H Tu08:00 | H Tu08:00 R3/c G Tu08:00 | G Tu08:00 R2/b B Tu08:00"
    )


def test_a20_a_van_that_circles_in_one_second_does_not_go_back_in_time() -> None:
    """From Y the van has passed X already; only another one, or tomorrow's, could bring the item there."""
    timetable = drawn("""
        hub H 0s
        R1/a daily  H 08:00  X 08:00  Y 08:00  H 08:00  Z 09:00
    """)
    assert ask(timetable, "Y to X", TUESDAY) == "Y Tu08:00 R1/a H Tu08:00 | H We08:00 R1/a X We08:00"


def test_a21_but_another_van_of_the_same_second_does() -> None:
    timetable = drawn("""
        hub H 0s
        R1/a daily  H 08:00  X 08:00  Y 08:00  H 08:00  Z 09:00
        R1/b daily  H 08:00  X 08:30
    """)
    assert ask(timetable, "Y to X", TUESDAY) == "Y Tu08:00 R1/a H Tu08:00 | H Tu08:00 R1/b X Tu08:30"


def test_a22_the_item_that_stands_there_does_not_travel() -> None:
    timetable = drawn("R1/a daily  A 08:00  B 08:30  A 09:00")
    assert ask(timetable, "A to A", TUESDAY) == ""


def test_a23_the_horizon_counts_to_the_second() -> None:
    timetable = drawn("R1/a 2026-11-27  A 07:00  B 08:00")
    assert ask(timetable, "A to B", "2026-11-24 08:00:00", horizon_days=3) == "A Fr07:00 R1/a B Fr08:00"
    assert ask(timetable, "A to B", "2026-11-24 07:59:59", horizon_days=3) == "unreachable"


def test_a24_days_added_and_taken_out() -> None:
    timetable = drawn("R1/a Tu -2026-11-24 +2026-11-26  A 08:00  B 08:30")
    assert ask(timetable, "A to B", TUESDAY) == "A Th08:00 R1/a B Th08:30"
    assert ask(timetable, "A to B", "2026-11-27 08:00") == "A Tu08:00 R1/a B Tu08:30"


def test_a25_a_departure_in_the_first_second_of_a_window() -> None:
    """Windows begin on Thursdays at 00:00 UTC."""
    timetable = drawn("R1/a 2026-11-26  A 01:00  B 01:30")
    assert ask(timetable, "A to B", "2026-11-26T01:00:00+01:00") == "A Th01:00 R1/a B Th01:30"


def test_a26_a_ride_from_before_the_window_into_it_brings_only_what_boards_later() -> None:
    timetable = drawn("R1/a 2026-11-25  A 20:00  B 24:30/25:30  C 27:00")
    assert ask(timetable, "B to C", "2026-11-26T01:00:00+01:00") == "B Th01:30 R1/a C Th03:00"
    assert ask(timetable, "A to C", "2026-11-26T01:00:00+01:00") == "unreachable"


def test_a27_gtfs_counts_from_noon_where_the_clock_goes_forward() -> None:
    """On 29 March 2026 GTFS's 02:30 is 01:30 on the wall, and its 03:30 is 03:30."""
    timetable = drawn("R1/a 2026-03-29  A 02:30  B 03:30")
    assert ask(timetable, "A to B", "2026-03-29T01:30:00+01:00") == "A Su01:30 R1/a B Su03:30"


def test_a28_gtfs_counts_from_noon_where_the_clock_goes_back() -> None:
    """On 25 October 2026 GTFS's 01:30 is the first 02:30 on the wall, and its 02:30 is the second."""
    timetable = drawn("R1/a 2026-10-25  A 01:30  B 02:30")
    assert ask(timetable, "A to B", "2026-10-25T02:30:00+02:00") == "A Su02:30 R1/a B Su02:30"
    assert ask(timetable, "A to B", "2026-10-25T02:30:01+02:00") == "unreachable"


# --- objectives -----------------------------------------------------------------------------------

SLOW_AND_DIRECT = drawn("""
    hub H 0s
    R1/a 2026-11-24  A 08:00  H 08:30
    R2/b 2026-11-24  H 09:00  B 10:00
    R3/c 2026-11-24  A 08:00  B 20:00
    R3/d 2026-11-24  A 08:10  B 20:00
""")
CHANGED = "A Tu08:00 R1/a H Tu08:30 | H Tu09:00 R2/b B Tu10:00"
DIRECT = "A Tu08:10 R3/d B Tu20:00"


def test_b01_fastest_and_cheapest_change_vans_to_be_early() -> None:
    assert ask(SLOW_AND_DIRECT, "A to B", TUESDAY) == CHANGED
    assert ask(SLOW_AND_DIRECT, "A to B", TUESDAY, objective=Objective.CHEAPEST) == CHANGED


def test_b02_fewest_handlings_waits_for_the_direct_van() -> None:
    assert ask(SLOW_AND_DIRECT, "A to B", TUESDAY, objective=Objective.FEWEST_HANDLINGS) == DIRECT


def test_b03_fewest_handlings_still_arrives_in_time() -> None:
    fewest = Objective.FEWEST_HANDLINGS
    assert ask(SLOW_AND_DIRECT, "A to B", TUESDAY, objective=fewest, need_before="2026-11-24 20:00") == DIRECT
    assert ask(SLOW_AND_DIRECT, "A to B", TUESDAY, objective=fewest, need_before="2026-11-24 19:59:59") == CHANGED
    assert ask(SLOW_AND_DIRECT, "A to B", TUESDAY, objective=fewest, need_before="2026-11-24 09:59:59") == "too_late"


def test_b04_balanced_weighs_hours_against_handlings() -> None:
    """The direct van costs ten hours more and one handling less."""
    balanced = Objective.BALANCED
    for per_handling, way in ((99.0, CHANGED), (100.0, CHANGED), (101.0, DIRECT)):
        weights = Weights(cents_per_hour=10.0, cents_per_handling=per_handling)
        assert ask(SLOW_AND_DIRECT, "A to B", TUESDAY, objective=balanced, weights=weights) == way


def test_b05_balanced_without_weights_is_the_earliest() -> None:
    assert ask(SLOW_AND_DIRECT, "A to B", TUESDAY, objective=Objective.BALANCED, weights=Weights(0.0, 0.0)) == CHANGED
