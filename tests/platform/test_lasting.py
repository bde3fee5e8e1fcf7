"""What lasts is kept from the collector, only where a process serves, and what does not last is still let go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
ASKED = """
import gc, weakref
from app.lasting import begin, set_aside

class Knot:
    def __init__(self): self.itself = self

set_aside()
before = gc.get_freeze_count()
begin()
kept = [[number] for number in range(5000)]
in_use = Knot()
seen = weakref.ref(in_use)
set_aside()
aside = gc.get_freeze_count()
del in_use
later = Knot()
other = weakref.ref(later)
del later
gc.collect()
gone_at_once = other() is None
set_aside()
print(before, aside > 5000, gone_at_once, seen() is None, gc.get_threshold()[0] > 700)
"""


def test_what_lasts_is_set_aside_where_a_process_serves() -> None:
    told = subprocess.run(
        [sys.executable, "-c", ASKED], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    assert told.stdout.split() == ["0", "True", "True", "True", "True"]
