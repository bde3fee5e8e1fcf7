"""Library systems as an adapter needs them: the kind, and where it is."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg


@dataclass(frozen=True, slots=True)
class System:
    """One installation. `address` is None where nothing is called."""

    kind: str
    address: str | None


async def find_system(connection: asyncpg.Connection, system: str) -> System | None:
    """Return a system by its id."""
    row = await connection.fetchrow("select kind, address from system where id = $1", system)
    return None if row is None else System(*row)


async def set_system(connection: asyncpg.Connection, system: str, *, kind: str, address: str | None) -> bool:
    """Say what a system is and where; False where there is none of this id."""
    done: str = await connection.execute(
        "update system set kind = $2, address = $3 where id = $1", system, kind, address
    )
    return done == "UPDATE 1"
