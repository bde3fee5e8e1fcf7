"""Which title a record is about: by PPN, then by ISBN; volumes stay apart, and so does whatever is doubtful.

- A record that names itself as it did before stays where it is.
- A record with a PPN is about the title of that PPN, unless both say which volume they are and differ: then that PPN
  is not the volume's, and it goes by its ISBNs.
- A new PPN takes over the one title known by its ISBN alone, and titles known by that ISBN alone join a title that
  has the only PPN that goes with it; not so where volumes or names differ, where several would do, or where people
  said that they are different.
- A record with ISBNs alone is about the one title that they lead to, of the same volume and of a like name; where
  they lead to several with PPNs, about a title known by the ISBN alone.
- A record without any number is a title by itself.

Titles that share an ISBN and are kept apart for a doubt are listed for people (app.store.doubts). Nothing here knows
of a database: `cluster` is told the titles around the records of a page, and says what is to be changed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

# Forms that share the ISBN of the book they were made from, and are lent to other readers by another channel.
SPECIAL_FORMS = frozenset({"daisy", "braille"})
LIKE = 0.5  # more than this share of the fewer words must be in both names
STEM_CHARS = 6  # by which words are compared: endings and many a slip of the pen come later

_MARKS = re.compile("[\u0300-\u036f'’‘ʼ`]")
_WORDS = re.compile(r"[^\W_]+")
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "þ": "t"}
)
_WORDS_THAT_TELL_NOTHING = "de het een en van der den des in op te ten ter the a an of and la le les die das und"
_EMPTY_WORDS = frozenset(_WORDS.findall(_WORDS_THAT_TELL_NOTHING))
_PART_WORDS = frozenset(_WORDS.findall("deel dl d vol volume band bd part pt nr no number tome t"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """How a record names itself. `isbns` are of 13 digits, in its own order; `part` is `part_of` its volume."""

    number: str
    isbns: tuple[str, ...]
    ppn: str | None
    part: str
    title: str
    author: str


@dataclass(slots=True, kw_only=True, eq=False)
class Known:
    """A title, as far as a page of records needs it; `names` and `parts` include those of what was joined to it.

    `id` is negative for one that is new; `part` and `names` come from the first record about it.
    """

    id: int
    isbns: set[str] = field(default_factory=set)
    ppns: set[str] = field(default_factory=set)
    part: str = ""
    parts: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    author: str = ""


@dataclass(slots=True, kw_only=True)
class Plan:
    """What is to be changed. New titles have ids from -1 downwards; `joined` leads from a title to that which stays.

    `homes` leads from a record's number to its title; `isbns` and `ppns` are to be linked to titles, `parts` set.
    """

    homes: dict[str, int] = field(default_factory=dict)
    born: list[Known] = field(default_factory=list)
    isbns: list[tuple[str, int]] = field(default_factory=list)
    ppns: list[tuple[str, int]] = field(default_factory=list)
    parts: dict[int, str] = field(default_factory=dict)
    joined: dict[int, int] = field(default_factory=dict)


def folded(text: str) -> str:
    """Return text without accents, capitals and signs, as the function of that name in the database does."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text)).lower().translate(_LETTERS)
    return " ".join(_WORDS.findall(plain))


def part_of(volume: str | None, material: str) -> str:
    """Return what tells a record apart from others of its ISBN: "Deel 02" and "dl. 2" are the same part."""
    words = [word.lstrip("0") or "0" for word in folded(volume or "").split() if word not in _PART_WORDS]
    return " ".join([*words, *([material] if material in SPECIAL_FORMS else [])])[:100]


def alike(one: str, other: str) -> bool:
    """Say whether two names may be of one work; one that is not known may be any."""
    a, b = _telling(one), _telling(other)
    return not a or not b or a == b or len(a & b) > LIKE * min(len(a), len(b))


def _telling(name: str) -> frozenset[str]:
    words = set(folded(name).split())
    return frozenset(word[:STEM_CHARS] for word in words - _EMPTY_WORDS or words)


def cluster(records: Iterable[Named], titles: Sequence[Known], different: Collection[frozenset[int]]) -> Plan:
    """Say which title each record is about.

    `titles` are all that have one of the records' ISBNs or PPNs, and all that share an ISBN with one of those.

    `different` are pairs of titles that people have told apart. Nothing depends on the order of records but which of
    several names a title bears.
    """
    scene = _Scene(titles, different)
    # Those with a PPN first: what an ISBN alone means depends on the PPNs that go with it.
    for record in sorted(records, key=lambda each: (each.ppn is None, not each.isbns)):
        scene.place(record)
    return scene.plan


