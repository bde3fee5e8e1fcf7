"""Who may be asked, and who may not: every rule, and which of two rules speaks first."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from routing import Agency, Holding, Location, Period, Policy, Question, Reason, Register
from routing.register import agency_in_force, find_location
from routing.screening import Situation, one_per_location, screen
from tests.routing.asking import moment

NOW = moment("2026-11-24 10:00")
YESTERDAY, TOMORROW = moment("2026-11-23 10:00"), moment("2026-11-25 10:00")
GONE = "has not taken part since Mon 23 Nov 2026 10:00, and nobody has taken its place."
FOR_READERS = "Works for readers with a disability"
CHANNEL = "come through their own national channel, not by van."
HOLDING = Holding("B1", copies=2, available=1)


def register(*, agency: Agency | None = None, location: Location | None = None) -> Register:
    agencies = [agency or Agency("B"), Agency("A")]
    locations = [location or Location("B1", agency="B"), Location("A1", agency="A")]
    return Register({a.isil: a for a in agencies}, {lo.id: lo for lo in locations})


def refused(
    holding: Holding, known: Register, *, pickup: str = "A1", excluded: frozenset[str] = frozenset()
) -> str | None:
    """The reason and the sentence of a refusal, or None where the holder may be asked."""
    situation = Situation(
        Question(pickup_location=pickup, requested_at=NOW, excluded=excluded),
        Policy(),
        agency_in_force(known, find_location(known, pickup).agency, NOW),
    )
    asked, refusals = screen([holding], known, situation)
    assert len(asked) + len(refusals) == 1
    return f"{refusals[0].reason.value}: {refusals[0].detail}" if refusals else None


def test_may_be_asked() -> None:
    assert refused(HOLDING, register()) is None


@pytest.mark.parametrize("copies", [{"available": None}, {"copies": 1, "available": 1}])
def test_may_be_asked_with(copies: dict[str, int | None]) -> None:
    assert refused(HOLDING._replace(**copies), register()) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("holding", "refusal"),
    [
        ({"material": "braille"}, f"special_channel: {FOR_READERS} (braille) {CHANNEL}"),
        ({"copies": 0}, "no_copies: No copies are left here."),
        ({"loanable": False}, "not_loanable: The copies here are not for loan."),
        ({"available": 0}, "unavailable: Every copy here is out."),
        ({"copies": 0, "loanable": False, "available": 0}, "no_copies: No copies are left here."),
        ({"loanable": False, "available": 0}, "not_loanable: The copies here are not for loan."),
        ({"copies": 0, "material": "daisy"}, f"special_channel: {FOR_READERS} (daisy) {CHANNEL}"),
    ],
)  # fmt: skip
def test_refused_for_what_it_holds(holding: dict[str, object], refusal: str) -> None:
    assert refused(HOLDING._replace(**holding), register()) == refusal  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("location", "refusal"),
    [
        ({"valid": Period(until=NOW)}, "not_participating: B1 has not taken part since Tue 24 Nov 2026 10:00."),
        ({"valid": Period(since=TOMORROW)}, "not_participating: B1 takes part from Wed 25 Nov 2026 10:00."),
        ({"valid": Period(since=NOW, until=TOMORROW)}, None),
        ({"suspensions": (Period(NOW, TOMORROW),)}, "suspended: B1 stands still until Wed 25 Nov 2026 10:00."),
        ({"suspensions": (Period(until=NOW), Period(since=TOMORROW))}, None),
        ({"suspensions": (Period(until=NOW), Period())}, "suspended: B1 stands still."),
    ],
)  # fmt: skip
def test_refused_for_its_location(location: dict[str, object], refusal: str | None) -> None:
    known = register(location=replace(Location("B1", agency="B"), **location))  # type: ignore[arg-type]
    assert refused(HOLDING, known) == refusal


@pytest.mark.parametrize(
    ("agency", "refusal"),
    [
        ({"valid": Period(until=YESTERDAY)}, f"not_participating: B {GONE}"),
        ({"valid": Period(since=TOMORROW)}, "not_participating: B takes part from Wed 25 Nov 2026 10:00."),
        ({"supplies": False}, "not_participating: B does not supply to other agencies."),
        ({"suspensions": (Period(since=YESTERDAY),)}, "suspended: B stands still."),
        ({"supplies": False, "suspensions": (Period(),)}, "not_participating: B does not supply to other agencies."),
    ],
)  # fmt: skip
def test_refused_for_its_agency(agency: dict[str, object], refusal: str) -> None:
    known = register(agency=replace(Agency("B"), **agency))  # type: ignore[arg-type]
    assert refused(HOLDING, known) == refusal


def test_an_agency_that_supplies_nobody_else_supplies_itself() -> None:
    known = register(agency=Agency("B", supplies=False))
    assert refused(HOLDING, known, pickup="B1") is None


@pytest.mark.parametrize(
    ("excluded", "refusal"),
    [
        ({"B1"}, "excluded: The request excludes B1."),
        ({"B"}, "excluded: The request excludes B."),
        ({"A1", "A", "b"}, None),
    ],
)
def test_refused_by_the_request(excluded: set[str], refusal: str | None) -> None:
    assert refused(HOLDING, register(), excluded=frozenset(excluded)) == refusal


def test_rules_speak_in_their_order() -> None:
    """All at once; then each rule's cause taken away in turn."""
    holding = Holding("B1", copies=0, available=0, loanable=False, material="braille")
    location = Location("B1", agency="B", valid=Period(until=YESTERDAY), suspensions=(Period(),))
    steps = [
        (Reason.SPECIAL_CHANNEL, holding, location, {"B1"}),
        (Reason.NOT_PARTICIPATING, holding._replace(material="book"), location, {"B1"}),
        (Reason.SUSPENDED, holding._replace(material="book"), replace(location, valid=Period()), {"B1"}),
        (Reason.EXCLUDED, holding._replace(material="book"), Location("B1", agency="B"), {"B1"}),
        (Reason.NO_COPIES, holding._replace(material="book"), Location("B1", agency="B"), set()),
        (Reason.NOT_LOANABLE, holding._replace(material="book", copies=1), Location("B1", agency="B"), set()),
        (Reason.UNAVAILABLE, Holding("B1", copies=1, available=0), Location("B1", agency="B"), set()),
    ]
    for reason, held, at, excluded in steps:
        refusal = refused(held, register(location=at), excluded=frozenset(excluded))
        assert refusal is not None
        assert refusal.split(":")[0] == reason.value


