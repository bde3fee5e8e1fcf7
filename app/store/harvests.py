"""How far the harvest of each system is: its schedule, its runs, and what could not be taken in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from app.store.agencies import UnknownSystem

Row = dict[str, Any]
MOST_REJECTS = 100  # reasons kept of a run
MOST_RUNS = 50  # runs kept of a system
SHOWN_RUNS = 10
SHOWN_BRANCHES = 100


class NothingToConfirm(Exception):  # noqa: N818 - named as the problem it becomes
    """No run of this number waits for anybody to confirm it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How often a system is harvested; None: only when asked. See app.store.tables for each."""

    interval_seconds: int | None = None
    whole_interval_seconds: int | None = None
    overlap_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvest:
    """What is known of a system before it is asked."""

    system: str
    schedule: Schedule
    whole_wanted: bool
    until: datetime | None
    whole_at: datetime | None
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One going-through. `since` None: all there is; `cursor` None: from its beginning."""

    system: str
    number: int
    whole: bool
    since: datetime | None
    cursor: str | None
    as_of: datetime | None
    started_at: datetime
    held_before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """What one page brought, to be counted."""

    records: int
    deleted: int
    holdings: int
    rejects: Sequence[str]
    unmapped: Mapping[str, tuple[int, str]]  # by branch: how many holdings, and an example of a record
    rejected: int | None = None  # None: as many as there are `rejects`


async def ensure_harvest(connection: asyncpg.Connection, system: str) -> None:
    """Have there be something to know about a system's harvest. Raises UnknownSystem."""
    if not await connection.fetchval("select exists (select from system where id = $1)", system):
        raise UnknownSystem(f"There is no system {system}.")
    await connection.execute("insert into harvest (system) values ($1) on conflict do nothing", system)


async def set_schedule(connection: asyncpg.Connection, system: str, schedule: Schedule) -> None:
    """Say how often a system is harvested. Raises UnknownSystem."""
    await ensure_harvest(connection, system)
    await connection.execute(
        "update harvest set interval_seconds = $2, whole_interval_seconds = $3, overlap_seconds = $4"
        " where system = $1",
        *(system, schedule.interval_seconds, schedule.whole_interval_seconds, schedule.overlap_seconds),
    )


async def want_whole(connection: asyncpg.Connection, system: str) -> None:
    """Have the next run go through all there is, unless one is doing so."""
    await connection.execute(
        "update harvest set whole_wanted = true where system = $1 and not exists ("
        "select from harvest_run r where r.system = $1 and r.state = 'running' and r.whole)",
        system,
    )


async def confirm(connection: asyncpg.Connection, system: str, run: int) -> None:
    """Say that what a run did not come across is to be removed. Raises NothingToConfirm."""
    done = await connection.execute(
        "update harvest_run set confirmed = true where system = $1 and number = $2 and state = 'held'", system, run
    )
    if done != "UPDATE 1":
        raise NothingToConfirm(f"No run {run} of {system} waits for that.")


async def find_harvest(connection: asyncpg.Connection, system: str) -> Harvest | None:
    """Return what is known of a system's harvest."""
    row = await connection.fetchrow(
        "select system, interval_seconds, whole_interval_seconds, overlap_seconds, whole_wanted, until, whole_at,"
        " errors from harvest where system = $1",
        system,
    )
    if row is None:
        return None
    schedule = Schedule(
        interval_seconds=row["interval_seconds"],
        whole_interval_seconds=row["whole_interval_seconds"],
        overlap_seconds=row["overlap_seconds"],
    )
    named = ("system", "whole_wanted", "until", "whole_at", "errors")
    return Harvest(schedule=schedule, **{name: row[name] for name in named})


_RUN = "system, number, whole, since, cursor, as_of, started_at, held_before"


async def find_running(connection: asyncpg.Connection, system: str) -> Run | None:
    """Return the run that has not come to its end."""
    row = await connection.fetchrow(
        f"select {_RUN} from harvest_run where system = $1 and state = 'running'",  # noqa: S608 - only our own text
        system,
    )
    return None if row is None else Run(**row)


