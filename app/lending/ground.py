"""What whoever carries loan requests out stands on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.database import Database
from app.lending.clock import Clock
from app.lending.snapshot import Snapshot
from app.lending.systems import Systems


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The database, the network in memory, the systems, and the time."""

    database: Database
    snapshot: Snapshot
    systems: Systems
    clock: Clock
    lease: timedelta = timedelta(seconds=60)  # how long a task of a worker that died stays where it is
    private_receivers: bool = False  # whether webhooks may go to addresses that are not public


class LookAgain(Exception):  # noqa: N818 - says what to do
    """What a task waits for has not come yet: do it again after a while; not a failure."""
