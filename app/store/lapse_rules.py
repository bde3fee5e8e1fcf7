"""Lapse rules: after how many open days an unanswered placement passes on, by agency and service level."""

from __future__ import annotations

from typing import Any

import asyncpg

from routing.model import LapseRule

# '' in the table stands for every agency, every service level.
_RULE = "nullif(agency, '') as agency, nullif(service_level, '') as service_level, open_days"


async def lapse_days(connection: asyncpg.Connection, *, agency: str | None, service_level: str) -> int:
    """Return after how many open days an unanswered placement lapses: the most particular rule that there is.

    The agency counts before the service level: what it has agreed for all its answers beats what holds for everyone's
    at that level.
    """
    days: int = await connection.fetchval(
        "select open_days from lapse_rule where agency in ($1, '') and service_level in ($2, '')"
        " order by agency = '', service_level = '' limit 1",
        *(agency or "", service_level),
    )
    return days


async def list_rules(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return all rules, the most particular first; None in `agency` or `service_level`: every one."""
    rows = await connection.fetch(
        f"select {_RULE} from lapse_rule"  # noqa: S608 - only our own text
        " order by lapse_rule.agency = '', lapse_rule.agency, lapse_rule.service_level = '', lapse_rule.service_level"
    )
    return [dict(row) for row in rows]


async def load_rules(connection: asyncpg.Connection) -> tuple[LapseRule, ...]:
    """Return all rules as the engine wants them."""
    rows = await connection.fetch("select agency, service_level, open_days from lapse_rule order by 1, 2")
    return tuple(LapseRule(*row) for row in rows)


async def put_rule(
    connection: asyncpg.Connection, *, agency: str | None, service_level: str | None, open_days: int
) -> None:
    """Set a rule; None in `agency` or `service_level`: every one."""
    await connection.execute(
        "insert into lapse_rule (agency, service_level, open_days) values ($1, $2, $3)"
        " on conflict (agency, service_level) do update set open_days = excluded.open_days",
        *(agency or "", service_level or "", open_days),
    )


async def drop_rule(connection: asyncpg.Connection, *, agency: str | None, service_level: str | None) -> None:
    """Take a rule away, if there is one: the next particular one holds. That for everyone stays."""
    await connection.execute(
        "delete from lapse_rule where agency = $1 and service_level = $2 and (agency <> '' or service_level <> '')",
        *(agency or "", service_level or ""),
    )
