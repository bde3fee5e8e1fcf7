"""Scenarios: what planners try, how far each is, and what it came to.

Whoever changes a scenario that is under way takes its task first and its row then, so that nobody waits in a ring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import orjson

KIND = "scenario"  # of the task that carries one out

Row = dict[str, Any]

UNDER_WAY = ("waiting", "running")


class UnknownScenario(Exception):  # noqa: N818 - named as the problem it becomes
    """There is no scenario of that id."""


class NoResult(Exception):  # noqa: N818 - named as the problem it becomes
    """A scenario has not come to its end, so there is nothing to show of it."""


class TooManyScenarios(Exception):  # noqa: N818 - named as the problem it becomes
    """So many wait already, or are kept, that no other is taken on."""


async def create_scenario(
    connection: asyncpg.Connection,
    *,
    name: str,
    base: str,
    definition: str,
    by: str | None,
    agency: str | None,
    at: datetime,
    most_under_way: int,
    most_kept: int,
) -> int:
    """Write a scenario that waits, and return its id. `definition` is a JSON text. Raises TooManyScenarios."""
    waiting, kept = await connection.fetchrow(
        "select count(*) filter (where state = any ($1)), count(*) from scenario", list(UNDER_WAY)
    )
    if waiting >= most_under_way:
        raise TooManyScenarios(f"{waiting} scenarios are under way already: wait for one, or cancel one.")
    if kept >= most_kept:
        raise TooManyScenarios(f"{kept} scenarios are kept already: delete one that is of no use any more.")
    return int(
        await connection.fetchval(
            "insert into scenario (name, base, definition, by, agency, created_at)"
            " values ($1, $2, $3, $4, $5, $6) returning id",
            *(name, base, definition, by, agency, at),
        )
    )


async def get_scenario(connection: asyncpg.Connection, id: int) -> Row:
    """Return a scenario with its summary. Raises UnknownScenario."""
    row = await connection.fetchrow(f"select {_COLUMNS}, summary from scenario where id = $1", id)  # noqa: S608
    if row is None:
        raise UnknownScenario(f"There is no scenario {id}.")
    return _read(row)


async def list_scenarios(connection: asyncpg.Connection, *, before: int | None, limit: int) -> list[Row]:
    """Return scenarios without their summaries, the newest first."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from scenario where $1::bigint is null or id < $1 order by id desc limit $2",  # noqa: S608
        *(before, limit),
    )
    return [_read(row) for row in rows]


async def begin_scenario(connection: asyncpg.Connection, id: int, at: datetime) -> Row | None:
    """Have a scenario run, from the beginning; None: it is not to be carried out any more."""
    row = await connection.fetchrow(
        f"update scenario set state = 'running', started_at = $2, done = 0, total = null, runs = runs + 1"  # noqa: S608
        f" where id = $1 and state = any ($3) returning {_COLUMNS}",
        *(id, at, list(UNDER_WAY)),
    )
    return None if row is None else _read(row)


async def note_progress(connection: asyncpg.Connection, id: int, *, done: int, total: int) -> None:
    """Write how far a scenario is, in decisions."""
    await connection.execute(
        "update scenario set done = $2, total = $3 where id = $1 and state = 'running'", id, done, total
    )


async def end_scenario(
    connection: asyncpg.Connection,
    id: int,
    *,
    at: datetime,
    total: int,
    summary: str | None = None,
    parts: Mapping[str, str] | None = None,
    error: str | None = None,
) -> None:
    """Write what a scenario came to: JSON texts, or what went wrong. `total` counts its decisions."""
    state = "failed" if summary is None else "done"
    await connection.execute(
        "update scenario set state = $2, ended_at = $3, summary = $4, error = $5,"
        " total = coalesce(total, nullif($6::bigint, 0)), done = case when $2 = 'done' then $6 else done end"
        " where id = $1",
        *(id, state, at, summary, error, total),
    )
    for part, document in (parts or {}).items():
        await connection.execute(
            "insert into scenario_part (scenario, part, document) values ($1, $2, $3)"
            " on conflict (scenario, part) do update set document = excluded.document",
            *(id, part, document),
        )


async def cancel_scenario(connection: asyncpg.Connection, id: int, at: datetime) -> bool:
    """Call a scenario off; False: it had come to an end already."""
    done = await connection.execute(
        "update scenario set state = 'cancelled', ended_at = $2 where id = $1 and state = any ($3)",
        *(id, at, list(UNDER_WAY)),
    )
    return bool(done == "UPDATE 1")


async def delete_scenario(connection: asyncpg.Connection, id: int) -> None:
    """Forget a scenario."""
    await connection.execute("delete from scenario where id = $1", id)


async def list_part(
    connection: asyncpg.Connection, id: int, part: str, *, after: int, limit: int | None
) -> list[Sequence[Any]]:
    """Return rows of a table of a scenario, from number `after` on. Raises NoResult."""
    found = await connection.fetchrow(
        "select (select coalesce(json_agg(row.value), '[]'::json) from (select each.value from"
        " json_array_elements(document) with ordinality each (value, number)"
        " where number > $3 order by number limit $4) row) as rows"
        " from scenario_part where scenario = $1 and part = $2",
        *(id, part, after, limit),
    )
    if found is None:
        raise NoResult("The scenario has not come to its end, so there is nothing to show yet.")
    rows: list[Sequence[Any]] = orjson.loads(found["rows"])
    return rows


_COLUMNS = "id, name, base, definition, by, agency, state, done, total, runs, created_at, started_at, ended_at, error"


def _read(row: asyncpg.Record) -> Row:
    found = dict(row)
    for name in ("definition", "summary"):
        if found.get(name) is not None:
            found[name] = orjson.loads(found[name])
    return found
