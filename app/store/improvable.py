"""Loan requests whose supplier was asked and has not answered: another could still serve them."""

from __future__ import annotations

from uuid import UUID

import asyncpg


async def list_improvable(connection: asyncpg.Connection, *, before: UUID | None, limit: int) -> list[UUID]:
    """Return those that lie with a supplier without an answer, and that nobody chose it for: the newest first.

    Those for which two were asked at once are left as they are, also where one has said no since. `before`: only
    those that came before it.
    """
    rows = await connection.fetch(
        "select id from loan_request where outcome is null and supplying = 'asked' and requesting = 'waiting'"
        " and item = 'in_hand' and chosen is null and ($1::uuid is null or id < $1)"
        " and not exists (select from placement where loan_request = loan_request.id and beside)"
        " order by id desc limit $2",
        *(before, limit),
    )
    return [row["id"] for row in rows]
