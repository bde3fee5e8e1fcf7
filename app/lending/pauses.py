"""Time that does not count: days on which the network, or whoever supplies, stands still."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from routing import Period, Register, open_days_later

DAY = timedelta(days=1)


def pauses_of(register: Register, *, agency: str | None, location: str | None, now: datetime) -> tuple[Period, ...]:
    """Return the suspensions that hold a supplier up: its own, its agency's, its POI's and the whole network's.

    One without an end is taken to last until tomorrow: whoever counts then counts again.
    """
    suppliers = (register.locations.get(location or ""), register.agencies.get(agency or ""))
    known = [supplier for supplier in suppliers if supplier is not None]
    # Whose vans fetch it: the location's own POI, or else the agency's.
    poi = next((supplier.poi for supplier in known if supplier.poi is not None), None)
    found = [*register.suspensions, *register.pois.get(poi or "", ())]
    for supplier in known:
        found += supplier.suspensions
    return tuple(
        pause if pause.until is not None else replace(pause, until=max(now, pause.since or now) + DAY)
        for pause in found
    )


def days_later(since: datetime, days: int, *, pauses: tuple[Period, ...], timezone: str) -> datetime:
    """Return the moment `days` after `since`, moved along by every whole day of the pauses in between."""
    plain = since + timedelta(days=days)
    if not pauses:
        return plain
    counted = open_days_later(since, days, opening_hours="", timezone=timezone, pauses=pauses)
    uncounted = open_days_later(since, days, opening_hours="", timezone=timezone)
    if counted is None or uncounted is None:  # it stands still for longer than anybody plans
        return plain
    return plain + timedelta(days=(counted.date() - uncounted.date()).days)
