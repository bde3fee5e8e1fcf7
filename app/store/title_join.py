"""Makes one title of two: its numbers, its holdings and the records about it go to the one that stays."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from app.store.sums import resum

Pair = tuple[int, int]


class TitlesBusy(Exception):  # noqa: N818 - says what it is
    """Somebody else sorts titles, and does not come to an end: an import of a large file, as a rule."""


async def lock_titles(connection: asyncpg.Connection, *, patience_seconds: float | None = None) -> None:
    """Wait until nobody else sorts titles, and have others wait until this transaction ends.

    Raises TitlesBusy after `patience_seconds`; the transaction is good for nothing then.
    """
    if patience_seconds is not None:
        await connection.execute(f"set local lock_timeout = {int(patience_seconds * 1000)}")
        try:
            await lock_titles(connection)
        except asyncpg.LockNotAvailableError:
            raise TitlesBusy from None
        await connection.execute("set local lock_timeout = 0")
        return
    await connection.execute("select pg_advisory_xact_lock(hashtext('leenpad.import.holdings'))")


async def join_titles(connection: asyncpg.Connection, pairs: Sequence[Pair]) -> None:
    """Join titles, each pair (gone, kept); none that is kept is gone in another. The titles are locked.

    Where both have a holding at one location as files said, that of the one kept stands: it is the better known one.
    What records hold adds up. What people said of the one that goes holds for the one that stays.
    """
    if not pairs:
        return
    gone, kept = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    summed = await connection.fetch(
        f"with {_JOINED} select distinct kept, location from joined join holding on title_id = gone"  # noqa: S608
        " where harvested",
        *(gone, kept),
    )
    for statement in _STATEMENTS:
        await connection.execute(f"with {_JOINED} {statement}", gone, kept)
    await resum(connection, [(row["kept"], row["location"]) for row in summed])


_JOINED = "joined as (select * from unnest($1::bigint[], $2::bigint[]) as joined (gone, kept))"

_STATEMENTS = (
    """
    insert into holding (title_id, location, material, copies, available, loanable, added_on)
      select distinct on (j.kept, h.location)
        j.kept, h.location, h.material, h.copies, h.available, h.loanable, h.added_on
      from joined j join holding h on h.title_id = j.gone where not h.harvested
      order by j.kept, h.location, j.gone desc
    on conflict do nothing
    """,
    "delete from holding h using joined j where h.title_id = j.gone",
    """
    update title k
       set title = coalesce(nullif(k.title, ''), g.title), author = coalesce(nullif(k.author, ''), g.author)
      from (select j.kept, max(t.title) as title, max(t.author) as author
            from joined j join title t on t.id = j.gone group by j.kept) g
      where k.id = g.kept and (k.title = '' or k.author = '')
    """,
    "update floated_item f set title_id = j.kept from joined j where f.title_id = j.gone",
    "update catalogue_record r set title_id = j.kept from joined j where r.title_id = j.gone",
    "update catalogue_holding h set title_id = j.kept from joined j where h.title_id = j.gone",
    """
    insert into title_isbn (isbn, title_id)
      select distinct i.isbn, j.kept from joined j join title_isbn i on i.title_id = j.gone
    on conflict do nothing
    """,
    "update title_ppn p set title_id = j.kept from joined j where p.title_id = j.gone",
    """
    , moved as (
      delete from title_decision d using joined j where d.title_id = j.gone or d.other_id = j.gone
      returning d.*, case d.title_id when j.gone then j.kept else d.title_id end as one,
                case d.other_id when j.gone then j.kept else d.other_id end as other)
    insert into title_decision (title_id, other_id, decision, other_title, other_part, by, decided_at)
      select distinct on (1, 2) case decision when 'same' then one else least(one, other) end,
        case decision when 'same' then other else greatest(one, other) end,
        decision, other_title, other_part, by, decided_at
      from moved where one <> other order by 1, 2, decided_at desc
    on conflict do nothing
    """,
    "delete from title t using joined j where t.id = j.gone",
)
