"""Looks at how sound a network is: seconds of work on a large one, so one look at a time, and its answer is kept."""

from __future__ import annotations

import asyncio
from datetime import date

from app.aside import aside
from routing import Health, Network, Register, examine, with_unserved

NAME_BYTES = 64  # what an id in an answer weighs, roughly


class Examiner:
    """Examines networks in a thread; whoever asks meanwhile waits for their turn."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def examine(
        self, network: Network, register: Register, *, since: date | None, until: date | None
    ) -> Health:
        """Return the health of `network` from `since` to `until` (included; None is the calendar's end).

        Only the network is kept an answer of: which locations it passes by is looked up in this very `register`.
        """
        first = None if since is None or since.toordinal() <= network.days.first else since
        last = None if until is None or until.toordinal() >= network.days.last else until
        key = ("health", first, last)
        async with self._turn:
            health: Health | None = network.cache.find(key)
            if health is None:
                health = await aside(examine, network, since=first, until=last)
                network.cache.keep(key, health, size_bytes=_weight(health))
        return with_unserved(health, network, register)


def _weight(health: Health) -> int:
    lists = (health.main_hubs, health.not_reached, health.not_sending, *(p.cut_off for p in health.single_points))
    return NAME_BYTES * (1 + sum(1 + len(names) for names in lists))
