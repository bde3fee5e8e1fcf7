"""Brings a whole file of agencies, locations and hubs into the tables: COPY, checks among the rows, one merge.

A row is the whole truth about its agency or location. Provinces, POIs and systems that were never heard of are made;
a province's POI is set once, when it has none and all rows of one file that name both agree.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg

from app.store.epochs import REGISTER, bump

# In the order of app.imports.agency_rows.
STAGED = (
    *("line", "isil", "kind", "name", "parent", "province", "poi", "lat", "lon", "handling_minutes"),
    *("opening_hours", "successor", "supplies", "system", "system_kind", "system_since", "system_until"),
    *("valid_from", "valid_until", "suspended_from", "suspended_until"),
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A staged row that does not go with the others or with what is stored."""

    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the rows that were staged and not refused."""

    landed: int
    created: int
    updated: int
    superseded: int


async def prepare_staging(connection: asyncpg.Connection) -> None:
    """Make the staging table for this transaction."""
    await connection.execute(_STAGING)


async def copy_staged(connection: asyncpg.Connection, chunks: AsyncIterator[bytes]) -> None:
    """Copy rows (COPY's text format, columns STAGED) into the staging table."""
    await connection.copy_to_table("staged", source=chunks, columns=STAGED, format="text")


async def refuse_staged(connection: asyncpg.Connection, *, most: int) -> tuple[int, list[Refused]]:
    """Take out the rows that contradict others; return how many there were, and the first `most` of them.

    Imports queue here for each other.
    """
    await connection.execute("select pg_advisory_xact_lock(hashtext('leenpad.import.agencies'))")
    await connection.execute(_REFUSE)
    number: int = await connection.fetchval("select count(*) from refused")
    rows = await connection.fetch("select line, field, reason from refused order by line limit $1", most)
    return number, [Refused(**dict(row)) for row in rows]


async def merge_staged(connection: asyncpg.Connection) -> Merged:
    """Merge what is staged, and count a change of the register if anything changed."""
    await connection.execute(_BEFORE)
    await connection.execute(_SURROUNDINGS)
    await connection.execute(_LAND)
    await connection.execute(_TAKING_PART)
    await connection.execute(_SUSPENDED)
    row = await connection.fetchrow(_COUNTS)
    if row["created"] or row["updated"] or row["provinces"]:
        await bump(connection, REGISTER)
    return Merged(row["landed"], row["created"], row["updated"], row["superseded"])


_STAGING = """
set local work_mem = '64MB';
create temp table staged (
  line bigint, isil text, kind text, name text, parent text, province text, poi text, lat float8, lon float8,
  handling_minutes int, opening_hours text, successor text, supplies boolean,
  system text, system_kind text, system_since date, system_until date,
  valid_from date, valid_until date, suspended_from date, suspended_until date
) on commit drop;
"""

# An ISIL is an agency or it is a place, for good; the first line decides when nothing is stored.
_REFUSE = """
analyze staged;
create temp table refused (line bigint, field text, reason text) on commit drop;
with first as (select distinct on (isil) isil, kind = 'agency' as is_agency from staged order by isil, line),
known as (
  select f.isil, case when a.isil is not null then true when l.id is not null then false else f.is_agency end
    as is_agency
  from first f left join agency a using (isil) left join location l on l.id = f.isil),
gone as (
  delete from staged s using known k where k.isil = s.isil and (s.kind = 'agency') <> k.is_agency
  returning s.line, k.is_agency)
insert into refused select line, 'kind', case when is_agency then 'this ISIL is already an agency'
  else 'this ISIL is already a location or hub' end from gone;
with gone as (
  delete from staged s where s.parent is not null
    and not exists (select from agency a where a.isil = s.parent)
    and not exists (select from staged p where p.isil = s.parent and p.kind = 'agency')
  returning s.line, s.parent)
insert into refused select line, 'parent', format('"%s" is not an agency that is known or in this file', parent)
  from gone;
"""

# An agency and a location may bear one name: a network may call a stop by the ISIL of a head office.
# What is stored about each record, as one digest; afterwards a different digest is an update.
_STATE = """
  select a.isil, md5(concat_ws('|', a::text,
    (select string_agg(p::text || y.kind, ',' order by p.system) from system_participation p
       join system y on y.id = p.system where p.agency = a.isil),
    (select string_agg(concat(s.since, '-', s.until), ',' order by s.since, s.until)
       from suspension s where s.agency = a.isil))) as digest
  from agency a join winner w on w.isil = a.isil and w.kind = 'agency'
  union all
  select l.id, md5(concat_ws('|', l::text, (select y.kind from system y where y.id = l.system),
    (select string_agg(concat(s.since, '-', s.until), ',' order by s.since, s.until)
       from suspension s where s.location = l.id)))
  from location l join winner w on w.isil = l.id and w.kind <> 'agency'
"""
_BEFORE = f"""
create temp table winner on commit drop as select distinct on (isil) * from staged order by isil, line desc;
analyze winner;
create temp table before on commit drop as {_STATE};
"""  # noqa: S608 - no value from outside is in it

_SURROUNDINGS = """
insert into poi (code, name) select distinct poi, poi from winner where poi is not null on conflict do nothing;
insert into province (code, name)
  select distinct province, province from winner where province is not null on conflict do nothing;
create temp table province_set on commit drop as
  with agreed as (
    select province, min(poi) as poi from winner where province is not null and poi is not null
    group by province having count(distinct poi) = 1),
  told as (
    update province p set poi = a.poi from agreed a where p.code = a.province and p.poi is null returning 1)
  select count(*) as number from told;
insert into system (id, kind)
  select distinct system, case when system = 'manual' then 'manual' else 'unknown' end
  from winner where system is not null on conflict do nothing;
update system s set kind = said.system_kind
  from (select distinct on (system) system, system_kind from winner where system_kind is not null
        order by system, line desc) said
  where s.id = said.system and s.kind <> said.system_kind;
"""

_LAND = """
insert into agency (isil, name, province, poi, lat, lon, supplies, valid_from, valid_until, successor)
  select isil, name, province, poi, lat, lon, supplies, valid_from, valid_until, successor
  from winner where kind = 'agency' order by isil
on conflict (isil) do update set
  name = excluded.name, province = excluded.province, poi = excluded.poi, lat = excluded.lat, lon = excluded.lon,
  supplies = excluded.supplies, valid_from = excluded.valid_from, valid_until = excluded.valid_until,
  successor = excluded.successor
where (agency.*) is distinct from (excluded.*);
insert into location (id, kind, name, agency, province, poi, system, lat, lon, handling_minutes, opening_hours,
                      valid_from, valid_until)
  select isil, kind, name, parent, province, poi, system, lat, lon, handling_minutes, opening_hours,
         valid_from, valid_until
  from winner where kind <> 'agency' order by isil
on conflict (id) do update set
  kind = excluded.kind, name = excluded.name, agency = excluded.agency, province = excluded.province,
  poi = excluded.poi, system = excluded.system, lat = excluded.lat, lon = excluded.lon,
  handling_minutes = excluded.handling_minutes, opening_hours = excluded.opening_hours,
  valid_from = excluded.valid_from, valid_until = excluded.valid_until
where (location.*) is distinct from (excluded.*);
"""

# A dated row is a move: the installation used until then ends on that day. An undated one was always so.
_TAKING_PART = """
delete from system_participation p using winner w
where w.kind = 'agency' and p.agency = w.isil and p.system <> w.system
  and (w.system_since is null or p.since >= w.system_since)
  and (w.system_until is null or p.since is null or p.since < w.system_until);
update system_participation p set until = w.system_since from winner w
where w.kind = 'agency' and p.agency = w.isil and p.system <> w.system and w.system_since is not null
  and (p.since is null or p.since < w.system_since) and (p.until is null or p.until > w.system_since);
insert into system_participation (agency, system, since, until)
  select isil, system, system_since, system_until from winner where kind = 'agency'
on conflict (agency, system) do update set since = excluded.since, until = excluded.until
where (system_participation.*) is distinct from (excluded.*);
"""

_SUSPENDED = """
delete from suspension s using winner w
where case when w.kind = 'agency' then s.agency else s.location end = w.isil
  and s.by is null  -- what people said since is theirs to take back
  and ((w.suspended_from is null and w.suspended_until is null)
       or (s.since, s.until) is distinct from (w.suspended_from, w.suspended_until));
insert into suspension (agency, location, since, until)
  select case when kind = 'agency' then isil end, case when kind <> 'agency' then isil end,
         suspended_from, suspended_until
  from winner w
  where (suspended_from is not null or suspended_until is not null)
    and not exists (select from suspension s
                    where case when w.kind = 'agency' then s.agency else s.location end = w.isil
                      and s.by is null);
"""

_COUNTS = f"""
with now as ({_STATE})
select (select count(*) from staged) as landed,
       (select count(*) from winner w where not exists (select from before b where b.isil = w.isil)) as created,
       (select count(*) from now join before using (isil) where now.digest <> before.digest) as updated,
       (select count(*) from staged) - (select count(*) from winner) as superseded,
       (select number from province_set) as provinces
"""  # noqa: S608 - no value from outside is in it
