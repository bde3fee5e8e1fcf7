"""Holidays, what a POI makes of them, and taking days out of a timetable."""

from __future__ import annotations

from datetime import date

from app.planning.calendars import ExceptionOnDay, days_off, list_holidays, take_out
from app.planning.edits import apply_all
from app.planning.plan import Plan
from tests.support.feeds import SMALL, read, small

CHRISTMAS, BOXING = date(2026, 12, 25), date(2026, 12, 26)
DECEMBER = list_holidays(date(2026, 12, 1), date(2027, 1, 5))
# The night carrier drives on the van's service days too.
SHARED = read(small(trips=SMALL["trips.txt"].replace("R2,SAT,T2", "R2,WEEK,T2"))).content


def test_public_holidays_are_known_by_name() -> None:
    assert [(str(one.day), one.name_nl) for one in DECEMBER if one.kind == "public"] == [
        ("2026-12-25", "Eerste kerstdag"),
        ("2026-12-26", "Tweede kerstdag"),
        ("2027-01-01", "Nieuwjaarsdag"),
    ]


def test_school_holidays_differ_by_region() -> None:
    autumn = [one for one in list_holidays(date(2026, 10, 1), date(2026, 10, 31)) if one.kind == "school"]
    first = {region: min(one.day for one in autumn if one.region == region) for region in ("noord", "midden", "zuid")}
    assert first == {"noord": date(2026, 10, 10), "midden": date(2026, 10, 17), "zuid": date(2026, 10, 17)}


def test_what_an_operator_says_of_a_day_has_the_last_word() -> None:
    off = days_off(
        DECEMBER,
        [
            ExceptionOnDay("DR", BOXING, runs=True),
            ExceptionOnDay("DR", date(2026, 12, 24), runs=False, note="Kerstavond"),
        ],
        kinds=frozenset({"public"}),
        region=None,
        more=[date(2026, 12, 31)],
    )  # fmt: skip
    assert {str(day): why for day, why in off.items()} == {
        "2026-12-24": "Kerstavond",
        "2026-12-25": "Eerste kerstdag",
        "2026-12-31": "Gesloten",
        "2027-01-01": "Nieuwjaarsdag",
    }


def test_days_are_taken_out_of_an_operators_own_services() -> None:
    off = {date(2026, 12, 24): "Kerstavond", CHRISTMAS: "Eerste kerstdag", BOXING: "Tweede kerstdag"}
    plan = Plan(read(SMALL).content)
    removals, changes, shared = take_out(plan, off, operators=frozenset({"DR"}))
    assert [(str(one.day), one.service, one.trips) for one in removals] == [("2026-12-24", "WEEK", 1)], "25 was out"
    assert shared == []
    after = apply_all(plan, changes)
    assert after.services["WEEK"].removed == (date(2026, 12, 24), CHRISTMAS)
    assert take_out(after, off, operators=frozenset({"DR"}))[:2] == ([], []), "once is enough"


def test_a_service_that_others_use_too_is_left_to_them() -> None:
    plan = Plan(SHARED)
    removals, changes, shared = take_out(plan, {date(2026, 12, 24): "Kerstavond"}, operators=frozenset({"DR"}))
    assert (len(removals), shared) == (1, ["WEEK"])
    after = apply_all(plan, changes)
    assert after.trip("T1").service == "WEEK~DR"
    assert after.trip("T2").service == "WEEK"
    assert after.services["WEEK"] == plan.services["WEEK"]
    assert date(2026, 12, 24) in after.services["WEEK~DR"].removed


def test_a_service_of_single_days_never_loses_its_last_one_unseen() -> None:
    plan = Plan(read(SMALL).content)
    _, changes, _ = take_out(plan, {date(2026, 11, 28): "Gesloten"}, operators=frozenset({"NIGHT"}))
    after = apply_all(plan, changes)
    assert (after.services["SAT"].added, after.services["SAT"].removed) == ((), (date(2026, 11, 28),))