# --- agencies and their successors ----------------------------------------------------------------


def merged(*agencies: Agency) -> Register:
    return Register({agency.isil: agency for agency in agencies}, {})


ENDED = Period(until=YESTERDAY)


@pytest.mark.parametrize(
    ("agencies", "in_force"),
    [
        ([Agency("B")], "B"),
        ([], "B"),
        ([Agency("B", valid=ENDED, successor="C"), Agency("C")], "C"),
        ([Agency("B", valid=ENDED, successor="C"), Agency("C", valid=ENDED, successor="D"), Agency("D")], "D"),
        ([Agency("B", valid=Period(until=TOMORROW), successor="C"), Agency("C")], "B"),
        ([Agency("B", valid=ENDED)], "B"),
        ([Agency("B", valid=ENDED, successor="C")], "C"),
        ([Agency("B", valid=ENDED, successor="C"), Agency("C", valid=ENDED, successor="B")], "C"),
        ([Agency("B", valid=ENDED, successor="B")], "B"),
    ],
)
def test_the_agency_in_force(agencies: list[Agency], in_force: str) -> None:
    agency = agency_in_force(merged(*agencies), "B", NOW)
    assert agency is not None
    assert agency.isil == in_force


def test_successors_in_a_circle_take_no_part() -> None:
    known = Register(
        {"B": Agency("B", valid=ENDED, successor="C"), "C": Agency("C", valid=ENDED, successor="B")},
        {"B1": Location("B1", agency="B")},
    )
    assert refused(HOLDING, known) == (f"not_participating: C {GONE}")


def test_a_location_that_nobody_registered_may_be_asked() -> None:
    assert refused(Holding("ELSEWHERE", 1), register()) is None


# --- several holdings of one location -------------------------------------------------------------


@pytest.mark.parametrize(
    ("holdings", "one"),
    [
        ([Holding("B1", 1, 1), Holding("B1", 2, 0)], Holding("B1", 3, 1)),
        ([Holding("B1", 1, 1), Holding("B1", 2, None)], Holding("B1", 3, None)),
        ([Holding("B1", 1, 1, loanable=False), Holding("B1", 2, 0)], Holding("B1", 3, 0)),
        ([Holding("B1", 1, 1, loanable=False)] * 2, Holding("B1", 2, 2, loanable=False)),
        ([Holding("B1", 1, 1, material="daisy"), Holding("B1", 1, 0)], Holding("B1", 1, 0)),
        ([Holding("B1", 1, 1, material="daisy")] * 2, Holding("B1", 2, 2, material="daisy")),
    ],
)  # fmt: skip
def test_holdings_of_one_location_are_one(holdings: list[Holding], one: Holding) -> None:
    assert one_per_location([Holding("A1", 9), *holdings], Policy()) == [Holding("A1", 9), one]


def test_the_moment_that_counts_is_the_request() -> None:
    """Not some clock: the same holder a day earlier and a day later."""
    location = Location("B1", agency="B", valid=Period(since=NOW))
    known = register(location=location)

    def reasons(at: datetime) -> list[Reason]:
        question = Question(pickup_location="A1", requested_at=at)
        return [refusal.reason for refusal in screen([HOLDING], known, Situation(question, Policy(), None))[1]]

    assert reasons(YESTERDAY) == [Reason.NOT_PARTICIPATING]
    assert reasons(NOW) == []
