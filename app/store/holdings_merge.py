"""Brings a whole file of holdings into the tables: COPY into a staging table, then one set-based merge.

Which title a row is about:
- a row with a PPN is about the title of that PPN, and its ISBN becomes one of that title's;
- a row with only an ISBN is about the one title whose PPN was ever seen with that ISBN; where no PPN was, about the
  title known by that ISBN alone; where several were (the volumes of a work may share an ISBN), about the one its
  location already holds, and else about a title known by that ISBN alone.
A title known by an ISBN alone that turns out to have one PPN is merged into that PPN's title. Titles of two PPNs are
never merged, nor are those that share an ISBN and stand apart already: for a doubt that came up when a system was
harvested, or as people said (app.store.doubts). Nothing here depends on the order of lines, but that the last line
about a location and title stands.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg

from app.store.title_join import join_titles, lock_titles

# In the order of app.imports.holding_rows: location counts from 1 in staged_location, empty isbn or ppn is none.
STAGED = (
    "line",
    "location",
    "isbn",
    "ppn",
    "title",
    "author",
    "material",
    "copies",
    "available",
    "loanable",
    "added_on",
)


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the rows that were staged, and how many titles turned out to be one."""

    staged: int
    created: int
    updated: int
    removed: int
    superseded: int
    merged_titles: int


async def prepare_staging(connection: asyncpg.Connection) -> list[str]:
    """Make the staging tables for this transaction; return the ids of the locations that rows may name, in order."""
    await connection.execute(_STAGING)
    return [row["id"] for row in await connection.fetch("select id from staged_location order by no")]


async def copy_staged(connection: asyncpg.Connection, chunks: AsyncIterator[bytes]) -> None:
    """Copy rows (COPY's text format, columns STAGED) into the staging table."""
    await connection.copy_to_table("staged", source=chunks, columns=STAGED, format="text")


async def merge_staged(connection: asyncpg.Connection, *, replace: bool) -> Merged:
    """Merge what is staged into titles and holdings; imports queue here for each other.

    With `replace`, a location that staged rows name keeps no holding that they do not name.
    """
    await lock_titles(connection)
    await connection.execute(_CLUSTER)
    await connection.execute(_JOINED)
    await join_titles(connection, [tuple(row) for row in await connection.fetch("select gone, kept from joined")])
    await connection.execute(_PLACE)
    await connection.execute(_WINNERS)
    await connection.execute(_DESCRIBE)
    removed = int((await connection.execute(_REMOVE)).rpartition(" ")[2]) if replace else 0
    await connection.execute(_LAND)
    return Merged(**dict(await connection.fetchrow(_COUNTS)), removed=removed)


_STAGING = """
set local work_mem = '128MB';
create temp table staged_location on commit drop as
  select (row_number() over (order by id))::int as no, id from location;
create temp table staged (
  line bigint, location int, isbn text, ppn text, title text, author text,
  material text, copies int, available int, loanable boolean, added_on date
) on commit drop;
"""

