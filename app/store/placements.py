"""Placements: who has been asked, under which key, until when, and how it ended.

One leads: the state of its loan request speaks of it. Where a policy wants two asked at once, another may be open
beside it. What is being asked and not wanted any more stays open until it is known whether its system has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

ASKING, LIVE, CLOSED = "asking", "live", "closed"
OUT_OF_REACH, NO_LONGER_WANTED = "SystemOutOfReach", "NoLongerWanted"
"""Reasons of placements that ended before their supplier heard of them. None of ISO 18626's says it."""

DECLINED = f"""("end" in ('Unfilled', 'RetryPossible') or "end" = 'PlacementRefused'
                and coalesce(reason, '') not in ('{OUT_OF_REACH}', '{NO_LONGER_WANTED}'))"""
"""In SQL: the supplier said no. What never reached a supplier it has not declined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One supplier asked once. `system` is None where it answers by hand; `receipt` is the system's name for it.

    `untouched`: its system surely has nothing of it. `beside`: it does not lead. `let_go`: it is no longer wanted,
    and its system is still being asked. `expected_at` is when its item would arrive, as was reckoned when it was
    chosen. Nobody is asked beside one that is to be `alone`. `end` is the event that closed it.
    """

    loan_request: UUID
    number: int
    supplying_agency: str | None
    supplying_location: str
    system: str | None
    receipt: str | None
    state: str
    untouched: bool
    beside: bool
    let_go: bool
    alone: bool
    end: str | None
    expected_at: datetime | None
    asked_at: datetime
    placed_at: datetime | None
    lapses_at: datetime | None
    shipped_at: datetime | None

    @property
    def key(self) -> str:
        """The idempotency key that the system hears: the same however often it is asked."""
        return f"{self.loan_request}-{self.number}"


class Committed(NamedTuple):
    """How many copies at a location are spoken for: not shipped yet, and in all (on their way or lent too)."""

    unshipped: int
    all: int


_COLUMNS = (
    "loan_request, number, supplying_agency, supplying_location, system, receipt, state, untouched, beside, let_go,"
    ' alone, "end",'
    " expected_at, asked_at, placed_at, lapses_at, shipped_at"
)


async def find_titles(connection: asyncpg.Connection, *, isbn: str | None, ppn: str | None) -> list[int]:
    """Return the titles that an ISBN or PPN names, in order."""
    rows = await connection.fetch(
        "select title_id from title_isbn where isbn = $1 union select title_id from title_ppn where ppn = $2"
        " order by title_id",
        *(isbn, ppn),
    )
    return [row["title_id"] for row in rows]


async def lock_titles(connection: asyncpg.Connection, titles: Sequence[int]) -> None:
    """Make whoever places one of these titles wait for the end of this transaction: a copy is promised only once."""
    for title in titles:  # in order, so that two never wait for each other in a ring
        await connection.execute("select pg_advisory_xact_lock(hashtextextended('title ' || $1::bigint, 0))", title)


async def committed(connection: asyncpg.Connection, titles: Sequence[int]) -> dict[str, Committed]:
    """Return by location how many copies of these titles open placements have spoken for."""
    rows = await connection.fetch(
        """
        select supplying_location, count(*) filter (where shipped_at is null) as unshipped, count(*) as whole
          from placement
         where state <> 'closed' and titles && $1::bigint[]
           and supplying_location in (select location from holding where title_id = any($1)
                                      union select location from floated_item
                                             where title_id = any($1) and ended_at is null)
         group by supplying_location
        """,
        list(titles),
    )
    return {row["supplying_location"]: Committed(row["unshipped"], row["whole"]) for row in rows}


async def open_placement(
    connection: asyncpg.Connection,
    *,
    loan: UUID,
    number: int,
    agency: str | None,
    location: str,
    system: str | None,
    titles: Sequence[int],
    expected_at: datetime,
    at: datetime,
    beside: bool,
    alone: bool,
) -> Placement:
    """Write down that a supplier is going to be asked, before it is: one beside another by a task of its own."""
    row = await connection.fetchrow(
        "insert into placement (loan_request, number, supplying_agency, supplying_location, system, titles, state,"  # noqa: S608
        " expected_at, asked_at, beside, untouched, alone)"
        " values ($1, $2, $3, $4, $5, $6, 'asking', $7, $8, $9, $9, $10)"
        f" returning {_COLUMNS}",
        *(loan, number, agency, location, system, list(titles), expected_at, at, beside, alone),
    )
    return Placement(**row)


class Both(NamedTuple):
    """The two placements of a loan request that may be open: the one that leads, and the one beside it."""

    lead: Placement | None
    beside: Placement | None


