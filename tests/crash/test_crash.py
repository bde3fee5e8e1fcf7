"""Nothing is lost and nothing is done twice, whatever is killed when.

The whole one, with 2,000 loan requests, 50 kills and 5 restarts of PostgreSQL, takes some minutes:

    LEENPAD_CRASH=full ./run test tests/crash -s

LEENPAD_CRASH_SEED plays another one; a short one is played with all the other tests.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.crash.scene import Plan, play

SEED = int(os.environ.get("LEENPAD_CRASH_SEED", "1"))
FULL = Plan(requests=2000, kills=50, restarts=5, seed=SEED, speed=1500, gap_seconds=5.0, most_seconds=1500)
SHORT = Plan(requests=120, kills=6, restarts=1, seed=SEED, speed=10_000, gap_seconds=1.2, most_seconds=300)


def test_nothing_is_lost_and_nothing_is_done_twice(tmp_path: Path) -> None:
    plan = FULL if os.environ.get("LEENPAD_CRASH") == "full" else SHORT
    faults, figures = play(plan, tmp_path)
    print(json.dumps(figures, indent=1))  # noqa: T201 - shown with -s, and where it fails
    assert faults == []
    assert sum(figures["outcomes"].values()) == plan.requests
    assert sum(figures["killed"].values()) == plan.kills
