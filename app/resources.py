"""What lives as long as the process: settings, the database pool and the snapshot that decisions read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from app.database import Database, open_database
from app.lending.availability import Availability
from app.lending.clock import Clock
from app.lending.examine import Examiner
from app.lending.ground import Ground
from app.lending.listen import Waker
from app.lending.receivers import Receivers
from app.lending.snapshot import Snapshot
from app.lending.systems import Systems
from app.lending.vault import Vault
from app.people import Provider
from app.planning.drafts import Workshop
from app.planning.foresight import Foresight
from app.planning.loads import Loads
from app.planning.maps import Maps
from app.settings import Settings, keys_in


@dataclass(frozen=True, slots=True)
class Resources:
    """Opened once at start, in this order, and closed in the opposite one."""

    settings: Settings
    database: Database
    snapshot: Snapshot
    clock: Clock
    ground: Ground
    streams: Waker  # wakes all streams of events of this process, by one connection
    workshop: Workshop
    provider: Provider | None = None  # where people sign in
    examiner: Examiner = field(default_factory=Examiner)
    maps: Maps = field(default_factory=Maps)
    foresight: Foresight = field(default_factory=Foresight)
    loads: Loads = field(default_factory=Loads)
    # One run sheet is printed at a time: each keeps a processor busy, and they would only wait for each other.
    printing: asyncio.Lock = field(default_factory=asyncio.Lock)
    # One day is assigned at a time, for the same reason.
    assigning: asyncio.Lock = field(default_factory=asyncio.Lock)
    # So is one policy tried out at a time.
    trying: asyncio.Lock = field(default_factory=asyncio.Lock)
    # One import at a time: they would wait for each other in the database, and hold connections meanwhile.
    importing: asyncio.Lock = field(default_factory=asyncio.Lock)


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open everything at `settings.database_url`, which must be set by now.

    Raises ValueError without an address; OSError or asyncpg.PostgresError when the server cannot be reached.
    """
    if settings.database_url is None:
        raise ValueError("LEENPAD_DATABASE_URL is not set, and nobody started the embedded PostgreSQL")
    async with open_database(
        settings.database_url,
        pool_size=settings.pool_size,
        statement_cache_size=settings.statement_cache_size,
    ) as database:
        clock = Clock(settings.clock_since, settings.clock_speed)
        snapshot = Snapshot(
            database, horizon_days=settings.horizon_days, sweep_cache_mib=settings.sweep_cache_mib, clock=clock
        )
        systems = Systems(vault=Vault(keys_in(settings.secrets_key)), database=database)
        ground = Ground(
            database=database,
            snapshot=snapshot,
            systems=systems,
            clock=clock,
            lease=timedelta(seconds=settings.lease_seconds),
            retention_days=settings.retention_days,
            changes_days=settings.changes_days,
            responses_least=settings.responses_least,
            receivers=Receivers(private=settings.private_receivers),
            availability=Availability(systems, database),
            live_deadline_seconds=settings.live_deadline_ms / 1000,
            scan_grace=timedelta(minutes=settings.scan_grace_minutes),
        )
        await snapshot.start()
        foresight = Foresight()
        try:
            async with Waker(database) as streams:
                yield Resources(
                    settings=settings,
                    database=database,
                    snapshot=snapshot,
                    clock=clock,
                    ground=ground,
                    streams=streams,
                    provider=_provider(settings),
                    workshop=Workshop(database),
                    foresight=foresight,
                )
        finally:
            await foresight.close()
            await ground.receivers.close()
            if ground.availability is not None:
                await ground.availability.close()
            await systems.close()
            await snapshot.stop()


def _provider(settings: Settings) -> Provider | None:
    if not settings.oidc_issuer:
        return None
    secret = settings.oidc_client_secret
    return Provider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=None if secret is None else secret.get_secret_value() or None,
        claim=settings.oidc_claim,
    )