# pair: what the file calls titles. link: which PPNs go with an ISBN, stored or staged. lone: stored titles of an ISBN
# and no PPN. apart: ISBNs whose titles were kept apart, for a doubt or because people said so: none of them joins.
# taken: lone titles that one PPN alone may have. A new PPN adopts such a title, and so its holdings stay put.
# Volumes (title.part) take no part in any of it but by their PPNs: a file names none.
_CLUSTER = """
analyze staged;
create temp table pair on commit drop as
  select isbn, ppn, max(line) as line, max(line) filter (where title <> '') as title_line,
         max(line) filter (where author <> '') as author_line
  from staged group by isbn, ppn;
analyze pair;
create temp table stored on commit drop as
  select i.isbn, i.title_id, (select min(p.ppn) from title_ppn p where p.title_id = i.title_id) as ppn
  from title_isbn i join title t on t.id = i.title_id
  where i.isbn in (select isbn from pair where isbn <> '') and t.part = '';
analyze stored;
create temp table link on commit drop as
  select isbn, ppn, title_id from pair left join title_ppn using (ppn) where isbn <> '' and ppn <> ''
  union
  select isbn, ppn, title_id from stored where ppn is not null;
analyze link;
create temp table lone on commit drop as select isbn, title_id from stored where ppn is null;
analyze lone;
create temp table apart on commit drop as
  select isbn from lone group by isbn having count(*) > 1
  union
  select isbn from lone join stored s using (isbn) where s.ppn is not null
  union
  select l.isbn from lone l join title_isbn m on m.title_id = l.title_id and m.isbn <> l.isbn
    join title_isbn i on i.isbn = m.isbn join title_ppn p on p.title_id = i.title_id;
create temp table sole on commit drop as
  select isbn, min(ppn) as ppn from link where isbn not in (select isbn from apart)
  group by isbn having count(distinct coalesce(title_id::text, 'new ' || ppn)) = 1;
analyze sole;
create temp table taken on commit drop as
  select title_id, min(ppn) as ppn from lone join sole using (isbn) group by title_id having count(distinct ppn) = 1;
create temp table born on commit drop as
  select ppn, adopted, coalesce(adopted, nextval(pg_get_serial_sequence('title', 'id'))) as title_id
  from (select distinct ppn from pair
        where ppn <> '' and not exists (select from title_ppn t where t.ppn = pair.ppn)) f
  left join (select ppn, min(title_id) as adopted from taken group by ppn) a using (ppn);
insert into title (id) select title_id from born where adopted is null;
insert into title_ppn (ppn, title_id) select ppn, title_id from born;
create temp table linked on commit drop as
  with added as (
    insert into title_isbn (isbn, title_id)
      select distinct isbn, title_id from pair join title_ppn using (ppn) where isbn <> ''
    on conflict do nothing returning isbn, title_id)
  select p.line from added join title_ppn t using (title_id) join pair p on p.isbn = added.isbn and p.ppn = t.ppn
  union all select p.line from born join pair p using (ppn);
"""

_JOINED = """
create temp table joined on commit drop as
  select k.title_id as gone, t.title_id as kept from taken k join title_ppn t using (ppn)
  where k.title_id <> t.title_id;
"""

# place: the title of every pair, but for a bare ISBN that several PPNs share; those are placed row by row.
_PLACE = """
create temp table place on commit drop as
  select p.isbn, p.ppn, t.title_id, p.title_line, p.author_line from pair p join title_ppn t using (ppn)
  union all
  select p.isbn, p.ppn, t.title_id, p.title_line, p.author_line
  from pair p join sole s using (isbn) join title_ppn t on t.ppn = s.ppn where p.ppn = '';
create temp table bare on commit drop as
  select p.isbn, l.title_id as lone, p.line, p.title_line, p.author_line,
         exists (select from link k where k.isbn = p.isbn) or exists (select from apart a where a.isbn = p.isbn)
           as shared
  from pair p left join (select isbn, min(title_id) as title_id from lone group by isbn) l using (isbn)
  where p.ppn = '' and not exists (select from sole s where s.isbn = p.isbn);
analyze bare;
create temp table held on commit drop as
  select isbn, location, count(*) as titles, min(title_id) as title_id, bool_or(title_id = lone) as has_lone from (
    select b.isbn, b.lone, n.no as location, h.title_id
    from bare b join title_isbn i using (isbn) join holding h using (title_id)
      join staged_location n on n.id = h.location
    where b.shared
    union
    select b.isbn, b.lone, s.location, p.title_id
    from bare b join title_isbn i using (isbn) join place p on p.title_id = i.title_id
      join staged s on s.isbn = p.isbn and s.ppn = p.ppn
    where b.shared) h
  group by isbn, location;
create temp table shared_row on commit drop as
  select s.line, b.isbn, b.lone, case when h.titles = 1 and h.has_lone is not true then h.title_id end as title_id
  from bare b join staged s on s.isbn = b.isbn and s.ppn = ''
    left join held h on h.isbn = b.isbn and h.location = s.location
  where b.shared;
create temp table bare_born on commit drop as
  select isbn, nextval(pg_get_serial_sequence('title', 'id')) as title_id, line from bare
  where lone is null
    and (not shared or isbn in (select r.isbn from shared_row r where r.title_id is null));
insert into title (id) select title_id from bare_born;
insert into title_isbn (isbn, title_id) select isbn, title_id from bare_born;
insert into linked (line) select line from bare_born;
insert into place (isbn, ppn, title_id, title_line, author_line)
  select b.isbn, '', coalesce(b.lone, n.title_id), b.title_line, b.author_line
  from bare b left join bare_born n using (isbn) where not b.shared;
create temp table shared_place on commit drop as
  select r.line, coalesce(r.title_id, r.lone, n.title_id) as title_id
  from shared_row r left join bare_born n using (isbn);
analyze place;
"""