async def find_confirmed(connection: asyncpg.Connection, system: str) -> Run | None:
    """Return the run that waited for somebody to say so, and now may remove what it did not come across."""
    row = await connection.fetchrow(
        f"select {_RUN} from harvest_run where system = $1 and state = 'held' and confirmed",  # noqa: S608
        system,
    )
    return None if row is None else Run(**row)


async def begin_run(
    connection: asyncpg.Connection, system: str, *, since: datetime | None, at: datetime, held_before: int
) -> Run:
    """Begin a run; without `since`, of all there is. What an earlier one waited for is overtaken by a whole one."""
    number = await connection.fetchval(
        "update harvest set runs = runs + 1, whole_wanted = whole_wanted and $2,"
        " whole_at = case when $2 then whole_at else $3 end where system = $1 returning runs",
        *(system, since is not None, at),
    )
    if since is None:
        await connection.execute(
            "update harvest_run set state = 'overtaken' where system = $1 and state = 'held'", system
        )
    row = await connection.fetchrow(
        "insert into harvest_run (system, number, whole, since, started_at, held_before)"  # noqa: S608
        f" values ($1, $2, $3, $4, $5, $6) returning {_RUN}",
        *(system, number, since is None, since, at, held_before),
    )
    await connection.execute(
        "delete from harvest_run where system = $1 and number <= $2 and state not in ('running', 'held')",
        *(system, number - MOST_RUNS),
    )
    return Run(**row)


async def advance(
    connection: asyncpg.Connection,
    run: Run,
    landed: Landed,
    *,
    cursor: str | None,
    as_of: datetime | None,
    whole_size: int | None,
    at: datetime,
) -> None:
    """Write down that a page has landed, in the transaction that landed it, and where the next begins."""
    unmapped = landed.unmapped
    rejected = len(landed.rejects) if landed.rejected is None else landed.rejected
    await connection.execute(
        """
        update harvest_run
           set cursor = $3, as_of = coalesce(as_of, $4), whole_size = coalesce($5, whole_size), seen_at = $6,
               pages = pages + 1, records = records + $7, deleted = deleted + $8, holdings = holdings + $9,
               unmapped = unmapped + $10, rejected = rejected + $11, rejects = (rejects || $12)[:$13]
         where system = $1 and number = $2
        """,
        *(run.system, run.number, cursor, as_of, whole_size, at, landed.records, landed.deleted, landed.holdings),
        *(sum(count for count, _ in unmapped.values()), rejected, list(landed.rejects), MOST_REJECTS),
    )
    await connection.execute("update harvest set errors = 0 where system = $1 and errors > 0", run.system)
    if unmapped:
        await connection.execute(
            "insert into harvest_unmapped as u (system, branch, run, holdings, example)"
            " select $1, branch, $2, holdings, example"
            " from unnest($3::text[], $4::bigint[], $5::text[]) as s (branch, holdings, example)"
            " on conflict (system, branch) do update set run = excluded.run, example = excluded.example,"
            " holdings = case u.run when excluded.run then u.holdings else 0 end + excluded.holdings",
            *(run.system, run.number, list(unmapped)),
            *([count for count, _ in unmapped.values()], [example for _, example in unmapped.values()]),
        )


async def end_run(
    connection: asyncpg.Connection,
    run: Run,
    *,
    state: str,
    at: datetime,
    unseen: int | None = None,
    removed: int = 0,
) -> None:
    """Bring a run to its end: done, held or lost."""
    await connection.execute(
        "update harvest_run set state = $3, ended_at = coalesce(ended_at, $4), unseen = coalesce($5, unseen),"
        " removed = removed + $6 where system = $1 and number = $2",
        *(run.system, run.number, state, at, unseen, removed),
    )
    if state == "lost":
        await connection.execute("update harvest set whole_wanted = true where system = $1", run.system)
    elif run.whole:
        await connection.execute(
            "delete from harvest_unmapped where system = $1 and run < $2", run.system, run.number
        )


