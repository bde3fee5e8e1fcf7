"""One question to a drawn timetable, one line of answer."""

from __future__ import annotations

from datetime import datetime

from routing import (
    Holding,
    Location,
    Objective,
    Policy,
    Question,
    Register,
    Timetable,
    Weights,
    compile_network,
    decide,
)
from tests.support.worlds import AMSTERDAM, told


def ask(
    timetable: Timetable,
    way: str,
    at: str,
    *,
    objective: Objective = Objective.FASTEST,
    need_before: str | None = None,
    horizon_days: int = 35,
    weights: Weights | None = None,
) -> str:
    """Send an item along `way` ("A to B") that is ready `at` a moment on the Amsterdam clock.

    The answer is its itinerary, or the reason why there is none.
    """
    start, to = way.split(" to ")
    decision = decide(
        Question(
            pickup_location=to,
            requested_at=moment(at),
            objective=objective,
            need_before=None if need_before is None else moment(need_before),
        ),
        [Holding(start, 1)],
        compile_network(timetable),
        Register({}, {to: Location(to)}),
        Policy(horizon_days=horizon_days, weights=weights or Weights()),
    )
    if decision.refusals:
        return decision.refusals[0].reason.value
    (entry,) = decision.rota
    assert entry.handlings == max(0, len(entry.legs) - 1)
    assert not entry.legs or entry.legs[-1].arrives_at == entry.arrives_at
    return told(entry.legs)


def moment(text: str) -> datetime:
    """A moment on the Amsterdam clock, or with an offset of its own."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=AMSTERDAM)
