"""Makes the engine ready to run: a first decision on a network of two stops compiles its kernels."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import product

import numpy as np

from routing import (
    Agency,
    Holding,
    Location,
    Objective,
    Policy,
    Question,
    Register,
    RotaOrder,
    Route,
    Service,
    Stop,
    StopTimes,
    Timetable,
    Trip,
    compile_network,
    decide,
    unlearned,
)


def warm_up() -> None:
    """Decide once for each objective, for one supplier at a time and two, on vans from one stop by a hub to another.

    Takes seconds at worst.
    """
    network = compile_network(_TIMETABLE, cache_bytes=2**24)
    for objective, at_once in product(Objective, (1, 2)):
        decide(
            Question(pickup_location="c", requested_at=datetime(2026, 1, 5, tzinfo=UTC), objective=objective),
            [Holding("a", copies=1), Holding("c", copies=1)],
            network,
            _REGISTER,
            Policy(horizon_days=2, rota_order=RotaOrder.EXPECTED, at_once=at_once),
            unlearned(),
        )


_TIMETABLE = Timetable(
    version="warm-up",
    timezone="UTC",
    stops=(Stop("a"), Stop("b", handling_seconds=60), Stop("c")),
    routes=(Route("r", "warm-up"),),
    services=(Service("daily", (True, True, True, True, True, True, True), date(2026, 1, 1), date(2026, 1, 31)),),
    trips=(Trip("first", 0, 0), Trip("second", 0, 0)),
    stop_times=StopTimes(
        trip=np.array([0, 0, 1, 1], dtype=np.int32),
        stop=np.array([0, 1, 1, 2], dtype=np.int32),
        arrival=np.array([3600, 7200, 10800, 14400], dtype=np.int32),
        departure=np.array([3600, 7200, 10800, 14400], dtype=np.int32),
        pickup=np.array([True, True, True, True]),
        drop_off=np.array([True, True, True, True]),
    ),
)

_REGISTER = Register(
    agencies={"x": Agency("x", province="p", poi="q")},
    locations={stop: Location(stop, agency="x") for stop in ("a", "b", "c")},
)
