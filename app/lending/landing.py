"""A page of a harvest: read with care, its records sorted under titles, and written in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from adapters.contract import Deleted, Held, Page, Record
from app.database import Connection
from app.lending.cluster import Known, Named, Plan, cluster, part_of, settled
from app.store.catalogue import (
    HeldRow,
    Recorded,
    RecordRow,
    find_recorded,
    link_titles,
    list_around,
    list_crowded,
    list_registered,
    list_told_apart,
    make_titles,
    put_records,
)
from app.store.harvests import Landed, Run
from app.store.isbn import InvalidIsbn, InvalidPpn, isbn13, normal_ppn
from app.store.title_join import join_titles

MAX_NUMBER_CHARS = 200
MAX_TEXT_CHARS = 1000
MAX_MATERIAL_CHARS = 64
MAX_ISBNS = 50  # of a record
MAX_BRANCHES = 5000
MAX_COPIES = 1_000_000


@dataclass(slots=True)
class Read:
    """A page as it can be written: the last word on every record, and why others cannot be."""

    records: dict[str, tuple[Named, str, tuple[Held, ...]]] = field(
        default_factory=dict
    )  # with material and holdings
    deleted: set[str] = field(default_factory=set)
    rejects: list[str] = field(default_factory=list)


def read_page(page: Page) -> Read:
    """Read a page: what is too long is cut, what is no ISBN or PPN is left out, and copies at a branch add up."""
    read = Read(rejects=[_text(reason, 300) for reason in page.rejects])
    for change in page.changes:
        number = _text(change.number, MAX_NUMBER_CHARS + 1)
        if not number or len(number) > MAX_NUMBER_CHARS:
            read.rejects.append(f"a record's number is not 1 to {MAX_NUMBER_CHARS} characters long")
        elif isinstance(change, Deleted):
            read.records.pop(number, None)
            read.deleted.add(number)
        else:
            read.deleted.discard(number)
            material = _text(change.material, MAX_MATERIAL_CHARS).lower() or "book"
            read.records[number] = (_named(number, change, material), material, _by_branch(change.holdings))
    return read


async def land(connection: Connection, run: Run, page: Page) -> Landed:
    """Write a page and return what it brought. The titles are locked.

    A page that lands twice has landed once: every record is put as it is, by its number.
    """
    read = read_page(page)
    places = {held.location for _, _, holdings in read.records.values() for held in holdings if held.location}
    registered = await list_registered(connection, places)
    homes = await _homes(connection, run.system, read)
    rows = [
        RecordRow(
            number=named.number,
            title_id=homes[named.number],
            isbns=named.isbns,
            ppn=named.ppn,
            part=named.part,
            title=named.title,
            author=named.author,
            material=material,
        )
        for named, material, _ in read.records.values()
    ]
    held, unmapped = _rows_of(read, registered, homes)
    await put_records(
        connection,
        run.system,
        run=run.number,
        records=rows,
        held=held,
        deleted=read.deleted,
        exactly=not run.whole,
    )
    return Landed(
        records=len(rows),
        deleted=len(read.deleted),
        holdings=len(held),
        rejects=read.rejects,
        unmapped=unmapped,
    )


def _rows_of(
    read: Read, registered: set[str], homes: Mapping[str, int]
) -> tuple[list[HeldRow], dict[str, tuple[int, str]]]:
    """Return what can be written, and of the branches that lead nowhere how many holdings and an example."""
    rows: list[HeldRow] = []
    unmapped: dict[str, tuple[int, str]] = {}
    for number, (_, material, holdings) in read.records.items():
        for held in holdings:
            if held.location in registered:
                assert held.location is not None
                rows.append(
                    HeldRow(
                        number=number,
                        branch=held.branch,
                        title_id=homes[number],
                        location=held.location,
                        material=material,
                        copies=held.copies,
                        available=held.available,
                        loanable=held.loanable,
                    )
                )
            else:
                count, example = unmapped.get(held.branch, (0, number))
                unmapped[held.branch] = (count + 1, example)
    return rows, unmapped


async def _homes(connection: Connection, system: str, read: Read) -> dict[str, int]:
    """Return the title of every record, and make, link and join titles where that takes it."""
    recorded = await find_recorded(connection, system, read.records)
    fresh = [named for named, _, _ in read.records.values() if not _as_before(named, recorded.get(named.number))]
    homes = {number: known.title_id for number, known in recorded.items()}
    if not fresh:
        return homes
    isbns = {isbn for named in fresh for isbn in named.isbns}
    crowded = await list_crowded(connection, isbns)
    told = isbns - crowded
    fresh = [replace(named, isbns=tuple(isbn for isbn in named.isbns if isbn in told)) for named in fresh]
    rows = await list_around(connection, isbns=told, ppns={named.ppn for named in fresh if named.ppn})
    titles = [_known(row, crowded) for row in rows]
    different = await list_told_apart(connection, [title.id for title in titles])
    return homes | await _carry_out(connection, cluster(fresh, titles, different))


def _as_before(named: Named, recorded: Recorded | None) -> bool:
    return recorded is not None and (named.isbns, named.ppn, named.part) == (
        recorded.isbns,
        recorded.ppn,
        recorded.part,
    )


def _known(row: Mapping[str, object], crowded: set[str]) -> Known:
    def texts(name: str) -> Iterable[str]:
        found = row[name]
        assert isinstance(found, list)
        return found

    return Known(
        id=int(str(row["id"])),
        isbns=set(texts("isbns")) - crowded,
        ppns=set(texts("ppns")),
        part=str(row["part"]),
        parts={str(row["part"]), *texts("parts")},
        names=sorted(texts("names")),
        author=str(row["author"]),
    )


async def _carry_out(connection: Connection, plan: Plan) -> dict[str, int]:
    """Write what a plan says of titles, and return the title of each record."""
    joined = settled(plan.joined)
    born = [title for title in plan.born if title.id not in joined]
    made = await make_titles(connection, [((title.names or [""])[0], title.author, title.part) for title in born])
    ids = {title.id: number for title, number in zip(born, made, strict=True)}

    def real(title: int) -> int:
        title = joined.get(title, title)
        return ids.get(title, title)

    await link_titles(
        connection,
        isbns=sorted({(isbn, real(title)) for isbn, title in plan.isbns}),
        ppns=[(ppn, real(title)) for ppn, title in plan.ppns],
        parts=[(part, title) for title, part in plan.parts.items() if title not in joined],
    )
    await join_titles(connection, [(gone, real(kept)) for gone, kept in joined.items() if gone > 0])
    return {number: real(title) for number, title in plan.homes.items()}


# --- one value at a time --------------------------------------------------------------------------


def _named(number: str, record: Record, material: str) -> Named:
    return Named(
        number=number,
        isbns=_isbns(record.isbns),
        ppn=_ppn(record.ppn),
        part=part_of(record.volume and _text(record.volume, MAX_TEXT_CHARS), material),
        title=_text(record.title, MAX_TEXT_CHARS),
        author=_text(record.author, MAX_TEXT_CHARS),
    )


def _text(value: str, most: int) -> str:
    """Return text that PostgreSQL takes: no NUL, nothing that cannot be UTF-8, and not too long."""
    value = value[: most * 2].replace("\0", " ")
    if not value.isascii():
        value = value.encode(errors="replace").decode()
    return value.strip()[:most]


def _isbns(isbns: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for isbn in isbns:
        try:
            found[isbn13(isbn)] = None
        except InvalidIsbn:
            continue
    return tuple(found)[:MAX_ISBNS]


def _ppn(ppn: str | None) -> str | None:
    try:
        return normal_ppn(ppn) if ppn else None
    except InvalidPpn:
        return None


def _by_branch(holdings: Iterable[Held]) -> tuple[Held, ...]:
    """Add up what stands at one branch; copies that may be lent count before those that may not."""
    found: dict[str, Held] = {}
    for held in holdings:
        held = _within_bounds(held)
        other = found.get(held.branch)
        if other is None:
            if len(found) < MAX_BRANCHES:
                found[held.branch] = held
        elif other.loanable != held.loanable:
            found[held.branch] = held if held.loanable else other
        else:
            available = [each.available for each in (other, held) if each.available is not None]
            found[held.branch] = replace(
                other,
                copies=other.copies + held.copies,
                available=None if len(available) < 2 and not sum(available) else sum(available),
            )
    return tuple(found.values())


def _within_bounds(held: Held) -> Held:
    copies = min(max(held.copies, 0), MAX_COPIES)
    return replace(
        held,
        branch=_text(held.branch, MAX_NUMBER_CHARS),
        copies=copies,
        available=None if held.available is None else min(max(held.available, 0), copies),
    )
