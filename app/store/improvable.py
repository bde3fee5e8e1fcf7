"""Loan requests whose supplier was asked and has not answered: another could still serve them."""

from __future__ import annotations

from uuid import UUID

import asyncpg


async def list_improvable(connection: asyncpg.Connection, *, limit: int) -> list[UUID]:
    """Return those that lie with a supplier without an answer, and that nobody chose it for: the newest first."""
    rows = await connection.fetch(
        "select id from loan_request where outcome is null and supplying = 'asked' and requesting = 'waiting'"
        " and item = 'in_hand' and chosen is null order by id desc limit $1",
        limit,
    )
    return [row["id"] for row in rows]
