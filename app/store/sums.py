"""What a location holds of a title, added up from what systems' records say.

The records of one system about the same title at the same location add up. Of several systems the one that the
location uses today counts, or, where it is none of them, the one with most copies: a location has one system, and two
that claim it are one that was left and one that was moved to. Where some copies may be lent and others not, those
that may be lent are counted. As many are available as are known to be; where nothing is known of any, nobody knows.

What a file said of such a title and location is spoken over. Where no record speaks of it any more, what was added up
goes, and what a file said since stays.
"""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from app.store.agencies import IN_FORCE

Key = tuple[int, str]
MOST_KEYS = 10_000  # added up at a time


async def resum(connection: asyncpg.Connection, keys: Collection[Key]) -> None:
    """Add up anew what is held of each title at each location, given as pairs. The titles are locked.

    Three plain statements, each of which finds its rows by their index, whatever the planner takes arrays for.
    """
    if not keys:
        return
    sums = await connection.fetch(_SUMS, *zip(*keys, strict=True))
    changed = [tuple(row)[:6] for row in sums if row["changed"]]
    if changed:
        await connection.execute(_PUT, *zip(*changed, strict=True))
    gone = set(keys) - {(row["title_id"], row["location"]) for row in sums}
    if gone:
        await connection.execute(_REMOVE, *zip(*sorted(gone), strict=True))


async def resum_swept(connection: asyncpg.Connection) -> None:
    """The same for those in the temporary table `swept`, which are numbered from 1."""
    most = await connection.fetchval("select max(no) from swept") or 0
    for after in range(0, most, MOST_KEYS):
        rows = await connection.fetch(
            "select title_id, location from swept where no > $1 and no <= $2", after, after + MOST_KEYS
        )
        await resum(connection, [(row["title_id"], row["location"]) for row in rows])


_SUMS = f"""
with said as (
  select h.title_id, h.location, h.system, min(h.material) as material, bool_or(h.loanable) as loanable,
    coalesce(sum(h.copies) filter (where h.loanable), sum(h.copies)) as copies,
    sum(h.available) filter (where h.loanable) as lent_available,
    bool_or(h.available is null) filter (where h.loanable) as lent_unknown,
    sum(h.available) as all_available, bool_or(h.available is null) as all_unknown
  from (select distinct title_id, location from unnest($1::bigint[], $2::text[]) as k (title_id, location)) t
    join catalogue_holding h on h.title_id = t.title_id and h.location = t.location
  group by h.title_id, h.location, h.system),
known as (
  select title_id, location, system, material, loanable, least(copies, 2000000000)::int as copies,
    case when loanable then case when lent_unknown then nullif(lent_available, 0) else lent_available end
         else case when all_unknown then nullif(all_available, 0) else all_available end end as available,
    count(*) over (partition by title_id, location) as systems
  from said),
best as (
  select distinct on (k.title_id, k.location) k.title_id, k.location, k.material, k.copies,
    case when k.available is not null then least(k.available, k.copies)::int end as available, k.loanable
  from known k
  order by k.title_id, k.location,
    case when k.systems > 1 then k.system is not distinct from (
      select coalesce(l.system, (select p.system from system_participation p where p.agency = l.agency and {IN_FORCE}
                                  order by p.since desc nulls last, p.system limit 1))
        from location l where l.id = k.location) end desc,
    k.copies desc, k.system)
select b.*, (h.material, h.copies, h.available, h.loanable, h.harvested)
            is distinct from (b.material, b.copies, b.available, b.loanable, true) as changed
from best b left join holding h on h.title_id = b.title_id and h.location = b.location
"""  # noqa: S608 - only our own text

_PUT = """
insert into holding (title_id, location, material, copies, available, loanable, harvested)
  select *, true from unnest($1::bigint[], $2::text[], $3::text[], $4::int[], $5::int[], $6::bool[])
on conflict (title_id, location) do update
  set material = excluded.material, copies = excluded.copies, available = excluded.available,
      loanable = excluded.loanable, harvested = true
"""

_REMOVE = """
delete from holding h using unnest($1::bigint[], $2::text[]) as t (title_id, location)
where h.title_id = t.title_id and h.location = t.location and h.harvested
"""
