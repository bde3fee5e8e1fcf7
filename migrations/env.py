"""How alembic reaches the database: over a connection it is handed, or the one LEENPAD_DATABASE_URL names."""

from __future__ import annotations

import asyncio
import os

from alembic import context
from sqlalchemy import Connection, text

from app.store.migrating import engine_at
from app.store.tables import metadata

# Several processes may start at once: the first one migrates, the others wait and then find nothing to do.
LOCK = text("select pg_advisory_xact_lock(hashtext('leenpad.migrate'))")


def run(connection: Connection) -> None:
    """Run what was asked for in one transaction, behind one lock."""
    context.configure(connection=connection, target_metadata=metadata, compare_server_default=True)
    with context.begin_transaction():
        connection.execute(LOCK)
        context.run_migrations()


async def run_at(url: str) -> None:
    """Open a connection of our own for alembic's command line."""
    async with engine_at(url) as engine, engine.connect() as connection:
        await connection.run_sync(run)


handed_down: Connection | None = context.config.attributes.get("connection")
if context.is_offline_mode():
    raise SystemExit("alembic --sql is not supported: the migrations seed rows, run them against a database")
if handed_down is not None:
    run(handed_down)
elif url := os.environ.get("LEENPAD_DATABASE_URL"):
    asyncio.run(run_at(url))
else:
    raise SystemExit("set LEENPAD_DATABASE_URL (postgresql://…) to say which database to migrate")
