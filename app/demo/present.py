"""Recognises a database that holds the demonstration already, if only last month's, or somebody's own data."""

from __future__ import annotations

import csv

from app.database import Database
from app.demo.make import DemoFiles
from app.store.agencies import Filters, list_agencies, list_locations
from app.store.holders import find_holders

LOOK_UP_SECONDS = 60.0


async def holds_anything(database: Database) -> bool:
    """Say whether somebody's organisations or places are in this database."""
    async with database.connection() as connection:
        return bool(await list_agencies(connection, Filters(), after=None, limit=1)) or bool(
            await list_locations(connection, Filters(), after=None, limit=1)
        )


async def holds_demo(database: Database, files: DemoFiles) -> bool:
    """Say whether the most widespread of the invented titles is held; nobody else was given its ISBN."""
    with files.holdings.open(encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file))
    return (await find_holders(database, isbn=first["isbn"], seconds=LOOK_UP_SECONDS)).known
