"""Searches the joint catalogue: by ISBN and PPN, by the whole of a name, and by words of title and author."""

from __future__ import annotations

from typing import Any

import asyncpg

from app.store.agencies import IN_FORCE

Row = dict[str, Any]
MOST_FOUND = 5000  # titles that are ranked; of words that more have, those that became known first

# How a title is shown, of `t`: its numbers, how many locations hold it, and how many systems those use today.
SHOWN = f"""
t.title, t.author, t.part as volume,
array(select i.isbn from title_isbn i where i.title_id = t.id order by i.isbn) as isbns,
array(select p.ppn from title_ppn p where p.title_id = t.id order by p.ppn) as ppns,
(select count(*) from holding h where h.title_id = t.id) as locations,
(select count(distinct coalesce(l.system, (
     select p.system from system_participation p where p.agency = l.agency and {IN_FORCE}
      order by p.since desc nulls last, p.system limit 1)))
   from holding h join location l on l.id = h.location where h.title_id = t.id) as systems
"""  # noqa: S608 - only our own text


async def search_titles(
    connection: asyncpg.Connection,
    asked: str,
    *,
    isbn: str | None,
    ppn: str | None,
    after: tuple[int, int] | None,
    limit: int,
) -> list[Row]:
    """Return titles, the best first: those of `isbn` or `ppn`, those named as asked, those with all words asked.

    The last word may be the beginning of one. `after` and each row's `score` and `id` are the place in the list.
    Must be called in a transaction.
    """
    # Words that half of all titles have would be looked for in the table itself, title after title.
    await connection.execute("set local enable_seqscan = off")
    rows = await connection.fetch(SEARCH, asked, isbn, ppn, MOST_FOUND, *(after or (None, None)), limit)
    return [dict(row) for row in rows]


# Scores: millions for how it was found, and below that how well the words fit.
SEARCH = f"""
with asked as materialized (
  select left(folded($1), 100) as heading,
         case when folded($1) ~ '[[:alnum:]]' or folded($1) ~ '[^[:ascii:]]'
              then to_tsquery('simple', replace(folded($1), ' ', ' & ') || ':*') end as words),
found as (
  select title_id as id, 3 as tier from title_isbn where isbn = $2
  union all
  select title_id, 3 from title_ppn where ppn = $3
  union all
  (select t.id, 2 from title t where t.heading = (select heading from asked) and t.heading <> '' limit $4)
  union all
  (select t.id, 1 from title t where t.search @@ (select words from asked) limit $4)),
best as (select id, max(tier) as tier from found group by id),
scored as (
  select b.id, b.tier * 1000000
      + coalesce(least(999999, (ts_rank(t.search, (select words from asked), 1) * 1000000)::int), 0) as score
  from best b join title t using (id)),
paged as (
  select id, score from scored
  where $5::int is null or score < $5 or (score = $5 and id > $6::bigint)
  order by score desc, id limit $7)
select paged.id, paged.score, {SHOWN} from paged join title t using (id) order by paged.score desc, paged.id
"""  # noqa: S608
