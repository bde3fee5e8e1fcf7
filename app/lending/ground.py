"""What whoever carries loan requests out stands on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from app.database import Database
from app.lending.availability import Availability
from app.lending.clock import Clock
from app.lending.receivers import Receivers
from app.lending.snapshot import Snapshot
from app.lending.systems import Systems


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The database, the network in memory, the systems, the time, and those who are told."""

    database: Database
    snapshot: Snapshot
    systems: Systems
    clock: Clock
    lease: timedelta = timedelta(seconds=60)  # how long a task of a worker that died stays where it is
    retention_days: int = 365  # how long an ended loan request keeps what could point at a person
    changes_days: int = 730  # how long the log of changes goes back
    responses_least: int = 200  # of fewer answers nothing is learned
    receivers: Receivers = field(default_factory=Receivers)
    availability: Availability | None = None  # who asks library systems what stands on the shelf; None: nobody
    live_deadline_seconds: float = 0.8  # how long a decision waits for them
    scan_grace: timedelta = timedelta(minutes=15)  # how long after it should have left a van still stands there
    # One page of a harvest lands at a time: they would wait for each other in the database, each with a connection.
    landing: asyncio.Lock = field(default_factory=asyncio.Lock)


class LookAgain(Exception):  # noqa: N818 - says what to do
    """What a task waits for has not come yet: do it again after a while; not a failure."""


class ForPeople(Exception):  # noqa: N818 - says whom it is for
    """Something that no further attempt will change: people must see to it, and find it as a dead letter at once."""
