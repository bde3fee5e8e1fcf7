"""Keeps to what suppliers take in a day, to the last one, while others are asking the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from app.database import Connection
from app.lending.burdens import day_bounds, succeeded
from app.store.burdens import count_asked, lock_days
from routing import Register, RotaEntry
from routing.fairness import is_full, limited


def keeps_to_so_many(entry: RotaEntry) -> bool:
    """Say whether a supplier has said how often it may be asked in a day, by whoever asks here."""
    return entry.burden is not None and limited(entry.burden)


async def asked_enough(
    connection: Connection, rota: Sequence[RotaEntry], register: Register, *, at: datetime
) -> frozenset[str]:
    """Return which locations have been asked on the day of `at` as often as they may be.

    Until the transaction ends nobody else asks one that keeps to so many a day.
    """
    await lock_days(connection)
    since, _ = day_bounds(at.astimezone(ZoneInfo(register.timezone)).date(), register)
    asked, asked_here = await count_asked(connection, since=since)
    together = succeeded(asked, register, at)
    full = set()
    for entry in rota:
        if entry.burden is None:
            continue
        here = asked_here.get(entry.supplying_location, 0)
        agency = entry.supplying_agency
        now = entry.burden._replace(
            placed_today=here if agency is None else together.get(agency, 0), placed_here_today=here
        )
        if is_full(now):
            full.add(entry.supplying_location)
    return frozenset(full)
