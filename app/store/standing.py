"""What stands at this moment: the active network version, and how often what processes keep in memory has changed."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import asyncpg

from routing.model import Tariff


class Standing(NamedTuple):
    """Equal only when nothing has changed: the id of the active version (None: none is), and the counters.

    A new `day` (in the Netherlands) changes which agencies use which system.
    """

    version: str | None
    register: int
    keys: int
    day: date | None = None
    responses: int = 0  # how often it was learned how suppliers answer


# As columns of one row, so that a query for something else can bring them along.
STANDING_SQL = """
(select version.id
   from network_activation activation join network_version version on version.number = activation.version
  where activation.undone_at is null order by activation.id desc limit 1) as active_version,
coalesce((select number from epoch where of = 'register'), 0) as register_epoch,
coalesce((select number from epoch where of = 'keys'), 0) as keys_epoch,
(now() at time zone 'Europe/Amsterdam')::date as day,
coalesce((select number from epoch where of = 'responses'), 0) as responses_epoch
"""


async def read_standing(connection: asyncpg.Connection) -> Standing:
    """Return what stands now."""
    row = await connection.fetchrow(f"select {STANDING_SQL}")
    return Standing(
        row["active_version"], row["register_epoch"], row["keys_epoch"], row["day"], row["responses_epoch"]
    )


async def list_tariffs(connection: asyncpg.Connection) -> list[tuple[date, Tariff]]:
    """Return every tariff with the first day that it is valid, the newest first."""
    rows = await connection.fetch(
        "select valid_from, supplier_cents, transport_cents from tariff order by valid_from desc"
    )
    return [(row["valid_from"], Tariff(row["supplier_cents"], row["transport_cents"])) for row in rows]
