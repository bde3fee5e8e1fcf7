"""What lasts is kept from the collector, and only where a process serves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
ASKED = """
import gc
from app.lasting import begin, set_aside
set_aside(whole=True)
before = gc.get_freeze_count()
begin()
kept = [[number] for number in range(5000)]
set_aside(whole=True)
aside = gc.get_freeze_count()
class Knot: pass
knot = Knot(); knot.itself = knot; del knot
more = [[number] for number in range(5000)]
set_aside(whole=False)
print(before, aside > 5000, gc.get_freeze_count() >= aside + 4000, gc.get_threshold()[0] > 700)
"""


def test_what_lasts_is_set_aside_where_a_process_serves() -> None:
    told = subprocess.run(
        [sys.executable, "-c", ASKED], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    assert told.stdout.split() == ["0", "True", "True", "True"]
