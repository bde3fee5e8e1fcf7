"""Recognises a database that holds the demonstration already, if only last month's."""

from __future__ import annotations

import csv

from app.database import Database
from app.demo.make import DemoFiles
from app.store.holders import find_holders


async def holds_demo(database: Database, files: DemoFiles) -> bool:
    """Say whether the most widespread of the invented titles is held; nobody else was given its ISBN."""
    with files.holdings.open(encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file))
    async with database.connection() as connection:
        holders = await find_holders(connection, isbn=first["isbn"])
    return holders.known
