"""Titles and copies of a Concerto-style system in our words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from adapters.concerto.holdings import Copies
from adapters.contract import Held, ItemStatus, Record, Snapshot, Title
from adapters.protocols.marc import Marc

_BEST_FIRST = (
    ItemStatus.AVAILABLE,
    ItemStatus.REQUESTABLE,
    ItemStatus.UNKNOWN,
    ItemStatus.HELD,
    ItemStatus.IN_TRANSIT,
    ItemStatus.ON_LOAN,
)


def snapshots_of(
    number: str, copies: Iterable[Copies], *, branches: Mapping[str, str], observed_at: datetime
) -> list[Snapshot]:
    """Return how copies stand, one snapshot for each that is told apart.

    Where only numbers are told, those that are not available are taken to be on loan (I: it does not say why).
    """
    found = []
    for one in copies:
        parts = [(one.status, one.count)]
        if one.available is not None:
            gone = one.status if one.status is not ItemStatus.UNKNOWN else ItemStatus.ON_LOAN
            parts = [(ItemStatus.AVAILABLE, one.available), (gone, one.count - one.available)]
        found += [
            Snapshot(
                reference=number,
                branch=one.branch,
                location=branches.get(one.branch),
                status=status,
                observed_at=observed_at,
                count=count,
                item=one.barcode,
                due=one.due if status is not ItemStatus.AVAILABLE else None,
                lendable=one.lendable,
            )
            for status, count in parts
            if count > 0
        ]
    return found


def record_of(marc: Marc, copies: Iterable[Copies], *, branches: Mapping[str, str]) -> Record:
    """Return a title with its holdings, one for every branch that has it."""
    by_branch: dict[str, list[Copies]] = {}
    for one in copies:
        by_branch.setdefault(one.branch, []).append(one)
    return Record(
        number=marc.number,
        isbns=marc.isbns,
        ppn=marc.ppn,
        title=marc.title,
        author=marc.author,
        material=marc.material,
        volume=marc.volume,
        holdings=tuple(
            Held(
                branch=branch,
                location=branches.get(branch),
                copies=sum(one.count for one in group),
                available=_available(group),
                loanable=any(one.lendable is not False for one in group),
            )
            for branch, group in by_branch.items()
            if any(one.count for one in group)
        ),
    )


def _available(group: list[Copies]) -> int | None:
    """How many stand on the shelf; None as soon as of one it is not known."""
    if any(one.available is None and one.status is ItemStatus.UNKNOWN for one in group):
        return None
    counts = (one.available if one.available is not None else one.count for one in group if _on_shelf(one))
    return sum(counts)


def _on_shelf(one: Copies) -> bool:
    return one.available is not None or one.status is ItemStatus.AVAILABLE


def is_exactly(marc: Marc, title: Title) -> bool:
    """Whether a record is of this title, and not merely something that an index found."""
    return (
        (title.isbn is not None and title.isbn in marc.isbns)
        or (title.ppn is not None and marc.ppn == title.ppn.upper())
        or (title.local is not None and marc.number == title.local)
    )


def loanable_items(snapshots: Iterable[Snapshot]) -> list[str]:
    """Return the barcodes of what may be lent, best first: what stands on the shelf before what has to come back."""
    lent = [snapshot for snapshot in snapshots if snapshot.item and snapshot.lendable is not False]
    ranks = {status: rank for rank, status in enumerate(_BEST_FIRST)}
    lent.sort(key=lambda snapshot: ranks.get(snapshot.status, len(ranks)))
    return [snapshot.item for snapshot in lent if snapshot.item]
