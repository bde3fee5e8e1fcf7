"""How a decision reads on paper: drawn whole, from replies as docs/openapi.json has them."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from app.demo.show import REASONS, show_decision
from routing.model import Reason

NAMES = {
    "NL-0800070000": "OBA",
    "NL-0800071001": "Bibliotheek Amsterdam Centrum",
    "NL-0890041009": "Bibliotheek Hollum",
    "NL-0790021001": "Hub Fers (Leeuwarden)",
    "NL-0890990000": "de Boekenberg",
    "NL-0890991001": "Bibliotheek Spijkenisse [Noord]",
}


def entry(rank: int, **changed: Any) -> dict[str, Any]:
    given = {
        "rank": rank,
        "supplying_agency": "NL-0800070000",
        "supplying_location": "NL-0800071001",
        "ready_at": "2026-11-23T14:00:00+01:00",
        "arrives_at": "2026-11-25T10:57:00+01:00",
        "promise": None,
        "cost_cents": 1075,
        "cost_parts": [{"what": "supplier", "cents": 675}, {"what": "transport", "cents": 400}],
        "handlings": 1,
        "legs": [
            leg("nacht-heen", "Nachtdienst", "NL-0800071001", "NL-0790021001", "24T21:49:00", "25T02:33:00"),
            leg("eiland-rond", "Fers", "NL-0790021001", "NL-0890041009", "25T08:36:00", "25T10:57:00"),
        ],
        "reasons": ["arrives first"],
    }
    return given | changed


def leg(trip: str, operator: str, here: str, there: str, departs: str, arrives: str) -> dict[str, Any]:
    return {
        "route_id": trip.split("-")[0],
        "trip_id": trip,
        "service_date": "2026-11-24",
        "operator": operator,
        "from_location": here,
        "to_location": there,
        "departs_at": f"2026-11-{departs}+01:00",
        "arrives_at": f"2026-11-{arrives}+01:00",
    }


def decision(rota: list[dict[str, Any]], refusals: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "network_version": "v1",
        "requested_at": "2026-11-23T09:00:00Z",  # 10:00 in Amsterdam
        "objective": "fastest",
        "rota": rota,
        "refusals": refusals,
    }


def refusal(location: str, reason: str) -> dict[str, Any]:
    return {"supplying_agency": None, "supplying_location": location, "reason": reason, "detail": "…"}


def printed(reply: dict[str, Any], sentence: str = "Who lends “De molen”?") -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    show_decision(console, "A story", sentence, reply, NAMES)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()).strip("\n")


def test_an_itinerary_is_a_small_timetable() -> None:
    others = [
        entry(2, supplying_agency="NL-0890990000", supplying_location="NL-0890991001", cost_cents=0, cost_parts=[]),
        entry(3, supplying_agency=None, supplying_location="NL-0899991001"),
    ]
    reply = decision([entry(1), *others], [refusal("NL-0890991001", "unavailable"), refusal("x", "unavailable")])
    assert (
        printed(reply)
        == """\
A story ────────────────────────────────────────────────────────────────────────────────────────────
Who lends “De molen”?
Bibliotheek Amsterdam Centrum, of OBA; at the counter on Wed 25 Nov 10:57 (2 days).

 stop                            arrives        leaves         trip and operator
 ───────────────────────────────────────────────────────────────────────────────
 Bibliotheek Amsterdam Centrum                  Tue 24 21:49   nacht-heen
                                                               Nachtdienst
 Hub Fers (Leeuwarden)           Wed 25 02:33   Wed 25 08:36   eiland-rond
                                                               Fers
 Bibliotheek Hollum              Wed 25 10:57

Cost: €10.75 (supplier €6.75, transport €4.00).
   if not, 2. Bibliotheek Spijkenisse [Noord], of de Boekenberg: Wed 25 Nov 10:57, nothing
   if not, 3. NL-0899991001: Wed 25 Nov 10:57, €10.75 (supplier €6.75, transport €4.00)
Not asked: 2 of the places that hold it.
   unavailable: Bibliotheek Spijkenisse [Noord] has lent out every copy (and 1 more)"""
    )


def test_the_own_shelf_needs_no_timetable() -> None:
    own = entry(1, legs=[], arrives_at="2026-11-23T14:00:00+01:00", cost_cents=0, cost_parts=[])
    assert (
        printed(decision([own], []))
        == """\
A story ────────────────────────────────────────────────────────────────────────────────────────────
Who lends “De molen”?
It stands on the own shelf; ready on Mon 23 Nov 14:00.
Cost: nothing."""
    )


def test_nobody_can_and_why() -> None:
    refusals = [
        refusal("NL-0890041009", "unreachable"),
        refusal("NL-0800071001", "not_loanable"),
        refusal("NL-0890991001", "not_loanable"),
        refusal("NL-0800071001", "something_new"),
    ]
    assert (
        printed(decision([], refusals))
        == """\
A story ────────────────────────────────────────────────────────────────────────────────────────────
Who lends “De molen”?
Nobody can supply it.
Not asked: 4 of the places that hold it.
   not_loanable: Bibliotheek Amsterdam Centrum keeps it as a reference copy (and 1 more)
   unreachable: Bibliotheek Hollum cannot be reached by any van
   something_new: Bibliotheek Amsterdam Centrum something new"""
    )


def test_only_the_next_three_are_named() -> None:
    assert "and 6 more" in printed(decision([entry(rank) for rank in range(1, 11)], []))


def test_every_reason_of_the_engine_has_words() -> None:
    assert set(REASONS) == {reason.value for reason in Reason}
