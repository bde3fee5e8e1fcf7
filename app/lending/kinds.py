"""The tasks that see to placements, by the names that they have in the table of tasks."""

from __future__ import annotations

PLACE, PLACE_BESIDE, LAPSE, FOLLOW, WITHDRAW = "place", "place_beside", "lapse", "follow", "withdraw"
