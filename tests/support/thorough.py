"""How much is drawn: enough for every day, or with LEENPAD_TEST_THOROUGH=1 more of what takes long."""

from __future__ import annotations

import os

THOROUGH = bool(os.environ.get("LEENPAD_TEST_THOROUGH"))


def draws(usual: int, *, thorough: int) -> int:
    """Return how many examples a test draws."""
    return thorough if THOROUGH else usual