_WINNERS = """
create temp table winner on commit drop as
  select distinct on (k.title_id, k.location)
    k.title_id, n.id as location, k.line, k.material, k.copies, k.available, k.loanable, k.added_on
  from (
    select p.title_id, s.location, s.line, s.material, s.copies, s.available, s.loanable, s.added_on
      from staged s join place p on p.isbn = s.isbn and p.ppn = s.ppn
    union all
    select p.title_id, s.location, s.line, s.material, s.copies, s.available, s.loanable, s.added_on
      from staged s join shared_place p using (line)
  ) k join staged_location n on n.no = k.location
  order by k.title_id, k.location, k.line desc;
analyze winner;
"""

# The last line that gives a title or an author stands.
_DESCRIBE = """
create temp table described on commit drop as
  with said as (
    select title_id, max(title_line) as title_line, max(author_line) as author_line from (
      select title_id, title_line, author_line from place
      union all
      select p.title_id, case when s.title <> '' then s.line end, case when s.author <> '' then s.line end
      from shared_place p join staged s using (line)
    ) every group by title_id),
  new as (
    select s.title_id, s.title_line, s.author_line, t.title, a.author
    from said s left join staged t on t.line = s.title_line left join staged a on a.line = s.author_line),
  changed as (
    update title t set title = coalesce(n.title, t.title), author = coalesce(n.author, t.author)
    from new n where t.id = n.title_id
      and (coalesce(n.title, t.title), coalesce(n.author, t.author)) is distinct from (t.title, t.author)
    returning n.title_line, n.author_line)
  select title_line as line from changed where title_line is not null
  union select author_line from changed where author_line is not null;
"""

_REMOVE = """
delete from holding h using (select distinct location from winner) named
where h.location = named.location
  and not exists (select from winner w where w.title_id = h.title_id and w.location = h.location)
"""

_LAND = """
create temp table change on commit drop as
  select w.*, h.title_id is null as is_new
  from winner w left join holding h on h.title_id = w.title_id and h.location = w.location
  where h.title_id is null
     or (w.material, w.copies, w.available, w.loanable, coalesce(w.added_on, h.added_on))
        is distinct from (h.material, h.copies, h.available, h.loanable, h.added_on);
analyze change;
update holding h set material = c.material, copies = c.copies, available = c.available, loanable = c.loanable,
    added_on = coalesce(c.added_on, h.added_on), harvested = false
  from change c where not c.is_new and h.title_id = c.title_id and h.location = c.location;
insert into holding (title_id, location, material, copies, available, loanable, added_on)
  select title_id, location, material, copies, available, loanable, added_on from change where is_new;
"""

# A row that only brought a new name, title or author to its title was an update too.
_COUNTS = """
select
  (select count(*) from staged) as staged,
  (select count(*) from change where is_new) as created,
  (select count(*) from (
     select line from change where not is_new
     union
     select w.line from winner w where w.line in (select line from linked union all select line from described)
     except
     select line from change where is_new) u) as updated,
  (select count(*) from staged) - (select count(*) from winner) as superseded,
  (select count(*) from joined) as merged_titles
"""
