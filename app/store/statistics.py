"""How well it goes: counts and turnaround by agency, province, POI or month; docs/statistics.md defines each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import asyncpg

from app.store.placements import DECLINED
from app.store.register import TIMEZONE

By = Literal["whole", "agency", "province", "poi", "month"]
Group = str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Moments, `since` included and `until` not, and whose figures: those of `agencies` (None: everyone's)."""

    since: datetime
    until: datetime
    agencies: Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Which agencies somebody may see; None in a field asks for nothing."""

    agency: str | None = None
    province: str | None = None
    poi: str | None = None


# Where an agency belongs is looked up as the register has it now; `{0}` is the column that names the agency.
_REGISTERED = "left join agency a on a.isil = {0} left join province p on p.code = a.province"
_GROUPS: dict[By, str] = {
    "whole": "null::text",
    "agency": "{0}",
    "province": "a.province",
    "poi": "coalesce(a.poi, p.poi)",
    "month": "to_char({1} at time zone '" + TIMEZONE + "', 'YYYY-MM')",
}


def _grouped(by: By, agency: str, moment: str) -> tuple[str, str]:
    """Return what to group by, and the join that it needs."""
    return _GROUPS[by].format(agency, moment), _REGISTERED.format(agency) if by in ("province", "poi") else ""


def _within(agency: str, moment: str) -> str:
    return f"{moment} >= $1 and {moment} < $2 and ($3::text[] is null or {agency} = any($3))"


def _leg(since: str, until: str, name: str) -> str:
    """Count a leg of the way, and its median and 90th percentile in seconds; what lacks an end is not counted."""
    seconds = f"extract(epoch from {until} - {since})::float8"
    return (
        f"count({seconds}) as {name}_count,"
        f" percentile_cont(array[0.5, 0.9]) within group (order by {seconds}) as {name}_percentiles"
    )


async def read_requesting(connection: asyncpg.Connection, scope: Scope, by: By) -> dict[Group, dict[str, Any]]:
    """Return what became of the loan requests that were submitted in the period, by group of who asked."""
    group, join = _grouped(by, "requesting_agency", "submitted_at")
    return await _read(
        connection,
        scope,
        f"""
        select {group} as "group", count(*) as submitted, count(received_at) as delivered,
               count(*) filter (where outcome = 'unfilled') as unfilled,
               count(*) filter (where outcome = 'cancelled') as cancelled,
               count(*) filter (where outcome is null and received_at is null) as open,
               {_leg("shipped_at", "received_at", "transport")}, {_leg("received_at", "returned_at", "shelf")},
               {_leg("submitted_at", "received_at", "whole")}
          from loan_request {join} where {_within("requesting_agency", "submitted_at")} group by 1
        """,  # noqa: S608 - only our own text
    )


async def read_supplying(connection: asyncpg.Connection, scope: Scope, by: By) -> dict[Group, dict[str, Any]]:
    """Return what became of the questions that were asked in the period, by group of who was asked."""
    group, join = _grouped(by, "supplying_agency", "asked_at")
    return await _read(
        connection,
        scope,
        f"""
        select {group} as "group", count(*) as asked, count(shipped_at) as shipped,
               count(*) filter (where {DECLINED}) as declined,
               count(*) filter (where "end" = 'Lapsed') as lapsed,
               count(*) filter (where state = 'closed' and shipped_at is null
                                      and "end" <> 'Lapsed' and not {DECLINED}) as withdrawn,
               count(*) filter (where state <> 'closed' and shipped_at is null) as waiting,
               {_leg("placed_at", "answered_at", "answer")}, {_leg("answered_at", "shipped_at", "pull")}
          from placement {join} where {_within("supplying_agency", "asked_at")} and {_ASKED} group by 1
        """,  # noqa: S608 - only our own text
    )


_ASKED = "not forwarded"  # for what came straight from another reader nobody was asked


async def read_declines(
    connection: asyncpg.Connection, scope: Scope, by: By, *, reasons: Sequence[str]
) -> dict[Group, dict[str, int]]:
    """Return why those who were asked in the period declined, by group: each of `reasons`, Other, or NotStated.

    A reason in other words stays out of sight: who wrote it may have written of a reader.
    """
    group, join = _grouped(by, "supplying_agency", "asked_at")
    rows = await connection.fetch(
        f"""
        select {group} as "group", case when reason = any($4) then reason when reason is null then 'NotStated'
                                        else 'Other' end as why, count(*) as count
          from placement {join} where {_within("supplying_agency", "asked_at")} and {DECLINED} group by 1, 2
        """,  # noqa: S608 - only our own text
        *(scope.since, scope.until, scope.agencies, list(reasons)),
    )
    found: dict[Group, dict[str, int]] = {}
    for row in sorted(rows, key=lambda row: row["why"]):
        found.setdefault(row["group"], {})[row["why"]] = row["count"]
    return found


async def read_balance(connection: asyncpg.Connection, scope: Scope, by: By) -> dict[Group, dict[str, Any]]:
    """Return how many items were sent in the period by each group, and to it."""
    group, join = _grouped(by, "side", "shipped_at")
    sides = " union all ".join(
        f"select {side} as side, shipped_at, '{side}' = 'supplying_agency' as lent from loan_request"  # noqa: S608
        f" where {_within(side, 'shipped_at')} and supplying_agency is not null"
        for side in ("supplying_agency", "requesting_agency")
    )
    return await _read(
        connection,
        scope,
        f"""
        select {group} as "group", count(*) filter (where lent) as lent,
               count(*) filter (where not lent) as borrowed
          from ({sides}) sent {join} group by 1
        """,  # noqa: S608 - only our own text
    )


async def _read(connection: asyncpg.Connection, scope: Scope, query: str) -> dict[Group, dict[str, Any]]:
    rows = await connection.fetch(query, scope.since, scope.until, scope.agencies)
    return {row["group"]: dict(row) for row in rows}


async def list_isils(connection: asyncpg.Connection, wanted: Shares) -> list[str]:
    """Return the agencies that the register has in a province and a POI, as it stands now."""
    rows = await connection.fetch(
        """
        select isil from agency left join province on province.code = agency.province
         where ($1::text is null or isil = $1) and ($2::text is null or province = $2)
           and ($3::text is null or coalesce(agency.poi, province.poi) = $3) order by isil
        """,
        *(wanted.agency, wanted.province, wanted.poi),
    )
    return [row["isil"] for row in rows]