class _Scene:
    """The titles around a page, as they become while its records find their places."""

    def __init__(self, titles: Sequence[Known], different: Collection[frozenset[int]]) -> None:
        self.plan = Plan()
        self._different = different
        self._by_isbn: dict[str, list[Known]] = {}
        self._by_ppn: dict[str, Known] = {}
        for title in sorted(titles, key=lambda each: each.id):
            self._by_ppn |= dict.fromkeys(title.ppns, title)
            for isbn in title.isbns:
                self._by_isbn.setdefault(isbn, []).append(title)

    def place(self, record: Named) -> None:
        """Find the title of a record, or make it, and link the record's numbers to it."""
        title = self._of_ppn(record) if record.ppn else None
        if title is None:
            title = self._of_isbns(record)
        if title is None:
            title = self._new(record)
        self._call(title, record)
        for isbn in record.isbns:
            self._link(title, isbn)
        if record.ppn in title.ppns:
            self._gather(title, record.isbns)
        self.plan.homes[record.number] = title.id

    def _of_ppn(self, record: Named) -> Known | None:
        """Return the title of a record with a PPN; None where that PPN is of another volume."""
        assert record.ppn
        title = self._by_ppn.get(record.ppn)
        if title is not None:
            if not record.part or record.part in title.parts:
                return title
            if title.part:
                return None
            self._set_part(title, record.part)
            return title
        near = self._near(record)
        alone = len(near) == 1 and not near[0].ppns and self._is_free(near[0])
        title = near[0] if alone else self._new(record)
        title.ppns.add(record.ppn)
        self._by_ppn[record.ppn] = title
        self.plan.ppns.append((record.ppn, title.id))
        return title

    def _of_isbns(self, record: Named) -> Known | None:
        """Return the title that a record's ISBNs lead to; None: they lead to none, or to several with PPNs."""
        near = self._near(record)
        lone = [each for each in near if not each.ppns]
        if not lone:
            return near[0] if len(near) == 1 else None
        name = folded(record.title)
        return next((each for each in lone if name in map(folded, each.names)), lone[0])

    def _near(self, record: Named) -> list[Known]:
        """Return the titles that share an ISBN with a record, are of the same part and may be the same work."""
        return [
            title
            for title in self._around(record.isbns)
            if record.part in title.parts and any(alike(record.title, name) for name in title.names or [""])
        ]

    def _around(self, isbns: Iterable[str]) -> Iterator[Known]:
        met: set[int] = set()
        for isbn in isbns:
            for title in tuple(self._by_isbn.get(isbn, ())):
                if title.id not in met:
                    met.add(title.id)
                    yield title

    def _gather(self, kept: Known, isbns: Sequence[str]) -> None:
        """Join what is known by these ISBNs alone to the title of the only PPN that goes with them."""
        for isbn in isbns:
            others = [each for each in self._by_isbn.get(isbn, ()) if each is not kept and each.part in kept.parts]
            if len(others) != 1 or others[0].ppns:
                continue  # several, or of another PPN: none of them joins by itself
            (lone,) = others
            told_apart = frozenset({lone.id, kept.id}) in self._different
            if not told_apart and self._is_free(lone, kept) and _may_be_one(lone, kept):
                self._join(lone, kept)

    def _is_free(self, lone: Known, kept: Known | None = None) -> bool:
        """Say whether none of a title's ISBNs leads to a PPN, but to that of `kept`."""
        return not any(each.ppns and each.parts & lone.parts for each in self._around(lone.isbns) if each is not kept)

    def _join(self, gone: Known, kept: Known) -> None:
        self.plan.joined[gone.id] = kept.id
        kept.names += gone.names
        for isbn in gone.isbns:
            self._by_isbn[isbn].remove(gone)
            if kept not in self._by_isbn[isbn]:
                self._by_isbn[isbn].append(kept)
        kept.isbns |= gone.isbns

    def _new(self, record: Named) -> Known:
        title = Known(id=-1 - len(self.plan.born), part=record.part, parts={record.part}, author=record.author)
        self.plan.born.append(title)
        return title

    def _set_part(self, title: Known, part: str) -> None:
        title.part = part
        title.parts.add(part)
        if title.id > 0:
            self.plan.parts[title.id] = part

    def _link(self, title: Known, isbn: str) -> None:
        if isbn not in title.isbns:
            title.isbns.add(isbn)
            self._by_isbn.setdefault(isbn, []).append(title)
            self.plan.isbns.append((isbn, title.id))

    @staticmethod
    def _call(title: Known, record: Named) -> None:
        if record.title and record.title not in title.names:
            title.names.append(record.title)
            title.author = title.author or record.author


def _may_be_one(one: Known, other: Known) -> bool:
    """Say whether some name of each is like one of the other."""
    return any(alike(a, b) for a in one.names or [""] for b in other.names or [""])


def settled(joined: Mapping[int, int]) -> dict[int, int]:
    """Follow each title to where it ends, should what it was joined to have been joined in turn."""
    found: dict[int, int] = {}
    for gone, kept in joined.items():
        while kept in joined:
            kept = joined[kept]
        found[gone] = kept
    return found
