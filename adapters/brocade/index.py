"""Which records bear an ISBN or PPN: a bounded index in memory, built from pages of harvest.

Brocade's public interfaces find a record by its number alone, and a loan request names titles by ISBN or PPN. As long
as it does not carry the system's own number too, this is how the one leads to the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from adapters.contract import Deleted, Page, Record

NUMBERS_A_RECORD = 20  # more ISBNs than that are not one title


@dataclass(slots=True)
class TitleIndex:
    """The numbers of up to `most` records.

    `cursor` and `as_of` say how far it was read. `finished`: the end was reached once. `overflowed`: it holds fewer
    records than there are, so that what is not in it may be there all the same.
    """

    most: int
    finished: bool = False
    overflowed: bool = False
    cursor: str | None = None
    as_of: datetime | None = None
    _records: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by ISBN or PPN
    _keys: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by record

    def __len__(self) -> int:
        return len(self._keys)

    def learn(self, changes: Iterable[Record | Deleted]) -> None:
        """Take in changes, wherever they come from."""
        for change in changes:
            self._drop(change.number)
            if isinstance(change, Record):
                self._put(change)

    def take(self, page: Page) -> None:
        """Take in the page that its cursor led to. `as_of` is of the first page of its harvest."""
        self.learn(page.changes)
        self.cursor = page.cursor
        if page.cursor is None:
            self.as_of = page.as_of or self.as_of
            self.finished = True

    def lose(self) -> None:
        """Begin anew; what is known stays useful meanwhile."""
        self.cursor, self.as_of, self.finished = None, None, False

    def find(self, *, isbn: str | None, ppn: str | None) -> list[str]:
        """Return the numbers of the records that bear one of these, always in the same order."""
        return sorted({number for key in _keys((isbn,), ppn) for number in self._records.get(key, ())})

    def _put(self, record: Record) -> None:
        keys = tuple(dict.fromkeys(_keys(record.isbns, record.ppn)))[:NUMBERS_A_RECORD]
        if not keys:
            return
        if len(self._keys) >= self.most:
            self.overflowed = True
            return
        self._keys[record.number] = keys
        for key in keys:
            self._records[key] = (*self._records.get(key, ()), record.number)

    def _drop(self, number: str) -> None:
        for key in self._keys.pop(number, ()):
            others = tuple(other for other in self._records.pop(key) if other != number)
            if others:
                self._records[key] = others


def _keys(isbns: Iterable[str | None], ppn: str | None) -> Iterable[str]:
    if ppn:
        yield f"p{ppn}"
    yield from (f"i{isbn}" for isbn in isbns if isbn)
