"""Who waits for a title that is just being sent back."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg


async def titles_of(connection: asyncpg.Connection, loan: UUID) -> list[int]:
    """Return the titles that the open placement of a loan request is about; none without one."""
    found: list[int] | None = await connection.fetchval(
        "select titles from placement where loan_request = $1 and state <> 'closed' and not beside", loan
    )
    return found or []


async def list_waiting(connection: asyncpg.Connection, titles: Sequence[int], *, limit: int) -> list[UUID]:
    """Return loan requests for these titles that nobody has promised anything yet, the oldest first.

    One that takes any of several titles (volumes may share an ISBN) is among them where it takes all of these.
    """
    rows = await connection.fetch(
        """
        with asking as (
            select id, supplying, requesting, item, chosen, isbn, ppn from title_isbn join loan_request using (isbn)
             where title_id = any($1::bigint[]) and outcome is null
            union
            select id, supplying, requesting, item, chosen, isbn, ppn from title_ppn join loan_request using (ppn)
             where title_id = any($1::bigint[]) and outcome is null)
        select id from asking
         where supplying in ('nobody', 'asked', 'expecting')
           and requesting = 'waiting' and item = 'in_hand' and chosen is null
           and $1::bigint[] <@ array(select title_id from title_isbn where title_isbn.isbn = asking.isbn
                                     union select title_id from title_ppn where title_ppn.ppn = asking.ppn)
         order by id limit $2
        """,
        *(list(titles), limit),
    )
    return [row["id"] for row in rows]


async def take_over(
    connection: asyncpg.Connection, *, loan: UUID, number: int, other: UUID, before: int
) -> tuple[str | None, bool]:
    """Open a placement of `loan` for the copy of placement `before` of `other`, as shipped as that one is.

    The supplier's system keeps its receipt: for it the copy is still out. Returns (system, whether it has a receipt).
    """
    row = await connection.fetchrow(
        """
        insert into placement (loan_request, number, supplying_agency, supplying_location, system, titles, receipt,
                               state, forwarded, asked_at, placed_at, answered_at, shipped_at)
        select $1, $2, supplying_agency, supplying_location, system, titles, receipt, 'live', true, closed_at,
               closed_at, closed_at, closed_at
          from placement where loan_request = $3 and number = $4
        returning system, receipt is not null as known
        """,
        *(loan, number, other, before),
    )
    return row["system"], row["known"]
