"""How suppliers answered, to learn from; and the versions of what was learned."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg
import numpy as np
import orjson

from app.store.epochs import RESPONSES, bump
from app.store.placements import DECLINED
from app.store.register import TIMEZONE
from routing.learning import Learned
from routing.response import ResponseModel

Row = dict[str, Any]

# Supplied: it was handed to the vans. Whatever else ended a placement was not the supplier's answer: it was
# cancelled, or let go as staff chose another or an item came from elsewhere; or its system was out of reach, or the
# reader no longer wanted it, before the supplier heard of it. For what another reader sent straight on it was never
# asked. What is open says nothing yet. Kinds are numbered as in routing.learning.KINDS.
_ANSWERED = f"""
select supplying_location as location, asked_at, coalesce(shipped_at, closed_at) as ended_at, titles,
       case when shipped_at is not null then 0 when "end" = 'Lapsed' then 2 else 1 end as kind
  from placement
 where coalesce(shipped_at, closed_at) >= $1 and coalesce(shipped_at, closed_at) < $2
   and not forwarded
   and (shipped_at is not null or "end" = 'Lapsed' or {DECLINED})
"""  # noqa: S608 - our own words


# --- what there is to learn from ------------------------------------------------------------------


async def are_answers(connection: asyncpg.Connection, *, since: datetime, until: datetime, least: int) -> bool:
    """Return whether at least so many answers ended in a period."""
    found: int = await connection.fetchval(
        f"select count(*) from (select from ({_ANSWERED}) answered limit $3) enough",  # noqa: S608 - our own text
        *(since, until, least),
    )
    return found >= least


async def stream_answers(
    connection: asyncpg.Connection, *, since: datetime, until: datetime
) -> AsyncIterator[asyncpg.Record]:
    """Yield by location the answers that ended in a period, as arrays of equal length, within a transaction.

    `asked` and `ended` are seconds since 1970, `kind` is a position in routing.learning.KINDS, `weekday` (1, Monday,
    to 7) and `hour` are those of the local clock when it was asked. `material` is what the location has now; null
    where it has the title no longer.
    """
    async for row in connection.cursor(
        f"""
        select location, array_agg(extract(epoch from asked_at)::bigint) as asked,
               array_agg(extract(epoch from ended_at)::bigint) as ended, array_agg(kind) as kind,
               array_agg(extract(isodow from asked_at at time zone '{TIMEZONE}')::int) as weekday,
               array_agg(extract(hour from asked_at at time zone '{TIMEZONE}')::int) as hour,
               array_agg((select min(material) from holding
                           where title_id = any(titles) and holding.location = answered.location)) as material
          from ({_ANSWERED}) answered group by location order by location
        """,  # noqa: S608 - only our own text
        *(since, until),
        prefetch=5,
    ):
        yield row


async def list_missed(connection: asyncpg.Connection, *, since: date, until: date) -> list[tuple[str, date]]:
    """Return the trips that did not run on a service day of a period, or passed a stop by."""
    rows = await connection.fetch(
        "select trip_id, service_date from trip_cancellation where service_date >= $1 and service_date < $2"
        " union select trip_id, service_date from trip_change"
        " where service_date >= $1 and service_date < $2 and skipped <> '[]'",
        *(since, until),
    )
    return [(row["trip_id"], row["service_date"]) for row in rows]


# --- what was learned -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of what was learned, when, and from the answers of which time (`since` included, `until` not)."""

    learned: Learned
    learned_at: datetime
    since: datetime
    until: datetime


_FIGURES = "number, learned_at, since, until, observations, weight, locations"


async def add_version(connection: asyncpg.Connection, version: Version, *, keep: int) -> int:
    """Keep what was learned as the newest version, and return its number; forget all but the newest `keep`."""
    number: int = await connection.fetchval(
        "insert into response_model (learned_at, since, until, observations, weight, locations, document)"
        " values ($1, $2, $3, $4, $5, $6, $7) returning number",
        *(version.learned_at, version.since, version.until, version.learned.observations),
        *(float(version.learned.weights[0].sum()), len(version.learned.model.locations), pack(version.learned)),
    )
    await connection.execute(
        "delete from response_model where number not in"
        " (select number from response_model order by number desc limit $1)",
        keep,
    )
    await bump(connection, RESPONSES)
    return number


async def load_responses(connection: asyncpg.Connection) -> ResponseModel | None:
    """Return the newest model; None where nothing was learned yet."""
    newest = await find_newest(connection)
    return None if newest is None else newest.learned.model


async def find_newest(connection: asyncpg.Connection) -> Version | None:
    """Return the newest version, with what it rests on; None where nothing was learned yet."""
    row = await connection.fetchrow(
        f"select {_FIGURES}, document from response_model order by number desc limit 1"  # noqa: S608
    )
    if row is None:
        return None
    learned = unpack(row["document"], version=str(row["number"]))
    return Version(learned=learned, learned_at=row["learned_at"], since=row["since"], until=row["until"])


async def list_versions(connection: asyncpg.Connection, *, after: int | None, limit: int) -> list[Row]:
    """Return the figures of each version, the newest first."""
    rows = await connection.fetch(
        f"select {_FIGURES} from response_model where $1::int is null or number < $1"  # noqa: S608
        " order by number desc limit $2",
        *(after, limit),
    )
    return [dict(row) for row in rows]


# --- as one document ------------------------------------------------------------------------------


def pack(learned: Learned) -> bytes:
    """Return what was learned as compressed JSON, to the last bit; without its version, which is its number."""
    model = learned.model
    document = {
        "table": model.table,
        "locations": model.locations,
        "systems": [[*of, row] for of, row in model.systems.items()],
        "provinces": [[of, row] for of, row in model.provinces.items()],
        "materials": model.materials,
        "weekdays": model.weekdays,
        "hours": model.hours,
        "missed": model.missed,
        "missed_otherwise": model.missed_otherwise,
        "weights": learned.weights,
        "parents": learned.parents,
        "levels": learned.levels,
        "strengths": learned.strengths,
        "observations": learned.observations,
        "runs": learned.runs,
    }
    return zlib.compress(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))


def unpack(packed: bytes, *, version: str) -> Learned:
    """Return what `pack` was given."""
    found = orjson.loads(zlib.decompress(packed))
    model = ResponseModel(
        version=version,
        table=np.array(found["table"], dtype=np.float64),
        locations=found["locations"],
        systems={(province, system): row for province, system, row in found["systems"]},
        provinces=dict(found["provinces"]),
        materials={name: np.array(ratios, dtype=np.float64) for name, ratios in found["materials"].items()},
        weekdays=np.array(found["weekdays"], dtype=np.float64),
        hours=np.array(found["hours"], dtype=np.float64),
        missed=found["missed"],
        missed_otherwise=found["missed_otherwise"],
    )
    return Learned(
        model=model,
        weights=np.array(found["weights"], dtype=np.float64),
        parents=np.array(found["parents"], dtype=np.int64),
        levels=np.array(found["levels"], dtype=np.int64),
        strengths=np.array(found["strengths"], dtype=np.float64),
        observations=found["observations"],
        runs={route: (planned, missed) for route, (planned, missed) in found["runs"].items()},
    )
