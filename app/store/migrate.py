"""Brings a database to the newest version of the tables; the versions stand in migrations/."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import asyncpg

HOME = Path(__file__).resolve().parents[2]


async def upgrade(url: str, revision: str = "head") -> None:
    """Migrate the database at `url` to `revision`; safe when several processes do it at once.

    One that has the newest version already is left alone, and what migrates is not even loaded.
    Raises OSError or asyncpg.PostgresError when the server cannot be reached.
    """
    if revision != "head" or await _version(url) != newest():
        await import_module("app.store.migrating").upgrade(url, revision)


def newest() -> str:
    """Return the newest version there is, by the names of the files: year_month_day_version_what.py."""
    return max(file.name.split("_")[3] for file in (HOME / "migrations" / "versions").glob("*_*_*_*_*.py"))


async def _version(url: str) -> str | None:
    connection = await asyncpg.connect(url, timeout=10.0, statement_cache_size=0)
    try:
        found: str | None = await connection.fetchval("select version_num from alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return found