async def set_until(connection: asyncpg.Connection, run: Run, until: datetime) -> None:
    """Say that everything that changed before `until` is here, by the system's clock."""
    await connection.execute("update harvest set until = $2 where system = $1", run.system, until)


async def note_fault(connection: asyncpg.Connection, system: str, *, error: str, at: datetime, counts: bool) -> None:
    """Write down what went wrong; `counts`: among those in a row, for which the next attempt waits longer."""
    await connection.execute(
        "update harvest set errors = errors + $4::int, error = $2, error_at = $3 where system = $1",
        *(system, error[:2000], at, int(counts)),
    )
    await connection.execute(
        "update harvest_run set errors = errors + 1 where system = $1 and state = 'running'", system
    )


# --- for people -----------------------------------------------------------------------------------


async def list_harvests(connection: asyncpg.Connection, *, after: str | None, limit: int) -> list[Row]:
    """Return how the harvests of all systems that have one stand, by system."""
    rows = await connection.fetch(
        f"{_SHOWN} where ($1::text is null or h.system > $1) order by h.system limit $2", after, limit
    )
    return [_shown(row) for row in rows]


async def get_harvest(connection: asyncpg.Connection, system: str) -> Row:
    """Return how the harvest of a system stands, with its last runs and rejects. Raises UnknownSystem."""
    if not await connection.fetchval("select exists (select from system where id = $1)", system):
        raise UnknownSystem(f"There is no system {system}.")
    row = await connection.fetchrow(f"{_SHOWN} where h.system = $1", system)
    found = {**dict.fromkeys(_PLAIN), "system": system, "errors": 0} if row is None else _shown(row)
    runs = await connection.fetch(
        f"select {_SHOWN_RUN} from harvest_run where system = $1 order by number desc limit $2",  # noqa: S608
        *(system, SHOWN_RUNS),
    )
    branches = await connection.fetch(
        "select branch, holdings, example as record from harvest_unmapped where system = $1"
        " order by holdings desc, branch limit $2",
        *(system, SHOWN_BRANCHES),
    )
    counts = await connection.fetchrow(
        "select (select count(*) from catalogue_record where system = $1) as records,"
        " (select count(*) from catalogue_holding where system = $1) as holdings",
        system,
    )
    return {
        **found,
        **counts,
        "runs": [dict(run) for run in runs],
        "unmapped_branches": [dict(branch) for branch in branches],
    }


_PLAIN = (
    "system",
    "interval_seconds",
    "whole_interval_seconds",
    "overlap_seconds",
    "until",
    "errors",
    "error",
    "error_at",
    "due_at",
    "under_way",
    "run",
    "awaiting",
)
_SHOWN_RUN = (
    "number, whole, state, since, as_of, started_at, seen_at, ended_at, pages, records, deleted, holdings, unmapped,"
    " rejected, rejects, errors, whole_size, unseen, removed"
)
_SHOWN = """
select h.system, h.interval_seconds, h.whole_interval_seconds, h.overlap_seconds, h.until,
       h.errors, h.error, h.error_at,
       t.due_at, coalesce(t.leased_until > clock_timestamp(), false) as under_way,
       r.number as run, r.whole, r.pages, r.records as run_records, r.whole_size, r.seen_at,
       w.number as awaiting, w.unseen, w.held_before
  from harvest h
  left join task t on t.kind = 'harvest' and t.subject = h.system and t.dead_at is null
  left join harvest_run r on r.system = h.system and r.state = 'running'
  left join harvest_run w on w.system = h.system and w.state = 'held'
"""


def _shown(row: asyncpg.Record) -> Row:
    running = None
    if row["run"] is not None:
        running = {
            "number": row["run"],
            "whole": row["whole"],
            "pages": row["pages"],
            "records": row["run_records"],
            "whole_size": row["whole_size"],
            "seen_at": row["seen_at"],
        }
    awaiting = None
    if row["awaiting"] is not None:
        awaiting = {"run": row["awaiting"], "would_remove": row["unseen"], "of": row["held_before"]}
    return {**{name: row[name] for name in _PLAIN if name in row}, "run": running, "awaiting": awaiting}