async def find_both(connection: asyncpg.Connection, loan: UUID) -> Both:
    """Return both as they are at one moment: whom the state speaks of, and who may take its place."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from placement where loan_request = $1 and state <> 'closed' and not let_go",  # noqa: S608
        loan,
    )
    found = {row["beside"]: Placement(**row) for row in rows}
    return Both(found.get(False), found.get(True))


async def find_lead(connection: asyncpg.Connection, loan: UUID) -> Placement | None:
    """Return the placement that the state of a loan request speaks of; None where nobody has it."""
    return (await find_both(connection, loan)).lead


async def find_beside(connection: asyncpg.Connection, loan: UUID) -> Placement | None:
    """Return the placement that is asked beside the one that leads, and may still take its place."""
    return (await find_both(connection, loan)).beside


async def note_leads(connection: asyncpg.Connection, placement: Placement) -> None:
    """Note that a placement leads from now on; none does at this moment."""
    await connection.execute(
        "update placement set beside = false where loan_request = $1 and number = $2",
        *(placement.loan_request, placement.number),
    )


async def note_let_go(connection: asyncpg.Connection, placement: Placement) -> None:
    """Note that a placement whose system is being asked is no longer wanted."""
    await connection.execute(
        "update placement set let_go = true where loan_request = $1 and number = $2",
        *(placement.loan_request, placement.number),
    )


async def get_placement(connection: asyncpg.Connection, loan: UUID, number: int) -> Placement:
    """Return a placement that is known to exist."""
    row = await connection.fetchrow(
        f"select {_COLUMNS} from placement where loan_request = $1 and number = $2",  # noqa: S608
        loan,
        number,
    )
    return Placement(**row)


async def note_placed(
    connection: asyncpg.Connection, placement: Placement, *, receipt: str | None, at: datetime, lapses_at: datetime
) -> None:
    """Note that the supplier has it."""
    await connection.execute(
        "update placement set state = 'live', receipt = $3, placed_at = $4, lapses_at = $5"
        " where loan_request = $1 and number = $2",
        *(placement.loan_request, placement.number, receipt, at, lapses_at),
    )


async def note_untouched(connection: asyncpg.Connection, placement: Placement, *, untouched: bool) -> None:
    """Note whether a system surely has nothing of a placement that it is being asked for."""
    await connection.execute(
        "update placement set untouched = $3 where loan_request = $1 and number = $2",
        *(placement.loan_request, placement.number, untouched),
    )


async def move_lapse(connection: asyncpg.Connection, placement: Placement, *, lapses_at: datetime) -> None:
    """Note that a placement lapses at another moment."""
    await connection.execute(
        "update placement set lapses_at = $3 where loan_request = $1 and number = $2",
        *(placement.loan_request, placement.number, lapses_at),
    )


async def note_answered(connection: asyncpg.Connection, placement: Placement, *, at: datetime) -> None:
    """Note when the supplier first answered."""
    await connection.execute(
        "update placement set answered_at = coalesce(answered_at, $3) where loan_request = $1 and number = $2",
        *(placement.loan_request, placement.number, at),
    )


async def note_shipped(connection: asyncpg.Connection, placement: Placement, *, at: datetime) -> None:
    """Note when the supplier sent it."""
    await connection.execute(
        "update placement set shipped_at = $3 where loan_request = $1 and number = $2",
        *(placement.loan_request, placement.number, at),
    )


async def close_placement(
    connection: asyncpg.Connection, placement: Placement, *, end: str, reason: str | None, at: datetime
) -> None:
    """Close a placement; `end` is the event that did."""
    await connection.execute(
        """update placement set state = 'closed', "end" = $3, reason = $4, closed_at = $5
            where loan_request = $1 and number = $2""",
        *(placement.loan_request, placement.number, end, reason, at),
    )


async def list_placements(connection: asyncpg.Connection, loan: UUID) -> list[dict[str, Any]]:
    """Return everyone who was asked, in order."""
    rows = await connection.fetch(
        'select number, supplying_agency, supplying_location, system, beside, state, "end", reason, asked_at,'
        " placed_at, lapses_at, answered_at, closed_at, let_go and state <> 'closed' as let_go"
        " from placement where loan_request = $1 order by number",
        loan,
    )
    return [dict(row) for row in rows]


class ComingBack(NamedTuple):
    """An order of a loan request that was let go, and that its system still has, for all that is known."""

    location: str
    system: str | None
    since: datetime


async def list_coming_back(connection: asyncpg.Connection, loan: UUID) -> list[ComingBack]:
    """Return what systems still have to give back, and are still asked for."""
    rows = await connection.fetch(
        """
        select supplying_location, system, coalesce(closed_at, asked_at) from placement
          join task on subject = loan_request || '-' || number
         where loan_request = $1 and kind in ('withdraw', 'place_beside') and dead_at is null
           and ("end" = 'LetGo' or let_go and state <> 'closed')
        """,
        loan,
    )
    return [ComingBack(*row) for row in rows]


async def find_last_of(connection: asyncpg.Connection, loan: UUID, agency: str) -> int | None:
    """Return the number of the last placement of an agency; None: it was never asked."""
    found: int | None = await connection.fetchval(
        "select max(number) from placement where loan_request = $1 and supplying_agency = $2", loan, agency
    )
    return found


async def note_alone(connection: asyncpg.Connection, placement: Placement) -> None:
    """Note that nobody is to be asked beside a placement."""
    await connection.execute(
        "update placement set alone = true where loan_request = $1 and number = $2",
        *(placement.loan_request, placement.number),
    )


async def is_its_last(connection: asyncpg.Connection, placement: Placement) -> bool:
    """Return whether the location of a placement was not asked for its loan request again since."""
    found: bool = await connection.fetchval(
        "select not exists (select from placement"
        " where loan_request = $1 and number > $2 and supplying_location = $3)",
        *(placement.loan_request, placement.number, placement.supplying_location),
    )
    return found


async def receipts_of_others(connection: asyncpg.Connection, placement: Placement) -> list[str]:
    """Return what the system of a placement calls the orders of others that bind a copy of it."""
    rows = await connection.fetch(
        "select receipt from placement where system = $1 and state <> 'closed' and receipt is not null"
        " and loan_request <> $2",
        *(placement.system, placement.loan_request),
    )
    return [row["receipt"] for row in rows]


async def is_another_s(connection: asyncpg.Connection, placement: Placement, receipt: str) -> bool:
    """Return whether the system of a placement calls another order so that binds a copy of it."""
    found: bool = await connection.fetchval(
        "select exists (select from placement where system = $1 and receipt = $2 and state <> 'closed'"
        " and (loan_request, number) <> ($3, $4))",
        *(placement.system, receipt, placement.loan_request, placement.number),
    )
    return found
